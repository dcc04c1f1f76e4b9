/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who has which frontend. Two services may want the same one (an external address, a host port); which of them
 * has it depends on their names alone, not on who came first, and the other one gets it when it is given up.
 */
#include "agent/svc/private.h"

#include "lib/base/mem.h"

static uint32_t hash_of(const struct wr_frontend *fe)
{
	return wr_hash_bytes(fe, sizeof(*fe), 0);
}

static struct wr_svc_claim *find(const struct wr_svc_index *idx, const struct wr_frontend *fe)
{
	struct wr_svc_claim *c;
	struct wr_hnode *n;

	for (n = wr_hmap_first(&idx->claims, hash_of(fe)); n; n = wr_hmap_next(n)) {
		c = WR_CONTAINER_OF(n, struct wr_svc_claim, node);
		if (!memcmp(&c->fe, fe, sizeof(*fe)))
			return c;
	}
	return NULL;
}

bool wr_svc_has_claimed(const struct wr_svc_index *idx, const struct wr_svc *svc,
			const struct wr_frontend *fe)
{
	const struct wr_svc_claim *c = find(idx, fe);

	return c && c->owner == svc && c->round == idx->round;
}

static struct wr_svc_claim *get(struct wr_svc_index *idx, const struct wr_frontend *fe)
{
	struct wr_svc_claim *c = find(idx, fe);

	if (c)
		return c;
	c = wr_xcalloc(1, sizeof(*c));
	c->fe = *fe;
	wr_hmap_add(&idx->claims, &c->node, hash_of(fe));
	return c;
}

/* Services before host ports, then by name. */
static bool goes_first(const struct wr_svc *a, const struct wr_svc *b)
{
	int cmp;

	if (a->host_ports != b->host_ports)
		return b->host_ports;
	cmp = strcmp(a->ns, b->ns);
	return (cmp ? cmp : strcmp(a->name, b->name)) < 0;
}

static void wait_for(struct wr_svc_claim *c, struct wr_svc *svc)
{
	if (!c->waiting)
		c->waiting = wr_xcalloc(1, sizeof(*c->waiting));
	wr_vec_push(&c->waiting->v, svc);
	wr_vec_push(&wr_svc_rare(svc)->waits, c);
}

static void take(struct wr_svc_index *idx, struct wr_svc_claim *c, struct wr_svc *svc)
{
	c->owner = svc;
	c->round = idx->round;
	wr_vec_push(&svc->claims, c);
}

static void lose(struct wr_svc_claim *c)
{
	size_t i;

	for (i = 0; i < c->owner->claims.n; i++)
		if (c->owner->claims.v[i] == c) {
			wr_vec_del_unordered(&c->owner->claims, i);
			return;
		}
}

enum wr_svc_claimed wr_svc_claim(struct wr_svc_index *idx, struct wr_svc *svc,
				 const struct wr_frontend *fe, const struct wr_svc **ret_owner)
{
	struct wr_svc_claim *c = get(idx, fe);

	if (c->owner == svc) {
		if (c->round == idx->round)
			return WR_SVC_CLAIMED_ALREADY;
		c->round = idx->round;
		return WR_SVC_CLAIMED;
	}
	if (c->owner && goes_first(c->owner, svc)) {
		wait_for(c, svc);
		*ret_owner = c->owner;
		return WR_SVC_TAKEN;
	}
	if (c->owner) {
		wr_svc_mark(idx, c->owner);
		lose(c);
	}
	take(idx, c, svc);
	return WR_SVC_CLAIMED;
}

static void drop_if_free(struct wr_svc_index *idx, struct wr_svc_claim *c)
{
	if (c->owner || (c->waiting && c->waiting->v.n))
		return;
	wr_hmap_del(&idx->claims, &c->node);
	if (c->waiting)
		wr_vec_done(&c->waiting->v);
	free(c->waiting);
	free(c);
}

static void stop_waiting(struct wr_svc_claim *c, const struct wr_svc *svc)
{
	size_t i;

	for (i = 0; i < c->waiting->v.n; i++)
		if (c->waiting->v.v[i] == svc) {
			wr_vec_del_unordered(&c->waiting->v, i);
			return;
		}
}

void wr_svc_claims_begin(struct wr_svc_index *idx, struct wr_svc *svc)
{
	struct wr_svc_rare *rare = svc->rare;
	size_t i;

	if (!rare)
		return;
	for (i = 0; i < rare->waits.n; i++) {
		stop_waiting(rare->waits.v[i], svc);
		drop_if_free(idx, rare->waits.v[i]);
	}
	wr_vec_reset(&rare->waits);
}

void wr_svc_claims_end(struct wr_svc_index *idx, struct wr_svc *svc)
{
	size_t i = 0, k;

	while (i < svc->claims.n) {
		struct wr_svc_claim *c = svc->claims.v[i];

		if (c->round == idx->round) {
			i++;
			continue;
		}
		c->owner = NULL;
		for (k = 0; c->waiting && k < c->waiting->v.n; k++)
			wr_svc_mark(idx, c->waiting->v.v[k]);
		wr_vec_del_unordered(&svc->claims, i);
		drop_if_free(idx, c);
	}
}
