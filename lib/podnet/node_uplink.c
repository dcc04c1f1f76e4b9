/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the node's uplinks and addresses. */
#include <errno.h>
#include <linux/if_addr.h>
#include <net/if_arp.h>

#include "lib/podnet/node.h"

void wr_uplinks_done(struct wr_uplinks *u)
{
	wr_vec_done(&u->v);
}

/* What the kernel has, of all interfaces. */
struct tables {
	struct wr_links links;
	struct wr_routes routes;
	struct wr_naddrs addrs;
};

static void tables_done(struct tables *t)
{
	wr_links_done(&t->links);
	wr_routes_done(&t->routes);
	wr_naddrs_done(&t->addrs);
}

static void take_defaults(struct wr_uplink *u, const struct wr_routes *routes)
{
	const struct wr_route *r;

	for (size_t i = 0; i < routes->v.n; i++) {
		r = &routes->v.v[i];
		if (r->ifindex != u->ifindex || !wr_route_is_default(r) || r->type != RTN_UNICAST)
			continue;
		if (wr_addr_is4(&r->dst.addr)) {
			u->default4 = true;
			u->gateway4 = r->gateway;
		} else {
			u->default6 = true;
			u->gateway6 = r->gateway;
		}
	}
}

static bool carries_one_of(const struct wr_naddrs *addrs, uint32_t ifindex,
			   const struct wr_addr *node, size_t n)
{
	for (size_t i = 0; i < addrs->v.n; i++)
		for (size_t k = 0; k < n && addrs->v.v[i].ifindex == ifindex; k++)
			if (wr_addr_eq(&addrs->v.v[i].prefix.addr, &node[k]))
				return true;
	return false;
}

static struct wr_uplink uplink_of(const struct wr_link *l)
{
	struct wr_uplink u = {
		.ifindex = l->ifindex,
		.mtu = l->mtu,
		.up = l->flags & IFF_UP,
		.l3 = l->type != ARPHRD_ETHER,
	};

	memcpy(u.name, l->name, sizeof(u.name));
	memcpy(u.kind, l->kind, sizeof(u.kind));
	memcpy(u.mac, l->mac, sizeof(u.mac));
	return u;
}

static int by_ifindex(const void *a, const void *b)
{
	const struct wr_uplink *x = a, *y = b;

	return (x->ifindex > y->ifindex) - (x->ifindex < y->ifindex);
}

static void select_uplinks(const struct tables *t, const struct wr_addr *node, size_t n,
			   struct wr_uplinks *to)
{
	struct wr_uplink u;

	for (size_t i = 0; i < t->links.v.n; i++) {
		if (t->links.v.v[i].flags & IFF_LOOPBACK)
			continue;
		u = uplink_of(&t->links.v.v[i]);
		take_defaults(&u, &t->routes);
		if (u.default4 || u.default6 || carries_one_of(&t->addrs, u.ifindex, node, n))
			wr_vec_push(&to->v, u);
	}
	wr_vec_sort(&to->v, by_ifindex);
}

int wr_node_uplinks(struct wr_nl *nl, const struct wr_addr *node, size_t n, struct wr_uplinks *ret,
		    struct wr_err *err)
{
	wr_cleanup(tables_done) struct tables t = { 0 };
	struct wr_route_filter filter = { .table = RT_TABLE_MAIN };
	struct wr_uplinks found = { 0 };
	int r = wr_link_dump(nl, &t.links)             ?:
			wr_naddr_dump(nl, 0, &t.addrs) ?:
							 wr_route_dump(nl, &filter, &t.routes);

	if (r)
		return wr_err_sys(err, r, "cannot read the node's interfaces");
	select_uplinks(&t, node, n, &found);
	wr_uplinks_done(ret);
	*ret = found;
	return 0;
}

uint32_t wr_uplinks_mtu(const struct wr_uplinks *u)
{
	uint32_t mtu = 0;

	for (size_t i = 0; i < u->v.n; i++)
		if (u->v.v[i].up && (!mtu || u->v.v[i].mtu < mtu))
			mtu = u->v.v[i].mtu;
	return mtu;
}

static bool is_loopback(const struct wr_addr *a)
{
	struct in6_addr in6 = wr_addr_to6(a);

	return wr_addr_is4(a) ? a->b[12] == 127 : IN6_IS_ADDR_LOOPBACK(&in6);
}

static bool is_answered(const struct wr_naddr *a)
{
	struct in6_addr in6 = wr_addr_to6(&a->prefix.addr);
	bool pending = a->flags & IFA_F_TENTATIVE && !(a->flags & IFA_F_OPTIMISTIC);

	return a->scope != RT_SCOPE_LINK && !IN6_IS_ADDR_LINKLOCAL(&in6) &&
	       !is_loopback(&a->prefix.addr) && !pending && !(a->flags & IFA_F_DADFAILED);
}

static int by_interface(const void *a, const void *b)
{
	const struct wr_naddr *x = a, *y = b;

	return x->ifindex != y->ifindex ? (x->ifindex > y->ifindex) - (x->ifindex < y->ifindex) :
					  wr_addr_cmp(&x->prefix.addr, &y->prefix.addr);
}

int wr_node_addrs(struct wr_nl *nl, struct wr_naddrs *ret, struct wr_err *err)
{
	wr_auto_naddrs addrs = { 0 };
	int r = wr_naddr_dump(nl, 0, &addrs);

	if (r)
		return wr_err_sys(err, r, "cannot read the node's addresses");
	for (size_t i = 0; i < addrs.v.n;)
		if (is_answered(&addrs.v.v[i]))
			i++;
		else
			wr_vec_del_unordered(&addrs.v, i);
	wr_vec_sort(&addrs.v, by_interface);
	wr_naddrs_done(ret);
	*ret = addrs;
	addrs = (struct wr_naddrs){ 0 };
	return 0;
}
