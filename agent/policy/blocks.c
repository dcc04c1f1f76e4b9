// SPDX-License-Identifier: Apache-2.0
/*
 * IP blocks as prefixes: each prefix that a block or one of its holes begins at has the identity of the set of blocks that
 * contain it, so that the longest prefix of an address says all that blocks say of it.
 */
#include <stdlib.h>

#include "agent/policy/private.h"
#include "lib/base/cleanup.h"

#define FAMILY4_LEN 96

static struct wr_prefix family4(void)
{
	struct wr_prefix all = { .len = FAMILY4_LEN };

	all.addr = wr_addr_from4((struct in_addr){ 0 });
	return all;
}

static bool is4(const struct wr_prefix *p)
{
	return p->len >= FAMILY4_LEN && wr_addr_is4(&p->addr);
}

/* Within the family: an IPv6 prefix that is short enough to hold the mapped addresses does not hold IPv4. */
static bool has_prefix(const struct wr_prefix *block, const struct wr_prefix *inside)
{
	return is4(block) == is4(inside) && block->len <= inside->len &&
	       wr_prefix_has(block, &inside->addr);
}

static struct cidr *cidr_find(const struct wr_policy *p, const struct wr_prefix *prefix)
{
	uint32_t hash = wr_hash_bytes(&prefix->addr, sizeof(prefix->addr), prefix->len);
	struct wr_hnode *n;

	for (n = wr_hmap_first(&p->cidrs, hash); n; n = wr_hmap_next(n)) {
		struct cidr *c = WR_CONTAINER_OF(n, struct cidr, node);

		if (wr_prefix_eq(&c->prefix, prefix))
			return c;
	}
	return NULL;
}

static struct cidr *edge_add(struct wr_policy *p, const struct wr_prefix *prefix)
{
	struct cidr *c = cidr_find(p, prefix);
	struct site *site;

	if (!c) {
		c = wr_xcalloc(1, sizeof(*c));
		c->prefix = *prefix;
		wr_hmap_add(&p->cidrs, &c->node,
			    wr_hash_bytes(&prefix->addr, sizeof(prefix->addr), prefix->len));
	}
	c->edges++;
	if (prefix->len == 128) {
		site = site_get(p, &prefix->addr);
		site->blocks++;
		site_touch(p, site);
	}
	return c;
}

static void edge_del(struct wr_policy *p, const struct wr_prefix *prefix)
{
	struct cidr *c = cidr_find(p, prefix);
	struct site *site;

	c->edges--;
	if (prefix->len == 128) {
		site = site_get(p, &prefix->addr);
		site->blocks--;
		site_touch(p, site);
	}
}

static bool covers_family4(const struct wr_prefix *block)
{
	struct wr_prefix around = family4();

	/* By their bits, as the map of prefixes compares: wr_prefix_has knows families. */
	around.len = block->len;
	around = wr_prefix_masked(&around);
	return block->len < FAMILY4_LEN && wr_addr_eq(&around.addr, &block->addr);
}

/* Every edge of the block; the IPv4 addresses are a hole in an IPv6 block around them. */
static void each_edge(struct wr_policy *p, const struct sel *s,
		      void (*fn)(struct wr_policy *, const struct wr_prefix *))
{
	struct wr_prefix all = family4();
	size_t i;

	for (i = 0; i < s->excepts.n; i++)
		fn(p, &s->excepts.v[i]);
	if (covers_family4(&s->block))
		fn(p, &all);
}

static void add_hole(struct wr_policy *p, const struct wr_prefix *prefix)
{
	edge_add(p, prefix);
}

void block_add(struct wr_policy *p, struct sel *s)
{
	struct cidr *c = edge_add(p, &s->block);

	wr_vec_push(&c->blocks, s);
	p->len_uses[s->block.len]++;
	each_edge(p, s, add_hole);
	p->blocks_dirty = true;
}

void block_del(struct wr_policy *p, struct sel *s)
{
	struct cidr *c = cidr_find(p, &s->block);
	size_t i;

	for (i = 0; i < c->blocks.n; i++)
		if (c->blocks.v[i] == s)
			wr_vec_del_unordered(&c->blocks, i--);
	p->len_uses[s->block.len]--;
	edge_del(p, &s->block);
	each_edge(p, s, edge_del);
	p->blocks_dirty = true;
}

static bool is_in_hole(const struct sel *s, const struct wr_prefix *inside)
{
	size_t i;

	for (i = 0; i < s->excepts.n; i++)
		if (has_prefix(&s->excepts.v[i], inside))
			return true;
	return false;
}

void blocks_of(const struct wr_policy *p, const struct wr_prefix *inside, numbers *set)
{
	int len, first = is4(inside) ? FAMILY4_LEN : 0;
	size_t i;

	for (len = first; len <= inside->len; len++) {
		struct wr_prefix around = { .addr = inside->addr, .len = (uint8_t)len };
		const struct cidr *c;

		if (!p->len_uses[len])
			continue;
		around = wr_prefix_masked(&around);
		c = cidr_find(p, &around);
		for (i = 0; c && i < c->blocks.n; i++)
			if (has_prefix(&c->blocks.v[i]->block, inside) &&
			    !is_in_hole(c->blocks.v[i], inside))
				wr_vec_push(set, c->blocks.v[i]->number);
	}
}

bool in_pod_range(const struct wr_policy *p, const struct wr_prefix *prefix)
{
	size_t i;

	for (i = 0; i < p->ranges.n; i++)
		if (has_prefix(&p->ranges.v[i], prefix))
			return true;
	return false;
}

/* Addresses of pod ranges have rows of their own, or are unknown: no block speaks for them. */
static struct identity *wanted(struct wr_policy *p, const struct cidr *c)
{
	numbers set = { 0 };
	struct identity *i;

	if (!c->edges || c->prefix.len == 128 || in_pod_range(p, &c->prefix))
		return NULL;
	blocks_of(p, &c->prefix, &set);
	i = identity_get(p, &set, WR_IDENTITY_WORLD);
	wr_vec_done(&set);
	return i;
}

/* Blocks are few and change seldom: all are looked at again, pods' addresses with them. */
void blocks_settle(struct wr_policy *p)
{
	struct wr_hnode *n, *next;
	size_t pos;

	if (!p->blocks_dirty)
		return;
	p->blocks_dirty = false;
	wr_hmap_each(&p->cidrs, n, pos, next) {
		struct cidr *c = WR_CONTAINER_OF(n, struct cidr, node);

		identity_move(&c->want.identity, wanted(p, c));
	}
	cluster_touch_all(p);
}

void blocks_done(struct wr_policy *p)
{
	struct wr_hnode *n, *next;
	size_t pos;

	wr_hmap_each(&p->cidrs, n, pos, next) {
		struct cidr *c = WR_CONTAINER_OF(n, struct cidr, node);

		wr_vec_done(&c->blocks);
		free(c);
	}
	wr_hmap_done(&p->cidrs);
}
