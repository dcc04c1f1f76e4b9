/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's configuration: the text as a file, then as the value of every flag. What is refused is refused with words that
 * name the place; what is taken can be judged as a whole.
 */
#include <stdint.h>
#include <stdlib.h>

#include "agent/config.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void judge(const struct wr_agent_config *c)
{
	struct wr_err err = WR_ERR_INIT;

	if (wr_config_check(c, &err) < 0 && !err.msg[0])
		abort();
}

static void as_file(const char *text, size_t len)
{
	wr_auto_strbuf notes = WR_STRBUF_INIT;
	struct wr_err err = WR_ERR_INIT;
	wr_auto_config c;

	wr_config_init(&c);
	if (wr_config_apply_yaml(&c, wr_config_keys, wr_config_keys_n, "agent.yaml", text, len,
				 &notes, &err) == 0)
		judge(&c);
	else if (!wr_has_prefix(err.msg, "agent.yaml: "))
		abort();
}

static void as_flag(struct wr_agent_config *c, const struct wr_key *key, const char *text)
{
	struct wr_err err = WR_ERR_INIT;

	if (wr_config_set(c, key, text, key->flag, &err) < 0 && !wr_has_prefix(err.msg, key->flag))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	wr_autofree char *text = wr_xstrndup((const char *)data, size);
	wr_auto_config c;
	size_t i;

	as_file((const char *)data, size);
	wr_config_init(&c);
	for (i = 0; i < wr_config_keys_n; i++)
		as_flag(&c, &wr_config_keys[i], text);
	judge(&c);
	return 0;
}
