/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Entries of the flow tables: finding them with their partners, moving them from the LRU into the table.
 *
 * The table's entries live as long as someone reads them: sweep deletes a second after they are marked dead. Elements
 * of the LRU may be recycled for another key at any time; they are copied, and the copy's check is compared.
 */
#ifndef WR_BPF_ENTRY_H
#define WR_BPF_ENTRY_H

#include "bpf/include/tcp.h"
#include "bpf/include/timeout.h"
#include "bpf/include/work.h"

/* Copies a live flow to @to; 0: the LRU has none under this key. */
static __always_inline struct wr_flow *lru_find(const struct wr_flow_key *key, struct wr_flow *to)
{
	struct wr_flow *live = bpf_map_lookup_elem(&wr_new_flows, key);

	if (!live)
		return NULL;
	*to = *live;
	if (to->check != WR_FLOW_CHECK(wr_flow_hash(key)) || to->state & WR_FLOW_DEAD ||
	    wr_expired(to->state, to->seen, key->proto))
		return NULL;
	return live;
}

/* Copies the flow under @key to @to. Returns its entry, for words and counters; NULL: there is none alive. */
static __always_inline struct wr_flow *wr_entry_find(const struct wr_flow_key *key, struct wr_flow *to)
{
	struct wr_flow *live = wr_flow_find(key);

	if (live && !(READ_ONCE(live->state) & WR_FLOW_DEAD)) {
		*to = *live;
		return live;
	}
	return lru_find(key, to);
}

/* The key of the other tuple of a translated flow. */
static __always_inline void wr_partner_key(const struct wr_flow *flow, __u8 proto,
					   struct wr_flow_key *key)
{
	wr_flow_key_set(key, &flow->new_src, &flow->new_dst, flow->new_sport, flow->new_dport);
	key->proto = proto;
	key->alt = flow->state & WR_FLOW_ALT && flow->state & WR_FLOW_REPLY_TUPLE;
	key->pad[0] = key->pad[1] = 0;
}

/* Copies the partner of w->flow to w->partner, its key to w->partner_key. */
static __always_inline struct wr_flow *wr_partner_find(struct wr_work *w)
{
	struct wr_flow *live;

	wr_partner_key(&w->flow, w->key.proto, &w->partner_key);
	live = wr_entry_find(&w->partner_key, &w->partner);
	return live && w->partner.nonce == w->flow.nonce ? live : NULL;
}

/* Who pays for a promoted flow: the pod that began it, else the one that was called; WR_EP_NONE: nobody. */
static __always_inline __u32 wr_flow_payer(const struct wr_flow *flow)
{
	if (wr_ep_is_pod(flow->src_ep))
		return flow->src_ep;
	return wr_ep_is_pod(flow->dst_ep) ? flow->dst_ep : WR_EP_NONE;
}

/* Takes a place of the payer's quota, or gives it back (-1). Returns whether there was one. */
static __always_inline int wr_quota_add(const struct wr_flow *flow, __s64 n)
{
	__u32 payer = wr_flow_payer(flow);
	struct wr_ep_stats *stats = payer == WR_EP_NONE ? NULL : wr_ep_stats_get(payer);
	const struct wr_endpoint *ep = wr_ep_get(payer);

	if (!stats || !ep)
		return 1;
	if (n > 0 && ep->quota && (__s64)READ_ONCE(stats->promoted) >= ep->quota)
		return 0;
	__sync_fetch_and_add(&stats->promoted, n);
	return 1;
}

static __always_inline void quota_refused(const struct wr_flow *flow)
{
	__u32 payer = wr_flow_payer(flow);
	struct wr_ep_stats *stats = payer == WR_EP_NONE ? NULL : wr_ep_stats_get(payer);

	if (stats)
		__sync_fetch_and_add(&stats->refused, 1);
}

/* Into the table, unless a live entry is there. 0 or an errno. */
static __noinline int table_insert(const struct wr_flow_key *key, const struct wr_flow *flow)
{
	const struct wr_flow *old;
	void *shard;
	int r;

	shard = wr_flow_shard_of(key);
	if (!shard)
		return -WR_ENOENT;
	r = bpf_map_update_elem(shard, key, flow, BPF_NOEXIST);
	if (r != -WR_EEXIST)
		return r;
	old = bpf_map_lookup_elem(shard, key);
	if (!old || !(old->state & WR_FLOW_DEAD))
		return r;
	/* Dead for a second: nobody holds it, its place can be taken. */
	if (wr_silent(old->seen) < wr_cfg.hz)
		return -WR_EBUSY;
	return bpf_map_update_elem(shard, key, flow, BPF_EXIST);
}

static __always_inline void table_delete(const struct wr_flow_key *key)
{
	void *shard = wr_flow_shard_of(key);

	if (shard)
		bpf_map_delete_elem(shard, key);
}

/* Both tuples or none. EEXIST: another CPU was first. */
static __always_inline int insert_all(struct wr_work *w)
{
	int translated = !!(w->flow.state & WR_FLOW_TRANSLATED);
	int r;

	if (translated) {
		r = table_insert(&w->partner_key, &w->partner);
		if (r)
			return r;
	}
	r = table_insert(&w->key, &w->flow);
	if (r && translated)
		table_delete(&w->partner_key);
	return r;
}

/*
 * Moves w->flow, and w->partner with it, from the LRU into the table. Where that fails (quota, full table) the flow
 * goes on where it is, and can be evicted; that is counted.
 */
WR_GLOBAL int wr_promote(struct wr_work *w)
{
	int r = -WR_ENOSPC;

	w = wr_work_again(w);
	if (!w)
		return r;
	w->flow.state |= WR_FLOW_PROMOTED;
	w->partner.state |= WR_FLOW_PROMOTED;
	if (wr_quota_add(&w->flow, 1)) {
		r = insert_all(w);
		if (r)
			wr_quota_add(&w->flow, -1);
	}
	if (r && r != -WR_EEXIST) {
		w->flow.state &= ~WR_FLOW_PROMOTED;
		if (r != -WR_EBUSY)
			quota_refused(&w->flow);
		return r;
	}
	bpf_map_delete_elem(&wr_new_flows, &w->key);
	if (w->flow.state & WR_FLOW_TRANSLATED)
		bpf_map_delete_elem(&wr_new_flows, &w->partner_key);
	return 0;
}

#endif
