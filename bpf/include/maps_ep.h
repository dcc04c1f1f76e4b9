/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The maps of endpoints, peers and next hops (bpf/abi/endpoint.h says what is in them), and the globals. */
#ifndef WR_BPF_MAPS_EP_H
#define WR_BPF_MAPS_EP_H

#include "bpf/abi/config.h"
#include "bpf/abi/endpoint.h"
#include "bpf/include/bpf.h"
#include "bpf/include/sizes.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct wr_globals);
	__uint(max_entries, wr_globals_size);
	__uint(map_flags, BPF_F_MMAPABLE);
} wr_globals SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct wr_addr);
	__type(value, __u32);
	__uint(max_entries, wr_ep_by_addr_size);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} wr_ep_by_addr SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct wr_endpoint);
	__uint(max_entries, wr_endpoints_size);
	__uint(map_flags, BPF_F_MMAPABLE);
} wr_endpoints SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct wr_ep_stats);
	__uint(max_entries, wr_ep_stats_size);
	__uint(map_flags, BPF_F_MMAPABLE);
} wr_ep_stats SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct wr_addr);
	__type(value, __u64);
	__uint(max_entries, wr_peers_size);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} wr_peers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__type(key, struct wr_peer_prefix);
	__type(value, __u64);
	__uint(max_entries, wr_peer_prefixes_size);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} wr_peer_prefixes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __u32);
	__uint(max_entries, wr_identity_gens_size);
	__uint(map_flags, BPF_F_MMAPABLE);
} wr_identity_gens SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct wr_nexthop);
	__uint(max_entries, wr_nexthops_size);
	__uint(map_flags, BPF_F_MMAPABLE);
} wr_nexthops SEC(".maps");

#endif
