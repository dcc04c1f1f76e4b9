/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about peers: two layers merged into rows, on real maps. */
#include "tests/unit/check.h"

#include <stdio.h>

#include "agent/peers.h"
#include "bpf/abi/endpoint.h"
#include "lib/base/cleanup.h"
#include "lib/dp/tables.h"
#include "tests/unit/dp_fixture.h"

static struct wr_dp *dp;
static struct wr_peers *peers;

static int setup(void **state)
{
	if (dp_maps_make(state))
		return -1;
	dp = dp_open();
	return wr_peers_open(dp, &peers, NULL);
}

static int teardown(void **state)
{
	wr_peers_close(peers);
	wr_dp_close(dp);
	return dp_maps_remove(state);
}

static struct wr_prefix prefix(const char *s)
{
	struct wr_prefix p;

	assert_int_equal(wr_prefix_parse(s, &p), 0);
	return p;
}

static void put_way(const char *s, uint32_t nexthop, uint32_t flags)
{
	struct wr_prefix p = prefix(s);

	wr_peers_put_way(peers, &p, nexthop, flags);
}

static void put_identity(const char *s, uint32_t identity)
{
	struct wr_prefix p = prefix(s);

	wr_peers_put_identity(peers, &p, identity);
}

static void del_way(const char *s)
{
	struct wr_prefix p = prefix(s);

	wr_peers_del_way(peers, &p);
}

static void del_identity(const char *s)
{
	struct wr_prefix p = prefix(s);

	wr_peers_del_identity(peers, &p);
}

static void sync_all(void)
{
	assert_int_equal(wr_peers_sync(peers, NULL), 0);
}

static void assert_peer(const char *s, uint32_t identity, uint32_t nexthop, uint32_t flags)
{
	uint64_t word = ~0ull;
	struct wr_addr a;

	assert_int_equal(wr_addr_parse(s, &a), 0);
	assert_int_equal(wr_peer_lookup(dp, &a, &word), 0);
	assert_int_equal(WR_PEER_IDENTITY(word), identity);
	assert_int_equal(WR_PEER_NEXTHOP(word), nexthop);
	assert_int_equal(WR_PEER_FLAGS(word), flags);
}

static void assert_no_peer(const char *s)
{
	struct wr_addr a;
	uint64_t word;

	assert_int_equal(wr_addr_parse(s, &a), 0);
	assert_int_equal(wr_peer_lookup(dp, &a, &word), -ENOENT);
}

static int count_one(void *ctx, const struct wr_prefix *p, uint64_t word)
{
	++*(int *)ctx;
	return 0;
}

static int rows_in_kernel(void)
{
	int n = 0;

	assert_int_equal(wr_peer_dump(dp, count_one, &n), 0);
	return n;
}

static void nothing_is_written_before_the_sync(void **state)
{
	put_way("10.1.0.0/24", 16, WR_PEER_CLUSTER);
	assert_no_peer("10.1.0.5");
	sync_all();
	assert_peer("10.1.0.5", WR_IDENTITY_WORLD, 16, WR_PEER_CLUSTER);
}

static void an_address_takes_its_way_from_the_prefix_around_it(void **state)
{
	put_way("10.1.0.0/16", 16, WR_PEER_CLUSTER);
	put_way("10.1.2.0/24", 18, WR_PEER_CLUSTER);
	put_identity("10.1.2.3/32", 77);
	put_identity("10.1.9.9/32", 78);
	put_identity("192.0.2.1/32", 79);
	sync_all();
	assert_peer("10.1.2.3", 77, 18, WR_PEER_CLUSTER);
	assert_peer("10.1.9.9", 78, 16, WR_PEER_CLUSTER);
	assert_peer("192.0.2.1", 79, WR_NEXTHOP_OUT4, 0);
}

static void a_way_takes_its_identity_from_the_block_around_it(void **state)
{
	put_identity("10.0.0.0/8", 40);
	put_way("10.1.0.0/16", 16, WR_PEER_CLUSTER);
	sync_all();
	assert_peer("10.1.0.1", 40, 16, WR_PEER_CLUSTER);
	assert_peer("10.2.0.1", 40, WR_NEXTHOP_OUT4, 0);
}

static void a_change_of_the_prefix_reaches_what_lies_in_it(void **state)
{
	put_way("fd00:1::/64", 17, WR_PEER_CLUSTER);
	put_identity("fd00:1::5/128", 50);
	sync_all();
	put_way("fd00:1::/64", 19, WR_PEER_CLUSTER);
	sync_all();
	assert_peer("fd00:1::5", 50, 19, WR_PEER_CLUSTER);
	del_way("fd00:1::/64");
	sync_all();
	assert_peer("fd00:1::5", 50, WR_NEXTHOP_OUT6, 0);
	assert_no_peer("fd00:1::6");
}

static void a_row_goes_when_neither_layer_wants_it(void **state)
{
	put_way("10.1.0.1/32", 16, WR_PEER_IS_NODE);
	put_identity("10.1.0.1/32", WR_IDENTITY_NODE);
	sync_all();
	del_identity("10.1.0.1/32");
	sync_all();
	assert_peer("10.1.0.1", WR_IDENTITY_WORLD, 16, WR_PEER_IS_NODE);
	del_way("10.1.0.1/32");
	sync_all();
	assert_no_peer("10.1.0.1");
	assert_int_equal(rows_in_kernel(), 0);
	assert_int_equal(wr_peers_count(peers), 0);
}

static void taken_away_and_put_back_before_the_sync_is_no_change(void **state)
{
	put_way("10.1.0.0/24", 16, WR_PEER_CLUSTER);
	put_identity("10.1.0.0/24", 3);
	sync_all();
	del_way("10.1.0.0/24");
	del_identity("10.1.0.0/24");
	put_way("10.1.0.0/24", 16, WR_PEER_CLUSTER);
	put_identity("10.1.0.0/24", 3);
	sync_all();
	assert_peer("10.1.0.7", 3, 16, WR_PEER_CLUSTER);
	assert_int_equal(rows_in_kernel(), 1);
}

static void reopen(void)
{
	wr_peers_close(peers);
	assert_int_equal(wr_peers_open(dp, &peers, NULL), 0);
}

static void what_an_earlier_run_has_put_stays_until_all_owners_have_spoken(void **state)
{
	put_way("10.1.0.0/24", 16, WR_PEER_CLUSTER);
	put_identity("10.2.0.1/32", 4);
	sync_all();
	reopen();
	sync_all();
	assert_int_equal(rows_in_kernel(), 2);
	wr_peers_complete(peers, WR_PEERS_NODES);
	sync_all();
	assert_int_equal(rows_in_kernel(), 2);
	put_identity("10.2.0.1/32", 4);
	wr_peers_complete(peers, WR_PEERS_ENDPOINTS);
	wr_peers_complete(peers, WR_PEERS_POLICIES);
	sync_all();
	assert_no_peer("10.1.0.1");
	assert_peer("10.2.0.1", 4, WR_NEXTHOP_OUT4, 0);
}

static void a_row_that_was_lost_or_forged_is_put_right_by_verify(void **state)
{
	struct wr_prefix a = prefix("10.1.0.0/24"), b = prefix("10.2.0.0/24"),
			 foreign = prefix("10.9.0.0/24");

	put_way("10.1.0.0/24", 16, 0);
	put_way("10.2.0.0/24", 18, 0);
	wr_peers_complete(peers, WR_PEERS_NODES);
	wr_peers_complete(peers, WR_PEERS_ENDPOINTS);
	wr_peers_complete(peers, WR_PEERS_POLICIES);
	sync_all();
	assert_int_equal(wr_peer_del(dp, &a), 0);
	assert_int_equal(wr_peer_put(dp, &b, WR_PEER(9, 9, 9)), 0);
	assert_int_equal(wr_peer_put(dp, &foreign, WR_PEER(9, 9, 9)), 0);
	sync_all();
	assert_no_peer("10.1.0.1");
	assert_int_equal(wr_peers_verify(peers, NULL), 0);
	assert_peer("10.1.0.1", WR_IDENTITY_WORLD, 16, 0);
	assert_peer("10.2.0.1", WR_IDENTITY_WORLD, 18, 0);
	assert_no_peer("10.9.0.1");
}

static void host_bits_do_not_make_another_prefix(void **state)
{
	put_way("10.1.0.77/24", 16, 0);
	put_way("10.1.0.99/24", 18, 0);
	sync_all();
	assert_int_equal(rows_in_kernel(), 1);
	assert_peer("10.1.0.1", WR_IDENTITY_WORLD, 18, 0);
}

static void a_full_map_is_an_error_that_names_the_prefix_and_is_tried_again(void **state)
{
	uint32_t size = wr_dp_map_size(dp, WR_MAP_wr_peers), i;
	struct wr_err err = WR_ERR_INIT;
	char text[64];

	for (i = 0; i <= size; i++) {
		snprintf(text, sizeof(text), "10.%u.%u.%u/32", 1 + (i >> 16), (i >> 8) & 255,
			 i & 255);
		put_identity(text, 4);
	}
	assert_true(wr_peers_sync(peers, &err) < 0);
	assert_err(&err, err.code, "peer 10.");
	assert_int_equal(rows_in_kernel(), size);
	del_identity("10.1.0.0/32");
	assert_int_equal(wr_peers_sync(peers, NULL) < 0 ? wr_peers_sync(peers, NULL) : 0, 0);
	assert_int_equal(rows_in_kernel(), size);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(nothing_is_written_before_the_sync),
		T(an_address_takes_its_way_from_the_prefix_around_it),
		T(a_way_takes_its_identity_from_the_block_around_it),
		T(a_change_of_the_prefix_reaches_what_lies_in_it),
		T(a_row_goes_when_neither_layer_wants_it),
		T(taken_away_and_put_back_before_the_sync_is_no_change),
		T(what_an_earlier_run_has_put_stays_until_all_owners_have_spoken),
		T(a_row_that_was_lost_or_forged_is_put_right_by_verify),
		T(host_bits_do_not_make_another_prefix),
		T(a_full_map_is_an_error_that_names_the_prefix_and_is_tried_again),
	};

	return cmocka_run_group_tests(tests, dp_sandbox_enter, dp_sandbox_leave);
}
