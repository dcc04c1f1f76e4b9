// SPDX-License-Identifier: Apache-2.0
/* Takes away what an attachment has left: for DEL, GC, and an ADD that follows a half-done one. */
#include <errno.h>

#include "cni/agent.h"
#include "cni/codes.h"
#include "cni/plugin.h"
#include "lib/base/cleanup.h"
#include "lib/base/str.h"
#include "lib/ipam/ipam.h"
#include "lib/model/records.h"
#include "lib/podnet/podnet.h"

/* The link before its programs: an interface that is up is never without them. */
static int unwire(const struct wr_cni *cni, const struct wr_attachment *id, struct wr_err *err)
{
	char host[WR_IFNAME_SIZE];
	int r, r2;

	/* A chained one has a name of its maker's; ours then names nothing. */
	wr_attachment_host_ifname(id, host);
	r = wr_podnet_del(host, err);
	r2 = wr_cni_detach(cni->paths.pins, id, err);
	return r < 0 ? r : r2;
}

int wr_cni_remove_wiring(const struct wr_cni *cni, const struct wr_attachment *id, struct wr_err *err)
{
	const int begun = wr_cni_agent_release_begin(cni, id);
	const int r = unwire(cni, id, err), r2 = wr_cni_agent_release_end(cni, id, begun, err);

	return r < 0 ? r : r2;
}

static int release_addresses(const struct wr_cni *cni, const struct wr_attachment *id,
			     struct wr_err *err)
{
	wr_auto_ipam *ipam = NULL;
	char dir[WR_PATH_SIZE];
	int r;

	r = wr_format(dir, sizeof(dir), "%s/ipam", cni->paths.state);
	if (r < 0)
		return wr_err_sys(err, r, "%s/ipam", cni->paths.state);
	r = wr_ipam_open(dir, &ipam, err);
	if (r == 0)
		r = wr_ipam_release(ipam, id, err);
	return r < 0 ? r : 0;
}

int wr_cni_remove(const struct wr_cni *cni, const struct wr_attachment *id, struct wr_err *err)
{
	const int wiring = wr_cni_remove_wiring(cni, id, err);
	const int addresses = release_addresses(cni, id, err);
	int r = wiring < 0 ? wiring : addresses;

	if (r < 0)
		return r;
	r = wr_record_del(cni->paths.state, id);
	return r < 0 ? wr_err_sys(err, r, "cannot remove the record of container %s", id->container) :
		       0;
}
