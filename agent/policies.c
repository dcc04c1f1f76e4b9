// SPDX-License-Identifier: Apache-2.0
/* Policies from the compiler into the maps. */
#include "agent/policies.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/api.h"
#include "agent/domains.h"
#include "agent/endpoints.h"
#include "agent/log.h"
#include "agent/obj/store.h"
#include "agent/peers.h"
#include "agent/policies_private.h"
#include "lib/base/cleanup.h"
#include "lib/base/hmap.h"
#include "lib/base/io.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/strbuf.h"
#include "lib/dp/tables.h"

#define GRACE_MS     1000
#define FILE_MAX     (4u << 20)
#define BATCH_ROWS   256
#define HASH_UNKNOWN 0

static const enum wr_kind followed[] = {
	WR_KIND_NODE,
	WR_KIND_NAMESPACE,
	WR_KIND_POD,
	WR_KIND_NETWORKPOLICY,
	WR_KIND_CLUSTERNETWORKPOLICY,
};

/* ---- into the kernel ----------------------------------------------------------------------------- */

static int put_rules(void *ctx, const struct wr_policy_row *rows, size_t n)
{
	struct wr_policies *s = ctx;
	struct wr_rule_key keys[BATCH_ROWS];
	uint64_t words[BATCH_ROWS];
	size_t i, k;
	int r = 0;

	for (i = 0; i < n && r == 0; i += k) {
		for (k = 0; k < BATCH_ROWS && i + k < n; k++) {
			keys[k] = rows[i + k].key;
			words[k] = rows[i + k].word;
		}
		r = wr_rule_put_many(s->agent->dp, keys, words, (uint32_t)k);
	}
	if (r)
		wr_err_sys(&s->first, r, "policy rules (mapSizes.rules)");
	return r;
}

static int del_rules(void *ctx, const struct wr_policy_row *rows, size_t n)
{
	struct wr_policies *s = ctx;
	int first = 0, r;
	size_t i;

	for (i = 0; i < n; i++) {
		r = wr_rule_del(s->agent->dp, &rows[i].key);
		first = first || r == -ENOENT ? first : r;
	}
	return first;
}

/* An address of the node itself: its flows follow the generation of endpoint 0. */
static void note_host(struct wr_policies *s, const struct wr_prefix *prefix)
{
	uint32_t number;

	if (prefix->len == 128 && wr_endpoint_lookup(s->agent->dp, &prefix->addr, &number) == 0 &&
	    number == WR_EP_HOST)
		s->host_moved = true;
}

static void put_peer(void *ctx, const struct wr_prefix *prefix, uint32_t who)
{
	struct wr_policies *s = ctx;

	wr_peers_put_policy(s->agent->peers, prefix, who);
	note_host(s, prefix);
}

static void del_peer(void *ctx, const struct wr_prefix *prefix)
{
	struct wr_policies *s = ctx;

	wr_peers_del_policy(s->agent->peers, prefix);
	note_host(s, prefix);
}

static int add_line(void *ctx, uint32_t number, uint64_t hash)
{
	wr_strbuf_addf(ctx, "%" PRIu32 " %016" PRIx64 "\n", number, hash);
	return 0;
}

/* Before any address has the number, so that no run finds one that it cannot read. */
static int save_identities(struct wr_policies *s)
{
	wr_autofree char *file = wr_xasprintf("%s/identities", s->agent->paths.state);
	const uint64_t made = wr_policy_identities_made(s->policy);
	wr_auto_strbuf text = WR_STRBUF_INIT;
	int r;

	if (made == s->saved)
		return 0;
	wr_policy_each_identity(s->policy, add_line, &text);
	r = wr_write_file_atomic(file, text.buf, text.len, 0600, WR_WRITE_IF_CHANGED);
	if (r < 0)
		return wr_err_sys(&s->first, r, "writing %s", file);
	s->saved = made;
	return 0;
}

static int flush_peers(void *ctx)
{
	struct wr_policies *s = ctx;
	int r = save_identities(s);

	wr_peers_complete(s->agent->peers, WR_PEERS_POLICIES);
	if (r == 0)
		r = wr_peers_sync(s->agent->peers, &s->first);
	if (r == 0 && s->host_moved)
		r = wr_endpoint_bump(s->agent->dp, WR_EP_HOST);
	s->host_moved = s->host_moved && r;
	return r;
}

/* An endpoint that has gone meanwhile needs nothing. */
static int put_identity(void *ctx, uint32_t number, uint32_t identity4, uint32_t identity6)
{
	const struct wr_policies *s = ctx;
	int r = wr_endpoint_set_identity(s->agent->dp, number, identity4, identity6);

	return r == -ENOENT ? 0 : r;
}

static int put_word(void *ctx, uint32_t number, uint64_t word)
{
	const struct wr_policies *s = ctx;
	int r = wr_endpoint_set_rules(s->agent->dp, number, word);

	return r == -ENOENT ? 0 : r;
}

static struct wr_policy_sink sink_of(struct wr_policies *s)
{
	return (struct wr_policy_sink){ .ctx = s,
					.put_rules = put_rules,
					.del_rules = del_rules,
					.put_peer = put_peer,
					.del_peer = del_peer,
					.flush_peers = flush_peers,
					.put_identity = put_identity,
					.put_word = put_word };
}

/* ---- the pass -------------------------------------------------------------------------------------- */

static bool are_lists_complete(const struct wr_agent *a)
{
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(followed); i++)
		if (!wr_store_is_synced(a->store, followed[i]))
			return false;
	return true;
}

static void follow_peers(struct wr_policies *s)
{
	bool want = wr_policy_wants_peers(s->policy);

	if (want == s->all_pods)
		return;
	s->all_pods = want;
	if (s->agent->api)
		wr_api_want_all_pods(s->agent, want);
}

struct leftovers {
	const struct wr_policy *policy;
	WR_VEC(struct wr_policy_row) rows;
};

static int note_leftover(void *ctx, const struct wr_rule_key *key, uint64_t word)
{
	struct leftovers *l = ctx;
	struct wr_policy_row row = { *key, word };

	if (!wr_policy_has_ruleset(l->policy, key->ruleset))
		wr_vec_push(&l->rows, row);
	return 0;
}

/* Rulesets of the run before that this one does not use. */
static void prune(struct wr_policies *s)
{
	struct leftovers l = { .policy = s->policy };

	if (wr_rule_dump(s->agent->dp, note_leftover, &l) == 0 &&
	    del_rules(s, l.rows.v, l.rows.n) == 0)
		s->pruned = true;
	if (l.rows.n)
		wr_log(WR_LOG_INFO, "rules of policies that are gone removed",
		       WR_I("rules", l.rows.n));
	wr_vec_done(&l.rows);
}

static void collect(struct wr_policies *s)
{
	const struct wr_policy_sink sink = sink_of(s);

	s->first = WR_ERR_INIT;
	if (wr_policy_collect(s->policy, &sink))
		wr_log(WR_LOG_WARN, "unused rules stay for now", WR_E(&s->first));
	if (!s->pruned)
		prune(s);
	/* Selectors that nobody uses any more: addresses move to the identities that are left. */
	wr_reconcile_due(s->agent, WR_RECONCILE_POLICIES, false);
}

/* What was kept no longer holds; nothing kept is closed. The new is written later: with many namespaces it takes its time. */
static int forget_reach(struct wr_policies *s)
{
	int r;

	if (!wr_policy_take_reach_changed(s->policy))
		return 0;
	s->reach_unsaved = true;
	r = s->reach_kept ? wr_policies_cache_drop(s) : 0;
	s->reach_kept = s->reach_kept && r;
	return r;
}

static void keep_reach(struct wr_policies *s)
{
	struct wr_err err = WR_ERR_INIT;

	if (!s->reach_unsaved || !s->applied || !are_lists_complete(s->agent))
		return;
	s->reach_kept = wr_policies_cache_save(s, &err) == 0;
	s->reach_unsaved = !s->reach_kept;
	if (s->reach_unsaved)
		wr_log(WR_LOG_WARN, "what policies select could not be kept on disk", WR_E(&err));
}

/* A grace period has passed; and some ADD may have waited for long enough. */
static void tick(struct wr_timer *t)
{
	struct wr_policies *s = WR_CONTAINER_OF(t, struct wr_policies, grace);

	if (s->applied && (wr_policy_has_garbage(s->policy) || !s->pruned))
		collect(s);
	keep_reach(s);
	if (s->agent->endpoints)
		wr_endpoints_answer(s->agent);
	wr_timer_start(s->agent->loop, t, GRACE_MS, tick);
}

int wr_policies_reconcile(struct wr_agent *a, bool full, struct wr_err *err)
{
	struct wr_policies *s = a->policies;
	struct wr_policy_sink sink;
	int r = 0;

	if (!s)
		return 0;
	sink = sink_of(s);
	follow_peers(s);
	if (are_lists_complete(a)) {
		if (full)
			wr_policy_retry(s->policy);
		s->first = WR_ERR_INIT;
		r = forget_reach(s);
		r = r ? r : wr_policy_apply(s->policy, &sink);
		s->applied = s->applied || r == 0;
		wr_policies_report_overflow(s);
		wr_domains_follow(a);
	}
	wr_endpoints_answer(a);
	return r ? wr_err_set(err, r, "%s", *s->first.msg ? s->first.msg : strerror(-r)) : 0;
}

void wr_policies_settle(struct wr_agent *a)
{
	struct wr_err err = WR_ERR_INIT;

	if (wr_policies_reconcile(a, false, &err))
		wr_reconcile_due(a, WR_RECONCILE_POLICIES, true);
}

struct wr_policy *wr_policies_compiled(const struct wr_agent *a)
{
	return a->policies->policy;
}

static void store_changed(void *ctx, enum wr_kind kind, const struct wr_object *old,
			  const struct wr_object *new_)
{
	struct wr_policies *s = ctx;

	wr_policy_change(s->policy, kind, old, new_);
	if (new_ && (kind == WR_KIND_NETWORKPOLICY || kind == WR_KIND_CLUSTERNETWORKPOLICY))
		wr_policies_report(new_);
	wr_reconcile_due(s->agent, WR_RECONCILE_POLICIES, false);
}

/* ---- endpoints --------------------------------------------------------------------------------------- */

void wr_policies_put_endpoint(struct wr_agent *a, uint32_t number, const struct wr_endpoint_record *r)
{
	struct wr_policy_subject subject = {
		.ns = r->pod_namespace ? r->pod_namespace : "",
		.name = r->pod_name ? r->pod_name : "",
		.uid = r->pod_uid ? r->pod_uid : "",
		.addr4 = r->addr4,
		.addr6 = r->addr6,
	};

	if (!a->policies)
		return;
	wr_policy_subject_put(a->policies->policy, number, &subject);
	wr_reconcile_due(a, WR_RECONCILE_POLICIES, false);
}

void wr_policies_del_endpoint(struct wr_agent *a, uint32_t number)
{
	if (!a->policies)
		return;
	wr_policy_subject_del(a->policies->policy, number);
	wr_reconcile_due(a, WR_RECONCILE_POLICIES, false);
}

/*
 * The lists are not complete: what was decided before stays, and a pod that no policy of the run before could select is
 * open. As a peer it stays unknown, and so closed out where policies judge.
 */
static int check_without_lists(const struct wr_agent *a, uint32_t number, const char *ns,
			       struct wr_err *err)
{
	struct wr_endpoint row;
	int r = wr_endpoint_get(a->dp, number, &row);

	if (r == 0 && !(row.rules & WR_RULES_CLOSED))
		return 0;
	if (r == 0 && (!ns || !*ns || !wr_policies_cache_could_select(a->policies, ns)))
		r = wr_endpoint_set_rules(a->dp, number, 0);
	else
		r = r ? r : -EAGAIN;
	return r ? wr_err_set_cni(err, 11, r, "the first list of policies is not complete yet") : 0;
}

int wr_policies_check(const struct wr_agent *a, uint32_t number, const char *ns, struct wr_err *err)
{
	struct wr_policy_verdict v;

	if (!a->policies)
		return 0;
	if (!are_lists_complete(a))
		return check_without_lists(a, number, ns, err);
	if (!wr_policy_verdict(a->policies->policy, number, &v))
		return wr_err_set_cni(err, 11, -EAGAIN, "the pod's policies are not in force yet");
	if (v.waits)
		return wr_err_set_cni(err, 11, -EAGAIN,
				      "the Pod object has not arrived, and a policy could select it");
	if (v.overflow)
		return wr_err_set_cni(err, 11, -ENOSPC,
				      "the pod's policies do not fit (mapSizes.rules)");
	return 0;
}

void wr_policies_ask(struct wr_agent *a, uint32_t number, const struct wr_endpoint_record *r)
{
	struct wr_policy_verdict v;

	if (a->policies && r->pod_name && r->pod_namespace &&
	    wr_policy_verdict(a->policies->policy, number, &v) && v.waits)
		wr_api_ask_pod(a, r->pod_namespace, r->pod_name);
}

const char *wr_policies_rule_text(const struct wr_agent *a, uint32_t rule)
{
	return a && a->policies ? wr_policy_rule_text(a->policies->policy, rule) : NULL;
}

/* ---- start ------------------------------------------------------------------------------------------- */

static void reserve_lines(struct wr_policies *s, char *text)
{
	char *line, *rest = text;
	unsigned int number;
	uint64_t hash;

	while ((line = strsep(&rest, "\n")))
		if (sscanf(line, "%u %" SCNx64, &number, &hash) == 2)
			wr_policy_reserve(s->policy, number, hash);
}

static int reserve_peer(void *ctx, const struct wr_prefix *prefix, uint64_t word)
{
	const struct wr_policies *s = ctx;

	wr_policy_reserve(s->policy, WR_PEER_IDENTITY(word), HASH_UNKNOWN);
	wr_policy_reserve(s->policy, WR_PEER_FORMER(word), HASH_UNKNOWN);
	return 0;
}

/* Numbers that the file knows keep their meaning; others that are in use are left alone. */
static int reserve(struct wr_policies *s, struct wr_err *err)
{
	wr_autofree char *file = wr_xasprintf("%s/identities", s->agent->paths.state);
	wr_autofree char *text = NULL;
	int r = wr_read_file(file, FILE_MAX, &text, NULL);

	if (r == 0)
		reserve_lines(s, text);
	else if (r != -ENOENT)
		wr_log(WR_LOG_WARN, "identities of the run before cannot be read",
		       WR_S("file", file));
	r = wr_peer_dump(s->agent->dp, reserve_peer, s);
	return r ? wr_err_sys(err, r, "reading the peers map") : 0;
}

int wr_policies_start(struct wr_agent *a, struct wr_err *err)
{
	struct wr_policies *s = wr_xcalloc(1, sizeof(*s));

	s->agent = a;
	s->policy = wr_policy_new();
	s->reach_kept = true; /* by the run before, maybe */
	a->policies = s;
	wr_store_subscribe(a->store, store_changed, s);
	tick(&s->grace);
	return reserve(s, err);
}

void wr_policies_stop(struct wr_agent *a)
{
	struct wr_policies *s = a->policies;

	if (!s)
		return;
	wr_timer_stop(a->loop, &s->grace);
	wr_policy_free(s->policy);
	wr_vec_done(&s->overflowing);
	free(s);
	a->policies = NULL;
}
