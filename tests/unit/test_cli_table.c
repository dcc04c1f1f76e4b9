/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about tables for people. */
#include "tests/unit/check.h"

#include <string.h>

#include "cli/table.h"

static void assert_format(const struct wr_table *t, size_t width, const char *want)
{
	wr_auto_strbuf out = WR_STRBUF_INIT;

	wr_table_format(t, width, &out);
	assert_string_equal(out.buf, want);
}

static void columns_are_as_wide_as_what_they_hold(void **state)
{
	wr_auto_table t;

	wr_table_init(&t);
	wr_table_column(&t, "A", 0, 0);
	wr_table_column(&t, "LONG", 0, 0);
	wr_table_column(&t, "Z", 0, 0);
	wr_table_cell(&t, "first");
	wr_table_cell(&t, "x");
	wr_table_cell(&t, "end");
	assert_format(&t, 100, "A      LONG  Z\nfirst  x     end\n");
	assert_int_equal(wr_table_rows(&t), 1);
}

static void numbers_stand_right(void **state)
{
	wr_auto_table t;

	wr_table_init(&t);
	wr_table_column(&t, "N", WR_COL_RIGHT, 0);
	wr_table_column(&t, "TEXT", 0, 0);
	wr_table_cell(&t, "1");
	wr_table_cell(&t, "a");
	wr_table_cell(&t, "1000");
	wr_table_cell(&t, "b");
	assert_format(&t, 100, "   N  TEXT\n   1  a\n1000  b\n");
}

static void an_empty_cell_is_a_dash_and_lines_end_without_blanks(void **state)
{
	wr_auto_table t;

	wr_table_init(&t);
	wr_table_column(&t, "A", 0, 0);
	wr_table_column(&t, "B", 0, 0);
	wr_table_cell(&t, "");
	wr_table_cell(&t, "");
	wr_table_cell(&t, "x");
	wr_table_cell(&t, "long");
	assert_format(&t, 100, "A  B\n-  -\nx  long\n");
}

static void the_widest_column_shrinks_first_and_none_below_its_least(void **state)
{
	wr_auto_table t;

	wr_table_init(&t);
	wr_table_column(&t, "A", 0, 5);
	wr_table_column(&t, "B", 0, 5);
	wr_table_column(&t, "FIXED", 0, 0);
	wr_table_cell(&t, "abcdefghijklmnop");
	wr_table_cell(&t, "0123456");
	wr_table_cell(&t, "unmoved");
	assert_format(&t, 30, "A             B        FIXED\nabcdef…lmnop  0123456  unmoved\n");
}

static void what_does_not_fit_keeps_its_least_width(void **state)
{
	wr_auto_table t;

	wr_table_init(&t);
	wr_table_column(&t, "A", 0, 5);
	wr_table_column(&t, "B", 0, 0);
	wr_table_cell(&t, "abcdefghijklmnop");
	wr_table_cell(&t, "unmoved");
	assert_format(&t, 4, "A      B\nab…op  unmoved\n");
}

static void without_a_width_nothing_is_shortened(void **state)
{
	wr_auto_table t;

	wr_table_init(&t);
	wr_table_column(&t, "A", 0, 3);
	wr_table_cell(&t, "abcdefghijklmnop");
	assert_format(&t, 0, "A\nabcdefghijklmnop\n");
}

static void assert_short(const char *text, size_t width, const char *want)
{
	wr_auto_strbuf out = WR_STRBUF_INIT;

	wr_text_shorten(text, width, &out);
	assert_string_equal(out.buf, want);
	assert_true(wr_text_width(out.buf) <= width);
}

static void both_ends_of_a_long_name_stay(void **state)
{
	assert_short("frontend-7d9c5-x2k9q", 20, "frontend-7d9c5-x2k9q");
	assert_short("frontend-7d9c5-x2k9q", 11, "front…x2k9q");
	assert_short("frontend-7d9c5-x2k9q", 10, "front…2k9q");
	assert_short("abc", 2, "a…");
	assert_short("abc", 1, "…");
	assert_short("abc", 0, "");
}

static void letters_of_several_bytes_take_one_column_and_are_never_torn(void **state)
{
	assert_int_equal(wr_text_width("größe…"), 6);
	assert_short("ääöößß", 5, "ää…ßß");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_are_as_wide_as_what_they_hold),
		cmocka_unit_test(numbers_stand_right),
		cmocka_unit_test(an_empty_cell_is_a_dash_and_lines_end_without_blanks),
		cmocka_unit_test(the_widest_column_shrinks_first_and_none_below_its_least),
		cmocka_unit_test(what_does_not_fit_keeps_its_least_width),
		cmocka_unit_test(without_a_width_nothing_is_shortened),
		cmocka_unit_test(both_ends_of_a_long_name_stay),
		cmocka_unit_test(letters_of_several_bytes_take_one_column_and_are_never_torn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
