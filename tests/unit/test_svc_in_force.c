/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The model against what the loaded programs answer: random changes go through agent/svc and lib/dp/svc_table into real
 * maps, and after each one every question is put to the program lb_lookup. Now and then the agent is replaced. WR_SEED=N
 * replays a run, which is printed when it fails.
 */
#include "tests/unit/check.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "bpf/abi/reason.h"
#include "lib/base/clock.h"
#include "lib/base/str.h"
#include "lib/dp/load.h"
#include "lib/dp/tables.h"
#include "tests/unit/svc_model.h"
#include "tests/unit/svc_world.h"

#define RUNS     6
#define STEPS    40
#define MAX_SEEN 64

static const struct wr_svc_options options = { .node = "here", .localhost_node_ports = true };

struct run {
	struct wr_dp *dp;
	struct wr_svc_table *table;
	struct world *world;
	struct model model;
	uint64_t seed, now_ms;
	int step;
};

/* The one object that declares all maps of services and takes no time to verify. */
static struct wr_dp *load(void)
{
	struct wr_dp_options opt = { .config = { .hz = 250, .flow_shards = 1 } };
	struct wr_err err = WR_ERR_INIT;
	struct wr_dp *dp;
	size_t i;

	opt.sizes[WR_MAP_wr_flows] = opt.sizes[WR_MAP_wr_new_flows] = 4096;
	for (i = 0; strcmp(wr_bpf_objects[i].name, "lb_lookup") != 0; i++)
		assert_true(i + 1 < wr_bpf_objects_n);
	if (wr_dp_load_objects(&opt, &wr_bpf_objects[i], 1, &dp, &err) < 0)
		fail_msg("%s", err.msg);
	return dp;
}

static void set_addresses(struct run *r)
{
	const char *v[MODEL_OWN];
	size_t i, n = 0;

	for (i = 0; i < MODEL_OWN; i++)
		if (r->model.own[i])
			v[n++] = model_own[i];
	world_addresses(r->world, v, n);
}

static struct wr_lb_query query(const char *question, bool in_range)
{
	struct wr_lb_query q = { 0 };
	char addr[64], proto[16];
	unsigned int port;
	bool outside = wr_has_prefix(question, "outside "), six;

	assert_int_equal(sscanf(question + (outside ? 8 : 0), "%63s %u %15s", addr, &port, proto), 3);
	six = strchr(addr, ':');
	assert_int_equal(wr_addr_parse(addr, &q.dst), 0);
	assert_int_equal(wr_proto_parse(proto, &q.proto), 0);
	assert_int_equal(wr_addr_parse(in_range ? six ? "2001:db8:1::7" : "198.51.100.7" :
				       six      ? "2001:db8:2::7" :
						  "198.51.101.7",
				       &q.src),
			 0);
	q.dport = htons((uint16_t)port);
	q.scope = outside ? WR_SCOPE_EXTERNAL : WR_SCOPE_ANY;
	return q;
}

static const char *reason_word(const struct wr_lb_answer *a)
{
	switch (a->reason) {
	case WR_REASON_NONE:
		return "left alone";
	case WR_REASON_NO_BACKEND:
		return "none";
	case WR_REASON_NO_LOCAL_BACKEND:
		return "none here";
	case WR_REASON_UNKNOWN_PORT:
		return "refused";
	case WR_REASON_SOURCE_RANGE:
		return "not in range";
	default:
		return "another reason";
	}
}

struct seen {
	struct wr_addr addr;
	uint16_t port;
};

static int cmp_seen(const void *a, const void *b)
{
	const struct seen *x = a, *y = b;
	int cmp = wr_addr_cmp(&x->addr, &y->addr);

	return cmp ? cmp : (int)x->port - (int)y->port;
}

static void note(struct seen *all, size_t *n, const struct wr_lb_answer *a)
{
	struct seen s = { a->addr, ntohs(a->port) };
	size_t i;

	for (i = 0; i < *n; i++)
		if (!cmp_seen(&all[i], &s))
			return;
	assert_true(*n < MAX_SEEN);
	all[(*n)++] = s;
}

static void write_seen(struct seen *all, size_t n, struct wr_strbuf *ret)
{
	char buf[WR_ADDR_STRLEN];
	bool six;
	size_t i;

	qsort(all, n, sizeof(*all), cmp_seen);
	for (i = 0; i < n; i++) {
		six = !wr_addr_is4(&all[i].addr);
		wr_strbuf_addf(ret, "%s%s%s%s:%u", i ? " " : "", six ? "[" : "",
			       wr_addr_format(&all[i].addr, buf), six ? "]" : "", all[i].port);
	}
}

/* Every backend that the program gives in so many asks. */
static void ask(const struct run *r, const struct wr_lb_query *q, size_t times, struct wr_strbuf *ret)
{
	struct seen all[MAX_SEEN];
	struct wr_lb_answer a;
	size_t n = 0;

	wr_strbuf_reset(ret);
	while (times--) {
		assert_int_equal(wr_lb_lookup(r->dp, q, &a), 0);
		if (!a.backend) {
			wr_strbuf_addstr(ret, reason_word(&a));
			return;
		}
		note(all, &n, &a);
	}
	write_seen(all, n, ret);
}

/* What the model says of more than a lookup can show is cut off. Returns the number of source ranges, -1: none. */
static int simplify(struct wr_strbuf *want)
{
	const char *ranges = strstr(want->buf, "; ranges ");
	int n = ranges ? ranges[9] - '0' : -1;
	char *text = wr_strbuf_take(want, NULL), *p;

	text[strcspn(text, ";")] = '\0';
	for (p = text; *p; p++)
		if (*p != '~')
			wr_strbuf_addch(want, *p);
	if (!strcmp(text, "-") || !strcmp(text, "untranslated")) {
		wr_strbuf_reset(want);
		wr_strbuf_addstr(want, "left alone");
	}
	free(text);
	return n;
}

static size_t words(const char *s)
{
	size_t n = 1;

	while ((s = strchr(s, ' '))) {
		s++;
		n++;
	}
	return n;
}

static void expect(const struct run *r, const char *question, bool in_range, const char *want)
{
	struct wr_lb_query q = query(question, in_range);
	wr_auto_strbuf got = WR_STRBUF_INIT, yaml = WR_STRBUF_INIT;

	/* Of n backends one is missed with a probability of n * e^-40. */
	ask(r, &q, words(want) * 40, &got);
	if (!strcmp(got.buf, want))
		return;
	model_dump(&r->model, &yaml);
	fprintf(stderr, "%s\n", yaml.buf);
	fail_msg("WR_SEED=%llu step %d: %s: the model says \"%s\", not \"%s\"",
		 (unsigned long long)r->seed, r->step, question, want, got.buf);
}

static void compare(const struct run *r)
{
	wr_auto_strbuf want = WR_STRBUF_INIT;
	const char *question;
	char buf[96];
	size_t i;
	int ranges;

	for (i = 0; (question = model_question(i, buf)); i++) {
		model_answer(&r->model, question, &want);
		ranges = simplify(&want);
		expect(r, question, true, ranges == 0 ? "not in range" : want.buf);
		if (ranges >= 0)
			expect(r, question, false, "not in range");
	}
}

/* The old one dies; the new one finds the maps as they are, puts what it reads, and removes the rest. */
static void replace_agent(struct run *r)
{
	struct wr_err err = WR_ERR_INIT;

	wr_svc_table_close(r->table);
	if (wr_svc_table_open(r->dp, &r->table, &err) < 0)
		fail_msg("%s", err.msg);
	world_attach(r->world, r->table);
	world_restart(r->world, &options);
	compare(r);
	set_addresses(r);
	world_settle(r->world);
	compare(r);
	wr_svc_table_prune(r->table);
	compare(r);
}

static void step(struct run *r)
{
	wr_auto_strbuf yaml = WR_STRBUF_INIT;
	struct model_change c;

	model_step(&r->model, &yaml, &c);
	if (c.addresses)
		set_addresses(r);
	else if (c.deleted)
		world_del(r->world, c.kind, c.ns, c.name);
	else
		world_apply(r->world, yaml.buf);
	compare(r);
	r->now_ms += 700;
	wr_svc_table_tick(r->table, r->now_ms);
}

static void one_run(struct wr_dp *dp, uint64_t seed)
{
	struct run r = { .dp = dp, .seed = seed, .now_ms = wr_now_ms() };
	struct wr_svc_table_stats stats;
	struct wr_err err = WR_ERR_INIT;

	model_init(&r.model, seed);
	r.world = world_new(&options);
	if (wr_svc_table_open(dp, &r.table, &err) < 0)
		fail_msg("%s", err.msg);
	world_attach(r.world, r.table);
	for (r.step = 0; r.step < STEPS; r.step++) {
		step(&r);
		if (r.step % 13 == 12)
			replace_agent(&r);
	}
	world_free(r.world);
	wr_svc_table_close(r.table);
	/* An agent that finds no service at all. */
	assert_int_equal(wr_svc_table_open(dp, &r.table, &err), 0);
	wr_svc_table_prune(r.table);
	wr_svc_table_get_stats(r.table, &stats);
	assert_int_equal(stats.frontends, 0);
	wr_svc_table_close(r.table);
}

/* One service of TCP port 80 and UDP port 53 with one endpoint, whose conditions are @conditions; NULL: none at all. */
static void one_endpoint(struct world *w, const char *conditions)
{
	wr_auto_strbuf ep = WR_STRBUF_INIT;

	if (conditions)
		wr_strbuf_addf(&ep, "{addresses: [10.1.0.1], conditions: {%s}}", conditions);
	world_slice(w, "web-1", "web",
		    "{name: t, port: 8080}, {name: u, port: 5353, protocol: UDP}", ep.buf);
}

struct backends {
	struct wr_dp *dp;
	struct wr_svc_table *table;
	struct world *world;
	uint32_t tcp, udp; /* numbers */
	struct wr_backend tcp_was, udp_was;
};

static struct wr_backend backend(const struct backends *b, uint32_t number)
{
	struct wr_backend be;

	assert_int_equal(wr_backend_get(b->dp, number, &be), 0);
	return be;
}

static uint32_t number_of(const struct backends *b, const char *question)
{
	struct wr_lb_query q = query(question, true);
	struct wr_lb_answer a;

	assert_int_equal(wr_lb_lookup(b->dp, &q, &a), 0);
	return a.backend;
}

static int one_service(void **state)
{
	struct backends *b = wr_xcalloc(1, sizeof(*b));

	b->dp = load();
	b->world = world_new(&options);
	assert_int_equal(wr_svc_table_open(b->dp, &b->table, NULL), 0);
	world_attach(b->world, b->table);
	world_service(b->world, "web",
		      "clusterIP: 10.96.0.1, ports: [{name: t, port: 80}, "
		      "{name: u, port: 53, protocol: UDP}]",
		      NULL);
	one_endpoint(b->world, "ready: true");
	b->tcp = number_of(b, "10.96.0.1 80 TCP");
	b->udp = number_of(b, "10.96.0.1 53 UDP");
	b->tcp_was = backend(b, b->tcp);
	b->udp_was = backend(b, b->udp);
	assert_int_equal(b->tcp_was.state, WR_BACKEND_ACTIVE);
	*state = b;
	return 0;
}

static int no_service(void **state)
{
	struct backends *b = *state;

	world_free(b->world);
	wr_svc_table_close(b->table);
	wr_dp_close(b->dp);
	free(b);
	return 0;
}

static void assert_kept(const struct backends *b, uint32_t number, const struct wr_backend *was,
			uint8_t state)
{
	struct wr_backend be = backend(b, number);

	assert_int_equal(be.state, state);
	assert_int_equal(be.gen, was->gen);
}

static void assert_left(const struct backends *b, uint32_t number, const struct wr_backend *was)
{
	struct wr_backend be = backend(b, number);

	assert_int_equal(be.state, WR_BACKEND_FREE);
	assert_true(be.gen > was->gen);
}

static void tcp_flows_keep_a_backend_that_is_not_ready_for_a_while(void **state)
{
	struct backends *b = *state;

	one_endpoint(b->world, "ready: false");
	assert_int_equal(number_of(b, "10.96.0.1 80 TCP"), 0);
	assert_kept(b, b->tcp, &b->tcp_was, WR_BACKEND_TERMINATING);
	one_endpoint(b->world, "ready: true");
	assert_int_equal(number_of(b, "10.96.0.1 80 TCP"), b->tcp);
	assert_kept(b, b->tcp, &b->tcp_was, WR_BACKEND_ACTIVE);
}

static void udp_flows_leave_a_backend_that_is_not_ready(void **state)
{
	struct backends *b = *state;

	one_endpoint(b->world, "ready: false");
	assert_left(b, b->udp, &b->udp_was);
}

static void flows_finish_with_a_terminating_backend(void **state)
{
	struct backends *b = *state;

	world_slice(b->world, "web-2", "web",
		    "{name: t, port: 8080}, {name: u, port: 5353, protocol: UDP}",
		    "{addresses: [10.1.0.2]}");
	one_endpoint(b->world, "ready: false, serving: true, terminating: true");
	assert_int_not_equal(number_of(b, "10.96.0.1 80 TCP"), b->tcp);
	assert_kept(b, b->tcp, &b->tcp_was, WR_BACKEND_TERMINATING);
	assert_kept(b, b->udp, &b->udp_was, WR_BACKEND_TERMINATING);
}

static void flows_notice_a_backend_that_is_gone(void **state)
{
	struct backends *b = *state;

	one_endpoint(b->world, NULL);
	assert_left(b, b->tcp, &b->tcp_was);
	assert_left(b, b->udp, &b->udp_was);
}

static void flows_notice_a_service_that_is_gone(void **state)
{
	struct backends *b = *state;

	world_del(b->world, WR_KIND_SERVICE, "default", "web");
	assert_left(b, b->tcp, &b->tcp_was);
	assert_left(b, b->udp, &b->udp_was);
}

static void the_programs_answer_as_the_model_after_every_change(void **state)
{
	const char *text = getenv("WR_SEED");
	uint64_t seed = wr_real_ms(), i;
	struct wr_dp *dp = load();

	if (text)
		assert_int_equal(wr_parse_u64(text, UINT64_MAX, &seed), 0);
	for (i = 0; i < (text ? 1 : RUNS); i++)
		one_run(dp, seed + i);
	wr_dp_close(dp);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, one_service, no_service)
		TEST(tcp_flows_keep_a_backend_that_is_not_ready_for_a_while),
		TEST(udp_flows_leave_a_backend_that_is_not_ready),
		TEST(flows_finish_with_a_terminating_backend),
		TEST(flows_notice_a_backend_that_is_gone),
		TEST(flows_notice_a_service_that_is_gone),
		cmocka_unit_test(the_programs_answer_as_the_model_after_every_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
