/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about what always holds of flows (docs/architecture.md, section 4), where no other file has them. */
#include "tests/bpf/check.h"

#include <unistd.h>

#include "lib/dp/sys.h"
#include "tests/bpf/lab.h"
#include "tests/bpf/svc_rows.h"

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

/* Calls @edit for each unproven flow and stores what it has made of it. */
static void edit_new(struct lab *lab, void (*edit)(struct wr_flow *flow))
{
	int fd = wr_dp_map_fd(lab->dp, WR_MAP_wr_new_flows);
	struct wr_flow_key key, next;
	struct wr_flow flow;
	int r = wr_sys_map_next(fd, NULL, &next);

	for (; r == 0; r = wr_sys_map_next(fd, &key, &next)) {
		key = next;
		assert_int_equal(wr_sys_map_lookup(fd, &key, &flow), 0);
		edit(&flow);
		assert_int_equal(wr_sys_map_update(fd, &key, &flow, BPF_EXIST), 0);
	}
}

static void another_keys_check(struct wr_flow *flow)
{
	flow->check++;
}

/* The kernel hands elements of an LRU to other keys while someone reads them. */
static void an_element_that_became_another_keys_is_a_miss(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { 0 },
		     back = { .src = "10.0.1.6", .dst = "10.0.1.5", .sport = 80, .dport = 1000 };

	assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	edit_new(lab, another_keys_check);
	lab_policy(lab, 5, WR_RULES_INGRESS | 9);
	lab_policy(lab, 6, WR_RULES_EGRESS | 9);
	back.proto = IPPROTO_UDP; /* an answer that nobody asked for, so that policy decides */
	assert_int_equal(lab_from_pod(lab, &back), LAB_DROP);
	back.proto = IPPROTO_TCP;
	back.flags = SYN | ACK;
	assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	assert_int_equal(lab_from_pod(lab, &back), LAB_REDIRECT);
	lab_policy(lab, 5, 0);
	lab_policy(lab, 6, 0);
	lab_close(lab);
}

static void another_flows_nonce(struct wr_flow *flow)
{
	if (flow->state & WR_FLOW_REPLY_TUPLE)
		flow->nonce++;
}

static void another_nonce_is_another_flow(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .dst = "10.96.0.1", .proto = IPPROTO_UDP }, back;
	struct wr_flow was, now;
	struct seen out;

	service(lab, "10.96.0.1", IPPROTO_UDP, "10.0.1.6");
	assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	assert_true(lab_flow(lab, "10.0.1.5", 1000, "10.96.0.1", 80, &was));
	edit_new(lab, another_flows_nonce);
	/* The client's next packet begins anew, under another nonce, and gets its answers. */
	assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	assert_true(lab_flow(lab, "10.0.1.5", 1000, "10.96.0.1", 80, &now));
	assert_true(now.nonce != was.nonce);
	out = lab_out(lab);
	back = (struct shape){ .src = out.dst,
			       .dst = out.src,
			       .sport = out.dport,
			       .dport = out.sport,
			       .proto = IPPROTO_UDP };
	assert_int_equal(lab_from_pod(lab, &back), LAB_REDIRECT);
	assert_string_equal(lab_out(lab).src, "10.96.0.1");
	lab_close(lab);
}

static void age_map(int fd, uint64_t seconds)
{
	struct wr_flow_key key, next;
	struct wr_flow flow;
	int r = wr_sys_map_next(fd, NULL, &next);

	for (; r == 0; r = wr_sys_map_next(fd, &key, &next)) {
		key = next;
		assert_int_equal(wr_sys_map_lookup(fd, &key, &flow), 0);
		flow.seen -= seconds * LAB_HZ;
		assert_int_equal(wr_sys_map_update(fd, &key, &flow, BPF_EXIST), 0);
	}
}

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

static void sweep_all(struct lab *lab)
{
	struct wr_sweep_stats stats;
	uint32_t i;

	for (i = 0; i <= LAB_SHARDS; i++)
		assert_int_equal(wr_flow_sweep(lab->dp, i, &stats), 0);
}

/* From pod 5, port @port, a packet each; '<' is the answer. */
static void talk(struct lab *lab, uint8_t proto, uint16_t port, const char *directions)
{
	for (; *directions; directions++) {
		struct shape s = { .proto = proto, .sport = port, .dport = 80 };

		if (*directions == '<')
			s = (struct shape){ .src = "10.0.1.6",
					    .dst = "10.0.1.5",
					    .proto = proto,
					    .sport = 80,
					    .dport = port };
		if (proto == IPPROTO_ICMP) {
			s.type = *directions == '<' ? 0 : 8;
			s.id = port;
		}
		assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	}
}

/* TCP's: each step is flags of the originator, or of the other side. */
static void connection(struct lab *lab, uint16_t port, int steps)
{
	static const struct {
		uint8_t flags;
		bool answer;
		uint32_t seq, ack;
	} life[] = {
		{ SYN, false, 100, 0 },        { SYN | ACK, true, 500, 101 },
		{ ACK, false, 101, 501 },      { FIN | ACK, false, 101, 501 },
		{ FIN | ACK, true, 501, 102 },
	};
	int i;

	for (i = 0; i < steps; i++) {
		struct shape s = { .sport = port, .flags = life[i].flags };

		if (life[i].answer)
			s = (struct shape){ .src = "10.0.1.6",
					    .dst = "10.0.1.5",
					    .sport = 80,
					    .dport = port,
					    .flags = life[i].flags };
		s.seq = life[i].seq;
		s.ack = life[i].ack;
		assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	}
}

/* A flow that lives by this timeout: the number of steps of its connection, or who speaks in turns. */
static const struct {
	uint8_t proto;
	int steps;
	const char *turns;
} lives[WR_TIMEOUT_MAX] = {
	[WR_TIMEOUT_TCP_SYN] = { IPPROTO_TCP, 2, NULL },
	[WR_TIMEOUT_TCP_ESTABLISHED] = { IPPROTO_TCP, 3, NULL },
	[WR_TIMEOUT_TCP_FIN] = { IPPROTO_TCP, 4, NULL },
	[WR_TIMEOUT_TCP_CLOSED] = { IPPROTO_TCP, 5, NULL },
	[WR_TIMEOUT_UDP_NEW] = { IPPROTO_UDP, 0, ">" },
	[WR_TIMEOUT_UDP] = { IPPROTO_UDP, 0, "><>" },
	[WR_TIMEOUT_ICMP] = { IPPROTO_ICMP, 0, "><>" },
	[WR_TIMEOUT_OTHER] = { 47, 0, "><>" },
	[WR_TIMEOUT_SCTP] = { IPPROTO_SCTP, 0, "><>" },
};

static uint16_t port_of(int timeout)
{
	return (uint16_t)(3000 + timeout);
}

static bool lives_still(const struct lab *lab, int timeout)
{
	uint16_t port = port_of(timeout), dport = 80;

	if (lives[timeout].proto == 47)
		port = dport = 0;
	if (lives[timeout].proto == IPPROTO_ICMP)
		dport = ntohs(wr_flow_echo_port(htons(port)));
	return lab_flow(lab, "10.0.1.5", port, "10.0.1.6", dport, NULL);
}

static void every_protocol_and_state_has_its_timeout(void **state)
{
	struct wr_dp_options opt = lab_options(0);
	struct lab *lab;
	int i, k;

	for (i = 0; i < WR_TIMEOUT_MAX; i++)
		opt.config.timeout[i] = 30 + 20 * (uint32_t)i;
	lab = lab_open_with(&opt);
	for (i = 0; i < WR_TIMEOUT_MAX; i++) {
		if (lives[i].turns)
			talk(lab, lives[i].proto, port_of(i), lives[i].turns);
		else
			connection(lab, port_of(i), lives[i].steps);
	}
	age(lab, 15);
	for (i = 0; i < WR_TIMEOUT_MAX; i++) { /* one after another, every 20 seconds */
		sweep_all(lab);
		for (k = 0; k < WR_TIMEOUT_MAX; k++)
			assert_int_equal(lives_still(lab, k), k >= i);
		age(lab, 20);
	}
	sweep_all(lab);
	assert_false(lives_still(lab, WR_TIMEOUT_MAX - 1));
	lab_close(lab);
}

static void a_call_sweeps_one_shard(void **state)
{
	struct lab *lab = lab_open(0);
	struct wr_sweep_stats stats[LAB_SHARDS + 1];
	uint16_t port;
	uint32_t i;

	for (port = 2000; port < 2016; port++) {
		struct shape s = { .sport = port };

		lab_handshake(lab, &s);
	}
	age(lab, 61);
	for (i = 0; i <= LAB_SHARDS; i++)
		assert_int_equal(wr_flow_sweep(lab->dp, i, &stats[i]), 0);
	/* The last is the LRU, from which all have moved. */
	assert_in_range(stats[0].marked, 1, 15);
	assert_int_equal(stats[0].marked + stats[1].marked, 16);
	assert_int_equal(stats[LAB_SHARDS].seen, 0);
	assert_int_not_equal(wr_flow_sweep(lab->dp, LAB_SHARDS + 1, &stats[0]), 0);
	lab_close(lab);
}

static uint64_t out_of(struct lab *lab, uint64_t *ret_judged)
{
	struct wr_flow flow;

	assert_true(lab_flow(lab, "10.0.1.5", 1000, "10.0.2.9", 80, &flow));
	*ret_judged = flow.judged;
	return flow.out[WR_FLOW_ORIG];
}

/* A way that changed is looked up again; nothing else of the flow is. */
static void a_route_change_repeats_that_step_only(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .dst = "10.0.2.9" };
	struct wr_nexthop nh, other;
	struct wr_prefix node2;
	uint64_t judged, again;

	assert_int_equal(wr_prefix_parse("10.0.2.0/24", &node2), 0);
	lab_handshake(lab, &s);
	assert_int_equal(wr_nexthop_get(lab->dp, LAB_NODE2_V4, &nh), 0);
	assert_int_equal(out_of(lab, &judged), WR_OUT(LAB_NODE2_V4, nh.gen));
	/* The slot leads elsewhere. */
	nh.kind = WR_NH_TUNNEL;
	assert_int_equal(wr_nexthop_put(lab->dp, LAB_NODE2_V4, &nh), 0);
	s.flags = ACK;
	assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	assert_int_equal(out_of(lab, &again), WR_OUT(LAB_NODE2_V4, nh.gen + 1));
	assert_int_equal(again, judged);
	/* Another slot does. */
	assert_int_equal(wr_peer_put(lab->dp, &node2, WR_PEER(LAB_DB, LAB_NODE3_V4, WR_PEER_CLUSTER)),
			 0);
	nh.mtu--;
	assert_int_equal(wr_nexthop_put(lab->dp, LAB_NODE2_V4, &nh), 0);
	assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	assert_int_equal(wr_nexthop_get(lab->dp, LAB_NODE3_V4, &other), 0);
	assert_int_equal(out_of(lab, &again), WR_OUT(LAB_NODE3_V4, other.gen));
	assert_int_equal(again, judged);
	lab_close(lab);
}

/* What the agent raises at its start. */
static void everything_is_judged_again_when_the_agent_starts(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .dst = "10.0.2.9" };
	uint64_t before, after;

	lab_handshake(lab, &s);
	out_of(lab, &before);
	assert_int_equal(wr_globals_bump(lab->dp), 0);
	s.flags = ACK;
	assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	out_of(lab, &after);
	assert_int_equal(after - before, 1 << WR_JUDGED_SHIFT);
	lab_close(lab);
}

static void narrow(struct lab *lab, uint32_t mtu)
{
	struct wr_endpoint ep;

	assert_int_equal(wr_endpoint_get(lab->dp, 5, &ep), 0);
	ep.mtu = mtu;
	assert_int_equal(wr_endpoint_put(lab->dp, 5, &ep), 0);
}

static void too_big_from_outside(const char *src, const char *dst, const char *node, uint8_t type)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .src = src, .dst = dst, .payload = 1400 };
	uint64_t before = lab_drops(lab, WR_REASON_TOO_BIG);
	struct seen out;

	narrow(lab, 1300);
	assert_int_equal(lab_from_outside(lab, &s), LAB_REDIRECT);
	assert_int_equal(lab_drops(lab, WR_REASON_TOO_BIG), before + 1);
	out = lab_out(lab);
	assert_int_equal(out.type, type);
	assert_int_equal(out.mtu, 1300);
	assert_string_equal(out.src, node);
	assert_string_equal(out.dst, src);
	assert_string_equal(out.quote_dst, dst);
	assert_memory_equal(out.dmac, lab_router_mac(), 6);
	assert_true(out.sums);
	lab_close(lab);
}

static void outside_is_told_what_fits_into_a_pod(void **state)
{
	too_big_from_outside("198.51.100.9", "10.0.1.5", "192.168.0.1", 3);
	too_big_from_outside("2001:db8::9", "fd00:1::5", "fd00:99::1", 2);
}

static void last_hop_from_outside(const char *src, const char *dst, const char *node, uint8_t type)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .src = src, .dst = dst, .ttl = 1 };

	assert_int_equal(lab_from_outside(lab, &s), LAB_REDIRECT);
	assert_int_equal(lab_out(lab).type, type);
	assert_string_equal(lab_out(lab).src, node);
	assert_true(lab_out(lab).sums);
	lab_close(lab);
}

static void and_where_its_last_hop_was(void **state)
{
	last_hop_from_outside("198.51.100.9", "10.0.1.5", "192.168.0.1", 11);
	last_hop_from_outside("2001:db8::9", "fd00:1::5", "fd00:99::1", 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_element_that_became_another_keys_is_a_miss),
		cmocka_unit_test(another_nonce_is_another_flow),
		cmocka_unit_test(every_protocol_and_state_has_its_timeout),
		cmocka_unit_test(a_call_sweeps_one_shard),
		cmocka_unit_test(a_route_change_repeats_that_step_only),
		cmocka_unit_test(everything_is_judged_again_when_the_agent_starts),
		cmocka_unit_test(outside_is_told_what_fits_into_a_pod),
		cmocka_unit_test(and_where_its_last_hop_was),
	};

	return cmocka_run_group_tests(tests, lab_enter, lab_leave);
}
