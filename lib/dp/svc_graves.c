/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers that were given up wait here until no program can still be looking at them. */
#include <string.h>

#include "lib/dp/svc_private.h"

#define GRACE_MS 1000u

void svc_bury(struct wr_svc_table *t, enum svc_number kind, uint32_t first, uint32_t n)
{
	wr_vec_push(&t->graves, (struct svc_grave){ UINT64_MAX, kind, first, n });
}

/* Room is taken back when most of the list is past. */
static void compact(struct wr_svc_table *t)
{
	size_t left = t->graves.n - t->first_grave;

	if (t->first_grave <= left)
		return;
	memmove(t->graves.v, t->graves.v + t->first_grave, left * sizeof(*t->graves.v));
	t->graves.n = left;
	t->first_grave = 0;
	if (!left)
		wr_vec_done(&t->graves);
}

/* The clock starts with the first tick after the burial: so it is at least the grace period by anybody's clock. */
void wr_svc_table_tick(struct wr_svc_table *t, uint64_t now_ms)
{
	struct svc_grave *g;
	size_t i;

	for (i = t->graves.n; i > t->first_grave && t->graves.v[i - 1].since == UINT64_MAX; i--)
		t->graves.v[i - 1].since = now_ms;
	for (; t->first_grave < t->graves.n; t->first_grave++) {
		g = &t->graves.v[t->first_grave];
		if (now_ms - g->since < GRACE_MS)
			break;
		wr_runs_give(&t->numbers[g->kind], g->first, g->n);
	}
	compact(t);
	if (!t->batching)
		svc_flush(t, NULL);
	svc_ranges_prune(t, false);
	svc_count(t);
}

/* What metrics and `weir status` show. */
void svc_count(struct wr_svc_table *t)
{
	uint64_t *used = t->dp->used;

	used[WR_MAP_wr_frontends] = t->n_rows;
	used[WR_MAP_wr_services] = t->numbers[SVC_NUM_SERVICE].used - 1; /* 0 is never given out */
	used[WR_MAP_wr_slots] = t->numbers[SVC_NUM_SLOT].used;
	used[WR_MAP_wr_backends] = t->numbers[SVC_NUM_BACKEND].used - 1;
	used[WR_MAP_wr_picks] = used[WR_MAP_wr_backends];
	used[WR_MAP_wr_maglev] = t->numbers[SVC_NUM_LINE].used;
}
