// SPDX-License-Identifier: Apache-2.0
/*
 * What a runtime hands the plugin: the environment, then a NUL, then standard input. Everything is read, and every result
 * is put into the form of every version.
 */
#include <stddef.h>
#include <stdint.h>

#include "cni/conf.h"
#include "cni/env.h"
#include "cni/result.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/strbuf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void set_variable(char *line)
{
	static const char *const names[] = { "CNI_CONTAINERID", "CNI_IFNAME", "CNI_NETNS",
					     "CNI_PATH", "CNI_ARGS" };
	char *value = strchr(line, '=');
	size_t i;

	if (!value)
		return;
	*value++ = '\0';
	for (i = 0; i < WR_ARRAY_SIZE(names); i++)
		if (strcmp(names[i] + 4, line) == 0)
			setenv(names[i], value, 1);
}

/* Lines of NAME=VALUE, without the CNI_ in front. */
static void set_environment(char *text)
{
	char *line;

	clearenv();
	while ((line = strsep(&text, "\n")))
		set_variable(line);
}

static void convert(const struct wr_json *prev)
{
	wr_auto_json *result = NULL;
	struct wr_cni_iface iface;
	int spec;

	if (wr_cni_result_decode(prev, &result, NULL) < 0)
		return;
	wr_cni_result_find(result, "eth0", "/run/netns/x", &iface, NULL);
	for (spec = 0; spec < WR_CNI_SPEC_MAX; spec++) {
		wr_auto_json *out = wr_cni_result_encode(result, (enum wr_cni_spec)spec);
		wr_auto_strbuf text = WR_STRBUF_INIT;

		wr_json_format(out, false, &text);
	}
}

static void read_input(const char *text, size_t len, const struct wr_cni_env *env)
{
	struct wr_cni_conf conf;
	struct wr_cni_wish wish;
	struct wr_err err = WR_ERR_INIT;

	if (wr_cni_conf_parse(text, len, &conf, &err) < 0)
		return;
	if (wr_cni_wish_parse(&conf, env, &wish, &err) == 0)
		wr_cni_wish_done(&wish);
	if (conf.prev)
		convert(conf.prev);
	wr_cni_conf_done(&conf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	wr_autofree char *text = wr_xstrndup((const char *)data, size);
	const size_t env_len = strlen(text);
	struct wr_cni_env env = { 0 };

	set_environment(text);
	if (wr_cni_env_read(WR_CNI_NEED_ARGS, &env, NULL) < 0)
		env = (struct wr_cni_env){ .pod_name = "" };
	if (env_len < size)
		read_input((const char *)data + env_len + 1, size - env_len - 1, &env);
	wr_cni_env_done(&env);
	return 0;
}
