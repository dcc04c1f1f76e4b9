/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file of manifests, strictly as a whole; then each document leniently, as what it says and as every kind. What strict decoding takes,
 * lenient decoding takes. Nothing stays interned.
 */
#include <stdint.h>
#include <stdlib.h>

#include "agent/manifests/parse.h"
#include "lib/yaml/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode_as_everything(const struct wr_json *j)
{
	struct wr_object *o;
	int kind, strict;

	for (kind = 0; kind < WR_KIND_MAX; kind++) {
		strict = wr_object_decode_as((enum wr_kind)kind, j, true, &o, NULL);
		if (strict == 0)
			wr_object_free(o);
		if (wr_object_decode_as((enum wr_kind)kind, j, false, &o, NULL) == 0)
			wr_object_free(o);
		else if (strict == 0)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wr_yaml_docs docs = { 0 };
	struct wr_manifest m = { 0 };
	struct wr_err err = WR_ERR_INIT;
	uint32_t kinds;
	size_t i;

	if (wr_manifest_parse((const char *)data, size, &m, &kinds, &err) == 0)
		wr_manifest_done(&m);
	else if (!err.msg[0])
		abort();
	if (wr_yaml_parse((const char *)data, size, &docs, NULL) == 0)
		for (i = 0; i < docs.docs.n; i++)
			decode_as_everything(docs.docs.v[i]);
	wr_yaml_docs_done(&docs);
	if (wr_istr_count())
		abort();
	return 0;
}
