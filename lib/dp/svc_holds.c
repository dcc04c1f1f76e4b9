/* SPDX-License-Identifier: Apache-2.0 */
/* Backends that new flows avoid and old ones still use: named by a set, so that they are not freed. */
#include <stdlib.h>

#include "lib/dp/svc_private.h"

static uint32_t new_hold(struct wr_svc_table *t)
{
	uint32_t i = t->free_hold;

	if (i != SVC_NONE) {
		t->free_hold = t->holds.v[i].next_free;
		t->holds.v[i] = (struct svc_hold){ 0 };
		return i;
	}
	wr_vec_push(&t->holds, (struct svc_hold){ 0 });
	return (uint32_t)t->holds.n - 1;
}

void svc_hold_clear(struct wr_svc_table *t, struct svc_set *set)
{
	struct svc_hold *h;
	uint32_t i;

	if (set->held == SVC_NONE)
		return;
	h = &t->holds.v[set->held];
	for (i = 0; i < h->n; i++)
		svc_be_unref(t, h->v[i]);
	free(h->v);
	*h = (struct svc_hold){ .next_free = t->free_hold };
	t->free_hold = set->held;
	set->held = SVC_NONE;
}

void svc_hold_set(struct wr_svc_table *t, struct svc_set *set, const struct svc_holding *what)
{
	uint32_t number, i = new_hold(t);
	struct svc_hold *h = &t->holds.v[i];
	size_t k;

	h->v = wr_xcalloc(what->n, sizeof(*h->v));
	for (k = 0; k < what->n; k++) {
		number = svc_be_find(t, what->id, &what->v[k]);
		if (!number) /* no flow can name it */
			continue;
		svc_be_set_facts(t, number, &what->v[k]);
		svc_be_ref(t, what->id, number);
		h->v[h->n++] = number;
	}
	/* The new ones are named before the former are let go. */
	svc_hold_clear(t, set);
	set->held = i;
}
