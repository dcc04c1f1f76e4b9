/* SPDX-License-Identifier: Apache-2.0 */
/* JSON values: json-c behind our names. A struct wr_json is a json_object; null is NULL. */
#include "lib/json/json.h"

#include <errno.h>
#include <json-c/json.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define KEY_SIZE 128

static struct json_object *theirs(const struct wr_json *j)
{
	return wr_unconst(j);
}

static struct wr_json *ours(struct json_object *o)
{
	return (struct wr_json *)o;
}

/* What json-c makes is NULL only when memory is gone. */
static struct wr_json *made(struct json_object *o)
{
	if (!o)
		wr_no_memory();
	return ours(o);
}

struct wr_json *wr_json_ref(struct wr_json *j)
{
	return ours(json_object_get(theirs(j)));
}

void wr_json_free(struct wr_json *j)
{
	json_object_put(theirs(j));
}

enum wr_json_type wr_json_type(const struct wr_json *j)
{
	static const enum wr_json_type types[] = {
		[json_type_null] = WR_JSON_NULL,     [json_type_boolean] = WR_JSON_BOOL,
		[json_type_double] = WR_JSON_DOUBLE, [json_type_int] = WR_JSON_INT,
		[json_type_object] = WR_JSON_OBJECT, [json_type_array] = WR_JSON_ARRAY,
		[json_type_string] = WR_JSON_STRING,
	};

	return types[json_object_get_type(theirs(j))];
}

static bool is(const struct wr_json *j, enum wr_json_type type)
{
	return wr_json_type(j) == type;
}

struct wr_json *wr_json_get(const struct wr_json *j, const char *key)
{
	struct json_object *value = NULL;

	if (is(j, WR_JSON_OBJECT))
		json_object_object_get_ex(theirs(j), key, &value);
	return ours(value);
}

bool wr_json_has(const struct wr_json *j, const char *key)
{
	return is(j, WR_JSON_OBJECT) && json_object_object_get_ex(theirs(j), key, NULL);
}

struct wr_json *wr_json_path(const struct wr_json *j, const char *dotted)
{
	const struct wr_json *at = j;
	char key[KEY_SIZE];
	size_t len;

	for (;; dotted += len + 1) {
		len = strcspn(dotted, ".");
		wr_copy(key, WR_MIN(sizeof(key), len + 1), dotted);
		at = wr_json_get(at, key);
		if (!dotted[len])
			return ours(theirs(at));
	}
}

size_t wr_json_len(const struct wr_json *j)
{
	if (is(j, WR_JSON_ARRAY))
		return json_object_array_length(theirs(j));
	return is(j, WR_JSON_OBJECT) ? (size_t)json_object_object_length(theirs(j)) : 0;
}

struct wr_json *wr_json_at(const struct wr_json *j, size_t i)
{
	return is(j, WR_JSON_ARRAY) ? ours(json_object_array_get_idx(theirs(j), i)) : NULL;
}

const char *wr_json_str(const struct wr_json *j)
{
	const char *s;

	if (!is(j, WR_JSON_STRING))
		return NULL;
	s = json_object_get_string(theirs(j));
	return strlen(s) == (size_t)json_object_get_string_len(theirs(j)) ? s : NULL;
}

const char *wr_json_get_str(const struct wr_json *j, const char *key)
{
	return wr_json_str(wr_json_get(j, key));
}

bool wr_json_get_bool(const struct wr_json *j, const char *key, bool dflt)
{
	const struct wr_json *value = wr_json_get(j, key);

	if (is(value, WR_JSON_BOOL))
		return wr_json_bool(value);
	if (wr_streq(wr_json_str(value), "true"))
		return true;
	return wr_streq(wr_json_str(value), "false") ? false : dflt;
}

int64_t wr_json_get_int(const struct wr_json *j, const char *key, int64_t dflt)
{
	const struct wr_json *value = wr_json_get(j, key);

	return is(value, WR_JSON_INT) ? wr_json_int(value) : dflt;
}

int64_t wr_json_int(const struct wr_json *j)
{
	return json_object_get_int64(theirs(j));
}

double wr_json_double(const struct wr_json *j)
{
	return json_object_get_double(theirs(j));
}

bool wr_json_bool(const struct wr_json *j)
{
	return json_object_get_boolean(theirs(j));
}

bool wr_json_next(const struct wr_json *obj, struct wr_json_iter *it)
{
	struct lh_entry *entry = it->pos;

	if (!is(obj, WR_JSON_OBJECT))
		return false;
	entry = entry ? lh_entry_next(entry) : lh_table_head(json_object_get_object(theirs(obj)));
	if (!entry)
		return false;
	it->pos = entry;
	it->key = lh_entry_k(entry);
	it->value = lh_entry_v(entry);
	return true;
}

/* json-c keeps the text of a parsed fraction where the line would be. */
static bool can_have_line(const struct wr_json *j)
{
	return j && !is(j, WR_JSON_DOUBLE);
}

int wr_json_line(const struct wr_json *j)
{
	return can_have_line(j) ? (int)(intptr_t)json_object_get_userdata(theirs(j)) : 0;
}

void wr_json_set_line(struct wr_json *j, int line)
{
	if (can_have_line(j))
		/* NOLINTNEXTLINE(performance-no-int-to-ptr): the line is the userdata. */
		json_object_set_userdata(theirs(j), (void *)(intptr_t)line, NULL);
}

struct wr_json *wr_json_new_object(void)
{
	return made(json_object_new_object());
}

struct wr_json *wr_json_new_array(void)
{
	return made(json_object_new_array());
}

struct wr_json *wr_json_new_str(const char *s)
{
	return s ? made(json_object_new_string(s)) : NULL;
}

struct wr_json *wr_json_new_strn(const char *s, size_t len)
{
	return made(json_object_new_string_len(s, (int)len));
}

struct wr_json *wr_json_new_int(int64_t v)
{
	return made(json_object_new_int64(v));
}

struct wr_json *wr_json_new_bool(bool v)
{
	return made(json_object_new_boolean(v));
}

/* The shortest of two notations that reads back as the same value; what JSON cannot say is null. */
struct wr_json *wr_json_new_double(double v)
{
	char text[40];

	if (!isfinite(v))
		return NULL;
	snprintf(text, sizeof(text), "%.15g", v);
	if (strtod(text, NULL) < v || strtod(text, NULL) > v)
		snprintf(text, sizeof(text), "%.17g", v);
	if (!strpbrk(text, ".e"))
		wr_copy(text + strlen(text), 3, ".0");
	return made(json_object_new_double_s(v, text));
}

void wr_json_add(struct wr_json *obj, const char *key, struct wr_json *value)
{
	if (json_object_object_add(theirs(obj), key, theirs(value)) < 0)
		wr_no_memory();
}

void wr_json_add_str(struct wr_json *obj, const char *key, const char *s)
{
	wr_json_add(obj, key, wr_json_new_str(s));
}

void wr_json_add_int(struct wr_json *obj, const char *key, int64_t v)
{
	wr_json_add(obj, key, wr_json_new_int(v));
}

void wr_json_add_bool(struct wr_json *obj, const char *key, bool v)
{
	wr_json_add(obj, key, wr_json_new_bool(v));
}

void wr_json_del(struct wr_json *obj, const char *key)
{
	json_object_object_del(theirs(obj), key);
}

void wr_json_push(struct wr_json *arr, struct wr_json *value)
{
	if (json_object_array_add(theirs(arr), theirs(value)) < 0)
		wr_no_memory();
}

void wr_json_format(const struct wr_json *j, bool pretty, struct wr_strbuf *out)
{
	int flags = JSON_C_TO_STRING_NOSLASHESCAPE |
		    (pretty ? JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED : 0);
	size_t len;
	const char *text = json_object_to_json_string_length(theirs(j), flags, &len);

	if (!text)
		wr_no_memory();
	wr_strbuf_add(out, text, len);
}
