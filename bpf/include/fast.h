/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The packets that a verdict in force already covers: nothing is decided here. Whatever is not plain (no entry, a
 * changed generation, TCP flags that move the state, fragments, ICMP errors, TTL, size) is WR_SLOW, before a byte is
 * written.
 */
#ifndef WR_BPF_FAST_H
#define WR_BPF_FAST_H

#include "bpf/include/direct.h"
#include "bpf/include/flow.h"
#include "bpf/include/gen.h"
#include "bpf/include/out.h"
#include "bpf/include/rewrite.h"
#include "bpf/include/source.h"
#include "bpf/include/summed.h"

#define GSO_BY_FRAGS 0xffff

#define WR_SLOW 100 /* no verdict of the kernel's */

enum wr_pkt_odd {
	WR_PKT_ODD = WR_PKT_FRAG_FIRST | WR_PKT_FRAG_LATER | WR_PKT_ICMP_ERROR,
	WR_TCP_ODD = WR_TCP_FLAG_SYN | WR_TCP_FLAG_FIN | WR_TCP_FLAG_RST,
};

#define WR_LOOK_SHIFT 8 /* jiffies: a quarter of a second to two */

/* Nobody has answered, so now and then it is looked whether a service has come to have the address. */
static __always_inline int wants_look(const struct wr_flow *flow, __u64 state)
{
	return state & WR_FLOW_STRANGER && (flow->seen ^ bpf_jiffies64()) >> WR_LOOK_SHIFT;
}

/* The flow of a plain packet in @ret_dir's direction; NULL: not plain. */
static __always_inline struct wr_flow *fast_find(const struct wr_pkt *p, int *ret_dir)
{
	struct wr_flow *flow;
	__u64 state;

	if (p->flags & WR_PKT_ODD || p->tcp_flags & WR_TCP_ODD)
		return NULL;
	flow = wr_flow_find(&p->key);
	if (!flow)
		return NULL;
	state = READ_ONCE(flow->state);
	*ret_dir = wr_flow_dir_of(p, state);
	if (state & WR_FLOW_DEAD || wants_look(flow, state))
		return NULL;
	/* Of a translated flow each tuple carries one direction. */
	if (state & WR_FLOW_TRANSLATED && !!(state & WR_FLOW_REPLY_TUPLE) != *ret_dir)
		return NULL;
	return flow;
}

/* After the flow's checks: it has seen a packet. */
static __always_inline void wr_flow_count(struct wr_flow *flow, int dir, __u32 len)
{
	__u32 now = (__u32)bpf_jiffies64();

	if (flow->seen != now)
		WRITE_ONCE(flow->seen, now);
	if (dir == WR_FLOW_ORIG) {
		flow->packets[WR_FLOW_ORIG]++;
		flow->bytes[WR_FLOW_ORIG] += len;
	} else {
		flow->packets[WR_FLOW_REPLY]++;
		flow->bytes[WR_FLOW_REPLY] += len;
	}
}

/* Where it goes: a local pod or a next hop; exactly one is not NULL. */
struct wr_way {
	const struct wr_endpoint *ep;
	const struct wr_nexthop *nh;
};

static __always_inline int fast_way(__u64 out, const struct wr_endpoint *to, struct wr_way *way)
{
	__u32 number = WR_OUT_NUMBER(out);

	if (number & WR_OUT_EP) {
		way->ep = to;
		return to != NULL;
	}
	way->nh = wr_nexthop_get(number);
	return way->nh && READ_ONCE(way->nh->gen) == WR_OUT_GEN(out);
}

/* What a rewritten packet has besides its network header. NULL: it is not there. */
struct wr_l4 {
	__be16 *ports;
	__sum16 *check;
};

static __always_inline struct wr_l4 fast_l4(const struct __sk_buff *skb, const struct wr_pkt *p)
{
	struct udphdr *uh;
	struct tcphdr *th;

	if (p->key.proto == IPPROTO_UDP) {
		uh = wr_pkt_l4(skb, p, sizeof(*uh));
		return uh ? (struct wr_l4){ &uh->source, &uh->check } : (struct wr_l4){};
	}
	th = wr_pkt_l4(skb, p, sizeof(*th));
	return th ? (struct wr_l4){ &th->source, &th->check } : (struct wr_l4){};
}

/* Ports, and the checksum where it can be changed in place. Returns whether there is none. */
static __always_inline int fast_ports(const struct wr_pkt *p, const struct wr_flow *flow,
				      struct wr_l4 l4, enum wr_summed summed)
{
	l4.ports[0] = flow->new_sport;
	l4.ports[1] = flow->new_dport;
	if (is_unsummed(p, *l4.check))
		return 1;
	if (summed != WR_SUMMED_UNKNOWN)
		wr_sum_apply(l4.check, summed, p->key.proto == IPPROTO_UDP, flow->l3_diff,
			     flow->l4_diff);
	return 0;
}

/* 0: the packet is as it was. */
static __always_inline int fast_edit4(struct __sk_buff *skb, const struct wr_pkt *p,
				      const struct wr_flow *flow, const struct wr_way *way,
				      enum wr_summed summed)
{
	struct iphdr *ip = wr_pkt_l3(skb, sizeof(*ip));
	struct ethhdr *eth = wr_pkt_eth(skb);
	struct wr_l4 l4;

	if (!ip || !eth || ip->ttl <= 1)
		return 0;
	if (flow->state & WR_FLOW_TRANSLATED) {
		l4 = fast_l4(skb, p);
		if (!l4.ports)
			return 0;
		ip->saddr = flow->new_src.w[3];
		ip->daddr = flow->new_dst.w[3];
		check_apply(&ip->check, flow->l3_diff);
		if (fast_ports(p, flow, l4, summed))
			bpf_csum_update(skb, flow->l4_diff);
		else if (summed == WR_SUMMED_COMPLETE) /* the rest levels out */
			bpf_csum_update(skb, (__u16)~flow->l3_diff);
	}
	if (way->ep)
		set_macs(eth, way->ep);
	ttl_dec4(ip);
	return 1;
}

static __always_inline int fast_edit6(struct __sk_buff *skb, const struct wr_pkt *p,
				      const struct wr_flow *flow, const struct wr_way *way,
				      enum wr_summed summed)
{
	struct ipv6hdr *ip = wr_pkt_l3(skb, sizeof(*ip));
	struct ethhdr *eth = wr_pkt_eth(skb);
	struct wr_l4 l4;

	if (!ip || !eth || ip->hop_limit <= 1)
		return 0;
	if (flow->state & WR_FLOW_TRANSLATED) {
		l4 = fast_l4(skb, p);
		if (!l4.ports)
			return 0;
		memcpy(&ip->saddr, &flow->new_src, sizeof(ip->saddr));
		memcpy(&ip->daddr, &flow->new_dst, sizeof(ip->daddr));
		if (fast_ports(p, flow, l4, summed))
			bpf_csum_update(skb, csum_add(flow->l3_diff, flow->l4_diff));
		else if (summed == WR_SUMMED_UNKNOWN)
			bpf_csum_update(skb, flow->l3_diff);
	}
	if (way->ep)
		set_macs(eth, way->ep);
	ip->hop_limit--;
	if (summed == WR_SUMMED_COMPLETE || summed == WR_SUMMED_UNKNOWN)
		bpf_csum_update(skb, WR_HOP_DIFF);
	return 1;
}

/* What the segments measure that a GSO packet will be cut into. */
static __always_inline __u32 segment_len(const struct __sk_buff *skb, const struct wr_pkt *p)
{
	const struct tcphdr *th = wr_pkt_l4(skb, p, sizeof(*th));
	__u32 headers = p->l4_off - ETH_HLEN + sizeof(struct udphdr);

	if (p->key.proto == IPPROTO_TCP && th)
		headers = p->l4_off - ETH_HLEN + th->doff * 4;
	return skb->gso_size + headers;
}

/* Do they fit? SCTP's are cut as its sender made them. */
static __always_inline int segments_fit(const struct __sk_buff *skb, const struct wr_pkt *p, __u32 mtu)
{
	if (skb->gso_size == GSO_BY_FRAGS)
		return 1;
	return skb->gso_size && segment_len(skb, p) <= mtu;
}

static __always_inline int wr_fits(const struct __sk_buff *skb, const struct wr_pkt *p, __u32 mtu)
{
	return likely(wr_pkt_len(skb) <= mtu) || segments_fit(skb, p, mtu);
}

static __always_inline int fast_redirect(struct __sk_buff *skb, const struct wr_way *way)
{
	if (way->ep)
		return wr_out_ep(skb, way->ep);
	if (way->nh->kind == WR_NH_TUNNEL)
		return wr_out_tunnel(skb, way->nh);
	return wr_out_neigh(skb, way->nh);
}

/* Does the packet pass this node as a router? What the node itself sends does not. */
static __always_inline int wr_is_routed(const struct wr_pkt *p)
{
	return WR_THIS_HOOK == WR_HOOK_POD_EGRESS || WR_THIS_HOOK == WR_HOOK_UPLINK_INGRESS ||
	       WR_THIS_HOOK == WR_HOOK_OVERLAY_INGRESS;
}

/* Inner MACs mean nothing, but stacks look at what was made of them. */
static __always_inline void wr_fix_type(struct __sk_buff *skb, const struct wr_pkt *p)
{
	if (WR_THIS_HOOK == WR_HOOK_OVERLAY_INGRESS && skb->pkt_type != WR_PACKET_HOST)
		bpf_skb_change_type(skb, WR_PACKET_HOST);
}

/* To the stack, or on where it was going. What the node itself gets needs no mark: it ends here. */
static __always_inline void wr_to_stack(struct __sk_buff *skb, const struct wr_pkt *p,
					const struct wr_flow *flow, int dir)
{
	__u32 to = dir == WR_FLOW_ORIG ? flow->dst_ep : flow->src_ep;

	if (wr_is_routed(p) && to != WR_EP_HOST)
		wr_mark_judged(skb);
}

static __always_inline int fast_stack(struct __sk_buff *skb, const struct wr_pkt *p,
				      struct wr_flow *flow, int dir)
{
	if (flow->state & WR_FLOW_TRANSLATED)
		return WR_SLOW;
	wr_flow_count(flow, dir, skb->len);
	wr_fix_type(skb, p);
	wr_to_stack(skb, p, flow, dir);
	return WR_PASS;
}

/* To the backend's node as it is, but for the hop. */
static __always_inline int fast_direct(struct __sk_buff *skb, const struct wr_pkt *p,
				       struct wr_flow *flow, const struct wr_way *way)
{
	struct ethhdr *eth;

	if (!wr_has_tunnel(way->nh) || !wr_fits(skb, p, way->nh->tunnel_mtu))
		return WR_SLOW;
	if (!(p->flags & WR_PKT_V6 ? fast_edit6(skb, p, flow, way, wr_summed(skb)) :
				     fast_edit4(skb, p, flow, way, wr_summed(skb))))
		return WR_SLOW;
	eth = wr_pkt_eth(skb);
	if (!eth)
		return WR_DROP;
	wr_direct_put(eth, flow);
	wr_flow_count(flow, WR_FLOW_ORIG, skb->len);
	return wr_out_tunnel(skb, way->nh);
}

/* Sends a packet of a flow whose verdict was found in force. */
static __always_inline int fast_send(struct __sk_buff *skb, const struct wr_pkt *p,
				     struct wr_flow *flow, struct wr_eps eps, int dir)
{
	__u64 out = dir == WR_FLOW_ORIG ? flow->out[WR_FLOW_ORIG] : flow->out[WR_FLOW_REPLY];
	int translated = flow->state & WR_FLOW_TRANSLATED, edited;
	enum wr_summed summed;
	struct wr_way way = {};

	if (WR_THIS_HOOK == WR_HOOK_POD_INGRESS)
		return fast_stack(skb, p, flow, dir);
	if (!fast_way(out, dir == WR_FLOW_ORIG ? eps.dst : eps.src, &way))
		return WR_SLOW;
	if (wr_is_direct(flow->state, dir))
		return fast_direct(skb, p, flow, &way);
	if (way.nh && way.nh->kind == WR_NH_STACK)
		return fast_stack(skb, p, flow, dir);
	if (!wr_is_routed(p))
		return WR_SLOW;
	if ((way.nh && way.nh->kind == WR_NH_DROP) ||
	    !wr_fits(skb, p, way.ep ? way.ep->mtu : way.nh->mtu))
		return WR_SLOW;
	if (translated && p->key.proto != IPPROTO_TCP && p->key.proto != IPPROTO_UDP)
		return WR_SLOW;
	summed = wr_summed(skb);
	edited = p->flags & WR_PKT_V6 ? fast_edit6(skb, p, flow, &way, summed) :
					fast_edit4(skb, p, flow, &way, summed);
	if (!edited)
		return WR_SLOW;
	wr_flow_count(flow, dir, skb->len);
	wr_fix_type(skb, p);
	if (translated && summed == WR_SUMMED_UNKNOWN)
		l4_check_apply(skb, p, flow->l3_diff, flow->l4_diff);
	return fast_redirect(skb, &way);
}

/* The verdict, or WR_SLOW. */
static __always_inline int wr_fast(struct __sk_buff *skb, const struct wr_pkt *p)
{
	struct wr_flow *flow;
	struct wr_eps eps;
	int dir;

	flow = fast_find(p, &dir);
	if (!flow)
		return WR_SLOW;
	eps = wr_eps_of(flow);
	if (!wr_sender_ok(skb, p, flow, eps, dir) || !wr_judged_fresh(flow, eps))
		return WR_SLOW;
	return fast_send(skb, p, flow, eps, dir);
}

#endif
