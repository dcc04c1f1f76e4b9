// SPDX-License-Identifier: Apache-2.0
/* ADD after another main plugin: finds the host side of the interface that it made. */
#include <errno.h>

#include "cni/add.h"
#include "cni/codes.h"
#include "cni/result.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/netns/netns.h"
#include "lib/nl/link.h"

static int open_inside(void *nl)
{
	return wr_nl_open(nl);
}

static int get_pod_link(const struct wr_cni_adding *a, struct wr_link *ret, struct wr_err *err)
{
	const char *ifname = a->cni->id.ifname;
	wr_auto_nl nl = WR_NL_INIT;
	int r;

	r = wr_netns_run(a->netns, open_inside, &nl);
	if (r == 0)
		r = wr_link_get(&nl, ifname, 0, ret);
	if (r < 0)
		return wr_err_sys(err, r, "interface %s of prevResult", ifname);
	if (!ret->peer || !ret->foreign_peer)
		return wr_err_set(err, -ENOTSUP,
				  "interface %s of prevResult has no other end on the host (kind \"%s\"): only a veth "
				  "pair can be chained",
				  ifname, ret->kind);
	return 0;
}

/* An index is a number of the namespace that the peer lives in; that it is ours shows by pointing back. */
static int get_host_link(const struct wr_link *pod, struct wr_link *ret, struct wr_err *err)
{
	wr_auto_nl nl = WR_NL_INIT;
	int r;

	r = wr_nl_open(&nl);
	if (r == 0)
		r = wr_link_get(&nl, NULL, pod->peer, ret);
	if (r < 0)
		return wr_err_sys(err, r, "host side of interface %s (number %u)", pod->name,
				  pod->peer);
	if (ret->peer != pod->ifindex || !ret->foreign_peer)
		return wr_err_set(err, -ENOTSUP,
				  "the other end of interface %s is not in this network namespace",
				  pod->name);
	return 0;
}

int wr_cni_adopt(struct wr_cni_adding *a, struct wr_err *err)
{
	struct wr_endpoint_record *rec = &a->rec;
	struct wr_cni_iface iface;
	struct wr_link pod = { 0 }, host = { 0 };
	int r;

	r = wr_cni_result_find(a->prev, rec->id.ifname, a->cni->env.netns, &iface, err);
	if (r < 0)
		return wr_err_wrap(err, r, "prevResult");
	r = get_pod_link(a, &pod, err);
	if (r == 0)
		r = get_host_link(&pod, &host, err);
	if (r < 0) {
		err->cni = WR_CNI_CONFIG;
		return r;
	}
	free(rec->host_ifname);
	rec->host_ifname = wr_xstrdup(host.name);
	rec->ifindex = host.ifindex;
	rec->mtu = pod.mtu;
	memcpy(rec->mac, pod.mac, sizeof(rec->mac));
	memcpy(rec->host_mac, host.mac, sizeof(rec->host_mac));
	rec->addr4 = iface.addr4;
	rec->addr6 = iface.addr6;
	wr_netns_cookie(a->netns, &rec->netns_cookie);
	return 0;
}
