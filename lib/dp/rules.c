/* SPDX-License-Identifier: Apache-2.0 */
/* Policy rules: rows that the compiler has flattened rulesets into, in two maps. */
#include <errno.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/dp/private.h"
#include "lib/dp/tables.h"

static enum wr_map map_of(const struct wr_rule_key *key)
{
	return key->len == WR_RULE_LEN_PORT ? WR_MAP_wr_port_rules : WR_MAP_wr_rules;
}

int wr_rule_put(struct wr_dp *dp, const struct wr_rule_key *key, uint64_t word)
{
	return wr_row_put(dp, map_of(key), key, &word);
}

static int put_into(struct wr_dp *dp, enum wr_map map, const struct wr_rule_key *keys,
		    const uint64_t *words, uint32_t n)
{
	if (dp->fds[map] < 0)
		return -ENOENT;
	/* A batch does not tell new rows from replaced ones. */
	dp->used[map] = WR_DP_UNKNOWN;
	return wr_map_put_many(dp->fds[map], &dp->info[map], keys, words, n, NULL);
}

/* Neighbours that go into one map go together. */
int wr_rule_put_many(struct wr_dp *dp, const struct wr_rule_key *keys, const uint64_t *words,
		     uint32_t n)
{
	uint32_t from = 0, to;
	int r = 0;

	for (; from < n && r == 0; from = to) {
		for (to = from + 1; to < n && map_of(&keys[to]) == map_of(&keys[from]); to++)
			;
		r = put_into(dp, map_of(&keys[from]), keys + from, words + from, to - from);
	}
	return r;
}

int wr_rule_del(struct wr_dp *dp, const struct wr_rule_key *key)
{
	int r = wr_row_del(dp, map_of(key), key);

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
	static const enum wr_map maps[] = { WR_MAP_wr_rules, WR_MAP_wr_port_rules };
	struct rule_walk w = { .fn = fn, .ctx = ctx };
	size_t i;
	int r = 0;

	for (i = 0; i < WR_ARRAY_SIZE(maps) && r == 0; i++)
		r = wr_map_each(dp->fds[maps[i]], &dp->info[maps[i]], report, &w);
	return r;
}
