/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about the agent's documentation: it says what the tables say. */
#include "tests/unit/check.h"

#include <stdlib.h>

#include "agent/config.h"
#include "agent/metrics.h"
#include "agent/options.h"
#include "lib/base/cleanup.h"
#include "lib/base/io.h"
#include "lib/base/mem.h"

static char *read_source(const char *name)
{
	const char *top = getenv("WR_TOP");
	wr_autofree char *path = wr_xasprintf("%s/%s", top ? top : ".", name);
	char *text = NULL;

	if (wr_read_file(path, 1 << 20, &text, NULL))
		fail_msg("%s cannot be read", path);
	return text;
}

static void the_list_of_metrics_is_the_table(void **state)
{
	wr_autofree char *have = read_source("docs/metrics.md");
	wr_auto_strbuf want = WR_STRBUF_INIT;

	wr_metrics_document(&want);
	if (strcmp(have, want.buf) != 0)
		fail_msg("docs/metrics.md is not what weir-agent --print-metrics writes");
}

static void every_key_is_in_the_manual(void **state)
{
	wr_autofree char *manual = read_source("docs/man/weir-agent.8");
	size_t i;

	for (i = 0; i < wr_config_keys_n; i++) {
		const struct wr_key *key = &wr_config_keys[i];
		wr_autofree char *entry = wr_xasprintf("\n.It Cm %s Pq Fl -%s", key->name, key->flag);

		if (!strstr(manual, entry))
			fail_msg("weir-agent(8) does not say what %s is", key->name);
	}
}

static void the_example_is_valid(void **state)
{
	wr_autofree char *text = read_source("deploy/systemd/agent.yaml");
	wr_auto_strbuf notes = WR_STRBUF_INIT;
	struct wr_err err = WR_ERR_INIT;
	struct wr_agent_config c;

	wr_config_init(&c);
	if (wr_config_apply_yaml(&c, wr_config_keys, wr_config_keys_n, "agent.yaml", text,
				 strlen(text), &notes, &err) ||
	    wr_config_check(&c, &err))
		fail_msg("%s", err.msg);
	wr_config_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_list_of_metrics_is_the_table),
		cmocka_unit_test(every_key_is_in_the_manual),
		cmocka_unit_test(the_example_is_valid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
