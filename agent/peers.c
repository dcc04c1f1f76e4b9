// SPDX-License-Identifier: Apache-2.0
/* Two layers of prefixes, merged into the rows of the peers maps. */
#include "agent/peers.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "lib/base/cleanup.h"
#include "lib/base/hmap.h"
#include "lib/base/mem.h"
#include "lib/base/vec.h"
#include "lib/dp/tables.h"

#define EXACT 128

enum layer {
	WAY,
	IDENTITY,
	POLICY, /* WR_WHO(), by policies: before the other */
	LAYERS,
};

struct row {
	struct wr_hnode node;
	struct wr_prefix prefix;
	bool dirty, in_kernel;
	bool has[LAYERS];
	uint32_t value[LAYERS]; /* WAY: next hop | flags << 24 */
	uint64_t word;          /* what the kernel has, when in_kernel */
};

struct wr_peers {
	struct wr_dp *dp;
	struct wr_hmap rows;
	uint32_t n_by_len[LAYERS][EXACT + 1]; /* which lengths are worth looking up */
	WR_VEC(struct row *) dirty;
	bool cover_changed; /* a prefix that others may lie in */
	bool complete[WR_PEERS_OWNER_MAX], pruned;
};

static uint32_t hash_prefix(const struct wr_prefix *prefix)
{
	return wr_hash_bytes(&prefix->addr, sizeof(prefix->addr), prefix->len);
}

static struct row *find(const struct wr_peers *p, const struct wr_prefix *prefix)
{
	struct wr_hnode *n;

	for (n = wr_hmap_first(&p->rows, hash_prefix(prefix)); n; n = wr_hmap_next(n)) {
		struct row *row = WR_CONTAINER_OF(n, struct row, node);

		if (wr_prefix_eq(&row->prefix, prefix))
			return row;
	}
	return NULL;
}

static struct row *find_or_add(struct wr_peers *p, const struct wr_prefix *prefix)
{
	struct row *row = find(p, prefix);

	if (row)
		return row;
	row = wr_xcalloc(1, sizeof(*row));
	row->prefix = *prefix;
	wr_hmap_add(&p->rows, &row->node, hash_prefix(prefix));
	return row;
}

static void mark(struct wr_peers *p, struct row *row)
{
	if (row->prefix.len < EXACT)
		p->cover_changed = true;
	if (row->dirty)
		return;
	row->dirty = true;
	wr_vec_push(&p->dirty, row);
}

static void put(struct wr_peers *p, const struct wr_prefix *prefix, enum layer layer, uint32_t value)
{
	struct wr_prefix masked = wr_prefix_masked(prefix);
	struct row *row = find_or_add(p, &masked);

	if (row->has[layer] && row->value[layer] == value)
		return;
	if (!row->has[layer])
		p->n_by_len[layer][masked.len]++;
	row->has[layer] = true;
	row->value[layer] = value;
	mark(p, row);
}

static void del(struct wr_peers *p, const struct wr_prefix *prefix, enum layer layer)
{
	struct wr_prefix masked = wr_prefix_masked(prefix);
	struct row *row = find(p, &masked);

	if (!row || !row->has[layer])
		return;
	p->n_by_len[layer][masked.len]--;
	row->has[layer] = false;
	mark(p, row);
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
	struct wr_prefix around = row->prefix;
	const struct row *found = row;
	int len;

	for (len = row->prefix.len; len >= 0; len--) {
		if (len < row->prefix.len) {
			if (!p->n_by_len[first][len] && !p->n_by_len[second][len])
				continue;
			around.len = (uint8_t)len;
			around = wr_prefix_masked(&around);
			found = find(p, &around);
		}
		if (found && found->has[first])
			return found->value[first];
		if (found && found->has[second])
			return found->value[second];
	}
	return otherwise;
}

static uint32_t way_out(const struct wr_prefix *prefix)
{
	return prefix->len >= 96 && wr_addr_is4(&prefix->addr) ? WR_NEXTHOP_OUT4 : WR_NEXTHOP_OUT6;
}

static uint64_t wanted_word(const struct wr_peers *p, const struct row *row)
{
	uint32_t way = effective(p, row, WAY, WAY, way_out(&row->prefix));
	uint32_t who = effective(p, row, POLICY, IDENTITY, WR_IDENTITY_WORLD);

	/* With a former identity it is more than any that is fixed. */
	if (!p->complete[WR_PEERS_POLICIES] && row->in_kernel &&
	    WR_PEER_WHO(row->word) >= WR_IDENTITY_FIRST)
		who = WR_PEER_WHO(row->word);
	return WR_PEER(who, way & 0xffffff, way >> 24);
}

static bool is_wanted(const struct row *row)
{
	return row->has[WAY] || row->has[IDENTITY] || row->has[POLICY];
}

static int write_row(struct wr_peers *p, struct row *row, struct wr_err *err)
{
	uint64_t word = wanted_word(p, row);
	char text[WR_PREFIX_STRLEN];
	int r;

	if (row->in_kernel && row->word == word)
		return 0;
	r = wr_peer_put(p->dp, &row->prefix, word);
	if (r)
		return wr_err_sys(err, r, "peer %s", wr_prefix_format(&row->prefix, text));
	row->in_kernel = true;
	row->word = word;
	return 0;
}

/* Frees the row unless the kernel refuses. */
static int remove_row(struct wr_peers *p, struct row *row, struct wr_err *err)
{
	char text[WR_PREFIX_STRLEN];
	int r = row->in_kernel ? wr_peer_del(p->dp, &row->prefix) : 0;

	if (r && r != -ENOENT)
		return wr_err_sys(err, r, "removing peer %s", wr_prefix_format(&row->prefix, text));
	wr_hmap_del(&p->rows, &row->node);
	free(row);
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
	struct wr_hnode *n, *next;
	size_t pos;

	if (!p->cover_changed)
		return;
	wr_hmap_each(&p->rows, n, pos, next) {
		struct row *row = WR_CONTAINER_OF(n, struct row, node);

		if (is_wanted(row))
			mark(p, row);
	}
	p->cover_changed = false;
}

static int write_dirty(struct wr_peers *p, struct wr_err *err)
{
	size_t i, kept = 0;
	int first = 0, r;

	for (i = 0; i < p->dirty.n; i++) {
		struct row *row = p->dirty.v[i];

		r = is_wanted(row) ? write_row(p, row, err) : 0;
		keep_first(&first, r);
		if (is_wanted(row) && r == 0)
			row->dirty = false;
		else
			p->dirty.v[kept++] = row;
	}
	p->dirty.n = kept;
	return first;
}

static int remove_dirty(struct wr_peers *p, struct wr_err *err)
{
	size_t i, kept = 0;
	int first = 0, r;

	for (i = 0; i < p->dirty.n; i++) {
		struct row *row = p->dirty.v[i];

		r = is_wanted(row) ? 1 : remove_row(p, row, err);
		keep_first(&first, r);
		if (r)
			p->dirty.v[kept++] = row;
	}
	p->dirty.n = kept;
	return first;
}

/* Rows that were found at open and that nobody has named since. */
static int prune(struct wr_peers *p, struct wr_err *err)
{
	struct wr_hnode *n, *next;
	int first = 0, owner;
	size_t pos;

	for (owner = 0; owner < WR_PEERS_OWNER_MAX; owner++)
		if (!p->complete[owner])
			return 0;
	if (p->pruned)
		return 0;
	wr_hmap_each(&p->rows, n, pos, next) {
		struct row *row = WR_CONTAINER_OF(n, struct row, node);

		if (!is_wanted(row) && !row->dirty)
			keep_first(&first, remove_row(p, row, err));
	}
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
	struct row *row = find_or_add(ctx, prefix);

	row->in_kernel = true;
	row->word = word;
	return 0;
}

/* What the kernel lost is noticed by forgetting what it had, and asking it again. */
int wr_peers_verify(struct wr_peers *p, struct wr_err *err)
{
	struct wr_hnode *n, *next;
	size_t pos;
	int r;

	wr_hmap_each(&p->rows, n, pos, next)
		WR_CONTAINER_OF(n, struct row, node)->in_kernel = false;
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
	struct wr_hnode *n, *next;
	size_t pos;

	if (!p)
		return;
	wr_hmap_each(&p->rows, n, pos, next)
		free(WR_CONTAINER_OF(n, struct row, node));
	wr_hmap_done(&p->rows);
	wr_vec_done(&p->dirty);
	free(p);
}

size_t wr_peers_count(const struct wr_peers *p)
{
	return p->rows.n;
}
