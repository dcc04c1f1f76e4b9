// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * What the host's stack hands to a pod (tcx egress of the host's side of its veth): the node's own packets, which
 * always may, and what came by an interface without our programs.
 *
 *	judged before: on -> parse -> the node's link talk: on -> flow that holds -> slow path
 */
#define WR_THIS_HOOK WR_HOOK_POD_INGRESS

#include "bpf/include/track.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* ARP, neighbour discovery and groups: between the node and its pod, and only what the node says itself. */
static __always_inline int is_link_talk(const struct __sk_buff *skb, const struct wr_pkt *p)
{
	return wr_from_node(skb) && (wr_is_neighbour(p) || wr_addr_is_multicast(wr_pkt_dst(p)));
}

SEC("tc")
int pod_ingress(struct __sk_buff *skb)
{
	struct wr_pkt pkt = { .dir = WR_DIR_INGRESS, .ep = WR_EP_NONE };
	int reason, verdict;

	if (skb->mark & wr_cfg.mark || skb->protocol == bpf_htons(ETH_P_ARP))
		return WR_PASS;
	reason = wr_pkt_parse(skb, &pkt);
	if (reason)
		return wr_drop(skb, &pkt, NULL, reason);
	verdict = wr_fast(skb, &pkt);
	if (verdict != WR_SLOW)
		return verdict;
	return is_link_talk(skb, &pkt) ? WR_PASS : wr_slow(skb, &pkt);
}
