// SPDX-License-Identifier: Apache-2.0
/* What policy says, for people: endpoints, problems of objects, the story of one packet. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/domains.h"
#include "agent/endpoints.h"
#include "agent/obj/store.h"
#include "agent/policies_private.h"
#include "lib/base/cleanup.h"
#include "lib/base/str.h"
#include "lib/base/strbuf.h"
#include "lib/dp/tables.h"

static const char *const tiers[WR_TIER_MAX] = {
	[WR_TIER_ADMIN] = "Admin",
	[WR_TIER_NETWORKPOLICY] = "NetworkPolicy",
	[WR_TIER_BASELINE] = "Baseline",
};

static int add_policy(void *ctx, const char *policy, enum wr_tier tier, bool audit)
{
	struct wr_json *j = wr_json_new_object();

	wr_json_add_str(j, "name", policy);
	wr_json_add_str(j, "tier", tiers[tier]);
	if (audit)
		wr_json_add_bool(j, "audit", true);
	wr_json_push(ctx, j);
	return 0;
}

struct listing {
	const struct wr_agent *agent;
	struct wr_json *items;
};

static const char *state_of(const struct wr_policy_verdict *v)
{
	bool egress = v->word & WR_RULES_EGRESS, ingress = v->word & WR_RULES_INGRESS;

	if (v->waits)
		return "closed: the Pod object has not arrived";
	if (v->overflow)
		return "closed: its rules do not fit (mapSizes.rules)";
	if (egress && ingress)
		return "both";
	return egress ? "egress" : ingress ? "ingress" : "none";
}

static int add_endpoint(void *ctx, const struct wr_endpoint_view *view)
{
	const struct listing *l = ctx;
	const struct wr_policy *p = l->agent->policies->policy;
	struct wr_json *j = wr_json_new_object(), *list = wr_json_new_array();
	struct wr_policy_verdict v;

	wr_json_add_int(j, "endpoint", view->number);
	wr_json_add_str(j, "namespace", view->record->pod_namespace);
	wr_json_add_str(j, "name", view->record->pod_name);
	if (wr_policy_verdict(p, view->number, &v)) {
		wr_json_add_str(j, "judged", state_of(&v));
		wr_json_add_bool(j, "audit", v.word & WR_RULES_AUDIT);
		wr_json_add_int(j, "ruleset", WR_RULES_ID(v.word));
		wr_json_add_int(j, "identity4", v.identity4);
		wr_json_add_int(j, "identity6", v.identity6);
	} else {
		wr_json_add_str(j, "judged", "closed: not in force yet");
	}
	wr_policy_each_of_subject(p, view->number, add_policy, list);
	wr_json_add(j, "policies", list);
	wr_json_push(l->items, j);
	return 0;
}

static void add_problem(struct wr_json *list, const char *field, const char *what)
{
	struct wr_json *j = wr_json_new_object();

	wr_json_add_str(j, "field", field);
	wr_json_add_str(j, "what", what);
	wr_json_push(list, j);
}

int wr_policies_add_problems(void *ctx, struct wr_object *o)
{
	const wr_problems *problems = wr_policies_problems(o);
	struct wr_json *j, *list = wr_json_new_array();
	size_t i;

	for (i = 0; i < problems->n; i++)
		add_problem(list, problems->v[i].field, problems->v[i].what);
	if (!wr_json_len(list)) {
		wr_json_free(list);
		return 0;
	}
	j = wr_json_new_object();
	wr_json_add_str(j, "kind", wr_kind_name(o->kind));
	wr_json_add_str(j, "namespace", o->ns);
	wr_json_add_str(j, "name", o->name);
	wr_json_add(j, "problems", list);
	wr_json_push(ctx, j);
	return 0;
}

struct wr_json *wr_policies_encode(const struct wr_agent *a)
{
	struct listing l = { a, wr_json_new_array() };

	wr_endpoints_each(a, add_endpoint, &l);
	wr_store_each(a->store, WR_KIND_NETWORKPOLICY, wr_policies_add_problems, l.items);
	wr_store_each(a->store, WR_KIND_CLUSTERNETWORKPOLICY, wr_policies_add_problems, l.items);
	return l.items;
}

/* ---- why -------------------------------------------------------------------------------------------- */

struct end {
	const char *text;
	struct wr_addr addr4, addr6;
	uint32_t number; /* of the endpoint; WR_EP_NONE: not here */
	bool host;
};

static int match_endpoint(void *ctx, const struct wr_endpoint_view *v)
{
	struct end *e = ctx;
	wr_auto_strbuf name = WR_STRBUF_INIT;

	wr_strbuf_addf(&name, "%s/%s", v->record->pod_namespace, v->record->pod_name);
	if (strcmp(name.buf, e->text) == 0) {
		e->addr4 = v->record->addr4;
		e->addr6 = v->record->addr6;
	} else if ((wr_addr_is_zero(&e->addr4) || !wr_addr_eq(&e->addr4, &v->record->addr4)) &&
		   (wr_addr_is_zero(&e->addr6) || !wr_addr_eq(&e->addr6, &v->record->addr6))) {
		return 0;
	}
	e->number = v->number;
	return 1;
}

static void find_pod(const struct wr_agent *a, struct end *e)
{
	wr_autofree char *ns = wr_xstrdup(e->text);
	char *slash = strchr(ns, '/');
	const struct wr_pod *pod;

	if (!slash)
		return;
	*slash = '\0';
	pod = (const struct wr_pod *)wr_store_get(a->store, WR_KIND_POD, ns, slash + 1);
	if (!pod)
		return;
	e->addr4 = pod->addr4;
	e->addr6 = pod->addr6;
}

static int find_end(const struct wr_agent *a, const struct wr_json *body, const char *key,
		    struct end *ret, struct wr_err *err)
{
	struct end e = { .text = wr_json_get_str(body, key), .number = WR_EP_NONE };
	struct wr_addr addr;

	if (!e.text)
		return wr_err_set(err, -EINVAL, "%s: is missing", key);
	if (wr_addr_parse(e.text, &addr) == 0)
		*(wr_addr_is4(&addr) ? &e.addr4 : &e.addr6) = addr;
	else
		find_pod(a, &e);
	wr_endpoints_each(a, match_endpoint, &e);
	if (wr_addr_is_zero(&e.addr4) && wr_addr_is_zero(&e.addr6))
		return wr_err_set(err, -ENOENT,
				  "%s: \"%.200s\" is neither an address nor a pod that is known here",
				  key, e.text);
	*ret = e;
	return 0;
}

static uint32_t identity_of(const struct wr_agent *a, const struct end *e, const struct wr_addr *addr)
{
	struct wr_endpoint row;
	uint64_t word;

	if (e->number != WR_EP_NONE && wr_endpoint_get(a->dp, e->number, &row) == 0)
		return wr_addr_is4(addr) ? row.identity : row.identity6;
	return wr_peer_lookup(a->dp, addr, &word) ? WR_IDENTITY_WORLD : WR_PEER_IDENTITY(word);
}

struct packet {
	uint8_t proto;
	uint16_t port;
};

static struct wr_json *judge(const struct wr_agent *a, const struct end *subject, enum wr_dir dir,
			     uint32_t identity, const struct packet *k)
{
	const struct wr_policy *p = a->policies->policy;
	struct wr_json *j = wr_json_new_object(), *list = wr_json_new_array();
	const char *rule;
	uint64_t word;

	wr_json_add_str(j, "direction", dir == WR_DIR_EGRESS ? "egress" : "ingress");
	wr_json_add_str(j, "pod", subject->text);
	wr_json_add_int(j, "peerIdentity", identity);
	wr_policy_each_of_subject(p, subject->number, add_policy, list);
	wr_json_add(j, "policies", list);
	word = wr_policy_judge(p, subject->number, dir, identity, k->proto, k->port);
	rule = wr_policy_rule_text(p, WR_RULE_NUMBER(word));
	wr_json_add_bool(j, "allowed", WR_RULE_VERDICT(word) != WR_VERDICT_DENY);
	if (WR_RULE_VERDICT(word) == WR_VERDICT_AUDIT)
		wr_json_add_bool(j, "audited", true);
	wr_json_add_str(j, "rule", rule ? rule : "no policy judges this direction");
	return j;
}

static int decode_packet(const struct wr_json *body, struct packet *ret, struct wr_err *err)
{
	const char *proto = wr_json_get_str(body, "protocol");
	int64_t port = wr_json_get_int(body, "port", -1);

	if (port < 0 || port > 65535)
		return wr_err_set(err, -EINVAL, "port: must be 0-65535");
	if (wr_proto_parse(proto ? proto : "tcp", &ret->proto))
		return wr_err_set(err, -EINVAL, "protocol: \"%.20s\" is not known", proto);
	ret->port = (uint16_t)port;
	return 0;
}

static struct wr_json *always(const struct end *subject, const char *why)
{
	struct wr_json *j = wr_json_new_object();

	wr_json_add_str(j, "direction", "ingress");
	wr_json_add_str(j, "pod", subject->text);
	wr_json_add_bool(j, "allowed", true);
	wr_json_add_str(j, "rule", why);
	return j;
}

/* The node to its own pods, a pod to itself: no policy is asked. */
static const char *exempt(const struct wr_agent *a, const struct wr_addr *src,
			  const struct end *from, const struct end *to)
{
	uint32_t number;

	if (wr_endpoint_lookup(a->dp, src, &number) == 0 && number == WR_EP_HOST)
		return "the node always reaches its own pods";
	return from->number != WR_EP_NONE && from->number == to->number ?
		       "a pod always reaches itself" :
		       NULL;
}

int wr_policies_why(const struct wr_agent *a, const struct wr_json *body, struct wr_json **ret,
		    struct wr_err *err)
{
	const struct wr_addr *src_addr, *dst_addr;
	struct wr_json *j, *judged;
	struct packet k = { 0 };
	struct end src = { .number = WR_EP_NONE }, dst = { .number = WR_EP_NONE };
	const char *free_pass;
	bool both4;
	int r = find_end(a, body, "source", &src, err);

	r = r ? r : find_end(a, body, "destination", &dst, err);
	r = r ? r : decode_packet(body, &k, err);
	if (r)
		return r;
	both4 = !wr_addr_is_zero(&src.addr4) && !wr_addr_is_zero(&dst.addr4);
	src_addr = both4 ? &src.addr4 : &src.addr6;
	dst_addr = both4 ? &dst.addr4 : &dst.addr6;
	j = wr_json_new_object();
	judged = wr_json_new_array();
	free_pass = exempt(a, src_addr, &src, &dst);
	if (src.number != WR_EP_NONE && !free_pass)
		wr_json_push(judged,
			     judge(a, &src, WR_DIR_EGRESS, identity_of(a, &dst, dst_addr), &k));
	if (dst.number != WR_EP_NONE && free_pass)
		wr_json_push(judged, always(&dst, free_pass));
	else if (dst.number != WR_EP_NONE)
		wr_json_push(judged,
			     judge(a, &dst, WR_DIR_INGRESS, identity_of(a, &src, src_addr), &k));
	wr_json_add(j, "judged", judged);
	wr_json_add(j, "names", wr_domains_names_of(a, dst_addr));
	*ret = j;
	return 0;
}
