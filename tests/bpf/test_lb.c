/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about the selection (bpf/include/lb.h), asked of the loaded program lb_lookup. */
#include "tests/bpf/check.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>

#include "bpf/abi/reason.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/io.h"
#include "lib/dp/sys.h"
#include "tests/bpf/svc_rows.h"

#define VIP "10.96.0.10"

/* The service that most tests use: number 1, id 7, backends 10.1.0.<number>:8080 from slot 0 on. */
static const struct wr_frontend *vip(void)
{
	static struct wr_frontend fe;

	fe = rows_frontend(VIP, 80, IPPROTO_TCP, WR_SCOPE_ANY);
	return &fe;
}

static void backends(const struct wr_dp *dp, uint32_t from, uint32_t n)
{
	char text[WR_ADDR_STRLEN];
	uint32_t i;

	for (i = from; i < from + n; i++) {
		snprintf(text, sizeof(text), "10.1.%u.%u", i / 250, i % 250);
		rows_backend(dp, i, text, 8080, WR_BACKEND_ACTIVE);
	}
}

static void service(const struct wr_dp *dp, struct wr_service svc)
{
	uint32_t run[1000], i;

	svc.id = svc.id ? svc.id : 7;
	backends(dp, 1, svc.n);
	for (i = 0; i < svc.n; i++)
		run[i] = i + 1;
	rows_run(dp, svc.first, run, svc.n);
	rows_service(dp, 1, &svc);
	rows_point(dp, vip(), 1);
}

static struct wr_lb_args ask_from(const struct wr_dp *dp, const char *src, uint16_t sport,
				  uint8_t scope, uint16_t flags)
{
	struct wr_lb_args q = {
		.src = rows_addr(src),
		.dst = vip()->addr,
		.sport = htons(sport),
		.dport = vip()->port,
		.proto = IPPROTO_TCP,
		.scope = scope,
		.flags = flags,
	};

	rows_ask(dp, &q, 1);
	return q;
}

static struct wr_lb_args ask(const struct wr_dp *dp)
{
	return ask_from(dp, "10.2.0.1", 40000, WR_SCOPE_ANY, 0);
}

static int load(void **state)
{
	*state = rows_load(WR_SW_IPV4 | WR_SW_IPV6, 1);
	return 0;
}

static int unload(void **state)
{
	wr_dp_close(*state);
	return 0;
}

static void a_pick_names_the_backend_and_its_service(void **state)
{
	struct wr_backend be;
	struct wr_lb_args a;

	service(*state, (struct wr_service){ .n = 3 });
	a = ask(*state);
	assert_int_equal(a.reason, WR_REASON_NONE);
	assert_int_equal(a.service, 7);
	assert_in_range(a.backend, 1, 3);
	be = rows_backend_get(*state, a.backend);
	assert_true(wr_addr_eq(&a.addr, &be.addr));
	assert_int_equal(a.port, htons(8080));
}

static void what_is_no_service_is_left_alone(void **state)
{
	struct wr_lb_args a = ask(*state);

	assert_int_equal(a.reason, WR_REASON_NONE);
	assert_int_equal(a.service, 0);
	assert_int_equal(a.backend, 0);
}

static void ports_protocols_and_families_are_told_apart(void **state)
{
	struct wr_lb_args a, q = { .dst = vip()->addr, .dport = vip()->port };

	service(*state, (struct wr_service){ .n = 1 });
	q.proto = IPPROTO_UDP;
	a = q;
	rows_ask(*state, &a, 1);
	assert_int_equal(a.service, 0);
	q.proto = IPPROTO_TCP;
	q.dport = htons(81);
	a = q;
	rows_ask(*state, &a, 1);
	assert_int_equal(a.service, 0);
	q.dport = vip()->port;
	q.dst = rows_addr("::a60:a"); /* the same last four bytes */
	a = q;
	rows_ask(*state, &a, 1);
	assert_int_equal(a.service, 0);
}

/* Chi-square over a million picks; @limit is met once in a million runs (n - 1 degrees of freedom). */
static void check_spread(struct wr_dp *dp, uint32_t n, double limit)
{
	const uint32_t picks = 1000000;
	struct wr_lb_args q = {
		.dst = vip()->addr, .dport = vip()->port, .proto = IPPROTO_TCP, .flags = WR_LB_RECORD
	};
	double expected = (double)picks / n, chi = 0, d;
	uint64_t before[1000];
	uint32_t i;

	service(dp, (struct wr_service){ .n = n });
	for (i = 0; i < n; i++)
		before[i] = rows_picks(dp, i + 1);
	rows_ask(dp, &q, picks);
	for (i = 0; i < n; i++) {
		d = (double)(rows_picks(dp, i + 1) - before[i]) - expected;
		chi += d * d / expected;
	}
	if (chi > limit)
		fail_msg("%u backends: chi-square %.1f is above %.1f", n, chi, limit);
}

static void a_million_picks_are_spread_without_bias(void **state)
{
	check_spread(*state, 2, 23.9);
	check_spread(*state, 3, 27.6);
	check_spread(*state, 7, 38.3);
	check_spread(*state, 100, 179.5);
	check_spread(*state, 1000, 1226.2);
}

static void a_weight_is_a_share_of_the_slots(void **state)
{
	static const uint32_t run[] = { 1, 2, 2, 2 };
	struct wr_lb_args q = {
		.dst = vip()->addr, .dport = vip()->port, .proto = IPPROTO_TCP, .flags = WR_LB_RECORD
	};

	service(*state, (struct wr_service){ .n = 4 });
	rows_run(*state, 0, run, 4);
	rows_ask(*state, &q, 100000);
	assert_int_equal(rows_picks(*state, 1) + rows_picks(*state, 2), 100000);
	assert_in_range(rows_picks(*state, 1), 24300, 25700); /* 5 sigma */
}

static void no_backend_is_a_reason_and_local_policy_another(void **state)
{
	struct wr_lb_args a;

	service(*state, (struct wr_service){ .n = 0 });
	a = ask(*state);
	assert_int_equal(a.reason, WR_REASON_NO_BACKEND);
	assert_int_equal(a.service, 7);
	service(*state, (struct wr_service){ .n = 0, .flags = WR_SVC_LOCAL_ONLY });
	assert_int_equal(ask(*state).reason, WR_REASON_NO_LOCAL_BACKEND);
}

static void the_other_ports_of_an_owned_address_are_refused(void **state)
{
	struct wr_frontend owned = rows_frontend(VIP, 0, 0, WR_SCOPE_ANY);
	struct wr_service row = { .id = 8, .flags = WR_SVC_ADDRESS };

	assert_int_equal(ask(*state).reason, WR_REASON_NONE);
	rows_service(*state, 2, &row);
	rows_point(*state, &owned, 2);
	assert_int_equal(ask(*state).reason, WR_REASON_UNKNOWN_PORT);
	assert_int_equal(ask_from(*state, "192.0.2.1", 1, WR_SCOPE_EXTERNAL, 0).reason,
			 WR_REASON_UNKNOWN_PORT);
	service(*state, (struct wr_service){ .n = 1 });
	assert_int_equal(ask(*state).backend, 1);
}

static void a_cluster_address_is_refused_from_outside(void **state)
{
	service(*state, (struct wr_service){ .n = 1 });
	assert_int_equal(ask_from(*state, "192.0.2.1", 1, WR_SCOPE_EXTERNAL, 0).reason,
			 WR_REASON_UNKNOWN_PORT);
	service(*state, (struct wr_service){ .n = 1, .flags = WR_SVC_EXTERNAL });
	assert_int_equal(ask_from(*state, "192.0.2.1", 1, WR_SCOPE_EXTERNAL, 0).backend, 1);
}

static void clients_outside_have_rows_of_their_own(void **state)
{
	struct wr_frontend outside = rows_frontend(VIP, 80, IPPROTO_TCP, WR_SCOPE_EXTERNAL);
	struct wr_service local = { .id = 7, .flags = WR_SVC_EXTERNAL | WR_SVC_LOCAL_ONLY };

	service(*state, (struct wr_service){ .n = 1 });
	rows_service(*state, 2, &local);
	rows_point(*state, &outside, 2);
	assert_int_equal(ask(*state).backend, 1);
	assert_int_equal(ask_from(*state, "192.0.2.1", 1, WR_SCOPE_EXTERNAL, 0).reason,
			 WR_REASON_NO_LOCAL_BACKEND);
}

static void loopback_rows_are_not_for_packets_from_outside(void **state)
{
	struct wr_frontend fe = rows_frontend("127.0.0.1", 80, IPPROTO_TCP, WR_SCOPE_ANY);
	struct wr_lb_args q = { .dst = fe.addr, .dport = fe.port, .proto = IPPROTO_TCP };

	service(*state, (struct wr_service){ .n = 1, .flags = WR_SVC_EXTERNAL });
	rows_point(*state, &fe, 1);
	rows_ask(*state, &q, 1);
	assert_int_equal(q.backend, 1);
	q.scope = WR_SCOPE_EXTERNAL;
	rows_ask(*state, &q, 1);
	assert_int_equal(q.service, 0);
}

static void an_address_of_the_node_itself_is_not_translated(void **state)
{
	service(*state, (struct wr_service){ .n = 1, .flags = WR_SVC_NO_TRANSLATE });
	assert_int_equal(ask(*state).reason, WR_REASON_NONE);
	assert_int_equal(ask(*state).service, 0);
}

static void source_ranges_admit_whom_they_list(void **state)
{
	service(*state, (struct wr_service){ .n = 1, .flags = WR_SVC_SRC_RANGES | WR_SVC_EXTERNAL });
	rows_src_range(*state, 7, "192.0.2.0/24");
	rows_src_range(*state, 7, "2001:db8::/32");
	rows_src_range(*state, 6, "198.51.100.0/24"); /* another service's */
	assert_int_equal(ask_from(*state, "192.0.2.9", 1, WR_SCOPE_EXTERNAL, 0).backend, 1);
	assert_int_equal(ask_from(*state, "2001:db8::9", 1, WR_SCOPE_EXTERNAL, 0).backend, 1);
	assert_int_equal(ask_from(*state, "192.0.3.9", 1, WR_SCOPE_EXTERNAL, 0).reason,
			 WR_REASON_SOURCE_RANGE);
	assert_int_equal(ask_from(*state, "198.51.100.9", 1, WR_SCOPE_EXTERNAL, 0).reason,
			 WR_REASON_SOURCE_RANGE);
	assert_int_equal(ask(*state).reason, WR_REASON_SOURCE_RANGE);
}

static void source_ranges_are_judged_where_the_source_is_known(void **state)
{
	struct wr_lb_args a;

	service(*state, (struct wr_service){ .n = 1, .flags = WR_SVC_SRC_RANGES });
	a = ask_from(*state, "::1", 0, WR_SCOPE_ANY, WR_LB_SOCKET);
	assert_int_equal(a.reason, WR_REASON_NONE);
	assert_int_equal(a.service, 0);
	a = ask_from(*state, "::1", 0, WR_SCOPE_ANY, WR_LB_SOCKET | WR_LB_NODE);
	assert_int_equal(a.backend, 1);
}

static void only_a_recorded_pick_leaves_traces(void **state)
{
	struct wr_affinity_key key = { .client = rows_addr("10.2.0.1"), .service = 7 };
	int fd = wr_dp_map_fd(*state, WR_MAP_wr_affinity);
	struct wr_affinity row;

	service(*state, (struct wr_service){ .n = 1, .affinity = 100 });
	assert_int_equal(ask(*state).backend, 1);
	assert_int_equal(rows_picks(*state, 1), 0);
	assert_int_equal(wr_sys_map_lookup(fd, &key, &row), -ENOENT);
	ask_from(*state, "10.2.0.1", 1, WR_SCOPE_ANY, WR_LB_RECORD);
	assert_int_equal(rows_picks(*state, 1), 1);
	assert_int_equal(wr_sys_map_lookup(fd, &key, &row), 0);
	assert_int_equal(row.backend, 1);
}

static void a_client_with_affinity_stays(void **state)
{
	uint32_t i, others = 0, backend;
	char src[WR_ADDR_STRLEN];

	service(*state, (struct wr_service){ .n = 100, .affinity = 10800 });
	backend = ask_from(*state, "10.2.0.1", 1, WR_SCOPE_ANY, WR_LB_RECORD).backend;
	for (i = 0; i < 200; i++)
		assert_int_equal(ask_from(*state, "10.2.0.1", (uint16_t)i, WR_SCOPE_ANY, WR_LB_RECORD)
					 .backend,
				 backend);
	for (i = 2; i < 52; i++) {
		snprintf(src, sizeof(src), "10.2.0.%u", i);
		others += ask_from(*state, src, 1, WR_SCOPE_ANY, WR_LB_RECORD).backend != backend;
	}
	assert_true(others > 30);
}

static struct wr_affinity affinity_row(const struct wr_dp *dp, const char *src)
{
	struct wr_affinity_key key = { .client = rows_addr(src), .service = 7 };
	struct wr_affinity row;

	assert_int_equal(wr_sys_map_lookup(wr_dp_map_fd(dp, WR_MAP_wr_affinity), &key, &row), 0);
	return row;
}

static void set_affinity(const struct wr_dp *dp, const char *src, const struct wr_affinity *row)
{
	struct wr_affinity_key key = { .client = rows_addr(src), .service = 7 };

	assert_int_equal(wr_sys_map_update(wr_dp_map_fd(dp, WR_MAP_wr_affinity), &key, row, 0), 0);
}

/* How many of 200 answers are the row's backend. */
static uint32_t affine(const struct wr_dp *dp, uint32_t backend)
{
	uint32_t i, n = 0;

	for (i = 0; i < 200; i++)
		n += ask(dp).backend == backend;
	return n;
}

static void affinity_ends_after_its_time(void **state)
{
	struct wr_affinity row;

	service(*state, (struct wr_service){ .n = 100, .affinity = 100 });
	ask_from(*state, "10.2.0.1", 1, WR_SCOPE_ANY, WR_LB_RECORD);
	row = affinity_row(*state, "10.2.0.1");
	assert_int_equal(affine(*state, row.backend), 200);
	row.seen -= 99 * ROWS_HZ;
	set_affinity(*state, "10.2.0.1", &row);
	assert_int_equal(affine(*state, row.backend), 200);
	row.seen -= 2 * ROWS_HZ;
	set_affinity(*state, "10.2.0.1", &row);
	assert_true(affine(*state, row.backend) < 100);
}

static void every_flow_starts_the_time_again(void **state)
{
	struct wr_affinity row;
	uint64_t seen;

	service(*state, (struct wr_service){ .n = 100, .affinity = 100 });
	ask_from(*state, "10.2.0.1", 1, WR_SCOPE_ANY, WR_LB_RECORD);
	row = affinity_row(*state, "10.2.0.1");
	seen = row.seen;
	row.seen -= 99 * ROWS_HZ;
	set_affinity(*state, "10.2.0.1", &row);
	ask_from(*state, "10.2.0.1", 2, WR_SCOPE_ANY, WR_LB_RECORD);
	assert_true(affinity_row(*state, "10.2.0.1").seen >= seen);
}

static void affinity_ends_with_the_backend(void **state)
{
	struct wr_service svc = { .id = 7, .first = 200, .n = 99, .affinity = 100 };
	uint32_t run[99], i, n = 0, backend;

	service(*state, (struct wr_service){ .n = 100, .affinity = 100 });
	backend = ask_from(*state, "10.2.0.1", 1, WR_SCOPE_ANY, WR_LB_RECORD).backend;
	for (i = 1; i <= 100; i++)
		if (i != backend)
			run[n++] = i;
	rows_run(*state, 200, run, 99);
	rows_service(*state, 2, &svc);
	rows_point(*state, vip(), 2);
	rows_backend_leaves(*state, backend);
	assert_int_equal(affine(*state, backend), 0);
	/* The number is another backend's now. */
	rows_backend(*state, backend, "10.9.9.9", 1, WR_BACKEND_ACTIVE);
	rows_point(*state, vip(), 1);
	assert_true(affine(*state, backend) < 100);
}

static void affinity_ends_when_the_run_no_longer_has_the_backend(void **state)
{
	static const uint32_t run[] = { 1, 2, 3 };
	struct wr_service svc = { .id = 7, .first = 200, .n = 3, .affinity = 100 };
	struct wr_affinity row = { .backend = 50, .slot = 49 };

	service(*state, (struct wr_service){ .n = 100, .affinity = 100 });
	ask_from(*state, "10.2.0.1", 1, WR_SCOPE_ANY, WR_LB_RECORD);
	row.seen = affinity_row(*state, "10.2.0.1").seen;
	set_affinity(*state, "10.2.0.1", &row);
	assert_int_equal(affine(*state, 50), 200);
	rows_run(*state, 200, run, 3);
	rows_service(*state, 2, &svc);
	rows_point(*state, vip(), 2);
	assert_int_equal(affine(*state, 50), 0);
}

static void affinity_follows_the_backend_to_another_slot(void **state)
{
	uint32_t run[101], i;
	struct wr_service svc = { .id = 7, .first = 200, .n = 101, .affinity = 100 };
	struct wr_affinity row;
	uint32_t backend;

	service(*state, (struct wr_service){ .n = 100, .affinity = 100 });
	backend = ask_from(*state, "10.2.0.1", 1, WR_SCOPE_ANY, WR_LB_RECORD).backend;
	row = affinity_row(*state, "10.2.0.1");
	backends(*state, 101, 1);
	run[0] = 101;
	for (i = 1; i < 101; i++)
		run[i] = i;
	rows_run(*state, 200, run, 101);
	rows_service(*state, 2, &svc);
	rows_point(*state, vip(), 2);
	assert_int_equal(affine(*state, backend), 200);
	assert_int_equal(affinity_row(*state, "10.2.0.1").slot, row.slot);
	ask_from(*state, "10.2.0.1", 1, WR_SCOPE_ANY, WR_LB_RECORD);
	assert_int_equal(affinity_row(*state, "10.2.0.1").slot, row.slot + 1);
}

static void affinity_can_be_switched_at_once(void **state)
{
	struct wr_service svc = { .id = 7, .n = 100 };
	uint32_t backend;

	service(*state, (struct wr_service){ .n = 100, .affinity = 100 });
	backend = ask_from(*state, "10.2.0.1", 1, WR_SCOPE_ANY, WR_LB_RECORD).backend;
	rows_service(*state, 2, &svc);
	rows_point(*state, vip(), 2);
	assert_true(affine(*state, backend) < 100);
	rows_point(*state, vip(), 1);
	assert_int_equal(affine(*state, backend), 200);
}

static void a_run_of_terminating_backends_is_used(void **state)
{
	service(*state, (struct wr_service){ .n = 1, .affinity = 100 });
	rows_backend(*state, 1, "10.1.0.1", 8080, WR_BACKEND_TERMINATING);
	assert_int_equal(ask(*state).backend, 1);
}

static void a_backend_that_is_gone_is_never_picked(void **state)
{
	service(*state, (struct wr_service){ .n = 1 });
	rows_backend_leaves(*state, 1);
	assert_int_equal(ask(*state).reason, WR_REASON_NO_BACKEND);
}

/* A recycled hash element carries another key's word. */
static void a_word_with_another_check_is_a_miss(void **state)
{
	uint64_t word = WR_FE_WORD(1, wr_frontend_check(vip()) ^ 1);

	service(*state, (struct wr_service){ .n = 1 });
	assert_int_equal(wr_sys_map_update(wr_dp_map_fd(*state, WR_MAP_wr_frontends), vip(), &word, 0),
			 0);
	assert_int_equal(ask(*state).service, 0);
}

#define PRIME 251

/* Each node has numbers of its own: backend <i> is number base + i * step. */
static void maglev_service(const struct wr_dp *dp, uint32_t base, uint32_t step, uint32_t affinity)
{
	struct wr_service svc = { .id = 7,
				  .n = 5,
				  .maglev = 3,
				  .maglev_size = PRIME,
				  .affinity = affinity,
				  .flags = WR_SVC_MAGLEV | WR_SVC_EXTERNAL };
	char text[WR_ADDR_STRLEN];
	uint32_t run[5], i;

	for (i = 0; i < 5; i++) {
		run[i] = base + i * step;
		snprintf(text, sizeof(text), "10.1.0.%u", i);
		rows_backend(dp, run[i], text, 8080, WR_BACKEND_ACTIVE);
	}
	rows_run(dp, 0, run, 5);
	rows_maglev(dp, 3, PRIME, run, 5);
	rows_service(dp, 1, &svc);
	rows_point(dp, vip(), 1);
}

static void every_node_sends_a_flow_to_the_same_backend(void **state)
{
	struct wr_dp *other = rows_load(WR_SW_IPV4, 99);
	uint32_t i, shares[5] = { 0 };
	struct wr_lb_args a, b;
	char src[WR_ADDR_STRLEN];

	maglev_service(*state, 1, 1, 0);
	maglev_service(other, 90, 7, 0);
	for (i = 0; i < 5000; i++) {
		snprintf(src, sizeof(src), "198.51.%u.%u", i / 250, i % 250);
		a = ask_from(*state, src, (uint16_t)(i * 7), WR_SCOPE_EXTERNAL, 0);
		b = ask_from(other, src, (uint16_t)(i * 7), WR_SCOPE_EXTERNAL, 0);
		assert_true(a.backend && b.backend);
		assert_true(wr_addr_eq(&a.addr, &b.addr));
		shares[a.backend - 1]++;
	}
	for (i = 0; i < 5; i++)
		assert_in_range(shares[i], 800, 1200);
	wr_dp_close(other);
}

static void maglev_with_affinity_goes_by_the_client_alone(void **state)
{
	uint32_t i, backend;

	maglev_service(*state, 1, 1, 100);
	backend = ask_from(*state, "198.51.100.7", 1, WR_SCOPE_EXTERNAL, 0).backend;
	for (i = 2; i < 100; i++)
		assert_int_equal(ask_from(*state, "198.51.100.7", (uint16_t)i, WR_SCOPE_EXTERNAL, 0).backend,
				 backend);
}

static void inside_chance_decides_though_there_is_a_table(void **state)
{
	uint32_t i, first, others = 0;

	maglev_service(*state, 1, 1, 0);
	first = ask(*state).backend;
	for (i = 0; i < 100; i++)
		others += ask(*state).backend != first;
	assert_true(others > 40);
}

struct flipper {
	struct wr_dp *dp;
	atomic_bool stop;
	atomic_uint flips;
};

/*
 * Two halves of the backends take turns: the next half comes, the word flips, the last half leaves. Beside it other
 * frontends come and go, so that the elements of the hash are recycled all the time.
 */
static void *flip(void *arg)
{
	struct flipper *f = arg;
	struct wr_frontend noise = rows_frontend("10.96.7.7", 1, IPPROTO_TCP, WR_SCOPE_ANY);
	uint32_t turn, i;
	char text[WR_ADDR_STRLEN];

	for (turn = 0; !f->stop; turn++) {
		for (i = 0; i < 8; i++) {
			snprintf(text, sizeof(text), "10.1.0.%u", 1 + turn % 2 * 8 + i);
			rows_backend(f->dp, 1 + turn % 2 * 8 + i, text, 8080, WR_BACKEND_ACTIVE);
		}
		rows_point(f->dp, vip(), 1 + turn % 2);
		for (i = 0; i < 8 && turn; i++)
			rows_backend_leaves(f->dp, 1 + (turn + 1) % 2 * 8 + i);
		for (i = 0; i < 16; i++) {
			noise.port = htons((uint16_t)(turn * 16 + i));
			rows_point(f->dp, &noise, 3);
			rows_unpoint(f->dp, &noise);
		}
		f->flips = turn;
	}
	return NULL;
}

static void halves(struct wr_dp *dp)
{
	struct wr_service a = { .id = 7, .first = 0, .n = 8 }, b = { .id = 8, .first = 8, .n = 8 };
	struct wr_service wrong = { .id = 9, .first = 16, .n = 8 };
	uint32_t run[24], i;

	for (i = 0; i < 24; i++)
		run[i] = i + 1;
	backends(dp, 1, 24);
	rows_run(dp, 0, run, 24);
	rows_service(dp, 1, &a);
	rows_service(dp, 2, &b);
	rows_service(dp, 3, &wrong);
	rows_point(dp, vip(), 1);
}

static void a_flip_is_never_seen_half(void **state)
{
	struct flipper f = { .dp = *state };
	uint64_t until = wr_now_ms() + 3000;
	pthread_t thread;
	struct wr_lb_args a = { 0 };
	uint32_t half;

	halves(*state);
	assert_int_equal(pthread_create(&thread, NULL, flip, &f), 0);
	while (wr_now_ms() < until || f.flips < 1000) {
		a = ask(*state);
		if (a.reason || (a.service != 7 && a.service != 8))
			break;
		half = a.service - 7;
		if (a.backend < 1 + half * 8 || a.backend > 8 + half * 8)
			break;
		if (a.addr.b[15] != a.backend || a.port != htons(8080))
			break;
	}
	f.stop = true;
	pthread_join(thread, NULL);
	assert_int_equal(a.reason, WR_REASON_NONE);
	assert_in_range(a.service, 7, 8);
	assert_in_range(a.backend, 1 + (a.service - 7) * 8, 8 + (a.service - 7) * 8);
	assert_int_equal(a.addr.b[15], a.backend);
	assert_true(f.flips >= 1000);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, load, unload)
		TEST(a_pick_names_the_backend_and_its_service),
		TEST(what_is_no_service_is_left_alone),
		TEST(ports_protocols_and_families_are_told_apart),
		TEST(a_million_picks_are_spread_without_bias),
		TEST(a_weight_is_a_share_of_the_slots),
		TEST(no_backend_is_a_reason_and_local_policy_another),
		TEST(the_other_ports_of_an_owned_address_are_refused),
		TEST(a_cluster_address_is_refused_from_outside),
		TEST(clients_outside_have_rows_of_their_own),
		TEST(loopback_rows_are_not_for_packets_from_outside),
		TEST(an_address_of_the_node_itself_is_not_translated),
		TEST(source_ranges_admit_whom_they_list),
		TEST(source_ranges_are_judged_where_the_source_is_known),
		TEST(only_a_recorded_pick_leaves_traces),
		TEST(a_client_with_affinity_stays),
		TEST(affinity_ends_after_its_time),
		TEST(every_flow_starts_the_time_again),
		TEST(affinity_ends_with_the_backend),
		TEST(affinity_ends_when_the_run_no_longer_has_the_backend),
		TEST(affinity_follows_the_backend_to_another_slot),
		TEST(affinity_can_be_switched_at_once),
		TEST(a_run_of_terminating_backends_is_used),
		TEST(a_backend_that_is_gone_is_never_picked),
		TEST(a_word_with_another_check_is_a_miss),
		TEST(every_node_sends_a_flow_to_the_same_backend),
		TEST(maglev_with_affinity_goes_by_the_client_alone),
		TEST(inside_chance_decides_though_there_is_a_table),
		TEST(a_flip_is_never_seen_half),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
