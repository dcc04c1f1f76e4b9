// SPDX-License-Identifier: Apache-2.0
/* weir help [COMMAND]. */
#include <errno.h>

#include "cli/commands.h"

static int run(struct wr_cli *cli, struct wr_err *err)
{
	wr_auto_strbuf text = WR_STRBUF_INIT;
	const struct wr_command *c;
	int words;

	if (!cli->n_args) {
		wr_commands_help(&text);
	} else {
		c = wr_command_find(cli->n_args, cli->args, &words);
		if (!c)
			return wr_cli_fail(cli, WR_EXIT_USAGE, -EINVAL, err, "no such command: %s",
					   cli->args[0]);
		wr_command_help(c, &text);
	}
	fputs(text.buf, cli->out);
	return 0;
}

const struct wr_command wr_cmd_help = {
	.name = "help",
	.args = "[COMMAND]",
	.max_args = 2,
	.values = WR_VALUES_COMMAND,
	.summary = "The list of commands, or one command's options and examples",
	.run = run,
};
