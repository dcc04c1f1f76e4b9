/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about the node's overlay device, routes and neighbour entries. */
#include "tests/unit/check.h"

#include "lib/podnet/node.h"
#include "tests/unit/netlab.h"

static const struct wr_node_vxlan overlay = {
	.name = "weir0",
	.mac = { 0x0a, 0x57, 192, 0, 2, 1 },
	.mtu = 1450,
	.port = 8473,
};

static uint32_t ensure(struct wr_nl *nl, const struct wr_node_vxlan *v)
{
	struct wr_err err = WR_ERR_INIT;
	uint32_t ifindex = 0;

	if (wr_node_vxlan_ensure(nl, v, &ifindex, &err))
		fail_msg("%s", err.msg);
	return ifindex;
}

static void the_overlay_device_is_made_and_up(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	uint32_t ifindex = ensure(&nl, &overlay);
	struct wr_link link;

	assert_int_equal(wr_link_get(&nl, NULL, ifindex, &link), 0);
	assert_string_equal(link.kind, "vxlan");
	assert_true(link.vxlan.external && !link.vxlan.learning && link.flags & IFF_UP);
	assert_int_equal(link.vxlan.port, 8473);
	assert_int_equal(link.mtu, 1450);
	assert_memory_equal(link.mac, overlay.mac, 6);
}

static void ensuring_it_again_keeps_it(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	uint32_t ifindex = ensure(&nl, &overlay);

	assert_int_equal(ensure(&nl, &overlay), ifindex);
}

static void its_mtu_and_mac_are_corrected_in_place(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	uint32_t ifindex = ensure(&nl, &overlay);
	struct wr_node_vxlan other = overlay;
	struct wr_link link;

	other.mtu = 1350;
	other.mac[5] = 9;
	assert_int_equal(ensure(&nl, &other), ifindex);
	assert_int_equal(wr_link_get(&nl, NULL, ifindex, &link), 0);
	assert_int_equal(link.mtu, 1350);
	assert_int_equal(link.mac[5], 9);
}

static void with_another_port_it_is_made_again(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	struct wr_node_vxlan other = overlay;
	uint32_t ifindex = ensure(&nl, &overlay);
	struct wr_link link;

	other.port = 4790;
	assert_int_not_equal(ensure(&nl, &other), ifindex);
	assert_int_equal(wr_link_get(&nl, "weir0", 0, &link), 0);
	assert_int_equal(link.vxlan.port, 4790);
}

static void an_interface_of_another_kind_is_left_alone(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	uint32_t veth = wr_netlab_pair(&nl, "weir0", "b0"), ifindex = 7;
	struct wr_err err = WR_ERR_INIT;
	struct wr_link link;

	assert_int_equal(wr_node_vxlan_ensure(&nl, &overlay, &ifindex, &err), -EEXIST);
	assert_err(&err, -EEXIST, "weir0 exists and is no VXLAN device");
	assert_int_equal(ifindex, 7);
	assert_int_equal(wr_node_vxlan_remove(&nl, "weir0", NULL), 0);
	assert_int_equal(wr_link_get(&nl, NULL, veth, &link), 0);
}

static void removing_takes_the_device_once(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	struct wr_link link;

	ensure(&nl, &overlay);
	assert_int_equal(wr_node_vxlan_remove(&nl, "weir0", NULL), 0);
	assert_int_equal(wr_link_get(&nl, "weir0", 0, &link), -ENODEV);
	assert_int_equal(wr_node_vxlan_remove(&nl, "weir0", NULL), 0);
}

static void every_node_has_a_mac_of_its_own(void **state)
{
	static const char *const nodes[] = { "192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2" };
	uint8_t macs[WR_ARRAY_SIZE(nodes)][6], again[6];
	struct wr_addr a;

	for (size_t i = 0; i < WR_ARRAY_SIZE(nodes); i++) {
		a = wr_netlab_addr(nodes[i]);
		wr_node_mac(&a, macs[i]);
		wr_node_mac(&a, again);
		assert_memory_equal(macs[i], again, 6);
		assert_int_equal(macs[i][0] & 3, 2); /* local, unicast */
		for (size_t k = 0; k < i; k++)
			assert_memory_not_equal(macs[i], macs[k], 6);
	}
}

/* ---- routes ---- */

static struct wr_route route(const char *dst, uint32_t ifindex)
{
	return (struct wr_route){ .dst = wr_netlab_prefix(dst), .ifindex = ifindex };
}

static void sync_routes(struct wr_nl *nl, const struct wr_route *want, size_t n)
{
	struct wr_err err = WR_ERR_INIT;

	if (wr_node_routes_sync(nl, want, n, &err))
		fail_msg("%s", err.msg);
}

static bool has(struct wr_nl *nl, const char *dst, uint32_t ifindex, uint8_t protocol)
{
	struct wr_route_filter filter = { .ifindex = ifindex, .protocol = protocol };
	struct wr_prefix p = wr_netlab_prefix(dst);
	wr_auto_routes routes = { 0 };

	assert_int_equal(wr_route_dump(nl, &filter, &routes), 0);
	for (size_t i = 0; i < routes.v.n; i++)
		if (wr_prefix_eq(&routes.v.v[i].dst, &p))
			return true;
	return false;
}

static void missing_routes_come_and_stale_ones_go(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	uint32_t a = wr_netlab_pair(&nl, "a0", "b0");
	struct wr_route first[] = { route("10.244.1.0/24", a), route("fd00:1::/64", a),
				    route("10.244.3.0/24", a) };
	struct wr_route then[] = { route("fd00:2::/64", a), route("10.244.1.0/24", a) };

	sync_routes(&nl, first, WR_ARRAY_SIZE(first));
	assert_true(has(&nl, "10.244.1.0/24", a, WR_RTPROT));
	assert_true(has(&nl, "10.244.3.0/24", a, WR_RTPROT));
	assert_true(has(&nl, "fd00:1::/64", a, WR_RTPROT));
	sync_routes(&nl, then, WR_ARRAY_SIZE(then));
	assert_true(has(&nl, "10.244.1.0/24", a, WR_RTPROT));
	assert_false(has(&nl, "10.244.3.0/24", a, WR_RTPROT));
	assert_false(has(&nl, "fd00:1::/64", a, WR_RTPROT));
	assert_true(has(&nl, "fd00:2::/64", a, WR_RTPROT));
}

static void a_route_that_changed_is_replaced(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	uint32_t a = wr_netlab_pair(&nl, "a0", "b0"), c = wr_netlab_pair(&nl, "c0", "d0");
	struct wr_route by_a[] = { route("10.244.1.0/24", a), route("fd00:1::/64", a) };
	struct wr_route by_c[] = { route("10.244.1.0/24", c), route("fd00:1::/64", c) };

	sync_routes(&nl, by_a, 2);
	by_c[0].mtu = 1300;
	sync_routes(&nl, by_c, 2);
	assert_false(has(&nl, "10.244.1.0/24", a, 0));
	assert_false(has(&nl, "fd00:1::/64", a, 0));
	assert_true(has(&nl, "10.244.1.0/24", c, WR_RTPROT));
	assert_true(has(&nl, "fd00:1::/64", c, WR_RTPROT));
}

static void a_tunnel_that_moved_is_replaced(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	struct wr_route want = route("10.244.2.0/24", ensure(&nl, &overlay));
	struct wr_route_filter ours = { .protocol = WR_RTPROT };
	wr_auto_routes have = { 0 };

	want.vni = 3;
	want.tunnel = wr_netlab_addr("192.0.2.7");
	sync_routes(&nl, &want, 1);
	want.tunnel = wr_netlab_addr("192.0.2.8");
	sync_routes(&nl, &want, 1);
	assert_int_equal(wr_route_dump(&nl, &ours, &have), 0);
	assert_int_equal(have.v.n, 1);
	assert_true(wr_addr_eq(&have.v.v[0].tunnel, &want.tunnel));
}

static void what_is_right_is_not_written_again(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	struct wr_node_vxlan v = overlay;
	uint32_t a = wr_netlab_pair(&nl, "a0", "b0"), vx = ensure(&nl, &v), seq;
	struct wr_route want[] = { route("10.244.1.7/24", a), route("fd00:1::/64", a),
				   route("10.244.2.0/24", vx), route("10.244.3.0/24", a) };

	want[1].gateway = wr_netlab_addr("fe80::9");
	want[2].gateway = wr_netlab_addr("192.0.2.7");
	want[2].onlink = true;
	want[2].tunnel = want[2].gateway;
	want[2].vni = 3;
	want[3].mtu = 1400;
	sync_routes(&nl, want, WR_ARRAY_SIZE(want));
	seq = nl.seq;
	sync_routes(&nl, want, WR_ARRAY_SIZE(want));
	assert_int_equal(nl.seq - seq, 2); /* the two dumps alone */
}

static void routes_of_others_stay(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	uint32_t a = wr_netlab_pair(&nl, "a0", "b0");
	struct wr_route theirs = route("198.51.100.0/24", a);
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;

	wr_route_put(&b, &theirs);
	wr_netlab_commit(&nl, &b);
	sync_routes(&nl, NULL, 0);
	assert_true(has(&nl, "198.51.100.0/24", a, RTPROT_STATIC));
}

static void one_in_the_way_is_named_and_the_rest_put_in_place(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	uint32_t a = wr_netlab_pair(&nl, "a0", "b0"), c = wr_netlab_pair(&nl, "c0", "d0");
	struct wr_route theirs[] = { route("10.244.1.0/24", a), route("fd00:1::/64", a) };
	struct wr_route want[] = { route("10.244.1.0/24", c), route("fd00:1::/64", c),
				   route("10.244.9.0/24", c) };
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	struct wr_err err = WR_ERR_INIT;

	wr_route_put(&b, &theirs[0]);
	wr_route_put(&b, &theirs[1]);
	wr_netlab_commit(&nl, &b);
	assert_int_equal(wr_node_routes_sync(&nl, want, WR_ARRAY_SIZE(want), &err), -EEXIST);
	assert_true(strstr(err.msg, "10.244.1.0/24") || strstr(err.msg, "fd00:1::/64"));
	assert_true(has(&nl, "10.244.1.0/24", a, RTPROT_STATIC));
	assert_true(has(&nl, "fd00:1::/64", a, RTPROT_STATIC));
	assert_true(has(&nl, "10.244.9.0/24", c, WR_RTPROT));
}

static void one_that_leads_the_same_way_is_as_good_as_ours(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	uint32_t a = wr_netlab_pair(&nl, "a0", "b0");
	struct wr_route theirs[] = { route("10.244.1.0/24", a), route("fd00:1::/64", a) };
	struct wr_route want[] = { route("10.244.1.0/24", a), route("fd00:1::/64", a),
				   route("10.244.9.0/24", a) };
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;

	wr_route_put(&b, &theirs[0]);
	wr_route_put(&b, &theirs[1]);
	wr_netlab_commit(&nl, &b);
	sync_routes(&nl, want, WR_ARRAY_SIZE(want));
	assert_true(has(&nl, "10.244.1.0/24", a, RTPROT_STATIC));
	assert_false(has(&nl, "10.244.1.0/24", a, WR_RTPROT));
	assert_true(has(&nl, "10.244.9.0/24", a, WR_RTPROT));
	/* Ours comes when theirs has gone. */
	theirs[0].protocol = theirs[1].protocol = RTPROT_STATIC;
	wr_route_del(&b, &theirs[0]);
	wr_route_del(&b, &theirs[1]);
	wr_netlab_commit(&nl, &b);
	sync_routes(&nl, want, WR_ARRAY_SIZE(want));
	assert_true(has(&nl, "10.244.1.0/24", a, WR_RTPROT));
	assert_true(has(&nl, "fd00:1::/64", a, WR_RTPROT));
}

static void a_thousand_nodes_are_put_in_place(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	uint32_t a = wr_netlab_pair(&nl, "a0", "b0");
	struct wr_route want[2000];
	char text[WR_PREFIX_STRLEN];
	struct wr_route_filter ours = { .protocol = WR_RTPROT };
	wr_auto_routes have = { 0 };

	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "10.%d.%d.0/24", 100 + i / 256, i % 256);
		want[i] = route(text, a);
		snprintf(text, sizeof(text), "fd00:%x::/64", i);
		want[1000 + i] = route(text, a);
	}
	sync_routes(&nl, want, 2000);
	assert_int_equal(wr_route_dump(&nl, &ours, &have), 0);
	assert_int_equal(have.v.n, 2000);
	sync_routes(&nl, want, 10);
	assert_int_equal(wr_route_dump(&nl, &ours, &have), 0);
	assert_int_equal(have.v.n, 10);
}

/* ---- neighbours ---- */

static struct wr_neigh neigh(const char *addr, uint8_t last)
{
	return (struct wr_neigh){ .addr = wr_netlab_addr(addr), .mac = { 2, 0, 0, 0, 0, last } };
}

static void neighbours_follow_what_is_wanted(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	uint32_t ifindex = ensure(&nl, &overlay);
	struct wr_neigh first[] = { neigh("192.0.2.3", 3), neigh("192.0.2.2", 2),
				    neigh("2001:db8::2", 2) };
	struct wr_neigh then[] = { neigh("192.0.2.2", 9), neigh("2001:db8::2", 2),
				   neigh("192.0.2.5", 5) };
	wr_auto_neighs have = { 0 };
	uint32_t seq;

	assert_int_equal(wr_node_neighs_sync(&nl, ifindex, first, 3, NULL), 0);
	assert_int_equal(wr_node_neighs_sync(&nl, ifindex, then, 3, NULL), 0);
	assert_int_equal(wr_neigh_dump(&nl, ifindex, &have), 0);
	assert_int_equal(have.v.n, 3);
	for (size_t i = 0; i < 3; i++)
		for (size_t k = 0; k < 3; k++)
			if (wr_addr_eq(&have.v.v[i].addr, &then[k].addr))
				assert_memory_equal(have.v.v[i].mac, then[k].mac, 6);
	seq = nl.seq;
	assert_int_equal(wr_node_neighs_sync(&nl, ifindex, then, 3, NULL), 0);
	assert_int_equal(nl.seq - seq, 2); /* the two dumps alone */
}

/* ---- ways ---- */

static void a_peer_is_on_link_or_behind_a_gateway(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	uint32_t a = wr_netlab_pair(&nl, "a0", "b0");
	struct wr_naddr addr = { .ifindex = a, .prefix = wr_netlab_prefix("192.0.2.1/24") };
	struct wr_route by_default = { .dst = wr_route_default(AF_INET),
				       .ifindex = a,
				       .gateway = wr_netlab_addr("192.0.2.254") };
	struct wr_addr near = wr_netlab_addr("192.0.2.9"), far = wr_netlab_addr("198.51.100.9");
	struct wr_addr self = wr_netlab_addr("192.0.2.1"), none = wr_netlab_addr("2001:db8::1");
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	struct wr_node_way way;

	wr_naddr_put(&b, &addr);
	wr_route_put(&b, &by_default);
	wr_netlab_commit(&nl, &b);
	assert_int_equal(wr_node_way(&nl, &near, &way), 0);
	assert_true(way.onlink && way.route.ifindex == a);
	assert_int_equal(wr_node_way(&nl, &far, &way), 0);
	assert_false(way.onlink);
	assert_true(wr_addr_eq(&way.route.gateway, &by_default.gateway));
	assert_int_equal(wr_node_way(&nl, &self, &way), 0);
	assert_false(way.onlink); /* not a neighbour but the node itself */
	assert_true(wr_node_way(&nl, &none, &way) < 0);
}

#define IN_LAB(test) cmocka_unit_test_setup_teardown(test, wr_netlab_setup, wr_netlab_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_LAB(the_overlay_device_is_made_and_up),
		IN_LAB(ensuring_it_again_keeps_it),
		IN_LAB(its_mtu_and_mac_are_corrected_in_place),
		IN_LAB(with_another_port_it_is_made_again),
		IN_LAB(an_interface_of_another_kind_is_left_alone),
		IN_LAB(removing_takes_the_device_once),
		IN_LAB(every_node_has_a_mac_of_its_own),
		IN_LAB(missing_routes_come_and_stale_ones_go),
		IN_LAB(a_route_that_changed_is_replaced),
		IN_LAB(a_tunnel_that_moved_is_replaced),
		IN_LAB(what_is_right_is_not_written_again),
		IN_LAB(routes_of_others_stay),
		IN_LAB(one_in_the_way_is_named_and_the_rest_put_in_place),
		IN_LAB(one_that_leads_the_same_way_is_as_good_as_ours),
		IN_LAB(a_thousand_nodes_are_put_in_place),
		IN_LAB(neighbours_follow_what_is_wanted),
		IN_LAB(a_peer_is_on_link_or_behind_a_gateway),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
