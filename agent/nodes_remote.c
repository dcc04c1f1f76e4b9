// SPDX-License-Identifier: Apache-2.0
/* Other nodes: the way to each, as next hops, peers rows, kernel routes and neighbours. */
#include <errno.h>
#include <string.h>

#include "agent/log.h"
#include "agent/nodes_private.h"
#include "agent/peers.h"
#include "lib/base/cleanup.h"
#include "lib/dp/tables.h"

/*
 * The first address of each family leads to pods of that family; where it is missing, there or here, the other family carries
 * them. Both nodes come to the same, so each knows which source the other's packets have.
 */
static const struct wr_addr *outer_addr(const struct wr_nodes *n, const struct wr_node_entry *e,
					enum wr_family f)
{
	const struct wr_addr *own = n->own.addr;
	bool missing_here = wr_addr_is_zero(&own[f]) && !wr_addr_is_zero(&own[!f]);

	return missing_here || wr_addr_is_zero(&e->facts.addr[f]) ? &e->facts.addr[!f] :
								    &e->facts.addr[f];
}

/* The MAC of its overlay device is computed from the address that comes first. */
static void overlay_mac(const struct wr_node_facts *f, uint8_t ret[6])
{
	wr_node_mac(wr_addr_is_zero(&f->addr[WR_V4]) ? &f->addr[WR_V6] : &f->addr[WR_V4], ret);
}

/* The kernel forgets a path's MTU after a while; the next look finds the route as it was. */
static uint32_t outer_mtu(struct wr_nodes *n, struct wr_node_entry *e, const struct wr_addr *outer)
{
	struct wr_route route = { 0 };

	if (!e->narrow || wr_addr_is4(outer))
		return n->uplink_mtu;
	e->narrow = wr_route_lookup(&n->nl, outer, &route) == 0 && route.mtu &&
		    route.mtu < n->uplink_mtu;
	return e->narrow ? route.mtu : n->uplink_mtu;
}

static uint32_t tunnel_mtu(struct wr_nodes *n, struct wr_node_entry *e, const struct wr_addr *outer)
{
	return outer_mtu(n, e, outer) - wr_nodes_overhead(outer);
}

static struct wr_nexthop tunnel_way(struct wr_nodes *n, struct wr_node_entry *e, enum wr_family f)
{
	const struct wr_addr *outer = outer_addr(n, e, f);

	return (struct wr_nexthop){
		.kind = WR_NH_TUNNEL,
		.ifindex = n->vxlan_ifindex,
		.gateway = *outer,
		.mtu = tunnel_mtu(n, e, outer),
	};
}

static struct wr_nexthop direct_way(const struct wr_nodes *n, const struct wr_node_entry *e,
				    enum wr_family f, const struct wr_node_way *way)
{
	static const struct wr_addr nowhere;

	return (struct wr_nexthop){
		.kind = way->onlink ? WR_NH_NEIGH : WR_NH_ROUTE,
		.ifindex = way->route.ifindex,
		.gateway = way->onlink ? e->facts.addr[f] : nowhere,
		.mtu = n->uplink_mtu,
	};
}

/*
 * Whether packets with pod addresses may go there as they are. auto asks only neighbours: what lies behind a router needs
 * routes to pod ranges there, and no probe to a node's address shows those.
 */
static bool is_direct(struct wr_nodes *n, struct wr_node_entry *e, enum wr_family f,
		      const struct wr_node_way *way)
{
	bool may_ask = n->agent->config->routing == WR_ROUTING_AUTO && way->onlink;

	if (!may_ask) {
		wr_probe_stop(n->probe, &e->probe[f]);
		return n->agent->config->routing == WR_ROUTING_DIRECT;
	}
	wr_probe_start(n->probe, &e->probe[f], &e->facts.addr[f]);
	return e->probe[f].proven;
}

/*
 * Whether direct server return may use the tunnel: where pods' packets do, or where a query through it was answered. That is asked in
 * any case, so that the answer is there when the way to the node changes.
 */
static bool has_tunnel(struct wr_nodes *n, struct wr_node_entry *e, enum wr_family f,
		       const struct wr_nexthop *nh)
{
	struct wr_probe_tunnel tunnel = { .ifindex = n->vxlan_ifindex };
	uint32_t mark = 1u << n->agent->config->mark_bit;

	if (!wr_nodes_wants_dsr(n->agent->config) || wr_addr_is_zero(&e->facts.addr[f])) {
		wr_probe_stop(n->probe, &e->tunnel[f]);
		return nh->kind == WR_NH_TUNNEL;
	}
	overlay_mac(&e->facts, tunnel.mac);
	overlay_mac(&n->own, tunnel.own_mac);
	wr_probe_start_tunnel(n->probe, &e->tunnel[f], &e->facts.addr[f], &tunnel, mark);
	return nh->kind == WR_NH_TUNNEL || e->tunnel[f].proven;
}

static struct wr_nexthop choose_way(struct wr_nodes *n, struct wr_node_entry *e, enum wr_family f)
{
	const struct wr_addr *addr = &e->facts.addr[f];
	struct wr_nexthop nh = { .kind = WR_NH_DROP };
	struct wr_node_way way = { 0 };

	if (wr_addr_is_zero(addr))
		wr_probe_stop(n->probe, &e->probe[f]);
	if (!wr_addr_is_zero(addr) && wr_node_way(&n->nl, addr, &way) == 0 && is_direct(n, e, f, &way))
		nh = direct_way(n, e, f, &way);
	else if (wr_nodes_wants_tunnel(n) && !wr_addr_is_zero(outer_addr(n, e, f)))
		nh = tunnel_way(n, e, f);
	nh.node = e->number;
	nh.outer_src = *outer_addr(n, e, f);
	if (wr_nodes_wants_tunnel(n) && !wr_addr_is_zero(&nh.outer_src)) {
		nh.vni = n->agent->config->vxlan_id;
		if (has_tunnel(n, e, f, &nh))
			nh.tunnel_mtu = tunnel_mtu(n, e, &nh.outer_src);
	}
	return nh;
}

static int put_nexthop(struct wr_nodes *n, struct wr_node_entry *e, enum wr_family f,
		       struct wr_err *err)
{
	struct wr_nexthop nh = choose_way(n, e, f);
	int r;

	if (memcmp(&nh, &e->nexthop[f], sizeof(nh)) == 0)
		return 0;
	r = wr_nexthop_put(n->agent->dp, wr_node_slot(e->number, f), &nh);
	if (r)
		return wr_err_sys(err, r, "next hop of node %s", e->name);
	if (e->nexthop[f].node && e->nexthop[f].kind != nh.kind)
		wr_log(WR_LOG_INFO, "way to node changed", WR_S("node", e->name),
		       WR_S("family", f == WR_V4 ? "IPv4" : "IPv6"),
		       WR_S("way", nh.kind == WR_NH_TUNNEL ? "vxlan" :
				   nh.kind == WR_NH_DROP   ? "none" :
							     "direct"));
	e->nexthop[f] = nh;
	return 0;
}

/* The node's own packets to the other's pods. A tunnel's gateway is an address of the range that no pod has. */
static void collect_routes(struct wr_nodes *n, struct wr_node_entry *e)
{
	size_t i;

	wr_vec_reset(&e->routes);
	for (i = 0; i < e->facts.ranges.n; i++) {
		const struct wr_prefix *range = &e->facts.ranges.v[i];
		enum wr_family f = wr_family_of(&range->addr);
		const struct wr_nexthop *nh = &e->nexthop[f];
		struct wr_route route = { .dst = *range, .ifindex = nh->ifindex };

		if (wr_nodes_is_own(n, &n->own.addr[f]))
			route.src = n->own.addr[f];
		if (nh->kind == WR_NH_TUNNEL) {
			if (wr_prefix_nth(range, 1, &route.gateway))
				continue; /* a range of one address */
			route.onlink = true;
			route.mtu = nh->mtu;
			route.tunnel = nh->gateway;
			route.vni = nh->vni;
		} else if (nh->kind == WR_NH_NEIGH) {
			route.gateway = nh->gateway;
		} else {
			continue; /* the node's routes lead there, or nothing does */
		}
		wr_vec_push(&e->routes, route);
	}
}

static void put_peers(struct wr_nodes *n, const struct wr_node_entry *e)
{
	struct wr_peers *peers = n->agent->peers;
	size_t i;

	for (i = 0; i < e->facts.ranges.n; i++) {
		const struct wr_prefix *range = &e->facts.ranges.v[i];

		wr_peers_put_way(peers, range, wr_node_slot(e->number, wr_family_of(&range->addr)),
				 WR_PEER_CLUSTER);
		wr_peers_put_identity(peers, range, WR_IDENTITY_UNKNOWN);
	}
	for (i = 0; i < e->facts.addrs.n; i++) {
		struct wr_prefix one = wr_prefix_of(&e->facts.addrs.v[i]);

		wr_peers_put_way(peers, &one, wr_node_slot(e->number, wr_family_of(&one.addr)),
				 WR_PEER_CLUSTER | WR_PEER_IS_NODE);
		wr_peers_put_identity(peers, &one, WR_IDENTITY_NODE);
	}
}

static void del_peers(struct wr_nodes *n, const struct wr_node_facts *f)
{
	struct wr_peers *peers = n->agent->peers;
	size_t i;

	for (i = 0; i < f->ranges.n; i++) {
		wr_peers_del_way(peers, &f->ranges.v[i]);
		wr_peers_del_identity(peers, &f->ranges.v[i]);
	}
	for (i = 0; i < f->addrs.n; i++) {
		struct wr_prefix one = wr_prefix_of(&f->addrs.v[i]);

		wr_peers_del_way(peers, &one);
		wr_peers_del_identity(peers, &one);
	}
}

/* Next hops before the rows that name them. */
int wr_nodes_apply(struct wr_nodes *n, struct wr_node_entry *e, struct wr_err *err)
{
	int r = put_nexthop(n, e, WR_V4, err);

	if (r == 0)
		r = put_nexthop(n, e, WR_V6, err);
	if (r)
		return r;
	put_peers(n, e);
	collect_routes(n, e);
	n->routes_dirty = true;
	e->dirty = false;
	return 0;
}

void wr_nodes_forget(struct wr_nodes *n, struct wr_node_entry *e)
{
	wr_probe_stop(n->probe, &e->probe[WR_V4]);
	wr_probe_stop(n->probe, &e->probe[WR_V6]);
	wr_probe_stop(n->probe, &e->tunnel[WR_V4]);
	wr_probe_stop(n->probe, &e->tunnel[WR_V6]);
	del_peers(n, &e->facts);
	n->routes_dirty = true;
}

struct route_list {
	WR_VEC(struct wr_route) routes;
	WR_VEC(struct wr_neigh) neighs;
};

static void add_entry_routes(struct wr_nodes *n, const struct wr_node_entry *e, struct route_list *all)
{
	uint8_t mac[6];
	size_t i;

	overlay_mac(&e->facts, mac);
	for (i = 0; i < e->routes.n; i++) {
		struct wr_neigh neigh = { .ifindex = n->vxlan_ifindex,
					  .addr = e->routes.v[i].gateway };

		wr_vec_push(&all->routes, e->routes.v[i]);
		memcpy(neigh.mac, mac, sizeof(mac));
		if (e->routes.v[i].ifindex == n->vxlan_ifindex)
			wr_vec_push(&all->neighs, neigh);
	}
}

/* Addresses of our ranges that no pod has must not leave by the default route and come back. */
static void add_own_routes(struct wr_nodes *n, struct route_list *all)
{
	size_t i;

	for (i = 0; i < n->own.ranges.n; i++) {
		struct wr_route route = { .dst = n->own.ranges.v[i], .type = RTN_UNREACHABLE };

		wr_vec_push(&all->routes, route);
	}
}

int wr_nodes_sync_routes(struct wr_nodes *n, struct wr_err *err)
{
	struct route_list all = { 0 };
	int r = 0;
	size_t i;

	for (i = 0; i < n->table.by_number.n; i++)
		if (n->table.by_number.v[i])
			add_entry_routes(n, n->table.by_number.v[i], &all);
	add_own_routes(n, &all);
	if (n->vxlan_ifindex)
		r = wr_node_neighs_sync(&n->nl, n->vxlan_ifindex, all.neighs.v, all.neighs.n, err);
	if (r == 0)
		r = wr_node_routes_sync(&n->nl, all.routes.v, all.routes.n, err);
	wr_vec_done(&all.routes);
	wr_vec_done(&all.neighs);
	n->routes_dirty = r != 0;
	return r;
}
