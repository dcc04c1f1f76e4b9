/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Changing packets. Network header and ports are written directly. Transport checksums go through bpf_l4_csum_replace,
 * since local packets carry CHECKSUM_PARTIAL, or are written as skb->ip_summed asks for, where programs can see that
 * (bpf/include/summed.h). The IPv4 header's own checksum is never partial.
 *
 * Differences are sums of ones' complement (RFC 1624), new minus old: of the addresses in flow->l3_diff, which touch
 * both the IPv4 header and the pseudo header, and of the ports in flow->l4_diff.
 */
#ifndef WR_BPF_REWRITE_H
#define WR_BPF_REWRITE_H

#include "bpf/abi/endpoint.h"
#include "bpf/include/crc32c.h"
#include "bpf/include/pkt.h"

/* Without branches, which the verifier would have to follow one by one. */
static __always_inline __u16 csum_fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return sum + (sum >> 16);
}

static __always_inline __u32 csum_add(__u32 a, __u32 b)
{
	__u64 sum = (__u64)a + b;

	return sum + (sum >> 32);
}

/* check' = ~(~check + diff) */
static __always_inline void check_apply(__sum16 *check, __u32 diff)
{
	*check = ~csum_fold(csum_add(diff, (__u16) ~*check));
}

/* The Ethernet addresses of what goes to a pod. */
static __always_inline void set_macs(struct ethhdr *eth, const struct wr_endpoint *to)
{
	_Static_assert(offsetof(struct wr_endpoint, host_mac) ==
			       offsetof(struct wr_endpoint, mac) + ETH_ALEN,
		       "as in an Ethernet header");
	memcpy(eth, to->mac, 2 * ETH_ALEN);
}

/* One hop less. @ttl: as read, above 1. */
static __always_inline void ttl_dec4(struct iphdr *ip)
{
	ip->check = csum_fold(ip->check + bpf_htons(0x0100));
	ip->ttl--;
}

/* Where skb->csum covers the packet (CHECKSUM_COMPLETE): IPv6's header has no sum of its own that levels changes out. */
#define WR_HOP_DIFF (~(__u32)bpf_htons(1))

static __always_inline void ttl_dec6(struct __sk_buff *skb, struct ipv6hdr *ip)
{
	ip->hop_limit--;
	bpf_csum_update(skb, WR_HOP_DIFF);
}

/* Where TCP and UDP keep their checksum. */
static __always_inline __u32 l4_check_off(const struct wr_pkt *p)
{
	return p->l4_off + (p->key.proto == IPPROTO_TCP ? offsetof(struct tcphdr, check) :
							  offsetof(struct udphdr, check));
}

/* After the writes: the transport checksum of TCP or UDP. An absent one (UDP over IPv4) stays absent. */
static __always_inline void l4_check_apply(struct __sk_buff *skb, const struct wr_pkt *p,
					   __u32 addr_diff, __u32 port_diff)
{
	__u64 udp = p->key.proto == IPPROTO_UDP ? BPF_F_MARK_MANGLED_0 : 0;
	__u32 off = l4_check_off(p);

	bpf_l4_csum_replace(skb, off, 0, addr_diff, BPF_F_PSEUDO_HDR | udp);
	if (port_diff)
		bpf_l4_csum_replace(skb, off, 0, port_diff, udp);
}

/* Bytes from the transport header to the end of what the network header says. */
static __always_inline __u32 l4_len(const struct __sk_buff *skb, const struct wr_pkt *p)
{
	__u32 l3_len = p->l4_off - ETH_HLEN;
	const struct ipv6hdr *ip6;
	const struct iphdr *ip;

	if (p->flags & WR_PKT_V6) {
		ip6 = wr_pkt_l3(skb, sizeof(*ip6));
		return ip6 ? sizeof(*ip6) + bpf_ntohs(ip6->payload_len) - l3_len : 0;
	}
	ip = wr_pkt_l3(skb, sizeof(*ip));
	return ip ? bpf_ntohs(ip->tot_len) - l3_len : 0;
}

/*
 * SCTP: a zero sum is filled in later by whoever sends the packet. Of a first fragment the length is not known. A CRC levels nothing
 * out in skb->csum.
 */
static __always_inline int rewrite_sctp(struct __sk_buff *skb, const struct wr_pkt *p,
					const struct wr_flow *flow)
{
	__u32 *header = wr_pkt_l4(skb, p, 12), old, new, sum = 0;

	if (!header)
		return WR_REASON_REWRITE;
	new = (__u32)flow->new_sport | (__u32)flow->new_dport << 16;
	old = header[0];
	if (old == new)
		return 0;
	if (header[2] && p->flags & WR_PKT_FRAG_FIRST)
		return WR_REASON_REWRITE;
	header[0] = new;
	if (header[2]) {
		sum = ~header[2];
		header[2] ^= wr_crc32c_change(old ^ new, l4_len(skb, p));
		sum = csum_add(sum, header[2]);
	}
	bpf_csum_update(skb, csum_add(csum_add(new, ~old), sum));
	return 0;
}

/* UDP without a sum has none that levels out what else changes. */
static __always_inline int is_unsummed(const struct wr_pkt *p, __sum16 check)
{
	return p->key.proto == IPPROTO_UDP && !check;
}

static __always_inline int rewrite_ports(struct __sk_buff *skb, const struct wr_pkt *p,
					 const struct wr_flow *flow)
{
	__be16 *ports = wr_pkt_l4(skb, p, sizeof(struct udphdr));

	if (!ports)
		return WR_REASON_REWRITE;
	ports[0] = flow->new_sport;
	ports[1] = flow->new_dport;
	if (is_unsummed(p, ports[3]))
		bpf_csum_update(skb, flow->l4_diff);
	else
		l4_check_apply(skb, p, flow->l3_diff, flow->l4_diff);
	return 0;
}

/* The identifier that the flow's packets of this kind leave with. */
static __always_inline __be16 echo_id(const struct wr_pkt *p, const struct wr_flow *flow)
{
	return p->flags & WR_PKT_ICMP_REPLY ? flow->new_dport : flow->new_sport;
}

/* Echo: the identifier; the pseudo header counts in IPv6 only. */
static __always_inline int rewrite_icmp(struct __sk_buff *skb, const struct wr_pkt *p,
					const struct wr_flow *flow)
{
	__u32 off = p->l4_off + offsetof(struct wr_icmphdr, sum);
	struct wr_icmphdr *ih = wr_pkt_l4(skb, p, sizeof(*ih));

	if (!ih)
		return WR_REASON_REWRITE;
	if (wr_pkt_has_ports(p))
		ih->id = echo_id(p, flow);
	if (flow->l4_diff)
		bpf_l4_csum_replace(skb, off, 0, flow->l4_diff, 0);
	if (p->flags & WR_PKT_V6)
		bpf_l4_csum_replace(skb, off, 0, flow->l3_diff, BPF_F_PSEUDO_HDR);
	return 0;
}

static __always_inline int rewrite_addresses4(struct __sk_buff *skb, const struct wr_addr *src,
					      const struct wr_addr *dst, __u32 diff)
{
	struct iphdr *ip = wr_pkt_l3(skb, sizeof(*ip));

	if (!ip)
		return WR_REASON_REWRITE;
	ip->saddr = src->w[3];
	ip->daddr = dst->w[3];
	check_apply(&ip->check, diff);
	return 0;
}

static __always_inline int rewrite_addresses6(struct __sk_buff *skb, const struct wr_addr *src,
					      const struct wr_addr *dst, __u32 diff)
{
	struct ipv6hdr *ip = wr_pkt_l3(skb, sizeof(*ip));

	if (!ip)
		return WR_REASON_REWRITE;
	memcpy(&ip->saddr, src, sizeof(ip->saddr));
	memcpy(&ip->daddr, dst, sizeof(ip->daddr));
	bpf_csum_update(skb, diff);
	return 0;
}

static __always_inline int rewrite_addresses(struct __sk_buff *skb, const struct wr_pkt *p,
					     const struct wr_addr *src, const struct wr_addr *dst,
					     __u32 diff)
{
	if (p->flags & WR_PKT_V6)
		return rewrite_addresses6(skb, src, dst, diff);
	return rewrite_addresses4(skb, src, dst, diff);
}

/* Makes the packet's tuple the flow's other one. */
WR_GLOBAL int wr_rewrite(struct __sk_buff *skb, const struct wr_pkt *p, const struct wr_flow *flow)
{
	int reason;

	if (!p || !flow)
		return WR_REASON_INTERNAL;
	reason = rewrite_addresses(skb, p, &flow->new_src, &flow->new_dst, flow->l3_diff);

	if (reason || p->flags & WR_PKT_FRAG_LATER)
		return reason;
	if (p->key.proto == IPPROTO_TCP || p->key.proto == IPPROTO_UDP)
		return rewrite_ports(skb, p, flow);
	if (p->key.proto == IPPROTO_SCTP)
		return rewrite_sctp(skb, p, flow);
	return p->flags & WR_PKT_ICMP ? rewrite_icmp(skb, p, flow) : 0;
}

#endif
