// SPDX-License-Identifier: Apache-2.0
/*
 * What would change if manifests were applied: the cluster is compiled a second time with them, and the flows of this node,
 * and what was dropped lately, are judged by both.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/domains.h"
#include "agent/endpoints.h"
#include "agent/events.h"
#include "agent/manifests/parse.h"
#include "agent/obj/store.h"
#include "agent/policies_private.h"
#include "bpf/abi/flow.h"
#include "lib/base/cleanup.h"
#include "lib/base/hmap.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/vec.h"
#include "lib/dp/tables.h"

#define CHANGES_MAX 1000 /* listed; more are counted */

static const enum wr_kind kinds[] = {
	WR_KIND_NODE,
	WR_KIND_NAMESPACE,
	WR_KIND_POD,
	WR_KIND_NETWORKPOLICY,
	WR_KIND_CLUSTERNETWORKPOLICY,
};

struct peer {
	struct wr_prefix prefix;
	uint32_t who;
};

/* The ends of a connection, as policy judges it. */
struct tuple {
	struct wr_addr src, dst;
	uint32_t src_ep, dst_ep; /* WR_EP_NONE: not of this node */
	uint16_t port;           /* destination's, host byte order */
	uint8_t proto, pad[5];
};

struct seen {
	struct wr_hnode node;
	struct tuple t;
};

struct check {
	const struct wr_agent *a;
	const struct wr_manifest *given;
	enum wr_kind kind; /* of the walk under way */
	struct wr_policy *then;
	WR_VEC(struct peer) peers;       /* of policies, then */
	WR_VEC(struct wr_prefix) ranges; /* of pods */
	struct wr_hmap seen;
	bool begun; /* what is judged is there already, and goes on by names whose time is over */
	struct wr_json *changes;
	int64_t cut, opened, judged;
};

/* ---- the cluster with the manifests -------------------------------------------------------------- */

static bool is_given(const struct check *c, const struct wr_object *o)
{
	size_t i;

	for (i = 0; i < c->given->objects.n; i++) {
		const struct wr_object *g = c->given->objects.v[i];

		if (g->kind == o->kind && wr_streq(g->ns, o->ns) && wr_streq(g->name, o->name))
			return true;
	}
	return false;
}

static int add_known(void *ctx, struct wr_object *o)
{
	struct check *c = ctx;

	if (!is_given(c, o))
		wr_policy_change(c->then, c->kind, NULL, o);
	return 0;
}

static int take_ranges(void *ctx, struct wr_object *o)
{
	const struct wr_node *node = (const struct wr_node *)o;
	struct check *c = ctx;
	uint32_t i;

	for (i = 0; i < node->pod_cidrs.n; i++)
		wr_vec_push(&c->ranges, node->pod_cidrs.v[i]);
	return 0;
}

static int add_subject(void *ctx, const struct wr_endpoint_view *v)
{
	const struct wr_endpoint_record *r = v->record;
	struct check *c = ctx;
	struct wr_policy_subject subject = {
		.ns = r->pod_namespace ? r->pod_namespace : "",
		.name = r->pod_name ? r->pod_name : "",
		.uid = r->pod_uid ? r->pod_uid : "",
		.addr4 = r->addr4,
		.addr6 = r->addr6,
	};

	wr_policy_subject_put(c->then, v->number, &subject);
	return 0;
}

static int take_rules(void *ctx, const struct wr_policy_row *rows, size_t n)
{
	return 0;
}

static void take_peer(void *ctx, const struct wr_prefix *prefix, uint32_t who)
{
	struct peer peer = { *prefix, who };
	struct check *c = ctx;

	wr_vec_push(&c->peers, peer);
}

static void drop_peer(void *ctx, const struct wr_prefix *prefix)
{
}

static int take_flush(void *ctx)
{
	return 0;
}

static int take_identity(void *ctx, uint32_t number, uint32_t identity4, uint32_t identity6)
{
	return 0;
}

static int take_word(void *ctx, uint32_t number, uint64_t word)
{
	return 0;
}

static int compile(struct check *c)
{
	const struct wr_policy_sink sink = { c,         take_rules, take_rules,    take_peer,
					     drop_peer, take_flush, take_identity, take_word };
	size_t i;

	c->then = wr_policy_new();
	for (i = 0; i < WR_ARRAY_SIZE(kinds); i++) {
		c->kind = kinds[i];
		wr_store_each(c->a->store, kinds[i], add_known, c);
	}
	for (i = 0; i < c->given->objects.n; i++)
		wr_policy_change(c->then, c->given->objects.v[i]->kind, NULL, c->given->objects.v[i]);
	wr_store_each(c->a->store, WR_KIND_NODE, take_ranges, c);
	wr_endpoints_each(c->a, add_subject, c);
	wr_domains_bind_all(c->a, c->then);
	return wr_policy_apply(c->then, &sink);
}

/* ---- verdicts -------------------------------------------------------------------------------------- */

static bool in_range(const struct check *c, const struct wr_addr *addr)
{
	size_t i;

	for (i = 0; i < c->ranges.n; i++)
		if (wr_prefix_has(&c->ranges.v[i], addr))
			return true;
	return false;
}

static uint32_t judged_as(const struct check *c, uint32_t who)
{
	return c->begun && WR_PEER_FORMER(who) ? WR_PEER_FORMER(who) : WR_PEER_IDENTITY(who);
}

/* As the peers map would have it: the longest prefix; a range of pods is longer than the blocks around it. */
static uint32_t identity_then(const struct check *c, uint32_t ep, const struct wr_addr *addr)
{
	const struct peer *best = NULL;
	struct wr_policy_verdict v;
	size_t i;

	if (ep != WR_EP_NONE && wr_policy_verdict(c->then, ep, &v))
		return wr_addr_is4(addr) ? v.identity4 : v.identity6;
	for (i = 0; i < c->peers.n; i++)
		if (wr_prefix_has(&c->peers.v[i].prefix, addr) &&
		    (!best || c->peers.v[i].prefix.len >= best->prefix.len))
			best = &c->peers.v[i];
	if (in_range(c, addr) && (!best || best->prefix.len < 128))
		return WR_IDENTITY_UNKNOWN;
	return best ? judged_as(c, best->who) : WR_IDENTITY_WORLD;
}

static uint32_t identity_now(const struct check *c, uint32_t ep, const struct wr_addr *addr)
{
	struct wr_policy_verdict v;
	uint64_t word;

	if (ep != WR_EP_NONE && wr_policy_verdict(c->a->policies->policy, ep, &v))
		return wr_addr_is4(addr) ? v.identity4 : v.identity6;
	return wr_peer_lookup(c->a->dp, addr, &word) ? WR_IDENTITY_WORLD :
						       judged_as(c, WR_PEER_WHO(word));
}

static uint64_t judge_end(const struct check *c, const struct tuple *t, enum wr_dir dir, bool then)
{
	uint32_t subject = dir == WR_DIR_EGRESS ? t->src_ep : t->dst_ep;
	uint32_t peer = dir == WR_DIR_EGRESS ? t->dst_ep : t->src_ep;
	const struct wr_addr *addr = dir == WR_DIR_EGRESS ? &t->dst : &t->src;
	uint32_t identity = then ? identity_then(c, peer, addr) : identity_now(c, peer, addr);

	if (subject == WR_EP_NONE || subject == WR_EP_HOST)
		return WR_RULE_WORD(WR_VERDICT_ALLOW, 0);
	return wr_policy_judge(then ? c->then : c->a->policies->policy, subject, dir, identity,
			       t->proto, t->port);
}

/* Both ends; the first denial decides. */
static uint64_t judge(const struct check *c, const struct tuple *t, bool then)
{
	uint64_t word = judge_end(c, t, WR_DIR_EGRESS, then);

	if (WR_RULE_VERDICT(word) == WR_VERDICT_DENY || t->src_ep == WR_EP_HOST)
		return word;
	return judge_end(c, t, WR_DIR_INGRESS, then);
}

static const char *rule_text(const struct wr_policy *p, uint64_t word)
{
	const char *text = wr_policy_rule_text(p, WR_RULE_NUMBER(word));

	if (text)
		return text;
	return WR_RULE_VERDICT(word) == WR_VERDICT_DENY ? "closed" : "no policy judges it";
}

static struct wr_json *encode_end(const struct check *c, const struct wr_addr *addr, uint32_t ep)
{
	struct wr_json *j = wr_json_new_object();
	char text[WR_ADDR_STRLEN];
	const char *ns, *name;

	wr_json_add_str(j, "address", wr_addr_format(addr, text));
	if (ep != WR_EP_NONE && ep != WR_EP_HOST && wr_endpoints_pod_name(c->a, ep, &ns, &name)) {
		wr_json_add_str(j, "namespace", ns);
		wr_json_add_str(j, "pod", name);
	}
	return j;
}

static void add_change(struct check *c, const struct tuple *t, uint64_t now, uint64_t then)
{
	bool cut = WR_RULE_VERDICT(then) == WR_VERDICT_DENY;
	struct wr_json *j;
	char proto[16];

	*(cut ? &c->cut : &c->opened) += 1;
	if (wr_json_len(c->changes) >= CHANGES_MAX)
		return;
	j = wr_json_new_object();
	wr_json_add_str(j, "change", cut ? "cut" : "opened");
	wr_json_add_str(j, "protocol", wr_proto_format(t->proto, proto));
	wr_json_add_int(j, "port", t->port);
	wr_json_add(j, "source", encode_end(c, &t->src, t->src_ep));
	wr_json_add(j, "destination", encode_end(c, &t->dst, t->dst_ep));
	wr_json_add_str(j, "now", rule_text(c->a->policies->policy, now));
	wr_json_add_str(j, "then", rule_text(c->then, then));
	wr_json_push(c->changes, j);
}

static bool is_same(const struct tuple *a, const struct tuple *b)
{
	return wr_addr_eq(&a->src, &b->src) && wr_addr_eq(&a->dst, &b->dst) &&
	       a->src_ep == b->src_ep && a->dst_ep == b->dst_ep && a->port == b->port &&
	       a->proto == b->proto;
}

static bool is_new(struct check *c, const struct tuple *t)
{
	uint32_t hash = wr_hash_bytes(t, sizeof(*t), 0);
	struct wr_hnode *n;
	struct seen *s;

	for (n = wr_hmap_first(&c->seen, hash); n; n = wr_hmap_next(n))
		if (is_same(&WR_CONTAINER_OF(n, struct seen, node)->t, t))
			return false;
	s = wr_xcalloc(1, sizeof(*s));
	s->t = *t;
	wr_hmap_add(&c->seen, &s->node, hash);
	return true;
}

/* Many connections between two pods are one line. @was_allowed: what became of its packets so far. */
static void compare(struct check *c, const struct tuple *t, bool was_allowed)
{
	uint64_t now, then;
	bool allows_then;

	if (t->src_ep == t->dst_ep || !is_new(c, t))
		return;
	c->judged++;
	now = judge(c, t, false);
	then = judge(c, t, true);
	allows_then = WR_RULE_VERDICT(then) != WR_VERDICT_DENY;
	if (was_allowed != allows_then && was_allowed == (WR_RULE_VERDICT(now) != WR_VERDICT_DENY))
		add_change(c, t, now, then);
}

/* ---- what there is to judge --------------------------------------------------------------------------- */

static uint16_t judged_port(uint8_t proto, __be16 port)
{
	return proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6 ? 0 : ntohs(port);
}

static int compare_flow(void *ctx, const struct wr_flow_key *key, const struct wr_flow *flow)
{
	bool from_b = flow->state & WR_FLOW_ORIG_B;
	struct tuple t = { .src = from_b ? key->b : key->a,
			   .dst = from_b ? key->a : key->b,
			   .src_ep = flow->src_ep,
			   .dst_ep = flow->dst_ep,
			   .proto = key->proto };
	__be16 port = from_b ? key->port_a : key->port_b;

	/* The partner has the originator's tuple. */
	if (flow->state & (WR_FLOW_DEAD | WR_FLOW_REPLY_TUPLE))
		return 0;
	if (flow->state & WR_FLOW_TRANSLATED) {
		t.dst = flow->new_dst;
		port = flow->new_dport;
	}
	t.port = judged_port(t.proto, port);
	compare(ctx, &t, true);
	return 0;
}

static void compare_drop(void *ctx, const struct wr_event *e)
{
	struct tuple t = { .src = e->src,
			   .dst = e->dst,
			   .src_ep = e->src_ep,
			   .dst_ep = e->dst_ep,
			   .port = judged_port(e->proto, e->dport),
			   .proto = e->proto };

	if (e->type == WR_EVENT_DROP && !e->service &&
	    (e->reason == WR_REASON_POLICY_EGRESS || e->reason == WR_REASON_POLICY_INGRESS ||
	     e->reason == WR_REASON_POLICY_UNKNOWN_PEER))
		compare(ctx, &t, false);
}

static void check_done(struct check *c)
{
	struct wr_hnode *n, *next;
	size_t pos;

	wr_hmap_each(&c->seen, n, pos, next)
		free(WR_CONTAINER_OF(n, struct seen, node));
	wr_hmap_done(&c->seen);
	wr_vec_done(&c->peers);
	wr_vec_done(&c->ranges);
	if (c->then)
		wr_policy_free(c->then);
}

static struct wr_json *given_problems(const struct check *c)
{
	struct wr_json *list = wr_json_new_array();
	size_t i;

	for (i = 0; i < c->given->objects.n; i++)
		if (c->given->objects.v[i]->kind == WR_KIND_NETWORKPOLICY ||
		    c->given->objects.v[i]->kind == WR_KIND_CLUSTERNETWORKPOLICY)
			wr_policies_add_problems(list, c->given->objects.v[i]);
	return list;
}

static int run_check(struct check *c, struct wr_json **ret, struct wr_err *err)
{
	int r = compile(c);

	if (r)
		return wr_err_sys(err, r, "compiling");
	c->changes = wr_json_new_array();
	c->begun = true;
	r = wr_flow_dump(c->a->dp, true, compare_flow, c);
	c->begun = false;
	wr_event_hub_each(c->a, compare_drop, c);
	*ret = wr_json_new_object();
	wr_json_add(*ret, "items", c->changes);
	wr_json_add(*ret, "problems", given_problems(c));
	wr_json_add_int(*ret, "judged", c->judged);
	wr_json_add_int(*ret, "cut", c->cut);
	wr_json_add_int(*ret, "opened", c->opened);
	return r < 0 ? wr_err_sys(err, r, "reading flows") : 0;
}

int wr_policies_what_if(const struct wr_agent *a, const struct wr_json *body, struct wr_json **ret,
			struct wr_err *err)
{
	const char *text = wr_json_get_str(body, "manifests");
	struct wr_manifest given = { 0 };
	struct check c = { .a = a, .given = &given };
	uint32_t found;
	int r;

	if (!text || !a->policies)
		return wr_err_set(err, -EINVAL, "manifests: is missing");
	r = wr_manifest_parse(text, strlen(text), &given, &found, err);
	if (r < 0)
		return r;
	r = run_check(&c, ret, err);
	check_done(&c);
	wr_manifest_done(&given);
	return r;
}
