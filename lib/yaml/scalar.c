/* SPDX-License-Identifier: Apache-2.0 */
/* Plain scalars: YAML 1.1's core, without its other words for true and its numbers to base 60. */
#include "lib/yaml/scalar.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"

#define DIGITS "0123456789"

static bool is_one_of(const char *text, const char *const *words, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strcmp(text, words[i]) == 0)
			return true;
	return false;
}

static bool is_null(const char *text)
{
	static const char *const words[] = { "", "~", "null", "Null", "NULL" };

	return is_one_of(text, words, WR_ARRAY_SIZE(words));
}

static bool is_true(const char *text)
{
	static const char *const words[] = { "true", "True", "TRUE" };

	return is_one_of(text, words, WR_ARRAY_SIZE(words));
}

static bool is_false(const char *text)
{
	static const char *const words[] = { "false", "False", "FALSE" };

	return is_one_of(text, words, WR_ARRAY_SIZE(words));
}

static bool is_all(const char *text, const char *letters)
{
	return *text && !text[strspn(text, letters)];
}

/* Base and digits of an unsigned integer; 0: it is none. */
static int base_of(const char *text, const char **ret_digits)
{
	*ret_digits = text + 2;
	if (text[0] == '0' && text[1] == 'x' && is_all(text + 2, DIGITS "abcdefABCDEF"))
		return 16;
	if (text[0] == '0' && text[1] == 'o' && is_all(text + 2, "01234567"))
		return 8;
	*ret_digits = text;
	if (text[0] == '0' && text[1] && is_all(text, "01234567"))
		return 8;
	return is_all(text, DIGITS) ? 10 : 0;
}

static bool parse_int(const char *text, int64_t *ret)
{
	bool minus = *text == '-';
	const char *digits;
	uint64_t v;
	int base = base_of(text + (minus || *text == '+'), &digits);

	if (!base)
		return false;
	errno = 0;
	v = strtoull(digits, NULL, base);
	if (errno || v > (uint64_t)INT64_MAX + minus)
		return false;
	*ret = minus ? (int64_t)(0 - v) : (int64_t)v;
	return true;
}

/*
 * Sign, digits with a point somewhere, exponent: what strtod(3) takes beyond these is no number
 * here.
 */
static bool is_double(const char *text)
{
	size_t whole, part = 0;

	text += *text == '-' || *text == '+';
	whole = strspn(text, DIGITS);
	text += whole;
	if (*text == '.') {
		part = strspn(++text, DIGITS);
		text += part;
	}
	if (!whole && !part)
		return false;
	if (*text != 'e' && *text != 'E')
		return !*text;
	text++;
	text += *text == '-' || *text == '+';
	return is_all(text, DIGITS);
}

struct wr_json *wr_yaml_resolve(const char *text, size_t len)
{
	int64_t v;

	if (strlen(text) != len)
		return wr_json_new_strn(text, len);
	if (is_null(text))
		return NULL;
	if (is_true(text) || is_false(text))
		return wr_json_new_bool(is_true(text));
	if (parse_int(text, &v))
		return wr_json_new_int(v);
	if (is_double(text))
		return wr_json_new_double(strtod(text, NULL));
	return wr_json_new_strn(text, len);
}
