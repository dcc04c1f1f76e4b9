/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's command line: what to do, and the configuration (flags over the file over defaults). */
#ifndef WR_AGENT_OPTIONS_H
#define WR_AGENT_OPTIONS_H

#include <stdio.h>

#include "agent/config.h"

enum wr_action {
	WR_DO_RUN,
	WR_DO_CHECK_CONFIG,
	WR_DO_UNINSTALL,
	WR_DO_RETIRE,
	WR_DO_PRINT_METRICS,
	WR_DO_VERSION,
	WR_DO_HELP,
};

struct wr_options {
	enum wr_action action;
	char *config_file; /* NULL: none */
	struct wr_agent_config config;
	struct wr_strbuf notes; /* for the log: renamed keys */
};

/* @ret is filled (free with wr_options_done) or untouched. -EINVAL: wrong usage or configuration, @err says what. */
int wr_options_parse(int argc, char **argv, struct wr_options *ret, struct wr_err *err);
/* What is to be done must be possible with this configuration; frees the options where it is not. */
int wr_options_check(struct wr_options *o, struct wr_err *err);
void wr_options_done(struct wr_options *o);
void wr_options_help(FILE *out);

#endif
