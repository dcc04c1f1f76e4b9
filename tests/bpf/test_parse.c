/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about the parser: what is malformed is refused with its reason, what is unusual is understood. */
#include "tests/bpf/check.h"

#include "tests/bpf/lab.h"

/* Sends bytes as they are from pod 5; they must be dropped for this reason, and begin no flow. */
static void refused(struct lab *lab, const struct packet *p, uint32_t reason)
{
	uint64_t before = lab_drops(lab, reason);

	assert_int_equal(lab_run(lab, "pod_egress", p, lab->pod[5]), LAB_DROP);
	assert_int_equal(lab_drops(lab, reason), before + 1);
	assert_int_equal(lab_unproven(lab), 0);
}

static struct packet made(struct shape s)
{
	struct packet p;

	s.smac = lab_pod_mac(5);
	s.dmac = lab_host_mac(5);
	packet_make(&p, &s);
	return p;
}

static void accepted(struct lab *lab, struct shape s, uint16_t sport, uint16_t dport)
{
	struct shape full = shape_full(&s);
	struct packet p = made(s);
	struct wr_flow flow;

	assert_int_equal(lab_run(lab, "pod_egress", &p, lab->pod[5]), LAB_REDIRECT);
	assert_true(lab_out(lab).sums);
	assert_true(lab_flow(lab, full.src, sport, full.dst, dport, &flow));
}

static const struct shape tcp6 = { .src = "fd00:1::5", .dst = "fd00:1::6" };

static void every_cut_of_a_packet_is_refused(void **state)
{
	static const struct shape shapes[] = {
		{ 0 },
		{ .proto = IPPROTO_UDP, .payload = 20 },
		{ .proto = IPPROTO_SCTP, .payload = 20 },
		{ .proto = IPPROTO_ICMP, .type = 8 },
		{ .options = 20 },
		{ .src = "fd00:1::5", .dst = "fd00:1::6" },
		{ .src = "fd00:1::5", .dst = "fd00:1::6", .ext = { 255, 60 } },
		{ .src = "fd00:1::5", .dst = "fd00:1::6", .proto = IPPROTO_ICMPV6, .type = 128 },
	};
	struct lab *lab = lab_open(0);
	uint32_t len;
	size_t i;

	for (i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		struct packet p = made(shapes[i]);

		/* Shorter ones than a network header the kernel does not give to programs. */
		for (len = p.len - 1; len >= (shapes[i].src ? 54 : 34); len--) {
			packet_cut(&p, len);
			assert_int_equal(lab_run(lab, "pod_egress", &p, lab->pod[5]), LAB_DROP);
		}
	}
	assert_int_equal(lab_unproven(lab), 0);
	lab_close(lab);
}

/* What is broken goes no further by any program; what the node itself sends that way is its own affair. */
static void every_program_refuses_what_is_cut(void **state)
{
	static const struct shape shapes[] = {
		{ .src = "198.51.100.9", .options = 20 },
		{ .src = "198.51.100.9", .proto = IPPROTO_UDP, .payload = 9, .frag_id = 5, .more = true },
		{ .src = "2001:db8::9", .dst = "fd00:1::6", .ext = { 255, IPPROTO_DSTOPTS } },
		{ .src = "2001:db8::9", .dst = "fd00:1::6", .proto = IPPROTO_ICMPV6, .type = 128 },
	};
	struct lab *lab = lab_open(0);
	const struct {
		const char *prog;
		uint32_t ifindex, came_in;
		int verdict;
	} hooks[] = {
		{ "pod_egress", lab->pod[5], lab->pod[5], LAB_DROP },
		{ "pod_ingress", lab->pod[6], lab->uplink, LAB_DROP },
		{ "uplink_ingress", lab->uplink, lab->uplink, LAB_DROP },
		{ "uplink_egress", lab->uplink, 0, LAB_PASS },
		{ "overlay_ingress", lab->overlay, lab->overlay, LAB_DROP },
		{ "overlay_egress", lab->overlay, 0, LAB_DROP },
	};
	uint32_t len, end;
	size_t i, k;

	for (i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		struct shape s = shapes[i];
		struct packet p;

		s.dmac = lab_uplink_mac();
		packet_make(&p, &s);
		end = p.len;
		for (len = end - 1; len >= (strchr(s.src, ':') ? 54 : 34); len--) {
			packet_cut(&p, len);
			for (k = 0; k < sizeof(hooks) / sizeof(hooks[0]); k++)
				assert_int_equal(lab_run_as(lab, hooks[k].prog, &p, hooks[k].ifindex,
							    hooks[k].came_in, 0, 0),
						 hooks[k].verdict);
		}
	}
	assert_int_equal(lab_unproven(lab), 0);
	lab_close(lab);
}

static void a_length_beyond_the_packet_is_refused(void **state)
{
	struct lab *lab = lab_open(0);
	struct packet p = made((struct shape){ 0 }), p6 = made(tcp6);

	p.b[17]++;
	refused(lab, &p, WR_REASON_SHORT);
	p6.b[19]++;
	refused(lab, &p6, WR_REASON_SHORT);
	lab_close(lab);
}

/* What lies behind the length that the header claims is padding, not transport. */
static void a_header_behind_the_claimed_length_is_no_header(void **state)
{
	struct lab *lab = lab_open(0);
	struct packet p = made((struct shape){ 0 }), p6 = made(tcp6);

	p.b[17] -= 1;
	refused(lab, &p, WR_REASON_SHORT);
	p.b[17] = 20;
	refused(lab, &p, WR_REASON_SHORT);
	p.b[17] = 19;
	refused(lab, &p, WR_REASON_BAD_HEADER);
	p6.b[19] -= 1;
	refused(lab, &p6, WR_REASON_SHORT);
	lab_close(lab);
}

static void a_header_that_contradicts_itself_is_refused(void **state)
{
	struct lab *lab = lab_open(0);
	struct packet p = made((struct shape){ 0 }), p6 = made(tcp6);

	p.b[14] = 0x65;
	refused(lab, &p, WR_REASON_BAD_HEADER);
	p.b[14] = 0x44;
	refused(lab, &p, WR_REASON_BAD_HEADER);
	p = made((struct shape){ 0 });
	p.b[46] = 4 << 4; /* TCP: shorter than a header */
	refused(lab, &p, WR_REASON_BAD_HEADER);
	p.b[46] = 6 << 4; /* longer than the packet */
	refused(lab, &p, WR_REASON_BAD_HEADER);
	p6.b[14] = 0x40;
	refused(lab, &p6, WR_REASON_BAD_HEADER);
	lab_close(lab);
}

static void what_is_not_ip_is_refused(void **state)
{
	struct lab *lab = lab_open(0);
	struct packet p = made((struct shape){ 0 });

	p.b[12] = 0x88;
	p.b[13] = 0xcc;
	refused(lab, &p, WR_REASON_ETHERTYPE);
	lab_close(lab);
}

static void options_are_stepped_over(void **state)
{
	struct lab *lab = lab_open(0);

	accepted(lab, (struct shape){ .options = 4, .sport = 1 }, 1, 80);
	accepted(lab, (struct shape){ .options = 40, .sport = 2 }, 2, 80);
	lab_close(lab);
}

static void extension_headers_are_stepped_over(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = tcp6;

	memcpy(s.ext, (uint8_t[]){ 255, 60, 43, 60 }, 4);
	s.sport = 1;
	accepted(lab, s, 1, 80);
	memcpy(s.ext, (uint8_t[]){ 255, 60, 43, 60, 60, 60 }, 6);
	s.sport = 2;
	accepted(lab, s, 2, 80);
	lab_close(lab);
}

static void more_extension_headers_than_are_followed_are_refused(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = tcp6;
	struct packet p;

	memcpy(s.ext, (uint8_t[]){ 255, 60, 43, 60, 60, 60, 60 }, 7);
	p = made(s);
	refused(lab, &p, WR_REASON_EXT_HEADERS);
	lab_close(lab);
}

static void source_routing_is_refused(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = tcp6;
	struct packet p;

	s.ext[0] = IPPROTO_ROUTING;
	s.route_left = 1;
	p = made(s);
	refused(lab, &p, WR_REASON_SOURCE_ROUTE);
	lab_close(lab);
}

static void a_first_fragment_without_its_transport_is_refused(void **state)
{
	struct lab *lab = lab_open(0);
	struct packet p = made((struct shape){ .frag_id = 7, .more = true });

	p.b[17] = 20 + 8;
	packet_cut(&p, 14 + 20 + 8);
	refused(lab, &p, WR_REASON_SHORT);
	lab_close(lab);
}

static void a_fragment_that_would_overwrite_tcp_flags_is_refused(void **state)
{
	struct lab *lab = lab_open(0);
	struct packet p = made((struct shape){ .frag_id = 7, .frag_off = 8, .payload = 32 });

	refused(lab, &p, WR_REASON_BAD_HEADER);
	lab_close(lab);
}

static void echo_has_the_identifier_as_the_asking_sides_port(void **state)
{
	struct lab *lab = lab_open(0);

	accepted(lab, (struct shape){ .proto = IPPROTO_ICMP, .type = 8, .id = 77 }, 77,
		 ntohs(wr_flow_echo_port(htons(77))));
	accepted(lab,
		 (struct shape){ .src = "fd00:1::5",
				 .dst = "fd00:1::6",
				 .proto = IPPROTO_ICMPV6,
				 .type = 128,
				 .id = 78 },
		 78, ntohs(wr_flow_echo_port(htons(78))));
	lab_close(lab);
}

static void sctp_and_unknown_protocols_have_flows_too(void **state)
{
	struct lab *lab = lab_open(0);

	accepted(lab, (struct shape){ .proto = IPPROTO_SCTP, .payload = 16 }, 1000, 80);
	accepted(lab, (struct shape){ .proto = 47, .payload = 16 }, 0, 0);
	/* The other family's ICMP is a protocol like any other. */
	accepted(lab, (struct shape){ .dst = "10.0.1.7", .proto = IPPROTO_ICMPV6, .payload = 16 },
		 0, 0);
	lab_close(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cut_of_a_packet_is_refused),
		cmocka_unit_test(every_program_refuses_what_is_cut),
		cmocka_unit_test(a_length_beyond_the_packet_is_refused),
		cmocka_unit_test(a_header_behind_the_claimed_length_is_no_header),
		cmocka_unit_test(a_header_that_contradicts_itself_is_refused),
		cmocka_unit_test(what_is_not_ip_is_refused),
		cmocka_unit_test(options_are_stepped_over),
		cmocka_unit_test(extension_headers_are_stepped_over),
		cmocka_unit_test(more_extension_headers_than_are_followed_are_refused),
		cmocka_unit_test(source_routing_is_refused),
		cmocka_unit_test(a_first_fragment_without_its_transport_is_refused),
		cmocka_unit_test(a_fragment_that_would_overwrite_tcp_flags_is_refused),
		cmocka_unit_test(echo_has_the_identifier_as_the_asking_sides_port),
		cmocka_unit_test(sctp_and_unknown_protocols_have_flows_too),
	};

	return cmocka_run_group_tests(tests, lab_enter, lab_leave);
}
