/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Backend numbers: one for each address, port and protocol, shared by all sets that name it. UDP's belong to a service:
 * when it drops the backend its clients move on, though another service still has it. (Connections may finish.)
 */
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

#include "lib/base/hmap.h"
#include "lib/dp/svc_private.h"

struct wr_backend *svc_be_row(const struct wr_svc_table *t, uint32_t number)
{
	return wr_dp_at(t->dp, WR_MAP_wr_backends, number);
}

static uint32_t hash_of(const struct wr_addr *addr, __be16 port, uint8_t proto)
{
	struct wr_frontend key = { .addr = *addr, .port = port, .proto = proto };

	return wr_frontend_check(&key);
}

static uint32_t row_hash(const struct wr_svc_table *t, uint32_t number)
{
	const struct wr_backend *row = svc_be_row(t, number);

	return hash_of(&row->addr, row->port, row->proto);
}

static uint32_t owner_of(uint32_t id, uint8_t proto)
{
	return proto == IPPROTO_UDP ? id : 0;
}

/* What was adopted without its owner is anybody's who asks. */
uint32_t svc_be_find(const struct wr_svc_table *t, uint32_t id, const struct wr_svc_backend *b)
{
	uint32_t i = svc_index_first(&t->be_index, hash_of(&b->addr, b->port, b->proto));
	uint32_t owner = owner_of(id, b->proto), anybodys = 0;

	for (; i != SVC_NONE; i = t->bes.v[i].next) {
		const struct wr_backend *row = svc_be_row(t, i);

		if (row->port != b->port || row->proto != b->proto ||
		    !wr_addr_eq(&row->addr, &b->addr))
			continue;
		if (t->bes.v[i].owner == owner)
			return i;
		if (!t->bes.v[i].owner)
			anybodys = i;
	}
	return anybodys;
}

static void grow_index(struct wr_svc_table *t)
{
	struct svc_index old = svc_index_grow(&t->be_index);
	uint32_t h, i, next;

	for (h = 0; old.heads && h <= old.mask; h++)
		for (i = old.heads[h] - 1; i != SVC_NONE; i = next) {
			next = t->bes.v[i].next;
			svc_index_add(&t->be_index, row_hash(t, i), i, &t->bes.v[i].next);
		}
	free(old.heads);
}

static void add_to_index(struct wr_svc_table *t, uint32_t number)
{
	if (svc_index_full(&t->be_index))
		grow_index(t);
	svc_index_add(&t->be_index, row_hash(t, number), number, &t->bes.v[number].next);
}

static void remove_from_index(struct wr_svc_table *t, uint32_t number)
{
	uint32_t *head = svc_index_head(&t->be_index, row_hash(t, number)), i = *head - 1;

	t->be_index.n--;
	if (i == number) {
		*head = t->bes.v[number].next + 1;
		return;
	}
	while (t->bes.v[i].next != number)
		i = t->bes.v[i].next;
	t->bes.v[i].next = t->bes.v[number].next;
}

static void make_room(struct wr_svc_table *t, uint32_t number)
{
	while (t->bes.n <= number)
		wr_vec_push(&t->bes, (struct svc_be){ .next = SVC_NONE });
}

/* Port, protocol, state and generation share a word: whoever sees the state sees the generation that goes with it. */
static void store_state(struct wr_backend *row, __be16 port, uint8_t proto, uint8_t state,
			uint32_t gen)
{
	struct wr_backend new = { .port = port, .proto = proto, .state = state, .gen = gen };
	uint64_t word;

	memcpy(&word, (uint8_t *)&new + offsetof(struct wr_backend, port), sizeof(word));
	wr_store((uint64_t *)(void *)((uint8_t *)row + offsetof(struct wr_backend, port)), word);
}

static void store_place(struct wr_backend *row, uint32_t node, uint32_t zone)
{
	if (row->node != node)
		wr_store(&row->node, node);
	if (row->zone != zone)
		wr_store(&row->zone, zone);
}

static uint8_t state_of(const struct wr_svc_backend *b)
{
	return b->terminating ? WR_BACKEND_TERMINATING : WR_BACKEND_ACTIVE;
}

uint32_t svc_be_new(struct wr_svc_table *t, uint32_t id, const struct wr_svc_backend *b)
{
	uint32_t number = wr_runs_take(&t->numbers[SVC_NUM_BACKEND], 1);
	struct wr_backend *row = number == WR_RUNS_NONE ? NULL : svc_be_row(t, number);
	uint64_t *picks;

	if (!row)
		return 0;
	/* A number that was never given up was never counted: its page need not be in memory. */
	picks = row->gen ? wr_dp_at(t->dp, WR_MAP_wr_picks, number) : NULL;
	if (picks)
		wr_store(picks, 0);
	row->addr = b->addr;
	store_place(row, b->node, b->zone);
	store_state(row, b->port, b->proto, state_of(b), row->gen);
	make_room(t, number);
	t->bes.v[number].refs = 0;
	t->bes.v[number].owner = owner_of(id, b->proto);
	add_to_index(t, number);
	return number;
}

static void mark_free(struct wr_svc_table *t, uint32_t number, uint32_t gen)
{
	struct wr_backend *row = svc_be_row(t, number);

	remove_from_index(t, number);
	store_state(row, row->port, row->proto, WR_BACKEND_FREE, gen);
}

void svc_be_undo(struct wr_svc_table *t, uint32_t number)
{
	mark_free(t, number, svc_be_row(t, number)->gen);
	wr_runs_give(&t->numbers[SVC_NUM_BACKEND], number, 1);
}

void svc_be_adopt(struct wr_svc_table *t, uint32_t number)
{
	wr_runs_claim(&t->numbers[SVC_NUM_BACKEND], number, 1);
	make_room(t, number);
	t->bes.v[number].owner = 0;
	add_to_index(t, number);
}

void svc_be_ref(struct wr_svc_table *t, uint32_t id, uint32_t number)
{
	make_room(t, number);
	t->bes.v[number].refs++;
	if (!t->bes.v[number].owner)
		t->bes.v[number].owner = owner_of(id, svc_be_row(t, number)->proto);
}

static void bury(struct wr_svc_table *t, uint32_t number)
{
	mark_free(t, number, svc_be_row(t, number)->gen + 1);
	svc_bury(t, SVC_NUM_BACKEND, number, 1);
}

void svc_be_unref(struct wr_svc_table *t, uint32_t number)
{
	if (--t->bes.v[number].refs == 0)
		bury(t, number);
}

void svc_be_set_facts(struct wr_svc_table *t, uint32_t number, const struct wr_svc_backend *b)
{
	struct wr_backend *row = svc_be_row(t, number);

	store_place(row, b->node, b->zone);
	if (row->state != state_of(b))
		store_state(row, row->port, row->proto, state_of(b), row->gen);
}

/* Those that were found at open and that nobody has named since. */
uint32_t svc_be_prune(struct wr_svc_table *t)
{
	uint32_t i, n = 0;

	for (i = 1; i < t->bes.n; i++) {
		if (t->bes.v[i].refs || svc_be_row(t, i)->state == WR_BACKEND_FREE)
			continue;
		bury(t, i);
		n++;
	}
	return n;
}
