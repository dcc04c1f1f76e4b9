// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * What goes into the tunnel (tcx egress of the VXLAN device). Pods' packets come with their tunnel key; the stack's get
 * it here, from the next hop of their destination.
 *
 *	judged or forwarded -> key; the node's own -> flow that holds, or slow path -> key
 */
#define WR_THIS_HOOK WR_HOOK_OVERLAY_EGRESS

#include "bpf/include/overlay.h"
#include "bpf/include/track.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* The node's own packets are tracked like those that leave by the uplinks. */
static __always_inline int track_own(struct __sk_buff *skb, struct wr_pkt *p)
{
	int verdict;

	if (!wr_from_node(skb) || skb->mark & wr_cfg.mark)
		return WR_PASS;
	verdict = wr_fast(skb, p);
	return verdict != WR_SLOW ? verdict : wr_slow(skb, p);
}

SEC("tc")
int overlay_egress(struct __sk_buff *skb)
{
	struct wr_pkt pkt = { .ep = WR_EP_NONE };
	int reason, verdict;

	reason = wr_pkt_parse(skb, &pkt);
	if (!reason && (wr_is_neighbour(&pkt) || wr_addr_is_multicast(wr_pkt_dst(&pkt))))
		reason = WR_REASON_MULTICAST;
	if (reason)
		return wr_drop(skb, &pkt, NULL, reason);
	verdict = track_own(skb, &pkt);
	if (verdict != WR_PASS)
		return verdict;
	return wr_give_key(skb, &pkt) ? wr_drop(skb, &pkt, NULL, WR_REASON_NO_TUNNEL) : WR_PASS;
}
