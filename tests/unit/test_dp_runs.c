/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about the allocator of runs, against an array of flags. */
#include "tests/unit/check.h"

#include <stdlib.h>

#include "lib/dp/runs.h"

#define N 1000

static void runs_are_contiguous_and_lowest_first(void **state)
{
	struct wr_runs r;

	wr_runs_init(&r, 200);
	assert_int_equal(wr_runs_take(&r, 3), 0);
	assert_int_equal(wr_runs_take(&r, 130), 3);
	assert_int_equal(wr_runs_take(&r, 1), 133);
	wr_runs_give(&r, 0, 3);
	assert_int_equal(wr_runs_take(&r, 4), 134);
	assert_int_equal(wr_runs_take(&r, 3), 0);
	assert_int_equal(r.used, 3 + 130 + 1 + 4);
	wr_runs_done(&r);
}

static void the_last_number_is_given_and_not_one_more(void **state)
{
	struct wr_runs r;

	wr_runs_init(&r, 70);
	assert_int_equal(wr_runs_take(&r, 71), WR_RUNS_NONE);
	assert_int_equal(wr_runs_take(&r, 70), 0);
	assert_int_equal(wr_runs_take(&r, 1), WR_RUNS_NONE);
	wr_runs_give(&r, 69, 1);
	assert_int_equal(wr_runs_take(&r, 1), 69);
	assert_int_equal(wr_runs_take(&r, 0), WR_RUNS_NONE);
	wr_runs_done(&r);
}

static void neighbours_become_one_run_again(void **state)
{
	struct wr_runs r;
	uint32_t i;

	wr_runs_init(&r, 4096);
	for (i = 0; i < 1024; i++)
		assert_int_equal(wr_runs_take(&r, 4), i * 4);
	for (i = 0; i < 1024; i += 2)
		wr_runs_give(&r, i * 4, 4);
	assert_int_equal(wr_runs_take(&r, 5), WR_RUNS_NONE);
	for (i = 1; i < 1024; i += 2)
		wr_runs_give(&r, i * 4, 4);
	assert_int_equal(r.used, 0);
	assert_int_equal(wr_runs_take(&r, 4096), 0);
	wr_runs_done(&r);
}

static void what_is_claimed_is_not_given_away(void **state)
{
	struct wr_runs r;

	wr_runs_init(&r, 100);
	assert_true(wr_runs_claim(&r, 10, 80));
	assert_true(wr_runs_claim(&r, 10, 1));
	assert_int_equal(r.used, 80);
	assert_false(wr_runs_claim(&r, 95, 6));
	assert_false(wr_runs_claim(&r, UINT32_MAX, 2));
	assert_int_equal(wr_runs_take(&r, 10), 0);
	assert_int_equal(wr_runs_take(&r, 11), WR_RUNS_NONE);
	assert_int_equal(wr_runs_take(&r, 10), 90);
	wr_runs_done(&r);
}

static uint32_t first_fit(const char *used, uint32_t n)
{
	uint32_t i, len = 0;

	for (i = 0; i < N; i++) {
		len = used[i] ? 0 : len + 1;
		if (len == n)
			return i + 1 - n;
	}
	return WR_RUNS_NONE;
}

static void it_does_what_a_plain_array_would(void **state)
{
	static struct {
		uint32_t first, n;
	} held[N];
	char used[N] = { 0 };
	uint32_t n_held = 0, i, step, n, first;
	struct wr_runs r;

	srand(1);
	wr_runs_init(&r, N);
	for (step = 0; step < 20000; step++) {
		if (rand() % 2 || !n_held) {
			n = (uint32_t)(rand() % (rand() % 8 ? 6 : 150)) + 1;
			first = wr_runs_take(&r, n);
			assert_int_equal(first, first_fit(used, n));
			if (first == WR_RUNS_NONE)
				continue;
			memset(used + first, 1, n);
			held[n_held].first = first;
			held[n_held++].n = n;
		} else {
			i = (uint32_t)rand() % n_held;
			memset(used + held[i].first, 0, held[i].n);
			wr_runs_give(&r, held[i].first, held[i].n);
			held[i] = held[--n_held];
		}
	}
	for (i = 0, n = 0; i < N; i++)
		n += (uint32_t)used[i];
	assert_int_equal(r.used, n);
	wr_runs_done(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_are_contiguous_and_lowest_first),
		cmocka_unit_test(the_last_number_is_given_and_not_one_more),
		cmocka_unit_test(neighbours_become_one_run_again),
		cmocka_unit_test(what_is_claimed_is_not_given_away),
		cmocka_unit_test(it_does_what_a_plain_array_would),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
