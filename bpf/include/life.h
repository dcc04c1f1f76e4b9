/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What a packet does to its flow's entry: state, counters, promotion; and the entry's end. */
#ifndef WR_BPF_LIFE_H
#define WR_BPF_LIFE_H

#include "bpf/include/entry.h"
#include "bpf/include/fast.h"
#include "bpf/include/nat_hint.h"

/* A flow that nobody answers moves out of the LRU after so many packets and seconds. */
#define WR_ONEWAY_PACKETS 16
#define WR_ONEWAY_SECONDS 2

/* @flow: a copy. Sweep tells of what it removes itself. */
static __always_inline void kill_entry(const struct wr_flow_key *key, const struct wr_flow *flow,
				       struct wr_flow *live)
{
	if (!(flow->state & WR_FLOW_PROMOTED)) {
		bpf_map_delete_elem(&wr_new_flows, key);
		wr_nat_given_up(key, flow);
		return;
	}
	WRITE_ONCE(live->seen, (__u32)bpf_jiffies64());
	__sync_fetch_and_or(&live->state, WR_FLOW_DEAD);
}

/* Ends w->flow, both tuples. Sweep removes what is in the table. */
WR_GLOBAL int wr_kill(struct wr_work *w, struct wr_flow *live)
{
	struct wr_flow *partner;

	w = wr_work_again(w);
	if (!w || !live)
		return WR_REASON_INTERNAL;
	if (w->flow.state & WR_FLOW_TRANSLATED) {
		partner = wr_partner_find(w);
		if (partner)
			kill_entry(&w->partner_key, &w->partner, partner);
	}
	kill_entry(&w->key, &w->flow, live);
	return 0;
}

/*
 * The partner of a promoted TCP flow shares its connection's state. Whoever is second to change a word leaves it: the
 * next segment or the timeout will tell.
 */
static __always_inline void tell_partner(struct wr_work *w)
{
	const __u64 shared = WR_FLOW_TCP_MASK | WR_FLOW_FIN_ORIG | WR_FLOW_FIN_REPLY;
	struct wr_flow *partner = wr_partner_find(w);

	__u64 old = w->partner.state;

	if (partner && old & WR_FLOW_PROMOTED)
		__sync_val_compare_and_swap(&partner->state, old,
					    (old & ~shared) | (w->flow.state & shared));
}

static __always_inline void advance_promoted(struct wr_work *w, struct wr_flow *live, __u64 old)
{
	if (w->flow.state == old)
		return;
	__sync_val_compare_and_swap(&live->state, old, w->flow.state);
	if (w->flow.state & WR_FLOW_TRANSLATED)
		tell_partner(w);
}

/* The entry that has seen the answers: of a translated flow the reply tuple's. */
static __always_inline const struct wr_flow *answers_of(const struct wr_work *w)
{
	return w->flow.state & WR_FLOW_TRANSLATED ? &w->partner : &w->flow;
}

/* Unanswered, but old and busy enough. TCP only where answers go another way. */
static __always_inline int is_oneway(const struct wr_pkt *p, const struct wr_flow *f)
{
	if (p->key.proto == IPPROTO_TCP && !(f->state & WR_FLOW_DSR))
		return 0;
	return f->packets[WR_FLOW_ORIG] >= WR_ONEWAY_PACKETS &&
	       WR_FLOW_CREATED(bpf_jiffies64()) - f->created >=
		       WR_FLOW_CREATED(WR_ONEWAY_SECONDS * (__u64)wr_cfg.hz);
}

/* To an address that nobody in the cluster has: so far. */
static __always_inline int is_stranger(const struct wr_flow *f)
{
	return !(f->state & (WR_FLOW_SERVICE | WR_FLOW_SOCKET)) &&
	       WR_OUT_NUMBER(f->out[WR_FLOW_ORIG]) < WR_NEXTHOP_FIRST;
}

static __always_inline void set_established(struct wr_flow *f)
{
	f->state = with_tcp_state(f->state, WR_TCP_ESTABLISHED);
}

/* Has the originator shown, with this packet, that it gets the answers? */
static __always_inline int is_proven(const struct __sk_buff *skb, const struct wr_pkt *p,
				     struct wr_work *w)
{
	const struct wr_flow *answers = answers_of(w);
	__u32 tcp = wr_tcp_state(answers->state);

	if (p->key.proto == IPPROTO_TCP && tcp == WR_TCP_SYN_RECV) {
		if (!wr_tcp_proves(skb, p, answers->tcp_ack))
			return 0;
		set_established(&w->flow);
		set_established(&w->partner);
		return 1;
	}
	if (answers->state & WR_FLOW_ANSWERED && tcp != WR_TCP_SYN_SENT)
		return 1;
	if (!is_oneway(p, &w->flow))
		return 0;
	w->flow.state |= WR_FLOW_ONEWAY;
	w->partner.state |= WR_FLOW_ONEWAY;
	if (is_stranger(&w->flow))
		w->flow.state |= WR_FLOW_STRANGER;
	return 1;
}

/* What an answer says: by TCP's SYN-ACK, what proves its receiver. Resets answer nothing. */
static __always_inline void take_answer(const struct __sk_buff *skb, const struct wr_pkt *p,
					struct wr_flow *f)
{
	if (p->tcp_flags & WR_TCP_FLAG_RST)
		return;
	f->state |= WR_FLOW_ANSWERED;
	if (p->tcp_flags & WR_TCP_FLAG_SYN)
		f->tcp_ack = wr_tcp_expected_ack(skb, p);
}

/* Of direct return only the client's half is seen: that it goes on after its SYN must do. */
static __always_inline void advance_direct(const struct wr_pkt *p, struct wr_flow *f)
{
	if (f->state & WR_FLOW_DSR && wr_tcp_state(f->state) == WR_TCP_SYN_SENT &&
	    !(p->tcp_flags & (WR_TCP_FLAG_SYN | WR_TCP_FLAG_RST)))
		set_established(f);
}

/* A flow in the LRU, where entries are replaced whole: a word written in place might hit another key's. */
static __always_inline void advance_new(const struct __sk_buff *skb, const struct wr_pkt *p,
					struct wr_work *w, int dir)
{
	struct wr_flow *f = &w->flow;
	int proven = dir == WR_FLOW_ORIG && is_proven(skb, p, w);

	advance_direct(p, f);
	if (p->key.proto == IPPROTO_TCP)
		f->state = wr_tcp_next(p, f->state, dir);
	if (proven && !wr_promote(w))
		return;
	bpf_map_update_elem(&wr_new_flows, &w->key, f, BPF_EXIST);
}

/* Enters the packet into its flow, whose entry is @live. */
WR_GLOBAL int wr_advance(struct __sk_buff *skb, const struct wr_pkt *p, struct wr_work *w,
			 struct wr_flow *live, int dir)
{
	struct wr_flow *f;
	__u64 old;

	w = wr_work_again(w);
	if (!p || !w || !live)
		return WR_REASON_INTERNAL;
	f = &w->flow;
	old = f->state;
	if (dir == WR_FLOW_REPLY)
		take_answer(skb, p, f);
	if (!(old & WR_FLOW_PROMOTED)) {
		wr_flow_count(f, dir, skb->len);
		advance_new(skb, p, w, dir);
		return 0;
	}
	if (p->key.proto == IPPROTO_TCP)
		f->state = wr_tcp_next(p, f->state, dir);
	wr_flow_count(live, dir, skb->len);
	advance_promoted(w, live, old);
	return 0;
}

#endif
