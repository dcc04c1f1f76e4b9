/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The maps of services (bpf/abi/service.h says what is in them). Sizes are the loader's; here are the defaults. */
#ifndef WR_BPF_MAPS_SVC_H
#define WR_BPF_MAPS_SVC_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "bpf/abi/service.h"
#include "bpf/include/sizes.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct wr_frontend);
	__type(value, __u64);
	__uint(max_entries, wr_frontends_size);
} wr_frontends SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct wr_service);
	__uint(max_entries, wr_services_size);
	__uint(map_flags, BPF_F_MMAPABLE);
} wr_services SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __u32);
	__uint(max_entries, wr_slots_size);
	__uint(map_flags, BPF_F_MMAPABLE);
} wr_slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct wr_backend);
	__uint(max_entries, wr_backends_size);
	__uint(map_flags, BPF_F_MMAPABLE);
} wr_backends SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, wr_picks_size);
	__uint(map_flags, BPF_F_MMAPABLE);
} wr_picks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct wr_maglev_line);
	__uint(max_entries, wr_maglev_size);
	__uint(map_flags, BPF_F_MMAPABLE);
} wr_maglev SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct wr_affinity_key);
	__type(value, struct wr_affinity);
	__uint(max_entries, wr_affinity_size);
} wr_affinity SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__type(key, struct wr_src_range);
	__type(value, __u8);
	__uint(max_entries, wr_src_ranges_size);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} wr_src_ranges SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__type(key, int);
	__type(value, struct wr_sock);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} wr_sock SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct wr_sock_udp_key);
	__type(value, struct wr_sock_udp);
	__uint(max_entries, wr_sock_udp_size);
} wr_sock_udp SEC(".maps");

#endif
