/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about addresses with names, and the journal of them. */
#include "tests/unit/check.h"

#include <stdio.h>

#include "agent/domains_private.h"
#include "bpf/abi/endpoint.h"
#include "lib/base/cleanup.h"
#include "lib/base/io.h"
#include "tests/unit/tmpdir.h"

static struct wr_binding binding(uint32_t low, const char *name, uint64_t until_ms, uint32_t asker)
{
	struct wr_binding b = { .name = name, .until_ms = until_ms, .asker = asker };

	b.addr = wr_addr_from4((struct in_addr){ htonl(0xc0000200u + low) });
	return b;
}

static enum wr_binding_result put(struct wr_binding_table *t, struct wr_binding b)
{
	return wr_binding_put(t, &b);
}

static struct wr_binding *only(const struct wr_binding_table *t)
{
	struct wr_hnode *n, *next, *found = NULL;
	size_t pos;

	assert_int_equal(t->bindings.n, 1);
	wr_hmap_each(&t->bindings, n, pos, next)
		found = n;
	assert_non_null(found);
	return wr_binding_of(found);
}

static void open_at(struct wr_binding_table *t, void **state)
{
	assert_int_equal(wr_binding_table_open(t, wr_tmpdir_path(*state, "domains")), 0);
}

static void an_address_has_a_name_once_and_for_the_longest_of_its_lives(void **state)
{
	struct wr_binding_table t;

	open_at(&t, state);
	assert_int_equal(put(&t, binding(1, "a.org", 100, 5)), WR_BINDING_NEW);
	assert_int_equal(put(&t, binding(1, "a.org", 50, 5)), WR_BINDING_KNOWN);
	assert_int_equal(only(&t)->until_ms, 100);
	assert_int_equal(put(&t, binding(1, "a.org", 200, 5)), WR_BINDING_KNOWN);
	assert_int_equal(only(&t)->until_ms, 200);
	assert_int_equal(put(&t, binding(1, "b.org", 200, 5)), WR_BINDING_NEW);
	wr_binding_table_close(&t);
}

/* What its end has closed to new connections is opened by the next answer, and that has to be in force before the pod has it. */
static void what_is_told_again_after_its_time_is_news(void **state)
{
	struct wr_binding_table t;

	open_at(&t, state);
	assert_int_equal(put(&t, binding(1, "a.org", 100, 5)), WR_BINDING_NEW);
	only(&t)->over = true;
	assert_int_equal(put(&t, binding(1, "a.org", 90, 5)), WR_BINDING_KNOWN);
	assert_true(only(&t)->over);
	assert_int_equal(put(&t, binding(1, "a.org", 200, 5)), WR_BINDING_NEW);
	assert_false(only(&t)->over);
	assert_int_equal(put(&t, binding(1, "a.org", 300, 5)), WR_BINDING_KNOWN);
	wr_binding_table_close(&t);
}

static void what_is_known_outlives_the_process_at_any_instant(void **state)
{
	struct wr_binding_table t, again;

	open_at(&t, state);
	put(&t, binding(1, "a.org", 100, 5));
	put(&t, binding(2, "a.org", 100, 5));
	put(&t, binding(1, "a.org", 300, 5));
	/* Not closed: as a kill leaves it. */
	open_at(&again, state);
	assert_int_equal(again.bindings.n, 2);
	assert_int_equal(put(&again, binding(2, "a.org", 0, 7)), WR_BINDING_KNOWN);
	wr_binding_table_close(&again);
	wr_binding_table_close(&t);
}

static void what_was_taken_back_stays_away(void **state)
{
	struct wr_binding_table t, again;

	open_at(&t, state);
	put(&t, binding(1, "a.org", 100, 5));
	wr_binding_del(&t, only(&t));
	put(&t, binding(2, "b.org", 100, 5));
	open_at(&again, state);
	assert_string_equal(only(&again)->name, "b.org");
	assert_int_equal(only(&again)->asker, WR_EP_NONE);
	wr_binding_table_close(&again);
	wr_binding_table_close(&t);
}

static void a_journal_with_rubbish_and_half_a_line_is_read(void **state)
{
	const char *file = wr_tmpdir_path(*state, "domains");
	static const char text[] = "100 192.0.2.1 a.org\nrubbish\n-\n1 2\n100 999.1.1.1 b.org\n10";
	struct wr_binding_table t;

	assert_int_equal(wr_write_file_atomic(file, text, sizeof(text) - 1, 0600, 0), 1);
	open_at(&t, state);
	assert_string_equal(only(&t)->name, "a.org");
	wr_binding_table_close(&t);
}

static void the_journal_does_not_grow_with_what_is_only_renewed(void **state)
{
	wr_autofree char *text = NULL;
	struct wr_binding_table t;
	size_t len = 0;
	int i;

	open_at(&t, state);
	for (i = 1; i < 5000; i++)
		put(&t, binding(1, "a.org", (uint64_t)i, 5));
	wr_binding_table_close(&t);
	assert_int_equal(wr_read_file(wr_tmpdir_path(*state, "domains"), 1 << 20, &text, &len), 0);
	assert_true(len < 300 * sizeof("5000 192.0.2.1 a.org"));
}

static void one_pod_cannot_take_all_the_room(void **state)
{
	struct wr_binding_table t;
	uint32_t i, added = 0;

	open_at(&t, state);
	for (i = 0; i < 20000; i++)
		added += put(&t, binding(i, "a.org", 100, 5)) == WR_BINDING_NEW;
	assert_int_equal(added, 4096);
	assert_int_equal(put(&t, binding(20001, "a.org", 100, 5)), WR_BINDING_FULL);
	assert_int_equal(put(&t, binding(20001, "a.org", 100, 6)), WR_BINDING_NEW);
	wr_binding_table_close(&t);
}

static void nor_can_all_of_them_take_more_than_there_is(void **state)
{
	struct wr_binding_table t;
	uint32_t i, added = 0;

	open_at(&t, state);
	for (i = 0; i < 20000; i++)
		added += put(&t, binding(i, "a.org", 100, 1 + i % 8)) == WR_BINDING_NEW;
	assert_int_equal(added, 16384);
	wr_binding_table_close(&t);
}

#define claim(f) cmocka_unit_test_setup_teardown(f, wr_tmpdir_setup, wr_tmpdir_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		claim(an_address_has_a_name_once_and_for_the_longest_of_its_lives),
		claim(what_is_told_again_after_its_time_is_news),
		claim(what_is_known_outlives_the_process_at_any_instant),
		claim(what_was_taken_back_stays_away),
		claim(a_journal_with_rubbish_and_half_a_line_is_read),
		claim(the_journal_does_not_grow_with_what_is_only_renewed),
		claim(one_pod_cannot_take_all_the_room),
		claim(nor_can_all_of_them_take_more_than_there_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
