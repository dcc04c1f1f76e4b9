/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about what weir says of services, with and without an agent. */
#include "tests/unit/check.h"

#include "cli/cli.h"
#include "lib/base/cleanup.h"
#include "tests/unit/cli_rows.h"

static void services_have_their_names_from_the_agent(void **state)
{
	struct cli_result r = cli_run("services -o json");
	wr_auto_json *list = cli_items(&r);
	const struct wr_json *web = cli_find(list, "service", "default/web:main");

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
	wr_auto_json *some = cli_items(&few), *list = cli_items(&all);

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

static void a_service_that_is_left_out_altogether_says_why(void **state)
{
	struct cli_result one = cli_run("service webs"), all = cli_run("services");

	assert_int_equal(one.status, WR_EXIT_OK);
	assert_has(one.out, "Nothing of it is in force on this node");
	assert_has(one.out, "another one");
	assert_null(strstr(one.out, "10.244.2.9"));
	cli_result_done(&one);
	assert_has(all.out, "default/webs: another one");
	cli_result_done(&all);
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
	wr_auto_json *list = cli_items(&r);
	const struct wr_json *be = cli_find(list, "address", "10.244.2.3");

	assert_int_equal(wr_json_len(wr_json_get(list, "items")), 1);
	assert_string_equal(wr_json_get_str(be, "name"), "default/far");
	assert_string_equal(wr_json_get_str(be, "node"), "node-b");
	assert_int_equal(wr_json_get_int(be, "picks", 0), 42);
	assert_string_equal(wr_json_str(wr_json_at(wr_json_get(be, "services"), 0)),
			    "default/web:main");
	cli_result_done(&r);
}

static void why_judges_what_stands_behind_the_service(void **state)
{
	static const char *const lines[] = { "why client web 80",
					     "why default/client default/web 80/tcp",
					     "why 10.244.1.2 10.96.0.10 80" };
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(lines); i++) {
		struct cli_result r = cli_run(lines[i]);

		assert_int_equal(r.status, WR_EXIT_OK);
		assert_has(r.out, "10.244.1.2 (default/client) -> 10.96.0.10:80, tcp\n");
		assert_has(r.out, "service default/web:main: one of 1 backend\n");
		assert_has(r.out, "to 10.244.2.3:8080 (default/far): DENIED\n");
		assert_has(r.out, "egress   DENIED: no egress rule of NetworkPolicy default/shut");
		assert_has(r.out, "ingress  not judged here");
		cli_result_done(&r);
	}
}

static void why_of_a_pod_asks_of_no_service(void **state)
{
	struct cli_result r = cli_run("why client far 8080 -o json");
	wr_auto_json *j = cli_items(&r);
	const struct wr_json *target = wr_json_at(wr_json_get(j, "targets"), 0);

	assert_null(wr_json_get(j, "service"));
	assert_string_equal(wr_json_get_str(target, "address"), "10.244.2.3");
	assert_int_equal(wr_json_get_int(target, "port", 0), 8080);
	assert_int_equal(wr_json_len(wr_json_get(target, "judged")), 1);
	cli_result_done(&r);
}

static void why_names_the_end_that_nobody_knows(void **state)
{
	static const struct {
		const char *line, *part;
		int status;
	} cases[] = {
		{ "why nosuch far 80", "SRC: \"nosuch\"", WR_EXIT_NOT_FOUND },
		{ "why client nosuch 80", "DST: \"nosuch\"", WR_EXIT_NOT_FOUND },
		{ "why client web 81", "no service with port 81", WR_EXIT_NOT_FOUND },
		{ "why client far x", "PORT: \"x\"", WR_EXIT_USAGE },
		{ "why client far 80/x", "PORT: \"x\" is not a protocol", WR_EXIT_USAGE },
		{ "why fd00::1 10.0.0.1 80", "different families", WR_EXIT_USAGE },
	};
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(cases); i++) {
		struct cli_result r = cli_run(cases[i].line);

		assert_has(r.notes, cases[i].part);
		assert_int_equal(r.status, cases[i].status);
		cli_result_done(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		AGENT(services_have_their_names_from_the_agent),
		MAPS(without_an_agent_services_are_shown_all_the_same_with_one_line_that_says_so),
		MAPS(rows_that_only_claim_an_address_are_shown_when_asked_for),
		AGENT(one_service_shows_its_backends_picks_and_what_was_skipped),
		AGENT(a_service_that_is_left_out_altogether_says_why),
		AGENT(a_service_that_does_not_exist_has_its_own_exit_status),
		AGENT(a_backend_names_its_pod_node_and_services),
		AGENT(why_judges_what_stands_behind_the_service),
		AGENT(why_of_a_pod_asks_of_no_service),
		AGENT(why_names_the_end_that_nobody_knows),
	};

	return cmocka_run_group_tests(tests, cli_sandbox_enter, cli_sandbox_leave);
}
