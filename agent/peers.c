// SPDX-License-Identifier: Apache-2.0
/* Two layers of prefixes, merged into the rows of the peers maps. */
#include "agent/peers.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "lib/base/cleanup.h"
#include "lib/base/hmap.h"
#include "lib/base/mem.h"
#include "lib/base/slab.h"
#include "lib/base/vec.h"
#include "lib/dp/tables.h"

#define EXACT 128

enum layer {
	WAY,
	IDENTITY,
	POLICY, /* WR_WHO(), by policies: before the other */
	LAYERS,
};

/* One for each pod of the cluster. */
struct row {
	struct wr_slot slot; /* wr_peers.rows */
	struct wr_addr addr; /* the prefix */
	uint8_t len;
	bool dirty, in_kernel;
	uint8_t has;            /* bit per layer */
	uint32_t value[LAYERS]; /* WAY: next hop | flags << 24 */
	uint64_t word;          /* what the kernel has, when in_kernel */
};

struct wr_peers {
	struct wr_dp *dp;
	struct wr_slab rows;
	uint32_t n_by_len[LAYERS][EXACT + 1]; /* which lengths are worth looking up */
	WR_VEC(uint32_t) dirty;
	bool cover_changed; /* a prefix that others may lie in */
	bool complete[WR_PEERS_OWNER_MAX], pruned;
};

static uint32_t hash_prefix(const struct wr_prefix *prefix)
{
	return wr_hash_bytes(&prefix->addr, sizeof(prefix->addr), prefix->len);
}

static struct row *row_at(const struct wr_peers *p, uint32_t i)
{
	return wr_slab_at(&p->rows, i);
}

static struct wr_prefix prefix_of(const struct row *row)
{
	return (struct wr_prefix){ .addr = row->addr, .len = row->len };
}

static bool has(const struct row *row, enum layer layer)
{
	return row->has & 1u << layer;
}

static uint32_t find(const struct wr_peers *p, const struct wr_prefix *prefix)
{
	uint32_t i = wr_slab_first(&p->rows, hash_prefix(prefix));

	while (i != WR_SLAB_END &&
	       !(row_at(p, i)->len == prefix->len && wr_addr_eq(&row_at(p, i)->addr, &prefix->addr)))
		i = wr_slab_next(&p->rows, i);
	return i;
}

static uint32_t find_or_add(struct wr_peers *p, const struct wr_prefix *prefix)
{
	uint32_t i = find(p, prefix);

	if (i != WR_SLAB_END)
		return i;
	i = wr_slab_add(&p->rows, hash_prefix(prefix));
	row_at(p, i)->addr = prefix->addr;
	row_at(p, i)->len = prefix->len;
	return i;
}

static void mark(struct wr_peers *p, uint32_t i)
{
	struct row *row = row_at(p, i);

	if (row->len < EXACT)
		p->cover_changed = true;
	if (row->dirty)
		return;
	row->dirty = true;
	wr_vec_push(&p->dirty, i);
}

static void put(struct wr_peers *p, const struct wr_prefix *prefix, enum layer layer, uint32_t value)
{
	struct wr_prefix masked = wr_prefix_masked(prefix);
	uint32_t i = find_or_add(p, &masked);
	struct row *row = row_at(p, i);

	if (has(row, layer) && row->value[layer] == value)
		return;
	if (!has(row, layer))
		p->n_by_len[layer][masked.len]++;
	row->has |= (uint8_t)(1u << layer);
	row->value[layer] = value;
	mark(p, i);
}

static void del(struct wr_peers *p, const struct wr_prefix *prefix, enum layer layer)
{
	struct wr_prefix masked = wr_prefix_masked(prefix);
	uint32_t i = find(p, &masked);

	if (i == WR_SLAB_END || !has(row_at(p, i), layer))
		return;
	p->n_by_len[layer][masked.len]--;
	row_at(p, i)->has &= (uint8_t) ~(1u << layer);
	mark(p, i);
}

void wr_peers_put_way(struct wr_peers *p, const struct wr_prefix *prefix, uint32_t nexthop,
		      uint32_t flags)
{
	put(p, prefix, WAY, nexthop | flags << 24);
}

void wr_peers_del_way(struct wr_peers *p, const struct wr_prefix *prefix)
{
	del(p, prefix, WAY);
}

void wr_peers_put_identity(struct wr_peers *p, const struct wr_prefix *prefix, uint32_t identity)
{
	put(p, prefix, IDENTITY, identity);
}

void wr_peers_del_identity(struct wr_peers *p, const struct wr_prefix *prefix)
{
	del(p, prefix, IDENTITY);
}

void wr_peers_put_policy(struct wr_peers *p, const struct wr_prefix *prefix, uint32_t who)
{
	put(p, prefix, POLICY, who);
}

void wr_peers_del_policy(struct wr_peers *p, const struct wr_prefix *prefix)
{
	del(p, prefix, POLICY);
}

void wr_peers_complete(struct wr_peers *p, enum wr_peers_owner owner)
{
	/* Rows that kept an identity of the run before are looked at again. */
	if (owner == WR_PEERS_POLICIES && !p->complete[owner])
		p->cover_changed = true;
	p->complete[owner] = true;
}

/* The layer's value for the row: its own, or that of the longest prefix around it. @second stands in for @first. */
static uint32_t effective(const struct wr_peers *p, const struct row *row, enum layer first,
			  enum layer second, uint32_t otherwise)
{
	struct wr_prefix around = prefix_of(row);
	const struct row *found = row;
	uint32_t i;
	int len;

	for (len = row->len; len >= 0; len--) {
		if (len < row->len) {
			if (!p->n_by_len[first][len] && !p->n_by_len[second][len])
				continue;
			around.len = (uint8_t)len;
			around = wr_prefix_masked(&around);
			i = find(p, &around);
			found = i == WR_SLAB_END ? NULL : row_at(p, i);
		}
		if (found && has(found, first))
			return found->value[first];
		if (found && has(found, second))
			return found->value[second];
	}
	return otherwise;
}

static uint32_t way_out(const struct row *row)
{
	return row->len >= 96 && wr_addr_is4(&row->addr) ? WR_NEXTHOP_OUT4 : WR_NEXTHOP_OUT6;
}

static uint64_t wanted_word(const struct wr_peers *p, const struct row *row)
{
	uint32_t way = effective(p, row, WAY, WAY, way_out(row));
	uint32_t who = effective(p, row, POLICY, IDENTITY, WR_IDENTITY_WORLD);

	/* With a former identity it is more than any that is fixed. */
	if (!p->complete[WR_PEERS_POLICIES] && row->in_kernel &&
	    WR_PEER_WHO(row->word) >= WR_IDENTITY_FIRST)
		who = WR_PEER_WHO(row->word);
	return WR_PEER(who, way & 0xffffff, way >> 24);
}

static bool is_wanted(const struct row *row)
{
	return row->has != 0;
}

static int write_row(struct wr_peers *p, struct row *row, struct wr_err *err)
{
	const struct wr_prefix prefix = prefix_of(row);
	uint64_t word = wanted_word(p, row);
	char text[WR_PREFIX_STRLEN];
	int r;

	if (row->in_kernel && row->word == word)
		return 0;
	r = wr_peer_put(p->dp, &prefix, word);
	if (r)
		return wr_err_sys(err, r, "peer %s", wr_prefix_format(&prefix, text));
	row->in_kernel = true;
	row->word = word;
	return 0;
}

/* Forgets the row unless the kernel refuses. */
static int remove_row(struct wr_peers *p, uint32_t i, struct wr_err *err)
{
	const struct wr_prefix prefix = prefix_of(row_at(p, i));
	int r = row_at(p, i)->in_kernel ? wr_peer_del(p->dp, &prefix) : 0;
	char text[WR_PREFIX_STRLEN];

	if (r && r != -ENOENT)
		return wr_err_sys(err, r, "removing peer %s", wr_prefix_format(&prefix, text));
	wr_slab_del(&p->rows, i);
	return 0;
}

static void keep_first(int *first, int r)
{
	if (r < 0 && !*first)
		*first = r;
}

/* Longer prefixes get their words before what covers them goes, so no packet falls through to a shorter one. */
static void mark_covered(struct wr_peers *p)
{
	uint32_t i, pos, next;

	if (!p->cover_changed)
		return;
	wr_slab_each(&p->rows, i, pos, next)
		if (is_wanted(row_at(p, i)))
			mark(p, i);
	p->cover_changed = false;
}

static int write_dirty(struct wr_peers *p, struct wr_err *err)
{
	size_t i, kept = 0;
	int first = 0, r;

	for (i = 0; i < p->dirty.n; i++) {
		struct row *row = row_at(p, p->dirty.v[i]);

		r = is_wanted(row) ? write_row(p, row, err) : 0;
		keep_first(&first, r);
		if (is_wanted(row) && r == 0)
			row->dirty = false;
		else
			p->dirty.v[kept++] = p->dirty.v[i];
	}
	p->dirty.n = kept;
	return first;
}

static int remove_dirty(struct wr_peers *p, struct wr_err *err)
{
	size_t i, kept = 0;
	int first = 0, r;

	for (i = 0; i < p->dirty.n; i++) {
		uint32_t row = p->dirty.v[i];

		r = is_wanted(row_at(p, row)) ? 1 : remove_row(p, row, err);
		keep_first(&first, r);
		if (r)
			p->dirty.v[kept++] = row;
	}
	p->dirty.n = kept;
	if (!kept)
		wr_vec_done(&p->dirty); /* a first list's is long */
	return first;
}

/* Rows that were found at open and that nobody has named since. */
static int prune(struct wr_peers *p, struct wr_err *err)
{
	uint32_t i, pos, next;
	int first = 0, owner;

	for (owner = 0; owner < WR_PEERS_OWNER_MAX; owner++)
		if (!p->complete[owner])
			return 0;
	if (p->pruned)
		return 0;
	wr_slab_each(&p->rows, i, pos, next)
		if (!is_wanted(row_at(p, i)) && !row_at(p, i)->dirty)
			keep_first(&first, remove_row(p, i, err));
	p->pruned = !first;
	return first;
}

int wr_peers_sync(struct wr_peers *p, struct wr_err *err)
{
	int first = 0;

	mark_covered(p);
	keep_first(&first, write_dirty(p, err));
	keep_first(&first, remove_dirty(p, err));
	keep_first(&first, prune(p, err));
	return first;
}

static int adopt(void *ctx, const struct wr_prefix *prefix, uint64_t word)
{
	struct wr_peers *p = ctx;
	struct row *row = row_at(p, find_or_add(p, prefix));

	row->in_kernel = true;
	row->word = word;
	return 0;
}

/* What the kernel lost is noticed by forgetting what it had, and asking it again. */
int wr_peers_verify(struct wr_peers *p, struct wr_err *err)
{
	uint32_t i, pos, next;
	int r;

	wr_slab_each(&p->rows, i, pos, next)
		row_at(p, i)->in_kernel = false;
	p->pruned = false;
	r = wr_peer_dump(p->dp, adopt, p);
	if (r)
		return wr_err_sys(err, r, "reading the peers map");
	p->cover_changed = true; /* every wanted row is looked at again */
	return wr_peers_sync(p, err);
}

int wr_peers_open(struct wr_dp *dp, struct wr_peers **ret, struct wr_err *err)
{
	struct wr_peers *p = wr_xcalloc(1, sizeof(*p));
	int r;

	p->dp = dp;
	p->rows.size = sizeof(struct row);
	r = wr_peer_dump(dp, adopt, p);
	if (r) {
		wr_peers_close(p);
		return wr_err_sys(err, r, "reading the peers map");
	}
	*ret = p;
	return 0;
}

void wr_peers_close(struct wr_peers *p)
{
	if (!p)
		return;
	wr_slab_done(&p->rows);
	wr_vec_done(&p->dirty);
	free(p);
}

size_t wr_peers_count(const struct wr_peers *p)
{
	return p->rows.n;
}
