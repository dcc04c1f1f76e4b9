/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Finding a packet's flow, and what the packet's direction in it is. */
#ifndef WR_BPF_FLOW_H
#define WR_BPF_FLOW_H

#include "bpf/include/config.h"
#include "bpf/include/maps_flow.h"
#include "bpf/include/pkt.h"

static __always_inline void *flow_shard(__u32 place)
{
	return bpf_map_lookup_elem(&wr_flows, &place);
}

/* Where the flow is inserted; NULL: the loader has made no shards. */
static __always_inline void *wr_flow_shard_of(const struct wr_flow_key *key)
{
	return flow_shard(wr_flow_place(key, wr_cfg.flow_shards));
}

/* In the shard that this one replaces, while the table is being resized. */
static __always_inline struct wr_flow *find_old(const struct wr_flow_key *key)
{
	void *shard = flow_shard(wr_cfg.flow_shards + wr_flow_place(key, wr_cfg.flow_shards));

	return shard ? bpf_map_lookup_elem(shard, key) : NULL;
}

static __noinline struct wr_flow *flow_find_old(const struct wr_flow_key *key)
{
	return find_old(key);
}

/* A promoted flow, dead ones included; NULL: there is none under this key. */
static __always_inline struct wr_flow *wr_flow_find(const struct wr_flow_key *key)
{
	void *shard = wr_flow_shard_of(key);
	struct wr_flow *flow;

	if (unlikely(!shard))
		return NULL;
	flow = bpf_map_lookup_elem(shard, key);
	return likely(flow) ? flow : flow_find_old(key);
}

/* The same where calls are as deep as stacks allow: frames count 32 bytes at least. */
static __always_inline struct wr_flow *wr_flow_find_flat(const struct wr_flow_key *key)
{
	void *shard = wr_flow_shard_of(key);
	struct wr_flow *flow = shard ? bpf_map_lookup_elem(shard, key) : NULL;

	return flow || !shard ? flow : find_old(key);
}

/* Which way the packet goes in a flow of this state: enum wr_flow_dir. */
static __always_inline int wr_flow_dir_of(const struct wr_pkt *p, __u64 state)
{
	return p->from_b == !!(state & WR_FLOW_ORIG_B) ? WR_FLOW_ORIG : WR_FLOW_REPLY;
}

#endif
