/* SPDX-License-Identifier: Apache-2.0 */
/* agent/k8s/trim: what nobody reads is cut out, and nothing else. */
#include <stdlib.h>
#include <string.h>

#include "agent/k8s/trim.h"
#include "lib/base/mem.h"
#include "tests/unit/check.h"

static void becomes(const char *text, const char *want)
{
	size_t len = strlen(text);
	char *copy = wr_xstrndup(text, len); /* so that a sanitizer sees a read behind it */

	len = wr_k8s_trim(copy, len);
	copy[len] = '\0';
	assert_string_equal(copy, want);
	free(copy);
}

static void the_member_goes_with_one_comma(void **state)
{
	becomes("{\"a\":1,\"managedFields\":[{\"f\":{\"k:{\\\"t\\\":\\\"]\\\"}\":[]}}],\"b\":2}",
		"{\"a\":1,\"b\":2}");
	becomes("{\"managedFields\":[],\"b\":2}", "{\"b\":2}");
	becomes("{\"a\":1,\"managedFields\":[1]}", "{\"a\":1}");
	becomes("{\"managedFields\":[[1],[2]]}", "{}");
	becomes("[{\"managedFields\":[]},{\"x\":{\"y\":1,\"managedFields\":[]}}]",
		"[{},{\"x\":{\"y\":1}}]");
}

static void the_same_words_in_a_string_stay(void **state)
{
	const char *const kept[] = {
		"{\"a\":\"{\\\"managedFields\\\":[1]}\"}",
		"{\"a\":\"managedFields\",\"b\":[1]}",
		"{\"a\\\"managedFields\":[1]}",
		"{\"managedFields\":{}}",
		"",
	};
	size_t i;

	for (i = 0; i < sizeof(kept) / sizeof(*kept); i++)
		becomes(kept[i], kept[i]);
}

static void a_list_without_end_stays(void **state)
{
	becomes("{\"managedFields\":[", "{\"managedFields\":[");
	becomes("{\"managedFields\":[\"]", "{\"managedFields\":[\"]");
	becomes("{\"managedFields\":[\"\\", "{\"managedFields\":[\"\\");
	becomes("\"managedFields\":[1]", "\"managedFields\":[1]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_member_goes_with_one_comma),
		cmocka_unit_test(the_same_words_in_a_string_stay),
		cmocka_unit_test(a_list_without_end_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
