/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about the store. */
#include "tests/unit/check.h"

#include <stdio.h>

#include "agent/obj/store.h"
#include "tests/unit/objects.h"

struct heard {
	int added, changed, deleted, synced;
	char last[64];
	bool found; /* the store showed the new state already */
	struct wr_store *store;
};

static void hear(void *ctx, enum wr_kind kind, const struct wr_object *old,
		 const struct wr_object *new_)
{
	const struct wr_object *o = new_ ? new_ : old;
	struct heard *h = ctx;

	h->synced += !o;
	h->added += !old && new_;
	h->changed += old && new_;
	h->deleted += old && !new_;
	if (!o)
		return;
	snprintf(h->last, sizeof(h->last), "%s/%s", o->ns, o->name);
	h->found = wr_store_get(h->store, kind, o->ns, o->name) == new_;
}

static int setup(void **state)
{
	static struct heard h;

	h = (struct heard){ .store = wr_store_new() };
	wr_store_subscribe(h.store, hear, &h);
	*state = &h;
	return 0;
}

static int teardown(void **state)
{
	struct heard *h = *state;

	wr_store_free(h->store);
	return wr_istr_count() ? -1 : 0;
}

static struct wr_object *pod(const char *ns, const char *name, const char *node)
{
	char yaml[256];

	snprintf(yaml, sizeof(yaml),
		 "apiVersion: v1\nkind: Pod\nmetadata: {name: %s, namespace: %s}\n"
		 "spec: {nodeName: %s}\n",
		 name, ns, node);
	return obj_strict(yaml);
}

static void what_was_put_is_got_by_kind_namespace_and_name(void **state)
{
	struct heard *h = *state;
	struct wr_object *a = pod("x", "a", "n"), *b = pod("y", "a", "n");

	wr_store_put(h->store, a);
	wr_store_put(h->store, b);
	assert_ptr_equal(wr_store_get(h->store, WR_KIND_POD, "x", "a"), a);
	assert_ptr_equal(wr_store_get(h->store, WR_KIND_POD, "y", "a"), b);
	assert_null(wr_store_get(h->store, WR_KIND_POD, "z", "a"));
	assert_null(wr_store_get(h->store, WR_KIND_SERVICE, "x", "a"));
	assert_int_equal(wr_store_count(h->store, WR_KIND_POD), 2);
	assert_int_equal(h->added, 2);
}

static void subscribers_hear_additions_changes_and_deletions_after_the_fact(void **state)
{
	struct heard *h = *state;

	wr_store_put(h->store, pod("x", "a", "n"));
	assert_true(h->found);
	wr_store_put(h->store, pod("x", "a", "m"));
	assert_true(h->found);
	assert_int_equal(h->changed, 1);
	wr_store_del(h->store, WR_KIND_POD, "x", "a");
	assert_true(h->found);
	assert_int_equal(h->deleted, 1);
	assert_string_equal(h->last, "x/a");
	wr_store_del(h->store, WR_KIND_POD, "x", "a");
	assert_int_equal(h->deleted, 1);
}

static void equal_content_is_silent_and_the_old_object_stays(void **state)
{
	struct heard *h = *state;
	struct wr_object *a = pod("x", "a", "n");

	wr_store_put(h->store, a);
	wr_store_put(h->store, pod("x", "a", "n"));
	assert_ptr_equal(wr_store_get(h->store, WR_KIND_POD, "x", "a"), a);
	assert_int_equal(h->added, 1);
	assert_int_equal(h->changed, 0);
}

static void a_relist_deletes_what_it_did_not_have_and_only_at_its_end(void **state)
{
	struct heard *h = *state;

	wr_store_put(h->store, pod("x", "a", "n"));
	wr_store_put(h->store, pod("x", "b", "n"));
	wr_store_begin(h->store, WR_KIND_POD);
	wr_store_put(h->store, pod("x", "b", "n"));
	wr_store_put(h->store, pod("x", "c", "n"));
	assert_int_equal(h->deleted, 0);
	wr_store_synced(h->store, WR_KIND_POD);
	assert_int_equal(h->deleted, 1);
	assert_null(wr_store_get(h->store, WR_KIND_POD, "x", "a"));
	assert_int_equal(wr_store_count(h->store, WR_KIND_POD), 2);
	assert_int_equal(h->changed, 0);
}

static void a_relist_that_was_cut_off_deletes_nothing(void **state)
{
	struct heard *h = *state;

	wr_store_put(h->store, pod("x", "a", "n"));
	wr_store_begin(h->store, WR_KIND_POD);
	wr_store_put(h->store, pod("x", "b", "n"));
	wr_store_begin(h->store, WR_KIND_POD);
	wr_store_put(h->store, pod("x", "a", "n"));
	wr_store_synced(h->store, WR_KIND_POD);
	assert_non_null(wr_store_get(h->store, WR_KIND_POD, "x", "a"));
	assert_null(wr_store_get(h->store, WR_KIND_POD, "x", "b"));
}

static void the_first_sync_is_heard_once_and_per_kind(void **state)
{
	struct heard *h = *state;

	assert_false(wr_store_is_synced(h->store, WR_KIND_POD));
	wr_store_begin(h->store, WR_KIND_POD);
	wr_store_synced(h->store, WR_KIND_POD);
	wr_store_begin(h->store, WR_KIND_POD);
	wr_store_synced(h->store, WR_KIND_POD);
	assert_int_equal(h->synced, 1);
	assert_true(wr_store_is_synced(h->store, WR_KIND_POD));
	assert_false(wr_store_is_synced(h->store, WR_KIND_NODE));
}

static int count(void *ctx, struct wr_object *o)
{
	int *n = ctx;

	return ++*n == 3 ? 42 : 0;
}

static void a_walk_visits_all_and_ends_when_told(void **state)
{
	struct heard *h = *state;
	int n = 0;

	wr_store_put(h->store, pod("x", "a", "n"));
	wr_store_put(h->store, pod("x", "b", "n"));
	assert_int_equal(wr_store_each(h->store, WR_KIND_POD, count, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(wr_store_each(h->store, WR_KIND_POD, count, &n), 42);
	assert_int_equal(n, 3);
}

#define in_store(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_store(what_was_put_is_got_by_kind_namespace_and_name),
		in_store(subscribers_hear_additions_changes_and_deletions_after_the_fact),
		in_store(equal_content_is_silent_and_the_old_object_stays),
		in_store(a_relist_deletes_what_it_did_not_have_and_only_at_its_end),
		in_store(a_relist_that_was_cut_off_deletes_nothing),
		in_store(the_first_sync_is_heard_once_and_per_kind),
		in_store(a_walk_visits_all_and_ends_when_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
