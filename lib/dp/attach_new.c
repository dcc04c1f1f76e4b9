// SPDX-License-Identifier: Apache-2.0
/* Attaching a pod's programs to its new interface: once in the life of each pod, so in as few steps as possible. */
#include <errno.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/io.h"
#include "lib/dp/clsact.h"
#include "lib/dp/links.h"
#include "lib/dp/sys.h"
#include "lib/nl/tcf.h"

#define MAX_NEW 4

/* Descriptors of the programs until the commit; each is pinned already. */
struct fds {
	int v[MAX_NEW];
	size_t n;
};

static void fds_done(struct fds *fds)
{
	while (fds->n)
		close(fds->v[--fds->n]);
}

static int make_dir(const char *pins, const char *who, struct wr_err *err)
{
	char dir[WR_DP_PATH_SIZE];
	int r;

	r = wr_dp_link_dir(pins, who, dir);
	if (r == 0)
		r = wr_mkdirs(dir, 0700);
	return r < 0 ? wr_err_sys(err, r, "making the pin directory of %s", who) : 0;
}

/* The pin says where the filter will be: a filter that nobody knows could never be removed. */
static int pin_program(const struct wr_dp_hook *hook, struct fds *fds, struct wr_err *err)
{
	char path[WR_DP_PATH_SIZE], prog[WR_DP_PATH_SIZE];
	int fd, r;

	r = wr_dp_prog_path(hook->pins, hook->name, prog);
	if (r == 0)
		r = wr_dp_marker_path(hook, path);
	if (r < 0)
		return wr_err_sys(err, r, "pin of %s for %s below %s", hook->name, hook->who,
				  hook->pins);
	fd = wr_sys_obj_get(prog, false);
	if (fd < 0)
		return wr_err_sys(err, fd, "opening the pinned program %s", prog);
	fds->v[fds->n++] = fd;
	r = wr_sys_obj_pin(fd, path);
	if (r == -EEXIST)
		r = wr_sys_obj_repin(fd, path);
	return r < 0 ? wr_err_sys(err, r, "pinning %s", path) : 0;
}

static int attach_clsact(const char *pins, const char *who, uint32_t ifindex,
			 const struct wr_dp_program *programs, size_t n, struct wr_err *err)
{
	wr_cleanup(fds_done) struct fds fds = { 0 };
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	wr_auto_nl nl = WR_NL_INIT;
	size_t i;
	int r;

	wr_tcf_add_clsact(&b, ifindex);
	for (i = 0; i < n; i++) {
		struct wr_dp_hook hook = { .pins = pins,
					   .who = who,
					   .name = programs[i].name,
					   .ifindex = ifindex,
					   .at = programs[i].at };

		r = pin_program(&hook, &fds, err);
		if (r < 0)
			return r;
		wr_tcf_put(&b, ifindex,
			   programs[i].at == WR_ATTACH_TC_INGRESS ? WR_TCF_INGRESS : WR_TCF_EGRESS,
			   fds.v[i], programs[i].name);
	}
	r = wr_nl_open(&nl);
	return r < 0 ? wr_err_sys(err, r, "opening a netlink socket") : wr_nl_commit(&nl, &b, err);
}

static int attach_each(const char *pins, const char *who, uint32_t ifindex,
		       const struct wr_dp_program *programs, size_t n, struct wr_err *err)
{
	size_t i;
	int r = 0;

	for (i = 0; i < n && r == 0; i++)
		r = wr_dp_attach_tc(pins, who, programs[i].name, ifindex, programs[i].at, true, err);
	return r;
}

int wr_dp_attach_new(const char *pins, const char *who, uint32_t ifindex,
		     const struct wr_dp_program *programs, size_t n, bool tcx, struct wr_err *err)
{
	int r;

	if (n > MAX_NEW)
		return wr_err_set(err, -E2BIG, "%zu programs are too many for one interface", n);
	r = make_dir(pins, who, err);
	if (r == 0)
		r = tcx ? attach_each(pins, who, ifindex, programs, n, err) :
			  attach_clsact(pins, who, ifindex, programs, n, err);
	if (r < 0)
		wr_dp_detach(pins, who, NULL);
	return r;
}
