// SPDX-License-Identifier: Apache-2.0
/* A timer that goes round the shards. */
#include "agent/sweeper.h"

#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/log.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/dp/tables.h"

#define ROUND_MS \
	4000 /* the shortest timeouts are 10 s; what is marked in one round goes in the next */

struct wr_sweeper {
	struct wr_agent *agent;
	struct wr_timer timer;
	uint32_t shard, shards; /* one more than the table has: the LRU's */
	struct wr_sweep_totals totals;
	struct wr_ratelimit limit;
};

static void note(struct wr_sweeper *s, const struct wr_sweep_stats *stats, uint64_t took_ns)
{
	s->totals.runs++;
	s->totals.seen += stats->seen;
	s->totals.marked += stats->marked;
	s->totals.deleted += stats->deleted;
	s->totals.busy_ns += took_ns;
	s->totals.longest_ns = WR_MAX(s->totals.longest_ns, took_ns);
}

static void failed(struct wr_sweeper *s, int r)
{
	uint32_t suppressed;

	s->totals.failures++;
	if (wr_ratelimit_pass(&s->limit, wr_loop_now(s->agent->loop), &suppressed))
		wr_log(WR_LOG_ERROR, "flows could not be swept", WR_I("shard", s->shard),
		       WR_S("error", strerror(-r)), WR_I("suppressed", suppressed));
}

static void sweep(struct wr_timer *t)
{
	struct wr_sweeper *s = WR_CONTAINER_OF(t, struct wr_sweeper, timer);
	struct wr_sweep_stats stats = { 0 };
	uint64_t start = wr_now_ns();
	int r = wr_flow_sweep(s->agent->dp, s->shard, &stats);

	if (r)
		failed(s, r);
	else
		note(s, &stats, wr_now_ns() - start);
	s->shard = (s->shard + 1) % s->shards;
	wr_timer_start(s->agent->loop, t, ROUND_MS / s->shards, sweep);
}

int wr_sweeper_start(struct wr_agent *a, struct wr_err *err)
{
	struct wr_sweeper *s = wr_xcalloc(1, sizeof(*s));

	s->agent = a;
	s->shards = wr_flow_shards(a->dp) + 1;
	s->limit = (struct wr_ratelimit){ .burst = 1, .window_ms = 60000 };
	a->sweeper = s;
	wr_timer_start(a->loop, &s->timer, 0, sweep);
	return 0;
}

void wr_sweeper_stop(struct wr_agent *a)
{
	if (!a->sweeper)
		return;
	wr_timer_stop(a->loop, &a->sweeper->timer);
	free(a->sweeper);
	a->sweeper = NULL;
}

struct wr_sweep_totals wr_sweeper_totals(const struct wr_agent *a)
{
	return a->sweeper->totals;
}
