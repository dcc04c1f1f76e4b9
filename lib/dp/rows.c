/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of maps, whatever they hold: walking, counting, writing many. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/dp/private.h"

#define BATCH     256u
#define BATCH_MAX (1u << 20) /* no bucket holds more */

struct walk {
	int fd;
	const struct wr_sys_map *info;
	int (*fn)(void *ctx, const void *key, const void *value);
	void *ctx;
	uint32_t stride; /* of values in a batch */
	uint32_t room;
	uint8_t *keys, *values;
	uint8_t pos[2][256]; /* where the kernel stands: a bucket number or a key */
};

static bool is_percpu(uint32_t type)
{
	return type == BPF_MAP_TYPE_PERCPU_ARRAY || type == BPF_MAP_TYPE_PERCPU_HASH ||
	       type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

static void make_room(struct walk *w, uint32_t room)
{
	w->room = room;
	w->keys = wr_xrealloc(w->keys, room, w->info->key_size);
	w->values = wr_xrealloc(w->values, room, w->stride);
}

static int report(const struct walk *w, uint32_t n)
{
	uint32_t i;
	int r = 0;

	for (i = 0; i < n && !r; i++)
		r = w->fn(w->ctx, w->keys + (size_t)i * w->info->key_size,
			  w->values + (size_t)i * w->stride);
	return r;
}

/* 1: done, or @fn has ended it (*ret_end); 0: go on. */
static int walk_batch(struct walk *w, bool first, int *ret_end)
{
	uint32_t n = w->room;
	int r;

	r = wr_sys_map_lookup_batch(w->fd, first ? NULL : w->pos[0], w->pos[1], w->keys, w->values,
				    &n);
	if (r == -ENOSPC && w->room < BATCH_MAX) {
		make_room(w, w->room * 2);
		return walk_batch(w, first, ret_end);
	}
	if (r < 0 && r != -ENOENT)
		return r;
	*ret_end = report(w, n);
	memcpy(w->pos[0], w->pos[1], sizeof(w->pos[0]));
	return r == -ENOENT || *ret_end;
}

static int walk_batches(struct walk *w)
{
	bool first = true;
	int r, end = 0;

	do {
		r = walk_batch(w, first, &end);
		first = false;
	} while (r == 0);
	return r < 0 ? r : end;
}

/* The key after the one at hand is asked for before @fn sees it, so that @fn may delete it. */
static int walk_keys(struct walk *w)
{
	uint8_t *key = w->pos[0], *next = w->pos[1];
	int r, end;

	r = wr_sys_map_next(w->fd, NULL, key);
	while (r == 0) {
		r = wr_sys_map_next(w->fd, key, next);
		if (r < 0 && r != -ENOENT)
			return r;
		if (wr_sys_map_lookup(w->fd, key, w->values) == 0) {
			end = w->fn(w->ctx, key, w->values);
			if (end)
				return end;
		}
		memcpy(key, next, w->info->key_size);
	}
	return r == -ENOENT ? 0 : r;
}

int wr_map_each(int fd, const struct wr_sys_map *info,
		int (*fn)(void *ctx, const void *key, const void *value), void *ctx)
{
	struct walk w = { .fd = fd, .info = info, .fn = fn, .ctx = ctx };
	int r;

	if (fd < 0)
		return -ENOENT;
	if (info->key_size > sizeof(w.pos[0]) || is_percpu(info->type))
		return -EINVAL;
	w.stride = info->value_size;
	make_room(&w, BATCH);
	r = walk_batches(&w);
	if (r == -EOPNOTSUPP)
		r = walk_keys(&w);
	free(w.keys);
	free(w.values);
	return r;
}

static int count_one(void *ctx, const void *key, const void *value)
{
	++*(uint64_t *)ctx;
	return 0;
}

int wr_map_count(int fd, const struct wr_sys_map *info, uint64_t *ret)
{
	uint64_t n = 0;
	int r;

	r = wr_map_each(fd, info, count_one, &n);
	if (r < 0)
		return r;
	*ret = n;
	return 0;
}

int wr_map_put_many(int fd, const struct wr_sys_map *info, const void *keys, const void *values,
		    uint32_t n, uint32_t *ret_done)
{
	const uint8_t *k = keys, *v = values;
	uint32_t done = n;
	int r;

	r = n ? wr_sys_map_update_batch(fd, keys, values, &done) : 0;
	if (r == -EOPNOTSUPP)
		for (r = 0, done = 0; done < n && r == 0; done += r == 0)
			r = wr_sys_map_update(fd, k + (size_t)done * info->key_size,
					      v + (size_t)done * info->value_size, BPF_ANY);
	if (ret_done)
		*ret_done = done;
	return r;
}

int wr_map_del_many(int fd, const struct wr_sys_map *info, const void *keys, uint32_t n)
{
	const uint8_t *k = keys;
	uint32_t done = 0, batch;
	int r;

	/* A batch ends at a key that is not there; that one counts as deleted. */
	while (done < n) {
		batch = n - done;
		r = wr_sys_map_delete_batch(fd, k + (size_t)done * info->key_size, &batch);
		done += batch;
		if (r == -EOPNOTSUPP)
			r = wr_sys_map_delete(fd, k + (size_t)done * info->key_size);
		else if (r == 0)
			continue;
		if (r < 0 && r != -ENOENT)
			return r;
		done++;
	}
	return 0;
}

int wr_row_put(struct wr_dp *dp, enum wr_map map, const void *key, const void *value)
{
	int r;

	if (dp->fds[map] < 0)
		return -ENOENT;
	r = wr_sys_map_update(dp->fds[map], key, value, BPF_NOEXIST);
	if (r == 0 && dp->used[map] != WR_DP_UNKNOWN)
		dp->used[map]++;
	/* Kernels before 6.13 replace rows of an LPM map even so: then nobody knows whether it is one more. */
	if (r == 0 && dp->info[map].type == BPF_MAP_TYPE_LPM_TRIE && !dp->lpm_noexist)
		dp->used[map] = WR_DP_UNKNOWN;
	if (r == -EEXIST)
		r = wr_sys_map_update(dp->fds[map], key, value, BPF_EXIST);
	return r;
}

int wr_row_del(struct wr_dp *dp, enum wr_map map, const void *key)
{
	int r;

	if (dp->fds[map] < 0)
		return -ENOENT;
	r = wr_sys_map_delete(dp->fds[map], key);
	if (r == 0 && dp->used[map] != WR_DP_UNKNOWN)
		dp->used[map]--;
	return r;
}
