/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about routes. */
#include "tests/unit/check.h"

#include <stdlib.h>

#include "tests/unit/netlab.h"

static const struct wr_route *find(const struct wr_routes *routes, const char *dst)
{
	struct wr_prefix p = wr_netlab_prefix(dst);

	for (size_t i = 0; i < routes->v.n; i++)
		if (wr_prefix_eq(&routes->v.v[i].dst, &p))
			return &routes->v.v[i];
	return NULL;
}

static void dump(struct wr_nl *nl, struct wr_route_filter filter, struct wr_routes *ret)
{
	assert_int_equal(wr_route_dump(nl, &filter, ret), 0);
}

/* An interface with an address of each family. */
static uint32_t addressed(struct wr_nl *nl, const char *name)
{
	uint32_t ifindex = wr_netlab_pair(nl, name, name[0] == 'a' ? "y0" : "z0");
	struct wr_naddr four = { .ifindex = ifindex, .prefix = wr_netlab_prefix("192.0.2.1/24") };
	struct wr_naddr six = { .ifindex = ifindex, .prefix = wr_netlab_prefix("2001:db8::1/64") };
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;

	wr_naddr_put(&b, &four);
	wr_naddr_put(&b, &six);
	wr_netlab_commit(nl, &b);
	return ifindex;
}

static void a_route_comes_back_as_it_was_put(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	uint32_t ifindex = addressed(&nl, "a0");
	static const char *const dsts[] = { "10.1.0.0/16", "fd00:1::/48" };
	static const char *const gateways[] = { "192.0.2.9", "2001:db8::9" };
	static const char *const sources[] = { "192.0.2.1", "2001:db8::1" };
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	wr_auto_routes routes = { 0 };
	struct wr_route want;
	const struct wr_route *r;

	for (size_t i = 0; i < WR_ARRAY_SIZE(dsts); i++) {
		want = (struct wr_route){ .dst = wr_netlab_prefix(dsts[i]),
					  .gateway = wr_netlab_addr(gateways[i]),
					  .src = wr_netlab_addr(sources[i]),
					  .ifindex = ifindex,
					  .table = 300,
					  .metric = 77,
					  .mtu = 1400,
					  .protocol = WR_RTPROT };
		wr_route_put(&b, &want);
		wr_netlab_commit(&nl, &b);
		dump(&nl, (struct wr_route_filter){ .table = 300 }, &routes);
		r = find(&routes, dsts[i]);
		assert_non_null(r);
		assert_true(wr_addr_eq(&r->gateway, &want.gateway));
		assert_true(wr_addr_eq(&r->src, &want.src));
		assert_int_equal(r->ifindex, ifindex);
		assert_int_equal(r->table, 300);
		assert_int_equal(r->metric, 77);
		assert_int_equal(r->mtu, 1400);
		assert_int_equal(r->protocol, WR_RTPROT);
		assert_int_equal(r->type, RTN_UNICAST);
	}
}

static void putting_replaces_and_adding_does_not(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	uint32_t a = addressed(&nl, "a0"), c = wr_netlab_pair(&nl, "c0", "d0");
	struct wr_route first = { .dst = wr_netlab_prefix("10.1.0.0/16"), .ifindex = a };
	struct wr_route other = { .dst = first.dst, .ifindex = c };
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	wr_auto_routes routes = { 0 };

	wr_route_put(&b, &first);
	wr_netlab_commit(&nl, &b);
	wr_route_add(&b, &other, 0);
	assert_int_equal(wr_nl_commit(&nl, &b, NULL), -EEXIST);
	wr_route_add(&b, &other, WR_NL_MAY_EXIST);
	wr_netlab_commit(&nl, &b);
	dump(&nl, (struct wr_route_filter){ .family = AF_INET }, &routes);
	assert_int_equal(find(&routes, "10.1.0.0/16")->ifindex, a);
	wr_route_put(&b, &other);
	wr_netlab_commit(&nl, &b);
	dump(&nl, (struct wr_route_filter){ .family = AF_INET }, &routes);
	assert_int_equal(find(&routes, "10.1.0.0/16")->ifindex, c);
}

static void an_onlink_gateway_needs_no_route_to_it(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	uint32_t ifindex = addressed(&nl, "a0");
	struct wr_route r = { .dst = wr_netlab_prefix("10.1.0.0/16"),
			      .ifindex = ifindex,
			      .gateway = wr_netlab_addr("198.51.100.1") };
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	wr_auto_routes routes = { 0 };

	wr_route_put(&b, &r);
	assert_int_equal(wr_nl_commit(&nl, &b, NULL), -ENETUNREACH);
	r.onlink = true;
	wr_route_put(&b, &r);
	wr_netlab_commit(&nl, &b);
	dump(&nl, (struct wr_route_filter){ .family = AF_INET }, &routes);
	assert_true(find(&routes, "10.1.0.0/16")->onlink);
}

static void default_routes_are_told_from_others(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	uint32_t ifindex = addressed(&nl, "a0");
	static const int families[] = { AF_INET, AF_INET6 };
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	wr_auto_routes routes = { 0 };
	size_t defaults = 0;

	for (size_t i = 0; i < WR_ARRAY_SIZE(families); i++) {
		struct wr_route r = { .dst = wr_route_default(families[i]), .ifindex = ifindex };

		assert_int_equal(wr_addr_family(&r.dst.addr), families[i]);
		wr_route_put(&b, &r);
	}
	wr_netlab_commit(&nl, &b);
	dump(&nl, (struct wr_route_filter){ .table = RT_TABLE_MAIN }, &routes);
	for (size_t i = 0; i < routes.v.n; i++)
		defaults += wr_route_is_default(&routes.v.v[i]);
	assert_int_equal(defaults, 2);
}

static void a_dump_keeps_to_its_filter(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	uint32_t a = addressed(&nl, "a0"), c = wr_netlab_pair(&nl, "c0", "d0");
	struct wr_route ours = { .dst = wr_netlab_prefix("10.1.0.0/16"),
				 .ifindex = a,
				 .protocol = WR_RTPROT };
	struct wr_route there = { .dst = wr_netlab_prefix("10.2.0.0/16"), .ifindex = c };
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	wr_auto_routes routes = { 0 };

	wr_route_put(&b, &ours);
	wr_route_put(&b, &there);
	wr_netlab_commit(&nl, &b);
	dump(&nl, (struct wr_route_filter){ .protocol = WR_RTPROT }, &routes);
	assert_int_equal(routes.v.n, 1);
	assert_non_null(find(&routes, "10.1.0.0/16"));
	dump(&nl, (struct wr_route_filter){ .ifindex = c, .family = AF_INET }, &routes);
	assert_int_equal(routes.v.n, 1);
	assert_non_null(find(&routes, "10.2.0.0/16"));
	dump(&nl, (struct wr_route_filter){ .table = 4711 }, &routes);
	assert_int_equal(routes.v.n, 0);
}

static void a_route_encapsulates(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	struct wr_vxlan v = { .name = "vx0", .port = 8473 };
	static const char *const outer[] = { "192.0.2.7", "2001:db8::7" };
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	wr_auto_routes routes = { 0 };
	const struct wr_route *r;
	struct wr_link link;

	wr_link_add_vxlan(&b, &v);
	wr_netlab_commit(&nl, &b);
	assert_int_equal(wr_link_get(&nl, "vx0", 0, &link), 0);
	wr_link_set_up(&b, link.ifindex, true);
	for (size_t i = 0; i < WR_ARRAY_SIZE(outer); i++) {
		struct wr_route want = { .dst = wr_netlab_prefix("10.244.2.0/24"),
					 .ifindex = link.ifindex,
					 .vni = 7,
					 .tunnel = wr_netlab_addr(outer[i]) };

		wr_route_put(&b, &want);
		wr_netlab_commit(&nl, &b);
		dump(&nl, (struct wr_route_filter){ .ifindex = link.ifindex }, &routes);
		r = find(&routes, "10.244.2.0/24");
		assert_non_null(r);
		assert_int_equal(r->vni, 7);
		assert_true(wr_addr_eq(&r->tunnel, &want.tunnel));
	}
}

static void every_next_hop_of_a_multipath_route_is_a_row(void **state)
{
	/* What the kernel sends for: 10.9.0.0/16 nexthop via 192.0.2.8 dev 3 nexthop via 192.0.2.9 dev 4 */
	struct {
		struct nlmsghdr nlh;
		struct rtmsg rtm;
		uint16_t dst_len, dst_type;
		uint8_t dst[4];
		uint16_t mp_len, mp_type;
		struct {
			struct rtnexthop nh;
			uint16_t gw_len, gw_type;
			uint8_t gw[4];
		} hops[2];
	} msg = {
		.nlh = { .nlmsg_len = sizeof(msg), .nlmsg_type = RTM_NEWROUTE },
		.rtm = { .rtm_family = AF_INET, .rtm_dst_len = 16, .rtm_table = RT_TABLE_MAIN },
		.dst_len = 8,
		.dst_type = RTA_DST,
		.dst = { 10, 9, 0, 0 },
		.mp_len = 4 + sizeof(msg.hops),
		.mp_type = RTA_MULTIPATH,
		.hops = {
			{ { .rtnh_len = 16, .rtnh_ifindex = 3 }, 8, RTA_GATEWAY, { 192, 0, 2, 8 } },
			{ { .rtnh_len = 16, .rtnh_ifindex = 4 }, 8, RTA_GATEWAY, { 192, 0, 2, 9 } },
		},
	};
	struct wr_addr second = wr_netlab_addr("192.0.2.9");
	wr_auto_routes routes = { 0 };

	assert_int_equal(wr_route_decode(&msg.nlh, &routes), 0);
	assert_int_equal(routes.v.n, 2);
	assert_int_equal(routes.v.v[0].ifindex, 3);
	assert_int_equal(routes.v.v[1].ifindex, 4);
	assert_true(routes.v.v[1].multipath);
	assert_true(wr_addr_eq(&routes.v.v[1].gateway, &second));
	assert_int_equal(routes.v.v[1].dst.len, 112);
}

static void a_lookup_says_the_way_or_why_there_is_none(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	uint32_t ifindex = addressed(&nl, "a0");
	struct wr_addr near = wr_netlab_addr("192.0.2.77"), far = wr_netlab_addr("198.51.100.1");
	struct wr_route r = { .ifindex = 4711 };

	assert_int_equal(wr_route_lookup(&nl, &near, &r), 0);
	assert_int_equal(r.ifindex, ifindex);
	assert_true(wr_addr_is_zero(&r.gateway));
	r.ifindex = 4711;
	assert_int_equal(wr_route_lookup(&nl, &far, &r), -ENETUNREACH);
	assert_int_equal(r.ifindex, 4711);
}

static void a_deleted_route_is_gone_and_may_be_deleted_again(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	uint32_t ifindex = addressed(&nl, "a0");
	struct wr_route r = { .dst = wr_netlab_prefix("fd00:1::/48"), .ifindex = ifindex };
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	wr_auto_routes routes = { 0 };

	wr_route_put(&b, &r);
	wr_route_del(&b, &r);
	wr_route_del(&b, &r);
	wr_netlab_commit(&nl, &b);
	dump(&nl, (struct wr_route_filter){ .family = AF_INET6 }, &routes);
	assert_null(find(&routes, "fd00:1::/48"));
}

#define IN_LAB(test) cmocka_unit_test_setup_teardown(test, wr_netlab_setup, wr_netlab_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_LAB(a_route_comes_back_as_it_was_put),
		IN_LAB(putting_replaces_and_adding_does_not),
		IN_LAB(an_onlink_gateway_needs_no_route_to_it),
		IN_LAB(default_routes_are_told_from_others),
		IN_LAB(a_dump_keeps_to_its_filter),
		IN_LAB(a_route_encapsulates),
		IN_LAB(every_next_hop_of_a_multipath_route_is_a_row),
		IN_LAB(a_lookup_says_the_way_or_why_there_is_none),
		IN_LAB(a_deleted_route_is_gone_and_may_be_deleted_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
