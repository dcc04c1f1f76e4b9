/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about who speaks to an address before it is a service's. */
#include "tests/bpf/check.h"

#include <unistd.h>

#include "tests/bpf/lab.h"
#include "tests/bpf/svc_rows.h"

#define SERVICE "10.96.0.1"
#define NODE    "192.168.0.1"

static const struct shape early = {
	.src = "10.0.1.5", .dst = SERVICE, .dport = 53, .proto = IPPROTO_UDP
};

static void service_comes(struct lab *lab)
{
	struct wr_service svc = { .id = 7, .n = 1 };
	struct wr_frontend fe = rows_frontend(SERVICE, 53, IPPROTO_UDP, WR_SCOPE_ANY);
	uint32_t run[] = { 3 };

	rows_backend(lab->dp, 3, "10.0.1.6", 5353, WR_BACKEND_ACTIVE);
	rows_run(lab->dp, 0, run, 1);
	rows_service(lab->dp, 1, &svc);
	rows_point(lab->dp, &fe, 1);
}

static void service_goes(struct lab *lab)
{
	struct wr_frontend fe = rows_frontend(SERVICE, 53, IPPROTO_UDP, WR_SCOPE_ANY);

	rows_unpoint(lab->dp, &fe);
}

/* Where the next datagram goes: to the world under the node's address, or to the backend. */
static const char *next_goes_to(struct lab *lab)
{
	struct seen out;

	assert_int_equal(lab_from_pod(lab, &early), LAB_REDIRECT);
	out = lab_out(lab);
	assert_true(out.sums);
	if (strcmp(out.dst, SERVICE) == 0) {
		assert_string_equal(out.src, NODE);
		return "world";
	}
	assert_string_equal(out.dst, "10.0.1.6");
	assert_int_equal(out.dport, 5353);
	assert_string_equal(out.src, "10.0.1.5");
	return "backend";
}

static void a_flow_that_nobody_answers_follows_its_address_to_the_service(void **state)
{
	struct lab *lab = lab_open(0);

	assert_string_equal(next_goes_to(lab), "world");
	assert_string_equal(next_goes_to(lab), "world");
	service_comes(lab);
	assert_string_equal(next_goes_to(lab), "backend");
	assert_string_equal(next_goes_to(lab), "backend");
	service_goes(lab);
	lab_close(lab);
}

static void one_that_is_answered_does_not(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape back = { .src = SERVICE, .dst = NODE, .sport = 53, .proto = IPPROTO_UDP };

	assert_string_equal(next_goes_to(lab), "world");
	back.dport = lab_out(lab).sport;
	assert_int_equal(lab_from_outside(lab, &back), LAB_REDIRECT);
	service_comes(lab);
	assert_string_equal(next_goes_to(lab), "world");
	service_goes(lab);
	lab_close(lab);
}

/* A second has one jiffy here, so that a flow is taken for one-way traffic at once. */
static struct lab *open_quick(void)
{
	struct wr_dp_options opt = lab_options(0);
	uint32_t i;

	opt.config.hz = 1;
	for (i = 0; i < WR_TIMEOUT_MAX; i++)
		opt.config.timeout[i] = 100000;
	return lab_open_with(&opt);
}

static void one_that_was_taken_for_one_way_traffic_does_so_soon(void **state)
{
	struct lab *lab = open_quick();
	struct wr_flow flow;
	int i;

	for (i = 0; i < 20; i++, usleep(1000))
		assert_string_equal(next_goes_to(lab), "world");
	assert_true(lab_flow(lab, early.src, 1000, SERVICE, 53, &flow));
	assert_true(flow.state & WR_FLOW_PROMOTED);
	assert_true(flow.state & WR_FLOW_STRANGER);
	service_comes(lab);
	/* 256 jiffies at the most, 2.56 s where there are 100 in a second. */
	for (i = 0; i < 60 && strcmp(next_goes_to(lab), "world") == 0; i++)
		usleep(50000);
	assert_string_equal(next_goes_to(lab), "backend");
	lab_close(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flow_that_nobody_answers_follows_its_address_to_the_service),
		cmocka_unit_test(one_that_is_answered_does_not),
		cmocka_unit_test(one_that_was_taken_for_one_way_traffic_does_so_soon),
	};

	return cmocka_run_group_tests(tests, lab_enter, lab_leave);
}
