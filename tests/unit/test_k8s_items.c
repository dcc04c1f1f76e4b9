/* SPDX-License-Identifier: Apache-2.0 */
/* agent/k8s/items: a list is split the same however it arrives. */
#include <string.h>

#include "agent/k8s/items.h"
#include "lib/json/json.h"
#include "tests/unit/check.h"

struct seen {
	struct wr_strbuf all; /* items, one a line */
	int fail_at, n;
};

static int note(void *ctx, char *text, size_t len)
{
	struct seen *s = ctx;

	if (++s->n == s->fail_at)
		return -ECANCELED;
	wr_strbuf_add(&s->all, text, len);
	wr_strbuf_addch(&s->all, '\n');
	return 0;
}

static const char list[] =
	"{\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"7\",\"items\":[1]},"
	"\"items\":[{\"a\":\"]}\\\"{\"},{\"b\":[{\"c\":[]}, 2]} , {}],\"x\":[1,[2]],\"y\":\"items\"}\n";

static int feed(struct wr_items *p, const char *text, size_t step)
{
	size_t size = strlen(text), n;
	int r = 0;

	for (size_t i = 0; i < size && !r; i += n) {
		n = size - i < step ? size - i : step;
		r = wr_items_feed(p, text + i, n);
	}
	return r;
}

static void items_and_rest_are_the_same_for_every_chunk_size(void **state)
{
	for (size_t step = 1; step <= sizeof(list); step++) {
		struct seen seen = { .all = WR_STRBUF_INIT };
		struct wr_json *rest = NULL;
		struct wr_items p;

		wr_items_init(&p, note, &seen);
		assert_int_equal(feed(&p, list, step), 0);
		assert_true(wr_items_complete(&p));
		assert_string_equal(seen.all.buf,
				    "{\"a\":\"]}\\\"{\"}\n{\"b\":[{\"c\":[]}, 2]}\n{}\n");
		assert_int_equal(wr_json_parse(p.rest.buf, p.rest.len, &rest, NULL), 0);
		assert_int_equal(wr_json_len(wr_json_get(rest, "items")), 0);
		assert_int_equal(wr_json_len(wr_json_get(rest, "x")), 2);
		assert_string_equal(wr_json_get_str(wr_json_path(rest, "metadata"), "resourceVersion"),
				    "7");
		wr_json_free(rest);
		wr_items_done(&p);
		wr_strbuf_done(&seen.all);
	}
}

static int feed_whole(const char *text, struct seen *seen, bool *ret_complete)
{
	struct wr_items p;
	int r;

	wr_items_init(&p, note, seen);
	r = wr_items_feed(&p, text, strlen(text));
	*ret_complete = wr_items_complete(&p);
	wr_items_done(&p);
	return r;
}

static void an_empty_list_has_no_items_and_is_complete(void **state)
{
	struct seen seen = { .all = WR_STRBUF_INIT };
	bool complete;

	assert_int_equal(feed_whole("{\"items\":[]}", &seen, &complete), 0);
	assert_true(complete);
	assert_int_equal(seen.n, 0);
	assert_int_equal(feed_whole("{\"items\":null}", &seen, &complete), 0);
	assert_true(complete);
}

static void a_cut_list_is_not_complete(void **state)
{
	struct seen seen = { .all = WR_STRBUF_INIT };
	bool complete;

	assert_int_equal(feed_whole("{\"items\":[{}", &seen, &complete), 0);
	assert_false(complete);
	assert_int_equal(feed_whole("", &seen, &complete), 0);
	assert_false(complete);
	wr_strbuf_done(&seen.all);
}

static void what_the_callback_returns_ends_the_parse(void **state)
{
	struct seen seen = { .all = WR_STRBUF_INIT, .fail_at = 2 };
	bool complete;

	assert_int_equal(feed_whole(list, &seen, &complete), -ECANCELED);
	assert_int_equal(seen.n, 2);
	wr_strbuf_done(&seen.all);
}

static void nesting_without_end_and_stray_brackets_are_errors(void **state)
{
	struct seen seen = { .all = WR_STRBUF_INIT };
	char deep[100];
	bool complete;

	memset(deep, '[', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0';
	assert_int_equal(feed_whole(deep, &seen, &complete), -EINVAL);
	assert_int_equal(feed_whole("{}}", &seen, &complete), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items_and_rest_are_the_same_for_every_chunk_size),
		cmocka_unit_test(an_empty_list_has_no_items_and_is_complete),
		cmocka_unit_test(a_cut_list_is_not_complete),
		cmocka_unit_test(what_the_callback_returns_ends_the_parse),
		cmocka_unit_test(nesting_without_end_and_stray_brackets_are_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
