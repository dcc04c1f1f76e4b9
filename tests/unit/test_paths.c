/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about where things are. */
#include "tests/unit/check.h"

#include <stdlib.h>

#include "bpf/abi/base.h"
#include "lib/base/cleanup.h"
#include "lib/model/paths.h"

#define STR_(x) #x
#define STR(x)  STR_(x)

static int no_environment(void **state)
{
	unsetenv("WEIR_BPFFS");
	unsetenv("WEIR_STATE_DIR");
	return unsetenv("WEIR_RUN_DIR");
}

static void the_default_instance_lives_in_the_usual_places(void **state)
{
	struct wr_paths p;

	assert_int_equal(wr_paths_init(&p, NULL, NULL), 0);
	assert_string_equal(p.instance, "default");
	assert_string_equal(p.pins_root, "/sys/fs/bpf/weir/default");
	assert_string_equal(p.pins, "/sys/fs/bpf/weir/default/" STR(WR_ABI_VERSION));
	assert_string_equal(p.state, "/var/lib/weir/default");
	assert_string_equal(p.run, "/run/weir/default");
	assert_string_equal(p.socket, "/run/weir/default/agent.sock");
	assert_int_equal(wr_paths_init(&p, "", NULL), 0);
	assert_string_equal(p.instance, "default");
}

static void the_environment_moves_the_roots(void **state)
{
	struct wr_paths p;

	setenv("WEIR_BPFFS", "/b", 1);
	setenv("WEIR_STATE_DIR", "/s", 1);
	setenv("WEIR_RUN_DIR", "/r", 1);
	assert_int_equal(wr_paths_init(&p, "node-a", NULL), 0);
	assert_string_equal(p.pins_root, "/b/weir/node-a");
	assert_string_equal(p.state, "/s/node-a");
	assert_string_equal(p.socket, "/r/node-a/agent.sock");
}

static void other_names_are_refused(void **state)
{
	static const char *const bad[] = {
		"-a",  "A",
		"a_b", "a/b",
		"..",  "a.b",
		" ",   "0123456789012345678901234567890123456789012345678901234567890123"
	};
	struct wr_paths p = { .instance = "before" };
	struct wr_err err;
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(bad); i++) {
		err = WR_ERR_INIT;
		assert_int_equal(wr_paths_init(&p, bad[i], &err), -EINVAL);
		assert_err(&err, -EINVAL, "must be 1-63 of a-z, 0-9 and -");
	}
	assert_string_equal(p.instance, "before");
}

static void too_long_a_root_is_refused(void **state)
{
	struct wr_paths p;
	struct wr_err err = WR_ERR_INIT;
	char root[300];

	memset(root, 'x', sizeof(root) - 1);
	root[sizeof(root) - 1] = '\0';
	setenv("WEIR_STATE_DIR", root, 1);
	assert_int_equal(wr_paths_init(&p, NULL, &err), -ENAMETOOLONG);
}

#define tested(test) cmocka_unit_test_setup(test, no_environment)

int main(void)
{
	const struct CMUnitTest tests[] = {
		tested(the_default_instance_lives_in_the_usual_places),
		tested(the_environment_moves_the_roots),
		tested(other_names_are_refused),
		tested(too_long_a_root_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
