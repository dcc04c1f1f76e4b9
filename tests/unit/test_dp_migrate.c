/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about maps of another size, number of shards or ABI, and about loads that were cut off. */
#include "tests/unit/check.h"

#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/dp/tables.h"
#include "tests/unit/dp_fixture.h"
#include "tests/unit/dp_probe.h"

static void a_map_of_another_size_takes_its_rows_along(void **state)
{
	struct wr_dp_options opt = probe_options(1);
	struct wr_dp *dp = probe_load(&opt, OBJECT(dp_probe));
	struct wr_affinity_key key = { .service = 8 };
	struct wr_endpoint ep = { .identity = 20 };
	struct wr_affinity row;
	struct wr_prefix p;

	assert_int_equal(wr_prefix_parse("10.1.0.0/16", &p), 0);
	probe_put_affinity(dp, 8, 33);
	assert_int_equal(wr_endpoint_put(dp, 60, &ep), 0);
	assert_int_equal(wr_peer_put(dp, &p, 5), 0);
	probe_answer_of(wr_dp_prog_fd(dp, "count"));
	wr_dp_close(dp);
	opt.sizes[WR_MAP_wr_affinity] = 4096;
	opt.sizes[WR_MAP_wr_endpoints] = 61;
	opt.sizes[WR_MAP_wr_peer_prefixes] = 10;
	dp = probe_load(&opt, OBJECT(dp_probe));
	assert_int_equal(wr_dp_map_size(dp, WR_MAP_wr_affinity), 4096);
	assert_int_equal(wr_dp_map_size(dp, WR_MAP_wr_endpoints), 61);
	assert_int_equal(wr_sys_map_lookup(wr_dp_map_fd(dp, WR_MAP_wr_affinity), &key, &row), 0);
	assert_int_equal(row.backend, 33);
	assert_int_equal(wr_endpoint_get(dp, 60, &ep), 0);
	assert_int_equal(ep.identity, 20);
	assert_false(probe_exists(DP_PINS "/maps_old"));
	wr_dp_close(dp);
}

static void counters_go_on_counting_across_a_resize(void **state)
{
	struct wr_dp_options opt = probe_options(1);
	struct wr_dp *dp = probe_load(&opt, OBJECT(dp_probe));
	struct wr_ep_stats stats;
	int i;

	for (i = 0; i < 5; i++)
		probe_answer_of(wr_dp_prog_fd(dp, "count"));
	wr_dp_close(dp);
	opt.sizes[WR_MAP_wr_endpoints] = 128;
	dp = probe_load(&opt, OBJECT(dp_probe));
	assert_int_equal(wr_dp_map_size(dp, WR_MAP_wr_ep_stats), 128);
	probe_answer_of(wr_dp_prog_fd(dp, "count"));
	assert_int_equal(wr_endpoint_stats(dp, 3, &stats), 0);
	assert_int_equal(stats.promoted, 6);
	wr_dp_close(dp);
}

static void a_size_that_has_no_room_for_what_is_there_is_refused(void **state)
{
	struct wr_dp_options opt = probe_options(1), small = opt;
	struct wr_dp *dp = probe_load(&opt, OBJECT(dp_probe)), *other = NULL;
	struct wr_endpoint ep = { .identity = 20 };
	struct wr_err err = WR_ERR_INIT;

	assert_int_equal(wr_endpoint_put(dp, 60, &ep), 0);
	small.sizes[WR_MAP_wr_endpoints] = 60;
	small.config.mark = 2;
	assert_int_equal(probe_try_load(&small, OBJECT(dp_probe), &other, &err), -E2BIG);
	assert_err(&err, -E2BIG, "map wr_endpoints uses number 60: a size of 60 has no room for it");
	assert_int_equal(probe_pinned_answer(), 1);
	wr_dp_close(dp);
	dp = probe_load(&opt, OBJECT(dp_probe));
	assert_int_equal(wr_endpoint_get(dp, 60, &ep), 0);
	wr_dp_close(dp);
}

static void expect_flows(struct wr_dp *dp, uint16_t n)
{
	uint64_t promoted, unproven;
	uint16_t port;

	for (port = 1; port <= n; port++)
		assert_int_equal(probe_find_flow(dp, port), 77);
	assert_int_equal(wr_flow_count(dp, &promoted, &unproven), 0);
	assert_int_equal(promoted, n);
}

static void a_flow_table_of_another_size_keeps_every_flow(void **state)
{
	struct wr_dp_options opt = probe_options(1);
	struct wr_dp *dp = probe_load(&opt, OBJECT(dp_probe));
	uint16_t port;

	for (port = 1; port <= 300; port++)
		assert_int_equal(probe_add_flow(dp, port), 0);
	wr_dp_close(dp);
	opt.sizes[WR_MAP_wr_flows] = 4096;
	dp = probe_load(&opt, OBJECT(dp_probe));
	assert_int_equal(wr_dp_map_size(dp, WR_MAP_wr_flows), 4096);
	expect_flows(dp, 300);
	assert_int_equal(dp->shards.v[4], -1);
	wr_dp_close(dp);
	opt.sizes[WR_MAP_wr_flows] = 512;
	dp = probe_load(&opt, OBJECT(dp_probe));
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
		key = probe_flow_key(1 + port++ % 300);
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
	struct wr_dp_options opt = probe_options(1);
	struct wr_dp *dp = probe_load(&opt, OBJECT(dp_probe));
	uint64_t before;
	uint16_t port;
	pid_t pid;
	int i;

	for (port = 1; port <= 300; port++)
		assert_int_equal(probe_add_flow(dp, port), 0);
	pid = fork();
	if (pid == 0)
		look_up_until_told(sh, wr_dp_prog_fd(dp, "find_flow"));
	for (i = 0; i < 8; i++) {
		before = sh->looked;
		opt.sizes[WR_MAP_wr_flows] = i % 2 ? 1024 : 8192;
		wr_dp_close(probe_load(&opt, OBJECT(dp_probe)));
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
	struct wr_dp_options opt = probe_options(1);
	struct wr_dp *dp = probe_load(&opt, OBJECT(dp_probe));
	uint16_t port;

	for (port = 1; port <= 300; port++)
		assert_int_equal(probe_add_flow(dp, port), 0);
	wr_dp_close(dp);
	opt.config.flow_shards = 16;
	dp = probe_load(&opt, OBJECT(dp_probe));
	assert_int_equal(wr_flow_shards(dp), 16);
	expect_flows(dp, 300);
	wr_dp_close(dp);
}

static void a_flow_table_too_small_for_its_flows_is_refused(void **state)
{
	struct wr_dp_options opt = probe_options(1);
	struct wr_dp *dp = probe_load(&opt, OBJECT(dp_probe)), *other = NULL;
	struct wr_err err = WR_ERR_INIT;
	uint16_t port;

	for (port = 1; port <= 300; port++)
		assert_int_equal(probe_add_flow(dp, port), 0);
	opt.sizes[WR_MAP_wr_flows] = 64;
	opt.config.mark = 2;
	assert_int_equal(probe_try_load(&opt, OBJECT(dp_probe), &other, &err), -E2BIG);
	assert_err(&err, -E2BIG, "of wr_flows holds");
	assert_int_equal(probe_pinned_answer(), 1);
	expect_flows(dp, 300);
	wr_dp_close(dp);
}

/* A load killed after it had put the former shard beside the new one: flows in both, and in the former only. */
static void a_drain_that_was_cut_off_is_completed(void **state)
{
	struct wr_dp_options opt = probe_options(1);
	struct wr_dp *dp = probe_load(&opt, OBJECT(dp_probe));
	struct wr_sys_map def = dp_map_def(WR_MAP_wr_flows);
	uint16_t port;
	uint32_t i, former;
	int fd;

	for (port = 1; port <= 200; port++)
		assert_int_equal(probe_add_flow(dp, port), 0);
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
	assert_int_equal(probe_find_flow(dp, 200), 77);
	assert_int_equal(probe_add_flow(dp, 201), 0);
	wr_dp_close(dp);
	dp = probe_load(&opt, OBJECT(dp_probe));
	expect_flows(dp, 201);
	for (i = 4; i < 8; i++)
		assert_int_equal(dp->shards.v[i], -1);
	wr_dp_close(dp);
}

/* A load killed between moving the old map aside and pinning the new one. */
static void a_map_left_aside_goes_back_to_its_place(void **state)
{
	struct wr_dp_options opt = probe_options(1);
	struct wr_dp *dp = probe_load(&opt, OBJECT(dp_probe));
	uint32_t id = probe_map_id(dp, WR_MAP_wr_endpoints);

	wr_dp_close(dp);
	assert_int_equal(wr_mkdirs(DP_PINS "/maps_old", 0700), 0);
	assert_int_equal(rename(DP_PINS "/maps/wr_endpoints", DP_PINS "/maps_old/wr_endpoints"), 0);
	dp = probe_load(&opt, OBJECT(dp_probe));
	assert_int_equal(probe_map_id(dp, WR_MAP_wr_endpoints), id);
	assert_false(probe_exists(DP_PINS "/maps_old"));
	wr_dp_close(dp);
}

/* A load killed after pinning the new map: the old programs have written to the old one since. */
static void rows_written_late_to_the_old_map_are_drained(void **state)
{
	struct wr_dp_options opt = probe_options(1);
	struct wr_dp *dp = probe_load(&opt, OBJECT(dp_probe));
	struct wr_affinity_key key = { .service = 8 };
	struct wr_sys_map def = dp_map_def(WR_MAP_wr_affinity);
	struct wr_affinity row = probe_affinity_row(44);
	int fd;

	probe_put_affinity(dp, 8, 33);
	probe_put_affinity(dp, 9, 34);
	def.max_entries = 2048;
	fd = wr_sys_map_create(&def, -1);
	assert_int_equal(wr_sys_map_update(fd, &key, &row, 0), 0);
	assert_int_equal(wr_mkdirs(DP_PINS "/maps_old", 0700), 0);
	assert_int_equal(rename(DP_PINS "/maps/wr_affinity", DP_PINS "/maps_old/wr_affinity"), 0);
	assert_int_equal(wr_sys_obj_pin(fd, DP_PINS "/maps/wr_affinity"), 0);
	close(fd);
	wr_dp_close(dp);
	opt.sizes[WR_MAP_wr_affinity] = 2048;
	dp = probe_load(&opt, OBJECT(dp_probe));
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
	struct wr_dp_options opt = probe_options(1);
	struct wr_affinity_key key = { .service = 8 };
	struct {
		struct wr_affinity affinity;
		uint64_t more;
	} row;
	struct wr_dp *dp;
	uint32_t flows;

	opt.pins = OTHER_PINS;
	dp = probe_load(&opt, OBJECT(dp_probe));
	probe_put_affinity(dp, 8, 33);
	assert_int_equal(probe_add_flow(dp, 7), 0);
	flows = probe_map_id(dp, WR_MAP_wr_flows);
	assert_int_equal(wr_dp_attach_tc(OTHER_PINS, "uplink-lo", "pod_egress", 1,
					 WR_ATTACH_TC_INGRESS, true, NULL),
			 0);
	wr_dp_close(dp);
	opt = probe_options(2);
	dp = probe_load(&opt, OBJECT(dp_grown));
	assert_false(probe_exists(OTHER_PINS));
	assert_int_equal(probe_map_id(dp, WR_MAP_wr_flows), flows);
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
	struct wr_dp_options opt = probe_options(1);
	struct wr_err err = WR_ERR_INIT;
	struct wr_dp *dp;

	opt.pins = OTHER_PINS;
	dp = probe_load(&opt, OBJECT(dp_probe));
	/* The probe has no peers; an agent of that ABI has. */
	{
		struct wr_sys_map def = dp_map_def(WR_MAP_wr_peers);
		int fd = wr_sys_map_create(&def, -1);

		assert_int_equal(wr_sys_obj_repin(fd, OTHER_PINS "/maps/wr_peers"), 0);
		close(fd);
	}
	wr_dp_close(dp);
	opt = probe_options(2);
	dp = NULL;
	assert_int_equal(probe_try_load(&opt, OBJECT(dp_rekeyed), &dp, &err), -EPROTO);
	assert_err(&err, -EPROTO, "pinned map wr_peers");
	assert_true(probe_exists(OTHER_PINS "/progs/pod_egress"));
}

#define test(name) cmocka_unit_test_teardown(name, dp_maps_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
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
	};

	return cmocka_run_group_tests(tests, dp_sandbox_enter, dp_sandbox_leave);
}
