/* SPDX-License-Identifier: Apache-2.0 */
/* NetworkPolicies. All rules allow: what is not understood matches nothing. */
#include <string.h>

#include "agent/obj/kinds.h"
#include "agent/obj/rules.h"
#include "lib/base/cleanup.h"
#include "lib/base/str.h"

#define MAX_PORT_NAME 15

/* ---- peers ----------------------------------------------------------------------------------- */

static void decode_except(struct wr_decoder *d, const struct wr_json *item, const char *s, void *to)
{
	struct wr_policy_peer *p = to;
	struct wr_prefix except;

	if (!wr_dec_prefix(d, item, NULL, s, &except))
		return;
	if (wr_prefix_has(&p->block, &except.addr) && except.len > p->block.len)
		wr_vec_push(&p->excepts, except);
	else
		wr_dec_fail(d, item, NULL, "\"%s\" is not inside the block", s);
}

static bool decode_block(struct wr_decoder *d, const struct wr_json *item, struct wr_policy_peer *p)
{
	static const char *const known[] = { "cidr", "except" };
	const struct wr_json *block = wr_dec_object(d, item, "ipBlock");
	size_t mark = wr_dec_enter(d, "ipBlock");
	const char *cidr = wr_dec_str(d, block, "cidr");
	bool good = cidr && wr_dec_prefix(d, block, "cidr", cidr, &p->block);

	if (!wr_json_get(block, "cidr"))
		wr_dec_fail(d, block, "cidr", "is missing");
	if (good)
		wr_dec_each_str(d, block, "except", decode_except, p);
	/* A hole that is not understood: the block may not be opened without it. */
	good = good && wr_dec_knows(d, block, known, WR_ARRAY_SIZE(known)) &&
	       (wr_dec_is_empty(block, "except") ||
		(p->excepts.n && p->excepts.n == wr_json_len(wr_json_get(block, "except"))));
	wr_dec_leave(d, mark);
	p->kind = WR_PEER_KIND_BLOCK;
	return good;
}

static bool decode_selectors(struct wr_decoder *d, const struct wr_json *item,
			     struct wr_policy_peer *p)
{
	bool good = true;

	p->kind = WR_PEER_KIND_PODS;
	p->own_namespace = !wr_json_get(item, "namespaceSelector");
	if (!p->own_namespace)
		good = wr_selector_decode(d, item, "namespaceSelector", &p->namespaces);
	if (wr_json_get(item, "podSelector"))
		good = wr_selector_decode(d, item, "podSelector", &p->pods) && good;
	return good;
}

static void decode_peer(struct wr_decoder *d, const struct wr_json *item, void *to)
{
	static const char *const known[] = { "podSelector", "namespaceSelector", "ipBlock" };
	bool pods = wr_json_get(item, "podSelector") || wr_json_get(item, "namespaceSelector");
	bool block = wr_json_get(item, "ipBlock") != NULL;
	bool good = wr_dec_knows(d, item, known, WR_ARRAY_SIZE(known)) && pods != block;
	struct wr_policy_rule *rule = to;
	struct wr_policy_peer p = { 0 };

	if (pods && block)
		wr_dec_fail(d, item, NULL, "has both selectors and ipBlock");
	else if (!pods && !block)
		wr_dec_fail(d, item, NULL, "needs podSelector, namespaceSelector or ipBlock");
	else
		good = (block ? decode_block(d, item, &p) : decode_selectors(d, item, &p)) && good;
	if (!good)
		p.kind = WR_PEER_KIND_UNSUPPORTED;
	wr_vec_push(&rule->peers, p);
}

/* ---- ports ----------------------------------------------------------------------------------- */

/* A service name as IANA takes them: with a letter, so that it is no number. */
static bool is_port_name(const char *s)
{
	size_t len = strlen(s);

	return len && len <= MAX_PORT_NAME && s[0] != '-' && s[len - 1] != '-' &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == len &&
	       strspn(s, "0123456789-") < len;
}

static bool decode_named_port(struct wr_decoder *d, const struct wr_json *item, const char *name,
			      struct wr_policy_port *p)
{
	if (!is_port_name(name)) {
		wr_dec_fail(d, item, "port", "\"%.40s\" is neither a number nor a port's name", name);
		return false;
	}
	if (wr_json_get(item, "endPort")) {
		wr_dec_fail(d, item, "endPort", "may not be with a named port");
		return false;
	}
	p->name = wr_istr_get(name);
	return true;
}

static bool decode_numbers(struct wr_decoder *d, const struct wr_json *item, struct wr_policy_port *p)
{
	int64_t first = wr_dec_int(d, item, "port", 1, 65535, 0), last = first;

	if (!first)
		return false;
	if (wr_json_get(item, "endPort"))
		last = wr_dec_int(d, item, "endPort", first, 65535, 0);
	p->first = (uint16_t)first;
	p->last = (uint16_t)last;
	return last != 0;
}

static bool decode_port_value(struct wr_decoder *d, const struct wr_json *item,
			      struct wr_policy_port *p)
{
	const struct wr_json *port = wr_json_get(item, "port");

	if (wr_json_str(port))
		return decode_named_port(d, item, wr_json_str(port), p);
	if (port)
		return decode_numbers(d, item, p);
	p->last = 65535;
	if (!wr_json_get(item, "endPort"))
		return true;
	wr_dec_fail(d, item, "endPort", "may not be without port");
	return false;
}

static void decode_port(struct wr_decoder *d, const struct wr_json *item, void *to)
{
	static const char *const known[] = { "protocol", "port", "endPort" };
	bool good = wr_dec_knows(d, item, known, WR_ARRAY_SIZE(known));
	struct wr_policy_port p = { .proto = wr_dec_protocol(d, item) };
	struct wr_policy_rule *rule = to;

	if (decode_port_value(d, item, &p) && good && p.proto)
		wr_vec_push(&rule->ports, p);
	else
		wr_istr_put(p.name);
}

/* ---- rules ----------------------------------------------------------------------------------- */

struct rules {
	wr_rules *v;
	enum wr_dir dir;
};

static void decode_rule(struct wr_decoder *d, const struct wr_json *item, void *to)
{
	struct rules *rules = to;
	const char *const known[] = { "ports", wr_peer_key[rules->dir] };
	struct wr_policy_rule rule = { .action = WR_ACTION_ACCEPT };

	rule.unknown = !wr_dec_knows(d, item, known, WR_ARRAY_SIZE(known));
	rule.any_peer = wr_dec_is_empty(item, wr_peer_key[rules->dir]);
	rule.any_port = wr_dec_is_empty(item, "ports");
	wr_dec_each(d, item, wr_peer_key[rules->dir], decode_peer, &rule);
	wr_dec_each(d, item, "ports", decode_port, &rule);
	wr_vec_push(rules->v, rule);
}

struct types {
	bool v[WR_DIR_MAX];
};

static void decode_type(struct wr_decoder *d, const struct wr_json *item, const char *s, void *to)
{
	struct types *types = to;

	if (strcmp(s, "Ingress") == 0)
		types->v[WR_DIR_INGRESS] = true;
	else if (strcmp(s, "Egress") == 0)
		types->v[WR_DIR_EGRESS] = true;
	else
		wr_dec_fail(d, item, NULL, "must be Ingress or Egress, not \"%.40s\"", s);
}

/*
 * Absent: Ingress, and Egress where there are rules for it. A list of nothing known isolates all
 * the same.
 */
static struct types decode_types(struct wr_decoder *d, const struct wr_json *spec)
{
	struct types types = { 0 };

	wr_dec_each_str(d, spec, "policyTypes", decode_type, &types);
	if (wr_dec_is_empty(spec, "policyTypes")) {
		types.v[WR_DIR_INGRESS] = true;
		types.v[WR_DIR_EGRESS] = wr_json_len(wr_json_get(spec, "egress")) > 0;
	} else if (!types.v[WR_DIR_INGRESS] && !types.v[WR_DIR_EGRESS]) {
		types.v[WR_DIR_INGRESS] = types.v[WR_DIR_EGRESS] = true;
	}
	return types;
}

static void decode_direction(struct wr_decoder *d, const struct wr_json *spec, enum wr_dir dir,
			     struct wr_netpol *np)
{
	struct rules rules = { .v = &np->rules[dir], .dir = dir };

	wr_dec_each(d, spec, wr_rule_key[dir], decode_rule, &rules);
}

struct wr_object *wr_netpol_decode(struct wr_decoder *d, const struct wr_json *j,
				   const struct wr_object *meta)
{
	static const char *const known[] = { "podSelector", "policyTypes", "ingress", "egress" };
	const struct wr_json *spec = wr_dec_object(d, j, "spec");
	struct wr_netpol np = { .o = *meta };
	struct types types;
	size_t mark;

	d->problems = &np.problems;
	mark = wr_dec_enter(d, "spec");
	wr_dec_knows(d, spec, known, WR_ARRAY_SIZE(known));
	if (wr_json_get(spec, "podSelector")) /* else everybody, as an empty one */
		wr_selector_decode(d, spec, "podSelector", &np.pods);
	types = decode_types(d, spec);
	memcpy(np.isolates, types.v, sizeof(np.isolates));
	decode_direction(d, spec, WR_DIR_INGRESS, &np);
	decode_direction(d, spec, WR_DIR_EGRESS, &np);
	wr_dec_leave(d, mark);
	d->problems = NULL;
	np.audit = wr_is_audited(j);
	wr_pack_str(&d->pack, offsetof(struct wr_netpol, uid), d->uid);
	return wr_policy_finish(d, j, &np.o, sizeof(np));
}

void wr_netpol_drop(struct wr_object *o)
{
	struct wr_netpol *np = (struct wr_netpol *)o;
	int dir;

	wr_selector_done(&np->pods);
	for (dir = 0; dir < WR_DIR_MAX; dir++)
		wr_rules_done(&np->rules[dir]);
	wr_problems_done(&np->problems);
}
