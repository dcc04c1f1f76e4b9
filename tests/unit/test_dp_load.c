/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about loading, adopting, replacing and removing, with small programs on the real maps. */
#include "tests/unit/check.h"

#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/io.h"
#include "lib/base/str.h"
#include "lib/dp/load.h"
#include "lib/dp/tables.h"
#include "tests/unit/dp_fixture.h"

#define OTHER_PINS DP_ROOT "/0"

#define DECLARE(name) extern const char wr_obj_##name##_start[], wr_obj_##name##_end[]
DECLARE(dp_probe);
DECLARE(dp_refused);
DECLARE(dp_grown);
DECLARE(dp_rekeyed);

#define OBJECT(n)                                        \
	((struct wr_bpf_object){ #n, wr_obj_##n##_start, \
				 (size_t)(wr_obj_##n##_end - wr_obj_##n##_start) })

static struct wr_dp_options options(uint32_t mark)
{
	return (struct wr_dp_options){
		.pins = DP_PINS,
		.config = { .flow_shards = 4, .mark = mark, .hz = 100 },
		.sizes = { [WR_MAP_wr_flows] = 1024,
			   [WR_MAP_wr_new_flows] = 256,
			   [WR_MAP_wr_affinity] = 1024,
			   [WR_MAP_wr_sock_udp] = 1024,
			   [WR_MAP_wr_endpoints] = 64,
			   [WR_MAP_wr_services] = 64,
			   [WR_MAP_wr_slots] = 256,
			   [WR_MAP_wr_backends] = 128,
			   [WR_MAP_wr_frontends] = 128 },
	};
}

static int try_load(const struct wr_dp_options *opt, struct wr_bpf_object object,
		    struct wr_dp **ret, struct wr_err *err)
{
	return wr_dp_load_objects(opt, &object, 1, ret, err);
}

static struct wr_dp *load(const struct wr_dp_options *opt, struct wr_bpf_object object)
{
	struct wr_err err = WR_ERR_INIT;
	struct wr_dp *dp = NULL;

	if (try_load(opt, object, &dp, &err) < 0)
		fail_msg("%s", err.msg);
	return dp;
}

static uint32_t run(int prog, void *packet, size_t size)
{
	uint32_t ret = 0;
	int r = wr_sys_prog_test(prog, packet, size, &ret);

	if (r < 0)
		fail_msg("running a program: %s", strerror(-r));
	return ret;
}

static uint32_t answer_of(int prog)
{
	uint8_t packet[64] = { 0 };

	return run(prog, packet, sizeof(packet));
}

static uint32_t pinned_answer(void)
{
	wr_autofd int fd = wr_sys_obj_get(DP_PINS "/progs/pod_egress", false);

	assert_true(fd >= 0);
	return answer_of(fd);
}

static struct wr_flow_key flow_key(uint16_t port)
{
	return (struct wr_flow_key){ .a.b = { 1 }, .b.b = { 2 }, .port_a = port, .proto = IPPROTO_TCP };
}

static int find_flow(struct wr_dp *dp, uint16_t port)
{
	struct wr_flow_key key = flow_key(port);

	return (int)run(wr_dp_prog_fd(dp, "find_flow"), &key, sizeof(key));
}

static int add_flow(struct wr_dp *dp, uint16_t port)
{
	struct wr_flow_key key = flow_key(port);

	return (int)run(wr_dp_prog_fd(dp, "add_flow"), &key, sizeof(key));
}

static uint32_t map_id(const struct wr_dp *dp, enum wr_map map)
{
	struct wr_sys_map info;

	assert_int_equal(wr_sys_map_info(wr_dp_map_fd(dp, map), &info), 0);
	return info.id;
}

static bool exists(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}

static void a_load_pins_maps_and_programs(void **state)
{
	struct wr_dp_options opt = options(5);
	struct wr_dp *dp = load(&opt, OBJECT(dp_probe));
	struct wr_sys_map info;

	assert_true(exists(DP_PINS "/maps/wr_flows"));
	assert_true(exists(DP_PINS "/maps/wr_affinity"));
	assert_true(exists(DP_PINS "/progs/pod_egress"));
	assert_true(exists(DP_PINS "/progs/sock_connect4"));
	assert_false(exists(DP_PINS "/maps_old"));
	assert_int_equal(wr_sys_map_info(wr_dp_map_fd(dp, WR_MAP_wr_affinity), &info), 0);
	assert_int_equal(info.max_entries, 1024);
	wr_dp_close(dp);
}

static void programs_see_the_configuration(void **state)
{
	struct wr_dp_options opt = options(5);
	struct wr_dp *dp = load(&opt, OBJECT(dp_probe));

	assert_int_equal(answer_of(wr_dp_prog_fd(dp, "pod_egress")), 5);
	assert_int_equal(wr_dp_prog_fd(dp, "no_such"), -ENOENT);
	wr_dp_close(dp);
}

static void without_pins_nothing_is_pinned(void **state)
{
	struct wr_dp_options opt = options(5);
	struct wr_dp *dp;

	opt.pins = NULL;
	dp = load(&opt, OBJECT(dp_probe));
	assert_int_equal(answer_of(wr_dp_prog_fd(dp, "pod_egress")), 5);
	assert_int_equal(add_flow(dp, 1), 0);
	assert_int_equal(find_flow(dp, 1), 77);
	assert_false(exists(DP_ROOT));
	wr_dp_close(dp);
}

static void the_embedded_objects_load(void **state)
{
	struct wr_dp_options opt = { .config = { .flow_shards = 4, .hz = 100 } };
	struct wr_err err = WR_ERR_INIT;
	struct wr_dp *dp = NULL;
	size_t i;

	if (wr_dp_load(&opt, &dp, &err) < 0)
		fail_msg("%s", err.msg);
	for (i = 0; i < dp->progs.n; i++)
		assert_true(dp->progs.v[i].fd >= 0);
	assert_true(dp->progs.n >= wr_bpf_objects_n);
	wr_dp_close(dp);
}

static void flows_are_spread_over_all_shards(void **state)
{
	struct wr_dp_options opt = options(1);
	struct wr_dp *dp = load(&opt, OBJECT(dp_probe));
	struct wr_sys_map info;
	uint64_t n, sum = 0;
	uint16_t port;
	uint32_t i;

	for (port = 1; port <= 400; port++)
		assert_int_equal(add_flow(dp, port), 0);
	for (i = 0; i < wr_flow_shards(dp); i++) {
		assert_int_equal(wr_sys_map_info(dp->shards.v[i], &info), 0);
		assert_int_equal(info.max_entries, 256);
		assert_int_equal(wr_map_count(dp->shards.v[i], &info, &n), 0);
		assert_in_range(n, 60, 140);
		sum += n;
	}
	assert_int_equal(sum, 400);
	wr_dp_close(dp);
}

/* Does @fn in a process of its own, which ends by SIGKILL: nothing is closed in order. */
static void in_a_killed_process(void (*fn)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		fn();
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void load_and_write(void)
{
	struct wr_dp_options opt = options(1);
	struct wr_dp *dp = load(&opt, OBJECT(dp_probe));
	struct wr_endpoint ep = { .identity = 20, .ifindex = 3 };

	assert_int_equal(add_flow(dp, 7), 0);
	assert_int_equal(wr_endpoint_put(dp, 9, &ep), 0);
}

static void what_a_killed_process_left_is_adopted(void **state)
{
	struct wr_dp_options opt = options(2);
	struct wr_endpoint ep;
	struct wr_dp *dp;

	in_a_killed_process(load_and_write);
	assert_int_equal(pinned_answer(), 1);
	dp = load(&opt, OBJECT(dp_probe));
	assert_int_equal(pinned_answer(), 2);
	assert_int_equal(find_flow(dp, 7), 77);
	assert_int_equal(wr_endpoint_get(dp, 9, &ep), 0);
	assert_int_equal(ep.identity, 20);
	wr_dp_close(dp);
}

static void adopted_maps_are_the_same_maps(void **state)
{
	struct wr_dp_options opt = options(1);
	struct wr_dp *a = load(&opt, OBJECT(dp_probe)), *b = load(&opt, OBJECT(dp_probe));

	assert_int_equal(map_id(a, WR_MAP_wr_flows), map_id(b, WR_MAP_wr_flows));
	assert_int_equal(map_id(a, WR_MAP_wr_endpoints), map_id(b, WR_MAP_wr_endpoints));
	assert_int_equal(map_id(a, WR_MAP_wr_affinity), map_id(b, WR_MAP_wr_affinity));
	wr_dp_close(a);
	wr_dp_close(b);
}

static int attach_lo(bool tcx)
{
	struct wr_err err = WR_ERR_INIT;
	int r = wr_dp_attach_tc(DP_PINS, "uplink-lo", "pod_egress", 1, WR_ATTACH_TC_INGRESS, tcx,
				&err);

	if (r < 0)
		fail_msg("%s", err.msg);
	return r;
}

static void a_load_updates_every_link(bool tcx)
{
	struct wr_dp_options opt = options(1);
	struct wr_dp *dp;

	opt.no_tcx = !tcx;
	wr_dp_close(load(&opt, OBJECT(dp_probe)));
	attach_lo(tcx);
	opt.config.mark = 2;
	dp = load(&opt, OBJECT(dp_probe));
	assert_int_equal(wr_dp_has_tcx(dp), tcx);
	assert_int_equal(wr_dp_check_tc(DP_PINS, "uplink-lo", "pod_egress", 1, WR_ATTACH_TC_INGRESS,
					tcx, NULL),
			 0);
	assert_int_equal(pinned_answer(), 2);
	assert_int_equal(wr_dp_uninstall(DP_ROOT, NULL), 0);
	wr_dp_close(dp);
}

static void a_load_brings_the_new_program_to_every_link(void **state)
{
	a_load_updates_every_link(true);
}

static void a_load_brings_the_new_program_to_every_filter(void **state)
{
	a_load_updates_every_link(false);
}

static void a_refused_program_changes_nothing_and_says_why(void **state)
{
	struct wr_dp_options opt = options(1);
	struct wr_err err = WR_ERR_INIT;
	struct wr_dp *dp = NULL;

	wr_dp_close(load(&opt, OBJECT(dp_probe)));
	attach_lo(true);
	opt.config.mark = 2;
	assert_true(try_load(&opt, OBJECT(dp_refused), &dp, &err) < 0);
	assert_null(dp);
	assert_err(&err, err.code, "loading BPF object dp_refused");
	assert_err(&err, err.code, "invalid access to packet");
	assert_int_equal(pinned_answer(), 1);
	assert_int_equal(wr_dp_check_tc(DP_PINS, "uplink-lo", "pod_egress", 1, WR_ATTACH_TC_INGRESS,
					true, NULL),
			 0);
	assert_true(exists(DP_PINS "/progs/sock_connect4"));
}

static void a_map_that_cannot_be_understood_fails_the_load_and_stays(void **state)
{
	struct wr_dp_options opt = options(1);
	struct wr_err err = WR_ERR_INIT;
	struct wr_dp *dp = NULL, *before = load(&opt, OBJECT(dp_probe));

	assert_int_equal(try_load(&opt, OBJECT(dp_grown), &dp, &err), -EPROTO);
	assert_err(&err, -EPROTO, "pinned map wr_affinity has type 9, key 24, value 24");
	assert_int_equal(pinned_answer(), 1);
	wr_dp_close(before);
}

static struct wr_affinity affinity_row(uint32_t backend)
{
	return (struct wr_affinity){ .backend = backend, .seen = 5 };
}

static void put_affinity(const struct wr_dp *dp, uint32_t service, uint32_t backend)
{
	struct wr_affinity_key key = { .service = service };
	struct wr_affinity row = affinity_row(backend);

	assert_int_equal(wr_sys_map_update(wr_dp_map_fd(dp, WR_MAP_wr_affinity), &key, &row, 0), 0);
}

static void a_map_of_another_size_takes_its_rows_along(void **state)
{
	struct wr_dp_options opt = options(1);
	struct wr_dp *dp = load(&opt, OBJECT(dp_probe));
	struct wr_affinity_key key = { .service = 8 };
	struct wr_endpoint ep = { .identity = 20 };
	struct wr_affinity row;
	struct wr_prefix p;

	assert_int_equal(wr_prefix_parse("10.1.0.0/16", &p), 0);
	put_affinity(dp, 8, 33);
	assert_int_equal(wr_endpoint_put(dp, 60, &ep), 0);
	assert_int_equal(wr_peer_put(dp, &p, 5), 0);
	answer_of(wr_dp_prog_fd(dp, "count"));
	wr_dp_close(dp);
	opt.sizes[WR_MAP_wr_affinity] = 4096;
	opt.sizes[WR_MAP_wr_endpoints] = 61;
	opt.sizes[WR_MAP_wr_peer_prefixes] = 10;
	dp = load(&opt, OBJECT(dp_probe));
	assert_int_equal(wr_dp_map_size(dp, WR_MAP_wr_affinity), 4096);
	assert_int_equal(wr_dp_map_size(dp, WR_MAP_wr_endpoints), 61);
	assert_int_equal(wr_sys_map_lookup(wr_dp_map_fd(dp, WR_MAP_wr_affinity), &key, &row), 0);
	assert_int_equal(row.backend, 33);
	assert_int_equal(wr_endpoint_get(dp, 60, &ep), 0);
	assert_int_equal(ep.identity, 20);
	assert_false(exists(DP_PINS "/maps_old"));
	wr_dp_close(dp);
}

static void counters_go_on_counting_across_a_resize(void **state)
{
	struct wr_dp_options opt = options(1);
	struct wr_dp *dp = load(&opt, OBJECT(dp_probe));
	struct wr_ep_stats stats;
	int i;

	for (i = 0; i < 5; i++)
		answer_of(wr_dp_prog_fd(dp, "count"));
	wr_dp_close(dp);
	opt.sizes[WR_MAP_wr_endpoints] = 128;
	dp = load(&opt, OBJECT(dp_probe));
	assert_int_equal(wr_dp_map_size(dp, WR_MAP_wr_ep_stats), 128);
	answer_of(wr_dp_prog_fd(dp, "count"));
	assert_int_equal(wr_endpoint_stats(dp, 3, &stats), 0);
	assert_int_equal(stats.promoted, 6);
	wr_dp_close(dp);
}

static void a_size_that_has_no_room_for_what_is_there_is_refused(void **state)
{
	struct wr_dp_options opt = options(1), small = opt;
	struct wr_dp *dp = load(&opt, OBJECT(dp_probe)), *other = NULL;
	struct wr_endpoint ep = { .identity = 20 };
	struct wr_err err = WR_ERR_INIT;

	assert_int_equal(wr_endpoint_put(dp, 60, &ep), 0);
	small.sizes[WR_MAP_wr_endpoints] = 60;
	small.config.mark = 2;
	assert_int_equal(try_load(&small, OBJECT(dp_probe), &other, &err), -E2BIG);
	assert_err(&err, -E2BIG, "map wr_endpoints uses number 60: a size of 60 has no room for it");
	assert_int_equal(pinned_answer(), 1);
	wr_dp_close(dp);
	dp = load(&opt, OBJECT(dp_probe));
	assert_int_equal(wr_endpoint_get(dp, 60, &ep), 0);
	wr_dp_close(dp);
}

static void expect_flows(struct wr_dp *dp, uint16_t n)
{
	uint64_t promoted, unproven;
	uint16_t port;

	for (port = 1; port <= n; port++)
		assert_int_equal(find_flow(dp, port), 77);
	assert_int_equal(wr_flow_count(dp, &promoted, &unproven), 0);
	assert_int_equal(promoted, n);
}

static void a_flow_table_of_another_size_keeps_every_flow(void **state)
{
	struct wr_dp_options opt = options(1);
	struct wr_dp *dp = load(&opt, OBJECT(dp_probe));
	uint16_t port;

	for (port = 1; port <= 300; port++)
		assert_int_equal(add_flow(dp, port), 0);
	wr_dp_close(dp);
	opt.sizes[WR_MAP_wr_flows] = 4096;
	dp = load(&opt, OBJECT(dp_probe));
	assert_int_equal(wr_dp_map_size(dp, WR_MAP_wr_flows), 4096);
	expect_flows(dp, 300);
	assert_int_equal(dp->shards.v[4], -1);
	wr_dp_close(dp);
	opt.sizes[WR_MAP_wr_flows] = 512;
	dp = load(&opt, OBJECT(dp_probe));
	assert_int_equal(wr_dp_map_size(dp, WR_MAP_wr_flows), 512);
	expect_flows(dp, 300);
	wr_dp_close(dp);
}

struct shared {
	volatile int stop;
	volatile uint64_t looked, missed;
};

/* What packets of established flows do all the time. */
static void look_up_until_told(struct shared *sh, int prog)
{
	struct wr_flow_key key;
	uint32_t ret = 0;
	uint16_t port = 0;

	while (!sh->stop) {
		key = flow_key(1 + port++ % 300);
		if (wr_sys_prog_test(prog, &key, sizeof(key), &ret) < 0 || (int)ret != 77)
			sh->missed++;
		sh->looked++;
	}
	_exit(0);
}

static void no_flow_is_missed_while_the_table_changes_size(void **state)
{
	struct shared *sh =
		mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct wr_dp_options opt = options(1);
	struct wr_dp *dp = load(&opt, OBJECT(dp_probe));
	uint64_t before;
	uint16_t port;
	pid_t pid;
	int i;

	for (port = 1; port <= 300; port++)
		assert_int_equal(add_flow(dp, port), 0);
	pid = fork();
	if (pid == 0)
		look_up_until_told(sh, wr_dp_prog_fd(dp, "find_flow"));
	for (i = 0; i < 8; i++) {
		before = sh->looked;
		opt.sizes[WR_MAP_wr_flows] = i % 2 ? 1024 : 8192;
		wr_dp_close(load(&opt, OBJECT(dp_probe)));
		while (sh->looked == before)
			sched_yield();
	}
	sh->stop = 1;
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_true(sh->looked > 100);
	assert_int_equal(sh->missed, 0);
	munmap(sh, sizeof(*sh));
	wr_dp_close(dp);
}

static void another_number_of_shards_keeps_every_flow(void **state)
{
	struct wr_dp_options opt = options(1);
	struct wr_dp *dp = load(&opt, OBJECT(dp_probe));
	uint16_t port;

	for (port = 1; port <= 300; port++)
		assert_int_equal(add_flow(dp, port), 0);
	wr_dp_close(dp);
	opt.config.flow_shards = 16;
	dp = load(&opt, OBJECT(dp_probe));
	assert_int_equal(wr_flow_shards(dp), 16);
	expect_flows(dp, 300);
	wr_dp_close(dp);
}

static void a_flow_table_too_small_for_its_flows_is_refused(void **state)
{
	struct wr_dp_options opt = options(1);
	struct wr_dp *dp = load(&opt, OBJECT(dp_probe)), *other = NULL;
	struct wr_err err = WR_ERR_INIT;
	uint16_t port;

	for (port = 1; port <= 300; port++)
		assert_int_equal(add_flow(dp, port), 0);
	opt.sizes[WR_MAP_wr_flows] = 64;
	opt.config.mark = 2;
	assert_int_equal(try_load(&opt, OBJECT(dp_probe), &other, &err), -E2BIG);
	assert_err(&err, -E2BIG, "of wr_flows holds");
	assert_int_equal(pinned_answer(), 1);
	expect_flows(dp, 300);
	wr_dp_close(dp);
}

/* A load killed after it had put the former shard beside the new one: flows in both, and in the former only. */
static void a_drain_that_was_cut_off_is_completed(void **state)
{
	struct wr_dp_options opt = options(1);
	struct wr_dp *dp = load(&opt, OBJECT(dp_probe));
	struct wr_sys_map def = dp_map_def(WR_MAP_wr_flows);
	uint16_t port;
	uint32_t i, former;
	int fd;

	for (port = 1; port <= 200; port++)
		assert_int_equal(add_flow(dp, port), 0);
	def.max_entries = 256;
	for (i = 0; i < 4; i++) {
		former = 4 + i;
		fd = wr_sys_map_create(&def, -1);
		assert_int_equal(wr_sys_map_update(dp->fds[WR_MAP_wr_flows], &former,
						   &dp->shards.v[i], 0),
				 0);
		assert_int_equal(wr_sys_map_update(dp->fds[WR_MAP_wr_flows], &i, &fd, 0), 0);
		close(fd);
	}
	assert_int_equal(find_flow(dp, 200), 77);
	assert_int_equal(add_flow(dp, 201), 0);
	wr_dp_close(dp);
	dp = load(&opt, OBJECT(dp_probe));
	expect_flows(dp, 201);
	for (i = 4; i < 8; i++)
		assert_int_equal(dp->shards.v[i], -1);
	wr_dp_close(dp);
}

/* A load killed between moving the old map aside and pinning the new one. */
static void a_map_left_aside_goes_back_to_its_place(void **state)
{
	struct wr_dp_options opt = options(1);
	struct wr_dp *dp = load(&opt, OBJECT(dp_probe));
	uint32_t id = map_id(dp, WR_MAP_wr_endpoints);

	wr_dp_close(dp);
	assert_int_equal(wr_mkdirs(DP_PINS "/maps_old", 0700), 0);
	assert_int_equal(rename(DP_PINS "/maps/wr_endpoints", DP_PINS "/maps_old/wr_endpoints"), 0);
	dp = load(&opt, OBJECT(dp_probe));
	assert_int_equal(map_id(dp, WR_MAP_wr_endpoints), id);
	assert_false(exists(DP_PINS "/maps_old"));
	wr_dp_close(dp);
}

/* A load killed after pinning the new map: the old programs have written to the old one since. */
static void rows_written_late_to_the_old_map_are_drained(void **state)
{
	struct wr_dp_options opt = options(1);
	struct wr_dp *dp = load(&opt, OBJECT(dp_probe));
	struct wr_affinity_key key = { .service = 8 };
	struct wr_sys_map def = dp_map_def(WR_MAP_wr_affinity);
	struct wr_affinity row = affinity_row(44);
	int fd;

	put_affinity(dp, 8, 33);
	put_affinity(dp, 9, 34);
	def.max_entries = 2048;
	fd = wr_sys_map_create(&def, -1);
	assert_int_equal(wr_sys_map_update(fd, &key, &row, 0), 0);
	assert_int_equal(wr_mkdirs(DP_PINS "/maps_old", 0700), 0);
	assert_int_equal(rename(DP_PINS "/maps/wr_affinity", DP_PINS "/maps_old/wr_affinity"), 0);
	assert_int_equal(wr_sys_obj_pin(fd, DP_PINS "/maps/wr_affinity"), 0);
	close(fd);
	wr_dp_close(dp);
	opt.sizes[WR_MAP_wr_affinity] = 2048;
	dp = load(&opt, OBJECT(dp_probe));
	/* The newer row stays, the other came along. */
	assert_int_equal(wr_sys_map_lookup(wr_dp_map_fd(dp, WR_MAP_wr_affinity), &key, &row), 0);
	assert_int_equal(row.backend, 44);
	key.service = 9;
	assert_int_equal(wr_sys_map_lookup(wr_dp_map_fd(dp, WR_MAP_wr_affinity), &key, &row), 0);
	assert_int_equal(row.backend, 34);
	wr_dp_close(dp);
}

static void another_abi_is_taken_over_with_links_and_flows(void **state)
{
	struct wr_dp_options opt = options(1);
	struct wr_affinity_key key = { .service = 8 };
	struct {
		struct wr_affinity affinity;
		uint64_t more;
	} row;
	struct wr_dp *dp;
	uint32_t flows;

	opt.pins = OTHER_PINS;
	dp = load(&opt, OBJECT(dp_probe));
	put_affinity(dp, 8, 33);
	assert_int_equal(add_flow(dp, 7), 0);
	flows = map_id(dp, WR_MAP_wr_flows);
	assert_int_equal(wr_dp_attach_tc(OTHER_PINS, "uplink-lo", "pod_egress", 1,
					 WR_ATTACH_TC_INGRESS, true, NULL),
			 0);
	wr_dp_close(dp);
	opt = options(2);
	dp = load(&opt, OBJECT(dp_grown));
	assert_false(exists(OTHER_PINS));
	assert_int_equal(map_id(dp, WR_MAP_wr_flows), flows);
	assert_int_equal(wr_dp_check_tc(DP_PINS, "uplink-lo", "pod_egress", 1, WR_ATTACH_TC_INGRESS,
					true, NULL),
			 0);
	assert_int_equal(wr_sys_map_lookup(wr_dp_map_fd(dp, WR_MAP_wr_affinity), &key, &row), 0);
	assert_int_equal(row.affinity.backend, 33);
	assert_int_equal(row.more, 0);
	wr_dp_close(dp);
}

static void a_control_table_with_another_key_stops_the_upgrade(void **state)
{
	struct wr_dp_options opt = options(1);
	struct wr_err err = WR_ERR_INIT;
	struct wr_dp *dp;

	opt.pins = OTHER_PINS;
	dp = load(&opt, OBJECT(dp_probe));
	/* The probe has no peers; an agent of that ABI has. */
	{
		struct wr_sys_map def = dp_map_def(WR_MAP_wr_peers);
		int fd = wr_sys_map_create(&def, -1);

		assert_int_equal(wr_sys_obj_repin(fd, OTHER_PINS "/maps/wr_peers"), 0);
		close(fd);
	}
	wr_dp_close(dp);
	opt = options(2);
	dp = NULL;
	assert_int_equal(try_load(&opt, OBJECT(dp_rekeyed), &dp, &err), -EPROTO);
	assert_err(&err, -EPROTO, "pinned map wr_peers");
	assert_true(exists(OTHER_PINS "/progs/pod_egress"));
}

static uint32_t count_links(const char *dir)
{
	char path[256];
	uint32_t n = 0;
	size_t i;
	static const char *const hooks[] = { "sock_connect4", "pod_egress" };

	for (i = 0; i < WR_ARRAY_SIZE(hooks); i++) {
		assert_int_equal(wr_format(path, sizeof(path), "%s/%s", dir, hooks[i]), 0);
		n += exists(path);
	}
	return n;
}

/* A cgroup of the test's own, below the one that it runs in. */
static char cgroup[256];

static const char *make_cgroup(void)
{
	assert_int_equal(wr_mkdirs("/mnt/cg", 0700), 0);
	assert_int_equal(mount("cgroup2", "/mnt/cg", "cgroup2", 0, NULL), 0);
	assert_int_equal(wr_format(cgroup, sizeof(cgroup), "/mnt/cg/weir-test-%d", getpid()), 0);
	assert_int_equal(mkdir(cgroup, 0755), 0);
	return cgroup;
}

static void remove_cgroup(void)
{
	assert_int_equal(rmdir(cgroup), 0);
	assert_int_equal(umount("/mnt/cg"), 0);
}

static void socket_hooks_attach_once_and_survive_a_load(void **state)
{
	struct wr_dp_options opt = options(1);
	struct wr_dp *dp = load(&opt, OBJECT(dp_probe));
	struct wr_sys_link before, after;
	struct wr_err err = WR_ERR_INIT;
	struct wr_sys_prog prog;
	int fd;

	make_cgroup();
	if (wr_dp_attach_cgroup(dp, cgroup, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(count_links(DP_PINS "/links/cgroup"), 1);
	fd = wr_sys_obj_get(DP_PINS "/links/cgroup/sock_connect4", false);
	assert_int_equal(wr_sys_link_info(fd, &before), 0);
	assert_int_equal(wr_dp_attach_cgroup(dp, cgroup, &err), 0);
	wr_dp_close(dp);
	dp = load(&opt, OBJECT(dp_probe));
	assert_int_equal(wr_sys_prog_info(wr_dp_prog_fd(dp, "sock_connect4"), &prog), 0);
	assert_int_equal(wr_sys_link_info(fd, &after), 0);
	assert_int_equal(after.id, before.id);
	assert_int_equal(after.prog_id, prog.id);
	assert_true(before.prog_id != prog.id);
	close(fd);
	assert_int_equal(wr_dp_attach_cgroup(dp, "/mnt/cg/no-such", &err), -ENOENT);
	assert_err(&err, -ENOENT, "opening the cgroup directory /mnt/cg/no-such");
	assert_int_equal(wr_dp_detach(DP_PINS, "cgroup", NULL), 0);
	wr_dp_close(dp);
	remove_cgroup();
}

static void uninstalling_detaches_and_removes_every_abi(void **state)
{
	struct wr_dp_options opt = options(1);
	uint32_t ids[8], n = 8;
	struct wr_dp *dp;

	dp = load(&opt, OBJECT(dp_probe));
	attach_lo(true);
	assert_int_equal(wr_mkdirs(DP_ROOT "/7/maps", 0700), 0);
	wr_dp_close(dp);
	assert_int_equal(wr_dp_uninstall(DP_ROOT, NULL), 0);
	assert_false(exists(DP_ROOT));
	assert_int_equal(wr_sys_tcx_query(1, WR_SYS_TCX_INGRESS, ids, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(wr_dp_uninstall(DP_ROOT, NULL), 0);
}

static void a_program_that_is_gone_takes_its_links_along(void **state)
{
	struct wr_dp_options opt = options(1);
	uint32_t ids[8], n = 8;

	wr_dp_close(load(&opt, OBJECT(dp_probe)));
	assert_int_equal(wr_dp_attach_tc(DP_PINS, "uplink-lo", "count", 1, WR_ATTACH_TC_INGRESS,
					 true, NULL),
			 0);
	assert_int_equal(rename(DP_PINS "/links/uplink-lo/count", DP_PINS "/links/uplink-lo/gone"),
			 0);
	assert_int_equal(rename(DP_PINS "/progs/count", DP_PINS "/progs/gone"), 0);
	wr_dp_close(load(&opt, OBJECT(dp_probe)));
	assert_false(exists(DP_PINS "/progs/gone"));
	assert_false(exists(DP_PINS "/links/uplink-lo/gone"));
	assert_int_equal(wr_sys_tcx_query(1, WR_SYS_TCX_INGRESS, ids, &n), 0);
	assert_int_equal(n, 0);
}

static void bad_options_are_refused_by_name(void **state)
{
	struct wr_dp_options opt = options(1);
	struct wr_err err = WR_ERR_INIT;
	struct wr_dp *dp = NULL;

	opt.config.flow_shards = 3;
	assert_int_equal(try_load(&opt, OBJECT(dp_probe), &dp, &err), -EINVAL);
	assert_err(&err, -EINVAL, "flow shards: 3 is not a power of two");
	opt = options(1);
	opt.maglev_size = 16383;
	err = WR_ERR_INIT;
	assert_int_equal(try_load(&opt, OBJECT(dp_probe), &dp, &err), -EINVAL);
	assert_err(&err, -EINVAL, "16383 is not a prime");
	opt = options(1);
	opt.pins = "/mnt/elsewhere/1";
	err = WR_ERR_INIT;
	assert_int_equal(try_load(&opt, OBJECT(dp_probe), &dp, &err), -EMEDIUMTYPE);
	assert_err(&err, -EMEDIUMTYPE, "is not on a BPF file system");
	assert_int_equal(wr_remove_tree("/mnt/elsewhere"), 0);
}

static void the_cli_opens_what_was_loaded(void **state)
{
	struct wr_dp_options opt = options(3);
	struct wr_err err = WR_ERR_INIT;
	struct wr_dp *dp = load(&opt, OBJECT(dp_probe)), *cli = NULL;

	assert_int_equal(add_flow(dp, 7), 0);
	if (wr_dp_open(DP_PINS, true, &cli, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(wr_dp_map_size(cli, WR_MAP_wr_flows), 1024);
	assert_int_equal(find_flow(cli, 7), 77);
	wr_dp_close(cli);
	wr_dp_close(dp);
}

#define test(name) cmocka_unit_test_teardown(name, dp_maps_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_load_pins_maps_and_programs),
		test(programs_see_the_configuration),
		test(without_pins_nothing_is_pinned),
		test(the_embedded_objects_load),
		test(flows_are_spread_over_all_shards),
		test(what_a_killed_process_left_is_adopted),
		test(adopted_maps_are_the_same_maps),
		test(a_load_brings_the_new_program_to_every_link),
		test(a_load_brings_the_new_program_to_every_filter),
		test(a_refused_program_changes_nothing_and_says_why),
		test(a_map_that_cannot_be_understood_fails_the_load_and_stays),
		test(a_map_of_another_size_takes_its_rows_along),
		test(counters_go_on_counting_across_a_resize),
		test(a_size_that_has_no_room_for_what_is_there_is_refused),
		test(a_flow_table_of_another_size_keeps_every_flow),
		test(no_flow_is_missed_while_the_table_changes_size),
		test(another_number_of_shards_keeps_every_flow),
		test(a_flow_table_too_small_for_its_flows_is_refused),
		test(a_drain_that_was_cut_off_is_completed),
		test(a_map_left_aside_goes_back_to_its_place),
		test(rows_written_late_to_the_old_map_are_drained),
		test(another_abi_is_taken_over_with_links_and_flows),
		test(a_control_table_with_another_key_stops_the_upgrade),
		test(socket_hooks_attach_once_and_survive_a_load),
		test(uninstalling_detaches_and_removes_every_abi),
		test(a_program_that_is_gone_takes_its_links_along),
		test(bad_options_are_refused_by_name),
		test(the_cli_opens_what_was_loaded),
	};

	return cmocka_run_group_tests(tests, dp_sandbox_enter, dp_sandbox_leave);
}
