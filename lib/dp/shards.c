/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flow table is many small ones, so that expiry can walk a part at a time. A table of another size takes over shard by
 * shard: programs look into the former shard after a miss until it has drained, so no established flow is missed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bpf/abi/flow.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/dp/load.h"

enum {
#define X(name, size) name##_default = (size),
	WR_MAPS(X)
#undef X
};

static uint32_t shards_of(const struct wr_load *l)
{
	return l->opt->config.flow_shards;
}

static struct wr_sys_map shard_def(const struct wr_load *l)
{
	struct wr_sys_map def = l->maps[WR_MAP_wr_flows].inner;
	uint32_t size = l->opt->sizes[WR_MAP_wr_flows];

	if (!size)
		size = wr_flows_default;
	def.max_entries = WR_MAX(1u, (size + shards_of(l) - 1) / shards_of(l));
	return def;
}

/* The map at a place; -ENOENT: none. */
static int open_place(int outer, uint32_t place)
{
	uint32_t id;
	int r;

	r = wr_sys_map_lookup(outer, &place, &id);
	return r < 0 ? r : wr_sys_map_by_id(id);
}

static int fill_place(struct wr_load *l, uint32_t place)
{
	struct wr_sys_map def = shard_def(l);
	int outer = l->maps[WR_MAP_wr_flows].fd;
	wr_autofd int fd = open_place(outer, place);

	if (fd != -ENOENT)
		return fd < 0 ? fd : 0;
	fd = wr_sys_map_create(&def, -1);
	return fd < 0 ? fd : wr_sys_map_update(outer, &place, &fd, BPF_ANY);
}

/* Before anything changes: a smaller shard must have room for what the present one holds. */
static int check_room(struct wr_load *l, uint32_t place, struct wr_err *err)
{
	wr_autofd int fd = open_place(l->maps[WR_MAP_wr_flows].fd, place);
	uint32_t want = shard_def(l).max_entries;
	struct wr_sys_map info;
	uint64_t n = 0;
	int r;

	r = fd < 0 ? fd : wr_sys_map_info(fd, &info);
	if (r < 0 || want >= info.max_entries)
		return r;
	r = wr_map_count(fd, &info, &n);
	if (r == 0 && n > want)
		r = wr_err_set(err, -E2BIG,
			       "shard %u of wr_flows holds %llu flows: a size of %u has no room for them",
			       place, (unsigned long long)n, want);
	return r;
}

int wr_shards_make(struct wr_load *l, struct wr_err *err)
{
	uint32_t i;
	int r = 0;

	if (l->maps[WR_MAP_wr_flows].fd < 0)
		return 0;
	for (i = 0; i < shards_of(l) && r == 0; i++) {
		r = fill_place(l, i);
		if (r == 0)
			r = check_room(l, i, err);
	}
	return r < 0 ? wr_err_sys(err, r, "making shard %u of wr_flows", i - 1) : 0;
}

/* What remains of a former shard goes into the one that took its place. */
static int drain_place(int outer, uint32_t place, uint32_t former)
{
	wr_autofd int from = open_place(outer, former), to = -1;
	struct wr_sys_map from_info, to_info;
	int r;

	if (from < 0)
		return from == -ENOENT ? 0 : from;
	to = open_place(outer, place);
	if (to < 0)
		return to;
	r = wr_sys_map_info(from, &from_info);
	if (r == 0)
		r = wr_sys_map_info(to, &to_info);
	if (r == 0)
		r = wr_map_copy(from, &from_info, to, &to_info, BPF_NOEXIST);
	/* That it fits was checked; what came since and finds no room is a new flow again. */
	if (r < 0 && r != -E2BIG)
		return r;
	return wr_sys_map_delete(outer, &former);
}

/* The former shard is found after a miss before the new one takes its place: at no time is a flow in neither. */
static int replace_place(struct wr_load *l, int outer, uint32_t place, int have)
{
	uint32_t former = shards_of(l) + place;
	struct wr_sys_map def = shard_def(l);
	wr_autofd int fd = wr_sys_map_create(&def, -1);
	int r;

	if (fd < 0)
		return fd;
	r = wr_sys_map_update(outer, &former, &have, BPF_ANY);
	if (r == 0)
		r = wr_sys_map_update(outer, &place, &fd, BPF_ANY);
	return r;
}

static int resize_place(struct wr_load *l, int outer, uint32_t place)
{
	uint32_t former = shards_of(l) + place;
	wr_autofd int fd = -1;
	struct wr_sys_map info;
	int r;

	/* First what a killed load has left. */
	r = drain_place(outer, place, former);
	if (r < 0)
		return r;
	fd = open_place(outer, place);
	r = fd < 0 ? fd : wr_sys_map_info(fd, &info);
	if (r < 0 || info.max_entries == shard_def(l).max_entries)
		return r;
	r = replace_place(l, outer, place, fd);
	return r < 0 ? r : drain_place(outer, place, former);
}

int wr_shards_resize(struct wr_load *l, struct wr_err *err)
{
	int outer = l->dp->fds[WR_MAP_wr_flows], r = 0;
	uint32_t i;

	if (outer < 0)
		return 0;
	for (i = 0; i < shards_of(l) && r == 0; i++)
		r = resize_place(l, outer, i);
	if (r == 0)
		r = wr_dp_find_shards(l->dp);
	return r < 0 ? wr_err_sys(err, r, "resizing wr_flows") : 0;
}

struct spread {
	const struct wr_load *l;
	uint32_t old_size; /* of a value */
	bool after;        /* the programs have changed */
};

/* Into the shard that the new programs look in. */
static int spread_row(void *ctx, const void *key, const void *value)
{
	const struct spread *s = ctx;
	struct wr_flow flow = { 0 };
	struct wr_flow_key k;
	uint32_t place;
	int r;

	memcpy(&k, key, sizeof(k));
	memcpy(&flow, value, WR_MIN(sizeof(flow), s->old_size));
	place = wr_flow_place(&k, shards_of(s->l));
	r = wr_sys_map_update(s->l->dp->shards.v[place], &k, &flow, BPF_NOEXIST);
	if (r == -EEXIST || (r == -E2BIG && s->after))
		return 0;
	return r;
}

int wr_shards_copy(struct wr_load *l, struct wr_err *err)
{
	const struct wr_map_plan *p = &l->maps[WR_MAP_wr_flows];
	struct spread s = { .l = l, .after = l->in_force };
	struct wr_sys_map info = { 0 };
	uint32_t i;
	int r = 0;

	for (i = 0; i < p->old.max_entries && r == 0; i++) {
		wr_autofd int from = open_place(p->old_fd, i);

		if (from == -ENOENT)
			continue;
		r = from < 0 ? from : wr_sys_map_info(from, &info);
		s.old_size = info.value_size;
		if (r == 0)
			r = wr_map_each(from, &info, spread_row, &s);
	}
	if (r == -E2BIG)
		return wr_err_set(err, r, "wr_flows holds more flows than the new size");
	return r < 0 ? wr_err_sys(err, r, "copying wr_flows") : 0;
}
