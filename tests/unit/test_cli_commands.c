/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about what the commands of weir say of real maps, with and without an agent. */
#include "tests/unit/check.h"

#include "cli/cli.h"
#include "lib/base/cleanup.h"
#include "lib/base/io.h"
#include "lib/dp/tables.h"
#include "lib/ipam/ipam.h"
#include "tests/unit/cli_rows.h"
#include "tests/unit/dp_fixture.h"

#define LONG6 "2001:db8:aaaa:bbbb:cccc:dddd:eeee:"

/* Two addresses held, one of them released. */
static void put_leases(void)
{
	struct wr_prefix pool;
	struct wr_ipam_request want = { .pools = &pool, .n_pools = 1, .want4 = true };
	static char network[] = "net", one[] = "c-1", two[] = "c-2", ifname[] = "eth0";
	const struct wr_attachment held = { network, one, ifname },
				   released = { network, two, ifname };
	wr_auto_ipam *ipam = NULL;
	struct wr_ipam_result got;

	assert_int_equal(wr_prefix_parse("10.244.1.0/24", &pool), 0);
	assert_int_equal(wr_ipam_open("/mnt/state/test/ipam", &ipam, NULL), 0);
	assert_int_equal(wr_ipam_allocate(ipam, &held, &want, &got, NULL), 0);
	assert_int_equal(wr_ipam_allocate(ipam, &released, &want, &got, NULL), 0);
	assert_int_equal(wr_ipam_release(ipam, &released, NULL), 1);
}

static void ipam_counts_what_is_held_resting_and_free(void **state)
{
	struct cli_result r, json;
	wr_auto_json *all = NULL;
	const struct wr_json *pool;

	put_leases();
	cli_put_record("c-1", "default", "web", "10.244.1.2");
	json = cli_run("ipam -o json");
	all = cli_items(&json);
	pool = wr_json_at(wr_json_get(all, "pools"), 0);
	assert_int_equal(wr_json_get_int(pool, "held", -1), 1);
	assert_int_equal(wr_json_get_int(pool, "resting", -1), 1);
	assert_int_equal(wr_json_get_int(pool, "usable", -1), 253);
	assert_int_equal(wr_json_get_int(pool, "free", -1), 252);
	assert_string_equal(wr_json_get_str(cli_find(all, "container", "c-1"), "name"),
			    "default/web");
	assert_string_equal(wr_json_get_str(cli_find(all, "container", "c-2"), "state"), "resting");
	cli_result_done(&json);

	r = cli_run("ipam");
	assert_has(r.out, "fd00:1::/64       0        0  plenty");
	assert_fits(r.out, 100);
	cli_result_done(&r);
}

static void leases_are_shown_without_an_agent(void **state)
{
	struct cli_result r;

	put_leases();
	r = cli_run("ipam");
	assert_int_equal(r.status, WR_EXIT_OK);
	assert_has(r.out, "c-1");
	assert_has(r.notes, "the agent, which is away");
	cli_result_done(&r);
}

static void every_table_fits_a_hundred_columns_however_long_the_names(void **state)
{
	static const char *const lines[] = {
		"flows",    "services",  "service 2001:db8:aaaa:bbbb:cccc:dddd:eeee:1",
		"backends", "endpoints", "drops --all",
		"status"
	};
	struct wr_endpoint ep = { .ifindex = 1,
				  .flags = WR_EP_USED,
				  .addr4 = cli_addr("10.244.100.200"),
				  .addr6 = cli_addr(LONG6 "9999") };
	struct wr_dp *dp = dp_open();
	size_t i;

	cli_put_backend(dp, 6, LONG6 "ffff", UINT64_MAX);
	cli_put_frontend(dp, LONG6 "1", 65535, 1);
	cli_put_flow(dp, LONG6 "1", 65535, LONG6 "ffff", 65534,
		     (struct wr_flow){ .state = WR_TCP_ESTABLISHED,
				       .service = 4000000000u,
				       .backend = 6,
				       .packets = { UINT64_MAX / 4 },
				       .bytes = { UINT64_MAX / 4 } });
	cli_put_flow(dp, "10.244.100.200", 65535, LONG6 "ffff", 1,
		     (struct wr_flow){ .state = WR_TCP_SYN_RECV });
	cli_put_record("c-1", "a-namespace-of-a-department",
		       "frontend-of-the-shop-that-never-closes-7d9c5f8b6d-x2k9q", "10.244.100.200");
	assert_int_equal(wr_endpoint_put(dp, 3, &ep), 0);
	wr_dp_close(dp);
	for (i = 0; i < WR_ARRAY_SIZE(lines); i++) {
		struct cli_result r = cli_run(lines[i]);

		if (r.status)
			fail_msg("%s: %s", lines[i], r.notes);
		assert_fits(r.out, 100);
		cli_result_done(&r);
	}
}

static void an_endpoint_is_named_by_its_record_and_one_without_is_stray(void **state)
{
	struct wr_endpoint known = { .ifindex = 1,
				     .flags = WR_EP_USED,
				     .addr4 = cli_addr("10.244.1.5"),
				     .rules = WR_RULES_EGRESS | 4 };
	struct wr_endpoint stray = { .ifindex = 1,
				     .flags = WR_EP_USED,
				     .addr4 = cli_addr("10.244.1.6") };
	struct wr_dp *dp = dp_open();
	struct cli_result r;
	wr_auto_json *list = NULL;

	cli_put_record("c-1", "default", "web", "10.244.1.5");
	cli_put_record("c-2", "default", "soon", "10.244.1.7");
	assert_int_equal(wr_endpoint_put(dp, 3, &known), 0);
	assert_int_equal(wr_endpoint_put(dp, 4, &stray), 0);
	wr_dp_close(dp);
	r = cli_run("endpoints -o json");
	list = cli_items(&r);
	assert_int_equal(wr_json_len(wr_json_get(list, "items")), 3);
	assert_string_equal(wr_json_get_str(cli_find(list, "ipv4", "10.244.1.5"), "name"),
			    "default/web");
	assert_string_equal(wr_json_get_str(cli_find(list, "ipv4", "10.244.1.5"), "policy"),
			    "egress");
	assert_string_equal(wr_json_get_str(cli_find(list, "ipv4", "10.244.1.6"), "state"), "stray");
	assert_string_equal(wr_json_get_str(cli_find(list, "ipv4", "10.244.1.7"), "state"),
			    "pending");
	cli_result_done(&r);
}

static void drops_name_what_occurred_and_all_reasons_when_asked(void **state)
{
	struct wr_drop_count counts[256] = { { 3, 180 } };
	uint32_t reason = WR_REASON_TTL;
	struct wr_dp *dp = dp_open();
	struct cli_result r, all;
	wr_auto_json *list = NULL, *every = NULL;

	assert_int_equal(wr_sys_map_update(wr_dp_map_fd(dp, WR_MAP_wr_drops), &reason, counts, 0), 0);
	wr_dp_close(dp);
	r = cli_run("drops -o json");
	list = cli_items(&r);
	assert_int_equal(wr_json_len(wr_json_get(list, "items")), 1);
	assert_int_equal(wr_json_get_int(cli_find(list, "name", "ttl-exceeded"), "packets", 0), 3);
	all = cli_run("drops --all -o json");
	every = cli_items(&all);
	assert_int_equal(wr_json_len(wr_json_get(every, "items")), WR_REASON_MAX - 1);
	cli_result_done(&r);
	cli_result_done(&all);
}

static void status_says_that_the_agent_is_away_and_how_full_the_maps_are(void **state)
{
	struct cli_result r = cli_run("status");

	assert_int_equal(r.status, WR_EXIT_OK);
	assert_has(r.out, "the agent is away");
	assert_has(r.out, "wr_frontends");
	assert_has(r.notes, "the agent is away");
	cli_result_done(&r);
}

static void status_says_what_is_wrong(void **state)
{
	static const char *const parts[] = { "Weir 9.9 on node-a, instance test: agent up for ",
					     "Ready         NO",
					     "uplink: no uplink is attached yet",
					     "FAILING       nodes, 4 failures",
					     "auto; other nodes: 2 direct, 1 by VXLAN",
					     "ERROR         a.yaml: line 3: spec.ports: must be a list",
					     "Objects       3 Pod\n",
					     "Not synced    Service\n",
					     "Attached      NOTHING",
					     "WARNING       rules of kube-proxy\n",
					     "              2 pods of another network\n",
					     "Not enforced  bandwidth limits of pods" };
	struct cli_result r = cli_run("status");
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(parts); i++)
		assert_has(r.out, parts[i]);
	assert_null(strstr(r.out, "datapath:"));
	cli_result_done(&r);
}

static void ready_is_quiet_when_it_is_and_says_why_when_not(void **state)
{
	static const struct cli_answer ready[] = { { "ready", "{}" }, { 0 } };
	struct cli_result r;

	r = cli_run("status --ready");
	assert_int_equal(r.status, WR_EXIT_ERROR);
	assert_has(r.notes, "not ready: cannot connect");
	cli_result_done(&r);

	cli_agent_start(cli_agent);
	r = cli_run("status --ready");
	assert_int_equal(r.status, WR_EXIT_ERROR);
	assert_has(r.notes, "not ready: not in the table");
	cli_result_done(&r);
	cli_agent_stop();

	cli_agent_start(ready);
	r = cli_run("status --ready");
	assert_int_equal(r.status, WR_EXIT_OK);
	assert_string_equal(r.out, "");
	assert_string_equal(r.notes, "");
	cli_result_done(&r);
	cli_agent_stop();
}

static void nothing_to_read_has_its_own_exit_status_and_one_line(void **state)
{
	static const char *const lines[] = { "status",          "flows",   "endpoints", "services",
					     "backends",        "drops",   "service x", "nodes",
					     "lb lookup a b:1", "monitor", "ipam" };
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(lines); i++) {
		struct cli_result r = cli_run(lines[i]);

		if (r.status != WR_EXIT_NOTHING)
			fail_msg("%s: %d", lines[i], r.status);
		assert_string_equal(r.out, "");
		assert_ptr_equal(strchr(r.notes, '\n'), r.notes + strlen(r.notes) - 1);
		cli_result_done(&r);
	}
}

static void an_agent_of_another_release_is_named(void **state)
{
	struct cli_result r;

	assert_int_equal(wr_mkdirs(DP_ROOT "/99/maps", 0700), 0);
	r = cli_run("drops");
	assert_int_equal(r.status, WR_EXIT_NOTHING);
	assert_has(r.notes, "ABI 99");
	cli_result_done(&r);
	assert_int_equal(wr_remove_tree(DP_BPFFS "/weir"), 0);
}

static void monitor_shows_names_and_ends_at_its_limit(void **state)
{
	struct cli_result r = cli_run("monitor --limit 1");

	assert_int_equal(r.status, WR_EXIT_OK);
	assert_has(r.out, "03:04:05.678 DROP  tcp    default/client:400 -> default/far:80");
	assert_has(r.out, "policy-ingress, pod-ingress 74 B SYN");
	assert_fits(r.out, 100);
	assert_null(strstr(r.out, "03:04:06"));
	cli_result_done(&r);
}

static void monitor_follows_one_pod(void **state)
{
	struct cli_result r = cli_run("monitor --limit 1 --pod 192.0.2.1 -o json");

	assert_has(r.out, "\"reason\":\"ttl-exceeded\"");
	assert_null(strstr(r.out, "policy-ingress"));
	cli_result_done(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		AGENT(ipam_counts_what_is_held_resting_and_free),
		MAPS(leases_are_shown_without_an_agent),
		MAPS(every_table_fits_a_hundred_columns_however_long_the_names),
		MAPS(an_endpoint_is_named_by_its_record_and_one_without_is_stray),
		MAPS(drops_name_what_occurred_and_all_reasons_when_asked),
		MAPS(status_says_that_the_agent_is_away_and_how_full_the_maps_are),
		AGENT(status_says_what_is_wrong),
		MAPS(ready_is_quiet_when_it_is_and_says_why_when_not),
		NOTHING(nothing_to_read_has_its_own_exit_status_and_one_line),
		NOTHING(an_agent_of_another_release_is_named),
		AGENT(monitor_shows_names_and_ends_at_its_limit),
		AGENT(monitor_follows_one_pod),
	};

	return cmocka_run_group_tests(tests, cli_sandbox_enter, cli_sandbox_leave);
}
