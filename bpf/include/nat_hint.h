/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Where free source ports are likely (bpf/abi/flow.h, wr_nat_hints): bitmaps in which the next one is found at once. */
#ifndef WR_BPF_NAT_HINT_H
#define WR_BPF_NAT_HINT_H

#include <linux/in.h>
#include <linux/in6.h>

#include "bpf/include/config.h"
#include "bpf/include/maps_flow.h"

/* A pair's first hint. Never written. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct wr_nat_hint);
	__uint(max_entries, 1);
} wr_nat_zero SEC(".maps");

static __always_inline __u32 wr_nat_pool(void)
{
	__u32 n = wr_cfg.nat_last - wr_cfg.nat_first + 1;

	return n < WR_NAT_PORTS_MAX ? n : WR_NAT_PORTS_MAX;
}

/* The bits of a word that stand for ports of the pool. */
static __always_inline __u64 hint_mask(__u32 word)
{
	__u32 n = wr_nat_pool() - word * 64;

	return n >= 64 ? ~0ull : (1ull << n) - 1;
}

/* The barrier: clang 19 computes addresses in what @h points to before the caller has asked whether it is NULL. */
static __always_inline void wr_nat_hint_set(struct wr_nat_hint *h, __u32 i)
{
	__u32 word = i / 64 & (WR_NAT_WORDS - 1);
	__u64 bit = 1ull << (i & 63), mask = hint_mask(word);

	asm volatile("" : "+r"(h));
	if (((__sync_fetch_and_or(&h->used[word], bit) | bit) & mask) == mask)
		__sync_fetch_and_or(&h->full[word / 64], 1ull << (word & 63));
}

/* A port that was given up is likely free. */
static __always_inline void wr_nat_hint_clear(const struct wr_nat_pair *pair, __be16 port)
{
	struct wr_nat_hint *h = bpf_map_lookup_elem(&wr_nat_hints, pair);
	__u32 i = bpf_ntohs(port) - wr_cfg.nat_first, word = i / 64;

	if (!h || word >= WR_NAT_WORDS)
		return;
	__sync_fetch_and_and(&h->used[word], ~(1ull << (i & 63)));
	__sync_fetch_and_and(&h->full[word / 64], ~(1ull << (word & 63)));
}

/* A tuple that nobody owns any more: if it is a reply tuple, its source port is likely free. */
static __always_inline void wr_nat_given_up(const struct wr_flow_key *key, const struct wr_flow *f)
{
	int orig_b = !!(f->state & WR_FLOW_ORIG_B);
	struct wr_nat_pair pair = {
		.src = orig_b ? key->b : key->a,
		.dst = orig_b ? key->a : key->b,
		.dport = orig_b ? key->port_a : key->port_b,
		.proto = key->proto,
	};

	if (!(f->state & WR_FLOW_REPLY_TUPLE))
		return;
	if (key->proto == IPPROTO_ICMP || key->proto == IPPROTO_ICMPV6)
		pair.dport = 0;
	wr_nat_hint_clear(&pair, orig_b ? key->port_b : key->port_a);
}

/* By the place that a de Bruijn sequence has in its high bits: no branches for the verifier to follow. */
static __always_inline __u32 lowest_bit(__u64 v)
{
	static const __u8 place[64] = {
		0,  1,  48, 2,  57, 49, 28, 3,  61, 58, 50, 42, 38, 29, 17, 4,
		62, 55, 59, 36, 53, 51, 43, 22, 45, 39, 33, 30, 24, 18, 12, 5,
		63, 47, 56, 27, 60, 41, 37, 16, 54, 35, 52, 21, 44, 32, 23, 11,
		46, 26, 40, 15, 34, 20, 31, 10, 25, 14, 19, 9,  13, 8,  7,  6,
	};

	return place[((v & -v) * 0x03f79d71b4cb0a89ull) >> 58];
}

/* The words of a group that stand for ports of the pool. */
static __always_inline __u64 group_mask(__u32 group)
{
	__u32 words = (wr_nat_pool() + 63) / 64;

	if (words <= group * 64)
		return 0;
	return words - group * 64 >= 64 ? ~0ull : (1ull << (words - group * 64)) - 1;
}

/* The first port at or after word @from that the hints think free; WR_NAT_PORTS_MAX: all are taken. */
WR_GLOBAL __u32 wr_nat_hint_next(const struct wr_nat_hint *h, __u32 from)
{
	__u32 i, group, word;
	__u64 open;

	if (!h)
		return WR_NAT_PORTS_MAX;
	for (i = 0; i <= WR_NAT_WORDS / 64; i++) {
		group = (from / 64 + i) % (WR_NAT_WORDS / 64);
		open = ~h->full[group] & group_mask(group);
		if (!i)
			open &= ~0ull << (from & 63);
		if (!open)
			continue;
		word = group * 64 + lowest_bit(open);
		open = ~h->used[word & (WR_NAT_WORDS - 1)] & hint_mask(word);
		if (open)
			return word * 64 + lowest_bit(open);
	}
	return WR_NAT_PORTS_MAX;
}

/* The pair's hints; made when they are first wanted. */
static __always_inline struct wr_nat_hint *wr_nat_hint_get(const struct wr_nat_pair *pair, int make)
{
	struct wr_nat_hint *h = bpf_map_lookup_elem(&wr_nat_hints, pair);
	const struct wr_nat_hint *zeroes;
	__u32 zero = 0;

	if (h || !make)
		return h;
	zeroes = bpf_map_lookup_elem(&wr_nat_zero, &zero);
	if (!zeroes)
		return NULL;
	bpf_map_update_elem(&wr_nat_hints, pair, zeroes, BPF_NOEXIST);
	return bpf_map_lookup_elem(&wr_nat_hints, pair);
}

#endif
