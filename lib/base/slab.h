/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small things by the ten thousand: one growing array, elements named by numbers, and hash chains through them. An element costs its
 * own bytes and four to eight more. Each begins with a struct wr_slot; the array moves when it grows, so hold numbers, not pointers.
 *
 *	struct wr_slab pods = { .size = sizeof(struct pod) };
 *	for (i = wr_slab_first(&pods, hash); i != WR_SLAB_END; i = wr_slab_next(&pods, i))
 *		if (same(wr_slab_at(&pods, i), key)) ...
 *
 * Zero but for the size is empty. The caller compares keys; chains hold only elements with exactly the hash asked for.
 */
#ifndef WR_BASE_SLAB_H
#define WR_BASE_SLAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WR_SLAB_END UINT32_MAX

struct wr_slot {
	uint32_t next, hash;
};

struct wr_slab {
	size_t size; /* of an element */
	char *v;
	uint32_t n, used, cap; /* elements there are; places given out; places there is room for */
	uint32_t free;         /* place + 1 of the first free one; 0: none */
	uint32_t *heads;       /* place + 1; 0: empty */
	uint32_t mask;
};

uint32_t wr_slab_add(struct wr_slab *s, uint32_t hash); /* all zero but its slot */
void wr_slab_del(struct wr_slab *s, uint32_t i);
uint32_t wr_slab_first(const struct wr_slab *s, uint32_t hash);
uint32_t wr_slab_next(const struct wr_slab *s, uint32_t i);
void wr_slab_done(struct wr_slab *s); /* the size stays */
/* For wr_slab_each alone. */
uint32_t wr_slab_iter(const struct wr_slab *s, uint32_t *pos, uint32_t next_in_chain);
uint32_t wr_slab_after(const struct wr_slab *s, uint32_t i);

/* Every element, in no order; the one at hand may be deleted, none may be added. */
#define wr_slab_each(s, i, pos, nxt)                                        \
	for ((pos) = 0, (i) = wr_slab_iter((s), &(pos), WR_SLAB_END);       \
	     (i) != WR_SLAB_END && ((nxt) = wr_slab_after((s), (i)), true); \
	     (i) = wr_slab_iter((s), &(pos), (nxt)))

static inline void *wr_slab_at(const struct wr_slab *s, uint32_t i)
{
	return s->v + i * s->size;
}

#endif
