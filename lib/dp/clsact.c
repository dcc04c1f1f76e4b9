/* SPDX-License-Identifier: Apache-2.0 */
/* Programs on kernels without tcx: filters that netlink puts on the clsact queueing discipline. */
#include "lib/dp/clsact.h"

#include <errno.h>

#include "lib/base/str.h"
#include "lib/dp/sys.h"
#include "lib/nl/tcf.h"

static enum wr_tcf_side side_of(enum wr_attach at)
{
	return at == WR_ATTACH_TC_INGRESS ? WR_TCF_INGRESS : WR_TCF_EGRESS;
}

int wr_clsact_put(uint32_t ifindex, enum wr_attach at, int prog_fd, const char *name,
		  struct wr_err *err)
{
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	wr_auto_nl nl = WR_NL_INIT;
	int r;

	r = wr_nl_open(&nl);
	if (r < 0)
		return wr_err_sys(err, r, "opening a netlink socket");
	wr_tcf_add_clsact(&b, ifindex);
	wr_tcf_put(&b, ifindex, side_of(at), prog_fd, name);
	return wr_nl_commit(&nl, &b, err);
}

int wr_clsact_get(uint32_t ifindex, enum wr_attach at, uint32_t *ret_prog_id)
{
	wr_auto_nl nl = WR_NL_INIT;
	int r;

	r = wr_nl_open(&nl);
	return r < 0 ? r : wr_tcf_get(&nl, ifindex, side_of(at), ret_prog_id);
}

/*
 * Is it ours? A load that was killed may have replaced the filter and not the pin, or the other way round: then the
 * programs differ and bear the same name.
 */
static bool is_same(uint32_t id, int prog_fd)
{
	struct wr_sys_prog pinned, there;
	wr_autofd int fd = -1;

	if (wr_sys_prog_info(prog_fd, &pinned) < 0)
		return false;
	if (pinned.id == id)
		return true;
	fd = wr_sys_prog_by_id(id);
	return fd >= 0 && wr_sys_prog_info(fd, &there) == 0 && wr_streq(there.name, pinned.name);
}

int wr_clsact_del(uint32_t ifindex, enum wr_attach at, int prog_fd)
{
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	wr_auto_nl nl = WR_NL_INIT;
	uint32_t id;
	int r;

	r = wr_clsact_get(ifindex, at, &id);
	if (r < 0 || !is_same(id, prog_fd)) /* gone, or somebody else's by now */
		return r == -ENOENT || r == -ENODEV ? 0 : r;
	r = wr_nl_open(&nl);
	if (r < 0)
		return r;
	wr_tcf_del(&b, ifindex, side_of(at));
	return wr_nl_commit(&nl, &b, NULL);
}
