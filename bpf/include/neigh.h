/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Neighbour discovery of pods: the only neighbour that a pod has is its gateway, which answers from here. */
#ifndef WR_BPF_NEIGH_H
#define WR_BPF_NEIGH_H

#include "bpf/include/answer.h"
#include "bpf/include/source.h"

#define ARP_REQUEST      1
#define NEIGH_TARGET_MAC 2
#define NEIGH_SOLICITED  bpf_htonl(0xe0000000) /* router, solicited, override */

/* ARP for Ethernet and IPv4 (RFC 826). */
struct wr_arp {
	__be16 hardware, protocol;
	__u8 hardware_len, protocol_len;
	__be16 op;
	__u8 sender_mac[ETH_ALEN];
	__u8 sender[4];
	__u8 target_mac[ETH_ALEN];
	__u8 target[4];
};

/* Neighbour solicitation and advertisement (RFC 4861, 4.3 and 4.4) with their usual option. */
struct wr_neigh {
	__u8 type, code;
	__sum16 sum;
	__be32 flags;
	struct wr_addr target;
	__u8 option, option_len; /* in units of 8 bytes */
	__u8 mac[ETH_ALEN];
};

static __always_inline __be32 be32_at(const __u8 *b)
{
	__be32 v;

	memcpy(&v, b, sizeof(v));
	return v;
}

/* The endpoint that an ARP or neighbour packet came from, if it may say what it says. */
static __always_inline const struct wr_endpoint *neigh_sender(const struct __sk_buff *skb,
							      struct wr_pkt *p)
{
	const struct wr_endpoint *ep;

	p->ep = ep_of_interface(skb);
	ep = wr_ep_is_pod(p->ep) ? wr_ep_get(p->ep) : NULL;
	return is_at(skb, ep) ? ep : NULL;
}

static __always_inline int neigh_send(struct __sk_buff *skb, const struct wr_endpoint *ep,
				      const void *body, __u32 size)
{
	if (bpf_skb_change_tail(skb, ETH_HLEN + size, 0) ||
	    bpf_skb_store_bytes(skb, 0, ep->mac, 2 * ETH_ALEN, 0) ||
	    bpf_skb_store_bytes(skb, ETH_HLEN, body, size, 0))
		return WR_DROP;
	wr_mark_judged(skb);
	return bpf_redirect(skb->ifindex, 0);
}

/* ARP: requests for the gateway are answered, what else a pod says about itself needs no ears. */
WR_GLOBAL int wr_arp(struct __sk_buff *skb, struct wr_pkt *p)
{
	const struct wr_endpoint *ep;
	struct wr_arp arp;

	if (!p)
		return WR_DROP;
	ep = neigh_sender(skb, p);
	if (bpf_skb_load_bytes(skb, ETH_HLEN, &arp, sizeof(arp)))
		return wr_drop(skb, p, NULL, WR_REASON_SHORT);
	if (!ep)
		return wr_drop(skb, p, NULL, WR_REASON_UNKNOWN_ENDPOINT);
	if (!mac_is(skb, ep) || !mac_equal(arp.sender_mac, ep->mac))
		return wr_drop(skb, p, NULL, WR_REASON_SPOOFED_MAC);
	if (be32_at(arp.sender) && be32_at(arp.sender) != ep->addr4.w[3])
		return wr_drop(skb, p, NULL, WR_REASON_SPOOFED_ADDR);
	if (arp.op != bpf_htons(ARP_REQUEST) || be32_at(arp.target) != bpf_htonl(WR_GATEWAY_IPV4))
		return WR_DROP;
	arp.op = bpf_htons(ARP_REQUEST + 1);
	memcpy(arp.target_mac, arp.sender_mac, ETH_ALEN);
	memcpy(arp.target, arp.sender, sizeof(arp.target));
	memcpy(arp.sender_mac, ep->host_mac, ETH_ALEN);
	*(__be32 *)arp.sender = bpf_htonl(WR_GATEWAY_IPV4);
	return neigh_send(skb, ep, &arp, sizeof(arp));
}

static __always_inline int neigh_advertise(struct __sk_buff *skb, const struct wr_pkt *p,
					   struct wr_work *w, const struct wr_endpoint *ep)
{
	struct wr_neigh *n = (struct wr_neigh *)(w->buf + sizeof(struct ipv6hdr));
	struct answer a = {
		.src = wr_gateway(0),
		.proto = IPPROTO_ICMPV6,
		.len = sizeof(*n),
	};

	memset(w->buf, 0, sizeof(w->buf));
	n->type = WR_ICMP6_NEIGH_ADVERT;
	n->flags = NEIGH_SOLICITED;
	n->target = a.src;
	n->option = NEIGH_TARGET_MAC;
	n->option_len = 1;
	memcpy(n->mac, ep->host_mac, ETH_ALEN);
	n->sum = l4_sum(&a, wr_pkt_src(p), 0, (__u8 *)n);
	ip6_header((struct ipv6hdr *)w->buf, &a.src, wr_pkt_src(p), a.proto, 255, a.len);
	return neigh_send(skb, ep, w->buf, sizeof(struct ipv6hdr) + sizeof(*n));
}

/*
 * IPv6's own conversation on the link, multicast or link-local: solicitations for the gateway are answered, router
 * solicitations, MLD and advertisements need no answer.
 */
WR_GLOBAL int wr_neighbour(struct __sk_buff *skb, struct wr_pkt *p)
{
	struct wr_addr gateway = wr_gateway(0), target;
	struct wr_work *w = wr_work_get();
	const struct wr_endpoint *ep;

	if (!p)
		return WR_DROP;
	ep = neigh_sender(skb, p);
	if (!ep || !w)
		return wr_drop(skb, p, NULL, WR_REASON_UNKNOWN_ENDPOINT);
	if (!mac_is(skb, ep))
		return wr_drop(skb, p, NULL, WR_REASON_SPOOFED_MAC);
	if (p->icmp_type != WR_ICMP6_NEIGH_SOLICIT || wr_addr_is_zero(wr_pkt_src(p)))
		return WR_DROP;
	if (bpf_skb_load_bytes(skb, p->l4_off + offsetof(struct wr_neigh, target), &target,
			       sizeof(target)))
		return wr_drop(skb, p, NULL, WR_REASON_SHORT);
	return wr_addr_equal(&target, &gateway) ? neigh_advertise(skb, p, w, ep) : WR_DROP;
}

#endif
