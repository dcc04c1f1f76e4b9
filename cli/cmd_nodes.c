// SPDX-License-Identifier: Apache-2.0
/* weir nodes: the nodes that the agent knows, and how it reaches them. */
#include <errno.h>

#include "cli/agent.h"
#include "cli/commands.h"
#include "cli/out.h"

static const struct wr_out_column columns[] = {
	{ "NODE", "name", NULL, 0, 12 },
	{ "VIA", "via", NULL, 0, 0 },
	{ "ADDRESSES", "addresses", wr_cell_list, 0, 15 },
	{ "POD RANGES", "pod_cidrs", wr_cell_list, 0, 18 },
	{ "ZONE", "zone", NULL, 0, 6 },
	{ 0 },
};

static const struct wr_out_list format = {
	.kind = "NodeList",
	.none = "the agent knows no node yet",
	.columns = columns,
};

static int run(struct wr_cli *cli, struct wr_err *err)
{
	struct wr_err why = WR_ERR_INIT;
	wr_auto_json *body = NULL;
	const struct wr_json *list;
	struct wr_out out;
	size_t i;
	int r;

	if (!wr_agent_is_there(cli, &why))
		return wr_cli_fail(cli, WR_EXIT_NOTHING, -ENOTCONN, err,
				   "nodes are known to the agent, which is away (%s)", why.msg);
	r = wr_agent_get(cli, "nodes", &body, err);
	if (r < 0)
		return r;
	list = wr_json_get(body, "items");
	wr_out_begin(&out, cli, &format);
	for (i = 0; i < wr_json_len(list); i++)
		wr_out_item(&out, wr_json_ref(wr_json_at(list, i)));
	wr_out_end(&out);
	return 0;
}

const struct wr_command wr_cmd_nodes = {
	.name = "nodes",
	.args = "",
	.summary = "Nodes, their pod ranges, and how this node reaches them",
	.details = "VIA is self, direct, vxlan, or none: no way there is known.\n",
	.run = run,
};
