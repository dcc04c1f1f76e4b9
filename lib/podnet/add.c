/* SPDX-License-Identifier: Apache-2.0 */
/* Makes and removes a pod's interface pair and all that hangs on it, in three batches. */
#include <errno.h>
#include <net/if.h>

#include "lib/base/str.h"
#include "lib/netns/netns.h"
#include "lib/nl/link.h"
#include "lib/nl/sysctl.h"
#include "lib/podnet/wiring.h"

#define LOOPBACK_IFINDEX 1 /* in every namespace */

struct wiring {
	const struct wr_podnet_request *req;
	struct wr_podnet_family families[2];
	size_t n;
	struct wr_nl host, pod;
	uint8_t mac[6];
	struct wr_link near; /* the host side, once made */
};

static void wiring_done(struct wiring *w)
{
	wr_nl_close(&w->pod);
	wr_nl_close(&w->host);
}

static int wiring_init(struct wiring *w, const struct wr_podnet_request *req, struct wr_err *err)
{
	int r;

	w->req = req;
	w->n = wr_podnet_families(req, w->families);
	if (!w->n)
		return wr_err_set(err, -EINVAL, "the pod has no address");
	wr_podnet_request_mac(req, w->mac);
	r = wr_nl_open(&w->host);
	if (r)
		return wr_err_sys(err, r, "cannot open a netlink socket");
	r = wr_podnet_open_inside(req->netns_fd, &w->pod);
	if (r)
		return wr_err_sys(err, r, "cannot enter the pod's network namespace");
	return 0;
}

static int take_near(void *ctx, const struct nlmsghdr *msg)
{
	return wr_link_decode(msg, ctx);
}

static int make_pair(struct wiring *w, struct wr_err *err)
{
	struct wr_veth_end near = { .name = w->req->host_ifname, .netns_fd = -1 };
	struct wr_veth_end far = { .name = w->req->ifname, .netns_fd = w->req->netns_fd };
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;

	memcpy(near.mac, wr_podnet_host_mac, sizeof(near.mac));
	memcpy(far.mac, w->mac, sizeof(far.mac));
	wr_link_add_veth(&b, &near, &far, w->req->mtu);
	wr_link_ask(&b, near.name);
	return wr_nl_commit_get(&w->host, &b, take_near, &w->near, err);
}

/* A name is taken: the pod's is the caller's fault, the host's is what an earlier attempt left. */
static int make_pair_again(struct wiring *w, struct wr_err *err)
{
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	struct wr_link link;
	int r = wr_link_get(&w->pod, w->req->ifname, 0, &link);

	if (!r)
		return wr_err_set(err, -EEXIST, "the pod has an interface %s already",
				  w->req->ifname);
	if (r != -ENODEV)
		return wr_err_sys(err, r, "cannot look for %s in the pod", w->req->ifname);
	wr_link_del(&b, w->req->host_ifname);
	r = wr_nl_commit(&w->host, &b, err);
	return r ?: make_pair(w, err);
}

/* A pod with several interfaces keeps the routes of the first. */
static void put_pod_family(struct wr_nl_batch *b, const struct wr_podnet_family *f, uint32_t ifindex)
{
	struct wr_naddr addr = { .ifindex = ifindex, .prefix = wr_prefix_of(&f->addr) };
	struct wr_route routes[2];

	wr_naddr_put(b, &addr);
	wr_neigh_put(b, ifindex, &f->gateway, wr_podnet_host_mac);
	wr_podnet_pod_routes(f, ifindex, routes);
	wr_route_add(b, &routes[0], WR_NL_MAY_EXIST);
	wr_route_add(b, &routes[1], WR_NL_MAY_EXIST);
}

static int wire_pod_once(struct wiring *w, struct wr_err *err)
{
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	uint32_t ifindex = w->near.peer;
	int r;

	wr_link_set_up(&b, LOOPBACK_IFINDEX, true);
	wr_link_set_addrgen_none(&b, ifindex);
	wr_link_set_up(&b, ifindex, true);
	for (size_t i = 0; i < w->n; i++)
		put_pod_family(&b, &w->families[i], ifindex);
	r = wr_nl_commit(&w->pod, &b, err);
	return r ? wr_err_wrap(err, r, "in the pod") : 0;
}

static int enable_ipv6(const char *ifname)
{
	char name[64];

	return wr_format(name, sizeof(name), "ipv6/conf/%s/disable_ipv6", ifname) ?:
		       wr_sysctl_set(name, "0");
}

static int enable_ipv6_in_pod(void *arg)
{
	const struct wiring *w = arg;

	return enable_ipv6(w->req->ifname);
}

/*
 * Hosts that set net.ipv6.conf.default.disable_ipv6 mean interfaces of their own, but new ones and new namespaces get it, too.
 * The kernel then answers -EACCES to the first address.
 */
static int wire_pod(struct wiring *w, struct wr_err *err)
{
	struct wr_err first = WR_ERR_INIT;
	int r = wire_pod_once(w, &first);

	if (r == -EACCES && !wr_netns_run(w->req->netns_fd, enable_ipv6_in_pod, w))
		return wire_pod_once(w, err);
	return r ? wr_err_set(err, r, "%s", first.msg) : 0;
}

static void put_host_family(struct wr_nl_batch *b, const struct wr_podnet_family *f,
			    uint32_t ifindex, const uint8_t mac[6])
{
	struct wr_route route = wr_podnet_host_route(f, ifindex);

	wr_route_put(b, &route); /* first: fails with -EACCES where IPv6 is off, a neighbour with -EINVAL */
	wr_neigh_put(b, ifindex, &f->addr, mac);
}

static int wire_host_once(struct wiring *w, struct wr_err *err)
{
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;

	wr_link_set_addrgen_none(&b, w->near.ifindex);
	wr_link_set_up(&b, w->near.ifindex, true);
	for (size_t i = 0; i < w->n; i++)
		put_host_family(&b, &w->families[i], w->near.ifindex, w->mac);
	return wr_nl_commit(&w->host, &b, err);
}

static int wire_host(struct wiring *w, struct wr_err *err)
{
	struct wr_err first = WR_ERR_INIT;
	int r = wire_host_once(w, &first);

	if (r == -EACCES && !enable_ipv6(w->req->host_ifname))
		return wire_host_once(w, err);
	return r ? wr_err_set(err, r, "%s", first.msg) : 0;
}

static void undo(struct wiring *w)
{
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;

	wr_link_del(&b, w->req->host_ifname);
	wr_nl_commit(&w->host, &b, NULL);
}

static int wire(struct wiring *w, struct wr_err *err)
{
	struct wr_err first = WR_ERR_INIT;
	int r = make_pair(w, &first);

	if (r == -EEXIST)
		r = make_pair_again(w, err);
	else if (r)
		wr_err_set(err, r, "%s", first.msg);
	if (r)
		return r;

	r = wire_pod(w, err) ?: wire_host(w, err);
	if (r)
		undo(w);
	return r;
}

int wr_podnet_add(const struct wr_podnet_request *req, struct wr_podnet_result *ret,
		  struct wr_err *err)
{
	wr_cleanup(wiring_done) struct wiring w = { .host = WR_NL_INIT, .pod = WR_NL_INIT };
	int r = wiring_init(&w, req, err) ?: wire(&w, err);

	if (r)
		return wr_err_wrap(err, r, "interface %s of the pod", req->ifname);
	*ret = (struct wr_podnet_result){
		.host_ifindex = w.near.ifindex,
		.ifindex = w.near.peer,
	};
	memcpy(ret->mac, w.mac, sizeof(ret->mac));
	memcpy(ret->host_mac, wr_podnet_host_mac, sizeof(ret->host_mac));
	wr_netns_socket_cookie(w.pod.fd, &ret->netns_cookie);
	return 0;
}

int wr_podnet_del(const char *host_ifname, struct wr_err *err)
{
	wr_auto_nl nl = WR_NL_INIT;
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	int r;

	/* Asked without the lock of all of rtnetlink: what is left to do of a link that went a moment ago is done under it. */
	if (!if_nametoindex(host_ifname) && errno == ENODEV)
		return 0;
	r = wr_nl_open(&nl);
	if (r)
		return wr_err_sys(err, r, "cannot open a netlink socket");
	wr_link_del(&b, host_ifname);
	return wr_nl_commit(&nl, &b, err);
}

int wr_podnet_host_routes(const struct wr_podnet_request *req, uint32_t host_ifindex,
			  struct wr_err *err)
{
	wr_cleanup(wiring_done) struct wiring w = {
		.req = req,
		.host = WR_NL_INIT,
		.pod = WR_NL_INIT,
		.near = { .ifindex = host_ifindex },
	};
	int r = wr_nl_open(&w.host);

	if (r)
		return wr_err_sys(err, r, "cannot open a netlink socket");
	w.n = wr_podnet_families(req, w.families);
	wr_podnet_request_mac(req, w.mac);
	return wire_host(&w, err);
}
