/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about what the shell's completion is told. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/commands.h"
#include "lib/base/cleanup.h"
#include "lib/base/io.h"
#include "lib/model/records.h"
#include "tests/unit/tmpdir.h"

#define WORDS_MAX 8

/* What is offered, a word a line; the caller frees. NULL ends @words. */
static char *complete(char **words)
{
	struct wr_err err = WR_ERR_INIT;
	struct wr_cli cli;
	size_t size;
	char *text = NULL;

	wr_cli_init(&cli);
	wr_paths_init(&cli.paths, NULL, NULL);
	cli.out = open_memstream(&text, &size);
	assert_non_null(cli.out);
	for (cli.args = words; words[cli.n_args];)
		cli.n_args++;
	assert_int_equal(wr_cmd_complete.run(&cli, &err), 0);
	assert_int_equal(fclose(cli.out), 0);
	wr_cli_done(&cli);
	return text;
}

static void assert_offers(const char *want, ...)
{
	char *words[WORDS_MAX + 1] = { NULL };
	wr_autofree char *text = NULL;
	size_t n = 0;
	va_list ap;

	va_start(ap, want);
	while ((words[n] = va_arg(ap, char *)))
		assert_true(++n < WORDS_MAX);
	va_end(ap);
	text = complete(words);
	assert_string_equal(text, want);
}

static char *word(const char *s)
{
	return (char *)(uintptr_t)s;
}
#define W(s) word(s)

static void commands_come_first(void **state)
{
	assert_offers("services\nservice\n", W("serv"), NULL);
	assert_offers("lb\n", W("l"), NULL);
	assert_offers("status\n", W("-i"), W("x"), W("st"), NULL);
}

static void the_second_word_of_a_command_follows_the_first(void **state)
{
	assert_offers("lookup\n", W("lb"), W(""), NULL);
	assert_offers("", W("nosuch"), W(""), NULL);
}

static void options_are_those_of_everywhere_and_of_the_command(void **state)
{
	assert_offers("--instance\n", W("--in"), NULL);
	assert_offers("--pod\n--port\n--proto\n", W("flows"), W("--p"), NULL);
	assert_offers("--pod\n--port\n", W("flows"), W("--unproven"), W("--po"), NULL);
	assert_offers("", W("drops"), W("--po"), NULL);
}

static void values_follow_their_option(void **state)
{
	assert_offers("table\njson\n", W("flows"), W("-o"), W(""), NULL);
	assert_offers("sctp\n", W("flows"), W("--proto"), W("s"), NULL);
	assert_offers("", W("flows"), W("--limit"), W(""), NULL);
}

static void instances_are_those_that_have_run(void **state)
{
	setenv("WEIR_RUN_DIR", *state, 1);
	assert_int_equal(wr_mkdirs(wr_tmpdir_path(*state, "alpha"), 0755), 0);
	assert_int_equal(wr_mkdirs(wr_tmpdir_path(*state, "beta"), 0755), 0);
	assert_offers("beta\n", W("status"), W("--instance"), W("b"), NULL);
	unsetenv("WEIR_RUN_DIR");
}

static void pods_are_those_of_the_named_instance_without_any_agent(void **state)
{
	const char *dir = wr_tmpdir_path(*state, "x");
	struct wr_endpoint_record r = {
		.id = { W("net"), W("c1"), W("eth0") },
		.netns = W("/run/netns/x"),
		.pod_namespace = W("default"),
		.pod_name = W("web"),
		.pod_uid = W("u"),
		.host_ifname = W("wr0123456789"),
	};

	assert_int_equal(wr_addr_parse("10.244.0.9", &r.addr4), 0);
	setenv("WEIR_STATE_DIR", *state, 1);
	setenv("WEIR_RUN_DIR", *state, 1);
	assert_int_equal(wr_record_put(dir, &r, NULL), 0);
	assert_offers("default/web\n", W("-i"), W("x"), W("flows"), W("--pod"), W("def"), NULL);
	assert_offers("", W("flows"), W("--pod"), W("def"), NULL);
	unsetenv("WEIR_STATE_DIR");
	unsetenv("WEIR_RUN_DIR");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_come_first),
		cmocka_unit_test(the_second_word_of_a_command_follows_the_first),
		cmocka_unit_test(options_are_those_of_everywhere_and_of_the_command),
		cmocka_unit_test(values_follow_their_option),
		cmocka_unit_test_setup_teardown(instances_are_those_that_have_run, wr_tmpdir_setup,
						wr_tmpdir_teardown),
		cmocka_unit_test_setup_teardown(pods_are_those_of_the_named_instance_without_any_agent,
						wr_tmpdir_setup, wr_tmpdir_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
