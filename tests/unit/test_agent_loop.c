/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about the agent's loop. */
#include "tests/unit/check.h"

#include <fcntl.h>
#include <unistd.h>

#include "agent/loop.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"

static struct wr_loop *loop;
static char order[16];
static size_t order_n;

static int setup(void **state)
{
	memset(order, 0, sizeof(order));
	order_n = 0;
	return wr_loop_new(&loop, NULL);
}

static int teardown(void **state)
{
	wr_loop_free(loop);
	return 0;
}

struct named_timer {
	struct wr_timer t;
	char name;
};

static void note(struct wr_timer *t)
{
	order[order_n++] = WR_CONTAINER_OF(t, struct named_timer, t)->name;
}

/* Runs rounds until @n callbacks were noted; a bound in time, not in rounds. */
static void run_until(size_t n)
{
	uint64_t end = wr_now_ms() + 5000;

	while (order_n < n && wr_now_ms() < end)
		assert_int_equal(wr_loop_once(loop, 100), 0);
	assert_int_equal(order_n, n);
}

static void timers_fire_in_the_order_of_their_time(void **state)
{
	struct named_timer a = { .name = 'a' }, b = { .name = 'b' }, c = { .name = 'c' };

	wr_timer_start(loop, &a.t, 30, note);
	wr_timer_start(loop, &b.t, 1, note);
	wr_timer_start(loop, &c.t, 15, note);
	run_until(3);
	assert_string_equal(order, "bca");
	assert_false(a.t.armed || b.t.armed || c.t.armed);
}

static void equal_times_keep_the_order_of_starting(void **state)
{
	struct named_timer a = { .name = 'a' }, b = { .name = 'b' };

	wr_timer_start(loop, &a.t, 5, note);
	wr_timer_start(loop, &b.t, 5, note);
	run_until(2);
	assert_string_equal(order, "ab");
}

static void a_timer_never_fires_early(void **state)
{
	struct named_timer a = { .name = 'a' };
	uint64_t start = wr_now_ms();

	wr_timer_start(loop, &a.t, 20, note);
	run_until(1);
	assert_true(wr_now_ms() - start >= 20);
}

static void a_stopped_timer_does_not_fire(void **state)
{
	struct named_timer a = { .name = 'a' }, b = { .name = 'b' };

	wr_timer_start(loop, &a.t, 1, note);
	wr_timer_start(loop, &b.t, 5, note);
	wr_timer_stop(loop, &a.t);
	wr_timer_stop(loop, &a.t);
	run_until(1);
	assert_string_equal(order, "b");
}

static void starting_again_moves_a_timer(void **state)
{
	struct named_timer a = { .name = 'a' }, b = { .name = 'b' };

	wr_timer_start(loop, &a.t, 1, note);
	wr_timer_start(loop, &b.t, 10, note);
	wr_timer_start(loop, &a.t, 30, note);
	run_until(2);
	assert_string_equal(order, "ba");
}

static struct named_timer other;

static void stop_other(struct wr_timer *t)
{
	note(t);
	wr_timer_stop(loop, &other.t);
}

static void a_timer_may_stop_one_that_is_due_with_it(void **state)
{
	struct named_timer a = { .name = 'a' }, b = { .name = 'b' };

	other = (struct named_timer){ .name = 'o' };
	wr_timer_start(loop, &a.t, 1, stop_other);
	wr_timer_start(loop, &other.t, 1, note);
	wr_timer_start(loop, &b.t, 10, note);
	run_until(2);
	assert_string_equal(order, "ab");
}

static struct wr_io pipes[2];
static int fds[2][2];

static void drop_other(struct wr_io *io, uint32_t events)
{
	struct wr_io *peer = io == &pipes[0] ? &pipes[1] : &pipes[0];

	order[order_n++] = io == &pipes[0] ? '0' : '1';
	wr_io_del(loop, peer);
	wr_io_del(loop, io);
}

static void open_pipes(void)
{
	int i;

	for (i = 0; i < 2; i++) {
		assert_int_equal(pipe2(fds[i], O_CLOEXEC | O_NONBLOCK), 0);
		assert_int_equal(wr_io_add(loop, &pipes[i], fds[i][0], EPOLLIN, drop_other), 0);
	}
}

static void close_pipes(void)
{
	int i;

	for (i = 0; i < 4; i++)
		close(fds[i / 2][i % 2]);
}

static void a_watch_removed_in_a_round_is_not_called_in_it(void **state)
{
	open_pipes();
	assert_int_equal(write(fds[0][1], "x", 1), 1);
	assert_int_equal(write(fds[1][1], "x", 1), 1);
	assert_int_equal(wr_loop_once(loop, 1000), 0);
	assert_int_equal(order_n, 1);
	assert_int_equal(wr_loop_once(loop, 0), 0);
	assert_int_equal(order_n, 1);
	close_pipes();
}

static void after_round(void *ctx)
{
	++*(int *)ctx;
}

static void the_hook_runs_after_each_round(void **state)
{
	int rounds = 0;

	wr_loop_after(loop, after_round, &rounds);
	assert_int_equal(wr_loop_once(loop, 0), 0);
	assert_int_equal(wr_loop_once(loop, 0), 0);
	assert_int_equal(rounds, 2);
}

static void on_signal(void *ctx, int signo)
{
	*(int *)ctx = signo;
	wr_loop_stop(loop);
}

static void signals_are_heard_in_the_loop(void **state)
{
	sigset_t set;
	int heard = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	assert_int_equal(wr_loop_on_signals(loop, &set, on_signal, &heard, NULL), 0);
	assert_int_equal(raise(SIGUSR1), 0);
	assert_int_equal(wr_loop_run(loop), 0);
	assert_int_equal(heard, SIGUSR1);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(timers_fire_in_the_order_of_their_time),
		T(equal_times_keep_the_order_of_starting),
		T(a_timer_never_fires_early),
		T(a_stopped_timer_does_not_fire),
		T(starting_again_moves_a_timer),
		T(a_timer_may_stop_one_that_is_due_with_it),
		T(a_watch_removed_in_a_round_is_not_called_in_it),
		T(the_hook_runs_after_each_round),
		T(signals_are_heard_in_the_loop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
