// SPDX-License-Identifier: Apache-2.0
/* weir version: of this program and of the agent. */
#include "bpf/abi/base.h"
#include "cli/agent.h"
#include "cli/commands.h"
#include "cli/out.h"
#include "lib/wire/wire.h"

static int run(struct wr_cli *cli, struct wr_err *err)
{
	wr_auto_json *status = NULL;
	struct wr_json *body = wr_json_new_object();
	struct wr_json *j = wr_json_new_object();
	const char *agent;

	wr_json_add_str(body, "what", "status");
	/* Away is an answer here. */
	wr_agent_call(cli, "get", body, &status, NULL);
	agent = wr_json_get_str(status, "version");
	wr_json_add_str(j, "version", WR_VERSION);
	wr_json_add_int(j, "abi", WR_ABI_VERSION);
	wr_json_add_int(j, "wire", WR_WIRE_VERSION);
	if (agent)
		wr_json_add_str(j, "agent", agent);
	if (cli->json) {
		wr_out_object(cli, "Version", j);
		return 0;
	}
	fprintf(cli->out, "weir        %s (ABI %d, wire protocol %d)\n", WR_VERSION, WR_ABI_VERSION,
		WR_WIRE_VERSION);
	fprintf(cli->out, "weir-agent  %s\n", agent ? agent : "does not answer");
	wr_json_free(j);
	return 0;
}

const struct wr_command wr_cmd_version = {
	.name = "version",
	.args = "",
	.summary = "Versions of this program and of the agent",
	.run = run,
};
