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

static struct wr_dp *load(void)
{
	struct wr_dp_options opt = { .config = { .hz = 250, .flow_shards = 1 } };
	struct wr_err err = WR_ERR_INIT;
	struct wr_dp *dp;

	opt.sizes[WR_MAP_wr_flows] = opt.sizes[WR_MAP_wr_new_flows] = 4096;
	if (wr_dp_load(&opt, &dp, &err) < 0)
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
		cmocka_unit_test(the_programs_answer_as_the_model_after_every_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
