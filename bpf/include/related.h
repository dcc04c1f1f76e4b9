/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * ICMP errors follow the flow of the packet that they quote, against its direction, and are translated inside and out:
 * the quoted packet is one that had been translated, the entry is the one that its answers take.
 */
#ifndef WR_BPF_RELATED_H
#define WR_BPF_RELATED_H

#include "bpf/include/entry.h"
#include "bpf/include/nat.h"
#include "bpf/include/rewrite.h"

/* Ports of TCP, UDP and SCTP, the identifier of an echo; else zeroes. At least 8 bytes are quoted (RFC 792). */
static __always_inline int quote_ports(const struct __sk_buff *skb, struct wr_quote *q, int v6,
				       struct wr_ports *ret)
{
	__u8 proto = q->key.proto;
	struct {
		__u8 type, code;
		__be16 port;
		__be16 id, seq;
	} h;

	if (bpf_skb_load_bytes(skb, q->l4_off, &h, sizeof(h)))
		return WR_REASON_SHORT;
	if (proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP) {
		memcpy(&ret->src, &h, sizeof(ret->src));
		ret->dst = h.port;
	} else if (proto == (v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP)) {
		q->icmp = h.type == (v6 ? WR_ICMP6_ECHO : WR_ICMP4_ECHO) ? WR_QUOTE_REQUEST :
			  h.type == (v6 ? WR_ICMP6_ECHO_REPLY : WR_ICMP4_ECHO_REPLY) ?
									   WR_QUOTE_REPLY :
									   0;
		if (q->icmp)
			*ret = wr_echo_ports(h.id, q->icmp == WR_QUOTE_REPLY);
	}
	return 0;
}

static __always_inline int quote_ipv4(const struct __sk_buff *skb, struct wr_quote *q)
{
	struct wr_ports ports = {};
	struct wr_addr src, dst;
	struct iphdr ip;
	int reason;

	if (bpf_skb_load_bytes(skb, q->l3_off, &ip, sizeof(ip)))
		return WR_REASON_SHORT;
	if (ip.version != 4 || ip.ihl < 5)
		return WR_REASON_BAD_HEADER;
	q->key.proto = ip.protocol;
	q->l4_off = q->l3_off + ip.ihl * 4;
	wr_addr_set4(&src, ip.saddr);
	wr_addr_set4(&dst, ip.daddr);
	if (!(ip.frag_off & WR_IP_OFFSET)) {
		reason = quote_ports(skb, q, 0, &ports);
		if (reason)
			return reason;
	}
	q->from_b = wr_flow_key_set(&q->key, &src, &dst, ports.src, ports.dst);
	return 0;
}

/* Only a datagram's first fragment says whose it is. */
static __always_inline int quote_first_fragment(const struct __sk_buff *skb, struct wr_quote *q)
{
	struct {
		__u8 next, reserved;
		__be16 offset; /* of 8 bytes each, in the upper 13 bits */
		__be32 id;
	} h;

	if (bpf_skb_load_bytes(skb, q->l4_off, &h, sizeof(h)) || h.offset & bpf_htons(0xfff8))
		return WR_REASON_FRAGMENT;
	q->key.proto = h.next;
	q->l4_off += sizeof(h);
	return 0;
}

static __always_inline int quote_ipv6(const struct __sk_buff *skb, struct wr_quote *q)
{
	struct wr_ports ports = {};
	struct ipv6hdr ip;
	int reason;

	if (bpf_skb_load_bytes(skb, q->l3_off, &ip, sizeof(ip)))
		return WR_REASON_SHORT;
	if (ip.version != 6)
		return WR_REASON_BAD_HEADER;
	q->key.proto = ip.nexthdr;
	q->l4_off = q->l3_off + sizeof(ip);
	if (ip.nexthdr == IPPROTO_FRAGMENT && quote_first_fragment(skb, q))
		return WR_REASON_FRAGMENT;
	reason = quote_ports(skb, q, 1, &ports);
	if (reason)
		return reason;
	q->from_b = wr_flow_key_set(&q->key, (const struct wr_addr *)&ip.saddr,
				    (const struct wr_addr *)&ip.daddr, ports.src, ports.dst);
	return 0;
}

/*
 * Finds the flow of the quoted packet; w->flow is its copy, *ret_dir the error's own direction in it. NULL: there is
 * none, or the quote is damaged. (Unused where the header is compiled alone.)
 */
static __noinline __attribute__((unused)) struct wr_flow *wr_related_find(
	const struct __sk_buff *skb, const struct wr_pkt *p, struct wr_work *w, int *ret_dir)
{
	struct wr_quote *q = &w->quote;
	struct wr_flow *live;
	int orig_b;

	memset(q, 0, sizeof(*q));
	q->l3_off = p->l4_off + sizeof(struct wr_icmphdr);
	if (p->flags & WR_PKT_V6 ? quote_ipv6(skb, q) : quote_ipv4(skb, q))
		return NULL;
	live = wr_entry_find(&q->key, &w->flow);
	if (!live)
		return NULL;
	orig_b = !!(w->flow.state & WR_FLOW_ORIG_B);
	*ret_dir = q->from_b == orig_b ? WR_FLOW_REPLY : WR_FLOW_ORIG;
	if (w->flow.state & WR_FLOW_TRANSLATED && !!(w->flow.state & WR_FLOW_REPLY_TUPLE) != *ret_dir)
		return NULL;
	return live;
}

/* The quoted packet's source and destination become what its sender knows them as. */
static __always_inline int quote_rewrite(struct __sk_buff *skb, const struct wr_quote *q,
					 const struct wr_flow *f, int v6)
{
	struct iphdr ip;
	__u32 old;

	if (v6)
		return bpf_skb_store_bytes(skb, q->l3_off + offsetof(struct ipv6hdr, saddr),
					   &f->new_dst, sizeof(f->new_dst), 0) ||
		       bpf_skb_store_bytes(skb, q->l3_off + offsetof(struct ipv6hdr, daddr),
					   &f->new_src, sizeof(f->new_src), 0);
	if (bpf_skb_load_bytes(skb, q->l3_off, &ip, sizeof(ip)))
		return 1;
	old = csum_add(ip.saddr, ip.daddr);
	ip.saddr = f->new_dst.w[3];
	ip.daddr = f->new_src.w[3];
	check_apply(&ip.check, csum_add(csum_add(ip.saddr, ip.daddr), ~old));
	return bpf_skb_store_bytes(skb, q->l3_off, &ip, sizeof(ip), 0) != 0;
}

static __always_inline int quote_rewrite_ports(struct __sk_buff *skb, const struct wr_quote *q,
					       const struct wr_flow *f)
{
	struct wr_ports ports = { f->new_dport, f->new_sport };

	if (!q->key.port_a && !q->key.port_b)
		return 0;
	if (q->icmp)
		return bpf_skb_store_bytes(skb, q->l4_off + offsetof(struct wr_icmphdr, id),
					   q->icmp == WR_QUOTE_REPLY ? &ports.dst : &ports.src,
					   sizeof(__be16), 0);
	return bpf_skb_store_bytes(skb, q->l4_off, &ports, sizeof(ports), 0);
}

/*
 * What the error's checksum changes by: the quoted ports; in IPv6, whose headers have no sums of their own, the quoted
 * addresses too. The quoted packet is an answer turned round, so its differences are those of the answer.
 */
static __always_inline __u32 quote_diff(const struct wr_flow *f, int v6)
{
	return v6 ? csum_add(f->l3_diff, f->l4_diff) : f->l4_diff;
}

/*
 * Translates the error as a packet of w->flow. A router's own address stays as its source; the end's becomes what the
 * other end knows it as.
 */
WR_GLOBAL int wr_related_rewrite(struct __sk_buff *skb, const struct wr_pkt *p, struct wr_work *w)
{
	const struct wr_addr *src, *end;
	const struct wr_quote *q;
	const struct wr_flow *f;
	__u32 off, diff;
	int v6;

	if (!p || !w)
		return WR_REASON_INTERNAL;
	q = &w->quote;
	f = &w->flow;
	v6 = p->flags & WR_PKT_V6;
	off = p->l4_off + offsetof(struct wr_icmphdr, sum);
	src = wr_pkt_src(p);
	end = q->from_b ? &q->key.a : &q->key.b;
	w->nat.src = wr_addr_equal(src, end) ? f->new_src : *src;
	diff = csum_add(wr_addr_diff(src, &w->nat.src), wr_addr_diff(wr_pkt_dst(p), &f->new_dst));
	if (quote_rewrite(skb, q, f, v6) || quote_rewrite_ports(skb, q, f))
		return WR_REASON_REWRITE;
	if (rewrite_addresses(skb, p, &w->nat.src, &f->new_dst, diff))
		return WR_REASON_REWRITE;
	bpf_l4_csum_replace(skb, off, 0, quote_diff(f, v6), 0);
	if (v6)
		bpf_l4_csum_replace(skb, off, 0, diff, BPF_F_PSEUDO_HDR);
	return 0;
}

#endif
