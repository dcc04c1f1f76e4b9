/* SPDX-License-Identifier: Apache-2.0 */
/* YAML text; what it gives is JSON that reads back as the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/yaml/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(const struct wr_json *j)
{
	wr_auto_strbuf a = WR_STRBUF_INIT, b = WR_STRBUF_INIT;
	struct wr_err err = WR_ERR_INIT;
	wr_auto_json *again = NULL;

	wr_json_format(j, false, &a);
	if (wr_json_parse(a.buf, a.len, &again, &err) < 0) {
		/* Both bound the depth, not by the same count. */
		if (!strstr(err.msg, "nesting"))
			abort();
		return;
	}
	wr_json_format(again, false, &b);
	if (strcmp(a.buf, b.buf) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wr_yaml_docs docs = { 0 };
	struct wr_err err = WR_ERR_INIT;
	size_t i;

	if (wr_yaml_parse((const char *)data, size, &docs, &err) < 0) {
		if (!err.msg[0] || docs.docs.n)
			abort();
		return 0;
	}
	for (i = 0; i < docs.docs.n; i++)
		check_again(docs.docs.v[i]);
	wr_yaml_docs_done(&docs);
	return 0;
}
