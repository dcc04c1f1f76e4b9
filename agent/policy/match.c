// SPDX-License-Identifier: Apache-2.0
/* Selectors of namespaces and pods, and an index of them by what they ask for. */
#include <stdlib.h>

#include "agent/policy/private.h"
#include "lib/base/cleanup.h"

static void selector_copy(struct wr_selector *to, const struct wr_selector *from)
{
	size_t i, k;

	*to = (struct wr_selector){ 0 };
	for (i = 0; i < from->terms.n; i++) {
		const struct wr_selector_term *t = &from->terms.v[i];
		struct wr_selector_term copy = { .key = wr_istr_ref(t->key), .op = t->op };

		for (k = 0; k < t->values.n; k++)
			wr_vec_push(&copy.values, wr_istr_ref(t->values.v[k]));
		wr_vec_push(&to->terms, copy);
	}
}

static void selector_done(struct wr_selector *s)
{
	size_t i, k;

	for (i = 0; i < s->terms.n; i++) {
		struct wr_selector_term *t = &s->terms.v[i];

		for (k = 0; k < t->values.n; k++)
			wr_istr_put(t->values.v[k]);
		wr_vec_done(&t->values);
		wr_istr_put(t->key);
	}
	wr_vec_done(&s->terms);
}

void match_copy(struct match *to, wr_istr ns, const struct wr_selector *namespaces,
		const struct wr_selector *pods)
{
	to->ns = wr_istr_ref(ns);
	selector_copy(&to->namespaces, namespaces);
	selector_copy(&to->pods, pods);
}

void match_done(struct match *m)
{
	wr_istr_put(m->ns);
	selector_done(&m->namespaces);
	selector_done(&m->pods);
}

struct wr_labels space_labels(const struct space *space)
{
	return space->o ? space->o->labels : (struct wr_labels){ .v = &space->own_name, .n = 1 };
}

static bool has_space(const struct match *m, const struct space *space)
{
	struct wr_labels labels = space_labels(space);

	return m->ns ? m->ns == space->name : wr_selector_matches(&m->namespaces, &labels);
}

bool match_has(const struct match *m, const struct space *space, const struct wr_labels *labels)
{
	return wr_selector_matches(&m->pods, labels) && has_space(m, space);
}

bool match_could_have(const struct match *m, const struct space *space)
{
	size_t i;

	for (i = 0; i < m->pods.terms.n; i++)
		if (m->pods.terms.v[i].op == WR_SEL_NOTHING)
			return false;
	return has_space(m, space);
}

void selector_text(const struct wr_selector *s, struct wr_strbuf *out)
{
	size_t i, k;

	for (i = 0; i < s->terms.n; i++) {
		const struct wr_selector_term *t = &s->terms.v[i];

		wr_strbuf_addf(out, "%s %d", t->key ? t->key : "", (int)t->op);
		for (k = 0; k < t->values.n; k++)
			wr_strbuf_addf(out, " %s", t->values.v[k]);
		wr_strbuf_addch(out, ';');
	}
}

/* ---- the index --------------------------------------------------------------------------------- */

struct bucket_key {
	const void *scope, *key, *value;
};

struct bucket {
	struct wr_hnode node;
	struct bucket_key key;
	WR_VEC(void *) items;
};

static const char by_space_label; /* the scope of those that ask for a namespace's label */

static struct bucket *bucket_find(const struct match_index *idx, const struct bucket_key *key)
{
	uint32_t hash = wr_hash_bytes(key, sizeof(*key), 0);
	struct wr_hnode *n;

	for (n = wr_hmap_first(&idx->buckets, hash); n; n = wr_hmap_next(n)) {
		struct bucket *b = WR_CONTAINER_OF(n, struct bucket, node);

		if (memcmp(&b->key, key, sizeof(*key)) == 0)
			return b;
	}
	return NULL;
}

static void bucket_add(struct match_index *idx, const struct bucket_key *key, void *item)
{
	struct bucket *b = bucket_find(idx, key);

	if (!b) {
		b = wr_xcalloc(1, sizeof(*b));
		b->key = *key;
		wr_hmap_add(&idx->buckets, &b->node, wr_hash_bytes(key, sizeof(*key), 0));
	}
	wr_vec_push(&b->items, item);
}

static void bucket_del(struct match_index *idx, const struct bucket_key *key, void *item)
{
	struct bucket *b = bucket_find(idx, key);
	size_t i;

	for (i = 0; b && i < b->items.n; i++)
		if (b->items.v[i] == item) {
			wr_vec_del_unordered(&b->items, i);
			break;
		}
	if (!b || b->items.n)
		return;
	wr_hmap_del(&idx->buckets, &b->node);
	wr_vec_done(&b->items);
	free(b);
}

static const struct wr_selector_term *find_in(const struct wr_selector *s)
{
	size_t i;

	for (i = 0; i < s->terms.n; i++)
		if (s->terms.v[i].op == WR_SEL_IN)
			return &s->terms.v[i];
	return NULL;
}

/* The buckets that the match is found in: one for each value of a term that asks for some. */
static void each_bucket(struct match_index *idx, const struct match *m, void *item,
			void (*fn)(struct match_index *, const struct bucket_key *, void *))
{
	const struct wr_selector_term *t = find_in(&m->pods);
	struct bucket_key key = { .scope = m->ns };
	size_t i;

	if (!t && !m->ns) {
		t = find_in(&m->namespaces);
		key.scope = t ? &by_space_label : NULL;
	}
	if (!t) {
		fn(idx, &key, item);
		return;
	}
	key.key = t->key;
	for (i = 0; i < t->values.n; i++) {
		key.value = t->values.v[i];
		fn(idx, &key, item);
	}
}

void index_add(struct match_index *idx, const struct match *m, void *item)
{
	each_bucket(idx, m, item, bucket_add);
}

void index_del(struct match_index *idx, const struct match *m, void *item)
{
	each_bucket(idx, m, item, bucket_del);
}

static void visit(const struct match_index *idx, const void *scope, const void *key,
		  const void *value, match_fn fn, void *ctx)
{
	struct bucket_key k = { scope, key, value };
	const struct bucket *b = bucket_find(idx, &k);
	size_t i;

	for (i = 0; b && i < b->items.n; i++)
		fn(ctx, b->items.v[i]);
}

void index_each(const struct match_index *idx, const struct space *space,
		const struct wr_labels *labels, match_fn fn, void *ctx)
{
	struct wr_labels of_space = space_labels(space);
	uint32_t i;

	visit(idx, NULL, NULL, NULL, fn, ctx);
	visit(idx, space->name, NULL, NULL, fn, ctx);
	for (i = 0; i < labels->n; i++) {
		visit(idx, NULL, labels->v[i].key, labels->v[i].value, fn, ctx);
		visit(idx, space->name, labels->v[i].key, labels->v[i].value, fn, ctx);
	}
	for (i = 0; i < of_space.n; i++)
		visit(idx, &by_space_label, of_space.v[i].key, of_space.v[i].value, fn, ctx);
}

void index_done(struct match_index *idx)
{
	struct wr_hnode *n, *next;
	size_t pos;

	wr_hmap_each(&idx->buckets, n, pos, next) {
		struct bucket *b = WR_CONTAINER_OF(n, struct bucket, node);

		wr_vec_done(&b->items);
		free(b);
	}
	wr_hmap_done(&idx->buckets);
}
