/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about batches and dumps. */
#include "tests/unit/check.h"

#include <sys/socket.h>

#include "tests/unit/netlab.h"

static struct wr_route route_to(const char *dst, uint32_t ifindex)
{
	return (struct wr_route){ .dst = wr_netlab_prefix(dst), .ifindex = ifindex };
}

static size_t count_routes(struct wr_nl *nl, uint32_t ifindex)
{
	struct wr_route_filter filter = { .family = AF_INET,
					  .table = RT_TABLE_MAIN,
					  .ifindex = ifindex };
	wr_auto_routes routes = { 0 };

	assert_int_equal(wr_route_dump(nl, &filter, &routes), 0);
	return routes.v.n;
}

static void put_many(struct wr_nl_batch *b, uint32_t ifindex, int n)
{
	char text[WR_PREFIX_STRLEN];
	struct wr_route r;

	for (int i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "10.%d.%d.0/24", i / 256, i % 256);
		r = route_to(text, ifindex);
		wr_route_put(b, &r);
	}
}

static void an_empty_batch_is_success(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;

	assert_int_equal(wr_nl_commit(&nl, &b, NULL), 0);
}

static void a_failure_says_what_and_why_in_the_kernels_words(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	uint32_t ifindex = wr_netlab_pair(&nl, "a0", "b0");
	struct wr_route r = route_to("192.0.2.0/24", ifindex);
	struct wr_err err = WR_ERR_INIT;

	r.gateway = wr_netlab_addr("198.51.100.1");
	wr_route_put(&b, &r);
	assert_int_equal(wr_nl_commit(&nl, &b, &err), -ENETUNREACH);
	assert_err(&err, -ENETUNREACH, "cannot create route 192.0.2.0/24 on interface");
	assert_err(&err, -ENETUNREACH, "(Nexthop has invalid gateway)");
}

static void a_failure_does_not_stop_what_follows_and_the_first_is_told(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	uint32_t ifindex = wr_netlab_pair(&nl, "a0", "b0");
	struct wr_err err = WR_ERR_INIT;
	struct wr_route r = route_to("192.0.2.0/24", 4711);

	wr_route_put(&b, &r);
	wr_link_set_mtu(&b, ifindex, 1);
	put_many(&b, ifindex, 300);
	assert_int_equal(wr_nl_commit(&nl, &b, &err), -ENODEV);
	assert_err(&err, -ENODEV, "4711");
	assert_int_equal(count_routes(&nl, ifindex), 300);
}

static void a_batch_is_empty_after_its_commit(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;

	wr_link_set_mtu(&b, 4711, 1400);
	assert_int_equal(wr_nl_commit(&nl, &b, NULL), -ENODEV);
	assert_int_equal(wr_nl_commit(&nl, &b, NULL), 0);
}

static void a_long_batch_arrives_whole(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	uint32_t ifindex = wr_netlab_pair(&nl, "a0", "b0");

	put_many(&b, ifindex, 3000);
	wr_netlab_commit(&nl, &b);
	assert_int_equal(count_routes(&nl, ifindex), 3000);
}

static void a_long_batch_of_failures_is_survived(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	struct wr_link lo;

	put_many(&b, 4711, 1000);
	assert_int_equal(wr_nl_commit(&nl, &b, NULL), -ENODEV);
	assert_int_equal(wr_link_get(&nl, "lo", 0, &lo), 0); /* nothing old is left to read */
}

static void answers_and_changes_mix_in_one_batch(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	uint32_t ifindex = wr_netlab_pair(&nl, "a0", "b0");
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	struct wr_addr addr = wr_netlab_addr("10.0.0.9");
	struct wr_route r;

	put_many(&b, ifindex, 1);
	wr_netlab_commit(&nl, &b);
	assert_int_equal(wr_route_lookup(&nl, &addr, &r), 0);
	assert_int_equal(r.ifindex, ifindex);
}

static int refuse(void *ctx, const struct nlmsghdr *msg)
{
	int *calls = ctx;

	(*calls)++;
	return -EBADMSG;
}

static void an_answer_that_is_refused_fails_the_commit(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	int calls = 0;

	wr_link_ask(&b, "lo");
	assert_int_equal(wr_nl_commit_get(&nl, &b, refuse, &calls, NULL), -EBADMSG);
	assert_int_equal(calls, 1);
}

static void a_socket_stays_in_the_namespace_it_was_opened_in(void **state)
{
	int other = wr_netlab_new();
	wr_auto_nl here = wr_netlab_socket(-1), there = wr_netlab_socket(other);
	struct wr_link link;

	wr_netlab_pair(&there, "a0", "b0");
	assert_int_equal(wr_link_get(&there, "a0", 0, &link), 0);
	assert_int_equal(wr_link_get(&here, "a0", 0, &link), -ENODEV);
	close(other);
}

static void a_dump_leaves_its_output_alone_when_it_fails(void **state)
{
	struct wr_nl closed = WR_NL_INIT;
	wr_auto_links links = { 0 };

	wr_vec_push(&links.v, (struct wr_link){ .ifindex = 7 });
	assert_int_equal(wr_link_dump(&closed, &links), -EBADF);
	assert_int_equal(links.v.n, 1);
}

#define IN_LAB(test) cmocka_unit_test_setup_teardown(test, wr_netlab_setup, wr_netlab_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_LAB(an_empty_batch_is_success),
		IN_LAB(a_failure_says_what_and_why_in_the_kernels_words),
		IN_LAB(a_failure_does_not_stop_what_follows_and_the_first_is_told),
		IN_LAB(a_batch_is_empty_after_its_commit),
		IN_LAB(a_long_batch_arrives_whole),
		IN_LAB(a_long_batch_of_failures_is_survived),
		IN_LAB(answers_and_changes_mix_in_one_batch),
		IN_LAB(an_answer_that_is_refused_fails_the_commit),
		IN_LAB(a_socket_stays_in_the_namespace_it_was_opened_in),
		IN_LAB(a_dump_leaves_its_output_alone_when_it_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
