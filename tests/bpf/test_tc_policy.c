/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about policy in the datapath: which end is judged by what, and when again. */
#include "tests/bpf/check.h"

#include <arpa/inet.h>

#include "tests/bpf/lab.h"

#define OUT WR_RULES_EGRESS
#define IN  WR_RULES_INGRESS

static const struct shape back = { .src = "10.0.1.6", .dst = "10.0.1.5", .sport = 80, .dport = 1000 };

static void expect(struct lab *lab, struct shape s, uint32_t reason)
{
	uint64_t before = lab_drops(lab, reason);

	if (!reason) {
		assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
		return;
	}
	assert_int_equal(lab_from_pod(lab, &s), LAB_DROP);
	assert_int_equal(lab_drops(lab, reason), before + 1);
}

static void policy_off_for_all(struct lab *lab)
{
	lab_policy(lab, 5, 0);
	lab_policy(lab, 6, 0);
	lab_policy(lab, 7, 0);
}

static void a_direction_that_no_policy_selects_is_open(void **state)
{
	struct lab *lab = lab_open(0);

	lab_policy(lab, 5, IN | 1);
	lab_policy(lab, 6, OUT | 1);
	expect(lab, (struct shape){ 0 }, 0);
	policy_off_for_all(lab);
	lab_close(lab);
}

static void both_ends_must_allow(void **state)
{
	struct lab *lab = lab_open(0);

	lab_allow(lab, 1, WR_DIR_EGRESS, LAB_DB, IPPROTO_TCP, 80, 11);
	lab_allow(lab, 2, WR_DIR_INGRESS, LAB_WEB, IPPROTO_TCP, 80, 12);
	lab_policy(lab, 5, OUT | 9);
	lab_policy(lab, 6, IN | 2);
	expect(lab, (struct shape){ 0 }, WR_REASON_POLICY_EGRESS);
	lab_policy(lab, 5, OUT | 1);
	lab_policy(lab, 6, IN | 9);
	expect(lab, (struct shape){ 0 }, WR_REASON_POLICY_INGRESS);
	lab_policy(lab, 6, IN | 2);
	expect(lab, (struct shape){ 0 }, 0);
	policy_off_for_all(lab);
	lab_close(lab);
}

static void a_denial_counts_against_the_pod_whose_policy_it_is(void **state)
{
	struct lab *lab = lab_open(0);
	struct wr_ep_stats before[2], after[2];

	assert_int_equal(wr_endpoint_stats(lab->dp, 5, &before[0]), 0);
	assert_int_equal(wr_endpoint_stats(lab->dp, 6, &before[1]), 0);
	lab_policy(lab, 6, IN | 9);
	expect(lab, (struct shape){ 0 }, WR_REASON_POLICY_INGRESS);
	assert_int_equal(wr_endpoint_stats(lab->dp, 5, &after[0]), 0);
	assert_int_equal(wr_endpoint_stats(lab->dp, 6, &after[1]), 0);
	assert_int_equal(after[0].drops[WR_DIR_EGRESS], before[0].drops[WR_DIR_EGRESS]);
	assert_int_equal(after[1].drops[WR_DIR_INGRESS], before[1].drops[WR_DIR_INGRESS] + 1);
	policy_off_for_all(lab);
	lab_close(lab);
}

static void the_flow_remembers_the_rules_behind_it(void **state)
{
	struct lab *lab = lab_open(0);
	struct wr_flow flow;

	lab_allow(lab, 1, WR_DIR_EGRESS, WR_RULE_ANY_PEER, 0, 0, 11);
	lab_allow(lab, 2, WR_DIR_INGRESS, LAB_WEB, IPPROTO_TCP, 0, 12);
	lab_policy(lab, 5, OUT | 1);
	lab_policy(lab, 6, IN | 2);
	expect(lab, (struct shape){ 0 }, 0);
	assert_true(lab_flow(lab, "10.0.1.5", 1000, "10.0.1.6", 80, &flow));
	assert_int_equal(flow.rule_egress, 11);
	assert_int_equal(flow.rule_ingress, 12);
	policy_off_for_all(lab);
	lab_close(lab);
}

static void the_peers_own_row_comes_before_the_row_for_all(void **state)
{
	struct lab *lab = lab_open(0);
	struct wr_rule_key deny = { .len = WR_RULE_LEN_PROTO + 16,
				    .ruleset = 1,
				    .identity = LAB_DB,
				    .dir = WR_DIR_EGRESS,
				    .proto = IPPROTO_TCP,
				    .port = 80 << 8 };

	lab_allow(lab, 1, WR_DIR_EGRESS, WR_RULE_ANY_PEER, 0, 0, 1);
	assert_int_equal(wr_rule_put(lab->dp, &deny, WR_RULE_WORD(WR_VERDICT_DENY, 5)), 0);
	lab_policy(lab, 5, OUT | 1);
	expect(lab, (struct shape){ 0 }, WR_REASON_POLICY_EGRESS);
	expect(lab, (struct shape){ .dport = 81 }, 0);
	expect(lab, (struct shape){ .dst = "10.0.1.7" }, 0);
	policy_off_for_all(lab);
	lab_close(lab);
}

static void put_rule(struct lab *lab, uint32_t bits, uint16_t port, enum wr_verdict verdict)
{
	struct wr_rule_key key = { .len = WR_RULE_LEN_PROTO + bits,
				   .ruleset = 1,
				   .identity = LAB_DB,
				   .dir = WR_DIR_EGRESS,
				   .proto = IPPROTO_TCP,
				   .port = htons(port) };

	assert_int_equal(wr_rule_put(lab->dp, &key, WR_RULE_WORD(verdict, bits + 1)), 0);
}

/* One port's row before a range's before the protocol's, whichever map each is in. */
static void the_longest_prefix_decides(void **state)
{
	struct lab *lab = lab_open(0);

	put_rule(lab, 0, 0, WR_VERDICT_ALLOW);
	put_rule(lab, 8, 0x1f00, WR_VERDICT_DENY); /* ports 7936 to 8191 */
	put_rule(lab, 16, 8080, WR_VERDICT_ALLOW);
	put_rule(lab, 16, 90, WR_VERDICT_DENY);
	lab_policy(lab, 5, OUT | 1);
	expect(lab, (struct shape){ .dport = 80 }, 0);
	expect(lab, (struct shape){ .dport = 90 }, WR_REASON_POLICY_EGRESS);
	expect(lab, (struct shape){ .dport = 8000 }, WR_REASON_POLICY_EGRESS);
	expect(lab, (struct shape){ .dport = 8080 }, 0);
	expect(lab, (struct shape){ .dport = 8192 }, 0);
	policy_off_for_all(lab);
	lab_close(lab);
}

static void answers_are_always_allowed(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = back;

	lab_policy(lab, 5, IN | 9);
	lab_policy(lab, 6, OUT | 9);
	expect(lab, (struct shape){ 0 }, 0);
	s.flags = SYN | ACK;
	expect(lab, s, 0);
	policy_off_for_all(lab);
	lab_close(lab);
}

static void a_changed_policy_is_judged_at_the_next_packet_of_either_side(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape there = { 0 }, answer = back;

	lab_handshake(lab, &there);
	there.flags = answer.flags = ACK;
	lab_policy(lab, 6, IN | 9);
	expect(lab, there, WR_REASON_POLICY_INGRESS);
	expect(lab, answer, WR_REASON_POLICY_INGRESS);
	lab_policy(lab, 6, 0);
	expect(lab, answer, 0);
	expect(lab, there, 0);
	assert_int_equal(lab_promoted(lab), 1);
	lab_close(lab);
}

static void a_peer_that_changes_its_identity_is_judged_again(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape there = { .dst = "10.0.2.9", .proto = IPPROTO_UDP };
	struct wr_prefix p;

	lab_allow(lab, 1, WR_DIR_EGRESS, LAB_DB, IPPROTO_UDP, 80, 1);
	lab_policy(lab, 5, OUT | 1);
	expect(lab, there, 0);
	expect(lab, there, 0);
	assert_int_equal(wr_prefix_parse("10.0.2.0/24", &p), 0);
	assert_int_equal(wr_peer_put(lab->dp, &p, WR_PEER(LAB_OTHER, LAB_NODE2_V4, WR_PEER_CLUSTER)),
			 0);
	expect(lab, there, WR_REASON_POLICY_EGRESS);
	policy_off_for_all(lab);
	lab_close(lab);
}

static void node2_is(struct lab *lab, uint32_t who)
{
	struct wr_prefix p;

	assert_int_equal(wr_prefix_parse("10.0.2.9/32", &p), 0);
	assert_int_equal(wr_peer_put(lab->dp, &p, WR_PEER(who, LAB_NODE2_V4, WR_PEER_CLUSTER)), 0);
}

/* A domain name whose time is over: connections that it let begin kept the address open for others. */
static void a_former_identity_is_for_what_has_begun_alone(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape begun = { .dst = "10.0.2.9", .proto = IPPROTO_UDP };
	struct shape other = { .dst = "10.0.2.9", .proto = IPPROTO_UDP, .sport = 2000 };
	struct wr_prefix p;

	node2_is(lab, LAB_WEB);
	lab_allow(lab, 1, WR_DIR_EGRESS, LAB_WEB, IPPROTO_UDP, 80, 1);
	lab_policy(lab, 5, OUT | 1);
	expect(lab, begun, 0);
	node2_is(lab, WR_WHO(LAB_OTHER, LAB_WEB));
	expect(lab, begun, 0);
	expect(lab, other, WR_REASON_POLICY_EGRESS);
	/* It was judged by that, and the policy may still change its mind. */
	lab_policy(lab, 5, OUT | 9);
	expect(lab, begun, WR_REASON_POLICY_EGRESS);
	lab_policy(lab, 5, OUT | 1);
	expect(lab, begun, 0);
	/* The name is told again: what had begun before goes on as well. */
	node2_is(lab, LAB_WEB);
	expect(lab, begun, 0);
	expect(lab, other, 0);
	node2_is(lab, WR_WHO(LAB_OTHER, LAB_WEB));
	expect(lab, other, 0);
	node2_is(lab, LAB_OTHER);
	expect(lab, begun, WR_REASON_POLICY_EGRESS);
	expect(lab, other, WR_REASON_POLICY_EGRESS);
	policy_off_for_all(lab);
	assert_int_equal(wr_prefix_parse("10.0.2.9/32", &p), 0);
	assert_int_equal(wr_peer_del(lab->dp, &p), 0);
	lab_close(lab);
}

/* Blocks of one family say nothing of the other: the first packet and every later one go by its own family's identity. */
static void a_pod_is_judged_by_the_identity_of_the_family_it_speaks(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape v4 = { .proto = IPPROTO_UDP };
	struct shape v6 = { .src = "fd00:1::5", .dst = "fd00:1::6", .proto = IPPROTO_UDP };

	assert_int_equal(wr_endpoint_set_identity(lab->dp, 5, LAB_WEB, LAB_OTHER), 0);
	lab_allow(lab, 1, WR_DIR_INGRESS, LAB_WEB, IPPROTO_UDP, 80, 1);
	lab_allow(lab, 2, WR_DIR_INGRESS, LAB_OTHER, IPPROTO_UDP, 80, 2);
	lab_policy(lab, 6, IN | 1);
	expect(lab, v4, 0);
	expect(lab, v6, WR_REASON_POLICY_INGRESS);
	lab_policy(lab, 6, IN | 2);
	expect(lab, v6, 0);
	expect(lab, v6, 0);
	expect(lab, v4, WR_REASON_POLICY_INGRESS);
	assert_int_equal(wr_endpoint_set_identity(lab->dp, 5, LAB_WEB, LAB_WEB), 0);
	policy_off_for_all(lab);
	lab_close(lab);
}

static void nothing_is_judged_again_when_others_change(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape there = { 0 };
	struct wr_flow before, after;

	lab_handshake(lab, &there);
	assert_true(lab_flow(lab, "10.0.1.5", 1000, "10.0.1.6", 80, &before));
	lab_policy(lab, 7, IN | 9);
	there.flags = ACK;
	expect(lab, there, 0);
	assert_true(lab_flow(lab, "10.0.1.5", 1000, "10.0.1.6", 80, &after));
	assert_int_equal(before.judged, after.judged);
	policy_off_for_all(lab);
	lab_close(lab);
}

static void an_unknown_peer_has_a_reason_of_its_own(void **state)
{
	struct lab *lab = lab_open(0);
	struct wr_prefix p;

	assert_int_equal(wr_prefix_parse("10.0.2.0/24", &p), 0);
	assert_int_equal(wr_peer_put(lab->dp, &p,
				     WR_PEER(WR_IDENTITY_UNKNOWN, LAB_NODE2_V4, WR_PEER_CLUSTER)),
			 0);
	lab_policy(lab, 5, OUT | 9);
	expect(lab, (struct shape){ .dst = "10.0.2.9" }, WR_REASON_POLICY_UNKNOWN_PEER);
	policy_off_for_all(lab);
	lab_close(lab);
}

static void a_pod_of_unknown_labels_is_closed(void **state)
{
	struct lab *lab = lab_open(0);

	lab_policy(lab, 5, WR_RULES_CLOSED);
	expect(lab, (struct shape){ 0 }, WR_REASON_POLICY_CLOSED);
	lab_policy(lab, 5, 0);
	lab_policy(lab, 6, WR_RULES_CLOSED);
	expect(lab, (struct shape){ 0 }, WR_REASON_POLICY_CLOSED);
	policy_off_for_all(lab);
	lab_close(lab);
}

static void unknown_protocols_are_closed_where_policy_selects(void **state)
{
	struct lab *lab = lab_open(0);

	lab_allow(lab, 1, WR_DIR_EGRESS, WR_RULE_ANY_PEER, 0, 0, 1);
	expect(lab, (struct shape){ .proto = 47, .payload = 8 }, 0);
	lab_policy(lab, 5, OUT | 1);
	expect(lab, (struct shape){ .proto = 47, .payload = 8 }, WR_REASON_PROTOCOL);
	expect(lab, (struct shape){ .proto = IPPROTO_ICMP, .type = 8, .id = 9 }, 0);
	policy_off_for_all(lab);
	lab_close(lab);
}

static void shadow_mode_reports_and_lets_through(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape there = { 0 };
	struct wr_flow flow;

	lab_policy(lab, 5, OUT | WR_RULES_AUDIT | 9);
	lab_handshake(lab, &there);
	assert_true(lab_flow(lab, "10.0.1.5", 1000, "10.0.1.6", 80, &flow));
	assert_true(flow.judged & WR_JUDGED_AUDIT);
	assert_int_equal(lab_promoted(lab), 1);
	policy_off_for_all(lab);
	lab_close(lab);
}

/* Port 0 of the key: rules speak of all of ICMP. */
static void echo_follows_rules_for_every_port(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape echo = { .proto = IPPROTO_ICMP, .type = 8, .id = 80 };

	lab_allow(lab, 1, WR_DIR_EGRESS, LAB_DB, IPPROTO_TCP, 80, 1);
	lab_policy(lab, 5, OUT | 1);
	expect(lab, echo, WR_REASON_POLICY_EGRESS);
	lab_allow(lab, 2, WR_DIR_EGRESS, LAB_DB, 0, 0, 1);
	lab_policy(lab, 5, OUT | 2);
	expect(lab, echo, 0);
	policy_off_for_all(lab);
	lab_close(lab);
}

static void the_node_reaches_a_closed_pod_and_others_do_not(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape probe = { .src = "192.168.0.1", .dst = "10.0.1.6" };
	struct shape answer = {
		.src = "10.0.1.6", .dst = "192.168.0.1", .sport = 80, .dport = 1000, .flags = SYN | ACK
	};
	struct shape other = { .src = "192.168.0.2", .dst = "10.0.1.6" };

	lab_policy(lab, 6, WR_RULES_CLOSED | IN | OUT | 9);
	assert_int_equal(lab_to_pod(lab, &probe), LAB_PASS);
	assert_int_equal(lab_from_pod(lab, &answer), LAB_PASS);
	assert_int_equal(lab_from_outside(lab, &other), LAB_DROP);
	policy_off_for_all(lab);
	lab_close(lab);
}

/* From another interface: the address says "the node", the packet does not. */
static void the_nodes_address_alone_proves_nothing(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape forged = { .src = "192.168.0.1", .dst = "10.0.1.6" };
	struct packet p;

	lab_policy(lab, 6, IN | 9);
	packet_make(&p, &forged);
	assert_int_equal(lab_run(lab, "pod_ingress", &p, lab->pod[6]), LAB_DROP);
	assert_int_equal(lab_from_outside(lab, &forged), LAB_DROP);
	policy_off_for_all(lab);
	lab_close(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_direction_that_no_policy_selects_is_open),
		cmocka_unit_test(both_ends_must_allow),
		cmocka_unit_test(a_denial_counts_against_the_pod_whose_policy_it_is),
		cmocka_unit_test(the_flow_remembers_the_rules_behind_it),
		cmocka_unit_test(the_peers_own_row_comes_before_the_row_for_all),
		cmocka_unit_test(the_longest_prefix_decides),
		cmocka_unit_test(answers_are_always_allowed),
		cmocka_unit_test(a_changed_policy_is_judged_at_the_next_packet_of_either_side),
		cmocka_unit_test(a_peer_that_changes_its_identity_is_judged_again),
		cmocka_unit_test(a_former_identity_is_for_what_has_begun_alone),
		cmocka_unit_test(a_pod_is_judged_by_the_identity_of_the_family_it_speaks),
		cmocka_unit_test(nothing_is_judged_again_when_others_change),
		cmocka_unit_test(an_unknown_peer_has_a_reason_of_its_own),
		cmocka_unit_test(a_pod_of_unknown_labels_is_closed),
		cmocka_unit_test(unknown_protocols_are_closed_where_policy_selects),
		cmocka_unit_test(shadow_mode_reports_and_lets_through),
		cmocka_unit_test(echo_follows_rules_for_every_port),
		cmocka_unit_test(the_node_reaches_a_closed_pod_and_others_do_not),
		cmocka_unit_test(the_nodes_address_alone_proves_nothing),
	};

	return cmocka_run_group_tests(tests, lab_enter, lab_leave);
}
