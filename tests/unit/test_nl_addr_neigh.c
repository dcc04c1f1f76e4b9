/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about addresses and neighbour entries. */
#include "tests/unit/check.h"

#include <linux/if_addr.h>

#include "tests/unit/netlab.h"

static const uint8_t mac[6] = { 2, 7, 7, 7, 7, 7 };

static void addresses_of_both_families_are_usable_at_once(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	uint32_t ifindex = wr_netlab_pair(&nl, "a0", "b0");
	static const char *const want[] = { "192.0.2.1/24", "2001:db8::1/64" };
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	wr_auto_naddrs addrs = { 0 };
	size_t seen = 0;

	for (size_t i = 0; i < WR_ARRAY_SIZE(want); i++) {
		struct wr_naddr a = { .ifindex = ifindex, .prefix = wr_netlab_prefix(want[i]) };

		wr_naddr_put(&b, &a);
		wr_naddr_put(&b, &a); /* again is success */
	}
	wr_netlab_commit(&nl, &b);
	assert_int_equal(wr_naddr_dump(&nl, ifindex, &addrs), 0);
	for (size_t i = 0; i < addrs.v.n; i++)
		for (size_t k = 0; k < WR_ARRAY_SIZE(want); k++) {
			struct wr_prefix p = wr_netlab_prefix(want[k]);

			if (!wr_prefix_eq(&addrs.v.v[i].prefix, &p))
				continue;
			assert_false(addrs.v.v[i].flags & IFA_F_TENTATIVE);
			seen++;
		}
	assert_int_equal(seen, 2);
}

static void an_address_dump_keeps_to_its_interface(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	struct wr_naddr a = { .ifindex = wr_netlab_pair(&nl, "a0", "b0"),
			      .prefix = wr_netlab_prefix("192.0.2.1/24") };
	uint32_t other = wr_netlab_pair(&nl, "c0", "d0");
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	wr_auto_naddrs addrs = { 0 };

	wr_naddr_put(&b, &a);
	wr_netlab_commit(&nl, &b);
	assert_int_equal(wr_naddr_dump(&nl, other, &addrs), 0);
	for (size_t i = 0; i < addrs.v.n; i++)
		assert_int_equal(addrs.v.v[i].ifindex, other);
	assert_int_equal(wr_naddr_dump(&nl, 0, &addrs), 0);
	assert_true(addrs.v.n >= 1);
}

static void a_deleted_address_is_gone_and_may_be_deleted_again(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	struct wr_naddr a = { .ifindex = wr_netlab_pair(&nl, "a0", "b0"),
			      .prefix = wr_netlab_prefix("192.0.2.1/24") };
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	wr_auto_naddrs addrs = { 0 };

	wr_naddr_put(&b, &a);
	wr_naddr_del(&b, &a);
	wr_naddr_del(&b, &a);
	wr_netlab_commit(&nl, &b);
	assert_int_equal(wr_naddr_dump(&nl, a.ifindex, &addrs), 0);
	for (size_t i = 0; i < addrs.v.n; i++)
		assert_false(wr_addr_is4(&addrs.v.v[i].prefix.addr));
}

static const struct wr_neigh *find(const struct wr_neighs *n, const struct wr_addr *a)
{
	for (size_t i = 0; i < n->v.n; i++)
		if (wr_addr_eq(&n->v.v[i].addr, a))
			return &n->v.v[i];
	return NULL;
}

static void neighbours_of_both_families_are_permanent(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	uint32_t ifindex = wr_netlab_pair(&nl, "a0", "b0");
	static const char *const want[] = { "192.0.2.9", "fe80::9" };
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	wr_auto_neighs neighs = { 0 };
	const struct wr_neigh *n;
	struct wr_addr a;

	for (size_t i = 0; i < WR_ARRAY_SIZE(want); i++) {
		a = wr_netlab_addr(want[i]);
		wr_neigh_put(&b, ifindex, &a, (const uint8_t[6]){ 2 });
		wr_neigh_put(&b, ifindex, &a, mac); /* replaces */
	}
	wr_netlab_commit(&nl, &b);
	assert_int_equal(wr_neigh_dump(&nl, ifindex, &neighs), 0);
	for (size_t i = 0; i < WR_ARRAY_SIZE(want); i++) {
		a = wr_netlab_addr(want[i]);
		n = find(&neighs, &a);
		assert_non_null(n);
		assert_int_equal(n->state, NUD_PERMANENT);
		assert_memory_equal(n->mac, mac, 6);
		wr_neigh_del(&b, n);
		wr_neigh_del(&b, n);
	}
	wr_netlab_commit(&nl, &b);
	assert_int_equal(wr_neigh_dump(&nl, ifindex, &neighs), 0);
	assert_null(find(&neighs, &a));
}

static void a_proxy_entry_is_no_neighbour(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	struct wr_neigh n = { .ifindex = wr_netlab_pair(&nl, "a0", "b0"),
			      .addr = wr_netlab_addr("192.0.2.9"),
			      .flags = NTF_PROXY };
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	wr_auto_neighs neighs = { 0 };

	wr_neigh_put_proxy(&b, n.ifindex, &n.addr);
	wr_netlab_commit(&nl, &b);
	assert_int_equal(wr_neigh_dump(&nl, n.ifindex, &neighs), 0);
	assert_null(find(&neighs, &n.addr));
	wr_neigh_del(&b, &n);
	wr_netlab_commit(&nl, &b);
}

#define IN_LAB(test) cmocka_unit_test_setup_teardown(test, wr_netlab_setup, wr_netlab_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_LAB(addresses_of_both_families_are_usable_at_once),
		IN_LAB(an_address_dump_keeps_to_its_interface),
		IN_LAB(a_deleted_address_is_gone_and_may_be_deleted_again),
		IN_LAB(neighbours_of_both_families_are_permanent),
		IN_LAB(a_proxy_entry_is_no_neighbour),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
