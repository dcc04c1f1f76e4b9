/* SPDX-License-Identifier: Apache-2.0 */
/* Frontends: rows of the kernel's hash, each the pointer whose flip puts a record in force. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/dp/svc_private.h"

static struct wr_frontend key_of(const struct svc_fe *fe)
{
	return (struct wr_frontend){
		.addr = fe->addr,
		.port = fe->port,
		.proto = fe->proto,
		.scope = fe->scope,
	};
}

static uint32_t hash_of(const struct svc_fe *fe)
{
	struct wr_frontend key = key_of(fe);

	return wr_frontend_check(&key);
}

uint32_t svc_fe_find(const struct wr_svc_table *t, const struct wr_frontend *key)
{
	uint32_t i = svc_index_first(&t->fe_index, wr_frontend_check(key));

	for (; i != SVC_NONE; i = t->fes.v[i].next) {
		const struct svc_fe *fe = &t->fes.v[i];

		if (fe->port == key->port && fe->proto == key->proto && fe->scope == key->scope &&
		    wr_addr_eq(&fe->addr, &key->addr))
			return i;
	}
	return SVC_NONE;
}

static void grow_index(struct wr_svc_table *t)
{
	struct svc_index old = svc_index_grow(&t->fe_index);
	uint32_t h, i, next;

	for (h = 0; old.heads && h <= old.mask; h++)
		for (i = old.heads[h] - 1; i != SVC_NONE; i = next) {
			next = t->fes.v[i].next;
			svc_index_add(&t->fe_index, hash_of(&t->fes.v[i]), i, &t->fes.v[i].next);
		}
	free(old.heads);
}

uint32_t svc_fe_new(struct wr_svc_table *t, const struct wr_frontend *key)
{
	struct svc_fe fe = {
		.addr = key->addr,
		.port = key->port,
		.proto = key->proto,
		.scope = key->scope,
		.set = SVC_NONE,
		.next_in_set = SVC_NONE,
	};
	uint32_t i = t->free_fe;

	if (i == SVC_NONE) {
		i = (uint32_t)t->fes.n;
		wr_vec_push(&t->fes, fe);
	} else {
		t->free_fe = t->fes.v[i].next_in_set;
		t->fes.v[i] = fe;
	}
	if (svc_index_full(&t->fe_index))
		grow_index(t);
	svc_index_add(&t->fe_index, wr_frontend_check(key), i, &t->fes.v[i].next);
	return i;
}

static void free_fe(struct wr_svc_table *t, uint32_t i)
{
	uint32_t *head = svc_index_head(&t->fe_index, hash_of(&t->fes.v[i])), at = *head - 1;

	t->fe_index.n--;
	if (at == i) {
		*head = t->fes.v[i].next + 1;
	} else {
		while (t->fes.v[at].next != i)
			at = t->fes.v[at].next;
		t->fes.v[at].next = t->fes.v[i].next;
	}
	t->fes.v[i] = (struct svc_fe){ .set = SVC_NONE, .next_in_set = t->free_fe };
	t->free_fe = i;
}

void svc_fe_set_record(struct wr_svc_table *t, uint32_t i, uint32_t record)
{
	struct svc_fe *fe = &t->fes.v[i];

	if (record && fe->svc == record && fe->flags & SVC_FE_IN_MAP)
		return;
	if (fe->svc != record) {
		if (fe->svc)
			wr_vec_push(&t->left, (struct svc_left){ i, fe->svc });
		if (record)
			t->refs.v[record]++;
		fe->svc = record;
	}
	if (!(fe->flags & SVC_FE_DIRTY))
		wr_vec_push(&t->dirty, i);
	fe->flags |= SVC_FE_DIRTY;
}

/* Rows of one kind, as a batch takes them. */
struct rows {
	WR_VEC(struct wr_frontend) keys;
	WR_VEC(uint64_t) words;
	WR_VEC(uint32_t) fes;
};

static void rows_done(struct rows *r)
{
	wr_vec_done(&r->keys);
	wr_vec_done(&r->words);
	wr_vec_done(&r->fes);
}

static void collect(const struct wr_svc_table *t, bool puts, struct rows *ret)
{
	struct wr_frontend key;
	const struct svc_fe *fe;
	size_t i;

	for (i = 0; i < t->dirty.n; i++) {
		fe = &t->fes.v[t->dirty.v[i]];
		if (!!fe->svc != puts)
			continue;
		key = key_of(fe);
		wr_vec_push(&ret->keys, key);
		wr_vec_push(&ret->words, WR_FE_WORD(fe->svc, wr_frontend_check(&key)));
		wr_vec_push(&ret->fes, t->dirty.v[i]);
	}
}

static void settle_put(struct wr_svc_table *t, uint32_t i)
{
	struct svc_fe *fe = &t->fes.v[i];

	t->n_rows += !(fe->flags & SVC_FE_IN_MAP);
	fe->flags = (fe->flags | SVC_FE_IN_MAP) & ~(uint32_t)SVC_FE_DIRTY;
}

/* The table was checked for room before, so a failure is the kernel's memory: what failed stays dirty and is tried again. */
static int flush_puts(struct wr_svc_table *t, struct wr_err *err)
{
	const enum wr_map map = WR_MAP_wr_frontends;
	wr_cleanup(rows_done) struct rows rows = { 0 };
	uint32_t done = 0, i, failed = 0;
	int r, first = 0;

	collect(t, true, &rows);
	if (!rows.keys.n)
		return 0;
	wr_map_put_many(t->dp->fds[map], &t->dp->info[map], rows.keys.v, rows.words.v,
			(uint32_t)rows.keys.n, &done);
	for (i = 0; i < done; i++)
		settle_put(t, rows.fes.v[i]);
	for (; i < rows.keys.n; i++) {
		r = wr_sys_map_update(t->dp->fds[map], &rows.keys.v[i], &rows.words.v[i], BPF_ANY);
		if (r == 0) {
			settle_put(t, rows.fes.v[i]);
			continue;
		}
		failed++;
		first = first ? first : r;
	}
	return failed ? wr_err_sys(err, first, "writing %u of %zu frontends", failed, rows.keys.n) :
			0;
}

static int flush_dels(struct wr_svc_table *t, struct wr_err *err)
{
	const enum wr_map map = WR_MAP_wr_frontends;
	wr_cleanup(rows_done) struct rows rows = { 0 };
	struct svc_fe *fe;
	size_t i;
	int r;

	collect(t, false, &rows);
	r = wr_map_del_many(t->dp->fds[map], &t->dp->info[map], rows.keys.v, (uint32_t)rows.keys.n);
	if (r < 0)
		return wr_err_sys(err, r, "deleting frontends");
	for (i = 0; i < rows.fes.n; i++) {
		fe = &t->fes.v[rows.fes.v[i]];
		t->n_rows -= !!(fe->flags & SVC_FE_IN_MAP);
		fe->flags = 0;
	}
	return 0;
}

/* A record stays while the kernel's row of a frontend that has left it may still name it. */
static void release_records(struct wr_svc_table *t)
{
	struct svc_left left;
	size_t i, kept = 0;

	for (i = 0; i < t->left.n; i++) {
		left = t->left.v[i];
		if (t->fes.v[left.fe].flags & SVC_FE_DIRTY)
			t->left.v[kept++] = left;
		else if (--t->refs.v[left.svc] == 0)
			svc_record_free(t, left.svc);
	}
	t->left.n = kept;
}

static void forget_clean(struct wr_svc_table *t)
{
	size_t i, kept = 0;
	uint32_t fe;

	for (i = 0; i < t->dirty.n; i++) {
		fe = t->dirty.v[i];
		if (t->fes.v[fe].flags & SVC_FE_DIRTY)
			t->dirty.v[kept++] = fe;
		else if (!t->fes.v[fe].svc)
			free_fe(t, fe);
	}
	t->dirty.n = kept;
}

int svc_flush(struct wr_svc_table *t, struct wr_err *err)
{
	int r, r2;

	if (!t->dirty.n)
		return 0;
	r = flush_puts(t, err);
	r2 = flush_dels(t, err);
	release_records(t);
	forget_clean(t);
	return r < 0 ? r : r2;
}
