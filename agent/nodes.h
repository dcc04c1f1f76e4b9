/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reconciler of nodes: this node's uplinks, overlay device, addresses, pod ranges and sysctls; other nodes' next hops,
 * peers rows and kernel routes. Follows the kernel's own changes (addresses, links, routes) through a netlink monitor.
 */
#ifndef WR_AGENT_NODES_H
#define WR_AGENT_NODES_H

#include "agent/node_table.h"
#include "lib/base/err.h"
#include "lib/json/json.h"
#include "lib/podnet/node.h"

#define WR_VXLAN_IFNAME "weir-vxlan"

struct wr_agent;
struct wr_agent_config;
struct wr_nodes;

int wr_nodes_start(struct wr_agent *a, struct wr_err *err);
void wr_nodes_stop(struct wr_agent *a);
int wr_nodes_reconcile(struct wr_agent *a, bool full, struct wr_err *err);

/* What others ask. Own facts are those of the store, or of the run before while the store has none. */
const struct wr_node_facts *wr_nodes_own(const struct wr_agent *a);
const struct wr_uplinks *wr_nodes_uplinks(const struct wr_agent *a);
/* Every address the node answers on. */
const struct wr_naddrs *wr_nodes_addrs(const struct wr_agent *a);
uint32_t wr_nodes_pod_mtu(const struct wr_agent *a);
uint16_t wr_nodes_number(const struct wr_agent *a, const char *name); /* 0: unknown, or this node */
/* Is direct server return asked for, and possible? It needs the tunnel. */
bool wr_nodes_wants_dsr(const struct wr_agent_config *c);
/* Bytes that the tunnel adds to a packet, given the outer address (of either family). */
uint32_t wr_nodes_overhead(const struct wr_addr *outer);
/* One object for each node, for "get nodes". */
struct wr_json *wr_nodes_encode(const struct wr_agent *a);
size_t wr_nodes_count(const struct wr_agent *a);

#endif
