// SPDX-License-Identifier: Apache-2.0
/* weir policy, weir why: what is in force for the pods of this node, and what becomes of one packet. */
#include <errno.h>
#include <string.h>

#include "cli/agent.h"
#include "cli/commands.h"
#include "cli/out.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

/* ---- policy -------------------------------------------------------------------------------------- */

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

static void note_problems(const struct wr_cli *cli, const struct wr_json *item)
{
	const struct wr_json *list = wr_json_get(item, "problems");
	wr_auto_strbuf name = WR_STRBUF_INIT;
	size_t i;

	cell_name(item, "name", &name);
	for (i = 0; i < wr_json_len(list); i++)
		wr_cli_note(cli, "%s %s: %s %s", wr_json_get_str(item, "kind"), name.buf,
			    wr_json_get_str(wr_json_at(list, i), "field"),
			    wr_json_get_str(wr_json_at(list, i), "what"));
}

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
		note_problems(cli, item);
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

/* ---- why ------------------------------------------------------------------------------------------- */

static int take_port(const char *text, struct wr_json *body, struct wr_err *err)
{
	wr_autofree char *number = wr_xstrdup(text);
	char *proto = strchr(number, '/');
	uint64_t port;

	if (proto)
		*proto++ = '\0';
	if (wr_parse_u64(number, 65535, &port))
		return wr_err_set(err, -EINVAL, "PORT: \"%.20s\" is not a port", number);
	wr_json_add_int(body, "port", (int64_t)port);
	wr_json_add_str(body, "protocol", proto ? proto : "tcp");
	return 0;
}

static void tell(const struct wr_cli *cli, const struct wr_json *step)
{
	const struct wr_json *list = wr_json_get(step, "policies");
	size_t i;

	fprintf(cli->out, "%s of %s, peer identity %lld\n", wr_json_get_str(step, "direction"),
		wr_json_get_str(step, "pod"), (long long)wr_json_get_int(step, "peerIdentity", 0));
	for (i = 0; i < wr_json_len(list); i++)
		fprintf(cli->out, "  %s: %s\n", wr_json_get_str(wr_json_at(list, i), "tier"),
			wr_json_get_str(wr_json_at(list, i), "name"));
	fprintf(cli->out, "  %s: %s\n",
		wr_json_get_bool(step, "allowed", false) ? "allowed" : "denied",
		wr_json_get_str(step, "rule"));
}

static int run_why(struct wr_cli *cli, struct wr_err *err)
{
	struct wr_json *ask = wr_json_new_object();
	wr_auto_json *answer = NULL;
	const struct wr_json *steps;
	size_t i;
	int r;

	wr_json_add_str(ask, "source", cli->args[0]);
	wr_json_add_str(ask, "destination", cli->args[1]);
	r = take_port(cli->args[2], ask, err);
	if (r) {
		wr_json_free(ask);
		return r;
	}
	r = wr_agent_call(cli, "why", ask, &answer, err);
	if (r)
		return r;
	if (cli->json) {
		wr_out_object(cli, "Why", wr_json_ref(answer));
		return 0;
	}
	steps = wr_json_get(answer, "judged");
	for (i = 0; i < wr_json_len(steps); i++)
		tell(cli, wr_json_at(steps, i));
	if (!wr_json_len(steps))
		wr_cli_note(cli, "neither end is a pod of this node");
	return 0;
}

const struct wr_command wr_cmd_why = {
	.name = "why",
	.args = "SRC DST PORT[/PROTO]",
	.min_args = 3,
	.max_args = 3,
	.summary = "What policy says of a packet, and which rule",
	.details =
		"SRC and DST are addresses or NAMESPACE/POD; DST is the backend, not the service. Each end that\n"
		"is a pod of this node is judged: its policies by tier, and the rule that decides.\n",
	.run = run_why,
};
