// SPDX-License-Identifier: Apache-2.0
/* The actions of the command line. */
#include "agent/commands.h"

#include <stdio.h>

#include "agent/agent.h"
#include "agent/log.h"
#include "agent/metrics.h"
#include "agent/retire.h"

static int do_run(const struct wr_options *o, struct wr_err *err)
{
	return wr_agent_run(&o->config, err);
}

static int do_check(const struct wr_options *o, struct wr_err *err)
{
	fputs(o->notes.buf, stderr);
	puts("the configuration is valid");
	return 0;
}

static int do_uninstall(const struct wr_options *o, struct wr_err *err)
{
	return wr_agent_uninstall(&o->config, err);
}

static int do_retire(const struct wr_options *o, struct wr_err *err)
{
	return wr_retire(&o->config, err);
}

static int do_metrics(const struct wr_options *o, struct wr_err *err)
{
	wr_auto_strbuf text = WR_STRBUF_INIT;

	wr_metrics_document(&text);
	fputs(text.buf, stdout);
	return 0;
}

static int do_version(const struct wr_options *o, struct wr_err *err)
{
	puts("weir-agent " WR_VERSION);
	return 0;
}

static int do_help(const struct wr_options *o, struct wr_err *err)
{
	wr_options_help(stdout);
	return 0;
}

static int (*const actions[])(const struct wr_options *o, struct wr_err *err) = {
	[WR_DO_RUN] = do_run,
	[WR_DO_CHECK_CONFIG] = do_check,
	[WR_DO_UNINSTALL] = do_uninstall,
	[WR_DO_RETIRE] = do_retire,
	[WR_DO_PRINT_METRICS] = do_metrics,
	[WR_DO_VERSION] = do_version,
	[WR_DO_HELP] = do_help,
};

static void log_notes(const char *notes)
{
	if (*notes)
		wr_log(WR_LOG_WARN, "configuration", WR_S("note", notes));
}

int wr_command_run(const struct wr_options *o, struct wr_err *err)
{
	wr_log_setup((enum wr_log_level)o->config.log_level, o->config.log_format == 1);
	if (o->action == WR_DO_RUN || o->action == WR_DO_RETIRE)
		log_notes(o->notes.buf);
	return actions[o->action](o, err);
}
