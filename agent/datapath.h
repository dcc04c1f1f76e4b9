/* SPDX-License-Identifier: Apache-2.0 */
/* The node's datapath as a whole: loading it with this configuration, and what it hangs on beside pods and uplinks. */
#ifndef WR_AGENT_DATAPATH_H
#define WR_AGENT_DATAPATH_H

#include "agent/agent.h"
#include "agent/node_table.h"
#include "lib/nl/nl.h"

/* Makes or adopts the overlay's device, loads or adopts maps and programs, attaches the socket hooks. */
int wr_datapath_start(struct wr_agent *a, struct wr_err *err);
void wr_datapath_stop(struct wr_agent *a);

/* The overlay's device as this node wants it. */
int wr_datapath_ensure_vxlan(const struct wr_agent *a, struct wr_nl *nl,
			     const struct wr_node_facts *own, uint32_t uplink_mtu,
			     uint32_t *ret_ifindex, struct wr_err *err);
int wr_datapath_attach_overlay(const struct wr_agent *a, uint32_t ifindex, struct wr_err *err);

/* The mount point of the first cgroup2 file system in the text of mountinfo (heap); NULL: there is none. */
char *wr_cgroup2_root(const char *mountinfo);
/* Kernel ticks per second: the resolution of the coarse clocks is one tick. */
uint32_t wr_kernel_hz(void);
/* What the programs are told. */
void wr_datapath_config(const struct wr_agent *a, struct wr_config *ret);

#endif
