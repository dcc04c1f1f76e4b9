/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about what weir says of connections. */
#include "tests/unit/check.h"

#include "cli/cli.h"
#include "lib/base/cleanup.h"
#include "tests/unit/cli_rows.h"
#include "tests/unit/dp_fixture.h"

static void put_some_flows(void)
{
	struct wr_dp *dp = dp_open();

	cli_put_flow(dp, "10.244.1.2", 40000, "10.244.2.3", 8080,
		     (struct wr_flow){ .state = WR_TCP_ESTABLISHED | WR_FLOW_SOCKET | WR_FLOW_PROMOTED,
				       .service = 7,
				       .backend = 5,
				       .packets = { 3, 4 },
				       .bytes = { 1000, 2000 } });
	cli_put_flow(dp, "10.244.1.9", 40001, "192.0.2.1", 443,
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
	list = cli_items(&r);
	f = cli_find(list, "src", "10.244.1.2");
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
		wr_auto_json *list = cli_items(&r);

		if (wr_json_len(wr_json_get(list, "items")) != cases[i].n)
			fail_msg("%s: %s", cases[i].line, r.out);
		cli_result_done(&r);
	}
}

static void a_pod_that_nobody_knows_is_not_found(void **state)
{
	struct cli_result r = cli_run("flows --pod nosuch");

	assert_int_equal(r.status, WR_EXIT_NOT_FOUND);
	assert_has(r.notes, "--pod: \"nosuch\"");
	cli_result_done(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		AGENT(a_flow_tells_ends_names_service_and_counters),
		AGENT(flows_are_filtered_by_pod_service_address_and_port),
		AGENT(a_pod_that_nobody_knows_is_not_found),
	};

	return cmocka_run_group_tests(tests, cli_sandbox_enter, cli_sandbox_leave);
}
