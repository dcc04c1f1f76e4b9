/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about loading, adopting, replacing and removing, with small programs on the real maps. */
#include "tests/unit/check.h"

#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/io.h"
#include "lib/base/str.h"
#include "lib/base/clock.h"
#include "lib/dp/tables.h"
#include "tests/unit/dp_fixture.h"
#include "tests/unit/dp_probe.h"
#include "tests/unit/svc_fixture.h"

static void a_load_pins_maps_and_programs(void **state)
{
	struct wr_dp_options opt = probe_options(5);
	struct wr_dp *dp = probe_load(&opt, OBJECT(dp_probe));
	struct wr_sys_map info;

	assert_true(probe_exists(DP_PINS "/maps/wr_flows"));
	assert_true(probe_exists(DP_PINS "/maps/wr_affinity"));
	assert_true(probe_exists(DP_PINS "/progs/pod_egress"));
	assert_true(probe_exists(DP_PINS "/progs/sock_connect4"));
	assert_false(probe_exists(DP_PINS "/maps_old"));
	assert_int_equal(wr_sys_map_info(wr_dp_map_fd(dp, WR_MAP_wr_affinity), &info), 0);
	assert_int_equal(info.max_entries, 1024);
	wr_dp_close(dp);
}

static void programs_see_the_configuration(void **state)
{
	struct wr_dp_options opt = probe_options(5);
	struct wr_dp *dp = probe_load(&opt, OBJECT(dp_probe));

	assert_int_equal(probe_answer_of(wr_dp_prog_fd(dp, "pod_egress")), 5);
	assert_int_equal(wr_dp_prog_fd(dp, "no_such"), -ENOENT);
	wr_dp_close(dp);
}

static void without_pins_nothing_is_pinned(void **state)
{
	struct wr_dp_options opt = probe_options(5);
	struct wr_dp *dp;

	opt.pins = NULL;
	dp = probe_load(&opt, OBJECT(dp_probe));
	assert_int_equal(probe_answer_of(wr_dp_prog_fd(dp, "pod_egress")), 5);
	assert_int_equal(probe_add_flow(dp, 1), 0);
	assert_int_equal(probe_find_flow(dp, 1), 77);
	assert_false(probe_exists(DP_ROOT));
	wr_dp_close(dp);
}

/* The real programs, unpinned. */
static struct wr_dp *load_embedded(void)
{
	struct wr_dp_options opt = { .config = { .flow_shards = 4, .hz = 1 } };
	struct wr_err err = WR_ERR_INIT;
	struct wr_dp *dp = NULL;

	if (wr_dp_load(&opt, &dp, &err) < 0)
		fail_msg("%s", err.msg);
	return dp;
}

static void the_embedded_objects_load(void **state)
{
	struct wr_dp *dp = load_embedded();
	size_t i;

	for (i = 0; i < dp->progs.n; i++)
		assert_true(dp->progs.v[i].fd >= 0);
	assert_true(dp->progs.n >= wr_bpf_objects_n);
	for (i = 0; i < WR_MAP_MAX; i++)
		if (wr_dp_map_fd(dp, (enum wr_map)i) < 0)
			fail_msg("no program has map %s", wr_map_name((enum wr_map)i));
	wr_dp_close(dp);
}

static void put_expired_flow(struct wr_dp *dp)
{
	struct wr_flow_key key = probe_flow_key(7);
	struct wr_flow flow = { .state = WR_FLOW_PROMOTED | WR_TCP_RESET,
				.src_ep = WR_EP_NONE,
				.dst_ep = WR_EP_NONE };

	assert_int_equal(wr_sys_map_update(dp->shards.v[2], &key, &flow, BPF_ANY), 0);
}

static void a_sweep_marks_what_expired_and_deletes_it_later(void **state)
{
	struct wr_dp *dp = load_embedded();
	uint64_t end = wr_now_ms() + 10000;
	struct wr_sweep_stats st;
	uint32_t i;

	put_expired_flow(dp);
	assert_int_equal(wr_flow_sweep(dp, 2, &st), 0);
	assert_int_equal(st.seen, 1);
	assert_int_equal(st.marked, 1);
	assert_int_equal(st.deleted, 0);
	do {
		assert_int_equal(wr_flow_sweep(dp, 2, &st), 0);
		assert_int_equal(st.seen, 1);
	} while (!st.deleted && wr_now_ms() < end);
	assert_int_equal(st.deleted, 1);
	for (i = 0; i <= wr_flow_shards(dp); i++) {
		assert_int_equal(wr_flow_sweep(dp, i, &st), 0);
		assert_int_equal(st.seen, 0);
	}
	assert_int_equal(wr_flow_sweep(dp, wr_flow_shards(dp) + 1, &st), -EINVAL);
	wr_dp_close(dp);
}

static void a_lookup_answers_with_the_backend_of_the_set(void **state)
{
	struct wr_dp *dp = load_embedded();
	struct wr_svc_table *t = fx_open_table(dp);
	struct wr_lb_query q = { .src = fx_addr4(0x0a000001), .proto = IPPROTO_TCP };
	struct wr_svc_backend be = fx_backend(10);
	struct wr_lb_answer a;
	struct want w;

	fx_want_init(&w, 5);
	fx_want_backends(&w, 10, 1);
	fx_put(t, &w);
	q.dst = w.fes[0].addr;
	q.dport = w.fes[0].port;
	assert_int_equal(wr_lb_lookup(dp, &q, &a), 0);
	assert_int_equal(a.reason, WR_REASON_NONE);
	assert_int_equal(a.service, 5);
	assert_true(a.backend > 0);
	assert_true(wr_addr_eq(&a.addr, &be.addr));
	assert_int_equal(a.port, be.port);
	fx_want_backends(&w, 10, 0);
	fx_put(t, &w);
	assert_int_equal(wr_lb_lookup(dp, &q, &a), 0);
	assert_int_equal(a.reason, WR_REASON_NO_BACKEND);
	assert_int_equal(a.backend, 0);
	wr_svc_table_close(t);
	wr_dp_close(dp);
}

static void flows_are_spread_over_all_shards(void **state)
{
	struct wr_dp_options opt = probe_options(1);
	struct wr_dp *dp = probe_load(&opt, OBJECT(dp_probe));
	struct wr_sys_map info;
	uint64_t n, sum = 0;
	uint16_t port;
	uint32_t i;

	for (port = 1; port <= 400; port++)
		assert_int_equal(probe_add_flow(dp, port), 0);
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
	struct wr_dp_options opt = probe_options(1);
	struct wr_dp *dp = probe_load(&opt, OBJECT(dp_probe));
	struct wr_endpoint ep = { .identity = 20, .ifindex = 3 };

	assert_int_equal(probe_add_flow(dp, 7), 0);
	assert_int_equal(wr_endpoint_put(dp, 9, &ep), 0);
}

static void what_a_killed_process_left_is_adopted(void **state)
{
	struct wr_dp_options opt = probe_options(2);
	struct wr_endpoint ep;
	struct wr_dp *dp;

	in_a_killed_process(load_and_write);
	assert_int_equal(probe_pinned_answer(), 1);
	dp = probe_load(&opt, OBJECT(dp_probe));
	assert_int_equal(probe_pinned_answer(), 2);
	assert_int_equal(probe_find_flow(dp, 7), 77);
	assert_int_equal(wr_endpoint_get(dp, 9, &ep), 0);
	assert_int_equal(ep.identity, 20);
	wr_dp_close(dp);
}

static void adopted_maps_are_the_same_maps(void **state)
{
	struct wr_dp_options opt = probe_options(1);
	struct wr_dp *a = probe_load(&opt, OBJECT(dp_probe)), *b = probe_load(&opt, OBJECT(dp_probe));

	assert_int_equal(probe_map_id(a, WR_MAP_wr_flows), probe_map_id(b, WR_MAP_wr_flows));
	assert_int_equal(probe_map_id(a, WR_MAP_wr_endpoints), probe_map_id(b, WR_MAP_wr_endpoints));
	assert_int_equal(probe_map_id(a, WR_MAP_wr_affinity), probe_map_id(b, WR_MAP_wr_affinity));
	wr_dp_close(a);
	wr_dp_close(b);
}

static void a_load_updates_every_link(bool tcx)
{
	struct wr_dp_options opt = probe_options(1);
	struct wr_dp *dp;

	opt.no_tcx = !tcx;
	wr_dp_close(probe_load(&opt, OBJECT(dp_probe)));
	probe_attach_lo(tcx);
	opt.config.mark = 2;
	dp = probe_load(&opt, OBJECT(dp_probe));
	assert_int_equal(wr_dp_has_tcx(dp), tcx);
	assert_int_equal(wr_dp_check_tc(DP_PINS, "uplink-lo", "pod_egress", 1, WR_ATTACH_TC_INGRESS,
					tcx, NULL),
			 0);
	assert_int_equal(probe_pinned_answer(), 2);
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

static uint32_t prog_id(const struct wr_dp *dp, const char *prog)
{
	struct wr_sys_prog info;

	assert_int_equal(wr_sys_prog_info(wr_dp_prog_fd(dp, prog), &info), 0);
	return info.id;
}

static void the_same_build_and_options_verify_nothing_again(void **state)
{
	struct wr_dp_options opt = probe_options(1);
	struct wr_dp *dp = probe_load(&opt, OBJECT(dp_probe));
	uint32_t egress = prog_id(dp, "pod_egress"), connect = prog_id(dp, "sock_connect4");

	wr_dp_close(dp);
	probe_attach_lo(true);
	dp = probe_load(&opt, OBJECT(dp_probe));
	assert_int_equal(prog_id(dp, "pod_egress"), egress);
	assert_int_equal(prog_id(dp, "sock_connect4"), connect);
	assert_int_equal(wr_dp_check_tc(DP_PINS, "uplink-lo", "pod_egress", 1, WR_ATTACH_TC_INGRESS,
					true, NULL),
			 0);
	wr_dp_close(dp);
}

static void what_differs_is_verified_anew(void **state)
{
	struct wr_dp_options opt = probe_options(1);
	struct wr_dp *dp = probe_load(&opt, OBJECT(dp_probe));
	uint32_t before = prog_id(dp, "pod_egress");

	wr_dp_close(dp);
	opt.config.mark = 2;
	dp = probe_load(&opt, OBJECT(dp_probe));
	assert_true(prog_id(dp, "pod_egress") != before);
	before = prog_id(dp, "pod_egress");
	wr_dp_close(dp);
	opt.sizes[WR_MAP_wr_affinity] = 2048;
	dp = probe_load(&opt, OBJECT(dp_probe));
	assert_true(prog_id(dp, "pod_egress") != before);
	before = prog_id(dp, "pod_egress");
	wr_dp_close(dp);
	/* Half a load, or somebody's hands. */
	assert_int_equal(unlink(DP_PINS "/progs/count"), 0);
	dp = probe_load(&opt, OBJECT(dp_probe));
	assert_true(prog_id(dp, "pod_egress") != before);
	assert_true(wr_dp_prog_fd(dp, "count") >= 0);
	before = prog_id(dp, "pod_egress");
	wr_dp_close(dp);
	assert_int_equal(unlink(DP_PINS "/digest"), 0);
	dp = probe_load(&opt, OBJECT(dp_probe));
	assert_true(prog_id(dp, "pod_egress") != before);
	wr_dp_close(dp);
}

static void a_refused_program_changes_nothing_and_says_why(void **state)
{
	struct wr_dp_options opt = probe_options(1);
	struct wr_err err = WR_ERR_INIT;
	struct wr_dp *dp = NULL;

	wr_dp_close(probe_load(&opt, OBJECT(dp_probe)));
	probe_attach_lo(true);
	opt.config.mark = 2;
	assert_true(probe_try_load(&opt, OBJECT(dp_refused), &dp, &err) < 0);
	assert_null(dp);
	assert_err(&err, err.code, "loading BPF object dp_refused");
	assert_err(&err, err.code, "invalid access to packet");
	assert_int_equal(probe_pinned_answer(), 1);
	assert_int_equal(wr_dp_check_tc(DP_PINS, "uplink-lo", "pod_egress", 1, WR_ATTACH_TC_INGRESS,
					true, NULL),
			 0);
	assert_true(probe_exists(DP_PINS "/progs/sock_connect4"));
}

static void a_map_that_cannot_be_understood_fails_the_load_and_stays(void **state)
{
	struct wr_dp_options opt = probe_options(1);
	struct wr_err err = WR_ERR_INIT;
	struct wr_dp *dp = NULL, *before = probe_load(&opt, OBJECT(dp_probe));

	assert_int_equal(probe_try_load(&opt, OBJECT(dp_grown), &dp, &err), -EPROTO);
	assert_err(&err, -EPROTO, "pinned map wr_affinity has type 9, key 24, value 24");
	assert_int_equal(probe_pinned_answer(), 1);
	wr_dp_close(before);
}

static uint32_t count_links(const char *dir)
{
	char path[256];
	uint32_t n = 0;
	size_t i;
	static const char *const hooks[] = { "sock_connect4", "pod_egress" };

	for (i = 0; i < WR_ARRAY_SIZE(hooks); i++) {
		assert_int_equal(wr_format(path, sizeof(path), "%s/%s", dir, hooks[i]), 0);
		n += probe_exists(path);
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
	struct wr_dp_options opt = probe_options(1);
	struct wr_dp *dp = probe_load(&opt, OBJECT(dp_probe));
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
	opt.config.mark = 2;
	dp = probe_load(&opt, OBJECT(dp_probe));
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
	struct wr_dp_options opt = probe_options(1);
	uint32_t ids[8], n = 8;
	struct wr_dp *dp;

	dp = probe_load(&opt, OBJECT(dp_probe));
	probe_attach_lo(true);
	assert_int_equal(wr_mkdirs(DP_ROOT "/7/maps", 0700), 0);
	wr_dp_close(dp);
	assert_int_equal(wr_dp_uninstall(DP_ROOT, NULL), 0);
	assert_false(probe_exists(DP_ROOT));
	assert_int_equal(wr_sys_tcx_query(1, WR_SYS_TCX_INGRESS, ids, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(wr_dp_uninstall(DP_ROOT, NULL), 0);
}

static void a_program_that_is_gone_takes_its_links_along(void **state)
{
	struct wr_dp_options opt = probe_options(1);
	uint32_t ids[8], n = 8;

	wr_dp_close(probe_load(&opt, OBJECT(dp_probe)));
	assert_int_equal(wr_dp_attach_tc(DP_PINS, "uplink-lo", "count", 1, WR_ATTACH_TC_INGRESS,
					 true, NULL),
			 0);
	assert_int_equal(rename(DP_PINS "/links/uplink-lo/count", DP_PINS "/links/uplink-lo/gone"),
			 0);
	assert_int_equal(rename(DP_PINS "/progs/count", DP_PINS "/progs/gone"), 0);
	wr_dp_close(probe_load(&opt, OBJECT(dp_probe)));
	assert_false(probe_exists(DP_PINS "/progs/gone"));
	assert_false(probe_exists(DP_PINS "/links/uplink-lo/gone"));
	assert_int_equal(wr_sys_tcx_query(1, WR_SYS_TCX_INGRESS, ids, &n), 0);
	assert_int_equal(n, 0);
}

static void bad_options_are_refused_by_name(void **state)
{
	struct wr_dp_options opt = probe_options(1);
	struct wr_err err = WR_ERR_INIT;
	struct wr_dp *dp = NULL;

	opt.config.flow_shards = 3;
	assert_int_equal(probe_try_load(&opt, OBJECT(dp_probe), &dp, &err), -EINVAL);
	assert_err(&err, -EINVAL, "flow shards: 3 is not a power of two");
	opt = probe_options(1);
	opt.maglev_size = 16383;
	err = WR_ERR_INIT;
	assert_int_equal(probe_try_load(&opt, OBJECT(dp_probe), &dp, &err), -EINVAL);
	assert_err(&err, -EINVAL, "16383 is not a prime");
	opt = probe_options(1);
	opt.pins = "/mnt/elsewhere/1";
	err = WR_ERR_INIT;
	assert_int_equal(probe_try_load(&opt, OBJECT(dp_probe), &dp, &err), -EMEDIUMTYPE);
	assert_err(&err, -EMEDIUMTYPE, "is not on a BPF file system");
	assert_int_equal(wr_remove_tree("/mnt/elsewhere"), 0);
}

static void the_cli_opens_what_was_loaded(void **state)
{
	struct wr_dp_options opt = probe_options(3);
	struct wr_err err = WR_ERR_INIT;
	struct wr_dp *dp = probe_load(&opt, OBJECT(dp_probe)), *cli = NULL;

	assert_int_equal(probe_add_flow(dp, 7), 0);
	if (wr_dp_open(DP_PINS, true, &cli, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(wr_dp_map_size(cli, WR_MAP_wr_flows), 1024);
	assert_int_equal(probe_find_flow(cli, 7), 77);
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
		test(a_sweep_marks_what_expired_and_deletes_it_later),
		test(a_lookup_answers_with_the_backend_of_the_set),
		test(flows_are_spread_over_all_shards),
		test(what_a_killed_process_left_is_adopted),
		test(adopted_maps_are_the_same_maps),
		test(a_load_brings_the_new_program_to_every_link),
		test(a_load_brings_the_new_program_to_every_filter),
		test(the_same_build_and_options_verify_nothing_again),
		test(what_differs_is_verified_anew),
		test(a_refused_program_changes_nothing_and_says_why),
		test(a_map_that_cannot_be_understood_fails_the_load_and_stays),
		test(socket_hooks_attach_once_and_survive_a_load),
		test(uninstalling_detaches_and_removes_every_abi),
		test(a_program_that_is_gone_takes_its_links_along),
		test(bad_options_are_refused_by_name),
		test(the_cli_opens_what_was_loaded),
	};

	return cmocka_run_group_tests(tests, dp_sandbox_enter, dp_sandbox_leave);
}
