// SPDX-License-Identifier: Apache-2.0
/* Peer selectors, each once, and the sets of them that are identities. */
#include <stdlib.h>

#include "agent/policy/private.h"
#include "lib/base/cleanup.h"
#include "lib/base/str.h"

#define IDENTITY_MAX 65536u /* wr_identity_gens */

/* ---- selectors --------------------------------------------------------------------------------- */

struct sel *sel_at(const struct wr_policy *p, uint32_t number)
{
	return p->sel_at.v[number];
}

static uint32_t free_number(struct wr_policy *p)
{
	if (p->free_sels.n)
		return p->free_sels.v[--p->free_sels.n];
	wr_vec_push(&p->sel_at, NULL);
	return (uint32_t)p->sel_at.n - 1;
}

static struct sel *sel_find(const struct wr_policy *p, const char *text)
{
	struct wr_hnode *n;

	for (n = wr_hmap_first(&p->sels, wr_hash_str(text)); n; n = wr_hmap_next(n)) {
		struct sel *s = WR_CONTAINER_OF(n, struct sel, node);

		if (strcmp(s->text, text) == 0)
			return s;
	}
	return NULL;
}

static struct sel *sel_add(struct wr_policy *p, const char *text, enum sel_kind kind)
{
	struct sel *s = wr_xcalloc(1, sizeof(*s));

	s->text = wr_xstrdup(text);
	s->kind = kind;
	s->number = free_number(p);
	p->sel_at.v[s->number] = s;
	wr_hmap_add(&p->sels, &s->node, wr_hash_str(text));
	return s;
}

static void block_text(const struct wr_policy_peer *peer, struct wr_strbuf *out)
{
	char text[WR_PREFIX_STRLEN];
	size_t i;

	wr_strbuf_addf(out, "block %s", wr_prefix_format(&peer->block, text));
	for (i = 0; i < peer->excepts.n; i++)
		wr_strbuf_addf(out, " %s", wr_prefix_format(&peer->excepts.v[i], text));
}

static void peer_text(const struct wr_policy_peer *peer, wr_istr ns, struct wr_strbuf *out)
{
	if (peer->kind == WR_PEER_KIND_BLOCK) {
		block_text(peer, out);
		return;
	}
	if (peer->kind == WR_PEER_KIND_DOMAIN) {
		wr_strbuf_addf(out, "domain %s", peer->domain);
		return;
	}
	if (peer->kind == WR_PEER_KIND_NODES)
		wr_strbuf_addstr(out, "nodes ");
	else if (peer->own_namespace)
		wr_strbuf_addf(out, "namespace %s ", ns);
	else
		wr_strbuf_addstr(out, "namespaces ");
	if (peer->kind == WR_PEER_KIND_PODS && !peer->own_namespace)
		selector_text(&peer->namespaces, out);
	wr_strbuf_addch(out, '|');
	selector_text(&peer->pods, out);
}

static void take_block(struct sel *s, const struct wr_policy_peer *peer)
{
	size_t i;

	s->block = wr_prefix_masked(&peer->block);
	for (i = 0; i < peer->excepts.n; i++)
		wr_vec_push(&s->excepts, wr_prefix_masked(&peer->excepts.v[i]));
}

struct sel *sel_of_peer(struct wr_policy *p, const struct wr_policy_peer *peer, wr_istr ns)
{
	static const enum sel_kind kinds[] = {
		[WR_PEER_KIND_PODS] = SEL_PODS,
		[WR_PEER_KIND_BLOCK] = SEL_BLOCK,
		[WR_PEER_KIND_NODES] = SEL_NODES,
		[WR_PEER_KIND_DOMAIN] = SEL_DOMAIN,
	};
	wr_auto_strbuf text = WR_STRBUF_INIT;
	struct sel *s;

	/* What is not understood is no peer. */
	if (peer->kind == WR_PEER_KIND_UNSUPPORTED)
		return NULL;
	peer_text(peer, ns, &text);
	s = sel_find(p, text.buf);
	if (!s) {
		s = sel_add(p, text.buf, kinds[peer->kind]);
		if (s->kind == SEL_BLOCK)
			take_block(s, peer);
		else if (s->kind == SEL_DOMAIN)
			s->domain = wr_xstrdup(peer->domain);
		else
			match_copy(&s->match, peer->own_namespace ? ns : NULL, &peer->namespaces,
				   &peer->pods);
	}
	s->refs++;
	return s;
}

struct sel *sel_of_port(struct wr_policy *p, wr_istr name, uint8_t proto, uint16_t port)
{
	wr_auto_strbuf text = WR_STRBUF_INIT;
	struct sel *s;

	wr_strbuf_addf(&text, "port %s %u %u", name, proto, port);
	s = sel_find(p, text.buf);
	if (s)
		return s;
	s = sel_add(p, text.buf, SEL_PORT);
	s->port = (struct wr_policy_port){
		.proto = proto, .first = port, .last = port, .name = wr_istr_ref(name)
	};
	return s;
}

void sel_put(struct wr_policy *p, struct sel *s)
{
	if (--s->refs)
		return;
	wr_hmap_del(&p->sels, &s->node);
	p->sel_at.v[s->number] = NULL;
	wr_vec_push(&p->free_sels, s->number);
	if (s->kind == SEL_PODS || s->kind == SEL_NODES)
		match_done(&s->match);
	wr_vec_done(&s->excepts);
	wr_istr_put(s->port.name);
	free(s->domain);
	free(s->text);
	free(s);
}

void sel_use(struct wr_policy *p, struct sel *s)
{
	if (s->uses++)
		return;
	s->refs++;
	if (s->kind == SEL_BLOCK) {
		block_add(p, s);
		return;
	}
	if (s->kind == SEL_DOMAIN) {
		wr_vec_push(&p->domain_sels, s);
		sites_touch_named(p);
		return;
	}
	if (s->kind == SEL_NODES)
		wr_vec_push(&p->node_sels, s);
	else
		index_add(&p->peer_index, &s->match, s);
	wr_vec_push(&p->fresh, s);
}

static void drop_from_lists(struct wr_policy *p, const struct sel *s)
{
	size_t i;

	for (i = 0; i < p->node_sels.n; i++)
		if (p->node_sels.v[i] == s)
			wr_vec_del_unordered(&p->node_sels, i--);
	for (i = 0; i < p->fresh.n; i++)
		if (p->fresh.v[i] == s)
			wr_vec_del_unordered(&p->fresh, i--);
	for (i = 0; i < p->domain_sels.n; i++)
		if (p->domain_sels.v[i] == s)
			wr_vec_del_unordered(&p->domain_sels, i--);
}

void sel_unuse(struct wr_policy *p, struct sel *s)
{
	if (--s->uses)
		return;
	if (s->kind == SEL_BLOCK) {
		block_del(p, s);
	} else if (s->kind == SEL_DOMAIN) {
		drop_from_lists(p, s);
		sites_touch_named(p);
	} else {
		drop_from_lists(p, s);
		if (s->kind == SEL_PODS)
			index_del(&p->peer_index, &s->match, s);
		cluster_touch_matching(p, s);
	}
	sel_put(p, s);
}

/* ---- identities -------------------------------------------------------------------------------- */

static int cmp_numbers(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void sort_unique(numbers *set)
{
	size_t i, n = 0;

	wr_vec_sort(set, cmp_numbers);
	for (i = 0; i < set->n; i++)
		if (!i || set->v[i] != set->v[i - 1])
			set->v[n++] = set->v[i];
	set->n = n;
}

static struct identity *identity_find(const struct wr_policy *p, const numbers *set, uint32_t hash)
{
	struct wr_hnode *n;

	for (n = wr_hmap_first(&p->identities, hash); n; n = wr_hmap_next(n)) {
		struct identity *i = WR_CONTAINER_OF(n, struct identity, node);

		if (i->n == set->n && memcmp(i->sels, set->v, set->n * sizeof(*set->v)) == 0)
			return i;
	}
	return NULL;
}

/* What the set means, whatever numbers its selectors have in this run: the sum does not depend on their order. */
static uint64_t meaning(const struct wr_policy *p, const numbers *set)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < set->n; i++) {
		const char *text = sel_at(p, set->v[i])->text;

		sum += wr_hash64_bytes(text, strlen(text), 0);
	}
	return wr_hash64_bytes(&sum, sizeof(sum), set->n);
}

static const struct reserved *reserved_by_number(const struct wr_policy *p, uint32_t number)
{
	size_t i;

	for (i = 0; i < p->reserved.n; i++)
		if (p->reserved.v[i].number == number)
			return &p->reserved.v[i];
	return NULL;
}

static bool is_free(const struct wr_policy *p, uint32_t number)
{
	return !p->identity_at[number] && !reserved_by_number(p, number);
}

/* 0: none is free. */
static uint32_t choose_number(struct wr_policy *p, uint64_t hash)
{
	uint32_t tried;
	size_t i;

	for (i = 0; i < p->reserved.n; i++)
		if (p->reserved.v[i].hash == hash && !p->identity_at[p->reserved.v[i].number])
			return p->reserved.v[i].number;
	for (tried = WR_IDENTITY_FIRST; tried < IDENTITY_MAX; tried++) {
		uint32_t number = p->next_identity;

		p->next_identity = number + 1 < IDENTITY_MAX ? number + 1 : WR_IDENTITY_FIRST;
		if (is_free(p, number))
			return number;
	}
	return 0;
}

struct identity *identity_get(struct wr_policy *p, numbers *set, enum wr_identity otherwise)
{
	struct identity *i;
	uint32_t hash, number, k;

	if (!set->n)
		return p->fixed[otherwise];
	sort_unique(set);
	hash = wr_hash_bytes(set->v, set->n * sizeof(*set->v), 0);
	i = identity_find(p, set, hash);
	if (i)
		return i;
	number = choose_number(p, meaning(p, set));
	if (!number)
		return p->fixed[WR_IDENTITY_UNKNOWN];
	i = wr_xcalloc(1, sizeof(*i) + set->n * sizeof(*set->v));
	i->hash = meaning(p, set);
	i->number = number;
	i->n = (uint32_t)set->n;
	memcpy(i->sels, set->v, set->n * sizeof(*set->v));
	for (k = 0; k < i->n; k++)
		sel_at(p, i->sels[k])->refs++;
	p->identity_at[number] = i;
	wr_hmap_add(&p->identities, &i->node, hash);
	p->identities_made++;
	return i;
}

void identity_free(struct wr_policy *p, struct identity *i)
{
	uint32_t k;

	for (k = 0; k < i->n; k++)
		sel_put(p, sel_at(p, i->sels[k]));
	p->identity_at[i->number] = NULL;
	wr_hmap_del(&p->identities, &i->node);
	free(i);
}

void identity_move(struct identity **at, struct identity *to)
{
	if (to) {
		to->refs++;
		to->age = 0;
	}
	if (*at)
		(*at)->refs--;
	*at = to;
}

void wr_policy_reserve(struct wr_policy *p, uint32_t number, uint64_t hash)
{
	struct reserved r = { hash, number };

	if (number >= WR_IDENTITY_FIRST && number < IDENTITY_MAX && !reserved_by_number(p, number))
		wr_vec_push(&p->reserved, r);
}

uint64_t wr_policy_identities_made(const struct wr_policy *p)
{
	return p->identities_made;
}

int wr_policy_each_identity(const struct wr_policy *p,
			    int (*fn)(void *ctx, uint32_t number, uint64_t hash), void *ctx)
{
	uint32_t n;
	int r = 0;

	for (n = WR_IDENTITY_FIRST; n < IDENTITY_MAX && r == 0; n++)
		if (p->identity_at[n])
			r = fn(ctx, n, p->identity_at[n]->hash);
	return r;
}
