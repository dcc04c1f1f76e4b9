/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about NetworkPolicies as objects. */
#include "tests/unit/check.h"

#include <netinet/in.h>
#include <stdio.h>

#include "tests/unit/objects.h"

#define NP "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: a}\n"

static struct wr_object *object;

static struct wr_netpol *strict(const char *yaml)
{
	object = obj_strict(yaml);
	return as(wr_netpol, object);
}

static struct wr_netpol *lenient(const char *yaml)
{
	object = obj_lenient(yaml);
	return as(wr_netpol, object);
}

static int teardown(void **state)
{
	wr_object_free(object);
	object = NULL;
	return wr_istr_count() ? -1 : 0;
}

static void isolation_follows_the_types(void **state)
{
	static const struct {
		const char *spec;
		bool ingress, egress;
	} rows[] = {
		{ "{podSelector: {}}", true, false },
		{ "{podSelector: {}, egress: []}", true, false },
		{ "{podSelector: {}, egress: [{}]}", true, true },
		{ "{podSelector: {}, policyTypes: []}", true, false },
		{ "{podSelector: {}, policyTypes: [Egress]}", false, true },
		{ "{podSelector: {}, policyTypes: [Egress], ingress: [{}]}", false, true },
		{ "{podSelector: {}, policyTypes: [Ingress], egress: [{}]}", true, false },
		{ "{podSelector: {}, policyTypes: [Ingress, Egress]}", true, true },
	};
	char yaml[300];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(yaml, sizeof(yaml), NP "spec: %s\n", rows[i].spec);
		strict(yaml);
		assert_int_equal(as(wr_netpol, object)->isolates[WR_DIR_INGRESS], rows[i].ingress);
		assert_int_equal(as(wr_netpol, object)->isolates[WR_DIR_EGRESS], rows[i].egress);
		teardown(NULL);
	}
}

static void empty_lists_mean_everyone_and_every_port(void **state)
{
	struct wr_netpol *np =
		strict(NP "spec: {podSelector: {}, ingress: [{}, {from: [], ports: []}]}");
	int i;

	assert_int_equal(np->rules[WR_DIR_INGRESS].n, 2);
	for (i = 0; i < 2; i++) {
		assert_true(np->rules[WR_DIR_INGRESS].v[i].any_peer);
		assert_true(np->rules[WR_DIR_INGRESS].v[i].any_port);
		assert_false(np->rules[WR_DIR_INGRESS].v[i].unknown);
		assert_int_equal(np->rules[WR_DIR_INGRESS].v[i].action, WR_ACTION_ACCEPT);
	}
	assert_int_equal(np->problems.n, 0);
}

static void peers_select_pods_namespaces_or_both(void **state)
{
	struct wr_netpol *np = strict(
		NP "spec: {podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {a: b}}},\n"
		   "  {namespaceSelector: {matchLabels: {c: d}}},\n"
		   "  {namespaceSelector: {}, podSelector: {matchLabels: {e: f}}}]}]}");
	struct wr_policy_peer *p = np->rules[WR_DIR_INGRESS].v[0].peers.v;

	assert_false(np->rules[WR_DIR_INGRESS].v[0].any_peer);
	assert_int_equal(np->rules[WR_DIR_INGRESS].v[0].peers.n, 3);
	assert_true(p[0].own_namespace);
	assert_int_equal(p[0].pods.terms.n, 1);
	assert_false(p[1].own_namespace);
	assert_int_equal(p[1].namespaces.terms.n, 1);
	assert_int_equal(p[1].pods.terms.n, 0);
	assert_false(p[2].own_namespace);
	assert_int_equal(p[2].namespaces.terms.n, 0);
	assert_string_equal(p[2].pods.terms.v[0].key, "e");
}

static void blocks_have_their_host_bits_cleared_and_holes(void **state)
{
	struct wr_netpol *np = strict(
		NP "spec: {podSelector: {}, egress: [{to: [{ipBlock: {cidr: 10.1.2.3/8, except: "
		   "[10.1.0.0/16, 10.2.0.0/16]}}, {ipBlock: {cidr: '2001:db8::/32'}}]}]}");
	struct wr_policy_peer *p = np->rules[WR_DIR_EGRESS].v[0].peers.v;
	char buf[WR_PREFIX_STRLEN];

	assert_int_equal(p[0].kind, WR_PEER_KIND_BLOCK);
	assert_string_equal(wr_prefix_format(&p[0].block, buf), "10.0.0.0/8");
	assert_int_equal(p[0].excepts.n, 2);
	assert_string_equal(wr_prefix_format(&p[0].excepts.v[1], buf), "10.2.0.0/16");
	assert_string_equal(wr_prefix_format(&p[1].block, buf), "2001:db8::/32");
}

static void ports_are_numbers_ranges_names_or_all(void **state)
{
	struct wr_netpol *np = strict(
		NP "spec: {podSelector: {}, ingress: [{ports: [{port: 80}, {port: 1000, endPort: 2000, "
		   "protocol: UDP}, {port: http}, {protocol: SCTP}, {port: 7, endPort: 7}]}]}");
	struct wr_policy_port *p = np->rules[WR_DIR_INGRESS].v[0].ports.v;

	assert_false(np->rules[WR_DIR_INGRESS].v[0].any_port);
	assert_int_equal(np->rules[WR_DIR_INGRESS].v[0].ports.n, 5);
	assert_true(p[0].proto == IPPROTO_TCP && p[0].first == 80 && p[0].last == 80 && !p[0].name);
	assert_true(p[1].proto == IPPROTO_UDP && p[1].first == 1000 && p[1].last == 2000);
	assert_true(p[2].proto == IPPROTO_TCP && p[2].name);
	assert_string_equal(p[2].name, "http");
	assert_true(p[3].proto == IPPROTO_SCTP && p[3].first == 0 && p[3].last == 65535);
	assert_true(p[4].first == 7 && p[4].last == 7);
}

static void the_audit_annotation_is_kept(void **state)
{
	struct wr_netpol *np = strict("apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
				      "metadata: {name: a, annotations: {weir.dev/audit: \"true\"}}\n"
				      "spec: {podSelector: {}}");

	assert_true(np->audit);
}

#define RULE(rule) NP "spec: {podSelector: {}, ingress: [" rule "]}"

static void faults_are_named(void **state)
{
	obj_refused(NP "spec: 7", "line 4: spec: must be an object, not 7");
	obj_refused(RULE("7"), "line 4: spec.ingress[0]: must be an object, not 7");
	obj_refused(RULE("{ports: [{port: 0}]}"),
		    "line 4: spec.ingress[0].ports[0].port: must be 1-65535, not 0");
	obj_refused(RULE("{ports: [{port: 80, endPort: 79}]}"),
		    "line 4: spec.ingress[0].ports[0].endPort: must be 80-65535, not 79");
	obj_refused(RULE("{ports: [{endPort: 79}]}"),
		    "line 4: spec.ingress[0].ports[0].endPort: may not be without port");
	obj_refused(RULE("{ports: [{port: http, endPort: 79}]}"),
		    "line 4: spec.ingress[0].ports[0].endPort: may not be with a named port");
	obj_refused(RULE("{ports: [{port: \"80\"}]}"),
		    "line 4: spec.ingress[0].ports[0].port: \"80\" is neither a number nor a port's name");
	obj_refused(RULE("{ports: [{protocol: ICMP}]}"),
		    "line 4: spec.ingress[0].ports[0].protocol: must be TCP, UDP or SCTP, not \"ICMP\"");
	obj_refused(RULE("{from: [{}]}"),
		    "line 4: spec.ingress[0].from[0]: needs podSelector, namespaceSelector or ipBlock");
	obj_refused(RULE("{from: [{podSelector: {}, ipBlock: {cidr: 10.0.0.0/8}}]}"),
		    "line 4: spec.ingress[0].from[0]: has both selectors and ipBlock");
	obj_refused(RULE("{from: [{ipBlock: {}}]}"),
		    "line 4: spec.ingress[0].from[0].ipBlock.cidr: is missing");
	obj_refused(RULE("{from: [{ipBlock: {cidr: 10.0.0.0}}]}"),
		    "line 4: spec.ingress[0].from[0].ipBlock.cidr: must be address/length, not \"10.0.0.0\"");
	obj_refused(RULE("{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [11.0.0.0/16]}}]}"),
		    "line 4: spec.ingress[0].from[0].ipBlock.except[0]: \"11.0.0.0/16\" is not inside the block");
	obj_refused(RULE("{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.0.0.0/8]}}]}"),
		    "line 4: spec.ingress[0].from[0].ipBlock.except[0]: \"10.0.0.0/8\" is not inside the block");
	obj_refused(RULE("{from: [{ipBlock: {cidr: '::/0', except: [10.0.0.0/8]}}]}"),
		    "line 4: spec.ingress[0].from[0].ipBlock.except[0]: \"10.0.0.0/8\" is not inside the block");
	obj_refused(NP "spec: {podSelector: {}, policyTypes: [ingress]}",
		    "line 4: spec.policyTypes[0]: must be Ingress or Egress, not \"ingress\"");
	obj_refused(NP "spec: {podSelector: {matchExpressions: [{key: a, operator: In}]}}",
		    "line 4: spec.podSelector.matchExpressions[0].values: is missing");
}

static void unknown_fields_are_problems_and_close_what_they_are_in(void **state)
{
	struct wr_netpol *np = strict(
		NP "spec: {podSelector: {}, other: 1, ingress: [{from: [{podSelector: {}, x: 1}]}, "
		   "{ports: [{port: 80, y: 1}]}, {z: 1}]}");
	struct wr_policy_rule *r = np->rules[WR_DIR_INGRESS].v;

	assert_int_equal(np->problems.n, 4);
	assert_string_equal(np->problems.v[0].field, "spec.other");
	assert_string_equal(np->problems.v[0].what, "is not a known field");
	assert_string_equal(np->problems.v[1].field, "spec.ingress[0].from[0].x");
	assert_string_equal(np->problems.v[2].field, "spec.ingress[1].ports[0].y");
	assert_string_equal(np->problems.v[3].field, "spec.ingress[2].z");
	assert_int_equal(r[0].peers.v[0].kind, WR_PEER_KIND_UNSUPPORTED);
	assert_false(r[0].any_peer);
	assert_int_equal(r[1].ports.n, 0);
	assert_false(r[1].any_port);
	assert_true(r[2].unknown);
}

static void lenient_decoding_closes_what_it_cannot_read(void **state)
{
	struct wr_netpol *np = lenient(
		NP "spec: {podSelector: {}, policyTypes: [Sideways], ingress: [{from: 7, ports: {}}, "
		   "{from: [7], ports: [7]}, {from: [{ipBlock: {cidr: 10.0.0.0/8, except: [x]}}], "
		   "ports: [{port: 80, endPort: 7}]}, 7]}");
	struct wr_policy_rule *r = np->rules[WR_DIR_INGRESS].v;
	int i;

	assert_true(np->isolates[WR_DIR_INGRESS] && np->isolates[WR_DIR_EGRESS]);
	assert_int_equal(np->rules[WR_DIR_INGRESS].n, 3);
	for (i = 0; i < 3; i++) {
		assert_false(r[i].any_peer || r[i].any_port);
		assert_int_equal(r[i].ports.n, 0);
	}
	assert_int_equal(r[0].peers.n + r[1].peers.n, 0);
	assert_int_equal(r[2].peers.v[0].kind, WR_PEER_KIND_UNSUPPORTED);
	assert_int_equal(np->problems.n, 8);
	assert_string_equal(np->problems.v[0].field, "spec.policyTypes[0]");
}

/* As the API has it: the field is optional since Kubernetes 1.34, and was ever filled in. */
static void without_a_selector_it_is_of_all_pods(void **state)
{
	struct wr_netpol *np = strict(NP "spec: {policyTypes: [Ingress]}");

	assert_int_equal(np->pods.terms.n, 0);
	assert_int_equal(np->problems.n, 0);
	assert_true(np->isolates[WR_DIR_INGRESS]);
}

/* Whoever wrote it meant some hole: the block was opened whole. */
static void a_hole_that_is_not_in_its_block_closes_the_block(void **state)
{
	struct wr_netpol *np = lenient(NP "spec: {podSelector: {}, ingress: [{from: ["
					  "{ipBlock: {cidr: 10.0.0.0/8, except: [11.0.0.0/8]}}, "
					  "{ipBlock: {cidr: 10.0.0.0/8, except: [10.0.0.0/8]}}, "
					  "{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}]}]}");
	struct wr_policy_rule *r = np->rules[WR_DIR_INGRESS].v;

	assert_int_equal(np->problems.n, 2);
	assert_int_equal(r->peers.v[0].kind, WR_PEER_KIND_UNSUPPORTED);
	assert_int_equal(r->peers.v[1].kind, WR_PEER_KIND_UNSUPPORTED);
	assert_int_equal(r->peers.v[2].kind, WR_PEER_KIND_BLOCK);
}

static void content_changes_with_the_spec_only(void **state)
{
	struct wr_object *a = obj_strict(NP "spec: {podSelector: {}}");
	struct wr_object *b = obj_strict("apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
					 "metadata: {name: a, labels: {x: y}, resourceVersion: \"7\"}\n"
					 "spec: {podSelector: {}}");
	struct wr_object *c = obj_strict(NP "spec: {podSelector: {}, egress: [{}]}");
	struct wr_object *d =
		obj_strict("apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
			   "metadata: {name: a, annotations: {weir.dev/audit: \"true\"}}\n"
			   "spec: {podSelector: {}}");

	assert_true(a->content == b->content);
	assert_true(a->content != c->content);
	assert_true(a->content != d->content);
	wr_object_free(a);
	wr_object_free(b);
	wr_object_free(c);
	wr_object_free(d);
}

#define tested(test) cmocka_unit_test_teardown(test, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		tested(isolation_follows_the_types),
		tested(empty_lists_mean_everyone_and_every_port),
		tested(peers_select_pods_namespaces_or_both),
		tested(blocks_have_their_host_bits_cleared_and_holes),
		tested(ports_are_numbers_ranges_names_or_all),
		tested(the_audit_annotation_is_kept),
		tested(faults_are_named),
		tested(unknown_fields_are_problems_and_close_what_they_are_in),
		tested(lenient_decoding_closes_what_it_cannot_read),
		tested(without_a_selector_it_is_of_all_pods),
		tested(a_hole_that_is_not_in_its_block_closes_the_block),
		tested(content_changes_with_the_spec_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
