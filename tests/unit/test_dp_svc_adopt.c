/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about services in force: what readers see meanwhile, and what a successor finds. */
#include "tests/unit/check.h"

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "tests/unit/dp_fixture.h"
#include "tests/unit/svc_fixture.h"

/* In group g a service has 1 + g % 5 backends, all of them 10.0.g.x. */
static void want_group(struct want *w, uint32_t group)
{
	fx_want_init(w, 1);
	fx_want_backends(w, group << 8, 1 + group % 5);
}

struct shared {
	volatile int stop;
	volatile uint64_t reads, torn;
};

/* What a packet does, with much longer pauses between the steps. */
static void read_until_told(struct shared *sh, struct wr_dp *dp)
{
	struct wr_frontend fe = fx_frontend(1);
	struct wr_service svc;
	struct wr_backend be = { 0 };
	uint32_t i, group = 0;

	while (!sh->stop) {
		if (fx_lookup(dp, &fe, &svc) <= 0)
			_exit(1);
		for (i = 0; i < svc.n; i++) {
			uint32_t number = 0;

			if (wr_service_slots(dp, &svc, i, &number) < 0 ||
			    wr_backend_get(dp, number, &be) < 0)
				sh->torn++;
			if (!i)
				group = be.addr.b[14];
			sh->torn += be.addr.b[14] != group || svc.n != 1 + group % 5;
		}
		sh->reads++;
	}
	_exit(0);
}

static void readers_see_the_old_set_or_the_new_one_and_nothing_between(void **state)
{
	struct shared *sh =
		mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct wr_dp *dp = dp_open();
	struct wr_svc_table *t = fx_open_table(dp);
	uint64_t end, before;
	uint32_t group = 0;
	struct want w;
	int status;
	pid_t pid;

	want_group(&w, group);
	fx_put(t, &w);
	pid = fork();
	if (pid == 0)
		read_until_told(sh, dp);
	end = wr_now_ms() + 2500;
	while (wr_now_ms() < end) {
		before = sh->reads;
		want_group(&w, ++group % 200);
		/* 128 backends wait for their grace period: a full table is not a fault here. */
		wr_svc_table_put(t, &w.set, NULL);
		wr_svc_table_tick(t, wr_now_ms());
		while (sh->reads == before && wr_now_ms() < end)
			sched_yield();
	}
	sh->stop = 1;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_true(sh->reads > 100 && group > 100);
	assert_int_equal(sh->torn, 0);
	munmap(sh, sizeof(*sh));
	wr_svc_table_close(t);
	wr_dp_close(dp);
}

static void load_and_die(void)
{
	struct wr_svc_backend held = fx_backend(31);
	struct wr_dp *dp = dp_open();
	struct wr_svc_table *t = fx_open_table(dp);
	struct want w;
	uint32_t i;

	for (i = 1; i <= 3; i++) {
		fx_want_init(&w, i);
		fx_want_backends(&w, i * 10, 2);
		fx_put(t, &w);
	}
	held.terminating = true;
	wr_svc_table_hold(t, w.set.key, w.set.id, &held, 1);
	fx_want_backends(&w, 30, 1);
	fx_put(t, &w);
	kill(getpid(), SIGKILL);
}

static void after_death(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		load_and_die();
		_exit(1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
}

static void a_successor_keeps_every_number(void **state)
{
	struct wr_svc_backend held = fx_backend(31);
	struct wr_backend be, before;
	struct wr_svc_table *t;
	uint32_t i, numbers[4], held_number;
	int records[4];
	struct want w;
	struct wr_dp *dp;

	after_death();
	dp = dp_open();
	for (i = 1; i <= 3; i++) {
		records[i] = fx_record_of(dp, i);
		numbers[i] = fx_slot_backend(dp, i, 0, &before);
	}
	t = fx_open_table(dp);
	assert_int_equal(fx_stats(t).frontends, 3);
	assert_int_equal(fx_stats(t).backends, 6);
	held.terminating = true;
	assert_int_equal(wr_svc_table_hold(t, 1003, 3, &held, 1), 0);
	for (i = 1; i <= 3; i++) {
		fx_want_init(&w, i);
		fx_want_backends(&w, i * 10, i == 3 ? 1 : 2);
		fx_put(t, &w);
		assert_int_equal(fx_record_of(dp, i), records[i]);
		assert_int_equal(fx_slot_backend(dp, i, 0, &be), numbers[i]);
	}
	assert_int_equal(wr_svc_table_prune(t), 0);
	for (held_number = 1; wr_backend_get(dp, held_number, &be) == 0; held_number++)
		if (be.addr.b[15] == 31)
			break;
	assert_int_equal(be.state, WR_BACKEND_TERMINATING);
	assert_int_equal(be.gen, 0);
	wr_svc_table_close(t);
	wr_dp_close(dp);
}

static void what_nobody_puts_again_stays_until_the_prune(void **state)
{
	struct wr_svc_table *t;
	struct wr_backend be;
	struct want w;
	struct wr_dp *dp;
	uint32_t i, used = 0;

	after_death();
	dp = dp_open();
	t = fx_open_table(dp);
	fx_want_init(&w, 2);
	fx_want_backends(&w, 20, 2);
	fx_put(t, &w);
	fx_expect(dp, 1, 10, 2);
	assert_int_equal(wr_svc_table_prune(t), 2);
	assert_int_equal(fx_record_of(dp, 1), -ENOENT);
	assert_int_equal(fx_record_of(dp, 3), -ENOENT);
	fx_expect(dp, 2, 20, 2);
	for (i = 1; wr_backend_get(dp, i, &be) == 0; i++)
		used += be.state != WR_BACKEND_FREE;
	assert_int_equal(used, 2);
	fx_let_go(t);
	assert_int_equal(fx_stats(t).backends, 2);
	assert_int_equal(fx_stats(t).slots, 2);
	wr_svc_table_close(t);
	wr_dp_close(dp);
}

/* @id of the fixture's frontend @n: as it was found, while nobody has put it. */
static uint32_t found(const struct wr_svc_table *t, uint32_t n)
{
	struct wr_frontend fe = fx_frontend(n);

	return wr_svc_table_found(t, &fe);
}

static void what_was_found_says_its_id_until_somebody_puts_it(void **state)
{
	struct wr_svc_table *t;
	struct wr_dp *dp;
	struct want w;

	after_death();
	dp = dp_open();
	t = fx_open_table(dp);
	assert_int_equal(found(t, 1), 1);
	assert_int_equal(found(t, 3), 3);
	assert_int_equal(found(t, 4), 0);
	fx_want_init(&w, 1);
	fx_want_backends(&w, 10, 2);
	fx_put(t, &w);
	assert_int_equal(found(t, 1), 0);
	assert_int_equal(wr_svc_table_del(t, w.set.key), 0);
	assert_int_equal(found(t, 1), 0);
	wr_svc_table_prune(t);
	assert_int_equal(found(t, 3), 0);
	wr_svc_table_close(t);
	wr_dp_close(dp);
}

static void a_set_that_changed_meanwhile_is_changed_after_adoption(void **state)
{
	struct wr_svc_table *t;
	struct wr_backend be;
	struct want w;
	struct wr_dp *dp;
	uint32_t number;

	after_death();
	dp = dp_open();
	number = fx_slot_backend(dp, 1, 1, &be);
	t = fx_open_table(dp);
	fx_want_init(&w, 1);
	fx_want_backends(&w, 11, 3);
	fx_put(t, &w);
	fx_expect(dp, 1, 11, 3);
	assert_int_equal(fx_slot_backend(dp, 1, 0, &be), number);
	wr_svc_table_close(t);
	wr_dp_close(dp);
}

static void a_row_that_makes_no_sense_is_written_anew_or_pruned(void **state)
{
	struct wr_dp *dp = dp_open();
	int fd = wr_dp_map_fd(dp, WR_MAP_wr_frontends);
	struct wr_frontend bad = fx_frontend(1), wild = fx_frontend(2), worse = fx_frontend(3);
	uint64_t word = WR_FE_WORD(5, 12345);
	struct wr_service svc;
	struct wr_svc_table *t;
	struct want w;

	assert_int_equal(wr_sys_map_update(fd, &bad, &word, 0), 0);
	word = WR_FE_WORD(9999999, wr_frontend_check(&wild));
	assert_int_equal(wr_sys_map_update(fd, &wild, &word, 0), 0);
	word = WR_FE_WORD(0, wr_frontend_check(&worse));
	assert_int_equal(wr_sys_map_update(fd, &worse, &word, 0), 0);
	t = fx_open_table(dp);
	fx_want_init(&w, 1);
	fx_want_backends(&w, 10, 2);
	fx_put(t, &w);
	fx_expect(dp, 1, 10, 2);
	assert_int_equal(wr_svc_table_prune(t), 2);
	assert_int_equal(wr_sys_map_lookup(fd, &wild, &word), -ENOENT);
	assert_int_equal(wr_sys_map_lookup(fd, &worse, &word), -ENOENT);
	assert_true(fx_lookup(dp, &bad, &svc) > 0);
	wr_svc_table_close(t);
	wr_dp_close(dp);
}

#define test(name) cmocka_unit_test_setup_teardown(name, dp_maps_make, dp_maps_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(readers_see_the_old_set_or_the_new_one_and_nothing_between),
		test(a_successor_keeps_every_number),
		test(what_nobody_puts_again_stays_until_the_prune),
		test(what_was_found_says_its_id_until_somebody_puts_it),
		test(a_set_that_changed_meanwhile_is_changed_after_adoption),
		test(a_row_that_makes_no_sense_is_written_anew_or_pruned),
	};

	return cmocka_run_group_tests(tests, dp_sandbox_enter, dp_sandbox_leave);
}
