/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Typed access to the maps. Each kind has put, del, dump where they make sense. put of an equal row is a no-op for
 * readers. All return 0 or a negative errno; -E2BIG / -ENOSPC: the map is full (see its size option).
 * Order between tables is the caller's duty and is written in docs/architecture.md ("Order").
 */
#ifndef WR_DP_TABLES_H
#define WR_DP_TABLES_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi/endpoint.h"
#include "bpf/abi/event.h"
#include "bpf/abi/flow.h"
#include "bpf/abi/policy.h"
#include "bpf/abi/reason.h"
#include "bpf/abi/service.h"
#include "lib/base/addr.h"
#include "lib/dp/dp.h"

/* Endpoints. put writes the record, then its addresses; gen is raised when a row that was in use changes. del: addresses first, then the record
 * (flags cleared, gen raised, number free for reuse). Rules are flipped alone by set_rules, which raises gen after it. */
int wr_endpoint_put(struct wr_dp *dp, uint32_t number, const struct wr_endpoint *ep);
int wr_endpoint_del(struct wr_dp *dp, uint32_t number);
int wr_endpoint_get(const struct wr_dp *dp, uint32_t number,
		    struct wr_endpoint *ret); /* -ENOENT: not used */
int wr_endpoint_set_rules(struct wr_dp *dp, uint32_t number, uint64_t rules);
/* As a peer, by each of its addresses; raises gen. */
int wr_endpoint_set_identity(struct wr_dp *dp, uint32_t number, uint32_t identity4,
			     uint32_t identity6);
int wr_endpoint_bump(struct wr_dp *dp, uint32_t number);
int wr_endpoint_lookup(const struct wr_dp *dp, const struct wr_addr *addr, uint32_t *ret);
int wr_endpoint_dump(const struct wr_dp *dp,
		     int (*fn)(void *ctx, uint32_t number, const struct wr_endpoint *ep), void *ctx);
int wr_endpoint_stats(const struct wr_dp *dp, uint32_t number, struct wr_ep_stats *ret);
/* An address of the node itself (maps to WR_EP_HOST). */
int wr_host_addr_put(struct wr_dp *dp, const struct wr_addr *addr);
int wr_host_addr_del(struct wr_dp *dp, const struct wr_addr *addr);
int wr_ep_addr_dump(const struct wr_dp *dp,
		    int (*fn)(void *ctx, const struct wr_addr *addr, uint32_t number), void *ctx);

/* Peers: exact addresses when the prefix is a full one, else the LPM. word: WR_PEER(). Changing the identity of a row in use raises the old identity's generation. */
int wr_peer_put(struct wr_dp *dp, const struct wr_prefix *p, uint64_t word);
int wr_peer_del(struct wr_dp *dp, const struct wr_prefix *p);
int wr_peer_lookup(const struct wr_dp *dp, const struct wr_addr *a,
		   uint64_t *ret); /* as the programs look: exact, then longest prefix */
int wr_peer_dump(const struct wr_dp *dp,
		 int (*fn)(void *ctx, const struct wr_prefix *p, uint64_t word), void *ctx);
int wr_identity_bump(struct wr_dp *dp, uint32_t identity);

/* Next hops. A changed row keeps its number and raises gen. */
int wr_nexthop_put(struct wr_dp *dp, uint32_t number,
		   const struct wr_nexthop *nh); /* nh->gen is ignored */
int wr_nexthop_get(const struct wr_dp *dp, uint32_t number, struct wr_nexthop *ret);

/* Globals. */
int wr_globals_get(const struct wr_dp *dp, struct wr_globals *ret);
int wr_globals_set_masq(struct wr_dp *dp, const struct wr_addr *masq4,
			const struct wr_addr *masq6); /* raises gen when they change */
/* Until when the agent takes name servers' answers; CLOCK_MONOTONIC; 0: it does not. */
int wr_globals_set_names(struct wr_dp *dp, uint64_t until_ns);
int wr_globals_bump(struct wr_dp *dp);

/* Rules. */
int wr_rule_put(struct wr_dp *dp, const struct wr_rule_key *key, uint64_t word);
int wr_rule_put_many(struct wr_dp *dp, const struct wr_rule_key *keys, const uint64_t *words,
		     uint32_t n); /* batched where the kernel can */
int wr_rule_del(struct wr_dp *dp, const struct wr_rule_key *key);
int wr_rule_dump(const struct wr_dp *dp,
		 int (*fn)(void *ctx, const struct wr_rule_key *key, uint64_t word), void *ctx);

/* Flows, for people and tests. fn's non-zero result ends the walk and is returned. new_flows too when @unproven. */
int wr_flow_dump(const struct wr_dp *dp, bool unproven,
		 int (*fn)(void *ctx, const struct wr_flow_key *key, const struct wr_flow *flow),
		 void *ctx);
int wr_flow_count(const struct wr_dp *dp, uint64_t *ret_promoted, uint64_t *ret_new);
/* Walks one shard in the kernel (program "sweep"): marks expired flows dead, deletes what was dead before; also reports
 * FLOW_END events. Call round the shards; 0 <= shard < flow_shards; one more shard number is the LRU's bookkeeping. */
struct wr_sweep_stats {
	uint32_t seen, marked, deleted;
};
int wr_flow_sweep(struct wr_dp *dp, uint32_t shard, struct wr_sweep_stats *ret);
uint32_t wr_flow_shards(const struct wr_dp *dp);

/* Drops: sums over the CPUs. */
int wr_drops_get(const struct wr_dp *dp, struct wr_drop_count ret[WR_REASON_MAX]);
const char *wr_reason_name(
	uint32_t reason); /* "spoofed-address"; "reason-NN" for one this build does not know (static) */
const char *wr_reason_text(uint32_t reason);

/* Events. The ring's file descriptor is for epoll; poll calls @fn for everything pending. */
struct wr_events;
int wr_events_open(struct wr_dp *dp, int (*fn)(void *ctx, const void *data, size_t size), void *ctx,
		   struct wr_events **ret);
int wr_events_fd(const struct wr_events *e);
int wr_events_poll(struct wr_events *e); /* does not block; returns the number of records */
void wr_events_close(struct wr_events *e);

/* `weir lb lookup` and the tests: runs the program "lb_lookup" with the very selection code. */
struct wr_lb_query {
	struct wr_addr src, dst;
	__be16 sport, dport;
	uint8_t proto, scope;
	uint16_t flags; /* enum wr_lb_flags */
};
struct wr_lb_answer {
	uint32_t reason; /* enum wr_reason; NONE with backend 0: not a service */
	uint32_t service, backend;
	struct wr_addr addr;
	__be16 port;
};
int wr_lb_lookup(struct wr_dp *dp, const struct wr_lb_query *q, struct wr_lb_answer *ret);

#endif
