/* SPDX-License-Identifier: Apache-2.0 */
/* Compares a pod's wiring with what it should be. */
#include <errno.h>

#include "lib/nl/link.h"
#include "lib/podnet/wiring.h"

/* Which side of the pair, and how far it is read. */
struct side {
	struct wr_nl nl;
	const char *name;
	struct wr_link link;
};

static void side_done(struct side *s)
{
	wr_nl_close(&s->nl);
}

static int check_link(struct side *s, const uint8_t mac[6], struct wr_err *err)
{
	char have[WR_MAC_STRLEN], want[WR_MAC_STRLEN];
	int r = wr_link_get(&s->nl, s->name, 0, &s->link);

	if (r == -ENODEV)
		return wr_err_set(err, r, "interface %s is gone", s->name);
	if (r)
		return wr_err_sys(err, r, "cannot look at interface %s", s->name);
	if (!(s->link.flags & IFF_UP))
		return wr_err_set(err, -ENETDOWN, "interface %s is down", s->name);
	if (memcmp(s->link.mac, mac, sizeof(s->link.mac)) != 0)
		return wr_err_set(err, -ESTALE, "interface %s has the MAC address %s instead of %s",
				  s->name, wr_mac_format(s->link.mac, have),
				  wr_mac_format(mac, want));
	return 0;
}

static int check_addr(const struct side *s, const struct wr_naddrs *have,
		      const struct wr_addr *want, struct wr_err *err)
{
	char text[WR_ADDR_STRLEN];

	for (size_t i = 0; i < have->v.n; i++)
		if (wr_addr_eq(&have->v.v[i].prefix.addr, want))
			return 0;
	return wr_err_set(err, -ESTALE, "interface %s lacks the address %s", s->name,
			  wr_addr_format(want, text));
}

/* On another interface is well, too: the first of a pod keeps the routes. */
static int check_route(const struct side *s, const struct wr_routes *have,
		       const struct wr_route *want, struct wr_err *err)
{
	char text[WR_PREFIX_STRLEN];

	for (size_t i = 0; i < have->v.n; i++)
		if (wr_prefix_eq(&have->v.v[i].dst, &want->dst) &&
		    (have->v.v[i].ifindex != want->ifindex ||
		     wr_addr_eq(&have->v.v[i].gateway, &want->gateway)))
			return 0;
	return wr_err_set(err, -ESTALE, "interface %s lacks the route to %s", s->name,
			  wr_prefix_format(&want->dst, text));
}

static int check_routes(struct side *s, const struct wr_route *want, size_t n, struct wr_err *err)
{
	struct wr_route_filter filter = { .table = RT_TABLE_MAIN };
	wr_auto_routes have = { 0 };
	int r = wr_route_dump(&s->nl, &filter, &have);

	if (r)
		return wr_err_sys(err, r, "cannot read the routes");
	for (size_t i = 0; !r && i < n; i++)
		r = check_route(s, &have, &want[i], err);
	return r;
}

/*
 * A later plugin that gives the interface another MAC address makes the kernel forget permanent entries, too; the datapath
 * answers who the gateway is. So none is well, and another one is not.
 */
static int check_neigh(const struct side *s, const struct wr_neighs *have,
		       const struct wr_addr *want, const uint8_t mac[6], struct wr_err *err)
{
	static const uint8_t unresolved[6];
	char text[WR_ADDR_STRLEN];

	for (size_t i = 0; i < have->v.n; i++)
		if (wr_addr_eq(&have->v.v[i].addr, want) &&
		    memcmp(have->v.v[i].mac, mac, sizeof(have->v.v[i].mac)) != 0 &&
		    memcmp(have->v.v[i].mac, unresolved, sizeof(unresolved)) != 0)
			return wr_err_set(err, -ESTALE,
					  "interface %s has a wrong neighbour entry of %s", s->name,
					  wr_addr_format(want, text));
	return 0;
}

static int check_pod_tables(struct side *pod, const struct wr_podnet_family *f, size_t n,
			    struct wr_err *err)
{
	wr_auto_naddrs addrs = { 0 };
	wr_auto_neighs neighs = { 0 };
	struct wr_route routes[4];
	int r = wr_naddr_dump(&pod->nl, pod->link.ifindex, &addrs) ?:
			wr_neigh_dump(&pod->nl, pod->link.ifindex, &neighs);

	if (r)
		return wr_err_sys(err, r, "cannot read the addresses of %s", pod->name);
	for (size_t i = 0; !r && i < n; i++) {
		wr_podnet_pod_routes(&f[i], pod->link.ifindex, &routes[2 * i]);
		r = check_addr(pod, &addrs, &f[i].addr, err) ?:
			    check_neigh(pod, &neighs, &f[i].gateway, wr_podnet_host_mac, err);
	}
	return r ?: check_routes(pod, routes, 2 * n, err);
}

static int check_pod(struct side *pod, const struct wr_podnet_request *want, struct wr_err *err)
{
	struct wr_podnet_family families[2];
	size_t n = wr_podnet_families(want, families);
	uint8_t mac[6];
	int r = wr_podnet_open_inside(want->netns_fd, &pod->nl);

	if (r)
		return wr_err_sys(err, r, "cannot enter the pod's network namespace");
	wr_podnet_request_mac(want, mac);
	return check_link(pod, mac, err) ?: check_pod_tables(pod, families, n, err);
}

/* The host's table may be large: a lookup costs the same at any size. */
static int check_way(struct side *host, const struct wr_addr *addr, struct wr_err *err)
{
	char text[WR_ADDR_STRLEN];
	struct wr_route route;
	int r = wr_route_lookup(&host->nl, addr, &route);

	if (!r && route.ifindex == host->link.ifindex)
		return 0;
	return wr_err_set(err, -ESTALE, "interface %s lacks the route to %s", host->name,
			  wr_addr_format(addr, text));
}

static int check_host(struct side *host, const struct wr_podnet_request *want, uint32_t pod_ifindex,
		      struct wr_err *err)
{
	struct wr_podnet_family families[2];
	size_t n = wr_podnet_families(want, families);
	int r = wr_nl_open(&host->nl);

	if (r)
		return wr_err_sys(err, r, "cannot open a netlink socket");
	r = check_link(host, wr_podnet_host_mac, err);
	if (!r && (host->link.peer != pod_ifindex || !host->link.foreign_peer))
		r = wr_err_set(err, -ESTALE, "interface %s is not the other end of %s", host->name,
			       want->ifname);
	for (size_t i = 0; !r && i < n; i++)
		r = check_way(host, &families[i].addr, err);
	return r;
}

int wr_podnet_check(const struct wr_podnet_request *want, struct wr_err *err)
{
	wr_cleanup(side_done) struct side pod = { .nl = WR_NL_INIT, .name = want->ifname };
	wr_cleanup(side_done) struct side host = { .nl = WR_NL_INIT, .name = want->host_ifname };
	int r = check_pod(&pod, want, err);

	if (r)
		return wr_err_wrap(err, r, "in the pod");
	return check_host(&host, want, pod.link.ifindex, err);
}
