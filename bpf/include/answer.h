/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Packets that the datapath sends back itself: TCP resets, ICMP errors, ARP and neighbour advertisements. Each is built
 * in the work's buffer, replaces the packet it answers, and leaves where that came in (the node's own: enters there).
 */
#ifndef WR_BPF_ANSWER_H
#define WR_BPF_ANSWER_H

#include "bpf/include/out.h"
#include "bpf/include/rewrite.h"
#include "bpf/include/work.h"

#define WR_ANSWERS_PER_JIFFY 32
#define WR_ANSWER_TTL        64

/* Of the packet that an ICMP error is about. More than the 8 bytes of transport that are asked for: all of TCP. */
#define WR_QUOTE_MAX 128

_Static_assert(WR_QUOTE_MAX + sizeof(struct ipv6hdr) + sizeof(struct wr_icmphdr) <= WR_BUF,
	       "an ICMP error fits");

/* An answer whose transport lies in the buffer, its checksum zero. */
struct answer {
	struct wr_addr src; /* the destination is the packet's source */
	__u32 len;          /* of the transport */
	__u16 check_off;    /* in it */
	__u8 proto;
	__u8 hops;
};

static __always_inline __u32 l4_area(int v4)
{
	return v4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
}

/* The transport's checksum; what lies behind it in the buffer is zero. ICMP over IPv4 has no pseudo header. */
static __always_inline __sum16 l4_sum(const struct answer *a, const struct wr_addr *dst, int v4,
				      __u8 *l4)
{
	__u64 sum = 0;
	int i;

	if (!v4 || a->proto == IPPROTO_TCP) {
		sum = bpf_htonl(a->len) + (__u64)bpf_htonl(a->proto);
		for (i = v4 ? 3 : 0; i < 4; i++)
			sum += (__u64)a->src.w[i] + dst->w[i];
		sum = (sum & 0xffffffff) + (sum >> 32);
		sum = (sum & 0xffffffff) + (sum >> 32);
	}
	sum = bpf_csum_diff(NULL, 0, (__be32 *)l4, WR_BUF - sizeof(struct ipv6hdr), sum);
	return ~csum_fold(sum);
}

static __always_inline void ip4_header(struct iphdr *ip, const struct wr_addr *src,
				       const struct wr_addr *dst, __u8 proto, __u32 l4_len)
{
	__u32 sum = 0;
	__u32 i;

	ip->version = 4;
	ip->ihl = sizeof(*ip) / 4;
	ip->tot_len = bpf_htons(sizeof(*ip) + l4_len);
	ip->frag_off = WR_IP_DF;
	ip->ttl = WR_ANSWER_TTL;
	ip->protocol = proto;
	ip->saddr = src->w[3];
	ip->daddr = dst->w[3];
	for (i = 0; i < sizeof(*ip) / 2; i++)
		sum += ((const __u16 *)ip)[i];
	ip->check = ~csum_fold(sum);
}

static __always_inline void ip6_header(struct ipv6hdr *ip, const struct wr_addr *src,
				       const struct wr_addr *dst, __u8 proto, __u8 hops, __u32 l4_len)
{
	ip->version = 6;
	ip->payload_len = bpf_htons(l4_len);
	ip->nexthdr = proto;
	ip->hop_limit = hops;
	memcpy(&ip->saddr, src, sizeof(ip->saddr));
	memcpy(&ip->daddr, dst, sizeof(ip->daddr));
}

/* To a client whose packet another node has brought (direct return). */
WR_GLOBAL int wr_answer_outside(struct __sk_buff *skb, const struct wr_pkt *p, struct wr_work *w)
{
	const struct wr_nexthop *nh;
	long r;

	w = wr_work_again(w);
	if (!p || !w)
		return WR_DROP;
	nh = wr_nexthop_get(p->flags & WR_PKT_V6 ? WR_NEXTHOP_OUT6 : WR_NEXTHOP_OUT4);
	if (nh && (nh->kind == WR_NH_NEIGH || nh->kind == WR_NH_ROUTE))
		return wr_out_neigh(skb, nh);
	memset(&w->fib, 0, sizeof(w->fib));
	w->fib.ifindex = skb->ifindex;
	w->fib.family = AF_INET;
	w->fib.ipv4_src = wr_pkt_dst(p)->w[3];
	w->fib.ipv4_dst = wr_pkt_src(p)->w[3];
	if (p->flags & WR_PKT_V6) {
		w->fib.family = AF_INET6;
		memcpy(w->fib.ipv6_src, wr_pkt_dst(p), sizeof(w->fib.ipv6_src));
		memcpy(w->fib.ipv6_dst, wr_pkt_src(p), sizeof(w->fib.ipv6_dst));
	}
	r = bpf_fib_lookup(skb, &w->fib, sizeof(w->fib), 0);
	if (r != BPF_FIB_LKUP_RET_SUCCESS && r != BPF_FIB_LKUP_RET_NO_NEIGH)
		return WR_DROP;
	return wr_out_fib(skb, &w->fib);
}

/* Out where the packet came in; the node's own packets are answered as if from outside. */
static __always_inline int turn_round(struct __sk_buff *skb, const struct wr_pkt *p,
				      struct wr_work *w)
{
	const struct wr_nexthop *nh;

	wr_mark_judged(skb);
	if (WR_THIS_HOOK == WR_HOOK_OVERLAY_INGRESS) {
		nh = wr_nexthop_get(WR_PEER_NEXTHOP(wr_peer_find(wr_pkt_src(p))));
		if (nh && wr_addr_is_zero(&nh->outer_src))
			return wr_answer_outside(skb, p, w);
		if (!nh || wr_tunnel_key(skb, nh))
			return WR_DROP;
	}
	if (WR_THIS_HOOK == WR_HOOK_UPLINK_EGRESS || WR_THIS_HOOK == WR_HOOK_OVERLAY_EGRESS)
		return bpf_redirect(skb->ifindex, BPF_F_INGRESS);
	return bpf_redirect(skb->ifindex, 0);
}

/*
 * Makes room for @size bytes behind the Ethernet header. The old packet's transport may have been left to the device to sum up
 * (CHECKSUM_PARTIAL: local senders, GRO, virtual NICs), which would write a sum into the new one, where that has none or another. No helper
 * says so to the kernel, but it drops such a sum when bytes behind its place change (__skb_postpull_rcsum): so the
 * place is pulled out of the packet here, and the body written with BPF_F_RECOMPUTE_CSUM.
 */
static __always_inline int make_room(struct __sk_buff *skb, const struct wr_pkt *p, __u32 size)
{
	__u32 cut = (p->l4_off & WR_L4_OFF_MAX & ~3u) + 4;

	return bpf_skb_change_tail(skb, ETH_HLEN + size + cut, 0) ||
	       bpf_skb_adjust_room(skb, -(__s32)cut, BPF_ADJ_ROOM_MAC, 0);
}

/* The buffer becomes the packet behind its Ethernet header, which is turned round. */
static __always_inline int send_back(struct __sk_buff *skb, const struct wr_pkt *p,
				     struct wr_work *w, __u32 size)
{
	__u8 macs[2 * ETH_ALEN];

	if (bpf_skb_load_bytes(skb, ETH_ALEN, macs, ETH_ALEN) ||
	    bpf_skb_load_bytes(skb, 0, macs + ETH_ALEN, ETH_ALEN))
		return WR_DROP;
	if (!wr_is_size(&size, WR_BUF) || make_room(skb, p, size) ||
	    bpf_skb_store_bytes(skb, 0, macs, sizeof(macs), 0) ||
	    bpf_skb_store_bytes(skb, ETH_HLEN, w->buf, size, BPF_F_RECOMPUTE_CSUM))
		return WR_DROP;
	return turn_round(skb, p, w);
}

/* Completes the answer in the buffer and sends it. */
WR_GLOBAL int wr_answer_send(struct __sk_buff *skb, const struct wr_pkt *p, struct wr_work *w,
			     const struct answer *a)
{
	const struct wr_addr *dst;
	__u8 *l4;
	int v4;

	if (!p || !w || !a)
		return WR_DROP;
	v4 = !(p->flags & WR_PKT_V6);
	l4 = w->buf + l4_area(v4);
	dst = wr_pkt_src(p);
	*(__sum16 *)(l4 + (a->check_off & 63)) = l4_sum(a, dst, v4, l4);
	if (v4)
		ip4_header((struct iphdr *)w->buf, &a->src, dst, a->proto, a->len);
	else
		ip6_header((struct ipv6hdr *)w->buf, &a->src, dst, a->proto, a->hops, a->len);
	return send_back(skb, p, w, l4_area(v4) + a->len);
}

/* TCP: what makes the sender give up at once (RFC 9293, 3.10.7.1). */
static __always_inline int answer_reset(struct __sk_buff *skb, const struct wr_pkt *p,
					struct wr_work *w)
{
	const struct tcphdr *th = wr_pkt_l4(skb, p, sizeof(*th));
	struct answer a = {
		.src = *wr_pkt_dst(p),
		.proto = IPPROTO_TCP,
		.len = sizeof(*th),
		.check_off = offsetof(struct tcphdr, check),
		.hops = WR_ANSWER_TTL,
	};
	struct tcphdr *rst = (struct tcphdr *)(w->buf + l4_area(!(p->flags & WR_PKT_V6)));
	__u32 used;

	if (!th || p->tcp_flags & WR_TCP_FLAG_RST)
		return WR_DROP;
	rst->source = th->dest;
	rst->dest = th->source;
	rst->doff = sizeof(*rst) / 4;
	rst->rst = 1;
	if (p->tcp_flags & WR_TCP_FLAG_ACK) {
		rst->seq = th->ack_seq;
	} else {
		used = skb->len - p->l4_off - th->doff * 4 + th->syn + th->fin;
		rst->ack = 1;
		rst->ack_seq = bpf_htonl(bpf_ntohl(th->seq) + used);
	}
	return wr_answer_send(skb, p, w, &a);
}

/* How much of the packet an ICMP error quotes. */
static __always_inline __u32 quote_len(const struct __sk_buff *skb, const struct wr_pkt *p)
{
	__u32 len = p->l4_off - ETH_HLEN + (p->key.proto == IPPROTO_TCP ? sizeof(struct tcphdr) : 8);

	if (len > wr_pkt_len(skb))
		len = wr_pkt_len(skb);
	return len < WR_QUOTE_MAX ? len & ~3u : WR_QUOTE_MAX;
}

struct icmp_error {
	__u8 type, code;
	__be16 mtu4; /* for an IPv4 packet that was too big */
	__be32 mtu6;
};

/* ICMP is never answered with an error when it is one itself, nor are later fragments. */
static __always_inline int answer_icmp(struct __sk_buff *skb, const struct wr_pkt *p,
				       struct wr_work *w, const struct wr_addr *src,
				       struct icmp_error error)
{
	int v4 = !(p->flags & WR_PKT_V6);
	struct wr_icmphdr *ih = (struct wr_icmphdr *)(w->buf + l4_area(v4));
	__u32 quote = quote_len(skb, p);
	struct answer a = {
		.src = *src,
		.proto = v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6,
		.len = sizeof(*ih) + quote,
		.check_off = offsetof(struct wr_icmphdr, sum),
		.hops = WR_ANSWER_TTL,
	};

	if (p->flags & (WR_PKT_ICMP_ERROR | WR_PKT_FRAG_LATER))
		return WR_DROP;
	ih->type = error.type;
	ih->code = error.code;
	if (v4)
		ih->seq = error.mtu4;
	else
		*(__be32 *)&ih->id = error.mtu6;
	if (!wr_is_size(&quote, WR_QUOTE_MAX) || bpf_skb_load_bytes(skb, ETH_HLEN, ih + 1, quote))
		return WR_DROP;
	return wr_answer_send(skb, p, w, &a);
}

/* Who says so: to pods their gateway, outside the node. */
static __always_inline struct wr_addr answer_source(const struct wr_pkt *p)
{
	const struct wr_globals *globals = wr_globals_get();
	int v4 = !(p->flags & WR_PKT_V6);
	struct wr_addr a;

	if (WR_THIS_HOOK == WR_HOOK_POD_EGRESS || !globals)
		return wr_gateway(v4);
	a = v4 ? globals->masq4 : globals->masq6;
	return wr_addr_is_zero(&a) ? *wr_pkt_dst(p) : a;
}

/* Nothing listens there, and it is said at once. */
static __always_inline int refuse(struct __sk_buff *skb, const struct wr_pkt *p, struct wr_work *w)
{
	static const struct icmp_error unreachable4 = { WR_ICMP4_UNREACH, 3, 0, 0 };
	static const struct icmp_error unreachable6 = { WR_ICMP6_UNREACH, 4, 0, 0 };

	if (p->key.proto == IPPROTO_TCP)
		return p->flags & WR_PKT_FRAG_LATER ? WR_DROP : answer_reset(skb, p, w);
	return answer_icmp(skb, p, w, wr_pkt_dst(p),
			   p->flags & WR_PKT_V6 ? unreachable6 : unreachable4);
}

static __always_inline int answer_ttl(struct __sk_buff *skb, const struct wr_pkt *p,
				      struct wr_work *w)
{
	struct icmp_error error = { .type = WR_ICMP4_TIME_EXCEEDED };
	struct wr_addr src = answer_source(p);

	if (p->flags & WR_PKT_V6)
		error.type = WR_ICMP6_TIME_EXCEEDED;
	return answer_icmp(skb, p, w, &src, error);
}

static __always_inline int answer_too_big(struct __sk_buff *skb, const struct wr_pkt *p,
					  struct wr_work *w)
{
	struct icmp_error error = { WR_ICMP4_UNREACH, 4, bpf_htons(w->mtu), bpf_htonl(w->mtu) };
	struct wr_addr src = answer_source(p);

	if (p->flags & WR_PKT_V6) {
		error.type = WR_ICMP6_TOO_BIG;
		error.code = 0;
	}
	return answer_icmp(skb, p, w, &src, error);
}

/*
 * Tells the sender why its packet does not go on, where that is to be told. Returns the verdict; the packet has been
 * counted as dropped.
 */
WR_GLOBAL int wr_answer(struct __sk_buff *skb, const struct wr_pkt *p, struct wr_work *w, __u32 reason)
{
	if (!p || !w || !wr_budget(&w->answers_at, &w->answers, WR_ANSWERS_PER_JIFFY))
		return WR_DROP;
	memset(w->buf, 0, sizeof(w->buf));
	switch (reason) {
	case WR_REASON_UNKNOWN_PORT:
	case WR_REASON_NO_BACKEND:
		return refuse(skb, p, w);
	case WR_REASON_TCP_MIDSTREAM:
		return w->refuse ? refuse(skb, p, w) : WR_DROP;
	case WR_REASON_TTL:
		return answer_ttl(skb, p, w);
	case WR_REASON_TOO_BIG:
		return answer_too_big(skb, p, w);
	}
	return WR_DROP;
}

#endif
