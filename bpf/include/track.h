/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The slow path: every packet that is not plainly of a flow whose verdict holds.
 *
 *	fragment -> ICMP error or flow -> sender -> judged again, or begun -> state, promotion -> sent
 */
#ifndef WR_BPF_TRACK_H
#define WR_BPF_TRACK_H

#include "bpf/include/answer.h"
#include "bpf/include/frag.h"
#include "bpf/include/life.h"
#include "bpf/include/send.h"

/* Not reasons: no flow covers the packet any more, it begins one; or, if that is allowed, one in this one's place. */
#define BEGIN   (-2)
#define REPLACE (-3)

/* Stores what judging again has changed, the judged word last. An element of the LRU is replaced whole. */
static __always_inline void store_judged(struct wr_work *w, struct wr_flow *live)
{
	if (!(w->flow.state & WR_FLOW_PROMOTED)) {
		bpf_map_update_elem(&wr_new_flows, &w->key, &w->flow, BPF_EXIST);
		return;
	}
	WRITE_ONCE(*(__u64 *)&live->src_identity, *(__u64 *)&w->flow.src_identity);
	WRITE_ONCE(*(__u64 *)&live->rule_egress, *(__u64 *)&w->flow.rule_egress);
	WRITE_ONCE(live->judged, w->flow.judged);
}

/* Has the flow's backend left? */
static __always_inline int backend_left(const struct wr_flow *flow)
{
	const struct wr_backend *be = bpf_map_lookup_elem(&wr_backends, &flow->backend);

	return flow->backend && (!be || be->state == WR_BACKEND_FREE);
}

/* Datagrams that a backend sent before it left are still its client's; the client's next one moves on. */
static __always_inline int is_late_answer(const struct wr_pkt *p, const struct wr_work *w)
{
	return p->key.proto != IPPROTO_TCP && wr_flow_dir_of(p, w->flow.state) == WR_FLOW_REPLY;
}

/* An end that routes for others keeps its number though its address is not the flow's. */
static __always_inline void keep_router(__u32 was, __u32 *now)
{
	const struct wr_endpoint *ep = wr_ep_is_pod(was) ? wr_ep_get(was) : NULL;

	if (ep && ep->flags & WR_EP_ANY_SOURCE)
		*now = was;
}

/* What began by a domain's name goes on when that name's time is over; nothing begins by it any more. */
static __always_inline void keep_named(struct wr_ends *e)
{
	if (e->dst_ep == WR_EP_NONE && WR_PEER_FORMER(e->dst_peer))
		e->dst_identity = WR_PEER_FORMER(e->dst_peer);
}

/*
 * Judges the flow again, in its originator's direction. Its ends must be who they were and its backend there, else
 * BEGIN; a TCP connection to a backend that left is refused.
 */
WR_GLOBAL int wr_judge_again(struct wr_pkt *p, struct wr_work *w, struct wr_flow *live)
{
	__u32 src_ep, dst_ep;
	struct wr_ends *e;
	int reason, left;

	w = wr_work_again(w);
	if (!p || !w || !live)
		return WR_REASON_INTERNAL;
	e = &w->ends;
	src_ep = w->flow.src_ep;
	dst_ep = w->flow.dst_ep;
	wr_ends_of_flow(&w->key, &w->flow, e);
	wr_resolve_src(e);
	wr_resolve_dst(e);
	keep_named(e);
	keep_router(src_ep, &e->src_ep);
	keep_router(dst_ep, &e->dst_ep);
	left = backend_left(&w->flow);
	if (left && !is_late_answer(p, w)) {
		w->refuse = 1;
		return p->key.proto == IPPROTO_TCP ? WR_REASON_NO_BACKEND : BEGIN;
	}
	if (e->src_ep != src_ep || e->dst_ep != dst_ep)
		return BEGIN;
	reason = wr_judge(p, w);
	if (left || wr_hears_names(&w->flow))
		wr_judge_always(&w->flow);
	store_judged(w, live);
	return reason;
}

/* What shadow mode would have dropped. A function of its own, for the callers' stacks. */
WR_GLOBAL int wr_report_audit(struct __sk_buff *skb, struct wr_pkt *p, struct wr_work *w)
{
	WR_KEEP(skb);
	if (!p || !w || !w->audit)
		return 0;
	p->rule = w->audit_rule;
	p->dir = (__u8)w->audit_dir;
	emit(skb, p, w, WR_EVENT_AUDIT, w->audit);
	return 0;
}

/* Another tuple's partner is no partner: the other half was evicted. */
static __always_inline int lost_partner(struct wr_work *w)
{
	return w->flow.state & WR_FLOW_TRANSLATED && !(w->flow.state & WR_FLOW_PROMOTED) &&
	       !wr_partner_find(w);
}

/* The sender is not the one that the flow remembers: a forger, or the address has changed hands. */
static __always_inline int strange_sender(struct __sk_buff *skb, struct wr_pkt *p, struct wr_work *w)
{
	int reason;

	wr_ends_of_pkt(p, &w->ends);
	reason = wr_source(skb, p, w);
	return reason ? reason : BEGIN;
}

/* A new connection under the tuple of a flow that is about to end, or from the side that was called. */
static __always_inline int anew(const struct wr_work *w, int dir)
{
	if (dir == WR_FLOW_ORIG)
		return BEGIN;
	return w->flow.state & WR_FLOW_TRANSLATED ? WR_REASON_TCP_STATE : REPLACE;
}

/*
 * Nobody has answered at an address that has become a service's: who spoke too early (a resolver that was started before the
 * cluster's DNS) is not left behind.
 */
static __always_inline int has_become_service(const struct wr_pkt *p, const struct wr_work *w, int dir)
{
	const __u64 settled = WR_FLOW_SERVICE | WR_FLOW_SOCKET | WR_FLOW_ANSWERED;
	const __u64 looks = WR_FLOW_PROMOTED | WR_FLOW_STRANGER;
	__u64 state = w->flow.state;
	struct wr_frontend fe = {};
	const struct wr_service *svc;

	if (!has_services(p) || dir != WR_FLOW_ORIG || (state & looks) == WR_FLOW_PROMOTED)
		return 0;
	if (!(state & WR_FLOW_PROMOTED)) /* lost_partner() has found it */
		state |= answers_of(w)->state;
	if (state & settled || p->flags & WR_PKT_ICMP)
		return 0;
	fe.addr = *wr_pkt_dst(p);
	fe.port = wr_pkt_dport(p);
	fe.proto = p->key.proto;
	svc = wr_frontend_get(&fe);
	return svc && !(svc->flags & WR_SVC_NO_TRANSLATE);
}

/* May this packet go on as one of the flow? 0, a reason, BEGIN or REPLACE. */
WR_GLOBAL int wr_check_flow(struct __sk_buff *skb, struct wr_pkt *p, struct wr_work *w,
			    struct wr_flow *live, int dir)
{
	int reason;

	WR_KEEP(skb);
	w = wr_work_again(w);
	if (!p || !w || !live)
		return WR_REASON_INTERNAL;
	if (p->key.proto == IPPROTO_TCP && wr_tcp_is_anew(p, w->flow.state, dir))
		return anew(w, dir);
	if (lost_partner(w) || has_become_service(p, w, dir))
		return BEGIN;
	if (!wr_sender_ok(skb, p, &w->flow, wr_eps_of(&w->flow), dir))
		return strange_sender(skb, p, w);
	p->ep = dir == WR_FLOW_ORIG ? w->flow.src_ep : w->flow.dst_ep;
	if (wr_judged_fresh(&w->flow, wr_eps_of(&w->flow)))
		return 0;
	reason = wr_judge_again(p, w, live);
	if (!reason)
		wr_report_audit(skb, p, w);
	return reason;
}

/*
 * The packet's flow, copied to w->flow under w->key. Of a translated flow each tuple carries one direction: a pod that
 * talks to a backend directly, from the port it also talks to the service, has a tuple of its own (alt). What comes against the
 * originator's tuple (a late datagram of a backend whose client's socket was steered elsewhere, a forger who sends under a service's
 * address) is no packet of that flow, and must not take its place either.
 */
static __noinline struct wr_flow *find_flow(struct wr_pkt *p, struct wr_work *w, int *ret_dir)
{
	struct wr_flow *live;
	int i;

	for (i = 0; i < 2; i++) {
		w->key = p->key;
		live = wr_entry_find(&w->key, &w->flow);
		if (!live)
			return NULL;
		*ret_dir = wr_flow_dir_of(p, w->flow.state);
		if (!(w->flow.state & WR_FLOW_TRANSLATED) ||
		    !!(w->flow.state & WR_FLOW_REPLY_TUPLE) == *ret_dir)
			return live;
		w->held = *ret_dir != WR_FLOW_ORIG;
		if (w->held || p->key.alt)
			return NULL;
		p->key.alt = 1;
	}
	return NULL;
}

static __always_inline int begin(struct __sk_buff *skb, struct wr_pkt *p, struct wr_work *w)
{
	int reason = wr_begin(skb, p, w);

	if (reason)
		return reason;
	wr_report_audit(skb, p, w);
	if (wr_on(WR_SW_FLOW_EVENTS) && !w->held)
		emit(skb, p, w, WR_EVENT_FLOW_NEW, 0);
	return wr_send(skb, p, w, NULL, wr_flow_dir_of(p, w->flow.state));
}

/* The old flow, untranslated, ends when the new one is allowed. In the LRU it is overwritten. */
static __always_inline int replace(struct __sk_buff *skb, struct wr_pkt *p, struct wr_work *w,
				   struct wr_flow *live)
{
	__u64 state = w->flow.state;
	int reason = begin(skb, p, w);

	if (!reason && state & WR_FLOW_PROMOTED)
		kill_entry(&w->key, live, live);
	return reason;
}

/* A packet with ports (or without any use for them): of a flow, or the first of one. */
static __always_inline int track_flow(struct __sk_buff *skb, struct wr_pkt *p, struct wr_work *w)
{
	struct wr_flow *live;
	int dir = 0, reason;

	live = find_flow(p, w, &dir);
	if (!live)
		return begin(skb, p, w);
	reason = wr_check_flow(skb, p, w, live, dir);
	if (reason == BEGIN || reason == WR_REASON_NO_BACKEND)
		wr_kill(w, live);
	if (reason == BEGIN)
		return begin(skb, p, w);
	if (reason == REPLACE)
		return replace(skb, p, w, live);
	if (reason)
		return reason;
	wr_advance(skb, p, w, live, dir);
	return wr_send(skb, p, w, live, dir);
}

/*
 * An error about what a service's address has sent, of no flow known here. The backend's node has answered the client directly, and
 * routers on that way speak to any of us: where the tables lead to is who has to know.
 */
WR_GLOBAL int wr_error_direct(struct __sk_buff *skb, struct wr_pkt *p, struct wr_work *w)
{
	struct wr_quote *q;
	struct wr_lb_tuple *t;

	w = wr_work_again(w);
	if (!p || !w)
		return WR_REASON_INTERNAL;
	q = &w->quote;
	t = &w->tuple;
	init_flow(p, w, skb->ifindex);
	t->src = q->from_b ? q->key.a : q->key.b;
	t->dst = q->from_b ? q->key.b : q->key.a;
	t->sport = q->from_b ? q->key.port_a : q->key.port_b;
	t->dport = q->from_b ? q->key.port_b : q->key.port_a;
	t->proto = q->key.proto;
	t->scope = WR_SCOPE_EXTERNAL;
	t->flags = 0;
	if (wr_lb_select(t, &w->pick) || !goes_direct(w))
		return WR_REASON_ICMP_UNRELATED;
	begin_direct(w);
	wr_ways_out(&w->ends, &w->flow);
	return wr_send_direct(skb, p, w);
}

/* An error about a flow that is not known: the node's own are its stack's. */
static __always_inline int unrelated(struct __sk_buff *skb, struct wr_pkt *p, struct wr_work *w)
{
	int reason;

	wr_ends_of_pkt(p, &w->ends);
	reason = wr_source(skb, p, w);
	if (reason)
		return reason;
	wr_resolve_dst(&w->ends);
	/* To the stack it would be a packet to be routed on, and to come back. */
	if (WR_THIS_HOOK == WR_HOOK_UPLINK_INGRESS && wr_lb_owns(&w->ends.dst))
		return wr_error_direct(skb, p, w);
	if (w->ends.from_node || w->ends.dst_ep == WR_EP_HOST)
		return WR_NOT_OURS;
	if (WR_THIS_HOOK == WR_HOOK_UPLINK_INGRESS && w->ends.dst_ep == WR_EP_NONE)
		return WR_NOT_OURS;
	return WR_REASON_ICMP_UNRELATED;
}

/* Errors come from the flow's other end or a router on the way to it: on the same side, not from us. */
static __always_inline int related_sender(struct __sk_buff *skb, struct wr_pkt *p,
					  struct wr_work *w, int dir)
{
	if (!wr_sender_ok(skb, p, &w->flow, wr_eps_of(&w->flow), dir))
		return strange_sender(skb, p, w) == BEGIN ? WR_REASON_ICMP_UNRELATED :
							    WR_REASON_SPOOFED_ADDR;
	wr_ends_of_pkt(p, &w->ends);
	if (WR_THIS_HOOK == WR_HOOK_POD_EGRESS)
		return wr_source(skb, p, w);
	if (!w->ends.from_node && !wr_from_node(skb) && wr_ep_find(&w->ends.src) != WR_EP_NONE)
		return WR_REASON_SPOOFED_NODE;
	return 0;
}

static __always_inline int track_error(struct __sk_buff *skb, struct wr_pkt *p, struct wr_work *w)
{
	struct wr_flow *live;
	int dir = 0, reason;

	live = wr_related_find(skb, p, w, &dir);
	if (!live)
		return unrelated(skb, p, w);
	w->key = w->quote.key;
	reason = related_sender(skb, p, w, dir);
	if (reason)
		return reason;
	if (!wr_judged_fresh(&w->flow, wr_eps_of(&w->flow))) {
		reason = wr_judge_again(p, w, live);
		if (reason)
			return reason == BEGIN ? WR_REASON_ICMP_UNRELATED : reason;
	}
	return wr_send(skb, p, w, live, dir);
}

static __always_inline int track(struct __sk_buff *skb, struct wr_pkt *p, struct wr_work *w)
{
	int reason;

	if (p->flags & (WR_PKT_FRAG_FIRST | WR_PKT_FRAG_LATER)) {
		reason = wr_fragment(skb, p);
		if (reason)
			return reason;
	}
	return p->flags & WR_PKT_ICMP_ERROR ? track_error(skb, p, w) : track_flow(skb, p, w);
}

static __always_inline void forget(struct wr_work *w)
{
	w->flow.src_ep = w->flow.dst_ep = WR_EP_NONE;
	w->flow.src_identity = w->flow.dst_identity = 0;
	w->flow.service = w->flow.backend = 0;
	w->refuse = w->audit = w->held = 0;
}

/* Returns the verdict. */
WR_GLOBAL int wr_slow(struct __sk_buff *skb, struct wr_pkt *p)
{
	struct wr_work *w = wr_work_get();
	int reason;

	if (!p)
		return WR_DROP;
	if (!w)
		return wr_drop(skb, p, NULL, WR_REASON_INTERNAL);
	forget(w);
	reason = track(skb, p, w);
	if (!reason)
		return w->verdict;
	if (reason == WR_NOT_OURS)
		return WR_PASS;
	wr_drop(skb, p, w, reason);
	return wr_answer(skb, p, w, reason);
}

#endif
