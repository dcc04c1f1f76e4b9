/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about what a pod sends: who may send what, and where it goes. */
#include "tests/bpf/check.h"

#include <arpa/inet.h>

#include "tests/bpf/lab.h"

static void expect_drop(struct lab *lab, const struct shape *s, uint32_t reason)
{
	uint64_t before = lab_drops(lab, reason);

	assert_int_equal(lab_from_pod(lab, s), LAB_DROP);
	assert_int_equal(lab_drops(lab, reason), before + 1);
}

static void to_another_on_the_node(const char *src, const char *dst)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .src = src, .dst = dst };
	struct wr_flow flow;
	struct seen out;

	assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	out = lab_out(lab);
	assert_memory_equal(out.dmac, lab_pod_mac(6), 6);
	assert_memory_equal(out.smac, lab_host_mac(6), 6);
	assert_int_equal(out.ttl, 63);
	assert_true(out.sums);
	assert_true(lab_flow(lab, src, 1000, dst, 80, &flow));
	assert_int_equal(flow.out[WR_FLOW_ORIG], WR_OUT(6 | WR_OUT_EP, 0));
	assert_int_equal(flow.out[WR_FLOW_REPLY], WR_OUT(5 | WR_OUT_EP, 0));
	assert_int_equal(flow.src_identity, LAB_WEB);
	assert_int_equal(flow.dst_identity, LAB_DB);
	lab_close(lab);
}

static void a_pod_reaches_another_on_its_node(void **state)
{
	to_another_on_the_node("10.0.1.5", "10.0.1.6");
	to_another_on_the_node("fd00:1::5", "fd00:1::6");
}

static void one_entry_serves_both_directions(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { 0 }, back = {
		.src = "10.0.1.6", .dst = "10.0.1.5", .sport = 80, .dport = 1000, .flags = SYN | ACK
	};

	assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	assert_int_equal(lab_from_pod(lab, &back), LAB_REDIRECT);
	assert_memory_equal(lab_out(lab).dmac, lab_pod_mac(5), 6);
	assert_int_equal(lab_unproven(lab) + lab_promoted(lab), 1);
	lab_close(lab);
}

static void remote(const char *src, const char *dst, uint32_t nexthop)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .src = src, .dst = dst, .proto = IPPROTO_UDP };
	struct wr_nexthop nh;
	struct wr_flow flow;
	struct seen out;

	assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	out = lab_out(lab);
	assert_string_equal(out.src, src);
	assert_int_equal(out.ttl, 63);
	assert_true(out.sums);
	assert_int_equal(lab->mark, LAB_MARK);
	assert_true(lab_flow(lab, src, 1000, dst, 80, &flow));
	assert_int_equal(wr_nexthop_get(lab->dp, nexthop, &nh), 0);
	assert_int_equal(flow.out[WR_FLOW_ORIG], WR_OUT(nexthop, nh.gen));
	assert_int_equal(flow.dst_ep, WR_EP_NONE);
	lab_close(lab);
}

static void pods_of_other_nodes_are_reached_by_their_next_hop(void **state)
{
	remote("10.0.1.5", "10.0.2.9", LAB_NODE2_V4);
	remote("fd00:1::5", "fd00:2::9", LAB_NODE2_V6);
	remote("10.0.1.5", "10.0.3.9", LAB_NODE3_V4);
	remote("fd00:1::5", "fd00:3::9", LAB_NODE3_V6);
}

static void the_node_itself_is_left_to_the_stack(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .dst = "192.168.0.1" };

	assert_int_equal(lab_from_pod(lab, &s), LAB_PASS);
	assert_int_equal(lab_out(lab).ttl, 64);
	assert_int_equal(lab->mark, 0);
	lab_close(lab);
}

static void an_address_of_our_range_without_a_pod_is_not_forwarded(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .dst = "10.0.1.99" };

	expect_drop(lab, &s, WR_REASON_UNKNOWN_ENDPOINT);
	lab_close(lab);
}

static void a_pod_cannot_forge_an_address(void **state)
{
	struct lab *lab = lab_open(0);
	const char *forged[] = { "10.0.1.6", "10.0.2.5", "192.168.0.1", "198.51.100.5", "0.0.0.0" };
	struct wr_ep_stats before, after;
	struct packet p;
	size_t i;

	assert_int_equal(wr_endpoint_stats(lab->dp, 5, &before), 0);
	for (i = 0; i < 5; i++) {
		struct shape s = { .src = forged[i],
				   .dst = "10.0.1.7",
				   .smac = lab_pod_mac(5),
				   .dmac = lab_host_mac(5) };

		packet_make(&p, &s);
		assert_int_equal(lab_run(lab, "pod_egress", &p, lab->pod[5]), LAB_DROP);
	}
	assert_int_equal(wr_endpoint_stats(lab->dp, 5, &after), 0);
	assert_int_equal(after.drops[WR_DIR_EGRESS] - before.drops[WR_DIR_EGRESS], 5);
	assert_int_equal(lab_unproven(lab), 0);
	lab_close(lab);
}

static void a_pod_cannot_forge_a_mac(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .smac = lab_pod_mac(6) };

	expect_drop(lab, &s, WR_REASON_SPOOFED_MAC);
	lab_close(lab);
}

/* The flow's own entry is no way around the check. */
static void a_pod_cannot_speak_in_the_flow_of_another(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { 0 };
	struct packet p;

	lab_handshake(lab, &s);
	assert_int_equal(lab_promoted(lab), 1);
	s.flags = ACK;
	s.smac = lab_pod_mac(7);
	s.dmac = lab_host_mac(7);
	packet_make(&p, &s);
	assert_int_equal(lab_run(lab, "pod_egress", &p, lab->pod[7]), LAB_DROP);
	s.smac = lab_pod_mac(5);
	packet_make(&p, &s);
	assert_int_equal(lab_run(lab, "pod_egress", &p, lab->pod[7]), LAB_DROP);
	lab_close(lab);
}

static void groups_and_broadcast_are_not_forwarded(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape group = { .dst = "224.0.0.251", .proto = IPPROTO_UDP };
	struct shape all = { .dst = "255.255.255.255", .proto = IPPROTO_UDP };
	struct shape group6 = { .src = "fd00:1::5", .dst = "ff02::fb", .proto = IPPROTO_UDP };

	expect_drop(lab, &group, WR_REASON_MULTICAST);
	expect_drop(lab, &all, WR_REASON_MULTICAST);
	expect_drop(lab, &group6, WR_REASON_MULTICAST);
	lab_close(lab);
}

static void hop_limit(const char *src, const char *dst, const char *gateway, uint8_t type)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .src = src, .dst = dst, .ttl = 1 };
	struct seen out;

	assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	out = lab_out(lab);
	assert_string_equal(out.src, gateway);
	assert_string_equal(out.dst, src);
	assert_int_equal(out.type, type);
	assert_int_equal(out.code, 0);
	assert_true(out.sums);
	assert_string_equal(out.quote_src, src);
	assert_string_equal(out.quote_dst, dst);
	assert_int_equal(out.quote_sport, 1000);
	assert_int_equal(out.quote_dport, 80);
	assert_memory_equal(out.dmac, lab_pod_mac(5), 6);
	assert_int_equal(lab->mark, LAB_MARK);
	lab_close(lab);
}

static void the_last_hop_is_answered_by_the_gateway(void **state)
{
	hop_limit("10.0.1.5", "10.0.1.6", "169.254.1.1", 11);
	hop_limit("fd00:1::5", "fd00:1::6", "fe80::1", 3);
}

static void too_big(const char *src, const char *dst, uint8_t type, uint8_t code, uint16_t mtu)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .src = src, .dst = dst, .proto = IPPROTO_UDP, .payload = 2000 };
	struct seen out;

	assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	out = lab_out(lab);
	assert_int_equal(out.type, type);
	assert_int_equal(out.code, code);
	assert_int_equal(out.mtu, mtu);
	assert_string_equal(out.quote_dst, dst);
	assert_true(out.sums);
	lab_close(lab);
}

static void what_is_too_big_is_answered_with_the_size_that_fits(void **state)
{
	too_big("10.0.1.5", "10.0.2.9", 3, 4, LAB_MTU);
	too_big("10.0.1.5", "10.0.3.9", 3, 4, LAB_MTU - 50);
	too_big("fd00:1::5", "fd00:3::9", 2, 0, LAB_MTU - 50);
}

static void what_may_be_fragmented_is_left_to_the_stack(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = {
		.dst = "10.0.2.9", .proto = IPPROTO_UDP, .payload = 2000, .fragmentable = true
	};

	assert_int_equal(lab_from_pod(lab, &s), LAB_PASS);
	assert_int_equal(lab_out(lab).ttl, 64);
	assert_int_equal(lab->mark, LAB_MARK);
	lab_close(lab);
}

static int segments(struct lab *lab, uint32_t gso_size)
{
	struct shape s = {
		.flags = ACK, .payload = 3000, .smac = lab_pod_mac(5), .dmac = lab_host_mac(5)
	};
	struct packet p;

	packet_make(&p, &s);
	return lab_run_as(lab, "pod_egress", &p, lab->pod[5], lab->pod[5], 0, gso_size);
}

static void segments_are_measured_one_by_one(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { 0 };

	lab_handshake(lab, &s);
	assert_int_equal(segments(lab, LAB_MTU - 40), LAB_REDIRECT);
	assert_int_equal(lab_out(lab).proto, IPPROTO_TCP);
	assert_int_equal(segments(lab, LAB_MTU - 39), LAB_REDIRECT);
	assert_int_equal(lab_out(lab).proto, IPPROTO_ICMP);
	lab_close(lab);
}

static void make_arp(struct packet *p, uint16_t op, const char *sender, const char *target)
{
	static const uint8_t head[] = { 0, 1, 8, 0, 6, 4 };

	memset(p, 0, sizeof(*p));
	p->len = 42;
	memset(p->b, 0xff, 6);
	memcpy(p->b + 6, lab_pod_mac(5), 6);
	p->b[12] = 8;
	p->b[13] = 6;
	memcpy(p->b + 14, head, sizeof(head));
	p->b[21] = (uint8_t)op;
	memcpy(p->b + 22, lab_pod_mac(5), 6);
	inet_pton(AF_INET, sender, p->b + 28);
	inet_pton(AF_INET, target, p->b + 38);
}

static void arp_for_the_gateway_is_answered(void **state)
{
	struct lab *lab = lab_open(0);
	uint8_t gateway[4] = { 169, 254, 1, 1 }, pod[4] = { 10, 0, 1, 5 };
	struct packet p;

	make_arp(&p, 1, "10.0.1.5", "169.254.1.1");
	assert_int_equal(lab_run(lab, "pod_egress", &p, lab->pod[5]), LAB_REDIRECT);
	assert_int_equal(lab->out.len, 42);
	assert_memory_equal(lab->out.b, lab_pod_mac(5), 6);
	assert_memory_equal(lab->out.b + 6, lab_host_mac(5), 6);
	assert_int_equal(lab->out.b[21], 2);
	assert_memory_equal(lab->out.b + 22, lab_host_mac(5), 6);
	assert_memory_equal(lab->out.b + 28, gateway, 4);
	assert_memory_equal(lab->out.b + 32, lab_pod_mac(5), 6);
	assert_memory_equal(lab->out.b + 38, pod, 4);
	assert_int_equal(lab->mark, LAB_MARK);
	lab_close(lab);
}

static void other_arp_is_not_answered(void **state)
{
	struct lab *lab = lab_open(0);
	uint64_t forged = lab_drops(lab, WR_REASON_SPOOFED_ADDR);
	struct packet p;

	make_arp(&p, 1, "10.0.1.5", "10.0.1.6");
	assert_int_equal(lab_run(lab, "pod_egress", &p, lab->pod[5]), LAB_DROP);
	make_arp(&p, 2, "10.0.1.5", "169.254.1.1");
	assert_int_equal(lab_run(lab, "pod_egress", &p, lab->pod[5]), LAB_DROP);
	make_arp(&p, 1, "10.0.1.6", "169.254.1.1");
	assert_int_equal(lab_run(lab, "pod_egress", &p, lab->pod[5]), LAB_DROP);
	assert_int_equal(lab_drops(lab, WR_REASON_SPOOFED_ADDR), forged + 1);
	lab_close(lab);
}

/* Neighbour solicitation: ICMPv6 135 with the target and the sender's MAC behind it. */
static void make_solicitation(struct packet *p, const char *src, const char *target)
{
	struct shape s = { .src = src,
			   .dst = "ff02::1:ff00:1",
			   .proto = IPPROTO_ICMPV6,
			   .type = 135,
			   .ttl = 255,
			   .payload = 24,
			   .smac = lab_pod_mac(5) };

	packet_make(p, &s);
	inet_pton(AF_INET6, target, p->b + 62);
}

static void a_solicitation_for_the_gateway_is_answered(void **state)
{
	struct lab *lab = lab_open(0);
	struct packet p;
	struct seen out;

	make_solicitation(&p, "fd00:1::5", "fe80::1");
	assert_int_equal(lab_run(lab, "pod_egress", &p, lab->pod[5]), LAB_REDIRECT);
	out = lab_out(lab);
	assert_string_equal(out.src, "fe80::1");
	assert_string_equal(out.dst, "fd00:1::5");
	assert_int_equal(out.type, 136);
	assert_int_equal(out.ttl, 255);
	assert_true(out.sums);
	assert_int_equal(lab->out.len, 86);
	assert_memory_equal(lab->out.b + 62, p.b + 62, 16);
	assert_int_equal(lab->out.b[78], 2);
	assert_memory_equal(lab->out.b + 80, lab_host_mac(5), 6);
	make_solicitation(&p, "fd00:1::5", "fd00:1::6");
	assert_int_equal(lab_run(lab, "pod_egress", &p, lab->pod[5]), LAB_DROP);
	lab_close(lab);
}

static void the_links_own_talk_is_no_drop_to_report(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape router = { .src = "fe80::5",
				.dst = "ff02::2",
				.proto = IPPROTO_ICMPV6,
				.type = 133,
				.smac = lab_pod_mac(5) };
	struct shape groups = { .src = "::",
				.dst = "ff02::16",
				.proto = IPPROTO_ICMPV6,
				.type = 143,
				.smac = lab_pod_mac(5),
				.ext = { 255 } };
	struct wr_ep_stats before, after;
	struct packet p;

	assert_int_equal(wr_endpoint_stats(lab->dp, 5, &before), 0);
	packet_make(&p, &router);
	assert_int_equal(lab_run(lab, "pod_egress", &p, lab->pod[5]), LAB_DROP);
	packet_make(&p, &groups);
	assert_int_equal(lab_run(lab, "pod_egress", &p, lab->pod[5]), LAB_DROP);
	assert_int_equal(wr_endpoint_stats(lab->dp, 5, &after), 0);
	assert_int_equal(after.drops[WR_DIR_EGRESS], before.drops[WR_DIR_EGRESS]);
	lab_close(lab);
}

static void a_chained_pod_may_send_for_others(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .src = "172.16.0.9", .smac = lab_pod_mac(5), .dmac = lab_host_mac(5) };
	struct wr_endpoint ep;
	struct packet p;

	assert_int_equal(wr_endpoint_get(lab->dp, 5, &ep), 0);
	ep.flags |= WR_EP_ANY_SOURCE;
	assert_int_equal(wr_endpoint_put(lab->dp, 5, &ep), 0);
	packet_make(&p, &s);
	assert_int_equal(lab_run(lab, "pod_egress", &p, lab->pod[5]), LAB_REDIRECT);
	ep.flags &= ~(uint32_t)WR_EP_ANY_SOURCE;
	assert_int_equal(wr_endpoint_put(lab->dp, 5, &ep), 0);
	lab_close(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pod_reaches_another_on_its_node),
		cmocka_unit_test(one_entry_serves_both_directions),
		cmocka_unit_test(pods_of_other_nodes_are_reached_by_their_next_hop),
		cmocka_unit_test(the_node_itself_is_left_to_the_stack),
		cmocka_unit_test(an_address_of_our_range_without_a_pod_is_not_forwarded),
		cmocka_unit_test(a_pod_cannot_forge_an_address),
		cmocka_unit_test(a_pod_cannot_forge_a_mac),
		cmocka_unit_test(a_pod_cannot_speak_in_the_flow_of_another),
		cmocka_unit_test(groups_and_broadcast_are_not_forwarded),
		cmocka_unit_test(the_last_hop_is_answered_by_the_gateway),
		cmocka_unit_test(what_is_too_big_is_answered_with_the_size_that_fits),
		cmocka_unit_test(what_may_be_fragmented_is_left_to_the_stack),
		cmocka_unit_test(segments_are_measured_one_by_one),
		cmocka_unit_test(arp_for_the_gateway_is_answered),
		cmocka_unit_test(other_arp_is_not_answered),
		cmocka_unit_test(a_solicitation_for_the_gateway_is_answered),
		cmocka_unit_test(the_links_own_talk_is_no_drop_to_report),
		cmocka_unit_test(a_chained_pod_may_send_for_others),
	};

	return cmocka_run_group_tests(tests, lab_enter, lab_leave);
}
