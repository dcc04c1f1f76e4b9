/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strict reading of members, with errors that name the field, its line and what is there instead.
 */
#include "lib/json/json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define SHOWN 40 /* characters of a value that a message repeats */

const char *wr_json_describe(const struct wr_json *j, char *buf, size_t size)
{
	wr_auto_strbuf text = WR_STRBUF_INIT;

	switch (wr_json_type(j)) {
	case WR_JSON_ARRAY:
		snprintf(buf, size, "a list");
		break;
	case WR_JSON_OBJECT:
		snprintf(buf, size, "an object");
		break;
	default:
		wr_json_format(j, false, &text);
		snprintf(buf, size, "%.*s%s", SHOWN, text.buf, text.len > SHOWN ? "..." : "");
	}
	return buf;
}

int wr_json_err(const struct wr_json *at, struct wr_err *err, const char *fmt, ...)
{
	char msg[WR_ERR_MSG_SIZE];
	int line = wr_json_line(at);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	if (line)
		return wr_err_set(err, -EINVAL, "line %d: %s", line, msg);
	return wr_err_set(err, -EINVAL, "%s", msg);
}

static int refuse(const struct wr_json *j, const char *where, const char *key, const char *expected,
		  struct wr_err *err)
{
	const struct wr_json *value = wr_json_get(j, key);
	char shown[SHOWN + 8];

	return wr_json_err(wr_json_line(value) ? value : j, err, "%s%s%s: must be %s, not %s",
			   where, *where ? "." : "", key, expected,
			   wr_json_describe(value, shown, sizeof(shown)));
}

int wr_json_decode_str(const struct wr_json *j, const char *where, const char *key,
		       const char **ret, struct wr_err *err)
{
	const struct wr_json *value = wr_json_get(j, key);
	const char *s = wr_json_str(value);

	if (!value)
		return 0;
	if (!s)
		return refuse(j, where, key, "a string", err);
	*ret = s;
	return 0;
}

int wr_json_decode_bool(const struct wr_json *j, const char *where, const char *key, bool *ret,
			struct wr_err *err)
{
	const struct wr_json *value = wr_json_get(j, key);

	if (!value)
		return 0;
	if (wr_json_type(value) != WR_JSON_BOOL)
		return refuse(j, where, key, "true or false", err);
	*ret = wr_json_bool(value);
	return 0;
}

int wr_json_decode_int(const struct wr_json *j, const char *where, const char *key, int64_t min,
		       int64_t max, int64_t *ret, struct wr_err *err)
{
	const struct wr_json *value = wr_json_get(j, key);
	char expected[64];

	if (!value)
		return 0;
	if (wr_json_type(value) == WR_JSON_INT && wr_json_int(value) >= min &&
	    wr_json_int(value) <= max) {
		*ret = wr_json_int(value);
		return 0;
	}
	snprintf(expected, sizeof(expected), "%" PRId64 "-%" PRId64, min, max);
	return refuse(j, where, key, expected, err);
}

int wr_json_decode_array(const struct wr_json *j, const char *where, const char *key,
			 struct wr_json **ret, struct wr_err *err)
{
	struct wr_json *value = wr_json_get(j, key);

	if (!value)
		return 0;
	if (wr_json_type(value) != WR_JSON_ARRAY)
		return refuse(j, where, key, "a list", err);
	*ret = value;
	return 0;
}

int wr_json_decode_object(const struct wr_json *j, const char *where, const char *key,
			  struct wr_json **ret, struct wr_err *err)
{
	struct wr_json *value = wr_json_get(j, key);

	if (!value)
		return 0;
	if (wr_json_type(value) != WR_JSON_OBJECT)
		return refuse(j, where, key, "an object", err);
	*ret = value;
	return 0;
}
