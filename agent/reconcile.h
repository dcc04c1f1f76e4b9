/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reconcilers: each makes one part of the kernel's state match what the store and the disk say. They run, in the order of
 * the table in reconcile.c, after a round of events when they are due: for what changed (deltas that the reconciler has
 * noted itself), or for everything (at the start, every "resync", and after a failure).
 */
#ifndef WR_AGENT_RECONCILE_H
#define WR_AGENT_RECONCILE_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/loop.h"
#include "lib/base/err.h"

struct wr_agent;

enum wr_reconciler {
	WR_RECONCILE_NODES,
	WR_RECONCILE_ENDPOINTS,
	WR_RECONCILE_SERVICES,
	WR_RECONCILE_POLICIES,
	WR_RECONCILE_MAX,
};

struct wr_reconcile_state {
	bool due, full;
	uint32_t backoff_ms; /* 0: the last run went well */
	uint64_t runs, full_runs, failures;
	uint64_t busy_ns; /* in all runs */
	struct wr_timer retry;
	struct wr_err last; /* while backoff_ms is set: why */
};

struct wr_reconciling {
	struct wr_agent *agent;
	struct wr_reconcile_state states[WR_RECONCILE_MAX];
	struct wr_timer resync;
	struct wr_timer tidy;
	bool untidy; /* tidy is to come */
};

/* Everything is due once. */
void wr_reconcile_start(struct wr_agent *a);
void wr_reconcile_stop(struct wr_agent *a);
/* Due after this round of events; @full: compare everything, not only what was noted. */
void wr_reconcile_due(struct wr_agent *a, enum wr_reconciler which, bool full);
/* Runs what is due. */
void wr_reconcile_run(struct wr_agent *a);
const char *wr_reconciler_name(enum wr_reconciler which);

#endif
