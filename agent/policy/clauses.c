// SPDX-License-Identifier: Apache-2.0
/* Policies as clauses: what their rules say, with peers as selectors that others share. */
#include <stdlib.h>

#include "agent/policy/private.h"
#include "lib/base/cleanup.h"

static const char *const dir_names[WR_DIR_MAX] = {
	[WR_DIR_EGRESS] = "egress",
	[WR_DIR_INGRESS] = "ingress",
};

/* ---- rules, as drops name them ------------------------------------------------------------------- */

static struct rule_info *rule_find(const struct wr_policy *p, uint32_t number)
{
	struct wr_hnode *n = wr_hmap_first(&p->rules, number);

	return n ? WR_CONTAINER_OF(n, struct rule_info, node) : NULL;
}

/* A number comes from the text, so that it is the same in the next run. */
struct rule_info *rule_get(struct wr_policy *p, const char *text)
{
	uint32_t number = wr_hash_str(text);
	struct rule_info *r;

	for (;; number++) {
		if (!number)
			continue;
		r = rule_find(p, number);
		if (!r || strcmp(r->text, text) == 0)
			break;
	}
	if (!r) {
		r = wr_xcalloc(1, sizeof(*r));
		r->number = number;
		r->text = wr_xstrdup(text);
		wr_hmap_add(&p->rules, &r->node, number);
	}
	r->refs++;
	return r;
}

void rule_put(struct wr_policy *p, struct rule_info *r)
{
	if (!r || --r->refs)
		return;
	wr_hmap_del(&p->rules, &r->node);
	free(r->text);
	free(r);
}

const char *wr_policy_rule_text(const struct wr_policy *p, uint32_t rule)
{
	const struct rule_info *r = rule ? rule_find(p, rule) : NULL;

	return r ? r->text : NULL;
}

/* ---- clauses ------------------------------------------------------------------------------------- */

static void take_peers(struct wr_policy *p, const struct wr_policy_rule *rule, wr_istr ns,
		       struct clause *c)
{
	size_t i;

	c->any_peer = rule->any_peer;
	for (i = 0; i < rule->peers.n; i++) {
		struct sel *s = sel_of_peer(p, &rule->peers.v[i], ns);

		if (s)
			wr_vec_push(&c->sels, s);
	}
}

static void take_ports(const struct wr_policy_rule *rule, struct clause *c)
{
	size_t i;

	c->any_port = rule->any_port;
	for (i = 0; i < rule->ports.n; i++) {
		struct wr_policy_port port = rule->ports.v[i];

		wr_istr_ref(port.name);
		wr_vec_push(&c->ports, port);
	}
}

static struct rule_info *name_rule(struct wr_policy *p, const struct pol *pol,
				   const struct wr_policy_rule *rule, int dir, size_t i)
{
	wr_auto_strbuf text = WR_STRBUF_INIT;

	wr_strbuf_addf(&text, "%s %s: %s[%zu]", wr_kind_name(pol->kind), pol->name, dir_names[dir],
		       i);
	if (rule->name)
		wr_strbuf_addf(&text, " \"%s\"", rule->name);
	return rule_get(p, text.buf);
}

/* What is not understood allows nothing, and denies all where it may have meant to deny. */
static void add_clause(struct wr_policy *p, struct pol *pol, const struct wr_policy_rule *rule,
		       int dir, size_t i, wr_istr ns)
{
	struct clause c = { .tier = pol->tier, .action = rule->action };

	if (rule->unknown && rule->action == WR_ACTION_ACCEPT)
		return;
	c.rule = name_rule(p, pol, rule, dir, i);
	if (rule->unknown) {
		c.action = WR_ACTION_DENY;
		c.any_peer = c.any_port = true;
	} else {
		take_peers(p, rule, ns, &c);
		take_ports(rule, &c);
	}
	pol->names_peers = pol->names_peers || c.sels.n;
	for (i = 0; i < c.ports.n; i++)
		pol->names_ports = pol->names_ports || c.ports.v[i].name;
	/* What a name stands for at the other end, its pod says, whoever that is. */
	pol->names_peers = pol->names_peers || (dir == WR_DIR_EGRESS && pol->names_ports);
	wr_vec_push(&pol->clauses[dir], c);
}

static void clause_done(struct wr_policy *p, struct clause *c)
{
	size_t i;

	for (i = 0; i < c->sels.n; i++)
		sel_put(p, c->sels.v[i]);
	for (i = 0; i < c->ports.n; i++)
		wr_istr_put(c->ports.v[i].name);
	wr_vec_done(&c->sels);
	wr_vec_done(&c->ports);
	rule_put(p, c->rule);
}

/* ---- policies ------------------------------------------------------------------------------------ */

static void take_netpol(struct pol *pol, const struct wr_netpol *np)
{
	static const struct wr_selector none;

	pol->tier = WR_TIER_NETWORKPOLICY;
	pol->name = wr_xasprintf("%s/%s", np->o.ns, np->o.name);
	pol->audit = np->audit;
	memcpy(pol->isolates, np->isolates, sizeof(pol->isolates));
	match_copy(&pol->subject, np->o.ns, &none, &np->pods);
}

static void take_cnp(struct pol *pol, const struct wr_cnp *cnp)
{
	pol->tier = cnp->tier;
	pol->priority = cnp->priority;
	pol->name = wr_xstrdup(cnp->o.name);
	pol->audit = cnp->audit;
	match_copy(&pol->subject, NULL, &cnp->namespaces, &cnp->pods);
}

struct pol *pol_new(struct wr_policy *p, const struct wr_object *o)
{
	const struct wr_netpol *np = (const struct wr_netpol *)o;
	const struct wr_cnp *cnp = (const struct wr_cnp *)o;
	bool cluster = o->kind == WR_KIND_CLUSTERNETWORKPOLICY;
	const wr_rules *rules = cluster ? cnp->rules : np->rules;
	struct pol *pol = wr_xcalloc(1, sizeof(*pol));
	size_t i;
	int dir;

	pol->kind = o->kind;
	pol->content = o->content;
	pol->refs = 1;
	if (cluster)
		take_cnp(pol, cnp);
	else
		take_netpol(pol, np);
	for (dir = 0; dir < WR_DIR_MAX; dir++)
		for (i = 0; i < rules[dir].n && (cluster || pol->isolates[dir]); i++)
			add_clause(p, pol, &rules[dir].v[i], dir, i, cluster ? NULL : o->ns);
	return pol;
}

void pol_put(struct wr_policy *p, struct pol *pol)
{
	size_t i;
	int dir;

	if (--pol->refs)
		return;
	for (dir = 0; dir < WR_DIR_MAX; dir++) {
		for (i = 0; i < pol->clauses[dir].n; i++)
			clause_done(p, &pol->clauses[dir].v[i]);
		wr_vec_done(&pol->clauses[dir]);
	}
	match_done(&pol->subject);
	free(pol->name);
	free(pol);
}

static bool is_named(const struct pol *pol, const struct wr_object *o)
{
	size_t len = strlen(o->ns);

	if (o->kind == WR_KIND_CLUSTERNETWORKPOLICY)
		return strcmp(pol->name, o->name) == 0;
	return strncmp(pol->name, o->ns, len) == 0 && pol->name[len] == '/' &&
	       strcmp(pol->name + len + 1, o->name) == 0;
}

struct pol *pol_find(const struct wr_policy *p, enum wr_kind kind, const struct wr_object *o)
{
	struct wr_hnode *n;

	for (n = wr_hmap_first(&p->pols, hash_name(o->ns, o->name)); n; n = wr_hmap_next(n)) {
		struct pol *pol = WR_CONTAINER_OF(n, struct pol, node);

		if (pol->kind == kind && is_named(pol, o))
			return pol;
	}
	return NULL;
}

static void forget(struct wr_policy *p, struct pol *pol)
{
	wr_hmap_del(&p->pols, &pol->node);
	index_del(&p->subject_index, &pol->subject, pol);
	p->peer_policies -= pol->names_peers;
	pol_put(p, pol);
}

void pol_change(struct wr_policy *p, enum wr_kind kind, const struct wr_object *old,
		const struct wr_object *new_)
{
	bool had_peers = p->peer_policies != 0;
	struct pol *pol = old ? pol_find(p, kind, old) : NULL, *next;

	if (new_) {
		/* Before the old one goes, so that selectors that both have stay. */
		next = pol_new(p, new_);
		wr_hmap_add(&p->pols, &next->node, hash_name(new_->ns, new_->name));
		index_add(&p->subject_index, &next->subject, next);
		p->peer_policies += next->names_peers;
	}
	if (pol)
		forget(p, pol);
	if (had_peers != (p->peer_policies != 0))
		cluster_touch_all(p);
	p->subjects_dirty = true;
	p->reach_changed = true;
}
