/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loadBalancerSourceRanges: rows of an LPM map under the service's id. A change adds before it removes, so that each
 * client meets the old answer or the new one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"

#include "lib/dp/svc_private.h"

static struct wr_src_range row_of(uint32_t id, const struct wr_prefix *p)
{
	struct wr_prefix masked = wr_prefix_masked(p);
	struct wr_src_range row = { .len = 32u + p->len, .service = id };

	memcpy(&row.addr, &masked.addr, sizeof(row.addr));
	return row;
}

static struct svc_ranges *of_node(struct wr_hnode *n)
{
	return WR_CONTAINER_OF(n, struct svc_ranges, node);
}

static struct svc_ranges *find(const struct wr_svc_table *t, uint32_t id)
{
	struct wr_hnode *n = wr_hmap_first(&t->ranges, id);

	return n ? of_node(n) : NULL;
}

static struct svc_ranges *find_or_new(struct wr_svc_table *t, uint32_t id)
{
	struct svc_ranges *g = find(t, id);

	if (g)
		return g;
	g = wr_xcalloc(1, sizeof(*g));
	g->id = id;
	wr_hmap_add(&t->ranges, &g->node, id);
	return g;
}

static bool has(const struct wr_prefix *v, size_t n, const struct wr_prefix *p)
{
	struct wr_prefix a = wr_prefix_masked(p), b;
	size_t i;

	for (i = 0; i < n; i++) {
		b = wr_prefix_masked(&v[i]);
		if (wr_prefix_eq(&a, &b))
			return true;
	}
	return false;
}

bool svc_ranges_equal(const struct wr_svc_table *t, const struct wr_svc_set *set)
{
	const struct svc_ranges *g;
	size_t i;

	if (!(set->flags & WR_SVC_SRC_RANGES))
		return true;
	g = find(t, set->id);
	if (!g)
		return set->n_src_ranges == 0;
	for (i = 0; i < set->n_src_ranges; i++)
		if (!has(g->v.v, g->v.n, &set->src_ranges[i]))
			return false;
	for (i = 0; i < g->v.n; i++)
		if (!has(set->src_ranges, set->n_src_ranges, &g->v.v[i]))
			return false;
	return true;
}

static void remove_at(struct wr_svc_table *t, struct svc_ranges *g, size_t i)
{
	struct wr_src_range row = row_of(g->id, &g->v.v[i]);

	wr_row_del(t->dp, WR_MAP_wr_src_ranges, &row);
	wr_vec_del_unordered(&g->v, i);
}

static int add_one(struct wr_svc_table *t, struct svc_ranges *g, const struct wr_prefix *p,
		   struct wr_err *err)
{
	struct wr_src_range row = row_of(g->id, p);
	uint8_t yes = 1;
	int r;

	if (has(g->v.v, g->v.n, p))
		return 0;
	r = wr_row_put(t->dp, WR_MAP_wr_src_ranges, &row, &yes);
	if (r == -ENOSPC || r == -E2BIG)
		return wr_err_set(err, -ENOSPC, "map wr_src_ranges is full (%u entries)",
				  t->dp->info[WR_MAP_wr_src_ranges].max_entries);
	if (r < 0)
		return wr_err_sys(err, r, "writing a source range");
	wr_vec_push(&g->v, *p);
	return 0;
}

int svc_ranges_add(struct wr_svc_table *t, const struct wr_svc_set *set, struct wr_err *err)
{
	struct svc_ranges *g;
	size_t i, before;
	int r = 0;

	if (!(set->flags & WR_SVC_SRC_RANGES))
		return 0;
	g = find_or_new(t, set->id);
	g->unclaimed = false;
	before = g->v.n;
	for (i = 0; i < set->n_src_ranges && r == 0; i++)
		r = add_one(t, g, &set->src_ranges[i], err);
	while (r < 0 && g->v.n > before)
		remove_at(t, g, g->v.n - 1);
	return r;
}

void svc_ranges_trim(struct wr_svc_table *t, const struct wr_svc_set *set)
{
	struct svc_ranges *g = find(t, set->id);
	size_t i;

	if (!g || !(set->flags & WR_SVC_SRC_RANGES))
		return;
	for (i = g->v.n; i > 0; i--)
		if (!has(set->src_ranges, set->n_src_ranges, &g->v.v[i - 1]))
			remove_at(t, g, i - 1);
}

void svc_ranges_ref(struct wr_svc_table *t, uint32_t id)
{
	find_or_new(t, id)->refs++;
}

void svc_ranges_unref(struct wr_svc_table *t, uint32_t id)
{
	struct svc_ranges *g = find(t, id);

	if (g)
		g->refs--;
}

static void free_ranges(struct wr_svc_table *t, struct svc_ranges *g)
{
	wr_hmap_del(&t->ranges, &g->node);
	wr_vec_done(&g->v);
	free(g);
}

/* Rows of services that ask for none any more; @unclaimed: those found at open as well. */
void svc_ranges_prune(struct wr_svc_table *t, bool unclaimed)
{
	struct wr_hnode *n, *next;
	struct svc_ranges *g;
	size_t pos;

	wr_hmap_each(&t->ranges, n, pos, next) {
		g = of_node(n);
		if (g->refs || (g->unclaimed && !unclaimed))
			continue;
		while (g->v.n)
			remove_at(t, g, g->v.n - 1);
		free_ranges(t, g);
	}
}

void svc_ranges_done(struct wr_svc_table *t)
{
	struct wr_hnode *n, *next;
	size_t pos;

	wr_hmap_each(&t->ranges, n, pos, next)
		free_ranges(t, of_node(n));
	wr_hmap_done(&t->ranges);
}

static int adopt_row(void *ctx, const void *key, const void *value)
{
	struct wr_svc_table *t = ctx;
	struct svc_ranges *g;
	struct wr_src_range row;
	struct wr_prefix p;

	memcpy(&row, key, sizeof(row));
	memcpy(&p.addr, &row.addr, sizeof(p.addr));
	p.len = (uint8_t)(row.len - 32);
	g = find_or_new(t, row.service);
	g->unclaimed = true;
	wr_vec_push(&g->v, p);
	return 0;
}

int svc_ranges_open(struct wr_svc_table *t, struct wr_err *err)
{
	const enum wr_map map = WR_MAP_wr_src_ranges;
	int r;

	if (t->dp->fds[map] < 0)
		return 0;
	r = wr_map_each(t->dp->fds[map], &t->dp->info[map], adopt_row, t);
	return r < 0 ? wr_err_sys(err, r, "reading map wr_src_ranges") : 0;
}
