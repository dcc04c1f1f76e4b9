/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about translated flows: services per packet, masquerade, who owns a source port. */
#include "tests/bpf/check.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/dp/sys.h"
#include "lib/nl/link.h"
#include "lib/nl/naddr.h"
#include "tests/bpf/lab.h"
#include "tests/bpf/svc_rows.h"

#define WORLD  "198.51.100.9"
#define WORLD6 "2001:db8::9"

static void service(struct lab *lab, const char *vip, uint8_t proto, const char *backend)
{
	struct wr_service svc = { .id = 7, .first = 0, .n = 1 };
	struct wr_frontend fe = rows_frontend(vip, 80, proto, WR_SCOPE_ANY);
	uint32_t run[] = { 3 };

	rows_backend(lab->dp, 3, backend, 8080, WR_BACKEND_ACTIVE);
	rows_run(lab->dp, 0, run, 1);
	rows_service(lab->dp, 1, &svc);
	rows_point(lab->dp, &fe, 1);
}

static struct shape answer_to(const struct seen *out)
{
	static struct seen kept;

	kept = *out;
	return (struct shape){ .src = kept.dst,
			       .dst = kept.src,
			       .sport = kept.dport,
			       .dport = kept.sport,
			       .proto = kept.proto,
			       .flags = SYN | ACK,
			       .seq = 500,
			       .ack = 101 };
}

static void through_a_service(const char *vip, const char *src, const char *backend, uint8_t proto)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .src = src, .dst = vip, .proto = proto, .payload = 33 }, back;
	struct seen out;

	service(lab, vip, proto, backend);
	assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	out = lab_out(lab);
	assert_string_equal(out.dst, backend);
	assert_string_equal(out.src, src);
	assert_int_equal(out.dport, 8080);
	assert_int_equal(out.sport, 1000);
	assert_true(out.sums);
	back = answer_to(&out);
	back.payload = 21;
	assert_int_equal(lab_from_pod(lab, &back), LAB_REDIRECT);
	out = lab_out(lab);
	assert_string_equal(out.src, vip);
	assert_string_equal(out.dst, src);
	assert_int_equal(out.sport, 80);
	assert_int_equal(out.dport, 1000);
	assert_true(out.sums);
	assert_memory_equal(out.dmac, lab_pod_mac(5), 6);
	lab_close(lab);
}

static void a_service_is_translated_there_and_back(void **state)
{
	through_a_service("10.96.0.1", "10.0.1.5", "10.0.1.6", IPPROTO_TCP);
	through_a_service("10.96.0.1", "10.0.1.5", "10.0.1.6", IPPROTO_UDP);
	through_a_service("10.96.0.1", "10.0.1.5", "10.0.1.6", IPPROTO_SCTP);
	through_a_service("fd00:96::1", "fd00:1::5", "fd00:1::6", IPPROTO_TCP);
	through_a_service("fd00:96::1", "fd00:1::5", "fd00:1::6", IPPROTO_UDP);
	through_a_service("fd00:96::1", "fd00:1::5", "fd00:1::6", IPPROTO_SCTP);
}

static void established(struct lab *lab, const char *vip, const char *src, const char *backend)
{
	struct shape s = { .src = src, .dst = vip }, data = s;
	struct wr_flow there;
	struct seen out;
	uint32_t i;

	service(lab, vip, IPPROTO_TCP, backend);
	lab_handshake(lab, &s);
	assert_int_equal(lab_promoted(lab), 2);
	assert_int_equal(lab_unproven(lab), 0);
	data.flags = ACK;
	for (i = 0; i < 200; i++) {
		data.seq = i * 0x01234567u;
		data.payload = i;
		assert_int_equal(lab_from_pod(lab, &data), LAB_REDIRECT);
		out = lab_out(lab);
		assert_true(out.sums);
		assert_string_equal(out.dst, backend);
	}
	assert_true(lab_flow(lab, src, 1000, vip, 80, &there));
	assert_int_equal(there.state & WR_FLOW_TCP_MASK, WR_TCP_ESTABLISHED);
	assert_int_equal(there.packets[WR_FLOW_ORIG], 202);
}

static void checksums_stay_right_in_every_packet_of_a_flow(void **state)
{
	established(lab_open(0), "10.96.0.1", "10.0.1.5", "10.0.1.6");
	established(lab_open(0), "fd00:96::1", "fd00:1::5", "fd00:1::6");
}

static void and_on_kernels_that_show_programs_less_of_a_packet(void **state)
{
	struct wr_dp_options opt = lab_options(0);
	struct lab *lab;

	opt.config.switches |= WR_SW_NO_KERN_CTX;
	lab = lab_open_with(&opt);
	established(lab, "10.96.0.1", "10.0.1.5", "10.0.1.6");
	lab_close(lab);
	lab = lab_open_with(&opt);
	established(lab, "fd00:96::1", "fd00:1::5", "fd00:1::6");
	lab_close(lab);
}

static void an_absent_checksum_stays_absent(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .dst = "10.96.0.1", .proto = IPPROTO_UDP, .no_sum = true };
	struct shape sctp = { .dst = "10.96.0.1", .proto = IPPROTO_SCTP, .no_sum = true };

	service(lab, "10.96.0.1", IPPROTO_UDP, "10.0.1.6");
	assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	assert_int_equal(lab->out.b[40] | lab->out.b[41], 0);
	service(lab, "10.96.0.1", IPPROTO_SCTP, "10.0.1.6");
	assert_int_equal(lab_from_pod(lab, &sctp), LAB_REDIRECT);
	assert_int_equal(lab->out.b[42] | lab->out.b[43] | lab->out.b[44] | lab->out.b[45], 0);
	assert_int_equal(lab_out(lab).dport, 8080);
	lab_close(lab);
}

static void sctp_sums_hold_at_every_length(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .dst = "10.96.0.1", .proto = IPPROTO_SCTP };

	service(lab, "10.96.0.1", IPPROTO_SCTP, "10.0.1.6");
	for (s.payload = 0; s.payload < 1400; s.payload += 13) {
		assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
		assert_true(lab_out(lab).sums);
	}
	lab_close(lab);
}

static void closing_is_seen_by_both_tuples(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .dst = "10.96.0.1" };
	struct wr_flow flow;

	service(lab, "10.96.0.1", IPPROTO_TCP, "10.0.1.6");
	lab_handshake(lab, &s);
	s.flags = FIN | ACK;
	assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	assert_true(lab_flow(lab, "10.0.1.5", 1000, "10.96.0.1", 80, &flow));
	assert_int_equal(flow.state & WR_FLOW_TCP_MASK, WR_TCP_FIN);
	assert_true(lab_flow(lab, "10.0.1.5", 1000, "10.0.1.6", 8080, &flow));
	assert_int_equal(flow.state & WR_FLOW_TCP_MASK, WR_TCP_FIN);
	assert_true(flow.state & WR_FLOW_FIN_ORIG);
	lab_close(lab);
}

/* The stored acknowledgement is the reply tuple's: spoofed through a service is spoofed too. */
static void an_answer_through_a_service_alone_proves_nothing(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .dst = "10.96.0.1", .seq = 100 }, back;
	struct seen out;

	service(lab, "10.96.0.1", IPPROTO_TCP, "10.0.1.6");
	assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	out = lab_out(lab);
	back = answer_to(&out);
	assert_int_equal(lab_from_pod(lab, &back), LAB_REDIRECT);
	s.flags = ACK;
	s.ack = 77;
	assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	assert_int_equal(lab_promoted(lab), 0);
	s.ack = 501;
	assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	assert_int_equal(lab_promoted(lab), 2);
	lab_close(lab);
}

static void policy_is_judged_on_the_backend(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .dst = "10.96.0.1" };

	service(lab, "10.96.0.1", IPPROTO_TCP, "10.0.1.6");
	lab_allow(lab, 1, WR_DIR_EGRESS, LAB_DB, IPPROTO_TCP, 80, 1);
	lab_policy(lab, 5, WR_RULES_EGRESS | 1);
	assert_int_equal(lab_from_pod(lab, &s), LAB_DROP);
	lab_allow(lab, 1, WR_DIR_EGRESS, LAB_DB, IPPROTO_TCP, 8080, 1);
	assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	lab_policy(lab, 5, 0);
	lab_close(lab);
}

static void hairpin(const char *vip, const char *pod, const char *gateway)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .src = pod, .dst = vip }, back;
	struct seen out;

	service(lab, vip, IPPROTO_TCP, pod);
	assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	out = lab_out(lab);
	assert_string_equal(out.src, gateway);
	assert_string_equal(out.dst, pod);
	assert_true(out.sums);
	assert_memory_equal(out.dmac, lab_pod_mac(5), 6);
	back = answer_to(&out);
	assert_int_equal(lab_from_pod(lab, &back), LAB_REDIRECT);
	out = lab_out(lab);
	assert_string_equal(out.src, vip);
	assert_string_equal(out.dst, pod);
	assert_int_equal(out.dport, 1000);
	assert_true(out.sums);
	lab_close(lab);
}

static void a_pod_reaches_itself_through_its_service(void **state)
{
	hairpin("10.96.0.1", "10.0.1.5", "169.254.1.1");
	hairpin("fd00:96::1", "fd00:1::5", "fe80::1");
}

/* From one port to the service, and to its backend: answers must not be mixed up. */
static void direct_and_through_the_service(struct lab *lab, bool direct_first)
{
	struct shape through = { .dst = "10.96.0.1", .proto = IPPROTO_UDP };
	struct shape direct = { .dst = "10.0.1.6", .dport = 8080, .proto = IPPROTO_UDP }, back;
	struct seen a, b, out;

	service(lab, "10.96.0.1", IPPROTO_UDP, "10.0.1.6");
	assert_int_equal(lab_from_pod(lab, direct_first ? &direct : &through), LAB_REDIRECT);
	a = lab_out(lab);
	assert_int_equal(lab_from_pod(lab, direct_first ? &through : &direct), LAB_REDIRECT);
	b = lab_out(lab);
	assert_int_equal(a.sport, 1000);
	assert_int_not_equal(b.sport, 1000);
	assert_true(b.sums);
	back = answer_to(&a);
	assert_int_equal(lab_from_pod(lab, &back), LAB_REDIRECT);
	out = lab_out(lab);
	assert_string_equal(out.src, direct_first ? "10.0.1.6" : "10.96.0.1");
	back = answer_to(&b);
	assert_int_equal(lab_from_pod(lab, &back), LAB_REDIRECT);
	out = lab_out(lab);
	assert_string_equal(out.src, direct_first ? "10.96.0.1" : "10.0.1.6");
	assert_int_equal(out.dport, 1000);
	assert_int_equal(out.sport, direct_first ? 80 : 8080);
	assert_true(out.sums);
}

static void a_taken_second_tuple_means_another_source_port(void **state)
{
	struct lab *lab = lab_open(0);

	direct_and_through_the_service(lab, true);
	lab = lab_open(0);
	direct_and_through_the_service(lab, false);
	/* And again, by the entries that are there now. */
	direct_and_through_the_service(lab, false);
	lab_close(lab);
}

static void a_service_without_backends_is_refused_at_once(void **state)
{
	struct lab *lab = lab_open(0);
	struct wr_service svc = { .id = 7 };
	struct wr_frontend tcp = rows_frontend("10.96.0.1", 80, IPPROTO_TCP, WR_SCOPE_ANY);
	struct wr_frontend udp = rows_frontend("fd00:96::1", 80, IPPROTO_UDP, WR_SCOPE_ANY);
	struct shape s = { .dst = "10.96.0.1", .seq = 77, .payload = 3 };
	struct shape s6 = { .src = "fd00:1::5", .dst = "fd00:96::1", .proto = IPPROTO_UDP };
	struct seen out;

	rows_service(lab->dp, 1, &svc);
	rows_point(lab->dp, &tcp, 1);
	rows_point(lab->dp, &udp, 1);
	assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	out = lab_out(lab);
	assert_int_equal(out.flags, RST | ACK);
	assert_int_equal(out.ack, 77 + 3 + 1);
	assert_string_equal(out.src, "10.96.0.1");
	assert_int_equal(out.sport, 80);
	assert_int_equal(out.dport, 1000);
	assert_true(out.sums);
	assert_int_equal(lab_from_pod(lab, &s6), LAB_REDIRECT);
	out = lab_out(lab);
	assert_int_equal(out.proto, IPPROTO_ICMPV6);
	assert_int_equal(out.type, 1);
	assert_int_equal(out.code, 4);
	assert_true(out.sums);
	assert_int_equal(out.quote_dport, 80);
	lab_close(lab);
}

static void mid_stream_to_a_service_is_reset(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .dst = "10.96.0.1", .flags = ACK, .seq = 5, .ack = 99 };
	struct seen out;

	service(lab, "10.96.0.1", IPPROTO_TCP, "10.0.1.6");
	assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	out = lab_out(lab);
	assert_int_equal(out.flags, RST);
	assert_int_equal(out.seq, 99);
	assert_true(out.sums);
	lab_close(lab);
}

static void connections_to_a_backend_that_left_are_reset(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .dst = "10.96.0.1" };

	service(lab, "10.96.0.1", IPPROTO_TCP, "10.0.1.6");
	lab_handshake(lab, &s);
	rows_backend_leaves(lab->dp, 3);
	s.flags = ACK;
	s.ack = 501;
	assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	assert_int_equal(lab_out(lab).flags, RST);
	assert_string_equal(lab_out(lab).src, "10.96.0.1");
	assert_false(lab_flow(lab, "10.0.1.5", 1000, "10.96.0.1", 80, NULL));
	lab_close(lab);
}

static void datagrams_go_to_a_live_backend_when_theirs_left(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .dst = "10.96.0.1", .proto = IPPROTO_UDP };
	struct wr_service svc = { .id = 7, .first = 8, .n = 1 };
	uint32_t run[] = { 4 };

	service(lab, "10.96.0.1", IPPROTO_UDP, "10.0.1.6");
	assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	assert_string_equal(lab_out(lab).dst, "10.0.1.6");
	rows_backend(lab->dp, 4, "10.0.1.7", 8080, WR_BACKEND_ACTIVE);
	rows_run(lab->dp, 8, run, 1);
	rows_service(lab->dp, 1, &svc);
	rows_backend_leaves(lab->dp, 3);
	assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	assert_string_equal(lab_out(lab).dst, "10.0.1.7");
	assert_true(lab_out(lab).sums);
	lab_close(lab);
}

static void a_late_answer_of_a_backend_that_left_leaves_the_way_to_a_live_one(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .dst = "10.96.0.1", .proto = IPPROTO_UDP }, back;
	struct wr_service svc = { .id = 7, .first = 8, .n = 1 };
	uint32_t run[] = { 4 };
	struct seen out;

	service(lab, "10.96.0.1", IPPROTO_UDP, "10.0.1.6");
	assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	out = lab_out(lab);
	back = answer_to(&out);
	rows_backend(lab->dp, 4, "10.0.1.7", 8080, WR_BACKEND_ACTIVE);
	rows_run(lab->dp, 8, run, 1);
	rows_service(lab->dp, 1, &svc);
	rows_backend_leaves(lab->dp, 3);
	assert_int_equal(lab_from_pod(lab, &back), LAB_REDIRECT);
	assert_string_equal(lab_out(lab).src, "10.96.0.1");
	assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	assert_string_equal(lab_out(lab).dst, "10.0.1.7");
	lab_close(lab);
}

static void masquerade(const char *src, const char *dst, const char *node, uint8_t proto)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .src = src, .dst = dst, .proto = proto, .payload = 9 }, back;
	struct seen out;

	assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	out = lab_out(lab);
	assert_string_equal(out.src, node);
	assert_string_equal(out.dst, dst);
	assert_in_range(out.sport, 61000, 61999);
	assert_int_equal(out.ttl, 63);
	assert_true(out.sums);
	assert_int_equal(lab->mark, LAB_MARK);
	back = answer_to(&out);
	assert_int_equal(lab_from_outside(lab, &back), LAB_REDIRECT);
	out = lab_out(lab);
	assert_string_equal(out.src, dst);
	assert_string_equal(out.dst, src);
	assert_int_equal(out.dport, 1000);
	assert_true(out.sums);
	assert_memory_equal(out.dmac, lab_pod_mac(5), 6);
	lab_close(lab);
}

/* A packet against the tuple that the client's packets have: late from where they went before, or forged. */
static void what_comes_against_a_translated_tuple_does_not_take_its_place(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .dst = "10.96.0.1", .proto = IPPROTO_UDP }, against;
	uint64_t denied = lab_drops(lab, WR_REASON_POLICY_INGRESS);
	int i;

	service(lab, "10.96.0.1", IPPROTO_UDP, "10.0.1.6");
	against = (struct shape){
		.src = "10.96.0.1", .dst = "10.0.1.5", .sport = 80, .dport = 1000, .proto = IPPROTO_UDP
	};
	for (i = 0; i < 3; i++) { /* with its flow in the LRU, answered, and promoted */
		struct shape back;
		struct seen out;

		assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
		out = lab_out(lab);
		assert_string_equal(out.dst, "10.0.1.6");
		assert_int_equal(lab_from_outside(lab, &against), LAB_REDIRECT);
		assert_string_equal(lab_out(lab).src, "10.96.0.1");
		assert_memory_equal(lab_out(lab).dmac, lab_pod_mac(5), 6);
		assert_int_equal(lab_unproven(lab) + lab_promoted(lab), 2);
		back = answer_to(&out);
		assert_int_equal(lab_from_pod(lab, &back), LAB_REDIRECT);
	}
	assert_int_equal(lab_promoted(lab), 2);
	/* It is judged each time: as an answer to the pod, else by the pod's own policy. */
	lab_policy(lab, 5, 9 | WR_RULES_INGRESS);
	assert_int_equal(lab_from_outside(lab, &against), LAB_REDIRECT);
	lab_policy(lab, 5, 9 | WR_RULES_INGRESS | WR_RULES_EGRESS);
	assert_int_equal(lab_from_outside(lab, &against), LAB_DROP);
	assert_int_equal(lab_drops(lab, WR_REASON_POLICY_INGRESS), denied + 1);
	lab_close(lab);
}

static void pods_leave_the_cluster_under_the_nodes_address(void **state)
{
	masquerade("10.0.1.5", WORLD, "192.168.0.1", IPPROTO_TCP);
	masquerade("10.0.1.5", WORLD, "192.168.0.1", IPPROTO_UDP);
	masquerade("10.0.1.5", WORLD, "192.168.0.1", IPPROTO_SCTP);
	masquerade("fd00:1::5", WORLD6, "fd00:99::1", IPPROTO_TCP);
	masquerade("fd00:1::5", WORLD6, "fd00:99::1", IPPROTO_UDP);
}

static void echo(const char *src, const char *dst, uint8_t proto, uint8_t request, uint8_t reply)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .src = src,
			   .dst = dst,
			   .proto = proto,
			   .type = request,
			   .id = 5,
			   .payload = 30 },
		     back;
	struct seen out;

	assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	out = lab_out(lab);
	assert_in_range(out.id, 61000, 61999);
	assert_true(out.sums);
	back = (struct shape){
		.src = dst, .dst = out.src, .proto = proto, .type = reply, .id = out.id, .payload = 30
	};
	assert_int_equal(lab_from_outside(lab, &back), LAB_REDIRECT);
	out = lab_out(lab);
	assert_string_equal(out.dst, src);
	assert_int_equal(out.id, 5);
	assert_true(out.sums);
	lab_close(lab);
}

static void echo_is_masqueraded_by_its_identifier(void **state)
{
	echo("10.0.1.5", WORLD, IPPROTO_ICMP, 8, 0);
	echo("fd00:1::5", WORLD6, IPPROTO_ICMPV6, 128, 129);
}

static void inside_the_cluster_the_source_is_kept(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .dst = "10.0.2.9" };

	assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	assert_string_equal(lab_out(lab).src, "10.0.1.5");
	s.dst = "192.168.0.2";
	assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	assert_string_equal(lab_out(lab).src, "10.0.1.5");
	lab_close(lab);
}

/* Every port once, then none; other pairs have theirs. */
static void ports_are_owned_until_the_last(void **state)
{
	struct wr_dp_options opt = lab_options(0);
	bool taken[150] = { false };
	struct shape s = { .dst = WORLD, .proto = IPPROTO_UDP };
	struct lab *lab;
	uint64_t before;
	uint32_t i;

	opt.config.nat_first = 61000;
	opt.config.nat_last = 61149;
	lab = lab_open_with(&opt);
	before = lab_drops(lab, WR_REASON_NAT_EXHAUSTED);
	for (i = 0; i < 150; i++) {
		s.sport = (uint16_t)(2000 + i);
		assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
		assert_in_range(lab_out(lab).sport, 61000, 61149);
		assert_false(taken[lab_out(lab).sport - 61000]);
		taken[lab_out(lab).sport - 61000] = true;
	}
	s.sport = 1999;
	assert_int_equal(lab_from_pod(lab, &s), LAB_DROP);
	assert_int_equal(lab_drops(lab, WR_REASON_NAT_EXHAUSTED), before + 1);
	s.dport = 81;
	assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	lab_close(lab);
}

static void delete_flow(struct lab *lab, uint16_t port)
{
	int fd = wr_dp_map_fd(lab->dp, WR_MAP_wr_new_flows);
	struct wr_flow_key key = { .proto = IPPROTO_UDP };

	assert_int_equal(wr_addr_parse("192.168.0.1", &key.a), 0);
	assert_int_equal(wr_addr_parse(WORLD, &key.b), 0);
	key.port_a = htons(port);
	key.port_b = htons(80);
	/* Either order: which end is a is the raw words' affair. */
	if (wr_sys_map_delete(fd, &key) == 0)
		return;
	key.a = key.b;
	assert_int_equal(wr_addr_parse("192.168.0.1", &key.b), 0);
	key.port_b = htons(port);
	key.port_a = htons(80);
	assert_int_equal(wr_sys_map_delete(fd, &key), 0);
}

/* As the LRU loses it, unseen by anyone who keeps hints. */
static void a_port_that_was_evicted_is_found_again(void **state)
{
	struct wr_dp_options opt = lab_options(0);
	struct shape s = { .dst = WORLD, .proto = IPPROTO_UDP };
	struct lab *lab;
	uint32_t i;

	opt.config.nat_first = 61000;
	opt.config.nat_last = 61063;
	lab = lab_open_with(&opt);
	for (i = 0; i < 64; i++) {
		s.sport = (uint16_t)(2000 + i);
		assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	}
	s.sport = 3000;
	assert_int_equal(lab_from_pod(lab, &s), LAB_DROP);
	delete_flow(lab, 61017);
	assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	assert_int_equal(lab_out(lab).sport, 61017);
	lab_close(lab);
}

/* The same in a pool of which a packet does not look at every port: the one that is free is found all the same. */
static void the_last_free_port_of_a_large_pool_is_found(void **state)
{
	struct wr_dp_options opt = lab_options(0);
	struct shape s = { .dst = WORLD, .proto = IPPROTO_UDP };
	struct lab *lab;
	uint32_t i;

	opt.config.nat_first = 61000;
	opt.config.nat_last = 61999;
	lab = lab_open_with(&opt);
	for (i = 0; i < 1000; i++) {
		s.sport = (uint16_t)(2000 + i);
		assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	}
	delete_flow(lab, 61917);
	s.sport = 3000;
	assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	assert_int_equal(lab_out(lab).sport, 61917);
	s.sport = 3001;
	assert_int_equal(lab_from_pod(lab, &s), LAB_DROP);
	lab_close(lab);
}

static void add_node_address(const char *text)
{
	wr_auto_nl nl = WR_NL_INIT;
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	struct wr_naddr a = { .ifindex = 1 };

	assert_int_equal(wr_nl_open(&nl), 0);
	assert_int_equal(wr_prefix_parse(text, &a.prefix), 0);
	wr_link_set_up(&b, 1, true);
	wr_naddr_put(&b, &a);
	assert_int_equal(wr_nl_commit(&nl, &b, NULL), 0);
}

static void ports_of_the_nodes_sockets_are_not_taken(void **state)
{
	struct sockaddr_in bound = { .sin_family = AF_INET };
	struct wr_dp_options opt = lab_options(0);
	struct shape s = { .dst = WORLD, .proto = IPPROTO_UDP };
	struct lab *lab;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint32_t i;

	add_node_address("192.168.0.1/32");
	bound.sin_port = htons(61001);
	assert_int_equal(bind(fd, (struct sockaddr *)&bound, sizeof(bound)), 0);
	opt.config.nat_first = 61000;
	opt.config.nat_last = 61003;
	lab = lab_open_with(&opt);
	for (i = 0; i < 3; i++) {
		s.sport = (uint16_t)(2000 + i);
		assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
		assert_int_not_equal(lab_out(lab).sport, 61001);
	}
	s.sport = 2003;
	assert_int_equal(lab_from_pod(lab, &s), LAB_DROP);
	close(fd);
	assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	assert_int_equal(lab_out(lab).sport, 61001);
	lab_close(lab);
}

/* Its own connection to the same place has the port already. */
static void a_port_of_the_nodes_own_flow_is_not_taken(void **state)
{
	struct wr_dp_options opt = lab_options(0);
	struct shape own = { .src = "192.168.0.1", .dst = WORLD, .sport = 61000, .proto = IPPROTO_UDP };
	struct shape s = { .dst = WORLD, .proto = IPPROTO_UDP };
	struct lab *lab;

	opt.config.nat_first = 61000;
	opt.config.nat_last = 61001;
	lab = lab_open_with(&opt);
	assert_int_equal(lab_to_uplink(lab, &own), LAB_PASS);
	assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	assert_int_equal(lab_out(lab).sport, 61001);
	s.sport = 2000;
	assert_int_equal(lab_from_pod(lab, &s), LAB_DROP);
	lab_close(lab);
}

static void protocols_without_ports_are_masqueraded_one_at_a_time(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .dst = WORLD, .proto = 47, .payload = 20 };

	assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	assert_string_equal(lab_out(lab).src, "192.168.0.1");
	s.src = "10.0.1.6";
	assert_int_equal(lab_from_pod(lab, &s), LAB_DROP);
	lab_close(lab);
}

static void without_the_switch_nothing_is_masqueraded(void **state)
{
	struct lab *lab = lab_open(WR_SW_IPV4 | WR_SW_IPV6 | WR_SW_PEER_REDIRECT);
	struct shape s = { .dst = WORLD };

	assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	assert_string_equal(lab_out(lab).src, "10.0.1.5");
	lab_close(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_service_is_translated_there_and_back),
		cmocka_unit_test(checksums_stay_right_in_every_packet_of_a_flow),
		cmocka_unit_test(and_on_kernels_that_show_programs_less_of_a_packet),
		cmocka_unit_test(an_absent_checksum_stays_absent),
		cmocka_unit_test(sctp_sums_hold_at_every_length),
		cmocka_unit_test(closing_is_seen_by_both_tuples),
		cmocka_unit_test(an_answer_through_a_service_alone_proves_nothing),
		cmocka_unit_test(policy_is_judged_on_the_backend),
		cmocka_unit_test(a_pod_reaches_itself_through_its_service),
		cmocka_unit_test(a_taken_second_tuple_means_another_source_port),
		cmocka_unit_test(a_service_without_backends_is_refused_at_once),
		cmocka_unit_test(mid_stream_to_a_service_is_reset),
		cmocka_unit_test(connections_to_a_backend_that_left_are_reset),
		cmocka_unit_test(datagrams_go_to_a_live_backend_when_theirs_left),
		cmocka_unit_test(a_late_answer_of_a_backend_that_left_leaves_the_way_to_a_live_one),
		cmocka_unit_test(what_comes_against_a_translated_tuple_does_not_take_its_place),
		cmocka_unit_test(pods_leave_the_cluster_under_the_nodes_address),
		cmocka_unit_test(echo_is_masqueraded_by_its_identifier),
		cmocka_unit_test(inside_the_cluster_the_source_is_kept),
		cmocka_unit_test(ports_are_owned_until_the_last),
		cmocka_unit_test(a_port_that_was_evicted_is_found_again),
		cmocka_unit_test(the_last_free_port_of_a_large_pool_is_found),
		cmocka_unit_test(ports_of_the_nodes_sockets_are_not_taken),
		cmocka_unit_test(a_port_of_the_nodes_own_flow_is_not_taken),
		cmocka_unit_test(protocols_without_ports_are_masqueraded_one_at_a_time),
		cmocka_unit_test(without_the_switch_nothing_is_masqueraded),
	};

	return cmocka_run_group_tests(tests, lab_enter, lab_leave);
}
