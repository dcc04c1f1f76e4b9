/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interfaces towards other nodes and the outside: which they are, the programs on them, and what follows from them for
 * everybody: MTU, default ways out.
 */
#ifndef WR_AGENT_UPLINKS_H
#define WR_AGENT_UPLINKS_H

#include "agent/agent.h"
#include "lib/nl/nl.h"
#include "lib/podnet/node.h"

/* The uplinks as configured or found, in *ret. @node: this node's addresses. */
int wr_uplinks_find(const struct wr_agent_config *c, struct wr_nl *nl, const struct wr_addr *node,
		    size_t n, struct wr_uplinks *ret, struct wr_err *err);
/* Programs on all of them, and off those that are uplinks no more. */
int wr_uplinks_attach(const struct wr_agent *a, const struct wr_uplinks *uplinks, struct wr_err *err);
/* Replies of pods that come another way than they went must not be taken for forged: strict reverse path filters become loose. */
int wr_uplinks_loosen_filters(const struct wr_uplinks *uplinks, struct wr_err *err);
/* Writes the next hops WR_NEXTHOP_OUT4 and WR_NEXTHOP_OUT6. */
int wr_uplinks_put_ways_out(struct wr_dp *dp, struct wr_nl *nl, const struct wr_uplinks *uplinks,
			    struct wr_err *err);

#endif
