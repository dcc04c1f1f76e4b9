/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about ICMP errors and fragments: they follow the flow of the packet that they belong to. */
#include "tests/bpf/check.h"

#include "tests/bpf/lab.h"
#include "tests/bpf/svc_rows.h"

#define ROUTER  "203.0.113.1"
#define ROUTER6 "2001:db8:ffff::1"

struct family {
	const char *pod, *other, *vip, *world, *node, *router;
	uint8_t icmp, too_big, too_big_code, unreach, unreach_code;
};

static const struct family v4 = { "10.0.1.5",
				  "10.0.1.6",
				  "10.96.0.1",
				  "198.51.100.9",
				  "192.168.0.1",
				  ROUTER,
				  IPPROTO_ICMP,
				  3,
				  4,
				  3,
				  3 };
static const struct family v6 = { "fd00:1::5",
				  "fd00:1::6",
				  "fd00:96::1",
				  "2001:db8::9",
				  "fd00:99::1",
				  ROUTER6,
				  IPPROTO_ICMPV6,
				  2,
				  0,
				  1,
				  4 };

static void service(struct lab *lab, const struct family *f, uint8_t proto)
{
	struct wr_service svc = { .id = 7, .first = 0, .n = 1 };
	struct wr_frontend fe = rows_frontend(f->vip, 80, proto, WR_SCOPE_ANY);
	uint32_t run[] = { 3 };

	rows_backend(lab->dp, 3, f->other, 8080, WR_BACKEND_ACTIVE);
	rows_run(lab->dp, 0, run, 1);
	rows_service(lab->dp, 1, &svc);
	rows_point(lab->dp, &fe, 1);
}

/* A router on the way outside says that the masqueraded packet was too big. */
static void too_big_reaches_the_pod(const struct family *f, uint8_t proto)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .src = f->pod, .dst = f->world, .proto = proto, .payload = 500 }, error;
	struct packet sent;
	struct seen out;

	assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	sent = lab->out;
	error = (struct shape){ .src = f->router,
				.dst = f->node,
				.proto = f->icmp,
				.type = f->too_big,
				.code = f->too_big_code,
				.mtu = 1400,
				.quote = &sent };
	assert_int_equal(lab_from_outside(lab, &error), LAB_REDIRECT);
	out = lab_out(lab);
	assert_string_equal(out.src, f->router);
	assert_string_equal(out.dst, f->pod);
	assert_string_equal(out.quote_src, f->pod);
	assert_string_equal(out.quote_dst, f->world);
	assert_int_equal(out.quote_sport, 1000);
	assert_int_equal(out.quote_dport, 80);
	assert_int_equal(out.mtu, 1400);
	assert_true(out.sums);
	assert_memory_equal(out.dmac, lab_pod_mac(5), 6);
	lab_close(lab);
}

static void an_error_from_outside_is_translated_inside_and_out(void **state)
{
	too_big_reaches_the_pod(&v4, IPPROTO_TCP);
	too_big_reaches_the_pod(&v4, IPPROTO_UDP);
	too_big_reaches_the_pod(&v6, IPPROTO_TCP);
	too_big_reaches_the_pod(&v6, IPPROTO_UDP);
}

/* The backend has no such port: its error names the service. */
static void unreachable_from_a_backend(const struct family *f)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .src = f->pod, .dst = f->vip, .proto = IPPROTO_UDP }, error;
	struct packet sent;
	struct seen out;

	service(lab, f, IPPROTO_UDP);
	assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	sent = lab->out;
	error = (struct shape){ .src = f->other,
				.dst = f->pod,
				.proto = f->icmp,
				.type = f->unreach,
				.code = f->unreach_code,
				.quote = &sent };
	assert_int_equal(lab_from_pod(lab, &error), LAB_REDIRECT);
	out = lab_out(lab);
	assert_string_equal(out.src, f->vip);
	assert_string_equal(out.dst, f->pod);
	assert_string_equal(out.quote_src, f->pod);
	assert_string_equal(out.quote_dst, f->vip);
	assert_int_equal(out.quote_dport, 80);
	assert_true(out.sums);
	lab_close(lab);
}

static void an_error_from_a_backend_names_the_service(void **state)
{
	unreachable_from_a_backend(&v4);
	unreachable_from_a_backend(&v6);
}

/* And the other way: the client's error about an answer. */
static void unreachable_from_the_client(const struct family *f)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .src = f->pod, .dst = f->vip, .proto = IPPROTO_UDP }, answer, error;
	struct packet sent;
	struct seen out;

	service(lab, f, IPPROTO_UDP);
	assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	answer = (struct shape){
		.src = f->other, .dst = f->pod, .sport = 8080, .dport = 1000, .proto = IPPROTO_UDP
	};
	assert_int_equal(lab_from_pod(lab, &answer), LAB_REDIRECT);
	sent = lab->out;
	error = (struct shape){ .src = f->pod,
				.dst = f->vip,
				.proto = f->icmp,
				.type = f->unreach,
				.code = f->unreach_code,
				.quote = &sent };
	assert_int_equal(lab_from_pod(lab, &error), LAB_REDIRECT);
	out = lab_out(lab);
	assert_string_equal(out.src, f->pod);
	assert_string_equal(out.dst, f->other);
	assert_string_equal(out.quote_src, f->other);
	assert_string_equal(out.quote_dst, f->pod);
	assert_int_equal(out.quote_sport, 8080);
	assert_int_equal(out.quote_dport, 1000);
	assert_true(out.sums);
	lab_close(lab);
}

static void an_error_about_an_answer_names_the_backend(void **state)
{
	unreachable_from_the_client(&v4);
	unreachable_from_the_client(&v6);
}

static void an_error_about_an_echo_finds_it_by_its_identifier(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .dst = "198.51.100.9", .proto = IPPROTO_ICMP, .type = 8, .id = 5 }, error;
	struct packet sent;
	struct seen out;

	assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	sent = lab->out;
	error = (struct shape){
		.src = ROUTER, .dst = "192.168.0.1", .proto = IPPROTO_ICMP, .type = 11, .quote = &sent
	};
	assert_int_equal(lab_from_outside(lab, &error), LAB_REDIRECT);
	out = lab_out(lab);
	assert_string_equal(out.dst, "10.0.1.5");
	assert_int_equal(out.quote_sport, 5);
	assert_true(out.sums);
	lab_close(lab);
}

static void an_error_about_an_untranslated_flow_is_forwarded(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .dst = "10.0.2.9", .proto = IPPROTO_UDP }, error;
	struct packet sent;

	assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	sent = lab->out;
	error = (struct shape){ .src = "192.168.0.2",
				.dst = "10.0.1.5",
				.proto = IPPROTO_ICMP,
				.type = 11,
				.quote = &sent };
	lab_policy(lab, 5, WR_RULES_INGRESS | 9);
	assert_int_equal(lab_from_outside(lab, &error), LAB_REDIRECT);
	assert_memory_equal(lab_out(lab).dmac, lab_pod_mac(5), 6);
	lab_policy(lab, 5, 0);
	lab_close(lab);
}

static void errors_about_nothing_are_dropped(void **state)
{
	struct lab *lab = lab_open(0);
	uint64_t before = lab_drops(lab, WR_REASON_ICMP_UNRELATED);
	struct shape s = { 0 }, error;
	struct packet never;

	packet_make(&never, &s);
	error = (struct shape){ .src = "10.0.1.6",
				.dst = "10.0.1.5",
				.proto = IPPROTO_ICMP,
				.type = 3,
				.code = 1,
				.quote = &never };
	assert_int_equal(lab_from_pod(lab, &error), LAB_DROP);
	error.src = ROUTER;
	assert_int_equal(lab_from_outside(lab, &error), LAB_DROP);
	assert_int_equal(lab_drops(lab, WR_REASON_ICMP_UNRELATED), before + 2);
	/* The node's own affairs are its stack's. */
	error.dst = "192.168.0.1";
	assert_int_equal(lab_from_outside(lab, &error), LAB_PASS);
	lab_close(lab);
}

static void a_quote_that_is_cut_short_is_dropped(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .dst = "198.51.100.9" }, error;
	struct packet sent;
	uint32_t len;

	assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	sent = lab->out;
	for (len = 1; len < 28; len++) {
		error = (struct shape){ .src = ROUTER,
					.dst = "10.0.1.5",
					.proto = IPPROTO_ICMP,
					.type = 11,
					.quote = &sent,
					.quote_len = len };
		assert_int_equal(lab_from_outside(lab, &error), LAB_DROP);
	}
	lab_close(lab);
}

/* A pod that guesses another's flow. */
static void an_error_must_come_from_the_flows_other_side(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { 0 }, error;
	struct packet sent;

	lab_handshake(lab, &s);
	sent = lab->out;
	error = (struct shape){ .src = "10.0.1.7",
				.dst = "10.0.1.5",
				.proto = IPPROTO_ICMP,
				.type = 3,
				.code = 1,
				.quote = &sent };
	assert_int_equal(lab_from_pod(lab, &error), LAB_DROP);
	error.src = "10.0.1.6";
	assert_int_equal(lab_from_pod(lab, &error), LAB_REDIRECT);
	lab_close(lab);
}

static void errors_are_not_answered_with_errors(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { 0 }, error;
	struct packet sent;

	lab_handshake(lab, &s);
	sent = lab->out;
	error = (struct shape){ .src = "10.0.1.6",
				.dst = "10.0.1.5",
				.proto = IPPROTO_ICMP,
				.type = 3,
				.code = 1,
				.quote = &sent,
				.ttl = 1 };
	assert_int_equal(lab_from_pod(lab, &error), LAB_DROP);
	lab_close(lab);
}

static void fragments(const struct family *f, const char *dst)
{
	struct lab *lab = lab_open(0);
	struct shape first = { .src = f->pod,
			       .dst = dst,
			       .proto = IPPROTO_UDP,
			       .payload = 1008,
			       .frag_id = 77,
			       .more = true };
	struct shape later = first;
	struct seen a, b;

	service(lab, f, IPPROTO_UDP);
	later.frag_off = 1016;
	later.payload = 200;
	later.more = false;
	assert_int_equal(lab_from_pod(lab, &first), LAB_REDIRECT);
	a = lab_out(lab);
	assert_int_equal(lab_from_pod(lab, &later), LAB_REDIRECT);
	b = lab_out(lab);
	assert_string_equal(a.dst, b.dst);
	assert_string_equal(a.src, b.src);
	assert_true(a.sums);
	assert_true(b.sums);
	assert_int_equal(b.ttl, 63);
	/* Its payload is nobody's ports. */
	assert_int_equal(lab->out.b[lab->out.len - 200], 0);
	assert_int_equal(lab->out.b[lab->out.len - 199], 7);
	lab_close(lab);
}

static void fragments_follow_their_first_part(void **state)
{
	fragments(&v4, "10.96.0.1");
	fragments(&v4, "198.51.100.9");
	fragments(&v4, "10.0.2.9");
	fragments(&v6, "fd00:96::1");
	fragments(&v6, "2001:db8::9");
}

static void a_fragment_without_its_first_part_is_dropped(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape later = { .proto = IPPROTO_UDP, .payload = 200, .frag_id = 77, .frag_off = 1016 };
	uint64_t before = lab_drops(lab, WR_REASON_FRAGMENT);

	assert_int_equal(lab_from_pod(lab, &later), LAB_DROP);
	assert_int_equal(lab_drops(lab, WR_REASON_FRAGMENT), before + 1);
	lab_close(lab);
}

static void another_identification_is_another_packet(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape first = { .proto = IPPROTO_UDP, .payload = 1008, .frag_id = 77, .more = true };
	struct shape later = { .proto = IPPROTO_UDP, .payload = 200, .frag_id = 78, .frag_off = 1016 };

	assert_int_equal(lab_from_pod(lab, &first), LAB_REDIRECT);
	assert_int_equal(lab_from_pod(lab, &later), LAB_DROP);
	lab_close(lab);
}

/* The first part is refused; the others must not slip through behind it. */
static void fragments_of_what_policy_denies_are_denied(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape first = { .proto = IPPROTO_UDP, .payload = 1008, .frag_id = 77, .more = true };
	struct shape later = { .proto = IPPROTO_UDP, .payload = 200, .frag_id = 77, .frag_off = 1016 };

	lab_policy(lab, 5, WR_RULES_EGRESS | 9);
	assert_int_equal(lab_from_pod(lab, &first), LAB_DROP);
	assert_int_equal(lab_from_pod(lab, &later), LAB_DROP);
	lab_policy(lab, 5, 0);
	lab_close(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_error_from_outside_is_translated_inside_and_out),
		cmocka_unit_test(an_error_from_a_backend_names_the_service),
		cmocka_unit_test(an_error_about_an_answer_names_the_backend),
		cmocka_unit_test(an_error_about_an_echo_finds_it_by_its_identifier),
		cmocka_unit_test(an_error_about_an_untranslated_flow_is_forwarded),
		cmocka_unit_test(errors_about_nothing_are_dropped),
		cmocka_unit_test(a_quote_that_is_cut_short_is_dropped),
		cmocka_unit_test(an_error_must_come_from_the_flows_other_side),
		cmocka_unit_test(errors_are_not_answered_with_errors),
		cmocka_unit_test(fragments_follow_their_first_part),
		cmocka_unit_test(a_fragment_without_its_first_part_is_dropped),
		cmocka_unit_test(another_identification_is_another_packet),
		cmocka_unit_test(fragments_of_what_policy_denies_are_denied),
	};

	return cmocka_run_group_tests(tests, lab_enter, lab_leave);
}
