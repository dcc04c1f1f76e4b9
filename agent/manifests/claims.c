/* SPDX-License-Identifier: Apache-2.0 */
/* Objects and the files they belong to. */
#include "agent/manifests/claims.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

static uint32_t hash_of(const struct wr_object *o)
{
	return wr_hash_bytes(o->name, strlen(o->name), wr_hash_str(o->ns) + o->kind);
}

static struct wr_claim *claim_of(struct wr_hnode *n)
{
	return WR_CONTAINER_OF(n, struct wr_claim, node);
}

struct wr_claim *wr_claim_find(const struct wr_claims *c, const struct wr_object *o)
{
	struct wr_hnode *n;
	struct wr_claim *claim;

	for (n = wr_hmap_first(&c->map, hash_of(o)); n; n = wr_hmap_next(n)) {
		claim = claim_of(n);
		if (claim->kind == o->kind && claim->ns == o->ns && strcmp(claim->name, o->name) == 0)
			return claim;
	}
	return NULL;
}

struct wr_claim *wr_claim_new(struct wr_claims *c, const struct wr_object *o, const void *owner)
{
	struct wr_claim *claim = wr_xcalloc(1, sizeof(*claim));

	claim->kind = o->kind;
	claim->ns = wr_istr_ref(o->ns);
	claim->name = wr_xstrdup(o->name);
	claim->owner = owner;
	wr_hmap_add(&c->map, &claim->node, hash_of(o));
	return claim;
}

void wr_claim_give_up(struct wr_claims *c, struct wr_claim *claim)
{
	claim->owner = NULL;
	wr_vec_push(&c->given_up, claim);
}

static void free_claim(struct wr_claims *c, struct wr_claim *claim)
{
	wr_hmap_del(&c->map, &claim->node);
	wr_istr_put(claim->ns);
	free(claim->name);
	free(claim);
}

void wr_claims_settle(struct wr_claims *c, void (*fn)(void *ctx, const struct wr_claim *claim),
		      void *ctx)
{
	size_t i;

	for (i = 0; i < c->given_up.n; i++) {
		if (c->given_up.v[i]->owner)
			continue;
		fn(ctx, c->given_up.v[i]);
		free_claim(c, c->given_up.v[i]);
	}
	wr_vec_reset(&c->given_up);
}

void wr_claims_done(struct wr_claims *c)
{
	struct wr_hnode *n, *next;
	size_t pos;

	wr_hmap_each(&c->map, n, pos, next)
		free_claim(c, claim_of(n));
	wr_hmap_done(&c->map);
	wr_vec_done(&c->given_up);
}
