/* SPDX-License-Identifier: Apache-2.0 */
/* A flow as a person thinks of it: who opened it, to what, through which service, and how it fares. */
#ifndef WR_CLI_FLOW_H
#define WR_CLI_FLOW_H

#include "bpf/abi/flow.h"
#include "cli/clock.h"
#include "cli/names.h"
#include "lib/json/json.h"

struct wr_dp;

/* One flow; of a translated one the originator's tuple, with what its partner has counted. */
struct wr_flow_row {
	struct wr_addr src, dst; /* as the originator sends */
	uint16_t sport, dport;   /* host byte order */
	uint8_t proto;
	struct wr_flow flow;
};

/* Turns the key's order into the originator's. */
void wr_flow_row_fill(struct wr_flow_row *row, const struct wr_flow_key *key,
		      const struct wr_flow *flow);
/* Adds what the partner entry of a translated flow has seen. */
void wr_flow_row_merge(struct wr_flow_row *row, const struct wr_flow *partner);

struct wr_flow_view {
	const struct wr_dp *dp;
	const struct wr_names *names;
	struct wr_ticks ticks;
	bool ifnames; /* interface numbers are those of our network namespace */
};

struct wr_json *wr_flow_encode(const struct wr_flow_view *v, const struct wr_flow_row *row);
const char *wr_flow_state(const struct wr_flow_row *row);

#endif
