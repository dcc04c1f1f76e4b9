/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The maps of rules (bpf/abi/policy.h). */
#ifndef WR_BPF_MAPS_POLICY_H
#define WR_BPF_MAPS_POLICY_H

#include "bpf/abi/policy.h"
#include "bpf/include/bpf.h"
#include "bpf/include/sizes.h"

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__type(key, struct wr_rule_key);
	__type(value, __u64);
	__uint(max_entries, wr_rules_size);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} wr_rules SEC(".maps");

/* Elements that are deleted are reused at once, under readers' feet; rows of a ruleset are deleted when nobody is judged by it any more. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct wr_rule_key);
	__type(value, __u64);
	__uint(max_entries, wr_port_rules_size);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} wr_port_rules SEC(".maps");

#endif
