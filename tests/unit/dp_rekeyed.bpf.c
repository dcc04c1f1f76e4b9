/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* For the tests of the loader: a control table whose key is another one. */
#include "bpf/include/bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u64);
	__type(value, __u64);
	__uint(max_entries, 1024);
} wr_peers SEC(".maps");

SEC("tc")
int wr_pod_egress(struct __sk_buff *skb)
{
	__u64 key = 0;

	return bpf_map_lookup_elem(&wr_peers, &key) != NULL;
}
