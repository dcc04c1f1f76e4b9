/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about the typed tables, on real maps. */
#include "tests/unit/check.h"

#include <netinet/in.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/vec.h"
#include "lib/dp/tables.h"
#include "tests/unit/dp_fixture.h"

static struct wr_addr addr(const char *s)
{
	struct wr_addr a;

	assert_int_equal(wr_addr_parse(s, &a), 0);
	return a;
}

static struct wr_prefix prefix(const char *s)
{
	struct wr_prefix p;

	assert_int_equal(wr_prefix_parse(s, &p), 0);
	return p;
}

static struct wr_endpoint endpoint(const char *a4, const char *a6)
{
	struct wr_endpoint ep = {
		.rules = WR_RULES_CLOSED,
		.identity = 20,
		.ifindex = 7,
		.mac = { 2, 0, 0, 0, 0, 1 },
		.mtu = 1450,
	};

	if (a4)
		ep.addr4 = addr(a4);
	if (a6)
		ep.addr6 = addr(a6);
	return ep;
}

static uint32_t gen_of(struct wr_dp *dp, uint32_t number)
{
	struct wr_endpoint ep;

	assert_int_equal(wr_endpoint_get(dp, number, &ep), 0);
	return ep.gen;
}

static uint32_t identity_gen(struct wr_dp *dp, uint32_t identity)
{
	uint32_t gen;

	assert_int_equal(wr_sys_map_lookup(wr_dp_map_fd(dp, WR_MAP_wr_identity_gens), &identity, &gen),
			 0);
	return gen;
}

static void an_endpoint_is_found_by_both_of_its_addresses(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_endpoint ep = endpoint("10.0.0.1", "fd00::1"), got;
	struct wr_addr a = addr("10.0.0.1"), b = addr("fd00::1"), c = addr("10.0.0.2");
	uint32_t n = 99;

	assert_int_equal(wr_endpoint_put(dp, 3, &ep), 0);
	assert_int_equal(wr_endpoint_lookup(dp, &a, &n), 0);
	assert_int_equal(n, 3);
	assert_int_equal(wr_endpoint_lookup(dp, &b, &n), 0);
	assert_int_equal(n, 3);
	assert_int_equal(wr_endpoint_lookup(dp, &c, &n), -ENOENT);
	assert_int_equal(wr_endpoint_get(dp, 3, &got), 0);
	ep.flags = WR_EP_USED;
	ep.gen = got.gen;
	assert_memory_equal(&got, &ep, sizeof(ep));
	assert_int_equal(wr_endpoint_get(dp, 2, &got), -ENOENT);
	wr_dp_close(dp);
}

static void an_equal_endpoint_keeps_its_generation_and_a_changed_one_does_not(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_endpoint ep = endpoint("10.0.0.1", NULL);
	uint32_t gen;

	assert_int_equal(wr_endpoint_put(dp, 3, &ep), 0);
	gen = gen_of(dp, 3);
	assert_int_equal(wr_endpoint_put(dp, 3, &ep), 0);
	assert_int_equal(gen_of(dp, 3), gen);
	ep.identity = 21;
	assert_int_equal(wr_endpoint_put(dp, 3, &ep), 0);
	assert_true(gen_of(dp, 3) > gen);
	wr_dp_close(dp);
}

static void a_changed_address_leaves_no_row_behind(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_endpoint ep = endpoint("10.0.0.1", "fd00::1");
	struct wr_addr old = addr("10.0.0.1");
	uint32_t n;

	assert_int_equal(wr_endpoint_put(dp, 3, &ep), 0);
	ep.addr4 = addr("10.0.0.9");
	assert_int_equal(wr_endpoint_put(dp, 3, &ep), 0);
	assert_int_equal(wr_endpoint_lookup(dp, &old, &n), -ENOENT);
	assert_int_equal(wr_endpoint_lookup(dp, &ep.addr4, &n), 0);
	assert_int_equal(wr_endpoint_lookup(dp, &ep.addr6, &n), 0);
	wr_dp_close(dp);
}

static void the_generation_never_starts_again_for_a_reused_number(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_endpoint ep = endpoint("10.0.0.1", NULL);
	uint32_t gen, n;

	assert_int_equal(wr_endpoint_put(dp, 3, &ep), 0);
	gen = gen_of(dp, 3);
	assert_int_equal(wr_endpoint_del(dp, 3), 0);
	assert_int_equal(wr_endpoint_lookup(dp, &ep.addr4, &n), -ENOENT);
	assert_int_equal(wr_endpoint_del(dp, 3), 0);
	assert_int_equal(wr_endpoint_put(dp, 3, &ep), 0);
	assert_true(gen_of(dp, 3) > gen);
	wr_dp_close(dp);
}

static void deleting_an_endpoint_spares_an_address_that_another_took_over(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_endpoint ep = endpoint("10.0.0.1", NULL);
	uint32_t n;

	assert_int_equal(wr_endpoint_put(dp, 3, &ep), 0);
	assert_int_equal(wr_endpoint_put(dp, 4, &ep), 0);
	assert_int_equal(wr_endpoint_del(dp, 3), 0);
	assert_int_equal(wr_endpoint_lookup(dp, &ep.addr4, &n), 0);
	assert_int_equal(n, 4);
	wr_dp_close(dp);
}

static void rules_flip_and_raise_the_generation_once(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_endpoint ep = endpoint("10.0.0.1", NULL), got;
	uint32_t gen;

	assert_int_equal(wr_endpoint_set_rules(dp, 3, 1), -ENOENT);
	assert_int_equal(wr_endpoint_put(dp, 3, &ep), 0);
	gen = gen_of(dp, 3);
	assert_int_equal(wr_endpoint_set_rules(dp, 3, 42 | WR_RULES_EGRESS), 0);
	assert_int_equal(wr_endpoint_set_rules(dp, 3, 42 | WR_RULES_EGRESS), 0);
	assert_int_equal(wr_endpoint_get(dp, 3, &got), 0);
	assert_true(got.rules == (42 | WR_RULES_EGRESS));
	assert_int_equal(got.gen, gen + 1);
	wr_dp_close(dp);
}

static void a_full_address_table_leaves_no_half_endpoint(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_endpoint ep = endpoint(NULL, "fd00::1"), got;
	struct wr_addr a = addr("10.0.0.0");
	uint32_t n;

	/* 16 rows fit; the endpoint needs two. */
	for (a.b[15] = 1; a.b[15] <= 15; a.b[15]++)
		assert_int_equal(wr_host_addr_put(dp, &a), 0);
	ep.addr4 = addr("10.1.0.1");
	assert_int_equal(wr_endpoint_put(dp, 3, &ep), -E2BIG);
	assert_int_equal(wr_endpoint_get(dp, 3, &got), -ENOENT);
	assert_int_equal(wr_endpoint_lookup(dp, &ep.addr4, &n), -ENOENT);
	wr_dp_close(dp);
}

static void a_number_beyond_the_table_is_refused(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_endpoint ep = endpoint("10.0.0.1", NULL);
	struct wr_nexthop nh = { .kind = WR_NH_NEIGH };

	assert_int_equal(wr_endpoint_put(dp, 8, &ep), -E2BIG);
	assert_int_equal(wr_nexthop_put(dp, 16, &nh), -E2BIG);
	assert_int_equal(wr_identity_bump(dp, 64), -E2BIG);
	wr_dp_close(dp);
}

static void a_host_address_is_endpoint_zero(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_addr a = addr("192.0.2.1");
	uint32_t n = 99;

	assert_int_equal(wr_host_addr_put(dp, &a), 0);
	assert_int_equal(wr_endpoint_lookup(dp, &a, &n), 0);
	assert_int_equal(n, WR_EP_HOST);
	assert_int_equal(wr_host_addr_del(dp, &a), 0);
	assert_int_equal(wr_host_addr_del(dp, &a), 0);
	assert_int_equal(wr_endpoint_lookup(dp, &a, &n), -ENOENT);
	wr_dp_close(dp);
}

static int count_endpoint(void *ctx, uint32_t number, const struct wr_endpoint *ep)
{
	*(uint32_t *)ctx += number;
	return 0;
}

static void a_dump_has_the_endpoints_in_use_and_no_other(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_endpoint a = endpoint("10.0.0.1", NULL), b = endpoint("10.0.0.2", NULL);
	uint32_t sum = 0;

	assert_int_equal(wr_endpoint_put(dp, 2, &a), 0);
	assert_int_equal(wr_endpoint_put(dp, 5, &b), 0);
	assert_int_equal(wr_endpoint_del(dp, 2), 0);
	assert_int_equal(wr_endpoint_dump(dp, count_endpoint, &sum), 0);
	assert_int_equal(sum, 5);
	wr_dp_close(dp);
}

static void a_peer_is_looked_up_as_the_programs_do(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_prefix p8 = prefix("10.0.0.0/8"), p24 = prefix("10.0.1.0/24"),
			 p32 = prefix("10.0.1.5/32");
	struct wr_addr in8 = addr("10.9.9.9"), in24 = addr("10.0.1.4"), exact = addr("10.0.1.5"),
		       out = addr("11.0.0.1");
	uint64_t word;

	assert_int_equal(wr_peer_put(dp, &p8, WR_PEER(20, 1, 0)), 0);
	assert_int_equal(wr_peer_put(dp, &p24, WR_PEER(21, 1, 0)), 0);
	assert_int_equal(wr_peer_put(dp, &p32, WR_PEER(22, 2, WR_PEER_CLUSTER)), 0);
	assert_int_equal(wr_peer_lookup(dp, &in8, &word), 0);
	assert_int_equal(WR_PEER_IDENTITY(word), 20);
	assert_int_equal(wr_peer_lookup(dp, &in24, &word), 0);
	assert_int_equal(WR_PEER_IDENTITY(word), 21);
	assert_int_equal(wr_peer_lookup(dp, &exact, &word), 0);
	assert_true(word == WR_PEER(22, 2, WR_PEER_CLUSTER));
	assert_int_equal(wr_peer_lookup(dp, &out, &word), -ENOENT);
	wr_dp_close(dp);
}

static void an_address_that_changes_identity_raises_the_old_ones_generation(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_prefix p = prefix("10.0.1.5/32");

	assert_int_equal(wr_peer_put(dp, &p, WR_PEER(20, 1, 0)), 0);
	assert_int_equal(identity_gen(dp, 20), 0);
	assert_int_equal(wr_peer_put(dp, &p, WR_PEER(20, 2, 0)), 0);
	assert_int_equal(identity_gen(dp, 20), 0);
	assert_int_equal(wr_peer_put(dp, &p, WR_PEER(21, 2, 0)), 0);
	assert_int_equal(identity_gen(dp, 20), 1);
	assert_int_equal(identity_gen(dp, 21), 0);
	assert_int_equal(wr_peer_del(dp, &p), 0);
	assert_int_equal(identity_gen(dp, 21), 1);
	wr_dp_close(dp);
}

static void a_former_identity_is_raised_when_it_is_over(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_prefix p = prefix("10.0.1.5/32");
	struct wr_addr a = addr("10.0.1.5");
	uint64_t word;

	assert_int_equal(wr_peer_put(dp, &p, WR_PEER(20, 1, 0)), 0);
	assert_int_equal(wr_peer_put(dp, &p, WR_PEER(WR_WHO(21, 20), 1, 0)), 0);
	assert_int_equal(wr_peer_lookup(dp, &a, &word), 0);
	assert_int_equal(WR_PEER_IDENTITY(word), 21);
	assert_int_equal(WR_PEER_FORMER(word), 20);
	assert_int_equal(WR_PEER_NEXTHOP(word), 1);
	assert_int_equal(identity_gen(dp, 20), 1);
	/* It is so again: what was judged by it still is. */
	assert_int_equal(wr_peer_put(dp, &p, WR_PEER(20, 1, 0)), 0);
	assert_int_equal(identity_gen(dp, 20), 1);
	assert_int_equal(identity_gen(dp, 21), 1);
	assert_int_equal(wr_peer_put(dp, &p, WR_PEER(WR_WHO(21, 20), 1, 0)), 0);
	assert_int_equal(wr_peer_put(dp, &p, WR_PEER(21, 1, 0)), 0);
	assert_int_equal(identity_gen(dp, 20), 3);
	assert_int_equal(wr_peer_put(dp, &p, WR_PEER(WR_WHO(21, 20), 1, 0)), 0);
	assert_int_equal(wr_peer_del(dp, &p), 0);
	assert_int_equal(identity_gen(dp, 20), 4);
	wr_dp_close(dp);
}

static void a_new_row_raises_what_the_address_was_called_before(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_prefix range = prefix("10.0.0.0/8"), narrow = prefix("10.1.0.0/16"),
			 pod = prefix("10.1.0.5/32");

	assert_int_equal(wr_peer_put(dp, &range, WR_PEER(WR_IDENTITY_UNKNOWN, 0, 0)), 0);
	assert_int_equal(identity_gen(dp, WR_IDENTITY_WORLD), 1);
	assert_int_equal(wr_peer_put(dp, &pod, WR_PEER(20, 0, 0)), 0);
	assert_int_equal(identity_gen(dp, WR_IDENTITY_UNKNOWN), 1);
	assert_int_equal(wr_peer_put(dp, &narrow, WR_PEER(21, 0, 0)), 0);
	assert_int_equal(identity_gen(dp, WR_IDENTITY_UNKNOWN), 2);
	assert_int_equal(identity_gen(dp, 20), 0);
	assert_int_equal(identity_gen(dp, WR_IDENTITY_WORLD), 1);
	wr_dp_close(dp);
}

static int count_peer(void *ctx, const struct wr_prefix *p, uint64_t word)
{
	*(uint32_t *)ctx += WR_PEER_IDENTITY(word) * 1000 + p->len;
	return 0;
}

static void peers_are_dumped_with_their_prefixes(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_prefix range = prefix("10.0.0.0/8"), pod = prefix("fd00::5/128");
	uint32_t sum = 0;

	assert_int_equal(wr_peer_put(dp, &range, WR_PEER(20, 0, 0)), 0);
	assert_int_equal(wr_peer_put(dp, &pod, WR_PEER(30, 0, 0)), 0);
	assert_int_equal(wr_peer_dump(dp, count_peer, &sum), 0);
	assert_int_equal(sum, 50000 + 104 + 128);
	wr_dp_close(dp);
}

static void a_changed_next_hop_raises_its_generation_and_an_equal_one_does_not(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_nexthop nh = { .kind = WR_NH_NEIGH, .ifindex = 4, .gateway = addr("192.0.2.1") };
	struct wr_nexthop got;

	assert_int_equal(wr_nexthop_put(dp, 3, &nh), 0);
	assert_int_equal(wr_nexthop_put(dp, 3, &nh), 0);
	assert_int_equal(wr_nexthop_get(dp, 3, &got), 0);
	assert_int_equal(got.gen, 1);
	nh.kind = WR_NH_TUNNEL;
	nh.ifindex = 5;
	assert_int_equal(wr_nexthop_put(dp, 3, &nh), 0);
	assert_int_equal(wr_nexthop_get(dp, 3, &got), 0);
	nh.gen = 2;
	assert_memory_equal(&got, &nh, sizeof(nh));
	wr_dp_close(dp);
}

static void masquerade_addresses_change_together_with_the_generation(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_addr a4 = addr("192.0.2.1"), a6 = addr("2001:db8::1");
	struct wr_globals g;

	assert_int_equal(wr_globals_set_masq(dp, &a4, &a6), 0);
	assert_int_equal(wr_globals_set_masq(dp, &a4, &a6), 0);
	assert_int_equal(wr_globals_get(dp, &g), 0);
	assert_int_equal(g.gen, 1);
	assert_true(wr_addr_eq(&g.masq4, &a4) && wr_addr_eq(&g.masq6, &a6));
	assert_int_equal(wr_globals_bump(dp), 0);
	assert_int_equal(wr_globals_get(dp, &g), 0);
	assert_int_equal(g.gen, 2);
	wr_dp_close(dp);
}

#define test(name) cmocka_unit_test_setup_teardown(name, dp_maps_make, dp_maps_remove)

static int count_addr(void *ctx, const struct wr_addr *a, uint32_t number)
{
	(*(int *)ctx)++;
	return 0;
}

static void an_endpoint_is_found_by_its_interface_until_it_goes(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_endpoint ep = endpoint("10.0.0.1", "fd00::1");
	struct wr_addr old = wr_ep_ifindex_key(ep.ifindex), new = wr_ep_ifindex_key(77);
	uint32_t number = 0;
	int shown = 0;

	assert_int_equal(wr_endpoint_put(dp, 3, &ep), 0);
	assert_int_equal(wr_endpoint_lookup(dp, &old, &number), 0);
	assert_int_equal(number, 3);
	assert_int_equal(wr_ep_addr_dump(dp, count_addr, &shown), 0);
	assert_int_equal(shown, 2);
	ep.ifindex = 77;
	assert_int_equal(wr_endpoint_put(dp, 3, &ep), 0);
	assert_int_equal(wr_endpoint_lookup(dp, &old, &number), -ENOENT);
	assert_int_equal(wr_endpoint_lookup(dp, &new, &number), 0);
	assert_int_equal(wr_endpoint_del(dp, 3), 0);
	assert_int_equal(wr_endpoint_lookup(dp, &new, &number), -ENOENT);
	wr_dp_close(dp);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(an_endpoint_is_found_by_both_of_its_addresses),
		test(an_equal_endpoint_keeps_its_generation_and_a_changed_one_does_not),
		test(a_changed_address_leaves_no_row_behind),
		test(the_generation_never_starts_again_for_a_reused_number),
		test(deleting_an_endpoint_spares_an_address_that_another_took_over),
		test(rules_flip_and_raise_the_generation_once),
		test(a_full_address_table_leaves_no_half_endpoint),
		test(a_number_beyond_the_table_is_refused),
		test(a_host_address_is_endpoint_zero),
		test(a_dump_has_the_endpoints_in_use_and_no_other),
		test(a_peer_is_looked_up_as_the_programs_do),
		test(an_address_that_changes_identity_raises_the_old_ones_generation),
		test(a_former_identity_is_raised_when_it_is_over),
		test(a_new_row_raises_what_the_address_was_called_before),
		test(peers_are_dumped_with_their_prefixes),
		test(a_changed_next_hop_raises_its_generation_and_an_equal_one_does_not),
		test(masquerade_addresses_change_together_with_the_generation),
		test(an_endpoint_is_found_by_its_interface_until_it_goes),
	};

	return cmocka_run_group_tests(tests, dp_sandbox_enter, dp_sandbox_leave);
}
