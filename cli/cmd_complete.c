// SPDX-License-Identifier: Apache-2.0
/* weir __complete WORD...: what the shell's completion asks; the last word is the one under the cursor. */
#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "cli/agent.h"
#include "cli/commands.h"
#include "cli/names.h"
#include "lib/base/cleanup.h"
#include "lib/base/str.h"

struct completion {
	struct wr_cli *cli;
	const char *prefix;                  /* what is there of the word */
	const struct wr_command *command;    /* NULL: not complete yet */
	const struct wr_option *wants_value; /* the word before is this option; NULL */
	int words;                           /* of the command, so far */
};

static void offer(const struct completion *c, const char *word)
{
	if (wr_has_prefix(word, c->prefix))
		fprintf(c->cli->out, "%s\n", word);
}

static const struct wr_option *find_option(const struct wr_option *options, const char *word)
{
	for (; options && options->name; options++) {
		if (wr_has_prefix(word, "--") && wr_streq(word + 2, options->name))
			return options;
		if (word[0] == '-' && word[1] == options->letter && options->letter && !word[2])
			return options;
	}
	return NULL;
}

static const struct wr_option *find_any_option(const struct wr_command *command, const char *word)
{
	const struct wr_option *o = find_option(wr_global_options, word);

	return o || !command ? o : find_option(command->options, word);
}

/* The instance that the line names decides whose pods and services are offered. */
static void take_instance(struct wr_cli *cli, const char *name)
{
	wr_paths_init(&cli->paths, name, NULL);
}

/* Reads the line up to the last word as the parser would. */
static void read_line(struct completion *c, int argc, char **argv)
{
	const struct wr_option *o;
	int i, words;

	c->prefix = argc ? argv[argc - 1] : "";
	for (i = 0; i + 1 < argc; i++) {
		if (argv[i][0] != '-') {
			if (!c->command)
				c->command = wr_command_find(argc - 1 - i, argv + i, &words);
			if (!c->command)
				c->words++;
			continue;
		}
		o = find_any_option(c->command, argv[i]);
		if (!o || !o->arg)
			continue;
		if (i + 2 == argc)
			c->wants_value = o;
		else if (wr_streq(o->name, "instance"))
			take_instance(c->cli, argv[i + 1]);
		i++;
	}
}

static void closedir_p(DIR **d)
{
	if (*d)
		closedir(*d);
}

/* Every instance has its directory beside this one's. */
static void offer_instances(const struct completion *c)
{
	char dir[WR_PATH_SIZE];
	wr_cleanup(closedir_p) DIR *d = NULL;
	struct dirent *e;

	wr_copy(dir, sizeof(dir), c->cli->paths.run);
	if (strrchr(dir, '/'))
		*strrchr(dir, '/') = '\0';
	d = opendir(dir);
	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.')
			offer(c, e->d_name);
}

static void offer_name(void *ctx, const struct wr_name *name)
{
	offer(ctx, name->text);
}

/* A pod has two addresses, so it comes twice: the shell sorts and drops what is double. */
static void offer_names(struct completion *c, unsigned int what, enum wr_name_kind kind)
{
	wr_auto_names names = { 0 };

	/* Silence: connecting first leaves no note to be written over the prompt. */
	wr_agent_is_there(c->cli, NULL);
	wr_names_load(c->cli, what, &names);
	wr_names_each(&names, kind, offer_name, c);
}

/* Of a command's words, the one that is due. */
static void offer_commands(const struct completion *c)
{
	const struct wr_command *const *p;
	char word[32];

	for (p = wr_commands; *p && !c->words; p++) {
		wr_format(word, sizeof(word), "%.*s", (int)strcspn((*p)->name, " "), (*p)->name);
		if ((*p)->summary)
			offer(c, word);
	}
}

static void offer_values(struct completion *c, enum wr_values values, const char *const *choices)
{
	switch (values) {
	case WR_VALUES_ANY:
		break;
	case WR_VALUES_CHOICE:
		for (; choices && *choices; choices++)
			offer(c, *choices);
		break;
	case WR_VALUES_INSTANCE:
		offer_instances(c);
		break;
	case WR_VALUES_POD:
		offer_names(c, WR_NAMES_PODS, WR_NAME_POD);
		break;
	case WR_VALUES_SERVICE:
		offer_names(c, WR_NAMES_SERVICES, WR_NAME_SERVICE);
		break;
	case WR_VALUES_COMMAND:
		offer_commands(c);
		break;
	}
}

static void offer_options(const struct completion *c, const struct wr_option *options)
{
	char word[64];

	for (; options && options->name; options++)
		if (wr_format(word, sizeof(word), "--%s", options->name) == 0)
			offer(c, word);
}

/* "weir lb " wants "lookup". */
static void offer_second_word(const struct completion *c, const char *first)
{
	const struct wr_command *const *p;
	size_t len = strlen(first);

	for (p = wr_commands; *p; p++)
		if (strncmp((*p)->name, first, len) == 0 && (*p)->name[len] == ' ')
			offer(c, (*p)->name + len + 1);
}

static int run(struct wr_cli *cli, struct wr_err *err)
{
	struct completion c = { .cli = cli };

	read_line(&c, cli->n_args, cli->args);
	if (c.wants_value) {
		offer_values(&c, c.wants_value->values, c.wants_value->choices);
	} else if (c.prefix[0] == '-') {
		offer_options(&c, wr_global_options);
		offer_options(&c, c.command ? c.command->options : NULL);
	} else if (c.command) {
		offer_values(&c, c.command->max_args ? c.command->values : WR_VALUES_ANY, NULL);
		/* "weir policy " is complete, and "check" may follow. */
		if (cli->n_args > 1 && wr_streq(cli->args[cli->n_args - 2], c.command->name))
			offer_second_word(&c, c.command->name);
	} else {
		offer_commands(&c);
		if (c.words == 1 && cli->n_args > 1)
			offer_second_word(&c, cli->args[cli->n_args - 2]);
	}
	return 0;
}

const struct wr_command wr_cmd_complete = {
	.name = "__complete",
	.args = "[WORD]...",
	.max_args = INT32_MAX,
	.run = run,
};
