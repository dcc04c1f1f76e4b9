/* SPDX-License-Identifier: Apache-2.0 */
/* What is pinned: maps and programs are pinned over, links are updated, what was replaced is removed. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/io.h"
#include "lib/base/str.h"
#include "lib/dp/clsact.h"
#include "lib/dp/load.h"

static void closedir_p(DIR **d)
{
	if (*d)
		closedir(*d);
}

/* The old one stays pinned aside until it has drained: a killed load must be able to find it. */
static int pin_map(struct wr_load *l, enum wr_map map)
{
	char path[WR_DP_PATH_SIZE], old[WR_DP_PATH_SIZE];
	int r;

	if (l->maps[map].is_pinned || l->dp->fds[map] < 0)
		return 0;
	r = wr_plan_path(l->opt->pins, map, path);
	if (r == 0)
		r = wr_plan_old_path(l->opt->pins, map, old);
	if (r < 0)
		return r;
	if (l->maps[map].old_fd >= 0 && rename(path, old) < 0 && errno != ENOENT)
		return -errno;
	return wr_sys_obj_repin(l->dp->fds[map], path);
}

static int pin_prog(struct wr_load *l, const struct wr_dp_prog *prog)
{
	char path[WR_DP_PATH_SIZE];
	int r;

	r = wr_dp_prog_path(l->opt->pins, prog->name, path);
	return r < 0 ? r : wr_sys_obj_repin(prog->fd, path);
}

int wr_pins_write(struct wr_load *l, struct wr_err *err)
{
	char old[WR_DP_PATH_SIZE];
	size_t i;
	int r;

	r = wr_format(old, sizeof(old), "%s/maps_old", l->opt->pins);
	if (r == 0)
		r = wr_mkdirs(old, 0700);
	if (r < 0)
		return wr_err_sys(err, r, "making %s", old);
	for (i = 0; i < WR_MAP_MAX; i++) {
		r = pin_map(l, (enum wr_map)i);
		if (r < 0)
			return wr_err_sys(err, r, "pinning map %s", wr_map_name((enum wr_map)i));
	}
	for (i = 0; i < l->dp->progs.n; i++) {
		r = pin_prog(l, &l->dp->progs.v[i]);
		if (r < 0)
			return wr_err_sys(err, r, "pinning program %s", l->dp->progs.v[i].name);
	}
	return 0;
}

struct update {
	struct wr_load *l;
	struct wr_err *err;
};

static int update_filter(const struct wr_dp_hook *hook, int prog, struct wr_err *err)
{
	struct wr_sys_prog info;
	uint32_t id;
	int r;

	/* Gone with its device, or never made: whoever attaches makes it anew. */
	r = wr_clsact_get(hook->ifindex, hook->at, &id);
	if (r < 0)
		return r == -ENOENT || r == -ENODEV ? 0 : r;
	r = wr_sys_prog_info(prog, &info);
	if (r < 0 || info.id == id)
		return r;
	r = wr_clsact_put(hook->ifindex, hook->at, prog, hook->name, err);
	return r < 0 ? r : wr_sys_obj_repin(prog, hook->path);
}

static int update_link(const struct wr_dp_hook *hook, int prog)
{
	wr_autofd int fd = wr_sys_obj_get(hook->path, false);
	int r;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	r = wr_sys_link_update(fd, prog);
	return r == -ENOLINK ? 0 : r; /* its device or cgroup is gone */
}

/* A hook whose program this build does not have is taken off. */
static int update_hook(void *ctx, const struct wr_dp_hook *hook)
{
	const struct update *u = ctx;
	int prog = wr_dp_prog_fd(u->l->dp, hook->name), r;

	if (prog < 0)
		r = wr_dp_hook_remove(hook);
	else if (hook->ifindex)
		r = update_filter(hook, prog, u->err);
	else
		r = update_link(hook, prog);
	return r < 0 ? wr_err_sys(u->err, r, "updating %s of %s", hook->name, hook->who) : 0;
}

/* The pin of another ABI becomes ours; the link does not notice. */
static int take_over_hook(void *ctx, const struct wr_dp_hook *hook)
{
	const struct update *u = ctx;
	char dir[WR_DP_PATH_SIZE], path[WR_DP_PATH_SIZE];
	const char *name = strrchr(hook->path, '/') + 1;
	int r;

	r = update_hook(ctx, hook);
	if (r == 0)
		r = wr_dp_link_dir(u->l->opt->pins, hook->who, dir);
	if (r == 0)
		r = wr_mkdirs(dir, 0700);
	if (r == 0)
		r = wr_format(path, sizeof(path), "%s/%s", dir, name);
	if (r < 0)
		return wr_err_sys(u->err, r, "taking over %s", hook->path);
	if (rename(hook->path, path) < 0 && errno != ENOENT)
		return wr_err_sys(u->err, -errno, "renaming %s", hook->path);
	return 0;
}

int wr_pins_update_links(struct wr_load *l, struct wr_err *err)
{
	struct update u = { l, err };
	int r = 0;

	if (l->other[0])
		r = wr_dp_each_hook(l->other, NULL, take_over_hook, &u);
	if (r == 0)
		r = wr_dp_each_hook(l->opt->pins, NULL, update_hook, &u);
	l->in_force = r == 0;
	return r;
}

/* Programs that earlier builds had. */
static int remove_stale_progs(struct wr_load *l)
{
	wr_cleanup(closedir_p) DIR *d = NULL;
	char path[WR_DP_PATH_SIZE];
	struct dirent *e;
	int r;

	r = wr_dp_prog_path(l->opt->pins, "", path);
	d = r < 0 ? NULL : opendir(path);
	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.' || wr_dp_prog_fd(l->dp, e->d_name) >= 0)
			continue;
		r = wr_dp_prog_path(l->opt->pins, e->d_name, path);
		if (r == 0 && unlink(path) < 0 && errno != ENOENT)
			return -errno;
	}
	return r;
}

int wr_pins_tidy(struct wr_load *l, struct wr_err *err)
{
	char old[WR_DP_PATH_SIZE];
	int r;

	r = wr_format(old, sizeof(old), "%s/maps_old", l->opt->pins);
	if (r == 0)
		r = wr_remove_tree(old);
	if (r == 0)
		r = remove_stale_progs(l);
	if (r == 0 && l->other[0])
		r = wr_remove_tree(l->other);
	return r < 0 ? wr_err_sys(err, r, "removing what was replaced below %s", l->opt->pins) : 0;
}

static int remove_hook(void *ctx, const struct wr_dp_hook *hook)
{
	return wr_dp_hook_remove(hook);
}

int wr_dp_uninstall(const char *pins_root, struct wr_err *err)
{
	wr_cleanup(closedir_p) DIR *d = opendir(pins_root);
	char pins[WR_DP_PATH_SIZE];
	struct dirent *e;
	int r = 0;

	if (!d)
		return errno == ENOENT ? 0 : wr_err_sys(err, -errno, "opening %s", pins_root);
	while (r == 0 && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		r = wr_format(pins, sizeof(pins), "%s/%s", pins_root, e->d_name);
		if (r == 0)
			r = wr_dp_each_hook(pins, NULL, remove_hook, NULL);
	}
	if (r == 0)
		r = wr_remove_tree(pins_root);
	return r < 0 ? wr_err_sys(err, r, "removing what is pinned below %s", pins_root) : 0;
}
