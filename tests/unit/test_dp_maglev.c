/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about Maglev tables. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/base/hmap.h"
#include "lib/dp/dp.h"
#include "lib/dp/maglev.h"

#define SIZE        WR_MAGLEV_SIZE
#define MAX_MEMBERS 300

static uint32_t a[SIZE], b[SIZE];

/* Members are called 1 to n; those that are zero in @without have left. */
static void fill(uint32_t *table, uint32_t size, uint32_t n, uint32_t without, uint32_t heavy)
{
	struct wr_maglev_member m[MAX_MEMBERS];
	uint32_t i, count = 0;

	for (i = 1; i <= n; i++)
		if (i != without)
			m[count++] = (struct wr_maglev_member){
				.name = wr_hash64_bytes(&i, sizeof(i), 7),
				.weight = i == heavy ? 3 : 1,
				.value = i,
			};
	wr_maglev_fill(table, size, m, count);
}

static void shares(const uint32_t *table, uint32_t *ret)
{
	uint32_t i;

	memset(ret, 0, (MAX_MEMBERS + 1) * sizeof(*ret));
	for (i = 0; i < SIZE; i++)
		ret[table[i]]++;
}

static void shares_differ_by_one_place_at_most(void **state)
{
	static const uint32_t sizes[] = { 1, 2, 3, 10, 100, 300 };
	uint32_t n[MAX_MEMBERS + 1], i, j;

	for (i = 0; i < 6; i++) {
		fill(a, SIZE, sizes[i], 0, 0);
		shares(a, n);
		for (j = 1; j <= sizes[i]; j++)
			assert_in_range(n[j], SIZE / sizes[i], SIZE / sizes[i] + 1);
	}
}

static void weights_are_shares(void **state)
{
	uint32_t n[MAX_MEMBERS + 1];

	fill(a, SIZE, 3, 0, 2);
	shares(a, n);
	assert_in_range(n[1], SIZE / 5 - 2, SIZE / 5 + 2);
	assert_in_range(n[2], SIZE * 3 / 5 - 4, SIZE * 3 / 5 + 4);
	assert_in_range(n[3], SIZE / 5 - 2, SIZE / 5 + 2);
}

static void the_order_of_members_does_not_matter(void **state)
{
	struct wr_maglev_member m[50];
	uint32_t i;

	fill(a, SIZE, 50, 0, 0);
	for (i = 0; i < 50; i++) {
		uint32_t name = 50 - i;

		m[i] = (struct wr_maglev_member){ wr_hash64_bytes(&name, sizeof(name), 7), 1, name };
	}
	wr_maglev_fill(b, SIZE, m, 50);
	assert_memory_equal(a, b, sizeof(a));
}

static void when_one_of_a_hundred_leaves_few_others_move(void **state)
{
	uint32_t gone, moved, i, worst = 0;
	uint64_t all = 0;

	fill(a, SIZE, 100, 0, 0);
	for (gone = 1; gone <= 100; gone++) {
		fill(b, SIZE, 100, gone, 0);
		for (i = 0, moved = 0; i < SIZE; i++)
			moved += a[i] != b[i];
		worst = moved > worst ? moved : worst;
		all += moved;
	}
	/* Ideal: only the places of the one that left, a hundredth. */
	assert_in_range(all / 100, SIZE / 100, 2 * SIZE / 100);
	assert_in_range(worst, SIZE / 100, 2 * SIZE / 100);
}

static void hashed_clients_spread_as_chance_would(void **state)
{
	uint32_t picks[101] = { 0 }, i;
	double chi2 = 0, expected = 1e6 / 100;
	uint64_t h;

	fill(a, SIZE, 100, 0, 0);
	for (i = 0; i < 1000000; i++) {
		h = wr_hash64_bytes(&i, sizeof(i), 3);
		picks[a[(h >> 32) * SIZE >> 32]]++;
	}
	for (i = 1; i <= 100; i++)
		chi2 += (picks[i] - expected) * (picks[i] - expected) / expected;
	/* 99 degrees of freedom: beyond 149 once in a thousand. The table's own unevenness (a place of 327) adds some. */
	assert_true(chi2 < 160);
}

static void more_members_than_places_fill_the_table(void **state)
{
	uint32_t small[7], i, j;

	fill(small, 7, 20, 0, 0);
	for (i = 0; i < 7; i++)
		for (j = 0; j < i; j++)
			assert_true(small[i] != small[j]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shares_differ_by_one_place_at_most),
		cmocka_unit_test(weights_are_shares),
		cmocka_unit_test(the_order_of_members_does_not_matter),
		cmocka_unit_test(when_one_of_a_hundred_leaves_few_others_move),
		cmocka_unit_test(hashed_clients_spread_as_chance_would),
		cmocka_unit_test(more_members_than_places_fill_the_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
