/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about nodes' numbers, and about what is kept of this node on disk. */
#include "tests/unit/check.h"

#include <stdio.h>

#include "agent/node_cache.h"
#include "agent/node_table.h"
#include "lib/base/cleanup.h"
#include "lib/base/io.h"
#include "lib/dp/tables.h"
#include "tests/unit/dp_fixture.h"
#include "tests/unit/objects.h"
#include "tests/unit/tmpdir.h"

static struct wr_dp *dp;
static struct wr_node_table table;

static int setup(void **state)
{
	if (dp_maps_make(state))
		return -1;
	dp_map_resize(WR_MAP_wr_nexthops, 64);
	dp = dp_open();
	return wr_node_table_open(&table, dp, NULL);
}

static int teardown(void **state)
{
	wr_node_table_done(&table);
	wr_dp_close(dp);
	return dp_maps_remove(state);
}

static struct wr_addr addr(const char *s)
{
	struct wr_addr a = { 0 };

	if (s)
		assert_int_equal(wr_addr_parse(s, &a), 0);
	return a;
}

static struct wr_node_entry *add(const char *name, const char *a4, const char *a6)
{
	const struct wr_addr both[WR_FAMILIES] = { addr(a4), addr(a6) };
	struct wr_node_entry *e = NULL;

	assert_int_equal(wr_node_table_add(&table, name, both, &e, NULL), 0);
	return e;
}

static void put_slot(uint16_t number, enum wr_family f, const char *a, uint16_t kind)
{
	struct wr_nexthop nh = { .kind = kind, .node = number, .outer_src = addr(a) };

	assert_int_equal(wr_nexthop_put(dp, wr_node_slot(number, f), &nh), 0);
}

static void reopen(void)
{
	wr_node_table_done(&table);
	assert_int_equal(wr_node_table_open(&table, dp, NULL), 0);
}

static void numbers_start_at_one_and_slots_do_not_meet(void **state)
{
	struct wr_node_entry *a = add("a", "192.0.2.1", NULL), *b = add("b", "192.0.2.2", NULL);

	assert_int_equal(a->number, 1);
	assert_int_equal(b->number, 2);
	assert_int_equal(wr_node_slot(1, WR_V4), WR_NEXTHOP_FIRST);
	assert_int_equal(wr_node_slot(1, WR_V6), WR_NEXTHOP_FIRST + 1);
	assert_int_equal(wr_node_slot(2, WR_V4), WR_NEXTHOP_FIRST + 2);
	assert_ptr_equal(wr_node_table_find(&table, "b"), b);
	assert_null(wr_node_table_find(&table, "c"));
}

static void a_freed_number_is_given_again(void **state)
{
	struct wr_node_entry *a = add("a", "192.0.2.1", NULL);

	add("b", "192.0.2.2", NULL);
	wr_node_table_del(&table, a);
	assert_null(wr_node_table_find(&table, "a"));
	assert_int_equal(add("c", "192.0.2.3", NULL)->number, 1);
}

static void a_node_finds_its_number_again_by_its_address(void **state)
{
	put_slot(5, WR_V4, "192.0.2.5", WR_NH_TUNNEL);
	put_slot(7, WR_V6, "2001:db8::7", WR_NH_TUNNEL);
	reopen();
	assert_int_equal(add("five", "192.0.2.5", NULL)->number, 5);
	assert_int_equal(add("seven", NULL, "2001:db8::7")->number, 7);
	assert_int_equal(add("other", "192.0.2.9", NULL)->number, 1);
}

static void the_number_of_a_node_not_yet_back_is_not_given_away(void **state)
{
	put_slot(1, WR_V4, "192.0.2.1", WR_NH_TUNNEL);
	reopen();
	assert_int_equal(add("new", "192.0.2.9", NULL)->number, 2);
	assert_int_equal(add("back", "192.0.2.1", NULL)->number, 1);
}

static void a_direct_way_stays_direct_over_a_restart(void **state)
{
	put_slot(3, WR_V4, "192.0.2.3", WR_NH_NEIGH);
	put_slot(3, WR_V6, "2001:db8::3", WR_NH_TUNNEL);
	reopen();
	assert_true(add("three", "192.0.2.3", "2001:db8::3")->probe[WR_V4].proven);
	assert_false(wr_node_table_find(&table, "three")->probe[WR_V6].proven);
}

static void slots_of_nodes_that_did_not_come_back_lead_nowhere(void **state)
{
	struct wr_nexthop nh;

	put_slot(1, WR_V4, "192.0.2.1", WR_NH_TUNNEL);
	put_slot(2, WR_V4, "192.0.2.2", WR_NH_TUNNEL);
	reopen();
	add("two", "192.0.2.2", NULL);
	wr_node_table_drop_unclaimed(&table);
	assert_int_equal(wr_nexthop_get(dp, wr_node_slot(1, WR_V4), &nh), 0);
	assert_int_equal(nh.kind, WR_NH_DROP);
	assert_int_equal(nh.node, 0);
	assert_int_equal(wr_nexthop_get(dp, wr_node_slot(2, WR_V4), &nh), 0);
	assert_int_equal(nh.kind, WR_NH_TUNNEL);
}

static void a_full_table_names_its_option(void **state)
{
	const struct wr_addr nobody[WR_FAMILIES] = { 0 };
	struct wr_err err = WR_ERR_INIT;
	struct wr_node_entry *e;
	char name[16];
	uint32_t i;

	for (i = 0; i < table.capacity; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		add(name, NULL, NULL);
	}
	assert_int_equal(wr_node_table_add(&table, "last", nobody, &e, &err), -ENOSPC);
	assert_err(&err, -ENOSPC, "mapSizes.nexthops");
}

static struct wr_node_facts facts(const char *yaml)
{
	struct wr_object *o = obj_strict(yaml);
	struct wr_node_facts f;

	wr_node_facts_init(&f, as(wr_node, o));
	wr_object_free(o);
	return f;
}

#define NODE                                                                                                    \
	"{apiVersion: v1, kind: Node, metadata: {name: n}, spec: {podCIDRs: [10.1.0.0/24, \"fd00:1::/64\"]}, "  \
	"status: {addresses: [{type: InternalIP, address: 192.0.2.1}, {type: InternalIP, address: 192.0.2.2}, " \
	"{type: InternalIP, address: \"2001:db8::1\"}]}}"

static void facts_take_the_first_address_of_each_family(void **state)
{
	wr_cleanup(wr_node_facts_done) struct wr_node_facts f = facts(NODE);
	struct wr_addr four = addr("192.0.2.1"), six = addr("2001:db8::1");

	assert_true(wr_addr_eq(&f.addr[WR_V4], &four));
	assert_true(wr_addr_eq(&f.addr[WR_V6], &six));
	assert_int_equal(f.addrs.n, 3);
	assert_int_equal(f.ranges.n, 2);
}

static void what_is_known_of_this_node_survives_on_disk(void **state)
{
	wr_cleanup(wr_node_facts_done) struct wr_node_facts f = facts(NODE), back = { 0 };

	assert_int_equal(wr_node_cache_save(*state, "n", &f, NULL), 0);
	assert_int_equal(wr_node_cache_load(*state, "n", &back, NULL), 0);
	assert_true(wr_node_facts_eq(&f, &back));
	assert_true(wr_addr_eq(&f.addr[WR_V6], &back.addr[WR_V6]));
}

static void what_was_kept_of_another_node_does_not_count(void **state)
{
	wr_cleanup(wr_node_facts_done) struct wr_node_facts f = facts(NODE), back = { 0 };

	assert_int_equal(wr_node_cache_load(*state, "n", &back, NULL), -ENOENT);
	assert_int_equal(wr_node_cache_save(*state, "n", &f, NULL), 0);
	assert_int_equal(wr_node_cache_load(*state, "m", &back, NULL), -ENOENT);
	assert_int_equal(back.addrs.n, 0);
}

static void a_broken_file_is_an_error_with_its_member(void **state)
{
	static const char *const bad[] = { "{", "{\"name\":\"n\",\"addresses\":7}",
					   "{\"name\":\"n\",\"addresses\":[\"x\"]}",
					   "{\"name\":\"n\",\"podCIDRs\":[\"10.0.0.0\"]}" };
	const char *path = wr_tmpdir_path(*state, "node.json");
	struct wr_node_facts back = { 0 };
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(bad); i++) {
		struct wr_err err = WR_ERR_INIT;

		assert_true(wr_write_file_atomic(path, bad[i], strlen(bad[i]), 0600, 0) >= 0);
		assert_true(wr_node_cache_load(*state, "n", &back, &err) < 0);
		assert_err(&err, err.code, "node.json");
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define D(f) cmocka_unit_test_setup_teardown(f, wr_tmpdir_setup, wr_tmpdir_teardown)
	const struct CMUnitTest tests[] = {
		T(numbers_start_at_one_and_slots_do_not_meet),
		T(a_freed_number_is_given_again),
		T(a_node_finds_its_number_again_by_its_address),
		T(the_number_of_a_node_not_yet_back_is_not_given_away),
		T(a_direct_way_stays_direct_over_a_restart),
		T(slots_of_nodes_that_did_not_come_back_lead_nowhere),
		T(a_full_table_names_its_option),
		cmocka_unit_test(facts_take_the_first_address_of_each_family),
		D(what_is_known_of_this_node_survives_on_disk),
		D(what_was_kept_of_another_node_does_not_count),
		D(a_broken_file_is_an_error_with_its_member),
	};

	return cmocka_run_group_tests(tests, dp_sandbox_enter, dp_sandbox_leave);
}
