/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What it costs from objects in memory to services in force: agent/svc and lib/dp/svc_table together, on real maps. One
 * JSON object a line.
 */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/obj/store.h"
#include "agent/svc/svc.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/dp/dp.h"
#include "lib/dp/load.h"

#define RUNS 5

struct cluster {
	struct wr_dp *dp;
	struct wr_svc_table *table;
	struct wr_store *store;
	struct wr_svc_index *index;
	struct wr_err err;
};

static void print(const char *name, const char *unit, double value, double baseline, double target)
{
	double judged = baseline > 0 ? value / baseline : value;

	printf("{\"name\":\"%s\",\"value\":%.3f,\"unit\":\"%s\",", name, value, unit);
	printf("\"baseline\":\"%s\",\"baseline_value\":%.3f,", baseline > 0 ? "itself at 10" : "",
	       baseline);
	printf("\"ratio\":%.3f,\"target\":%.3f,\"met\":%s}\n", baseline > 0 ? value / baseline : 0,
	       target, judged <= target ? "true" : "false");
}

static int put(void *ctx, const struct wr_svc_set *set)
{
	struct cluster *c = ctx;

	return wr_svc_table_put(c->table, set, &c->err);
}

static int hold(void *ctx, uint64_t key, uint32_t id, const struct wr_svc_backend *v, size_t n)
{
	struct cluster *c = ctx;

	return wr_svc_table_hold(c->table, key, id, v, n);
}

static int del(void *ctx, uint64_t key)
{
	struct cluster *c = ctx;

	return wr_svc_table_del(c->table, key);
}

static int settle(struct cluster *c)
{
	const struct wr_svc_sink sink = { .ctx = c, .put = put, .hold = hold, .del = del };
	struct wr_svc *svc;
	int r, first = 0;

	wr_svc_table_begin(c->table);
	while ((svc = wr_svc_index_next_dirty(c->index))) {
		r = wr_svc_build(c->index, svc, &sink);
		first = first ? first : r;
	}
	r = wr_svc_table_commit(c->table, &c->err);
	return first ? first : r;
}

static struct wr_object *decode(const char *text)
{
	struct wr_err err = WR_ERR_INIT;
	struct wr_object *o = NULL;
	struct wr_json *j = NULL;

	if (wr_json_parse(text, strlen(text), &j, &err) < 0 ||
	    wr_object_decode(j, false, &o, &err) < 0) {
		fprintf(stderr, "bench_svc: %s\n", err.msg);
		exit(1);
	}
	wr_json_free(j);
	return o;
}

static void put_service(struct cluster *c, unsigned int i)
{
	wr_autofree char *text =
		wr_xasprintf("{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{"
			     "\"name\":\"svc-%u\",\"namespace\":\"bench\"},\"spec\":{"
			     "\"clusterIP\":\"10.%u.%u.%u\",\"ports\":[{\"port\":80}]}}",
			     i, 96 + (i >> 16), i >> 8 & 255, i & 255);

	wr_store_put(c->store, decode(text));
}

/* @n endpoints, @round makes another list of them. */
static void put_slice(struct cluster *c, unsigned int i, unsigned int n, unsigned int round)
{
	wr_auto_strbuf text = WR_STRBUF_INIT;
	unsigned int k, a;

	wr_strbuf_addf(&text,
		       "{\"apiVersion\":\"discovery.k8s.io/v1\",\"kind\":\"EndpointSlice\","
		       "\"metadata\":{\"name\":\"svc-%u-x\",\"namespace\":\"bench\",\"labels\":{"
		       "\"kubernetes.io/service-name\":\"svc-%u\"}},\"addressType\":\"IPv4\","
		       "\"ports\":[{\"name\":\"\",\"port\":8080}],\"endpoints\":[",
		       i, i);
	for (k = 0; k < n; k++) {
		a = (i * n + k) * 2 + (round & 1);
		wr_strbuf_addf(&text,
			       "%s{\"addresses\":[\"10.%u.%u.%u\"],\"nodeName\":\"node-%u\","
			       "\"conditions\":{\"ready\":true}}",
			       k ? "," : "", 128 + (a >> 16), a >> 8 & 255, a & 255, a % 100);
	}
	wr_strbuf_addstr(&text, "]}");
	wr_store_put(c->store, decode(text.buf));
}

/* The one object that declares all maps of services and takes no time to verify. */
static int load_selection(const struct wr_dp_options *opt, struct wr_dp **ret, struct wr_err *err)
{
	size_t i;

	for (i = 0; i < wr_bpf_objects_n; i++)
		if (!strcmp(wr_bpf_objects[i].name, "lb_lookup"))
			return wr_dp_load_objects(opt, &wr_bpf_objects[i], 1, ret, err);
	return wr_err_set(err, -ENOENT, "there is no object lb_lookup");
}

static int begin(struct cluster *c)
{
	struct wr_dp_options opt = { .config = { .hz = 250, .flow_shards = 1 } };

	*c = (struct cluster){ .err = WR_ERR_INIT };
	opt.sizes[WR_MAP_wr_flows] = opt.sizes[WR_MAP_wr_new_flows] = 4096;
	opt.sizes[WR_MAP_wr_frontends] = opt.sizes[WR_MAP_wr_services] = 131072;
	opt.sizes[WR_MAP_wr_backends] = opt.sizes[WR_MAP_wr_picks] = 262144;
	opt.sizes[WR_MAP_wr_slots] = 524288;
	if (load_selection(&opt, &c->dp, &c->err) < 0 ||
	    wr_svc_table_open(c->dp, &c->table, &c->err) < 0)
		return -1;
	c->store = wr_store_new();
	c->index = wr_svc_index_new(&(struct wr_svc_options){ .node = "node-1" });
	wr_store_subscribe(c->store, wr_svc_index_change, c->index);
	return 0;
}

static void end(struct cluster *c)
{
	if (c->index)
		wr_svc_index_free(c->index);
	if (c->store)
		wr_store_free(c->store);
	if (c->table)
		wr_svc_table_close(c->table);
	if (c->dp)
		wr_dp_close(c->dp);
}

static void fill(struct cluster *c, unsigned int n, unsigned int endpoints)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		put_service(c, i);
		put_slice(c, i, endpoints, 0);
	}
}

static int bench_full_load(struct cluster *c)
{
	double best = 0, ms;
	uint64_t start;
	int i, r = 0;

	for (i = 0; i < RUNS && r == 0; i++) {
		r = begin(c);
		if (r == 0)
			fill(c, 10000, 2);
		start = wr_now_ns();
		if (r == 0)
			r = settle(c);
		ms = (double)(wr_now_ns() - start) / 1e6;
		best = i && best < ms ? best : ms;
		end(c);
	}
	print("full load of 10,000 services x 2, objects to in force", "ms", best, 0, 100);
	return r;
}

static int cmp(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

#define SAMPLES 201
#define MIDDLE  100

static double median_us(uint64_t all[SAMPLES])
{
	qsort(all, SAMPLES, sizeof(all[0]), cmp);
	return (double)all[MIDDLE] / 1e3;
}

/* A service and its slice come, from the store's change to the flip. */
static int one_more(struct cluster *c, unsigned int n, double *ret_us)
{
	uint64_t all[SAMPLES], start;
	unsigned int i;
	int r = 0;

	for (i = 0; i < SAMPLES && r == 0; i++) {
		put_service(c, n + i);
		put_slice(c, n + i, 2, 0);
		start = wr_now_ns();
		r = settle(c);
		all[i] = wr_now_ns() - start;
	}
	*ret_us = median_us(all);
	return r;
}

/* The slice of a service that nobody has touched for long changes: all that belongs to it is cold. */
static int one_change(struct cluster *c, unsigned int n, double *ret_us)
{
	wr_autofree unsigned int *rounds = wr_xcalloc(n, sizeof(*rounds));
	uint64_t all[SAMPLES], start;
	unsigned int i, k;
	int r = 0;

	for (i = 0; i < SAMPLES && r == 0; i++) {
		k = i * 7919 % n;
		put_slice(c, k, 2, ++rounds[k]);
		start = wr_now_ns();
		r = settle(c);
		all[i] = wr_now_ns() - start;
		wr_svc_table_tick(c->table, wr_now_ms() + i * 10000ull);
	}
	*ret_us = median_us(all);
	return r;
}

static int measure_at(struct cluster *c, unsigned int n,
		      int (*measure)(struct cluster *c, unsigned int n, double *ret_us),
		      double *ret_us)
{
	int r = begin(c);

	if (r == 0) {
		fill(c, n, 2);
		r = settle(c);
	}
	if (r == 0)
		r = measure(c, n, ret_us);
	end(c);
	return r;
}

static int bench_one_more(struct cluster *c)
{
	static const unsigned int sizes[] = { 10, 1000, 10000, 30000 };
	double us = 0, at_ten = 0;
	char name[80];
	size_t i;
	int r = 0;

	for (i = 0; i < WR_ARRAY_SIZE(sizes) && r == 0; i++) {
		r = measure_at(c, sizes[i], one_more, &us);
		at_ten = i ? at_ten : us;
		snprintf(name, sizeof(name), "one more service at %u, store to flip", sizes[i]);
		print(name, "us", us, at_ten, 1.1);
	}
	print("one more service at 30000, store to flip", "us", us, 0, 100);
	return r;
}

static int bench_one_change(struct cluster *c)
{
	double us = 0;
	int r = measure_at(c, 30000, one_change, &us);

	print("one cold slice of 30000 services changes, store to flip", "us", us, 0, 100);
	return r;
}

static double heap_mb(void)
{
	struct mallinfo2 m = mallinfo2();

	return (double)(m.uordblks + m.hblkhd) / 1e6;
}

static int bench_memory(struct cluster *c)
{
	double before, objects;
	int r = begin(c);

	before = heap_mb();
	if (r == 0)
		fill(c, 30000, 4);
	objects = heap_mb();
	if (r == 0)
		r = settle(c);
	print("heap of the objects, 30,000 services x 4", "MB", objects - before, 0, 40);
	print("heap of services in force, the same", "MB", heap_mb() - objects, 0, 30);
	end(c);
	return r;
}

int main(void)
{
	struct cluster c;
	int r = bench_full_load(&c);

	if (r == 0)
		r = bench_one_more(&c);
	if (r == 0)
		r = bench_one_change(&c);
	if (r == 0)
		r = bench_memory(&c);
	if (r < 0)
		fprintf(stderr, "bench_svc: %s\n", *c.err.msg ? c.err.msg : strerror(-r));
	return r < 0;
}
