/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Answers of name servers to pods whose policies name domains. The agent gets a copy, puts the addresses in force, and then
 * sends the answer on itself (agent/names.h): so the pod's first packet to them is allowed. Flows with a server are judged at each
 * packet, since that is where their answers are seen.
 *
 * Where the agent is not there to take it, or its buffer is full, the answer goes its own way at once: names are answered always, and
 * new addresses stay closed.
 */
#ifndef WR_BPF_NAMES_H
#define WR_BPF_NAMES_H

#include "bpf/include/drop.h"
#include "bpf/include/work.h"

#define WR_PORT_DNS bpf_htons(53)

/* Is the flow that begins with a name server? By the port that the pod speaks to, or the server's own. */
static __always_inline int wr_asks_names(const struct wr_pkt *p, const struct wr_work *w)
{
	if (p->key.proto != IPPROTO_UDP && p->key.proto != IPPROTO_TCP)
		return 0;
	return w->ends.dport == WR_PORT_DNS || wr_pkt_dport(p) == WR_PORT_DNS ||
	       (w->flow.state & WR_FLOW_SOCKET && w->socket.port == WR_PORT_DNS);
}

/* Do answers in this flow matter to the policy of the pod that asks? */
static __always_inline int wr_hears_names(const struct wr_flow *flow)
{
	const struct wr_endpoint *ep;

	if (!(flow->state & WR_FLOW_NAMES) || !wr_ep_is_pod(flow->src_ep))
		return 0;
	ep = wr_ep_get(flow->src_ep);
	return ep && READ_ONCE(ep->rules) & WR_RULES_NAMES;
}

/* Bare acknowledgements tell no address. Datagrams that are yet to be cut could not be sent on by every kernel. */
static __always_inline int has_payload(const struct __sk_buff *skb, const struct wr_pkt *p)
{
	const struct tcphdr *th;

	if (p->key.proto != IPPROTO_TCP)
		return !skb->gso_size;
	th = wr_pkt_l4(skb, p, sizeof(*th));
	return th && skb->len > p->l4_off + th->doff * 4u;
}

static __always_inline int is_awaited(void)
{
	const struct wr_globals *globals = wr_globals_get();

	return globals && READ_ONCE(globals->names_until) > bpf_ktime_get_ns();
}

/* No packet is lost: the agent does not hear of the answer, which goes its own way. */
static __always_inline void count_unheard(const struct __sk_buff *skb)
{
	__u32 none = WR_REASON_NONE;
	struct wr_drop_count *count = bpf_map_lookup_elem(&wr_drops, &none);

	if (!count)
		return;
	count->packets++;
	count->bytes += skb->len;
}

static __always_inline void fill_answer(struct wr_answer *a, const struct __sk_buff *skb,
					const struct wr_pkt *p, const struct wr_work *w)
{
	memset(a, 0, sizeof(*a));
	a->event.type = WR_EVENT_DNS;
	event_of(&a->event, skb, p);
	a->event.rule = 0;
	wr_event_flow(&a->event, &w->flow);
	a->gso_size = skb->gso_size;
	a->held = is_awaited();
}

/* The two sizes of records: what is reserved has to be a constant. Returns whether the agent will send it on. */
#define HOLD(skb, p, w, room)                                                                  \
	({                                                                                     \
		struct wr_answer *a_ =                                                         \
			bpf_ringbuf_reserve(&wr_events, sizeof(struct wr_answer) + (room), 0); \
		__u32 size_ = (skb)->len - ETH_HLEN;                                           \
		int held_ = 0;                                                                 \
		if (a_) {                                                                      \
			fill_answer(a_, (skb), (p), (w));                                      \
			if (wr_is_within(&size_, (room)) &&                                    \
			    !bpf_skb_load_bytes((skb), ETH_HLEN, a_ + 1, size_)) {             \
				a_->size = size_;                                              \
				held_ = (int)a_->held;                                         \
				bpf_ringbuf_submit(a_, 0);                                     \
			} else {                                                               \
				bpf_ringbuf_discard(a_, 0);                                    \
			}                                                                      \
		} else {                                                                       \
			count_unheard(skb);                                                    \
		}                                                                              \
		held_;                                                                         \
	})

/* A packet of w->flow in its answering direction, otherwise ready to be sent. 1: it waits for the agent, and is to be dropped here. */
WR_GLOBAL int wr_hold(struct __sk_buff *skb, const struct wr_pkt *p, struct wr_work *w)
{
	if (!p || !w)
		return 0;
	if (!wr_hears_names(&w->flow) || p->flags & WR_PKT_ICMP_ERROR || !has_payload(skb, p))
		return 0;
	if (skb->len - ETH_HLEN <= WR_ANSWER_SMALL)
		return HOLD(skb, p, w, WR_ANSWER_SMALL);
	return HOLD(skb, p, w, WR_ANSWER_LARGE);
}

#endif
