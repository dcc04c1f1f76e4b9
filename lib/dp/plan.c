/* SPDX-License-Identifier: Apache-2.0 */
/* Decides for each map whether it is made new, adopted as it is, or replaced by one of another size or layout. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/str.h"
#include "lib/dp/load.h"

int wr_plan_path(const char *pins, enum wr_map map, char buf[WR_DP_PATH_SIZE])
{
	return wr_format(buf, WR_DP_PATH_SIZE, "%s/maps/%s", pins, wr_map_name(map));
}

int wr_plan_old_path(const char *pins, enum wr_map map, char buf[WR_DP_PATH_SIZE])
{
	return wr_format(buf, WR_DP_PATH_SIZE, "%s/maps_old/%s", pins, wr_map_name(map));
}

static bool same_layout(const struct wr_sys_map *a, const struct wr_sys_map *b)
{
	return a->type == b->type && a->key_size == b->key_size && a->value_size == b->value_size &&
	       a->flags == b->flags;
}

/* The size that the options ask for; tables beside another follow it. */
static uint32_t wanted_size(const struct wr_dp_options *opt, enum wr_map map, uint32_t declared)
{
	if (map == WR_MAP_wr_flows)
		return 2 * opt->config.flow_shards;
	if (opt->sizes[map])
		return opt->sizes[map];
	if (map == WR_MAP_wr_picks && opt->sizes[WR_MAP_wr_backends])
		return opt->sizes[WR_MAP_wr_backends];
	if (map == WR_MAP_wr_port_rules && opt->sizes[WR_MAP_wr_rules])
		return opt->sizes[WR_MAP_wr_rules];
	if (map == WR_MAP_wr_ep_stats && opt->sizes[WR_MAP_wr_endpoints])
		return opt->sizes[WR_MAP_wr_endpoints];
	return declared;
}

/* All objects must mean the same by a name. */
static int declare(struct wr_load *l, enum wr_map map, struct wr_err *err)
{
	struct wr_map_plan *p = &l->maps[map];
	struct wr_sys_map def, inner;
	size_t i;

	for (i = 0; i < l->n_objects; i++) {
		if (!wr_object_map(l->objects[i], map, &def, &inner))
			continue;
		def.max_entries = wanted_size(l->opt, map, def.max_entries);
		if (p->declared && !same_layout(&def, &p->want))
			return wr_err_set(err, -EINVAL, "BPF objects disagree about map %s",
					  def.name);
		p->declared = true;
		p->want = def;
		p->inner = inner;
	}
	return 0;
}

/* -ENOENT: not pinned. A map that a killed load has moved aside, and not yet replaced, goes back to its place. */
static int open_pin(const char *pins, enum wr_map map)
{
	char path[WR_DP_PATH_SIZE], old[WR_DP_PATH_SIZE];
	int r, fd;

	r = wr_plan_path(pins, map, path);
	if (r == 0)
		r = wr_plan_old_path(pins, map, old);
	if (r < 0)
		return r;
	fd = wr_sys_obj_get(path, false);
	if (fd != -ENOENT)
		return fd;
	if (rename(old, path) < 0)
		return -ENOENT;
	return wr_sys_obj_get(path, false);
}

/* The first shard of a pinned wr_flows: what its rows look like. */
static int inner_layout(int outer, struct wr_sys_map *ret)
{
	wr_autofd int fd = -1;
	uint32_t place = 0, id;
	int r;

	r = wr_sys_map_lookup(outer, &place, &id);
	if (r < 0)
		return r;
	fd = wr_sys_map_by_id(id);
	return fd < 0 ? fd : wr_sys_map_info(fd, ret);
}

static int layout_of(int fd, struct wr_sys_map *ret, struct wr_sys_map *ret_inner)
{
	int r = wr_sys_map_info(fd, ret);

	*ret_inner = (struct wr_sys_map){ 0 };
	if (r == 0 && ret->type == BPF_MAP_TYPE_ARRAY_OF_MAPS) {
		r = inner_layout(fd, ret_inner);
		/* A load that was killed between making the table and its shards: nothing is in it. */
		if (r == -ENOENT)
			r = -ESTALE;
	}
	return r;
}

static int refuse(enum wr_map map, const struct wr_sys_map *have, const struct wr_sys_map *want,
		  struct wr_err *err)
{
	return wr_err_set(err, -EPROTO,
			  "pinned map %s has type %u, key %u, value %u, flags %#x; this build needs "
			  "type %u, key %u, value %u, flags %#x",
			  wr_map_name(map), have->type, have->key_size, have->value_size,
			  have->flags, want->type, want->key_size, want->value_size, want->flags);
}

/* Rows of these are made by traffic and are missed for a moment at most. */
static bool may_start_empty(enum wr_map map)
{
	switch (map) {
	case WR_MAP_wr_flows:
	case WR_MAP_wr_new_flows:
	case WR_MAP_wr_fragments:
	case WR_MAP_wr_affinity:
	case WR_MAP_wr_sock:
	case WR_MAP_wr_sock_udp:
	case WR_MAP_wr_picks:
	case WR_MAP_wr_nat_hints:
	case WR_MAP_wr_drops:
	case WR_MAP_wr_events:
		return true;
	default:
		return false;
	}
}

/* Can rows of @have be copied into @want? Values may grow at their end: zero means what it meant when it was not there. */
static bool convertible(const struct wr_sys_map *have, const struct wr_sys_map *want)
{
	return have->type == want->type && have->key_size == want->key_size &&
	       have->value_size <= want->value_size;
}

static void keep_old(struct wr_map_plan *p, int *fd, const struct wr_sys_map *have)
{
	p->old_fd = wr_take_fd(fd);
	p->old = *have;
}

/* @own: pinned in our directory, so its layout must be ours; else in that of another ABI. */
static int plan_pinned(struct wr_map_plan *p, enum wr_map map, int *fd, bool own, struct wr_err *err)
{
	struct wr_sys_map have, inner;
	bool same, can;
	int r;

	r = layout_of(*fd, &have, &inner);
	if (r == -ESTALE)
		return 0;
	if (r < 0)
		return wr_err_sys(err, r, "reading the layout of pinned map %s", wr_map_name(map));
	same = same_layout(&have, &p->want) && (!inner.type || same_layout(&inner, &p->inner));
	if (same && have.max_entries == p->want.max_entries) {
		p->fd = wr_take_fd(fd);
		p->is_pinned = own;
		return 0;
	}
	can = same ||
	      (convertible(&have, &p->want) && (!inner.type || convertible(&inner, &p->inner)));
	if (own && !same)
		return refuse(map, &have, &p->want, err);
	if (can)
		keep_old(p, fd, &have);
	else if (!may_start_empty(map))
		return refuse(map, &have, &p->want, err);
	return 0;
}

/*
 * A load that was killed after it had pinned the new map: programs may have written to the old one until they were
 * replaced. What it holds is drained again.
 */
static int find_undrained(struct wr_load *l, enum wr_map map, struct wr_err *err)
{
	struct wr_map_plan *p = &l->maps[map];
	struct wr_sys_map have = { 0 }, mine = { 0 }, inner = { 0 };
	char path[WR_DP_PATH_SIZE];
	wr_autofd int fd = -1;
	int r;

	r = wr_plan_old_path(l->opt->pins, map, path);
	fd = r < 0 ? r : wr_sys_obj_get(path, false);
	if (fd == -ENOENT && l->other[0])
		fd = wr_plan_path(l->other, map, path) < 0 ? -ENAMETOOLONG :
							     wr_sys_obj_get(path, false);
	if (fd == -ENOENT)
		return 0;
	r = fd < 0 ? fd : wr_sys_map_info(p->fd, &mine);
	if (r == 0)
		r = layout_of(fd, &have, &inner);
	if (r < 0)
		return r == -ESTALE ? 0 : wr_err_sys(err, r, "opening %s", path);
	if (have.id != mine.id && convertible(&have, &p->want) &&
	    (!inner.type || convertible(&inner, &p->inner)))
		keep_old(p, &fd, &have);
	return 0;
}

static int plan_map(struct wr_load *l, enum wr_map map, struct wr_err *err)
{
	wr_autofd int fd = open_pin(l->opt->pins, map);
	bool own = fd >= 0;
	int r;

	if (fd == -ENOENT && l->other[0])
		fd = open_pin(l->other, map);
	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return wr_err_sys(err, fd, "opening pinned map %s", wr_map_name(map));
	r = plan_pinned(&l->maps[map], map, &fd, own, err);
	if (r == 0 && l->maps[map].is_pinned)
		r = find_undrained(l, map, err);
	return r;
}

static void closedir_p(DIR **d)
{
	if (*d)
		closedir(*d);
}

/* The pins of another ABI beside ours: the highest number. */
static void find_other(struct wr_load *l)
{
	char root[WR_DP_PATH_SIZE];
	wr_cleanup(closedir_p) DIR *d = NULL;
	uint64_t abi, best = 0;
	struct dirent *e;
	char *own;

	wr_copy(root, sizeof(root), l->opt->pins);
	own = strrchr(root, '/');
	if (!own)
		return;
	*own++ = '\0';
	d = opendir(root);
	while (d && (e = readdir(d)))
		if (!wr_streq(e->d_name, own) && wr_parse_u64(e->d_name, UINT32_MAX, &abi) == 0 &&
		    abi >= best &&
		    wr_format(l->other, sizeof(l->other), "%s/%s", root, e->d_name) == 0)
			best = abi;
}

int wr_plan_maps(struct wr_load *l, struct wr_err *err)
{
	int i, r;

	if (l->opt->pins)
		find_other(l);
	for (i = 0; i < WR_MAP_MAX; i++) {
		r = declare(l, i, err);
		if (r == 0 && l->maps[i].declared && l->opt->pins)
			r = plan_map(l, i, err);
		if (r < 0)
			return r;
	}
	return 0;
}
