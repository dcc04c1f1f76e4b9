/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What bench_packets compares with: a program that does a single hash lookup with a 40-byte key. */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

#include "bpf/abi/flow.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct wr_flow_key);
	__type(value, __u64);
} hits SEC(".maps");

SEC("tc")
int hash_hit(struct __sk_buff *skb)
{
	struct wr_flow_key key = { .proto = 6 };
	__u64 *value = bpf_map_lookup_elem(&hits, &key);

	return value ? TC_ACT_OK : TC_ACT_SHOT;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
