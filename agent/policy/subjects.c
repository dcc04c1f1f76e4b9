// SPDX-License-Identifier: Apache-2.0
/* Subjects: the pods of this node, which policies are theirs, and the order in which that reaches the kernel. */
#include <stdlib.h>

#include "agent/policy/private.h"
#include "lib/base/cleanup.h"
#include "lib/base/str.h"

struct pod *subject_pod(const struct wr_policy *p, const struct subject *s)
{
	struct pod *pod = *s->name ? pod_find(p, s->ns, s->name) : NULL;

	if (!pod || !s->uid || !pod->o->uid || pod->o->uid == s->uid || pod->o->config_hash == s->uid)
		return pod;
	return NULL;
}

struct subject *subject_of_pod(const struct wr_policy *p, const char *ns, const char *name)
{
	struct wr_hnode *n;

	for (n = wr_hmap_first(&p->subjects, hash_name(ns, name)); n; n = wr_hmap_next(n)) {
		struct subject *s = WR_CONTAINER_OF(n, struct subject, node);

		if (strcmp(s->name, name) == 0 && strcmp(s->ns, ns) == 0)
			return s;
	}
	return NULL;
}

static void touch_address(struct wr_policy *p, const struct wr_addr *addr)
{
	if (!wr_addr_is_zero(addr))
		site_touch(p, site_get(p, addr));
}

void subject_touch(struct wr_policy *p, struct subject *s)
{
	s->dirty = true;
	touch_address(p, &s->addr4);
	touch_address(p, &s->addr6);
}

static void set_address(struct wr_policy *p, const struct wr_addr *addr, struct subject *from,
			struct subject *to)
{
	struct site *site;

	if (wr_addr_is_zero(addr))
		return;
	site = site_get(p, addr);
	if (to || site->subject == from)
		site->subject = to;
	site_touch(p, site);
}

static void subject_free(struct wr_policy *p, struct subject *s)
{
	set_address(p, &s->addr4, s, NULL);
	set_address(p, &s->addr6, s, NULL);
	wr_hmap_del(&p->subjects, &s->node);
	ruleset_move(&s->want, NULL);
	ruleset_move(&s->now, NULL);
	p->subject_at.v[s->number] = NULL;
	wr_istr_put(s->ns);
	free(s->name);
	free(s);
}

static struct subject *subject_at(const struct wr_policy *p, uint32_t number)
{
	return number < p->subject_at.n ? p->subject_at.v[number] : NULL;
}

static bool is_same(const struct subject *s, const struct wr_policy_subject *given)
{
	return strcmp(s->ns, given->ns) == 0 && strcmp(s->name, given->name) == 0 &&
	       s->uid == wr_uid_hash(given->uid) && wr_addr_eq(&s->addr4, &given->addr4) &&
	       wr_addr_eq(&s->addr6, &given->addr6);
}

void wr_policy_subject_put(struct wr_policy *p, uint32_t number, const struct wr_policy_subject *given)
{
	struct subject *s = subject_at(p, number);

	if (s && is_same(s, given))
		return;
	if (s)
		subject_free(p, s);
	while (p->subject_at.n <= number)
		wr_vec_push(&p->subject_at, NULL);
	s = wr_xcalloc(1, sizeof(*s));
	s->number = number;
	s->ns = wr_istr_get(given->ns);
	s->name = wr_xstrdup(given->name);
	s->uid = wr_uid_hash(given->uid);
	s->addr4 = given->addr4;
	s->addr6 = given->addr6;
	p->subject_at.v[number] = s;
	wr_hmap_add(&p->subjects, &s->node, hash_name(s->ns, s->name));
	set_address(p, &s->addr4, NULL, s);
	set_address(p, &s->addr6, NULL, s);
	subject_touch(p, s);
}

void wr_policy_subject_del(struct wr_policy *p, uint32_t number)
{
	struct subject *s = subject_at(p, number);

	if (s)
		subject_free(p, s);
}

void subjects_touch_all(struct wr_policy *p)
{
	size_t i;

	for (i = 0; i < p->subject_at.n; i++)
		if (p->subject_at.v[i])
			p->subject_at.v[i]->dirty = true;
}

struct choosing {
	const struct pod *pod;
	pols_vec pols;
};

static void choose_if_matching(void *ctx, void *item)
{
	struct choosing *c = ctx;
	struct pol *pol = item;

	if (match_has(&pol->subject, c->pod->space, &c->pod->o->o.labels))
		wr_vec_push(&c->pols, pol);
}

static int cmp_pols(const void *a, const void *b)
{
	const struct pol *x = *(struct pol *const *)a, *y = *(struct pol *const *)b;

	if (x->tier != y->tier)
		return x->tier < y->tier ? -1 : 1;
	if (x->priority != y->priority)
		return x->priority < y->priority ? -1 : 1;
	return strcmp(x->name, y->name);
}

static void choose_ruleset(struct wr_policy *p, struct subject *s, const struct pod *pod)
{
	struct choosing c = { .pod = pod };

	index_each(&p->subject_index, pod->space, &pod->o->o.labels, choose_if_matching, &c);
	wr_vec_sort(&c.pols, cmp_pols);
	ruleset_move(&s->want, c.pols.n ? ruleset_of(p, &c.pols, pod->o) : NULL);
	s->audit = c.pols.n && pod->o->audit ? WR_RULES_AUDIT : 0;
	wr_vec_done(&c.pols);
}

static void settle(struct wr_policy *p, struct subject *s)
{
	const struct pod *pod = subject_pod(p, s);

	s->waits = false;
	s->audit = 0;
	if (pod) {
		choose_ruleset(p, s, pod);
		return;
	}
	ruleset_move(&s->want, NULL);
	s->waits = *s->name && wr_policy_could_select(p, s->ns);
}

void subjects_settle(struct wr_policy *p)
{
	size_t i;

	if (p->subjects_dirty)
		subjects_touch_all(p);
	p->subjects_dirty = false;
	for (i = 0; i < p->subject_at.n; i++) {
		struct subject *s = p->subject_at.v[i];

		if (!s || !s->dirty)
			continue;
		settle(p, s);
		s->dirty = false;
		s->changed = true;
	}
}

bool subjects_are_dirty(const struct wr_policy *p)
{
	size_t i;

	for (i = 0; i < p->subject_at.n; i++)
		if (p->subject_at.v[i] && p->subject_at.v[i]->dirty)
			return true;
	return p->subjects_dirty;
}

static uint32_t identity_at(struct wr_policy *p, const struct wr_addr *addr)
{
	const struct site *site = wr_addr_is_zero(addr) ? NULL : site_get(p, addr);

	return site && site->now.identity ? site->now.identity->number : WR_IDENTITY_POD;
}

static struct wr_policy_verdict verdict_of(struct wr_policy *p, const struct subject *s)
{
	const struct ruleset *rs = s->want;
	struct wr_policy_verdict v = { .waits = s->waits };

	v.identity4 = identity_at(p, &s->addr4);
	v.identity6 = identity_at(p, &s->addr6);
	v.overflow = rs && (rs->failed || !rs->written);
	if (v.waits || v.overflow)
		v.word = WR_RULES_CLOSED;
	else if (rs)
		v.word = rs->word | s->audit;
	return v;
}

/* Local peers, as rulesets in force know them already. */
int subjects_identify(struct wr_policy *p, const struct wr_policy_sink *sink)
{
	int first = 0, r;
	size_t i;

	for (i = 0; i < p->subject_at.n; i++) {
		struct subject *s = p->subject_at.v[i];
		struct wr_policy_verdict v;

		if (!s)
			continue;
		v = verdict_of(p, s);
		if (s->identified && v.identity4 == s->verdict.identity4 &&
		    v.identity6 == s->verdict.identity6)
			continue;
		r = sink->put_identity(sink->ctx, s->number, v.identity4, v.identity6);
		first = first ? first : r;
		if (r)
			continue;
		s->verdict.identity4 = v.identity4;
		s->verdict.identity6 = v.identity6;
		s->identified = true;
	}
	return first;
}

static bool same_verdict(const struct wr_policy_verdict *a, const struct wr_policy_verdict *b)
{
	return a->word == b->word && a->waits == b->waits && a->overflow == b->overflow;
}

int subjects_flip(struct wr_policy *p, const struct wr_policy_sink *sink)
{
	int first = 0, r;
	size_t i;

	for (i = 0; i < p->subject_at.n; i++) {
		struct subject *s = p->subject_at.v[i];
		struct wr_policy_verdict v;

		if (!s)
			continue;
		v = verdict_of(p, s);
		if (s->settled && !s->changed && same_verdict(&v, &s->verdict))
			continue;
		r = sink->put_word(sink->ctx, s->number, v.word);
		first = first ? first : r;
		if (r)
			continue;
		s->verdict = v;
		s->settled = true;
		s->changed = false;
		ruleset_move(&s->now, s->want);
	}
	return first;
}

bool wr_policy_verdict(const struct wr_policy *p, uint32_t number, struct wr_policy_verdict *ret)
{
	const struct subject *s = subject_at(p, number);

	if (!s || !s->settled || s->dirty || s->changed)
		return false;
	*ret = s->verdict;
	return true;
}

void subjects_done(struct wr_policy *p)
{
	size_t i;

	for (i = 0; i < p->subject_at.n; i++)
		if (p->subject_at.v[i])
			subject_free(p, p->subject_at.v[i]);
	wr_hmap_done(&p->subjects);
	wr_vec_done(&p->subject_at);
}
