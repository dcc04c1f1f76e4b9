/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about Nodes. */
#include "tests/unit/check.h"

#include "tests/unit/objects.h"

#define NODE "apiVersion: v1\nkind: Node\nmetadata: {name: a}\n"

static void a_node_has_addresses_ranges_zone_and_taints(void **state)
{
	struct wr_object *o = obj_strict(
		"apiVersion: v1\nkind: Node\n"
		"metadata: {name: a, labels: {topology.kubernetes.io/zone: z1}}\n"
		"spec:\n  podCIDR: 10.244.1.0/24\n  podCIDRs: [10.244.1.0/24, 'fd00:10:244:1::/64']\n"
		"  providerID: cloud://1\n"
		"  taints: [{key: weir.dev/agent-not-ready, effect: NoSchedule},\n"
		"           {key: ToBeDeletedByClusterAutoscaler, value: \"1\", effect: NoSchedule}]\n"
		"status:\n  addresses:\n  - {type: Hostname, address: a}\n"
		"  - {type: InternalIP, address: 10.30.0.11}\n  - {type: InternalIP, address: 'fd30::11'}\n"
		"  - {type: ExternalIP, address: 192.0.2.1}\n"
		"  conditions: [{type: Ready, status: \"True\"}, {type: NetworkUnavailable, status: \"True\"}]\n");
	struct wr_node *n = as(wr_node, o);
	char buf[WR_PREFIX_STRLEN];

	assert_int_equal(n->internal_ips.n, 2);
	assert_string_equal(wr_addr_format(&n->internal_ips.v[0], buf), "10.30.0.11");
	assert_string_equal(wr_addr_format(&n->internal_ips.v[1], buf), "fd30::11");
	assert_int_equal(n->external_ips.n, 1);
	assert_string_equal(wr_addr_format(&n->external_ips.v[0], buf), "192.0.2.1");
	assert_int_equal(n->pod_cidrs.n, 2);
	assert_string_equal(wr_prefix_format(&n->pod_cidrs.v[0], buf), "10.244.1.0/24");
	assert_string_equal(wr_prefix_format(&n->pod_cidrs.v[1], buf), "fd00:10:244:1::/64");
	assert_string_equal(n->zone, "z1");
	assert_string_equal(n->provider_id, "cloud://1");
	assert_true(n->autoscaler_taint);
	assert_true(n->not_ready_taint);
	assert_true(n->network_unavailable);
	wr_object_free(o);
	assert_int_equal(wr_istr_count(), 0);
}

static void a_bare_node_has_nothing(void **state)
{
	struct wr_object *o = obj_strict(NODE "spec: {podCIDR: \"\"}");
	struct wr_node *n = as(wr_node, o);

	assert_int_equal(n->internal_ips.n + n->external_ips.n + n->pod_cidrs.n, 0);
	assert_null(n->zone);
	assert_null(n->provider_id);
	assert_false(n->autoscaler_taint || n->not_ready_taint || n->network_unavailable);
	wr_object_free(o);
}

/* What is below on the stack, and would be in the holes of structs. */
static void __attribute__((noinline)) soil_stack(unsigned char with)
{
	volatile unsigned char soil[32768];
	size_t i;

	for (i = 0; i < sizeof(soil); i++)
		soil[i] = with;
}

/* Each node says every few minutes that it is there: that changed nothing, and yet was a change. */
static void the_same_again_has_the_same_content(void **state)
{
	struct wr_object *o[2];
	int i;

	for (i = 0; i < 2; i++) {
		wr_auto_json *j = obj_json(
			NODE "spec: {podCIDRs: [10.244.1.0/24, 'fd00:10:244:1::/64']}\n"
			     "status: {addresses: [{type: InternalIP, address: 10.30.0.11}]}");

		soil_stack(i ? 0xff : 0x55);
		assert_int_equal(wr_object_decode(j, false, &o[i], NULL), 0);
	}
	assert_true(o[0]->content == o[1]->content);
	wr_object_free(o[0]);
	wr_object_free(o[1]);
}

static void a_single_range_counts_where_there_is_no_list(void **state)
{
	struct wr_object *o = obj_strict(NODE "spec: {podCIDR: 10.1.2.3/24}");
	char buf[WR_PREFIX_STRLEN];

	assert_int_equal(as(wr_node, o)->pod_cidrs.n, 1);
	assert_string_equal(wr_prefix_format(&as(wr_node, o)->pod_cidrs.v[0], buf), "10.1.2.0/24");
	wr_object_free(o);
}

static void faults_are_named(void **state)
{
	obj_refused(NODE "spec:\n  podCIDRs:\n  - 10.0.0.0/8\n  - 10.0.0.0/40\n",
		    "line 7: spec.podCIDRs[1]: must be address/length, not \"10.0.0.0/40\"");
	obj_refused(NODE "spec: {podCIDR: x}",
		    "line 4: spec.podCIDR: must be address/length, not \"x\"");
	obj_refused(NODE "spec: {podCIDRs: [1]}",
		    "line 4: spec.podCIDRs[0]: must be a string, not 1");
	obj_refused(NODE "status:\n  addresses:\n  - {type: InternalIP, address: here}",
		    "line 6: status.addresses[0].address: must be an IP address, not \"here\"");
	obj_refused(NODE "status: {addresses: {a: b}}",
		    "line 4: status.addresses: must be a list, not an object");
	obj_refused(NODE "status: {addresses: [x]}",
		    "line 4: status.addresses[0]: must be an object, not \"x\"");
	obj_refused(NODE "status: 7", "line 4: status: must be an object, not 7");
}

static void lenient_decoding_skips_what_it_cannot_read(void **state)
{
	struct wr_object *o = obj_lenient(NODE
					  "spec: {podCIDRs: [x, 10.1.0.0/16]}\n"
					  "status: {addresses: [7, {type: InternalIP, address: x}, "
					  "{type: InternalIP, address: 10.0.0.1}]}");

	assert_int_equal(as(wr_node, o)->pod_cidrs.n, 1);
	assert_int_equal(as(wr_node, o)->internal_ips.n, 1);
	wr_object_free(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_node_has_addresses_ranges_zone_and_taints),
		cmocka_unit_test(a_bare_node_has_nothing),
		cmocka_unit_test(a_single_range_counts_where_there_is_no_list),
		cmocka_unit_test(the_same_again_has_the_same_content),
		cmocka_unit_test(faults_are_named),
		cmocka_unit_test(lenient_decoding_skips_what_it_cannot_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
