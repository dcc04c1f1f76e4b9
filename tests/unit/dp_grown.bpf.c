/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* For the tests of the loader: the maps of another ABI, in which some values have grown and others have other keys. */
#include "bpf/abi/service.h"
#include "bpf/include/bpf.h"
#include "bpf/include/config.h"
#include "bpf/include/flow.h"
#include "bpf/include/maps_flow.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct grown_affinity {
	struct wr_affinity affinity;
	__u64 more;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct wr_affinity_key);
	__type(value, struct grown_affinity);
	__uint(max_entries, 1024);
} wr_affinity SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, __u64);
	__type(value, __u64);
	__uint(max_entries, 1024);
} wr_sock_udp SEC(".maps");

SEC("tc")
int wr_pod_egress(struct __sk_buff *skb)
{
	struct wr_affinity_key key = {};
	struct wr_flow_key flow = {};
	__u64 udp = 0;

	bpf_map_lookup_elem(&wr_affinity, &key);
	bpf_map_lookup_elem(&wr_sock_udp, &udp);
	wr_flow_find(&flow);
	return (int)wr_cfg.mark;
}
