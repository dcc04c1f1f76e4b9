/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The life of a connection as far as flags tell it. Sequence numbers are looked at once: the originator proves itself
 * by acknowledging the answerer's SYN.
 */
#ifndef WR_BPF_TCP_H
#define WR_BPF_TCP_H

#include "bpf/include/flow.h"

/* What an originator may have acknowledged before its first ACK is seen: the answerer's early data. */
#define WR_TCP_EARLY_DATA 16384

static __always_inline int wr_tcp_is_syn(const struct wr_pkt *p)
{
	return (p->tcp_flags & (WR_TCP_FLAG_SYN | WR_TCP_FLAG_ACK)) == WR_TCP_FLAG_SYN;
}

static __always_inline __u32 wr_tcp_state(__u64 state)
{
	return state & WR_FLOW_TCP_MASK;
}

static __always_inline __u64 with_tcp_state(__u64 state, __u32 tcp)
{
	return (state & ~WR_FLOW_TCP_MASK) | tcp;
}

/* Begins a new connection where there is an entry: a SYN on a closing one, or from the side that was called. */
static __always_inline int wr_tcp_is_anew(const struct wr_pkt *p, __u64 state, int dir)
{
	return wr_tcp_is_syn(p) && (dir == WR_FLOW_REPLY || wr_tcp_state(state) >= WR_TCP_FIN);
}

static __always_inline __u64 tcp_closed_by(__u64 state, int dir)
{
	const __u64 both = WR_FLOW_FIN_ORIG | WR_FLOW_FIN_REPLY;

	state |= dir == WR_FLOW_ORIG ? WR_FLOW_FIN_ORIG : WR_FLOW_FIN_REPLY;
	return with_tcp_state(state, (state & both) == both ? WR_TCP_CLOSING : WR_TCP_FIN);
}

/* The state after this segment. Who is not proven cannot close; proof (to ESTABLISHED) is not judged here. */
static __always_inline __u64 wr_tcp_next(const struct wr_pkt *p, __u64 state, int dir)
{
	__u32 tcp = wr_tcp_state(state);

	if (p->tcp_flags & WR_TCP_FLAG_RST)
		return with_tcp_state(state, WR_TCP_RESET);
	if (p->tcp_flags & WR_TCP_FLAG_SYN)
		return dir == WR_FLOW_REPLY && tcp == WR_TCP_SYN_SENT ?
			       with_tcp_state(state, WR_TCP_SYN_RECV) :
			       state;
	if (p->tcp_flags & WR_TCP_FLAG_FIN && tcp >= WR_TCP_ESTABLISHED && tcp < WR_TCP_RESET)
		return tcp_closed_by(state, dir);
	return state;
}

/* The sequence number that acknowledges this SYN-ACK. */
static __always_inline __u32 wr_tcp_expected_ack(const struct __sk_buff *skb, const struct wr_pkt *p)
{
	const struct tcphdr *th = wr_pkt_l4(skb, p, sizeof(*th));

	return th ? bpf_ntohl(th->seq) + 1 : 0;
}

/* Does the originator's segment acknowledge the SYN-ACK that @expected was taken from? */
static __always_inline int wr_tcp_proves(const struct __sk_buff *skb, const struct wr_pkt *p,
					 __u32 expected)
{
	const struct tcphdr *th = wr_pkt_l4(skb, p, sizeof(*th));

	return th && p->tcp_flags & WR_TCP_FLAG_ACK &&
	       bpf_ntohl(th->ack_seq) - expected < WR_TCP_EARLY_DATA;
}

#endif
