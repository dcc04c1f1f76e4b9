/* SPDX-License-Identifier: Apache-2.0 */
/* What the command line asks for, by a table of actions. */
#ifndef WR_AGENT_COMMANDS_H
#define WR_AGENT_COMMANDS_H

#include "agent/options.h"

enum wr_exit {
	WR_EXIT_OK,
	WR_EXIT_FAILURE,
	WR_EXIT_USAGE,     /* wrong options or configuration: starting again will not help */
	WR_EXIT_BUSY = 75, /* another agent of the instance runs */
};

/* 0 or a negative errno with @err. */
int wr_command_run(const struct wr_options *o, struct wr_err *err);

#endif
