/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The maps of flows (bpf/abi/flow.h says what is in them). */
#ifndef WR_BPF_MAPS_FLOW_H
#define WR_BPF_MAPS_FLOW_H

#include "bpf/abi/flow.h"
#include "bpf/include/bpf.h"
#include "bpf/include/sizes.h"

/* The loader puts as many as it is told into wr_flows, each with its share of the entries. */
struct wr_flow_shard {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(key_size, sizeof(struct wr_flow_key));
	__uint(value_size, sizeof(struct wr_flow));
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__type(key, __u32);
	__uint(max_entries, 2 * WR_FLOW_SHARDS_MAX);
	__array(values, struct wr_flow_shard);
} wr_flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct wr_flow_key);
	__type(value, struct wr_flow);
	__uint(max_entries, wr_new_flows_size);
} wr_new_flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct wr_frag_key);
	__type(value, struct wr_frag);
	__uint(max_entries, wr_fragments_size);
} wr_fragments SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct wr_nat_pair);
	__type(value, struct wr_nat_hint);
	__uint(max_entries, wr_nat_hints_size);
} wr_nat_hints SEC(".maps");

#endif
