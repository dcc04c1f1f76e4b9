// SPDX-License-Identifier: Apache-2.0
/* Claims about the plugin's answers: errors and VERSION. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>

#include "cni/codes.h"
#include "cni/plugin.h"
#include "lib/base/cleanup.h"

static struct wr_json *error_of(int errno_value, int cni_code)
{
	struct wr_cni cni = { .verb = "ADD" };
	struct wr_err err = WR_ERR_INIT;

	wr_err_set_cni(&err, cni_code, -errno_value, "what went wrong");
	return wr_cni_error(&cni, &err);
}

static void an_error_has_version_code_message_and_details(void **state)
{
	wr_auto_json *j = error_of(EINVAL, 4);

	assert_string_equal(wr_json_get_str(j, "cniVersion"), "1.0.0");
	assert_int_equal(wr_json_get_int(j, "code", 0), 4);
	assert_string_equal(wr_json_get_str(j, "msg"), "what went wrong");
	assert_non_null(strstr(wr_json_get_str(j, "details"), "ADD"));
}

static void an_error_is_answered_in_the_version_that_was_asked(void **state)
{
	const char text[] = "{\"cniVersion\":\"0.3.1\",\"name\":\"net\"}";
	struct wr_cni cni = { .verb = "DEL" };
	struct wr_err err = WR_ERR_INIT;
	wr_auto_json *j = NULL;

	assert_int_equal(wr_cni_conf_parse(text, strlen(text), &cni.conf, &err), 0);
	wr_err_set(&err, -EIO, "x");
	j = wr_cni_error(&cni, &err);
	assert_string_equal(wr_json_get_str(j, "cniVersion"), "0.3.1");
	assert_non_null(strstr(wr_json_get_str(j, "details"), "network net"));
	wr_cni_conf_done(&cni.conf);
}

static void errors_that_name_no_code_get_one_from_their_kind(void **state)
{
	static const struct {
		int errno_value, code;
	} cases[] = {
		{ EAGAIN, WR_CNI_TRY_AGAIN }, { ETIMEDOUT, WR_CNI_TRY_AGAIN },
		{ EINVAL, WR_CNI_CONFIG },    { EIO, WR_CNI_IO },
		{ ENOSPC, WR_CNI_IO },        { EPERM, WR_CNI_SYSTEM },
		{ EBUSY, WR_CNI_SYSTEM },
	};
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(cases); i++) {
		wr_auto_json *j = error_of(cases[i].errno_value, 0);

		assert_int_equal(wr_json_get_int(j, "code", 0), cases[i].code);
	}
}

static void version_lists_all_that_are_spoken(void **state)
{
	struct wr_cni cni = { .verb = "VERSION" };
	wr_auto_json *j = NULL;
	const struct wr_json *list;
	int i;

	assert_int_equal(wr_cni_version(&cni, &j, NULL), 0);
	assert_string_equal(wr_json_get_str(j, "cniVersion"), "1.1.0");
	list = wr_json_get(j, "supportedVersions");
	assert_int_equal(wr_json_len(list), WR_CNI_SPEC_MAX);
	for (i = 0; i < WR_CNI_SPEC_MAX; i++)
		assert_string_equal(wr_json_str(wr_json_at(list, (size_t)i)),
				    wr_cni_spec_format((enum wr_cni_spec)i));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_error_has_version_code_message_and_details),
		cmocka_unit_test(an_error_is_answered_in_the_version_that_was_asked),
		cmocka_unit_test(errors_that_name_no_code_get_one_from_their_kind),
		cmocka_unit_test(version_lists_all_that_are_spoken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
