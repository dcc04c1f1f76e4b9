/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about expiry, and about the records that flows and drops leave. */
#include "tests/bpf/check.h"

#include <unistd.h>

#include "bpf/abi/event.h"
#include "lib/dp/sys.h"
#include "tests/bpf/lab.h"
#include "tests/bpf/svc_rows.h"

static struct wr_sweep_stats sweep_all(struct lab *lab)
{
	struct wr_sweep_stats sum = { 0 }, one;
	uint32_t i;

	for (i = 0; i <= LAB_SHARDS; i++) {
		assert_int_equal(wr_flow_sweep(lab->dp, i, &one), 0);
		sum.seen += one.seen;
		sum.marked += one.marked;
		sum.deleted += one.deleted;
	}
	return sum;
}

static void age_map(int fd, uint64_t seconds)
{
	struct wr_flow_key key, next;
	struct wr_flow flow;
	int r = wr_sys_map_next(fd, NULL, &next);

	while (r == 0) {
		key = next;
		assert_int_equal(wr_sys_map_lookup(fd, &key, &flow), 0);
		flow.seen -= seconds * LAB_HZ;
		r = wr_sys_map_next(fd, &key, &next);
		assert_int_equal(wr_sys_map_update(fd, &key, &flow, BPF_EXIST), 0);
	}
}

/* As if so many seconds had passed for every flow. */
static void age(struct lab *lab, uint64_t seconds)
{
	uint32_t i, id;
	int fd;

	for (i = 0; i < LAB_SHARDS; i++) {
		assert_int_equal(wr_sys_map_lookup(wr_dp_map_fd(lab->dp, WR_MAP_wr_flows), &i, &id),
				 0);
		fd = wr_sys_map_by_id(id);
		age_map(fd, seconds);
		close(fd);
	}
	age_map(wr_dp_map_fd(lab->dp, WR_MAP_wr_new_flows), seconds);
}

static void what_is_in_use_stays(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { 0 };
	struct wr_sweep_stats stats;

	lab_handshake(lab, &s);
	age(lab, 59);
	stats = sweep_all(lab);
	assert_int_equal(stats.seen, 1);
	assert_int_equal(stats.marked + stats.deleted, 0);
	lab_close(lab);
}

static void a_silent_flow_is_marked_and_deleted_a_second_later(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { 0 };
	struct wr_sweep_stats stats;

	lab_handshake(lab, &s);
	age(lab, 61);
	stats = sweep_all(lab);
	assert_int_equal(stats.marked, 1);
	assert_int_equal(stats.deleted, 0);
	assert_false(lab_flow(lab, "10.0.1.5", 1000, "10.0.1.6", 80, NULL));
	stats = sweep_all(lab);
	assert_int_equal(stats.deleted, 0);
	age(lab, 2);
	stats = sweep_all(lab);
	assert_int_equal(stats.deleted, 1);
	assert_int_equal(lab_promoted(lab), 0);
	lab_close(lab);
}

static void packets_take_a_dead_flow_for_none(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { 0 };

	lab_handshake(lab, &s);
	age(lab, 61);
	sweep_all(lab);
	assert_int_equal(lab_unproven(lab), 0);
	s.flags = SYN;
	assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	assert_int_equal(lab_unproven(lab), 1);
	lab_close(lab);
}

/* The place of a flow that just died is not free yet; a second later it is. */
static void a_new_flow_takes_the_place_of_a_dead_one_when_nobody_holds_it(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { 0 };
	struct wr_flow flow;

	lab_handshake(lab, &s);
	age(lab, 61);
	sweep_all(lab);
	lab_handshake(lab, &s);
	assert_int_equal(lab_unproven(lab), 1);
	age(lab, 2);
	s.flags = ACK;
	assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	assert_int_equal(lab_unproven(lab), 0);
	assert_true(lab_flow(lab, "10.0.1.5", 1000, "10.0.1.6", 80, &flow));
	assert_true(flow.state & WR_FLOW_PROMOTED);
	lab_close(lab);
}

static void the_quota_is_given_back(void **state)
{
	struct lab *lab = lab_open(0);
	struct wr_ep_stats before, held, after;
	struct shape s = { 0 };

	assert_int_equal(wr_endpoint_stats(lab->dp, 5, &before), 0);
	lab_handshake(lab, &s);
	assert_int_equal(wr_endpoint_stats(lab->dp, 5, &held), 0);
	assert_int_equal(held.promoted, before.promoted + 1);
	age(lab, 61);
	sweep_all(lab);
	age(lab, 2);
	sweep_all(lab);
	assert_int_equal(wr_endpoint_stats(lab->dp, 5, &after), 0);
	assert_int_equal(after.promoted, before.promoted);
	lab_close(lab);
}

static void service(struct lab *lab)
{
	struct wr_service svc = { .id = 7, .first = 0, .n = 1 };
	struct wr_frontend fe = rows_frontend("10.96.0.1", 80, IPPROTO_TCP, WR_SCOPE_ANY);
	uint32_t run[] = { 3 };

	rows_backend(lab->dp, 3, "10.0.1.6", 8080, WR_BACKEND_ACTIVE);
	rows_run(lab->dp, 0, run, 1);
	rows_service(lab->dp, 1, &svc);
	rows_point(lab->dp, &fe, 1);
}

/* Data one way, silence the other: acknowledgements may be rare, the flow is in use. */
static void a_translated_flow_lives_while_either_tuple_does(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .dst = "10.96.0.1" };
	struct wr_sweep_stats stats;

	service(lab);
	lab_handshake(lab, &s);
	age(lab, 61);
	s.flags = ACK;
	assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	stats = sweep_all(lab);
	assert_int_equal(stats.seen, 2);
	assert_int_equal(stats.marked, 0);
	age(lab, 61);
	stats = sweep_all(lab);
	assert_int_equal(stats.marked, 2);
	age(lab, 2);
	stats = sweep_all(lab);
	assert_int_equal(stats.deleted, 2);
	lab_close(lab);
}

static void a_tuple_whose_other_half_is_lost_goes_too(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .dst = "10.96.0.1", .flags = SYN };
	int fd = wr_dp_map_fd(lab->dp, WR_MAP_wr_new_flows);
	struct wr_flow_key key;

	service(lab);
	assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	assert_int_equal(lab_unproven(lab), 2);
	assert_int_equal(wr_sys_map_next(fd, NULL, &key), 0);
	assert_int_equal(wr_sys_map_delete(fd, &key), 0);
	assert_int_equal(sweep_all(lab).deleted, 1);
	lab_close(lab);
}

static void unproven_flows_that_are_silent_are_deleted_at_once(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .flags = SYN };

	assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	assert_int_equal(sweep_all(lab).deleted, 0);
	age(lab, 61);
	assert_int_equal(sweep_all(lab).deleted, 1);
	assert_int_equal(lab_unproven(lab), 0);
	lab_close(lab);
}

static void a_masquerade_port_is_free_again(void **state)
{
	struct wr_dp_options opt = lab_options(0);
	struct shape s = { .dst = "198.51.100.9", .proto = IPPROTO_UDP };
	struct lab *lab;
	uint32_t i;

	opt.config.nat_first = 61000;
	opt.config.nat_last = 61007;
	lab = lab_open_with(&opt);
	for (i = 0; i < 8; i++) {
		s.sport = (uint16_t)(2000 + i);
		assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	}
	s.sport = 3000;
	assert_int_equal(lab_from_pod(lab, &s), LAB_DROP);
	age(lab, 61);
	assert_int_equal(sweep_all(lab).deleted, 16);
	for (i = 0; i < 8; i++) {
		s.sport = (uint16_t)(4000 + i);
		assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	}
	lab_close(lab);
}

struct heard {
	struct wr_event last;
	uint32_t n[8];
};

static int hear(void *ctx, const void *data, size_t size)
{
	struct heard *h = ctx;

	assert_true(size >= sizeof(h->last));
	memcpy(&h->last, data, sizeof(h->last));
	assert_in_range(h->last.type, WR_EVENT_DROP, WR_EVENT_DNS);
	h->n[h->last.type]++;
	return 0;
}

static void a_drop_is_reported_with_its_story(void **state)
{
	struct lab *lab = lab_open(0);
	struct heard h = { 0 };
	struct wr_events *events;
	struct shape s = { 0 };
	struct wr_addr src;

	assert_int_equal(wr_events_open(lab->dp, hear, &h, &events), 0);
	wr_events_poll(events);
	h = (struct heard){ 0 };
	lab_allow(lab, 9, WR_DIR_INGRESS, LAB_OTHER, IPPROTO_TCP, 80, 1);
	lab_policy(lab, 6, WR_RULES_INGRESS | 9);
	assert_int_equal(lab_from_pod(lab, &s), LAB_DROP);
	assert_true(wr_events_poll(events) >= 1);
	assert_int_equal(h.n[WR_EVENT_DROP], 1);
	assert_int_equal(h.last.reason, WR_REASON_POLICY_INGRESS);
	assert_int_equal(h.last.hook, WR_HOOK_POD_EGRESS);
	assert_int_equal(h.last.dir, WR_DIR_INGRESS);
	assert_int_equal(h.last.proto, IPPROTO_TCP);
	assert_int_equal(h.last.tcp_flags, SYN);
	assert_int_equal(wr_addr_parse("10.0.1.5", &src), 0);
	assert_memory_equal(&h.last.src, &src, sizeof(src));
	assert_int_equal(h.last.dport, 80 << 8);
	assert_int_equal(h.last.src_ep, 5);
	assert_int_equal(h.last.dst_ep, 6);
	assert_int_equal(h.last.src_identity, LAB_WEB);
	assert_int_equal(h.last.dst_identity, LAB_DB);
	assert_int_equal(h.last.len, 54);
	lab_policy(lab, 6, 0);
	wr_events_close(events);
	lab_close(lab);
}

static void drops_are_sampled_and_all_are_counted(void **state)
{
	struct wr_dp_options opt = lab_options(0);
	struct heard h = { 0 };
	struct wr_events *events;
	struct shape s = { .dst = "10.0.1.99" };
	struct lab *lab;
	uint64_t before;
	int i;

	opt.config.drop_sample = 16;
	lab = lab_open_with(&opt);
	before = lab_drops(lab, WR_REASON_UNKNOWN_ENDPOINT);
	assert_int_equal(wr_events_open(lab->dp, hear, &h, &events), 0);
	for (i = 0; i < 64; i++)
		assert_int_equal(lab_from_pod(lab, &s), LAB_DROP);
	wr_events_poll(events);
	assert_int_equal(lab_drops(lab, WR_REASON_UNKNOWN_ENDPOINT), before + 64);
	assert_in_range(h.n[WR_EVENT_DROP], 4, 8); /* each CPU begins with its first */
	wr_events_close(events);
	lab_close(lab);
}

static void a_flood_of_drops_does_not_flood_the_ring(void **state)
{
	struct lab *lab = lab_open(0);
	struct heard h = { 0 };
	struct wr_events *events;
	struct shape s = { .dst = "10.0.1.99" };
	struct packet p;
	int i;

	s.smac = lab_pod_mac(5);
	packet_make(&p, &s);
	assert_int_equal(wr_events_open(lab->dp, hear, &h, &events), 0);
	wr_events_poll(events);
	h = (struct heard){ 0 };
	for (i = 0; i < 20000; i++)
		lab_run(lab, "pod_egress", &p, lab->pod[5]);
	wr_events_poll(events);
	assert_true(h.n[WR_EVENT_DROP] < 20000);
	wr_events_close(events);
	lab_close(lab);
}

static void flows_are_reported_from_begin_to_end(void **state)
{
	struct lab *lab = lab_open(WR_SW_IPV4 | WR_SW_IPV6 | WR_SW_PEER_REDIRECT | WR_SW_FLOW_EVENTS);
	struct heard h = { 0 };
	struct wr_events *events;
	struct shape s = { .dst = "10.96.0.1" };

	assert_int_equal(wr_events_open(lab->dp, hear, &h, &events), 0);
	service(lab);
	lab_handshake(lab, &s);
	wr_events_poll(events);
	assert_int_equal(h.n[WR_EVENT_FLOW_NEW], 1);
	assert_int_equal(h.last.service, 7);
	assert_int_equal(h.last.backend, 3);
	age(lab, 61);
	sweep_all(lab);
	age(lab, 2);
	sweep_all(lab);
	wr_events_poll(events);
	assert_int_equal(h.n[WR_EVENT_FLOW_END], 1);
	assert_int_equal(h.last.dport, 80 << 8);
	assert_in_range(h.last.packets, 2, 3); /* the other tuple may be gone first */
	wr_events_close(events);
	lab_close(lab);
}

static void shadow_mode_is_reported(void **state)
{
	struct lab *lab = lab_open(0);
	struct heard h = { 0 };
	struct wr_events *events;
	struct shape s = { 0 };

	assert_int_equal(wr_events_open(lab->dp, hear, &h, &events), 0);
	wr_events_poll(events);
	h = (struct heard){ 0 };
	lab_policy(lab, 5, WR_RULES_EGRESS | WR_RULES_AUDIT | 9);
	assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	wr_events_poll(events);
	assert_int_equal(h.n[WR_EVENT_AUDIT], 1);
	assert_int_equal(h.last.reason, WR_REASON_POLICY_EGRESS);
	lab_policy(lab, 5, 0);
	wr_events_close(events);
	lab_close(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_in_use_stays),
		cmocka_unit_test(a_silent_flow_is_marked_and_deleted_a_second_later),
		cmocka_unit_test(packets_take_a_dead_flow_for_none),
		cmocka_unit_test(a_new_flow_takes_the_place_of_a_dead_one_when_nobody_holds_it),
		cmocka_unit_test(the_quota_is_given_back),
		cmocka_unit_test(a_translated_flow_lives_while_either_tuple_does),
		cmocka_unit_test(a_tuple_whose_other_half_is_lost_goes_too),
		cmocka_unit_test(unproven_flows_that_are_silent_are_deleted_at_once),
		cmocka_unit_test(a_masquerade_port_is_free_again),
		cmocka_unit_test(a_drop_is_reported_with_its_story),
		cmocka_unit_test(drops_are_sampled_and_all_are_counted),
		cmocka_unit_test(a_flood_of_drops_does_not_flood_the_ring),
		cmocka_unit_test(flows_are_reported_from_begin_to_end),
		cmocka_unit_test(shadow_mode_is_reported),
	};

	return cmocka_run_group_tests(tests, lab_enter, lab_leave);
}
