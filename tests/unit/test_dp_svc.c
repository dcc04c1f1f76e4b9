/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about services in force, on real maps. */
#include "tests/unit/check.h"

#include <arpa/inet.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/addr.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/dp/private.h"
#include "lib/dp/svc_table.h"
#include "tests/unit/dp_fixture.h"

#define MAX 64

/* A set in the making: service n has frontend 10.96.0.n:80 and backends 10.0.0.x:8080. */
struct want {
	struct wr_svc_set set;
	struct wr_frontend fes[MAX];
	struct wr_svc_backend bes[MAX];
};

static struct wr_addr addr4(uint32_t a)
{
	struct in_addr in = { .s_addr = htonl(a) };

	return wr_addr_from4(in);
}

static struct wr_frontend frontend(uint32_t n)
{
	return (struct wr_frontend){ .addr = addr4(0x0a600000 + n),
				     .port = htons(80),
				     .proto = IPPROTO_TCP };
}

static struct wr_svc_backend backend(uint32_t n)
{
	return (struct wr_svc_backend){ .addr = addr4(0x0a000000 + n),
					.port = htons(8080),
					.proto = IPPROTO_TCP,
					.weight = 1,
					.node = 7 };
}

static void want_init(struct want *w, uint32_t service)
{
	*w = (struct want){ 0 };
	w->set = (struct wr_svc_set){
		.key = 1000 + service,
		.id = service,
		.frontends = w->fes,
		.n_frontends = 1,
		.backends = w->bes,
	};
	w->fes[0] = frontend(service);
}

static void want_backends(struct want *w, uint32_t first, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		w->bes[i] = backend(first + i);
	w->set.n_backends = n;
}

static struct wr_svc_table *open_table(struct wr_dp *dp)
{
	struct wr_svc_table *t = NULL;
	struct wr_err err = WR_ERR_INIT;

	if (wr_svc_table_open(dp, &t, &err) < 0)
		fail_msg("%s", err.msg);
	return t;
}

static void put(struct wr_svc_table *t, const struct want *w)
{
	struct wr_err err = WR_ERR_INIT;

	if (wr_svc_table_put(t, &w->set, &err) < 0)
		fail_msg("%s", err.msg);
}

/* What the kernel has for a frontend; -ENOENT. */
static int lookup(struct wr_dp *dp, const struct wr_frontend *fe, struct wr_service *ret)
{
	uint32_t number;
	uint64_t word;
	int r;

	r = wr_sys_map_lookup(wr_dp_map_fd(dp, WR_MAP_wr_frontends), fe, &word);
	if (r < 0)
		return r;
	assert_int_equal(WR_FE_CHECK(word), wr_frontend_check(fe));
	number = WR_FE_SERVICE(word);
	assert_int_equal(wr_sys_map_lookup(wr_dp_map_fd(dp, WR_MAP_wr_services), &number, ret), 0);
	return (int)number;
}

static int record_of(struct wr_dp *dp, uint32_t service)
{
	struct wr_frontend fe = frontend(service);
	struct wr_service svc;

	return lookup(dp, &fe, &svc);
}

/* The last byte of the address behind slot @i of a service. */
static uint32_t slot_backend(struct wr_dp *dp, uint32_t service, uint32_t i, struct wr_backend *ret)
{
	struct wr_frontend fe = frontend(service);
	struct wr_service svc;
	uint32_t number;

	assert_true(lookup(dp, &fe, &svc) > 0);
	assert_int_equal(wr_service_slots(dp, &svc, i, &number), 0);
	assert_int_equal(wr_backend_get(dp, number, ret), 0);
	return number;
}

static void expect(struct wr_dp *dp, uint32_t service, uint32_t first, uint32_t n)
{
	struct wr_frontend fe = frontend(service);
	struct wr_service svc;
	struct wr_backend be;
	struct wr_addr a;
	uint32_t i;

	assert_true(lookup(dp, &fe, &svc) > 0);
	assert_int_equal(svc.id, service);
	assert_int_equal(svc.n, n);
	for (i = 0; i < n; i++) {
		slot_backend(dp, service, i, &be);
		a = addr4(0x0a000000 + first + i);
		assert_true(wr_addr_eq(&be.addr, &a));
		assert_int_equal(be.port, htons(8080));
		assert_int_equal(be.state, WR_BACKEND_ACTIVE);
		assert_int_equal(be.node, 7);
	}
}

static struct wr_svc_table_stats stats(const struct wr_svc_table *t)
{
	struct wr_svc_table_stats s;

	wr_svc_table_get_stats(t, &s);
	return s;
}

/* Two ticks far apart: all that was given up is free. */
static void let_go(struct wr_svc_table *t)
{
	wr_svc_table_tick(t, 1000);
	wr_svc_table_tick(t, 10000);
}

static void a_set_is_in_force_after_put(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_svc_table *t = open_table(dp);
	struct want w;

	want_init(&w, 1);
	want_backends(&w, 10, 3);
	put(t, &w);
	expect(dp, 1, 10, 3);
	assert_int_equal(stats(t).frontends, 1);
	assert_int_equal(stats(t).backends, 3);
	assert_int_equal(stats(t).slots, 3);
	wr_svc_table_close(t);
	wr_dp_close(dp);
}

static void an_equal_set_touches_nothing(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_svc_table *t = open_table(dp);
	struct want w;
	int record;

	want_init(&w, 1);
	want_backends(&w, 10, 3);
	put(t, &w);
	record = record_of(dp, 1);
	put(t, &w);
	assert_int_equal(record_of(dp, 1), record);
	assert_int_equal(stats(t).slots, 3);
	wr_svc_table_close(t);
	wr_dp_close(dp);
}

static void a_change_takes_a_new_record_and_leaves_the_old_one_as_it_was(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_svc_table *t = open_table(dp);
	struct wr_service before, after;
	uint32_t number, i;
	struct want w;
	int old;

	want_init(&w, 1);
	want_backends(&w, 10, 3);
	put(t, &w);
	old = lookup(dp, &w.fes[0], &before);
	want_backends(&w, 11, 4);
	put(t, &w);
	assert_true(record_of(dp, 1) != old);
	expect(dp, 1, 11, 4);
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
	struct wr_svc_table *t = open_table(dp);
	struct wr_backend be, after;
	uint32_t number;
	struct want w;

	want_init(&w, 1);
	want_backends(&w, 10, 2);
	put(t, &w);
	number = slot_backend(dp, 1, 0, &be);
	want_backends(&w, 11, 1);
	put(t, &w);
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
	struct wr_svc_table *t = open_table(dp);
	struct wr_backend be;
	struct want a, b;
	uint32_t number;

	want_init(&a, 1);
	want_backends(&a, 10, 1);
	want_init(&b, 2);
	want_backends(&b, 10, 1);
	put(t, &a);
	put(t, &b);
	number = slot_backend(dp, 1, 0, &be);
	assert_int_equal(slot_backend(dp, 2, 0, &be), number);
	assert_int_equal(stats(t).backends, 1);
	assert_int_equal(wr_svc_table_del(t, a.set.key), 0);
	expect(dp, 2, 10, 1);
	assert_int_equal(wr_svc_table_del(t, b.set.key), 0);
	assert_int_equal(wr_backend_get(dp, number, &be), 0);
	assert_int_equal(be.state, WR_BACKEND_FREE);
	wr_svc_table_close(t);
	wr_dp_close(dp);
}

static void numbers_are_not_used_again_before_the_grace_period_is_over(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_svc_table *t = open_table(dp);
	struct wr_backend be, other;
	uint32_t number;
	struct want w;

	want_init(&w, 1);
	want_backends(&w, 10, 1);
	put(t, &w);
	number = slot_backend(dp, 1, 0, &be);
	want_backends(&w, 20, 1);
	put(t, &w);
	assert_true(slot_backend(dp, 1, 0, &other) != number);
	wr_svc_table_tick(t, 5000);
	wr_svc_table_tick(t, 5999);
	want_backends(&w, 30, 1);
	put(t, &w);
	assert_true(slot_backend(dp, 1, 0, &other) != number);
	wr_svc_table_tick(t, 6000);
	want_backends(&w, 40, 1);
	put(t, &w);
	assert_int_equal(slot_backend(dp, 1, 0, &other), number);
	assert_int_equal(other.gen, be.gen + 1);
	wr_svc_table_close(t);
	wr_dp_close(dp);
}

static void nothing_leaks_over_many_changes(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_svc_table *t = open_table(dp);
	struct want w;
	uint32_t i;

	for (i = 0; i < 2000; i++) {
		want_init(&w, 1 + i % 7);
		want_backends(&w, 10 + i % 5, i % 6);
		put(t, &w);
		if (i % 11 == 0)
			assert_int_equal(wr_svc_table_del(t, w.set.key), 0);
		let_go(t);
	}
	for (i = 1; i <= 7; i++)
		assert_int_equal(wr_svc_table_del(t, 1000 + i), 0);
	let_go(t);
	assert_int_equal(stats(t).frontends, 0);
	assert_int_equal(stats(t).sets, 0);
	assert_int_equal(stats(t).slots, 0);
	assert_int_equal(stats(t).backends, 0);
	wr_svc_table_close(t);
	wr_dp_close(dp);
}

static void a_set_without_backends_has_a_record(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_svc_table *t = open_table(dp);
	struct want w;

	want_init(&w, 1);
	w.set.flags = WR_SVC_LOCAL_ONLY;
	put(t, &w);
	expect(dp, 1, 0, 0);
	want_backends(&w, 10, 1);
	put(t, &w);
	expect(dp, 1, 10, 1);
	wr_svc_table_close(t);
	wr_dp_close(dp);
}

static void frontends_come_and_go_with_their_set(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_svc_table *t = open_table(dp);
	struct wr_service svc;
	struct want w;
	int record;

	want_init(&w, 1);
	want_backends(&w, 10, 2);
	w.fes[1] = frontend(51);
	w.fes[2] = frontend(52);
	w.set.n_frontends = 3;
	put(t, &w);
	record = record_of(dp, 1);
	assert_int_equal(record_of(dp, 51), record);
	assert_int_equal(record_of(dp, 52), record);
	w.set.n_frontends = 2;
	put(t, &w);
	assert_int_equal(record_of(dp, 51), record);
	assert_int_equal(lookup(dp, &w.fes[2], &svc), -ENOENT);
	w.set.n_frontends = 0;
	put(t, &w);
	assert_int_equal(lookup(dp, &w.fes[0], &svc), -ENOENT);
	assert_int_equal(lookup(dp, &w.fes[1], &svc), -ENOENT);
	wr_svc_table_close(t);
	wr_dp_close(dp);
}

static void a_frontend_moves_to_the_set_that_puts_it(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_svc_table *t = open_table(dp);
	struct want a, b;

	want_init(&a, 1);
	want_backends(&a, 10, 1);
	a.fes[1] = frontend(50);
	a.set.n_frontends = 2;
	put(t, &a);
	want_init(&b, 2);
	want_backends(&b, 20, 1);
	b.fes[1] = frontend(50);
	b.set.n_frontends = 2;
	put(t, &b);
	assert_int_equal(record_of(dp, 50), record_of(dp, 2));
	/* The former owner goes; what it no longer has stays. */
	assert_int_equal(wr_svc_table_del(t, a.set.key), 0);
	assert_int_equal(record_of(dp, 50), record_of(dp, 2));
	assert_int_equal(record_of(dp, 1), -ENOENT);
	/* And back, also when it takes the other's last frontend. */
	a.fes[1] = frontend(50);
	a.fes[2] = frontend(2);
	a.set.n_frontends = 3;
	put(t, &a);
	assert_int_equal(record_of(dp, 2), record_of(dp, 1));
	assert_int_equal(wr_svc_table_del(t, b.set.key), 0);
	assert_int_equal(record_of(dp, 2), record_of(dp, 1));
	wr_svc_table_close(t);
	wr_dp_close(dp);
}

static void rows_that_say_this_address_is_ours_share_one_record(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_svc_table *t = open_table(dp);
	struct want a, b;

	want_init(&a, 1);
	want_init(&b, 2);
	a.set.flags = b.set.flags = WR_SVC_ADDRESS;
	put(t, &a);
	put(t, &b);
	assert_int_equal(record_of(dp, 1), record_of(dp, 2));
	assert_int_equal(wr_svc_table_del(t, a.set.key), 0);
	assert_int_equal(wr_svc_table_del(t, b.set.key), 0);
	let_go(t);
	put(t, &a);
	assert_true(record_of(dp, 1) > 0);
	wr_svc_table_close(t);
	wr_dp_close(dp);
}

static void a_full_slot_table_leaves_the_old_set_in_force(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_svc_table *t = open_table(dp);
	struct wr_err err = WR_ERR_INIT;
	struct wr_svc_table_stats before;
	struct want w;
	uint32_t i;

	/* 256 slots: four sets of 60 leave 16. */
	for (i = 1; i <= 4; i++) {
		want_init(&w, i);
		want_backends(&w, 10, 60);
		put(t, &w);
	}
	before = stats(t);
	want_backends(&w, 20, 17);
	assert_int_equal(wr_svc_table_put(t, &w.set, &err), -ENOSPC);
	assert_err(&err, -ENOSPC, "map wr_slots is full (256 entries)");
	expect(dp, 4, 10, 60);
	assert_int_equal(stats(t).slots, before.slots);
	assert_int_equal(stats(t).backends, before.backends);
	want_backends(&w, 20, 16);
	put(t, &w);
	expect(dp, 4, 20, 16);
	wr_svc_table_close(t);
	wr_dp_close(dp);
}

static void a_full_backend_table_leaves_the_old_set_in_force(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_svc_table *t = open_table(dp);
	struct wr_err err = WR_ERR_INIT;
	struct want w;

	/* 128 backends, 0 is never given out. */
	want_init(&w, 1);
	want_backends(&w, 0x100, 64);
	put(t, &w);
	want_init(&w, 2);
	want_backends(&w, 0x200, 60);
	put(t, &w);
	want_backends(&w, 0x300, 4);
	assert_int_equal(wr_svc_table_put(t, &w.set, &err), -ENOSPC);
	assert_err(&err, -ENOSPC, "map wr_backends is full (128 entries)");
	expect(dp, 2, 0x200, 60);
	assert_int_equal(stats(t).backends, 124);
	want_backends(&w, 0x300, 3);
	put(t, &w);
	expect(dp, 2, 0x300, 3);
	wr_svc_table_close(t);
	wr_dp_close(dp);
}

static void a_full_frontend_table_leaves_the_old_set_in_force(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_svc_table *t = open_table(dp);
	struct wr_err err = WR_ERR_INIT;
	struct want w, one;
	uint32_t i;

	want_init(&one, 500);
	want_backends(&one, 90, 1);
	put(t, &one);
	want_init(&w, 1);
	want_backends(&w, 10, 2);
	for (i = 0; i < MAX; i++)
		w.fes[i] = frontend(1 + i);
	w.set.n_frontends = 62;
	put(t, &w);
	/* 64 rows: 63 are taken. */
	w.set.n_frontends = 64;
	want_backends(&w, 20, 2);
	assert_int_equal(wr_svc_table_put(t, &w.set, &err), -ENOSPC);
	assert_err(&err, -ENOSPC, "map wr_frontends is full (64 entries)");
	expect(dp, 1, 10, 2);
	assert_int_equal(wr_svc_table_del(t, one.set.key), 0);
	put(t, &w);
	expect(dp, 1, 20, 2);
	assert_int_equal(stats(t).frontends, 64);
	wr_svc_table_close(t);
	wr_dp_close(dp);
}

static void a_batch_is_in_force_at_commit_and_not_before(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_svc_table *t = open_table(dp);
	struct wr_err err = WR_ERR_INIT;
	struct want w;
	uint32_t i;

	assert_int_equal(wr_svc_table_begin(t), 0);
	for (i = 1; i <= 20; i++) {
		want_init(&w, i);
		want_backends(&w, i, 2);
		put(t, &w);
	}
	assert_int_equal(record_of(dp, 5), -ENOENT);
	assert_int_equal(wr_svc_table_commit(t, &err), 0);
	for (i = 1; i <= 20; i++)
		expect(dp, i, i, 2);
	wr_svc_table_close(t);
	wr_dp_close(dp);
}

static void the_last_word_in_a_batch_counts(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_svc_table *t = open_table(dp);
	struct wr_err err = WR_ERR_INIT;
	struct want w;

	want_init(&w, 1);
	want_backends(&w, 10, 2);
	put(t, &w);
	assert_int_equal(wr_svc_table_begin(t), 0);
	assert_int_equal(wr_svc_table_del(t, w.set.key), 0);
	want_backends(&w, 20, 3);
	put(t, &w);
	want_init(&w, 2);
	want_backends(&w, 30, 1);
	put(t, &w);
	assert_int_equal(wr_svc_table_del(t, w.set.key), 0);
	assert_int_equal(wr_svc_table_commit(t, &err), 0);
	expect(dp, 1, 20, 3);
	assert_int_equal(record_of(dp, 2), -ENOENT);
	let_go(t);
	assert_int_equal(stats(t).slots, 3);
	assert_int_equal(stats(t).backends, 3);
	wr_svc_table_close(t);
	wr_dp_close(dp);
}

static void a_held_backend_stays_named_until_it_is_let_go(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_svc_table *t = open_table(dp);
	struct wr_svc_backend gone = backend(10);
	struct wr_backend be;
	uint32_t number, gen;
	struct want w;

	gone.terminating = true;
	want_init(&w, 1);
	want_backends(&w, 10, 2);
	put(t, &w);
	number = slot_backend(dp, 1, 0, &be);
	gen = be.gen;
	assert_int_equal(wr_svc_table_hold(t, w.set.key, &gone, 1), 0);
	want_backends(&w, 11, 1);
	put(t, &w);
	assert_int_equal(wr_backend_get(dp, number, &be), 0);
	assert_int_equal(be.state, WR_BACKEND_TERMINATING);
	assert_int_equal(be.gen, gen);
	assert_int_equal(wr_svc_table_hold(t, w.set.key, &gone, 1), 0);
	assert_int_equal(wr_backend_get(dp, number, &be), 0);
	assert_int_equal(be.state, WR_BACKEND_TERMINATING);
	assert_int_equal(wr_svc_table_hold(t, w.set.key, NULL, 0), 0);
	assert_int_equal(wr_backend_get(dp, number, &be), 0);
	assert_int_equal(be.state, WR_BACKEND_FREE);
	assert_int_equal(be.gen, gen + 1);
	assert_int_equal(wr_svc_table_hold(t, 4711, NULL, 0), 0);
	wr_svc_table_close(t);
	wr_dp_close(dp);
}

static void facts_about_a_backend_change_in_place(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_svc_table *t = open_table(dp);
	struct wr_backend be;
	struct want w;
	int record;

	want_init(&w, 1);
	want_backends(&w, 10, 1);
	put(t, &w);
	record = record_of(dp, 1);
	w.bes[0].zone = 3;
	w.bes[0].terminating = true;
	put(t, &w);
	assert_int_equal(record_of(dp, 1), record);
	slot_backend(dp, 1, 0, &be);
	assert_int_equal(be.zone, 3);
	assert_int_equal(be.state, WR_BACKEND_TERMINATING);
	assert_int_equal(be.gen, 0);
	wr_svc_table_close(t);
	wr_dp_close(dp);
}

static void weights_are_repeated_slots(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_svc_table *t = open_table(dp);
	struct wr_frontend fe = frontend(1);
	struct wr_service svc;
	struct wr_backend be;
	struct want w;
	uint32_t i, heavy = 0;

	want_init(&w, 1);
	want_backends(&w, 10, 2);
	w.bes[0].weight = 20;
	w.bes[1].weight = 30;
	put(t, &w);
	assert_true(lookup(dp, &fe, &svc) > 0);
	assert_int_equal(svc.n, 5);
	for (i = 0; i < svc.n; i++) {
		slot_backend(dp, 1, i, &be);
		heavy += be.addr.b[15] == 11;
	}
	assert_int_equal(heavy, 3);
	w.bes[0].weight = w.bes[1].weight = 50;
	put(t, &w);
	expect(dp, 1, 10, 2);
	wr_svc_table_close(t);
	wr_dp_close(dp);
}

static void a_maglev_table_names_the_backends_evenly(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_svc_table *t;
	struct wr_frontend fe = frontend(1);
	struct wr_maglev_line line;
	uint32_t picks[256] = { 0 }, i, at;
	struct wr_service svc;
	struct wr_backend be;
	struct want w;

	/* 64 lines: a table of 509 takes 32, and a change needs room for two. */
	dp->maglev_size = 509;
	t = open_table(dp);
	want_init(&w, 1);
	want_backends(&w, 10, 5);
	w.set.flags = WR_SVC_MAGLEV | WR_SVC_EXTERNAL;
	w.set.maglev_seed = 99;
	put(t, &w);
	assert_true(lookup(dp, &fe, &svc) > 0);
	assert_int_equal(svc.maglev_size, 509);
	for (i = 0; i < svc.maglev_size; i++) {
		at = svc.maglev + i / WR_MAGLEV_LINE;
		assert_int_equal(wr_sys_map_lookup(wr_dp_map_fd(dp, WR_MAP_wr_maglev), &at, &line),
				 0);
		assert_int_equal(wr_backend_get(dp, line.backend[i % WR_MAGLEV_LINE], &be), 0);
		picks[be.addr.b[15]]++;
	}
	for (i = 10; i < 15; i++)
		assert_in_range(picks[i], 101, 102);
	want_backends(&w, 10, 4);
	put(t, &w);
	want_backends(&w, 10, 3);
	assert_int_equal(wr_svc_table_put(t, &w.set, NULL), -ENOSPC);
	expect(dp, 1, 10, 4);
	let_go(t);
	put(t, &w);
	wr_svc_table_close(t);
	wr_dp_close(dp);
}

/* In group g a service has 1 + g % 5 backends, all of them 10.0.g.x. */
static void want_group(struct want *w, uint32_t group)
{
	want_init(w, 1);
	want_backends(w, group << 8, 1 + group % 5);
}

struct shared {
	volatile int stop;
	volatile uint64_t reads, torn;
};

/* What a packet does, with much longer pauses between the steps. */
static void read_until_told(struct shared *sh, struct wr_dp *dp)
{
	struct wr_frontend fe = frontend(1);
	struct wr_service svc;
	struct wr_backend be;
	uint32_t i, group = 0;

	while (!sh->stop) {
		if (lookup(dp, &fe, &svc) <= 0)
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
	struct wr_svc_table *t = open_table(dp);
	uint64_t end, before;
	uint32_t group = 0;
	struct want w;
	int status;
	pid_t pid;

	want_group(&w, group);
	put(t, &w);
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
	struct wr_svc_table *t = open_table(dp);
	struct wr_prefix ranges[2];
	struct want w;

	assert_int_equal(wr_prefix_parse("192.0.2.0/24", &ranges[0]), 0);
	assert_int_equal(wr_prefix_parse("2001:db8::/32", &ranges[1]), 0);
	want_init(&w, 1);
	want_backends(&w, 10, 1);
	w.set.flags = WR_SVC_SRC_RANGES;
	w.set.src_ranges = ranges;
	w.set.n_src_ranges = 2;
	put(t, &w);
	assert_true(admits(dp, 1, "192.0.2.9"));
	assert_true(admits(dp, 1, "2001:db8::1"));
	assert_false(admits(dp, 1, "198.51.100.1"));
	assert_false(admits(dp, 2, "192.0.2.9"));
	assert_int_equal(wr_prefix_parse("198.51.100.0/24", &ranges[0]), 0);
	w.set.n_src_ranges = 1;
	put(t, &w);
	assert_true(admits(dp, 1, "198.51.100.1"));
	assert_false(admits(dp, 1, "192.0.2.9"));
	assert_false(admits(dp, 1, "2001:db8::1"));
	w.set.flags = 0;
	w.set.n_src_ranges = 0;
	put(t, &w);
	let_go(t);
	assert_false(admits(dp, 1, "198.51.100.1"));
	wr_svc_table_close(t);
	wr_dp_close(dp);
}

static void load_and_die(void)
{
	struct wr_svc_backend held = backend(31);
	struct wr_dp *dp = dp_open();
	struct wr_svc_table *t = open_table(dp);
	struct want w;
	uint32_t i;

	for (i = 1; i <= 3; i++) {
		want_init(&w, i);
		want_backends(&w, i * 10, 2);
		put(t, &w);
	}
	held.terminating = true;
	wr_svc_table_hold(t, w.set.key, &held, 1);
	want_backends(&w, 30, 1);
	put(t, &w);
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
	struct wr_svc_backend held = backend(31);
	struct wr_backend be, before;
	struct wr_svc_table *t;
	uint32_t i, numbers[4], held_number;
	int records[4];
	struct want w;
	struct wr_dp *dp;

	after_death();
	dp = dp_open();
	for (i = 1; i <= 3; i++) {
		records[i] = record_of(dp, i);
		numbers[i] = slot_backend(dp, i, 0, &before);
	}
	t = open_table(dp);
	assert_int_equal(stats(t).frontends, 3);
	assert_int_equal(stats(t).backends, 6);
	held.terminating = true;
	assert_int_equal(wr_svc_table_hold(t, 1003, &held, 1), 0);
	for (i = 1; i <= 3; i++) {
		want_init(&w, i);
		want_backends(&w, i * 10, i == 3 ? 1 : 2);
		put(t, &w);
		assert_int_equal(record_of(dp, i), records[i]);
		assert_int_equal(slot_backend(dp, i, 0, &be), numbers[i]);
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
	t = open_table(dp);
	want_init(&w, 2);
	want_backends(&w, 20, 2);
	put(t, &w);
	expect(dp, 1, 10, 2);
	assert_int_equal(wr_svc_table_prune(t), 2);
	assert_int_equal(record_of(dp, 1), -ENOENT);
	assert_int_equal(record_of(dp, 3), -ENOENT);
	expect(dp, 2, 20, 2);
	for (i = 1; wr_backend_get(dp, i, &be) == 0; i++)
		used += be.state != WR_BACKEND_FREE;
	assert_int_equal(used, 2);
	let_go(t);
	assert_int_equal(stats(t).backends, 2);
	assert_int_equal(stats(t).slots, 2);
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
	number = slot_backend(dp, 1, 1, &be);
	t = open_table(dp);
	want_init(&w, 1);
	want_backends(&w, 11, 3);
	put(t, &w);
	expect(dp, 1, 11, 3);
	assert_int_equal(slot_backend(dp, 1, 0, &be), number);
	wr_svc_table_close(t);
	wr_dp_close(dp);
}

static void a_row_that_makes_no_sense_is_written_anew_or_pruned(void **state)
{
	struct wr_dp *dp = dp_open();
	int fd = wr_dp_map_fd(dp, WR_MAP_wr_frontends);
	struct wr_frontend bad = frontend(1), wild = frontend(2), worse = frontend(3);
	uint64_t word = WR_FE_WORD(5, 12345);
	struct wr_service svc;
	struct wr_svc_table *t;
	struct want w;

	assert_int_equal(wr_sys_map_update(fd, &bad, &word, 0), 0);
	word = WR_FE_WORD(9999999, wr_frontend_check(&wild));
	assert_int_equal(wr_sys_map_update(fd, &wild, &word, 0), 0);
	word = WR_FE_WORD(0, wr_frontend_check(&worse));
	assert_int_equal(wr_sys_map_update(fd, &worse, &word, 0), 0);
	t = open_table(dp);
	want_init(&w, 1);
	want_backends(&w, 10, 2);
	put(t, &w);
	expect(dp, 1, 10, 2);
	assert_int_equal(wr_svc_table_prune(t), 2);
	assert_int_equal(wr_sys_map_lookup(fd, &wild, &word), -ENOENT);
	assert_int_equal(wr_sys_map_lookup(fd, &worse, &word), -ENOENT);
	assert_true(lookup(dp, &bad, &svc) > 0);
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
		test(facts_about_a_backend_change_in_place),
		test(weights_are_repeated_slots),
		test(a_maglev_table_names_the_backends_evenly),
		test(readers_see_the_old_set_or_the_new_one_and_nothing_between),
		test(source_ranges_follow_the_set),
		test(a_successor_keeps_every_number),
		test(what_nobody_puts_again_stays_until_the_prune),
		test(a_set_that_changed_meanwhile_is_changed_after_adoption),
		test(a_row_that_makes_no_sense_is_written_anew_or_pruned),
	};

	return cmocka_run_group_tests(tests, dp_sandbox_enter, dp_sandbox_leave);
}
