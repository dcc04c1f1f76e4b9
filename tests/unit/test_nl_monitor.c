/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about following changes. */
#include "tests/unit/check.h"

#include <poll.h>
#include <sys/socket.h>

#include "lib/base/clock.h"
#include "lib/nl/monitor.h"
#include "tests/unit/netlab.h"

#define DEADLINE_MS 5000

/* What was reported, and what is waited for. */
struct log {
	char name[IFNAMSIZ];
	struct wr_addr addr;
	struct wr_prefix dst;
	bool up, last_up, gone_link, addr_seen, addr_gone, route_seen, route_gone, neigh_seen,
		neigh_gone;
	size_t calls, resyncs;
};

static void on_link(void *ctx, const struct wr_link *l, bool gone)
{
	struct log *log = ctx;

	log->calls++;
	log->last_up |= !gone && l->flags & IFF_UP && strcmp(l->name, "a0") == 0;
	if (strcmp(l->name, log->name) != 0)
		return;
	log->up |= !gone && l->flags & IFF_UP;
	log->gone_link |= gone;
}

static void on_addr(void *ctx, const struct wr_naddr *a, bool gone)
{
	struct log *log = ctx;

	log->calls++;
	if (wr_addr_eq(&a->prefix.addr, &log->addr))
		*(gone ? &log->addr_gone : &log->addr_seen) = true;
}

static void on_route(void *ctx, const struct wr_route *r, bool gone)
{
	struct log *log = ctx;

	log->calls++;
	if (wr_prefix_eq(&r->dst, &log->dst))
		*(gone ? &log->route_gone : &log->route_seen) = true;
}

static void on_neigh(void *ctx, const struct wr_neigh *n, bool gone)
{
	struct log *log = ctx;

	log->calls++;
	if (wr_addr_eq(&n->addr, &log->addr))
		*(gone ? &log->neigh_gone : &log->neigh_seen) = true;
}

static void on_resync(void *ctx)
{
	((struct log *)ctx)->resyncs++;
}

static struct wr_nlmon *all_events(struct log *log)
{
	struct wr_nlmon_events events = {
		.link = on_link,
		.addr = on_addr,
		.route = on_route,
		.neigh = on_neigh,
		.resync = on_resync,
		.ctx = log,
	};
	struct wr_nlmon *m = NULL;

	assert_int_equal(wr_nlmon_open(&events, &m), 0);
	return m;
}

/* Reads until *@seen, or fails at the deadline. */
static void await(struct wr_nlmon *m, const bool *seen)
{
	uint64_t deadline = wr_now_ms() + DEADLINE_MS;
	struct pollfd p = { .fd = wr_nlmon_fd(m), .events = POLLIN };

	while (!*seen) {
		assert_true(wr_now_ms() < deadline);
		poll(&p, 1, 100);
		assert_int_equal(wr_nlmon_read(m), 0);
	}
}

static void links_are_followed_from_up_to_gone(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	struct log log = { .name = "a0" };
	struct wr_nlmon *m = all_events(&log);
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;

	wr_netlab_pair(&nl, "a0", "b0");
	await(m, &log.up);
	wr_link_del(&b, "a0");
	wr_netlab_commit(&nl, &b);
	await(m, &log.gone_link);
	wr_nlmon_close(m);
}

static void addresses_routes_and_neighbours_are_followed(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	uint32_t ifindex = wr_netlab_pair(&nl, "a0", "b0");
	struct log log = { .addr = wr_netlab_addr("192.0.2.1"),
			   .dst = wr_netlab_prefix("198.51.100.0/24") };
	struct wr_nlmon *m = all_events(&log);
	struct wr_naddr addr = { .ifindex = ifindex, .prefix = wr_netlab_prefix("192.0.2.1/24") };
	struct wr_route route = { .ifindex = ifindex, .dst = log.dst };
	struct wr_neigh neigh = { .ifindex = ifindex, .addr = log.addr };
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;

	wr_naddr_put(&b, &addr);
	wr_route_put(&b, &route);
	wr_neigh_put(&b, ifindex, &log.addr, (const uint8_t[6]){ 2 });
	wr_netlab_commit(&nl, &b);
	await(m, &log.addr_seen);
	await(m, &log.route_seen);
	await(m, &log.neigh_seen);
	wr_neigh_del(&b, &neigh);
	wr_route_del(&b, &route);
	wr_naddr_del(&b, &addr);
	wr_netlab_commit(&nl, &b);
	await(m, &log.neigh_gone);
	await(m, &log.route_gone);
	await(m, &log.addr_gone);
	assert_int_equal(log.resyncs, 0);
	wr_nlmon_close(m);
}

static void what_is_not_subscribed_to_is_not_reported(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	struct log log = { .name = "a0" };
	struct wr_nlmon_events events = { .link = on_link, .resync = on_resync, .ctx = &log };
	struct wr_route route = { .dst = wr_netlab_prefix("198.51.100.0/24"), .ifindex = 1 };
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	struct wr_nlmon *m = NULL;
	size_t calls;

	assert_int_equal(wr_nlmon_open(&events, &m), 0);
	wr_netlab_pair(&nl, "a0", "b0");
	await(m, &log.up);
	calls = log.calls;
	wr_route_put(&b, &route);
	wr_netlab_commit(&nl, &b);
	assert_int_equal(wr_nlmon_read(m), 0);
	assert_false(log.route_seen);
	assert_true(calls > 0);
	wr_nlmon_close(m);
}

static struct wr_nlmon *quiet_events(struct log *log)
{
	struct wr_nlmon_events events = {
		.link = on_link,
		.addr = on_addr,
		.route = on_route,
		.resync = on_resync,
		.ctx = log,
		.quiet = { .link = { 'w', 'r' },
			   .link_len = 12,
			   .protocol = WR_RTPROT_POD,
			   .other_tables = true },
	};
	struct wr_nlmon *m = NULL;

	assert_int_equal(wr_nlmon_open(&events, &m), 0);
	return m;
}

static void what_is_to_be_quiet_wakes_nobody(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	struct log loud = { .name = "wr0123456789", .dst = wr_netlab_prefix("192.0.2.1/32") };
	struct log pod = { .name = "wr0123456789", .dst = wr_netlab_prefix("198.51.100.0/24") };
	struct log local = { .name = "wr012345678", .dst = loud.dst };
	struct log other = { .name = "a0", .dst = wr_netlab_prefix("203.0.113.0/24") };
	struct wr_nlmon *m[] = { all_events(&loud), quiet_events(&pod), quiet_events(&local),
				 quiet_events(&other) };
	uint32_t ifindex = wr_netlab_pair(&nl, "wr0123456789", "b0");
	struct wr_naddr addr = { .ifindex = ifindex, .prefix = wr_netlab_prefix("192.0.2.1/24") };
	struct wr_route routes[] = {
		{ .ifindex = ifindex, .dst = pod.dst, .protocol = WR_RTPROT_POD },
		{ .ifindex = ifindex, .dst = other.dst, .protocol = WR_RTPROT },
	};
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	size_t i;

	wr_netlab_pair(&nl, "wr012345678", "b1");
	wr_naddr_put(&b, &addr);
	wr_route_put(&b, &routes[0]);
	wr_route_put(&b, &routes[1]);
	wr_netlab_commit(&nl, &b);
	wr_netlab_pair(&nl, "a0", "b2");
	/* All are told in the order of the changes, so whoever has heard of the last one has heard of all. */
	await(m[0], &loud.up);
	await(m[0], &loud.route_seen);
	await(m[1], &pod.last_up);
	await(m[2], &local.up);
	await(m[2], &local.last_up);
	await(m[3], &other.up);
	await(m[3], &other.route_seen);
	assert_false(pod.up || pod.route_seen || local.route_seen);
	for (i = 0; i < WR_ARRAY_SIZE(m); i++)
		wr_nlmon_close(m[i]);
}

static void a_port_that_leaves_its_bridge_is_not_gone(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	uint32_t port = wr_netlab_pair(&nl, "a0", "b0");
	struct log log = { .name = "br0" };
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	struct wr_nlmon *m;

	wr_netlab_bridge(&nl, "br0", port);
	memcpy(log.name, "a0", sizeof("a0"));
	m = all_events(&log);
	wr_link_del(&b, "br0");
	wr_link_set_mtu(&b, port, 1400);
	wr_netlab_commit(&nl, &b);
	await(m, &log.up); /* the change of the MTU comes after all that the bridge sent */
	assert_false(log.gone_link);
	wr_nlmon_close(m);
}

static void an_overflow_asks_for_a_resync_and_goes_on(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	uint32_t ifindex = wr_netlab_pair(&nl, "a0", "b0");
	struct log log = { .dst = wr_netlab_prefix("198.51.100.0/24") };
	struct wr_nlmon *m = all_events(&log);
	struct wr_route route = { .ifindex = ifindex, .dst = wr_netlab_prefix("10.0.0.0/24") };
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	uint64_t deadline = wr_now_ms() + DEADLINE_MS;
	int size = 4096;

	assert_int_equal(setsockopt(wr_nlmon_fd(m), SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
	for (int i = 0; i < 250; i++) {
		route.dst.addr.b[14] = (uint8_t)i;
		wr_route_put(&b, &route);
	}
	wr_netlab_commit(&nl, &b);
	while (!log.resyncs && wr_now_ms() < deadline)
		assert_int_equal(wr_nlmon_read(m), 0);
	assert_true(log.resyncs > 0);
	route.dst = log.dst;
	wr_route_put(&b, &route);
	wr_netlab_commit(&nl, &b);
	await(m, &log.route_seen);
	wr_nlmon_close(m);
}

static void reading_when_nothing_happened_returns_at_once(void **state)
{
	struct log log = { 0 };
	struct wr_nlmon *m = all_events(&log);

	assert_int_equal(wr_nlmon_read(m), 0);
	assert_int_equal(log.calls + log.resyncs, 0);
	wr_nlmon_close(m);
	wr_nlmon_close(NULL);
}

#define IN_LAB(test) cmocka_unit_test_setup_teardown(test, wr_netlab_setup, wr_netlab_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_LAB(links_are_followed_from_up_to_gone),
		IN_LAB(addresses_routes_and_neighbours_are_followed),
		IN_LAB(what_is_not_subscribed_to_is_not_reported),
		IN_LAB(what_is_to_be_quiet_wakes_nobody),
		IN_LAB(a_port_that_leaves_its_bridge_is_not_gone),
		IN_LAB(an_overflow_asks_for_a_resync_and_goes_on),
		IN_LAB(reading_when_nothing_happened_returns_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
