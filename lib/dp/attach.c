/* SPDX-License-Identifier: Apache-2.0 */
/* Attaching pinned programs to interfaces: what the plugin does for a pod and the agent for uplinks. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/io.h"
#include "lib/base/str.h"
#include "lib/dp/clsact.h"
#include "lib/dp/links.h"
#include "lib/dp/sys.h"

#define MAX_PROGS 64 /* the kernel's limit of programs on one tcx hook */

/* What one call is about; paths are worked out once. */
struct place {
	struct wr_dp_hook hook;
	uint32_t attach_type;
	char path[WR_DP_PATH_SIZE];
	char prog_path[WR_DP_PATH_SIZE];
};

static const char *at_name(enum wr_attach at)
{
	return at == WR_ATTACH_TC_INGRESS ? "ingress" : "egress";
}

static int place_init(struct place *p, bool tcx, struct wr_err *err)
{
	struct wr_dp_hook *h = &p->hook;
	int r;

	p->attach_type = h->at == WR_ATTACH_TC_INGRESS ? WR_SYS_TCX_INGRESS : WR_SYS_TCX_EGRESS;
	r = wr_dp_prog_path(h->pins, h->name, p->prog_path);
	if (r == 0)
		r = tcx ? wr_dp_link_path(h->pins, h->who, h->name, p->path) :
			  wr_dp_marker_path(h, p->path);
	if (r < 0)
		return wr_err_sys(err, r, "pin of %s for %s below %s", h->name, h->who, h->pins);
	return 0;
}

static int open_prog(const struct place *p, struct wr_err *err)
{
	int fd;

	fd = wr_sys_obj_get(p->prog_path, false);
	if (fd < 0)
		return wr_err_sys(err, fd, "opening the pinned program %s", p->prog_path);
	return fd;
}

/* 1: the pinned link is this place's and runs @prog_fd now; 0: there is none, or one of another place, which was removed. */
static int take_link(const struct place *p, int prog_fd)
{
	struct wr_sys_link link;
	wr_autofd int fd = -1;
	int r;

	fd = wr_sys_obj_get(p->path, false);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	r = wr_sys_link_info(fd, &link);
	if (r < 0)
		return r;
	if (link.type == WR_SYS_LINK_TCX && link.ifindex == p->hook.ifindex &&
	    link.attach_type == p->attach_type) {
		r = wr_sys_link_update(fd, prog_fd);
		return r < 0 ? r : 1;
	}
	wr_sys_link_detach(fd);
	return unlink(p->path) < 0 && errno != ENOENT ? -errno : 0;
}

/* -EEXIST: somebody else has pinned there meanwhile. */
static int make_link(const struct place *p, int prog_fd, struct wr_err *err)
{
	wr_autofd int fd = -1;
	int r;

	fd = wr_sys_tcx_link(prog_fd, p->hook.ifindex, p->attach_type);
	if (fd < 0)
		return wr_err_sys(err, fd, "attaching %s to %s of interface %u", p->hook.name,
				  at_name(p->hook.at), p->hook.ifindex);
	r = wr_sys_obj_pin(fd, p->path); /* outlives the process */
	if (r < 0 && r != -EEXIST)
		wr_err_sys(err, r, "pinning %s", p->path);
	return r;
}

static int make_dir(const struct place *p, char dir[WR_DP_PATH_SIZE], struct wr_err *err)
{
	int r;

	r = wr_dp_link_dir(p->hook.pins, p->hook.who, dir);
	if (r == 0)
		r = wr_mkdirs(dir, 0700);
	if (r < 0)
		return wr_err_sys(err, r, "making the pin directory of %s", p->hook.who);
	return 0;
}

static int attach_tcx(const struct place *p, int prog_fd, struct wr_err *err)
{
	int tries, r = -EEXIST;

	/* The agent and the plugin may attach the same at once: the one who pins second finds the other's link. */
	for (tries = 0; r == -EEXIST && tries < 10; tries++) {
		r = take_link(p, prog_fd);
		if (r < 0)
			return wr_err_sys(err, r, "updating the pinned link %s", p->path);
		if (r > 0)
			return 0;
		r = make_link(p, prog_fd, err);
	}
	return r < 0 ? wr_err_sys(err, r, "pinning %s", p->path) : 0;
}

static bool is_filtered(const struct place *p, int prog_fd)
{
	struct wr_sys_prog prog;
	uint32_t id;

	return access(p->path, F_OK) == 0 && wr_sys_prog_info(prog_fd, &prog) == 0 &&
	       wr_clsact_get(p->hook.ifindex, p->hook.at, &id) == 0 && id == prog.id;
}

static int attach_clsact(const struct place *p, int prog_fd, struct wr_err *err)
{
	int r;

	if (is_filtered(p, prog_fd))
		return 0;
	/* The pin first: a filter that nobody knows could never be removed. */
	r = wr_sys_obj_repin(prog_fd, p->path);
	if (r < 0)
		return wr_err_sys(err, r, "pinning %s", p->path);
	r = wr_clsact_put(p->hook.ifindex, p->hook.at, prog_fd, p->hook.name, err);
	if (r < 0)
		unlink(p->path);
	return r;
}

/* Where the program hung before: another interface, or this one by the other means. */
static int remove_former(void *ctx, const struct wr_dp_hook *hook)
{
	const struct place *p = ctx;

	if (!wr_streq(hook->name, p->hook.name) || wr_streq(hook->path, p->path))
		return 0;
	return wr_dp_hook_remove(hook);
}

int wr_dp_attach_tc(const char *pins, const char *who, const char *prog, uint32_t ifindex,
		    enum wr_attach at, bool tcx, struct wr_err *err)
{
	struct place p = {
		.hook = { .pins = pins, .who = who, .name = prog, .ifindex = ifindex, .at = at },
	};
	char dir[WR_DP_PATH_SIZE];
	wr_autofd int prog_fd = -1;
	int r;

	r = place_init(&p, tcx, err);
	if (r < 0)
		return r;
	prog_fd = open_prog(&p, err);
	if (prog_fd < 0)
		return prog_fd;
	r = make_dir(&p, dir, err);
	if (r < 0)
		return r;
	r = tcx ? attach_tcx(&p, prog_fd, err) : attach_clsact(&p, prog_fd, err);
	if (r < 0) {
		rmdir(dir); /* stays when it holds anything */
		return r;
	}
	/* Only now: at no time does a packet pass unjudged. */
	r = wr_dp_each_hook(pins, who, remove_former, &p);
	return r < 0 ? wr_err_sys(err, r, "detaching %s from where it was", prog) : 0;
}

/* Does the interface run this program? Asked of the interface, not of our pin. */
static int runs_there(const struct place *p, bool tcx, uint32_t prog_id)
{
	uint32_t ids[MAX_PROGS], n = MAX_PROGS, i;
	int r;

	if (!tcx) {
		r = wr_clsact_get(p->hook.ifindex, p->hook.at, ids);
		return r < 0 ? r : (ids[0] == prog_id ? 0 : -ESTALE);
	}
	r = wr_sys_tcx_query(p->hook.ifindex, p->attach_type, ids, &n);
	if (r < 0)
		return r;
	for (i = 0; i < n && i < MAX_PROGS; i++)
		if (ids[i] == prog_id)
			return 0;
	return n ? -ESTALE : -ENOENT;
}

int wr_dp_check_tc(const char *pins, const char *who, const char *prog, uint32_t ifindex,
		   enum wr_attach at, bool tcx, struct wr_err *err)
{
	struct place p = {
		.hook = { .pins = pins, .who = who, .name = prog, .ifindex = ifindex, .at = at },
	};
	wr_autofd int prog_fd = -1;
	struct wr_sys_prog info;
	int r;

	r = place_init(&p, tcx, err);
	if (r < 0)
		return r;
	prog_fd = open_prog(&p, err);
	if (prog_fd < 0)
		return prog_fd;
	if (access(p.path, F_OK) < 0)
		return wr_err_set(err, -ENOENT, "%s of %s is not pinned at %s", prog, who, p.path);
	r = wr_sys_prog_info(prog_fd, &info);
	if (r == 0)
		r = runs_there(&p, tcx, info.id);
	if (r == -ENOENT || r == -ENODEV)
		return wr_err_set(err, -ENOENT, "%s is not attached to %s of interface %u", prog,
				  at_name(at), ifindex);
	if (r == -ESTALE)
		return wr_err_set(err, r,
				  "%s of interface %u runs another program than the pinned %s",
				  at_name(at), ifindex, prog);
	return r < 0 ? wr_err_sys(err, r, "asking what interface %u runs", ifindex) : 0;
}

static int remove_one(void *ctx, const struct wr_dp_hook *hook)
{
	return wr_dp_hook_remove(hook);
}

int wr_dp_detach(const char *pins, const char *who, struct wr_err *err)
{
	char dir[WR_DP_PATH_SIZE];
	int r;

	r = wr_dp_each_hook(pins, who, remove_one, NULL);
	if (r == 0)
		r = wr_dp_link_dir(pins, who, dir);
	if (r == 0 && rmdir(dir) < 0 && errno != ENOENT)
		r = -errno;
	return r < 0 ? wr_err_sys(err, r, "detaching %s below %s", who, pins) : 0;
}

struct find {
	const char *name;
	uint32_t ifindex;
};

static int find_ifindex(void *ctx, const struct wr_dp_hook *hook)
{
	struct find *f = ctx;
	struct wr_sys_link link;
	wr_autofd int fd = -1;
	uint32_t prog_id;
	int r;

	if (!wr_streq(hook->name, f->name))
		return 0;
	if (hook->ifindex) {
		f->ifindex = wr_clsact_get(hook->ifindex, hook->at, &prog_id) == 0 ? hook->ifindex :
										     0;
		return 1;
	}
	fd = wr_sys_obj_get(hook->path, false); /* links open no other way */
	if (fd < 0)
		return fd;
	r = wr_sys_link_info(fd, &link);
	if (r < 0)
		return r;
	f->ifindex = link.ifindex;
	return 1;
}

int wr_dp_attached_ifindex(const char *pins, const char *who, const char *hook, uint32_t *ret)
{
	struct find f = { .name = hook };
	int r;

	r = wr_dp_each_hook(pins, who, find_ifindex, &f);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	*ret = f.ifindex;
	return 0;
}
