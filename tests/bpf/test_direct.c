/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about direct server return: the node that a client comes by, and the one that its backend is on. */
#include "tests/bpf/check.h"

#include "lib/dp/sys.h"
#include "tests/bpf/lab.h"
#include "tests/bpf/svc_rows.h"
#include "tests/bpf/tunnel.h"

struct family {
	const char *client, *vip;
	const char *far, *far_tunnelled,
		*near; /* backends: of node 2 (direct), node 3 (VXLAN), this node */
	const char *node, *router;
	uint8_t icmp, too_big, too_big_code;
};

static const struct family v4 = {
	"198.51.100.9", "192.0.2.1",   "10.0.2.9",   "10.0.3.9", "10.0.1.6",
	"192.168.0.1",  "203.0.113.1", IPPROTO_ICMP, 3,          4
};
static const struct family v6 = {
	"2001:db8::9", "2001:db8:1::1",    "fd00:2::9",    "fd00:3::9", "fd00:1::6",
	"fd00:99::1",  "2001:db8:ffff::1", IPPROTO_ICMPV6, 2,           0
};
static const struct family *const families[] = { &v4, &v6 };

#define NODE2 "192.168.0.2"

static void service_with(struct lab *lab, const struct family *f, uint8_t proto,
			 const char *backend, uint32_t flags)
{
	struct wr_service svc = { .id = 7, .n = 1, .flags = WR_SVC_EXTERNAL | flags };
	struct wr_frontend fe = rows_frontend(f->vip, 80, proto, WR_SCOPE_ANY);
	struct wr_frontend own = rows_frontend(f->vip, 0, 0, WR_SCOPE_ANY);
	struct wr_service address = { .id = 8, .flags = WR_SVC_ADDRESS | WR_SVC_EXTERNAL };
	uint32_t run[] = { 3 };

	rows_backend(lab->dp, 3, backend, 8080, WR_BACKEND_ACTIVE);
	rows_run(lab->dp, 0, run, 1);
	rows_service(lab->dp, 1, &svc);
	rows_service(lab->dp, 2, &address);
	rows_point(lab->dp, &fe, 1);
	rows_point(lab->dp, &own, 2);
}

static void service(struct lab *lab, const struct family *f, uint8_t proto, const char *backend)
{
	service_with(lab, f, proto, backend, WR_SVC_DSR);
}

static bool names_a_backend(const struct packet *p)
{
	return p->b[0] == 2 && !memcmp(p->b + 1, "WRD", 3) && p->b[4] == 8080 >> 8 &&
	       p->b[5] == (8080 & 255) && p->b[6] == 2 && p->b[7] == 0;
}

static void assert_direct(const struct lab *lab, const struct family *f)
{
	struct seen out = lab_out(lab);

	assert_string_equal(out.src, f->client);
	assert_string_equal(out.dst, f->vip);
	assert_int_equal(out.sport, 1000);
	assert_int_equal(out.dport, 80);
	assert_int_equal(out.ttl, 63);
	assert_true(out.sums);
	assert_true(names_a_backend(&lab->out));
	assert_int_equal(lab->mark, LAB_MARK);
}

static void goes_as_it_is(const struct family *f, uint8_t proto, const char *backend, uint32_t way)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .src = f->client, .dst = f->vip, .proto = proto, .payload = 33 };
	struct wr_flow flow;

	service(lab, f, proto, backend);
	assert_int_equal(lab_from_outside(lab, &s), LAB_REDIRECT);
	assert_direct(lab, f);
	assert_true(lab_flow(lab, f->client, 1000, f->vip, 80, &flow));
	assert_true(flow.state & WR_FLOW_DSR);
	assert_false(flow.state & (WR_FLOW_TRANSLATED | WR_FLOW_MASQ));
	assert_int_equal(flow.backend, 3);
	assert_int_equal(WR_OUT_NUMBER(flow.out[WR_FLOW_ORIG]), way);
	assert_int_equal(lab_unproven(lab), 1); /* one entry: no answer comes by here */
	lab_close(lab);
}

static void a_packet_goes_to_its_backends_node_as_it_is(void **state)
{
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP };
	size_t i;

	for (i = 0; i < 3; i++) {
		goes_as_it_is(&v4, protos[i], v4.far, LAB_NODE2_V4);
		goes_as_it_is(&v4, protos[i], v4.far_tunnelled, LAB_NODE3_V4);
		goes_as_it_is(&v6, protos[i], v6.far, LAB_NODE2_V6);
		goes_as_it_is(&v6, protos[i], v6.far_tunnelled, LAB_NODE3_V6);
	}
}

static void to_backends_of_this_node_packets_are_translated_here(void **state)
{
	struct lab *lab = lab_open(0);
	size_t i;

	for (i = 0; i < 2; i++) {
		const struct family *f = families[i];
		struct shape s = { .src = f->client, .dst = f->vip };

		service(lab, f, IPPROTO_TCP, f->near);
		assert_int_equal(lab_from_outside(lab, &s), LAB_REDIRECT);
		assert_string_equal(lab_out(lab).src, f->client);
		assert_string_equal(lab_out(lab).dst, f->near);
	}
	lab_close(lab);
}

static void expect_masquerade(struct lab *lab, const struct family *f, const char *client,
			      const char *backend)
{
	struct shape s = { .src = client, .dst = f->vip };

	assert_int_equal(lab_from_outside(lab, &s), LAB_REDIRECT);
	assert_string_equal(lab_out(lab).src, f->node);
	assert_string_equal(lab_out(lab).dst, backend);
}

/* Without a tunnel that works, outside the cluster, for clients in the cluster: the node stands in. */
static void where_it_cannot_be_the_node_masquerades(void **state)
{
	struct lab *lab = lab_open(0);
	struct wr_nexthop nh;

	assert_int_equal(wr_nexthop_get(lab->dp, LAB_NODE2_V4, &nh), 0);
	nh.tunnel_mtu = 0;
	assert_int_equal(wr_nexthop_put(lab->dp, LAB_NODE2_V4, &nh), 0);
	service(lab, &v4, IPPROTO_TCP, v4.far);
	expect_masquerade(lab, &v4, v4.client, v4.far);
	service(lab, &v4, IPPROTO_TCP, "203.0.113.77");
	expect_masquerade(lab, &v4, "198.51.100.10", "203.0.113.77");
	service(lab, &v4, IPPROTO_TCP, v4.far_tunnelled);
	expect_masquerade(lab, &v4, NODE2, v4.far_tunnelled);
	lab_close(lab);
}

/* As of one that came by another node before, or whose entry was evicted. */
static void in_mid_stream_the_table_knows_the_backend(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .src = v4.client, .dst = v4.vip, .flags = ACK, .payload = 10 };

	service(lab, &v4, IPPROTO_TCP, v4.far);
	assert_int_equal(lab_from_outside(lab, &s), LAB_REDIRECT);
	assert_direct(lab, &v4);
	lab_close(lab);
}

/* Only the client's half is seen: its entry is promoted by age and count, and no SYN flood evicts it then. */
static void a_connection_is_promoted_by_what_its_client_sends(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .src = v4.client, .dst = v4.vip };
	int fd = wr_dp_map_fd(lab->dp, WR_MAP_wr_new_flows), i;
	struct wr_flow_key key;
	struct wr_flow flow;

	service(lab, &v4, IPPROTO_TCP, v4.far);
	for (i = 0; i < 40; i++) {
		assert_int_equal(lab_from_outside(lab, &s), LAB_REDIRECT);
		s.flags = ACK;
	}
	assert_int_equal(lab_promoted(lab), 0);
	assert_int_equal(wr_sys_map_next(fd, NULL, &key), 0);
	assert_int_equal(wr_sys_map_lookup(fd, &key, &flow), 0);
	assert_int_equal(flow.state & WR_FLOW_TCP_MASK, WR_TCP_ESTABLISHED); /* its timeout counts */
	flow.created -= WR_FLOW_CREATED(2 * LAB_HZ);
	assert_int_equal(wr_sys_map_update(fd, &key, &flow, 0), 0);
	lab_from_outside(lab, &s);
	assert_int_equal(lab_promoted(lab), 1);
	for (i = 0; i < 3; i++) { /* by the short way */
		assert_int_equal(lab_from_outside(lab, &s), LAB_REDIRECT);
		assert_direct(lab, &v4);
	}
	assert_true(lab_flow(lab, v4.client, 1000, v4.vip, 80, &flow));
	assert_int_equal(flow.packets[WR_FLOW_ORIG], 44);
	s.flags = FIN | ACK;
	assert_int_equal(lab_from_outside(lab, &s), LAB_REDIRECT);
	assert_true(lab_flow(lab, v4.client, 1000, v4.vip, 80, &flow));
	assert_int_equal(flow.state & WR_FLOW_TCP_MASK, WR_TCP_FIN);
	lab_close(lab);
}

static void when_its_backend_leaves_a_connection_is_reset_and_a_datagram_moves(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape tcp = { .src = v4.client, .dst = v4.vip };
	struct shape udp = { .src = v4.client, .dst = v4.vip, .proto = IPPROTO_UDP };
	const uint32_t run[] = { 4 };

	service(lab, &v4, IPPROTO_TCP, v4.far);
	assert_int_equal(lab_from_outside(lab, &tcp), LAB_REDIRECT);
	rows_backend_leaves(lab->dp, 3);
	tcp.flags = ACK;
	assert_int_equal(lab_from_outside(lab, &tcp), LAB_REDIRECT);
	assert_true(lab_out(lab).flags & RST);
	assert_string_equal(lab_out(lab).src, v4.vip);
	service(lab, &v4, IPPROTO_UDP, v4.far);
	assert_int_equal(lab_from_outside(lab, &udp), LAB_REDIRECT);
	rows_backend_leaves(lab->dp, 3);
	rows_backend(lab->dp, 4, v4.near, 8080, WR_BACKEND_ACTIVE);
	rows_run(lab->dp, 0, run, 1);
	assert_int_equal(lab_from_outside(lab, &udp), LAB_REDIRECT);
	assert_string_equal(lab_out(lab).dst, v4.near);
	lab_close(lab);
}

static void too_large_for_the_tunnel(const struct family *f, bool fragmentable, bool is_said)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .src = f->client,
			   .dst = f->vip,
			   .proto = IPPROTO_UDP,
			   .payload = 1440,
			   .fragmentable = fragmentable };

	service(lab, f, IPPROTO_UDP, f->far);
	assert_int_equal(lab_from_outside(lab, &s), LAB_REDIRECT);
	if (is_said) {
		assert_int_equal(lab_out(lab).type, f->too_big);
		assert_int_equal(lab_out(lab).mtu, LAB_MTU - 50);
		assert_string_equal(lab_out(lab).dst, f->client);
		assert_true(lab_out(lab).sums);
	} else {
		assert_direct(lab, f);
	}
	lab_close(lab);
}

static void what_is_too_large_for_the_tunnel_is_said_or_cut_outside(void **state)
{
	too_large_for_the_tunnel(&v4, false, true);
	too_large_for_the_tunnel(&v4, true, false);
	too_large_for_the_tunnel(&v6, false, true);
}

static void fragments_go_with_their_first(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape s = { .src = v4.client,
			   .dst = v4.vip,
			   .proto = IPPROTO_UDP,
			   .payload = 800,
			   .frag_id = 77,
			   .more = true };

	service(lab, &v4, IPPROTO_UDP, v4.far);
	assert_int_equal(lab_from_outside(lab, &s), LAB_REDIRECT);
	assert_true(names_a_backend(&lab->out));
	s.frag_off = 808;
	s.more = false;
	assert_int_equal(lab_from_outside(lab, &s), LAB_REDIRECT);
	assert_true(names_a_backend(&lab->out));
	assert_string_equal(lab_out(lab).dst, v4.vip);
	lab_close(lab);
}

/* ---- the backend's node ------------------------------------------------------------------------------------ */

/* What a node that knows @backend behind the service sends for it. */
static struct packet sent_by_node2(const struct family *f, const struct shape *s, const char *backend)
{
	struct lab *lab = lab_open(0);
	struct packet p;

	service(lab, f, s->proto ? s->proto : IPPROTO_TCP, backend);
	assert_int_equal(lab_from_outside(lab, s), LAB_REDIRECT);
	p = lab->out;
	assert_true(names_a_backend(&p));
	lab_close(lab);
	return p;
}

/* The same with the address of a backend here: the lab cannot be two nodes. */
static struct packet brought(const struct family *f, const struct shape *s)
{
	struct packet p = sent_by_node2(f, s, f->far);
	struct wr_addr a = rows_addr(f->near);
	uint32_t h = (a.w[0] * 0x9e3779b1u) ^ a.w[1];

	h = ((h ^ h >> 15) * 0x85ebca77u) ^ a.w[2];
	h = ((h ^ h >> 13) * 0xc2b2ae3du) ^ a.w[3];
	memcpy(p.b + 8, &h, sizeof(h));
	return p;
}

static void here(struct lab *lab, const struct family *f, uint8_t proto)
{
	/* Whether this node, too, is configured so makes no difference: nodes are not changed at once. */
	service_with(lab, f, proto, f->near, 0);
}

static void answers_itself(const struct family *f, uint8_t proto)
{
	struct shape s = { .src = f->client, .dst = f->vip, .proto = proto, .payload = 33 }, back;
	struct packet p = brought(f, &s);
	struct lab *lab = lab_open(0);
	struct seen out;

	here(lab, f, proto);
	assert_int_equal(lab_from_tunnel(lab, NODE2, &p), LAB_REDIRECT);
	out = lab_out(lab);
	assert_string_equal(out.src, f->client);
	assert_string_equal(out.dst, f->near);
	assert_int_equal(out.dport, 8080);
	assert_int_equal(out.ttl, 62);
	assert_true(out.sums);
	assert_memory_equal(out.dmac, lab_pod_mac(6), 6);
	back = (struct shape){ .src = f->near,
			       .dst = f->client,
			       .sport = 8080,
			       .dport = 1000,
			       .proto = proto,
			       .flags = SYN | ACK,
			       .seq = 500,
			       .ack = 101 };
	assert_int_equal(lab_from_pod(lab, &back), LAB_REDIRECT);
	out = lab_out(lab);
	assert_string_equal(out.src, f->vip);
	assert_string_equal(out.dst, f->client);
	assert_int_equal(out.sport, 80);
	assert_true(out.sums);
	assert_false(names_a_backend(&lab->out));
	lab_close(lab);
}

static void the_backends_node_answers_the_client_itself(void **state)
{
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP };
	size_t i;

	for (i = 0; i < 3; i++) {
		answers_itself(&v4, protos[i]);
		answers_itself(&v6, protos[i]);
	}
}

static void expect_refused(struct lab *lab, const char *outer, const struct packet *p, uint32_t reason)
{
	uint64_t before = lab_drops(lab, reason);

	assert_int_equal(lab_from_tunnel(lab, outer, p), LAB_DROP);
	assert_int_equal(lab_drops(lab, reason), before + 1);
}

static void clients_outside_are_believed_by_nodes_for_services_alone(void **state)
{
	struct shape s = { .src = v4.client, .dst = v4.vip },
		     pod = { .src = v4.client, .dst = v4.near };
	struct packet good = brought(&v4, &s), p = good;
	struct lab *lab = lab_open(0);

	here(lab, &v4, IPPROTO_TCP);
	expect_refused(lab, "203.0.113.5", &good, WR_REASON_SPOOFED_OUTER);
	p.b[1] = 0;
	expect_refused(lab, NODE2, &p, WR_REASON_SPOOFED_OUTER);
	packet_make(&p, &pod);
	memcpy(p.b, good.b, 12);
	expect_refused(lab, NODE2, &p, WR_REASON_DIRECT);
	p = good;
	p.b[11] ^= 1; /* another backend than ours */
	expect_refused(lab, NODE2, &p, WR_REASON_DIRECT);
	assert_int_equal(lab_from_tunnel(lab, NODE2, &good), LAB_REDIRECT);
	expect_refused(lab, "203.0.113.5", &good, WR_REASON_SPOOFED_OUTER); /* nor in its flow */
	lab_close(lab);
}

/* Its own table would have sent the client elsewhere. */
static void the_other_nodes_choice_counts(void **state)
{
	struct shape s = { .src = v4.client, .dst = v4.vip };
	struct packet p = brought(&v4, &s);
	struct lab *lab = lab_open(0);
	struct wr_service svc = { .id = 7,
				  .n = 3,
				  .flags = WR_SVC_EXTERNAL | WR_SVC_DSR | WR_SVC_MAGLEV,
				  .maglev_size = 31 };
	const uint32_t run[] = { 4, 5, 3 }, table[] = { 4 };

	service(lab, &v4, IPPROTO_TCP, v4.near);
	rows_backend(lab->dp, 4, v4.far, 8080, WR_BACKEND_ACTIVE);
	rows_backend(lab->dp, 5, "10.0.1.7", 8080, WR_BACKEND_ACTIVE);
	rows_run(lab->dp, 0, run, 3);
	rows_maglev(lab->dp, 0, 31, table, 1);
	rows_service(lab->dp, 1, &svc);
	assert_int_equal(lab_from_tunnel(lab, NODE2, &p), LAB_REDIRECT);
	assert_string_equal(lab_out(lab).dst, v4.near);
	lab_close(lab);
}

static void policy_is_judged_with_the_clients_address(void **state)
{
	struct shape s = { .src = v4.client, .dst = v4.vip };
	struct packet p = brought(&v4, &s);
	struct lab *lab = lab_open(0);

	here(lab, &v4, IPPROTO_TCP);
	lab_policy(lab, 6, WR_RULES_INGRESS | 1);
	expect_refused(lab, NODE2, &p, WR_REASON_POLICY_INGRESS);
	lab_allow(lab, 1, WR_DIR_INGRESS, WR_IDENTITY_NODE, IPPROTO_TCP, 8080, 1); /* not it */
	expect_refused(lab, NODE2, &p, WR_REASON_POLICY_INGRESS);
	lab_allow(lab, 1, WR_DIR_INGRESS, WR_IDENTITY_WORLD, IPPROTO_TCP, 8080, 1);
	assert_int_equal(lab_from_tunnel(lab, NODE2, &p), LAB_REDIRECT);
	lab_policy(lab, 6, 0);
	lab_close(lab);
}

/* Routers change their minds: the same connection by another node, by this one itself, and back. */
static void a_connection_may_come_by_any_node(void **state)
{
	struct shape s = { .src = v4.client, .dst = v4.vip }, data = s;
	struct packet syn = brought(&v4, &s), ack;
	struct lab *lab;

	data.flags = ACK;
	ack = brought(&v4, &data);
	lab = lab_open(0);
	here(lab, &v4, IPPROTO_TCP);
	assert_int_equal(lab_from_tunnel(lab, NODE2, &syn), LAB_REDIRECT);
	assert_int_equal(lab_from_outside(lab, &data), LAB_REDIRECT);
	assert_string_equal(lab_out(lab).dst, v4.near);
	assert_int_equal(lab_from_tunnel(lab, NODE2, &ack), LAB_REDIRECT);
	assert_string_equal(lab_out(lab).dst, v4.near);
	lab = lab_open(0); /* the other way round */
	here(lab, &v4, IPPROTO_TCP);
	assert_int_equal(lab_from_outside(lab, &s), LAB_REDIRECT);
	assert_int_equal(lab_from_tunnel(lab, NODE2, &ack), LAB_REDIRECT);
	assert_string_equal(lab_out(lab).dst, v4.near);
	lab_close(lab);
}

/* Two nodes that each hold a flow towards the other must not send its packets to and fro. */
static void what_was_brought_goes_no_further(void **state)
{
	struct shape s = { .src = v4.client, .dst = v4.vip };
	struct packet p = brought(&v4, &s);
	struct lab *lab = lab_open(0);

	service(lab, &v4, IPPROTO_TCP, v4.far);
	assert_int_equal(lab_from_outside(lab, &s), LAB_REDIRECT);
	expect_refused(lab, NODE2, &p, WR_REASON_DIRECT);
	lab_close(lab);
}

static void who_is_not_known_here_is_reset_by_the_services_address(void **state)
{
	struct shape s = { .src = v4.client, .dst = v4.vip, .flags = ACK };
	struct packet p = brought(&v4, &s);
	struct lab *lab = lab_open(0);

	here(lab, &v4, IPPROTO_TCP);
	assert_int_equal(lab_from_tunnel(lab, NODE2, &p), LAB_REDIRECT);
	assert_true(lab_out(lab).flags & RST);
	assert_string_equal(lab_out(lab).src, v4.vip);
	assert_string_equal(lab_out(lab).dst, v4.client);
	lab_close(lab);
}

/* ---- errors ------------------------------------------------------------------------------------------------ */

/* A router on the client's side about an answer that the backend's node has sent. */
static struct shape error_about_an_answer(const struct family *f, const struct packet *answer)
{
	return (struct shape){ .src = f->router,
			       .dst = f->vip,
			       .proto = f->icmp,
			       .type = f->too_big,
			       .code = f->too_big_code,
			       .mtu = 1400,
			       .quote = answer };
}

static void errors_find_the_backends_node(void **state)
{
	size_t i;

	for (i = 0; i < 2; i++) {
		const struct family *f = families[i];
		struct shape s = { .src = f->client, .dst = f->vip }, answer, error;
		struct packet a;
		struct lab *lab = lab_open(0);

		answer = (struct shape){ .src = f->vip, .dst = f->client, .sport = 80, .dport = 1000 };
		packet_make(&a, &answer);
		error = error_about_an_answer(f, &a);
		service(lab, f, IPPROTO_TCP, f->far);
		/* By a node that has not seen the client, too. */
		assert_int_equal(lab_from_outside(lab, &error), LAB_REDIRECT);
		assert_true(names_a_backend(&lab->out));
		assert_int_equal(lab_from_outside(lab, &s), LAB_REDIRECT);
		assert_int_equal(lab_from_outside(lab, &error), LAB_REDIRECT);
		assert_true(names_a_backend(&lab->out));
		assert_string_equal(lab_out(lab).dst, f->vip);
		assert_true(lab_out(lab).sums);
		lab_close(lab);
	}
}

static void and_the_backend_in_its_own_terms(void **state)
{
	size_t i;

	for (i = 0; i < 2; i++) {
		const struct family *f = families[i];
		struct shape s = { .src = f->client, .dst = f->vip }, answer, error;
		struct packet syn = brought(f, &s), a, e;
		struct lab *lab = lab_open(0);
		struct seen out;

		answer = (struct shape){ .src = f->vip, .dst = f->client, .sport = 80, .dport = 1000 };
		packet_make(&a, &answer);
		error = error_about_an_answer(f, &a);
		packet_make(&e, &error);
		memcpy(e.b, syn.b, 12);
		here(lab, f, IPPROTO_TCP);
		assert_int_equal(lab_from_tunnel(lab, NODE2, &syn), LAB_REDIRECT);
		assert_int_equal(lab_from_tunnel(lab, NODE2, &e), LAB_REDIRECT);
		out = lab_out(lab);
		assert_string_equal(out.src, f->router);
		assert_string_equal(out.dst, f->near);
		assert_string_equal(out.quote_src, f->near);
		assert_int_equal(out.quote_sport, 8080);
		assert_string_equal(out.quote_dst, f->client);
		assert_int_equal(out.mtu, 1400);
		assert_true(out.sums);
		lab_close(lab);
	}
}

/* The stack would route it on, and it would come back: Cilium #14118 in another form. */
static void errors_about_nothing_do_not_loop_by_a_services_address(void **state)
{
	struct lab *lab = lab_open(0);
	struct shape answer = { .src = v4.vip, .dst = v4.client, .sport = 99, .dport = 1000 }, error;
	struct packet a;

	packet_make(&a, &answer);
	error = error_about_an_answer(&v4, &a);
	service_with(lab, &v4, IPPROTO_TCP, v4.far, 0);
	assert_int_equal(lab_from_outside(lab, &error), LAB_DROP);
	lab_close(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_packet_goes_to_its_backends_node_as_it_is),
		cmocka_unit_test(to_backends_of_this_node_packets_are_translated_here),
		cmocka_unit_test(where_it_cannot_be_the_node_masquerades),
		cmocka_unit_test(in_mid_stream_the_table_knows_the_backend),
		cmocka_unit_test(a_connection_is_promoted_by_what_its_client_sends),
		cmocka_unit_test(when_its_backend_leaves_a_connection_is_reset_and_a_datagram_moves),
		cmocka_unit_test(what_is_too_large_for_the_tunnel_is_said_or_cut_outside),
		cmocka_unit_test(fragments_go_with_their_first),
		cmocka_unit_test(the_backends_node_answers_the_client_itself),
		cmocka_unit_test(clients_outside_are_believed_by_nodes_for_services_alone),
		cmocka_unit_test(the_other_nodes_choice_counts),
		cmocka_unit_test(policy_is_judged_with_the_clients_address),
		cmocka_unit_test(a_connection_may_come_by_any_node),
		cmocka_unit_test(what_was_brought_goes_no_further),
		cmocka_unit_test(who_is_not_known_here_is_reset_by_the_services_address),
		cmocka_unit_test(errors_find_the_backends_node),
		cmocka_unit_test(and_the_backend_in_its_own_terms),
		cmocka_unit_test(errors_about_nothing_do_not_loop_by_a_services_address),
	};

	return cmocka_run_group_tests(tests, lab_enter, lab_leave);
}
