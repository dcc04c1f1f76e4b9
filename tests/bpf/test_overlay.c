/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about what comes through the tunnel, with the metadata that the VXLAN device gives a packet. */
#include "tests/bpf/check.h"

#include <netinet/in.h>

#include "tests/bpf/lab.h"
#include "tests/bpf/tunnel.h"

/* Comes in a tunnel from the node with the address @outer. */
static int tunnelled(struct lab *lab, const char *outer, const struct shape *s)
{
	struct packet p;

	packet_make(&p, s);
	return lab_from_tunnel(lab, outer, &p);
}

static void put_way(struct lab *lab, uint16_t kind, const char *node)
{
	struct wr_nexthop nh = { .kind = kind, .ifindex = lab->uplink, .mtu = LAB_MTU - 50, .vni = 7 };

	assert_int_equal(wr_addr_parse(node, &nh.gateway), 0);
	nh.outer_src = nh.gateway;
	assert_int_equal(wr_nexthop_put(lab->dp, LAB_NODE3_V4, &nh), 0);
	assert_int_equal(wr_nexthop_put(lab->dp, LAB_NODE3_V6, &nh), 0);
}

static void delivered(struct lab *lab, const char *outer, const char *src, const char *dst)
{
	struct shape s = { .src = src, .dst = dst };
	struct seen out;

	assert_int_equal(tunnelled(lab, outer, &s), LAB_REDIRECT);
	out = lab_out(lab);
	assert_memory_equal(out.dmac, lab_pod_mac(5), 6);
	assert_int_equal(out.ttl, 63);
	assert_true(out.sums);
}

static void what_a_nodes_pod_sends_through_the_tunnel_is_delivered(void **state)
{
	struct lab *lab = lab_open(0);

	delivered(lab, "192.168.0.3", "10.0.3.9", "10.0.1.5");
	delivered(lab, "192.168.0.3", "fd00:3::9", "fd00:1::5");
	lab_close(lab);
}

static void a_tunnel_over_ipv6_is_one_too(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .src = "10.0.3.9", .dst = "10.0.1.5" };
	uint64_t before = lab_drops(lab, WR_REASON_SPOOFED_OUTER);

	put_way(lab, WR_NH_TUNNEL, "fd00:99::3");
	delivered(lab, "fd00:99::3", "10.0.3.9", "10.0.1.5");
	delivered(lab, "fd00:99::3", "fd00:3::9", "fd00:1::5");
	assert_int_equal(tunnelled(lab, "fd00:99::4", &s), LAB_DROP);
	s.sport = 7; /* in a known flow and in a new one */
	assert_int_equal(tunnelled(lab, "fd00:99::4", &s), LAB_DROP);
	assert_int_equal(tunnelled(lab, "192.168.0.3", &s), LAB_DROP);
	assert_int_equal(lab_drops(lab, WR_REASON_SPOOFED_OUTER), before + 3);
	lab_close(lab);
}

static void another_node_cannot_send_for_its_pods(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .src = "10.0.3.9", .dst = "10.0.1.5" };
	uint64_t before = lab_drops(lab, WR_REASON_SPOOFED_OUTER);

	assert_int_equal(tunnelled(lab, "192.168.0.2", &s), LAB_DROP);
	delivered(lab, "192.168.0.3", "10.0.3.9", "10.0.1.5");
	assert_int_equal(tunnelled(lab, "192.168.0.2", &s), LAB_DROP);
	assert_int_equal(lab_drops(lab, WR_REASON_SPOOFED_OUTER), before + 2);
	lab_close(lab);
}

static void nor_in_an_established_connection(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .dst = "10.0.3.9" }, back;
	uint64_t before = lab_drops(lab, WR_REASON_SPOOFED_OUTER);

	lab_handshake(lab, &s); /* the answer is believed to come by the uplink: its address is nobody's here */
	assert_int_equal(lab_promoted(lab), 1);
	back = (struct shape){
		.src = "10.0.3.9", .dst = "10.0.1.5", .sport = 80, .dport = 1000, .flags = ACK
	};
	assert_int_equal(tunnelled(lab, "192.168.0.3", &back), LAB_REDIRECT);
	assert_int_equal(tunnelled(lab, "192.168.0.2", &back), LAB_DROP);
	assert_int_equal(lab_drops(lab, WR_REASON_SPOOFED_OUTER), before + 1);
	lab_close(lab);
}

static void addresses_of_this_node_never_come_through_it(void **state)
{
	static const char *const ours[] = { "10.0.1.6", "192.168.0.1" };
	struct lab *lab = lab_open(0);
	uint64_t before = lab_drops(lab, WR_REASON_SPOOFED_NODE);
	size_t i;

	for (i = 0; i < 2; i++) {
		struct shape s = { .src = ours[i], .dst = "10.0.1.5" };

		assert_int_equal(tunnelled(lab, "192.168.0.3", &s), LAB_DROP);
		assert_int_equal(lab_drops(lab, WR_REASON_SPOOFED_NODE), before + i + 1);
	}
	lab_close(lab);
}

/*
 * With routing: auto two nodes find out at different times that they reach each other directly. What the later one still tunnels
 * was dropped as forged.
 */
static void who_sends_directly_still_takes_what_is_tunnelled(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .src = "10.0.3.9", .dst = "10.0.1.5" }, back;

	assert_int_equal(tunnelled(lab, "192.168.0.3", &s), LAB_REDIRECT);
	put_way(lab, WR_NH_NEIGH, "192.168.0.3");
	assert_int_equal(tunnelled(lab, "192.168.0.3", &s), LAB_REDIRECT);
	s.sport = 7;
	assert_int_equal(tunnelled(lab, "192.168.0.3", &s), LAB_REDIRECT);
	s.dport = 443;
	assert_int_equal(tunnelled(lab, "192.168.0.2", &s), LAB_DROP);
	s = (struct shape){ .dst = "10.0.3.9", .sport = 2000 };
	lab_handshake(lab, &s);
	back = (struct shape){
		.src = "10.0.3.9", .dst = "10.0.1.5", .sport = 80, .dport = 2000, .flags = ACK
	};
	assert_int_equal(tunnelled(lab, "192.168.0.3", &back), LAB_REDIRECT);
	assert_int_equal(tunnelled(lab, "192.168.0.2", &back), LAB_DROP);
	lab_close(lab);
}

/* Policy is the receiving node's to judge, of a tunnelled packet too. */
static void ingress_policy_is_judged_behind_the_tunnel(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .src = "10.0.3.9", .dst = "10.0.1.5" };
	uint64_t before = lab_drops(lab, WR_REASON_POLICY_INGRESS);

	lab_policy(lab, 5, 9 | WR_RULES_INGRESS);
	assert_int_equal(tunnelled(lab, "192.168.0.3", &s), LAB_DROP);
	assert_int_equal(lab_drops(lab, WR_REASON_POLICY_INGRESS), before + 1);
	lab_allow(lab, 9, WR_DIR_INGRESS, LAB_OTHER, IPPROTO_TCP, 80, 1);
	assert_int_equal(tunnelled(lab, "192.168.0.3", &s), LAB_REDIRECT);
	lab_close(lab);
}

static void broken_and_foreign_packets_have_their_reasons(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape last = { .src = "10.0.3.9", .dst = "10.0.1.5", .ttl = 1 };
	struct shape nobody = { .src = "10.0.3.9", .dst = "10.0.1.99" };
	struct shape elsewhere = { .src = "10.0.3.9", .dst = "8.8.8.8" };
	struct shape group = { .src = "10.0.3.9", .dst = "224.0.0.5", .proto = IPPROTO_UDP };
	struct shape later = { .src = "10.0.3.9",
			       .dst = "10.0.1.5",
			       .proto = IPPROTO_UDP,
			       .frag_id = 5,
			       .frag_off = 1200,
			       .payload = 80 };
	uint64_t unknown = lab_drops(lab, WR_REASON_UNKNOWN_ENDPOINT);
	uint64_t multicast = lab_drops(lab, WR_REASON_MULTICAST);
	uint64_t fragments = lab_drops(lab, WR_REASON_FRAGMENT);
	uint64_t ttl = lab_drops(lab, WR_REASON_TTL);

	assert_int_equal(tunnelled(lab, "192.168.0.3", &last), LAB_REDIRECT);
	assert_int_equal(lab_drops(lab, WR_REASON_TTL), ttl + 1);
	assert_int_equal(lab_out(lab).type, 11); /* the answer goes back into the tunnel */
	assert_true(lab_out(lab).sums);
	assert_int_equal(tunnelled(lab, "192.168.0.3", &nobody), LAB_DROP);
	assert_int_equal(tunnelled(lab, "192.168.0.3", &elsewhere), LAB_DROP);
	assert_int_equal(lab_drops(lab, WR_REASON_UNKNOWN_ENDPOINT), unknown + 2);
	assert_int_equal(tunnelled(lab, "192.168.0.3", &group), LAB_DROP);
	assert_int_equal(lab_drops(lab, WR_REASON_MULTICAST), multicast + 1);
	assert_int_equal(tunnelled(lab, "192.168.0.3", &later), LAB_DROP);
	assert_int_equal(lab_drops(lab, WR_REASON_FRAGMENT), fragments + 1);
	lab_close(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_nodes_pod_sends_through_the_tunnel_is_delivered),
		cmocka_unit_test(a_tunnel_over_ipv6_is_one_too),
		cmocka_unit_test(another_node_cannot_send_for_its_pods),
		cmocka_unit_test(nor_in_an_established_connection),
		cmocka_unit_test(addresses_of_this_node_never_come_through_it),
		cmocka_unit_test(who_sends_directly_still_takes_what_is_tunnelled),
		cmocka_unit_test(ingress_policy_is_judged_behind_the_tunnel),
		cmocka_unit_test(broken_and_foreign_packets_have_their_reasons),
	};

	return cmocka_run_group_tests(tests, lab_enter, lab_leave);
}
