// SPDX-License-Identifier: Apache-2.0
/* weir-agent: the agent of one node. */
#include <errno.h>
#include <stdio.h>

#include "agent/commands.h"
#include "agent/options.h"

int main(int argc, char **argv)
{
	struct wr_err err = WR_ERR_INIT;
	struct wr_options options;
	int r = wr_options_parse(argc, argv, &options, &err);

	r = r ? r : wr_options_check(&options, &err);
	if (r) {
		fprintf(stderr, "weir-agent: %s\n", err.msg);
		return WR_EXIT_USAGE;
	}
	r = wr_command_run(&options, &err);
	if (r)
		fprintf(stderr, "weir-agent: %s\n", err.msg);
	wr_options_done(&options);
	return r == 0 ? WR_EXIT_OK : r == -EBUSY ? WR_EXIT_BUSY : WR_EXIT_FAILURE;
}
