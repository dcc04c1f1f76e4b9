// SPDX-License-Identifier: Apache-2.0
/* What --help and `weir help` show, from the tables. */
#include <string.h>

#include "cli/cli.h"
#include "lib/base/cleanup.h"

const char *const wr_exit_texts =
	"Exit status: 0 done; 1 an error, or the answer is no; 2 wrong usage; 3 no agent answers\n"
	"and nothing is pinned; 4 what was named does not exist here.\n";

static void add_option(const struct wr_option *o, struct wr_strbuf *out)
{
	size_t start = out->len;

	if (o->letter)
		wr_strbuf_addf(out, "  -%c, --%s", o->letter, o->name);
	else
		wr_strbuf_addf(out, "      --%s", o->name);
	if (o->arg)
		wr_strbuf_addf(out, " %s", o->arg);
	wr_strbuf_addf(out, "%*s%s\n", (int)(start + 26 - WR_MIN(out->len, start + 24)), "", o->help);
}

static void add_options(const char *title, const struct wr_option *options, struct wr_strbuf *out)
{
	if (!options || !options->name)
		return;
	wr_strbuf_addf(out, "\n%s:\n", title);
	for (; options->name; options++)
		add_option(options, out);
}

void wr_command_help(const struct wr_command *c, struct wr_strbuf *out)
{
	wr_strbuf_addf(out, "Usage: weir %s [OPTION]...%s%s\n\n%s.\n", c->name, *c->args ? " " : "",
		       c->args, c->summary);
	if (c->details)
		wr_strbuf_addf(out, "\n%s", c->details);
	add_options("Options", c->options, out);
	add_options("Everywhere", wr_global_options, out);
}

void wr_commands_help(struct wr_strbuf *out)
{
	const struct wr_command *const *c;

	wr_strbuf_addstr(out,
			 "Usage: weir COMMAND [OPTION]... [ARGUMENT]...\n\n"
			 "Looks at Weir on this node: what is attached, who talks to whom, what was dropped and why.\n\n"
			 "Commands:\n");
	for (c = wr_commands; *c; c++)
		if ((*c)->summary)
			wr_strbuf_addf(out, "  %-12s %s\n", (*c)->name, (*c)->summary);
	add_options("Options, before or after the command", wr_global_options, out);
	wr_strbuf_addf(out, "\n`weir COMMAND --help` shows a command's own options and examples.\n%s",
		       wr_exit_texts);
}
