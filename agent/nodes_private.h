/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the nodes reconciler share. */
#ifndef WR_AGENT_NODES_PRIVATE_H
#define WR_AGENT_NODES_PRIVATE_H

#include "agent/agent.h"
#include "agent/nodes.h"
#include "agent/path_mtu.h"
#include "agent/probe.h"
#include "lib/nl/monitor.h"
#include "lib/podnet/node.h"

struct wr_nodes {
	struct wr_agent *agent;
	struct wr_nl nl;
	struct wr_nlmon *mon;
	struct wr_io mon_io;
	struct wr_timer settle; /* after changes in the kernel */
	uint64_t last_full_ms;

	struct wr_node_facts own;
	bool own_known, own_written;
	struct wr_addr masq[WR_FAMILIES];
	WR_VEC(struct wr_prefix) own_rows; /* peers rows of this node, as last put */
	struct wr_uplinks uplinks;
	uint32_t uplink_mtu, pod_mtu;
	struct wr_naddrs addrs;
	uint32_t vxlan_ifindex;
	uint8_t vxlan_mac[6];

	struct wr_node_table table;
	WR_VEC(char *) dirty; /* names */
	bool routes_dirty;
	struct wr_probe *probe;
	struct wr_path_mtu *path_mtu; /* NULL: no IPv6 */
};

/* nodes_local.c: what is about this node. */
int wr_nodes_local(struct wr_nodes *n, struct wr_err *err);
void wr_nodes_set_own(struct wr_nodes *n, const struct wr_node *node /* NULL: gone */);
/* Whether the address is configured here. */
bool wr_nodes_is_own(const struct wr_nodes *n, const struct wr_addr *a);
bool wr_nodes_wants_tunnel(const struct wr_nodes *n);

/* nodes_remote.c: what is about the others. */
int wr_nodes_apply(struct wr_nodes *n, struct wr_node_entry *e, struct wr_err *err);
void wr_nodes_forget(struct wr_nodes *n, struct wr_node_entry *e);
int wr_nodes_sync_routes(struct wr_nodes *n, struct wr_err *err);

#endif
