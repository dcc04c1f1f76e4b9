/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about interfaces. */
#include "tests/unit/check.h"

#include <poll.h>

#include "lib/base/clock.h"
#include "tests/unit/netlab.h"

static void a_pair_is_made_across_namespaces_in_one_message(void **state)
{
	int other = wr_netlab_new();
	wr_auto_nl here = wr_netlab_socket(-1), there = wr_netlab_socket(other);
	struct wr_veth_end near = { .name = "near0", .mac = { 2, 1, 1, 1, 1, 1 }, .netns_fd = -1 };
	struct wr_veth_end far = { .name = "far0", .mac = { 2, 2, 2, 2, 2, 2 }, .netns_fd = other };
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	struct wr_link a, z;

	wr_link_add_veth(&b, &near, &far, 1337);
	wr_netlab_commit(&here, &b);
	assert_int_equal(wr_link_get(&here, "near0", 0, &a), 0);
	assert_int_equal(wr_link_get(&there, "far0", 0, &z), 0);
	assert_int_equal(a.peer, z.ifindex);
	assert_int_equal(z.peer, a.ifindex);
	assert_true(a.foreign_peer && z.foreign_peer);
	assert_string_equal(a.kind, "veth");
	assert_memory_equal(a.mac, near.mac, 6);
	assert_memory_equal(z.mac, far.mac, 6);
	assert_int_equal(a.mtu, 1337);
	assert_int_equal(z.mtu, 1337);
	close(other);
}

static void a_taken_name_makes_nothing(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	struct wr_veth_end near = { .name = "new0", .netns_fd = -1 };
	struct wr_veth_end far = { .name = "b0", .netns_fd = -1 };
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	struct wr_link link;

	wr_netlab_pair(&nl, "a0", "b0");
	wr_link_add_veth(&b, &near, &far, 1500);
	assert_int_equal(wr_nl_commit(&nl, &b, NULL), -EEXIST);
	assert_int_equal(wr_link_get(&nl, "new0", 0, &link), -ENODEV);
}

static void a_vxlan_device_takes_its_keys_from_outside(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	struct wr_vxlan v = { .name = "vx0", .mac = { 2, 3, 3, 3, 3, 3 }, .mtu = 1450, .port = 8473 };
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	struct wr_link link;

	wr_link_add_vxlan(&b, &v);
	wr_netlab_commit(&nl, &b);
	assert_int_equal(wr_link_get(&nl, "vx0", 0, &link), 0);
	assert_string_equal(link.kind, "vxlan");
	assert_true(link.vxlan.external);
	assert_false(link.vxlan.learning);
	assert_int_equal(link.vxlan.port, 8473);
	assert_int_equal(link.mtu, 1450);
	assert_memory_equal(link.mac, v.mac, 6);
}

static void a_link_is_changed_in_place(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	uint32_t ifindex = wr_netlab_pair(&nl, "a0", "b0");
	static const uint8_t mac[6] = { 2, 9, 9, 9, 9, 9 };
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	struct wr_link link;

	wr_link_set_mtu(&b, ifindex, 1280);
	wr_link_set_mac(&b, ifindex, mac);
	wr_link_set_up(&b, ifindex, false);
	wr_netlab_commit(&nl, &b);
	assert_int_equal(wr_link_get(&nl, NULL, ifindex, &link), 0);
	assert_string_equal(link.name, "a0");
	assert_int_equal(link.mtu, 1280);
	assert_memory_equal(link.mac, mac, 6);
	assert_false(link.flags & IFF_UP);
}

static size_t count_addrs(struct wr_nl *nl, uint32_t ifindex)
{
	wr_auto_naddrs addrs = { 0 };

	assert_int_equal(wr_naddr_dump(nl, ifindex, &addrs), 0);
	return addrs.v.n;
}

/* The kernel makes link-local addresses some time after the carrier is there: the other end is the clock. */
static void without_address_generation_a_link_gets_no_address(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	uint32_t with = wr_netlab_pair(&nl, "a0", "b0");
	uint64_t deadline = wr_now_ms() + 5000;
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	struct wr_link link;

	assert_int_equal(wr_link_get(&nl, "b0", 0, &link), 0);
	wr_link_set_up(&b, link.ifindex, false);
	wr_link_set_addrgen_none(&b, link.ifindex);
	wr_link_set_up(&b, link.ifindex, true);
	wr_netlab_commit(&nl, &b);
	while (!count_addrs(&nl, with) && wr_now_ms() < deadline)
		poll(NULL, 0, 1);
	assert_int_equal(count_addrs(&nl, with), 1);
	assert_int_equal(count_addrs(&nl, link.ifindex), 0);
}

static void many_links_are_deleted_at_once(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	uint32_t victims[33], kept = wr_netlab_pair(&nl, "keep", "keep2");
	char a[IFNAMSIZ], b[IFNAMSIZ];
	wr_auto_links links = { 0 };
	struct wr_link link;

	for (unsigned int i = 0; i < 32; i++) {
		snprintf(a, sizeof(a), "a%u", i);
		snprintf(b, sizeof(b), "b%u", i);
		victims[i] = wr_netlab_pair(&nl, a, b);
	}
	victims[32] = 4711; /* gone already */
	assert_int_equal(wr_link_del_many(&nl, victims, WR_ARRAY_SIZE(victims), NULL), 0);
	assert_int_equal(wr_link_dump(&nl, &links), 0);
	assert_int_equal(links.v.n, 3);
	assert_int_equal(wr_link_get(&nl, NULL, kept, &link), 0);
}

static void deleting_none_touches_none(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	wr_auto_links links = { 0 };

	wr_netlab_pair(&nl, "a0", "b0");
	assert_int_equal(wr_link_del_many(&nl, NULL, 0, NULL), 0);
	assert_int_equal(wr_link_dump(&nl, &links), 0);
	assert_int_equal(links.v.n, 3);
}

static void deleting_what_is_gone_succeeds(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;

	wr_link_del(&b, "nosuch0");
	wr_link_del_index(&b, 4711);
	wr_netlab_commit(&nl, &b);
}

#define IN_LAB(test) cmocka_unit_test_setup_teardown(test, wr_netlab_setup, wr_netlab_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_LAB(a_pair_is_made_across_namespaces_in_one_message),
		IN_LAB(a_taken_name_makes_nothing),
		IN_LAB(a_vxlan_device_takes_its_keys_from_outside),
		IN_LAB(a_link_is_changed_in_place),
		IN_LAB(without_address_generation_a_link_gets_no_address),
		IN_LAB(many_links_are_deleted_at_once),
		IN_LAB(deleting_none_touches_none),
		IN_LAB(deleting_what_is_gone_succeeds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
