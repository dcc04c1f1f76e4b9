/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about growing strings. */
#include "tests/unit/check.h"

#include <stdlib.h>

#include "lib/base/strbuf.h"

static void an_empty_buffer_is_an_empty_string(void **state)
{
	wr_auto_strbuf sb = WR_STRBUF_INIT;

	assert_string_equal(sb.buf, "");
	assert_int_equal(sb.len, 0);
	wr_strbuf_reset(&sb);
	wr_strbuf_consume(&sb, 0);
	assert_string_equal(sb.buf, "");
}

static void pieces_are_joined_and_terminated(void **state)
{
	wr_auto_strbuf sb = WR_STRBUF_INIT;

	wr_strbuf_addstr(&sb, "ab");
	wr_strbuf_addch(&sb, 'c');
	wr_strbuf_addf(&sb, "%d-%s", 12, "x");
	wr_strbuf_add(&sb, "yz!", 2);
	wr_strbuf_add(&sb, NULL, 0);
	assert_string_equal(sb.buf, "abc12-xyz");
	assert_int_equal(sb.len, 9);
}

static void nothing_is_lost_while_growing(void **state)
{
	wr_auto_strbuf sb = WR_STRBUF_INIT;
	int i;

	for (i = 0; i < 1000; i++)
		wr_strbuf_addf(&sb, "%03d", i);
	assert_int_equal(sb.len, 3000);
	assert_int_equal(strlen(sb.buf), 3000);
	assert_memory_equal(sb.buf + 999 * 3, "999", 3);
	assert_memory_equal(sb.buf, "000001", 6);
}

static void consume_drops_the_front(void **state)
{
	wr_auto_strbuf sb = WR_STRBUF_INIT;

	wr_strbuf_addstr(&sb, "header body");
	wr_strbuf_consume(&sb, 7);
	assert_string_equal(sb.buf, "body");
	wr_strbuf_consume(&sb, 4);
	assert_string_equal(sb.buf, "");
}

static void reset_keeps_the_memory(void **state)
{
	wr_auto_strbuf sb = WR_STRBUF_INIT;
	size_t size;

	wr_strbuf_addstr(&sb, "abc");
	size = sb.size;
	wr_strbuf_reset(&sb);
	assert_int_equal(sb.size, size);
	assert_string_equal(sb.buf, "");
}

static void take_hands_over_and_leaves_an_empty_buffer(void **state)
{
	wr_auto_strbuf sb = WR_STRBUF_INIT;
	size_t len = 7;
	char *s;

	s = wr_strbuf_take(&sb, &len);
	assert_string_equal(s, "");
	assert_int_equal(len, 0);
	free(s);
	wr_strbuf_addstr(&sb, "abc");
	s = wr_strbuf_take(&sb, NULL);
	assert_string_equal(s, "abc");
	assert_string_equal(sb.buf, "");
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_buffer_is_an_empty_string),
		cmocka_unit_test(pieces_are_joined_and_terminated),
		cmocka_unit_test(nothing_is_lost_while_growing),
		cmocka_unit_test(consume_drops_the_front),
		cmocka_unit_test(reset_keeps_the_memory),
		cmocka_unit_test(take_hands_over_and_leaves_an_empty_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
