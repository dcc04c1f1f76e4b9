// SPDX-License-Identifier: Apache-2.0
/* The compiler's passes: what is due, in the order in which it reaches the kernel. */
#include "agent/policy/policy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "agent/policy/private.h"
#include "lib/base/cleanup.h"

struct wr_policy *wr_policy_new(void)
{
	struct wr_policy *p = wr_xcalloc(1, sizeof(*p));
	uint32_t i;

	p->identity_at = wr_xcalloc(65536, sizeof(struct identity *));
	p->next_identity = WR_IDENTITY_FIRST;
	for (i = 0; i < WR_IDENTITY_FIRST; i++) {
		p->fixed[i] = wr_xcalloc(1, sizeof(struct identity));
		p->fixed[i]->number = i;
	}
	return p;
}

static void free_identities(struct wr_policy *p)
{
	struct wr_hnode *n, *next;
	size_t pos, i;

	wr_hmap_each(&p->identities, n, pos, next)
		identity_free(p, WR_CONTAINER_OF(n, struct identity, node));
	for (i = 0; i < WR_IDENTITY_FIRST; i++)
		free(p->fixed[i]);
	wr_hmap_done(&p->identities);
	free(p->identity_at);
}

static void free_pols(struct wr_policy *p)
{
	struct wr_hnode *n, *next;
	size_t pos;

	wr_hmap_each(&p->pols, n, pos, next)
		pol_put(p, WR_CONTAINER_OF(n, struct pol, node));
	wr_hmap_done(&p->pols);
}

static void free_sels(struct wr_policy *p)
{
	size_t i;

	for (i = 0; i < p->sel_at.n; i++) {
		struct sel *s = p->sel_at.v[i];

		if (!s)
			continue;
		s->refs = 1;
		sel_put(p, s);
	}
	wr_hmap_done(&p->sels);
	wr_vec_done(&p->sel_at);
	wr_vec_done(&p->free_sels);
}

void wr_policy_free(struct wr_policy *p)
{
	if (!p)
		return;
	subjects_done(p);
	rulesets_done(p);
	cluster_done(p);
	blocks_done(p);
	free_identities(p);
	free_pols(p);
	free_sels(p);
	index_done(&p->peer_index);
	index_done(&p->subject_index);
	wr_hmap_done(&p->rules);
	wr_vec_done(&p->reserved);
	wr_vec_done(&p->ranges);
	wr_vec_done(&p->fresh);
	wr_vec_done(&p->node_sels);
	wr_vec_done(&p->domain_sels);
	wr_vec_done(&p->dirty_pods);
	wr_vec_done(&p->dirty_sites);
	wr_vec_done(&p->port_names);
	free(p);
}

void wr_policy_change(struct wr_policy *p, enum wr_kind kind, const struct wr_object *old,
		      const struct wr_object *new_)
{
	if (!old && !new_)
		return;
	switch (kind) {
	case WR_KIND_POD:
		cluster_change_pod(p, (const struct wr_pod *)old, (const struct wr_pod *)new_);
		break;
	case WR_KIND_NAMESPACE:
		cluster_change_space(p, old, new_);
		break;
	case WR_KIND_NODE:
		cluster_change_node(p, (const struct wr_node *)old, (const struct wr_node *)new_);
		break;
	case WR_KIND_NETWORKPOLICY:
	case WR_KIND_CLUSTERNETWORKPOLICY:
		pol_change(p, kind, old, new_);
		break;
	default:
		break;
	}
}

/* ---- a pass ---------------------------------------------------------------------------------------- */

static void put_row(const struct wr_policy_sink *sink, const struct wr_prefix *prefix,
		    struct who *now, struct who want, bool again)
{
	if (now->identity == want.identity && now->former == want.former && !again)
		return;
	if (want.identity)
		sink->put_peer(sink->ctx, prefix,
			       WR_WHO(want.identity->number, want.former ? want.former->number : 0));
	else
		sink->del_peer(sink->ctx, prefix);
	identity_move(&now->identity, want.identity);
	identity_move(&now->former, want.former);
}

static void put_sites(struct wr_policy *p, const struct wr_policy_sink *sink)
{
	size_t i;

	for (i = 0; i < p->dirty_sites.n; i++) {
		struct site *s = p->dirty_sites.v[i];
		struct wr_prefix one = wr_prefix_of(&s->addr);

		put_row(sink, &one, &s->now, s->want, p->retry);
		s->dirty = false;
		site_free_if_unused(p, s);
	}
	wr_vec_reset(&p->dirty_sites);
}

static void put_cidrs(struct wr_policy *p, const struct wr_policy_sink *sink)
{
	struct wr_hnode *n, *next;
	size_t pos;

	wr_hmap_each(&p->cidrs, n, pos, next) {
		struct cidr *c = WR_CONTAINER_OF(n, struct cidr, node);

		if (c->prefix.len < 128)
			put_row(sink, &c->prefix, &c->now, c->want, p->retry);
		if (c->edges || c->now.identity)
			continue;
		wr_hmap_del(&p->cidrs, &c->node);
		wr_vec_done(&c->blocks);
		free(c);
	}
}

int wr_policy_apply(struct wr_policy *p, const struct wr_policy_sink *sink)
{
	int first, r;

	/* Pods that have moved touch the subjects that they are; few rounds, since only new selectors touch pods. */
	do {
		subjects_settle(p);
		cluster_settle(p);
	} while (subjects_are_dirty(p));
	first = rulesets_write(p, sink);
	put_sites(p, sink);
	put_cidrs(p, sink);
	r = sink->flush_peers(sink->ctx);
	if (r)
		return first ? first : r;
	p->retry = false;
	r = subjects_identify(p, sink);
	first = first ? first : r;
	r = subjects_flip(p, sink);
	return first ? first : r;
}

void wr_policy_retry(struct wr_policy *p)
{
	struct wr_hnode *n, *next;
	size_t pos, i;

	p->retry = true;
	p->blocks_dirty = true;
	p->subjects_dirty = true;
	cluster_touch_all(p);
	for (i = 0; i < p->subject_at.n; i++)
		if (p->subject_at.v[i])
			p->subject_at.v[i]->identified = false;
	wr_hmap_each(&p->rulesets, n, pos, next) {
		struct ruleset *rs = WR_CONTAINER_OF(n, struct ruleset, node);

		rs->again = true;
	}
}

int wr_policy_collect(struct wr_policy *p, const struct wr_policy_sink *sink)
{
	return rulesets_collect(p, sink);
}

bool wr_policy_has_garbage(const struct wr_policy *p)
{
	struct wr_hnode *n, *next;
	size_t pos;

	wr_hmap_each(&p->rulesets, n, pos, next)
		if (!WR_CONTAINER_OF(n, struct ruleset, node)->refs)
			return true;
	wr_hmap_each(&p->identities, n, pos, next)
		if (!WR_CONTAINER_OF(n, struct identity, node)->refs)
			return true;
	return false;
}

/* ---- questions -------------------------------------------------------------------------------------- */

bool wr_policy_wants_peers(const struct wr_policy *p)
{
	return p->peer_policies != 0;
}

static const struct subject *find_subject(const struct wr_policy *p, uint32_t number)
{
	return number < p->subject_at.n ? p->subject_at.v[number] : NULL;
}

int wr_policy_each_of_subject(const struct wr_policy *p, uint32_t number,
			      int (*fn)(void *ctx, const char *policy, enum wr_tier tier, bool audit),
			      void *ctx)
{
	const struct subject *s = find_subject(p, number);
	int r = 0;
	size_t i;

	for (i = 0; s && s->now && i < s->now->pols.n && r == 0; i++)
		r = fn(ctx, s->now->pols.v[i]->name, s->now->pols.v[i]->tier,
		       s->now->pols.v[i]->audit);
	return r;
}

static bool row_fits(const struct wr_policy_row *row, uint32_t identity, enum wr_dir dir,
		     uint8_t proto, uint16_t port)
{
	uint32_t bits = row->key.len > WR_RULE_LEN_PROTO ? row->key.len - WR_RULE_LEN_PROTO : 0;
	uint16_t mask = (uint16_t)(0xffffu << (16 - bits));

	return row->key.identity == identity && row->key.dir == dir &&
	       (row->key.len < WR_RULE_LEN_PROTO || row->key.proto == proto) &&
	       (port & mask) == (ntohs(row->key.port) & mask);
}

static uint64_t decide(const struct ruleset *rs, uint32_t identity, enum wr_dir dir, uint8_t proto,
		       uint16_t port)
{
	const uint32_t asked[] = { identity, WR_RULE_ANY_PEER };
	size_t i, k;

	for (i = 0; i < 2; i++) {
		const struct wr_policy_row *best = NULL;

		for (k = 0; k < rs->rows.n; k++) {
			const struct wr_policy_row *row = &rs->rows.v[k];

			if (row_fits(row, asked[i], dir, proto, port) &&
			    (!best || row->key.len > best->key.len))
				best = row;
		}
		if (best)
			return best->word;
	}
	return WR_RULE_WORD(WR_VERDICT_DENY, 0);
}

uint64_t wr_policy_judge(const struct wr_policy *p, uint32_t number, enum wr_dir dir,
			 uint32_t identity, uint8_t proto, uint16_t port)
{
	const struct subject *s = find_subject(p, number);
	bool egress = dir == WR_DIR_EGRESS;
	uint64_t word;

	if (s && (s->waits || s->verdict.overflow))
		return WR_RULE_WORD(WR_VERDICT_DENY, 0);
	if (!s || !s->now || !(s->now->word & (egress ? WR_RULES_EGRESS : WR_RULES_INGRESS)))
		return WR_RULE_WORD(WR_VERDICT_ALLOW, 0);
	word = decide(s->now, identity, dir, proto, port);
	if (WR_RULE_VERDICT(word) == WR_VERDICT_DENY &&
	    s->verdict.word & (egress ? WR_RULES_AUDIT_EGRESS : WR_RULES_AUDIT_INGRESS))
		return WR_RULE_WORD(WR_VERDICT_AUDIT, WR_RULE_NUMBER(word));
	return word;
}

struct wr_policy_counts wr_policy_counts(const struct wr_policy *p)
{
	struct wr_policy_counts c = { .policies = p->pols.n,
				      .selectors = p->sels.n,
				      .identities = p->identities.n,
				      .rulesets = p->rulesets.n };
	struct wr_hnode *n, *next;
	size_t pos;

	wr_hmap_each(&p->rulesets, n, pos, next) {
		const struct ruleset *rs = WR_CONTAINER_OF(n, struct ruleset, node);

		c.rows += rs->rows.n;
		c.overflows += rs->failed;
	}
	return c;
}
