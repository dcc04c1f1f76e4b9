/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Services in force: a set becomes backends, slots and a record, all of them new and complete; then each of its
 * frontends is flipped to the record; then what nobody names any more is given back.
 */
#include "lib/dp/svc_table.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/base/cleanup.h"
#include "lib/dp/svc_private.h"

#define FLUSH_AT 4096u /* a batch never holds more frontends back */

static const enum wr_map needed[] = { WR_MAP_wr_frontends, WR_MAP_wr_services, WR_MAP_wr_slots,
				      WR_MAP_wr_backends, WR_MAP_wr_maglev };

static void table_init(struct wr_svc_table *t, struct wr_dp *dp)
{
	*t = (struct wr_svc_table){
		.dp = dp,
		.free_fe = SVC_NONE,
		.free_set = SVC_NONE,
		.free_hold = SVC_NONE,
	};
	wr_runs_init(&t->numbers[SVC_NUM_SERVICE], dp->info[WR_MAP_wr_services].max_entries);
	wr_runs_init(&t->numbers[SVC_NUM_SLOT], dp->info[WR_MAP_wr_slots].max_entries);
	wr_runs_init(&t->numbers[SVC_NUM_BACKEND], dp->info[WR_MAP_wr_backends].max_entries);
	wr_runs_init(&t->numbers[SVC_NUM_LINE], dp->info[WR_MAP_wr_maglev].max_entries);
	/* 0 says "none" in words and slots. */
	wr_runs_claim(&t->numbers[SVC_NUM_SERVICE], 0, 1);
	wr_runs_claim(&t->numbers[SVC_NUM_BACKEND], 0, 1);
}

void wr_svc_table_close(struct wr_svc_table *t)
{
	size_t i;

	if (!t)
		return;
	for (i = 0; i < SVC_NUM_MAX; i++)
		wr_runs_done(&t->numbers[i]);
	for (i = 0; i < t->holds.n; i++)
		free(t->holds.v[i].v);
	svc_ranges_done(t);
	free(t->fe_index.heads);
	free(t->set_index.heads);
	free(t->be_index.heads);
	wr_vec_done(&t->fes);
	wr_vec_done(&t->sets);
	wr_vec_done(&t->bes);
	wr_vec_done(&t->holds);
	wr_vec_done(&t->refs);
	wr_vec_done(&t->dirty);
	wr_vec_done(&t->left);
	wr_vec_done(&t->graves);
	wr_vec_done(&t->run);
	wr_vec_done(&t->fresh);
	free(t);
}

static void close_p(struct wr_svc_table **t)
{
	wr_svc_table_close(*t);
}

int wr_svc_table_open(struct wr_dp *dp, struct wr_svc_table **ret, struct wr_err *err)
{
	wr_cleanup(close_p) struct wr_svc_table *t = NULL;
	size_t i;
	int r;

	for (i = 0; i < WR_ARRAY_SIZE(needed); i++)
		if (dp->fds[needed[i]] < 0 || (i && !dp->arrays[needed[i]].base))
			return wr_err_set(err, -ENOENT, "map %s is not there or cannot be mapped",
					  wr_map_name(needed[i]));
	t = wr_xcalloc(1, sizeof(*t));
	table_init(t, dp);
	r = svc_adopt(t, err);
	if (r < 0)
		return r;
	svc_count(t);
	*ret = wr_take_ptr(t);
	return 0;
}

static uint32_t hash_of(uint64_t key)
{
	return (uint32_t)(key ^ key >> 32);
}

static uint32_t set_find(const struct wr_svc_table *t, uint64_t key)
{
	uint32_t i = svc_index_first(&t->set_index, hash_of(key));

	while (i != SVC_NONE && t->sets.v[i].key != key)
		i = t->sets.v[i].next;
	return i;
}

static void grow_index(struct wr_svc_table *t)
{
	struct svc_index old = svc_index_grow(&t->set_index);
	uint32_t h, i, next;

	for (h = 0; old.heads && h <= old.mask; h++)
		for (i = old.heads[h] - 1; i != SVC_NONE; i = next) {
			next = t->sets.v[i].next;
			svc_index_add(&t->set_index, hash_of(t->sets.v[i].key), i,
				      &t->sets.v[i].next);
		}
	free(old.heads);
}

static uint32_t set_find_or_new(struct wr_svc_table *t, uint64_t key)
{
	struct svc_set set = { .key = key, .fes = SVC_NONE, .held = SVC_NONE };
	uint32_t i = set_find(t, key);

	if (i != SVC_NONE)
		return i;
	i = t->free_set;
	if (i == SVC_NONE) {
		i = (uint32_t)t->sets.n;
		wr_vec_push(&t->sets, set);
	} else {
		t->free_set = t->sets.v[i].next;
		t->sets.v[i] = set;
	}
	if (svc_index_full(&t->set_index))
		grow_index(t);
	svc_index_add(&t->set_index, hash_of(key), i, &t->sets.v[i].next);
	return i;
}

/* Without frontends and holds there is nothing to remember. */
static void set_free_if_empty(struct wr_svc_table *t, uint32_t i)
{
	struct svc_set *set = &t->sets.v[i];
	uint32_t *head = svc_index_head(&t->set_index, hash_of(set->key)), at = *head - 1;

	if (set->fes != SVC_NONE || set->held != SVC_NONE)
		return;
	t->set_index.n--;
	if (at == i) {
		*head = set->next + 1;
	} else {
		while (t->sets.v[at].next != i)
			at = t->sets.v[at].next;
		t->sets.v[at].next = set->next;
	}
	*set = (struct svc_set){ .fes = SVC_NONE, .held = SVC_NONE, .next = t->free_set };
	t->free_set = i;
}

/* A set may live on for its hold alone; its record does not. */
static void forget_record(struct wr_svc_table *t, uint32_t set)
{
	if (t->sets.v[set].fes == SVC_NONE)
		t->sets.v[set].svc = 0;
}

static void unlink_fe(struct wr_svc_table *t, uint32_t fe)
{
	uint32_t set = t->fes.v[fe].set, *at;

	if (set == SVC_NONE)
		return;
	for (at = &t->sets.v[set].fes; *at != fe;)
		at = &t->fes.v[*at].next_in_set;
	*at = t->fes.v[fe].next_in_set;
	t->fes.v[fe].set = t->fes.v[fe].next_in_set = SVC_NONE;
	forget_record(t, set);
	set_free_if_empty(t, set);
}

static void take_fe(struct wr_svc_table *t, uint32_t set, const struct wr_frontend *key,
		    uint32_t record)
{
	uint32_t i = svc_fe_find(t, key);

	if (i == SVC_NONE)
		i = svc_fe_new(t, key);
	if (t->fes.v[i].set != set) {
		unlink_fe(t, i);
		t->fes.v[i].set = set;
		t->fes.v[i].next_in_set = t->sets.v[set].fes;
		t->sets.v[set].fes = i;
	}
	t->fes.v[i].flags |= SVC_FE_WANTED;
	svc_fe_set_record(t, i, record);
}

static void drop_unwanted(struct wr_svc_table *t, uint32_t set)
{
	uint32_t *at = &t->sets.v[set].fes;
	struct svc_fe *fe;
	uint32_t i;

	while (*at != SVC_NONE) {
		i = *at;
		fe = &t->fes.v[i];
		if (fe->flags & SVC_FE_WANTED) {
			fe->flags &= ~(uint32_t)SVC_FE_WANTED;
			at = &fe->next_in_set;
			continue;
		}
		*at = fe->next_in_set;
		fe->set = fe->next_in_set = SVC_NONE;
		svc_fe_set_record(t, i, 0);
	}
	forget_record(t, set);
}

/* The record that may be this set's already: its own, or what its first frontend was found with. */
static uint32_t present_record(const struct wr_svc_table *t, const struct wr_svc_set *set)
{
	uint32_t i = set_find(t, set->key), fe;

	if (svc_is_address(set) && t->address_record && t->refs.v[t->address_record])
		return t->address_record;
	if (i != SVC_NONE && t->sets.v[i].svc)
		return t->sets.v[i].svc;
	fe = svc_fe_find(t, &set->frontends[0]);
	return fe != SVC_NONE && t->fes.v[fe].set == SVC_NONE ? t->fes.v[fe].svc : 0;
}

/* Room for new frontends is found out before anything is written. */
static int check_room(struct wr_svc_table *t, const struct wr_svc_set *set, struct wr_err *err)
{
	uint32_t size = t->dp->info[WR_MAP_wr_frontends].max_entries, n = 0;
	size_t i;

	for (i = 0; i < set->n_frontends; i++)
		n += svc_fe_find(t, &set->frontends[i]) == SVC_NONE;
	if (!n || t->fe_index.n + n <= size)
		return 0;
	svc_flush(t, NULL); /* what is to go makes room */
	if (t->fe_index.n + n <= size)
		return 0;
	return wr_err_set(err, -ENOSPC, "map wr_frontends is full (%u entries)", size);
}

/* All that is new is written and nobody sees it yet. */
static int make_record(struct wr_svc_table *t, const struct wr_svc_set *set, uint32_t *ret,
		       struct wr_err *err)
{
	int r;

	r = svc_run_allocate(t, set, err);
	if (r < 0)
		return r;
	r = svc_ranges_add(t, set, err);
	if (r == 0)
		r = svc_record_new(t, set, ret, err);
	if (r < 0)
		svc_run_undo(t);
	wr_vec_reset(&t->fresh);
	return r;
}

static void set_facts(struct wr_svc_table *t, const struct wr_svc_set *set)
{
	uint32_t number;
	size_t i;

	for (i = 0; i < set->n_backends; i++) {
		number = svc_be_find(t, set->id, &set->backends[i]);
		if (number)
			svc_be_set_facts(t, number, &set->backends[i]);
	}
}

static int flush_when_due(struct wr_svc_table *t, bool now, struct wr_err *err)
{
	int r;

	if (t->batching && !now && t->dirty.n < FLUSH_AT)
		return 0;
	r = svc_flush(t, err);
	svc_count(t);
	return r;
}

static void flip(struct wr_svc_table *t, const struct wr_svc_set *set, uint32_t record)
{
	uint32_t i = set_find_or_new(t, set->key);
	size_t k;

	for (k = 0; k < set->n_frontends; k++)
		take_fe(t, i, &set->frontends[k], record);
	drop_unwanted(t, i);
	t->sets.v[i].svc = record;
	if (svc_is_address(set))
		t->address_record = record;
}

int wr_svc_table_put(struct wr_svc_table *t, const struct wr_svc_set *set, struct wr_err *err)
{
	bool equal_ranges;
	uint32_t record;
	int r;

	if (!set->n_frontends)
		return wr_svc_table_del(t, set->key);
	if (!set->id)
		return wr_err_set(err, -EINVAL, "a service id is never 0");
	r = check_room(t, set, err);
	if (r < 0)
		return r;
	record = present_record(t, set);
	equal_ranges = svc_ranges_equal(t, set);
	if (!svc_run_resolve(t, set) || !svc_record_equal(t, record, set))
		r = make_record(t, set, &record, err);
	else if (!equal_ranges)
		r = svc_ranges_add(t, set, err);
	if (r < 0)
		return r;
	flip(t, set, record);
	set_facts(t, set);
	r = flush_when_due(t, !equal_ranges, err);
	if (!equal_ranges)
		svc_ranges_trim(t, set);
	if (r < 0)
		return r;
	return svc_record_row(t, record)->flags & WR_SVC_NO_TABLE ? 1 : 0;
}

int wr_svc_table_del(struct wr_svc_table *t, uint64_t key)
{
	uint32_t i = set_find(t, key);

	if (i == SVC_NONE)
		return 0;
	drop_unwanted(t, i);
	svc_hold_clear(t, &t->sets.v[i]);
	set_free_if_empty(t, i);
	return flush_when_due(t, false, NULL);
}

int wr_svc_table_hold(struct wr_svc_table *t, uint64_t key, uint32_t id,
		      const struct wr_svc_backend *terminating, size_t n)
{
	const struct svc_holding what = { id, terminating, n };
	uint32_t i = n ? set_find_or_new(t, key) : set_find(t, key);

	if (i == SVC_NONE)
		return 0;
	if (n)
		svc_hold_set(t, &t->sets.v[i], &what);
	else
		svc_hold_clear(t, &t->sets.v[i]);
	set_free_if_empty(t, i);
	return 0;
}

/* Found at open, and nobody has put it since. */
static bool is_unclaimed(const struct svc_fe *fe)
{
	return fe->set == SVC_NONE && (fe->flags & (SVC_FE_IN_MAP | SVC_FE_DIRTY)) == SVC_FE_IN_MAP;
}

uint32_t wr_svc_table_found(const struct wr_svc_table *t, const struct wr_frontend *fe)
{
	uint32_t i = svc_fe_find(t, fe);

	if (i == SVC_NONE || !is_unclaimed(&t->fes.v[i]) || !t->fes.v[i].svc)
		return 0;
	return svc_record_row(t, t->fes.v[i].svc)->id;
}

int wr_svc_table_prune(struct wr_svc_table *t)
{
	int n = 0;
	uint32_t i;

	for (i = 0; i < t->fes.n; i++) {
		if (!is_unclaimed(&t->fes.v[i]))
			continue;
		svc_fe_set_record(t, i, 0);
		n++;
	}
	svc_flush(t, NULL);
	svc_be_prune(t);
	svc_ranges_prune(t, true);
	svc_count(t);
	return n;
}

int wr_svc_table_begin(struct wr_svc_table *t)
{
	t->batching = true;
	return 0;
}

int wr_svc_table_commit(struct wr_svc_table *t, struct wr_err *err)
{
	t->batching = false;
	return flush_when_due(t, true, err);
}

void wr_svc_table_get_stats(const struct wr_svc_table *t, struct wr_svc_table_stats *ret)
{
	*ret = (struct wr_svc_table_stats){
		.frontends = t->n_rows,
		.sets = t->set_index.n,
		.slots = t->numbers[SVC_NUM_SLOT].used,
		.backends = t->numbers[SVC_NUM_BACKEND].used - 1,
		.slots_size = t->numbers[SVC_NUM_SLOT].n,
		.backends_size = t->numbers[SVC_NUM_BACKEND].n,
	};
}
