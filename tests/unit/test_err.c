/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about errors. */
#include "tests/unit/check.h"

static void set_fills_and_returns_the_code(void **state)
{
	struct wr_err err = WR_ERR_INIT;

	assert_int_equal(wr_err_set(&err, -EINVAL, "port %d", 7), -EINVAL);
	assert_int_equal(err.code, -EINVAL);
	assert_string_equal(err.msg, "port 7");
	assert_int_equal(err.cni, 0);
}

static void the_first_cause_wins(void **state)
{
	struct wr_err err = WR_ERR_INIT;

	wr_err_set_cni(&err, 11, -EAGAIN, "first");
	assert_int_equal(wr_err_set(&err, -EIO, "second"), -EIO);
	wr_err_sys(&err, -EIO, "third");
	wr_err_set_cni(&err, 7, -EIO, "fourth");
	assert_int_equal(err.code, -EAGAIN);
	assert_int_equal(err.cni, 11);
	assert_string_equal(err.msg, "first");
}

static void null_is_allowed_everywhere(void **state)
{
	assert_int_equal(wr_err_set(NULL, -EINVAL, "x"), -EINVAL);
	assert_int_equal(wr_err_set_cni(NULL, 4, -EINVAL, "x"), -EINVAL);
	assert_int_equal(wr_err_sys(NULL, -EINVAL, "x"), -EINVAL);
	assert_int_equal(wr_err_wrap(NULL, -EINVAL, "x"), -EINVAL);
}

static void sys_appends_the_text_of_the_errno(void **state)
{
	struct wr_err err = WR_ERR_INIT;

	wr_err_sys(&err, -ENOENT, "cannot open %s", "a");
	assert_string_equal(err.msg, "cannot open a: No such file or directory");
}

static void sys_survives_an_errno_without_a_text(void **state)
{
	struct wr_err err = WR_ERR_INIT;

	wr_err_sys(&err, -100000, "x");
	assert_string_equal(err.msg, "x: unknown error");
}

static void wrap_puts_context_in_front_and_keeps_the_code(void **state)
{
	struct wr_err err = WR_ERR_INIT;

	wr_err_set(&err, -EINVAL, "inner");
	assert_int_equal(wr_err_wrap(&err, -EIO, "outer %d", 1), -EINVAL);
	assert_string_equal(err.msg, "outer 1: inner");
}

static void wrap_fills_an_error_nobody_filled(void **state)
{
	struct wr_err err = WR_ERR_INIT;

	assert_int_equal(wr_err_wrap(&err, -EIO, "reading"), -EIO);
	assert_string_equal(err.msg, "reading: Input/output error");
}

static void too_long_a_message_is_cut_at_its_end(void **state)
{
	struct wr_err err = WR_ERR_INIT;
	char text[2 * WR_ERR_MSG_SIZE];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	wr_err_set(&err, -EINVAL, "%s", text);
	wr_err_wrap(&err, -EINVAL, "file.yaml");
	assert_int_equal(strlen(err.msg), WR_ERR_MSG_SIZE - 1);
	assert_memory_equal(err.msg, "file.yaml: xxx", 14);
	wr_err_wrap(&err, -EINVAL, "%s", text);
	assert_int_equal(strlen(err.msg), WR_ERR_MSG_SIZE - 1);
	assert_non_null(strstr(err.msg, "xx: file.yaml: xxx"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(set_fills_and_returns_the_code),
		cmocka_unit_test(the_first_cause_wins),
		cmocka_unit_test(null_is_allowed_everywhere),
		cmocka_unit_test(sys_appends_the_text_of_the_errno),
		cmocka_unit_test(sys_survives_an_errno_without_a_text),
		cmocka_unit_test(wrap_puts_context_in_front_and_keeps_the_code),
		cmocka_unit_test(wrap_fills_an_error_nobody_filled),
		cmocka_unit_test(too_long_a_message_is_cut_at_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
