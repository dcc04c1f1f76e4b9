/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What services cost at the socket: connecting through a ClusterIP beside connecting to its backend, and how that
 * depends on the number of services. On loopback, in a network namespace of its own and the cgroup that tests/e2e/sandbox
 * has made. One JSON object a line.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/io.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/dp/dp.h"
#include "lib/dp/svc_table.h"
#include "lib/dp/tables.h"

#define PINS    "/sys/fs/bpf/bench-sock"
#define CHUNKS  41
#define CHUNK   500
#define SAMPLES (CHUNKS * CHUNK)
#define BATCH   20 /* connects that are timed together */

#define CHUNKS_P50 20
#define CHUNK_P50  250
#define CHUNK_P99  495

struct bench {
	struct wr_dp *dp;
	struct wr_svc_table *table;
	uint32_t services;
	struct sockaddr_in backend;
	int listener;
};

struct result {
	double p50, p99;
};

static void fail(const char *what, int code)
{
	fprintf(stderr, "bench_sock: %s: %s\n", what, strerror(-code));
	exit(1);
}

static void need(bool ok, const char *what)
{
	if (!ok)
		fail(what, -errno);
}

static void print(const char *name, const char *baseline, double value, double base, double target)
{
	printf("{\"name\":\"%s\",\"value\":%.3f,\"unit\":\"us\",\"baseline\":\"%s\",", name, value,
	       baseline);
	printf("\"baseline_value\":%.3f,\"ratio\":%.3f,\"target\":\"<= %g\",\"met\":%s}\n", base,
	       value / base, target, value / base <= target ? "true" : "false");
}

/* Service number @i: 10.96.0.0 + i, port 80. */
static struct sockaddr_in service_name(uint32_t i)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(80) };

	in.sin_addr.s_addr = htonl(0x0a600000u + i);
	return in;
}

static void put_service(struct bench *b, uint32_t i)
{
	struct sockaddr_in name = service_name(i);
	struct wr_frontend fes[2] = {
		{ .addr = wr_addr_from4(name.sin_addr), .port = name.sin_port, .proto = IPPROTO_TCP },
		{ .addr = wr_addr_from4(name.sin_addr), .port = name.sin_port, .proto = IPPROTO_UDP },
	};
	struct wr_svc_backend be = { .addr = wr_addr_from4(b->backend.sin_addr),
				     .port = b->backend.sin_port,
				     .weight = 1 };
	struct wr_svc_set set = { .id = i + 1, .n_frontends = 1, .backends = &be, .n_backends = 1 };
	struct wr_err err = WR_ERR_INIT;
	size_t k;
	int r;

	for (k = 0; k < 2; k++) {
		be.proto = fes[k].proto;
		set.key = 2ull * i + k;
		set.frontends = &fes[k];
		r = wr_svc_table_put(b->table, &set, &err);
		if (r < 0)
			fail(err.msg, r);
	}
}

static void grow(struct bench *b, uint32_t n)
{
	struct wr_err err = WR_ERR_INIT;

	wr_svc_table_begin(b->table);
	while (b->services < n)
		put_service(b, b->services++);
	if (wr_svc_table_commit(b->table, &err) < 0)
		fail(err.msg, err.code);
}

static int cmp(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Of chunks, the median of each one's p50 and p99: neighbours on the machine come and go. */
static struct result result_of(uint64_t *ns, double each)
{
	uint64_t p50[CHUNKS], p99[CHUNKS];
	size_t i;

	for (i = 0; i < CHUNKS; i++) {
		qsort(ns + i * CHUNK, CHUNK, sizeof(*ns), cmp);
		p50[i] = ns[i * CHUNK + CHUNK_P50];
		p99[i] = ns[i * CHUNK + CHUNK_P99];
	}
	qsort(p50, CHUNKS, sizeof(*p50), cmp);
	qsort(p99, CHUNKS, sizeof(*p99), cmp);
	return (struct result){ (double)p50[CHUNKS_P50] / each / 1e3,
				(double)p99[CHUNKS_P50] / each / 1e3 };
}

/* connect() of a UDP socket: the hook, the route and nothing else. */
static struct result udp_connect(const struct sockaddr_in *to)
{
	wr_autofree uint64_t *ns = wr_xcalloc(SAMPLES, sizeof(*ns));
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint64_t start;
	size_t i, k;

	for (i = 0; i < SAMPLES; i++) {
		start = wr_now_ns();
		for (k = 0; k < BATCH; k++)
			need(!connect(fd, (const void *)to, sizeof(*to)), "connect");
		ns[i] = wr_now_ns() - start;
	}
	close(fd);
	return result_of(ns, BATCH);
}

/* connect() of a TCP socket to a listener on this processor, through the handshake. */
static uint64_t tcp_once(const struct bench *b, const struct sockaddr_in *to)
{
	const struct linger reset = { .l_onoff = 1 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), peer;
	uint64_t start = wr_now_ns(), ns;

	need(!connect(fd, (const void *)to, sizeof(*to)), "connect");
	ns = wr_now_ns() - start;
	peer = accept4(b->listener, NULL, NULL, SOCK_CLOEXEC);
	need(peer >= 0, "accept");
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(fd);
	close(peer);
	return ns;
}

/* Turn by turn, so that both see the same machine. */
static void tcp_connect(const struct bench *b, const struct sockaddr_in *to,
			struct result *ret_service, struct result *ret_direct)
{
	wr_autofree uint64_t *service = wr_xcalloc(SAMPLES, sizeof(*service));
	wr_autofree uint64_t *direct = wr_xcalloc(SAMPLES, sizeof(*direct));
	size_t i;

	for (i = 0; i < SAMPLES; i++) {
		service[i] = tcp_once(b, to);
		direct[i] = tcp_once(b, &b->backend);
	}
	*ret_service = result_of(service, 1);
	*ret_direct = result_of(direct, 1);
}

static double bench_udp(struct bench *b, uint32_t n, double at_ten)
{
	struct sockaddr_in last = service_name(n - 1);
	struct result r;
	char name[80];

	grow(b, n);
	r = udp_connect(&last);
	at_ten = at_ten > 0 ? at_ten : r.p50;
	snprintf(name, sizeof(name), "ClusterIP connect (UDP) to the last of %u services", n);
	print(name, "itself at 10", r.p50, at_ten, 1.1);
	return at_ten;
}

static void bench_tcp(struct bench *b, uint32_t n)
{
	struct sockaddr_in last = service_name(n - 1);
	struct result service, direct;
	char name[80];

	grow(b, n);
	tcp_connect(b, &last, &service, &direct);
	snprintf(name, sizeof(name), "TCP connect to the last of %u services, p50", n);
	print(name, "the same without a service", service.p50, direct.p50, 1.15);
	snprintf(name, sizeof(name), "TCP connect to the last of %u services, p99", n);
	print(name, "the same without a service", service.p99, direct.p99, 1.3);
}

static void enter(const char *cgroup)
{
	wr_autofree char *procs = wr_xasprintf("%s/cgroup.procs", cgroup);
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	wr_autofd int fd = -1;
	int r = wr_write_string(procs, "0");

	if (r < 0)
		fail(procs, r);
	need(!unshare(CLONE_NEWNET), "unshare");
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	need(fd >= 0 && !ioctl(fd, SIOCSIFFLAGS, &ifr), "lo up");
}

static void listen_there(struct bench *b)
{
	socklen_t size = sizeof(b->backend);

	b->backend.sin_family = AF_INET;
	b->backend.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	b->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	need(!bind(b->listener, (void *)&b->backend, size), "bind");
	need(!listen(b->listener, 16), "listen");
	need(!getsockname(b->listener, (void *)&b->backend, &size), "getsockname");
}

static void load(struct bench *b, const char *cgroup)
{
	struct wr_dp_options opt = {
		.pins = PINS,
		.config = { .switches = WR_SW_IPV4 | WR_SW_IPV6 | WR_SW_SOCKET_LB | WR_SW_NODEPORT,
			    .hz = 250,
			    .flow_shards = 1 },
	};
	struct wr_err err = WR_ERR_INIT;
	int r;

	opt.sizes[WR_MAP_wr_flows] = opt.sizes[WR_MAP_wr_new_flows] = 4096;
	opt.sizes[WR_MAP_wr_frontends] = opt.sizes[WR_MAP_wr_services] = 262144;
	opt.sizes[WR_MAP_wr_slots] = 524288;
	r = wr_dp_load(&opt, &b->dp, &err);
	if (r == 0)
		r = wr_svc_table_open(b->dp, &b->table, &err);
	if (r == 0)
		r = wr_dp_attach_cgroup(b->dp, cgroup, &err);
	if (r < 0)
		fail(err.msg, r);
}

int main(void)
{
	const char *cgroup = getenv("WR_CGROUP");
	struct wr_err err = WR_ERR_INIT;
	struct bench b = { 0 };
	double at_ten;

	if (!cgroup) {
		fprintf(stderr, "bench_sock: run me by tests/bench/run or tests/e2e/sandbox\n");
		return 2;
	}
	enter(cgroup);
	listen_there(&b);
	load(&b, cgroup);
	at_ten = bench_udp(&b, 10, 0);
	bench_udp(&b, 1000, at_ten);
	bench_udp(&b, 10000, at_ten);
	bench_tcp(&b, 10000);
	bench_udp(&b, 100000, at_ten);
	wr_svc_table_close(b.table);
	wr_dp_close(b.dp);
	if (wr_dp_uninstall(PINS, &err) < 0)
		fail(err.msg, err.code);
	return 0;
}
