/* SPDX-License-Identifier: Apache-2.0 */
/* Objects from YAML, for tests. */
#include "tests/unit/objects.h"

#include "lib/yaml/yaml.h"
#include "tests/unit/check.h"

struct wr_json *obj_json(const char *yaml)
{
	struct wr_yaml_docs docs = { 0 };
	struct wr_err err = WR_ERR_INIT;
	struct wr_json *j;

	if (wr_yaml_parse(yaml, strlen(yaml), &docs, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(docs.docs.n, 1);
	j = wr_json_ref(docs.docs.v[0]);
	wr_yaml_docs_done(&docs);
	return j;
}

static struct wr_object *decode(const char *yaml, bool strict)
{
	wr_auto_json *j = obj_json(yaml);
	struct wr_err err = WR_ERR_INIT;
	struct wr_object *o = NULL;

	if (wr_object_decode(j, strict, &o, &err) < 0)
		fail_msg("%s", err.msg);
	return o;
}

struct wr_object *obj_strict(const char *yaml)
{
	return decode(yaml, true);
}

struct wr_object *obj_lenient(const char *yaml)
{
	return decode(yaml, false);
}

void obj_refused(const char *yaml, const char *msg)
{
	wr_auto_json *j = obj_json(yaml);
	struct wr_err err = WR_ERR_INIT;
	struct wr_object *o = NULL;

	if (wr_object_decode(j, true, &o, &err) == 0) {
		wr_object_free(o);
		fail_msg("decoded, and should say: %s", msg);
	}
	assert_null(o);
	assert_string_equal(err.msg, msg);
}
