/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ClusterNetworkPolicies (policy.networking.k8s.io/v1alpha2). A rule with anything that is not
 * understood is marked: an Accept rule then matches nothing, a Deny or Pass rule denies all.
 */
#include <ctype.h>
#include <string.h>

#include "agent/obj/kinds.h"
#include "agent/obj/rules.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define MAX_ITEMS     25
#define MAX_PRIORITY  1000
#define MAX_RULE_NAME 100
#define MAX_DOMAIN    253

struct rules {
	wr_rules *v;
	enum wr_dir dir;
};

static void check_items(struct wr_decoder *d, const struct wr_json *j, const char *key)
{
	size_t n = wr_json_len(wr_json_get(j, key));

	if (n > MAX_ITEMS)
		wr_dec_fail(d, j, key, "has %zu items, more than %d", n, MAX_ITEMS);
}

/*
 * The one known member of a union; NULL after saying what is wrong. An unknown member beside it is
 * a newer version's way to say less.
 */
static const char *choose(struct wr_decoder *d, const struct wr_json *item,
			  const char *const *known, size_t n)
{
	const char *chosen = NULL;
	size_t i, given = 0;

	if (!wr_dec_knows(d, item, known, n))
		return NULL;
	for (i = 0; i < n; i++)
		if (wr_json_get(item, known[i])) {
			chosen = known[i];
			given++;
		}
	if (given == 1)
		return chosen;
	wr_dec_fail(d, item, NULL, "must have exactly one member, not %zu", given);
	return NULL;
}

/* ---- peers ----------------------------------------------------------------------------------- */

/* Selectors of namespaces and of the pods therein; that of namespaces may be absent: all. */
static bool decode_namespaced_pod(struct wr_decoder *d, const struct wr_json *j,
				  struct wr_selector *namespaces, struct wr_selector *pods)
{
	static const char *const known[] = { "namespaceSelector", "podSelector" };
	const struct wr_json *both = wr_dec_object(d, j, "pods");
	size_t mark = wr_dec_enter(d, "pods");
	bool good = wr_dec_knows(d, both, known, WR_ARRAY_SIZE(known));

	if (wr_json_get(both, "namespaceSelector"))
		good = wr_selector_decode(d, both, "namespaceSelector", namespaces) && good;
	good = wr_selector_decode(d, both, "podSelector", pods) && good;
	wr_dec_leave(d, mark);
	return good;
}

static void decode_network(struct wr_decoder *d, const struct wr_json *item, const char *s, void *to)
{
	struct wr_policy_peer p = { .kind = WR_PEER_KIND_BLOCK };
	struct wr_policy_rule *rule = to;

	if (wr_dec_prefix(d, item, NULL, s, &p.block))
		wr_vec_push(&rule->peers, p);
	else
		rule->unknown = true;
}

/* Letters, digits, - and _ in the middle. */
static bool is_domain_label(const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (!isalnum((unsigned char)s[i]) && s[i] != '-' && s[i] != '_')
			return false;
	return len && isalnum((unsigned char)s[0]) && isalnum((unsigned char)s[len - 1]);
}

/* Two labels at least, after "*.". */
static bool is_domain(const char *s)
{
	int labels = 0;
	size_t len;

	if (strlen(s) > MAX_DOMAIN)
		return false;
	if (wr_has_prefix(s, "*."))
		s += 2;
	for (; *s; s += len + (s[len] == '.')) {
		len = strcspn(s, ".");
		if (!is_domain_label(s, len))
			return false;
		labels++;
	}
	return labels >= 2;
}

static char *normal_domain(const char *s)
{
	char *domain = wr_xstrdup(s), *p;

	for (p = domain; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	if (p > domain && p[-1] == '.')
		p[-1] = '\0';
	return domain;
}

static void decode_domain(struct wr_decoder *d, const struct wr_json *item, const char *s, void *to)
{
	struct wr_policy_peer p = { .kind = WR_PEER_KIND_DOMAIN };
	struct wr_policy_rule *rule = to;

	if (rule->action == WR_ACTION_ACCEPT && is_domain(s)) {
		p.domain = normal_domain(s);
		wr_vec_push(&rule->peers, p);
		return;
	}
	rule->unknown = true;
	if (rule->action != WR_ACTION_ACCEPT)
		wr_dec_fail(d, item, NULL, "domain names are for Accept rules only");
	else
		wr_dec_fail(d, item, NULL, "\"%.60s\" is not a domain name", s);
}

/* A list where each item is a peer of its own. */
static void decode_peer_list(struct wr_decoder *d, const struct wr_json *item, const char *key,
			     struct wr_policy_rule *rule)
{
	const struct wr_json *list = wr_dec_list(d, item, key);
	size_t before = rule->peers.n;
	bool networks = strcmp(key, "networks") == 0;

	check_items(d, item, key);
	if (list && !wr_json_len(list))
		wr_dec_fail(d, item, key, "is empty");
	wr_dec_each_str(d, item, key, networks ? decode_network : decode_domain, rule);
	if (!wr_json_len(list) || rule->peers.n - before != wr_json_len(list))
		rule->unknown = true;
}

static bool decode_selector_peer(struct wr_decoder *d, const struct wr_json *item, const char *key,
				 struct wr_policy_peer *p)
{
	p->kind = WR_PEER_KIND_PODS;
	if (strcmp(key, "pods") == 0)
		return decode_namespaced_pod(d, item, &p->namespaces, &p->pods);
	if (strcmp(key, "namespaces") == 0)
		return wr_selector_decode(d, item, key, &p->namespaces);
	p->kind = WR_PEER_KIND_NODES;
	return wr_selector_decode(d, item, key, &p->pods);
}

static void decode_peer(struct wr_decoder *d, const struct wr_json *item, void *to, size_t known_n)
{
	static const char *const known[] = { "namespaces", "pods", "nodes", "networks",
					     "domainNames" };
	const char *key = choose(d, item, known, known_n);
	struct wr_policy_rule *rule = to;
	struct wr_policy_peer p = { 0 };

	if (wr_streq(key, "networks") || wr_streq(key, "domainNames")) {
		decode_peer_list(d, item, key, rule);
		return;
	}
	if (!key || !decode_selector_peer(d, item, key, &p)) {
		p.kind = WR_PEER_KIND_UNSUPPORTED;
		rule->unknown = true;
	}
	wr_vec_push(&rule->peers, p);
}

static void decode_ingress_peer(struct wr_decoder *d, const struct wr_json *item, void *to)
{
	decode_peer(d, item, to, 2);
}

static void decode_egress_peer(struct wr_decoder *d, const struct wr_json *item, void *to)
{
	decode_peer(d, item, to, 5);
}

/* ---- ports ----------------------------------------------------------------------------------- */

static bool decode_range(struct wr_decoder *d, const struct wr_json *port, struct wr_policy_port *p)
{
	static const char *const known[] = { "start", "end" };
	const struct wr_json *range = wr_dec_object(d, port, "range");
	size_t mark = wr_dec_enter(d, "range");
	bool good = wr_dec_knows(d, range, known, WR_ARRAY_SIZE(known));

	p->first = (uint16_t)wr_dec_int(d, range, "start", 1, 65535, 0);
	p->last = (uint16_t)wr_dec_int(d, range, "end", 1, 65535, 0);
	if (!p->first || !p->last || p->first >= p->last) {
		wr_dec_fail(d, range ? range : port, NULL, "needs start below end");
		good = false;
	}
	wr_dec_leave(d, mark);
	return good;
}

static bool decode_destination(struct wr_decoder *d, const struct wr_json *attributes,
			       struct wr_policy_port *p)
{
	static const char *const known[] = { "number", "range" };
	const struct wr_json *port = wr_dec_object(d, attributes, "destinationPort");
	size_t mark = wr_dec_enter(d, "destinationPort");
	const char *key = port ? choose(d, port, known, WR_ARRAY_SIZE(known)) : NULL;
	bool good = false;

	if (wr_streq(key, "range"))
		good = decode_range(d, port, p);
	if (wr_streq(key, "number")) {
		p->first = p->last = (uint16_t)wr_dec_int(d, port, "number", 1, 65535, 0);
		good = p->first != 0;
	}
	wr_dec_leave(d, mark);
	return good;
}

static bool decode_attributes(struct wr_decoder *d, const struct wr_json *item, const char *key,
			      struct wr_policy_port *p)
{
	static const char *const known[] = { "destinationPort" };
	const struct wr_json *attributes = wr_dec_object(d, item, key);
	size_t mark = wr_dec_enter(d, key);
	bool good;

	wr_proto_parse(key, &p->proto);
	good = attributes && choose(d, attributes, known, WR_ARRAY_SIZE(known)) &&
	       decode_destination(d, attributes, p);
	wr_dec_leave(d, mark);
	return good;
}

static void decode_protocol(struct wr_decoder *d, const struct wr_json *item, void *to)
{
	static const char *const known[] = { "tcp", "udp", "sctp", "destinationNamedPort" };
	const char *key = choose(d, item, known, WR_ARRAY_SIZE(known)), *name;
	struct wr_policy_port p = { 0 };
	struct wr_policy_rule *rule = to;
	bool good = false;

	if (wr_streq(key, "destinationNamedPort")) {
		name = wr_dec_str(d, item, key);
		p.name = name && *name ? wr_istr_get(name) : NULL;
		good = p.name != NULL;
	} else if (key) {
		good = decode_attributes(d, item, key, &p);
	}
	if (good)
		wr_vec_push(&rule->ports, p);
	else
		rule->unknown = true;
}

/* ---- rules ----------------------------------------------------------------------------------- */

static enum wr_policy_action decode_action(struct wr_decoder *d, const struct wr_json *item,
					   bool *ret_unknown)
{
	static const char *const words[] = {
		[WR_ACTION_ACCEPT] = "Accept",
		[WR_ACTION_DENY] = "Deny",
		[WR_ACTION_PASS] = "Pass",
	};
	int i = wr_dec_word(d, item, "action", words, WR_ARRAY_SIZE(words));

	if (!wr_json_get(item, "action"))
		wr_dec_fail(d, item, "action", "is missing");
	*ret_unknown = i < 0;
	return i < 0 ? WR_ACTION_DENY : (enum wr_policy_action)i;
}

static bool has_other_peers_than_pods(const struct wr_policy_rule *rule)
{
	size_t i;

	for (i = 0; i < rule->peers.n; i++)
		if (rule->peers.v[i].kind != WR_PEER_KIND_PODS)
			return true;
	return false;
}

static bool has_named_ports(const struct wr_policy_rule *rule)
{
	size_t i;

	for (i = 0; i < rule->ports.n; i++)
		if (rule->ports.v[i].name)
			return true;
	return false;
}

static void decode_lists(struct wr_decoder *d, const struct wr_json *item, enum wr_dir dir,
			 struct wr_policy_rule *rule)
{
	const char *peers = wr_peer_key[dir];
	bool egress = dir == WR_DIR_EGRESS;

	check_items(d, item, peers);
	check_items(d, item, "protocols");
	if (wr_dec_is_empty(item, peers))
		wr_dec_fail(d, item, peers, "is missing");
	wr_dec_each(d, item, peers, egress ? decode_egress_peer : decode_ingress_peer, rule);
	wr_dec_each(d, item, "protocols", decode_protocol, rule);
	rule->any_port = !wr_json_get(item, "protocols");
	if (!rule->any_port && !rule->ports.n && !rule->unknown) {
		wr_dec_fail(d, item, "protocols", "is empty");
		rule->unknown = true;
	}
	if (!rule->peers.n)
		rule->unknown = true;
	if (has_named_ports(rule) && has_other_peers_than_pods(rule))
		wr_dec_fail(d, item, "protocols", "only pods have named ports");
}

static void decode_rule(struct wr_decoder *d, const struct wr_json *item, void *to)
{
	struct rules *rules = to;
	const char *const known[] = { "name", "action", wr_peer_key[rules->dir], "protocols" };
	const char *name = wr_dec_str(d, item, "name");
	struct wr_policy_rule rule = { 0 };

	rule.action = decode_action(d, item, &rule.unknown);
	if (!wr_dec_knows(d, item, known, WR_ARRAY_SIZE(known)))
		rule.unknown = true;
	if (name && strlen(name) > MAX_RULE_NAME)
		wr_dec_fail(d, item, "name", "is longer than %d characters", MAX_RULE_NAME);
	rule.name = name && *name ? wr_xstrdup(name) : NULL;
	decode_lists(d, item, rules->dir, &rule);
	wr_vec_push(rules->v, rule);
}

static void decode_direction(struct wr_decoder *d, const struct wr_json *spec, enum wr_dir dir,
			     struct wr_cnp *cnp)
{
	struct rules rules = { .v = &cnp->rules[dir], .dir = dir };

	check_items(d, spec, wr_rule_key[dir]);
	wr_dec_each(d, spec, wr_rule_key[dir], decode_rule, &rules);
}

/* ---- the policy ------------------------------------------------------------------------------ */

/* Nobody, when it is not understood: one cannot guess whom a policy means. */
static bool decode_subject(struct wr_decoder *d, const struct wr_json *spec, struct wr_cnp *cnp)
{
	static const char *const known[] = { "namespaces", "pods" };
	const struct wr_json *subject = wr_dec_object(d, spec, "subject");
	size_t mark = wr_dec_enter(d, "subject");
	const char *key = subject ? choose(d, subject, known, WR_ARRAY_SIZE(known)) : NULL;
	bool good = false;

	if (!wr_json_get(spec, "subject"))
		wr_dec_fail(d, spec, NULL, "is missing");
	if (wr_streq(key, "pods"))
		good = decode_namespaced_pod(d, subject, &cnp->namespaces, &cnp->pods);
	else if (key)
		good = wr_selector_decode(d, subject, key, &cnp->namespaces);
	wr_dec_leave(d, mark);
	return good;
}

static bool decode_place(struct wr_decoder *d, const struct wr_json *spec, struct wr_cnp *cnp)
{
	static const char *const words[] = { "Admin", "Baseline" };
	int tier = wr_dec_word(d, spec, "tier", words, WR_ARRAY_SIZE(words));
	int64_t priority = wr_dec_int(d, spec, "priority", 0, MAX_PRIORITY, -1);

	if (!wr_json_get(spec, "tier"))
		wr_dec_fail(d, spec, "tier", "is missing");
	if (!wr_json_get(spec, "priority"))
		wr_dec_fail(d, spec, "priority", "is missing");
	cnp->tier = tier == 1 ? WR_TIER_BASELINE : WR_TIER_ADMIN;
	cnp->priority = priority < 0 ? 0 : (int)priority;
	return tier >= 0 && priority >= 0;
}

static void select_nobody(struct wr_cnp *cnp)
{
	struct wr_selector_term nothing = { .op = WR_SEL_NOTHING };

	wr_vec_push(&cnp->namespaces.terms, nothing);
}

struct wr_object *wr_cnp_decode(struct wr_decoder *d, const struct wr_json *j,
				const struct wr_object *meta)
{
	static const char *const known[] = { "tier", "priority", "subject", "ingress", "egress" };
	const struct wr_json *spec = wr_dec_object(d, j, "spec");
	struct wr_cnp cnp = { .o = *meta };
	bool good;
	size_t mark;

	d->problems = &cnp.problems;
	mark = wr_dec_enter(d, "spec");
	wr_dec_knows(d, spec, known, WR_ARRAY_SIZE(known));
	good = decode_place(d, spec, &cnp);
	good = decode_subject(d, spec, &cnp) && good;
	if (!good)
		select_nobody(&cnp);
	decode_direction(d, spec, WR_DIR_INGRESS, &cnp);
	decode_direction(d, spec, WR_DIR_EGRESS, &cnp);
	wr_dec_leave(d, mark);
	d->problems = NULL;
	cnp.audit = wr_is_audited(j);
	wr_pack_str(&d->pack, offsetof(struct wr_cnp, uid), d->uid);
	return wr_policy_finish(d, j, &cnp.o, sizeof(cnp));
}

void wr_cnp_drop(struct wr_object *o)
{
	struct wr_cnp *cnp = (struct wr_cnp *)o;
	int dir;

	wr_selector_done(&cnp->namespaces);
	wr_selector_done(&cnp->pods);
	for (dir = 0; dir < WR_DIR_MAX; dir++)
		wr_rules_done(&cnp->rules[dir]);
	wr_problems_done(&cnp->problems);
}
