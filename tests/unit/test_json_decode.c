/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about strict reading of members. */
#include "tests/unit/check.h"

#include "lib/json/json.h"

static struct wr_json *j;

static int setup(void **state)
{
	static const char text[] =
		"{\"s\":\"x\",\"i\":7,\"b\":true,\"l\":[],\"o\":{},\"n\":null,\"d\":1.5,"
		"\"long\":\"0123456789012345678901234567890123456789012345678901234567890\"}";

	return wr_json_parse(text, sizeof(text) - 1, &j, NULL);
}

static int teardown(void **state)
{
	wr_json_free(j);
	return 0;
}

static void good_members_are_given(void **state)
{
	struct wr_json *l = NULL, *o = NULL;
	const char *s = NULL;
	int64_t i = 0;
	bool b = false;

	assert_int_equal(wr_json_decode_str(j, "", "s", &s, NULL), 0);
	assert_string_equal(s, "x");
	assert_int_equal(wr_json_decode_int(j, "", "i", 7, 7, &i, NULL), 0);
	assert_int_equal(i, 7);
	assert_int_equal(wr_json_decode_bool(j, "", "b", &b, NULL), 0);
	assert_true(b);
	assert_int_equal(wr_json_decode_array(j, "", "l", &l, NULL), 0);
	assert_non_null(l);
	assert_int_equal(wr_json_decode_object(j, "", "o", &o, NULL), 0);
	assert_non_null(o);
}

static void absent_and_null_members_leave_the_output(void **state)
{
	const char *s = "dflt";
	int64_t i = 5;

	assert_int_equal(wr_json_decode_str(j, "", "n", &s, NULL), 0);
	assert_int_equal(wr_json_decode_str(j, "", "absent", &s, NULL), 0);
	assert_string_equal(s, "dflt");
	assert_int_equal(wr_json_decode_int(j, "", "n", 0, 9, &i, NULL), 0);
	assert_int_equal(wr_json_decode_int(NULL, "", "i", 0, 9, &i, NULL), 0);
	assert_int_equal(i, 5);
}

/* Runs @call with a fresh err; the message must be @text. */
#define assert_says(call, text)                     \
	do {                                        \
		struct wr_err err = WR_ERR_INIT;    \
		assert_int_equal(call, -EINVAL);    \
		assert_string_equal(err.msg, text); \
	} while (0)

static void errors_name_field_expectation_and_value(void **state)
{
	struct wr_json *v = NULL;
	const char *s = NULL;
	int64_t i = 0;
	bool b = false;

	assert_says(wr_json_decode_str(j, "spec", "i", &s, &err), "spec.i: must be a string, not 7");
	assert_says(wr_json_decode_bool(j, "", "s", &b, &err), "s: must be true or false, not \"x\"");
	assert_says(wr_json_decode_int(j, "a[1]", "i", 8, 9, &i, &err), "a[1].i: must be 8-9, not 7");
	assert_says(wr_json_decode_int(j, "", "i", 0, 6, &i, &err), "i: must be 0-6, not 7");
	assert_says(wr_json_decode_int(j, "", "d", 0, 9, &i, &err), "d: must be 0-9, not 1.5");
	assert_says(wr_json_decode_int(j, "", "s", 0, 9, &i, &err), "s: must be 0-9, not \"x\"");
	assert_says(wr_json_decode_array(j, "", "o", &v, &err), "o: must be a list, not an object");
	assert_says(wr_json_decode_object(j, "", "l", &v, &err), "l: must be an object, not a list");
	assert_says(wr_json_decode_object(j, "", "long", &v, &err),
		    "long: must be an object, not \"012345678901234567890123456789012345678...");
	assert_null(v);
	assert_null(s);
}

static void a_known_line_stands_in_front(void **state)
{
	const char *s = NULL;
	int64_t i = 0;

	wr_json_set_line(wr_json_get(j, "i"), 4);
	assert_says(wr_json_decode_str(j, "", "i", &s, &err), "line 4: i: must be a string, not 7");
	/* A fraction has none: its parent's then. */
	wr_json_set_line(j, 3);
	assert_says(wr_json_decode_int(j, "", "d", 0, 9, &i, &err),
		    "line 3: d: must be 0-9, not 1.5");
}

#define tested(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		tested(good_members_are_given),
		tested(absent_and_null_members_leave_the_output),
		tested(errors_name_field_expectation_and_value),
		tested(a_known_line_stands_in_front),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
