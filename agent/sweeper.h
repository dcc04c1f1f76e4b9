/* SPDX-License-Identifier: Apache-2.0 */
/* Expiry of flows: one shard of the table at a time, all of them every few seconds. */
#ifndef WR_AGENT_SWEEPER_H
#define WR_AGENT_SWEEPER_H

#include <stdint.h>

#include "lib/base/err.h"

struct wr_agent;
struct wr_sweeper;

struct wr_sweep_totals {
	uint64_t runs, failures, seen, marked, deleted;
	uint64_t busy_ns, longest_ns;
};

int wr_sweeper_start(struct wr_agent *a, struct wr_err *err);
void wr_sweeper_stop(struct wr_agent *a);
struct wr_sweep_totals wr_sweeper_totals(const struct wr_agent *a);

#endif
