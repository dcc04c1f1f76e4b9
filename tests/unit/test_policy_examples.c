// SPDX-License-Identifier: Apache-2.0
/*
 * The stories that ClusterNetworkPolicy's own documentation tells (network-policy-api.sigs.k8s.io/reference/examples), as
 * tables: policies, then who reaches whom.
 */
#include <netinet/in.h>
#include <stdio.h>

#include "lib/base/cleanup.h"
#include "lib/base/str.h"
#include "tests/unit/check.h"
#include "tests/unit/policy_world.h"

#define CNP(name, spec)                                                               \
	"apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\n" \
	"metadata: {name: " name "}\nspec: {" spec "}\n"
#define NAMED(ns) "matchLabels: {kubernetes.io/metadata.name: " ns "}"

static const struct {
	const char *ns, *name, *labels;
} pods[] = {
	{ "sensitive-ns", "vault", "app: vault" }, { "monitoring-ns", "scraper", "app: scraper" },
	{ "kube-system", "dns", "app: kube-dns" }, { "kube-system", "other", "app: other" },
	{ "bar-ns-1", "pub", "app: svc-pub" },     { "bar-ns-1", "private", "app: private" },
	{ "tenant-a-1", "a1", "app: web" },        { "tenant-a-2", "a2", "app: web" },
	{ "tenant-b", "b", "app: web" },
};

static const struct {
	const char *name, *labels;
} spaces[] = {
	{ "sensitive-ns", "" },          { "monitoring-ns", "" },
	{ "kube-system", "" },           { "bar-ns-1", "" },
	{ "tenant-a-1", ", tenant: a" }, { "tenant-a-2", ", tenant: a" },
	{ "tenant-b", ", tenant: b" },
};

struct line {
	const char *from, *to; /* pods, or an address outside */
	uint8_t proto;
	uint16_t port;
	bool allowed;
};

struct story {
	const char *title;
	const char *policies[3];
	struct line lines[12];
};

static const char deny_web[] =
	"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: deny, namespace: bar-ns-1}\n"
	"spec: {podSelector: {}, policyTypes: [Ingress]}\n";
static const char allow_all_sensitive[] =
	"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: open, namespace: sensitive-ns}\n"
	"spec: {podSelector: {}, ingress: [{}]}\n";

static const struct story stories[] = {
	{ "1: deny at the level of the cluster; no NetworkPolicy opens it",
	  { CNP("cluster-wide-deny-example",
		"tier: Admin, priority: 10, subject: {namespaces: {" NAMED(
			"sensitive-ns") "}}, "
					"ingress: [{action: Deny, name: select-all-deny-all, from: [{namespaces: {matchLabels: {}}}]}]"),
	    allow_all_sensitive },
	  { { "scraper", "vault", IPPROTO_TCP, 80, false },
	    { "b", "vault", IPPROTO_UDP, 53, false },
	    { "vault", "b", IPPROTO_TCP, 80, true },
	    { "203.0.113.9", "vault", IPPROTO_TCP, 80, true }, /* namespaces are of pods */
	    { "scraper", "b", IPPROTO_TCP, 80, true } } },
	{ "2: allow at the level of the cluster; no NetworkPolicy closes it",
	  { CNP("cluster-wide-allow-example",
		"tier: Admin, priority: 30, subject: {namespaces: {}}, "
		"ingress: [{action: Accept, from: [{namespaces: {" NAMED(
			"monitoring-ns") "}}]}], "
					 "egress: [{action: Accept, to: [{pods: {namespaceSelector: {" NAMED(
						 "kube-system") "}, "
								"podSelector: {matchLabels: {app: kube-dns}}}}]}]"),
	    deny_web },
	  { { "scraper", "pub", IPPROTO_TCP, 8080, true },
	    { "b", "pub", IPPROTO_TCP, 8080, false },
	    { "pub", "dns", IPPROTO_UDP, 53, true },
	    { "pub", "other", IPPROTO_UDP, 53, true } } },
	{ "3: what is passed on is NetworkPolicy's to decide",
	  { CNP("pub-svc-delegate-example",
		"tier: Admin, priority: 20, subject: {namespaces: {}}, egress: [{action: Pass, "
		"to: [{pods: {namespaceSelector: {" NAMED(
			"bar-ns-1") "}, podSelector: {matchLabels: {app: svc-pub}}}}], "
				    "protocols: [{tcp: {destinationPort: {number: 8080}}}]}]"),
	    CNP("deny-the-rest",
		"tier: Admin, priority: 21, subject: {namespaces: {}}, "
		"egress: [{action: Deny, to: [{namespaces: {" NAMED("bar-ns-1") "}}]}]"),
	    "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: b, namespace: tenant-b}\n"
	    "spec: {podSelector: {}, policyTypes: [Egress]}\n" },
	  { { "a1", "pub", IPPROTO_TCP, 8080, true },
	    { "a1", "pub", IPPROTO_TCP, 8081, false },
	    { "a1", "pub", IPPROTO_UDP, 8080, false },
	    { "a1", "private", IPPROTO_TCP, 8080, false },
	    { "b", "pub", IPPROTO_TCP, 8080, false },
	    { "a1", "b", IPPROTO_TCP, 8080, true } } },
	{ "4: tenants apart, by what the API can say: each names its own",
	  { CNP("tenant-a",
		"tier: Admin, priority: 50, subject: {namespaces: {matchLabels: {tenant: a}}}, "
		"ingress: [{action: Pass, from: [{namespaces: {matchLabels: {tenant: a}}}]}, "
		"{action: Deny, from: [{namespaces: {}}]}]"),
	    CNP("tenant-b", "tier: Admin, priority: 50, subject: {namespaces: {matchLabels: {tenant: b}}}, "
			    "ingress: [{action: Deny, from: [{namespaces: {matchExpressions: "
			    "[{key: tenant, operator: NotIn, values: [b]}]}}]}]") },
	  { { "a1", "a2", IPPROTO_TCP, 80, true },
	    { "a2", "a1", IPPROTO_SCTP, 80, true },
	    { "b", "a1", IPPROTO_TCP, 80, false },
	    { "scraper", "a1", IPPROTO_TCP, 80, false },
	    { "a1", "b", IPPROTO_TCP, 80, false },
	    { "scraper", "b", IPPROTO_TCP, 80, false },
	    { "b", "scraper", IPPROTO_TCP, 80, true } } },
	{ "5: guardrails below NetworkPolicy, which opens what it selects",
	  { CNP("default", "tier: Baseline, priority: 1, subject: {namespaces: {}}, "
			   "ingress: [{action: Deny, name: default-deny, from: [{namespaces: {}}]}]"),
	    allow_all_sensitive },
	  { { "a1", "b", IPPROTO_TCP, 80, false },
	    { "a1", "a2", IPPROTO_UDP, 80, false },
	    { "a1", "vault", IPPROTO_TCP, 80, true },
	    { "203.0.113.9", "b", IPPROTO_TCP, 80, true } } },
	{ "egress: networks, ports as a range, and the world last",
	  { CNP("egress",
		"tier: Admin, priority: 5, subject: {namespaces: {matchLabels: {tenant: a}}}, egress: ["
		"{action: Accept, to: [{networks: [203.0.113.0/24]}], protocols: [{tcp: {destinationPort: {range: {start: 9000, end: 9002}}}}]}, "
		"{action: Deny, to: [{networks: [\"0.0.0.0/0\", \"::/0\"]}]}]") },
	  { { "a1", "203.0.113.9", IPPROTO_TCP, 9000, true },
	    { "a1", "203.0.113.9", IPPROTO_TCP, 9002, true },
	    { "a1", "203.0.113.9", IPPROTO_TCP, 9003, false },
	    { "a1", "203.0.113.9", IPPROTO_UDP, 9000, false },
	    { "a1", "198.51.100.1", IPPROTO_TCP, 9000, false },
	    { "a1", "2001:db8::1", IPPROTO_TCP, 9000, false },
	    { "b", "198.51.100.1", IPPROTO_TCP, 9000, true } } },
	{ "a field that is not known: an Accept matches nothing, a Deny denies all",
	  { CNP("unknown-accept",
		"tier: Admin, priority: 1, subject: {namespaces: {matchLabels: {tenant: a}}}, "
		"ingress: [{action: Accept, from: [{namespaces: {}, later: 1}]}]"),
	    CNP("unknown-deny",
		"tier: Admin, priority: 2, subject: {namespaces: {matchLabels: {tenant: b}}}, "
		"ingress: [{action: Deny, from: [{serviceAccounts: {}}]}]"),
	    CNP("deny-a",
		"tier: Admin, priority: 3, subject: {namespaces: {matchLabels: {tenant: a}}}, "
		"ingress: [{action: Deny, from: [{namespaces: {" NAMED("monitoring-ns") "}}]}]") },
	  { { "scraper", "a1", IPPROTO_TCP, 80, false },
	    { "b", "a1", IPPROTO_TCP, 80, true },
	    { "a1", "b", IPPROTO_TCP, 80, false },
	    { "203.0.113.9", "b", IPPROTO_TCP, 80, false } } },
};

static struct wr_addr address_of(size_t i, int family)
{
	struct wr_addr a;
	char text[32];

	snprintf(text, sizeof(text), family == 4 ? "10.1.0.%zu" : "fd00::1:%zu", i + 1);
	assert_int_equal(wr_addr_parse(text, &a), 0);
	return a;
}

static int pod_of(const char *name)
{
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(pods); i++)
		if (wr_streq(pods[i].name, name))
			return (int)i;
	return -1;
}

static void put_world(struct pw *w)
{
	char text[512];
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(spaces); i++) {
		snprintf(text, sizeof(text),
			 "apiVersion: v1\nkind: Namespace\nmetadata: {name: %s, labels: {kubernetes.io/metadata.name: %s%s}}\n",
			 spaces[i].name, spaces[i].name, spaces[i].labels);
		pw_apply_yaml(w, text);
	}
	for (i = 0; i < WR_ARRAY_SIZE(pods); i++) {
		struct wr_addr a4 = address_of(i, 4), a6 = address_of(i, 6);

		snprintf(text, sizeof(text),
			 "apiVersion: v1\nkind: Pod\nmetadata: {name: %s, namespace: %s, labels: {%s}}\nspec: {nodeName: n}\n"
			 "status: {phase: Running, podIPs: [{ip: 10.1.0.%zu}, {ip: \"fd00::1:%zu\"}]}\n",
			 pods[i].name, pods[i].ns, pods[i].labels, i + 1, i + 1);
		pw_apply_yaml(w, text);
		pw_subject(w, (uint32_t)i + 1, pods[i].ns, pods[i].name, &a4, &a6);
	}
}

static bool end_allows(const struct pw *w, const char *pod, enum wr_dir dir, const char *peer,
		       const struct line *l)
{
	int self = pod_of(pod), other = pod_of(peer);
	struct wr_addr a;
	int family;

	if (self < 0)
		return true;
	if (other < 0) {
		assert_int_equal(wr_addr_parse(peer, &a), 0);
		return pw_allows(w, (uint32_t)self + 1, dir, &a, l->proto, l->port);
	}
	for (family = 4; family <= 6; family += 2) {
		a = address_of((size_t)other, family);
		if (!pw_allows(w, (uint32_t)self + 1, dir, &a, l->proto, l->port))
			return false;
	}
	return true;
}

static void check_line(const struct pw *w, const struct story *s, const struct line *l)
{
	bool got = end_allows(w, l->from, WR_DIR_EGRESS, l->to, l) &&
		   end_allows(w, l->to, WR_DIR_INGRESS, l->from, l);

	if (got != l->allowed)
		fail_msg("%s: %s to %s, protocol %u port %u: %s", s->title, l->from, l->to,
			 l->proto, l->port, got ? "allowed" : "denied");
}

static void every_story_of_the_documentation_is_true(void **state)
{
	size_t i, k;

	for (i = 0; i < WR_ARRAY_SIZE(stories); i++) {
		const struct story *s = &stories[i];
		struct pw *w = pw_new();

		put_world(w);
		for (k = 0; k < WR_ARRAY_SIZE(s->policies) && s->policies[k]; k++)
			pw_apply_yaml(w, s->policies[k]);
		pw_settle(w);
		for (k = 0; k < WR_ARRAY_SIZE(s->lines) && s->lines[k].from; k++)
			check_line(w, s, &s->lines[k]);
		pw_free(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_story_of_the_documentation_is_true),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
