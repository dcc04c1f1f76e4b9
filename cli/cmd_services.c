// SPDX-License-Identifier: Apache-2.0
/* weir services: frontends, and how many backends stand behind each. */
#include "cli/agent.h"
#include "cli/commands.h"
#include "cli/frontends.h"
#include "cli/human.h"
#include "cli/out.h"
#include "cli/service_columns.h"

static const struct wr_option options[] = {
	{ "all", 'a', WR_VALUES_ANY, NULL, NULL,
	  "also the rows that only claim an address for its services" },
	{ 0 },
};

static const struct wr_out_column columns[] = {
	{ "SERVICE", "service", wr_cell_service, 0, 16 },
	WR_FRONTEND_COLUMNS,
	{ 0 },
};

static const struct wr_out_list format = {
	.kind = "ServiceList",
	.none = "no service is in force on this node",
	.columns = columns,
};

/* After the table; in JSON it is `weir service NAME` that says so. */
static void print_skipped(struct wr_cli *cli)
{
	wr_auto_json *services = NULL;
	const struct wr_json *list, *item, *why;
	bool any = false;
	size_t i, k;

	if (cli->json || wr_agent_get(cli, "services", &services, NULL) < 0)
		return;
	list = wr_json_get(services, "items");
	for (i = 0; i < wr_json_len(list); i++) {
		item = wr_json_at(list, i);
		why = wr_json_get(item, "skipped");
		for (k = 0; k < wr_json_len(why); k++) {
			fputs(any ? "" : "\nSkipped\n", cli->out);
			any = true;
			fprintf(cli->out, "  %s%s%s: %s\n", wr_json_get_str(item, "namespace"),
				*wr_json_get_str(item, "namespace") ? "/" : "",
				wr_json_get_str(item, "name"),
				wr_json_get_str(wr_json_at(why, k), "reason"));
		}
	}
}

static int run(struct wr_cli *cli, struct wr_err *err)
{
	wr_auto_frontends list = { 0 };
	wr_auto_names names = { 0 };
	struct wr_out out;
	struct wr_dp *dp;
	size_t i;
	int r = wr_cli_dp(cli, &dp, err);

	if (r < 0)
		return r;
	wr_names_load(cli, WR_NAMES_SERVICES, &names);
	r = wr_frontends_load(dp, &names, wr_cli_opt(cli, "all"), &list);
	if (r < 0)
		return wr_err_sys(err, r, "reading the services");
	wr_out_begin(&out, cli, &format);
	for (i = 0; i < list.v.n; i++)
		wr_out_item(&out, wr_frontend_encode(&list.v.v[i]));
	wr_out_end(&out);
	print_skipped(cli);
	return 0;
}

const struct wr_command wr_cmd_services = {
	.name = "services",
	.args = "",
	.options = options,
	.summary = "Addresses and ports that services answer on, and how many backends each has",
	.details =
		"KIND is cluster, node-port, host-port or external. FLAGS: local (backends of this node only),\n"
		"source-ranges (not every client may), keep-source (the client's address is kept), maglev (every\n"
		"node picks the same backend), no-table (there was no room for that: by chance), dsr (replies go\n"
		"straight to the client), on-node (the address is configured on this node: left alone).\n",
	.run = run,
};
