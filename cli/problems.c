// SPDX-License-Identifier: Apache-2.0
/* Problems of policies, on stderr. */
#include "cli/problems.h"

void wr_cli_note_problems(const struct wr_cli *cli, const struct wr_json *policy)
{
	const struct wr_json *list = wr_json_get(policy, "problems");
	const char *ns = wr_json_get_str(policy, "namespace");
	size_t i;

	for (i = 0; i < wr_json_len(list); i++)
		wr_cli_note(cli, "%s %s%s%s: %s %s", wr_json_get_str(policy, "kind"), ns ? ns : "",
			    ns && *ns ? "/" : "", wr_json_get_str(policy, "name"),
			    wr_json_get_str(wr_json_at(list, i), "field"),
			    wr_json_get_str(wr_json_at(list, i), "what"));
}
