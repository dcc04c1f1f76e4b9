/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about JSON values. */
#include "tests/unit/check.h"

#include <math.h>

#include "lib/json/json.h"

static struct wr_json *parse(const char *text)
{
	struct wr_json *j = NULL;
	struct wr_err err = WR_ERR_INIT;

	if (wr_json_parse(text, strlen(text), &j, &err) < 0)
		fail_msg("%s", err.msg);
	return j;
}

static void assert_text(const struct wr_json *j, const char *text)
{
	wr_auto_strbuf out = WR_STRBUF_INIT;

	wr_json_format(j, false, &out);
	assert_string_equal(out.buf, text);
}

static void members_are_borrowed_by_name_and_path(void **state)
{
	wr_auto_json *j = parse("{\"a\":{\"b\":{\"c\":7}},\"n\":null,\"s\":\"x\",\"l\":[1,\"y\"]}");

	assert_int_equal(wr_json_int(wr_json_path(j, "a.b.c")), 7);
	assert_null(wr_json_path(j, "a.x.c"));
	assert_null(wr_json_path(j, "s.x"));
	assert_null(wr_json_get(j, "n"));
	assert_true(wr_json_has(j, "n"));
	assert_false(wr_json_has(j, "m"));
	assert_string_equal(wr_json_get_str(j, "s"), "x");
	assert_null(wr_json_get_str(j, "l"));
	assert_int_equal(wr_json_len(wr_json_get(j, "l")), 2);
	assert_string_equal(wr_json_str(wr_json_at(wr_json_get(j, "l"), 1)), "y");
	assert_null(wr_json_at(wr_json_get(j, "l"), 2));
	assert_null(wr_json_at(j, 0));
	assert_int_equal(wr_json_len(j), 4);
}

static void null_reads_as_absent(void **state)
{
	assert_int_equal(wr_json_type(NULL), WR_JSON_NULL);
	assert_null(wr_json_get(NULL, "a"));
	assert_null(wr_json_path(NULL, "a.b"));
	assert_null(wr_json_str(NULL));
	assert_int_equal(wr_json_len(NULL), 0);
	assert_int_equal(wr_json_get_int(NULL, "a", 5), 5);
	assert_true(wr_json_get_bool(NULL, "a", true));
	wr_json_free(NULL);
}

static void types_are_told_apart(void **state)
{
	wr_auto_json *j = parse("[null,true,1,1.5,\"x\",[],{}]");
	int i;

	for (i = WR_JSON_NULL; i <= WR_JSON_OBJECT; i++)
		assert_int_equal(wr_json_type(wr_json_at(j, (size_t)i)), i);
}

static void defaults_stand_in_for_other_types(void **state)
{
	wr_auto_json *j = parse("{\"i\":\"7\",\"b\":1,\"t\":\"true\",\"f\":\"false\",\"x\":true}");

	assert_int_equal(wr_json_get_int(j, "i", 5), 5);
	assert_true(wr_json_get_bool(j, "b", true));
	assert_true(wr_json_get_bool(j, "t", false));
	assert_false(wr_json_get_bool(j, "f", true));
	assert_true(wr_json_get_bool(j, "x", false));
}

static void a_string_with_a_nul_inside_is_none(void **state)
{
	wr_auto_json *j = parse("{\"a\":\"x\\u0000y\"}");

	assert_null(wr_json_get_str(j, "a"));
}

static void members_come_in_their_order(void **state)
{
	wr_auto_json *j = parse("{\"z\":1,\"a\":null,\"m\":3}"), *empty = parse("{}");
	struct wr_json_iter it = { 0 }, none = { 0 };

	assert_true(wr_json_next(j, &it));
	assert_string_equal(it.key, "z");
	assert_true(wr_json_next(j, &it));
	assert_string_equal(it.key, "a");
	assert_null(it.value);
	assert_true(wr_json_next(j, &it));
	assert_int_equal(wr_json_int(it.value), 3);
	assert_false(wr_json_next(j, &it));
	assert_false(wr_json_next(empty, &none));
	assert_false(wr_json_next(NULL, &none));
}

static void what_is_built_is_written(void **state)
{
	wr_auto_json *j = wr_json_new_object();
	struct wr_json *l = wr_json_new_array();

	wr_json_add_str(j, "s", "a/\"b\"\n");
	wr_json_add_str(j, "none", NULL);
	wr_json_add_int(j, "i", INT64_MIN);
	wr_json_add_bool(j, "b", false);
	wr_json_add_int(j, "gone", 1);
	wr_json_del(j, "gone");
	wr_json_push(l, wr_json_new_strn("abc", 2));
	wr_json_push(l, NULL);
	wr_json_add(j, "l", l);
	assert_text(j, "{\"s\":\"a/\\\"b\\\"\\n\",\"none\":null,\"i\":-9223372036854775808,"
		       "\"b\":false,\"l\":[\"ab\",null]}");
	assert_text(NULL, "null");
}

static void pretty_is_indented_by_two(void **state)
{
	wr_auto_json *j = parse("{\"a\":[1]}");
	wr_auto_strbuf out = WR_STRBUF_INIT;

	wr_json_format(j, true, &out);
	assert_string_equal(out.buf, "{\n  \"a\": [\n    1\n  ]\n}");
}

static void fractions_are_short_and_exact(void **state)
{
	wr_auto_json *l = wr_json_new_array();

	wr_json_push(l, wr_json_new_double(0.1));
	wr_json_push(l, wr_json_new_double(3));
	wr_json_push(l, wr_json_new_double(1.0 / 3));
	wr_json_push(l, wr_json_new_double(INFINITY));
	wr_json_push(l, wr_json_new_double(1e300));
	assert_text(l, "[0.1,3.0,0.33333333333333331,null,1e+300]");
}

static void references_keep_a_value_alive(void **state)
{
	struct wr_json *j = parse("{\"a\":{\"b\":1}}"), *a = wr_json_ref(wr_json_get(j, "a"));

	wr_json_free(j);
	assert_int_equal(wr_json_get_int(a, "b", 0), 1);
	wr_json_free(a);
}

static void lines_stick_to_values(void **state)
{
	wr_auto_json *j = parse("{\"a\":\"x\",\"d\":1.5}");

	assert_int_equal(wr_json_line(wr_json_get(j, "a")), 0);
	wr_json_set_line(wr_json_get(j, "a"), 12);
	assert_int_equal(wr_json_line(wr_json_get(j, "a")), 12);
	/* Where json-c keeps the text of a fraction. */
	wr_json_set_line(wr_json_get(j, "d"), 13);
	assert_int_equal(wr_json_line(wr_json_get(j, "d")), 0);
	assert_text(j, "{\"a\":\"x\",\"d\":1.5}");
	wr_json_set_line(NULL, 1);
	assert_int_equal(wr_json_line(NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_are_borrowed_by_name_and_path),
		cmocka_unit_test(null_reads_as_absent),
		cmocka_unit_test(types_are_told_apart),
		cmocka_unit_test(defaults_stand_in_for_other_types),
		cmocka_unit_test(a_string_with_a_nul_inside_is_none),
		cmocka_unit_test(members_come_in_their_order),
		cmocka_unit_test(what_is_built_is_written),
		cmocka_unit_test(pretty_is_indented_by_two),
		cmocka_unit_test(fractions_are_short_and_exact),
		cmocka_unit_test(references_keep_a_value_alive),
		cmocka_unit_test(lines_stick_to_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
