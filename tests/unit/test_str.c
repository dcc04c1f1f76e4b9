/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about strings and numbers. */
#include "tests/unit/check.h"

#include <netinet/in.h>

#include "lib/base/cleanup.h"
#include "lib/base/str.h"

static void numbers_are_whole_and_decimal(void **state)
{
	uint64_t v = 99;

	assert_int_equal(wr_parse_u64("0", 10, &v), 0);
	assert_int_equal(v, 0);
	assert_int_equal(wr_parse_u64("18446744073709551615", UINT64_MAX, &v), 0);
	assert_true(v == UINT64_MAX);
	assert_int_equal(wr_parse_u64("10", 10, &v), 0);
	assert_int_equal(v, 10);
}

static void what_is_no_number_leaves_the_output_alone(void **state)
{
	static const char *const bad[] = { "", " 1", "1 ", "+1", "-1", "0x1", "1.0", "a", "99a" };
	uint64_t v = 99;
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(bad); i++)
		assert_int_equal(wr_parse_u64(bad[i], UINT64_MAX, &v), -EINVAL);
	assert_int_equal(wr_parse_u64("11", 10, &v), -ERANGE);
	assert_int_equal(wr_parse_u64("18446744073709551616", UINT64_MAX, &v), -ERANGE);
	assert_int_equal(wr_parse_u64("99999999999999999999999", UINT64_MAX, &v), -ERANGE);
	assert_int_equal(v, 99);
}

static void durations_have_units(void **state)
{
	static const struct {
		const char *text;
		uint64_t ms;
	} good[] = {
		{ "10", 10000 },   { "10s", 10000 },   { "250ms", 250 }, { "5m", 300000 },
		{ "2h", 7200000 }, { "1d", 86400000 }, { "0", 0 },
	};
	static const char *const bad[] = { "", "s", "1w", "1 s", "-1s", "1s1", "1.5s" };
	uint64_t ms;
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(good); i++) {
		assert_int_equal(wr_parse_duration_ms(good[i].text, &ms), 0);
		assert_int_equal(ms, good[i].ms);
	}
	for (i = 0; i < WR_ARRAY_SIZE(bad); i++)
		assert_int_equal(wr_parse_duration_ms(bad[i], &ms), -EINVAL);
	assert_int_equal(wr_parse_duration_ms("18446744073709551615d", &ms), -ERANGE);
}

static void null_equals_null_only(void **state)
{
	assert_true(wr_streq(NULL, NULL));
	assert_true(wr_streq("a", "a"));
	assert_false(wr_streq("a", NULL));
	assert_false(wr_streq(NULL, ""));
	assert_false(wr_streq("a", "b"));
}

static void prefixes_and_suffixes(void **state)
{
	assert_true(wr_has_prefix("weir-cni", "weir"));
	assert_true(wr_has_prefix("weir", ""));
	assert_false(wr_has_prefix("we", "weir"));
	assert_true(wr_has_suffix("a.yaml", ".yaml"));
	assert_false(wr_has_suffix("yaml", ".yaml"));
}

static void format_reports_truncation(void **state)
{
	char buf[4];

	assert_int_equal(wr_format(buf, sizeof(buf), "%d", 123), 0);
	assert_string_equal(buf, "123");
	assert_int_equal(wr_format(buf, sizeof(buf), "%d", 1234), -ENAMETOOLONG);
}

static void copy_truncates_and_terminates(void **state)
{
	char buf[4];

	wr_copy(buf, sizeof(buf), "abcdef");
	assert_string_equal(buf, "abc");
	wr_copy(buf, sizeof(buf), "");
	assert_string_equal(buf, "");
	wr_copy(buf, 1, "x");
	assert_string_equal(buf, "");
}

static void cni_names_follow_the_specification(void **state)
{
	assert_true(wr_is_cni_name("a"));
	assert_true(wr_is_cni_name("0_.-Z"));
	assert_false(wr_is_cni_name(""));
	assert_false(wr_is_cni_name("-a"));
	assert_false(wr_is_cni_name("_a"));
	assert_false(wr_is_cni_name("a/b"));
	assert_false(wr_is_cni_name("a b"));
	assert_false(wr_is_cni_name("\xc3\xa4"));
}

static void protocols_have_names(void **state)
{
	char buf[16];
	uint8_t proto = 1;

	assert_int_equal(wr_proto_parse("TCP", &proto), 0);
	assert_int_equal(proto, IPPROTO_TCP);
	assert_int_equal(wr_proto_parse("sctp", &proto), 0);
	assert_int_equal(proto, IPPROTO_SCTP);
	assert_int_equal(wr_proto_parse("quic", &proto), -EINVAL);
	assert_int_equal(proto, IPPROTO_SCTP);
	assert_string_equal(wr_proto_format(IPPROTO_UDP, buf), "udp");
	assert_string_equal(wr_proto_format(IPPROTO_ICMPV6, buf), "icmpv6");
	assert_string_equal(wr_proto_format(47, buf), "proto-47");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_whole_and_decimal),
		cmocka_unit_test(what_is_no_number_leaves_the_output_alone),
		cmocka_unit_test(durations_have_units),
		cmocka_unit_test(null_equals_null_only),
		cmocka_unit_test(prefixes_and_suffixes),
		cmocka_unit_test(format_reports_truncation),
		cmocka_unit_test(copy_truncates_and_terminates),
		cmocka_unit_test(cni_names_follow_the_specification),
		cmocka_unit_test(protocols_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
