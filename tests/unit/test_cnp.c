/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about ClusterNetworkPolicies as objects. */
#include "tests/unit/check.h"

#include <netinet/in.h>
#include <stdio.h>

#include "tests/unit/objects.h"

#define CNP \
	"apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata: {name: a}\n"
#define HEAD          "tier: Admin, priority: 10, subject: {namespaces: {}}"
#define EGRESS(rule)  CNP "spec: {" HEAD ", egress: [" rule "]}"
#define INGRESS(rule) CNP "spec: {" HEAD ", ingress: [" rule "]}"
#define TO_ALL        "to: [{namespaces: {}}]"

static struct wr_object *object;

static struct wr_cnp *strict(const char *yaml)
{
	object = obj_strict(yaml);
	return as(wr_cnp, object);
}

/* The only egress rule. */
static struct wr_policy_rule *rule_of(const char *yaml)
{
	wr_object_free(object);
	object = obj_lenient(yaml);
	assert_int_equal(as(wr_cnp, object)->rules[WR_DIR_EGRESS].n, 1);
	return as(wr_cnp, object)->rules[WR_DIR_EGRESS].v;
}

static int teardown(void **state)
{
	wr_object_free(object);
	object = NULL;
	return wr_istr_count() ? -1 : 0;
}

static void tier_priority_and_subject_are_kept(void **state)
{
	struct wr_cnp *c = strict(
		CNP "spec: {tier: Baseline, priority: 1000, subject: {pods: {namespaceSelector: "
		    "{matchLabels: {a: b}}, podSelector: {matchLabels: {c: d}}}}}");

	assert_int_equal(c->tier, WR_TIER_BASELINE);
	assert_int_equal(c->priority, 1000);
	assert_string_equal(c->namespaces.terms.v[0].key, "a");
	assert_string_equal(c->pods.terms.v[0].key, "c");
	assert_int_equal(c->problems.n, 0);
}

static void a_subject_of_namespaces_means_all_their_pods(void **state)
{
	struct wr_cnp *c = strict(CNP "spec: {tier: Admin, priority: 0, subject: {namespaces: {}}}");

	assert_int_equal(c->tier, WR_TIER_ADMIN);
	assert_int_equal(c->namespaces.terms.n + c->pods.terms.n, 0);
}

static void rules_keep_name_action_and_order(void **state)
{
	struct wr_cnp *c = strict(INGRESS("{name: first, action: Pass, from: [{namespaces: {}}]}, "
					  "{action: Deny, from: [{pods: {podSelector: {}}}]}, "
					  "{action: Accept, from: [{namespaces: {}}]}"));
	struct wr_policy_rule *r = c->rules[WR_DIR_INGRESS].v;

	assert_int_equal(c->rules[WR_DIR_INGRESS].n, 3);
	assert_string_equal(r[0].name, "first");
	assert_int_equal(r[0].action, WR_ACTION_PASS);
	assert_int_equal(r[1].action, WR_ACTION_DENY);
	assert_null(r[1].name);
	assert_int_equal(r[2].action, WR_ACTION_ACCEPT);
	assert_true(r[0].any_port);
	assert_false(r[0].any_peer);
	assert_int_equal(r[1].peers.v[0].kind, WR_PEER_KIND_PODS);
	assert_false(r[1].peers.v[0].own_namespace);
}

static void networks_and_names_are_a_peer_each(void **state)
{
	struct wr_policy_rule *r = rule_of(EGRESS(
		"{action: Accept, to: [{networks: [10.1.2.3/8, '::/0']}, "
		"{domainNames: ['*.Example.COM', kubernetes.io.]}, {nodes: {matchLabels: {a: b}}}]}"));
	char buf[WR_PREFIX_STRLEN];

	assert_int_equal(r->peers.n, 5);
	assert_string_equal(wr_prefix_format(&r->peers.v[0].block, buf), "10.0.0.0/8");
	assert_string_equal(wr_prefix_format(&r->peers.v[1].block, buf), "::/0");
	assert_string_equal(r->peers.v[2].domain, "*.example.com");
	assert_string_equal(r->peers.v[3].domain, "kubernetes.io");
	assert_int_equal(r->peers.v[4].kind, WR_PEER_KIND_NODES);
	assert_string_equal(r->peers.v[4].pods.terms.v[0].key, "a");
	assert_false(r->unknown);
}

static void protocols_have_numbers_ranges_and_names(void **state)
{
	struct wr_policy_rule *r = rule_of(EGRESS(
		"{action: Deny, " TO_ALL ", protocols: [{tcp: {destinationPort: {number: 80}}}, "
		"{udp: {destinationPort: {range: {start: 1, end: 9}}}}, "
		"{sctp: {destinationPort: {number: 7}}}, {destinationNamedPort: web}]}"));
	struct wr_policy_port *p = r->ports.v;

	assert_int_equal(r->ports.n, 4);
	assert_true(p[0].proto == IPPROTO_TCP && p[0].first == 80 && p[0].last == 80);
	assert_true(p[1].proto == IPPROTO_UDP && p[1].first == 1 && p[1].last == 9);
	assert_int_equal(p[2].proto, IPPROTO_SCTP);
	assert_int_equal(p[3].proto, 0);
	assert_string_equal(p[3].name, "web");
	assert_false(r->unknown || r->any_port);
}

static void whatever_is_not_understood_marks_the_rule(void **state)
{
	static const char *const rules[] = {
		EGRESS("{action: Accept, " TO_ALL ", later: 1}"),
		EGRESS("{action: Maybe, " TO_ALL "}"),
		EGRESS("{" TO_ALL "}"),
		EGRESS("{action: Accept}"),
		EGRESS("{action: Accept, to: []}"),
		EGRESS("{action: Accept, to: [{}]}"),
		EGRESS("{action: Accept, to: [{services: {}}]}"),
		EGRESS("{action: Accept, to: [{namespaces: {}, pods: {podSelector: {}}}]}"),
		EGRESS("{action: Accept, to: [{namespaces: {}, later: 1}]}"),
		EGRESS("{action: Accept, to: [{namespaces: {matchSomething: {}}}]}"),
		EGRESS("{action: Accept, to: [{pods: {podSelector: {}, later: 1}}]}"),
		EGRESS("{action: Accept, to: [{networks: []}]}"),
		EGRESS("{action: Accept, to: [{networks: [x]}]}"),
		EGRESS("{action: Accept, to: [{networks: [7]}]}"),
		EGRESS("{action: Accept, to: [{networks: 7}]}"),
		EGRESS("{action: Accept, to: [{domainNames: ['a.*.org']}]}"),
		EGRESS("{action: Accept, to: [{domainNames: [single]}]}"),
		EGRESS("{action: Deny, to: [{domainNames: [a.org]}]}"),
		EGRESS("{action: Accept, " TO_ALL ", protocols: []}"),
		EGRESS("{action: Accept, " TO_ALL ", protocols: [{}]}"),
		EGRESS("{action: Accept, " TO_ALL ", protocols: [{icmp: {}}]}"),
		EGRESS("{action: Accept, " TO_ALL ", protocols: [{tcp: {}}]}"),
		EGRESS("{action: Accept, " TO_ALL ", protocols: [{tcp: {sourcePort: {number: 1}}}]}"),
		EGRESS("{action: Accept, " TO_ALL ", protocols: [{tcp: {destinationPort: {}}}]}"),
		EGRESS("{action: Accept, " TO_ALL
		       ", protocols: [{tcp: {destinationPort: {number: 0}}}]}"),
		EGRESS("{action: Accept, " TO_ALL
		       ", protocols: [{tcp: {destinationPort: {range: {start: 9, end: 9}}}}]}"),
		EGRESS("{action: Accept, " TO_ALL
		       ", protocols: [{tcp: {destinationPort: {number: 1, range: {start: 1, end: 2}}}}]}"),
	};
	size_t i;

	for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (!rule_of(rules[i])->unknown)
			fail_msg("%s", rules[i]);
		assert_true(as(wr_cnp, object)->problems.n > 0);
	}
}

static void an_ingress_rule_knows_namespaces_and_pods_only(void **state)
{
	struct wr_cnp *c = strict(INGRESS("{action: Deny, from: [{namespaces: {}}]}"));

	assert_false(c->rules[WR_DIR_INGRESS].v[0].unknown);
	teardown(NULL);
	object = obj_lenient(INGRESS("{action: Deny, from: [{networks: [10.0.0.0/8]}]}"));
	assert_true(as(wr_cnp, object)->rules[WR_DIR_INGRESS].v[0].unknown);
	assert_string_equal(as(wr_cnp, object)->problems.v[0].field,
			    "spec.ingress[0].from[0].networks");
}

static void a_subject_that_is_not_understood_is_nobody(void **state)
{
	static const char *const specs[] = {
		"{tier: Admin, priority: 1}",
		"{tier: Admin, priority: 1, subject: {}}",
		"{tier: Admin, priority: 1, subject: {serviceAccounts: {}}}",
		"{tier: Admin, priority: 1, subject: {namespaces: {}, pods: {podSelector: {}}}}",
		"{tier: Admin, priority: 1, subject: {pods: {}}}",
		"{tier: Middle, priority: 1, subject: {namespaces: {}}}",
		"{tier: Admin, priority: 1001, subject: {namespaces: {}}}",
	};
	const struct wr_labels none = { 0 };
	char yaml[400];
	size_t i;

	for (i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
		snprintf(yaml, sizeof(yaml), CNP "spec: %s\n", specs[i]);
		object = obj_lenient(yaml);
		assert_true(as(wr_cnp, object)->problems.n > 0);
		if (wr_selector_matches(&as(wr_cnp, object)->namespaces, &none) &&
		    wr_selector_matches(&as(wr_cnp, object)->pods, &none))
			fail_msg("%s", specs[i]);
		teardown(NULL);
	}
}

static void unknown_fields_pass_strict_decoding_as_problems(void **state)
{
	struct wr_cnp *c = strict(EGRESS("{action: Pass, to: [{services: {}}]}"));

	assert_int_equal(c->problems.n, 1);
	assert_string_equal(c->problems.v[0].field, "spec.egress[0].to[0].services");
	assert_string_equal(c->problems.v[0].what, "is not a known field");
	assert_true(c->rules[WR_DIR_EGRESS].v[0].unknown);
	assert_int_equal(c->rules[WR_DIR_EGRESS].v[0].action, WR_ACTION_PASS);
}

static void faults_are_named(void **state)
{
	char many[1500] = EGRESS("{action: Accept, to: [{networks: [10.0.0.0/8");
	size_t len = strlen(many);
	int i;

	obj_refused(CNP "spec: {priority: 1, subject: {namespaces: {}}}",
		    "line 4: spec.tier: is missing");
	obj_refused(CNP "spec: {tier: NetworkPolicy, priority: 1, subject: {namespaces: {}}}",
		    "line 4: spec.tier: must be Admin or Baseline, not \"NetworkPolicy\"");
	obj_refused(CNP "spec: {tier: Admin, subject: {namespaces: {}}}",
		    "line 4: spec.priority: is missing");
	obj_refused(CNP "spec: {tier: Admin, priority: -1, subject: {namespaces: {}}}",
		    "line 4: spec.priority: must be 0-1000, not -1");
	obj_refused(CNP "spec: {tier: Admin, priority: 1}", "line 4: spec.subject: is missing");
	obj_refused(CNP "spec: {tier: Admin, priority: 1, subject: {}}",
		    "line 4: spec.subject: must have exactly one member, not 0");
	obj_refused(EGRESS("{action: allow, " TO_ALL "}"),
		    "line 4: spec.egress[0].action: must be Accept, Deny or Pass, not \"allow\"");
	obj_refused(EGRESS("{action: Deny}"), "line 4: spec.egress[0].to: is missing");
	obj_refused(EGRESS("{action: Deny, to: [{domainNames: [a.org]}]}"),
		    "line 4: spec.egress[0].to[0].domainNames[0]: domain names are for Accept rules only");
	obj_refused(EGRESS("{action: Deny, to: [{networks: [10.0.0.0/8]}], "
			   "protocols: [{destinationNamedPort: web}]}"),
		    "line 4: spec.egress[0].protocols: only pods have named ports");
	/* One network more than there may be. */
	len -= strlen("]}");
	for (i = 1; i <= 25; i++)
		len += (size_t)snprintf(many + len, sizeof(many) - len, ", 10.%d.0.0/16", i);
	snprintf(many + len, sizeof(many) - len, "]}]}]}");
	obj_refused(many, "line 4: spec.egress[0].to[0].networks: has 26 items, more than 25");
}

#define tested(test) cmocka_unit_test_teardown(test, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		tested(tier_priority_and_subject_are_kept),
		tested(a_subject_of_namespaces_means_all_their_pods),
		tested(rules_keep_name_action_and_order),
		tested(networks_and_names_are_a_peer_each),
		tested(protocols_have_numbers_ranges_and_names),
		tested(whatever_is_not_understood_marks_the_rule),
		tested(an_ingress_rule_knows_namespaces_and_pods_only),
		tested(a_subject_that_is_not_understood_is_nobody),
		tested(unknown_fields_pass_strict_decoding_as_problems),
		tested(faults_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
