/* SPDX-License-Identifier: Apache-2.0 */
/* Runs commands of weir inside the test's process. */
#include "tests/unit/cli_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/table.h"
#include "lib/base/cleanup.h"
#include "lib/base/io.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/wire/wire.h"
#include "tests/unit/check.h"
#include "tests/unit/dp_fixture.h"

#define STATE_DIR "/mnt/state"
#define RUN_DIR   "/mnt/run"
#define SOCKET    RUN_DIR "/test/agent.sock"
#define ARGS_MAX  16

static pid_t agent;

int cli_sandbox_enter(void **state)
{
	dp_sandbox_enter(state);
	setenv("WEIR_BPFFS", DP_BPFFS, 1);
	setenv("WEIR_STATE_DIR", STATE_DIR, 1);
	setenv("WEIR_RUN_DIR", RUN_DIR, 1);
	setenv("WEIR_INSTANCE", "test", 1);
	return 0;
}

int cli_sandbox_leave(void **state)
{
	return dp_sandbox_leave(state);
}

static int split(char *line, char *argv[ARGS_MAX])
{
	char *save = NULL, *word;
	int argc = 0;

	for (word = strtok_r(line, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		assert_true(argc < ARGS_MAX - 1);
		argv[argc++] = word;
	}
	argv[argc] = NULL;
	return argc;
}

static int run(struct wr_cli *cli, int argc, char **argv)
{
	struct wr_err err = WR_ERR_INIT;
	int r = wr_cli_parse(cli, argc, argv, &err);

	if (r == 0)
		r = cli->command->run(cli, &err);
	if (r >= 0)
		return WR_EXIT_OK;
	fprintf(cli->notes, "weir: %s\n", err.msg);
	return cli->status ? cli->status : WR_EXIT_ERROR;
}

struct cli_result cli_run(const char *line)
{
	wr_autofree char *words = wr_xasprintf("weir %s", line);
	struct cli_result r = { 0 };
	char *argv[ARGS_MAX];
	struct wr_cli cli;
	size_t size;

	wr_cli_init(&cli);
	cli.width = 100;
	cli.terminal = false;
	cli.out = open_memstream(&r.out, &size);
	cli.notes = open_memstream(&r.notes, &size);
	assert_non_null(cli.out);
	assert_non_null(cli.notes);
	r.status = run(&cli, split(words, argv), argv);
	assert_int_equal(fclose(cli.out), 0);
	assert_int_equal(fclose(cli.notes), 0);
	wr_cli_done(&cli);
	return r;
}

void cli_result_done(struct cli_result *r)
{
	free(r->out);
	free(r->notes);
}

void assert_fits(const char *text, size_t width)
{
	const char *end;

	for (; (end = strchr(text, '\n')); text = end + 1) {
		wr_autofree char *line = wr_xstrndup(text, (size_t)(end - text));

		if (wr_text_width(line) > width)
			fail_msg("%zu columns: %s", wr_text_width(line), line);
	}
}

static void send_body(int fd, const char *text)
{
	wr_auto_strbuf frame = WR_STRBUF_INIT;
	wr_auto_json *answer = NULL;
	struct wr_json *body = NULL;

	if (wr_json_parse(text, strlen(text), &body, NULL) < 0)
		_exit(1);
	answer = wr_wire_answer(body);
	wr_wire_frame(answer, &frame);
	if (wr_write_all(fd, frame.buf, frame.len) < 0)
		_exit(1);
}

static void refuse(int fd)
{
	struct wr_err err = WR_ERR_INIT;
	wr_auto_strbuf frame = WR_STRBUF_INIT;
	wr_auto_json *answer = NULL;

	wr_err_set(&err, -EOPNOTSUPP, "not in the table");
	answer = wr_wire_error(&err);
	wr_wire_frame(answer, &frame);
	if (wr_write_all(fd, frame.buf, frame.len) < 0)
		_exit(1);
}

static void answer(int fd, const struct cli_answer *answers, const struct wr_json *request)
{
	const char *verb = wr_json_get_str(request, "verb"), *what = verb;
	bool found = false;

	if (wr_streq(verb, "get"))
		what = wr_json_get_str(wr_json_get(request, "body"), "what");
	for (; answers->what; answers++) {
		if (!wr_streq(answers->what, what))
			continue;
		send_body(fd, answers->body);
		found = true;
	}
	if (!found)
		refuse(fd);
}

static void serve(int fd, const struct cli_answer *answers)
{
	wr_auto_strbuf in = WR_STRBUF_INIT;
	char buf[4096];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		wr_auto_json *request = NULL;

		wr_strbuf_add(&in, buf, (size_t)n);
		if (wr_wire_unframe(&in, &request, NULL) > 0)
			answer(fd, answers, request);
	}
}

static int open_listener(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX, .sun_path = SOCKET };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(wr_mkdirs(RUN_DIR "/test", 0700), 0);
	unlink(SOCKET);
	assert_int_equal(bind(fd, (const struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(listen(fd, 8), 0);
	return fd;
}

void cli_agent_start(const struct cli_answer *answers)
{
	int listener = open_listener(), fd;

	agent = fork();
	assert_true(agent >= 0);
	if (agent) {
		close(listener);
		return;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		serve(fd, answers);
		close(fd);
	}
	_exit(0);
}

void cli_agent_stop(void)
{
	assert_int_equal(kill(agent, SIGKILL), 0);
	assert_int_equal(waitpid(agent, NULL, 0), agent);
	unlink(SOCKET);
}
