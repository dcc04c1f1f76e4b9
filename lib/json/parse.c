/* SPDX-License-Identifier: Apache-2.0 */
/* Text to JSON values. */
#include "lib/json/json.h"

#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "lib/base/mem.h"

#define MAX_DEPTH 64

static void free_tokener(struct json_tokener **tok)
{
	if (*tok)
		json_tokener_free(*tok);
}

/* @what went wrong at byte @at. */
static int fail(const char *text, size_t at, const char *what, struct wr_err *err)
{
	size_t i, line = 1, column = 1;

	for (i = 0; i < at; i++) {
		column++;
		if (text[i] == '\n') {
			line++;
			column = 1;
		}
	}
	return wr_err_set(err, -EINVAL, "not JSON: line %zu, column %zu (byte %zu): %s", line,
			  column, at, what);
}

/*
 * json-c takes more than JSON, also when strict: 'quotes', NaN, comments, line breaks in strings.
 * The first byte of that kind; @len: there is none.
 */
static size_t find_foreign(const char *text, size_t len)
{
	static const char outside[] = "{}[]:,+-.0123456789eEtruefalsn \t\r\n";
	bool in_string = false;
	size_t i;

	for (i = 0; i < len; i++) {
		if (text[i] == '"')
			in_string = !in_string;
		else if (!in_string && !memchr(outside, text[i], sizeof(outside) - 1))
			break;
		else if (in_string && (unsigned char)text[i] < ' ')
			break;
		else if (in_string && text[i] == '\\' && i + 1 < len)
			i++;
	}
	return i;
}

/* Lets the tokener read everything; *ret_at is where it stopped. */
static struct json_object *tokenize(struct json_tokener *tok, const char *text, size_t len,
				    size_t *ret_at)
{
	struct json_object *o = json_tokener_parse_ex(tok, text, (int)len);

	*ret_at = json_tokener_get_parse_end(tok);
	if (json_tokener_get_error(tok) != json_tokener_continue)
		return o;
	/* A number at the very end is complete only when something follows it. */
	*ret_at = len;
	return json_tokener_parse_ex(tok, "", 1);
}

int wr_json_parse(const char *text, size_t len, struct wr_json **ret, struct wr_err *err)
{
	__attribute__((cleanup(free_tokener))) struct json_tokener *tok = NULL;
	struct json_object *o;
	enum json_tokener_error e;
	size_t at = find_foreign(text, len);

	if (at < len)
		return fail(text, at, "a character that is not allowed here", err);
	/* json-c counts in int. */
	if (len > INT32_MAX - 1)
		return wr_err_set(err, -EINVAL, "not JSON: longer than 2 GiB");
	tok = json_tokener_new_ex(MAX_DEPTH);
	if (!tok)
		wr_no_memory();
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	o = tokenize(tok, text, len, &at);
	e = json_tokener_get_error(tok);
	if (e == json_tokener_success && at == len) {
		*ret = (struct wr_json *)o;
		return 0;
	}
	json_object_put(o);
	if (e == json_tokener_success)
		return fail(text, at, "something follows the value", err);
	return fail(text, at,
		    at == len ? "the text ends inside a value" : json_tokener_error_desc(e), err);
}
