/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about interned strings and lists. */
#include "tests/unit/check.h"

#include "agent/obj/intern.h"

static void equal_text_is_one_pointer(void **state)
{
	char text[] = "abc";
	wr_istr a = wr_istr_get("abc"), b = wr_istr_get(text), c = wr_istr_get("abd");

	assert_ptr_equal(a, b);
	assert_ptr_not_equal(a, c);
	assert_string_equal(a, "abc");
	assert_int_equal(wr_istr_count(), 2);
	wr_istr_put(a);
	wr_istr_put(b);
	wr_istr_put(c);
	assert_int_equal(wr_istr_count(), 0);
}

static void the_last_reference_frees(void **state)
{
	wr_istr a = wr_istr_get("abc");

	assert_ptr_equal(wr_istr_ref(a), a);
	wr_istr_put(a);
	assert_ptr_equal(wr_istr_find("abc"), a);
	wr_istr_put(a);
	assert_null(wr_istr_find("abc"));
}

static void null_is_fine(void **state)
{
	assert_null(wr_istr_get(NULL));
	assert_null(wr_istr_ref(NULL));
	wr_istr_put(NULL);
	wr_ilist_put(NULL);
}

static void equal_lists_are_one_pointer_and_hold_their_strings(void **state)
{
	wr_istr v[] = { wr_istr_get("a"), wr_istr_get("b") };
	wr_istr turned[] = { v[1], v[0] };
	const struct wr_ilist *x = wr_ilist_get(v, 2), *y = wr_ilist_get(v, 2);
	const struct wr_ilist *z = wr_ilist_get(turned, 2), *one = wr_ilist_get(v, 1);

	assert_ptr_equal(x, y);
	assert_ptr_not_equal(x, z);
	assert_ptr_not_equal(x, one);
	wr_istr_put(v[0]);
	wr_istr_put(v[1]);
	assert_string_equal(x->v[0], "a");
	assert_string_equal(z->v[0], "b");
	assert_int_equal(one->n, 1);
	wr_ilist_put(x);
	wr_ilist_put(y);
	wr_ilist_put(z);
	assert_int_equal(wr_istr_count(), 1);
	wr_ilist_put(one);
	assert_int_equal(wr_istr_count(), 0);
}

static void the_empty_list_is_null(void **state)
{
	assert_null(wr_ilist_get(NULL, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_text_is_one_pointer),
		cmocka_unit_test(the_last_reference_frees),
		cmocka_unit_test(null_is_fine),
		cmocka_unit_test(equal_lists_are_one_pointer_and_hold_their_strings),
		cmocka_unit_test(the_empty_list_is_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
