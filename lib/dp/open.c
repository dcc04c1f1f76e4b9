/* SPDX-License-Identifier: Apache-2.0 */
/* The handle: maps and programs that are pinned, or that the loader has just made. */
#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/dp/private.h"

static const char *const map_names[] = {
#define X(name, size) #name,
	WR_MAPS(X)
#undef X
};

const char *wr_map_name(enum wr_map map)
{
	return map_names[map];
}

int wr_dp_map_by_name(const char *name)
{
	int i;

	for (i = 0; i < WR_MAP_MAX; i++)
		if (wr_streq(name, map_names[i]))
			return i;
	return -ENOENT;
}

struct wr_dp *wr_dp_new(const char *pins, bool readonly)
{
	struct wr_dp *dp = wr_xcalloc(1, sizeof(*dp));
	int i;

	if (pins)
		dp->pins = wr_xstrdup(pins);
	dp->readonly = readonly;
	dp->arrays = wr_xcalloc(WR_MAP_MAX, sizeof(*dp->arrays));
	dp->maglev_size = WR_MAGLEV_SIZE;
	for (i = 0; i < WR_MAP_MAX; i++) {
		dp->fds[i] = -1;
		dp->used[i] = WR_DP_UNKNOWN;
	}
	return dp;
}

static void close_shards(struct wr_dp *dp)
{
	size_t i;

	for (i = 0; i < dp->shards.n; i++)
		wr_close_p(&dp->shards.v[i]);
	wr_vec_reset(&dp->shards);
}

void wr_dp_drop_progs(struct wr_dp *dp)
{
	while (dp->progs.n) {
		dp->progs.n--;
		wr_close_p(&dp->progs.v[dp->progs.n].fd);
		free(dp->progs.v[dp->progs.n].name);
	}
}

void wr_dp_close(struct wr_dp *dp)
{
	size_t i;

	if (!dp)
		return;
	close_shards(dp);
	wr_vec_done(&dp->shards);
	wr_vec_done(&dp->shard_used);
	for (i = 0; i < WR_MAP_MAX; i++) {
		wr_array_close(&dp->arrays[i]);
		wr_close_p(&dp->fds[i]);
	}
	wr_dp_drop_progs(dp);
	wr_vec_done(&dp->progs);
	free(dp->arrays);
	free(dp->pins);
	free(dp);
}

/* The inner map at place @i of wr_flows; -1: empty. */
static int open_shard(const struct wr_dp *dp, uint32_t i)
{
	uint32_t id;
	int fd, r;

	r = wr_sys_map_lookup(dp->fds[WR_MAP_wr_flows], &i, &id);
	if (r == -ENOENT)
		return -1;
	if (r < 0)
		return r;
	fd = wr_sys_map_by_id(id);
	return fd == -1 ? -EPERM : fd;
}

int wr_dp_find_shards(struct wr_dp *dp)
{
	uint32_t n = dp->info[WR_MAP_wr_flows].max_entries, i;
	int fd;

	close_shards(dp);
	dp->n_shards = n / 2;
	wr_vec_reserve(&dp->shard_used, dp->n_shards);
	dp->shard_used.n = dp->n_shards;
	memset(dp->shard_used.v, 0xff, dp->n_shards * sizeof(*dp->shard_used.v));
	for (i = 0; i < n; i++) {
		fd = open_shard(dp, i);
		if (fd < -1)
			return fd;
		wr_vec_push(&dp->shards, fd);
	}
	return 0;
}

static bool is_mmapable(const struct wr_sys_map *info)
{
	return info->type == BPF_MAP_TYPE_ARRAY && info->flags & BPF_F_MMAPABLE;
}

int wr_dp_set_map(struct wr_dp *dp, enum wr_map map, int fd)
{
	struct wr_sys_map *info = &dp->info[map];
	wr_autofd int own = fd;
	int r;

	r = wr_sys_map_info(own, info);
	if (r < 0)
		return r;
	wr_array_close(&dp->arrays[map]);
	if (is_mmapable(info)) {
		r = wr_array_open(&dp->arrays[map], own, info->value_size, info->max_entries,
				  !dp->readonly);
		if (r < 0)
			return r;
	}
	wr_close_p(&dp->fds[map]);
	dp->fds[map] = wr_take_fd(&own);
	dp->used[map] = WR_DP_UNKNOWN;
	return map == WR_MAP_wr_flows ? wr_dp_find_shards(dp) : 0;
}

void wr_dp_add_prog(struct wr_dp *dp, const char *name, struct wr_dp_prog prog)
{
	prog.name = wr_xstrdup(name);
	wr_vec_push(&dp->progs, prog);
}

/*
 * Without write access the kernel takes a shared mapping for a private one, which BPF maps refuse: arrays are opened for
 * writing even by those who map them for reading.
 */
static int open_map(const char *path, bool readonly)
{
	wr_autofd int fd = wr_sys_obj_get(path, readonly);
	struct wr_sys_map info;
	int r;

	if (fd < 0 || !readonly)
		return wr_take_fd(&fd);
	r = wr_sys_map_info(fd, &info);
	if (r < 0)
		return r;
	return is_mmapable(&info) ? wr_sys_obj_get(path, false) : wr_take_fd(&fd);
}

/* A map that is not there stays closed: an older or newer agent may have fewer. */
static int open_maps(struct wr_dp *dp, struct wr_err *err)
{
	char path[WR_DP_PATH_SIZE];
	int i, fd, r;

	for (i = 0; i < WR_MAP_MAX; i++) {
		r = wr_format(path, sizeof(path), "%s/maps/%s", dp->pins, map_names[i]);
		if (r < 0)
			return wr_err_sys(err, r, "pin directory %s", dp->pins);
		fd = open_map(path, dp->readonly);
		if (fd == -ENOENT)
			continue;
		r = fd < 0 ? fd : wr_dp_set_map(dp, i, fd);
		if (r < 0)
			return wr_err_sys(err, r, "opening the pinned map %s", path);
	}
	return 0;
}

static void closedir_p(DIR **d)
{
	if (*d)
		closedir(*d);
}

static int open_progs(struct wr_dp *dp, struct wr_err *err)
{
	wr_cleanup(closedir_p) DIR *d = NULL;
	struct wr_dp_prog prog = { 0 };
	char path[WR_DP_PATH_SIZE];
	struct dirent *e;
	int r;

	r = wr_dp_prog_path(dp->pins, "", path);
	d = r < 0 ? NULL : opendir(path);
	if (!d)
		return 0;
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.' || wr_has_suffix(e->d_name, ":new"))
			continue;
		r = wr_dp_prog_path(dp->pins, e->d_name, path);
		prog.fd = r < 0 ? r : wr_sys_obj_get(path, false);
		if (prog.fd < 0)
			return wr_err_sys(err, prog.fd, "opening the pinned program %s", path);
		wr_dp_add_prog(dp, e->d_name, prog);
	}
	return 0;
}

static void close_p(struct wr_dp **dp)
{
	wr_dp_close(*dp);
}

int wr_dp_open(const char *pins, bool readonly, struct wr_dp **ret, struct wr_err *err)
{
	wr_cleanup(close_p) struct wr_dp *dp = wr_dp_new(pins, readonly);
	int r;

	r = open_maps(dp, err);
	if (r < 0)
		return r;
	if (dp->fds[WR_MAP_wr_globals] < 0)
		return wr_err_set(err, -ENOENT, "nothing is pinned below %s: no agent has run", pins);
	/* Programs are there to be run; who only reads may lack the right to. */
	r = open_progs(dp, readonly ? NULL : err);
	if (r < 0 && !readonly)
		return r;
	dp->tcx = wr_sys_has_tcx();
	*ret = wr_take_ptr(dp);
	return 0;
}

int wr_dp_map_fd(const struct wr_dp *dp, enum wr_map map)
{
	return dp->fds[map];
}

uint32_t wr_dp_map_size(const struct wr_dp *dp, enum wr_map map)
{
	struct wr_sys_map info;
	uint32_t size = 0;
	size_t i;

	if (map != WR_MAP_wr_flows)
		return dp->fds[map] < 0 ? 0 : dp->info[map].max_entries;
	for (i = 0; i < dp->n_shards; i++)
		if (wr_sys_map_info(dp->shards.v[i], &info) == 0)
			size += info.max_entries;
	return size;
}

int wr_dp_prog_fd(const struct wr_dp *dp, const char *prog)
{
	size_t i;

	for (i = 0; i < dp->progs.n; i++)
		if (wr_streq(dp->progs.v[i].name, prog))
			return dp->progs.v[i].fd;
	return -ENOENT;
}

bool wr_dp_has_tcx(const struct wr_dp *dp)
{
	return dp->tcx;
}
