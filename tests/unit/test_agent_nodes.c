/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about the reconciler of nodes, on real maps in a real network namespace. */
#include "tests/unit/check.h"

#include "agent/nodes.h"
#include "agent/peers.h"
#include "agent/services.h"
#include "lib/base/cleanup.h"
#include "lib/nl/sysctl.h"
#include "tests/unit/agent_world.h"
#include "tests/unit/dp_fixture.h"
#include "tests/unit/netlab.h"

static bool is_host(struct agent_world *w, const char *text)
{
	struct wr_addr a = wr_netlab_addr(text);
	uint32_t number = WR_EP_NONE;

	return wr_endpoint_lookup(w->a.dp, &a, &number) == 0 && number == WR_EP_HOST;
}

static void assert_peer(struct agent_world *w, const char *addr, uint32_t identity,
			uint32_t nexthop, uint32_t flags)
{
	uint64_t word = aw_peer(w, addr);

	assert_int_equal(WR_PEER_IDENTITY(word), identity);
	assert_int_equal(WR_PEER_NEXTHOP(word), nexthop);
	assert_int_equal(WR_PEER_FLAGS(word), flags);
}

static void this_node_is_in_the_maps(void **state)
{
	struct agent_world *w = *state;
	struct wr_globals g;
	struct wr_addr masq4 = wr_netlab_addr("10.30.0.11"), masq6 = wr_netlab_addr("fd30::b");

	aw_start(w);
	aw_node(w, 11);
	aw_run(w);
	assert_true(is_host(w, "10.30.0.11"));
	assert_true(is_host(w, "fd30::b"));
	assert_false(is_host(w, "127.0.0.1"));
	assert_peer(w, "10.244.11.5", WR_IDENTITY_UNKNOWN, 0, WR_PEER_CLUSTER | WR_PEER_LOCAL_RANGE);
	assert_peer(w, "fd00:11::5", WR_IDENTITY_UNKNOWN, 0, WR_PEER_CLUSTER | WR_PEER_LOCAL_RANGE);
	assert_peer(w, "10.30.0.11", WR_IDENTITY_HOST, 0, WR_PEER_CLUSTER | WR_PEER_IS_NODE);
	assert_int_equal(wr_globals_get(w->a.dp, &g), 0);
	assert_true(wr_addr_eq(&g.masq4, &masq4));
	assert_true(wr_addr_eq(&g.masq6, &masq6));
	assert_null(w->a.health.reasons[WR_NEED_NODE]);
	assert_null(w->a.health.reasons[WR_NEED_UPLINK]);
}

static void programs_are_on_the_uplink_and_the_overlay(void **state)
{
	struct agent_world *w = *state;

	aw_start(w);
	aw_node(w, 11);
	aw_run(w);
	assert_int_equal(wr_dp_check_tc(DP_PINS, "uplink-eth0", "uplink_ingress", w->eth0,
					WR_ATTACH_TC_INGRESS, true, NULL),
			 0);
	assert_int_equal(wr_dp_check_tc(DP_PINS, "uplink-eth0", "uplink_egress", w->eth0,
					WR_ATTACH_TC_EGRESS, true, NULL),
			 0);
	assert_int_equal(wr_dp_check_tc(DP_PINS, "overlay", "overlay_ingress", w->a.vxlan_ifindex,
					WR_ATTACH_TC_INGRESS, true, NULL),
			 0);
}

static void another_node_is_reached_through_the_tunnel_until_proven_otherwise(void **state)
{
	struct agent_world *w = *state;
	struct wr_addr outer4 = wr_netlab_addr("10.30.0.12"), outer6 = wr_netlab_addr("fd30::c");
	struct wr_nexthop nh;

	aw_start(w);
	aw_node(w, 11);
	aw_node(w, 12);
	aw_run(w);
	assert_peer(w, "10.244.12.5", WR_IDENTITY_UNKNOWN, wr_node_slot(1, WR_V4), WR_PEER_CLUSTER);
	assert_peer(w, "fd00:12::5", WR_IDENTITY_UNKNOWN, wr_node_slot(1, WR_V6), WR_PEER_CLUSTER);
	assert_peer(w, "10.30.0.12", WR_IDENTITY_NODE, wr_node_slot(1, WR_V4),
		    WR_PEER_CLUSTER | WR_PEER_IS_NODE);
	nh = aw_nexthop(w, wr_node_slot(1, WR_V4));
	assert_int_equal(nh.kind, WR_NH_TUNNEL);
	assert_int_equal(nh.ifindex, w->a.vxlan_ifindex);
	assert_true(wr_addr_eq(&nh.gateway, &outer4));
	assert_true(wr_addr_eq(&nh.outer_src, &outer4));
	assert_int_equal(nh.mtu, 1450);
	assert_int_equal(nh.tunnel_mtu, 1450);
	assert_int_equal(nh.node, 1);
	nh = aw_nexthop(w, wr_node_slot(1, WR_V6));
	assert_true(wr_addr_eq(&nh.gateway, &outer6));
	assert_int_equal(nh.mtu, 1430);
	assert_int_equal(wr_nodes_pod_mtu(&w->a), 1430);
}

static void direct_routing_goes_to_the_neighbour_itself(void **state)
{
	struct agent_world *w = *state;
	struct wr_addr gateway = wr_netlab_addr("10.30.0.12");
	struct wr_nexthop nh;
	struct wr_route route;

	w->config.routing = WR_ROUTING_DIRECT;
	aw_start(w);
	aw_node(w, 11);
	aw_node(w, 12);
	aw_synced(w);
	aw_run(w);
	nh = aw_nexthop(w, wr_node_slot(1, WR_V4));
	assert_int_equal(nh.kind, WR_NH_NEIGH);
	assert_int_equal(nh.ifindex, w->eth0);
	assert_true(wr_addr_eq(&nh.gateway, &gateway));
	assert_int_equal(nh.mtu, 1500);
	assert_int_equal(nh.tunnel_mtu, 0);
	assert_int_equal(wr_nodes_pod_mtu(&w->a), 1500);
	assert_true(aw_route(w, "10.244.12.0/24", &route));
	assert_true(wr_addr_eq(&route.gateway, &gateway));
	assert_int_equal(route.ifindex, w->eth0);
	assert_int_equal(route.protocol, WR_RTPROT);
}

static void a_node_behind_a_router_is_left_to_the_routes_or_tunnelled(void **state)
{
	static const char far[] =
		"{apiVersion: v1, kind: Node, metadata: {name: far}, spec: {podCIDRs: [10.244.99.0/24]}, "
		"status: {addresses: [{type: InternalIP, address: 192.0.2.99}]}}";
	struct agent_world *w = *state;

	w->config.routing = WR_ROUTING_DIRECT;
	aw_start(w);
	aw_put(w, far);
	aw_run(w);
	assert_int_equal(aw_nexthop(w, wr_node_slot(1, WR_V4)).kind, WR_NH_ROUTE);
	aw_stop(w);
	w->config.routing = WR_ROUTING_AUTO;
	aw_start(w);
	aw_put(w, far);
	aw_run(w);
	assert_int_equal(aw_nexthop(w, wr_node_slot(1, WR_V4)).kind, WR_NH_TUNNEL);
}

static void a_missing_family_goes_over_the_other(void **state)
{
	struct agent_world *w = *state;
	struct wr_addr outer = wr_netlab_addr("10.30.0.20");
	struct wr_nexthop nh;

	aw_start(w);
	aw_put(w, "{apiVersion: v1, kind: Node, metadata: {name: four}, spec: {podCIDRs: [10.244.20.0/24, \"fd00:20::/64\"]}, "
		  "status: {addresses: [{type: InternalIP, address: 10.30.0.20}]}}");
	aw_run(w);
	nh = aw_nexthop(w, wr_node_slot(1, WR_V6));
	assert_int_equal(nh.kind, WR_NH_TUNNEL);
	assert_true(wr_addr_eq(&nh.gateway, &outer));
	assert_int_equal(nh.mtu, 1450);
}

static void the_nodes_own_traffic_has_routes_and_neighbours(void **state)
{
	struct agent_world *w = *state;
	wr_auto_neighs neighs = { 0 };
	struct wr_route route;

	aw_start(w);
	aw_node(w, 11);
	aw_node(w, 12);
	aw_synced(w);
	aw_run(w);
	assert_true(aw_route(w, "10.244.12.0/24", &route));
	assert_int_equal(route.ifindex, w->a.vxlan_ifindex);
	assert_true(aw_route(w, "fd00:12::/64", &route));
	assert_int_equal(route.ifindex, w->a.vxlan_ifindex);
	assert_true(aw_route(w, "10.244.11.0/24", &route));
	assert_int_equal(route.type, RTN_UNREACHABLE);
	assert_int_equal(wr_neigh_dump(&w->nl, w->a.vxlan_ifindex, &neighs), 0);
	assert_int_equal(neighs.v.n, 2);
}

static void a_node_that_goes_takes_its_rows_and_routes_along(void **state)
{
	struct agent_world *w = *state;
	struct wr_route route;
	uint16_t number;

	aw_start(w);
	aw_node(w, 11);
	aw_node(w, 12);
	aw_node(w, 13);
	aw_synced(w);
	aw_run(w);
	number = wr_nodes_number(&w->a, "n12");
	aw_del(w, WR_KIND_NODE, "", "n12");
	aw_run(w);
	assert_int_equal(aw_peer(w, "10.244.12.5"), 0);
	assert_int_equal(aw_peer(w, "10.30.0.12"), 0);
	assert_false(aw_route(w, "10.244.12.0/24", &route));
	assert_true(aw_route(w, "10.244.13.0/24", &route));
	assert_int_equal(aw_nexthop(w, wr_node_slot(number, WR_V4)).kind, WR_NH_DROP);
}

static void a_node_that_moves_takes_its_rows_along(void **state)
{
	struct agent_world *w = *state;
	struct wr_addr now = wr_netlab_addr("10.30.0.77");
	struct wr_nexthop nh;

	aw_start(w);
	aw_node(w, 12);
	aw_run(w);
	aw_put(w, "{apiVersion: v1, kind: Node, metadata: {name: n12}, spec: {podCIDRs: [10.244.50.0/24]}, "
		  "status: {addresses: [{type: InternalIP, address: 10.30.0.77}]}}");
	aw_run(w);
	assert_int_equal(aw_peer(w, "10.244.12.5"), 0);
	assert_int_equal(aw_peer(w, "10.30.0.12"), 0);
	assert_peer(w, "10.244.50.5", WR_IDENTITY_UNKNOWN, wr_node_slot(1, WR_V4), WR_PEER_CLUSTER);
	nh = aw_nexthop(w, wr_node_slot(1, WR_V4));
	assert_true(wr_addr_eq(&nh.gateway, &now));
}

static void a_restart_without_its_source_takes_nothing_away(void **state)
{
	struct agent_world *w = *state;
	struct wr_globals before, after;
	struct wr_route route;

	aw_start(w);
	aw_node(w, 11);
	aw_node(w, 12);
	aw_synced(w);
	aw_run(w);
	assert_int_equal(wr_globals_get(w->a.dp, &before), 0);
	aw_stop(w);
	aw_start(w);
	aw_full(w);
	assert_peer(w, "10.244.12.5", WR_IDENTITY_UNKNOWN, wr_node_slot(1, WR_V4), WR_PEER_CLUSTER);
	assert_peer(w, "10.244.11.5", WR_IDENTITY_UNKNOWN, 0, WR_PEER_CLUSTER | WR_PEER_LOCAL_RANGE);
	assert_int_equal(aw_nexthop(w, wr_node_slot(1, WR_V4)).kind, WR_NH_TUNNEL);
	assert_true(aw_route(w, "10.244.12.0/24", &route));
	assert_int_equal(wr_globals_get(w->a.dp, &after), 0);
	assert_true(wr_addr_eq(&before.masq4, &after.masq4));
	assert_null(w->a.health.reasons[WR_NEED_NODE]);
	assert_int_equal(wr_nodes_own(&w->a)->ranges.n, 2);
}

static void a_complete_list_after_a_restart_removes_who_left_meanwhile(void **state)
{
	struct agent_world *w = *state;
	struct wr_route route;
	uint16_t n12, n13;

	aw_start(w);
	aw_node(w, 11);
	aw_node(w, 12);
	aw_node(w, 13);
	aw_synced(w);
	aw_run(w);
	n12 = wr_nodes_number(&w->a, "n12");
	n13 = wr_nodes_number(&w->a, "n13");
	aw_stop(w);
	aw_start(w);
	aw_node(w, 11);
	aw_node(w, 13);
	aw_run(w);
	assert_int_not_equal(aw_peer(w, "10.244.12.5"), 0);
	aw_synced(w);
	wr_peers_complete(w->a.peers, WR_PEERS_POLICIES);
	aw_full(w);
	assert_int_equal(aw_peer(w, "10.244.12.5"), 0);
	assert_false(aw_route(w, "10.244.12.0/24", &route));
	assert_peer(w, "10.244.13.5", WR_IDENTITY_UNKNOWN, wr_node_slot(n13, WR_V4), WR_PEER_CLUSTER);
	assert_int_equal(aw_nexthop(w, wr_node_slot(n12, WR_V4)).kind, WR_NH_DROP);
}

static bool has_new_address(struct agent_world *w)
{
	return is_host(w, "10.30.0.200");
}

static bool lacks_new_address(struct agent_world *w)
{
	return !is_host(w, "10.30.0.200");
}

static void an_address_of_the_node_is_followed(void **state)
{
	struct agent_world *w = *state;
	wr_auto_nl_batch add = WR_NL_BATCH_INIT, del = WR_NL_BATCH_INIT;
	struct wr_naddr a = { .ifindex = w->eth0, .prefix = wr_netlab_prefix("10.30.0.200/24") };

	aw_start(w);
	aw_node(w, 11);
	aw_run(w);
	wr_naddr_put(&add, &a);
	wr_netlab_commit(&w->nl, &add);
	aw_wait(w, has_new_address);
	assert_peer(w, "10.30.0.200", WR_IDENTITY_HOST, 0, WR_PEER_CLUSTER | WR_PEER_IS_NODE);
	wr_naddr_del(&del, &a);
	wr_netlab_commit(&w->nl, &del);
	aw_wait(w, lacks_new_address);
	assert_int_equal(aw_peer(w, "10.30.0.200"), 0);
}

static bool has_smaller_mtu(struct agent_world *w)
{
	return wr_nodes_pod_mtu(&w->a) == 1330 && aw_nexthop(w, wr_node_slot(1, WR_V4)).mtu == 1350;
}

static void the_mtu_follows_the_uplink(void **state)
{
	struct agent_world *w = *state;
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;

	aw_start(w);
	aw_node(w, 11);
	aw_node(w, 12);
	aw_run(w);
	wr_link_set_mtu(&b, w->eth0, 1400);
	wr_netlab_commit(&w->nl, &b);
	aw_wait(w, has_smaller_mtu);
}

static void the_default_way_out_is_the_uplink(void **state)
{
	struct agent_world *w = *state;
	struct wr_nexthop nh;

	aw_start(w);
	aw_run(w);
	nh = aw_nexthop(w, WR_NEXTHOP_OUT4);
	assert_int_equal(nh.kind, WR_NH_ROUTE);
	assert_int_equal(nh.ifindex, w->eth0);
	assert_int_equal(nh.mtu, 1500);
	assert_int_equal(aw_nexthop(w, WR_NEXTHOP_OUT6).kind, WR_NH_ROUTE);
}

static bool left_to_the_stack(struct agent_world *w)
{
	return aw_nexthop(w, WR_NEXTHOP_OUT4).kind == WR_NH_STACK;
}

static void routes_to_elsewhere_leave_the_way_out_to_the_stack(void **state)
{
	struct agent_world *w = *state;
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	uint32_t other = wr_netlab_pair(&w->nl, "eth1", "outside1");
	struct wr_route r = { .dst = wr_netlab_prefix("203.0.113.0/24"), .ifindex = other };

	aw_start(w);
	aw_run(w);
	assert_int_equal(aw_nexthop(w, WR_NEXTHOP_OUT4).kind, WR_NH_ROUTE);
	wr_route_put(&b, &r);
	wr_netlab_commit(&w->nl, &b);
	aw_wait(w, left_to_the_stack);
}

static void without_masquerade_there_is_no_address_for_it(void **state)
{
	struct agent_world *w = *state;
	struct wr_globals g;

	w->config.masquerade = false;
	aw_start(w);
	aw_node(w, 11);
	aw_run(w);
	assert_int_equal(wr_globals_get(w->a.dp, &g), 0);
	assert_true(wr_addr_is_zero(&g.masq4));
}

static void a_strict_reverse_path_filter_becomes_loose(void **state)
{
	struct agent_world *w = *state;
	int value = -1;

	assert_int_equal(wr_sysctl_set("ipv4/conf/eth0/rp_filter", "1"), 0);
	aw_start(w);
	aw_run(w);
	assert_int_equal(wr_sysctl_get_int("ipv4/conf/eth0/rp_filter", &value), 0);
	assert_int_equal(value, 2);
}

static void ports_of_the_pool_are_reserved(void **state)
{
	struct agent_world *w = *state;
	wr_autofree char *text = NULL;

	aw_start(w);
	aw_run(w);
	assert_int_equal(wr_sysctl_get("ipv4/ip_local_reserved_ports", &text), 0);
	assert_string_equal(text, "49152-65535");
}

static void a_node_without_its_object_says_which_it_misses(void **state)
{
	struct agent_world *w = *state;

	aw_start(w);
	aw_run(w);
	assert_string_equal(w->a.health.reasons[WR_NEED_NODE], "there is no Node object named n11");
	aw_put(w, "{apiVersion: v1, kind: Node, metadata: {name: n11}, status: {addresses: [{type: InternalIP, address: "
		  "10.30.0.11}]}}");
	aw_run(w);
	assert_string_equal(w->a.health.reasons[WR_NEED_NODE], "the Node object n11 has no podCIDRs");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, aw_setup, aw_teardown)
	const struct CMUnitTest tests[] = {
		T(this_node_is_in_the_maps),
		T(programs_are_on_the_uplink_and_the_overlay),
		T(another_node_is_reached_through_the_tunnel_until_proven_otherwise),
		T(direct_routing_goes_to_the_neighbour_itself),
		T(a_node_behind_a_router_is_left_to_the_routes_or_tunnelled),
		T(a_missing_family_goes_over_the_other),
		T(the_nodes_own_traffic_has_routes_and_neighbours),
		T(a_node_that_goes_takes_its_rows_and_routes_along),
		T(a_node_that_moves_takes_its_rows_along),
		T(a_restart_without_its_source_takes_nothing_away),
		T(a_complete_list_after_a_restart_removes_who_left_meanwhile),
		T(an_address_of_the_node_is_followed),
		T(the_mtu_follows_the_uplink),
		T(the_default_way_out_is_the_uplink),
		T(routes_to_elsewhere_leave_the_way_out_to_the_stack),
		T(without_masquerade_there_is_no_address_for_it),
		T(a_strict_reverse_path_filter_becomes_loose),
		T(ports_of_the_pool_are_reserved),
		T(a_node_without_its_object_says_which_it_misses),
	};

	return cmocka_run_group_tests(tests, dp_sandbox_enter, dp_sandbox_leave);
}
