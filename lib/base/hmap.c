/* SPDX-License-Identifier: Apache-2.0 */
/* Intrusive chained hash table, and the hashes to go with it. */
#include "lib/base/hmap.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

#define FIRST_SIZE 8

void wr_hmap_done(struct wr_hmap *m)
{
	free(m->buckets);
	*m = (struct wr_hmap){ 0 };
}

static void link_node(struct wr_hnode **buckets, size_t mask, struct wr_hnode *node)
{
	struct wr_hnode **bucket = &buckets[node->hash & mask];

	node->next = *bucket;
	*bucket = node;
}

static void grow(struct wr_hmap *m)
{
	size_t size = m->buckets ? (m->mask + 1) * 2 : FIRST_SIZE;
	struct wr_hnode **buckets = wr_xcalloc(size, sizeof(struct wr_hnode *));
	struct wr_hnode *node, *next;
	size_t i;

	for (i = 0; m->buckets && i <= m->mask; i++)
		for (node = m->buckets[i]; node; node = next) {
			next = node->next;
			link_node(buckets, size - 1, node);
		}
	free(m->buckets);
	m->buckets = buckets;
	m->mask = size - 1;
}

void wr_hmap_add(struct wr_hmap *m, struct wr_hnode *node, uint32_t hash)
{
	if (!m->buckets || m->n > m->mask)
		grow(m);
	node->hash = hash;
	link_node(m->buckets, m->mask, node);
	m->n++;
}

void wr_hmap_del(struct wr_hmap *m, struct wr_hnode *node)
{
	struct wr_hnode **at = &m->buckets[node->hash & m->mask];

	while (*at != node)
		at = &(*at)->next;
	*at = node->next;
	m->n--;
}

static struct wr_hnode *with_hash(struct wr_hnode *node, uint32_t hash)
{
	while (node && node->hash != hash)
		node = node->next;
	return node;
}

struct wr_hnode *wr_hmap_first(const struct wr_hmap *m, uint32_t hash)
{
	return m->buckets ? with_hash(m->buckets[hash & m->mask], hash) : NULL;
}

struct wr_hnode *wr_hmap_next(const struct wr_hnode *node)
{
	return with_hash(node->next, node->hash);
}

struct wr_hnode *wr_hmap_iter(const struct wr_hmap *m, size_t *pos, struct wr_hnode *next_in_chain)
{
	if (next_in_chain || !m->buckets)
		return next_in_chain;
	while (*pos <= m->mask) {
		struct wr_hnode *node = m->buckets[(*pos)++];

		if (node)
			return node;
	}
	return NULL;
}

static uint64_t rotl(uint64_t x, int by)
{
	return x << by | x >> (64 - by);
}

static uint64_t mix(uint64_t h, uint64_t word)
{
	word *= 0x87c37b91114253d5ull;
	h ^= rotl(word, 31) * 0x4cf5ad432745937full;
	return rotl(h, 27) * 5 + 0x52dce729;
}

static uint64_t finish(uint64_t h)
{
	h = (h ^ h >> 33) * 0xff51afd7ed558ccdull;
	h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53ull;
	return h ^ h >> 33;
}

/* Words are read as little endian, so that every machine gets the same value. */
uint64_t wr_hash64_bytes(const void *data, size_t size, uint64_t seed)
{
	const unsigned char *p = data;
	uint64_t h = seed, word;
	size_t left;

	for (left = size; left >= sizeof(word); left -= sizeof(word), p += sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		h = mix(h, le64toh(word));
	}
	word = 0;
	if (left)
		memcpy(&word, p, left);
	return finish(mix(h, le64toh(word)) ^ size);
}

uint32_t wr_hash_bytes(const void *data, size_t size, uint32_t seed)
{
	return (uint32_t)wr_hash64_bytes(data, size, seed);
}

uint32_t wr_hash_str(const char *s)
{
	return wr_hash_bytes(s, strlen(s), 0);
}
