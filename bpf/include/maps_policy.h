/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The map of rules (bpf/abi/policy.h). */
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

#endif
