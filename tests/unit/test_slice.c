/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about EndpointSlices. */
#include "tests/unit/check.h"

#include <netinet/in.h>

#include "tests/unit/objects.h"

#define SLICE                                                    \
	"apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n" \
	"metadata: {name: a, uid: u, labels: {kubernetes.io/service-name: web}}\n"

static void endpoints_have_address_conditions_place_and_hints(void **state)
{
	struct wr_object *o = obj_strict(
		SLICE "addressType: IPv4\n"
		      "endpoints:\n"
		      "- {addresses: [10.1.0.2, 10.1.0.3], nodeName: n1, zone: z1,\n"
		      "   conditions: {ready: false, serving: true, terminating: true},\n"
		      "   hints: {forZones: [{name: z1}, {name: z2}], forNodes: [{name: n1}]}}\n"
		      "- {addresses: [10.1.0.4]}\n"
		      "- {addresses: [10.1.0.5], conditions: {ready: false}}\n"
		      "ports: [{name: http, port: 8080}, {port: 53, protocol: UDP}, {name: all}]\n");
	struct wr_slice *s = as(wr_slice, o);
	struct wr_slice_endpoint e = wr_slice_at(s, 0);
	char buf[WR_ADDR_STRLEN];

	assert_string_equal(s->service, "web");
	assert_int_equal(s->family, AF_INET);
	assert_int_equal(s->endpoints.n, 3);
	assert_string_equal(wr_addr_format(&e.addr, buf), "10.1.0.2");
	assert_string_equal(e.node_name, "n1");
	assert_string_equal(e.zone, "z1");
	assert_true(!e.ready && e.serving && e.terminating);
	assert_int_equal(e.hint_zones.n, 2);
	assert_ptr_equal(e.hint_zones.v[0], e.zone);
	assert_int_equal(e.hint_nodes.n, 1);
	assert_ptr_equal(e.hint_nodes.v[0], e.node_name);
	e = wr_slice_at(s, 1);
	assert_string_equal(wr_addr_format(&e.addr, buf), "10.1.0.4");
	assert_true(e.ready && e.serving && !e.terminating);
	assert_null(e.node_name);
	assert_int_equal(e.hint_zones.n + e.hint_nodes.n, 0);
	e = wr_slice_at(s, 2);
	assert_true(!e.ready && !e.serving && !e.terminating);
	assert_int_equal(s->ports.n, 3);
	assert_string_equal(s->ports.v[0].name, "http");
	assert_string_equal(s->ports.v[1].name, "");
	assert_int_equal(s->ports.v[1].proto, IPPROTO_UDP);
	assert_int_equal(s->ports.v[2].port, 0);
	wr_object_free(o);
	assert_int_equal(wr_istr_count(), 0);
}

static void families_are_read_and_names_are_nobodys(void **state)
{
	struct wr_slice_endpoint e;
	char buf[WR_ADDR_STRLEN];
	struct wr_object *o =
		obj_strict(SLICE "addressType: IPv6\nendpoints: [{addresses: ['fd00::2']}]");

	assert_int_equal(as(wr_slice, o)->family, AF_INET6);
	assert_int_equal(as(wr_slice, o)->endpoints.n, 1);
	e = wr_slice_at(as(wr_slice, o), 0);
	assert_string_equal(wr_addr_format(&e.addr, buf), "fd00::2");
	wr_object_free(o);
	o = obj_strict(SLICE "addressType: FQDN\nendpoints: [{addresses: [a.example]}]");
	assert_int_equal(as(wr_slice, o)->family, AF_UNSPEC);
	assert_int_equal(as(wr_slice, o)->endpoints.n, 0);
	wr_object_free(o);
}

static void a_slice_without_the_label_is_nobodys(void **state)
{
	struct wr_object *o = obj_strict("apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"
					 "metadata: {name: a}\naddressType: IPv4\nendpoints: []\n");

	assert_null(as(wr_slice, o)->service);
	wr_object_free(o);
}

static void faults_are_named(void **state)
{
	obj_refused(SLICE "endpoints: []", "line 1: addressType: is missing");
	obj_refused(SLICE "addressType: v4",
		    "line 4: addressType: must be IPv4, IPv6 or FQDN, not \"v4\"");
	obj_refused(SLICE "addressType: IPv4\nendpoints:\n- {}\n",
		    "line 6: endpoints[0].addresses: must be a list of addresses");
	obj_refused(SLICE "addressType: IPv4\nendpoints: [{addresses: [x]}]",
		    "line 5: endpoints[0].addresses[0]: must be an IP address, not \"x\"");
	obj_refused(SLICE "addressType: IPv4\nendpoints: [{addresses: ['fd00::1']}]",
		    "line 5: endpoints[0].addresses[0]: \"fd00::1\" is not of the slice's addressType");
	obj_refused(SLICE
		    "addressType: IPv4\nendpoints: [{addresses: [10.0.0.1], conditions: {ready: 1}}]",
		    "line 5: endpoints[0].conditions.ready: must be true or false, not 1");
	obj_refused(SLICE "addressType: IPv4\nendpoints: []\nports: [{port: 0}]",
		    "line 6: ports[0].port: must be 1-65535, not 0");
	obj_refused(SLICE
		    "addressType: IPv4\nendpoints: [{addresses: [10.0.0.1], hints: {forZones: [z]}}]",
		    "line 5: endpoints[0].hints.forZones[0]: must be an object, not \"z\"");
}

static void lenient_decoding_skips_foreign_addresses(void **state)
{
	struct wr_object *o = obj_lenient(
		SLICE
		"addressType: IPv4\nendpoints: [{addresses: ['fd00::1']}, {addresses: [10.0.0.1]}, 7]\n"
		"ports: [{port: 1, protocol: QUIC}, {port: 2}]\n");

	assert_int_equal(as(wr_slice, o)->endpoints.n, 1);
	assert_int_equal(as(wr_slice, o)->ports.n, 1);
	wr_object_free(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(endpoints_have_address_conditions_place_and_hints),
		cmocka_unit_test(families_are_read_and_names_are_nobodys),
		cmocka_unit_test(a_slice_without_the_label_is_nobodys),
		cmocka_unit_test(faults_are_named),
		cmocka_unit_test(lenient_decoding_skips_foreign_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
