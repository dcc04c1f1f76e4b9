/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Endpoints, peers, next hops: the lookups. */
#ifndef WR_BPF_EP_H
#define WR_BPF_EP_H

#include "bpf/include/addr.h"
#include "bpf/include/config.h"
#include "bpf/include/maps_ep.h"

static __always_inline struct wr_endpoint *wr_ep_get(__u32 number)
{
	return bpf_map_lookup_elem(&wr_endpoints, &number);
}

static __always_inline struct wr_ep_stats *wr_ep_stats_get(__u32 number)
{
	return bpf_map_lookup_elem(&wr_ep_stats, &number);
}

static __always_inline struct wr_nexthop *wr_nexthop_get(__u32 number)
{
	return bpf_map_lookup_elem(&wr_nexthops, &number);
}

static __always_inline const struct wr_globals *wr_globals_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&wr_globals, &zero);
}

/* The endpoint that has the address; WR_EP_HOST: the node; WR_EP_NONE: not of this node. */
static __always_inline __u32 wr_ep_find(const struct wr_addr *addr)
{
	const __u32 *number = bpf_map_lookup_elem(&wr_ep_by_addr, addr);

	return number ? *number : WR_EP_NONE;
}

static __always_inline int wr_ep_is_pod(__u32 number)
{
	return number != WR_EP_NONE && number != WR_EP_HOST;
}

/* WR_PEER() of an address: its own row, then the longest prefix. */
static __always_inline __u64 wr_peer_find(const struct wr_addr *addr)
{
	struct wr_peer_prefix prefix = { .len = 128 };
	const __u64 *word;

	memcpy(&prefix.addr, addr, sizeof(prefix.addr));
	word = bpf_map_lookup_elem(&wr_peers, &prefix.addr);
	if (word)
		return READ_ONCE(*word);
	word = bpf_map_lookup_elem(&wr_peer_prefixes, &prefix);
	if (word)
		return READ_ONCE(*word);
	return WR_PEER(WR_IDENTITY_WORLD, wr_addr_is4(addr) ? WR_NEXTHOP_OUT4 : WR_NEXTHOP_OUT6, 0);
}

#endif
