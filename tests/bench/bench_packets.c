/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a packet costs in pod egress, beside a program with one hash hit and a 40-byte key, as JSON lines for tests/bench/run.
 *
 * BPF_PROG_TEST_RUN keeps what a run has changed, so a packet is run at most 200 times from a TTL of 255, and one that is rewritten only
 * once a call. A single run carries the cost of the clock; an empty program run the same way tells how much, and the
 * difference to its cost in a long loop is taken off. Contenders take turns; the smallest of the long loops and the median
 * of the single runs count.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <sys/syscall.h>

#include "lib/base/mem.h"
#include "lib/dp/svc_table.h"
#include "tests/bpf/check.h"
#include "tests/bpf/lab.h"

#define LOOP   200
#define ROUNDS 300
#define SINGLE 4000
#define MANY   100000u

extern const char wr_obj_hash_hit_start[], wr_obj_hash_hit_end[];

static struct {
	int nothing, hash_hit;
	double nothing_loop, nothing_single, hash_hit_loop;
} base;

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double run_ns(int prog, const struct packet *p, uint32_t ifindex, uint32_t repeat, uint32_t want)
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
		fprintf(stderr, "bench_packets: a run ended with %u, not %u\n", attr.test.retval, want);
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
	base.nothing = bpf_program__fd(bpf_object__find_program_by_name(obj, "nothing"));
	base.hash_hit = bpf_program__fd(bpf_object__find_program_by_name(obj, "hash_hit"));
}

static struct packet packet_of(const struct lab *lab, const struct shape *s)
{
	struct shape full = shape_full(s);
	struct packet p;

	full.smac = lab_pod_mac(5);
	full.dmac = lab_host_mac(5);
	full.ttl = 255;
	packet_make(&p, &full);
	return p;
}

static double smallest(double a, double b)
{
	return a < b ? a : b;
}

/* The packet in a loop, in turns with the baselines. */
static double measure_loop(const struct lab *lab, const struct packet *p)
{
	int prog = wr_dp_prog_fd(lab->dp, "pod_egress");
	double best = 1e9;
	uint32_t i;

	base.nothing_loop = base.hash_hit_loop = 1e9;
	for (i = 0; i < ROUNDS; i++) {
		base.nothing_loop = smallest(base.nothing_loop, run_ns(base.nothing, p, lab->pod[5], LOOP, 0));
		base.hash_hit_loop = smallest(base.hash_hit_loop, run_ns(base.hash_hit, p, lab->pod[5], LOOP, 0));
		best = smallest(best, run_ns(prog, p, lab->pod[5], LOOP, LAB_REDIRECT));
	}
	return best;
}

/* @make gives the packet of each turn. */
static double measure_single(const struct lab *lab, struct packet (*make)(const struct lab *, const struct shape *, uint32_t),
			     const struct shape *s)
{
	static double ours[SINGLE], nothing[SINGLE];
	int prog = wr_dp_prog_fd(lab->dp, "pod_egress");
	uint32_t i;

	for (i = 0; i < SINGLE; i++) {
		struct packet p = make(lab, s, i);

		nothing[i] = run_ns(base.nothing, &p, lab->pod[5], 1, 0);
		ours[i] = run_ns(prog, &p, lab->pod[5], 1, LAB_REDIRECT);
	}
	qsort(ours, SINGLE, sizeof(ours[0]), by_value);
	qsort(nothing, SINGLE, sizeof(nothing[0]), by_value);
	return ours[SINGLE / 2] - nothing[SINGLE / 2] + base.nothing_loop;
}

static struct packet same(const struct lab *lab, const struct shape *s, uint32_t i)
{
	return packet_of(lab, s);
}

static struct packet new_connection(const struct lab *lab, const struct shape *s, uint32_t i)
{
	struct shape fresh = *s;

	fresh.sport = (uint16_t)(20000 + i);
	return packet_of(lab, &fresh);
}

static void row(const char *name, double value, const char *baseline, double baseline_value, double target)
{
	double ratio = value / baseline_value;

	printf("{\"name\":\"%s\",\"value\":%.1f,\"unit\":\"ns\",\"baseline\":\"%s\",\"baseline_value\":%.1f,"
	       "\"ratio\":%.3f,\"target\":\"<= %g\",\"met\":%s}\n",
	       name, value, baseline, baseline_value, ratio, target, ratio <= target ? "true" : "false");
	fflush(stdout);
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
	struct wr_svc_backend be = { .addr = address(backend), .port = htons(80), .proto = IPPROTO_TCP, .weight = 1 };
	struct wr_svc_set set = { .key = i + 1, .id = i + 1, .frontends = &fe, .n_frontends = 1,
				  .backends = &be, .n_backends = 1 };
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
		snprintf(vip, sizeof(vip), "10.%u.%u.%u", 100 + i / 62500, i / 250 % 250, i % 250 + 1);
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

static struct shape established(struct lab *lab, const char *src, const char *dst)
{
	struct shape s = { .src = src, .dst = dst };

	lab_handshake(lab, &s);
	s.flags = ACK;
	return s;
}

/* The backend's answers make the connection through the service an established one. */
static struct shape established_service(struct lab *lab, const char *src, const char *vip, const char *backend)
{
	struct shape s = { .src = src, .dst = vip, .flags = SYN, .seq = 1 };
	struct shape back = { .src = backend, .dst = src, .sport = 80, .dport = 1000, .flags = SYN | ACK,
			      .seq = 9, .ack = 2 };

	lab_from_pod(lab, &s);
	if (backend[strlen(backend) - 1] == '9')
		lab_from_outside(lab, &back);
	else
		lab_from_pod(lab, &back);
	s.flags = ACK;
	s.seq = 2;
	s.ack = 10;
	lab_from_pod(lab, &s);
	return s;
}

static void bench_way(struct lab *lab, struct wr_svc_table *t, size_t i)
{
	char name[128];
	struct shape s = established(lab, ways[i].src, ways[i].dst);
	struct packet p = packet_of(lab, &s);
	double ns = measure_loop(lab, &p);

	snprintf(name, sizeof(name), "established packet, %s", ways[i].name);
	row(name, ns, hit, base.hash_hit_loop, 1.8);
	put_service(t, (uint32_t)i, ways[i].vip, ways[i].dst);
	s = established_service(lab, ways[i].src, ways[i].vip, ways[i].dst);
	ns = measure_single(lab, same, &s);
	snprintf(name, sizeof(name), "established packet, rewritten, %s", ways[i].name);
	row(name, ns, hit, base.hash_hit_loop, 2.6);
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
	lab = lab_open_with(&opt);
	if (wr_svc_table_open(lab->dp, &t, &err)) {
		fprintf(stderr, "bench_packets: %s\n", err.msg);
		return 1;
	}
	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		bench_way(lab, t, i);
	s = (struct shape){ .src = "10.0.1.5", .dst = "10.96.0.1", .flags = SYN };
	row("first packet of a flow through a service", measure_single(lab, new_connection, &s), hit,
	    base.hash_hit_loop, 18);
	fill_services(t, 10);
	s = established(lab, "10.0.1.5", "10.0.1.7");
	p = packet_of(lab, &s);
	ten = measure_loop(lab, &p);
	fill_services(t, MANY);
	many = measure_loop(lab, &p);
	row("established packet, 100,000 services", many, "itself with 10", ten, 1.1);
	wr_svc_table_close(t);
	lab_close(lab);
	lab_leave(&state);
	return 0;
}
