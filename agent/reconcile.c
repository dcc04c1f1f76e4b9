// SPDX-License-Identifier: Apache-2.0
/* When reconcilers run. */
#include "agent/reconcile.h"

#include <inttypes.h>
#include <malloc.h>

#include "agent/agent.h"
#include "agent/endpoints.h"
#include "agent/log.h"
#include "agent/nodes.h"
#include "agent/policies.h"
#include "agent/services.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"

#define BACKOFF_MIN_MS 500
#define BACKOFF_MAX_MS 30000
#define TIDY_MS        10000

/* In this order: a later one may rely on what an earlier one has put in place. */
static const struct {
	const char *name;
	int (*run)(struct wr_agent *a, bool full, struct wr_err *err);
} reconcilers[WR_RECONCILE_MAX] = {
	[WR_RECONCILE_NODES] = { "nodes", wr_nodes_reconcile },
	[WR_RECONCILE_ENDPOINTS] = { "endpoints", wr_endpoints_reconcile },
	[WR_RECONCILE_SERVICES] = { "services", wr_services_reconcile },
	[WR_RECONCILE_POLICIES] = { "policies", wr_policies_reconcile },
};

const char *wr_reconciler_name(enum wr_reconciler which)
{
	return reconcilers[which].name;
}

void wr_reconcile_due(struct wr_agent *a, enum wr_reconciler which, bool full)
{
	struct wr_reconcile_state *s = &a->reconciling.states[which];

	s->due = true;
	s->full = s->full || full;
}

static void retry(struct wr_timer *t)
{
	struct wr_reconcile_state *s = WR_CONTAINER_OF(t, struct wr_reconcile_state, retry);

	s->due = true;
	s->full = true;
}

/* A failure is tried again in full: what had been noted is used up. */
static void failed(struct wr_agent *a, enum wr_reconciler which, const struct wr_err *err)
{
	struct wr_reconcile_state *s = &a->reconciling.states[which];

	s->failures++;
	s->last = *err;
	if (!s->backoff_ms)
		wr_log(WR_LOG_ERROR, "reconciler failed",
		       WR_S("reconciler", reconcilers[which].name), WR_E(err));
	s->backoff_ms = s->backoff_ms ? WR_MIN(s->backoff_ms * 2, BACKOFF_MAX_MS) : BACKOFF_MIN_MS;
	wr_timer_start(a->loop, &s->retry, s->backoff_ms, retry);
}

static void succeeded(struct wr_agent *a, enum wr_reconciler which, bool full)
{
	struct wr_reconcile_state *s = &a->reconciling.states[which];

	if (!s->backoff_ms || !full)
		return;
	wr_log(WR_LOG_INFO, "reconciler works again", WR_S("reconciler", reconcilers[which].name));
	s->backoff_ms = 0;
	wr_timer_stop(a->loop, &s->retry);
}

static void run_one(struct wr_agent *a, enum wr_reconciler which)
{
	struct wr_reconcile_state *s = &a->reconciling.states[which];
	struct wr_err err = WR_ERR_INIT;
	uint64_t start = wr_now_ns();
	bool full = s->full;
	int r;

	s->due = s->full = false;
	r = reconcilers[which].run(a, full, &err);
	s->runs++;
	s->full_runs += full;
	s->busy_ns += wr_now_ns() - start;
	if (r < 0) {
		wr_err_set(&err, r, "no reason given");
		failed(a, which, &err);
	} else {
		succeeded(a, which, full);
	}
}

/* What a first list or a large change needed for a moment goes back to the kernel. */
static void tidy(struct wr_timer *t)
{
	struct wr_reconciling *all = WR_CONTAINER_OF(t, struct wr_reconciling, tidy);

	all->untidy = false;
	malloc_trim(0);
}

void wr_reconcile_run(struct wr_agent *a)
{
	struct wr_reconciling *all = &a->reconciling;
	bool worked = false;
	int i;

	for (i = 0; i < WR_RECONCILE_MAX; i++)
		if (all->states[i].due) {
			run_one(a, (enum wr_reconciler)i);
			worked = true;
		}
	if (!worked || all->untidy)
		return;
	all->untidy = true;
	wr_timer_start(a->loop, &all->tidy, TIDY_MS, tidy);
}

static void resync(struct wr_timer *t)
{
	struct wr_reconciling *all = WR_CONTAINER_OF(t, struct wr_reconciling, resync);
	int i;

	for (i = 0; i < WR_RECONCILE_MAX; i++)
		wr_reconcile_due(all->agent, (enum wr_reconciler)i, true);
	wr_timer_start(all->agent->loop, t, all->agent->config->resync_s * 1000ull, resync);
}

void wr_reconcile_start(struct wr_agent *a)
{
	a->reconciling.agent = a;
	resync(&a->reconciling.resync);
}

void wr_reconcile_stop(struct wr_agent *a)
{
	int i;

	for (i = 0; i < WR_RECONCILE_MAX; i++)
		wr_timer_stop(a->loop, &a->reconciling.states[i].retry);
	wr_timer_stop(a->loop, &a->reconciling.resync);
	wr_timer_stop(a->loop, &a->reconciling.tidy);
}
