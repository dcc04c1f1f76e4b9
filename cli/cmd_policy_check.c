// SPDX-License-Identifier: Apache-2.0
/* weir policy check: which connections manifests would cut or open, before they are applied. */
#include <errno.h>
#include <unistd.h>

#include "cli/agent.h"
#include "cli/commands.h"
#include "cli/human.h"
#include "cli/out.h"
#include "cli/problems.h"
#include "lib/base/cleanup.h"
#include "lib/base/io.h"
#include "lib/base/str.h"

#define FILE_MAX (8u << 20)

static const struct wr_option options[] = {
	{ "filename", 'f', WR_VALUES_ANY, "FILE", NULL,
	  "manifests that would be applied; - is standard input" },
	{ 0 },
};

static void cell_end(const struct wr_json *item, const char *key, struct wr_strbuf *out)
{
	const struct wr_json *end = wr_json_get(item, key);
	const char *ns = wr_json_get_str(end, "namespace"), *pod = wr_json_get_str(end, "pod");
	bool is_dst = wr_streq(key, "destination");
	uint16_t port = is_dst ? (uint16_t)wr_json_get_int(item, "port", 0) : 0;

	if (!pod) {
		wr_human_socket(wr_json_get_str(end, "address"), port, out);
		return;
	}
	wr_strbuf_addf(out, "%s/%s", ns, pod);
	if (port)
		wr_strbuf_addf(out, ":%u", port);
}

static const struct wr_out_column columns[] = {
	{ "WOULD BE", "change", NULL, 0, 0 },
	{ "PROTO", "protocol", NULL, 0, 0 },
	{ "SOURCE", "source", cell_end, 0, 12 },
	{ "DESTINATION", "destination", cell_end, 0, 12 },
	{ "NOW BY", "now", NULL, 0, 20 },
	{ "THEN BY", "then", NULL, 0, 20 },
	{ 0 },
};

static const struct wr_out_list format = {
	.kind = "PolicyCheckList",
	.none = "no connection of this node would be cut or opened",
	.columns = columns,
};

static int ask(struct wr_cli *cli, const char *text, struct wr_json **ret, struct wr_err *err)
{
	struct wr_json *body = wr_json_new_object();

	wr_json_add_str(body, "manifests", text);
	return wr_agent_call(cli, "policy-check", body, ret, err);
}

static int run(struct wr_cli *cli, struct wr_err *err)
{
	const char *file = wr_cli_opt(cli, "filename");
	wr_autofree char *text = NULL;
	wr_auto_json *answer = NULL;
	const struct wr_json *items;
	struct wr_err why = WR_ERR_INIT;
	struct wr_out out;
	size_t i;
	int r;

	if (!file)
		return wr_cli_fail(cli, WR_EXIT_USAGE, -EINVAL, err, "-f FILE: is missing");
	r = wr_read_file(wr_streq(file, "-") ? "/dev/stdin" : file, FILE_MAX, &text, NULL);
	if (r < 0)
		return wr_err_sys(err, r, "%s", file);
	if (!wr_agent_is_there(cli, &why))
		return wr_cli_fail(cli, WR_EXIT_NOTHING, -ENOTCONN, err,
				   "policies are known to the agent, which is away (%s)", why.msg);
	r = ask(cli, text, &answer, err);
	if (r < 0)
		return wr_err_wrap(err, r, "%s", file);
	items = wr_json_get(answer, "problems");
	for (i = 0; i < wr_json_len(items); i++)
		wr_cli_note_problems(cli, wr_json_at(items, i));
	items = wr_json_get(answer, "items");
	wr_out_begin(&out, cli, &format);
	for (i = 0; i < wr_json_len(items); i++)
		wr_out_item(&out, wr_json_ref(wr_json_at(items, i)));
	wr_out_end(&out);
	wr_cli_note(cli, "%lld judged: %lld would be cut, %lld opened",
		    (long long)wr_json_get_int(answer, "judged", 0),
		    (long long)wr_json_get_int(answer, "cut", 0),
		    (long long)wr_json_get_int(answer, "opened", 0));
	return 0;
}

const struct wr_command wr_cmd_policy_check = {
	.name = "policy check",
	.args = "",
	.options = options,
	.summary = "Which connections a change of policies would cut or open",
	.details =
		"The manifests of FILE are taken as if they were applied: a policy that is there already is replaced\n"
		"by that of the file. The flows of this node, and what was dropped by policy lately, are judged with\n"
		"and without them. Nothing is changed. Connections between the same ends and port are one line.\n"
		"What is not understood of the policies is named on stderr.\n"
		"\n"
		"Examples:\n"
		"  weir policy check -f deny-all.yaml\n"
		"  kustomize build . | weir policy check -f -\n",
	.run = run,
};
