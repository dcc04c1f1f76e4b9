/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent/svc against the model: after each of many random changes, every question has the same answer. WR_SEED=N replays
 * one run, which is printed when it fails.
 */
#include "tests/unit/check.h"

#include <stdio.h>

#include "lib/base/clock.h"
#include "lib/base/str.h"
#include "tests/unit/svc_model.h"
#include "tests/unit/svc_world.h"

#define RUNS  25
#define STEPS 60

static const struct wr_svc_options options = { .node = "here", .localhost_node_ports = true };

static void set_addresses(struct world *w, const struct model *m)
{
	const char *v[MODEL_OWN];
	size_t i, n = 0;

	for (i = 0; i < MODEL_OWN; i++)
		if (m->own[i])
			v[n++] = model_own[i];
	world_addresses(w, v, n);
}

/* Those of the frontend's family. */
static size_t ranges_of(const struct wr_svc_set *set)
{
	size_t i, n = 0;

	for (i = 0; i < set->n_src_ranges; i++)
		n += wr_addr_is4(&set->src_ranges[i].addr) == wr_addr_is4(&set->frontends[0].addr);
	return n;
}

/* As model_answer writes it. */
static void answer(struct world *w, const char *question, struct wr_strbuf *ret)
{
	const struct wr_svc_set *set;
	const char *held;

	wr_strbuf_reset(ret);
	wr_strbuf_addstr(ret, world_ask(w, question));
	set = world_set(w, question);
	if (!set || set->flags & (WR_SVC_ADDRESS | WR_SVC_NO_TRANSLATE))
		return;
	if (set->affinity)
		wr_strbuf_addf(ret, "; affinity %u", set->affinity);
	if (set->flags & WR_SVC_SRC_RANGES)
		wr_strbuf_addf(ret, "; ranges %zu", ranges_of(set));
	held = world_held(w, question);
	if (*held)
		wr_strbuf_addf(ret, "; holds %s", held);
}

static void compare(struct world *w, const struct model *m, uint64_t seed, int step)
{
	wr_auto_strbuf want = WR_STRBUF_INIT, got = WR_STRBUF_INIT, yaml = WR_STRBUF_INIT;
	const char *question;
	char buf[96];
	size_t i;

	for (i = 0; (question = model_question(i, buf)); i++) {
		model_answer(m, question, &want);
		answer(w, question, &got);
		if (!strcmp(want.buf, got.buf))
			continue;
		model_dump(m, &yaml);
		fprintf(stderr, "%s\n", yaml.buf);
		fail_msg("WR_SEED=%llu step %d: %s: the model says \"%s\", not \"%s\"",
			 (unsigned long long)seed, step, question, want.buf, got.buf);
	}
}

static void apply(struct world *w, const struct model *m, const struct model_change *c,
		  const struct wr_strbuf *yaml)
{
	if (c->addresses)
		set_addresses(w, m);
	else if (c->deleted)
		world_del(w, c->kind, c->ns, c->name);
	else
		world_apply(w, yaml->buf);
}

/* Another agent that starts now and reads everything in another order. */
static void compare_with_a_fresh_start(const struct model *m, uint64_t seed)
{
	struct world *w = world_new(&options);
	wr_auto_strbuf yaml = WR_STRBUF_INIT;

	model_dump(m, &yaml);
	world_apply(w, yaml.buf);
	set_addresses(w, m);
	compare(w, m, seed, STEPS);
	world_free(w);
}

static void delete_all(struct world *w, const struct model *m)
{
	char name[32];
	int i, k;

	for (i = 0; i < MODEL_SERVICES; i++) {
		snprintf(name, sizeof(name), "svc%d", i);
		if (m->svc[i].there)
			world_del(w, WR_KIND_SERVICE, "default", name);
		for (k = 0; k < MODEL_SLICES; k++) {
			snprintf(name, sizeof(name), "svc%d-%d", i, k);
			if (m->svc[i].slice[k].there)
				world_del(w, WR_KIND_ENDPOINTSLICE, "default", name);
		}
	}
	assert_int_equal(world_sets(w), 0);
	assert_string_equal(world_skipped(w, "default", "svc0"), "");
}

static void one_run(uint64_t seed)
{
	struct world *w = world_new(&options);
	wr_auto_strbuf yaml = WR_STRBUF_INIT;
	struct model_change c;
	struct model m;
	int step;

	model_init(&m, seed);
	for (step = 0; step < STEPS; step++) {
		model_step(&m, &yaml, &c);
		apply(w, &m, &c, &yaml);
		compare(w, &m, seed, step);
	}
	compare_with_a_fresh_start(&m, seed);
	delete_all(w, &m);
	world_free(w);
}

static void every_answer_is_the_models_after_every_change(void **state)
{
	const char *text = getenv("WR_SEED");
	uint64_t seed = wr_real_ms(), i;

	if (text) {
		assert_int_equal(wr_parse_u64(text, UINT64_MAX, &seed), 0);
		one_run(seed);
		return;
	}
	for (i = 0; i < RUNS; i++)
		one_run(seed + i);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_answer_is_the_models_after_every_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
