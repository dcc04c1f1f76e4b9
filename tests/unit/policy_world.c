/* SPDX-License-Identifier: Apache-2.0 */
/* The maps of the datapath, in memory. */
#include "tests/unit/policy_world.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "lib/base/cleanup.h"
#include "tests/unit/check.h"
#include "tests/unit/objects.h"
#include "tests/unit/policy_kernel.h"

struct row {
	struct wr_hnode node;
	struct wr_policy_row row;
};

struct peer {
	struct wr_prefix prefix;
	uint32_t identity, former;
};

struct end {
	uint64_t word;
	uint32_t identity4, identity6;
	struct wr_addr addr4, addr6;
};

struct pw {
	struct wr_store *store;
	struct wr_policy *policy;
	struct wr_hmap rows;
	WR_VEC(struct peer) peers, ranges;
	struct end ends[64];
	int failures;
	bool undoes; /* a put has failed: rows that never came may be deleted */
	size_t writes;
	struct pk *kernel; /* NULL: none */
};

static uint32_t hash_key(const struct wr_rule_key *key)
{
	return wr_hash_bytes(key, sizeof(*key), 0);
}

static struct row *find_row(const struct pw *w, const struct wr_rule_key *key)
{
	struct wr_hnode *n;

	for (n = wr_hmap_first(&w->rows, hash_key(key)); n; n = wr_hmap_next(n)) {
		struct row *r = WR_CONTAINER_OF(n, struct row, node);

		if (memcmp(&r->row.key, key, sizeof(*key)) == 0)
			return r;
	}
	return NULL;
}

static int put_rules(void *ctx, const struct wr_policy_row *rows, size_t n)
{
	struct pw *w = ctx;
	size_t i;

	if (w->failures > 0) {
		w->failures--;
		w->undoes = true;
		return -ENOSPC;
	}
	for (i = 0; i < n; i++) {
		struct row *r = find_row(w, &rows[i].key);

		w->writes++;
		if (r) {
			/* Rulesets are immutable: a row is never another. */
			assert_true(r->row.word == rows[i].word);
			continue;
		}
		r = wr_xcalloc(1, sizeof(*r));
		r->row = rows[i];
		wr_hmap_add(&w->rows, &r->node, hash_key(&r->row.key));
	}
	return w->kernel ? pk_put_rules(w->kernel, rows, n) : 0;
}

static int del_rules(void *ctx, const struct wr_policy_row *rows, size_t n)
{
	struct pw *w = ctx;
	size_t i, k;

	for (i = 0; i < n; i++) {
		struct row *r = find_row(w, &rows[i].key);

		if (w->undoes && !r)
			continue;
		assert_non_null(r);
		for (k = 0; k < WR_ARRAY_SIZE(w->ends); k++)
			if (rows[i].key.identity == WR_RULE_ANY_PEER)
				assert_true(WR_RULES_ID(w->ends[k].word) != rows[i].key.ruleset);
		wr_hmap_del(&w->rows, &r->node);
		free(r);
	}
	return w->kernel ? pk_del_rules(w->kernel, rows, n) : 0;
}

static void forget_peer(struct pw *w, const struct wr_prefix *prefix)
{
	size_t i;

	for (i = 0; i < w->peers.n; i++)
		if (wr_prefix_eq(&w->peers.v[i].prefix, prefix))
			wr_vec_del_unordered(&w->peers, i--);
}

static void del_peer(void *ctx, const struct wr_prefix *prefix)
{
	struct pw *w = ctx;

	forget_peer(w, prefix);
	if (w->kernel)
		pk_del_peer(w->kernel, prefix);
}

static void put_peer(void *ctx, const struct wr_prefix *prefix, uint32_t who)
{
	struct peer peer = { *prefix, WR_PEER_IDENTITY(who), WR_PEER_FORMER(who) };
	struct pw *w = ctx;

	forget_peer(w, prefix);
	wr_vec_push(&w->peers, peer);
	if (w->kernel)
		pk_put_peer(w->kernel, prefix, who);
}

static int flush_peers(void *ctx)
{
	const struct pw *w = ctx;

	return w->kernel ? pk_flush_peers(w->kernel) : 0;
}

static int put_identity(void *ctx, uint32_t number, uint32_t identity4, uint32_t identity6)
{
	struct pw *w = ctx;

	w->ends[number].identity4 = identity4;
	w->ends[number].identity6 = identity6;
	return w->kernel ? pk_put_identity(w->kernel, number, identity4, identity6) : 0;
}

static bool is_there(const struct pw *w, uint32_t ruleset)
{
	struct wr_hnode *n, *next;
	size_t pos;

	wr_hmap_each(&w->rows, n, pos, next)
		if (WR_CONTAINER_OF(n, struct row, node)->row.key.ruleset == ruleset)
			return true;
	return false;
}

static int put_word(void *ctx, uint32_t number, uint64_t word)
{
	struct pw *w = ctx;

	if (word & (WR_RULES_EGRESS | WR_RULES_INGRESS))
		assert_true(is_there(w, WR_RULES_ID(word)));
	w->ends[number].word = word;
	return w->kernel ? pk_put_word(w->kernel, number, word) : 0;
}

static struct wr_policy_sink sink_of(struct pw *w)
{
	return (struct wr_policy_sink){ w,        put_rules,   del_rules,    put_peer,
					del_peer, flush_peers, put_identity, put_word };
}

static void put_ranges(struct pw *w, const struct wr_node *node, bool is_range)
{
	uint32_t i;

	for (i = 0; node && i < node->pod_cidrs.n; i++)
		pk_range(w->kernel, &node->pod_cidrs.v[i], is_range);
}

static int unmirror_node(void *ctx, struct wr_object *o)
{
	put_ranges(ctx, (const struct wr_node *)o, false);
	return 0;
}

static void changed(void *ctx, enum wr_kind kind, const struct wr_object *old,
		    const struct wr_object *new_)
{
	struct pw *w = ctx;

	wr_policy_change(w->policy, kind, old, new_);
	if (w->kernel && kind == WR_KIND_NODE) {
		put_ranges(w, (const struct wr_node *)old, false);
		put_ranges(w, (const struct wr_node *)new_, true);
	}
}

struct pw *pw_new(void)
{
	struct pw *w = wr_xcalloc(1, sizeof(*w));

	w->store = wr_store_new();
	w->policy = wr_policy_new();
	wr_store_subscribe(w->store, changed, w);
	return w;
}

void pw_mirror(struct pw *w, struct pk *k)
{
	w->kernel = k;
}

/* So that the next cluster finds the real maps empty. */
static void unmirror(struct pw *w)
{
	static const struct wr_addr none;
	struct wr_hnode *n, *next;
	uint32_t i;
	size_t pos;

	for (i = 0; i < WR_ARRAY_SIZE(w->ends); i++)
		if (!wr_addr_is_zero(&w->ends[i].addr4))
			pk_subject(w->kernel, i, &none, &none);
	while (w->peers.n) {
		struct wr_prefix prefix = w->peers.v[0].prefix;

		del_peer(w, &prefix);
	}
	wr_hmap_each(&w->rows, n, pos, next)
		pk_del_rules(w->kernel, &WR_CONTAINER_OF(n, struct row, node)->row, 1);
	wr_store_each(w->store, WR_KIND_NODE, unmirror_node, w);
	assert_int_equal(pk_flush_peers(w->kernel), 0);
}

void pw_free(struct pw *w)
{
	struct wr_hnode *n, *next;
	size_t pos;

	if (w->kernel)
		unmirror(w);
	w->kernel = NULL;
	wr_policy_free(w->policy);
	w->policy = NULL;
	wr_hmap_each(&w->rows, n, pos, next)
		free(WR_CONTAINER_OF(n, struct row, node));
	wr_hmap_done(&w->rows);
	wr_vec_done(&w->peers);
	wr_store_free(w->store);
	free(w);
}

struct wr_policy *pw_policy(struct pw *w)
{
	return w->policy;
}

void pw_apply_yaml(struct pw *w, const char *yaml)
{
	wr_store_put(w->store, obj_lenient(yaml));
}

void pw_del(struct pw *w, enum wr_kind kind, const char *ns, const char *name)
{
	wr_store_del(w->store, kind, ns, name);
}

static bool has_addresses(const struct end *end, const struct wr_addr *addr4,
			  const struct wr_addr *addr6)
{
	return wr_addr_eq(&end->addr4, addr4) && wr_addr_eq(&end->addr6, addr6);
}

void pw_subject(struct pw *w, uint32_t number, const char *ns, const char *name,
		const struct wr_addr *addr4, const struct wr_addr *addr6)
{
	struct wr_policy_subject s = {
		.ns = ns, .name = name, .uid = "", .addr4 = *addr4, .addr6 = *addr6
	};

	if (!*ns) {
		wr_policy_subject_del(w->policy, number);
		w->ends[number] = (struct end){ 0 };
		if (w->kernel)
			pk_subject(w->kernel, number, &w->ends[number].addr4, &w->ends[number].addr6);
		return;
	}
	/* A new pod has a new row; one that was put before keeps its own, and the compiler knows that too. */
	if (w->kernel && !has_addresses(&w->ends[number], addr4, addr6))
		pk_subject(w->kernel, number, addr4, addr6);
	wr_policy_subject_put(w->policy, number, &s);
	w->ends[number].addr4 = *addr4;
	w->ends[number].addr6 = *addr6;
}

void pw_settle(struct pw *w)
{
	const struct wr_policy_sink sink = sink_of(w);

	wr_policy_apply(w->policy, &sink);
}

void pw_collect(struct pw *w)
{
	const struct wr_policy_sink sink = sink_of(w);

	assert_int_equal(wr_policy_collect(w->policy, &sink), 0);
}

void pw_fail(struct pw *w, int n)
{
	w->failures = n;
}

uint64_t pw_word(const struct pw *w, uint32_t number)
{
	return w->ends[number].word;
}

struct around {
	const struct wr_addr *addr;
	bool is_range;
};

static int look_at_node(void *ctx, struct wr_object *o)
{
	const struct wr_node *node = (const struct wr_node *)o;
	struct around *a = ctx;
	uint32_t i;

	for (i = 0; i < node->pod_cidrs.n; i++)
		a->is_range = a->is_range || wr_prefix_has(&node->pod_cidrs.v[i], a->addr);
	return 0;
}

/* What the nodes' reconciler says of it: pod ranges are unknown. */
static uint32_t otherwise(const struct pw *w, const struct wr_addr *addr)
{
	struct around a = { .addr = addr };

	wr_store_each(w->store, WR_KIND_NODE, look_at_node, &a);
	return a.is_range ? WR_IDENTITY_UNKNOWN : WR_IDENTITY_WORLD;
}

/* @begun: of a connection that is there, as the programs judge it again. */
static uint32_t who_is(const struct pw *w, const struct wr_addr *addr, bool begun)
{
	const struct peer *best = NULL;
	uint32_t base = otherwise(w, addr);
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(w->ends); i++) {
		if (wr_addr_eq(&w->ends[i].addr4, addr) && !wr_addr_is_zero(addr))
			return w->ends[i].identity4;
		if (wr_addr_eq(&w->ends[i].addr6, addr) && !wr_addr_is_zero(addr))
			return w->ends[i].identity6;
	}
	for (i = 0; i < w->peers.n; i++)
		if (wr_prefix_has(&w->peers.v[i].prefix, addr) &&
		    (!best || w->peers.v[i].prefix.len > best->prefix.len))
			best = &w->peers.v[i];
	/* A pod range is a longer prefix than what is around it. */
	if (best && (base == WR_IDENTITY_WORLD || best->prefix.len == 128))
		return begun && best->former ? best->former : best->identity;
	return base;
}

uint32_t pw_identity(const struct pw *w, const struct wr_addr *addr)
{
	return who_is(w, addr, false);
}

static uint64_t longest(const struct pw *w, struct wr_rule_key key)
{
	const struct row *r;
	uint32_t bits;
	uint16_t port = ntohs(key.port);

	for (bits = 17; bits-- > 0;) {
		key.len = WR_RULE_LEN_PROTO + bits;
		key.port = htons((uint16_t)(port & (0xffffu << (16 - bits))));
		r = find_row(w, &key);
		if (r)
			return r->row.word;
	}
	key.len = WR_RULE_LEN_DIR;
	key.proto = 0;
	r = find_row(w, &key);
	return r ? r->row.word : UINT64_MAX;
}

static uint64_t decide(const struct pw *w, uint64_t rules, struct wr_rule_key key)
{
	bool egress = key.dir == WR_DIR_EGRESS;
	uint64_t word;

	key.ruleset = WR_RULES_ID(rules);
	if (rules & WR_RULES_CLOSED)
		return WR_RULE_WORD(WR_VERDICT_DENY, 0);
	if (!(rules & (egress ? WR_RULES_EGRESS : WR_RULES_INGRESS)))
		return WR_RULE_WORD(WR_VERDICT_ALLOW, 0);
	word = longest(w, key);
	key.identity = WR_RULE_ANY_PEER;
	if (word == UINT64_MAX)
		word = longest(w, key);
	return word == UINT64_MAX ? WR_RULE_WORD(WR_VERDICT_DENY, 0) : word;
}

uint64_t pw_judge(const struct pw *w, uint32_t number, enum wr_dir dir, const struct wr_addr *peer,
		  uint8_t proto, uint16_t port)
{
	struct wr_rule_key key = { .identity = who_is(w, peer, false),
				   .dir = (uint8_t)dir,
				   .proto = proto,
				   .port = htons(port) };

	return decide(w, w->ends[number].word, key);
}

bool pw_goes_on(const struct pw *w, uint32_t number, const struct wr_addr *to, uint8_t proto,
		uint16_t port)
{
	struct wr_rule_key key = { .identity = who_is(w, to, true),
				   .dir = WR_DIR_EGRESS,
				   .proto = proto,
				   .port = htons(port) };

	return WR_RULE_VERDICT(decide(w, w->ends[number].word, key)) != WR_VERDICT_DENY;
}

bool pw_allows(const struct pw *w, uint32_t number, enum wr_dir dir, const struct wr_addr *peer,
	       uint8_t proto, uint16_t port)
{
	return WR_RULE_VERDICT(pw_judge(w, number, dir, peer, proto, port)) != WR_VERDICT_DENY;
}

size_t pw_rows(const struct pw *w)
{
	return w->rows.n;
}

size_t pw_rule_writes(const struct pw *w)
{
	return w->writes;
}
