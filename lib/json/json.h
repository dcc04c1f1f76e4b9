/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON behind our names (json-c underneath; nobody else includes it).
 *
 * A value is reference counted. Functions named get and at borrow: the result lives as long as its
 * parent. parse and new_* give ownership; add and push take it. Reading is lenient about
 * absence (NULL in, NULL or default out) and strict about type: the decode helpers name the field.
 */
#ifndef WR_JSON_JSON_H
#define WR_JSON_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/strbuf.h"

struct wr_json;

enum wr_json_type {
	WR_JSON_NULL,
	WR_JSON_BOOL,
	WR_JSON_INT,
	WR_JSON_DOUBLE,
	WR_JSON_STRING,
	WR_JSON_ARRAY,
	WR_JSON_OBJECT,
};

/*
 * One JSON text (RFC 8259), whole input, UTF-8, depth at most 64, duplicate keys: the last one
 * wins. Errors name line, column and byte offset. The text "null" gives NULL, as null does
 * everywhere here.
 */
int wr_json_parse(const char *text, size_t len, struct wr_json **ret, struct wr_err *err);
struct wr_json *wr_json_ref(struct wr_json *j);
void wr_json_free(struct wr_json *j); /* drops one reference; NULL is fine */
static inline void wr_json_free_p(struct wr_json **j)
{
	wr_json_free(*j);
}
#define wr_auto_json __attribute__((cleanup(wr_json_free_p))) struct wr_json

/* Reading. A JSON null member is the same as an absent one. */
enum wr_json_type wr_json_type(const struct wr_json *j); /* NULL: WR_JSON_NULL */
struct wr_json *wr_json_get(const struct wr_json *j,
			    const char *key); /* NULL: absent, null, or not an object */
bool wr_json_has(const struct wr_json *j, const char *key); /* also when the member is null */
struct wr_json *wr_json_path(const struct wr_json *j,
			     const char *dotted); /* "metadata.labels": keys without dots only */
size_t wr_json_len(const struct wr_json *j);      /* of an array or object; else 0 */
struct wr_json *wr_json_at(const struct wr_json *j, size_t i);
const char *wr_json_str(const struct wr_json *j); /* NULL: not a string, or one with a NUL inside */
const char *wr_json_get_str(const struct wr_json *j, const char *key);
bool wr_json_get_bool(const struct wr_json *j, const char *key,
		      bool dflt); /* also the strings "true" and "false" */
int64_t wr_json_get_int(const struct wr_json *j, const char *key, int64_t dflt);
int64_t wr_json_int(const struct wr_json *j);
double wr_json_double(const struct wr_json *j);
bool wr_json_bool(const struct wr_json *j);

/* Iterates an object's members in their order: start with *pos = 0; false at the end. */
struct wr_json_iter {
	const char *key;
	struct wr_json *value;
	void *pos;
};
bool wr_json_next(const struct wr_json *obj, struct wr_json_iter *it); /* zero the iterator first */

/*
 * Strict decoding: absent leaves *ret untouched and returns 0; a wrong type or range returns
 * -EINVAL and an error "<where>.<key>: <what was expected>, not <what is there>". @where may be "".
 */
int wr_json_decode_str(const struct wr_json *j, const char *where, const char *key,
		       const char **ret, struct wr_err *err);
int wr_json_decode_bool(const struct wr_json *j, const char *where, const char *key, bool *ret,
			struct wr_err *err);
int wr_json_decode_int(const struct wr_json *j, const char *where, const char *key, int64_t min,
		       int64_t max, int64_t *ret, struct wr_err *err);
int wr_json_decode_array(const struct wr_json *j, const char *where, const char *key,
			 struct wr_json **ret, struct wr_err *err);
int wr_json_decode_object(const struct wr_json *j, const char *where, const char *key,
			  struct wr_json **ret, struct wr_err *err);

/*
 * Fills @err with -EINVAL and returns it. When the source line of @at is known, "line N: " stands
 * in front of the message; the decode functions above do the same.
 */
int wr_json_err(const struct wr_json *at, struct wr_err *err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/*
 * What a value is, for messages: "7", "\"text\"", "a list", "an object", "null"; long text is cut.
 * Returns @buf.
 */
const char *wr_json_describe(const struct wr_json *j, char *buf, size_t size);

/*
 * Source line (1-based) of a value that came from lib/yaml; 0: unknown (always so for null and
 * fractions).
 */
int wr_json_line(const struct wr_json *j);
void wr_json_set_line(struct wr_json *j, int line);

/*
 * Building. add/push take ownership of @value; adding NULL stores null. Return the container for
 * chaining where useful.
 */
struct wr_json *wr_json_new_object(void);
struct wr_json *wr_json_new_array(void);
struct wr_json *wr_json_new_str(const char *s); /* NULL: JSON null */
struct wr_json *wr_json_new_strn(const char *s, size_t len);
struct wr_json *wr_json_new_int(int64_t v);
struct wr_json *wr_json_new_bool(bool v);
struct wr_json *wr_json_new_double(double v);
void wr_json_add(struct wr_json *obj, const char *key, struct wr_json *value);
void wr_json_add_str(struct wr_json *obj, const char *key, const char *s);
void wr_json_add_int(struct wr_json *obj, const char *key, int64_t v);
void wr_json_add_bool(struct wr_json *obj, const char *key, bool v);
void wr_json_del(struct wr_json *obj, const char *key);
void wr_json_push(struct wr_json *arr, struct wr_json *value);

/* Writing. pretty: two blanks of indentation. */
void wr_json_format(const struct wr_json *j, bool pretty, struct wr_strbuf *out);

#endif
