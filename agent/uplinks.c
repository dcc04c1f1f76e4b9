// SPDX-License-Identifier: Apache-2.0
/* Finding uplinks and keeping programs on them. */
#include "agent/uplinks.h"

#include <errno.h>
#include <stdio.h>

#include "agent/log.h"
#include "lib/base/cleanup.h"
#include "lib/base/str.h"
#include "lib/dp/tables.h"
#include "lib/nl/sysctl.h"

#define WHO "uplink-"

static bool is_named(const struct wr_strings *names, const char *name)
{
	size_t i;

	for (i = 0; i < names->list.n; i++)
		if (wr_streq(names->list.v[i], name))
			return true;
	return false;
}

/* What is found has gateways and all; what is only named (no address of ours, no default route) is looked up. */
static int add_named(struct wr_nl *nl, const char *name, struct wr_uplinks *all, struct wr_err *err)
{
	struct wr_uplink u = { 0 };
	struct wr_link link;
	size_t i;
	int r;

	for (i = 0; i < all->v.n; i++)
		if (wr_streq(all->v.v[i].name, name))
			return 0;
	r = wr_link_get(nl, name, 0, &link);
	if (r)
		return wr_err_sys(err, r, "uplinks: interface %s", name);
	u.ifindex = link.ifindex;
	u.mtu = link.mtu;
	u.up = link.flags & IFF_UP;
	u.l3 = link.type != 1; /* ARPHRD_ETHER */
	wr_copy(u.name, sizeof(u.name), link.name);
	wr_copy(u.kind, sizeof(u.kind), link.kind);
	memcpy(u.mac, link.mac, sizeof(u.mac));
	wr_vec_push(&all->v, u);
	return 0;
}

int wr_uplinks_find(const struct wr_agent_config *c, struct wr_nl *nl, const struct wr_addr *node,
		    size_t n, struct wr_uplinks *ret, struct wr_err *err)
{
	wr_auto_uplinks all = { 0 };
	size_t i, kept = 0;
	int r = wr_node_uplinks(nl, node, n, &all, err);

	if (r)
		return r;
	for (i = 0; i < all.v.n; i++)
		if (!c->uplinks.list.n || is_named(&c->uplinks, all.v.v[i].name))
			all.v.v[kept++] = all.v.v[i];
	all.v.n = kept;
	for (i = 0; i < c->uplinks.list.n && r == 0; i++)
		r = add_named(nl, c->uplinks.list.v[i], &all, err);
	if (r)
		return r;
	*ret = all;
	all = (struct wr_uplinks){ 0 };
	return 0;
}

static int attach_one(const struct wr_agent *a, const struct wr_uplink *u, struct wr_err *err)
{
	bool tcx = wr_dp_has_tcx(a->dp);
	char who[64];
	int r;

	snprintf(who, sizeof(who), WHO "%s", u->name);
	r = wr_dp_attach_tc(a->paths.pins, who, "uplink_ingress", u->ifindex, WR_ATTACH_TC_INGRESS,
			    tcx, err);
	if (r == 0)
		r = wr_dp_attach_tc(a->paths.pins, who, "uplink_egress", u->ifindex,
				    WR_ATTACH_TC_EGRESS, tcx, err);
	return r ? wr_err_wrap(err, r, "uplink %s", u->name) : 0;
}

struct leftovers {
	const struct wr_uplinks *uplinks;
	WR_VEC(char *) names;
};

static int note_leftover(void *ctx, const char *who)
{
	struct leftovers *l = ctx;
	size_t i;

	if (!wr_has_prefix(who, WHO))
		return 0;
	for (i = 0; i < l->uplinks->v.n; i++)
		if (wr_streq(l->uplinks->v.v[i].name, who + strlen(WHO)))
			return 0;
	wr_vec_push(&l->names, wr_xstrdup(who));
	return 0;
}

static int detach_others(const struct wr_agent *a, const struct wr_uplinks *uplinks,
			 struct wr_err *err)
{
	struct leftovers l = { .uplinks = uplinks };
	int r = wr_dp_each_attached(a->paths.pins, note_leftover, &l), first = 0;

	while (l.names.n) {
		char *who = l.names.v[--l.names.n];

		first = first ? first : wr_dp_detach(a->paths.pins, who, err);
		wr_log(WR_LOG_INFO, "no uplink any more", WR_S("interface", who + strlen(WHO)));
		free(who);
	}
	wr_vec_done(&l.names);
	return r && r != -ENOENT ? wr_err_sys(err, r, "reading pinned links") : first;
}

int wr_uplinks_attach(const struct wr_agent *a, const struct wr_uplinks *uplinks, struct wr_err *err)
{
	int r = 0;
	size_t i;

	for (i = 0; i < uplinks->v.n && r == 0; i++)
		r = attach_one(a, &uplinks->v.v[i], err);
	return r ? r : detach_others(a, uplinks, err);
}

int wr_uplinks_loosen_filters(const struct wr_uplinks *uplinks, struct wr_err *err)
{
	char name[64];
	int all = 0, own, r = 0;
	size_t i;

	if (wr_sysctl_get_int("ipv4/conf/all/rp_filter", &all))
		return 0; /* no IPv4 here */
	for (i = 0; i < uplinks->v.n && r >= 0; i++) {
		snprintf(name, sizeof(name), "ipv4/conf/%s/rp_filter", uplinks->v.v[i].name);
		own = 0;
		if (wr_sysctl_get_int(name, &own) == 0 && WR_MAX(all, own) == 1)
			r = wr_sysctl_set(name, "2");
	}
	return r < 0 ? wr_err_sys(err, r, "setting %s", name) : 0;
}

/* Ways out are by route lookup within one interface; where several have a default route, the stack decides. */
static struct wr_nexthop way_out(const struct wr_uplinks *uplinks, int family)
{
	struct wr_nexthop nh = { .kind = WR_NH_STACK };
	size_t i;

	for (i = 0; i < uplinks->v.n; i++) {
		const struct wr_uplink *u = &uplinks->v.v[i];

		if (!u->up || !(family == AF_INET ? u->default4 : u->default6))
			continue;
		if (nh.kind != WR_NH_STACK)
			return (struct wr_nexthop){ .kind = WR_NH_STACK };
		nh = (struct wr_nexthop){ .kind = WR_NH_ROUTE, .ifindex = u->ifindex, .mtu = u->mtu };
	}
	return nh;
}

static bool is_ours(const struct wr_route *r)
{
	return r->protocol == WR_RTPROT || r->protocol == WR_RTPROT_POD;
}

/* fe80::/10 and ff00::/8: nothing that is forwarded. */
static bool is_link_scoped(const struct wr_route *r)
{
	const uint8_t *b = r->dst.addr.b;

	return b[0] == 0xff || (b[0] == 0xfe && (b[1] & 0xc0) == 0x80);
}

/* Whether some route of others leads elsewhere than the default route's interface: then only the stack knows. */
static bool leads_elsewhere(struct wr_nl *nl, int family, uint32_t ifindex)
{
	struct wr_route_filter filter = { .family = family, .table = RT_TABLE_MAIN };
	wr_auto_routes routes = { 0 };
	size_t i;

	if (wr_route_dump(nl, &filter, &routes))
		return true;
	for (i = 0; i < routes.v.n; i++) {
		const struct wr_route *r = &routes.v.v[i];

		if (r->multipath)
			return true;
		if (r->ifindex != ifindex && r->type == RTN_UNICAST && !is_ours(r) &&
		    !is_link_scoped(r))
			return true;
	}
	return false;
}

/* Answers go back by the uplink that they were asked for at; IPv6's tables know the best one only. */
static int put_ways_back(struct wr_dp *dp, const struct wr_uplinks *uplinks)
{
	uint32_t number = WR_NEXTHOP_BACK6;
	size_t i;
	int r = 0;

	for (i = 0; i < uplinks->v.n && number < WR_NEXTHOP_FIRST && r == 0; i++) {
		const struct wr_uplink *u = &uplinks->v.v[i];
		const struct wr_nexthop nh = { .kind = WR_NH_NEIGH,
					       .ifindex = u->ifindex,
					       .mtu = u->mtu,
					       .gateway = u->gateway6 };

		if (u->up && !wr_addr_is_zero(&u->gateway6))
			r = wr_nexthop_put(dp, number++, &nh);
	}
	for (; number < WR_NEXTHOP_FIRST && r == 0; number++)
		r = wr_nexthop_put(dp, number, &(struct wr_nexthop){ .kind = WR_NH_STACK });
	return r;
}

int wr_uplinks_put_ways_out(struct wr_dp *dp, struct wr_nl *nl, const struct wr_uplinks *uplinks,
			    struct wr_err *err)
{
	static const struct {
		int family;
		uint32_t number;
	} outs[] = { { AF_INET, WR_NEXTHOP_OUT4 }, { AF_INET6, WR_NEXTHOP_OUT6 } };
	size_t i;
	int r = 0;

	for (i = 0; i < WR_ARRAY_SIZE(outs) && r == 0; i++) {
		struct wr_nexthop nh = way_out(uplinks, outs[i].family);

		if (nh.kind == WR_NH_ROUTE && leads_elsewhere(nl, outs[i].family, nh.ifindex))
			nh = (struct wr_nexthop){ .kind = WR_NH_STACK };
		r = wr_nexthop_put(dp, outs[i].number, &nh);
	}
	if (r == 0)
		r = put_ways_back(dp, uplinks);
	return r ? wr_err_sys(err, r, "default way out") : 0;
}
