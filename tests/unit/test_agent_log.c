/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about log lines. */
#include "tests/unit/check.h"

#include "agent/log.h"
#include "lib/json/json.h"

#define REAL_MS 1760000000123ull

static void a_text_line_has_time_level_message_and_fields(void **state)
{
	const struct wr_log_field fields[] = { WR_S("file", "a.yaml"), WR_I("line", 7), { 0 } };
	wr_auto_strbuf out = WR_STRBUF_INIT;

	wr_log_format(&out, false, REAL_MS, WR_LOG_WARN, "cannot read", fields);
	assert_string_equal(out.buf,
			    "time=2025-10-09T08:53:20.123Z level=warn msg=\"cannot read\" file=a.yaml line=7\n");
}

static void a_field_cannot_forge_a_line(void **state)
{
	const struct wr_log_field fields[] = { WR_S("name", "x\nlevel=error msg=\"y\" \x01"),
					       WR_S("none", NULL),
					       { 0 } };
	wr_auto_strbuf out = WR_STRBUF_INIT;

	wr_log_format(&out, false, REAL_MS, WR_LOG_INFO, "m", fields);
	assert_non_null(strstr(out.buf, "name=\"x\\nlevel=error msg=\\\"y\\\" \\x01\" none=\"\"\n"));
	assert_ptr_equal(strchr(out.buf, '\n'), out.buf + out.len - 1);
}

static void a_json_line_is_one_object(void **state)
{
	const struct wr_log_field fields[] = { WR_S("name", "a\"\n"), WR_I("n", -3), { 0 } };
	wr_auto_strbuf out = WR_STRBUF_INIT;
	wr_auto_json *line = NULL;

	wr_log_format(&out, true, REAL_MS, WR_LOG_ERROR, "m", fields);
	assert_int_equal(wr_json_parse(out.buf, out.len, &line, NULL), 0);
	assert_string_equal(wr_json_get_str(line, "time"), "2025-10-09T08:53:20.123Z");
	assert_string_equal(wr_json_get_str(line, "level"), "error");
	assert_string_equal(wr_json_get_str(line, "msg"), "m");
	assert_string_equal(wr_json_get_str(line, "name"), "a\"\n");
	assert_int_equal(wr_json_get_int(line, "n", 0), -3);
}

static void lines_below_the_level_are_counted_and_not_written(void **state)
{
	uint64_t before = wr_log_count(WR_LOG_DEBUG);

	wr_log_setup(WR_LOG_ERROR, false);
	wr_log(WR_LOG_DEBUG, "quiet");
	wr_log(WR_LOG_DEBUG, "quiet", WR_I("n", 1));
	assert_int_equal(wr_log_count(WR_LOG_DEBUG), before + 2);
}

static void a_rate_limit_counts_what_it_keeps_back(void **state)
{
	struct wr_ratelimit r = { .burst = 2, .window_ms = 1000 };
	uint32_t kept = 99;

	assert_true(wr_ratelimit_pass(&r, 5000, &kept));
	assert_int_equal(kept, 0);
	assert_true(wr_ratelimit_pass(&r, 5001, &kept));
	assert_false(wr_ratelimit_pass(&r, 5002, &kept));
	assert_false(wr_ratelimit_pass(&r, 5999, &kept));
	assert_true(wr_ratelimit_pass(&r, 6000, &kept));
	assert_int_equal(kept, 2);
	assert_true(wr_ratelimit_pass(&r, 6001, &kept));
	assert_int_equal(kept, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_text_line_has_time_level_message_and_fields),
		cmocka_unit_test(a_field_cannot_forge_a_line),
		cmocka_unit_test(a_json_line_is_one_object),
		cmocka_unit_test(lines_below_the_level_are_counted_and_not_written),
		cmocka_unit_test(a_rate_limit_counts_what_it_keeps_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
