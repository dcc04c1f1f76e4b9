// SPDX-License-Identifier: Apache-2.0
/* The command line: global options, the command's words, its options and arguments. */
#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "cli/commands.h"
#include "lib/base/cleanup.h"
#include "lib/base/str.h"
#include "lib/base/strbuf.h"

static const char *const formats[] = { "table", "json", NULL };

const struct wr_option wr_global_options[] = {
	{ "instance", 'i', WR_VALUES_INSTANCE, "NAME", NULL,
	  "which Weir of this machine (WEIR_INSTANCE; \"default\")" },
	{ "output", 'o', WR_VALUES_CHOICE, "FORMAT", formats, "table (for people) or json" },
	{ "wide", 'w', WR_VALUES_ANY, NULL, NULL, "shorten nothing, show more columns" },
	{ "help", 'h', WR_VALUES_ANY, NULL, NULL, "show this" },
	{ "version", 'V', WR_VALUES_ANY, NULL, NULL, "the same as the command version" },
	{ 0 },
};

/* Values that getopt_long returns: the place in its table of an option, the command's before the global ones. */
#define FIRST_VALUE 256

struct parser {
	struct option longs[2 * WR_OPTIONS_MAX + 1];
	char shorts[4 * WR_OPTIONS_MAX + 2];
	const struct wr_option *options[2 * WR_OPTIONS_MAX];
	const char **values[2 * WR_OPTIONS_MAX];
	int n;
};

static void add_short(struct parser *p, const struct wr_option *o)
{
	size_t len = strlen(p->shorts);

	if (!o->letter)
		return;
	p->shorts[len++] = o->letter;
	if (o->arg)
		p->shorts[len] = ':';
}

static void add_options(struct parser *p, const struct wr_option *options, const char **values)
{
	for (; options && options->name; options++, values++) {
		p->longs[p->n] = (struct option){
			.name = options->name,
			.has_arg = options->arg ? required_argument : no_argument,
			.val = FIRST_VALUE + p->n,
		};
		p->options[p->n] = options;
		p->values[p->n] = values;
		p->n++;
		add_short(p, options);
	}
}

static int index_of(const struct parser *p, int value)
{
	int i;

	if (value >= FIRST_VALUE)
		return value - FIRST_VALUE;
	for (i = 0; i < p->n; i++)
		if (p->options[i]->letter == value)
			return i;
	return -1;
}

static bool is_choice(const struct wr_option *o, const char *value)
{
	const char *const *c;

	if (o->values != WR_VALUES_CHOICE)
		return true;
	for (c = o->choices; *c; c++)
		if (wr_streq(*c, value))
			return true;
	return false;
}

static int refuse_choice(const struct wr_option *o, const char *value, struct wr_err *err)
{
	wr_auto_strbuf list = WR_STRBUF_INIT;
	const char *const *c;

	for (c = o->choices; *c; c++)
		wr_strbuf_addf(&list, "%s%s", c == o->choices ? "" : c[1] ? ", " : " or ", *c);
	return wr_err_set(err, -EINVAL, "--%s: must be %s, not \"%s\"", o->name, list.buf, value);
}

/* getopt keeps its place in globals: 0 starts it anew. Stops at the first argument when shorts begin with "+". */
static int run_parser(struct parser *p, int argc, char **argv, struct wr_err *err)
{
	int c, i;

	optind = 0;
	while ((c = getopt_long(argc, argv, p->shorts, p->longs, NULL)) != -1) {
		i = index_of(p, c);
		if (i < 0)
			return wr_err_set(err, -EINVAL,
					  c == ':' ? "%s: needs a value" : "%s: no such option",
					  argv[optind - 1]);
		if (p->options[i]->arg && !is_choice(p->options[i], optarg))
			return refuse_choice(p->options[i], optarg, err);
		*p->values[i] = p->options[i]->arg ? optarg : "";
	}
	return 0;
}

static const char *value_of(const struct wr_option *options, const char *const *values,
			    const char *name)
{
	for (; options && options->name; options++, values++)
		if (wr_streq(options->name, name))
			return *values;
	return NULL;
}

const char *wr_cli_opt(const struct wr_cli *cli, const char *name)
{
	return value_of(cli->command->options, cli->values, name);
}

int wr_cli_opt_u64(struct wr_cli *cli, const char *name, uint64_t max, uint64_t *ret,
		   struct wr_err *err)
{
	const char *value = wr_cli_opt(cli, name);

	if (value && wr_parse_u64(value, max, ret) < 0)
		return wr_cli_fail(cli, WR_EXIT_USAGE, -EINVAL, err,
				   "--%s: must be a number up to %llu, not \"%s\"", name,
				   (unsigned long long)max, value);
	return 0;
}

static int parse_globals(struct wr_cli *cli, int argc, char **argv, struct wr_err *err)
{
	struct parser p = { .shorts = "+:" };

	add_options(&p, wr_global_options, cli->global_values);
	return run_parser(&p, argc, argv, err);
}

static int parse_command(struct wr_cli *cli, int argc, char **argv, struct wr_err *err)
{
	struct parser p = { .shorts = ":" };

	add_options(&p, cli->command->options, cli->values);
	add_options(&p, wr_global_options, cli->global_values);
	return run_parser(&p, argc, argv, err);
}

static const char *global_value(const struct wr_cli *cli, const char *name)
{
	return value_of(wr_global_options, cli->global_values, name);
}

static int take_globals(struct wr_cli *cli, struct wr_err *err)
{
	const char *instance = global_value(cli, "instance");

	cli->help = global_value(cli, "help");
	cli->json = wr_streq(global_value(cli, "output"), "json");
	if (global_value(cli, "wide"))
		cli->width = 0;
	return wr_paths_init(&cli->paths, instance ? instance : getenv("WEIR_INSTANCE"), err);
}

static int check_args(const struct wr_cli *cli, struct wr_err *err)
{
	const struct wr_command *c = cli->command;

	if (cli->help || (cli->n_args >= c->min_args && cli->n_args <= c->max_args))
		return 0;
	if (!c->max_args)
		return wr_err_set(err, -EINVAL, "%s takes no argument, and \"%s\" is one", c->name,
				  cli->args[0]);
	return wr_err_set(err, -EINVAL, "%s wants %s", c->name, c->args);
}

/* One word of two is what people type who do not remember the second. */
static int refuse_command(const char *word, struct wr_err *err)
{
	const struct wr_command *const *c;
	size_t len = strlen(word);

	for (c = wr_commands; *c; c++)
		if (strncmp((*c)->name, word, len) == 0 && (*c)->name[len] == ' ')
			return wr_err_set(err, -EINVAL, "no such command: %s; there is %s", word,
					  (*c)->name);
	return wr_err_set(err, -EINVAL, "no such command: %s", word);
}

static int parse(struct wr_cli *cli, int argc, char **argv, struct wr_err *err)
{
	int words, r = parse_globals(cli, argc, argv, err);

	if (r < 0)
		return r;
	argv += optind;
	argc -= optind;
	if (global_value(cli, "version")) {
		cli->command = &wr_cmd_version;
		return take_globals(cli, err);
	}
	cli->command = wr_command_find(argc, argv, &words);
	if (argc && !cli->command)
		return refuse_command(argv[0], err);
	if (cli->command) {
		/* getopt takes the last of the command's words for the program's name. */
		argv += words - 1;
		argc -= words - 1;
		r = parse_command(cli, argc, argv, err);
		if (r < 0)
			return r;
		cli->args = argv + optind;
		cli->n_args = argc - optind;
	}
	r = take_globals(cli, err);
	return r < 0 || !cli->command ? r : check_args(cli, err);
}

int wr_cli_parse(struct wr_cli *cli, int argc, char **argv, struct wr_err *err)
{
	int r = parse(cli, argc, argv, err);

	if (r < 0)
		cli->status = WR_EXIT_USAGE;
	return r;
}
