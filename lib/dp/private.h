/* SPDX-License-Identifier: Apache-2.0 */
/* Inside lib/dp: what a struct wr_dp is. */
#ifndef WR_DP_PRIVATE_H
#define WR_DP_PRIVATE_H

#include "lib/base/vec.h"
#include "lib/dp/array.h"
#include "lib/dp/dp.h"
#include "lib/dp/links.h"
#include "lib/dp/sys.h"

#define WR_DP_UNKNOWN UINT64_MAX

struct wr_dp_prog {
	char *name; /* without "wr_" */
	int fd;
	uint32_t attach_type; /* cgroup programs; else 0 */
	bool cgroup;
};

struct wr_dp {
	char *pins; /* NULL: nothing is pinned */
	bool readonly, tcx;
	bool lpm_noexist; /* LPM maps heed BPF_NOEXIST, since 6.13 */
	uint32_t maglev_size;
	int fds[WR_MAP_MAX]; /* -1: not there */
	struct wr_sys_map info[WR_MAP_MAX];
	struct wr_array *arrays; /* by map; open are those that can be mapped */
	/* Rows in use as this process counts them; WR_DP_UNKNOWN: nobody has counted. */
	uint64_t used[WR_MAP_MAX];
	WR_VEC(int) shards; /* of wr_flows; then those that drain, -1 where there is none */
	uint32_t n_shards;
	WR_VEC(uint32_t) shard_used; /* promoted flows a shard held at its last sweep, UINT32_MAX: not swept */
	WR_VEC(struct wr_dp_prog) progs;
};

struct wr_dp *wr_dp_new(const char *pins, bool readonly);
/* Takes @fd; learns what it is, maps arrays, finds the shards. */
int wr_dp_set_map(struct wr_dp *dp, enum wr_map map, int fd);
/* Takes the descriptor; copies @name. */
void wr_dp_add_prog(struct wr_dp *dp, const char *name, struct wr_dp_prog prog);
void wr_dp_drop_progs(struct wr_dp *dp);
/* After the shards of wr_flows were put in place. */
int wr_dp_find_shards(struct wr_dp *dp);
/* Index of a map by its name; -ENOENT. */
int wr_dp_map_by_name(const char *name);

/* Element @i of an array; NULL: out of range or not mapped. */
static inline void *wr_dp_at(const struct wr_dp *dp, enum wr_map map, uint32_t i)
{
	return wr_array_at(&dp->arrays[map], i);
}

/*
 * Calls @fn for each row of a hash, LRU, LPM or array map, read in batches where the kernel can. Rows that come and go
 * meanwhile may or may not be seen. @fn may change the map. Its non-zero result ends the walk and is returned.
 */
int wr_map_each(int fd, const struct wr_sys_map *info,
		int (*fn)(void *ctx, const void *key, const void *value), void *ctx);
int wr_map_count(int fd, const struct wr_sys_map *info, uint64_t *ret);
/* Many at once, one by one where there are no batches. *ret_done (may be NULL): how many succeeded, from the first on. */
int wr_map_put_many(int fd, const struct wr_sys_map *info, const void *keys, const void *values,
		    uint32_t n, uint32_t *ret_done);
int wr_map_del_many(int fd, const struct wr_sys_map *info, const void *keys, uint32_t n);

/* A per-CPU value has one part for each. 0: could not be read. */
uint32_t wr_possible_cpus(void);

/* Hash rows with one count per map: put tells new rows from replaced ones. -ENOENT from del: there was none. */
int wr_row_put(struct wr_dp *dp, enum wr_map map, const void *key, const void *value);
int wr_row_del(struct wr_dp *dp, enum wr_map map, const void *key);

/* Elements of a service array in use, found from the frontends; 0: of other arrays nobody knows. */
uint64_t wr_svc_used(const struct wr_dp *dp, enum wr_map map);

#endif
