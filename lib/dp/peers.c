/* SPDX-License-Identifier: Apache-2.0 */
/* Peers: which identity an address has, and how it is reached. */
#include <errno.h>
#include <string.h>

#include "lib/dp/private.h"
#include "lib/dp/tables.h"

#define FULL_LEN 128

static struct wr_peer_prefix lpm_key(const struct wr_prefix *p)
{
	struct wr_prefix masked = wr_prefix_masked(p);
	struct wr_peer_prefix key = { .len = p->len };

	memcpy(&key.addr, &masked.addr, sizeof(key.addr));
	return key;
}

static int lpm_lookup(const struct wr_dp *dp, const struct wr_prefix *p, uint64_t *ret)
{
	struct wr_peer_prefix key = lpm_key(p);

	if (dp->fds[WR_MAP_wr_peer_prefixes] < 0)
		return -ENOENT;
	return wr_sys_map_lookup(dp->fds[WR_MAP_wr_peer_prefixes], &key, ret);
}

static int exact_lookup(const struct wr_dp *dp, const struct wr_addr *a, uint64_t *ret)
{
	if (dp->fds[WR_MAP_wr_peers] < 0)
		return -ENOENT;
	return wr_sys_map_lookup(dp->fds[WR_MAP_wr_peers], a, ret);
}

/* Who addresses of @p are now, those with a longer prefix of their own aside: WR_WHO(). */
static uint32_t who_is(const struct wr_dp *dp, const struct wr_prefix *p)
{
	uint64_t word = 0;
	int r = -ENOENT;

	if (p->len == FULL_LEN)
		r = exact_lookup(dp, &p->addr, &word);
	if (r < 0)
		r = lpm_lookup(dp, p, &word);
	return r < 0 ? WR_WHO(WR_IDENTITY_WORLD, 0) : WR_PEER_WHO(word);
}

/* Flows that were judged by what the addresses are no more notice. */
static int bump_left(struct wr_dp *dp, uint32_t before, uint32_t after)
{
	uint32_t former = WR_PEER_FORMER(before);
	int r = 0;

	if (WR_PEER_IDENTITY(before) != WR_PEER_IDENTITY(after))
		r = wr_identity_bump(dp, WR_PEER_IDENTITY(before));
	if (r < 0 || !former || former == WR_PEER_FORMER(after) || former == WR_PEER_IDENTITY(after))
		return r;
	return wr_identity_bump(dp, former);
}

static int put_row(struct wr_dp *dp, const struct wr_prefix *p, uint64_t word)
{
	struct wr_peer_prefix key = lpm_key(p);
	uint64_t have;

	if (p->len != FULL_LEN)
		return wr_row_put(dp, WR_MAP_wr_peer_prefixes, &key, &word);
	if (exact_lookup(dp, &p->addr, &have) == 0 && have == word)
		return 0;
	return wr_row_put(dp, WR_MAP_wr_peers, &p->addr, &word);
}

int wr_peer_put(struct wr_dp *dp, const struct wr_prefix *p, uint64_t word)
{
	uint32_t before = who_is(dp, p);
	int r;

	r = put_row(dp, p, word);
	return r < 0 ? r : bump_left(dp, before, WR_PEER_WHO(word));
}

int wr_peer_del(struct wr_dp *dp, const struct wr_prefix *p)
{
	struct wr_peer_prefix key = lpm_key(p);
	uint32_t before = who_is(dp, p);
	int r;

	r = p->len == FULL_LEN ? wr_row_del(dp, WR_MAP_wr_peers, &p->addr) :
				 wr_row_del(dp, WR_MAP_wr_peer_prefixes, &key);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return bump_left(dp, before, who_is(dp, p));
}

int wr_peer_lookup(const struct wr_dp *dp, const struct wr_addr *a, uint64_t *ret)
{
	struct wr_prefix p = wr_prefix_of(a);
	int r;

	r = exact_lookup(dp, a, ret);
	return r == -ENOENT ? lpm_lookup(dp, &p, ret) : r;
}

struct peer_walk {
	int (*fn)(void *ctx, const struct wr_prefix *p, uint64_t word);
	void *ctx;
};

static int report_exact(void *ctx, const void *key, const void *value)
{
	const struct peer_walk *w = ctx;
	struct wr_prefix p = { .len = FULL_LEN };
	uint64_t word;

	memcpy(&p.addr, key, sizeof(p.addr));
	memcpy(&word, value, sizeof(word));
	return w->fn(w->ctx, &p, word);
}

static int report_prefix(void *ctx, const void *key, const void *value)
{
	const struct peer_walk *w = ctx;
	struct wr_peer_prefix lpm;
	struct wr_prefix p;
	uint64_t word;

	memcpy(&lpm, key, sizeof(lpm));
	memcpy(&word, value, sizeof(word));
	memcpy(&p.addr, &lpm.addr, sizeof(p.addr));
	p.len = (uint8_t)lpm.len;
	return w->fn(w->ctx, &p, word);
}

int wr_peer_dump(const struct wr_dp *dp,
		 int (*fn)(void *ctx, const struct wr_prefix *p, uint64_t word), void *ctx)
{
	struct peer_walk w = { .fn = fn, .ctx = ctx };
	int r;

	r = wr_map_each(dp->fds[WR_MAP_wr_peers], &dp->info[WR_MAP_wr_peers], report_exact, &w);
	if (r)
		return r;
	return wr_map_each(dp->fds[WR_MAP_wr_peer_prefixes], &dp->info[WR_MAP_wr_peer_prefixes],
			   report_prefix, &w);
}

int wr_identity_bump(struct wr_dp *dp, uint32_t identity)
{
	uint32_t *gen = wr_dp_at(dp, WR_MAP_wr_identity_gens, identity);

	if (!gen)
		return -E2BIG;
	wr_store(gen, *gen + 1);
	return 0;
}
