/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about reading JSON text. */
#include "tests/unit/check.h"

#include "lib/base/cleanup.h"
#include "lib/json/json.h"

static void assert_refused(const char *text, size_t len, const char *msg)
{
	struct wr_err err = WR_ERR_INIT;
	struct wr_json *j = NULL;

	if (wr_json_parse(text, len, &j, &err) == 0)
		fail_msg("accepted: %.*s", (int)len, text);
	assert_null(j);
	assert_err(&err, -EINVAL, msg);
}

static void assert_accepted(const char *text)
{
	struct wr_err err = WR_ERR_INIT;
	struct wr_json *j = NULL;

	if (wr_json_parse(text, strlen(text), &j, &err) < 0)
		fail_msg("%s", err.msg);
	wr_json_free(j);
}

static void whole_texts_are_accepted(void **state)
{
	static const char *const good[] = {
		"{}",   "[]",           " {\"a\": 1}\n",     "1", "-1.5e3", "\"x\"", "true",
		"null", "\t[1,2]\r\n ", "\"\\ud83d\\ude00\""
	};
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(good); i++)
		assert_accepted(good[i]);
}

static void everything_else_is_refused(void **state)
{
	static const char *const bad[] = { "",          " ",        "{",          "{\"a\":}",
					   "{\"a\" 1}", "[1,]",     "{a:1}",      "{'a':1}",
					   "[1] 2",     "{}x",      "\"x",        "tru",
					   "nul",       "01",       "NaN",        "[1 2]",
					   "/* c */ 1", "\"\xff\"", "{\"a\":1,}", "\"a\nb\"" };
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(bad); i++)
		assert_refused(bad[i], strlen(bad[i]), "not JSON: line ");
}

static void errors_name_line_column_and_byte(void **state)
{
	const char *text = "{\n  \"a\": x\n}";

	assert_refused(text, strlen(text), "not JSON: line 2, column 8 (byte 9): ");
	assert_refused("{\"a\":", 5, "line 1, column 6 (byte 5): the text ends inside a value");
}

static void a_nul_does_not_end_the_text(void **state)
{
	assert_refused("{}\0{}", 5, "not JSON");
	assert_refused("1\0", 2, "not JSON");
}

static void the_length_counts_and_no_terminator(void **state)
{
	struct wr_json *j = NULL;

	assert_int_equal(wr_json_parse("123", 2, &j, NULL), 0);
	assert_int_equal(wr_json_int(j), 12);
	wr_json_free(j);
}

static void depth_ends_at_64(void **state)
{
	char text[200];
	size_t i;

	for (i = 0; i < 60; i++) {
		text[i] = '[';
		text[119 - i] = ']';
	}
	text[120] = '\0';
	assert_accepted(text);
	memset(text, '[', 100);
	assert_refused(text, 100, "nesting");
}

static void of_equal_keys_the_last_wins(void **state)
{
	struct wr_json *j = NULL;

	assert_int_equal(wr_json_parse("{\"a\":1,\"a\":2}", 13, &j, NULL), 0);
	assert_int_equal(wr_json_get_int(j, "a", 0), 2);
	wr_json_free(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_texts_are_accepted),
		cmocka_unit_test(everything_else_is_refused),
		cmocka_unit_test(errors_name_line_column_and_byte),
		cmocka_unit_test(a_nul_does_not_end_the_text),
		cmocka_unit_test(the_length_counts_and_no_terminator),
		cmocka_unit_test(depth_ends_at_64),
		cmocka_unit_test(of_equal_keys_the_last_wins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
