/* SPDX-License-Identifier: Apache-2.0 */
/* weir on real maps (tests/unit/dp_fixture.h) and in front of an agent that answers from a table. */
#ifndef WR_TESTS_UNIT_CLI_FIXTURE_H
#define WR_TESTS_UNIT_CLI_FIXTURE_H

#include <stddef.h>

#include "lib/dp/dp.h"

/* cmocka group fixtures: the sandbox of dp_fixture, and instance "test" for weir. */
int cli_sandbox_enter(void **state);
int cli_sandbox_leave(void **state);

struct cli_result {
	char *out, *notes; /* stdout and stderr; heap */
	int status;        /* as the process would end */
};

/* "weir " and @line, split at blanks. */
struct cli_result cli_run(const char *line);
void cli_result_done(struct cli_result *r);
/* No line of @text is wider than @width columns. */
void assert_fits(const char *text, size_t width);

/*
 * An agent: answers "get" with @body of the row whose @what is asked for, other verbs with the row of that name, and each
 * further body of a row with the same name as a message of its own (monitor). Lives until cli_agent_stop.
 */
struct cli_answer {
	const char *what; /* NULL ends the table */
	const char *body; /* JSON */
};
void cli_agent_start(const struct cli_answer *answers);
void cli_agent_stop(void);

#endif
