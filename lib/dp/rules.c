/* SPDX-License-Identifier: Apache-2.0 */
/* Policy rules: rows of the LPM map that the compiler has flattened rulesets into. */
#include <errno.h>
#include <string.h>

#include "lib/dp/private.h"
#include "lib/dp/tables.h"

int wr_rule_put(struct wr_dp *dp, const struct wr_rule_key *key, uint64_t word)
{
	return wr_row_put(dp, WR_MAP_wr_rules, key, &word);
}

int wr_rule_put_many(struct wr_dp *dp, const struct wr_rule_key *keys, const uint64_t *words,
		     uint32_t n)
{
	const enum wr_map map = WR_MAP_wr_rules;

	if (dp->fds[map] < 0)
		return -ENOENT;
	/* A batch does not tell new rows from replaced ones. */
	dp->used[map] = WR_DP_UNKNOWN;
	return wr_map_put_many(dp->fds[map], &dp->info[map], keys, words, n, NULL);
}

int wr_rule_del(struct wr_dp *dp, const struct wr_rule_key *key)
{
	int r = wr_row_del(dp, WR_MAP_wr_rules, key);

	return r == -ENOENT ? 0 : r;
}

struct rule_walk {
	int (*fn)(void *ctx, const struct wr_rule_key *key, uint64_t word);
	void *ctx;
};

static int report(void *ctx, const void *key, const void *value)
{
	const struct rule_walk *w = ctx;
	struct wr_rule_key k;
	uint64_t word;

	memcpy(&k, key, sizeof(k));
	memcpy(&word, value, sizeof(word));
	return w->fn(w->ctx, &k, word);
}

int wr_rule_dump(const struct wr_dp *dp,
		 int (*fn)(void *ctx, const struct wr_rule_key *key, uint64_t word), void *ctx)
{
	struct rule_walk w = { .fn = fn, .ctx = ctx };

	return wr_map_each(dp->fds[WR_MAP_wr_rules], &dp->info[WR_MAP_wr_rules], report, &w);
}
