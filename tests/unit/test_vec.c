/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about typed arrays. */
#include "tests/unit/check.h"

#include "lib/base/vec.h"

static void pushed_elements_stay_in_order(void **state)
{
	WR_VEC(int) v = { 0 };
	int i;

	for (i = 0; i < 1000; i++)
		wr_vec_push(&v, i);
	assert_int_equal(v.n, 1000);
	for (i = 0; i < 1000; i++)
		assert_int_equal(v.v[i], i);
	wr_vec_done(&v);
	assert_null(v.v);
	assert_int_equal(v.cap, 0);
}

static void reserve_is_exact_and_moves_nothing_later(void **state)
{
	WR_VEC(long) v = { 0 };
	const long *at;
	long i;

	wr_vec_reserve(&v, 10);
	assert_int_equal(v.cap, 10);
	at = v.v;
	for (i = 0; i < 10; i++)
		wr_vec_push(&v, i);
	assert_ptr_equal(at, v.v);
	wr_vec_done(&v);
}

static int descending(const void *a, const void *b)
{
	return *(const int *)b - *(const int *)a;
}

static void sort_and_delete(void **state)
{
	WR_VEC(int) v = { 0 };

	wr_vec_sort(&v, descending);
	wr_vec_push(&v, 1);
	wr_vec_push(&v, 3);
	wr_vec_push(&v, 2);
	wr_vec_sort(&v, descending);
	assert_int_equal(v.v[0], 3);
	assert_int_equal(v.v[2], 1);
	wr_vec_del_unordered(&v, 0);
	assert_int_equal(v.n, 2);
	assert_int_equal(v.v[0], 1);
	wr_vec_reset(&v);
	assert_int_equal(v.n, 0);
	wr_vec_done(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pushed_elements_stay_in_order),
		cmocka_unit_test(reserve_is_exact_and_moves_nothing_later),
		cmocka_unit_test(sort_and_delete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
