/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The tunnel as the programs around it see it. */
#ifndef WR_BPF_OVERLAY_H
#define WR_BPF_OVERLAY_H

#include "bpf/include/frag.h"
#include "bpf/include/out.h"

/*
 * Our VXLAN on the underlay, by its port. What a narrow underlay has fragmented has that in the first fragment only, which does not
 * get to where others' fragments are noted.
 */
static __always_inline int wr_is_vxlan(struct __sk_buff *skb, struct wr_pkt *p)
{
	if (!wr_on(WR_SW_TUNNEL) || p->key.proto != IPPROTO_UDP)
		return 0;
	if (unlikely(p->flags & WR_PKT_FRAG_LATER))
		wr_fragment(skb, p); /* a miss leaves zeroes */
	if (wr_pkt_dport(p) != bpf_htons(wr_cfg.vxlan_port))
		return 0;
	if (unlikely(p->flags & WR_PKT_FRAG_FIRST))
		wr_fragment(skb, p);
	return 1;
}

static __always_inline int has_key(struct __sk_buff *skb)
{
	struct bpf_tunnel_key key;

	return !bpf_skb_get_tunnel_key(skb, &key, sizeof(key), 0) ||
	       !bpf_skb_get_tunnel_key(skb, &key, sizeof(key), BPF_F_TUNINFO_IPV6);
}

/*
 * Gives a packet that the stack has routed into the tunnel its outer destination; 0: it has one. Where other ways lead to the node the
 * agent alone uses it, with the mark.
 */
static __always_inline int wr_give_key(struct __sk_buff *skb, const struct wr_pkt *p)
{
	const struct wr_nexthop *nh;

	if (has_key(skb))
		return 0;
	nh = wr_nexthop_get(WR_PEER_NEXTHOP(wr_peer_find(wr_pkt_dst(p))));
	if (!nh || (nh->kind != WR_NH_TUNNEL && !(skb->mark & wr_cfg.mark)))
		return -WR_ENOENT;
	return wr_tunnel_key(skb, nh);
}

#endif
