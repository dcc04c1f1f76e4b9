/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Intrusive chained hash table. Nodes live inside the caller's structs; the table owns only its
 * bucket array. The caller supplies hash values (wr_hash_bytes) and compares keys itself:
 *
 *	for (n = wr_hmap_first(&m, hash); n; n = wr_hmap_next(n))
 *		if (same(WR_CONTAINER_OF(n, struct pod, node), key)) ...
 *
 * Deleting the node at hand during wr_hmap_each is safe. Load factor at most 1; grows by doubling.
 */
#ifndef WR_BASE_HMAP_H
#define WR_BASE_HMAP_H

#include <stddef.h>
#include <stdint.h>

struct wr_hnode {
	struct wr_hnode *next;
	uint32_t hash;
};

struct wr_hmap {
	struct wr_hnode **buckets; /* NULL while empty */
	size_t n, mask;
};

void wr_hmap_done(struct wr_hmap *m); /* frees buckets only; zeroes the table */
void wr_hmap_add(struct wr_hmap *m, struct wr_hnode *node, uint32_t hash);
void wr_hmap_del(struct wr_hmap *m, struct wr_hnode *node);
/* First and next node with exactly this hash value; NULL: none. */
struct wr_hnode *wr_hmap_first(const struct wr_hmap *m, uint32_t hash);
struct wr_hnode *wr_hmap_next(const struct wr_hnode *node);
/* Iteration over everything: start with *pos = 0 and prev NULL handled inside; see wr_hmap_each. */
struct wr_hnode *wr_hmap_iter(const struct wr_hmap *m, size_t *pos, struct wr_hnode *next_in_chain);

#define wr_hmap_each(m, node, pos, nxt)                           \
	for ((pos) = 0, (node) = wr_hmap_iter((m), &(pos), NULL); \
	     (node) && ((nxt) = (node)->next, 1); (node) = wr_hmap_iter((m), &(pos), (nxt)))

uint32_t wr_hash_bytes(const void *data, size_t size, uint32_t seed);
uint32_t wr_hash_str(const char *s);
/* For Maglev and names of content: stable across versions and machines. */
uint64_t wr_hash64_bytes(const void *data, size_t size, uint64_t seed);

#endif
