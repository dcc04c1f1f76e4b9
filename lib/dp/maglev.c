/* SPDX-License-Identifier: Apache-2.0 */
/* Maglev tables. */
#include "lib/dp/maglev.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/hmap.h"
#include "lib/base/mem.h"

#define FREE UINT32_MAX

struct turn {
	uint32_t place, skip; /* where it looks next, and how far it goes from there */
	uint64_t credit;      /* of weight; a place costs as much as the heaviest weighs */
};

static int by_name(const void *a, const void *b)
{
	const struct wr_maglev_member *x = a, *y = b;

	return (x->name > y->name) - (x->name < y->name);
}

/* Each member visits all places in an order of its own: offset, then steps of skip. */
static void start_turns(struct turn *turns, const struct wr_maglev_member *members, size_t n,
			uint32_t size)
{
	size_t i;

	for (i = 0; i < n; i++) {
		uint64_t name = members[i].name;

		turns[i].place = (uint32_t)(wr_hash64_bytes(&name, sizeof(name), 1) % size);
		turns[i].skip = (uint32_t)(wr_hash64_bytes(&name, sizeof(name), 2) % (size - 1)) + 1;
		turns[i].credit = 0;
	}
}

static uint32_t next_free(struct turn *t, const uint32_t *table, uint32_t size)
{
	uint32_t found;

	while (table[t->place] != FREE) {
		t->place += t->skip;
		if (t->place >= size)
			t->place -= size;
	}
	found = t->place;
	return found;
}

static uint32_t heaviest(const struct wr_maglev_member *members, size_t n)
{
	uint32_t max = 1;
	size_t i;

	for (i = 0; i < n; i++)
		max = WR_MAX(max, members[i].weight);
	return max;
}

void wr_maglev_fill(uint32_t *table, uint32_t size, struct wr_maglev_member *members, size_t n)
{
	wr_autofree struct turn *turns = wr_xcalloc(n, sizeof(*turns));
	uint32_t filled = 0, max = heaviest(members, n);
	size_t i;

	qsort(members, n, sizeof(*members), by_name);
	start_turns(turns, members, n, size);
	memset(table, 0xff, size * sizeof(*table));
	for (i = 0; filled < size; i = i + 1 < n ? i + 1 : 0) {
		turns[i].credit += members[i].weight;
		if (turns[i].credit < max)
			continue;
		turns[i].credit -= max;
		table[next_free(&turns[i], table, size)] = (uint32_t)i;
		filled++;
	}
	for (i = 0; i < size; i++)
		table[i] = members[table[i]].value;
}
