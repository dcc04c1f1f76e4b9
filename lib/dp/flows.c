/* SPDX-License-Identifier: Apache-2.0 */
/* Flows: reading them, and driving their expiry in the kernel. */
#include <errno.h>
#include <string.h>

#include "lib/dp/private.h"
#include "lib/dp/tables.h"

struct flow_walk {
	int (*fn)(void *ctx, const struct wr_flow_key *key, const struct wr_flow *flow);
	void *ctx;
};

static int report(void *ctx, const void *key, const void *value)
{
	const struct flow_walk *w = ctx;
	struct wr_flow_key k;
	struct wr_flow f;

	memcpy(&k, key, sizeof(k));
	memcpy(&f, value, sizeof(f));
	return w->fn(w->ctx, &k, &f);
}

/* Shards and those that drain are alike; the first knows what rows look like. */
static int each_promoted(const struct wr_dp *dp,
			 int (*fn)(void *ctx, const void *key, const void *value), void *ctx)
{
	struct wr_sys_map info;
	size_t i;
	int r = 0;

	for (i = 0; i < dp->shards.n && !r; i++) {
		if (dp->shards.v[i] < 0)
			continue;
		r = wr_sys_map_info(dp->shards.v[i], &info);
		if (r == 0)
			r = wr_map_each(dp->shards.v[i], &info, fn, ctx);
	}
	return r;
}

int wr_flow_dump(const struct wr_dp *dp, bool unproven,
		 int (*fn)(void *ctx, const struct wr_flow_key *key, const struct wr_flow *flow),
		 void *ctx)
{
	struct flow_walk w = { .fn = fn, .ctx = ctx };
	int r;

	r = each_promoted(dp, report, &w);
	if (r || !unproven)
		return r;
	return wr_map_each(dp->fds[WR_MAP_wr_new_flows], &dp->info[WR_MAP_wr_new_flows], report, &w);
}

static int count_one(void *ctx, const void *key, const void *value)
{
	++*(uint64_t *)ctx;
	return 0;
}

int wr_flow_count(const struct wr_dp *dp, uint64_t *ret_promoted, uint64_t *ret_new)
{
	uint64_t promoted = 0, unproven = 0;
	int r;

	r = each_promoted(dp, count_one, &promoted);
	if (r == 0)
		r = wr_map_count(dp->fds[WR_MAP_wr_new_flows], &dp->info[WR_MAP_wr_new_flows],
				 &unproven);
	if (r < 0)
		return r;
	*ret_promoted = promoted;
	*ret_new = unproven;
	return 0;
}

int wr_flow_sweep(struct wr_dp *dp, uint32_t shard, struct wr_sweep_stats *ret)
{
	struct wr_sweep_args args = { .shard = shard };
	int prog = wr_dp_prog_fd(dp, "sweep");
	uint32_t result, left;
	int r;

	if (shard > dp->n_shards)
		return -EINVAL;
	if (prog < 0)
		return prog;
	r = wr_sys_prog_run(prog, &args, sizeof(args), &result);
	if (r < 0)
		return r;
	if (result)
		return -EIO;
	left = args.seen - args.deleted;
	if (shard < dp->n_shards)
		dp->shard_used.v[shard] = left;
	else
		dp->used[WR_MAP_wr_new_flows] = left;
	*ret = (struct wr_sweep_stats){ args.seen, args.marked, args.deleted };
	return 0;
}

uint32_t wr_flow_shards(const struct wr_dp *dp)
{
	return dp->n_shards;
}
