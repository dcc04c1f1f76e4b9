/* SPDX-License-Identifier: Apache-2.0 */
/* Attaching the socket hooks to a cgroup2 directory. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/io.h"
#include "lib/dp/private.h"

#define WHO "cgroup"

/* The cgroup's id is the inode number of its directory. */
struct target {
	int fd;
	uint64_t id;
	const char *path;
};

static void target_done(struct target *t)
{
	wr_close_p(&t->fd);
}

static int open_target(const char *path, struct target *ret, struct wr_err *err)
{
	struct stat st;

	ret->path = path;
	ret->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (ret->fd < 0 || fstat(ret->fd, &st) < 0)
		return wr_err_sys(err, -errno, "opening the cgroup directory %s", path);
	ret->id = st.st_ino;
	return 0;
}

/* 1: the pinned link is this cgroup's and runs the program now; 0: there is none, or one of another cgroup, now removed. */
static int take_link(const char *path, const struct wr_dp_prog *prog, uint64_t cgroup_id)
{
	struct wr_sys_link link;
	wr_autofd int fd = wr_sys_obj_get(path, false);
	int r;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	r = wr_sys_link_info(fd, &link);
	if (r < 0)
		return r;
	if (link.cgroup_id == cgroup_id && link.attach_type == prog->attach_type) {
		r = wr_sys_link_update(fd, prog->fd);
		return r < 0 ? r : 1;
	}
	wr_sys_link_detach(fd);
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

static int attach(struct wr_dp *dp, const struct wr_dp_prog *prog, const struct target *t)
{
	char path[WR_DP_PATH_SIZE];
	wr_autofd int fd = -1;
	int r;

	r = wr_dp_link_path(dp->pins, WHO, prog->name, path);
	if (r == 0)
		r = take_link(path, prog, t->id);
	if (r)
		return r < 0 ? r : 0;
	fd = wr_sys_cgroup_link(prog->fd, t->fd, prog->attach_type);
	return fd < 0 ? fd : wr_sys_obj_pin(fd, path); /* outlives the process */
}

int wr_dp_attach_cgroup(struct wr_dp *dp, const char *path, struct wr_err *err)
{
	char dir[WR_DP_PATH_SIZE];
	wr_cleanup(target_done) struct target t = { .fd = -1 };
	size_t i;
	int r;

	if (!dp->pins)
		return wr_err_set(err, -EINVAL, "socket hooks need a pin directory");
	r = open_target(path, &t, err);
	if (r < 0)
		return r;
	r = wr_dp_link_dir(dp->pins, WHO, dir);
	if (r == 0)
		r = wr_mkdirs(dir, 0700);
	if (r < 0)
		return wr_err_sys(err, r, "making the pin directory of the socket hooks");
	for (i = 0; i < dp->progs.n; i++) {
		r = dp->progs.v[i].cgroup ? attach(dp, &dp->progs.v[i], &t) : 0;
		if (r < 0)
			return wr_err_sys(err, r, "attaching %s to %s", dp->progs.v[i].name, path);
	}
	return 0;
}
