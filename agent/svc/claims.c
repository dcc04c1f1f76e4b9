/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who has which frontend. Two services may want the same one (an external address, a host port); which of them
 * has it depends on their names alone, not on who came first, and the other one gets it when it is given up.
 */
#include "agent/svc/private.h"

#include "lib/base/mem.h"

static struct wr_svc_claim *claim_at(const struct wr_svc_index *idx, uint32_t i)
{
	return wr_slab_at(&idx->claims, i);
}

static uint32_t hash_of(const struct wr_frontend *fe)
{
	return wr_hash_bytes(fe, sizeof(*fe), 0);
}

static bool is_for(const struct wr_svc_claim *c, const struct wr_frontend *fe)
{
	return c->port == fe->port && c->proto == fe->proto && c->scope == fe->scope &&
	       wr_addr_eq(&c->addr, &fe->addr);
}

static uint32_t find(const struct wr_svc_index *idx, const struct wr_frontend *fe)
{
	uint32_t i = wr_slab_first(&idx->claims, hash_of(fe));

	while (i != WR_SLAB_END && !is_for(claim_at(idx, i), fe))
		i = wr_slab_next(&idx->claims, i);
	return i;
}

bool wr_svc_has_claimed(const struct wr_svc_index *idx, const struct wr_svc *svc,
			const struct wr_frontend *fe)
{
	uint32_t i = find(idx, fe);

	return i != WR_SLAB_END && claim_at(idx, i)->owner == svc &&
	       claim_at(idx, i)->round == idx->round;
}

static uint32_t get(struct wr_svc_index *idx, const struct wr_frontend *fe)
{
	uint32_t i = find(idx, fe);
	struct wr_svc_claim *c;

	if (i != WR_SLAB_END)
		return i;
	i = wr_slab_add(&idx->claims, hash_of(fe));
	c = claim_at(idx, i);
	c->addr = fe->addr;
	c->port = fe->port;
	c->proto = fe->proto;
	c->scope = fe->scope;
	return i;
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

/* ---- those that wait ---------------------------------------------------------------------------- */

/* The claim's number is the hash: the first is the only one. */
static struct wr_svc_waiting *waiting_for(const struct wr_svc_index *idx, uint32_t claim)
{
	uint32_t i = wr_slab_first(&idx->waiting, claim);

	return i == WR_SLAB_END ? NULL : wr_slab_at(&idx->waiting, i);
}

static void wait_for(struct wr_svc_index *idx, uint32_t claim, struct wr_svc *svc)
{
	struct wr_svc_waiting *w = waiting_for(idx, claim);

	if (!w)
		w = wr_slab_at(&idx->waiting, wr_slab_add(&idx->waiting, claim));
	wr_vec_push(&w->v, svc);
	wr_vec_push(&wr_svc_rare(svc)->waits, claim);
}

static void stop_waiting(struct wr_svc_index *idx, uint32_t claim, const struct wr_svc *svc)
{
	struct wr_svc_waiting *w = waiting_for(idx, claim);
	size_t i = 0;

	while (w->v.v[i] != svc)
		i++;
	wr_vec_del_unordered(&w->v, i);
	if (w->v.n)
		return;
	wr_vec_done(&w->v);
	wr_slab_del(&idx->waiting, wr_slab_first(&idx->waiting, claim));
}

/* ---- those that have ------------------------------------------------------------------------------ */

static void take(struct wr_svc_index *idx, uint32_t claim, struct wr_svc *svc)
{
	struct wr_svc_claim *c = claim_at(idx, claim);

	c->owner = svc;
	c->round = idx->round;
	c->next_of_owner = svc->claims;
	svc->claims = claim + 1;
}

static void lose(struct wr_svc_index *idx, uint32_t claim)
{
	const struct wr_svc_claim *c = claim_at(idx, claim);
	uint32_t *at = &c->owner->claims;

	while (*at != claim + 1)
		at = &claim_at(idx, *at - 1)->next_of_owner;
	*at = c->next_of_owner;
}

enum wr_svc_claimed wr_svc_claim(struct wr_svc_index *idx, struct wr_svc *svc,
				 const struct wr_frontend *fe, const struct wr_svc **ret_owner)
{
	uint32_t claim = get(idx, fe);
	struct wr_svc_claim *c = claim_at(idx, claim);

	if (c->owner == svc) {
		if (c->round == idx->round)
			return WR_SVC_CLAIMED_ALREADY;
		c->round = idx->round;
		return WR_SVC_CLAIMED;
	}
	if (c->owner && goes_first(c->owner, svc)) {
		wait_for(idx, claim, svc);
		*ret_owner = c->owner;
		return WR_SVC_TAKEN;
	}
	if (c->owner) {
		wr_svc_mark(idx, c->owner);
		lose(idx, claim);
	}
	take(idx, claim, svc);
	return WR_SVC_CLAIMED;
}

static void drop_if_free(struct wr_svc_index *idx, uint32_t claim)
{
	if (!claim_at(idx, claim)->owner && !waiting_for(idx, claim))
		wr_slab_del(&idx->claims, claim);
}

void wr_svc_claims_begin(struct wr_svc_index *idx, struct wr_svc *svc)
{
	struct wr_svc_rare *rare = svc->rare;
	size_t i;

	if (!rare)
		return;
	for (i = 0; i < rare->waits.n; i++) {
		stop_waiting(idx, rare->waits.v[i], svc);
		drop_if_free(idx, rare->waits.v[i]);
	}
	wr_vec_reset(&rare->waits);
}

static void give_up(struct wr_svc_index *idx, uint32_t claim)
{
	const struct wr_svc_waiting *w = waiting_for(idx, claim);
	size_t i;

	for (i = 0; w && i < w->v.n; i++)
		wr_svc_mark(idx, w->v.v[i]);
	claim_at(idx, claim)->owner = NULL;
	drop_if_free(idx, claim);
}

void wr_svc_claims_end(struct wr_svc_index *idx, struct wr_svc *svc)
{
	uint32_t *at = &svc->claims;

	while (*at) {
		uint32_t claim = *at - 1;
		struct wr_svc_claim *c = claim_at(idx, claim);

		if (c->round == idx->round) {
			at = &c->next_of_owner;
			continue;
		}
		*at = c->next_of_owner;
		give_up(idx, claim);
	}
}
