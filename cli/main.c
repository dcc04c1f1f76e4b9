// SPDX-License-Identifier: Apache-2.0
/* weir: how a person looks at Weir on this node. */
#include <errno.h>
#include <string.h>

#include "cli/cli.h"

static int print_help(struct wr_cli *cli)
{
	wr_auto_strbuf text = WR_STRBUF_INIT;

	if (cli->command)
		wr_command_help(cli->command, &text);
	else
		wr_commands_help(&text);
	fputs(text.buf, cli->help ? stdout : stderr);
	return cli->help ? WR_EXIT_OK : WR_EXIT_USAGE;
}

static int report(const struct wr_cli *cli, int r, struct wr_err *err)
{
	/* A full disk or a closed pipe must not pass for an answer. */
	if (fflush(cli->out) != 0 || ferror(cli->out))
		r = wr_err_sys(err, -errno, "writing the output");
	if (r >= 0)
		return WR_EXIT_OK;
	if (err->msg[0])
		fprintf(stderr, "weir: %s\n", err->msg);
	if (cli->status == WR_EXIT_USAGE)
		fprintf(stderr, "Try \"weir %s%s--help\".\n",
			cli->command ? cli->command->name : "", cli->command ? " " : "");
	return cli->status ? cli->status : WR_EXIT_ERROR;
}

int main(int argc, char **argv)
{
	struct wr_err err = WR_ERR_INIT;
	struct wr_cli cli;
	int r, status;

	wr_cli_init(&cli);
	r = wr_cli_parse(&cli, argc, argv, &err);
	if (r == 0 && (cli.help || !cli.command)) {
		status = print_help(&cli);
	} else {
		if (r == 0)
			r = cli.command->run(&cli, &err);
		status = report(&cli, r, &err);
	}
	wr_cli_done(&cli);
	return status;
}
