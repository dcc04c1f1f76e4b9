/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about services in force, on real maps. */
#include "tests/unit/check.h"

#include <arpa/inet.h>

#include "lib/base/addr.h"
#include "tests/unit/dp_fixture.h"
#include "tests/unit/svc_fixture.h"

static void a_set_is_in_force_after_put(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_svc_table *t = fx_open_table(dp);
	struct want w;

	fx_want_init(&w, 1);
	fx_want_backends(&w, 10, 3);
	fx_put(t, &w);
	fx_expect(dp, 1, 10, 3);
	assert_int_equal(fx_stats(t).frontends, 1);
	assert_int_equal(fx_stats(t).backends, 3);
	assert_int_equal(fx_stats(t).slots, 3);
	wr_svc_table_close(t);
	wr_dp_close(dp);
}

static void an_equal_set_touches_nothing(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_svc_table *t = fx_open_table(dp);
	struct want w;
	int record;

	fx_want_init(&w, 1);
	fx_want_backends(&w, 10, 3);
	fx_put(t, &w);
	record = fx_record_of(dp, 1);
	fx_put(t, &w);
	assert_int_equal(fx_record_of(dp, 1), record);
	assert_int_equal(fx_stats(t).slots, 3);
	wr_svc_table_close(t);
	wr_dp_close(dp);
}

static void a_change_takes_a_new_record_and_leaves_the_old_one_as_it_was(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_svc_table *t = fx_open_table(dp);
	struct wr_service before, after;
	uint32_t number, i;
	struct want w;
	int old;

	fx_want_init(&w, 1);
	fx_want_backends(&w, 10, 3);
	fx_put(t, &w);
	old = fx_lookup(dp, &w.fes[0], &before);
	fx_want_backends(&w, 11, 4);
	fx_put(t, &w);
	assert_true(fx_record_of(dp, 1) != old);
	fx_expect(dp, 1, 11, 4);
	/* A packet that read the old word still finds all of it. */
	number = (uint32_t)old;
	assert_int_equal(wr_sys_map_lookup(wr_dp_map_fd(dp, WR_MAP_wr_services), &number, &after), 0);
	assert_memory_equal(&before, &after, sizeof(before));
	for (i = 0; i < 3; i++)
		assert_int_equal(wr_service_slots(dp, &before, i, &number), 0);
	wr_svc_table_close(t);
	wr_dp_close(dp);
}

static void a_removed_backend_is_free_and_its_generation_raised(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_svc_table *t = fx_open_table(dp);
	struct wr_backend be, after;
	uint32_t number;
	struct want w;

	fx_want_init(&w, 1);
	fx_want_backends(&w, 10, 2);
	fx_put(t, &w);
	number = fx_slot_backend(dp, 1, 0, &be);
	fx_want_backends(&w, 11, 1);
	fx_put(t, &w);
	assert_int_equal(wr_backend_get(dp, number, &after), 0);
	assert_int_equal(after.state, WR_BACKEND_FREE);
	assert_int_equal(after.gen, be.gen + 1);
	assert_true(wr_addr_eq(&after.addr, &be.addr));
	wr_svc_table_close(t);
	wr_dp_close(dp);
}

static void a_backend_of_two_sets_has_one_number_and_goes_with_the_second(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_svc_table *t = fx_open_table(dp);
	struct wr_backend be;
	struct want a, b;
	uint32_t number;

	fx_want_init(&a, 1);
	fx_want_backends(&a, 10, 1);
	fx_want_init(&b, 2);
	fx_want_backends(&b, 10, 1);
	fx_put(t, &a);
	fx_put(t, &b);
	number = fx_slot_backend(dp, 1, 0, &be);
	assert_int_equal(fx_slot_backend(dp, 2, 0, &be), number);
	assert_int_equal(fx_stats(t).backends, 1);
	assert_int_equal(wr_svc_table_del(t, a.set.key), 0);
	fx_expect(dp, 2, 10, 1);
	assert_int_equal(wr_svc_table_del(t, b.set.key), 0);
	assert_int_equal(wr_backend_get(dp, number, &be), 0);
	assert_int_equal(be.state, WR_BACKEND_FREE);
	wr_svc_table_close(t);
	wr_dp_close(dp);
}

static void numbers_are_not_used_again_before_the_grace_period_is_over(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_svc_table *t = fx_open_table(dp);
	struct wr_backend be, other;
	uint32_t number;
	struct want w;

	fx_want_init(&w, 1);
	fx_want_backends(&w, 10, 1);
	fx_put(t, &w);
	number = fx_slot_backend(dp, 1, 0, &be);
	fx_want_backends(&w, 20, 1);
	fx_put(t, &w);
	assert_true(fx_slot_backend(dp, 1, 0, &other) != number);
	wr_svc_table_tick(t, 5000);
	wr_svc_table_tick(t, 5999);
	fx_want_backends(&w, 30, 1);
	fx_put(t, &w);
	assert_true(fx_slot_backend(dp, 1, 0, &other) != number);
	wr_svc_table_tick(t, 6000);
	fx_want_backends(&w, 40, 1);
	fx_put(t, &w);
	assert_int_equal(fx_slot_backend(dp, 1, 0, &other), number);
	assert_int_equal(other.gen, be.gen + 1);
	wr_svc_table_close(t);
	wr_dp_close(dp);
}

static void nothing_leaks_over_many_changes(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_svc_table *t = fx_open_table(dp);
	struct want w;
	uint32_t i;

	for (i = 0; i < 2000; i++) {
		fx_want_init(&w, 1 + i % 7);
		fx_want_backends(&w, 10 + i % 5, i % 6);
		fx_put(t, &w);
		if (i % 11 == 0)
			assert_int_equal(wr_svc_table_del(t, w.set.key), 0);
		fx_let_go(t);
	}
	for (i = 1; i <= 7; i++)
		assert_int_equal(wr_svc_table_del(t, 1000 + i), 0);
	fx_let_go(t);
	assert_int_equal(fx_stats(t).frontends, 0);
	assert_int_equal(fx_stats(t).sets, 0);
	assert_int_equal(fx_stats(t).slots, 0);
	assert_int_equal(fx_stats(t).backends, 0);
	wr_svc_table_close(t);
	wr_dp_close(dp);
}

static void a_set_without_backends_has_a_record(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_svc_table *t = fx_open_table(dp);
	struct want w;

	fx_want_init(&w, 1);
	w.set.flags = WR_SVC_LOCAL_ONLY;
	fx_put(t, &w);
	fx_expect(dp, 1, 0, 0);
	fx_want_backends(&w, 10, 1);
	fx_put(t, &w);
	fx_expect(dp, 1, 10, 1);
	wr_svc_table_close(t);
	wr_dp_close(dp);
}

static void frontends_come_and_go_with_their_set(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_svc_table *t = fx_open_table(dp);
	struct wr_service svc;
	struct want w;
	int record;

	fx_want_init(&w, 1);
	fx_want_backends(&w, 10, 2);
	w.fes[1] = fx_frontend(51);
	w.fes[2] = fx_frontend(52);
	w.set.n_frontends = 3;
	fx_put(t, &w);
	record = fx_record_of(dp, 1);
	assert_int_equal(fx_record_of(dp, 51), record);
	assert_int_equal(fx_record_of(dp, 52), record);
	w.set.n_frontends = 2;
	fx_put(t, &w);
	assert_int_equal(fx_record_of(dp, 51), record);
	assert_int_equal(fx_lookup(dp, &w.fes[2], &svc), -ENOENT);
	w.set.n_frontends = 0;
	fx_put(t, &w);
	assert_int_equal(fx_lookup(dp, &w.fes[0], &svc), -ENOENT);
	assert_int_equal(fx_lookup(dp, &w.fes[1], &svc), -ENOENT);
	wr_svc_table_close(t);
	wr_dp_close(dp);
}

static void a_frontend_moves_to_the_set_that_puts_it(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_svc_table *t = fx_open_table(dp);
	struct want a, b;

	fx_want_init(&a, 1);
	fx_want_backends(&a, 10, 1);
	a.fes[1] = fx_frontend(50);
	a.set.n_frontends = 2;
	fx_put(t, &a);
	fx_want_init(&b, 2);
	fx_want_backends(&b, 20, 1);
	b.fes[1] = fx_frontend(50);
	b.set.n_frontends = 2;
	fx_put(t, &b);
	assert_int_equal(fx_record_of(dp, 50), fx_record_of(dp, 2));
	/* The former owner goes; what it no longer has stays. */
	assert_int_equal(wr_svc_table_del(t, a.set.key), 0);
	assert_int_equal(fx_record_of(dp, 50), fx_record_of(dp, 2));
	assert_int_equal(fx_record_of(dp, 1), -ENOENT);
	/* And back, also when it takes the other's last frontend. */
	a.fes[1] = fx_frontend(50);
	a.fes[2] = fx_frontend(2);
	a.set.n_frontends = 3;
	fx_put(t, &a);
	assert_int_equal(fx_record_of(dp, 2), fx_record_of(dp, 1));
	assert_int_equal(wr_svc_table_del(t, b.set.key), 0);
	assert_int_equal(fx_record_of(dp, 2), fx_record_of(dp, 1));
	wr_svc_table_close(t);
	wr_dp_close(dp);
}

static void rows_that_say_this_address_is_ours_share_one_record(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_svc_table *t = fx_open_table(dp);
	struct want a, b;

	fx_want_init(&a, 1);
	fx_want_init(&b, 2);
	a.set.flags = b.set.flags = WR_SVC_ADDRESS;
	fx_put(t, &a);
	fx_put(t, &b);
	assert_int_equal(fx_record_of(dp, 1), fx_record_of(dp, 2));
	assert_int_equal(wr_svc_table_del(t, a.set.key), 0);
	assert_int_equal(wr_svc_table_del(t, b.set.key), 0);
	fx_let_go(t);
	fx_put(t, &a);
	assert_true(fx_record_of(dp, 1) > 0);
	wr_svc_table_close(t);
	wr_dp_close(dp);
}

static void a_full_slot_table_leaves_the_old_set_in_force(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_svc_table *t = fx_open_table(dp);
	struct wr_err err = WR_ERR_INIT;
	struct wr_svc_table_stats before;
	struct want w;
	uint32_t i;

	/* 256 slots: four sets of 60 leave 16. */
	for (i = 1; i <= 4; i++) {
		fx_want_init(&w, i);
		fx_want_backends(&w, 10, 60);
		fx_put(t, &w);
	}
	before = fx_stats(t);
	fx_want_backends(&w, 20, 17);
	assert_int_equal(wr_svc_table_put(t, &w.set, &err), -ENOSPC);
	assert_err(&err, -ENOSPC, "map wr_slots is full (256 entries)");
	fx_expect(dp, 4, 10, 60);
	assert_int_equal(fx_stats(t).slots, before.slots);
	assert_int_equal(fx_stats(t).backends, before.backends);
	fx_want_backends(&w, 20, 16);
	fx_put(t, &w);
	fx_expect(dp, 4, 20, 16);
	wr_svc_table_close(t);
	wr_dp_close(dp);
}

static void a_full_backend_table_leaves_the_old_set_in_force(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_svc_table *t = fx_open_table(dp);
	struct wr_err err = WR_ERR_INIT;
	struct want w;

	/* 128 backends, 0 is never given out. */
	fx_want_init(&w, 1);
	fx_want_backends(&w, 0x100, 64);
	fx_put(t, &w);
	fx_want_init(&w, 2);
	fx_want_backends(&w, 0x200, 60);
	fx_put(t, &w);
	fx_want_backends(&w, 0x300, 4);
	assert_int_equal(wr_svc_table_put(t, &w.set, &err), -ENOSPC);
	assert_err(&err, -ENOSPC, "map wr_backends is full (128 entries)");
	fx_expect(dp, 2, 0x200, 60);
	assert_int_equal(fx_stats(t).backends, 124);
	fx_want_backends(&w, 0x300, 3);
	fx_put(t, &w);
	fx_expect(dp, 2, 0x300, 3);
	wr_svc_table_close(t);
	wr_dp_close(dp);
}

static void a_full_frontend_table_leaves_the_old_set_in_force(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_svc_table *t = fx_open_table(dp);
	struct wr_err err = WR_ERR_INIT;
	struct want w, one;
	uint32_t i;

	fx_want_init(&one, 500);
	fx_want_backends(&one, 90, 1);
	fx_put(t, &one);
	fx_want_init(&w, 1);
	fx_want_backends(&w, 10, 2);
	for (i = 0; i < FX_MAX; i++)
		w.fes[i] = fx_frontend(1 + i);
	w.set.n_frontends = 62;
	fx_put(t, &w);
	/* 64 rows: 63 are taken. */
	w.set.n_frontends = 64;
	fx_want_backends(&w, 20, 2);
	assert_int_equal(wr_svc_table_put(t, &w.set, &err), -ENOSPC);
	assert_err(&err, -ENOSPC, "map wr_frontends is full (64 entries)");
	fx_expect(dp, 1, 10, 2);
	assert_int_equal(wr_svc_table_del(t, one.set.key), 0);
	fx_put(t, &w);
	fx_expect(dp, 1, 20, 2);
	assert_int_equal(fx_stats(t).frontends, 64);
	wr_svc_table_close(t);
	wr_dp_close(dp);
}

static void a_batch_is_in_force_at_commit_and_not_before(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_svc_table *t = fx_open_table(dp);
	struct wr_err err = WR_ERR_INIT;
	struct want w;
	uint32_t i;

	assert_int_equal(wr_svc_table_begin(t), 0);
	for (i = 1; i <= 20; i++) {
		fx_want_init(&w, i);
		fx_want_backends(&w, i, 2);
		fx_put(t, &w);
	}
	assert_int_equal(fx_record_of(dp, 5), -ENOENT);
	assert_int_equal(wr_svc_table_commit(t, &err), 0);
	for (i = 1; i <= 20; i++)
		fx_expect(dp, i, i, 2);
	wr_svc_table_close(t);
	wr_dp_close(dp);
}

static void the_last_word_in_a_batch_counts(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_svc_table *t = fx_open_table(dp);
	struct wr_err err = WR_ERR_INIT;
	struct want w;

	fx_want_init(&w, 1);
	fx_want_backends(&w, 10, 2);
	fx_put(t, &w);
	assert_int_equal(wr_svc_table_begin(t), 0);
	assert_int_equal(wr_svc_table_del(t, w.set.key), 0);
	fx_want_backends(&w, 20, 3);
	fx_put(t, &w);
	fx_want_init(&w, 2);
	fx_want_backends(&w, 30, 1);
	fx_put(t, &w);
	assert_int_equal(wr_svc_table_del(t, w.set.key), 0);
	assert_int_equal(wr_svc_table_commit(t, &err), 0);
	fx_expect(dp, 1, 20, 3);
	assert_int_equal(fx_record_of(dp, 2), -ENOENT);
	fx_let_go(t);
	assert_int_equal(fx_stats(t).slots, 3);
	assert_int_equal(fx_stats(t).backends, 3);
	wr_svc_table_close(t);
	wr_dp_close(dp);
}

static void a_held_backend_stays_named_until_it_is_let_go(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_svc_table *t = fx_open_table(dp);
	struct wr_svc_backend gone = fx_backend(10);
	struct wr_backend be;
	uint32_t number, gen;
	struct want w;

	gone.terminating = true;
	fx_want_init(&w, 1);
	fx_want_backends(&w, 10, 2);
	fx_put(t, &w);
	number = fx_slot_backend(dp, 1, 0, &be);
	gen = be.gen;
	assert_int_equal(wr_svc_table_hold(t, w.set.key, w.set.id, &gone, 1), 0);
	fx_want_backends(&w, 11, 1);
	fx_put(t, &w);
	assert_int_equal(wr_backend_get(dp, number, &be), 0);
	assert_int_equal(be.state, WR_BACKEND_TERMINATING);
	assert_int_equal(be.gen, gen);
	assert_int_equal(wr_svc_table_hold(t, w.set.key, w.set.id, &gone, 1), 0);
	assert_int_equal(wr_backend_get(dp, number, &be), 0);
	assert_int_equal(be.state, WR_BACKEND_TERMINATING);
	assert_int_equal(wr_svc_table_hold(t, w.set.key, w.set.id, NULL, 0), 0);
	assert_int_equal(wr_backend_get(dp, number, &be), 0);
	assert_int_equal(be.state, WR_BACKEND_FREE);
	assert_int_equal(be.gen, gen + 1);
	assert_int_equal(wr_svc_table_hold(t, 4711, 1, NULL, 0), 0);
	wr_svc_table_close(t);
	wr_dp_close(dp);
}

static void udp(struct want *w)
{
	size_t i;

	w->fes[0].proto = IPPROTO_UDP;
	for (i = 0; i < w->set.n_backends; i++)
		w->bes[i].proto = IPPROTO_UDP;
}

static uint32_t backend_of(struct wr_dp *dp, const struct want *w)
{
	struct wr_service svc;
	uint32_t number;

	assert_true(fx_lookup(dp, &w->fes[0], &svc) > 0);
	assert_int_equal(wr_service_slots(dp, &svc, 0, &number), 0);
	return number;
}

/* Else clients of the one would stay with what it has dropped for as long as they speak. */
static void a_udp_backend_leaves_the_service_that_drops_it_though_another_has_it(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_svc_table *t = fx_open_table(dp);
	uint32_t number[2], i;
	struct wr_backend be;
	struct want w[2];

	for (i = 0; i < 2; i++) {
		fx_want_init(&w[i], i + 1);
		fx_want_backends(&w[i], 10, 1);
		udp(&w[i]);
		fx_put(t, &w[i]);
		number[i] = backend_of(dp, &w[i]);
	}
	assert_int_not_equal(number[0], number[1]);
	/* A successor knows whose they are. */
	wr_svc_table_close(t);
	t = fx_open_table(dp);
	for (i = 0; i < 2; i++) {
		fx_put(t, &w[i]);
		assert_int_equal(backend_of(dp, &w[i]), number[i]);
	}
	fx_want_backends(&w[0], 11, 1);
	udp(&w[0]);
	fx_put(t, &w[0]);
	assert_int_equal(wr_backend_get(dp, number[0], &be), 0);
	assert_int_equal(be.state, WR_BACKEND_FREE);
	assert_int_equal(wr_backend_get(dp, number[1], &be), 0);
	assert_int_equal(be.state, WR_BACKEND_ACTIVE);
	wr_svc_table_close(t);
	wr_dp_close(dp);
}

static void a_tcp_backend_is_one_whoever_has_it(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_svc_table *t = fx_open_table(dp);
	struct wr_backend be;
	struct want a, b;
	uint32_t number;

	fx_want_init(&a, 1);
	fx_want_backends(&a, 10, 1);
	fx_put(t, &a);
	fx_want_init(&b, 2);
	fx_want_backends(&b, 10, 1);
	fx_put(t, &b);
	number = backend_of(dp, &a);
	assert_int_equal(backend_of(dp, &b), number);
	assert_int_equal(wr_svc_table_del(t, a.set.key), 0);
	assert_int_equal(wr_backend_get(dp, number, &be), 0);
	assert_int_equal(be.state, WR_BACKEND_ACTIVE);
	wr_svc_table_close(t);
	wr_dp_close(dp);
}

static void facts_about_a_backend_change_in_place(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_svc_table *t = fx_open_table(dp);
	struct wr_backend be;
	struct want w;
	int record;

	fx_want_init(&w, 1);
	fx_want_backends(&w, 10, 1);
	fx_put(t, &w);
	record = fx_record_of(dp, 1);
	w.bes[0].zone = 3;
	w.bes[0].terminating = true;
	fx_put(t, &w);
	assert_int_equal(fx_record_of(dp, 1), record);
	fx_slot_backend(dp, 1, 0, &be);
	assert_int_equal(be.zone, 3);
	assert_int_equal(be.state, WR_BACKEND_TERMINATING);
	assert_int_equal(be.gen, 0);
	wr_svc_table_close(t);
	wr_dp_close(dp);
}

static void weights_are_repeated_slots(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_svc_table *t = fx_open_table(dp);
	struct wr_frontend fe = fx_frontend(1);
	struct wr_service svc;
	struct wr_backend be;
	struct want w;
	uint32_t i, heavy = 0;

	fx_want_init(&w, 1);
	fx_want_backends(&w, 10, 2);
	w.bes[0].weight = 20;
	w.bes[1].weight = 30;
	fx_put(t, &w);
	assert_true(fx_lookup(dp, &fe, &svc) > 0);
	assert_int_equal(svc.n, 5);
	for (i = 0; i < svc.n; i++) {
		fx_slot_backend(dp, 1, i, &be);
		heavy += be.addr.b[15] == 11;
	}
	assert_int_equal(heavy, 3);
	w.bes[0].weight = w.bes[1].weight = 50;
	fx_put(t, &w);
	fx_expect(dp, 1, 10, 2);
	wr_svc_table_close(t);
	wr_dp_close(dp);
}

static void a_maglev_table_names_the_backends_evenly(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_svc_table *t;
	struct wr_frontend fe = fx_frontend(1);
	struct wr_maglev_line line;
	uint32_t picks[256] = { 0 }, i, at;
	struct wr_service svc;
	struct wr_backend be;
	struct want w;

	/* 4096 lines: a table of the default size takes 2047, and a change needs room for two. */
	t = fx_open_table(dp);
	fx_want_init(&w, 1);
	fx_want_backends(&w, 10, 5);
	w.set.flags = WR_SVC_MAGLEV | WR_SVC_EXTERNAL;
	w.set.maglev_seed = 99;
	fx_put(t, &w);
	assert_true(fx_lookup(dp, &fe, &svc) > 0);
	assert_int_equal(svc.maglev_size, WR_MAGLEV_SIZE);
	for (i = 0; i < svc.maglev_size; i++) {
		at = svc.maglev + i / WR_MAGLEV_LINE;
		assert_int_equal(wr_sys_map_lookup(wr_dp_map_fd(dp, WR_MAP_wr_maglev), &at, &line),
				 0);
		assert_int_equal(wr_backend_get(dp, line.backend[i % WR_MAGLEV_LINE], &be), 0);
		picks[be.addr.b[15]]++;
	}
	for (i = 10; i < 15; i++)
		assert_in_range(picks[i], WR_MAGLEV_SIZE / 5, WR_MAGLEV_SIZE / 5 + 1);
	fx_want_backends(&w, 10, 4);
	fx_put(t, &w);
	wr_svc_table_close(t);
	wr_dp_close(dp);
}

static uint32_t put_flags(struct wr_svc_table *t, struct wr_dp *dp, const struct want *w, int want)
{
	struct wr_service svc;

	assert_int_equal(wr_svc_table_put(t, &w->set, NULL), want);
	assert_true(fx_lookup(dp, &w->fes[0], &svc) > 0);
	fx_expect(dp, w->set.id, 10, (uint32_t)w->set.n_backends);
	return svc.flags;
}

static void without_room_for_a_maglev_table_a_port_is_in_force_and_says_so(void **state)
{
	const uint32_t table = WR_SVC_MAGLEV | WR_SVC_EXTERNAL;
	const uint32_t none = WR_SVC_NO_TABLE | WR_SVC_EXTERNAL;
	struct wr_dp *dp = dp_open();
	struct wr_svc_table *t = fx_open_table(dp);
	struct want w[3];
	uint32_t i;
	int record;

	/* There is room for two. */
	for (i = 0; i < 3; i++) {
		fx_want_init(&w[i], i + 1);
		fx_want_backends(&w[i], 10, 2);
		w[i].set.flags = table;
		assert_int_equal(put_flags(t, dp, &w[i], i == 2), i == 2 ? none : table);
	}
	record = fx_record_of(dp, 3);
	assert_int_equal(put_flags(t, dp, &w[2], 1), none);
	assert_int_equal(fx_record_of(dp, 3), record);
	assert_int_equal(wr_svc_table_del(t, w[0].set.key), 0);
	assert_false(wr_svc_table_has_table_room(t));
	fx_let_go(t);
	assert_true(wr_svc_table_has_table_room(t));
	assert_int_equal(put_flags(t, dp, &w[2], 0), table);
	wr_svc_table_close(t);
	wr_dp_close(dp);
}

static bool admits(struct wr_dp *dp, uint32_t service, const char *client)
{
	struct wr_src_range key = { .len = 32 + 128, .service = service };
	struct wr_addr a;
	uint8_t yes;

	assert_int_equal(wr_addr_parse(client, &a), 0);
	memcpy(&key.addr, &a, sizeof(key.addr));
	return wr_sys_map_lookup(wr_dp_map_fd(dp, WR_MAP_wr_src_ranges), &key, &yes) == 0;
}

static void source_ranges_follow_the_set(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_svc_table *t = fx_open_table(dp);
	struct wr_prefix ranges[2];
	struct want w;

	assert_int_equal(wr_prefix_parse("192.0.2.0/24", &ranges[0]), 0);
	assert_int_equal(wr_prefix_parse("2001:db8::/32", &ranges[1]), 0);
	fx_want_init(&w, 1);
	fx_want_backends(&w, 10, 1);
	w.set.flags = WR_SVC_SRC_RANGES;
	w.set.src_ranges = ranges;
	w.set.n_src_ranges = 2;
	fx_put(t, &w);
	assert_true(admits(dp, 1, "192.0.2.9"));
	assert_true(admits(dp, 1, "2001:db8::1"));
	assert_false(admits(dp, 1, "198.51.100.1"));
	assert_false(admits(dp, 2, "192.0.2.9"));
	assert_int_equal(wr_prefix_parse("198.51.100.0/24", &ranges[0]), 0);
	w.set.n_src_ranges = 1;
	fx_put(t, &w);
	assert_true(admits(dp, 1, "198.51.100.1"));
	assert_false(admits(dp, 1, "192.0.2.9"));
	assert_false(admits(dp, 1, "2001:db8::1"));
	w.set.flags = 0;
	w.set.n_src_ranges = 0;
	fx_put(t, &w);
	fx_let_go(t);
	assert_false(admits(dp, 1, "198.51.100.1"));
	wr_svc_table_close(t);
	wr_dp_close(dp);
}

#define test(name) cmocka_unit_test_setup_teardown(name, dp_maps_make, dp_maps_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_set_is_in_force_after_put),
		test(an_equal_set_touches_nothing),
		test(a_change_takes_a_new_record_and_leaves_the_old_one_as_it_was),
		test(a_removed_backend_is_free_and_its_generation_raised),
		test(a_backend_of_two_sets_has_one_number_and_goes_with_the_second),
		test(numbers_are_not_used_again_before_the_grace_period_is_over),
		test(nothing_leaks_over_many_changes),
		test(a_set_without_backends_has_a_record),
		test(frontends_come_and_go_with_their_set),
		test(a_frontend_moves_to_the_set_that_puts_it),
		test(rows_that_say_this_address_is_ours_share_one_record),
		test(a_full_slot_table_leaves_the_old_set_in_force),
		test(a_full_backend_table_leaves_the_old_set_in_force),
		test(a_full_frontend_table_leaves_the_old_set_in_force),
		test(a_batch_is_in_force_at_commit_and_not_before),
		test(the_last_word_in_a_batch_counts),
		test(a_held_backend_stays_named_until_it_is_let_go),
		test(a_udp_backend_leaves_the_service_that_drops_it_though_another_has_it),
		test(a_tcp_backend_is_one_whoever_has_it),
		test(facts_about_a_backend_change_in_place),
		test(weights_are_repeated_slots),
		test(a_maglev_table_names_the_backends_evenly),
		test(without_room_for_a_maglev_table_a_port_is_in_force_and_says_so),
		test(source_ranges_follow_the_set),
	};

	return cmocka_run_group_tests(tests, dp_sandbox_enter, dp_sandbox_leave);
}
