/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about the uplinks, the tunnel and what the node's stack hands to pods. */
#include "tests/bpf/check.h"

#include "tests/bpf/lab.h"
#include "tests/bpf/svc_rows.h"

#define WORLD "198.51.100.9"

static void outside_reaches_a_pod_by_its_address(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .src = "10.0.2.9", .dst = "10.0.1.5" };
	struct shape s6 = { .src = "fd00:2::9", .dst = "fd00:1::5" };
	struct wr_flow flow;

	assert_int_equal(lab_from_outside(lab, &s), LAB_REDIRECT);
	assert_memory_equal(lab_out(lab).dmac, lab_pod_mac(5), 6);
	assert_int_equal(lab_out(lab).ttl, 63);
	assert_true(lab_flow(lab, "10.0.2.9", 1000, "10.0.1.5", 80, &flow));
	assert_int_equal(flow.src_identity, LAB_DB);
	assert_int_equal(WR_OUT_NUMBER(flow.out[WR_FLOW_REPLY]), LAB_NODE2_V4);
	assert_int_equal(lab_from_outside(lab, &s6), LAB_REDIRECT);
	assert_memory_equal(lab_out(lab).dmac, lab_pod_mac(5), 6);
	lab_close(lab);
}

static void ingress_policy_is_judged_at_the_uplink(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .src = "10.0.2.9", .dst = "10.0.1.5" };
	uint64_t before = lab_drops(lab, WR_REASON_POLICY_INGRESS);

	lab_policy(lab, 5, WR_RULES_INGRESS | 1);
	assert_int_equal(lab_from_outside(lab, &s), LAB_DROP);
	assert_int_equal(lab_drops(lab, WR_REASON_POLICY_INGRESS), before + 1);
	lab_allow(lab, 1, WR_DIR_INGRESS, LAB_DB, IPPROTO_TCP, 80, 1);
	assert_int_equal(lab_from_outside(lab, &s), LAB_REDIRECT);
	lab_policy(lab, 5, 0);
	lab_close(lab);
}

static void our_own_addresses_do_not_come_from_outside(void **state)
{
	struct lab *lab = lab_open(0);
	const char *own[] = { "192.168.0.1", "10.0.1.6", "fd00:1::6", "fd00:99::1" };
	uint64_t before = lab_drops(lab, WR_REASON_SPOOFED_NODE);
	size_t i;

	for (i = 0; i < 4; i++) {
		struct shape s = { .src = own[i], .dst = i < 2 ? "10.0.1.5" : "fd00:1::5" };

		assert_int_equal(lab_from_outside(lab, &s), LAB_DROP);
	}
	assert_int_equal(lab_drops(lab, WR_REASON_SPOOFED_NODE), before + 4);
	lab_close(lab);
}

static void nor_in_a_flow_that_is_known(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { 0 };

	lab_handshake(lab, &s);
	s.flags = ACK;
	assert_int_equal(lab_from_outside(lab, &s), LAB_DROP);
	lab_close(lab);
}

static void what_is_not_for_us_is_left_to_the_stack(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape through = { .src = "10.0.2.9", .dst = WORLD };
	struct shape group = { .src = "10.0.2.9", .dst = "224.0.0.1", .proto = IPPROTO_UDP };
	struct shape neighbour = {
		.src = "fe80::2", .dst = "fe80::3", .proto = IPPROTO_ICMPV6, .type = 135, .payload = 24
	};
	struct shape pod = { .src = "10.0.2.9", .dst = "10.0.1.5" };
	struct packet p;

	assert_int_equal(lab_from_outside(lab, &through), LAB_PASS);
	assert_int_equal(lab_from_outside(lab, &group), LAB_PASS);
	assert_int_equal(lab_from_outside(lab, &neighbour), LAB_PASS);
	/* To another machine's MAC, seen by chance. */
	pod.dmac = lab_router_mac();
	packet_make(&p, &pod);
	assert_int_equal(lab_run(lab, "uplink_ingress", &p, lab->uplink), LAB_PASS);
	assert_int_equal(lab_unproven(lab), 0);
	lab_close(lab);
}

static void an_address_of_our_range_without_a_pod_goes_nowhere(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .src = "10.0.2.9", .dst = "10.0.1.99" };

	assert_int_equal(lab_from_outside(lab, &s), LAB_DROP);
	lab_close(lab);
}

static void our_tunnel_passes_and_only_to_the_node(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .src = "192.168.0.3",
			   .dst = "192.168.0.1",
			   .dport = LAB_VXLAN,
			   .proto = IPPROTO_UDP,
			   .payload = 80 };

	assert_int_equal(lab_from_outside(lab, &s), LAB_PASS);
	assert_int_equal(lab_unproven(lab), 0);
	lab_policy(lab, 5, WR_RULES_INGRESS | 9);
	s.dst = "10.0.1.5";
	assert_int_equal(lab_from_outside(lab, &s), LAB_DROP);
	lab_policy(lab, 5, 0);
	lab_close(lab);
}

static void the_nodes_own_traffic_is_tracked_and_untouched(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .src = "192.168.0.1", .dst = WORLD, .proto = IPPROTO_UDP };
	struct shape back = {
		.src = WORLD, .dst = "192.168.0.1", .sport = 80, .dport = 1000, .proto = IPPROTO_UDP
	};
	struct wr_flow flow;
	int i;

	for (i = 0; i < 3; i++) {
		assert_int_equal(lab_to_uplink(lab, &s), LAB_PASS);
		assert_int_equal(lab_out(lab).ttl, 64);
		assert_int_equal(lab_from_outside(lab, &back), LAB_PASS);
		assert_int_equal(lab_out(lab).ttl, 64);
		assert_int_equal(lab->mark, 0);
	}
	assert_true(lab_flow(lab, "192.168.0.1", 1000, WORLD, 80, &flow));
	assert_true(flow.state & WR_FLOW_FROM_HOST);
	assert_int_equal(lab_promoted(lab), 1);
	lab_close(lab);
}

static void connections_to_the_node_are_its_own_affair(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .src = WORLD, .dst = "192.168.0.1", .dport = 22 };
	struct shape back = {
		.src = "192.168.0.1", .dst = WORLD, .sport = 22, .dport = 1000, .flags = SYN | ACK
	};

	assert_int_equal(lab_from_outside(lab, &s), LAB_PASS);
	assert_int_equal(lab_to_uplink(lab, &back), LAB_PASS);
	lab_close(lab);
}

static void forwarded_and_judged_packets_leave_on_sight(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .src = "10.0.1.5", .dst = WORLD };
	struct packet p;

	packet_make(&p, &s);
	assert_int_equal(lab_run_as(lab, "uplink_egress", &p, lab->uplink, lab->pod[5], 0, 0),
			 LAB_PASS);
	assert_int_equal(lab_run_as(lab, "uplink_egress", &p, lab->uplink, 0, LAB_MARK, 0), LAB_PASS);
	assert_int_equal(lab_run_as(lab, "pod_ingress", &p, lab->pod[6], lab->pod[5], LAB_MARK, 0),
			 LAB_PASS);
	assert_int_equal(lab_unproven(lab), 0);
	lab_close(lab);
}

static void service(struct lab *lab, const char *addr, uint16_t port, uint8_t proto, uint8_t scope,
		    const char *backend)
{
	struct wr_service svc = { .id = 7, .first = 0, .n = 1, .flags = WR_SVC_EXTERNAL };
	struct wr_frontend fe = rows_frontend(addr, port, proto, scope);
	uint32_t run[] = { 3 };

	rows_backend(lab->dp, 3, backend, 8080, WR_BACKEND_ACTIVE);
	rows_run(lab->dp, 0, run, 1);
	rows_service(lab->dp, 1, &svc);
	rows_point(lab->dp, &fe, 1);
}

static void a_node_port_reaches_a_pod_of_this_node_with_its_client(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .src = WORLD, .dst = "192.168.0.1", .dport = 30080 };
	struct shape back = {
		.src = "10.0.1.6", .dst = WORLD, .sport = 8080, .dport = 1000, .flags = SYN | ACK
	};
	struct seen out;

	service(lab, "192.168.0.1", 30080, IPPROTO_TCP, WR_SCOPE_ANY, "10.0.1.6");
	assert_int_equal(lab_from_outside(lab, &s), LAB_REDIRECT);
	out = lab_out(lab);
	assert_string_equal(out.src, WORLD);
	assert_string_equal(out.dst, "10.0.1.6");
	assert_int_equal(out.dport, 8080);
	assert_true(out.sums);
	assert_int_equal(lab_from_pod(lab, &back), LAB_REDIRECT);
	out = lab_out(lab);
	assert_string_equal(out.src, "192.168.0.1");
	assert_int_equal(out.sport, 30080);
	assert_true(out.sums);
	lab_close(lab);
}

static void a_node_port_reaches_a_pod_elsewhere_under_the_nodes_address(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .src = WORLD, .dst = "192.168.0.1", .dport = 30080 }, back;
	struct seen out;

	service(lab, "192.168.0.1", 30080, IPPROTO_TCP, WR_SCOPE_ANY, "10.0.2.9");
	assert_int_equal(lab_from_outside(lab, &s), LAB_REDIRECT);
	out = lab_out(lab);
	assert_string_equal(out.src, "192.168.0.1");
	assert_string_equal(out.dst, "10.0.2.9");
	assert_in_range(out.sport, 61000, 61999);
	assert_true(out.sums);
	back = (struct shape){ .src = "10.0.2.9",
			       .dst = "192.168.0.1",
			       .sport = 8080,
			       .dport = out.sport,
			       .flags = SYN | ACK };
	assert_int_equal(lab_from_outside(lab, &back), LAB_REDIRECT);
	out = lab_out(lab);
	assert_string_equal(out.src, "192.168.0.1");
	assert_string_equal(out.dst, WORLD);
	assert_int_equal(out.sport, 30080);
	assert_int_equal(out.dport, 1000);
	assert_true(out.sums);
	lab_close(lab);
}

static void a_cluster_address_is_refused_to_outside(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .src = WORLD, .dst = "10.96.0.1", .dport = 81 };
	struct wr_service svc = { .id = 8, .flags = WR_SVC_ADDRESS };
	struct wr_frontend fe = rows_frontend("10.96.0.1", 0, 0, WR_SCOPE_ANY);

	rows_service(lab->dp, 2, &svc);
	rows_point(lab->dp, &fe, 2);
	assert_int_equal(lab_from_outside(lab, &s), LAB_REDIRECT);
	assert_int_equal(lab_out(lab).flags, RST | ACK);
	assert_memory_equal(lab_out(lab).dmac, lab_router_mac(), 6);
	assert_memory_equal(lab_out(lab).smac, lab_uplink_mac(), 6);
	assert_true(lab_out(lab).sums);
	lab_close(lab);
}

/* SCTP passes no socket hook: the node's own packets are translated where they leave. */
static void sctp_to(const char *backend)
{
	struct lab *lab = lab_open(0);
	struct shape s = {
		.src = "192.168.0.1", .dst = "10.96.0.1", .proto = IPPROTO_SCTP, .payload = 20
	};
	struct seen out;

	service(lab, "10.96.0.1", 80, IPPROTO_SCTP, WR_SCOPE_ANY, backend);
	assert_int_equal(lab_to_uplink(lab, &s), LAB_REDIRECT);
	out = lab_out(lab);
	assert_string_equal(out.dst, backend);
	assert_int_equal(out.dport, 8080);
	assert_int_equal(out.ttl, 64);
	assert_true(out.sums);
	assert_int_equal(lab->mark, LAB_MARK);
	lab_close(lab);
}

static void the_node_reaches_services_that_its_sockets_passed_by(void **state)
{
	sctp_to("10.0.1.6");
	sctp_to("10.0.2.9");
}

static void an_answer_to_the_nodes_service_flow_comes_back_as_the_services(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .src = "192.168.0.1", .dst = "10.96.0.1", .proto = IPPROTO_SCTP };
	struct shape near = { .src = "10.0.1.6",
			      .dst = "192.168.0.1",
			      .sport = 8080,
			      .dport = 1000,
			      .proto = IPPROTO_SCTP };
	struct seen out;

	service(lab, "10.96.0.1", 80, IPPROTO_SCTP, WR_SCOPE_ANY, "10.0.1.6");
	assert_int_equal(lab_to_uplink(lab, &s), LAB_REDIRECT);
	assert_int_equal(lab_from_pod(lab, &near), LAB_PASS);
	out = lab_out(lab);
	assert_string_equal(out.src, "10.96.0.1");
	assert_int_equal(out.sport, 80);
	assert_true(out.sums);
	lab_close(lab);
}

/* Backends with the host's network: the answer leaves by the uplink. */
static void a_node_port_of_the_nodes_own_process_answers_as_such(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .src = WORLD, .dst = "192.168.0.1", .dport = 30080 };
	struct shape back = {
		.src = "192.168.0.1", .dst = WORLD, .sport = 8080, .dport = 1000, .flags = SYN | ACK
	};
	struct seen out;

	service(lab, "192.168.0.1", 30080, IPPROTO_TCP, WR_SCOPE_ANY, "192.168.0.1");
	assert_int_equal(lab_from_outside(lab, &s), LAB_PASS);
	assert_int_equal(lab_out(lab).dport, 8080);
	assert_true(lab_out(lab).sums);
	assert_int_equal(lab_to_uplink(lab, &back), LAB_PASS);
	out = lab_out(lab);
	assert_int_equal(out.sport, 30080);
	assert_true(out.sums);
	lab_close(lab);
}

static void the_node_reaches_its_pods_and_hears_them(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .src = "192.168.0.1", .dst = "10.0.1.6", .proto = IPPROTO_UDP };
	struct shape back = {
		.src = "10.0.1.6", .dst = "192.168.0.1", .sport = 80, .dport = 1000, .proto = IPPROTO_UDP
	};
	int i;

	lab_policy(lab, 6, WR_RULES_INGRESS | WR_RULES_EGRESS | 9);
	for (i = 0; i < 3; i++) {
		assert_int_equal(lab_to_pod(lab, &s), LAB_PASS);
		assert_int_equal(lab_from_pod(lab, &back), LAB_PASS);
	}
	assert_int_equal(lab_promoted(lab), 1);
	lab_policy(lab, 6, 0);
	lab_close(lab);
}

static void a_packet_at_the_wrong_pods_interface_is_dropped(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .src = "192.168.0.1", .dst = "10.0.1.6" };
	struct packet p;

	packet_make(&p, &s);
	assert_int_equal(lab_run_as(lab, "pod_ingress", &p, lab->pod[5], 0, 0, 0), LAB_DROP);
	lab_close(lab);
}

static void the_nodes_link_talk_reaches_its_pods(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .src = "fe80::9",
			   .dst = "fd00:1::5",
			   .proto = IPPROTO_ICMPV6,
			   .type = 135,
			   .payload = 24 };
	struct packet p;

	lab_policy(lab, 5, WR_RULES_INGRESS | 9);
	packet_make(&p, &s);
	assert_int_equal(lab_run_as(lab, "pod_ingress", &p, lab->pod[5], 0, 0, 0), LAB_PASS);
	assert_int_equal(lab_run_as(lab, "pod_ingress", &p, lab->pod[5], lab->uplink, 0, 0),
			 LAB_DROP);
	lab_policy(lab, 5, 0);
	lab_close(lab);
}

/* A test run carries no tunnel metadata: nothing that comes without it is believed. */
static void a_tunnelled_packet_of_unknown_origin_is_dropped(void **state)
{
	struct lab *lab = lab_open(0);
	uint64_t before = lab_drops(lab, WR_REASON_SPOOFED_OUTER);
	struct shape s = { .src = "10.0.3.9", .dst = "10.0.1.5" };
	struct packet p;

	packet_make(&p, &s);
	assert_int_equal(lab_run(lab, "overlay_ingress", &p, lab->overlay), LAB_DROP);
	assert_int_equal(lab_drops(lab, WR_REASON_SPOOFED_OUTER), before + 1);
	s.src = "10.0.2.9"; /* of a node that is reached directly */
	packet_make(&p, &s);
	assert_int_equal(lab_run(lab, "overlay_ingress", &p, lab->overlay), LAB_DROP);
	assert_int_equal(lab_drops(lab, WR_REASON_SPOOFED_OUTER), before + 2);
	s.src = "10.0.1.6";
	packet_make(&p, &s);
	assert_int_equal(lab_run(lab, "overlay_ingress", &p, lab->overlay), LAB_DROP);
	assert_int_equal(lab_drops(lab, WR_REASON_SPOOFED_OUTER), before + 2);
	lab_close(lab);
}

static void what_the_stack_routes_into_the_tunnel_needs_a_node_behind_it(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .src = "192.168.0.1", .dst = "10.0.3.9" };
	uint64_t before = lab_drops(lab, WR_REASON_NO_TUNNEL);
	struct packet p;

	packet_make(&p, &s);
	assert_int_equal(lab_run_as(lab, "overlay_egress", &p, lab->overlay, 0, 0, 0), LAB_PASS);
	s.dst = "10.0.2.9";
	packet_make(&p, &s);
	assert_int_equal(lab_run_as(lab, "overlay_egress", &p, lab->overlay, 0, 0, 0), LAB_DROP);
	assert_int_equal(lab_drops(lab, WR_REASON_NO_TUNNEL), before + 1);
	lab_close(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(outside_reaches_a_pod_by_its_address),
		cmocka_unit_test(ingress_policy_is_judged_at_the_uplink),
		cmocka_unit_test(our_own_addresses_do_not_come_from_outside),
		cmocka_unit_test(nor_in_a_flow_that_is_known),
		cmocka_unit_test(what_is_not_for_us_is_left_to_the_stack),
		cmocka_unit_test(an_address_of_our_range_without_a_pod_goes_nowhere),
		cmocka_unit_test(our_tunnel_passes_and_only_to_the_node),
		cmocka_unit_test(the_nodes_own_traffic_is_tracked_and_untouched),
		cmocka_unit_test(connections_to_the_node_are_its_own_affair),
		cmocka_unit_test(forwarded_and_judged_packets_leave_on_sight),
		cmocka_unit_test(a_node_port_reaches_a_pod_of_this_node_with_its_client),
		cmocka_unit_test(a_node_port_reaches_a_pod_elsewhere_under_the_nodes_address),
		cmocka_unit_test(a_cluster_address_is_refused_to_outside),
		cmocka_unit_test(the_node_reaches_services_that_its_sockets_passed_by),
		cmocka_unit_test(an_answer_to_the_nodes_service_flow_comes_back_as_the_services),
		cmocka_unit_test(a_node_port_of_the_nodes_own_process_answers_as_such),
		cmocka_unit_test(the_node_reaches_its_pods_and_hears_them),
		cmocka_unit_test(a_packet_at_the_wrong_pods_interface_is_dropped),
		cmocka_unit_test(the_nodes_link_talk_reaches_its_pods),
		cmocka_unit_test(a_tunnelled_packet_of_unknown_origin_is_dropped),
		cmocka_unit_test(what_the_stack_routes_into_the_tunnel_needs_a_node_behind_it),
	};

	return cmocka_run_group_tests(tests, lab_enter, lab_leave);
}
