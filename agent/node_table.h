/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nodes of the cluster as the datapath numbers them: each node has a number and, by it, one next-hop slot for each family. A
 * number stays with its node; a restarted agent finds it again by the address that the slot holds in the kernel.
 */
#ifndef WR_AGENT_NODE_TABLE_H
#define WR_AGENT_NODE_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/obj/object.h"
#include "agent/probe.h"
#include "bpf/abi/endpoint.h"
#include "lib/base/addr.h"
#include "lib/base/hmap.h"
#include "lib/base/vec.h"
#include "lib/dp/dp.h"
#include "lib/nl/route.h"

enum wr_family {
	WR_V4,
	WR_V6,
	WR_FAMILIES,
};
static inline enum wr_family wr_family_of(const struct wr_addr *a)
{
	return wr_addr_is4(a) ? WR_V4 : WR_V6;
}

/* What is known of a node, of this one too. */
struct wr_node_facts {
	struct wr_addr addr[WR_FAMILIES]; /* first InternalIP of each family; zero: none */
	WR_VEC(struct wr_addr) addrs;     /* all InternalIPs */
	WR_VEC(struct wr_prefix) ranges;  /* pod ranges, masked */
};
void wr_node_facts_init(struct wr_node_facts *f, const struct wr_node *node);
void wr_node_facts_done(struct wr_node_facts *f);
bool wr_node_facts_eq(const struct wr_node_facts *a, const struct wr_node_facts *b);

struct wr_node_entry {
	struct wr_hnode node;
	char *name;
	uint16_t number; /* from 1 */
	bool dirty;
	bool narrow; /* its tunnel over IPv6 has met a path narrower than the uplink */
	struct wr_node_facts facts;
	struct wr_nexthop nexthop[WR_FAMILIES]; /* as last written; kind and all zero: never */
	struct wr_probe_target probe[WR_FAMILIES];
	struct wr_probe_target tunnel[WR_FAMILIES]; /* whether the tunnel works, too, for direct server return */
	WR_VEC(struct wr_route) routes; /* of the node's own traffic to it */
};

struct wr_node_table {
	struct wr_dp *dp;
	struct wr_hmap by_name;
	WR_VEC(struct wr_node_entry *) by_number; /* [number - 1]; NULL: free */
	WR_VEC(struct wr_node_seen {
		struct wr_addr addr;
		uint16_t number;
	}) seen; /* from the kernel, by address */
	uint32_t capacity;
};

/* The node's slot in the map wr_nexthops. */
static inline uint32_t wr_node_slot(uint16_t number, enum wr_family family)
{
	return WR_NEXTHOP_FIRST + 2u * (number - 1u) + family;
}

/* Reads the slots of the run before. */
int wr_node_table_open(struct wr_node_table *t, struct wr_dp *dp, struct wr_err *err);
void wr_node_table_done(struct wr_node_table *t);
struct wr_node_entry *wr_node_table_find(const struct wr_node_table *t, const char *name);
/* An entry with a number. -ENOSPC: the map of next hops is full. */
int wr_node_table_add(struct wr_node_table *t, const char *name,
		      const struct wr_addr addr[WR_FAMILIES], struct wr_node_entry **ret,
		      struct wr_err *err);
/* What flows still name leads nowhere from now on. */
void wr_node_table_clear_slots(struct wr_node_table *t, uint16_t number);
/* After the first complete list: the slots of nodes that did not come back. */
void wr_node_table_drop_unclaimed(struct wr_node_table *t);
/* Frees the entry and its number. */
void wr_node_table_del(struct wr_node_table *t, struct wr_node_entry *e);

#endif
