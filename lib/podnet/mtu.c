// SPDX-License-Identifier: Apache-2.0
/* Changes the MTU of a pod that runs. */
#include "lib/netns/netns.h"
#include "lib/nl/link.h"
#include "lib/nl/sysctl.h"
#include "lib/podnet/wiring.h"

static int set_one(struct wr_nl *nl, uint32_t ifindex, uint32_t mtu, struct wr_err *err)
{
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;

	wr_link_set_mtu(&b, ifindex, mtu);
	return wr_nl_commit(nl, &b, err);
}

/* A veth's end refuses what is larger than its own MTU: the receiver grows first, the sender shrinks first. */
static int set_both(struct wr_nl *host, struct wr_nl *pod, const struct wr_link *near, uint32_t mtu,
		    struct wr_err *err)
{
	bool grows = mtu > near->mtu;
	int r = grows ? set_one(host, near->ifindex, mtu, err) : 0;

	if (r == 0)
		r = set_one(pod, near->peer, mtu, err);
	if (r == 0 && !grows)
		r = set_one(host, near->ifindex, mtu, err);
	return r;
}

/* Or what paths were said to carry, while the interface was narrow, binds for ten minutes more. IPv6 raises that by itself. */
static int forget_paths(void *arg)
{
	return wr_sysctl_set("ipv4/route/flush", "1");
}

int wr_podnet_set_mtu(int netns_fd, const struct wr_link *near, uint32_t mtu, struct wr_err *err)
{
	struct wr_nl host = WR_NL_INIT, pod = WR_NL_INIT;
	int r = wr_nl_open(&host);

	if (r == 0)
		r = wr_podnet_open_inside(netns_fd, &pod);
	r = r ? wr_err_sys(err, r, "netlink") : set_both(&host, &pod, near, mtu, err);
	if (r == 0 && mtu > near->mtu)
		(void)wr_netns_run(netns_fd, forget_paths, NULL);
	wr_nl_close(&pod);
	wr_nl_close(&host);
	return r;
}
