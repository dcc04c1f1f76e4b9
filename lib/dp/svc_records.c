/* SPDX-License-Identifier: Apache-2.0 */
/* Service records with their runs of slots and Maglev tables: written complete, never changed, freed when nobody names them. */
#include <errno.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/hmap.h"
#include "lib/dp/maglev.h"
#include "lib/dp/svc_private.h"

/* Weights are repeated slots; beyond this many they are rounded. */
#define SHARES_MAX 4096u

struct shares {
	uint64_t unit; /* greatest common divisor of the weights */
	uint64_t sum;  /* of weights in units */
};

static uint64_t weight_of(const struct wr_svc_backend *b)
{
	return b->weight ? b->weight : 1;
}

static uint64_t gcd(uint64_t a, uint64_t b)
{
	uint64_t rest;

	for (; b; b = rest) {
		rest = a % b;
		a = b;
	}
	return a;
}

static struct shares shares_of(const struct wr_svc_set *set)
{
	struct shares s = { 0 };
	size_t i;

	for (i = 0; i < set->n_backends && s.unit != 1; i++)
		s.unit = gcd(weight_of(&set->backends[i]), s.unit);
	for (i = 0; i < set->n_backends; i++)
		s.sum += weight_of(&set->backends[i]) / s.unit;
	return s;
}

static uint64_t slots_for(const struct wr_svc_backend *b, const struct shares *s, size_t n)
{
	uint64_t share = weight_of(b) / s->unit;

	if (s->sum <= SHARES_MAX || s->sum == n)
		return share;
	return WR_MAX(1u, share * SHARES_MAX / s->sum);
}

struct wr_service *svc_record_row(const struct wr_svc_table *t, uint32_t record)
{
	return wr_dp_at(t->dp, WR_MAP_wr_services, record);
}

static uint32_t *slot_at(const struct wr_svc_table *t, uint32_t slot)
{
	return wr_dp_at(t->dp, WR_MAP_wr_slots, slot);
}

bool svc_is_address(const struct wr_svc_set *set)
{
	return set->flags == WR_SVC_ADDRESS && !set->n_backends;
}

static void add_to_run(struct wr_svc_table *t, uint32_t number, uint64_t slots)
{
	for (; slots; slots--)
		wr_vec_push(&t->run, number);
}

bool svc_run_resolve(struct wr_svc_table *t, const struct wr_svc_set *set)
{
	struct shares s = shares_of(set);
	bool all = true;
	uint32_t number;
	size_t i;

	wr_vec_reset(&t->run);
	for (i = 0; i < set->n_backends; i++) {
		number = svc_be_find(t, set->id, &set->backends[i]);
		all &= number != 0;
		add_to_run(t, number, slots_for(&set->backends[i], &s, set->n_backends));
	}
	return all;
}

int svc_run_allocate(struct wr_svc_table *t, const struct wr_svc_set *set, struct wr_err *err)
{
	struct shares s = shares_of(set);
	uint32_t number;
	size_t i;

	wr_vec_reset(&t->run);
	wr_vec_reset(&t->fresh);
	for (i = 0; i < set->n_backends; i++) {
		number = svc_be_find(t, set->id, &set->backends[i]);
		if (!number) {
			number = svc_be_new(t, set->id, &set->backends[i]);
			if (number)
				wr_vec_push(&t->fresh, number);
		}
		if (!number) {
			svc_run_undo(t);
			return wr_err_set(err, -ENOSPC, "map wr_backends is full (%u entries)",
					  t->numbers[SVC_NUM_BACKEND].n);
		}
		add_to_run(t, number, slots_for(&set->backends[i], &s, set->n_backends));
	}
	return 0;
}

void svc_run_undo(struct wr_svc_table *t)
{
	while (t->fresh.n)
		svc_be_undo(t, t->fresh.v[--t->fresh.n]);
}

static bool same_run(const struct wr_svc_table *t, const struct wr_service *row)
{
	uint32_t i;

	if (row->n != t->run.n)
		return false;
	for (i = 0; i < row->n; i++)
		if (*slot_at(t, row->first + i) != t->run.v[i])
			return false;
	return true;
}

static uint32_t lines_of(uint32_t size)
{
	return (size + WR_MAGLEV_LINE - 1) / WR_MAGLEV_LINE;
}

bool wr_svc_table_has_table_room(const struct wr_svc_table *t)
{
	return wr_runs_has(&t->numbers[SVC_NUM_LINE], lines_of(t->dp->maglev_size));
}

/* What the set had asked for. */
static uint32_t asked_flags(const struct wr_service *row)
{
	uint32_t rest = row->flags & ~(uint32_t)WR_SVC_NO_TABLE;

	return row->flags & WR_SVC_NO_TABLE ? rest | WR_SVC_MAGLEV : rest;
}

bool svc_record_equal(const struct wr_svc_table *t, uint32_t record, const struct wr_svc_set *set)
{
	const struct wr_service *row = record ? svc_record_row(t, record) : NULL;

	if (!row || asked_flags(row) != set->flags)
		return false;
	if (row->flags & WR_SVC_NO_TABLE && wr_svc_table_has_table_room(t))
		return false;
	if (svc_is_address(set))
		return row->n == 0;
	if (row->id != set->id || row->affinity != set->affinity)
		return false;
	if (row->flags & WR_SVC_MAGLEV && row->n && row->maglev_size != t->dp->maglev_size)
		return false;
	return same_run(t, row);
}

/* What a backend is called on every node, for this service. */
static uint64_t maglev_name(const struct wr_svc_backend *b, uint64_t seed)
{
	struct {
		struct wr_addr addr;
		uint16_t port;
		uint16_t proto;
		uint32_t pad;
	} key = { .addr = b->addr, .port = b->port, .proto = b->proto };

	return wr_hash64_bytes(&key, sizeof(key), seed);
}

static void write_lines(struct wr_svc_table *t, uint32_t first, const uint32_t *table, uint32_t size)
{
	struct wr_maglev_line *line;
	uint32_t i, n;

	for (i = 0; i < size; i += WR_MAGLEV_LINE) {
		line = wr_dp_at(t->dp, WR_MAP_wr_maglev, first + i / WR_MAGLEV_LINE);
		n = WR_MIN(size - i, (uint32_t)WR_MAGLEV_LINE);
		memcpy(line->backend, table + i, n * sizeof(*table));
	}
}

static void write_maglev(struct wr_svc_table *t, const struct wr_svc_set *set, uint32_t first)
{
	wr_autofree struct wr_maglev_member *m = wr_xcalloc(set->n_backends, sizeof(*m));
	uint32_t size = t->dp->maglev_size;
	wr_autofree uint32_t *table = wr_xcalloc(size, sizeof(*table));
	size_t i;

	for (i = 0; i < set->n_backends; i++)
		m[i] = (struct wr_maglev_member){
			.name = maglev_name(&set->backends[i], set->maglev_seed),
			.weight = (uint32_t)weight_of(&set->backends[i]),
			.value = svc_be_find(t, set->id, &set->backends[i]),
		};
	wr_maglev_fill(table, size, m, set->n_backends);
	write_lines(t, first, table, size);
}

/* Numbers for a record; WR_RUNS_NONE where none is needed, or no table fits: a service does without one. */
struct room {
	uint32_t record, first, lines;
};

static int no_room(const struct wr_svc_table *t, enum wr_map map, struct wr_err *err)
{
	return wr_err_set(err, -ENOSPC, "map %s is full (%u entries)", wr_map_name(map),
			  t->dp->info[map].max_entries);
}

static int take_room(struct wr_svc_table *t, const struct wr_svc_set *set, struct room *ret,
		     struct wr_err *err)
{
	uint32_t lines = set->flags & WR_SVC_MAGLEV && t->run.n ? lines_of(t->dp->maglev_size) : 0;
	struct room r = { WR_RUNS_NONE, WR_RUNS_NONE, WR_RUNS_NONE };

	r.record = wr_runs_take(&t->numbers[SVC_NUM_SERVICE], 1);
	if (r.record == WR_RUNS_NONE)
		return no_room(t, WR_MAP_wr_services, err);
	if (t->run.n) {
		r.first = wr_runs_take(&t->numbers[SVC_NUM_SLOT], (uint32_t)t->run.n);
		if (r.first == WR_RUNS_NONE) {
			wr_runs_give(&t->numbers[SVC_NUM_SERVICE], r.record, 1);
			return no_room(t, WR_MAP_wr_slots, err);
		}
	}
	if (lines)
		r.lines = wr_runs_take(&t->numbers[SVC_NUM_LINE], lines);
	*ret = r;
	return 0;
}

static void write_run(struct wr_svc_table *t, uint32_t id, uint32_t first)
{
	uint32_t i;

	for (i = 0; i < t->run.n; i++) {
		*slot_at(t, first + i) = t->run.v[i];
		svc_be_ref(t, id, t->run.v[i]);
	}
}

int svc_record_new(struct wr_svc_table *t, const struct wr_svc_set *set, uint32_t *ret,
		   struct wr_err *err)
{
	struct wr_service row = {
		.id = set->id,
		.n = (uint32_t)t->run.n,
		.flags = set->flags,
		.affinity = set->affinity,
	};
	struct room room = { WR_RUNS_NONE, WR_RUNS_NONE, WR_RUNS_NONE };
	int r;

	r = take_room(t, set, &room, err);
	if (r < 0)
		return r;
	if (row.n) {
		row.first = room.first;
		write_run(t, row.id, row.first);
	}
	if (room.lines != WR_RUNS_NONE) {
		row.maglev = room.lines;
		row.maglev_size = t->dp->maglev_size;
		write_maglev(t, set, room.lines);
	} else if (row.n && row.flags & WR_SVC_MAGLEV) {
		row.flags ^= WR_SVC_MAGLEV | WR_SVC_NO_TABLE;
	}
	*svc_record_row(t, room.record) = row;
	while (t->refs.n <= room.record)
		wr_vec_push(&t->refs, 0);
	if (row.flags & WR_SVC_SRC_RANGES)
		svc_ranges_ref(t, row.id);
	*ret = room.record;
	return 0;
}

void svc_record_free(struct wr_svc_table *t, uint32_t record)
{
	struct wr_service row = *svc_record_row(t, record);
	uint32_t i;

	if (row.flags & WR_SVC_SRC_RANGES)
		svc_ranges_unref(t, row.id);
	for (i = 0; i < row.n; i++)
		svc_be_unref(t, *slot_at(t, row.first + i));
	svc_bury(t, SVC_NUM_SERVICE, record, 1);
	if (row.n)
		svc_bury(t, SVC_NUM_SLOT, row.first, row.n);
	if (row.maglev_size)
		svc_bury(t, SVC_NUM_LINE, row.maglev, lines_of(row.maglev_size));
}

/* Every number that the record names must exist: what cannot be understood is not adopted. */
static bool is_sound(const struct wr_svc_table *t, const struct wr_service *row)
{
	uint32_t i, backend;

	for (i = 0; i < row->n; i++) {
		backend = *slot_at(t, row->first + i);
		if (!backend || !svc_be_row(t, backend) ||
		    svc_be_row(t, backend)->state == WR_BACKEND_FREE)
			return false;
	}
	return row->id != 0;
}

bool svc_record_adopt(struct wr_svc_table *t, uint32_t record)
{
	const struct wr_service *row = record ? svc_record_row(t, record) : NULL;
	uint32_t lines = row ? lines_of(row->maglev_size) : 0, i;

	if (!row || !wr_runs_claim(&t->numbers[SVC_NUM_SLOT], row->first, row->n) ||
	    (lines && !wr_runs_claim(&t->numbers[SVC_NUM_LINE], row->maglev, lines)) ||
	    !is_sound(t, row))
		return false;
	wr_runs_claim(&t->numbers[SVC_NUM_SERVICE], record, 1);
	for (i = 0; i < row->n; i++)
		svc_be_ref(t, row->id, *slot_at(t, row->first + i));
	if (row->flags & WR_SVC_SRC_RANGES)
		svc_ranges_ref(t, row->id);
	if (row->flags == WR_SVC_ADDRESS && !row->n)
		t->address_record = record;
	return true;
}
