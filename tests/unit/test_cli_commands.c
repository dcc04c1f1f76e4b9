/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about what the commands of weir say of real maps, with and without an agent. */
#include "tests/unit/check.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli.h"
#include "lib/base/cleanup.h"
#include "lib/base/io.h"
#include "lib/base/str.h"
#include "lib/dp/svc_table.h"
#include "lib/dp/tables.h"
#include "lib/ipam/ipam.h"
#include "lib/json/json.h"
#include "lib/model/records.h"
#include "tests/unit/cli_fixture.h"
#include "tests/unit/dp_fixture.h"

#define LONG  "a-namespace-of-a-department/frontend-of-the-shop-that-never-closes-7d9c5f8b6d-x2k9q"
#define LONG6 "2001:db8:aaaa:bbbb:cccc:dddd:eeee:"

static const struct cli_answer agent[] = {
	{ "status",
	  "{\"version\":\"9.9\",\"node\":\"node-a\",\"started_ms\":1,\"ready\":false,"
	  "\"needs\":[{\"name\":\"datapath\"},{\"name\":\"uplink\",\"reason\":\"no uplink is attached yet\"}],"
	  "\"routing\":{\"mode\":\"auto\",\"direct\":2,\"vxlan\":1},"
	  "\"reconcilers\":[{\"name\":\"nodes\",\"failing\":true,\"failures\":4}],"
	  "\"sources\":[{\"name\":\"/m\",\"errors\":[\"a.yaml: line 3: spec.ports: must be a list\"]}],"
	  "\"kinds\":[{\"kind\":\"Pod\",\"count\":3,\"synced\":true},"
	  "{\"kind\":\"Service\",\"count\":0,\"synced\":false}],"
	  "\"not_enforced\":[\"bandwidth limits of pods\"]}" },
	{ "nodes",
	  "{\"items\":[{\"name\":\"node-a\",\"via\":\"self\",\"addresses\":[\"10.30.0.11\"]},"
	  "{\"name\":\"node-b\",\"number\":3,\"zone\":\"zone-b\",\"zone_number\":2,\"addresses\":[\"10.30.0.12\"],\"via\":\"vxlan\"}]}" },
	{ "pods",
	  "{\"items\":[{\"namespace\":\"default\",\"name\":\"far\",\"addresses\":[\"10.244.2.3\"]},"
	  "{\"namespace\":\"default\",\"name\":\"client\",\"addresses\":[\"10.244.1.2\"]}]}" },
	{ "hello",
	  "{\"pins\":\"/x\",\"pools\":[\"10.244.1.0/24\",\"fd00:1::/64\"],\"mtu\":1500,\"ready\":true}" },
	{ "services",
	  "{\"items\":[{\"id\":7,\"namespace\":\"default\",\"name\":\"web\",\"port_name\":\"main\"},"
	  "{\"namespace\":\"default\",\"name\":\"web\",\"skipped\":[{\"reason\":\"10.244.2.9 is not ready\"}]},"
	  "{\"namespace\":\"default\",\"name\":\"webs\",\"skipped\":[{\"reason\":\"another one\"}]}]}" },
	{ "monitor",
	  "{\"type\":\"drop\",\"time\":\"2026-01-02T03:04:05.678Z\",\"reason\":\"policy-ingress\","
	  "\"hook\":\"pod-ingress\",\"protocol\":\"tcp\",\"length\":74,\"tcp_flags\":2,"
	  "\"source\":{\"address\":\"10.244.1.2\",\"port\":400},"
	  "\"destination\":{\"address\":\"10.244.2.3\",\"port\":80}}" },
	{ "monitor",
	  "{\"type\":\"drop\",\"time\":\"2026-01-02T03:04:06.678Z\",\"reason\":\"ttl-exceeded\","
	  "\"hook\":\"pod-egress\",\"protocol\":\"udp\",\"length\":74,"
	  "\"source\":{\"address\":\"10.244.1.2\",\"port\":40000},"
	  "\"destination\":{\"address\":\"192.0.2.1\",\"port\":80}}" },
	{ 0 },
};

static struct wr_addr addr(const char *text)
{
	struct wr_addr a;

	assert_int_equal(wr_addr_parse(text, &a), 0);
	return a;
}

/* --- what is in the maps */

static void put_flow(struct wr_dp *dp, const char *src, uint16_t sport, const char *dst,
		     uint16_t dport, struct wr_flow flow)
{
	struct wr_addr s = addr(src), d = addr(dst);
	bool swap = memcmp(&s, &d, sizeof(s)) > 0;
	struct wr_flow_key key = {
		.a = swap ? d : s,
		.b = swap ? s : d,
		.port_a = htons(swap ? dport : sport),
		.port_b = htons(swap ? sport : dport),
		.proto = IPPROTO_TCP,
	};
	uint32_t shard = 0, id;
	wr_autofd int fd = -1;

	flow.state |= swap ? WR_FLOW_ORIG_B : 0;
	flow.judged = WR_JUDGED_EGRESS | WR_JUDGED_INGRESS;
	assert_int_equal(wr_sys_map_lookup(wr_dp_map_fd(dp, WR_MAP_wr_flows), &shard, &id), 0);
	fd = wr_sys_map_by_id(id);
	assert_true(fd >= 0);
	assert_int_equal(wr_sys_map_update(fd, &key, &flow, 0), 0);
}

static void put_backend(struct wr_dp *dp, uint32_t number, const char *where, uint64_t picks)
{
	struct wr_backend be = { .addr = addr(where),
				 .port = htons(8080),
				 .proto = IPPROTO_TCP,
				 .state = WR_BACKEND_ACTIVE,
				 .node = 3,
				 .zone = 2 };

	assert_int_equal(wr_sys_map_update(wr_dp_map_fd(dp, WR_MAP_wr_backends), &number, &be, 0), 0);
	assert_int_equal(wr_sys_map_update(wr_dp_map_fd(dp, WR_MAP_wr_picks), &number, &picks, 0), 0);
}

static void put_frontend(struct wr_dp *dp, const char *where, uint16_t port, uint32_t record)
{
	struct wr_frontend fe = { .addr = addr(where),
				  .port = htons(port),
				  .proto = port ? IPPROTO_TCP : 0 };
	uint64_t word = WR_FE_WORD(record, wr_frontend_check(&fe));

	assert_int_equal(wr_sys_map_update(wr_dp_map_fd(dp, WR_MAP_wr_frontends), &fe, &word, 0), 0);
}

/* Service 7 on 10.96.0.10:80 with one backend, 10.244.2.3:8080; service 8 with none. */
static void put_services(struct wr_dp *dp)
{
	struct wr_service svc = { .id = 7, .first = 4, .n = 1, .affinity = 10800 },
			  empty = { .id = 8 };
	uint32_t slot = 4, backend = 5, record = 1, other = 2;

	put_backend(dp, backend, "10.244.2.3", 42);
	assert_int_equal(wr_sys_map_update(wr_dp_map_fd(dp, WR_MAP_wr_slots), &slot, &backend, 0), 0);
	assert_int_equal(wr_sys_map_update(wr_dp_map_fd(dp, WR_MAP_wr_services), &record, &svc, 0),
			 0);
	assert_int_equal(wr_sys_map_update(wr_dp_map_fd(dp, WR_MAP_wr_services), &other, &empty, 0),
			 0);
	put_frontend(dp, "10.96.0.10", 80, record);
	put_frontend(dp, "10.96.0.10", 0, record);
	put_frontend(dp, "fd00::20", 443, other);
}

static void put_record(const char *container, const char *ns, const char *pod, const char *where)
{
	struct wr_endpoint_record r = { .addr4 = addr(where) };
	wr_auto_json *j = wr_json_new_object();

	wr_json_add_str(j, "network", "net");
	wr_json_add_str(j, "container", container);
	wr_json_add_str(j, "ifname", "eth0");
	wr_json_add_str(j, "pod_namespace", ns);
	wr_json_add_str(j, "pod_name", pod);
	assert_int_equal(wr_attachment_decode(j, &r.id, NULL), 0);
	r.netns = strdup("/run/netns/x");
	r.pod_namespace = strdup(ns);
	r.pod_name = strdup(pod);
	r.pod_uid = strdup("uid");
	r.host_ifname = strdup("wr0123456789");
	assert_int_equal(wr_record_put("/mnt/state/test", &r, NULL), 0);
	wr_endpoint_record_done(&r);
}

static int maps_make(void **state)
{
	struct wr_dp *dp;

	dp_maps_make(state);
	dp = dp_open();
	put_services(dp);
	wr_dp_close(dp);
	return 0;
}

static int maps_remove(void **state)
{
	wr_remove_tree("/mnt/state");
	return dp_maps_remove(state);
}

static int with_agent(void **state)
{
	maps_make(state);
	cli_agent_start(agent);
	return 0;
}

static int agent_and_maps_remove(void **state)
{
	cli_agent_stop();
	return maps_remove(state);
}

/* --- looking */

static struct wr_json *items_of(const struct cli_result *r)
{
	struct wr_err err = WR_ERR_INIT;
	struct wr_json *j = NULL;

	if (wr_json_parse(r->out, strlen(r->out), &j, &err) < 0)
		fail_msg("%s in %s", err.msg, r->out);
	assert_string_equal(wr_json_get_str(j, "apiVersion"), "weir.dev/v1alpha1");
	return j;
}

static const struct wr_json *find_item(const struct wr_json *list, const char *key, const char *value)
{
	const struct wr_json *items = wr_json_get(list, "items");
	size_t i;

	for (i = 0; i < wr_json_len(items); i++)
		if (wr_streq(wr_json_get_str(wr_json_at(items, i), key), value))
			return wr_json_at(items, i);
	fail_msg("no item has %s \"%s\"", key, value);
	return NULL;
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in\n%s", part, text);
}

static void services_have_their_names_from_the_agent(void **state)
{
	struct cli_result r = cli_run("services -o json");
	wr_auto_json *list = items_of(&r);
	const struct wr_json *web = find_item(list, "service", "default/web:main");

	assert_int_equal(r.status, WR_EXIT_OK);
	assert_string_equal(r.notes, "");
	assert_int_equal(wr_json_len(wr_json_get(list, "items")), 2);
	assert_string_equal(wr_json_get_str(web, "address"), "10.96.0.10");
	assert_int_equal(wr_json_get_int(web, "port", 0), 80);
	assert_string_equal(wr_json_get_str(web, "proto"), "tcp");
	assert_int_equal(wr_json_get_int(web, "backends", -1), 1);
	cli_result_done(&r);
}

static void without_an_agent_services_are_shown_all_the_same_with_one_line_that_says_so(void **state)
{
	struct cli_result r = cli_run("services");

	assert_int_equal(r.status, WR_EXIT_OK);
	assert_has(r.out, "10.96.0.10:80");
	assert_has(r.out, "#7");
	assert_has(r.out, "none");
	assert_has(r.notes, "the agent is away");
	assert_ptr_equal(strchr(r.notes, '\n'), r.notes + strlen(r.notes) - 1);
	cli_result_done(&r);
}

static void rows_that_only_claim_an_address_are_shown_when_asked_for(void **state)
{
	struct cli_result few = cli_run("services -o json"), all = cli_run("services --all -o json");
	wr_auto_json *some = items_of(&few), *list = items_of(&all);

	assert_int_equal(wr_json_len(wr_json_get(some, "items")), 2);
	assert_int_equal(wr_json_len(wr_json_get(list, "items")), 3);
	cli_result_done(&few);
	cli_result_done(&all);
}

static void one_service_shows_its_backends_picks_and_what_was_skipped(void **state)
{
	static const char *const lines[] = { "service web", "service default/web",
					     "service default/web:main", "service 10.96.0.10",
					     "service 10.96.0.10:80" };
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(lines); i++) {
		struct cli_result r = cli_run(lines[i]);

		assert_int_equal(r.status, WR_EXIT_OK);
		assert_has(r.out, "default/web:main");
		assert_has(r.out, "10.244.2.3:8080  tcp    active  default/far  node-b");
		assert_has(r.out, "42");
		assert_has(r.out, "3h00m");
		assert_has(r.out, "zone-b");
		assert_has(r.out, "10.244.2.9 is not ready");
		assert_null(strstr(r.out, "another one"));
		cli_result_done(&r);
	}
}

static void a_service_that_does_not_exist_has_its_own_exit_status(void **state)
{
	static const char *const lines[] = { "service nosuch", "service 10.96.0.10:81",
					     "service default/we" };
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(lines); i++) {
		struct cli_result r = cli_run(lines[i]);

		assert_int_equal(r.status, WR_EXIT_NOT_FOUND);
		assert_has(r.notes, "no service");
		cli_result_done(&r);
	}
}

static void a_backend_names_its_pod_node_and_services(void **state)
{
	struct cli_result r = cli_run("backends -o json");
	wr_auto_json *list = items_of(&r);
	const struct wr_json *be = find_item(list, "address", "10.244.2.3");

	assert_int_equal(wr_json_len(wr_json_get(list, "items")), 1);
	assert_string_equal(wr_json_get_str(be, "name"), "default/far");
	assert_string_equal(wr_json_get_str(be, "node"), "node-b");
	assert_int_equal(wr_json_get_int(be, "picks", 0), 42);
	assert_string_equal(wr_json_str(wr_json_at(wr_json_get(be, "services"), 0)),
			    "default/web:main");
	cli_result_done(&r);
}

static void put_some_flows(void)
{
	struct wr_dp *dp = dp_open();

	put_flow(dp, "10.244.1.2", 40000, "10.244.2.3", 8080,
		 (struct wr_flow){ .state = WR_TCP_ESTABLISHED | WR_FLOW_SOCKET | WR_FLOW_PROMOTED,
				   .service = 7,
				   .backend = 5,
				   .packets = { 3, 4 },
				   .bytes = { 1000, 2000 } });
	put_flow(dp, "10.244.1.9", 40001, "192.0.2.1", 443,
		 (struct wr_flow){ .state = WR_TCP_SYN_SENT, .packets = { 1, 0 } });
	wr_dp_close(dp);
}

static void a_flow_tells_ends_names_service_and_counters(void **state)
{
	struct cli_result r;
	wr_auto_json *list = NULL;
	const struct wr_json *f;

	put_some_flows();
	r = cli_run("flows -o json");
	list = items_of(&r);
	f = find_item(list, "src", "10.244.1.2");
	assert_string_equal(wr_json_get_str(f, "dst"), "10.244.2.3");
	assert_int_equal(wr_json_get_int(f, "src_port", 0), 40000);
	assert_int_equal(wr_json_get_int(f, "dst_port", 0), 8080);
	assert_string_equal(wr_json_get_str(f, "proto"), "tcp");
	assert_string_equal(wr_json_get_str(f, "state"), "established");
	assert_string_equal(wr_json_get_str(f, "verdict"), "allow");
	assert_string_equal(wr_json_get_str(f, "src_name"), "default/client");
	assert_string_equal(wr_json_get_str(f, "dst_name"), "default/far");
	assert_string_equal(wr_json_get_str(f, "service"), "default/web:main");
	assert_string_equal(wr_json_get_str(wr_json_get(f, "backend"), "name"), "default/far");
	assert_int_equal(wr_json_get_int(f, "packets", 0), 7);
	assert_int_equal(wr_json_get_int(f, "bytes", 0), 3000);
	cli_result_done(&r);
}

static void flows_are_filtered_by_pod_service_address_and_port(void **state)
{
	static const struct {
		const char *line;
		size_t n;
	} cases[] = {
		{ "flows -o json", 2 },
		{ "flows -o json --pod client", 1 },
		{ "flows -o json --pod default/far", 1 },
		{ "flows -o json --src far", 0 },
		{ "flows -o json --dst far", 1 },
		{ "flows -o json --service web", 1 },
		{ "flows -o json --service 10.96.0.10:80", 1 },
		{ "flows -o json --src 10.244.0.0/16", 2 },
		{ "flows -o json --dst 192.0.2.1", 1 },
		{ "flows -o json --port 443", 1 },
		{ "flows -o json --proto udp", 0 },
		{ "flows -o json --limit 1", 1 },
	};
	size_t i;

	put_some_flows();
	for (i = 0; i < WR_ARRAY_SIZE(cases); i++) {
		struct cli_result r = cli_run(cases[i].line);
		wr_auto_json *list = items_of(&r);

		if (wr_json_len(wr_json_get(list, "items")) != cases[i].n)
			fail_msg("%s: %s", cases[i].line, r.out);
		cli_result_done(&r);
	}
}

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
	put_record("c-1", "default", "web", "10.244.1.2");
	json = cli_run("ipam -o json");
	all = items_of(&json);
	pool = wr_json_at(wr_json_get(all, "pools"), 0);
	assert_int_equal(wr_json_get_int(pool, "held", -1), 1);
	assert_int_equal(wr_json_get_int(pool, "resting", -1), 1);
	assert_int_equal(wr_json_get_int(pool, "usable", -1), 253);
	assert_int_equal(wr_json_get_int(pool, "free", -1), 252);
	assert_string_equal(wr_json_get_str(find_item(all, "container", "c-1"), "name"),
			    "default/web");
	assert_string_equal(wr_json_get_str(find_item(all, "container", "c-2"), "state"), "resting");
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

static void a_pod_that_nobody_knows_is_not_found(void **state)
{
	struct cli_result r = cli_run("flows --pod nosuch");

	assert_int_equal(r.status, WR_EXIT_NOT_FOUND);
	assert_has(r.notes, "--pod: \"nosuch\"");
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
				  .addr4 = addr("10.244.100.200"),
				  .addr6 = addr(LONG6 "9999") };
	struct wr_dp *dp = dp_open();
	size_t i;

	put_backend(dp, 6, LONG6 "ffff", UINT64_MAX);
	put_frontend(dp, LONG6 "1", 65535, 1);
	put_flow(dp, LONG6 "1", 65535, LONG6 "ffff", 65534,
		 (struct wr_flow){ .state = WR_TCP_ESTABLISHED,
				   .service = 4000000000u,
				   .backend = 6,
				   .packets = { UINT64_MAX / 4 },
				   .bytes = { UINT64_MAX / 4 } });
	put_flow(dp, "10.244.100.200", 65535, LONG6 "ffff", 1,
		 (struct wr_flow){ .state = WR_TCP_SYN_RECV });
	put_record("c-1", "a-namespace-of-a-department",
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
				     .addr4 = addr("10.244.1.5"),
				     .rules = WR_RULES_EGRESS | 4 };
	struct wr_endpoint stray = { .ifindex = 1, .flags = WR_EP_USED, .addr4 = addr("10.244.1.6") };
	struct wr_dp *dp = dp_open();
	struct cli_result r;
	wr_auto_json *list = NULL;

	put_record("c-1", "default", "web", "10.244.1.5");
	put_record("c-2", "default", "soon", "10.244.1.7");
	assert_int_equal(wr_endpoint_put(dp, 3, &known), 0);
	assert_int_equal(wr_endpoint_put(dp, 4, &stray), 0);
	wr_dp_close(dp);
	r = cli_run("endpoints -o json");
	list = items_of(&r);
	assert_int_equal(wr_json_len(wr_json_get(list, "items")), 3);
	assert_string_equal(wr_json_get_str(find_item(list, "ipv4", "10.244.1.5"), "name"),
			    "default/web");
	assert_string_equal(wr_json_get_str(find_item(list, "ipv4", "10.244.1.5"), "policy"),
			    "egress");
	assert_string_equal(wr_json_get_str(find_item(list, "ipv4", "10.244.1.6"), "state"), "stray");
	assert_string_equal(wr_json_get_str(find_item(list, "ipv4", "10.244.1.7"), "state"),
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
	list = items_of(&r);
	assert_int_equal(wr_json_len(wr_json_get(list, "items")), 1);
	assert_int_equal(wr_json_get_int(find_item(list, "name", "ttl-exceeded"), "packets", 0), 3);
	all = cli_run("drops --all -o json");
	every = items_of(&all);
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

	cli_agent_start(agent);
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
	static const char *const lines[] = { "status",   "flows", "endpoints", "services",
					     "backends", "drops", "service x", "lb lookup a b:1",
					     "monitor",  "ipam" };
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
	assert_has(r.out, "03:04:05.678 DROP  tcp   default/client:400 -> default/far:80");
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

#define NOTHING(test) cmocka_unit_test(test)
#define MAPS(test)    cmocka_unit_test_setup_teardown(test, maps_make, maps_remove)
#define AGENT(test)   cmocka_unit_test_setup_teardown(test, with_agent, agent_and_maps_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		AGENT(services_have_their_names_from_the_agent),
		MAPS(without_an_agent_services_are_shown_all_the_same_with_one_line_that_says_so),
		MAPS(rows_that_only_claim_an_address_are_shown_when_asked_for),
		AGENT(one_service_shows_its_backends_picks_and_what_was_skipped),
		AGENT(a_service_that_does_not_exist_has_its_own_exit_status),
		AGENT(a_backend_names_its_pod_node_and_services),
		AGENT(a_flow_tells_ends_names_service_and_counters),
		AGENT(flows_are_filtered_by_pod_service_address_and_port),
		AGENT(ipam_counts_what_is_held_resting_and_free),
		MAPS(leases_are_shown_without_an_agent),
		AGENT(a_pod_that_nobody_knows_is_not_found),
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
