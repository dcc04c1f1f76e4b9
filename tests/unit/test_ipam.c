// SPDX-License-Identifier: Apache-2.0
/* Claims about which address an attachment gets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/io.h"
#include "lib/ipam/ipam.h"
#include "tests/unit/tmpdir.h"

#define MAX_POOLS 4

struct pools {
	struct wr_prefix v[MAX_POOLS];
	size_t n;
};

static char network[] = "weir", eth0[] = "eth0";

static struct wr_attachment pod(int n)
{
	static char name[8][32];
	static unsigned int turn;
	char *p = name[turn++ % 8];

	snprintf(p, 32, "c%d", n);
	return (struct wr_attachment){ .network = network, .container = p, .ifname = eth0 };
}

static struct pools pools(const char *a, const char *b)
{
	struct pools p = { 0 };

	assert_int_equal(wr_prefix_parse(a, &p.v[p.n++]), 0);
	if (b)
		assert_int_equal(wr_prefix_parse(b, &p.v[p.n++]), 0);
	return p;
}

static struct wr_ipam *open_store(void **state)
{
	struct wr_ipam *ipam = NULL;

	assert_int_equal(wr_ipam_open(wr_tmpdir_path(*state, "ipam"), &ipam, NULL), 0);
	return ipam;
}

static struct wr_ipam_request want(const struct pools *p, bool want4, bool want6)
{
	return (struct wr_ipam_request){
		.pools = p->v, .n_pools = p->n, .want4 = want4, .want6 = want6
	};
}

/* The address as text, or the error's name. */
static const char *give(struct wr_ipam *ipam, int n, const struct pools *p, struct wr_err *err)
{
	static char text[8][WR_ADDR_STRLEN];
	static unsigned int turn;
	struct wr_ipam_request req = want(p, wr_addr_is4(&p->v[0].addr), !wr_addr_is4(&p->v[0].addr));
	struct wr_ipam_result res;
	struct wr_attachment id = pod(n);
	int r = wr_ipam_allocate(ipam, &id, &req, &res, err);

	if (r < 0)
		return strerrorname_np(-r);
	return wr_addr_format(req.want4 ? &res.addr4 : &res.addr6, text[turn++ % 8]);
}

static int take_back(struct wr_ipam *ipam, int n)
{
	struct wr_attachment id = pod(n);

	return wr_ipam_release(ipam, &id, NULL);
}

/* Releases are dated in milliseconds. */
static void next_millisecond(void)
{
	uint64_t now = wr_real_ms();

	while (wr_real_ms() <= now)
		;
}

static struct wr_addr addr(const char *text)
{
	struct wr_addr a;

	assert_int_equal(wr_addr_parse(text, &a), 0);
	return a;
}

static void network_gateway_and_broadcast_are_never_given(void **state)
{
	wr_auto_ipam *ipam = open_store(state);
	struct pools p = pools("10.0.0.0/29", NULL);
	struct wr_err err = WR_ERR_INIT;

	assert_string_equal(give(ipam, 1, &p, NULL), "10.0.0.2");
	assert_string_equal(give(ipam, 2, &p, NULL), "10.0.0.3");
	assert_string_equal(give(ipam, 3, &p, NULL), "10.0.0.4");
	assert_string_equal(give(ipam, 4, &p, NULL), "10.0.0.5");
	assert_string_equal(give(ipam, 5, &p, NULL), "10.0.0.6");
	assert_string_equal(give(ipam, 6, &p, &err), "ENOSPC");
}

static void every_address_of_a_31_and_a_32_is_given(void **state)
{
	wr_auto_ipam *ipam = open_store(state);
	struct pools p = pools("10.0.0.4/31", "10.0.0.9/32");

	assert_string_equal(give(ipam, 1, &p, NULL), "10.0.0.4");
	assert_string_equal(give(ipam, 2, &p, NULL), "10.0.0.5");
	assert_string_equal(give(ipam, 3, &p, NULL), "10.0.0.9");
	assert_string_equal(give(ipam, 4, &p, NULL), "ENOSPC");
}

static void the_first_two_of_an_ipv6_range_are_never_given(void **state)
{
	wr_auto_ipam *ipam = open_store(state);
	struct pools p = pools("fd00:1::/126", NULL);

	assert_string_equal(give(ipam, 1, &p, NULL), "fd00:1::2");
	assert_string_equal(give(ipam, 2, &p, NULL), "fd00:1::3");
	assert_string_equal(give(ipam, 3, &p, NULL), "ENOSPC");
}

static void a_range_shorter_than_64_bits_works(void **state)
{
	wr_auto_ipam *ipam = open_store(state);
	struct pools p = pools("fd00::/8", NULL);

	assert_string_equal(give(ipam, 1, &p, NULL), "fd00::2");
	assert_string_equal(give(ipam, 2, &p, NULL), "fd00::3");
}

static void exhaustion_says_try_again_and_names_each_pool_and_its_size(void **state)
{
	wr_auto_ipam *ipam = open_store(state);
	struct pools p = pools("10.0.0.0/30", "10.1.0.0/30");
	struct wr_err err = WR_ERR_INIT;

	assert_string_equal(give(ipam, 1, &p, NULL), "10.0.0.2");
	assert_string_equal(give(ipam, 2, &p, NULL), "10.1.0.2");
	assert_string_equal(give(ipam, 3, &p, &err), "ENOSPC");
	assert_int_equal(err.cni, 11);
	assert_string_equal(err.msg, "no free IPv4 address: every one is in use in "
				     "10.0.0.0/30 (1 addresses), 10.1.0.0/30 (1 addresses)");
}

static void a_family_without_a_pool_says_so(void **state)
{
	wr_auto_ipam *ipam = open_store(state);
	struct pools p = pools("10.0.0.0/24", NULL);
	struct wr_ipam_request req = want(&p, true, true);
	struct wr_ipam_result res;
	struct wr_err err = WR_ERR_INIT;
	struct wr_attachment id = pod(1);

	assert_int_equal(wr_ipam_allocate(ipam, &id, &req, &res, &err), -ENOSPC);
	assert_string_equal(err.msg, "this node has no IPv6 pod range");
}

static void both_families_come_or_none(void **state)
{
	wr_auto_ipam *ipam = open_store(state);
	struct pools p = pools("10.0.0.0/24", "fd00::/127");
	struct wr_ipam_request req = want(&p, true, true);
	struct wr_ipam_result res, untouched = { .addr4 = addr("9.9.9.9") };
	struct wr_attachment id;
	struct wr_ipam_leases all;
	int i;

	for (i = 0; i < 2; i++) {
		id = pod(i);
		assert_int_equal(wr_ipam_allocate(ipam, &id, &req, &res, NULL), 0);
	}
	res = untouched;
	id = pod(2);
	assert_int_equal(wr_ipam_allocate(ipam, &id, &req, &res, NULL), -ENOSPC);
	assert_memory_equal(&res, &untouched, sizeof(res));
	assert_int_equal(wr_ipam_get(ipam, &id, &res), -ENOENT);
	assert_int_equal(wr_ipam_dump(ipam, &all, NULL), 0);
	assert_int_equal(all.v.n, 4);
	wr_ipam_leases_done(&all);
}

static void the_same_attachment_keeps_its_addresses(void **state)
{
	struct pools p = pools("10.0.0.0/24", "fd00::/64");
	struct wr_ipam_request req = want(&p, true, true);
	struct wr_ipam_result first, again, got;
	struct wr_attachment id = pod(1);
	struct wr_ipam *ipam = open_store(state);

	assert_int_equal(wr_ipam_allocate(ipam, &id, &req, &first, NULL), 0);
	wr_ipam_close(ipam);
	ipam = open_store(state);
	assert_int_equal(wr_ipam_allocate(ipam, &id, &req, &again, NULL), 0);
	assert_memory_equal(&first, &again, sizeof(first));
	assert_int_equal(wr_ipam_get(ipam, &id, &got), 0);
	assert_memory_equal(&first, &got, sizeof(first));
	wr_ipam_close(ipam);
}

static void a_family_that_is_missing_is_added_to_what_is_held(void **state)
{
	wr_auto_ipam *ipam = open_store(state);
	struct pools p = pools("10.0.0.0/24", "fd00::/64");
	struct wr_ipam_request req = want(&p, true, false);
	struct wr_ipam_result first, both;
	struct wr_attachment id = pod(1);

	assert_int_equal(wr_ipam_allocate(ipam, &id, &req, &first, NULL), 0);
	assert_true(wr_addr_is_zero(&first.addr6));
	req.want6 = true;
	assert_int_equal(wr_ipam_allocate(ipam, &id, &req, &both, NULL), 0);
	assert_true(wr_addr_eq(&first.addr4, &both.addr4));
	assert_false(wr_addr_is_zero(&both.addr6));
	assert_int_equal(wr_ipam_release(ipam, &id, NULL), 2);
}

static void network_container_and_interface_each_tell_owners_apart(void **state)
{
	wr_auto_ipam *ipam = open_store(state);
	struct pools p = pools("10.0.0.0/24", NULL);
	struct wr_ipam_request req = want(&p, true, false);
	char other[] = "other", eth1[] = "eth1", c[] = "c0";
	struct wr_attachment ids[] = { { network, c, eth0 },
				       { other, c, eth0 },
				       { network, c, eth1 },
				       { network, other, eth0 } };
	struct wr_ipam_result res, last = { 0 };
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(ids); i++) {
		assert_int_equal(wr_ipam_allocate(ipam, &ids[i], &req, &res, NULL), 0);
		assert_false(wr_addr_eq(&res.addr4, &last.addr4));
		last = res;
	}
	assert_int_equal(wr_ipam_release(ipam, &ids[1], NULL), 1);
	assert_int_equal(wr_ipam_get(ipam, &ids[1], &res), -ENOENT);
	assert_int_equal(wr_ipam_get(ipam, &ids[0], &res), 0);
	assert_int_equal(wr_ipam_get(ipam, &ids[2], &res), 0);
}

static void allocation_goes_round_the_pool(void **state)
{
	wr_auto_ipam *ipam = open_store(state);
	struct pools p = pools("10.0.0.0/29", NULL);

	wr_ipam_set_rest_ms(ipam, 0);
	assert_string_equal(give(ipam, 1, &p, NULL), "10.0.0.2");
	assert_int_equal(take_back(ipam, 1), 1);
	assert_string_equal(give(ipam, 2, &p, NULL), "10.0.0.3");
	assert_string_equal(give(ipam, 3, &p, NULL), "10.0.0.4");
	assert_int_equal(take_back(ipam, 3), 1);
	assert_string_equal(give(ipam, 4, &p, NULL), "10.0.0.5");
	assert_string_equal(give(ipam, 5, &p, NULL), "10.0.0.6");
	assert_string_equal(give(ipam, 6, &p, NULL), "10.0.0.2");
	assert_string_equal(give(ipam, 7, &p, NULL), "10.0.0.4");
	assert_string_equal(give(ipam, 8, &p, NULL), "ENOSPC");
}

static void a_released_address_rests_while_others_are_free(void **state)
{
	wr_auto_ipam *ipam = open_store(state);
	struct pools p = pools("10.0.0.0/29", NULL);
	int i;

	for (i = 1; i <= 4; i++)
		give(ipam, i, &p, NULL);
	assert_int_equal(take_back(ipam, 1), 1);
	assert_string_equal(give(ipam, 5, &p, NULL), "10.0.0.6");
	assert_int_equal(take_back(ipam, 5), 1);
	wr_ipam_set_rest_ms(ipam, 0);
	assert_string_equal(give(ipam, 6, &p, NULL), "10.0.0.2");
}

static void the_longest_resting_address_is_given_when_no_other_is_free(void **state)
{
	struct wr_ipam *ipam = open_store(state);
	struct pools p = pools("10.0.0.0/29", NULL);
	int i;

	for (i = 1; i <= 5; i++)
		give(ipam, i, &p, NULL);
	assert_int_equal(take_back(ipam, 3), 1);
	wr_ipam_close(ipam);
	next_millisecond();
	ipam = open_store(state);
	assert_int_equal(take_back(ipam, 2), 1);
	assert_string_equal(give(ipam, 6, &p, NULL), "10.0.0.4");
	assert_string_equal(give(ipam, 7, &p, NULL), "10.0.0.3");
	wr_ipam_close(ipam);
}

static void what_rests_in_one_range_waits_for_the_free_of_another(void **state)
{
	wr_auto_ipam *ipam = open_store(state);
	struct pools p = pools("10.0.0.0/30", "10.1.0.0/30");

	assert_string_equal(give(ipam, 1, &p, NULL), "10.0.0.2");
	assert_int_equal(take_back(ipam, 1), 1);
	assert_string_equal(give(ipam, 2, &p, NULL), "10.1.0.2");
	assert_string_equal(give(ipam, 3, &p, NULL), "10.0.0.2");
	assert_string_equal(give(ipam, 4, &p, NULL), "ENOSPC");
}

static void a_fixed_address_is_given_once(void **state)
{
	wr_auto_ipam *ipam = open_store(state);
	struct pools p = pools("10.0.0.0/24", NULL);
	struct wr_ipam_request req = want(&p, false, false);
	struct wr_ipam_result res;
	struct wr_err err = WR_ERR_INIT;
	struct wr_attachment one = pod(1), two = pod(2);

	req.fixed4 = addr("10.0.0.77");
	assert_int_equal(wr_ipam_allocate(ipam, &one, &req, &res, NULL), 0);
	assert_true(wr_addr_eq(&res.addr4, &req.fixed4));
	assert_int_equal(wr_ipam_allocate(ipam, &one, &req, &res, NULL), 0);
	assert_int_equal(wr_ipam_allocate(ipam, &two, &req, &res, &err), -EADDRINUSE);
	assert_int_equal(err.cni, 11);
	assert_string_equal(err.msg,
			    "10.0.0.77 is in use by container c1, interface eth0, network weir");
}

static void a_resting_address_can_be_asked_for(void **state)
{
	wr_auto_ipam *ipam = open_store(state);
	struct pools p = pools("10.0.0.0/24", NULL);
	struct wr_ipam_request req = want(&p, true, false);
	struct wr_ipam_result res;
	struct wr_attachment two = pod(2);

	assert_string_equal(give(ipam, 1, &p, NULL), "10.0.0.2");
	assert_int_equal(take_back(ipam, 1), 1);
	req.fixed4 = addr("10.0.0.2");
	assert_int_equal(wr_ipam_allocate(ipam, &two, &req, &res, NULL), 0);
}

static void a_fixed_address_that_no_pool_can_give_is_refused(void **state)
{
	static const char *const bad[] = { "10.0.1.5", "10.0.0.0", "10.0.0.1", "10.0.0.255",
					   "9.0.0.5" };
	wr_auto_ipam *ipam = open_store(state);
	struct pools p = pools("10.0.0.0/24", NULL);
	struct wr_ipam_request req = want(&p, true, false);
	struct wr_ipam_result res;
	struct wr_attachment id = pod(1);
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(bad); i++) {
		struct wr_err err = WR_ERR_INIT;

		req.fixed4 = addr(bad[i]);
		assert_int_equal(wr_ipam_allocate(ipam, &id, &req, &res, &err), -ERANGE);
		assert_int_equal(err.cni, 7);
	}
}

static void what_another_network_has_given_is_not_given(void **state)
{
	wr_auto_ipam *ipam = open_store(state);
	struct pools p = pools("10.0.0.0/29", NULL);
	struct wr_ipam_request req = want(&p, true, false);
	const struct wr_addr taken[] = { addr("10.0.0.4"), addr("fd00::2"), addr("10.0.0.2"),
					 addr("10.0.0.6"), addr("10.0.0.5") };
	struct wr_attachment one = pod(1), two = pod(2);
	struct wr_ipam_result res;
	struct wr_err err = WR_ERR_INIT;

	req.taken = taken;
	req.n_taken = WR_ARRAY_SIZE(taken);
	assert_int_equal(wr_ipam_allocate(ipam, &one, &req, &res, NULL), 0);
	assert_true(wr_addr_to4(&res.addr4).s_addr == htonl(0x0a000003));
	assert_int_equal(wr_ipam_allocate(ipam, &two, &req, &res, NULL), -ENOSPC);
	req.fixed4 = taken[0];
	assert_int_equal(wr_ipam_allocate(ipam, &two, &req, &res, &err), -EADDRINUSE);
	assert_string_equal(err.msg, "10.0.0.4 is in use by a pod of another network");
	/* Nor when it rests here and nothing else is left. */
	req.n_taken = 0;
	assert_int_equal(wr_ipam_allocate(ipam, &two, &req, &res, NULL), 0);
	assert_int_equal(take_back(ipam, 2), 1);
	req.fixed4 = (struct wr_addr){ 0 };
	req.n_taken = WR_ARRAY_SIZE(taken);
	assert_int_equal(wr_ipam_allocate(ipam, &two, &req, &res, NULL), -ENOSPC);
}

static void an_attachment_cannot_change_its_address(void **state)
{
	wr_auto_ipam *ipam = open_store(state);
	struct pools p = pools("10.0.0.0/24", NULL);
	struct wr_ipam_request req = want(&p, true, false);
	struct wr_ipam_result res;
	struct wr_err err = WR_ERR_INIT;
	struct wr_attachment id = pod(1);

	give(ipam, 1, &p, NULL);
	req.fixed4 = addr("10.0.0.9");
	assert_int_equal(wr_ipam_allocate(ipam, &id, &req, &res, &err), -EADDRINUSE);
	assert_string_equal(err.msg, "the attachment holds 10.0.0.2, so it cannot get 10.0.0.9");
}

static void releasing_the_unknown_is_success(void **state)
{
	wr_auto_ipam *ipam = open_store(state);
	struct pools p = pools("10.0.0.0/24", NULL);

	assert_int_equal(take_back(ipam, 1), 0);
	give(ipam, 1, &p, NULL);
	assert_int_equal(take_back(ipam, 1), 1);
	assert_int_equal(take_back(ipam, 1), 0);
}

static void the_dump_is_sorted_and_tells_held_from_resting(void **state)
{
	wr_auto_ipam *ipam = open_store(state);
	struct pools p = pools("10.0.0.0/24", NULL);
	struct wr_ipam_leases all;

	give(ipam, 1, &p, NULL);
	give(ipam, 2, &p, NULL);
	take_back(ipam, 1);
	assert_int_equal(wr_ipam_dump(ipam, &all, NULL), 0);
	assert_int_equal(all.v.n, 2);
	assert_true(all.v.v[0].resting);
	assert_string_equal(all.v.v[0].id.container, "c1");
	assert_false(all.v.v[1].resting);
	assert_true(all.v.v[1].since_ms > 1600000000000);
	wr_ipam_leases_done(&all);
	wr_ipam_set_rest_ms(ipam, 0);
	assert_int_equal(wr_ipam_dump(ipam, &all, NULL), 0);
	assert_int_equal(all.v.n, 1);
	wr_ipam_leases_done(&all);
}

static void names_that_fit_no_record_are_refused(void **state)
{
	wr_auto_ipam *ipam = open_store(state);
	struct pools p = pools("10.0.0.0/24", NULL);
	struct wr_ipam_request req = want(&p, true, false);
	struct wr_ipam_result res;
	struct wr_err err = WR_ERR_INIT;
	char name[4000];
	struct wr_attachment id = { network, name, eth0 };

	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(wr_ipam_allocate(ipam, &id, &req, &res, &err), -ENAMETOOLONG);
}

/* Ten thousand pods come and go: the file stays small, and addresses still go round. */
static void the_file_stays_small_and_the_round_goes_on(void **state)
{
	struct pools p = pools("10.0.0.0/22", NULL);
	const char *path = wr_tmpdir_path(*state, "ipam/leases");
	struct wr_addr expect;
	struct stat st;
	int i;

	for (i = 0; i < 10000; i++) {
		wr_auto_ipam *ipam = open_store(state);
		char text[WR_ADDR_STRLEN];

		wr_ipam_set_rest_ms(ipam, 0);
		assert_int_equal(wr_prefix_nth(&p.v[0], 2 + (uint64_t)i % 1021, &expect), 0);
		assert_string_equal(give(ipam, i, &p, NULL), wr_addr_format(&expect, text));
		assert_int_equal(take_back(ipam, i), 1);
		assert_int_equal(stat(path, &st), 0);
		assert_in_range(st.st_size, 1, 40 << 10);
	}
}

static void run_child(void **state, int child, int n)
{
	struct pools p = pools("10.0.0.0/21", "fd00::/64");
	struct wr_ipam_request req = want(&p, true, true);
	int i;

	for (i = 0; i < n; i++) {
		struct wr_attachment id = pod(child * 1000 + i);
		struct wr_ipam_result res;
		struct wr_ipam *ipam;

		if (wr_ipam_open(wr_tmpdir_path(*state, "ipam"), &ipam, NULL) < 0)
			_exit(1);
		wr_ipam_set_rest_ms(ipam, 0);
		if (wr_ipam_allocate(ipam, &id, &req, &res, NULL) < 0)
			_exit(2);
		if (i % 4 && wr_ipam_release(ipam, &id, NULL) != 2)
			_exit(3);
		wr_ipam_close(ipam);
	}
	_exit(0);
}

static void count_unique(void **state, size_t expect)
{
	wr_auto_ipam *ipam = open_store(state);
	struct wr_ipam_leases all;
	size_t i;

	wr_ipam_set_rest_ms(ipam, 0);
	assert_int_equal(wr_ipam_dump(ipam, &all, NULL), 0);
	assert_int_equal(all.v.n, expect);
	for (i = 1; i < all.v.n; i++)
		assert_true(wr_addr_cmp(&all.v.v[i - 1].addr, &all.v.v[i].addr) < 0);
	wr_ipam_leases_done(&all);
}

/* Enough of them to rewrite the file many times under each other's feet. */
static void concurrent_owners_never_share_an_address(void **state)
{
	enum { CHILDREN = 8, EACH = 200 };
	pid_t pids[CHILDREN];
	int i, status;

	for (i = 0; i < CHILDREN; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (!pids[i])
			run_child(state, i, EACH);
	}
	for (i = 0; i < CHILDREN; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	count_unique(state, (size_t)CHILDREN * EACH / 4 * 2);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, wr_tmpdir_setup, wr_tmpdir_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(network_gateway_and_broadcast_are_never_given),
		TEST(every_address_of_a_31_and_a_32_is_given),
		TEST(the_first_two_of_an_ipv6_range_are_never_given),
		TEST(a_range_shorter_than_64_bits_works),
		TEST(exhaustion_says_try_again_and_names_each_pool_and_its_size),
		TEST(a_family_without_a_pool_says_so),
		TEST(both_families_come_or_none),
		TEST(the_same_attachment_keeps_its_addresses),
		TEST(a_family_that_is_missing_is_added_to_what_is_held),
		TEST(network_container_and_interface_each_tell_owners_apart),
		TEST(allocation_goes_round_the_pool),
		TEST(a_released_address_rests_while_others_are_free),
		TEST(the_longest_resting_address_is_given_when_no_other_is_free),
		TEST(what_rests_in_one_range_waits_for_the_free_of_another),
		TEST(a_fixed_address_is_given_once),
		TEST(a_resting_address_can_be_asked_for),
		TEST(a_fixed_address_that_no_pool_can_give_is_refused),
		TEST(what_another_network_has_given_is_not_given),
		TEST(an_attachment_cannot_change_its_address),
		TEST(releasing_the_unknown_is_success),
		TEST(the_dump_is_sorted_and_tells_held_from_resting),
		TEST(names_that_fit_no_record_are_refused),
		TEST(the_file_stays_small_and_the_round_goes_on),
		TEST(concurrent_owners_never_share_an_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
