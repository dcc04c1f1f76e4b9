// SPDX-License-Identifier: Apache-2.0
/*
 * What it costs from objects in memory to policies in force: the compiler alone, and with the maps of the datapath behind it.
 * One JSON object a line.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/obj/store.h"
#include "agent/peers.h"
#include "agent/policy/policy.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/vec.h"
#include "lib/dp/dp.h"
#include "lib/dp/tables.h"

#define SPACES        500
#define POLICIES      2500
#define PODS          50000
#define LABEL_CHANGES 300
#define POLICY_ROUNDS 400

struct world {
	struct wr_store *store;
	struct wr_policy *policy;
	struct wr_dp *dp; /* NULL: the compiler alone */
	struct wr_peers *peers;
	uint64_t rows;
};

static void print(const char *name, const char *unit, double value, const char *baseline,
		  double baseline_value, double target)
{
	double ratio = baseline_value > 0 ? value / baseline_value : 0;
	double judged = baseline_value > 0 ? ratio : value;

	printf("{\"name\":\"%s\",\"value\":%.3f,\"unit\":\"%s\",\"baseline\":\"%s\",", name, value,
	       unit, baseline);
	printf("\"baseline_value\":%.3f,\"ratio\":%.3f,\"target\":%.3f,\"met\":%s}\n",
	       baseline_value, ratio, target, judged <= target ? "true" : "false");
	(void)fflush(stdout);
}

static int cmp_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Of 1: the largest; of 0.5: the median. */
static double quantile(double *v, size_t n, double q)
{
	size_t at = (size_t)(q * (double)n);

	qsort(v, n, sizeof(*v), cmp_double);
	return v[WR_MIN(at, n - 1)];
}

static double ms_since(uint64_t start_ns)
{
	return (double)(wr_now_ns() - start_ns) / 1e6;
}

/* ---- where rows go --------------------------------------------------------------------------------- */

static int put_rules(void *ctx, const struct wr_policy_row *rows, size_t n)
{
	struct world *w = ctx;
	struct wr_rule_key keys[256];
	uint64_t words[256];
	size_t i, k;
	int r = 0;

	w->rows += n;
	for (i = 0; w->dp && i < n && r == 0; i += k) {
		for (k = 0; k < WR_ARRAY_SIZE(keys) && i + k < n; k++) {
			keys[k] = rows[i + k].key;
			words[k] = rows[i + k].word;
		}
		r = wr_rule_put_many(w->dp, keys, words, (uint32_t)k);
	}
	return r;
}

static int del_rules(void *ctx, const struct wr_policy_row *rows, size_t n)
{
	struct world *w = ctx;
	size_t i;

	w->rows -= n;
	for (i = 0; w->dp && i < n; i++)
		wr_rule_del(w->dp, &rows[i].key);
	return 0;
}

static void put_peer(void *ctx, const struct wr_prefix *prefix, uint32_t who)
{
	struct world *w = ctx;

	if (w->peers)
		wr_peers_put_policy(w->peers, prefix, who);
}

static void del_peer(void *ctx, const struct wr_prefix *prefix)
{
	struct world *w = ctx;

	if (w->peers)
		wr_peers_del_policy(w->peers, prefix);
}

static int flush_peers(void *ctx)
{
	struct world *w = ctx;
	struct wr_err err = WR_ERR_INIT;

	return w->peers ? wr_peers_sync(w->peers, &err) : 0;
}

static int put_identity(void *ctx, uint32_t number, uint32_t identity4, uint32_t identity6)
{
	struct world *w = ctx;

	return w->dp ? wr_endpoint_set_identity(w->dp, number, identity4, identity6) : 0;
}

static int put_word(void *ctx, uint32_t number, uint64_t word)
{
	struct world *w = ctx;

	return w->dp ? wr_endpoint_set_rules(w->dp, number, word) : 0;
}

static struct wr_policy_sink sink_of(struct world *w)
{
	return (struct wr_policy_sink){ w,        put_rules,   del_rules,    put_peer,
					del_peer, flush_peers, put_identity, put_word };
}

static void settle(struct world *w)
{
	const struct wr_policy_sink sink = sink_of(w);

	if (wr_policy_apply(w->policy, &sink)) {
		fputs("bench_policy: apply failed\n", stderr);
		exit(1);
	}
}

/* ---- objects ----------------------------------------------------------------------------------------- */

static void changed(void *ctx, enum wr_kind kind, const struct wr_object *old,
		    const struct wr_object *new_)
{
	struct world *w = ctx;

	if (w->policy)
		wr_policy_change(w->policy, kind, old, new_);
}

static struct wr_object *decode(enum wr_kind kind, const char *text)
{
	struct wr_err err = WR_ERR_INIT;
	wr_auto_json *j = NULL;
	struct wr_object *o;

	if (wr_json_parse(text, strlen(text), &j, &err) ||
	    wr_object_decode_as(kind, j, false, &o, &err)) {
		fprintf(stderr, "bench_policy: %s in %s\n", err.msg, text);
		exit(1);
	}
	return o;
}

static void put_text(struct world *w, enum wr_kind kind, const char *text)
{
	wr_store_put(w->store, decode(kind, text));
}

static void put_space(struct world *w, uint32_t i)
{
	char text[256];

	snprintf(text, sizeof(text),
		 "{\"metadata\":{\"name\":\"n%u\",\"labels\":{\"kubernetes.io/metadata.name\":\"n%u\",\"team\":\"t%u\"}}}",
		 i, i, i % 20);
	put_text(w, WR_KIND_NAMESPACE, text);
}

static struct wr_addr pod_address(uint32_t i)
{
	struct wr_addr a;
	char text[32];

	snprintf(text, sizeof(text), "10.%u.%u.%u", 100 + (i >> 16), i >> 8 & 255, i & 255);
	wr_addr_parse(text, &a);
	return a;
}

static struct wr_object *pod(uint32_t i, uint32_t spaces, const char *role)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "{\"metadata\":{\"name\":\"p%u\",\"namespace\":\"n%u\",\"labels\":{\"app\":\"a%u\",\"role\":\"%s\"}},"
		 "\"spec\":{\"nodeName\":\"x\"},\"status\":{\"phase\":\"Running\",\"podIPs\":[{\"ip\":\"10.%u.%u.%u\"}]}}",
		 i, i % spaces, i / spaces % 10, role, 100 + (i >> 16), i >> 8 & 255, i & 255);
	return decode(WR_KIND_POD, text);
}

static void put_pod(struct world *w, uint32_t i, uint32_t spaces, const char *role)
{
	wr_store_put(w->store, pod(i, spaces, role));
}

/* Pods of one app, from another app of the namespace, from teams, and from a block; on a few ports. */
static void put_policy(struct world *w, uint32_t i, uint32_t spaces, uint32_t port)
{
	char text[1024];

	snprintf(text, sizeof(text),
		 "{\"metadata\":{\"name\":\"np%u\",\"namespace\":\"n%u\"},\"spec\":{\"podSelector\":{\"matchLabels\":{\"app\":\"a%u\"}},"
		 "\"policyTypes\":[\"Ingress\"],\"ingress\":[{\"from\":[{\"podSelector\":{\"matchLabels\":{\"app\":\"a%u\",\"role\":\"web\"}}},"
		 "{\"namespaceSelector\":{\"matchLabels\":{\"team\":\"t%u\"}}},{\"ipBlock\":{\"cidr\":\"192.0.%u.0/24\"}}],"
		 "\"ports\":[{\"port\":%u},{\"port\":9000,\"endPort\":9100}]}]}}",
		 i, i % spaces, i / spaces % 10, (i / spaces + 1) % 10, i % 20, i % 200, port);
	put_text(w, WR_KIND_NETWORKPOLICY, text);
}

static void put_subject(struct world *w, uint32_t number, uint32_t pod, uint32_t spaces)
{
	char ns[16], name[16];
	struct wr_policy_subject s = { .ns = ns, .name = name, .uid = "", .addr4 = pod_address(pod) };

	snprintf(ns, sizeof(ns), "n%u", pod % spaces);
	snprintf(name, sizeof(name), "p%u", pod);
	wr_policy_subject_put(w->policy, number, &s);
}

/* Without the compiler: what the store holds before it. */
static void fill(struct world *w, uint32_t spaces, uint32_t pods, uint32_t policies)
{
	uint32_t i;

	w->store = wr_store_new();
	wr_store_subscribe(w->store, changed, w);
	for (i = 0; i < spaces; i++)
		put_space(w, i);
	for (i = 0; i < pods; i++)
		put_pod(w, i, spaces, i % 3 ? "web" : "db");
	for (i = 0; i < policies; i++)
		put_policy(w, i, spaces, 8000 + i % 50);
}

static void empty(struct world *w)
{
	wr_policy_free(w->policy);
	w->policy = NULL;
	wr_store_free(w->store);
}

struct feeding {
	struct wr_policy *policy;
	enum wr_kind kind;
};

static int feed_one(void *ctx, struct wr_object *o)
{
	const struct feeding *f = ctx;

	wr_policy_change(f->policy, f->kind, NULL, o);
	return 0;
}

static void compile(struct world *w, uint32_t subjects, uint32_t spaces)
{
	static const enum wr_kind kinds[] = { WR_KIND_NAMESPACE, WR_KIND_POD, WR_KIND_NETWORKPOLICY };
	uint32_t i;

	w->policy = wr_policy_new();
	for (i = 0; i < WR_ARRAY_SIZE(kinds); i++) {
		struct feeding f = { w->policy, kinds[i] };

		wr_store_each(w->store, kinds[i], feed_one, &f);
	}
	for (i = 0; i < subjects; i++)
		put_subject(w, i + 1, i, spaces);
	settle(w);
}

/* ---- rows ---------------------------------------------------------------------------------------------- */

/* The median of one pod's label going to and fro, in microseconds. The JSON is not part of it. */
static double label_change(struct world *w, uint32_t pods)
{
	static double v[LABEL_CHANGES];
	uint32_t span = WR_MIN(pods / 4, 100), i;

	for (i = 0; i < LABEL_CHANGES; i++) {
		struct wr_object *o =
			pod(pods / 2 + i % span, SPACES, i / span % 2 ? "web" : "cache");
		uint64_t start = wr_now_ns();

		wr_store_put(w->store, o);
		settle(w);
		v[i] = ms_since(start) * 1000;
	}
	return quantile(v, LABEL_CHANGES, 0.5);
}

static void bench_compiler(void)
{
	struct world large = { 0 }, small = { 0 };
	uint64_t start;
	double cold, few;

	fill(&large, SPACES, PODS, POLICIES);
	start = wr_now_ns();
	compile(&large, 50, SPACES);
	cold = ms_since(start);
	print("compile 2,500 policies against 50,000 pods, cold", "ms", cold, "", 0, 1000);
	fill(&small, SPACES, 50, POLICIES);
	compile(&small, 50, SPACES);
	few = label_change(&small, 50);
	print("one pod's label changes, 50,000 pods", "us", label_change(&large, PODS),
	      "itself with 50 pods", few, 2);
	empty(&small);
	empty(&large);
}

static uint64_t rows_of(uint32_t pods)
{
	struct world w = { 0 };
	uint64_t rows;
	uint32_t i;

	w.store = wr_store_new();
	wr_store_subscribe(w.store, changed, &w);
	w.policy = wr_policy_new();
	put_space(&w, 0);
	for (i = 0; i < pods; i++)
		put_pod(&w, i, 1, "web");
	for (i = 0; i < 50; i++)
		put_policy(&w, i, 1, 8000 + i);
	for (i = 0; i < pods; i++)
		put_subject(&w, i + 1, i, 1);
	settle(&w);
	rows = w.rows;
	empty(&w);
	return rows;
}

/* ---- in force ------------------------------------------------------------------------------------------- */

static struct wr_dp *load_maps(void)
{
	struct wr_dp_options opt = { .config = { .switches = WR_SW_IPV4 | WR_SW_IPV6,
						 .flow_shards = 2,
						 .nat_first = 61000,
						 .nat_last = 61999,
						 .hz = 250 } };
	struct wr_err err = WR_ERR_INIT;
	struct wr_dp *dp;

	opt.sizes[WR_MAP_wr_flows] = opt.sizes[WR_MAP_wr_new_flows] = 4096;
	if (wr_dp_load(&opt, &dp, &err) < 0) {
		fprintf(stderr, "bench_policy: %s\n", err.msg);
		exit(1);
	}
	return dp;
}

static void put_endpoints(struct world *w, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++) {
		struct wr_endpoint row = { .ifindex = 100 + i,
					   .flags = WR_EP_USED,
					   .rules = WR_RULES_CLOSED,
					   .mtu = 1500,
					   .addr4 = pod_address(i) };

		wr_endpoint_put(w->dp, i + 1, &row);
		put_subject(w, i + 1, i, 1);
	}
}

/* From the object as the API sends it to the last endpoint's word. Every change concerns ten of a hundred pods, or all. */
static void bench_enforced(void)
{
	struct world w = { .dp = load_maps() };
	struct wr_err err = WR_ERR_INIT;
	static double v[POLICY_ROUNDS];
	const struct wr_policy_sink sink = sink_of(&w);
	uint32_t i;

	if (wr_peers_open(w.dp, &w.peers, &err))
		exit(1);
	w.store = wr_store_new();
	wr_store_subscribe(w.store, changed, &w);
	w.policy = wr_policy_new();
	put_space(&w, 0);
	for (i = 0; i < 1000; i++)
		put_pod(&w, i, 1, i % 3 ? "web" : "db");
	for (i = 0; i < 50; i++)
		put_policy(&w, i, 1, 8000 + i);
	put_endpoints(&w, 100);
	settle(&w);
	for (i = 0; i < POLICY_ROUNDS; i++) {
		uint64_t start = wr_now_ns();

		if (i % 4)
			put_policy(&w, i % 50, 1, 10000 + i);
		else
			put_text(&w, WR_KIND_NETWORKPOLICY,
				 i % 8 ? "{\"metadata\":{\"name\":\"all\",\"namespace\":\"n0\"},\"spec\":{\"podSelector\":{}}}" :
					 "{\"metadata\":{\"name\":\"all\",\"namespace\":\"n0\"},\"spec\":{\"podSelector\":{},\"ingress\":[{}]}}");
		settle(&w);
		v[i] = ms_since(start);
		wr_policy_collect(w.policy, &sink);
	}
	print("policy change to enforced, 100 endpoints, p99", "ms",
	      quantile(v, POLICY_ROUNDS, 0.99), "", 0, 20);
	empty(&w);
	wr_peers_close(w.peers);
	wr_dp_close(w.dp);
}

int main(void)
{
	bench_compiler();
	print("rule-map entries, 1,000 pods sharing 50 policies", "rows", (double)rows_of(1000),
	      "one pod of each ruleset", (double)rows_of(10), 1.0);
	bench_enforced();
	return 0;
}
