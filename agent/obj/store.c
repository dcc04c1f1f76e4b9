/* SPDX-License-Identifier: Apache-2.0 */
/* The cluster's objects by name, and their subscribers. */
#include "agent/obj/store.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

struct subscriber {
	wr_store_fn fn;
	void *ctx;
};

struct shelf {
	struct wr_hmap objects;
	uint8_t epoch; /* objects of the relist under way, or put since, carry this one */
	bool synced;
};

struct wr_store {
	struct shelf shelves[WR_KIND_MAX];
	WR_VEC(struct subscriber) subscribers;
};

struct wr_store *wr_store_new(void)
{
	return wr_xcalloc(1, sizeof(struct wr_store));
}

static struct wr_object *object_of(struct wr_hnode *n)
{
	return n ? WR_CONTAINER_OF(n, struct wr_object, node) : NULL;
}

void wr_store_free(struct wr_store *s)
{
	struct wr_hnode *n, *next;
	size_t kind, pos;

	if (!s)
		return;
	for (kind = 0; kind < WR_KIND_MAX; kind++) {
		wr_hmap_each(&s->shelves[kind].objects, n, pos, next)
			wr_object_free(object_of(n));
		wr_hmap_done(&s->shelves[kind].objects);
	}
	wr_vec_done(&s->subscribers);
	free(s);
}

static uint32_t hash_of(const char *ns, const char *name)
{
	return wr_hash_bytes(name, strlen(name), wr_hash_str(ns));
}

static struct wr_object *find(const struct shelf *shelf, const char *ns, const char *name,
			      uint32_t hash)
{
	struct wr_hnode *n;
	struct wr_object *o;

	for (n = wr_hmap_first(&shelf->objects, hash); n; n = wr_hmap_next(n)) {
		o = object_of(n);
		if (strcmp(o->name, name) == 0 && strcmp(o->ns, ns) == 0)
			return o;
	}
	return NULL;
}

static void notify(const struct wr_store *s, enum wr_kind kind, const struct wr_object *old,
		   const struct wr_object *new_)
{
	size_t i;

	for (i = 0; i < s->subscribers.n; i++)
		s->subscribers.v[i].fn(s->subscribers.v[i].ctx, kind, old, new_);
}

struct wr_object *wr_store_put(struct wr_store *s, struct wr_object *o)
{
	struct shelf *shelf = &s->shelves[o->kind];
	uint32_t hash = hash_of(o->ns, o->name);
	struct wr_object *old = find(shelf, o->ns, o->name, hash);

	if (old && old->content == o->content) {
		old->epoch = shelf->epoch;
		wr_object_free(o);
		return old;
	}
	if (old)
		wr_hmap_del(&shelf->objects, &old->node);
	o->epoch = shelf->epoch;
	wr_hmap_add(&shelf->objects, &o->node, hash);
	notify(s, o->kind, old, o);
	wr_object_free(old);
	return o;
}

static void drop(struct wr_store *s, struct wr_object *o)
{
	wr_hmap_del(&s->shelves[o->kind].objects, &o->node);
	notify(s, o->kind, o, NULL);
	wr_object_free(o);
}

void wr_store_del(struct wr_store *s, enum wr_kind kind, const char *ns, const char *name)
{
	struct wr_object *o = wr_store_get(s, kind, ns, name);

	if (o)
		drop(s, o);
}

struct wr_object *wr_store_get(const struct wr_store *s, enum wr_kind kind, const char *ns,
			       const char *name)
{
	return find(&s->shelves[kind], ns, name, hash_of(ns, name));
}

size_t wr_store_count(const struct wr_store *s, enum wr_kind kind)
{
	return s->shelves[kind].objects.n;
}

int wr_store_each(const struct wr_store *s, enum wr_kind kind,
		  int (*fn)(void *ctx, struct wr_object *o), void *ctx)
{
	struct wr_hnode *n, *next;
	size_t pos;
	int r;

	wr_hmap_each(&s->shelves[kind].objects, n, pos, next) {
		r = fn(ctx, object_of(n));
		if (r)
			return r;
	}
	return 0;
}

void wr_store_begin(struct wr_store *s, enum wr_kind kind)
{
	struct shelf *shelf = &s->shelves[kind];
	struct wr_hnode *n, *next;
	size_t pos;

	/*
	 * A list that was begun and never finished leaves marks of its own: all start from the same
	 * one.
	 */
	wr_hmap_each(&shelf->objects, n, pos, next)
		object_of(n)->epoch = 0;
	shelf->epoch = 1;
}

void wr_store_synced(struct wr_store *s, enum wr_kind kind)
{
	struct shelf *shelf = &s->shelves[kind];
	bool first = !shelf->synced;
	struct wr_hnode *n, *next;
	size_t pos;

	wr_hmap_each(&shelf->objects, n, pos, next)
		if (object_of(n)->epoch != shelf->epoch)
			drop(s, object_of(n));
	shelf->synced = true;
	if (first)
		notify(s, kind, NULL, NULL);
}

bool wr_store_is_synced(const struct wr_store *s, enum wr_kind kind)
{
	return s->shelves[kind].synced;
}

void wr_store_subscribe(struct wr_store *s, wr_store_fn fn, void *ctx)
{
	struct subscriber sub = { .fn = fn, .ctx = ctx };

	wr_vec_push(&s->subscribers, sub);
}
