/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about probes: the payload, and two agents on loopback. */
#include "tests/unit/check.h"

#include <arpa/inet.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/probe.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/nl/link.h"

#define PORT 9878

static struct wr_addr addr(const char *s)
{
	struct wr_addr a;

	assert_int_equal(wr_addr_parse(s, &a), 0);
	return a;
}

static void a_payload_comes_back_as_it_went(void **state)
{
	uint8_t data[WR_PROBE_SIZE];
	enum wr_probe_type type;
	uint64_t number;

	wr_probe_encode(WR_PROBE_ANSWER, 0x1122334455667788ull, data);
	assert_memory_equal(data, "WRPB\1\2\0\0\x11\x22\x33\x44\x55\x66\x77\x88", WR_PROBE_SIZE);
	assert_true(wr_probe_decode(data, sizeof(data), &type, &number));
	assert_int_equal(type, WR_PROBE_ANSWER);
	assert_int_equal(number, 0x1122334455667788ull);
}

static void what_is_no_probe_is_refused(void **state)
{
	uint8_t data[WR_PROBE_SIZE + 1] = { 0 };
	enum wr_probe_type type;
	uint64_t number;
	size_t i;

	wr_probe_encode(WR_PROBE_QUERY, 1, data);
	for (i = 0; i < WR_PROBE_SIZE; i++)
		assert_false(wr_probe_decode(data, i, &type, &number));
	assert_false(wr_probe_decode(data, WR_PROBE_SIZE + 1, &type, &number));
	for (i = 0; i < 8; i++) {
		wr_probe_encode(WR_PROBE_QUERY, 1, data);
		data[i] ^= 0x40;
		assert_false(wr_probe_decode(data, WR_PROBE_SIZE, &type, &number));
	}
}

/* Two agents of one kernel: nodes 127.0.0.1 and 127.0.0.2, pod ranges 127.1.0.0/24 and 127.2.0.0/24. */
struct side {
	struct wr_probe *probe;
	struct wr_probe_target target;
	int changes;
	bool knows; /* whose the other's range is */
	struct wr_addr other;
};

static struct wr_loop *loop;
static struct side sides[2];

static void changed(void *ctx, struct wr_probe_target *t)
{
	((struct side *)ctx)->changes++;
}

static bool owner(void *ctx, const struct wr_addr *source, struct wr_addr *ret)
{
	struct side *s = ctx;

	*ret = s->other;
	return s->knows;
}

static int setup(void **state)
{
	int i;

	if (wr_loop_new(&loop, NULL))
		return -1;
	for (i = 0; i < 2; i++) {
		struct side *s = &sides[i];
		struct wr_probe_events events = { changed, owner, s };
		struct wr_addr node = addr(i ? "127.0.0.2" : "127.0.0.1");
		struct wr_addr source = addr(i ? "127.2.0.1" : "127.1.0.1");

		*s = (struct side){ .knows = true, .other = addr(i ? "127.0.0.1" : "127.0.0.2") };
		s->probe = wr_probe_new(loop, PORT, &events);
		if (wr_probe_set_local(s->probe, 0, &node, &source))
			return -1;
	}
	return 0;
}

static int teardown(void **state)
{
	int i;

	for (i = 0; i < 2; i++) {
		wr_probe_stop(sides[i].probe, &sides[i].target);
		wr_probe_free(sides[i].probe);
	}
	wr_loop_free(loop);
	return 0;
}

static void run_until(const bool *flag, bool value, int ms)
{
	uint64_t end = wr_now_ms() + (uint64_t)ms;

	while (*(const volatile bool *)flag != value && wr_now_ms() < end)
		assert_int_equal(wr_loop_once(loop, 20), 0);
}

static void an_answered_probe_proves_the_way(void **state)
{
	struct side *a = &sides[0];

	wr_probe_start(a->probe, &a->target, &a->other);
	assert_false(a->target.proven);
	run_until(&a->target.proven, true, 3000);
	assert_true(a->target.proven);
	assert_int_equal(a->changes, 1);
}

static void a_source_that_nobody_owns_gets_no_answer(void **state)
{
	struct side *a = &sides[0];

	sides[1].knows = false;
	wr_probe_start(a->probe, &a->target, &a->other);
	run_until(&a->target.proven, true, 1500);
	assert_false(a->target.proven);
	assert_int_equal(a->changes, 0);
}

static void a_forged_answer_proves_nothing(void **state)
{
	struct side *a = &sides[0];
	struct sockaddr_in from = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000002) };
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(PORT),
				  .sin_addr.s_addr = htonl(0x7f000001) };
	wr_autofd int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint8_t data[WR_PROBE_SIZE];

	sides[1].knows = false;
	wr_probe_start(a->probe, &a->target, &a->other);
	assert_int_equal(bind(fd, (const struct sockaddr *)&from, sizeof(from)), 0);
	wr_probe_encode(WR_PROBE_ANSWER, a->target.number + 1, data);
	assert_int_equal(sendto(fd, data, sizeof(data), 0, (const struct sockaddr *)&to, sizeof(to)),
			 WR_PROBE_SIZE);
	run_until(&a->target.proven, true, 300);
	assert_false(a->target.proven);
}

static void a_way_that_was_proven_is_given_up_after_misses(void **state)
{
	struct side *a = &sides[0];

	a->target.proven = true; /* by the agent before */
	sides[1].knows = false;
	wr_probe_start(a->probe, &a->target, &a->other);
	assert_true(a->target.proven);
	a->target.next_ms = 0; /* the slow wait of a proven way, cut short */
	run_until(&a->target.proven, false, 8000);
	assert_false(a->target.proven);
	assert_true(a->target.misses >= WR_PROBE_MISSES_MAX);
	assert_int_equal(a->changes, 1);
}

static void starting_again_with_the_same_address_changes_nothing(void **state)
{
	struct side *a = &sides[0];
	uint64_t number;

	wr_probe_start(a->probe, &a->target, &a->other);
	number = a->target.number;
	wr_probe_start(a->probe, &a->target, &a->other);
	assert_int_equal(a->target.number, number);
}

/* In a network namespace of its own, so that ports are free. */
static int enter_namespace(void **state)
{
	wr_auto_nl nl = WR_NL_INIT;
	wr_auto_nl_batch up = WR_NL_BATCH_INIT;

	if (unshare(CLONE_NEWNET) || wr_nl_open(&nl))
		return -1;
	wr_link_set_up(&up, 1, true);
	return wr_nl_commit(&nl, &up, NULL);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_payload_comes_back_as_it_went),
		cmocka_unit_test(what_is_no_probe_is_refused),
		T(an_answered_probe_proves_the_way),
		T(a_source_that_nobody_owns_gets_no_answer),
		T(a_forged_answer_proves_nothing),
		T(a_way_that_was_proven_is_given_up_after_misses),
		T(starting_again_with_the_same_address_changes_nothing),
	};

	return cmocka_run_group_tests(tests, enter_namespace, NULL);
}
