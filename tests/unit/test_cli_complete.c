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
#include "lib/base/mem.h"
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
	const char *word;
	size_t n;
	va_list ap;

	va_start(ap, want);
	for (n = 0; (word = va_arg(ap, const char *)); n++) {
		assert_true(n < WORDS_MAX);
		words[n] = wr_xstrdup(word);
	}
	va_end(ap);
	text = complete(words);
	assert_string_equal(text, want);
	while (n--)
		free(words[n]);
}

static void commands_come_first(void **state)
{
	assert_offers("services\nservice\n", "serv", NULL);
	assert_offers("lb\n", "l", NULL);
	assert_offers("status\n", "-i", "x", "st", NULL);
}

static void the_second_word_of_a_command_follows_the_first(void **state)
{
	assert_offers("lookup\n", "lb", "", NULL);
	assert_offers("check\n", "policy", "", NULL);
	assert_offers("", "nosuch", "", NULL);
}

static void options_are_those_of_everywhere_and_of_the_command(void **state)
{
	assert_offers("--instance\n", "--in", NULL);
	assert_offers("--pod\n--port\n--proto\n", "flows", "--p", NULL);
	assert_offers("--pod\n--port\n", "flows", "--unproven", "--po", NULL);
	assert_offers("", "drops", "--po", NULL);
}

static void values_follow_their_option(void **state)
{
	assert_offers("table\njson\n", "flows", "-o", "", NULL);
	assert_offers("sctp\n", "flows", "--proto", "s", NULL);
	assert_offers("", "flows", "--limit", "", NULL);
}

static void instances_are_those_that_have_run(void **state)
{
	setenv("WEIR_RUN_DIR", *state, 1);
	assert_int_equal(wr_mkdirs(wr_tmpdir_path(*state, "alpha"), 0755), 0);
	assert_int_equal(wr_mkdirs(wr_tmpdir_path(*state, "beta"), 0755), 0);
	assert_offers("beta\n", "status", "--instance", "b", NULL);
	unsetenv("WEIR_RUN_DIR");
}

static void pods_are_those_of_the_named_instance_without_any_agent(void **state)
{
	static char network[] = "net", container[] = "c1", ifname[] = "eth0",
		    netns[] = "/run/netns/x";
	static char namespace[] = "default", name[] = "web", uid[] = "u",
		    host_ifname[] = "wr0123456789";
	const char *dir = wr_tmpdir_path(*state, "x");
	struct wr_endpoint_record r = {
		.id = { network, container, ifname },
		.netns = netns,
		.pod_namespace = namespace,
		.pod_name = name,
		.pod_uid = uid,
		.host_ifname = host_ifname,
	};

	assert_int_equal(wr_addr_parse("10.244.0.9", &r.addr4), 0);
	setenv("WEIR_STATE_DIR", *state, 1);
	setenv("WEIR_RUN_DIR", *state, 1);
	assert_int_equal(wr_record_put(dir, &r, NULL), 0);
	assert_offers("default/web\n", "-i", "x", "flows", "--pod", "def", NULL);
	assert_offers("", "flows", "--pod", "def", NULL);
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
