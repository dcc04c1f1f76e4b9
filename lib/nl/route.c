/* SPDX-License-Identifier: Apache-2.0 */
/* Routes: put, delete, dump, lookup. */
#include "lib/nl/route.h"

#include <endian.h>
#include <errno.h>
#include <linux/if_tunnel.h>
#include <linux/lwtunnel.h>

#include "lib/nl/msg.h"

void wr_routes_done(struct wr_routes *r)
{
	wr_vec_done(&r->v);
}

struct wr_prefix wr_route_default(int family)
{
	struct in_addr any4 = { 0 };

	if (family == AF_INET)
		return (struct wr_prefix){ .addr = wr_addr_from4(any4), .len = 96 };
	return (struct wr_prefix){ 0 };
}

bool wr_route_is_default(const struct wr_route *r)
{
	return wr_prefix_family_len(&r->dst) == 0 && wr_addr_is_zero(&r->dst.addr);
}

static void put_metrics(struct nl_msg *msg, const struct wr_route *r)
{
	struct nlattr *metrics;

	if (!r->mtu)
		return;
	metrics = nla_nest_start(msg, RTA_METRICS);
	nla_put_u32(msg, RTAX_MTU, r->mtu);
	nla_nest_end(msg, metrics);
}

/* Tunnel keys from the route: what the node itself sends needs no program to reach the overlay. */
static void put_tunnel(struct nl_msg *msg, const struct wr_route *r)
{
	bool is4 = wr_addr_is4(&r->tunnel);
	struct nlattr *encap;

	if (wr_addr_is_zero(&r->tunnel))
		return;
	nla_put_u16(msg, RTA_ENCAP_TYPE, is4 ? LWTUNNEL_ENCAP_IP : LWTUNNEL_ENCAP_IP6);
	encap = nla_nest_start(msg, RTA_ENCAP);
	nla_put_u64(msg, is4 ? LWTUNNEL_IP_ID : LWTUNNEL_IP6_ID, htobe64(r->vni));
	wr_msg_addr(msg, is4 ? LWTUNNEL_IP_DST : LWTUNNEL_IP6_DST, &r->tunnel);
	/* UDP over IPv6 without a checksum is dropped by whoever receives it (RFC 6936). */
	if (!is4)
		nla_put_u16(msg, LWTUNNEL_IP6_FLAGS, TUNNEL_CSUM);
	nla_nest_end(msg, encap);
}

static void put_attrs(struct nl_msg *msg, const struct wr_route *r)
{
	if (wr_prefix_family_len(&r->dst))
		wr_msg_addr(msg, RTA_DST, &r->dst.addr);
	if (!wr_addr_is_zero(&r->gateway))
		wr_msg_addr(msg, RTA_GATEWAY, &r->gateway);
	if (!wr_addr_is_zero(&r->src))
		wr_msg_addr(msg, RTA_PREFSRC, &r->src);
	if (r->ifindex)
		nla_put_u32(msg, RTA_OIF, r->ifindex);
	if (r->metric)
		nla_put_u32(msg, RTA_PRIORITY, r->metric);
	nla_put_u32(msg, RTA_TABLE, r->table ?: RT_TABLE_MAIN);
	put_metrics(msg, r);
	put_tunnel(msg, r);
}

static struct nl_msg *message(uint16_t type, uint16_t flags, struct rtmsg rtm,
			      const struct wr_route *r)
{
	struct nl_msg *msg;

	rtm.rtm_family = (uint8_t)wr_addr_family(&r->dst.addr);
	rtm.rtm_dst_len = (uint8_t)wr_prefix_family_len(&r->dst);
	rtm.rtm_flags = r->onlink ? RTNH_F_ONLINK : 0;
	msg = wr_msg_new(type, flags, &rtm, sizeof(rtm));
	if (msg)
		put_attrs(msg, r);
	return msg;
}

static bool has_next_hop(const struct wr_route *r)
{
	return !r->type || r->type == RTN_UNICAST;
}

static struct nl_msg *new_route(uint16_t flags, const struct wr_route *r)
{
	bool link = has_next_hop(r) && wr_addr_is4(&r->dst.addr) && wr_addr_is_zero(&r->gateway);
	struct rtmsg rtm = {
		.rtm_type = r->type ?: RTN_UNICAST,
		.rtm_protocol = r->protocol ?: RTPROT_STATIC,
		.rtm_scope = link ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
	};

	return message(RTM_NEWROUTE, NLM_F_CREATE | flags, rtm, r);
}

void wr_route_add(struct wr_nl_batch *b, const struct wr_route *r, unsigned int tolerate)
{
	wr_msg_put(b, new_route(NLM_F_EXCL, r), tolerate);
}

void wr_route_put(struct wr_nl_batch *b, const struct wr_route *r)
{
	wr_msg_put(b, new_route(NLM_F_REPLACE, r), 0);
}

void wr_route_del(struct wr_nl_batch *b, const struct wr_route *r)
{
	struct rtmsg rtm = {
		.rtm_type = r->type,
		.rtm_protocol = r->protocol,
		.rtm_scope = RT_SCOPE_NOWHERE,
	};

	wr_msg_put(b, message(RTM_DELROUTE, 0, rtm, r), WR_NL_MAY_MISS);
}

void wr_route_ask(struct wr_nl_batch *b, const struct wr_addr *dst)
{
	struct rtmsg rtm = {
		.rtm_family = (uint8_t)wr_addr_family(dst),
		.rtm_dst_len = wr_addr_is4(dst) ? 32 : 128,
	};
	struct nl_msg *msg = wr_msg_new(RTM_GETROUTE, 0, &rtm, sizeof(rtm));

	if (msg)
		wr_msg_addr(msg, RTA_DST, dst);
	wr_msg_get(b, msg);
}

static int take_routes(void *ctx, const struct nlmsghdr *msg)
{
	return wr_route_decode(msg, ctx);
}

int wr_route_lookup(struct wr_nl *nl, const struct wr_addr *dst, struct wr_route *ret)
{
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	wr_auto_routes routes = { 0 };
	int r;

	wr_route_ask(&b, dst);
	r = wr_nl_commit_get(nl, &b, take_routes, &routes, NULL);
	if (r)
		return r;
	if (!routes.v.n)
		return -ENETUNREACH;
	*ret = routes.v.v[0];
	return 0;
}

struct rows {
	struct wr_routes *to;
	struct wr_route_filter filter;
};

static bool wanted(const struct wr_route *r, const struct wr_route_filter *f)
{
	return wr_addr_family(&r->dst.addr) == f->family && (!f->table || f->table == r->table) &&
	       (!f->ifindex || f->ifindex == r->ifindex) &&
	       (!f->protocol || f->protocol == r->protocol);
}

/* Multicast routes (other families) and cached clones come along; they are none of ours. */
static int add_rows(void *ctx, const struct nlmsghdr *msg)
{
	const struct rtmsg *rtm = nlmsg_data(msg);
	struct rows *rows = ctx;
	size_t n = rows->to->v.n;
	int r;

	if (rtm->rtm_family != rows->filter.family || rtm->rtm_flags & RTM_F_CLONED)
		return 0;
	r = wr_route_decode(msg, rows->to);
	while (!r && n < rows->to->v.n) {
		if (wanted(&rows->to->v.v[n], &rows->filter))
			n++;
		else
			wr_vec_del_unordered(&rows->to->v, n);
	}
	return r;
}

static struct nl_msg *ask(const struct wr_route_filter *f)
{
	struct rtmsg rtm = { .rtm_family = (uint8_t)f->family, .rtm_protocol = f->protocol };
	struct nl_msg *msg = wr_msg_new(RTM_GETROUTE, 0, &rtm, sizeof(rtm));

	if (msg && f->table)
		nla_put_u32(msg, RTA_TABLE, f->table);
	if (msg && f->ifindex)
		nla_put_u32(msg, RTA_OIF, f->ifindex);
	return msg;
}

static int dump_once(struct wr_nl *nl, const struct wr_route_filter *f, struct wr_routes *to)
{
	static const int families[] = { AF_INET, AF_INET6 };
	int r = 0;

	wr_vec_reset(&to->v);
	for (size_t i = 0; !r && i < WR_ARRAY_SIZE(families); i++) {
		struct rows rows = { .to = to, .filter = *f };

		if (f->family && f->family != families[i])
			continue;
		rows.filter.family = families[i];
		r = wr_nl_dump(nl, ask(&rows.filter), add_rows, &rows);
		if (r == -ENOENT) /* no such table yet: no routes in it */
			r = 0;
	}
	return r;
}

int wr_route_dump(struct wr_nl *nl, const struct wr_route_filter *f, struct wr_routes *ret)
{
	wr_auto_routes routes = { 0 };
	int r, tries = WR_DUMP_TRIES;

	do
		r = dump_once(nl, f, &routes);
	while (r == -EAGAIN && --tries);
	if (r)
		return r;
	wr_routes_done(ret);
	*ret = routes;
	routes = (struct wr_routes){ 0 };
	return 0;
}

static uint32_t decode_mtu(struct nlattr *metrics)
{
	struct nlattr *tb[RTAX_MAX + 1];

	if (!metrics || nla_parse_nested(tb, RTAX_MAX, metrics, NULL) < 0)
		return 0;
	return wr_attr_u32(tb[RTAX_MTU]);
}

static void decode_tunnel(struct nlattr *type, struct nlattr *encap, struct wr_route *r)
{
	uint16_t kind = type ? nla_get_u16(type) : LWTUNNEL_ENCAP_NONE;
	struct nlattr *tb[LWTUNNEL_IP_MAX + 1]; /* both families number these alike */

	if (!encap || (kind != LWTUNNEL_ENCAP_IP && kind != LWTUNNEL_ENCAP_IP6) ||
	    nla_parse_nested(tb, LWTUNNEL_IP_MAX, encap, NULL) < 0)
		return;
	wr_attr_addr(tb[LWTUNNEL_IP_DST], &r->tunnel);
	if (tb[LWTUNNEL_IP_ID])
		r->vni = (uint32_t)be64toh(nla_get_u64(tb[LWTUNNEL_IP_ID]));
}

static void add_hops(const struct nlattr *list, const struct wr_route *base, struct wr_routes *ret)
{
	struct rtnexthop *hop = nla_data(list);
	int left = nla_len(list);

	while (left > 0 && RTNH_OK(hop, left)) {
		struct nlattr *tb[RTA_MAX + 1] = { 0 };
		struct wr_route r = *base;

		nla_parse(tb, RTA_MAX, (struct nlattr *)RTNH_DATA(hop),
			  hop->rtnh_len - (int)sizeof(*hop), NULL);
		wr_attr_addr(tb[RTA_GATEWAY], &r.gateway);
		r.ifindex = (uint32_t)hop->rtnh_ifindex;
		r.onlink = !!(hop->rtnh_flags & RTNH_F_ONLINK);
		r.multipath = true;
		wr_vec_push(&ret->v, r);
		left -= NLMSG_ALIGN(hop->rtnh_len);
		hop = RTNH_NEXT(hop);
	}
}

int wr_route_decode(const struct nlmsghdr *msg, struct wr_routes *ret)
{
	struct nlattr *tb[RTA_MAX + 1];
	const struct rtmsg *rtm = nlmsg_data(msg);
	struct wr_route r = { 0 };

	if ((msg->nlmsg_type != RTM_NEWROUTE && msg->nlmsg_type != RTM_DELROUTE) ||
	    wr_msg_parse(msg, sizeof(*rtm), tb, RTA_MAX) ||
	    (rtm->rtm_family != AF_INET && rtm->rtm_family != AF_INET6))
		return -EINVAL;
	r.dst = wr_route_default(rtm->rtm_family);
	r.dst.len = (uint8_t)(r.dst.len + rtm->rtm_dst_len);
	wr_attr_addr(tb[RTA_DST], &r.dst.addr);
	wr_attr_addr(tb[RTA_GATEWAY], &r.gateway);
	wr_attr_addr(tb[RTA_PREFSRC], &r.src);
	r.ifindex = wr_attr_u32(tb[RTA_OIF]);
	r.table = tb[RTA_TABLE] ? wr_attr_u32(tb[RTA_TABLE]) : rtm->rtm_table;
	r.metric = wr_attr_u32(tb[RTA_PRIORITY]);
	r.mtu = decode_mtu(tb[RTA_METRICS]);
	decode_tunnel(tb[RTA_ENCAP_TYPE], tb[RTA_ENCAP], &r);
	r.type = rtm->rtm_type;
	r.scope = rtm->rtm_scope;
	r.protocol = rtm->rtm_protocol;
	r.onlink = !!(rtm->rtm_flags & RTNH_F_ONLINK);
	if (tb[RTA_MULTIPATH])
		add_hops(tb[RTA_MULTIPATH], &r, ret);
	else
		wr_vec_push(&ret->v, r);
	return 0;
}
