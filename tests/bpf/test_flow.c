/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about flows: how TCP's states follow the segments, what is promoted, what a flood does. */
#include "tests/bpf/check.h"

#include "lib/dp/sys.h"
#include "tests/bpf/lab.h"

static const struct shape there = { 0 };
static const struct shape back = { .src = "10.0.1.6", .dst = "10.0.1.5", .sport = 80, .dport = 1000 };

static int segment(struct lab *lab, struct shape s, uint8_t flags, uint32_t seq, uint32_t ack)
{
	s.flags = flags;
	s.seq = seq;
	s.ack = ack;
	return lab_from_pod(lab, &s);
}

static uint64_t state_of(struct lab *lab)
{
	struct wr_flow flow;

	assert_true(lab_flow(lab, "10.0.1.5", 1000, "10.0.1.6", 80, &flow));
	return flow.state;
}

static uint32_t tcp_of(struct lab *lab)
{
	return state_of(lab) & WR_FLOW_TCP_MASK;
}

static void a_connection_is_promoted_by_the_ack_of_its_syn_ack(void **state)
{
	struct lab *lab = lab_open(0);

	segment(lab, there, SYN, 100, 0);
	assert_int_equal(tcp_of(lab), WR_TCP_SYN_SENT);
	segment(lab, back, SYN | ACK, 500, 101);
	assert_int_equal(tcp_of(lab), WR_TCP_SYN_RECV);
	assert_int_equal(lab_promoted(lab), 0);
	segment(lab, there, ACK, 101, 501);
	assert_int_equal(tcp_of(lab), WR_TCP_ESTABLISHED);
	assert_int_equal(lab_promoted(lab), 1);
	assert_int_equal(lab_unproven(lab), 0);
	lab_close(lab);
}

static void an_answer_alone_proves_nothing(void **state)
{
	struct lab *lab = lab_open(0);

	segment(lab, there, SYN, 100, 0);
	segment(lab, back, SYN | ACK, 500, 101);
	segment(lab, there, ACK, 101, 500);
	segment(lab, there, ACK, 101, 0);
	segment(lab, there, ACK, 101, 99999);
	segment(lab, there, FIN | ACK, 101, 77);
	assert_int_equal(lab_promoted(lab), 0);
	assert_int_equal(tcp_of(lab), WR_TCP_SYN_RECV);
	lab_close(lab);
}

static void a_syn_ack_of_the_highest_number_can_be_proven(void **state)
{
	struct lab *lab = lab_open(0);

	segment(lab, there, SYN, 100, 0);
	segment(lab, back, SYN | ACK, UINT32_MAX, 101);
	segment(lab, there, ACK, 101, 0);
	assert_int_equal(lab_promoted(lab), 1);
	lab_close(lab);
}

static void both_fins_close_and_one_does_not(void **state)
{
	struct lab *lab = lab_open(0);

	lab_handshake(lab, &there);
	segment(lab, there, FIN | ACK, 101, 501);
	assert_int_equal(tcp_of(lab), WR_TCP_FIN);
	assert_true(state_of(lab) & WR_FLOW_FIN_ORIG);
	segment(lab, there, FIN | ACK, 101, 501);
	assert_int_equal(tcp_of(lab), WR_TCP_FIN);
	segment(lab, back, FIN | ACK, 501, 102);
	assert_int_equal(tcp_of(lab), WR_TCP_CLOSING);
	lab_close(lab);
}

static void a_reset_is_remembered(void **state)
{
	struct lab *lab = lab_open(0);

	lab_handshake(lab, &there);
	segment(lab, back, RST, 501, 0);
	assert_int_equal(tcp_of(lab), WR_TCP_RESET);
	lab_close(lab);
}

static void a_syn_on_a_closing_connection_begins_a_new_one(void **state)
{
	struct lab *lab = lab_open(0);
	struct wr_flow flow;

	lab_handshake(lab, &there);
	segment(lab, there, FIN | ACK, 101, 501);
	segment(lab, back, FIN | ACK, 501, 102);
	segment(lab, there, SYN, 9000, 0);
	assert_int_equal(tcp_of(lab), WR_TCP_SYN_SENT);
	assert_true(lab_flow(lab, "10.0.1.5", 1000, "10.0.1.6", 80, &flow));
	assert_false(flow.state & WR_FLOW_PROMOTED);
	lab_close(lab);
}

static void a_syn_from_the_side_that_was_called_is_judged_anew(void **state)
{
	struct lab *lab = lab_open(0);

	lab_handshake(lab, &there);
	lab_policy(lab, 5, WR_RULES_INGRESS | 1);
	assert_int_equal(segment(lab, back, SYN, 7000, 0), LAB_DROP);
	assert_int_equal(tcp_of(lab), WR_TCP_ESTABLISHED);
	lab_policy(lab, 5, 0);
	assert_int_equal(segment(lab, back, SYN, 7000, 0), LAB_REDIRECT);
	assert_int_equal(tcp_of(lab), WR_TCP_SYN_SENT);
	lab_close(lab);
}

static void udp_is_promoted_by_the_packet_after_an_answer(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .proto = IPPROTO_UDP }, r = back;

	r.proto = IPPROTO_UDP;
	lab_from_pod(lab, &s);
	lab_from_pod(lab, &s);
	assert_int_equal(lab_promoted(lab), 0);
	lab_from_pod(lab, &r);
	assert_int_equal(lab_promoted(lab), 0);
	lab_from_pod(lab, &s);
	assert_int_equal(lab_promoted(lab), 1);
	lab_close(lab);
}

/* Two seconds, made old by hand. */
static void what_nobody_answers_is_promoted_by_age_and_count(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .proto = IPPROTO_UDP };
	int fd = wr_dp_map_fd(lab->dp, WR_MAP_wr_new_flows), i;
	struct wr_flow_key key;
	struct wr_flow flow;

	for (i = 0; i < 40; i++)
		lab_from_pod(lab, &s);
	assert_int_equal(lab_promoted(lab), 0);
	assert_int_equal(wr_sys_map_next(fd, NULL, &key), 0);
	assert_int_equal(wr_sys_map_lookup(fd, &key, &flow), 0);
	assert_int_equal(flow.packets[WR_FLOW_ORIG], 40);
	flow.created -= WR_FLOW_CREATED(2 * LAB_HZ);
	assert_int_equal(wr_sys_map_update(fd, &key, &flow, 0), 0);
	lab_from_pod(lab, &s);
	assert_int_equal(lab_promoted(lab), 1);
	assert_true(state_of(lab) & WR_FLOW_ONEWAY);
	lab_close(lab);
}

static void a_flood_evicts_none_that_is_established(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { 0 };
	uint32_t i;

	for (i = 0; i < 200; i++) {
		s.sport = (uint16_t)(2000 + i);
		lab_handshake(lab, &s);
	}
	assert_int_equal(lab_promoted(lab), 200);
	for (i = 0; i < 20000; i++) {
		s.sport = (uint16_t)(10000 + i);
		s.flags = SYN;
		assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	}
	assert_int_equal(lab_promoted(lab), 200);
	assert_true(lab_unproven(lab) <= 4096);
	lab_close(lab);
}

static void beyond_its_quota_a_pod_keeps_what_it_has_and_goes_on_evictable(void **state)
{
	struct lab *lab = lab_open(0);
	struct wr_ep_stats stats;
	struct wr_endpoint ep;
	struct shape s = { 0 };
	uint32_t i;

	assert_int_equal(wr_endpoint_stats(lab->dp, 5, &stats), 0);
	assert_int_equal(wr_endpoint_get(lab->dp, 5, &ep), 0);
	ep.quota = (uint32_t)stats.promoted + 3;
	assert_int_equal(wr_endpoint_put(lab->dp, 5, &ep), 0);
	for (i = 0; i < 5; i++) {
		s.sport = (uint16_t)(2000 + i);
		lab_handshake(lab, &s);
	}
	assert_int_equal(lab_promoted(lab), 3);
	assert_int_equal(lab_unproven(lab), 2);
	s.flags = ACK;
	assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	assert_int_equal(wr_endpoint_stats(lab->dp, 5, &stats), 0);
	assert_true(stats.refused >= 2);
	lab_close(lab);
}

static void a_full_table_turns_nobody_away(void **state)
{
	struct wr_dp_options opt = lab_options(0);
	struct shape s = { 0 };
	struct lab *lab;
	uint32_t i;

	opt.sizes[WR_MAP_wr_flows] = 8;
	opt.config.flow_shards = 1;
	lab = lab_open_with(&opt);
	for (i = 0; i < 20; i++) {
		s.sport = (uint16_t)(2000 + i);
		lab_handshake(lab, &s);
	}
	assert_int_equal(lab_promoted(lab), 8);
	assert_int_equal(lab_unproven(lab), 12);
	s.flags = ACK;
	for (i = 0; i < 20; i++) {
		s.sport = (uint16_t)(2000 + i);
		assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	}
	lab_close(lab);
}

static void packets_are_counted_in_their_direction(void **state)
{
	struct lab *lab = lab_open(0);
	struct wr_flow flow;

	lab_handshake(lab, &there);
	segment(lab, there, ACK, 101, 501);
	segment(lab, back, ACK, 501, 101);
	segment(lab, back, ACK, 501, 101);
	assert_true(lab_flow(lab, "10.0.1.5", 1000, "10.0.1.6", 80, &flow));
	assert_int_equal(flow.packets[WR_FLOW_ORIG], 3);
	assert_int_equal(flow.packets[WR_FLOW_REPLY], 3);
	assert_int_equal(flow.bytes[WR_FLOW_ORIG], 3 * 54);
	lab_close(lab);
}

static void in_mid_stream_what_policy_allows_goes_on(void **state)
{
	struct lab *lab = lab_open(0);

	assert_int_equal(segment(lab, there, ACK, 5, 5), LAB_REDIRECT);
	assert_int_equal(tcp_of(lab), WR_TCP_ESTABLISHED);
	segment(lab, back, ACK, 5, 5);
	segment(lab, there, ACK, 5, 5);
	assert_int_equal(lab_promoted(lab), 1);
	lab_close(lab);
}

/* Pod 5 may be called on port 1000 and may call nobody: what it sends from there is an answer. */
static void in_mid_stream_an_answer_is_judged_as_one(void **state)
{
	struct lab *lab = lab_open(0);
	struct wr_flow flow;

	lab_policy(lab, 5, WR_RULES_EGRESS | WR_RULES_INGRESS | 1);
	lab_allow(lab, 1, WR_DIR_INGRESS, LAB_DB, IPPROTO_TCP, 1000, 1);
	assert_int_equal(segment(lab, there, ACK, 5, 5), LAB_REDIRECT);
	assert_true(lab_flow(lab, "10.0.1.5", 1000, "10.0.1.6", 80, &flow));
	assert_int_equal(flow.src_ep, 6);
	assert_memory_equal(lab_out(lab).dmac, lab_pod_mac(6), 6);
	assert_int_equal(flow.out[WR_FLOW_REPLY], WR_OUT(6 | WR_OUT_EP, 0));
	lab_policy(lab, 5, WR_RULES_EGRESS | WR_RULES_INGRESS | 2);
	assert_int_equal(segment(lab, there, ACK, 5, 5), LAB_DROP);
	lab_close(lab);
}

static void in_mid_stream_neither_way_allowed_has_its_own_reason(void **state)
{
	struct lab *lab = lab_open(0);
	uint64_t before = lab_drops(lab, WR_REASON_TCP_MIDSTREAM);

	lab_policy(lab, 5, WR_RULES_EGRESS | WR_RULES_INGRESS | 1);
	assert_int_equal(segment(lab, there, ACK, 5, 5), LAB_DROP);
	assert_int_equal(lab_drops(lab, WR_REASON_TCP_MIDSTREAM), before + 1);
	lab_close(lab);
}

static void a_reset_of_nothing_begins_no_flow(void **state)
{
	struct lab *lab = lab_open(0);

	assert_int_equal(segment(lab, there, RST, 5, 0), LAB_REDIRECT);
	assert_int_equal(lab_unproven(lab), 0);
	lab_close(lab);
}

static void an_echo_reply_without_a_request_never_opens_what_policy_closed(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .proto = IPPROTO_ICMP, .type = 0, .id = 5 };

	lab_policy(lab, 5, WR_RULES_EGRESS | WR_RULES_INGRESS | 1);
	assert_int_equal(lab_from_pod(lab, &s), LAB_DROP);
	lab_close(lab);
}

static void a_request_under_an_identifier_in_use_is_judged_by_itself(void **state)
{
	const struct shape ask = { .proto = IPPROTO_ICMP, .type = 8, .id = 5 };
	struct shape answer = { .src = "10.0.1.6", .dst = "10.0.1.5", .proto = IPPROTO_ICMP, .id = 5 };
	struct lab *lab = lab_open(0);

	lab_policy(lab, 5, WR_RULES_INGRESS | 1);
	assert_int_equal(lab_from_pod(lab, &ask), LAB_REDIRECT);
	assert_int_equal(lab_from_pod(lab, &answer), LAB_REDIRECT);
	answer.type = 8;
	assert_int_equal(lab_from_pod(lab, &answer), LAB_DROP);
	answer.type = 0;
	assert_int_equal(lab_from_pod(lab, &answer), LAB_REDIRECT);
	lab_close(lab);
}

static void a_flow_of_a_pod_that_is_gone_is_not_its_successors(void **state)
{
	struct lab *lab = lab_open(0);
	struct wr_endpoint ep, other;
	struct shape s = { .flags = ACK };

	lab_handshake(lab, &there);
	assert_int_equal(wr_endpoint_get(lab->dp, 6, &ep), 0);
	assert_int_equal(wr_endpoint_get(lab->dp, 7, &other), 0);
	other.addr4 = ep.addr4;
	assert_int_equal(wr_endpoint_del(lab->dp, 6), 0);
	assert_int_equal(wr_endpoint_put(lab->dp, 7, &other), 0);
	lab_policy(lab, 7, WR_RULES_INGRESS | WR_RULES_EGRESS | 1);
	assert_int_equal(lab_from_pod(lab, &s), LAB_DROP);
	lab_close(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_connection_is_promoted_by_the_ack_of_its_syn_ack),
		cmocka_unit_test(an_answer_alone_proves_nothing),
		cmocka_unit_test(a_syn_ack_of_the_highest_number_can_be_proven),
		cmocka_unit_test(both_fins_close_and_one_does_not),
		cmocka_unit_test(a_reset_is_remembered),
		cmocka_unit_test(a_syn_on_a_closing_connection_begins_a_new_one),
		cmocka_unit_test(a_syn_from_the_side_that_was_called_is_judged_anew),
		cmocka_unit_test(udp_is_promoted_by_the_packet_after_an_answer),
		cmocka_unit_test(what_nobody_answers_is_promoted_by_age_and_count),
		cmocka_unit_test(a_flood_evicts_none_that_is_established),
		cmocka_unit_test(beyond_its_quota_a_pod_keeps_what_it_has_and_goes_on_evictable),
		cmocka_unit_test(a_full_table_turns_nobody_away),
		cmocka_unit_test(packets_are_counted_in_their_direction),
		cmocka_unit_test(in_mid_stream_what_policy_allows_goes_on),
		cmocka_unit_test(in_mid_stream_an_answer_is_judged_as_one),
		cmocka_unit_test(in_mid_stream_neither_way_allowed_has_its_own_reason),
		cmocka_unit_test(a_reset_of_nothing_begins_no_flow),
		cmocka_unit_test(an_echo_reply_without_a_request_never_opens_what_policy_closed),
		cmocka_unit_test(a_request_under_an_identifier_in_use_is_judged_by_itself),
		cmocka_unit_test(a_flow_of_a_pod_that_is_gone_is_not_its_successors),
	};

	return cmocka_run_group_tests(tests, lab_enter, lab_leave);
}
