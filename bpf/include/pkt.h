/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The packet, parsed. The only place that checks bounds and follows headers.
 *
 * wr_pkt_parse() fills struct wr_pkt from an Ethernet frame; what it accepts has a complete network header and as
 * much of a transport header as anyone looks at, all in the linear part of the buffer. Later stages reach the
 * bytes through wr_pkt_l3/l4(), again after each helper that may move them.
 */
#ifndef WR_BPF_PKT_H
#define WR_BPF_PKT_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include "bpf/abi/flow.h"
#include "bpf/abi/reason.h"
#include "bpf/include/addr.h"
#include "bpf/include/bpf.h"
#include "bpf/include/hook.h"
#include "bpf/include/icmp.h"

/* As seen in practice: hop-by-hop, destination, routing, fragment, destination, and one to spare. */
#define WR_EXT_HEADERS_MAX 6
/* No transport header begins later than this. */
#define WR_L4_OFF_MAX 0x1ff
/* How much of a transport header has to be there. */
#define WR_L4_MAX sizeof(struct tcphdr)

#define WR_PACKET_HOST 0 /* skb->pkt_type: addressed to this machine */

#define WR_IP_DF     bpf_htons(0x4000)
#define WR_IP_MF     bpf_htons(0x2000)
#define WR_IP_OFFSET bpf_htons(0x1fff)

enum wr_tcp_flag {
	WR_TCP_FLAG_FIN = 0x01,
	WR_TCP_FLAG_SYN = 0x02,
	WR_TCP_FLAG_RST = 0x04,
	WR_TCP_FLAG_PSH = 0x08,
	WR_TCP_FLAG_ACK = 0x10,
};

enum wr_pkt_flags {
	WR_PKT_V6 = 1 << 0,
	WR_PKT_FRAG_FIRST = 1 << 1,
	WR_PKT_FRAG_LATER = 1 << 2, /* no transport header; ports come from the first fragment */
	WR_PKT_ICMP = 1 << 3,       /* ICMP of the packet's own family */
	WR_PKT_ICMP_ERROR = 1 << 4, /* quotes another packet; no ports */
	WR_PKT_ICMP_REPLY = 1 << 5, /* an echo reply: never begins a flow */
};

struct wr_pkt {
	struct wr_flow_key key; /* ordered; ICMP echo: the identifier, see bpf/abi/flow.h; without ports: zeroes */
	__u8 from_b; /* the packet's source is the key's b end */
	__u8 flags;  /* enum wr_pkt_flags */
	__u8 tcp_flags;
	__u8 icmp_type, icmp_code;
	__u16 l4_off;
	__u8 dir; /* enum wr_dir, for events */
	__u8 pad;
	__be32 frag_id;
	__u32 ep;                               /* who pays for a drop; WR_EP_NONE: nobody */
	__u32 rule, src_identity, dst_identity; /* as far as they are known, for events */
};

static __always_inline const struct wr_addr *wr_pkt_src(const struct wr_pkt *p)
{
	return p->from_b ? &p->key.b : &p->key.a;
}

static __always_inline const struct wr_addr *wr_pkt_dst(const struct wr_pkt *p)
{
	return p->from_b ? &p->key.a : &p->key.b;
}

/* 0 and 0: a protocol without ports, or not the first fragment. */
static __always_inline int wr_pkt_has_ports(const struct wr_pkt *p)
{
	return p->key.port_a || p->key.port_b;
}

static __always_inline __be16 wr_pkt_sport(const struct wr_pkt *p)
{
	return p->from_b ? p->key.port_b : p->key.port_a;
}

static __always_inline __be16 wr_pkt_dport(const struct wr_pkt *p)
{
	return p->from_b ? p->key.port_a : p->key.port_b;
}

/* An echo's identifier; of other packets nothing. */
static __always_inline __be16 wr_pkt_echo_id(const struct wr_pkt *p)
{
	return p->flags & WR_PKT_ICMP_REPLY ? wr_pkt_dport(p) : wr_pkt_sport(p);
}

/*
 * The fields are 32 bits wide and hold pointers: in C the compiler may copy them with 32-bit moves, which the
 * verifier takes for arithmetic. Volatile, so that nothing is kept over a helper that moves the bytes.
 */
static __always_inline __u8 *pkt_data(const struct __sk_buff *skb)
{
	__u8 *p;

	asm volatile("%0 = *(u32 *)(%1 + %2)"
		     : "=r"(p)
		     : "r"(skb), "i"(offsetof(struct __sk_buff, data)));
	return p;
}

static __always_inline __u8 *pkt_end(const struct __sk_buff *skb)
{
	__u8 *p;

	asm volatile("%0 = *(u32 *)(%1 + %2)"
		     : "=r"(p)
		     : "r"(skb), "i"(offsetof(struct __sk_buff, data_end)));
	return p;
}

/*
 * @off bytes into the packet, if @size more are in the linear part; else NULL. The barrier keeps the compiler from
 * repeating the comparison in place of the caller's test: the verifier would not see that both are one.
 */
static __always_inline void *pkt_at(const struct __sk_buff *skb, __u32 off, __u32 size)
{
	__u8 *data = pkt_data(skb), *end = pkt_end(skb);
	__u8 *p = data + off;

	if (data + off + size > end)
		p = NULL;
	asm volatile("" : "+r"(p));
	return p;
}

/* The network header. */
static __always_inline void *wr_pkt_l3(const struct __sk_buff *skb, __u32 size)
{
	return pkt_at(skb, ETH_HLEN, size);
}

/* The transport header. */
static __always_inline void *wr_pkt_l4(const struct __sk_buff *skb, const struct wr_pkt *p, __u32 size)
{
	return pkt_at(skb, p->l4_off & WR_L4_OFF_MAX, size);
}

/* The Ethernet header. */
static __always_inline struct ethhdr *wr_pkt_eth(const struct __sk_buff *skb)
{
	return pkt_at(skb, 0, ETH_HLEN);
}

/* Bytes after the Ethernet header. */
static __always_inline __u32 wr_pkt_len(const struct __sk_buff *skb)
{
	return skb->len - ETH_HLEN;
}

/* Moves @size bytes into the linear part, if the packet has so many. Pointers into the packet end here. */
static __always_inline void wr_pkt_need(struct __sk_buff *skb, __u32 size)
{
	__u32 linear = pkt_end(skb) - pkt_data(skb);

	if (unlikely(linear < size && linear < skb->len))
		bpf_skb_pull_data(skb, skb->len < size ? skb->len : size);
}

/* Orders the ends of a tuple into a key; returns whether the source has become b. */
static __always_inline int wr_flow_key_set(struct wr_flow_key *key, const struct wr_addr *src,
					   const struct wr_addr *dst, __be16 sport, __be16 dport)
{
	int from_b = src->d[0] > dst->d[0];

	if (src->d[0] == dst->d[0]) {
		from_b = src->d[1] > dst->d[1];
		if (src->d[1] == dst->d[1])
			from_b = sport > dport;
	}
	key->a = from_b ? *dst : *src;
	key->b = from_b ? *src : *dst;
	key->port_a = from_b ? dport : sport;
	key->port_b = from_b ? sport : dport;
	return from_b;
}

struct wr_ports {
	__be16 src, dst;
};

static __always_inline int parse_tcp(const struct __sk_buff *skb, struct wr_pkt *p, __u32 room,
				     struct wr_ports *ret)
{
	const struct tcphdr *th = wr_pkt_l4(skb, p, sizeof(*th));
	__u32 len;

	if (!th || room < sizeof(*th))
		return WR_REASON_SHORT;
	len = th->doff * 4;
	if (len < sizeof(*th) || len > room)
		return WR_REASON_BAD_HEADER;
	p->tcp_flags = ((const __u8 *)th)[13];
	ret->src = th->source;
	ret->dst = th->dest;
	return 0;
}

/* UDP, and SCTP, whose ports are at the same place. */
static __always_inline int parse_ports(const struct __sk_buff *skb, struct wr_pkt *p, __u32 room,
				       __u32 size, struct wr_ports *ret)
{
	const struct udphdr *uh = wr_pkt_l4(skb, p, sizeof(*uh));

	if (!uh || room < size)
		return WR_REASON_SHORT;
	ret->src = uh->source;
	ret->dst = uh->dest;
	return 0;
}

static __always_inline int icmp_is_error(const struct wr_pkt *p)
{
	if (p->flags & WR_PKT_V6)
		return p->icmp_type < WR_ICMP6_INFO;
	return p->icmp_type == WR_ICMP4_UNREACH || p->icmp_type == WR_ICMP4_TIME_EXCEEDED ||
	       p->icmp_type == WR_ICMP4_PARAMETER || p->icmp_type == WR_ICMP4_QUENCH ||
	       p->icmp_type == WR_ICMP4_REDIRECT;
}

static __always_inline struct wr_ports wr_echo_ports(__be16 id, int is_reply)
{
	__be16 other = wr_flow_echo_port(id);

	return is_reply ? (struct wr_ports){ other, id } : (struct wr_ports){ id, other };
}

static __always_inline int parse_icmp(const struct __sk_buff *skb, struct wr_pkt *p, __u32 room,
				      struct wr_ports *ret)
{
	const struct wr_icmphdr *ih = wr_pkt_l4(skb, p, sizeof(*ih));
	int v6 = p->flags & WR_PKT_V6;

	if (!ih || room < sizeof(*ih))
		return WR_REASON_SHORT;
	p->flags |= WR_PKT_ICMP;
	p->icmp_type = ih->type;
	p->icmp_code = ih->code;
	if (icmp_is_error(p)) {
		p->flags |= WR_PKT_ICMP_ERROR;
		return 0;
	}
	if (ih->type == (v6 ? WR_ICMP6_ECHO_REPLY : WR_ICMP4_ECHO_REPLY))
		p->flags |= WR_PKT_ICMP_REPLY;
	else if (ih->type != (v6 ? WR_ICMP6_ECHO : WR_ICMP4_ECHO))
		return 0;
	*ret = wr_echo_ports(ih->id, p->flags & WR_PKT_ICMP_REPLY);
	return 0;
}

/* @room: bytes that the network header grants to the transport. */
static __always_inline int parse_l4(const struct __sk_buff *skb, struct wr_pkt *p, __u32 room,
				    struct wr_ports *ret)
{
	switch (p->key.proto) {
	case IPPROTO_TCP:
		return parse_tcp(skb, p, room, ret);
	case IPPROTO_UDP:
		return parse_ports(skb, p, room, sizeof(struct udphdr), ret);
	case IPPROTO_SCTP:
		return parse_ports(skb, p, room, 12, ret);
	case IPPROTO_ICMP:
		return p->flags & WR_PKT_V6 ? 0 : parse_icmp(skb, p, room, ret);
	case IPPROTO_ICMPV6:
		return p->flags & WR_PKT_V6 ? parse_icmp(skb, p, room, ret) : 0;
	}
	return 0;
}

/* A fragment's offset in units of 8 bytes, and whether more follow. One that would overwrite TCP's flags is refused. */
static __always_inline int set_fragment(struct wr_pkt *p, __u32 offset, int more, __be32 id)
{
	if (offset == 1 && p->key.proto == IPPROTO_TCP)
		return WR_REASON_BAD_HEADER;
	if (offset)
		p->flags |= WR_PKT_FRAG_LATER;
	else if (more)
		p->flags |= WR_PKT_FRAG_FIRST;
	p->frag_id = id;
	return 0;
}

/* The rare shapes of an IPv4 header: options, fragments. */
static __always_inline int parse_ipv4_odd(struct __sk_buff *skb, struct wr_pkt *p)
{
	const struct iphdr *ip;

	wr_pkt_need(skb, p->l4_off + WR_L4_MAX);
	ip = wr_pkt_l3(skb, sizeof(*ip));
	if (!ip)
		return WR_REASON_SHORT;
	if (!(ip->frag_off & (WR_IP_MF | WR_IP_OFFSET)))
		return 0;
	return set_fragment(p, bpf_ntohs(ip->frag_off & WR_IP_OFFSET), !!(ip->frag_off & WR_IP_MF),
			    bpf_htonl(bpf_ntohs(ip->id)));
}

static __always_inline int set_key4(const struct __sk_buff *skb, struct wr_pkt *p,
				    struct wr_ports ports)
{
	const struct iphdr *ip = wr_pkt_l3(skb, sizeof(*ip));
	__u32 src, dst;
	int from_b;

	if (!ip)
		return WR_REASON_SHORT;
	src = ip->saddr;
	dst = ip->daddr;
	from_b = src > dst || (src == dst && ports.src > ports.dst);
	wr_addr_set4(&p->key.a, from_b ? dst : src);
	wr_addr_set4(&p->key.b, from_b ? src : dst);
	p->key.port_a = from_b ? ports.dst : ports.src;
	p->key.port_b = from_b ? ports.src : ports.dst;
	p->from_b = from_b;
	return 0;
}

static __always_inline int parse_ipv4(struct __sk_buff *skb, struct wr_pkt *p)
{
	struct wr_ports ports = {};
	const struct iphdr *ip;
	__u32 hlen, len;
	int reason;

	wr_pkt_need(skb, ETH_HLEN + sizeof(*ip) + WR_L4_MAX);
	ip = wr_pkt_l3(skb, sizeof(*ip));
	if (!ip)
		return WR_REASON_SHORT;
	hlen = ip->ihl * 4;
	len = bpf_ntohs(ip->tot_len);
	if (!len && skb->gso_size) /* larger than the field can say */
		len = wr_pkt_len(skb);
	if (ip->version != 4 || hlen < sizeof(*ip) || len < hlen)
		return WR_REASON_BAD_HEADER;
	if (len > wr_pkt_len(skb))
		return WR_REASON_SHORT;
	p->key.proto = ip->protocol;
	p->l4_off = ETH_HLEN + hlen;
	if (unlikely(hlen != sizeof(*ip) || ip->frag_off & (WR_IP_MF | WR_IP_OFFSET))) {
		reason = parse_ipv4_odd(skb, p);
		if (reason)
			return reason;
	}
	if (likely(!(p->flags & WR_PKT_FRAG_LATER))) {
		reason = parse_l4(skb, p, len - hlen, &ports);
		if (reason)
			return reason;
	}
	return set_key4(skb, p, ports);
}

static __always_inline int is_extension(__u8 proto)
{
	return proto == IPPROTO_HOPOPTS || proto == IPPROTO_ROUTING || proto == IPPROTO_DSTOPTS ||
	       proto == IPPROTO_FRAGMENT;
}

/* One extension header at *off: next header, length, and for a fragment header offset and identification. */
static __always_inline int parse_extension(const struct __sk_buff *skb, struct wr_pkt *p, __u32 *off)
{
	struct {
		__u8 next, len, type, left;
		__be32 id;
	} h;
	__u8 proto = p->key.proto;
	__u32 frag;

	if (bpf_skb_load_bytes(skb, *off, &h, sizeof(h)))
		return WR_REASON_SHORT;
	p->key.proto = h.next;
	if (proto != IPPROTO_FRAGMENT) {
		*off += (h.len + 1) * 8;
		return proto == IPPROTO_ROUTING && h.left ? WR_REASON_SOURCE_ROUTE : 0;
	}
	*off += sizeof(h);
	frag = (__u32)h.type << 8 | h.left;
	return set_fragment(p, frag >> 3, frag & 1, h.id);
}

/* Follows the extension headers up to the transport or a later fragment. */
static __noinline int parse_extensions(struct __sk_buff *skb, struct wr_pkt *p)
{
	__u32 off = p->l4_off;
	int i, reason;

	for (i = 0; i < WR_EXT_HEADERS_MAX; i++) {
		if (!is_extension(p->key.proto) || p->flags & WR_PKT_FRAG_LATER)
			break;
		reason = parse_extension(skb, p, &off);
		if (reason)
			return reason;
	}
	if (off > WR_L4_OFF_MAX || (is_extension(p->key.proto) && !(p->flags & WR_PKT_FRAG_LATER)))
		return WR_REASON_EXT_HEADERS;
	p->l4_off = off;
	wr_pkt_need(skb, off + WR_L4_MAX);
	return 0;
}

static __always_inline int set_key6(const struct __sk_buff *skb, struct wr_pkt *p,
				    struct wr_ports ports)
{
	const struct ipv6hdr *ip = wr_pkt_l3(skb, sizeof(*ip));

	if (!ip)
		return WR_REASON_SHORT;
	p->from_b = wr_flow_key_set(&p->key, (const struct wr_addr *)&ip->saddr,
				    (const struct wr_addr *)&ip->daddr, ports.src, ports.dst);
	return 0;
}

static __always_inline int parse_ipv6(struct __sk_buff *skb, struct wr_pkt *p)
{
	struct wr_ports ports = {};
	const struct ipv6hdr *ip;
	__u32 len;
	int reason;

	wr_pkt_need(skb, ETH_HLEN + sizeof(*ip) + WR_L4_MAX);
	ip = wr_pkt_l3(skb, sizeof(*ip));
	if (!ip)
		return WR_REASON_SHORT;
	len = sizeof(*ip) + bpf_ntohs(ip->payload_len);
	if (!ip->payload_len && skb->gso_size) /* larger than the field can say */
		len = wr_pkt_len(skb);
	if (ip->version != 6)
		return WR_REASON_BAD_HEADER;
	if (len > wr_pkt_len(skb))
		return WR_REASON_SHORT;
	p->flags = WR_PKT_V6;
	p->key.proto = ip->nexthdr;
	p->l4_off = ETH_HLEN + sizeof(*ip);
	if (unlikely(is_extension(ip->nexthdr))) {
		reason = parse_extensions(skb, p);
		if (reason)
			return reason;
	}
	len += ETH_HLEN; /* from here on an offset: where the packet ends */
	if (len < p->l4_off)
		return WR_REASON_SHORT;
	if (likely(!(p->flags & WR_PKT_FRAG_LATER))) {
		reason = parse_l4(skb, p, len - p->l4_off, &ports);
		if (reason)
			return reason;
	}
	return set_key6(skb, p, ports);
}

/*
 * 0, or why the packet cannot be judged; WR_REASON_ETHERTYPE: neither IPv4 nor IPv6. @p is zeroed before, but for
 * what the hook has filled in.
 */
static __always_inline int wr_pkt_parse(struct __sk_buff *skb, struct wr_pkt *p)
{
	if (skb->protocol == bpf_htons(ETH_P_IP))
		return parse_ipv4(skb, p);
	if (skb->protocol == bpf_htons(ETH_P_IPV6))
		return parse_ipv6(skb, p);
	return WR_REASON_ETHERTYPE;
}

/* IPv6's conversation on the link: neighbours, routers, groups (MLD). */
static __always_inline int wr_is_neighbour(const struct wr_pkt *p)
{
	if ((p->flags & (WR_PKT_V6 | WR_PKT_ICMP)) != (WR_PKT_V6 | WR_PKT_ICMP))
		return 0;
	return (p->icmp_type >= WR_ICMP6_MLD_QUERY && p->icmp_type <= WR_ICMP6_REDIRECT) ||
	       p->icmp_type == WR_ICMP6_MLD2_REPORT;
}

#endif
