// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * What comes through the tunnel (tcx ingress of the VXLAN device): from the nodes, for this node's pods or itself.
 *
 *	parse -> flow that holds, by its peer's node: to its pod -> slow path
 */
#define WR_THIS_HOOK WR_HOOK_OVERLAY_INGRESS

#include "bpf/include/track.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("tc")
int overlay_ingress(struct __sk_buff *skb)
{
	struct wr_pkt pkt = { .dir = WR_DIR_INGRESS, .ep = WR_EP_NONE };
	int reason, verdict;

	reason = wr_pkt_parse(skb, &pkt);
	if (!reason && (wr_is_neighbour(&pkt) || wr_addr_is_multicast(wr_pkt_dst(&pkt))))
		reason = WR_REASON_MULTICAST;
	if (reason)
		return wr_drop(skb, &pkt, NULL, reason);
	verdict = wr_fast(skb, &pkt);
	return verdict != WR_SLOW ? verdict : wr_slow(skb, &pkt);
}
