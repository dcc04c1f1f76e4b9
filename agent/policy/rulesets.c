// SPDX-License-Identifier: Apache-2.0
/* Rulesets, which subjects with the same policies share: their rows, and what becomes of those that nobody uses. */
#include <stdlib.h>

#include "agent/policy/private.h"
#include "lib/base/cleanup.h"
#include "lib/base/str.h"

/* ---- rulesets ------------------------------------------------------------------------------------ */

static struct ruleset *ruleset_find(const struct wr_policy *p, const char *text)
{
	struct wr_hnode *n;

	for (n = wr_hmap_first(&p->rulesets, wr_hash_str(text)); n; n = wr_hmap_next(n)) {
		struct ruleset *rs = WR_CONTAINER_OF(n, struct ruleset, node);

		if (strcmp(rs->text, text) == 0)
			return rs;
	}
	return NULL;
}

static bool number_is_taken(const struct wr_policy *p, uint32_t number)
{
	struct wr_hnode *n, *next;
	size_t pos;

	wr_hmap_each(&p->rulesets, n, pos, next)
		if (WR_CONTAINER_OF(n, struct ruleset, node)->number == number)
			return true;
	return false;
}

bool wr_policy_has_ruleset(const struct wr_policy *p, uint32_t number)
{
	return number_is_taken(p, number);
}

static uint32_t choose_number(const struct wr_policy *p, const char *text)
{
	uint32_t number = (uint32_t)wr_hash64_bytes(text, strlen(text), 1);

	while (!number || number_is_taken(p, number))
		number++;
	return number;
}

/* @audited: those in shadow mode too. */
static struct rule_info *name_denial(struct wr_policy *p, const struct ruleset *rs, int dir,
				     bool audited)
{
	wr_auto_strbuf text = WR_STRBUF_INIT;
	bool first = true;
	size_t i;

	wr_strbuf_addf(&text, "no %s rule of NetworkPolicy ",
		       dir == WR_DIR_EGRESS ? "egress" : "ingress");
	for (i = 0; i < rs->pols.n; i++) {
		if (!rs->pols.v[i]->isolates[dir] || (rs->pols.v[i]->audit && !audited))
			continue;
		wr_strbuf_addf(&text, "%s%s", first ? "" : ", ", rs->pols.v[i]->name);
		first = false;
	}
	return first ? NULL : rule_get(p, text.buf);
}

static void judge_direction(struct wr_policy *p, struct ruleset *rs, int dir)
{
	bool enforced = false, audited = false;
	size_t i;

	for (i = 0; i < rs->pols.n; i++) {
		const struct pol *pol = rs->pols.v[i];

		if (!pol->isolates[dir] && !pol->clauses[dir].n)
			continue;
		enforced = enforced || !pol->audit;
		audited = audited || pol->audit;
	}
	rs->denial[dir] = name_denial(p, rs, dir, true);
	rs->enforced_denial[dir] = name_denial(p, rs, dir, false);
	rs->shadows[dir] = enforced && audited;
	if (enforced || audited)
		rs->word |= dir == WR_DIR_EGRESS ? WR_RULES_EGRESS : WR_RULES_INGRESS;
	if (!enforced && audited)
		rs->word |= dir == WR_DIR_EGRESS ? WR_RULES_AUDIT_EGRESS : WR_RULES_AUDIT_INGRESS;
}

static bool names_domain(const struct ruleset *rs)
{
	size_t i, k, m;

	for (i = 0; i < rs->pols.n; i++)
		for (k = 0; k < rs->pols.v[i]->clauses[WR_DIR_EGRESS].n; k++) {
			const struct clause *c = &rs->pols.v[i]->clauses[WR_DIR_EGRESS].v[k];

			for (m = 0; m < c->sels.n; m++)
				if (c->sels.v[m]->kind == SEL_DOMAIN)
					return true;
		}
	return false;
}

bool rulesets_name_port(const struct wr_policy *p, wr_istr name)
{
	size_t i;

	for (i = 0; i < p->port_names.n; i++)
		if (p->port_names.v[i] == name)
			return true;
	return false;
}

/* Named ports of egress rules in force: they tell peers apart. */
static void count_port_names(struct wr_policy *p)
{
	struct wr_hnode *n, *next;
	size_t pos, before = p->port_names.n, i, k, m;

	wr_vec_reset(&p->port_names);
	wr_hmap_each(&p->rulesets, n, pos, next) {
		const struct ruleset *rs = WR_CONTAINER_OF(n, struct ruleset, node);

		for (i = 0; i < rs->pols.n; i++) {
			const struct pol *pol = rs->pols.v[i];

			for (k = 0; pol->names_ports && k < pol->clauses[WR_DIR_EGRESS].n; k++) {
				const struct clause *c = &pol->clauses[WR_DIR_EGRESS].v[k];

				for (m = 0; m < c->ports.n; m++)
					if (c->ports.v[m].name &&
					    !rulesets_name_port(p, c->ports.v[m].name))
						wr_vec_push(&p->port_names, c->ports.v[m].name);
			}
		}
	}
	if (before || p->port_names.n)
		cluster_touch_all(p);
}

static void use_sels(struct wr_policy *p, const struct ruleset *rs,
		     void (*fn)(struct wr_policy *, struct sel *))
{
	size_t i, k, m;
	int dir;

	for (i = 0; i < rs->pols.n; i++)
		for (dir = 0; dir < WR_DIR_MAX; dir++)
			for (k = 0; k < rs->pols.v[i]->clauses[dir].n; k++) {
				const struct clause *c = &rs->pols.v[i]->clauses[dir].v[k];

				for (m = 0; m < c->sels.n; m++)
					fn(p, c->sels.v[m]);
			}
}

static bool ingress_names(const pols_vec *pols, wr_istr name)
{
	size_t i, k, m;

	for (i = 0; i < pols->n; i++)
		for (k = 0; k < pols->v[i]->clauses[WR_DIR_INGRESS].n; k++) {
			const struct clause *c = &pols->v[i]->clauses[WR_DIR_INGRESS].v[k];

			for (m = 0; m < c->ports.n; m++)
				if (c->ports.v[m].name == name)
					return true;
		}
	return false;
}

static void add_text(const pols_vec *pols, const struct wr_pod *pod, struct wr_strbuf *text)
{
	size_t i;

	for (i = 0; i < pols->n; i++)
		wr_strbuf_addf(text, "%s %s %016llx%s;", wr_kind_name(pols->v[i]->kind),
			       pols->v[i]->name, (unsigned long long)pols->v[i]->content,
			       pols->v[i]->audit ? " audit" : "");
	for (i = 0; i < pod->ports.n; i++)
		if (pod->ports.v[i].name && ingress_names(pols, pod->ports.v[i].name))
			wr_strbuf_addf(text, " %s %u %u;", pod->ports.v[i].name,
				       pod->ports.v[i].proto, pod->ports.v[i].port);
}

static struct ruleset *ruleset_add(struct wr_policy *p, const char *text, const pols_vec *pols,
				   const struct wr_pod *pod)
{
	struct ruleset *rs = wr_xcalloc(1, sizeof(*rs));
	size_t i;

	rs->text = wr_xstrdup(text);
	rs->number = choose_number(p, text);
	rs->known = wr_xcalloc(65536 / 64, sizeof(*rs->known));
	for (i = 0; i < pols->n; i++) {
		pols->v[i]->refs++;
		wr_vec_push(&rs->pols, pols->v[i]);
	}
	for (i = 0; i < pod->ports.n; i++)
		if (pod->ports.v[i].name && ingress_names(pols, pod->ports.v[i].name)) {
			struct wr_policy_port port = { .proto = pod->ports.v[i].proto,
						       .first = pod->ports.v[i].port,
						       .name = wr_istr_ref(pod->ports.v[i].name) };

			wr_vec_push(&rs->ports, port);
		}
	rs->word = rs->number;
	judge_direction(p, rs, WR_DIR_EGRESS);
	judge_direction(p, rs, WR_DIR_INGRESS);
	if (names_domain(rs))
		rs->word |= WR_RULES_NAMES;
	wr_hmap_add(&p->rulesets, &rs->node, wr_hash_str(text));
	use_sels(p, rs, sel_use);
	count_port_names(p);
	return rs;
}

struct ruleset *ruleset_of(struct wr_policy *p, const pols_vec *pols, const struct wr_pod *pod)
{
	wr_auto_strbuf text = WR_STRBUF_INIT;
	struct ruleset *rs;

	add_text(pols, pod, &text);
	rs = ruleset_find(p, text.buf);
	return rs ? rs : ruleset_add(p, text.buf, pols, pod);
}

static void ruleset_free(struct wr_policy *p, struct ruleset *rs, bool last)
{
	size_t i;

	if (!last) {
		wr_hmap_del(&p->rulesets, &rs->node);
		use_sels(p, rs, sel_unuse);
		count_port_names(p);
	}
	for (i = 0; i < rs->pols.n; i++)
		pol_put(p, rs->pols.v[i]);
	for (i = 0; i < rs->ports.n; i++)
		wr_istr_put(rs->ports.v[i].name);
	for (i = 0; i < WR_DIR_MAX; i++) {
		rule_put(p, rs->denial[i]);
		rule_put(p, rs->enforced_denial[i]);
	}
	wr_vec_done(&rs->pols);
	wr_vec_done(&rs->ports);
	wr_vec_done(&rs->rows);
	free(rs->known);
	free(rs->text);
	free(rs);
}

void ruleset_move(struct ruleset **at, struct ruleset *to)
{
	if (to) {
		to->refs++;
		to->age = 0;
	}
	if (*at)
		(*at)->refs--;
	*at = to;
}

static bool is_known(const struct ruleset *rs, uint32_t number)
{
	return rs->known[number / 64] >> number % 64 & 1;
}

static void set_known(struct ruleset *rs, uint32_t number, bool known)
{
	uint64_t bit = 1ull << number % 64;

	rs->known[number / 64] = known ? rs->known[number / 64] | bit : rs->known[number / 64] & ~bit;
}

/* Rows for every identity that is about and not known yet. */
static int write_one(struct wr_policy *p, struct ruleset *rs, const struct wr_policy_sink *sink)
{
	rows_vec rows = { 0 };
	numbers added = { 0 };
	struct wr_hnode *n, *next;
	size_t pos, i;
	int r;

	if (rs->written && !rs->failed && rs->seen == p->identities_made)
		return 0;
	if (!rs->written) {
		paint_any(p, rs, &rows);
		paint_identity(p, rs, p->fixed[WR_IDENTITY_UNKNOWN], &rows);
	}
	wr_hmap_each(&p->identities, n, pos, next) {
		const struct identity *id = WR_CONTAINER_OF(n, struct identity, node);

		if (is_known(rs, id->number))
			continue;
		paint_identity(p, rs, id, &rows);
		wr_vec_push(&added, id->number);
	}
	r = rows.n ? sink->put_rules(sink->ctx, rows.v, rows.n) : 0;
	/* What got in before there was no room would stay for ever, and keep others out. */
	if (r)
		sink->del_rules(sink->ctx, rows.v, rows.n);
	for (i = 0; i < added.n && r == 0; i++)
		set_known(rs, added.v[i], true);
	for (i = 0; i < rows.n && r == 0; i++)
		wr_vec_push(&rs->rows, rows.v[i]);
	rs->written = rs->written || r == 0;
	rs->failed = r != 0;
	rs->seen = p->identities_made;
	wr_vec_done(&rows);
	wr_vec_done(&added);
	return r;
}

static int write_again(struct ruleset *rs, const struct wr_policy_sink *sink)
{
	int r = rs->again && rs->rows.n ? sink->put_rules(sink->ctx, rs->rows.v, rs->rows.n) : 0;

	rs->again = r != 0;
	rs->failed = rs->failed || r;
	return r;
}

int rulesets_write(struct wr_policy *p, const struct wr_policy_sink *sink)
{
	struct wr_hnode *n, *next;
	int first = 0, r;
	size_t pos;

	wr_hmap_each(&p->rulesets, n, pos, next) {
		struct ruleset *rs = WR_CONTAINER_OF(n, struct ruleset, node);

		r = write_one(p, rs, sink);
		r = r ? r : write_again(rs, sink);
		first = first ? first : r;
	}
	return first;
}

/* ---- what nobody uses -------------------------------------------------------------------------------- */

static int collect_ruleset(struct wr_policy *p, struct ruleset *rs, const struct wr_policy_sink *sink)
{
	int r;

	if (rs->refs)
		return 0;
	if (!rs->age) {
		rs->age = 1;
		return 0;
	}
	r = rs->rows.n ? sink->del_rules(sink->ctx, rs->rows.v, rs->rows.n) : 0;
	if (r == 0)
		ruleset_free(p, rs, false);
	return r;
}

/* Its rows go before its number is free. */
static int forget_identity(struct ruleset *rs, uint32_t number, const struct wr_policy_sink *sink)
{
	rows_vec gone = { 0 };
	size_t i, n = 0;
	int r;

	if (!is_known(rs, number))
		return 0;
	for (i = 0; i < rs->rows.n; i++)
		if (rs->rows.v[i].key.identity == number)
			wr_vec_push(&gone, rs->rows.v[i]);
	r = gone.n ? sink->del_rules(sink->ctx, gone.v, gone.n) : 0;
	for (i = 0; r == 0 && i < rs->rows.n; i++)
		if (rs->rows.v[i].key.identity != number)
			rs->rows.v[n++] = rs->rows.v[i];
	if (r == 0) {
		rs->rows.n = n;
		set_known(rs, number, false);
	}
	wr_vec_done(&gone);
	return r;
}

static int collect_identity(struct wr_policy *p, struct identity *id,
			    const struct wr_policy_sink *sink)
{
	struct wr_hnode *n, *next;
	int first = 0, r;
	size_t pos;

	if (id->refs)
		return 0;
	if (!id->age) {
		id->age = 1;
		return 0;
	}
	wr_hmap_each(&p->rulesets, n, pos, next) {
		r = forget_identity(WR_CONTAINER_OF(n, struct ruleset, node), id->number, sink);
		first = first ? first : r;
	}
	if (first == 0)
		identity_free(p, id);
	return first;
}

int rulesets_collect(struct wr_policy *p, const struct wr_policy_sink *sink)
{
	struct wr_hnode *n, *next;
	int first = 0, r;
	size_t pos;

	wr_hmap_each(&p->rulesets, n, pos, next) {
		r = collect_ruleset(p, WR_CONTAINER_OF(n, struct ruleset, node), sink);
		first = first ? first : r;
	}
	wr_hmap_each(&p->identities, n, pos, next) {
		r = collect_identity(p, WR_CONTAINER_OF(n, struct identity, node), sink);
		first = first ? first : r;
	}
	return first;
}

void rulesets_done(struct wr_policy *p)
{
	struct wr_hnode *n, *next;
	size_t pos;

	wr_hmap_each(&p->rulesets, n, pos, next)
		ruleset_free(p, WR_CONTAINER_OF(n, struct ruleset, node), true);
	wr_hmap_done(&p->rulesets);
}
