/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Translated flows: choosing the tuple that their packets leave with.
 *
 * Who inserts the reply tuple owns the source port; there is nothing else to release or to leak. A port is first sought
 * where the flow's hash points; a pair of addresses where that collides gets a bitmap of hints, which finds a port
 * in constant time until the last one is taken.
 */
#ifndef WR_BPF_NAT_H
#define WR_BPF_NAT_H

#include "bpf/include/entry.h"
#include "bpf/include/nat_hint.h"
#include "bpf/include/rewrite.h"

#define WR_NAT_TRIES        4   /* ports tried before hints are asked */
#define WR_NAT_HINTED_TRIES 256 /* ports that the hints think free */
#define WR_NAT_VERIFY       64 /* ports that they think taken, when all are; once a second every one */

/* Sums of ones' complement over 32-bit words: what changing @old into @new adds. */
WR_GLOBAL __u32 wr_addr_diff(const struct wr_addr *old, const struct wr_addr *new)
{
	__u64 sum = 0;
	int i;

	if (!old || !new)
		return 0;
	for (i = 0; i < 4; i++)
		sum += (__u64) new->w[i] + (__u32)~old->w[i];
	sum = (sum & 0xffffffff) + (sum >> 32);
	return sum + (sum >> 32);
}

static __always_inline __u32 port_diff(__be16 old, __be16 new)
{
	return (__u32) new + (__u16)~old;
}

/* The difference that the rewrite of w->flow's addresses makes: the same whatever the port. */
static __always_inline void set_l3_diff(const struct wr_pkt *p, struct wr_work *w)
{
	w->flow.l3_diff = csum_fold(csum_add(wr_addr_diff(wr_pkt_src(p), &w->nat.src),
					     wr_addr_diff(wr_pkt_dst(p), &w->ends.dst)));
}

/* The differences that the rewrite of w->flow makes; the partner's are the opposite. */
static __always_inline void set_diffs(const struct wr_pkt *p, struct wr_work *w)
{
	struct wr_flow *f = &w->flow;

	if (p->flags & WR_PKT_ICMP) /* the identifier alone is in the packet */
		f->l4_diff = csum_fold(port_diff(wr_pkt_echo_id(p), echo_id(p, f)));
	else
		f->l4_diff = csum_fold(csum_add(port_diff(wr_pkt_sport(p), f->new_sport),
						port_diff(wr_pkt_dport(p), f->new_dport)));
	w->partner.l3_diff = ~f->l3_diff;
	w->partner.l4_diff = ~f->l4_diff;
	if (!f->l4_diff || f->l4_diff == 0xffff)
		f->l4_diff = w->partner.l4_diff = 0;
}

/* The ports that the flow leaves with from @port; of an echo that is the identifier, whichever way it goes. */
static __always_inline struct wr_ports leaving_ports(const struct wr_pkt *p,
						     const struct wr_work *w, __be16 port)
{
	if (p->flags & WR_PKT_ICMP && wr_pkt_has_ports(p))
		return wr_echo_ports(port, p->flags & WR_PKT_ICMP_REPLY);
	return (struct wr_ports){ port, w->ends.dport };
}

/* Points both tuples at each other, the flow leaving from @port. */
static __always_inline void set_tuples(const struct wr_pkt *p, struct wr_work *w, __be16 port)
{
	struct wr_ports ports = leaving_ports(p, w, port);
	struct wr_flow *f = &w->flow, *r = &w->partner;

	f->new_src = w->nat.src;
	f->new_dst = w->ends.dst;
	f->new_sport = ports.src;
	f->new_dport = ports.dst;
	*r = *f;
	r->new_src = *wr_pkt_dst(p);
	r->new_dst = *wr_pkt_src(p);
	r->new_sport = wr_pkt_dport(p);
	r->new_dport = wr_pkt_sport(p);
	r->packets[WR_FLOW_ORIG] = r->bytes[WR_FLOW_ORIG] = 0;
	r->state = (f->state & ~WR_FLOW_ORIG_B) | WR_FLOW_REPLY_TUPLE;
	if (wr_flow_key_set(&w->partner_key, &f->new_src, &f->new_dst, ports.src, ports.dst))
		r->state |= WR_FLOW_ORIG_B;
	w->partner_key.proto = p->key.proto;
	w->partner_key.alt = 0;
	set_diffs(p, w);
}

/* The tuple by which the stack would find the receiver of the flow's answers. Returns its size. */
static __always_inline __u32 sock_tuple(const struct wr_flow *f, struct bpf_sock_tuple *t)
{
	if (wr_addr_is4(&f->new_src)) {
		t->ipv4.saddr = f->new_dst.w[3];
		t->ipv4.daddr = f->new_src.w[3];
		t->ipv4.sport = f->new_dport;
		t->ipv4.dport = f->new_sport;
		return sizeof(t->ipv4);
	}
	memcpy(t->ipv6.saddr, &f->new_dst, sizeof(f->new_dst));
	memcpy(t->ipv6.daddr, &f->new_src, sizeof(f->new_src));
	t->ipv6.sport = f->new_dport;
	t->ipv6.dport = f->new_sport;
	return sizeof(t->ipv6);
}

/* Does a socket of the node have the port? */
static __always_inline int socket_has(struct __sk_buff *skb, struct wr_work *w, __u8 proto)
{
	__u32 size = sock_tuple(&w->flow, &w->sock_tuple);
	struct bpf_sock *sk;

	if (proto == IPPROTO_TCP)
		sk = bpf_skc_lookup_tcp(skb, &w->sock_tuple, size, BPF_F_CURRENT_NETNS, 0);
	else if (proto == IPPROTO_UDP)
		sk = bpf_sk_lookup_udp(skb, &w->sock_tuple, size, BPF_F_CURRENT_NETNS, 0);
	else
		return 0;
	if (!sk)
		return 0;
	bpf_sk_release(sk);
	return 1;
}

/* Does a live flow have the key? */
static __always_inline int table_has(const struct wr_flow_key *key)
{
	const struct wr_flow *flow = wr_flow_find_flat(key);

	return flow && !(READ_ONCE(flow->state) & WR_FLOW_DEAD);
}

/* An element of the LRU that has outlived itself makes room. */
static __always_inline int lru_insert(const struct wr_flow_key *key, const struct wr_flow *flow)
{
	int r = bpf_map_update_elem(&wr_new_flows, key, flow, BPF_NOEXIST);
	const struct wr_flow *old;

	if (r != -WR_EEXIST)
		return r;
	old = bpf_map_lookup_elem(&wr_new_flows, key);
	if (old && !wr_expired(old->state, old->seen, key->proto))
		return r;
	bpf_map_delete_elem(&wr_new_flows, key);
	return bpf_map_update_elem(&wr_new_flows, key, flow, BPF_NOEXIST);
}

/*
 * Takes the reply tuple with this source port; 0: it is ours. The LRU comes first, then the table is looked at:
 * a flow that is just being promoted is in one of them at any time.
 */
WR_GLOBAL int wr_nat_try(struct __sk_buff *skb, const struct wr_pkt *p, struct wr_work *w, __be16 port)
{
	int r;

	w = wr_work_again(w);
	if (!p || !w)
		return -WR_EBUSY;
	set_tuples(p, w, port);
	w->partner.check = WR_FLOW_CHECK(wr_flow_hash(&w->partner_key));
	r = lru_insert(&w->partner_key, &w->partner);
	if (r)
		return r;
	if (!table_has(&w->partner_key) && !(w->nat.node_address && socket_has(skb, w, p->key.proto)))
		return 0;
	bpf_map_delete_elem(&wr_new_flows, &w->partner_key);
	return -WR_EEXIST;
}

static __always_inline __be16 pool_port(__u32 i)
{
	return bpf_htons(wr_cfg.nat_first + i);
}

struct nat_search {
	struct __sk_buff *skb;
	const struct wr_pkt *p;
	__u32 start; /* where the flow's hash points */
	int found;
};

/* One port that the hints think free. */
static long search_hinted(__u32 i, struct nat_search *s)
{
	struct wr_work *w = wr_work_get();
	struct wr_nat_hint *h = w ? wr_nat_hint_get(&w->nat.pair, 1) : NULL;
	__u32 port;

	if (!h)
		return 1;
	port = wr_nat_hint_next(h, s->start / 64);
	if (port >= wr_nat_pool())
		return 1;
	s->found = !wr_nat_try(s->skb, s->p, w, pool_port(port));
	wr_nat_hint_set(h, port);
	return wr_bool(s->found);
}

/* One port that the hints think taken, though it may have left the LRU unseen. */
static long search_taken(__u32 i, struct nat_search *s)
{
	struct wr_work *w = wr_work_get();
	struct wr_nat_hint *h = w ? wr_nat_hint_get(&w->nat.pair, 0) : NULL;

	if (!h)
		return 1;
	s->found = !wr_nat_try(s->skb, s->p, w, pool_port(h->cursor++ % wr_nat_pool()));
	return wr_bool(s->found);
}

/*
 * All ports are taken, as the hints have it. What the LRU has evicted or a socket of the node has given back is free, and the last one
 * is to be found: so once a second every port is tried, and a few with each packet.
 */
static __always_inline void search_forgotten(struct nat_search *s, struct wr_work *w)
{
	struct wr_nat_hint *h = wr_nat_hint_get(&w->nat.pair, 0);
	__u32 now = (__u32)bpf_jiffies64();

	if (!h)
		return;
	if (now - h->looked < wr_cfg.hz) {
		bpf_loop(WR_NAT_VERIFY, search_taken, s, 0);
		return;
	}
	h->looked = now;
	bpf_loop(wr_nat_pool(), search_taken, s, 0);
}

/* Where the hash points, and a few on. */
static __always_inline int search_plain(struct nat_search *s, struct wr_work *w,
					struct wr_nat_hint *h)
{
	__u32 n = wr_nat_pool(), port = s->start;
	int i;

	for (i = 0; i < WR_NAT_TRIES && !s->found; i++) {
		s->found = !wr_nat_try(s->skb, s->p, w, pool_port(port));
		if (h)
			wr_nat_hint_set(h, port);
		port = (port + 61) % n;
	}
	return s->found;
}

/* What the flow leaves from when it may choose. */
static __always_inline __be16 own_port(const struct wr_pkt *p, const struct wr_work *w)
{
	return p->flags & WR_PKT_ICMP ? wr_pkt_echo_id(p) : w->ends.sport;
}

static __always_inline void set_pair(const struct wr_pkt *p, struct wr_work *w)
{
	struct wr_nat_pair *pair = &w->nat.pair;

	pair->src = w->nat.src;
	pair->dst = w->ends.dst;
	pair->dport = p->flags & WR_PKT_ICMP ? 0 : w->ends.dport;
	pair->proto = p->key.proto;
}

/* Takes a reply tuple for w->flow towards w->ends.dst. 0: w->partner is in the LRU. */
WR_GLOBAL int wr_nat_take(struct __sk_buff *skb, const struct wr_pkt *p, struct wr_work *w)
{
	struct nat_search s = { .skb = skb, .p = p };

	w = wr_work_again(w);
	if (!p || !w)
		return WR_REASON_INTERNAL;
	set_l3_diff(p, w);
	if (!w->nat.pool && !wr_nat_try(skb, p, w, own_port(p, w)))
		return 0;
	if (!wr_pkt_has_ports(p))
		return wr_nat_try(skb, p, w, 0) ? WR_REASON_NAT_EXHAUSTED : 0;
	s.start = (w->hash >> 16) % wr_nat_pool();
	set_pair(p, w);
	if (search_plain(&s, w, wr_nat_hint_get(&w->nat.pair, 0)))
		return 0;
	bpf_loop(WR_NAT_HINTED_TRIES, search_hinted, &s, 0);
	if (!s.found)
		search_forgotten(&s, w);
	return s.found ? 0 : WR_REASON_NAT_EXHAUSTED;
}

#endif
