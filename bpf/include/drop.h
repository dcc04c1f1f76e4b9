/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Where a reason becomes a verdict, a counter and an event. */
#ifndef WR_BPF_DROP_H
#define WR_BPF_DROP_H

#include "bpf/include/maps_event.h"
#include "bpf/include/work.h"

#define WR_EVENTS_PER_JIFFY 64

/* What any record of a packet says. */
static __always_inline void event_of(struct wr_event *e, const struct __sk_buff *skb,
				     const struct wr_pkt *p)
{
	e->time = bpf_ktime_get_boot_ns();
	e->hook = WR_THIS_HOOK;
	e->proto = p->key.proto;
	e->tcp_flags = p->tcp_flags;
	e->dir = p->dir;
	e->src = *wr_pkt_src(p);
	e->dst = *wr_pkt_dst(p);
	e->sport = wr_pkt_sport(p);
	e->dport = wr_pkt_dport(p);
	if (p->flags & WR_PKT_ICMP) {
		e->dport = wr_pkt_echo_id(p);
		e->sport = bpf_htons((__u16)p->icmp_type << 8 | p->icmp_code);
	}
	e->len = skb->len;
	e->ifindex = skb->ifindex;
	e->rule = p->rule;
}

/* @w: what is known of the packet's flow; NULL: nothing. */
static __always_inline void emit(const struct __sk_buff *skb, const struct wr_pkt *p,
				 const struct wr_work *w, __u16 type, __u16 reason)
{
	struct wr_event *e = bpf_ringbuf_reserve(&wr_events, sizeof(*e), 0);

	if (!e)
		return;
	memset(e, 0, sizeof(*e));
	e->type = type;
	e->reason = reason;
	event_of(e, skb, p);
	if (w)
		wr_event_flow(e, &w->flow);
	bpf_ringbuf_submit(e, 0);
}

/* The first of each reason on a CPU, then one in drop_sample, and never more than the budget. */
static __always_inline void report_drop(const struct __sk_buff *skb, const struct wr_pkt *p,
					const struct wr_work *known, __u32 reason, __u64 count)
{
	struct wr_work *w = wr_work_get();

	if (!wr_cfg.drop_sample || count & (wr_cfg.drop_sample - 1) || !w)
		return;
	if (wr_budget(&w->events_at, &w->events, WR_EVENTS_PER_JIFFY))
		emit(skb, p, known, WR_EVENT_DROP, reason);
}

static __always_inline void count_ep(const struct wr_pkt *p)
{
	struct wr_ep_stats *stats = p->ep == WR_EP_NONE ? NULL : wr_ep_stats_get(p->ep);

	if (stats)
		__sync_fetch_and_add(&stats->drops[p->dir & 1], 1);
}

/* Counts and reports a packet that will not go on; returns the verdict. @known: as emit's @w. */
WR_GLOBAL int wr_drop(struct __sk_buff *skb, const struct wr_pkt *p, const struct wr_work *known,
		      __u32 reason)
{
	struct wr_drop_count *count = bpf_map_lookup_elem(&wr_drops, &reason);

	if (!p || !count)
		return WR_DROP;
	report_drop(skb, p, known, reason, count->packets);
	count->packets++;
	count->bytes += skb->len;
	count_ep(p);
	return WR_DROP;
}

#endif
