/* SPDX-License-Identifier: Apache-2.0 */
/* The flows that a person asked for: read, put together from their tuples, filtered, sorted. */
#ifndef WR_CLI_FLOW_LIST_H
#define WR_CLI_FLOW_LIST_H

#include "cli/flow.h"
#include "cli/match.h"
#include "lib/base/vec.h"

struct wr_flow_filter {
	struct wr_match pod, src, dst; /* pod: either end */
	uint64_t port;                 /* the destination's, before or behind the service; 0: any */
	uint8_t proto;                 /* 0: any */
	bool by_service;
	WR_VEC(uint32_t) services; /* ids, with by_service */
	bool unproven;             /* those that have not proven themselves too */
};

void wr_flow_filter_done(struct wr_flow_filter *f);
bool wr_flow_filter_has(const struct wr_flow_filter *f, const struct wr_flow_row *row);

enum wr_flow_order {
	WR_FLOWS_BY_IDLE, /* the latest first; the same ones together */
	WR_FLOWS_BY_BYTES,
	WR_FLOWS_BY_PACKETS,
	WR_FLOWS_BY_AGE, /* the youngest first */
};

struct wr_flow_list {
	WR_VEC(struct wr_flow_row) rows;
	WR_VEC(struct wr_flow) replies; /* of translated flows, until they are put together */
	const struct wr_flow_filter *filter;
};

/* The callback of wr_flow_dump; @ctx is the list. Dead entries are left out. */
int wr_flow_list_add(void *ctx, const struct wr_flow_key *key, const struct wr_flow *flow);
/* After the dump. */
void wr_flow_list_finish(struct wr_flow_list *l, enum wr_flow_order order);
void wr_flow_list_done(struct wr_flow_list *l);

#endif
