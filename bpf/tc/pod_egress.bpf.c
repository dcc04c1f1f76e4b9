// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * What a pod sends (tcx ingress of the host's side of its veth).
 *
 *	parse -> flow that holds: out
 *	      -> ARP, neighbour discovery: answered; multicast: dropped
 *	      -> slow path: source, service, policy of both ends, masquerade, way out
 */
#define WR_THIS_HOOK WR_HOOK_POD_EGRESS

#include "bpf/include/neigh.h"
#include "bpf/include/track.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

static __always_inline int not_ip(struct __sk_buff *skb, struct wr_pkt *p, int reason)
{
	if (skb->protocol == bpf_htons(ETH_P_ARP))
		return wr_arp(skb, p);
	p->ep = ep_of_interface(skb);
	return wr_drop(skb, p, NULL, reason);
}

static __always_inline int special(struct __sk_buff *skb, struct wr_pkt *p)
{
	if (wr_is_neighbour(p))
		return wr_neighbour(skb, p);
	if (!wr_addr_is_multicast(wr_pkt_dst(p)))
		return WR_SLOW;
	p->ep = ep_of_interface(skb);
	return wr_drop(skb, p, NULL, WR_REASON_MULTICAST);
}

SEC("tc")
int pod_egress(struct __sk_buff *skb)
{
	struct wr_pkt pkt = { .ep = WR_EP_NONE };
	int reason, verdict;

	reason = wr_pkt_parse(skb, &pkt);
	if (reason)
		return not_ip(skb, &pkt, reason);
	verdict = wr_fast(skb, &pkt);
	if (verdict == WR_SLOW)
		verdict = special(skb, &pkt);
	if (verdict == WR_SLOW)
		verdict = wr_slow(skb, &pkt);
	return verdict;
}
