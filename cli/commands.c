// SPDX-License-Identifier: Apache-2.0
/* The table of commands: a new one is a row here and a file of its own. */
#include "cli/commands.h"

#include <string.h>

#include "lib/base/str.h"

const struct wr_command *const wr_commands[] = {
	&wr_cmd_status,
	&wr_cmd_nodes,
	&wr_cmd_endpoints,
	&wr_cmd_services,
	&wr_cmd_service,
	&wr_cmd_backends,
	&wr_cmd_flows,
	&wr_cmd_drops,
	&wr_cmd_monitor,
	&wr_cmd_ipam,
	&wr_cmd_lb_lookup,
	&wr_cmd_policy_check,
	&wr_cmd_policy,
	&wr_cmd_domains,
	&wr_cmd_why,
	&wr_cmd_version,
	&wr_cmd_help,
	&wr_cmd_complete,
	NULL,
};

/* How many words of @name @argv begins with: all, or 0. */
static int match_words(const char *name, int argc, char *const *argv)
{
	size_t len;
	int n;

	for (n = 0; *name; n++) {
		len = strcspn(name, " ");
		if (n == argc || strlen(argv[n]) != len || memcmp(argv[n], name, len) != 0)
			return 0;
		name += len + (name[len] == ' ');
	}
	return n;
}

const struct wr_command *wr_command_find(int argc, char *const *argv, int *ret_words)
{
	const struct wr_command *const *c;
	int words;

	for (c = wr_commands; *c; c++) {
		words = match_words((*c)->name, argc, argv);
		if (words) {
			*ret_words = words;
			return *c;
		}
	}
	return NULL;
}
