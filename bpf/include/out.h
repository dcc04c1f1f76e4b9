/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Ways out. The packet is complete when it comes here; what the helpers answer is the verdict. */
#ifndef WR_BPF_OUT_H
#define WR_BPF_OUT_H

#include "bpf/include/ep.h"
#include "bpf/include/pkt.h"

#define AF_INET  2
#define AF_INET6 10

#define WR_TUNNEL_TTL 64

/* Programs behind (pod ingress, uplink egress, overlay egress) let judged packets pass on sight. */
static __always_inline void wr_mark_judged(struct __sk_buff *skb)
{
	skb->mark |= wr_cfg.mark;
}

/* Through the host's side of the interface: the only way from an egress hook. */
static __always_inline int wr_out_ep_plain(struct __sk_buff *skb, const struct wr_endpoint *ep)
{
	wr_mark_judged(skb);
	return bpf_redirect(ep->ifindex, 0);
}

static __always_inline int wr_out_ep(struct __sk_buff *skb, const struct wr_endpoint *ep)
{
	if (wr_on(WR_SW_PEER_REDIRECT))
		return bpf_redirect_peer(ep->ifindex, 0);
	return wr_out_ep_plain(skb, ep);
}

static __always_inline int wr_out_neigh(struct __sk_buff *skb, const struct wr_nexthop *nh)
{
	struct bpf_redir_neigh params;

	wr_mark_judged(skb);
	if (nh->kind == WR_NH_ROUTE || wr_addr_is_zero(&nh->gateway))
		return bpf_redirect_neigh(nh->ifindex, NULL, 0, 0);
	memcpy(params.ipv6_nh, &nh->gateway, sizeof(params.ipv6_nh));
	params.nh_family = AF_INET6;
	if (wr_addr_is4(&nh->gateway)) {
		params.nh_family = AF_INET;
		params.ipv4_nh = nh->gateway.w[3];
	}
	return bpf_redirect_neigh(nh->ifindex, &params, sizeof(params), 0);
}

/* Where bpf_fib_lookup() has said. */
static __always_inline int wr_out_fib(struct __sk_buff *skb, const struct bpf_fib_lookup *fib)
{
	struct bpf_redir_neigh to = { .nh_family = fib->family };

	wr_mark_judged(skb);
	if (fib->family == AF_INET)
		to.ipv4_nh = fib->ipv4_dst;
	else
		memcpy(to.ipv6_nh, fib->ipv6_dst, sizeof(to.ipv6_nh));
	return bpf_redirect_neigh(fib->ifindex, &to, sizeof(to), 0);
}

/* Sends the packet to the next hop's node. */
WR_GLOBAL int wr_tunnel_key(struct __sk_buff *skb, const struct wr_nexthop *nh)
{
	struct bpf_tunnel_key key = { .tunnel_ttl = WR_TUNNEL_TTL };
	__u64 flags = 0;

	if (!nh || wr_addr_is_zero(&nh->outer_src))
		return -WR_ENOENT;
	key.tunnel_id = nh->vni;
	if (wr_addr_is4(&nh->outer_src)) {
		key.remote_ipv4 = bpf_ntohl(nh->outer_src.w[3]);
		flags = BPF_F_ZERO_CSUM_TX;
	} else {
		memcpy(key.remote_ipv6, &nh->outer_src, sizeof(key.remote_ipv6));
		flags = BPF_F_TUNINFO_IPV6;
	}
	return bpf_skb_set_tunnel_key(skb, &key, sizeof(key), flags);
}

static __always_inline int wr_out_tunnel(struct __sk_buff *skb, const struct wr_nexthop *nh)
{
	if (wr_tunnel_key(skb, nh))
		return WR_DROP;
	wr_mark_judged(skb);
	return bpf_redirect(wr_cfg.vxlan_ifindex, 0);
}

#endif
