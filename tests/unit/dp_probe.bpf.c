/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* For the tests of the loader: small programs on the real maps, whose answers tell which load they came from. */
#include "bpf/include/bpf.h"
#include "bpf/include/config.h"
#include "bpf/include/flow.h"
#include "bpf/include/maps_ep.h"
#include "bpf/include/maps_flow.h"
#include "bpf/include/maps_svc.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* The configured mark: each load of a test has its own. */
SEC("tc")
int wr_pod_egress(struct __sk_buff *skb)
{
	return (int)wr_cfg.mark;
}

/* Packet: a flow key. Answer: the backend number of the flow; -1: there is no such flow. */
SEC("tc")
int wr_find_flow(struct __sk_buff *skb)
{
	struct wr_flow_key *packet = (void *)(long)skb->data;
	struct wr_flow_key key;
	struct wr_flow *flow;

	if ((void *)(packet + 1) > (void *)(long)skb->data_end)
		return -2;
	key = *packet;
	flow = wr_flow_find(&key);
	return flow ? (int)flow->backend : -1;
}

/* The same: inserts the flow, as a promotion does. */
SEC("tc")
int wr_add_flow(struct __sk_buff *skb)
{
	struct wr_flow_key *packet = (void *)(long)skb->data;
	struct wr_flow flow = { .state = WR_FLOW_PROMOTED, .backend = 77 };
	struct wr_flow_key key;
	void *shard;

	if ((void *)(packet + 1) > (void *)(long)skb->data_end)
		return -2;
	key = *packet;
	shard = wr_flow_shard_of(&key);
	if (!shard)
		return -3;
	return (int)bpf_map_update_elem(shard, &key, &flow, BPF_NOEXIST);
}

SEC("tc")
int wr_count(struct __sk_buff *skb)
{
	struct wr_ep_stats *stats;
	__u32 three = 3;

	stats = bpf_map_lookup_elem(&wr_ep_stats, &three);
	if (stats)
		__sync_fetch_and_add(&stats->promoted, 1);
	return 0;
}

SEC("cgroup/connect4")
int wr_sock_connect4(struct bpf_sock_addr *ctx)
{
	struct wr_affinity_key key = {};

	return !bpf_map_lookup_elem(&wr_affinity, &key) || wr_cfg.mark;
}
