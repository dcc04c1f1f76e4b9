/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What it costs to put services in force: a full load against bare map writes of the same rows, one more set at several
 * sizes, a Maglev table, adoption, and the memory of the table's bookkeeping. One JSON object a line.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/addr.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/hmap.h"
#include "lib/base/mem.h"
#include "lib/dp/maglev.h"
#include "lib/dp/private.h"
#include "lib/dp/svc_table.h"

#define RUNS 5

struct row {
	const char *name, *unit, *baseline;
	double value, baseline_value,
		target; /* target: of the ratio, or of the value when there is no baseline */
};

static void print(const struct row *r)
{
	double ratio = r->baseline_value > 0 ? r->value / r->baseline_value : 0;
	double judged = r->baseline_value > 0 ? ratio : r->value;

	printf("{\"name\":\"%s\",\"value\":%.3f,\"unit\":\"%s\",", r->name, r->value, r->unit);
	printf("\"baseline\":\"%s\",\"baseline_value\":%.3f,", r->baseline, r->baseline_value);
	printf("\"ratio\":%.3f,\"target\":%.3f,\"met\":%s}\n", ratio, r->target,
	       judged <= r->target ? "true" : "false");
}

static int failed(const char *what, int r, const struct wr_err *err)
{
	fprintf(stderr, "bench_services: %s: %s\n", what,
		err && err->msg[0] ? err->msg : strerror(-r));
	return 1;
}

static int make(struct wr_dp *dp, enum wr_map map, uint32_t type, uint32_t key, uint32_t value)
{
	static const uint32_t sizes[WR_MAP_MAX] = {
		[WR_MAP_wr_frontends] = 65536, [WR_MAP_wr_services] = 65536,
		[WR_MAP_wr_slots] = 262144,    [WR_MAP_wr_backends] = 131072,
		[WR_MAP_wr_picks] = 131072,    [WR_MAP_wr_maglev] = 65536,
		[WR_MAP_wr_src_ranges] = 1024,
	};
	struct wr_sys_map def = {
		.type = type,
		.key_size = key,
		.value_size = value,
		.max_entries = sizes[map],
		.flags = type == BPF_MAP_TYPE_ARRAY    ? BPF_F_MMAPABLE :
			 type == BPF_MAP_TYPE_LPM_TRIE ? BPF_F_NO_PREALLOC :
							 0,
	};
	int fd = wr_sys_map_create(&def, -1);

	return fd < 0 ? fd : wr_dp_set_map(dp, map, fd);
}

/* The maps of services, as the programs declare them, without programs. */
static int make_maps(struct wr_dp *dp)
{
	const uint32_t array = BPF_MAP_TYPE_ARRAY;
	int r;

	r = make(dp, WR_MAP_wr_frontends, BPF_MAP_TYPE_HASH, sizeof(struct wr_frontend), 8);
	if (r == 0)
		r = make(dp, WR_MAP_wr_services, array, 4, sizeof(struct wr_service));
	if (r == 0)
		r = make(dp, WR_MAP_wr_slots, array, 4, 4);
	if (r == 0)
		r = make(dp, WR_MAP_wr_backends, array, 4, sizeof(struct wr_backend));
	if (r == 0)
		r = make(dp, WR_MAP_wr_picks, array, 4, 8);
	if (r == 0)
		r = make(dp, WR_MAP_wr_maglev, array, 4, sizeof(struct wr_maglev_line));
	if (r == 0)
		r = make(dp, WR_MAP_wr_src_ranges, BPF_MAP_TYPE_LPM_TRIE,
			 sizeof(struct wr_src_range), 1);
	return r;
}

static struct wr_addr addr4(uint32_t a)
{
	struct in_addr in = { .s_addr = htonl(a) };

	return wr_addr_from4(in);
}

/* Objects in memory, as the agent has them. */
struct objects {
	struct wr_svc_set *sets;
	struct wr_frontend *fes;
	struct wr_svc_backend *bes;
	uint32_t n, per_set;
};

static void objects_done(struct objects *o)
{
	free(o->sets);
	free(o->fes);
	free(o->bes);
}

static void objects_make(struct objects *o, uint32_t n, uint32_t per_set)
{
	uint32_t i, j;

	*o = (struct objects){ .n = n, .per_set = per_set };
	o->sets = wr_xcalloc(n, sizeof(*o->sets));
	o->fes = wr_xcalloc(n, sizeof(*o->fes));
	o->bes = wr_xcalloc((size_t)n * per_set, sizeof(*o->bes));
	for (i = 0; i < n; i++) {
		o->fes[i] =
			(struct wr_frontend){ addr4(0x0a600000 + i), htons(80), IPPROTO_TCP, 0, 0 };
		for (j = 0; j < per_set; j++)
			o->bes[i * per_set + j] = (struct wr_svc_backend){
				.addr = addr4(0x0b000000 + i * per_set + j),
				.port = htons(8080),
				.proto = IPPROTO_TCP,
				.weight = 1,
			};
		o->sets[i] = (struct wr_svc_set){
			.key = 0x9e3779b97f4a7c15ull * (i + 1),
			.id = i + 1,
			.frontends = &o->fes[i],
			.n_frontends = 1,
			.backends = &o->bes[i * per_set],
			.n_backends = per_set,
		};
	}
}

static int load_all(struct wr_svc_table *t, const struct objects *o, struct wr_err *err)
{
	uint32_t i;
	int r = 0;

	wr_svc_table_begin(t);
	for (i = 0; i < o->n && r == 0; i++)
		r = wr_svc_table_put(t, &o->sets[i], err);
	return r < 0 ? r : wr_svc_table_commit(t, err);
}

/* The same rows, prepared beforehand, in four batches: the least that writing them can cost. */
static int bare_writes(struct wr_dp *dp, const struct objects *o, uint64_t *ret_ns)
{
	uint32_t backends = o->n * o->per_set, i, n;
	wr_autofree struct wr_backend *be = wr_xcalloc(backends, sizeof(*be));
	wr_autofree struct wr_service *svc = wr_xcalloc(o->n, sizeof(*svc));
	wr_autofree uint32_t *numbers = wr_xcalloc(backends, sizeof(*numbers));
	wr_autofree uint64_t *words = wr_xcalloc(o->n, sizeof(*words));
	uint64_t start;
	int r;

	for (i = 0; i < backends; i++) {
		be[i] = (struct wr_backend){ .addr = o->bes[i].addr, .port = o->bes[i].port };
		numbers[i] = i;
	}
	for (i = 0; i < o->n; i++) {
		svc[i] = (struct wr_service){ i + 1, i * o->per_set, o->per_set, 0, 0, 0, 0, 0 };
		words[i] = WR_FE_WORD(i, wr_frontend_check(&o->fes[i]));
	}
	start = wr_now_ns();
	n = backends;
	r = wr_sys_map_update_batch(dp->fds[WR_MAP_wr_backends], numbers, be, &n);
	n = backends;
	if (r == 0)
		r = wr_sys_map_update_batch(dp->fds[WR_MAP_wr_slots], numbers, numbers, &n);
	n = o->n;
	if (r == 0)
		r = wr_sys_map_update_batch(dp->fds[WR_MAP_wr_services], numbers, svc, &n);
	n = o->n;
	if (r == 0)
		r = wr_sys_map_update_batch(dp->fds[WR_MAP_wr_frontends], o->fes, words, &n);
	*ret_ns = wr_now_ns() - start;
	return r;
}

static void close_dp(struct wr_dp **dp)
{
	wr_dp_close(*dp);
}

static void close_table(struct wr_svc_table **t)
{
	wr_svc_table_close(*t);
}

static int once_bare(const struct objects *o, uint64_t *ret_ns)
{
	wr_cleanup(close_dp) struct wr_dp *dp = wr_dp_new(NULL, false);
	int r = make_maps(dp);

	return r < 0 ? r : bare_writes(dp, o, ret_ns);
}

static int once_full(const struct objects *o, uint64_t *ret_ns, struct wr_err *err)
{
	wr_cleanup(close_dp) struct wr_dp *dp = wr_dp_new(NULL, false);
	wr_cleanup(close_table) struct wr_svc_table *t = NULL;
	uint64_t start;
	int r = make_maps(dp);

	if (r == 0)
		r = wr_svc_table_open(dp, &t, err);
	if (r < 0)
		return r;
	start = wr_now_ns();
	r = load_all(t, o, err);
	*ret_ns = wr_now_ns() - start;
	return r;
}

static int bench_full_load(struct wr_err *err)
{
	wr_cleanup(objects_done) struct objects o = { 0 };
	uint64_t full = UINT64_MAX, bare = UINT64_MAX, ns;
	int i, r;

	objects_make(&o, 10000, 2);
	for (i = 0; i < RUNS; i++) {
		r = once_bare(&o, &ns);
		if (r < 0)
			return r;
		bare = WR_MIN(bare, ns);
		r = once_full(&o, &ns, err);
		if (r < 0)
			return r;
		full = WR_MIN(full, ns);
	}
	print(&(struct row){ "services_full_load_10000x2", "ms", "bare batched map writes",
			     (double)full / 1e6, (double)bare / 1e6, 5 });
	print(&(struct row){ "services_full_load_10000x2_ms", "ms", "", (double)full / 1e6, 0, 100 });
	return 0;
}

static int by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Puts one set more, with two backends of its own, and takes it away again: median of many. */
static int try_one(struct wr_svc_table *t, uint32_t flags, uint64_t *ret_ns, struct wr_err *err)
{
	wr_cleanup(objects_done) struct objects extra = { 0 };
	static uint64_t clock_ms;
	uint64_t ns[301], start;
	uint32_t i;
	int r;

	objects_make(&extra, 1, 2);
	extra.sets[0].key = 1;
	extra.fes[0].port = htons(81);
	for (i = 0; i < extra.per_set; i++)
		extra.bes[i].port = htons(8081);
	for (i = 0; i < WR_ARRAY_SIZE(ns); i++) {
		struct wr_svc_set set = extra.sets[0];

		set.id = 40001;
		set.flags = flags;
		start = wr_now_ns();
		r = wr_svc_table_put(t, &set, err);
		ns[i] = wr_now_ns() - start;
		if (r < 0)
			return r;
		wr_svc_table_del(t, set.key);
		clock_ms += 10000;
		wr_svc_table_tick(t, clock_ms);
	}
	qsort(ns, WR_ARRAY_SIZE(ns), sizeof(ns[0]), by_value);
	*ret_ns = ns[WR_ARRAY_SIZE(ns) / 2];
	return 0;
}

/* The best of several medians: what the machine does beside is not ours. */
static int median_of_one(struct wr_svc_table *t, uint32_t flags, uint64_t *ret_ns, struct wr_err *err)
{
	uint64_t best = UINT64_MAX, ns;
	int i, r;

	for (i = 0; i < RUNS; i++) {
		r = try_one(t, flags, &ns, err);
		if (r < 0)
			return r;
		best = WR_MIN(best, ns);
	}
	*ret_ns = best;
	return 0;
}

static int bench_one_more(struct wr_err *err)
{
	static const uint32_t sizes[] = { 10, 1000, 10000, 30000 };
	uint64_t at_ten = 0, ns = 0;
	char name[64];
	size_t i;
	int r;

	for (i = 0; i < WR_ARRAY_SIZE(sizes); i++) {
		wr_cleanup(close_dp) struct wr_dp *dp = wr_dp_new(NULL, false);
		wr_cleanup(close_table) struct wr_svc_table *t = NULL;
		wr_cleanup(objects_done) struct objects o = { 0 };

		objects_make(&o, sizes[i], 2);
		r = make_maps(dp);
		if (r == 0)
			r = wr_svc_table_open(dp, &t, err);
		if (r == 0)
			r = load_all(t, &o, err);
		if (r == 0)
			r = median_of_one(t, 0, &ns, err);
		if (r < 0)
			return r;
		at_ten = at_ten ? at_ten : ns;
		snprintf(name, sizeof(name), "services_one_more_at_%u", sizes[i]);
		print(&(struct row){ name, "us", "itself at 10", (double)ns / 1e3,
				     (double)at_ten / 1e3, 1.1 });
		snprintf(name, sizeof(name), "services_one_more_at_%u_us", sizes[i]);
		print(&(struct row){ name, "us", "", (double)ns / 1e3, 0, 100 });
	}
	return 0;
}

static int bench_maglev(struct wr_err *err)
{
	wr_cleanup(close_dp) struct wr_dp *dp = wr_dp_new(NULL, false);
	wr_cleanup(close_table) struct wr_svc_table *t = NULL;
	uint64_t ns = 0;
	int r = make_maps(dp);

	if (r == 0)
		r = wr_svc_table_open(dp, &t, err);
	if (r == 0)
		r = median_of_one(t, WR_SVC_MAGLEV, &ns, err);
	if (r < 0)
		return r;
	print(&(struct row){ "services_one_more_maglev", "us", "", (double)ns / 1e3, 0, 2000 });
	return 0;
}

#define MEMBERS 100

/* Equal backends, of which one leaves: places of the table that lead elsewhere afterwards. At best those that led to it. */
static void bench_moved(void)
{
	wr_autofree uint32_t *before = wr_xcalloc(WR_MAGLEV_SIZE, sizeof(*before));
	wr_autofree uint32_t *after = wr_xcalloc(WR_MAGLEV_SIZE, sizeof(*after));
	struct wr_maglev_member all[MEMBERS], rest[MEMBERS];
	uint32_t gone, i, n, moved = 0, runs = 0;

	for (gone = 0; gone < MEMBERS; gone += 10, runs++) {
		for (i = n = 0; i < MEMBERS; i++) {
			all[i] = (struct wr_maglev_member){ wr_hash64_bytes(&i, sizeof(i), 7), 1, i };
			if (i != gone)
				rest[n++] = all[i];
		}
		wr_maglev_fill(before, WR_MAGLEV_SIZE, all, MEMBERS);
		wr_maglev_fill(after, WR_MAGLEV_SIZE, rest, n);
		for (i = 0; i < WR_MAGLEV_SIZE; i++)
			moved += before[i] != after[i];
	}
	print(&(struct row){ "services_maglev_moved_1_of_100", "%", "the ideal",
			     moved * 100.0 / ((double)runs * WR_MAGLEV_SIZE), 1, 2 });
}

static uint64_t heap_in_use(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

/* Bookkeeping on the heap; the tables themselves are the kernel's pages. */
static int bench_memory(struct wr_err *err)
{
	wr_cleanup(close_dp) struct wr_dp *dp = wr_dp_new(NULL, false);
	wr_cleanup(close_table) struct wr_svc_table *t = NULL, *again = NULL;
	wr_cleanup(objects_done) struct objects o = { 0 };
	uint64_t before, start, ns;
	int r = make_maps(dp);

	objects_make(&o, 30000, 4);
	before = heap_in_use();
	if (r == 0)
		r = wr_svc_table_open(dp, &t, err);
	if (r == 0)
		r = load_all(t, &o, err);
	if (r < 0)
		return r;
	print(&(struct row){ "services_bookkeeping_30000x4", "MB", "",
			     (double)(heap_in_use() - before) / 1e6, 0, 12 });
	start = wr_now_ns();
	r = wr_svc_table_open(dp, &again, err);
	ns = wr_now_ns() - start;
	if (r < 0)
		return r;
	print(&(struct row){ "services_adopt_30000x4", "ms", "", (double)ns / 1e6, 0, 200 });
	return 0;
}

int main(void)
{
	struct wr_err err = WR_ERR_INIT;
	int r;

	r = bench_full_load(&err);
	if (r == 0)
		r = bench_one_more(&err);
	if (r == 0)
		r = bench_maglev(&err);
	if (r == 0)
		bench_moved();
	if (r == 0)
		r = bench_memory(&err);
	return r < 0 ? failed("stopped", r, &err) : 0;
}
