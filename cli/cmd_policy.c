// SPDX-License-Identifier: Apache-2.0
/* weir policy: what is in force for the pods of this node, and what is wrong with policies. */
#include "cli/agent.h"
#include "cli/commands.h"
#include "cli/out.h"
#include "cli/problems.h"

static void cell_name(const struct wr_json *item, const char *key, struct wr_strbuf *out)
{
	const char *ns = wr_json_get_str(item, "namespace"), *name = wr_json_get_str(item, key);

	wr_strbuf_addf(out, "%s%s%s", ns ? ns : "", ns && *ns ? "/" : "", name ? name : "");
}

static void cell_policies(const struct wr_json *item, const char *key, struct wr_strbuf *out)
{
	const struct wr_json *list = wr_json_get(item, key);
	size_t i;

	for (i = 0; i < wr_json_len(list); i++)
		wr_strbuf_addf(out, "%s%s", i ? ", " : "",
			       wr_json_get_str(wr_json_at(list, i), "name"));
}

static const struct wr_out_column columns[] = {
	{ "POD", "name", cell_name, 0, 12 },
	{ "JUDGED", "judged", NULL, 0, 0 },
	{ "POLICIES", "policies", cell_policies, 0, 20 },
	{ "RULESET", "ruleset", NULL, WR_COL_RIGHT | WR_COL_WIDE, 0 },
	{ "IDENTITY4", "identity4", NULL, WR_COL_RIGHT | WR_COL_WIDE, 0 },
	{ "IDENTITY6", "identity6", NULL, WR_COL_RIGHT | WR_COL_WIDE, 0 },
	{ 0 },
};

static const struct wr_out_list format = {
	.kind = "PolicyList",
	.none = "no pod is wired on this node",
	.columns = columns,
};

static int run_policy(struct wr_cli *cli, struct wr_err *err)
{
	wr_auto_json *body = NULL;
	const struct wr_json *items;
	struct wr_out out;
	size_t i;
	int r = wr_agent_get(cli, "policies", &body, err);

	if (r)
		return wr_err_set(err, r, "the agent is away, and only it knows policies by name");
	items = wr_json_get(body, "items");
	wr_out_begin(&out, cli, &format);
	for (i = 0; i < wr_json_len(items); i++) {
		struct wr_json *item = wr_json_ref(wr_json_at(items, i));

		if (wr_json_get(item, "endpoint") || cli->json) {
			wr_out_item(&out, item);
			continue;
		}
		wr_cli_note_problems(cli, item);
		wr_json_free(item);
	}
	wr_out_end(&out);
	return 0;
}

const struct wr_command wr_cmd_policy = {
	.name = "policy",
	.args = "",
	.summary = "Which policies are in force for each pod, and what is wrong with policies",
	.details =
		"JUDGED: the directions that a policy judges; closed: the pod's labels are not known yet, or its\n"
		"rules do not fit. Problems of policies are named on stderr, and are items of -o json.\n",
	.run = run_policy,
};
