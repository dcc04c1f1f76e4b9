// SPDX-License-Identifier: Apache-2.0
/* weir domains: which addresses have the domain names that policies name, and for how long. */
#include "cli/agent.h"
#include "cli/commands.h"
#include "cli/out.h"

static void cell_pod(const struct wr_json *item, const char *key, struct wr_strbuf *out)
{
	const char *ns = wr_json_get_str(item, "namespace"), *name = wr_json_get_str(item, key);

	wr_strbuf_addf(out, "%s%s%s", ns ? ns : "", name ? "/" : "", name ? name : "");
}

static void cell_life(const struct wr_json *item, const char *key, struct wr_strbuf *out)
{
	if (wr_json_get_bool(item, "expired", false))
		wr_strbuf_addstr(out, "in use");
	else
		wr_strbuf_addf(out, "%lld s", (long long)wr_json_get_int(item, key, 0));
}

static const struct wr_out_column columns[] = {
	{ "NAME", "name", NULL, 0, 20 },
	{ "ADDRESS", "address", NULL, 0, 15 },
	{ "LEFT", "seconds", cell_life, WR_COL_RIGHT, 0 },
	{ "ASKED BY", "pod", cell_pod, 0, 12 },
	{ 0 },
};

static const struct wr_out_list format = {
	.kind = "DomainList",
	.none = "no pod has asked for a domain name that a policy names",
	.columns = columns,
};

static int run(struct wr_cli *cli, struct wr_err *err)
{
	wr_auto_json *body = NULL;
	const struct wr_json *list;
	struct wr_out out;
	size_t i;
	int r = wr_agent_get(cli, "domains", &body, err);

	if (r)
		return wr_err_set(err, r, "the agent is away, and only it knows domain names");
	list = wr_json_get(body, "items");
	wr_out_begin(&out, cli, &format);
	for (i = 0; i < wr_json_len(list); i++)
		wr_out_item(&out, wr_json_ref(wr_json_at(list, i)));
	wr_out_end(&out);
	return 0;
}

const struct wr_command wr_cmd_domains = {
	.name = "domains",
	.args = "",
	.summary = "Addresses of the domain names that policies name",
	.details =
		"Learnt from the answers that this node's pods got. LEFT: how long new connections are allowed\n"
		"by that name; in use: its time is over, and only connections that were there go on.\n",
	.run = run,
};
