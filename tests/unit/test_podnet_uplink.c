/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about the node's uplinks, addresses and sysctls. */
#include "tests/unit/check.h"

#include "lib/nl/sysctl.h"
#include "lib/podnet/node.h"
#include "tests/unit/netlab.h"

static void put_addr(struct wr_nl *nl, uint32_t ifindex, const char *prefix)
{
	struct wr_naddr a = { .ifindex = ifindex, .prefix = wr_netlab_prefix(prefix) };
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;

	wr_naddr_put(&b, &a);
	wr_netlab_commit(nl, &b);
}

static void put_default(struct wr_nl *nl, uint32_t ifindex, int family, const char *gateway)
{
	struct wr_route r = { .dst = wr_route_default(family),
			      .ifindex = ifindex,
			      .onlink = true,
			      .gateway = wr_netlab_addr(gateway) };
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;

	wr_route_put(&b, &r);
	wr_netlab_commit(nl, &b);
}

static void set_mtu(struct wr_nl *nl, uint32_t ifindex, uint32_t mtu)
{
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;

	wr_link_set_mtu(&b, ifindex, mtu);
	wr_netlab_commit(nl, &b);
}

static void uplinks(struct wr_nl *nl, const char *node, struct wr_uplinks *ret)
{
	struct wr_addr a = node ? wr_netlab_addr(node) : (struct wr_addr){ 0 };
	struct wr_err err = WR_ERR_INIT;

	if (wr_node_uplinks(nl, &a, !!node, ret, &err))
		fail_msg("%s", err.msg);
}

static void uplinks_carry_default_routes_or_the_nodes_address(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	uint32_t a = wr_netlab_pair(&nl, "a0", "b0"), c = wr_netlab_pair(&nl, "c0", "d0");
	struct wr_addr gateway = wr_netlab_addr("2001:db8::fe");
	wr_auto_uplinks u = { 0 };

	wr_netlab_pair(&nl, "e0", "f0"); /* neither */
	put_addr(&nl, a, "192.0.2.1/24");
	put_default(&nl, c, AF_INET6, "2001:db8::fe");
	uplinks(&nl, "192.0.2.1", &u);
	assert_int_equal(u.v.n, 2);
	assert_int_equal(u.v.v[0].ifindex, a);
	assert_false(u.v.v[0].default4 || u.v.v[0].default6);
	assert_string_equal(u.v.v[0].name, "a0");
	assert_true(u.v.v[0].up);
	assert_false(u.v.v[0].l3);
	assert_int_equal(u.v.v[1].ifindex, c);
	assert_true(u.v.v[1].default6 && !u.v.v[1].default4);
	assert_true(wr_addr_eq(&u.v.v[1].gateway6, &gateway));
	uplinks(&nl, NULL, &u);
	assert_int_equal(u.v.n, 1);
}

static void the_loopback_is_no_uplink(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	wr_auto_uplinks u = { 0 };

	put_addr(&nl, 1, "192.0.2.1/32");
	uplinks(&nl, "192.0.2.1", &u);
	assert_int_equal(u.v.n, 0);
	assert_int_equal(wr_uplinks_mtu(&u), 0);
}

static void the_smallest_uplink_that_is_up_sets_the_mtu(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	uint32_t a = wr_netlab_pair(&nl, "a0", "b0"), c = wr_netlab_pair(&nl, "c0", "d0");
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	wr_auto_uplinks u = { 0 };

	put_default(&nl, a, AF_INET, "192.0.2.254");
	put_default(&nl, c, AF_INET6, "2001:db8::fe");
	set_mtu(&nl, a, 9000);
	set_mtu(&nl, c, 1400);
	uplinks(&nl, NULL, &u);
	assert_int_equal(wr_uplinks_mtu(&u), 1400);
	put_addr(&nl, c, "192.0.2.9/24");
	wr_link_set_up(&b, c, false);
	wr_netlab_commit(&nl, &b);
	uplinks(&nl, "192.0.2.9", &u);
	assert_int_equal(u.v.n, 2);
	assert_int_equal(wr_uplinks_mtu(&u), 9000);
}

static void a_bridge_with_the_address_is_the_uplink_and_not_its_port(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	uint32_t port = wr_netlab_pair(&nl, "a0", "b0");
	wr_auto_uplinks u = { 0 };
	struct wr_link bridge;

	wr_netlab_bridge(&nl, "br0", port);
	assert_int_equal(wr_link_get(&nl, "br0", 0, &bridge), 0);
	put_addr(&nl, bridge.ifindex, "192.0.2.1/24");
	uplinks(&nl, "192.0.2.1", &u);
	assert_int_equal(u.v.n, 1);
	assert_string_equal(u.v.v[0].name, "br0");
	assert_string_equal(u.v.v[0].kind, "bridge");
}

static void the_node_answers_on_every_global_address(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	uint32_t a = wr_netlab_pair(&nl, "a0", "b0");
	static const char *const want[] = { "203.0.113.7", "192.0.2.1", "2001:db8::1" };
	wr_auto_naddrs addrs = { 0 };
	char text[WR_ADDR_STRLEN];

	put_addr(&nl, a, "2001:db8::1/64");
	put_addr(&nl, a, "192.0.2.1/24");
	put_addr(&nl, a, "fe80::77/64");
	put_addr(&nl, 1, "203.0.113.7/32");
	assert_int_equal(wr_node_addrs(&nl, &addrs, NULL), 0);
	assert_int_equal(addrs.v.n, WR_ARRAY_SIZE(want));
	for (size_t i = 0; i < WR_ARRAY_SIZE(want); i++)
		assert_string_equal(wr_addr_format(&addrs.v.v[i].prefix.addr, text), want[i]);
}

/* ---- sysctls ---- */

static int value(const char *name)
{
	int n = -1;

	assert_int_equal(wr_sysctl_get_int(name, &n), 0);
	return n;
}

static void forwarding_keeps_uplinks_accepting_advertisements(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	uint32_t a = wr_netlab_pair(&nl, "a0", "b0"), c = wr_netlab_pair(&nl, "c0", "d0");
	wr_auto_uplinks u = { 0 };
	struct wr_err err = WR_ERR_INIT;

	put_default(&nl, a, AF_INET, "192.0.2.254");
	put_default(&nl, c, AF_INET6, "2001:db8::fe");
	assert_int_equal(wr_sysctl_set("ipv6/conf/c0/accept_ra", "0"), 0);
	uplinks(&nl, NULL, &u);
	for (int i = 0; i < 2; i++)
		if (wr_node_forwarding_ensure(true, true, &u, &err))
			fail_msg("%s", err.msg);
	assert_int_equal(value("ipv4/ip_forward"), 1);
	assert_int_equal(value("ipv6/conf/all/forwarding"), 1);
	assert_int_equal(value("ipv6/conf/a0/accept_ra"), 2);
	assert_int_equal(value("ipv6/conf/c0/accept_ra"), 0);
	assert_int_equal(value("ipv6/conf/b0/accept_ra"), 1); /* no uplink */
}

static void a_router_is_left_as_it_is(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	uint32_t a = wr_netlab_pair(&nl, "a0", "b0");
	wr_auto_uplinks u = { 0 };

	put_default(&nl, a, AF_INET, "192.0.2.254");
	assert_int_equal(wr_sysctl_set("ipv6/conf/all/forwarding", "1"), 0);
	uplinks(&nl, NULL, &u);
	assert_int_equal(wr_node_forwarding_ensure(true, true, &u, NULL), 0);
	assert_int_equal(value("ipv6/conf/a0/accept_ra"), 1);
}

static void a_family_that_is_not_asked_for_is_not_forwarded(void **state)
{
	struct wr_uplinks none = { 0 };
	int before4 = value("ipv4/ip_forward"), before6 = value("ipv6/conf/all/forwarding");

	assert_int_equal(wr_node_forwarding_ensure(false, false, &none, NULL), 0);
	assert_int_equal(value("ipv4/ip_forward"), before4);
	assert_int_equal(value("ipv6/conf/all/forwarding"), before6);
}

static void the_reverse_path_filter_weakens_under_a_strict_all(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);

	wr_netlab_pair(&nl, "a0", "b0");
	assert_int_equal(wr_sysctl_set("ipv4/conf/a0/rp_filter", "1"), 0);
	assert_int_equal(wr_sysctl_set("ipv4/conf/all/rp_filter", "1"), 0);
	assert_int_equal(wr_node_rp_filter_loosen("a0", NULL), 0);
	assert_int_equal(value("ipv4/conf/a0/rp_filter"), 2);
	assert_int_equal(wr_sysctl_set("ipv4/conf/all/rp_filter", "0"), 0);
	assert_int_equal(wr_node_rp_filter_loosen("a0", NULL), 0);
	assert_int_equal(value("ipv4/conf/a0/rp_filter"), 0);
	assert_int_equal(wr_node_rp_filter_loosen("nosuch0", NULL), -ENOENT);
}

static void assert_reserved(const char *want)
{
	wr_autofree char *text = NULL;

	assert_int_equal(wr_sysctl_get("ipv4/ip_local_reserved_ports", &text), 0);
	assert_string_equal(text, want);
}

static void reserved_ports_of_others_stay(void **state)
{
	assert_int_equal(wr_sysctl_set("ipv4/ip_local_reserved_ports", "80,8000-8010,40010"), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(wr_node_ports_reserve(40000, 40100, NULL), 0);
	assert_reserved("80,8000-8010,40000-40100");
	assert_int_equal(wr_node_ports_unreserve(40000, 40100, NULL), 0);
	assert_reserved("80,8000-8010");
}

static void an_empty_list_of_reserved_ports_fills_and_empties(void **state)
{
	assert_reserved("");
	assert_int_equal(wr_node_ports_reserve(61000, 65535, NULL), 0);
	assert_reserved("61000-65535");
	assert_int_equal(wr_node_ports_unreserve(61000, 65535, NULL), 0);
	assert_reserved("");
}

#define IN_LAB(test) cmocka_unit_test_setup_teardown(test, wr_netlab_setup, wr_netlab_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_LAB(uplinks_carry_default_routes_or_the_nodes_address),
		IN_LAB(the_loopback_is_no_uplink),
		IN_LAB(the_smallest_uplink_that_is_up_sets_the_mtu),
		IN_LAB(a_bridge_with_the_address_is_the_uplink_and_not_its_port),
		IN_LAB(the_node_answers_on_every_global_address),
		IN_LAB(forwarding_keeps_uplinks_accepting_advertisements),
		IN_LAB(a_router_is_left_as_it_is),
		IN_LAB(a_family_that_is_not_asked_for_is_not_forwarded),
		IN_LAB(the_reverse_path_filter_weakens_under_a_strict_all),
		IN_LAB(reserved_ports_of_others_stay),
		IN_LAB(an_empty_list_of_reserved_ports_fills_and_empties),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
