/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Fragments: the first one leaves its ports for the others, which belong to the same flow. */
#ifndef WR_BPF_FRAG_H
#define WR_BPF_FRAG_H

#include "bpf/include/flow.h"

static __always_inline __u32 frag_check(const struct wr_frag_key *k)
{
	struct wr_flow_key key = {
		.a = k->src,
		.b = k->dst,
		.port_a = (__be16)k->id,
		.port_b = (__be16)(k->id >> 16),
		.proto = k->proto,
	};

	return WR_FLOW_CHECK(wr_flow_hash(&key)) ^ k->ifindex;
}

static __always_inline int frag_first(const struct wr_pkt *p, const struct wr_frag_key *key)
{
	struct wr_frag frag = {
		.sport = wr_pkt_sport(p),
		.dport = wr_pkt_dport(p),
		.check = frag_check(key),
		.seen = bpf_jiffies64(),
	};

	return bpf_map_update_elem(&wr_fragments, key, &frag, BPF_ANY) ? WR_REASON_FRAG_TABLE_FULL :
									 0;
}

static __always_inline int frag_later(struct wr_pkt *p, const struct wr_frag_key *key)
{
	const struct wr_frag *row = bpf_map_lookup_elem(&wr_fragments, key);
	struct wr_frag frag;

	if (!row)
		return WR_REASON_FRAGMENT;
	frag = *row;
	if (frag.check != frag_check(key) || bpf_jiffies64() - frag.seen > WR_FRAG_SECONDS * wr_cfg.hz)
		return WR_REASON_FRAGMENT;
	p->from_b = wr_flow_key_set(&p->key, &key->src, &key->dst, frag.sport, frag.dport);
	return 0;
}

/* Gives later fragments the ports of the first. */
WR_GLOBAL int wr_fragment(struct __sk_buff *skb, struct wr_pkt *p)
{
	struct wr_frag_key key = {};

	if (!p)
		return WR_REASON_INTERNAL;
	key.src = *wr_pkt_src(p);
	key.dst = *wr_pkt_dst(p);
	key.id = p->frag_id;
	key.ifindex = skb->ifindex;
	key.proto = p->key.proto;
	return p->flags & WR_PKT_FRAG_FIRST ? frag_first(p, &key) : frag_later(p, &key);
}

#endif
