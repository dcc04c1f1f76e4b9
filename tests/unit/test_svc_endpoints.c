/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about endpoints: who is taken for new flows, who may keep flows, who is counted. */
#include "tests/unit/check.h"

#include "tests/unit/svc_world.h"

#define TWO      "{addresses: [10.1.0.1]}, {addresses: [10.1.0.2]}"
#define WEB      "clusterIP: 10.96.0.1, ports: [{port: 80, targetPort: 8080}]"
#define P8080    "{port: 8080}"
#define WEB_NODE "clusterIPs: [10.96.0.1, 'fd96::1'], ports: [{port: 80, nodePort: 30080}]"
#define LB       "type: LoadBalancer, " WEB_NODE
#define INGRESS  "loadBalancer: {ingress: [{ip: 192.0.2.1}]}"
#define EP(addr, ready, serving, terminating)                                      \
	"{addresses: [" addr "], conditions: {ready: " ready ", serving: " serving \
	", terminating: " terminating "}}"
#define HINTED(addr, zone, node, hints) \
	"{addresses: [" addr "], zone: " zone ", nodeName: " node ", hints: {" hints "}}"
#define NODE_HINT(z, n) "forZones: [{name: " z "}], forNodes: [{name: " n "}]"

static int begin(void **state)
{
	*state = world_of_two(
		&(struct wr_svc_options){ .node = "here", .localhost_node_ports = true });
	return 0;
}

static int end(void **state)
{
	world_free(*state);
	return 0;
}

static void only_ready_endpoints_are_taken(void **state)
{
	struct world *w = *state;

	world_service(w, "web", WEB, NULL);
	world_slice(w, "web-1", "web", P8080,
		    EP("10.1.0.1", "true", "true",
		       "false") ", " EP("10.1.0.2", "false", "false",
					"false") ", " EP("10.1.0.3", "false", "true", "true"));
	assert_answer(w, "10.96.0.1 80 TCP", "10.1.0.1:8080");
}

static void those_that_still_serve_stand_in_when_nobody_is_ready(void **state)
{
	struct world *w = *state;

	world_service(w, "web", WEB, NULL);
	world_slice(w, "web-1", "web", P8080,
		    EP("10.1.0.1", "false", "true",
		       "true") ", " EP("10.1.0.2", "false", "false",
				       "true") ", " EP("10.1.0.3", "false", "false", "false"));
	assert_answer(w, "10.96.0.1 80 TCP", "~10.1.0.1:8080");
}

static void the_same_holds_for_those_here_under_policy_local(void **state)
{
	struct world *w = *state;

	world_service(w, "web", LB ", externalTrafficPolicy: Local", INGRESS);
	world_slice(w, "web-1", "web", P8080,
		    "{addresses: [10.1.0.1], nodeName: here, conditions: {ready: false, serving: "
		    "true, terminating: true}}, {addresses: [10.1.0.2], nodeName: there}");
	assert_answer(w, "outside 192.0.2.1 80 TCP", "~10.1.0.1:8080");
	assert_answer(w, "192.0.2.1 80 TCP", "10.1.0.2:8080");
}

static void publish_not_ready_addresses_takes_all(void **state)
{
	struct world *w = *state;

	world_service(w, "web", WEB ", publishNotReadyAddresses: true", NULL);
	world_slice(w, "web-1", "web", P8080,
		    EP("10.1.0.1", "false", "false", "false") ", " EP("10.1.0.2", "false", "true",
								      "true"));
	assert_answer(w, "10.96.0.1 80 TCP", "10.1.0.1:8080 10.1.0.2:8080");
}

static void flows_may_stay_with_what_new_ones_avoid(void **state)
{
	struct world *w = *state;

	world_service(w, "web", WEB, NULL);
	world_slice(w, "web-1", "web", P8080, TWO);
	assert_string_equal(world_held(w, "10.96.0.1 80 TCP"), "");
	world_slice(w, "web-1", "web", P8080,
		    EP("10.1.0.1", "true", "true",
		       "false") ", " EP("10.1.0.2", "false", "true",
					"true") ", " EP("10.1.0.3", "false", "false", "false"));
	assert_string_equal(world_held(w, "10.96.0.1 80 TCP"),
			    "~10.1.0.1:8080 ~10.1.0.2:8080 ~10.1.0.3:8080");
	world_slice(w, "web-1", "web", P8080, "{addresses: [10.1.0.1]}");
	assert_string_equal(world_held(w, "10.96.0.1 80 TCP"), "");
}

static void udp_does_not_stay_with_what_no_longer_serves(void **state)
{
	struct world *w = *state;

	world_service(w, "dns", "clusterIP: 10.96.0.1, ports: [{port: 53, protocol: UDP}]", NULL);
	world_slice(w, "dns-1", "dns", "{port: 53, protocol: UDP}",
		    EP("10.1.0.1", "true", "true",
		       "false") ", " EP("10.1.0.2", "false", "true",
					"true") ", " EP("10.1.0.3", "false", "false", "false"));
	assert_string_equal(world_held(w, "10.96.0.1 53 UDP"), "~10.1.0.1:53 ~10.1.0.2:53");
}

static void zone_hints_keep_traffic_in_the_zone(void **state)
{
	struct world *w = *state;

	world_service(w, "web", WEB ", trafficDistribution: PreferClose", NULL);
	world_slice(w, "web-1", "web", P8080,
		    HINTED("10.1.0.1", "east", "here",
			   "forZones: [{name: east}]") ", " HINTED("10.1.0.2", "west", "there",
								   "forZones: [{name: west}]"));
	assert_answer(w, "10.96.0.1 80 TCP", "10.1.0.1:8080");
}

static void all_are_taken_when_one_lacks_a_hint(void **state)
{
	struct world *w = *state;

	world_service(w, "web", WEB ", trafficDistribution: PreferSameZone", NULL);
	world_slice(w, "web-1", "web", P8080,
		    HINTED("10.1.0.1", "east", "here",
			   "forZones: [{name: east}]") ", " HINTED("10.1.0.2", "west", "there", ""));
	assert_answer(w, "10.96.0.1 80 TCP", "10.1.0.1:8080 10.1.0.2:8080");
}

static void all_are_taken_when_no_hint_is_for_this_zone(void **state)
{
	struct world *w = *state;

	world_service(w, "web", WEB ", trafficDistribution: PreferClose", NULL);
	world_slice(w, "web-1", "web", P8080,
		    HINTED("10.1.0.1", "north", "x",
			   "forZones: [{name: north}]") ", " HINTED("10.1.0.2", "west", "there",
								    "forZones: [{name: west}]"));
	assert_answer(w, "10.96.0.1 80 TCP", "10.1.0.1:8080 10.1.0.2:8080");
}

static void a_node_without_a_zone_takes_all(void **state)
{
	struct world *w = *state;

	world_service(w, "web", WEB ", trafficDistribution: PreferClose", NULL);
	world_slice(w, "web-1", "web", P8080,
		    HINTED("10.1.0.1", "east", "here",
			   "forZones: [{name: east}]") ", " HINTED("10.1.0.2", "west", "there",
								   "forZones: [{name: west}]"));
	world_apply(w, "{apiVersion: v1, kind: Node, metadata: {name: here}}");
	assert_answer(w, "10.96.0.1 80 TCP", "10.1.0.1:8080 10.1.0.2:8080");
	world_node(w, "here", "west", "");
	assert_answer(w, "10.96.0.1 80 TCP", "10.1.0.2:8080");
}

static void node_hints_come_before_zone_hints(void **state)
{
	struct world *w = *state;

	world_service(w, "web", WEB ", trafficDistribution: PreferSameNode", NULL);
	world_slice(w, "web-1", "web", P8080,
		    HINTED("10.1.0.1", "east", "here",
			   NODE_HINT("east",
				     "here")) ", " HINTED("10.1.0.2", "east", "near",
							  NODE_HINT("east",
								    "near")) ", " HINTED("10.1.0.3",
											 "west",
											 "there",
											 NODE_HINT("west",
												   "there")));
	assert_answer(w, "10.96.0.1 80 TCP", "10.1.0.1:8080");
	world_slice(w, "web-1", "web", P8080,
		    HINTED("10.1.0.2", "east", "near",
			   NODE_HINT("east", "near")) ", " HINTED("10.1.0.3", "west", "there",
								  NODE_HINT("west", "there")));
	assert_answer(w, "10.96.0.1 80 TCP", "10.1.0.2:8080");
	world_slice(w, "web-1", "web", P8080,
		    HINTED("10.1.0.3", "west", "there", NODE_HINT("west", "there")));
	assert_answer(w, "10.96.0.1 80 TCP", "10.1.0.3:8080");
}

static void hints_of_endpoints_that_are_not_ready_do_not_count(void **state)
{
	struct world *w = *state;

	world_service(w, "web", WEB ", trafficDistribution: PreferClose", NULL);
	world_slice(w, "web-1", "web", P8080,
		    "{addresses: [10.1.0.1], zone: east, conditions: {ready: false}, hints: "
		    "{forZones: [{name: east}]}}, " HINTED("10.1.0.2", "west", "there",
							   "forZones: [{name: west}]"));
	assert_answer(w, "10.96.0.1 80 TCP", "10.1.0.2:8080");
}

static void policy_local_does_not_ask_for_hints(void **state)
{
	struct world *w = *state;

	world_service(w, "web", WEB ", internalTrafficPolicy: Local", NULL);
	world_slice(w, "web-1", "web", P8080,
		    HINTED("10.1.0.1", "west", "here",
			   "forZones: [{name: west}]") ", " HINTED("10.1.0.2", "east", "there",
								   "forZones: [{name: east}]"));
	assert_answer(w, "10.96.0.1 80 TCP", "10.1.0.1:8080");
}

static void no_endpoints_is_an_answer_too(void **state)
{
	struct world *w = *state;

	world_service(w, "web", WEB, NULL);
	assert_answer(w, "10.96.0.1 80 TCP", "none");
	world_slice(w, "web-1", "web", P8080, "");
	assert_answer(w, "10.96.0.1 80 TCP", "none");
}

static void the_health_check_counts_ready_endpoints_here(void **state)
{
	struct world *w = *state;

	world_service(w, "web", LB ", externalTrafficPolicy: Local, healthCheckNodePort: 30100",
		      INGRESS);
	assert_string_equal(world_health(w, "default", "web"), "0 on 30100");
	world_slice(w, "web-1", "web", P8080,
		    "{addresses: [10.1.0.1], nodeName: here}, {addresses: [10.1.0.2], nodeName: "
		    "here}, {addresses: [10.1.0.3], nodeName: there}, {addresses: [10.1.0.4], "
		    "nodeName: here, conditions: {ready: false}}");
	assert_string_equal(world_health(w, "default", "web"), "2 on 30100");
	world_slice(w, "web-1", "web", P8080,
		    "{addresses: [10.1.0.1], nodeName: here, conditions: {ready: false, serving: "
		    "true, terminating: true}}");
	assert_string_equal(world_health(w, "default", "web"), "0 on 30100");
	world_service(w, "web", LB, INGRESS);
	assert_string_equal(world_health(w, "default", "web"), "");
}

static void the_health_check_counts_an_endpoint_once(void **state)
{
	struct world *w = *state;

	world_service(w, "web",
		      "type: LoadBalancer, clusterIPs: [10.96.0.1, 'fd96::1'], "
		      "externalTrafficPolicy: Local, healthCheckNodePort: 30100, "
		      "ports: [{name: a, port: 80}, {name: b, port: 81}]",
		      INGRESS);
	world_slice(w, "web-1", "web", "{name: a, port: 8080}, {name: b, port: 8081}",
		    "{addresses: [10.1.0.1], nodeName: here}");
	world_slice(w, "web-2", "web", "{name: a, port: 8080}, {name: b, port: 8081}",
		    "{addresses: ['fd00::1'], nodeName: here}");
	assert_string_equal(world_health(w, "default", "web"), "1 on 30100");
}

static void backends_know_their_node_and_zone(void **state)
{
	struct world *w = *state;
	const struct wr_svc_set *set;

	world_service(w, "web", WEB, NULL);
	world_slice(w, "web-1", "web", P8080,
		    "{addresses: [10.1.0.1], nodeName: there, zone: west}, {addresses: [10.1.0.2]}");
	set = world_set(w, "10.96.0.1 80 TCP");
	assert_string_equal(wr_svc_index_node_name(world_index(w), set->backends[0].node), "there");
	assert_string_equal(wr_svc_index_zone_name(world_index(w), set->backends[0].zone), "west");
	assert_int_equal(set->backends[1].node, 0);
	assert_null(wr_svc_index_node_name(world_index(w), 0));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
		TEST(only_ready_endpoints_are_taken),
		TEST(those_that_still_serve_stand_in_when_nobody_is_ready),
		TEST(the_same_holds_for_those_here_under_policy_local),
		TEST(publish_not_ready_addresses_takes_all),
		TEST(flows_may_stay_with_what_new_ones_avoid),
		TEST(udp_does_not_stay_with_what_no_longer_serves),
		TEST(zone_hints_keep_traffic_in_the_zone),
		TEST(all_are_taken_when_one_lacks_a_hint),
		TEST(all_are_taken_when_no_hint_is_for_this_zone),
		TEST(a_node_without_a_zone_takes_all),
		TEST(node_hints_come_before_zone_hints),
		TEST(hints_of_endpoints_that_are_not_ready_do_not_count),
		TEST(policy_local_does_not_ask_for_hints),
		TEST(no_endpoints_is_an_answer_too),
		TEST(the_health_check_counts_ready_endpoints_here),
		TEST(the_health_check_counts_an_endpoint_once),
		TEST(backends_know_their_node_and_zone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
