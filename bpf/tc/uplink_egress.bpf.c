// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * What the node itself sends (tcx egress of the uplinks). What it forwards was judged where it came in.
 *
 *	forwarded, judged, our VXLAN, not IP: on -> flow that holds: on -> slow path: services, the node's flows
 */
#define WR_THIS_HOOK WR_HOOK_UPLINK_EGRESS

#include "bpf/include/overlay.h"
#include "bpf/include/track.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("tc")
int uplink_egress(struct __sk_buff *skb)
{
	struct wr_pkt pkt = { .ep = WR_EP_NONE };
	int verdict;

	if (!wr_from_node(skb) || skb->mark & wr_cfg.mark || wr_pkt_parse(skb, &pkt))
		return WR_PASS;
	if (wr_is_vxlan(skb, &pkt) || wr_is_neighbour(&pkt) || wr_addr_is_multicast(wr_pkt_dst(&pkt)))
		return WR_PASS;
	verdict = wr_fast(skb, &pkt);
	return verdict != WR_SLOW ? verdict : wr_slow(skb, &pkt);
}
