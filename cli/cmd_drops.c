// SPDX-License-Identifier: Apache-2.0
/* weir drops: how many packets were dropped, and why. */
#include <errno.h>

#include "cli/agent.h"
#include "cli/commands.h"
#include "cli/event.h"
#include "cli/names.h"
#include "cli/out.h"
#include "lib/dp/tables.h"

static const struct wr_option options[] = {
	{ "all", 'a', WR_VALUES_ANY, NULL, NULL, "also the reasons that never occurred" },
	{ "recent", 'r', WR_VALUES_ANY, NULL, NULL,
	  "the latest dropped packets themselves (from the agent)" },
	{ 0 },
};

static const struct wr_out_column columns[] = {
	{ "REASON", "name", NULL, 0, 0 },
	{ "PACKETS", "packets", wr_cell_count, WR_COL_RIGHT, 0 },
	{ "BYTES", "bytes", wr_cell_bytes, WR_COL_RIGHT, 0 },
	{ "WHAT HAPPENED", "text", NULL, 0, 20 },
	{ 0 },
};

static const struct wr_out_list format = {
	.kind = "DropList",
	.none = "nothing was dropped since the maps were made",
	.columns = columns,
};

static struct wr_json *encode(uint32_t reason, const struct wr_drop_count *count)
{
	struct wr_json *j = wr_json_new_object();

	wr_json_add_str(j, "name", wr_reason_name(reason));
	wr_json_add_int(j, "reason", reason);
	wr_json_add_int(j, "packets", (int64_t)count->packets);
	wr_json_add_int(j, "bytes", (int64_t)count->bytes);
	wr_json_add_str(j, "text", wr_reason_text(reason));
	return j;
}

static int show_counts(struct wr_cli *cli, struct wr_err *err)
{
	struct wr_drop_count counts[WR_REASON_MAX];
	bool all = wr_cli_opt(cli, "all");
	struct wr_out out;
	struct wr_dp *dp;
	uint32_t i;
	int r = wr_cli_dp(cli, &dp, err);

	if (r < 0)
		return r;
	r = wr_drops_get(dp, counts);
	if (r < 0)
		return wr_err_sys(err, r, "reading the drop counters");
	wr_out_begin(&out, cli, &format);
	for (i = WR_REASON_NONE + 1; i < WR_REASON_MAX; i++)
		if (all || counts[i].packets)
			wr_out_item(&out, encode(i, &counts[i]));
	wr_out_end(&out);
	return 0;
}

/* Lines, not a table: the same that `weir monitor` shows. */
static const struct wr_out_list recent_format = { .kind = "EventList" };

static void print_recent(struct wr_cli *cli, const struct wr_names *names, const struct wr_json *list)
{
	struct wr_json *item;
	struct wr_out out;
	size_t i;

	if (cli->json)
		wr_out_begin(&out, cli, &recent_format);
	for (i = 0; i < wr_json_len(list); i++) {
		item = wr_event_item(names, wr_json_at(list, i));
		if (cli->json) {
			wr_out_item(&out, item);
		} else {
			wr_event_write(cli, item, WR_EVENT_DATE);
			wr_json_free(item);
		}
	}
	if (cli->json)
		wr_out_end(&out);
	else if (!i)
		wr_cli_note(cli, "the agent has seen no drop since it started");
}

static int show_recent(struct wr_cli *cli, struct wr_err *err)
{
	struct wr_err why = WR_ERR_INIT;
	wr_auto_json *body = NULL;
	wr_auto_names names = { 0 };
	int r;

	if (!wr_agent_is_there(cli, &why))
		return wr_cli_fail(cli, WR_EXIT_NOTHING, -ENOTCONN, err,
				   "the latest drops are kept by the agent, which is away (%s); `weir drops` still counts",
				   why.msg);
	r = wr_agent_get(cli, "drops", &body, err);
	if (r < 0)
		return r;
	wr_names_load(cli, WR_NAMES_ALL | WR_NAMES_INTERFACES, &names);
	print_recent(cli, &names, wr_json_get(body, "items"));
	return 0;
}

static int run(struct wr_cli *cli, struct wr_err *err)
{
	return wr_cli_opt(cli, "recent") ? show_recent(cli, err) : show_counts(cli, err);
}

const struct wr_command wr_cmd_drops = {
	.name = "drops",
	.args = "",
	.options = options,
	.summary = "How many packets were dropped, and why",
	.details = "Counters of this node since its maps were made; they survive the agent.\n"
		   "\n"
		   "Examples:\n"
		   "  weir drops                        why packets were dropped\n"
		   "  weir drops --recent               whose\n"
		   "  weir monitor --drops --pod web    those of one pod, as they happen\n",
	.run = run,
};
