// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * What comes from outside (tcx ingress of the uplinks).
 *
 *	not for this machine, not IP: on -> parse -> our VXLAN, the link's own talk: on
 *	-> flow that holds: to its pod, or on -> slow path: services, local pods; what is forwarded elsewhere: on
 */
#define WR_THIS_HOOK WR_HOOK_UPLINK_INGRESS

#include "bpf/include/overlay.h"
#include "bpf/include/track.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Ours, to be unpacked by the device: only what is addressed to the node itself. */
static __always_inline int is_for_stack(struct __sk_buff *skb, struct wr_pkt *p)
{
	if (wr_is_vxlan(skb, p))
		return wr_ep_find(wr_pkt_dst(p)) == WR_EP_HOST;
	return wr_is_neighbour(p) || wr_addr_is_multicast(wr_pkt_dst(p));
}

SEC("tc")
int uplink_ingress(struct __sk_buff *skb)
{
	struct wr_pkt pkt = { .dir = WR_DIR_INGRESS, .ep = WR_EP_NONE };
	int reason, verdict;

	if (skb->pkt_type != WR_PACKET_HOST || skb->mark & wr_cfg.mark)
		return WR_PASS;
	reason = wr_pkt_parse(skb, &pkt);
	if (reason == WR_REASON_ETHERTYPE)
		return WR_PASS;
	if (reason)
		return wr_drop(skb, &pkt, NULL, reason);
	if (is_for_stack(skb, &pkt))
		return WR_PASS;
	verdict = wr_fast(skb, &pkt);
	return verdict != WR_SLOW ? verdict : wr_slow(skb, &pkt);
}
