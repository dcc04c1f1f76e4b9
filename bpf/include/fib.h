/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The host's routing tables, asked about translated packets. The stack itself would not take them: their source is the node's or a
 * service's address, and what comes in with one of its own is a martian to it.
 */
#ifndef WR_BPF_FIB_H
#define WR_BPF_FIB_H

#include "bpf/include/fast.h"
#include "bpf/include/work.h"

/* As the packet will leave. What it measures is compared with the route's MTU. */
static __always_inline void fib_ask(struct __sk_buff *skb, const struct wr_pkt *p, struct wr_work *w)
{
	struct bpf_fib_lookup *fib = &w->fib;
	const struct wr_flow *f = &w->flow;

	memset(fib, 0, sizeof(*fib));
	if (wr_addr_is4(&f->new_dst)) {
		fib->family = AF_INET;
		fib->ipv4_src = f->new_src.w[3];
		fib->ipv4_dst = f->new_dst.w[3];
	} else {
		fib->family = AF_INET6;
		memcpy(fib->ipv6_src, &f->new_src, sizeof(f->new_src));
		memcpy(fib->ipv6_dst, &f->new_dst, sizeof(f->new_dst));
	}
	fib->l4_protocol = p->key.proto;
	fib->sport = f->new_sport;
	fib->dport = f->new_dport;
	if (!skb->gso_size)
		fib->tot_len = wr_pkt_len(skb);
	else if (skb->gso_size != GSO_BY_FRAGS)
		fib->tot_len = segment_len(skb, p);
}

/* 0: w->fib has the way. Neighbours that are not known yet are looked for when the packet is sent. */
static __always_inline int fib_reason(struct wr_work *w, long r)
{
	if (r == BPF_FIB_LKUP_RET_SUCCESS || r == BPF_FIB_LKUP_RET_NO_NEIGH)
		return 0;
	if (r != BPF_FIB_LKUP_RET_FRAG_NEEDED)
		return WR_REASON_NO_ROUTE;
	w->mtu = w->fib.mtu_result;
	return WR_REASON_TOO_BIG;
}

/* The gateway that an uplink has for itself, whichever of them has the best route. */
static __always_inline const struct wr_nexthop *gateway_of(__u32 ifindex)
{
	const struct wr_nexthop *nh;
	__u32 i;

	for (i = WR_NEXTHOP_BACK6; i < WR_NEXTHOP_FIRST; i++) {
		nh = wr_nexthop_get(i);
		if (nh && nh->kind == WR_NH_NEIGH && nh->ifindex == ifindex)
			return nh;
	}
	return NULL;
}

/* w->fib has asked by another interface. */
static __always_inline int back_by_gateway(struct wr_work *w, __u32 len)
{
	const struct wr_nexthop *nh = gateway_of(w->flow.in_ifindex);

	if (w->fib.family != AF_INET6 || !nh)
		return WR_REASON_NO_ROUTE;
	w->mtu = nh->mtu;
	if (len > nh->mtu)
		return WR_REASON_TOO_BIG;
	w->fib.ifindex = nh->ifindex;
	memcpy(w->fib.ipv6_dst, &nh->gateway, sizeof(nh->gateway));
	return 0;
}

/*
 * Back by the interface that the flow came in by, if a route leads there. IPv6 does not insist on an interface: where
 * another one's route is better, it says that one.
 */
static __always_inline int fib_back(struct __sk_buff *skb, const struct wr_pkt *p, struct wr_work *w)
{
	__u32 len;
	int reason;

	fib_ask(skb, p, w);
	len = w->fib.tot_len;
	w->fib.ifindex = w->flow.in_ifindex;
	reason = fib_reason(w, bpf_fib_lookup(skb, &w->fib, sizeof(w->fib), BPF_FIB_LOOKUP_OUTPUT));
	return w->fib.ifindex == w->flow.in_ifindex ? reason : back_by_gateway(w, len);
}

/* 0: w->fib says where to. WR_REASON_NO_ROUTE, or WR_REASON_TOO_BIG with w->mtu. */
WR_GLOBAL int wr_fib_find(struct __sk_buff *skb, const struct wr_pkt *p, struct wr_work *w, int dir)
{
	int reason = WR_REASON_NO_ROUTE;

	w = wr_work_again(w);
	if (!p || !w)
		return WR_REASON_INTERNAL;
	if (dir == WR_FLOW_REPLY && w->flow.in_ifindex)
		reason = fib_back(skb, p, w);
	if (reason != WR_REASON_NO_ROUTE || !wr_is_routed(p))
		return reason;
	fib_ask(skb, p, w);
	w->fib.ifindex = skb->ifindex;
	return fib_reason(w, bpf_fib_lookup(skb, &w->fib, sizeof(w->fib), 0));
}

#endif
