/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frame of `weir`: a table of commands, one file each, and what a command is given.
 *
 * A command reads: pinned maps through wr_cli_dp, the agent through wr_agent_get (cli/agent.h), and writes items through
 * cli/out.h. It returns 0 or a negative errno with @err filled; main() prints that, once.
 */
#ifndef WR_CLI_CLI_H
#define WR_CLI_CLI_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/base/err.h"
#include "lib/base/strbuf.h"
#include "lib/model/paths.h"

/* Exit statuses; documented in weir(1). */
enum wr_exit {
	WR_EXIT_OK,
	WR_EXIT_ERROR,     /* something failed, or the answer is no (status --ready) */
	WR_EXIT_USAGE,     /* the command line makes no sense */
	WR_EXIT_NOTHING,   /* no agent answers and nothing is pinned: there is nothing to read */
	WR_EXIT_NOT_FOUND, /* what was named does not exist here */
};

/* What a value can be, for completion. */
enum wr_values {
	WR_VALUES_ANY,
	WR_VALUES_CHOICE, /* one of wr_option.choices; anything else is refused */
	WR_VALUES_INSTANCE,
	WR_VALUES_POD,
	WR_VALUES_SERVICE,
	WR_VALUES_COMMAND,
};

struct wr_option {
	const char *name; /* NULL ends a table */
	int letter;       /* 0: none */
	enum wr_values values;
	const char *arg;            /* what --help calls the value; NULL: a switch */
	const char *const *choices; /* NULL-terminated */
	const char *help;
};

struct wr_cli;

struct wr_command {
	const char *name; /* one word or several: "lb lookup" */
	const char *args; /* "SRC DST", for the usage line; "" */
	int min_args, max_args;
	enum wr_values values;           /* of the arguments */
	const struct wr_option *options; /* may be NULL */
	const char *summary;             /* one line, for the list of commands */
	const char *details;             /* paragraphs for --help, ends with a newline */
	int (*run)(struct wr_cli *cli, struct wr_err *err);
};

/* NULL-terminated, in the order of --help. */
extern const struct wr_command *const wr_commands[];
extern const struct wr_option wr_global_options[];
extern const char *const wr_exit_texts; /* the exit statuses, for --help */

#define WR_OPTIONS_MAX 24

struct wr_dp;

struct wr_cli {
	const struct wr_command *command;
	const char *values[WR_OPTIONS_MAX]; /* of the command's options; a switch that is set: "" */
	const char *global_values[WR_OPTIONS_MAX];
	char **args;
	int n_args;
	bool help; /* --help was given */

	struct wr_paths paths;
	bool json;
	size_t width; /* of tables; 0: no limit */
	bool terminal;
	FILE *out, *notes;   /* stdout and stderr */
	enum wr_exit status; /* of a failure; WR_EXIT_OK: not said, so WR_EXIT_ERROR */

	/* Opened when they are first asked for. */
	struct wr_dp *dp;
	int agent_fd;
	bool agent_tried;
};

void wr_cli_init(struct wr_cli *cli);
void wr_cli_done(struct wr_cli *cli);
/* Finds the command and parses its options. Failure: wrong usage. argv is permuted. */
int wr_cli_parse(struct wr_cli *cli, int argc, char **argv, struct wr_err *err);
/* The value of an option that the command has; "" for a switch that is set; NULL: not given. */
const char *wr_cli_opt(const struct wr_cli *cli, const char *name);
/* The same as a number; absent leaves *ret untouched. */
int wr_cli_opt_u64(struct wr_cli *cli, const char *name, uint64_t max, uint64_t *ret,
		   struct wr_err *err);
/* The command whose words @argv begins with; *ret_words: how many. NULL: none. */
const struct wr_command *wr_command_find(int argc, char *const *argv, int *ret_words);
void wr_command_help(const struct wr_command *c, struct wr_strbuf *out);
void wr_commands_help(struct wr_strbuf *out);

/* Fills @err, chooses the exit status, returns @code. */
int wr_cli_fail(struct wr_cli *cli, enum wr_exit status, int code, struct wr_err *err,
		const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* One line on stderr that is no failure. */
void wr_cli_note(const struct wr_cli *cli, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* The pinned maps, read only; borrowed. -ENOENT with WR_EXIT_NOTHING: nothing is pinned. */
int wr_cli_dp(struct wr_cli *cli, struct wr_dp **ret, struct wr_err *err);

#endif
