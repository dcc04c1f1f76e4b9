// SPDX-License-Identifier: Apache-2.0
/* Claims about policies in shadow mode, alone and beside others. */
#include <netinet/in.h>

#include "lib/base/str.h"
#include "tests/unit/check.h"
#include "tests/unit/policy_world.h"

#define NP(name, audit, spec)                                                           \
	"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: " name \
	", namespace: n" audit "}\nspec: {podSelector: {}, " spec "}\n"
#define AUDIT ", annotations: {weir.dev/audit: \"true\"}"

static struct pw *w;
static struct wr_addr self, peer;

static int setup(void **state)
{
	static const struct wr_addr none;

	w = pw_new();
	assert_int_equal(wr_addr_parse("10.1.0.1", &self), 0);
	assert_int_equal(wr_addr_parse("10.1.0.2", &peer), 0);
	pw_apply_yaml(w, "apiVersion: v1\nkind: Namespace\nmetadata: {name: n}\n");
	pw_apply_yaml(w, "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: n}\nspec: {nodeName: a}\n"
			 "status: {phase: Running, podIPs: [{ip: 10.1.0.1}]}\n");
	pw_apply_yaml(w, "apiVersion: v1\nkind: Pod\nmetadata: {name: q, namespace: n, labels: {app: q}}\nspec: {nodeName: b}\n"
			 "status: {phase: Running, podIPs: [{ip: 10.1.0.2}]}\n");
	pw_subject(w, 1, "n", "p", &self, &none);
	return 0;
}

static int teardown(void **state)
{
	pw_free(w);
	return wr_istr_count() ? -1 : 0;
}

static uint32_t verdict(enum wr_dir dir, uint16_t port)
{
	return WR_RULE_VERDICT(pw_judge(w, 1, dir, &peer, IPPROTO_TCP, port));
}

static const char *text(enum wr_dir dir, uint16_t port)
{
	uint64_t word = pw_judge(w, 1, dir, &peer, IPPROTO_TCP, port);

	return wr_policy_rule_text(pw_policy(w), WR_RULE_NUMBER(word));
}

static void alone_it_judges_and_drops_nothing(void **state)
{
	pw_apply_yaml(w, NP("shadow", AUDIT, "policyTypes: [Ingress]"));
	pw_settle(w);
	assert_true(pw_word(w, 1) & WR_RULES_INGRESS);
	assert_true(pw_word(w, 1) & WR_RULES_AUDIT_INGRESS);
	assert_false(pw_word(w, 1) & WR_RULES_AUDIT_EGRESS);
	assert_int_equal(verdict(WR_DIR_INGRESS, 80), WR_VERDICT_DENY);
	assert_string_equal(text(WR_DIR_INGRESS, 80), "no ingress rule of NetworkPolicy n/shadow");
	/* For people, that is no denial. */
	assert_int_equal(WR_RULE_VERDICT(wr_policy_judge(pw_policy(w), 1, WR_DIR_INGRESS,
							 WR_IDENTITY_POD, IPPROTO_TCP, 80)),
			 WR_VERDICT_AUDIT);
}

static void beside_another_the_other_decides_and_it_is_heard(void **state)
{
	pw_apply_yaml(w, NP("real", "", "ingress: [{ports: [{port: 80}, {port: 81}]}]"));
	pw_apply_yaml(w, NP("shadow", AUDIT, "policyTypes: [Ingress]"));
	pw_apply_yaml(w,
		      "apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\n"
		      "metadata: {name: guard" AUDIT
		      "}\nspec: {tier: Admin, priority: 1, subject: {namespaces: {}}, "
		      "ingress: [{action: Deny, from: [{namespaces: {}}], protocols: [{tcp: {destinationPort: {number: 81}}}]}]}\n");
	pw_settle(w);
	assert_false(pw_word(w, 1) & WR_RULES_AUDIT);
	assert_int_equal(verdict(WR_DIR_INGRESS, 80), WR_VERDICT_ALLOW);
	assert_int_equal(verdict(WR_DIR_INGRESS, 81), WR_VERDICT_AUDIT);
	assert_string_equal(text(WR_DIR_INGRESS, 81), "ClusterNetworkPolicy guard: ingress[0]");
	assert_int_equal(verdict(WR_DIR_INGRESS, 82), WR_VERDICT_DENY);
	assert_string_equal(text(WR_DIR_INGRESS, 82), "no ingress rule of NetworkPolicy n/real");
}

static void a_direction_that_only_it_judges_is_open(void **state)
{
	pw_apply_yaml(w, NP("real", "", "policyTypes: [Ingress]"));
	pw_apply_yaml(w, NP("shadow", AUDIT, "policyTypes: [Egress]"));
	pw_settle(w);
	assert_false(pw_word(w, 1) & WR_RULES_AUDIT_INGRESS);
	assert_true(pw_word(w, 1) & WR_RULES_AUDIT_EGRESS);
	assert_int_equal(verdict(WR_DIR_INGRESS, 80), WR_VERDICT_DENY);
	assert_int_equal(verdict(WR_DIR_EGRESS, 80), WR_VERDICT_DENY);
}

static void the_annotation_alone_makes_another_ruleset(void **state)
{
	pw_apply_yaml(w, NP("one", AUDIT, "policyTypes: [Ingress]"));
	pw_settle(w);
	assert_true(pw_word(w, 1) & WR_RULES_AUDIT_INGRESS);
	pw_apply_yaml(w, NP("one", "", "policyTypes: [Ingress]"));
	pw_settle(w);
	assert_false(pw_word(w, 1) & WR_RULES_AUDIT);
	assert_int_equal(verdict(WR_DIR_INGRESS, 80), WR_VERDICT_DENY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(alone_it_judges_and_drops_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(beside_another_the_other_decides_and_it_is_heard,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_direction_that_only_it_judges_is_open, setup,
						teardown),
		cmocka_unit_test_setup_teardown(the_annotation_alone_makes_another_ruleset, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
