/* SPDX-License-Identifier: Apache-2.0 */
/* Elements in one array, with hash chains through it. */
#include "lib/base/slab.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

#define FIRST_SIZE 16u

static struct wr_slot *slot_at(const struct wr_slab *s, uint32_t i)
{
	return wr_slab_at(s, i);
}

static void link_slot(struct wr_slab *s, uint32_t i)
{
	uint32_t *head = &s->heads[slot_at(s, i)->hash & s->mask];

	slot_at(s, i)->next = *head;
	*head = i + 1;
}

static void grow_heads(struct wr_slab *s)
{
	uint32_t size = s->heads ? 2 * (s->mask + 1) : FIRST_SIZE, *old = s->heads;
	uint32_t n_old = old ? s->mask + 1 : 0, h, i, next;

	s->heads = wr_xcalloc(size, sizeof(*s->heads));
	s->mask = size - 1;
	for (h = 0; h < n_old; h++)
		for (i = old[h]; i; i = next) {
			next = slot_at(s, i - 1)->next;
			link_slot(s, i - 1);
		}
	free(old);
}

/* A quarter more at a time: there are many of them, and what is left over is memory. */
static uint32_t take_place(struct wr_slab *s)
{
	uint32_t i = s->free;

	if (i) {
		s->free = slot_at(s, i - 1)->next;
		return i - 1;
	}
	if (s->used == s->cap) {
		s->cap += s->cap / 4 + FIRST_SIZE;
		s->v = wr_xrealloc(s->v, s->cap, s->size);
	}
	return s->used++;
}

uint32_t wr_slab_add(struct wr_slab *s, uint32_t hash)
{
	uint32_t i = take_place(s);

	if (!s->heads || s->n > s->mask)
		grow_heads(s);
	memset(wr_slab_at(s, i), 0, s->size);
	slot_at(s, i)->hash = hash;
	link_slot(s, i);
	s->n++;
	return i;
}

void wr_slab_del(struct wr_slab *s, uint32_t i)
{
	uint32_t *at = &s->heads[slot_at(s, i)->hash & s->mask];

	while (*at != i + 1)
		at = &slot_at(s, *at - 1)->next;
	*at = slot_at(s, i)->next;
	slot_at(s, i)->next = s->free;
	s->free = i + 1;
	s->n--;
}

/* @i and what follows it: the first with that hash. */
static uint32_t with_hash(const struct wr_slab *s, uint32_t i, uint32_t hash)
{
	while (i && slot_at(s, i - 1)->hash != hash)
		i = slot_at(s, i - 1)->next;
	return i - 1;
}

uint32_t wr_slab_first(const struct wr_slab *s, uint32_t hash)
{
	return s->heads ? with_hash(s, s->heads[hash & s->mask], hash) : WR_SLAB_END;
}

uint32_t wr_slab_next(const struct wr_slab *s, uint32_t i)
{
	return with_hash(s, slot_at(s, i)->next, slot_at(s, i)->hash);
}

uint32_t wr_slab_after(const struct wr_slab *s, uint32_t i)
{
	return slot_at(s, i)->next - 1;
}

uint32_t wr_slab_iter(const struct wr_slab *s, uint32_t *pos, uint32_t next_in_chain)
{
	if (next_in_chain != WR_SLAB_END || !s->heads)
		return next_in_chain;
	while (*pos <= s->mask)
		if (s->heads[(*pos)++])
			return s->heads[*pos - 1] - 1;
	return WR_SLAB_END;
}

void wr_slab_done(struct wr_slab *s)
{
	free(s->v);
	free(s->heads);
	*s = (struct wr_slab){ .size = s->size };
}
