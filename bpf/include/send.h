/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Sending a judged packet of w->flow on its way, whatever its shape: what the stack would have done (hop limit, size)
 * is done here, since redirecting skips it.
 */
#ifndef WR_BPF_SEND_H
#define WR_BPF_SEND_H

#include "bpf/include/begin.h"
#include "bpf/include/fast.h"
#include "bpf/include/fib.h"
#include "bpf/include/related.h"

static __always_inline int may_fragment(const struct __sk_buff *skb, const struct wr_pkt *p)
{
	const struct iphdr *ip = wr_pkt_l3(skb, sizeof(*ip));

	return !(p->flags & WR_PKT_V6) && ip && !(ip->frag_off & WR_IP_DF);
}

/* Takes one hop off; 0: there was none to spare. */
static __always_inline int take_hop(struct __sk_buff *skb, const struct wr_pkt *p)
{
	struct ipv6hdr *ip6;
	struct iphdr *ip;

	if (p->flags & WR_PKT_V6) {
		ip6 = wr_pkt_l3(skb, sizeof(*ip6));
		if (!ip6 || ip6->hop_limit <= 1)
			return 0;
		ttl_dec6(skb, ip6);
		return 1;
	}
	ip = wr_pkt_l3(skb, sizeof(*ip));
	if (!ip || ip->ttl <= 1)
		return 0;
	ttl_dec4(ip);
	return 1;
}

/* The way out of this direction; looked up again where the next hop's generation has moved. */
static __noinline int send_way(struct wr_work *w, struct wr_flow *live, int dir)
{
	const struct wr_nexthop *nh;
	__u64 out = w->flow.out[dir & 1];

	if (WR_OUT_NUMBER(out) & WR_OUT_EP)
		return 0;
	nh = wr_nexthop_get(WR_OUT_NUMBER(out));
	if (nh && READ_ONCE(nh->gen) == WR_OUT_GEN(out))
		return 0;
	wr_ends_of_flow(&w->key, &w->flow, &w->ends);
	wr_resolve_src(&w->ends);
	wr_resolve_dst(&w->ends);
	wr_ways_out(&w->ends, &w->flow);
	if (live && w->flow.state & WR_FLOW_PROMOTED) {
		WRITE_ONCE(live->out[WR_FLOW_ORIG], w->flow.out[WR_FLOW_ORIG]);
		WRITE_ONCE(live->out[WR_FLOW_REPLY], w->flow.out[WR_FLOW_REPLY]);
	}
	return 0;
}

static __always_inline int send_edit(struct __sk_buff *skb, const struct wr_pkt *p, struct wr_work *w)
{
	if (!(w->flow.state & WR_FLOW_TRANSLATED))
		return 0;
	return p->flags & WR_PKT_ICMP_ERROR ? wr_related_rewrite(skb, p, w) :
					      wr_rewrite(skb, p, &w->flow);
}

static __always_inline int is_held(struct __sk_buff *skb, const struct wr_pkt *p, struct wr_work *w,
				   int dir)
{
	return dir == WR_FLOW_REPLY && w->flow.state & WR_FLOW_NAMES && wr_hold(skb, p, w);
}

static __always_inline int send_stack(struct __sk_buff *skb, const struct wr_pkt *p,
				      struct wr_work *w, int dir)
{
	int reason;

	wr_to_stack(skb, p, &w->flow, dir);
	w->verdict = WR_PASS;
	reason = send_edit(skb, p, w);
	if (!reason && is_held(skb, p, w, dir))
		w->verdict = WR_DROP;
	return reason;
}

static __always_inline int send_redirect(struct __sk_buff *skb, const struct wr_pkt *p,
					 struct wr_work *w, const struct wr_way *way)
{
	if (!way->ep)
		w->verdict = fast_redirect(skb, way);
	else if (wr_is_routed(p))
		w->verdict = wr_out_ep(skb, way->ep);
	else
		w->verdict = wr_out_ep_plain(skb, way->ep);
	return w->verdict == TC_ACT_REDIRECT ? 0 : WR_REASON_REDIRECT;
}

static __always_inline int send_away(struct __sk_buff *skb, const struct wr_pkt *p,
				     struct wr_work *w, const struct wr_way *way, int dir)
{
	struct ethhdr *eth;
	int reason;

	if (wr_is_routed(p) && !take_hop(skb, p))
		return WR_REASON_TTL;
	reason = send_edit(skb, p, w);
	if (reason)
		return reason;
	if (is_held(skb, p, w, dir)) {
		w->verdict = WR_DROP;
		return 0;
	}
	eth = wr_pkt_eth(skb);
	if (way->ep && eth)
		set_macs(eth, way->ep);
	return send_redirect(skb, p, w, way);
}

/* 0: there is no such way. Each is asked for by itself: of "neither" newer compilers make arithmetic with pointers. */
static __always_inline int send_where(__u32 number, struct wr_way *way)
{
	if (number & WR_OUT_EP) {
		way->ep = wr_ep_get(number & ~WR_OUT_EP);
		return way->ep != NULL;
	}
	way->nh = wr_nexthop_get(number);
	return way->nh != NULL;
}

/* By the host's tables, past its stack. */
WR_GLOBAL int wr_send_routed(struct __sk_buff *skb, const struct wr_pkt *p, struct wr_work *w, int dir)
{
	int reason;

	w = wr_work_again(w);
	if (!p || !w)
		return WR_REASON_INTERNAL;
	reason = wr_fib_find(skb, p, w, dir);
	if (reason)
		return reason;
	if (wr_is_routed(p) && !take_hop(skb, p))
		return WR_REASON_TTL;
	reason = send_edit(skb, p, w);
	if (reason)
		return reason;
	w->verdict = wr_out_fib(skb, &w->fib);
	return w->verdict == TC_ACT_REDIRECT ? 0 : WR_REASON_REDIRECT;
}

/*
 * To the backend's node by the tunnel. What is too large and may be cut is cut outside: the client's own stack would have to be asked
 * else. IPv6 is never cut on its way, neither in the tunnel.
 */
WR_GLOBAL int wr_send_direct(struct __sk_buff *skb, const struct wr_pkt *p, struct wr_work *w)
{
	const struct wr_nexthop *nh;
	struct ethhdr *eth;

	w = wr_work_again(w);
	if (!p || !w)
		return WR_REASON_INTERNAL;
	nh = wr_nexthop_get(WR_OUT_NUMBER(w->flow.out[WR_FLOW_ORIG]));
	if (!nh || !wr_has_tunnel(nh))
		return WR_REASON_NO_TUNNEL;
	w->mtu = nh->tunnel_mtu;
	if (!wr_fits(skb, p, w->mtu) && !(may_fragment(skb, p) && wr_addr_is4(&nh->outer_src)))
		return WR_REASON_TOO_BIG;
	if (!take_hop(skb, p))
		return WR_REASON_TTL;
	eth = wr_pkt_eth(skb);
	if (!eth)
		return WR_REASON_INTERNAL;
	wr_direct_put(eth, &w->flow);
	w->verdict = wr_out_tunnel(skb, nh);
	return w->verdict == TC_ACT_REDIRECT ? 0 : WR_REASON_REDIRECT;
}

/* The node's own answer is on its way out by another uplink than its client came in by. */
static __always_inline int goes_astray(const struct __sk_buff *skb, const struct wr_work *w, int dir)
{
	return WR_THIS_HOOK == WR_HOOK_UPLINK_EGRESS && dir == WR_FLOW_REPLY &&
	       w->flow.in_ifindex && w->flow.in_ifindex != skb->ifindex;
}

/* Where the stack decides: for translated packets by its tables alone, unless the node itself is meant. */
static __always_inline int send_by_stack(struct __sk_buff *skb, const struct wr_pkt *p,
					 struct wr_work *w, int dir)
{
	int passes = wr_is_routed(p) && WR_OUT_NUMBER(w->flow.out[dir & 1]) != WR_NEXTHOP_STACK;
	int reason;

	if (!(w->flow.state & WR_FLOW_TRANSLATED) || (!passes && !goes_astray(skb, w, dir)))
		return send_stack(skb, p, w, dir);
	reason = wr_send_routed(skb, p, w, dir);
	return reason == WR_REASON_NO_ROUTE && !passes ? send_stack(skb, p, w, dir) : reason;
}

/* Masqueraded packets would be martians to the stack. */
static __always_inline int may_use_stack(const struct wr_work *w)
{
	return !(w->flow.state & WR_FLOW_MASQ);
}

/*
 * Sends the packet in direction @dir of w->flow, whose entry is @live (NULL: just made). 0: w->verdict
 * is set.
 */
WR_GLOBAL int wr_send(struct __sk_buff *skb, struct wr_pkt *p, struct wr_work *w,
		      struct wr_flow *live, int dir)
{
	struct wr_way way = {};
	__u32 number;

	if (!p || !w)
		return WR_REASON_INTERNAL;
	wr_fix_type(skb, p);
	send_way(w, live, dir);
	number = WR_OUT_NUMBER(w->flow.out[dir & 1]);
	if (wr_is_direct(w->flow.state, dir))
		return wr_send_direct(skb, p, w);
	/* Already there, unless its backend has left since its socket chose it. */
	if (WR_THIS_HOOK == WR_HOOK_POD_INGRESS &&
	    (dir == WR_FLOW_REPLY || !(w->flow.state & WR_FLOW_SERVICE)))
		return send_stack(skb, p, w, dir);
	if (!send_where(number, &way))
		return WR_REASON_NO_ROUTE;
	if (way.nh && way.nh->kind == WR_NH_STACK)
		return send_by_stack(skb, p, w, dir);
	if (way.nh && way.nh->kind == WR_NH_DROP)
		return WR_REASON_NO_ROUTE;
	w->mtu = way.ep ? way.ep->mtu : way.nh->mtu;
	if (wr_fits(skb, p, w->mtu))
		return send_away(skb, p, w, &way, dir);
	if (may_fragment(skb, p) && may_use_stack(w))
		return send_stack(skb, p, w, dir);
	return WR_REASON_TOO_BIG;
}

#endif
