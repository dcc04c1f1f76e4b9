/* SPDX-License-Identifier: Apache-2.0 */
/* Strings and lists of strings of which there is one of each. */
#include "agent/obj/intern.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/hmap.h"
#include "lib/base/mem.h"

struct istr {
	struct wr_hnode node;
	uint32_t refs;
	char text[];
};

struct ilist {
	struct wr_hnode node;
	uint32_t refs;
	struct wr_ilist list;
};

static struct wr_hmap strings, lists;

static struct istr *istr_of(wr_istr s)
{
	return wr_unconst(s - offsetof(struct istr, text));
}

static struct istr *find_text(const char *s, size_t len, uint32_t hash)
{
	struct wr_hnode *n;
	struct istr *i;

	for (n = wr_hmap_first(&strings, hash); n; n = wr_hmap_next(n)) {
		i = WR_CONTAINER_OF(n, struct istr, node);
		if (memcmp(i->text, s, len + 1) == 0)
			return i;
	}
	return NULL;
}

static struct istr *add_text(const char *s, size_t len, uint32_t hash)
{
	struct istr *i = wr_xmalloc(sizeof(*i) + len + 1);

	i->refs = 0;
	memcpy(i->text, s, len + 1);
	wr_hmap_add(&strings, &i->node, hash);
	return i;
}

wr_istr wr_istr_get(const char *s)
{
	size_t len;
	uint32_t hash;
	struct istr *i;

	if (!s)
		return NULL;
	len = strlen(s);
	hash = wr_hash_bytes(s, len, 0);
	i = find_text(s, len, hash);
	if (!i)
		i = add_text(s, len, hash);
	i->refs++;
	return i->text;
}

wr_istr wr_istr_ref(wr_istr s)
{
	if (s)
		istr_of(s)->refs++;
	return s;
}

/* The last string to go takes the table along: nothing is left at exit. */
static void shrink(struct wr_hmap *m)
{
	if (!m->n)
		wr_hmap_done(m);
}

void wr_istr_put(wr_istr s)
{
	struct istr *i;

	if (!s)
		return;
	i = istr_of(s);
	if (--i->refs)
		return;
	wr_hmap_del(&strings, &i->node);
	free(i);
	shrink(&strings);
}

wr_istr wr_istr_find(const char *s)
{
	size_t len = strlen(s);
	struct istr *i = find_text(s, len, wr_hash_bytes(s, len, 0));

	return i ? i->text : NULL;
}

size_t wr_istr_count(void)
{
	return strings.n;
}

static struct ilist *find_list(const wr_istr *v, uint32_t n, uint32_t hash)
{
	struct wr_hnode *node;
	struct ilist *l;

	for (node = wr_hmap_first(&lists, hash); node; node = wr_hmap_next(node)) {
		l = WR_CONTAINER_OF(node, struct ilist, node);
		if (l->list.n == n && memcmp(l->list.v, v, n * sizeof(*v)) == 0)
			return l;
	}
	return NULL;
}

static struct ilist *add_list(const wr_istr *v, uint32_t n, uint32_t hash)
{
	struct ilist *l = wr_xmalloc(sizeof(*l) + n * sizeof(*v));
	uint32_t i;

	l->refs = 0;
	l->list.n = n;
	for (i = 0; i < n; i++)
		l->list.v[i] = wr_istr_ref(v[i]);
	wr_hmap_add(&lists, &l->node, hash);
	return l;
}

const struct wr_ilist *wr_ilist_get(const wr_istr *v, uint32_t n)
{
	struct ilist *l;
	uint32_t hash;

	if (!n)
		return NULL;
	/* Equal strings are equal pointers: those are the content. */
	hash = wr_hash_bytes(v, n * sizeof(*v), 0);
	l = find_list(v, n, hash);
	if (!l)
		l = add_list(v, n, hash);
	l->refs++;
	return &l->list;
}

void wr_ilist_put(const struct wr_ilist *list)
{
	struct ilist *l;
	uint32_t i;

	if (!list)
		return;
	l = WR_CONTAINER_OF(wr_unconst(list), struct ilist, list);
	if (--l->refs)
		return;
	for (i = 0; i < list->n; i++)
		wr_istr_put(list->v[i]);
	wr_hmap_del(&lists, &l->node);
	free(l);
	shrink(&lists);
}
