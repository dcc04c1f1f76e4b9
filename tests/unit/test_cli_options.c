/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about the command line of weir. */
#include "tests/unit/check.h"

#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "lib/base/cleanup.h"

#define ARGS_MAX 16

/* Splits at blanks and parses; the words live in @buf. */
static int parse(struct wr_cli *cli, char *buf, size_t size, const char *line, struct wr_err *err)
{
	static char *argv[ARGS_MAX];
	char *save = NULL;
	int argc = 0;

	assert_true(strlen(line) < size);
	memcpy(buf, line, strlen(line) + 1);
	for (argv[argc] = strtok_r(buf, " ", &save); argv[argc];
	     argv[++argc] = strtok_r(NULL, " ", &save))
		assert_true(argc < ARGS_MAX - 1);
	*err = WR_ERR_INIT;
	wr_cli_init(cli);
	return wr_cli_parse(cli, argc, argv, err);
}

static void global_options_stand_before_or_behind_the_command(void **state)
{
	static const char *const lines[] = { "weir -i a -o json flows",
					     "weir flows --instance=a -ojson",
					     "weir --output json flows -i a" };
	struct wr_err err;
	struct wr_cli cli;
	char buf[128];
	size_t i;

	for (i = 0; i < 3; i++) {
		assert_int_equal(parse(&cli, buf, sizeof(buf), lines[i], &err), 0);
		assert_ptr_equal(cli.command, &wr_cmd_flows);
		assert_string_equal(cli.paths.instance, "a");
		assert_true(cli.json);
		wr_cli_done(&cli);
	}
}

static void the_instance_comes_from_the_environment_unless_it_is_given(void **state)
{
	struct wr_err err;
	struct wr_cli cli;
	char buf[128];

	setenv("WEIR_INSTANCE", "env", 1);
	assert_int_equal(parse(&cli, buf, sizeof(buf), "weir drops", &err), 0);
	assert_string_equal(cli.paths.instance, "env");
	assert_int_equal(parse(&cli, buf, sizeof(buf), "weir drops -i b", &err), 0);
	assert_string_equal(cli.paths.instance, "b");
	unsetenv("WEIR_INSTANCE");
}

static void a_command_of_two_words_takes_its_arguments(void **state)
{
	struct wr_err err;
	struct wr_cli cli;
	char buf[128];

	assert_int_equal(parse(&cli, buf, sizeof(buf), "weir lb lookup a --times 3 b:80", &err), 0);
	assert_ptr_equal(cli.command, &wr_cmd_lb_lookup);
	assert_int_equal(cli.n_args, 2);
	assert_string_equal(cli.args[0], "a");
	assert_string_equal(cli.args[1], "b:80");
	assert_string_equal(wr_cli_opt(&cli, "times"), "3");
	assert_null(wr_cli_opt(&cli, "proto"));
}

static void wrong_usage_is_named(void **state)
{
	static const struct {
		const char *line, *part;
	} cases[] = {
		{ "weir nosuch", "no such command: nosuch" },
		{ "weir lb", "no such command: lb" },
		{ "weir flows --nosuch", "--nosuch: no such option" },
		{ "weir flows -Z", "no such option" },
		{ "weir flows --pod", "--pod: needs a value" },
		{ "weir -i", "-i: needs a value" },
		{ "weir flows --proto gre",
		  "--proto: must be tcp, udp, sctp, icmp or icmpv6, not \"gre\"" },
		{ "weir -o yaml flows", "--output: must be table or json" },
		{ "weir flows web", "flows takes no argument" },
		{ "weir service", "service wants NAME" },
		{ "weir lb lookup a", "lb lookup wants SRC DST" },
		{ "weir flows -i No", "instance \"No\"" },
	};
	struct wr_err err;
	struct wr_cli cli;
	char buf[128];
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(cases); i++) {
		assert_true(parse(&cli, buf, sizeof(buf), cases[i].line, &err) < 0);
		assert_err(&err, -EINVAL, cases[i].part);
		assert_int_equal(cli.status, WR_EXIT_USAGE);
	}
}

static void a_number_out_of_range_is_wrong_usage(void **state)
{
	uint64_t port = 7;
	struct wr_err err;
	struct wr_cli cli;
	char buf[128];

	assert_int_equal(parse(&cli, buf, sizeof(buf), "weir flows --port 65536", &err), 0);
	assert_true(wr_cli_opt_u64(&cli, "port", UINT16_MAX, &port, &err) < 0);
	assert_err(&err, -EINVAL, "--port: must be a number up to 65535, not \"65536\"");
	assert_int_equal(cli.status, WR_EXIT_USAGE);
	assert_int_equal(port, 7);
}

static void every_command_explains_itself_within_a_hundred_columns(void **state)
{
	const struct wr_command *const *c;
	const char *line, *end;

	for (c = wr_commands; *c; c++) {
		wr_auto_strbuf text = WR_STRBUF_INIT;

		if (!(*c)->summary)
			continue;
		wr_command_help(*c, &text);
		assert_non_null(strstr(text.buf, "Usage: weir "));
		assert_non_null(strstr(text.buf, "--instance"));
		for (line = text.buf; (end = strchr(line, '\n')); line = end + 1)
			assert_true(end - line <= 100);
	}
}

static void the_version_is_an_option_too(void **state)
{
	struct wr_err err;
	struct wr_cli cli;
	char buf[128];

	assert_int_equal(parse(&cli, buf, sizeof(buf), "weir --version -o json", &err), 0);
	assert_ptr_equal(cli.command, &wr_cmd_version);
	assert_true(cli.json);
	assert_int_equal(cli.n_args, 0);
	wr_cli_done(&cli);
}

static void half_a_command_is_told_the_rest(void **state)
{
	struct wr_err err;
	struct wr_cli cli;
	char buf[128];

	assert_int_equal(parse(&cli, buf, sizeof(buf), "weir lb", &err), -EINVAL);
	assert_string_equal(err.msg, "no such command: lb; there is lb lookup");
	assert_int_equal(parse(&cli, buf, sizeof(buf), "weir l", &err), -EINVAL);
	assert_string_equal(err.msg, "no such command: l");
	wr_cli_done(&cli);
}

static void help_needs_no_arguments_of_the_command(void **state)
{
	struct wr_err err;
	struct wr_cli cli;
	char buf[128];

	assert_int_equal(parse(&cli, buf, sizeof(buf), "weir lb lookup --help", &err), 0);
	assert_true(cli.help);
	assert_ptr_equal(cli.command, &wr_cmd_lb_lookup);
	assert_int_equal(parse(&cli, buf, sizeof(buf), "weir --help", &err), 0);
	assert_true(cli.help);
	assert_null(cli.command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(global_options_stand_before_or_behind_the_command),
		cmocka_unit_test(the_instance_comes_from_the_environment_unless_it_is_given),
		cmocka_unit_test(a_command_of_two_words_takes_its_arguments),
		cmocka_unit_test(wrong_usage_is_named),
		cmocka_unit_test(a_number_out_of_range_is_wrong_usage),
		cmocka_unit_test(every_command_explains_itself_within_a_hundred_columns),
		cmocka_unit_test(the_version_is_an_option_too),
		cmocka_unit_test(half_a_command_is_told_the_rest),
		cmocka_unit_test(help_needs_no_arguments_of_the_command),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
