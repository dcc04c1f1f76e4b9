/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claims about checksums, whatever skb->ip_summed says they are: complete in the packet, left to the device (PARTIAL: what local
 * senders, GRO and virtual devices make), or known to the receiving device (COMPLETE). Test runs make the first and the last, the
 * wire the second.
 */
#include "tests/bpf/check.h"

#include <netinet/in.h>

#include "tests/bpf/svc_rows.h"
#include "tests/bpf/wire.h"

struct path {
	const char *src, *dst, *end; /* dst: what the pod sends to; end: who answers */
};

static const struct path paths[] = {
	{ "10.0.1.5", "10.0.1.6", "10.0.1.6" },
	{ "fd00:1::5", "fd00:1::6", "fd00:1::6" },
	{ "10.0.1.5", "10.96.0.1", "10.0.1.6" },
	{ "fd00:1::5", "fd00:96::1", "fd00:1::6" },
	{ "10.0.1.5", "198.51.100.9", "198.51.100.9" },
	{ "fd00:1::5", "2001:db8::9", "2001:db8::9" },
};
#define PATHS (sizeof(paths) / sizeof(paths[0]))

static const uint8_t protocols[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_ICMP };

static struct wire wire;
static bool use_wire, partial;

static bool has_service(const struct path *path)
{
	return strcmp(path->dst, path->end) != 0;
}

static void service(struct lab *lab, const struct path *path, uint8_t proto)
{
	struct wr_service svc = { .id = 7, .first = 0, .n = 1 };
	struct wr_frontend fe = rows_frontend(path->dst, 80, proto, WR_SCOPE_ANY);
	uint32_t run[] = { 3 };

	rows_backend(lab->dp, 3, path->end, 8080, WR_BACKEND_ACTIVE);
	rows_run(lab->dp, 0, run, 1);
	rows_service(lab->dp, 1, &svc);
	rows_point(lab->dp, &fe, 1);
}

static bool is_local(const char *a)
{
	return strncmp(a, "10.0.1.", 7) == 0 || strncmp(a, "fd00:1:", 7) == 0;
}

static int far_end(const char *a)
{
	return is_local(a) ? wire.pod[a[strlen(a) - 1] - '0'] : wire.uplink;
}

static void put_on_wire(const struct shape *s, bool offload)
{
	struct shape full = shape_full(s);
	uint32_t pod = (uint32_t)(full.src[strlen(full.src) - 1] - '0');
	struct packet p;

	full.smac = is_local(full.src) ? lab_pod_mac(pod) : lab_router_mac();
	full.dmac = is_local(full.src) ? lab_host_mac(pod) : lab_uplink_mac();
	packet_make(&p, &full);
	wire_send(far_end(full.src), &p, offload);
}

static void over_the_wire(struct lab *lab, const struct shape *s, const char *to)
{
	bool offload = partial && (s->proto == IPPROTO_TCP || s->proto == IPPROTO_UDP), still;

	put_on_wire(s, offload);
	if (!wire_receive(far_end(to), &lab->out, &still))
		fail_msg("protocol %u, %s to %s: nothing arrived", s->proto, s->src, s->dst);
	/* From pod to pod nobody need ever sum it up; the uplink's device cannot. */
	assert_int_equal(still, offload && is_local(to));
}

/* Sends it from its source; it must arrive at @to with every sum right. */
static struct seen carry(struct lab *lab, const struct shape *s, const char *to)
{
	struct seen out;

	if (use_wire)
		over_the_wire(lab, s, to);
	else if (is_local(s->src))
		assert_int_equal(lab_from_pod(lab, s), LAB_REDIRECT);
	else
		assert_int_equal(lab_from_outside(lab, s), LAB_REDIRECT);
	out = lab_out(lab);
	if (!out.sums)
		fail_msg("protocol %u, %s to %s: a wrong sum", s->proto, s->src, s->dst);
	return out;
}

static struct shape there_of(const struct path *path, uint8_t proto)
{
	bool v6 = strchr(path->src, ':') != NULL;
	struct shape s = { .src = path->src, .dst = path->dst, .proto = proto, .payload = 33 };

	if (proto == IPPROTO_ICMP) {
		s.proto = v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
		s.type = v6 ? 128 : 8;
		s.id = 77;
	}
	return s;
}

static struct shape back_of(const struct shape *there, const struct seen *seen)
{
	struct shape s = *there;

	s.src = seen->dst;
	s.dst = seen->src;
	s.sport = seen->dport;
	s.dport = seen->sport;
	if (there->type) {
		s.type = there->type == 8 ? 0 : 129;
		s.id = seen->id;
	}
	return s;
}

/* More than a segment: whole between pods, cut in two where it leaves by the uplink. */
static void large(struct lab *lab, const struct path *path)
{
	struct shape s = there_of(path, IPPROTO_TCP);
	uint32_t got = 0;
	bool still;

	s.flags = ACK;
	s.payload = 2 * WIRE_SEGMENT;
	put_on_wire(&s, true);
	while (got < s.payload) {
		struct seen out;

		assert_true(wire_receive(far_end(path->end), &lab->out, &still));
		out = lab_out(lab);
		assert_true(out.sums);
		assert_int_equal(still, is_local(path->end));
		got += lab->out.len - out.l4_off - 20;
	}
	assert_int_equal(got, s.payload);
}

/* First packets, promotion, and on: three times there and back, at the end on the fast path. */
static void converse(struct lab *lab, const struct path *path, uint8_t proto)
{
	static const uint8_t flags[][2] = { { SYN, SYN | ACK }, { ACK, ACK }, { ACK, ACK } };
	struct shape there = there_of(path, proto), back;
	struct seen seen;
	int i;

	if (has_service(path))
		service(lab, path, proto);
	for (i = 0; i < 3; i++) {
		there.flags = flags[i][0];
		there.seq = (uint32_t)(i ? 101 : 100);
		there.ack = 501;
		seen = carry(lab, &there, path->end);
		back = back_of(&there, &seen);
		back.flags = flags[i][1];
		back.seq = (uint32_t)(i ? 501 : 500);
		back.ack = 101;
		carry(lab, &back, path->src);
	}
	assert_int_not_equal(lab_promoted(lab), 0);
	if (use_wire && partial && proto == IPPROTO_TCP)
		large(lab, path);
}

static void all_conversations(bool complete)
{
	size_t i, k;

	for (i = 0; i < PATHS; i++) {
		for (k = 0; k < sizeof(protocols); k++) {
			struct lab *lab = lab_open(0);

			if (protocols[k] == IPPROTO_ICMP && has_service(&paths[i]))
				continue;
			if (use_wire)
				wire_outside(&wire);
			lab->run_flags = complete ? lab_complete(lab) : 0;
			converse(lab, &paths[i], protocols[k]);
			lab->run_flags = 0;
			lab_close(lab);
		}
	}
}

static void sums_in_the_packet_stay_right(void **state)
{
	all_conversations(false);
}

static void what_the_device_has_summed_up_stays_true(void **state)
{
	all_conversations(true);
}

static void an_absent_sum_is_no_change_to_what_the_device_knows(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .dst = "10.96.0.1", .proto = IPPROTO_UDP, .payload = 9, .no_sum = true };

	service(lab, &paths[2], IPPROTO_UDP);
	lab->run_flags = lab_complete(lab);
	assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	assert_true(lab_out(lab).sums);
	lab->run_flags = 0;
	lab_close(lab);
}

/* An error that a router outside sends about a masqueraded packet, rewritten inside and out. */
static void error_about(struct lab *lab, const struct path *path, uint8_t proto)
{
	bool v6 = strchr(path->src, ':') != NULL;
	struct shape s = there_of(path, proto), error;
	struct packet sent;

	assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	sent = lab->out;
	error = (struct shape){ .src = v6 ? "2001:db8:ffff::1" : "203.0.113.1",
				.dst = v6 ? "fd00:99::1" : "192.168.0.1",
				.proto = v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP,
				.type = v6 ? 2 : 3,
				.code = v6 ? 0 : 4,
				.mtu = 1400,
				.quote = &sent };
	assert_int_equal(lab_from_outside(lab, &error), LAB_REDIRECT);
	assert_true(lab_out(lab).sums);
	assert_string_equal(lab_out(lab).quote_src, path->src);
}

static void errors_change_it_by_what_they_change(void **state)
{
	size_t i, k;

	for (i = 4; i < PATHS; i++) {
		for (k = 0; k < sizeof(protocols); k++) {
			struct lab *lab = lab_open(0);

			lab->run_flags = lab_complete(lab);
			error_about(lab, &paths[i], protocols[k]);
			lab->run_flags = 0;
			lab_close(lab);
		}
	}
}

/* On real interfaces; the uplink's does no sums. */
static void wired(bool offload)
{
	use_wire = true;
	partial = offload;
	all_conversations(false);
	use_wire = false;
}

static void on_the_wire_too(void **state)
{
	wired(false);
}

static void what_is_left_to_the_device_is_right_when_it_is_done(void **state)
{
	wired(true);
}

/* The pod's packet, its sum left to the device, is answered by the datapath: the answer's sums are its own. */
static void answered(const struct shape *s, uint8_t proto)
{
	struct lab *lab = wire.lab;
	struct seen out;
	bool still;

	put_on_wire(s, true);
	assert_true(wire_receive(far_end(s->src), &lab->out, &still));
	out = lab_out(lab);
	assert_int_equal(out.proto, proto);
	assert_false(still);
	assert_true(out.sums);
}

/* Addresses of services, no port of which is anybody's. */
static void put_addresses(struct lab *lab)
{
	struct wr_service svc = { .id = 8, .flags = WR_SVC_ADDRESS };
	struct wr_frontend v4 = rows_frontend("10.96.0.2", 0, 0, WR_SCOPE_ANY);
	struct wr_frontend v6 = rows_frontend("fd00:96::2", 0, 0, WR_SCOPE_ANY);

	rows_service(lab->dp, 2, &svc);
	rows_point(lab->dp, &v4, 2);
	rows_point(lab->dp, &v6, 2);
}

static void answers_to_what_was_left_to_the_device_have_sums_of_their_own(void **state)
{
	struct shape refused4 = { .src = "10.0.1.5", .dst = "10.96.0.2", .payload = 60 };
	struct shape refused6 = { .src = "fd00:1::5", .dst = "fd00:96::2", .payload = 60 };
	struct shape last4 = { .src = "10.0.1.5", .dst = "10.0.1.6", .ttl = 1, .payload = 300 };
	struct shape last6 = { .src = "fd00:1::5", .dst = "fd00:1::6", .ttl = 1, .payload = 300 };
	struct shape far6 = { .src = "fd00:1::5",
			      .dst = "fd00:1::6",
			      .ttl = 1,
			      .ext = { 255, IPPROTO_DSTOPTS, IPPROTO_DSTOPTS } };

	put_addresses(lab_open(0));
	answered(&refused4, IPPROTO_TCP);
	answered(&refused6, IPPROTO_TCP);
	refused4.flags = refused6.flags = ACK;
	refused4.payload = refused6.payload = 2 * WIRE_SEGMENT;
	answered(&refused4, IPPROTO_TCP);
	answered(&refused6, IPPROTO_TCP);
	refused4.payload = refused6.payload = 60;
	refused4.proto = refused6.proto = last4.proto = last6.proto = IPPROTO_UDP;
	answered(&refused4, IPPROTO_ICMP);
	answered(&refused6, IPPROTO_ICMPV6);
	answered(&last4, IPPROTO_ICMP);
	answered(&last6, IPPROTO_ICMPV6);
	answered(&far6, IPPROTO_ICMPV6);
}

/* GRO and virtual devices leave sums open that came from outside as well, and the answer leaves by a device that makes none. */
static void answers_that_leave_by_the_uplink_too(void **state)
{
	struct shape refused4 = { .src = "198.51.100.9", .dst = "10.96.0.2", .payload = 60 };
	struct shape refused6 = { .src = "2001:db8::9", .dst = "fd00:96::2", .payload = 60 };

	put_addresses(lab_open(0));
	answered(&refused4, IPPROTO_TCP);
	answered(&refused6, IPPROTO_TCP);
	refused4.options = 8;
	answered(&refused4, IPPROTO_TCP);
	refused4.proto = refused6.proto = IPPROTO_UDP;
	answered(&refused4, IPPROTO_ICMP);
	answered(&refused6, IPPROTO_ICMPV6);
}

static int enter(void **state)
{
	if (lab_enter(state))
		return -1;
	wire_open(&wire, lab_open(0));
	return 0;
}

static int leave(void **state)
{
	wire_close(&wire);
	return lab_leave(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_in_the_packet_stay_right),
		cmocka_unit_test(what_the_device_has_summed_up_stays_true),
		cmocka_unit_test(an_absent_sum_is_no_change_to_what_the_device_knows),
		cmocka_unit_test(errors_change_it_by_what_they_change),
		cmocka_unit_test(on_the_wire_too),
		cmocka_unit_test(what_is_left_to_the_device_is_right_when_it_is_done),
		cmocka_unit_test(answers_to_what_was_left_to_the_device_have_sums_of_their_own),
		cmocka_unit_test(answers_that_leave_by_the_uplink_too),
	};

	int r = cmocka_run_group_tests(tests, enter, leave);

	/* Again as before Linux 6.2, where programs do not see what a sum means and leave it to helpers. */
	lab_more_switches = WR_SW_NO_KERN_CTX;
	return r + cmocka_run_group_tests(tests, enter, leave);
}
