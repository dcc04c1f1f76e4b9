/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about label selectors. */
#include "tests/unit/check.h"

#include <stdio.h>

#include "tests/unit/objects.h"

/* The subject selector of a policy, and a pod to try it on. */
static bool matches(const char *selector, const char *labels)
{
	char yaml[512];
	struct wr_object *np, *pod;
	bool r;

	snprintf(yaml, sizeof(yaml),
		 "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: a}\n"
		 "spec: {podSelector: %s}\n",
		 selector);
	np = obj_lenient(yaml);
	snprintf(yaml, sizeof(yaml), "apiVersion: v1\nkind: Pod\nmetadata: {name: a, labels: %s}\n",
		 labels);
	pod = obj_strict(yaml);
	r = wr_selector_matches(&as(wr_netpol, np)->pods, &pod->labels);
	wr_object_free(np);
	wr_object_free(pod);
	assert_int_equal(wr_istr_count(), 0);
	return r;
}

static void the_empty_selector_matches_everything(void **state)
{
	assert_true(matches("{}", "{}"));
	assert_true(matches("{}", "{a: b}"));
	assert_true(matches("{matchLabels: {}, matchExpressions: []}", "{a: b}"));
}

static void labels_are_all_required(void **state)
{
	assert_true(matches("{matchLabels: {a: b, c: d}}", "{a: b, c: d, e: f}"));
	assert_false(matches("{matchLabels: {a: b, c: d}}", "{a: b}"));
	assert_false(matches("{matchLabels: {a: b}}", "{a: c}"));
	assert_false(matches("{matchLabels: {a: \"\"}}", "{}"));
	assert_true(matches("{matchLabels: {a: \"\"}}", "{a: \"\"}"));
}

static void operators_mean_what_kubernetes_says(void **state)
{
#define IN     "{matchExpressions: [{key: a, operator: In, values: [x, y]}]}"
#define NOT_IN "{matchExpressions: [{key: a, operator: NotIn, values: [x, y]}]}"
#define EXISTS "{matchExpressions: [{key: a, operator: Exists}]}"
#define ABSENT "{matchExpressions: [{key: a, operator: DoesNotExist}]}"
	assert_true(matches(IN, "{a: y}"));
	assert_false(matches(IN, "{a: z}"));
	assert_false(matches(IN, "{}"));
	assert_true(matches(NOT_IN, "{a: z}"));
	assert_true(matches(NOT_IN, "{}"));
	assert_false(matches(NOT_IN, "{a: x}"));
	assert_true(matches(EXISTS, "{a: \"\"}"));
	assert_false(matches(EXISTS, "{b: x}"));
	assert_true(matches(ABSENT, "{b: x}"));
	assert_false(matches(ABSENT, "{a: x}"));
}

static void expressions_and_labels_are_anded(void **state)
{
	static const char both[] =
		"{matchLabels: {a: b}, matchExpressions: [{key: c, operator: Exists}]}";

	assert_true(matches(both, "{a: b, c: d}"));
	assert_false(matches(both, "{a: b}"));
	assert_false(matches(both, "{c: d}"));
}

static void what_is_not_understood_matches_nothing(void **state)
{
	assert_false(matches("{matchFields: {a: b}}", "{a: b}"));
	assert_false(matches("{matchExpressions: [{key: a, operator: Like, values: [b]}]}", "{a: b}"));
	assert_false(matches("{matchExpressions: [{key: a, operator: In, values: [b], fuzzy: 1}]}",
			     "{a: b}"));
	assert_false(matches("{matchExpressions: [{key: a, operator: In}]}", "{a: b}"));
	assert_false(matches("{matchExpressions: [{key: a, operator: NotIn, values: [1]}]}", "{}"));
	assert_false(
		matches("{matchExpressions: [{key: a, operator: Exists, values: [b]}]}", "{a: b}"));
	assert_false(matches("{matchExpressions: [{operator: Exists}]}", "{a: b}"));
	assert_false(matches("{matchExpressions: [a]}", "{a: b}"));
	assert_false(matches("{matchExpressions: {a: b}}", "{a: b}"));
	assert_false(matches("{matchLabels: [a]}", "{a: b}"));
	assert_false(matches("{matchLabels: {a: [b]}}", "{a: b}"));
	assert_false(matches("[a]", "{a: b}"));
}

static void one_that_a_policy_leaves_out_matches_everything(void **state)
{
	assert_true(matches("null", "{a: b}"));
	assert_true(matches("null", "{}"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_empty_selector_matches_everything),
		cmocka_unit_test(labels_are_all_required),
		cmocka_unit_test(operators_mean_what_kubernetes_says),
		cmocka_unit_test(expressions_and_labels_are_anded),
		cmocka_unit_test(what_is_not_understood_matches_nothing),
		cmocka_unit_test(one_that_a_policy_leaves_out_matches_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
