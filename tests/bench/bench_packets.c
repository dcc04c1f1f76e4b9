/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a packet costs in pod egress and uplink ingress, beside a program with one hash hit and a 40-byte key, as JSON lines for
 * tests/bench/run.
 *
 * BPF_PROG_TEST_RUN keeps what a run has changed, so a packet is run at most 200 times from a TTL of 255, and the entry of a
 * rewritten flow is told to write what the packet carries already: the same work, and the packet can go round again (its
 * checksum drifts, which nobody looks at). The mark by which later hooks know judged packets has no bits, else uplink ingress would know
 * its own in the next round. First packets are run once each, cold as they are: the baseline runs in the same way
 * between them. Contenders take turns; the smallest of the loops and the median of the single runs count.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "lib/dp/svc_table.h"
#include "lib/nl/link.h"
#include "lib/nl/naddr.h"
#include "lib/nl/route.h"
#include "lib/nl/sysctl.h"
#include "tests/bpf/check.h"
#include "tests/bpf/lab.h"

#define LOOP   200
#define ROUNDS 300
#define SINGLE 4000
#define MANY   100000u

extern const char wr_obj_hash_hit_start[], wr_obj_hash_hit_end[];

static struct {
	int hash_hit;
	double hash_hit_loop;
} base;

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double run_ns(int prog, const struct packet *p, uint32_t ifindex, uint32_t repeat,
		     uint32_t want)
{
	struct __sk_buff ctx = { .ifindex = ifindex, .ingress_ifindex = ifindex };
	union bpf_attr attr = {
		.test.prog_fd = (uint32_t)prog,
		.test.data_in = (uintptr_t)p->b,
		.test.data_size_in = p->len,
		.test.ctx_in = (uintptr_t)&ctx,
		.test.ctx_size_in = sizeof(ctx),
		.test.repeat = repeat,
	};

	if (syscall(__NR_bpf, BPF_PROG_TEST_RUN, &attr, sizeof(attr)) || attr.test.retval != want) {
		fprintf(stderr, "bench_packets: a run ended with %u, not %u\n", attr.test.retval,
			want);
		exit(1);
	}
	return attr.test.duration;
}

static void open_baseline(void)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "hash_hit");
	size_t size = (size_t)(wr_obj_hash_hit_end - wr_obj_hash_hit_start);
	struct bpf_object *obj = bpf_object__open_mem(wr_obj_hash_hit_start, size, &opts);
	struct wr_flow_key key = { .proto = 6 };
	uint64_t value = 1;

	if (!obj || bpf_object__load(obj) ||
	    bpf_map_update_elem(bpf_object__find_map_fd_by_name(obj, "hits"), &key, &value, BPF_ANY)) {
		fputs("bench_packets: the baseline does not load\n", stderr);
		exit(1);
	}
	base.hash_hit = bpf_program__fd(bpf_object__find_program_by_name(obj, "hash_hit"));
}

static struct packet packet_of(const struct lab *lab, const struct shape *s)
{
	struct shape full = shape_full(s);
	struct packet p;

	full.smac = lab_host_mac(6); /* see pod_5_has */
	full.dmac = lab_host_mac(5);
	full.ttl = 255;
	packet_make(&p, &full);
	return p;
}

/*
 * Delivery to pod 6 writes its MACs into the packet, and a loop sends that packet again: pod 5 takes the MAC that it then carries, so
 * that the source check passes every time.
 */
static void pod_5_has(struct lab *lab, const uint8_t *mac)
{
	struct wr_endpoint ep;

	if (wr_endpoint_get(lab->dp, 5, &ep))
		exit(1);
	memcpy(ep.mac, mac, sizeof(ep.mac));
	if (wr_endpoint_put(lab->dp, 5, &ep))
		exit(1);
}

/* What is run, and where. */
struct hook {
	int prog;
	uint32_t ifindex;
};

static struct hook pod_egress(const struct lab *lab)
{
	return (struct hook){ wr_dp_prog_fd(lab->dp, "pod_egress"), lab->pod[5] };
}

static double smallest(double a, double b)
{
	return a < b ? a : b;
}

/* The packet in a loop, in turns with the baselines. */
static double measure_loop(struct hook h, const struct packet *p)
{
	double best = 1e9;
	uint32_t i;

	base.hash_hit_loop = 1e9;
	for (i = 0; i < ROUNDS; i++) {
		base.hash_hit_loop =
			smallest(base.hash_hit_loop, run_ns(base.hash_hit, p, h.ifindex, LOOP, 0));
		best = smallest(best, run_ns(h.prog, p, h.ifindex, LOOP, LAB_REDIRECT));
	}
	return best;
}

/* A new connection each time; *ret_hit is the baseline, as cold. */
static double measure_first(const struct lab *lab, const struct shape *s, double *ret_hit)
{
	static double ours[SINGLE], hash_hit[SINGLE];
	static uint16_t port = 20000; /* none twice */
	int prog = wr_dp_prog_fd(lab->dp, "pod_egress");
	struct shape fresh = *s;
	uint32_t i;

	for (i = 0; i < SINGLE; i++) {
		struct packet p;

		fresh.sport = port++;
		p = packet_of(lab, &fresh);
		hash_hit[i] = run_ns(base.hash_hit, &p, lab->pod[5], 1, 0);
		ours[i] = run_ns(prog, &p, lab->pod[5], 1, LAB_REDIRECT);
	}
	qsort(ours, SINGLE, sizeof(ours[0]), by_value);
	qsort(hash_hit, SINGLE, sizeof(hash_hit[0]), by_value);
	*ret_hit = hash_hit[SINGLE / 2];
	return ours[SINGLE / 2];
}

/* Entries of the originator's side of a translated flow write what is there already. */
static void settle_shard(int fd)
{
	struct wr_flow_key key, next, *at = NULL;
	struct wr_flow flow;

	for (; bpf_map_get_next_key(fd, at, &next) == 0; at = &key) {
		key = next;
		if (bpf_map_lookup_elem(fd, &key, &flow) || !(flow.state & WR_FLOW_TRANSLATED) ||
		    flow.state & WR_FLOW_REPLY_TUPLE)
			continue;
		if (flow.state & WR_FLOW_ORIG_B) {
			flow.new_src = key.b, flow.new_sport = key.port_b;
			flow.new_dst = key.a, flow.new_dport = key.port_a;
		} else {
			flow.new_src = key.a, flow.new_sport = key.port_a;
			flow.new_dst = key.b, flow.new_dport = key.port_b;
		}
		if (bpf_map_update_elem(fd, &key, &flow, BPF_EXIST))
			exit(1);
	}
}

static void settle(const struct lab *lab)
{
	uint32_t i, id;

	for (i = 0; i < LAB_SHARDS; i++) {
		int fd = -1;

		if (bpf_map_lookup_elem(wr_dp_map_fd(lab->dp, WR_MAP_wr_flows), &i, &id) == 0)
			fd = bpf_map_get_fd_by_id(id);
		if (fd < 0)
			exit(1);
		settle_shard(fd);
		close(fd);
	}
}

static void row(const char *name, double value, const char *baseline, double baseline_value,
		double target)
{
	double ratio = value / baseline_value;

	printf("{\"name\":\"%s\",\"value\":%.1f,\"unit\":\"ns\",\"baseline\":\"%s\",\"baseline_value\":%.1f,"
	       "\"ratio\":%.3f,\"target\":\"<= %g\",\"met\":%s}\n",
	       name, value, baseline, baseline_value, ratio, target,
	       ratio <= target ? "true" : "false");
	(void)fflush(stdout);
}

static struct wr_addr address(const char *text)
{
	struct wr_addr a;

	if (wr_addr_parse(text, &a))
		abort();
	return a;
}

/* Service number @i answers on 10.96.0.0/12 + i and fd00:96::i, port 80, from one backend. */
static void put_service(struct wr_svc_table *t, uint32_t i, const char *vip, const char *backend)
{
	struct wr_frontend fe = { .addr = address(vip), .port = htons(80), .proto = IPPROTO_TCP };
	struct wr_svc_backend be = {
		.addr = address(backend), .port = htons(8080), .proto = IPPROTO_TCP, .weight = 1
	};
	struct wr_svc_set set = { .key = i + 1,
				  .id = i + 1,
				  .frontends = &fe,
				  .n_frontends = 1,
				  .backends = &be,
				  .n_backends = 1 };
	struct wr_err err = WR_ERR_INIT;

	if (wr_svc_table_put(t, &set, &err)) {
		fprintf(stderr, "bench_packets: service %u: %s\n", i, err.msg);
		exit(1);
	}
}

static void fill_services(struct wr_svc_table *t, uint32_t n)
{
	char vip[WR_ADDR_STRLEN];
	uint32_t i;

	wr_svc_table_begin(t);
	for (i = 0; i < n; i++) {
		snprintf(vip, sizeof(vip), "10.%u.%u.%u", 100 + i / 62500, i / 250 % 250,
			 i % 250 + 1);
		put_service(t, 100 + i, vip, "10.0.2.9");
	}
	if (wr_svc_table_commit(t, NULL))
		exit(1);
}

static const struct {
	const char *name, *src, *dst, *vip;
} ways[] = {
	{ "IPv4, local pod", "10.0.1.5", "10.0.1.6", "10.96.0.1" },
	{ "IPv4, remote pod", "10.0.1.5", "10.0.2.9", "10.96.0.2" },
	{ "IPv6, local pod", "fd00:1::5", "fd00:1::6", "fd00:96::1" },
	{ "IPv6, remote pod", "fd00:1::5", "fd00:2::9", "fd00:96::2" },
};

static const char hit[] = "one hash hit, 40-byte key";

static struct shape established(struct lab *lab, const char *src, const char *dst, uint16_t sport)
{
	struct shape s = { .src = src, .dst = dst, .sport = sport };

	lab_handshake(lab, &s);
	s.flags = ACK;
	return s;
}

static void bench_way(struct lab *lab, struct wr_svc_table *t, size_t i)
{
	char name[128];
	struct shape s, rewritten;
	struct packet p;
	double ns;

	pod_5_has(lab, lab_pod_mac(5));
	s = established(lab, ways[i].src, ways[i].dst, 1000);
	p = packet_of(lab, &s);
	put_service(t, (uint32_t)i, ways[i].vip, ways[i].dst);
	rewritten = established(lab, ways[i].src, ways[i].vip, 1001);
	pod_5_has(lab, lab_host_mac(6));
	ns = measure_loop(pod_egress(lab), &p);
	snprintf(name, sizeof(name), "established packet, %s", ways[i].name);
	row(name, ns, hit, base.hash_hit_loop, 1.8);
	p = packet_of(lab, &rewritten);
	/* The endpoint's change has it judged anew once, while its entry still says where it really goes. */
	run_ns(wr_dp_prog_fd(lab->dp, "pod_egress"), &p, lab->pod[5], 1, LAB_REDIRECT);
	settle(lab);
	ns = measure_loop(pod_egress(lab), &p);
	snprintf(name, sizeof(name), "established packet, rewritten, %s", ways[i].name);
	row(name, ns, hit, base.hash_hit_loop, 2.6);
}

/* --- a NodePort, from outside */

static void put_node_port(struct wr_svc_table *t, uint32_t key, const char *node, uint16_t port,
			  const char *backend)
{
	struct wr_frontend fe = { .addr = address(node),
				  .port = htons(port),
				  .proto = IPPROTO_TCP,
				  .scope = WR_SCOPE_EXTERNAL };
	struct wr_svc_backend be = {
		.addr = address(backend), .port = htons(8080), .proto = IPPROTO_TCP, .weight = 1
	};
	struct wr_svc_set set = { .key = key,
				  .id = key,
				  .flags = WR_SVC_EXTERNAL,
				  .frontends = &fe,
				  .n_frontends = 1,
				  .backends = &be,
				  .n_backends = 1 };

	if (wr_svc_table_put(t, &set, NULL))
		exit(1);
}

static void expect_redirect(int verdict)
{
	if (verdict == LAB_REDIRECT)
		return;
	fprintf(stderr, "bench_packets: a packet of a handshake ended with %d\n", verdict);
	exit(1);
}

/* The client's handshake through the uplink; the backend answers from its pod, or from its node to ours. */
static void handshake_from_outside(struct lab *lab, struct shape s, bool local)
{
	struct shape back;
	struct seen out;

	s.seq = 100;
	expect_redirect(lab_from_outside(lab, &s));
	out = lab_out(lab);
	back = (struct shape){ .src = out.dst,
			       .dst = out.src,
			       .sport = out.dport,
			       .dport = out.sport,
			       .flags = SYN | ACK,
			       .seq = 500,
			       .ack = 101 };
	expect_redirect(local ? lab_from_pod(lab, &back) : lab_from_outside(lab, &back));
	s.flags = ACK;
	s.seq = 101;
	s.ack = 501;
	expect_redirect(lab_from_outside(lab, &s));
}

static const struct {
	const char *name, *client, *node, *backend;
	bool local;
} doors[] = {
	{ "IPv4, local pod", "198.51.100.9", "192.168.0.1", "10.0.1.6", true },
	{ "IPv4, remote pod", "198.51.100.9", "192.168.0.1", "10.0.2.9", false },
	{ "IPv6, local pod", "2001:db8::9", "fd00:99::1", "fd00:1::6", true },
	{ "IPv6, remote pod", "2001:db8::9", "fd00:99::1", "fd00:2::9", false },
};

static struct packet at_door(struct shape s)
{
	struct packet p;

	s.flags = ACK;
	s.ttl = 255;
	s.smac = lab_router_mac();
	s.dmac = lab_uplink_mac();
	packet_make(&p, &s);
	return p;
}

static void bench_door(struct lab *lab, struct wr_svc_table *t, size_t i)
{
	struct hook uplink = { wr_dp_prog_fd(lab->dp, "uplink_ingress"), lab->uplink };
	uint16_t port = (uint16_t)(30080 + i);
	struct shape s = { .src = doors[i].client, .dst = doors[i].node, .dport = port };
	char name[128];
	struct packet p;

	put_node_port(t, (uint32_t)(50 + i), doors[i].node, port, doors[i].backend);
	handshake_from_outside(lab, s, doors[i].local);
	settle(lab);
	p = at_door(s);
	snprintf(name, sizeof(name), "NodePort packet, established, uplink ingress, %s",
		 doors[i].name);
	row(name, measure_loop(uplink, &p), hit, base.hash_hit_loop, 2.5);
}

/* The host's tables lead to node 2, as they do where a node has several uplinks. */
static void put_route(const struct lab *lab)
{
	struct wr_naddr addr = { .ifindex = lab->uplink };
	struct wr_route route = { .ifindex = lab->uplink, .gateway = address("192.168.0.2") };
	struct wr_nexthop nh = { .kind = WR_NH_STACK };
	wr_auto_nl nl = WR_NL_INIT;
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;

	if (wr_prefix_parse("192.168.0.1/24", &addr.prefix) ||
	    wr_prefix_parse("10.0.2.0/24", &route.dst) || wr_nl_open(&nl))
		exit(1);
	wr_link_set_up(&b, lab->uplink, true);
	wr_naddr_put(&b, &addr);
	wr_route_put(&b, &route);
	if (wr_nl_commit(&nl, &b, NULL) || wr_sysctl_set("ipv4/ip_forward", "1") ||
	    wr_nexthop_put(lab->dp, LAB_NODE2_V4, &nh))
		exit(1);
}

/*
 * By the slow path, packet by packet, with a look at the tables each. Run once each: the slow path reads the flow's rewrite, which a loop
 * would have to falsify.
 */
static void bench_tables(struct lab *lab, struct wr_svc_table *t)
{
	static double ours[SINGLE], hash_hit[SINGLE];
	struct hook uplink = { wr_dp_prog_fd(lab->dp, "uplink_ingress"), lab->uplink };
	struct shape s = { .src = doors[1].client, .dst = doors[1].node, .dport = 30099 };
	struct packet p = at_door(s);
	uint32_t i;

	put_node_port(t, 99, doors[1].node, s.dport, doors[1].backend);
	handshake_from_outside(lab, s, doors[1].local);
	put_route(lab);
	for (i = 0; i < SINGLE; i++) {
		hash_hit[i] = run_ns(base.hash_hit, &p, uplink.ifindex, 1, 0);
		ours[i] = run_ns(uplink.prog, &p, uplink.ifindex, 1, LAB_REDIRECT);
	}
	qsort(ours, SINGLE, sizeof(ours[0]), by_value);
	qsort(hash_hit, SINGLE, sizeof(hash_hit[0]), by_value);
	row("NodePort packet, established, way by the host's tables (baseline run once as well)",
	    ours[SINGLE / 2], hit, hash_hit[SINGLE / 2], 18);
}

/* --- policy of both ends */

enum rulesets {
	EGRESS_OF_5 = 1,
	INGRESS_OF_6,
};

/* Rules about others, of which there are any number, beside those that let pod 5 talk to pod 6. */
static void put_rules(struct lab *lab, uint32_t from, uint32_t n)
{
	uint32_t i;

	for (i = from; i < n; i++) {
		lab_allow(lab, EGRESS_OF_5, WR_DIR_EGRESS, 100 + i, IPPROTO_TCP, 8080, i + 1);
		lab_allow(lab, INGRESS_OF_6, WR_DIR_INGRESS, 100 + i, IPPROTO_TCP, 8080, i + 1);
	}
}

static void allow_5_to_6(struct lab *lab)
{
	lab_allow(lab, EGRESS_OF_5, WR_DIR_EGRESS, LAB_DB, IPPROTO_TCP, 0, 1);
	lab_allow(lab, INGRESS_OF_6, WR_DIR_INGRESS, LAB_WEB, IPPROTO_TCP, 0, 1);
}

static void set_policy(struct lab *lab, bool on)
{
	lab_policy(lab, 5, on ? EGRESS_OF_5 | WR_RULES_EGRESS : 0);
	lab_policy(lab, 6, on ? INGRESS_OF_6 | WR_RULES_INGRESS : 0);
}

/* On and off in turns; after each change a packet of the flow is judged again, which does not count. */
static void bench_policy(struct lab *lab, const struct packet *p)
{
	struct hook h = pod_egress(lab);
	double best[2] = { 1e9, 1e9 };
	uint32_t i;

	for (i = 0; i < 2 * ROUNDS; i++) {
		set_policy(lab, i & 1);
		run_ns(h.prog, p, h.ifindex, 1, LAB_REDIRECT);
		best[i & 1] = smallest(best[i & 1], run_ns(h.prog, p, h.ifindex, LOOP, LAB_REDIRECT));
	}
	row("established packet, policy on", best[1], "policy off", best[0], 1.02);
}

static void bench_first(struct lab *lab)
{
	static const char once[] = "one hash hit, run once as well";
	struct shape s = { .src = "10.0.1.5", .dst = "10.96.0.1", .flags = SYN };
	double ten, many, first_hit;

	ten = measure_first(lab, &s, &first_hit);
	row("first packet of a flow through a service", ten, once, first_hit, 18);
	put_rules(lab, 0, 9);
	set_policy(lab, true);
	ten = measure_first(lab, &s, &first_hit);
	row("first packet, service, policy of both ends, 10 rules", ten, once, first_hit, 18);
	put_rules(lab, 9, 9999);
	many = measure_first(lab, &s, &first_hit);
	row("first packet, service, policy of both ends, 10,000 rules", many, once, first_hit, 18);
	row("first packet, 10,000 rules instead of 10", many, "itself with 10", ten, 1.1);
	set_policy(lab, false);
}

int main(void)
{
	struct wr_dp_options opt;
	struct wr_svc_table *t;
	struct wr_err err = WR_ERR_INIT;
	struct packet p;
	struct lab *lab;
	void *state = NULL;
	struct shape s;
	double ten, many;
	size_t i;

	lab_enter(&state);
	open_baseline();
	opt = lab_options(0);
	opt.sizes[WR_MAP_wr_frontends] = opt.sizes[WR_MAP_wr_services] = 2 * MANY;
	opt.sizes[WR_MAP_wr_slots] = opt.sizes[WR_MAP_wr_backends] = 2 * MANY;
	opt.sizes[WR_MAP_wr_rules] = 32768;
	opt.config.mark = 0;
	lab = lab_open_with(&opt);
	if (wr_svc_table_open(lab->dp, &t, &err)) {
		fprintf(stderr, "bench_packets: %s\n", err.msg);
		return 1;
	}
	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		bench_way(lab, t, i);
	for (i = 0; i < sizeof(doors) / sizeof(doors[0]); i++)
		bench_door(lab, t, i);
	bench_tables(lab, t);
	s = (struct shape){ .src = "10.0.1.5", .dst = "10.0.1.6", .flags = ACK };
	p = packet_of(lab, &s);
	allow_5_to_6(lab);
	bench_policy(lab, &p);
	set_policy(lab, false);
	bench_first(lab);
	fill_services(t, 10);
	ten = measure_loop(pod_egress(lab), &p);
	fill_services(t, MANY);
	many = measure_loop(pod_egress(lab), &p);
	row("established packet, 100,000 services", many, "itself with 10", ten, 1.1);
	wr_svc_table_close(t);
	lab_close(lab);
	lab_leave(&state);
	return 0;
}
