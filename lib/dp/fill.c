/* SPDX-License-Identifier: Apache-2.0 */
/* How full the maps are and what they cost. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bpf/abi/endpoint.h"
#include "lib/base/cleanup.h"
#include "lib/base/io.h"
#include "lib/base/str.h"
#include "lib/dp/private.h"
#include "lib/dp/tables.h"

/* "memlock:" of the descriptor: what the kernel charges for the map. */
static uint64_t memory_of(int fd)
{
	wr_autofree char *text = NULL;
	char path[64];
	uint64_t v;
	char *p;

	if (wr_format(path, sizeof(path), "/proc/self/fdinfo/%d", fd) < 0 ||
	    wr_read_file(path, 4096, &text, NULL) < 0)
		return 0;
	p = strstr(text, "\nmemlock:");
	if (!p)
		return 0;
	p += strspn(p, "\nmemlock: \t");
	p[strcspn(p, "\n")] = '\0';
	return wr_parse_u64(p, UINT64_MAX - 1, &v) < 0 ? 0 : v;
}

static uint64_t memory_of_flows(const struct wr_dp *dp)
{
	uint64_t sum = memory_of(dp->fds[WR_MAP_wr_flows]);
	size_t i;

	for (i = 0; i < dp->shards.n; i++)
		if (dp->shards.v[i] >= 0)
			sum += memory_of(dp->shards.v[i]);
	return sum;
}

static uint64_t used_endpoints(const struct wr_dp *dp)
{
	struct wr_endpoint ep;
	uint64_t n = 0;
	uint32_t i;

	for (i = 0; i < dp->info[WR_MAP_wr_endpoints].max_entries; i++)
		n += wr_endpoint_get(dp, i, &ep) == 0;
	return n;
}

static uint64_t used_nexthops(const struct wr_dp *dp)
{
	struct wr_nexthop nh;
	uint64_t n = 0;
	uint32_t i;

	/* A row that was ever written has a generation. */
	for (i = 0; i < dp->info[WR_MAP_wr_nexthops].max_entries; i++)
		n += wr_nexthop_get(dp, i, &nh) == 0 && nh.gen;
	return n;
}

static uint64_t used_flows(const struct wr_dp *dp)
{
	uint64_t n = 0, unproven;
	size_t i;

	for (i = 0; i < dp->shard_used.n; i++) {
		if (dp->shard_used.v[i] == UINT32_MAX)
			return wr_flow_count(dp, &n, &unproven) < 0 ? 0 : n;
		n += dp->shard_used.v[i];
	}
	return n;
}

static bool is_hash(uint32_t type)
{
	return type == BPF_MAP_TYPE_HASH || type == BPF_MAP_TYPE_LRU_HASH ||
	       type == BPF_MAP_TYPE_LPM_TRIE;
}

/* What no table module has counted yet is counted here, by walking it. */
static uint64_t used_rows(const struct wr_dp *dp, enum wr_map map)
{
	const struct wr_sys_map *info = &dp->info[map];
	uint64_t n = 0;

	if (dp->used[map] != WR_DP_UNKNOWN)
		return dp->used[map];
	if (map == WR_MAP_wr_endpoints)
		return used_endpoints(dp);
	if (map == WR_MAP_wr_nexthops)
		return used_nexthops(dp);
	if (map == WR_MAP_wr_flows)
		return used_flows(dp);
	if (is_hash(info->type))
		return wr_map_count(dp->fds[map], info, &n) < 0 ? 0 : n;
	return info->type == BPF_MAP_TYPE_ARRAY ? wr_svc_used(dp, map) : 0;
}

int wr_dp_fill(const struct wr_dp *dp, struct wr_dp_fill ret[WR_MAP_MAX])
{
	int i;

	for (i = 0; i < WR_MAP_MAX; i++) {
		ret[i] = (struct wr_dp_fill){ .map = i };
		if (dp->fds[i] < 0)
			continue;
		ret[i].size = wr_dp_map_size(dp, i);
		ret[i].used = used_rows(dp, i);
		ret[i].memory = i == WR_MAP_wr_flows ? memory_of_flows(dp) : memory_of(dp->fds[i]);
	}
	return 0;
}
