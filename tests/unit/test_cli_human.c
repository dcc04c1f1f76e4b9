/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about numbers for people. */
#include "tests/unit/check.h"

#include "cli/human.h"
#include "cli/table.h"

static void assert_number(void (*fn)(uint64_t, struct wr_strbuf *), uint64_t n, const char *want)
{
	wr_auto_strbuf out = WR_STRBUF_INIT;

	fn(n, &out);
	assert_string_equal(out.buf, want);
}

static void counts_keep_three_digits(void **state)
{
	assert_number(wr_human_count, 0, "0");
	assert_number(wr_human_count, 9999, "9999");
	assert_number(wr_human_count, 10000, "10.0k");
	assert_number(wr_human_count, 12345, "12.3k");
	assert_number(wr_human_count, 999999, "999k");
	assert_number(wr_human_count, 1000000, "1.00M");
	assert_number(wr_human_count, 1234567890, "1.23G");
	assert_number(wr_human_count, UINT64_MAX, "18.4E");
}

static void bytes_are_counted_in_powers_of_two(void **state)
{
	assert_number(wr_human_bytes, 0, "0 B");
	assert_number(wr_human_bytes, 1023, "1023 B");
	assert_number(wr_human_bytes, 1024, "1.0 KiB");
	assert_number(wr_human_bytes, 1536, "1.5 KiB");
	assert_number(wr_human_bytes, 999 * 1024, "999 KiB");
	assert_number(wr_human_bytes, 1023 * 1024, "0.9 MiB");
	assert_number(wr_human_bytes, 5ull << 30, "5.0 GiB");
	assert_number(wr_human_bytes, UINT64_MAX, "15 EiB");
}

static void durations_show_two_units(void **state)
{
	assert_number(wr_human_duration, 0, "0.0s");
	assert_number(wr_human_duration, 1290, "1.2s");
	assert_number(wr_human_duration, 59999, "59s");
	assert_number(wr_human_duration, 65000, "1m05s");
	assert_number(wr_human_duration, 3600 * 1000, "1h00m");
	assert_number(wr_human_duration, 26ull * 3600 * 1000, "1d2h");
	assert_number(wr_human_duration, 400ull * 86400 * 1000, "400d");
}

static void none_is_wider_than_its_column(void **state)
{
	uint64_t n;
	unsigned int i;

	for (i = 0, n = 1; i < 64; i++, n = n << 1 | (i % 3 == 0)) {
		wr_auto_strbuf count = WR_STRBUF_INIT, bytes = WR_STRBUF_INIT,
			       duration = WR_STRBUF_INIT;

		wr_human_count(n, &count);
		wr_human_bytes(n, &bytes);
		assert_true(count.len <= 5);
		assert_true(bytes.len <= 7);
		if (i > 41)
			continue;
		wr_human_duration(n, &duration);
		assert_true(duration.len <= 6);
	}
}

static void assert_share(uint64_t used, uint64_t size, const char *want)
{
	wr_auto_strbuf out = WR_STRBUF_INIT;

	wr_human_share(used, size, &out);
	assert_string_equal(out.buf, want);
}

static void only_what_is_full_is_a_hundred_percent_and_only_what_is_empty_is_none(void **state)
{
	assert_share(0, 1000, "0%");
	assert_share(1, 1000, "<1%");
	assert_share(500, 1000, "50%");
	assert_share(999, 1000, "99%");
	assert_share(1000, 1000, "100%");
	assert_share(0, 0, "0%");
	assert_share(UINT64_MAX, UINT64_MAX, "100%");
}

static void a_socket_shows_its_port_behind_brackets_when_it_is_ipv6(void **state)
{
	wr_auto_strbuf out = WR_STRBUF_INIT;

	wr_human_socket("10.0.0.1", 80, &out);
	wr_strbuf_addch(&out, ' ');
	wr_human_socket("fd00::1", 80, &out);
	wr_strbuf_addch(&out, ' ');
	wr_human_socket("fd00::1", 0, &out);
	assert_string_equal(out.buf, "10.0.0.1:80 [fd00::1]:80 fd00::1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_keep_three_digits),
		cmocka_unit_test(bytes_are_counted_in_powers_of_two),
		cmocka_unit_test(durations_show_two_units),
		cmocka_unit_test(none_is_wider_than_its_column),
		cmocka_unit_test(only_what_is_full_is_a_hundred_percent_and_only_what_is_empty_is_none),
		cmocka_unit_test(a_socket_shows_its_port_behind_brackets_when_it_is_ipv6),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
