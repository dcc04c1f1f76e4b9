/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Who the ends of a flow are, and whether policy lets them talk. Both ends are judged at once: after redirect_peer no
 * program of the receiver runs.
 */
#ifndef WR_BPF_JUDGE_H
#define WR_BPF_JUDGE_H

#include "bpf/include/drop.h"
#include "bpf/include/gen.h"
#include "bpf/include/policy.h"
#include "bpf/include/work.h"

/* The ends of a packet that begins a flow. */
static __always_inline void wr_ends_of_pkt(const struct wr_pkt *p, struct wr_ends *e)
{
	e->src = *wr_pkt_src(p);
	e->dst = *wr_pkt_dst(p);
	e->sport = wr_pkt_sport(p);
	e->dport = wr_pkt_dport(p);
	e->proto = p->key.proto;
	e->from_node = 0;
}

/* The ends of a flow that has an entry: always the originator's direction, whichever packet asks. */
static __always_inline void wr_ends_of_flow(const struct wr_flow_key *key,
					    const struct wr_flow *flow, struct wr_ends *e)
{
	int orig_b = !!(flow->state & WR_FLOW_ORIG_B);

	e->src = orig_b ? key->b : key->a;
	e->dst = orig_b ? key->a : key->b;
	e->sport = orig_b ? key->port_b : key->port_a;
	e->dport = orig_b ? key->port_a : key->port_b;
	e->proto = key->proto;
	e->from_node = !!(flow->state & WR_FLOW_FROM_HOST);
	if (!(flow->state & WR_FLOW_TRANSLATED))
		return;
	if (flow->state & WR_FLOW_REPLY_TUPLE) {
		e->src = flow->new_dst;
		e->sport = flow->new_dport;
	} else {
		e->dst = flow->new_dst;
		e->dport = flow->new_dport;
	}
}

struct wr_end {
	__u32 ep, identity;
	__u64 peer;
};

/* Who a pod is as a peer, under one of its addresses. */
static __always_inline __u32 wr_ep_identity(const struct wr_endpoint *ep, const struct wr_addr *addr)
{
	return wr_addr_is4(addr) ? READ_ONCE(ep->identity) : READ_ONCE(ep->identity6);
}

/* By value: callers have it from memory that is no map key to every kernel (WR_GLOBAL). */
static __always_inline struct wr_end end_of(struct wr_addr of)
{
	const struct wr_addr *addr = &of;
	struct wr_end end = { .ep = wr_ep_find(addr), .identity = WR_IDENTITY_HOST };
	const struct wr_endpoint *ep;

	if (wr_ep_is_pod(end.ep)) {
		ep = wr_ep_get(end.ep);
		end.identity = ep ? wr_ep_identity(ep, addr) : WR_IDENTITY_UNKNOWN;
	} else {
		end.peer = wr_peer_find(addr);
		end.identity = WR_PEER_IDENTITY(end.peer);
	}
	return end;
}

WR_GLOBAL int wr_resolve_src(struct wr_ends *e)
{
	struct wr_end end;

	if (!e)
		return WR_REASON_INTERNAL;
	end = end_of(e->src);
	e->src_ep = end.ep;
	e->src_identity = end.identity;
	e->src_peer = end.peer;
	return 0;
}

WR_GLOBAL int wr_resolve_dst(struct wr_ends *e)
{
	struct wr_end end;

	if (!e)
		return WR_REASON_INTERNAL;
	end = end_of(e->dst);
	e->dst_ep = end.ep;
	e->dst_identity = end.identity;
	e->dst_peer = end.peer;
	return 0;
}

static __always_inline int pod_moved(__u32 number, const struct wr_addr *addr, __u32 identity)
{
	const struct wr_endpoint *ep = wr_ep_is_pod(number) ? wr_ep_get(number) : NULL;

	return ep && !(ep->flags & WR_EP_ANY_SOURCE) && wr_ep_identity(ep, addr) != identity;
}

/* An address or a pod whose identity changed between the look at it and the look at the generation. */
WR_GLOBAL int wr_ends_moved(const struct wr_ends *e)
{
	if (!e)
		return 1;
	return (e->src_ep == WR_EP_NONE && wr_peer_find(&e->src) != e->src_peer) ||
	       (e->dst_ep == WR_EP_NONE && wr_peer_find(&e->dst) != e->dst_peer) ||
	       pod_moved(e->src_ep, &e->src, e->src_identity) ||
	       pod_moved(e->dst_ep, &e->dst, e->dst_identity);
}

static __always_inline __be16 policy_port(const struct wr_ends *e)
{
	return e->proto == IPPROTO_ICMP || e->proto == IPPROTO_ICMPV6 ? 0 : e->dport;
}

static __always_inline void note_audit(struct wr_work *w, const struct wr_question *q, __u32 rule)
{
	w->audit = q->audited;
	w->audit_rule = rule;
	w->audit_dir = q->dir;
	w->flow.judged |= WR_JUDGED_AUDIT;
}

/* One end's word on it; in shadow mode its denial is only remembered. */
static __always_inline int judge_end(struct wr_work *w, __u8 dir, __u32 *ret_rule)
{
	const struct wr_ends *e = &w->ends;
	const struct wr_endpoint *ep = wr_ep_get(dir == WR_DIR_EGRESS ? e->src_ep : e->dst_ep);
	struct wr_question q = { .dir = dir, .proto = e->proto, .port = policy_port(e) };
	int reason;

	if (!ep)
		return WR_REASON_UNKNOWN_ENDPOINT;
	q.rules = READ_ONCE(ep->rules);
	q.identity = dir == WR_DIR_EGRESS ? e->dst_identity : e->src_identity;
	reason = wr_policy(&q, ret_rule);
	if (reason &&
	    q.rules & (dir == WR_DIR_EGRESS ? WR_RULES_AUDIT_EGRESS : WR_RULES_AUDIT_INGRESS)) {
		q.audited = reason;
		reason = 0;
	}
	if (q.audited)
		note_audit(w, &q, *ret_rule);
	return reason;
}

static __always_inline int judge_egress(struct wr_pkt *p, struct wr_work *w)
{
	const struct wr_ends *e = &w->ends;
	int reason = 0;

	/* A pod reaches its own address, unless through a service. */
	if (wr_ep_is_pod(e->src_ep) && (e->src_ep != e->dst_ep || w->flow.service)) {
		p->ep = e->src_ep;
		p->dir = WR_DIR_EGRESS;
		reason = judge_end(w, WR_DIR_EGRESS, &w->flow.rule_egress);
		p->rule = w->flow.rule_egress;
	}
	if (!reason)
		w->flow.judged |= WR_JUDGED_EGRESS;
	return reason;
}

static __always_inline int judge_ingress(struct wr_pkt *p, struct wr_work *w)
{
	const struct wr_ends *e = &w->ends;
	int reason = 0;

	if (wr_ep_is_pod(e->dst_ep) && !e->from_node && (e->src_ep != e->dst_ep || w->flow.service)) {
		p->ep = e->dst_ep;
		p->dir = WR_DIR_INGRESS;
		reason = judge_end(w, WR_DIR_INGRESS, &w->flow.rule_ingress);
		p->rule = w->flow.rule_ingress;
	}
	if (!reason)
		w->flow.judged |= WR_JUDGED_INGRESS;
	return reason;
}

/* A sum that nothing has: the next packet is judged again. */
static __always_inline void wr_judge_always(struct wr_flow *flow)
{
	flow->judged = ~0ull << WR_JUDGED_SHIFT;
}

/*
 * Judges w->ends; fills what w->flow remembers of it, generations as they were before. 0: both ends allow it, else
 * why not.
 */
WR_GLOBAL int wr_judge(struct wr_pkt *p, struct wr_work *w)
{
	struct wr_ends *e;
	int reason;

	if (!p || !w)
		return WR_REASON_INTERNAL;
	e = &w->ends;
	w->flow.src_ep = e->src_ep;
	w->flow.dst_ep = e->dst_ep;
	w->flow.src_identity = e->src_identity;
	w->flow.dst_identity = e->dst_identity;
	w->flow.judged = wr_gen_sum(&w->flow, wr_eps_of(&w->flow));
	w->audit = 0;
	if (wr_ends_moved(e))
		wr_judge_always(&w->flow);
	reason = judge_egress(p, w);
	if (reason)
		return reason;
	return judge_ingress(p, w);
}

#endif
