/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Maps of another size or layout: the contents are copied before the programs change, and what the old programs have
 * written meanwhile is copied after. Rows that are there already stay: the new programs know better.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/dp/load.h"
#include "lib/dp/tables.h"

enum kind {
	KIND_CONTROL, /* written by the agent alone: copied once */
	KIND_TRAFFIC, /* rows made by programs: copied before and after */
	KIND_COUNTERS, /* array of 64-bit counters: copied before, what came in between is added after */
	KIND_SHARDS,
	KIND_NONE, /* of no use to those who come later, or not to be read from outside */
};

static enum kind kind_of(enum wr_map map)
{
	switch (map) {
	case WR_MAP_wr_flows:
		return KIND_SHARDS;
	case WR_MAP_wr_new_flows:
	case WR_MAP_wr_fragments:
	case WR_MAP_wr_affinity:
	case WR_MAP_wr_sock_udp:
		return KIND_TRAFFIC;
	case WR_MAP_wr_ep_stats:
	case WR_MAP_wr_picks:
		return KIND_COUNTERS;
	case WR_MAP_wr_sock:
	case WR_MAP_wr_nat_hints:
	case WR_MAP_wr_events:
		return KIND_NONE;
	default:
		return KIND_CONTROL;
	}
}

struct copy {
	int to;
	const struct wr_sys_map *from_info, *to_info;
	uint64_t flags;
	uint8_t *value;
};

static int copy_row(void *ctx, const void *key, const void *value)
{
	const struct copy *c = ctx;
	uint32_t i;
	int r;

	if (c->to_info->type == BPF_MAP_TYPE_ARRAY) {
		memcpy(&i, key, sizeof(i));
		if (i >= c->to_info->max_entries)
			return 0;
	}
	memcpy(c->value, value, c->from_info->value_size);
	r = wr_sys_map_update(c->to, key, c->value, c->flags);
	return r == -EEXIST ? 0 : r;
}

/* A value of a per-CPU array is as many parts as there are possible processors. */
static int copy_percpu(struct copy *c, int from)
{
	uint32_t n = WR_MIN(c->from_info->max_entries, c->to_info->max_entries), i;
	wr_autofree uint8_t *cpus = NULL;
	int r = 0;

	if (c->from_info->value_size != c->to_info->value_size)
		return 0;
	cpus = wr_xcalloc(wr_possible_cpus() + 1, (c->to_info->value_size + 7) / 8 * 8);
	for (i = 0; i < n && r == 0; i++) {
		r = wr_sys_map_lookup(from, &i, cpus);
		if (r == 0)
			r = wr_sys_map_update(c->to, &i, cpus, BPF_ANY);
	}
	return r;
}

int wr_map_copy(int from, const struct wr_sys_map *from_info, int to,
		const struct wr_sys_map *to_info, uint64_t flags)
{
	struct copy c = { .to = to, .from_info = from_info, .to_info = to_info, .flags = flags };
	int r;

	if (from_info->type == BPF_MAP_TYPE_PERCPU_ARRAY)
		return copy_percpu(&c, from);
	c.value = wr_xcalloc(1, to_info->value_size);
	r = wr_map_each(from, from_info, copy_row, &c);
	free(c.value);
	return r;
}

struct highest {
	const struct wr_sys_map *info;
	uint32_t n;     /* elements that the new array has */
	uint32_t above; /* an element in use beyond them; 0: none */
};

static bool is_used(enum wr_map map, const void *value, size_t size)
{
	static const uint8_t zero[256];
	struct wr_endpoint ep;
	struct wr_backend be;

	switch (map) {
	case WR_MAP_wr_endpoints:
		memcpy(&ep, value, sizeof(ep));
		return ep.flags & WR_EP_USED;
	case WR_MAP_wr_backends:
		memcpy(&be, value, sizeof(be));
		return be.state != WR_BACKEND_FREE;
	default:
		return memcmp(value, zero, WR_MIN(size, sizeof(zero))) != 0;
	}
}

static int look_at(void *ctx, const void *key, const void *value)
{
	struct highest *h = ctx;
	uint32_t i;

	memcpy(&i, key, sizeof(i));
	if (i >= h->n &&
	    is_used((enum wr_map)wr_dp_map_by_name(h->info->name), value, h->info->value_size))
		h->above = i;
	return 0;
}

/* Of services only what frontends lead to is in use: records and runs are not cleared when they are given back. */
struct reach {
	int services;
	uint32_t record, slot, line; /* the highest */
};

static int follow(void *ctx, const void *key, const void *value)
{
	struct reach *re = ctx;
	struct wr_service svc;
	uint32_t record;
	uint64_t word;

	memcpy(&word, value, sizeof(word));
	record = WR_FE_SERVICE(word);
	if (wr_sys_map_lookup(re->services, &record, &svc) < 0)
		return 0;
	re->record = WR_MAX(re->record, record);
	if (svc.n)
		re->slot = WR_MAX(re->slot, svc.first + svc.n - 1);
	if (svc.flags & WR_SVC_MAGLEV)
		re->line = WR_MAX(re->line, svc.maglev + (svc.maglev_size - 1) / WR_MAGLEV_LINE);
	return 0;
}

/* What holds the contents now. */
static int current_fd(const struct wr_load *l, enum wr_map map)
{
	const struct wr_map_plan *p = &l->maps[map];

	return p->is_new && p->old_fd >= 0 ? p->old_fd : l->dp->fds[map];
}

static int highest_service(const struct wr_load *l, enum wr_map map, uint32_t *ret)
{
	struct reach re = { .services = current_fd(l, WR_MAP_wr_services) };
	int frontends = current_fd(l, WR_MAP_wr_frontends), r;

	r = wr_map_each(frontends, &l->maps[WR_MAP_wr_frontends].want, follow, &re);
	if (r < 0)
		return r;
	*ret = map == WR_MAP_wr_services ? re.record : map == WR_MAP_wr_slots ? re.slot : re.line;
	return 0;
}

static int highest_used(const struct wr_load *l, enum wr_map map, uint32_t *ret)
{
	const struct wr_map_plan *p = &l->maps[map];
	struct highest h = { .info = &p->want, .n = p->want.max_entries };
	int r;

	if (map == WR_MAP_wr_services || map == WR_MAP_wr_slots || map == WR_MAP_wr_maglev)
		return highest_service(l, map, ret);
	r = wr_map_each(p->old_fd, &p->old, look_at, &h);
	if (r < 0)
		return r;
	*ret = h.above;
	return 0;
}

/* Numbers are held by flows and by other tables: an array may only lose elements that nobody uses. */
static int check_shrink(const struct wr_load *l, enum wr_map map, struct wr_err *err)
{
	const struct wr_map_plan *p = &l->maps[map];
	uint32_t highest;
	int r;

	if (p->old.type != BPF_MAP_TYPE_ARRAY || p->old.max_entries <= p->want.max_entries)
		return 0;
	r = highest_used(l, map, &highest);
	if (r < 0)
		return wr_err_sys(err, r, "reading map %s", wr_map_name(map));
	if (highest < p->want.max_entries)
		return 0;
	return wr_err_set(err, -E2BIG, "map %s uses number %u: a size of %u has no room for it",
			  wr_map_name(map), highest, p->want.max_entries);
}

/* What the counters were when they were copied; what comes on top is found by comparing. */
static int keep_counters(struct wr_map_plan *p, int to)
{
	uint32_t i, words = p->old.value_size / 8;
	int r = 0;

	p->counters = wr_xcalloc(p->old.max_entries, p->old.value_size);
	for (i = 0; i < p->old.max_entries && r == 0; i++)
		r = wr_sys_map_lookup(p->old_fd, &i, p->counters + (size_t)i * words);
	for (i = 0; i < WR_MIN(p->old.max_entries, p->want.max_entries) && r == 0; i++)
		r = wr_sys_map_update(to, &i, p->counters + (size_t)i * words, BPF_ANY);
	return r;
}

static void add_difference(const uint64_t *then, const uint64_t *now, uint64_t *row, uint32_t words)
{
	uint32_t i;

	for (i = 0; i < words; i++)
		if (now[i] != then[i])
			__atomic_fetch_add(&row[i], now[i] - then[i], __ATOMIC_RELAXED);
}

static int add_counters(struct wr_map_plan *p, struct wr_dp *dp, enum wr_map map)
{
	uint32_t i, words = p->old.value_size / 8;
	wr_autofree uint64_t *now = NULL;
	uint64_t *row;
	int r = 0;

	if (!p->counters)
		return 0;
	now = wr_xcalloc(1, p->old.value_size);
	for (i = 0; i < p->old.max_entries && r == 0; i++) {
		row = wr_dp_at(dp, map, i);
		r = row ? wr_sys_map_lookup(p->old_fd, &i, now) : 0;
		if (row && r == 0)
			add_difference(p->counters + (size_t)i * words, now, row, words);
	}
	return r;
}

static int fill(struct wr_load *l, enum wr_map map, struct wr_err *err)
{
	struct wr_map_plan *p = &l->maps[map];
	int r;

	switch (kind_of(map)) {
	case KIND_SHARDS:
		return wr_shards_copy(l, err);
	case KIND_NONE:
		return 0;
	case KIND_COUNTERS:
		r = keep_counters(p, l->dp->fds[map]);
		break;
	default:
		r = check_shrink(l, map, err);
		if (r < 0)
			return r;
		r = wr_map_copy(p->old_fd, &p->old, l->dp->fds[map], &p->want, BPF_ANY);
	}
	if (r == -E2BIG || r == -ENOSPC)
		return wr_err_set(err, r, "map %s holds more rows than the new size of %u",
				  wr_map_name(map), p->want.max_entries);
	return r < 0 ? wr_err_sys(err, r, "copying map %s", wr_map_name(map)) : 0;
}

int wr_migrate_fill(struct wr_load *l, struct wr_err *err)
{
	int i, r = 0;

	for (i = 0; i < WR_MAP_MAX && r == 0; i++)
		if (l->maps[i].is_new && l->maps[i].old_fd >= 0)
			r = fill(l, i, err);
	return r;
}

static int drain(struct wr_load *l, enum wr_map map, struct wr_err *err)
{
	struct wr_map_plan *p = &l->maps[map];
	int r = 0;

	switch (kind_of(map)) {
	case KIND_SHARDS:
		return wr_shards_copy(l, err);
	case KIND_TRAFFIC:
		r = wr_map_copy(p->old_fd, &p->old, l->dp->fds[map], &p->want, BPF_NOEXIST);
		break;
	case KIND_COUNTERS:
		r = add_counters(p, l->dp, map);
		break;
	default:
		break;
	}
	return r < 0 ? wr_err_sys(err, r, "draining map %s", wr_map_name(map)) : 0;
}

int wr_migrate_drain(struct wr_load *l, struct wr_err *err)
{
	int i, r = 0;

	for (i = 0; i < WR_MAP_MAX && r == 0; i++)
		if (l->maps[i].old_fd >= 0)
			r = drain(l, i, err);
	return r;
}
