/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about elements in one array. */
#include "tests/unit/check.h"

#include <stdbool.h>

#include "lib/base/slab.h"

#define N 1000

struct row {
	struct wr_slot slot;
	int key;
	uint32_t more;
};

/* Three keys share each hash. */
static uint32_t hash_of(int key)
{
	return (uint32_t)(key / 3) * 2654435761u;
}

static struct row *row_at(const struct wr_slab *s, uint32_t i)
{
	return wr_slab_at(s, i);
}

static uint32_t find(const struct wr_slab *s, int key)
{
	uint32_t i = wr_slab_first(s, hash_of(key));

	while (i != WR_SLAB_END && row_at(s, i)->key != key)
		i = wr_slab_next(s, i);
	return i;
}

static uint32_t add(struct wr_slab *s, int key)
{
	uint32_t i = wr_slab_add(s, hash_of(key));

	row_at(s, i)->key = key;
	return i;
}

static void fill(struct wr_slab *s)
{
	int key;

	for (key = 0; key < N; key++)
		assert_int_equal(add(s, key), key);
}

static void what_was_added_is_found_and_nothing_else(void **state)
{
	struct wr_slab s = { .size = sizeof(struct row) };
	int key;

	assert_int_equal(find(&s, 1), WR_SLAB_END);
	fill(&s);
	assert_int_equal(s.n, N);
	for (key = 0; key < N; key++)
		assert_int_equal(find(&s, key), key);
	assert_int_equal(find(&s, N + 2), WR_SLAB_END);
	wr_slab_done(&s);
	assert_int_equal(find(&s, 1), WR_SLAB_END);
	assert_int_equal(s.size, sizeof(struct row));
}

static void chains_hold_only_the_hash_that_was_asked_for(void **state)
{
	struct wr_slab s = { .size = sizeof(struct row) };
	uint32_t i, n = 0;

	fill(&s);
	for (i = wr_slab_first(&s, hash_of(300)); i != WR_SLAB_END; i = wr_slab_next(&s, i)) {
		assert_in_range(row_at(&s, i)->key, 300, 302);
		n++;
	}
	assert_int_equal(n, 3);
	wr_slab_done(&s);
}

static void what_was_deleted_is_gone_and_its_place_is_used_again(void **state)
{
	struct wr_slab s = { .size = sizeof(struct row) };
	uint32_t used;
	int key;

	fill(&s);
	used = s.used;
	for (key = 0; key < N; key += 2) {
		row_at(&s, find(&s, key))->more = 7;
		wr_slab_del(&s, find(&s, key));
	}
	assert_int_equal(s.n, N / 2);
	for (key = 0; key < N; key++)
		assert_int_equal(find(&s, key), key % 2 ? (uint32_t)key : WR_SLAB_END);
	for (key = N; key < N + N / 2; key++)
		assert_int_equal(row_at(&s, add(&s, key))->more, 0);
	assert_int_equal(s.used, used);
	for (key = 1; key < N + N / 2; key += key < N - 1 ? 2 : 1)
		assert_int_equal(row_at(&s, find(&s, key))->key, key);
	wr_slab_done(&s);
}

static void a_walk_meets_each_once_and_may_delete_what_it_meets(void **state)
{
	struct wr_slab s = { .size = sizeof(struct row) };
	uint32_t i, pos, next, met = 0;

	wr_slab_each(&s, i, pos, next)
		fail();
	fill(&s);
	wr_slab_each(&s, i, pos, next) {
		assert_int_equal(row_at(&s, i)->more++, 0);
		met++;
		if (row_at(&s, i)->key % 2)
			wr_slab_del(&s, i);
	}
	assert_int_equal(met, N);
	assert_int_equal(s.n, N / 2);
	wr_slab_each(&s, i, pos, next)
		assert_int_equal(row_at(&s, i)->key % 2, 0);
	wr_slab_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_added_is_found_and_nothing_else),
		cmocka_unit_test(chains_hold_only_the_hash_that_was_asked_for),
		cmocka_unit_test(a_walk_meets_each_once_and_may_delete_what_it_meets),
		cmocka_unit_test(what_was_deleted_is_gone_and_its_place_is_used_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
