/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the node's routes and neighbour entries what they should be: differences, applied in one batch. */
#include <errno.h>

#include "lib/podnet/node.h"

/* What the kernel fills in where an IPv6 route names no metric. */
#define DEFAULT_METRIC6 1024

/* What the kernel tells two routes apart by. */
static int key_cmp(const struct wr_route *a, const struct wr_route *b)
{
	return wr_addr_cmp(&a->dst.addr, &b->dst.addr)               ?:
		       a->dst.len - b->dst.len                       ?:
		       (a->table > b->table) - (a->table < b->table) ?:
		       (a->metric > b->metric) - (a->metric < b->metric);
}

static int by_key(const void *a, const void *b)
{
	return key_cmp(a, b);
}

static bool same_way(const struct wr_route *a, const struct wr_route *b)
{
	return wr_addr_eq(&a->gateway, &b->gateway) && wr_addr_eq(&a->src, &b->src) &&
	       wr_addr_eq(&a->tunnel, &b->tunnel) && a->vni == b->vni && a->ifindex == b->ifindex &&
	       a->mtu == b->mtu && a->type == b->type;
}

/* As the kernel will report it. */
static struct wr_route completed(const struct wr_route *r)
{
	struct wr_route c = *r;

	c.dst = wr_prefix_masked(&r->dst);
	c.protocol = WR_RTPROT;
	c.table = r->table ?: RT_TABLE_MAIN;
	c.type = r->type ?: RTN_UNICAST;
	if (!c.metric && !wr_addr_is4(&c.dst.addr))
		c.metric = DEFAULT_METRIC6;
	return c;
}

/*
 * IPv6 refuses a gateway to which a route leads on another interface, and a tunnel's gateway is in the very range: the old way goes
 * first, which costs the node's own packets what lies between two messages of a batch.
 */
static void put_changed(struct wr_nl_batch *b, const struct wr_route *have,
			const struct wr_route *want)
{
	if (!wr_addr_is4(&want->dst.addr) && have->ifindex != want->ifindex)
		wr_route_del(b, have);
	wr_route_put(b, want);
}

/* Both sorted. What is new must not take another's place; what changed takes its own. */
static void put_difference(struct wr_nl_batch *b, const struct wr_routes *have,
			   const struct wr_routes *want)
{
	size_t h = 0, w = 0;
	int cmp;

	while (h < have->v.n || w < want->v.n) {
		cmp = h == have->v.n ? 1 :
		      w == want->v.n ? -1 :
				       key_cmp(&have->v.v[h], &want->v.v[w]);
		if (cmp < 0)
			wr_route_del(b, &have->v.v[h]);
		else if (cmp > 0)
			wr_route_add(b, &want->v.v[w], 0);
		else if (!same_way(&have->v.v[h], &want->v.v[w]))
			put_changed(b, &have->v.v[h], &want->v.v[w]);
		h += cmp <= 0;
		w += cmp >= 0;
	}
}

static bool leads_as(const struct wr_route *have, const struct wr_route *want)
{
	return have->type == RTN_UNICAST && have->ifindex == want->ifindex &&
	       wr_addr_eq(&have->gateway, &want->gateway) && wr_addr_is_zero(&want->tunnel) &&
	       !have->multipath;
}

/* The row of @all in whose place @want would be; NULL: none. */
static const struct wr_route *in_place_of(const struct wr_routes *all, const struct wr_route *want)
{
	size_t i;

	for (i = 0; i < all->v.n; i++)
		if (key_cmp(&all->v.v[i], want) == 0)
			return &all->v.v[i];
	return NULL;
}

/*
 * Somebody else's routes may be in the way: of a cloud's controller, or of the network that was here before. Those that lead where
 * ours would do as well.
 */
static int accept_others(struct wr_nl *nl, const struct wr_routes *wanted, struct wr_err *err)
{
	const struct wr_route_filter every = { 0 };
	wr_auto_routes all = { 0 };
	char text[WR_PREFIX_STRLEN];
	int r = wr_route_dump(nl, &every, &all);

	for (size_t i = 0; !r && i < wanted->v.n; i++) {
		const struct wr_route *want = &wanted->v.v[i], *have = in_place_of(&all, want);

		if (!have)
			return wr_err_set(err, -EAGAIN, "route %s is not there yet",
					  wr_prefix_format(&want->dst, text));
		if (have->protocol != WR_RTPROT && !leads_as(have, want))
			return wr_err_set(err, -EEXIST,
					  "a route to %s that is not ours leads another way",
					  wr_prefix_format(&want->dst, text));
	}
	return r ? wr_err_sys(err, r, "cannot read the node's routes") : 0;
}

int wr_node_routes_sync(struct wr_nl *nl, const struct wr_route *want, size_t n, struct wr_err *err)
{
	struct wr_route_filter ours = { .protocol = WR_RTPROT };
	wr_auto_routes have = { 0 }, wanted = { 0 };
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	int r = wr_route_dump(nl, &ours, &have);

	if (r)
		return wr_err_sys(err, r, "cannot read the node's routes");
	for (size_t i = 0; i < n; i++)
		wr_vec_push(&wanted.v, completed(&want[i]));
	wr_vec_sort(&have.v, by_key);
	wr_vec_sort(&wanted.v, by_key);
	put_difference(&b, &have, &wanted);
	r = wr_nl_commit(nl, &b, err);
	return r == -EEXIST ? accept_others(nl, &wanted, err) : r;
}

static int by_addr(const void *a, const void *b)
{
	const struct wr_neigh *x = a, *y = b;

	return wr_addr_cmp(&x->addr, &y->addr);
}

static void keep_permanent(struct wr_neighs *n)
{
	for (size_t i = 0; i < n->v.n;)
		if (n->v.v[i].state & NUD_PERMANENT)
			i++;
		else
			wr_vec_del_unordered(&n->v, i);
}

static void put_neigh_difference(struct wr_nl_batch *b, uint32_t ifindex,
				 const struct wr_neighs *have, const struct wr_neighs *want)
{
	const struct wr_neigh *new;
	size_t h = 0, w = 0;
	int cmp;

	while (h < have->v.n || w < want->v.n) {
		cmp = h == have->v.n ? 1 :
		      w == want->v.n ? -1 :
				       by_addr(&have->v.v[h], &want->v.v[w]);
		new = cmp >= 0 ? &want->v.v[w] : NULL;
		if (cmp < 0)
			wr_neigh_del(b, &have->v.v[h]);
		else if (cmp > 0 || memcmp(have->v.v[h].mac, new->mac, sizeof(new->mac)) != 0)
			wr_neigh_put(b, ifindex, &new->addr, new->mac);
		h += cmp <= 0;
		w += cmp >= 0;
	}
}

int wr_node_neighs_sync(struct wr_nl *nl, uint32_t ifindex, const struct wr_neigh *want, size_t n,
			struct wr_err *err)
{
	wr_auto_neighs have = { 0 }, wanted = { 0 };
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	int r = wr_neigh_dump(nl, ifindex, &have);

	if (r)
		return wr_err_sys(err, r, "cannot read the neighbours of interface %u", ifindex);
	keep_permanent(&have);
	for (size_t i = 0; i < n; i++)
		wr_vec_push(&wanted.v, want[i]);
	wr_vec_sort(&have.v, by_addr);
	wr_vec_sort(&wanted.v, by_addr);
	put_neigh_difference(&b, ifindex, &have, &wanted);
	return wr_nl_commit(nl, &b, err);
}

int wr_node_way(struct wr_nl *nl, const struct wr_addr *peer, struct wr_node_way *ret)
{
	struct wr_route route;
	int r = wr_route_lookup(nl, peer, &route);

	if (r)
		return r;
	*ret = (struct wr_node_way){
		.route = route,
		.onlink = route.type == RTN_UNICAST && wr_addr_is_zero(&route.gateway),
	};
	return 0;
}
