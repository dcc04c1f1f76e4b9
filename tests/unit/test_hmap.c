/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about hash tables and hashes. */
#include "tests/unit/check.h"

#include <stdbool.h>
#include <stdlib.h>

#include "lib/base/cleanup.h"
#include "lib/base/hmap.h"

#define N 1000

struct row {
	int key;
	bool seen;
	struct wr_hnode node;
};

static struct row rows[N];

static struct row *row_of(struct wr_hnode *n)
{
	return WR_CONTAINER_OF(n, struct row, node);
}

static uint32_t hash_of(int key)
{
	return wr_hash_bytes(&key, sizeof(key), 0);
}

static struct row *find(const struct wr_hmap *m, int key)
{
	struct wr_hnode *n;

	for (n = wr_hmap_first(m, hash_of(key)); n; n = wr_hmap_next(n))
		if (row_of(n)->key == key)
			return row_of(n);
	return NULL;
}

static void fill(struct wr_hmap *m)
{
	int i;

	for (i = 0; i < N; i++) {
		rows[i] = (struct row){ .key = i };
		wr_hmap_add(m, &rows[i].node, hash_of(i));
	}
}

static void what_was_added_is_found_and_nothing_else(void **state)
{
	struct wr_hmap m = { 0 };
	int i;

	assert_null(find(&m, 1));
	fill(&m);
	for (i = 0; i < N; i++)
		assert_ptr_equal(find(&m, i), &rows[i]);
	assert_null(find(&m, N));
	wr_hmap_del(&m, &rows[7].node);
	assert_null(find(&m, 7));
	assert_ptr_equal(find(&m, 8), &rows[8]);
	assert_int_equal(m.n, N - 1);
	wr_hmap_done(&m);
}

static void equal_hashes_are_all_visited(void **state)
{
	struct wr_hmap m = { 0 };
	struct wr_hnode *n;
	int i, count = 0;

	for (i = 0; i < 20; i++)
		wr_hmap_add(&m, &rows[i].node, i % 2);
	for (n = wr_hmap_first(&m, 1); n; n = wr_hmap_next(n))
		count++;
	assert_int_equal(count, 10);
	wr_hmap_done(&m);
}

static void each_visits_everything_once_and_allows_deleting(void **state)
{
	struct wr_hmap m = { 0 };
	struct wr_hnode *n, *next;
	size_t pos;
	int i;

	wr_hmap_each(&m, n, pos, next)
		fail();
	fill(&m);
	wr_hmap_each(&m, n, pos, next) {
		assert_false(row_of(n)->seen);
		row_of(n)->seen = true;
		if (row_of(n)->key % 2)
			wr_hmap_del(&m, n);
	}
	for (i = 0; i < N; i++)
		assert_true(rows[i].seen);
	assert_int_equal(m.n, N / 2);
	wr_hmap_done(&m);
}

static void the_load_factor_is_at_most_one(void **state)
{
	struct wr_hmap m = { 0 };

	fill(&m);
	assert_true(m.mask + 1 >= m.n);
	assert_true(m.mask + 1 <= 2 * N + 48);
	wr_hmap_done(&m);
}

/* These values are in file names and Maglev tables: they never change. */
static void stable_hashes_stay_as_they_are(void **state)
{
	assert_true(wr_hash64_bytes("", 0, 0) == 0x708778e4f48d2d9aull);
	assert_true(wr_hash64_bytes("weir", 4, 0) == 0xcc96a90f44198f66ull);
	assert_true(wr_hash64_bytes("weir", 4, 1) == 0x476b9c657af55e17ull);
	assert_true(wr_hash64_bytes("0123456789abcdef!", 17, 0) == 0xc135050227a227fbull);
}

static void a_bit_of_input_changes_half_of_the_output(void **state)
{
	unsigned char data[24] = { 0 };
	uint64_t h = wr_hash64_bytes(data, sizeof(data), 0);
	int bit, changed, total = 0;

	for (bit = 0; bit < 192; bit++) {
		data[bit / 8] ^= (unsigned char)(1 << bit % 8);
		changed = __builtin_popcountll(h ^ wr_hash64_bytes(data, sizeof(data), 0));
		assert_in_range(changed, 10, 54);
		total += changed;
		data[bit / 8] ^= (unsigned char)(1 << bit % 8);
	}
	assert_in_range(total / 192, 30, 34);
}

static void length_counts(void **state)
{
	static const char zero[16];

	assert_true(wr_hash64_bytes(zero, 7, 0) != wr_hash64_bytes(zero, 8, 0));
	assert_true(wr_hash64_bytes(zero, 8, 0) != wr_hash64_bytes(zero, 16, 0));
	assert_int_equal(wr_hash_str("abc"), wr_hash_bytes("abc", 3, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_added_is_found_and_nothing_else),
		cmocka_unit_test(equal_hashes_are_all_visited),
		cmocka_unit_test(each_visits_everything_once_and_allows_deleting),
		cmocka_unit_test(the_load_factor_is_at_most_one),
		cmocka_unit_test(stable_hashes_stay_as_they_are),
		cmocka_unit_test(a_bit_of_input_changes_half_of_the_output),
		cmocka_unit_test(length_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
