// SPDX-License-Identifier: Apache-2.0
/* Claims about the environment that the plugin accepts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>

#include "cni/codes.h"
#include "cni/env.h"
#include "lib/base/cleanup.h"

#define ADD_NEEDS \
	(WR_CNI_NEED_CONTAINER | WR_CNI_NEED_IFNAME | WR_CNI_NEED_NETNS | WR_CNI_NEED_ARGS)

static int setup(void **state)
{
	clearenv();
	setenv("CNI_CONTAINERID", "abc", 1);
	setenv("CNI_IFNAME", "eth0", 1);
	setenv("CNI_NETNS", "/run/netns/x", 1);
	return 0;
}

static struct wr_err refused(unsigned int needs)
{
	struct wr_cni_env env;
	struct wr_err err = WR_ERR_INIT;

	assert_int_equal(wr_cni_env_read(needs, &env, &err), -EINVAL);
	assert_int_equal(err.cni, WR_CNI_ENVIRONMENT);
	return err;
}

static struct wr_cni_env accepted(unsigned int needs)
{
	struct wr_cni_env env;
	struct wr_err err = WR_ERR_INIT;

	if (wr_cni_env_read(needs, &env, &err) < 0)
		fail_msg("%s", err.msg);
	return env;
}

static void everything_that_is_missing_is_named_at_once(void **state)
{
	struct wr_err err;

	clearenv();
	err = refused(ADD_NEEDS | WR_CNI_NEED_PATH);
	assert_string_equal(err.msg, "CNI_CONTAINERID is missing; CNI_IFNAME is missing; "
				     "CNI_NETNS is missing; CNI_PATH is missing");
}

static void an_empty_variable_is_a_missing_one(void **state)
{
	struct wr_err err;

	setenv("CNI_NETNS", "", 1);
	err = refused(ADD_NEEDS);
	assert_string_equal(err.msg, "CNI_NETNS is missing");
}

static void a_verb_that_needs_nothing_takes_an_empty_environment(void **state)
{
	struct wr_cni_env env;

	clearenv();
	env = accepted(0);
	assert_null(env.container);
	assert_string_equal(env.pod_name, "");
	wr_cni_env_done(&env);
}

static void a_bad_name_is_refused_also_where_none_is_needed(void **state)
{
	setenv("CNI_CONTAINERID", "../x", 1);
	refused(0);
}

static void container_ids_begin_with_a_letter_or_digit(void **state)
{
	static const char *const bad[] = { "-a", ".a", "_a", "a/b", "a b", "\xc3\xa4", "a\nb", "a:b" };
	static const char *const good[] = { "a", "0", "A-b_c.d", "0-._" };
	char text[257];
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(bad); i++) {
		setenv("CNI_CONTAINERID", bad[i], 1);
		assert_non_null(strstr(refused(ADD_NEEDS).msg, "CNI_CONTAINERID"));
	}
	for (i = 0; i < WR_ARRAY_SIZE(good); i++) {
		setenv("CNI_CONTAINERID", good[i], 1);
		accepted(ADD_NEEDS);
	}
	memset(text, 'a', sizeof(text) - 1);
	text[255] = '\0';
	setenv("CNI_CONTAINERID", text, 1);
	accepted(ADD_NEEDS);
	text[255] = 'a';
	text[256] = '\0';
	setenv("CNI_CONTAINERID", text, 1);
	refused(ADD_NEEDS);
}

static void interface_names_are_what_the_kernel_takes(void **state)
{
	static const char *const bad[] = { ".",   "..",   "a/b", "a:b",
					   "a b", "a\tb", "a\n", "0123456789abcdef" };
	static const char *const good[] = { "e", "eth0", "0123456789abcde", "a.b", "...", "\xc3\xa4" };
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(bad); i++) {
		setenv("CNI_IFNAME", bad[i], 1);
		assert_non_null(strstr(refused(ADD_NEEDS).msg, "CNI_IFNAME"));
	}
	for (i = 0; i < WR_ARRAY_SIZE(good); i++) {
		setenv("CNI_IFNAME", good[i], 1);
		accepted(ADD_NEEDS);
	}
}

static void what_kubernetes_sends_is_read_in_any_order(void **state)
{
	static const char *const orders[] = {
		"IgnoreUnknown=1;K8S_POD_NAMESPACE=ns;K8S_POD_NAME=web;K8S_POD_INFRA_CONTAINER_ID=abc;K8S_POD_UID=u-1",
		"K8S_POD_UID=u-1;K8S_POD_INFRA_CONTAINER_ID=abc;K8S_POD_NAME=web;K8S_POD_NAMESPACE=ns;IgnoreUnknown=1",
		"K8S_POD_UID=u-1;K8S_POD_NAME=web;K8S_POD_NAMESPACE=ns",
	};
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(orders); i++) {
		struct wr_cni_env env;

		setenv("CNI_ARGS", orders[i], 1);
		env = accepted(ADD_NEEDS);
		assert_string_equal(env.pod_namespace, "ns");
		assert_string_equal(env.pod_name, "web");
		assert_string_equal(env.pod_uid, "u-1");
		wr_cni_env_done(&env);
	}
}

static void an_unknown_key_is_an_error_unless_it_shall_be_ignored(void **state)
{
	static const char *const ignored[] = { "FOO=1;IgnoreUnknown=1", "IgnoreUnknown=true;FOO=1",
					       "IgnoreUnknown=TRUE;FOO", "FOO=;IgnoreUnknown=1;BAR" };
	static const char *const bad[] = { "FOO=1", "FOO=1;IgnoreUnknown=0",
					   "FOO=1;IgnoreUnknown=false",
					   "FOO=1;IgnoreUnknown=", "K8S_POD_NAME=a;FOO=1" };
	struct wr_cni_env env;
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(bad); i++) {
		setenv("CNI_ARGS", bad[i], 1);
		assert_non_null(strstr(refused(ADD_NEEDS).msg, "\"FOO\""));
	}
	for (i = 0; i < WR_ARRAY_SIZE(ignored); i++) {
		setenv("CNI_ARGS", ignored[i], 1);
		env = accepted(ADD_NEEDS);
		wr_cni_env_done(&env);
	}
}

/* DEL of an ADD that was refused for its arguments must not fail for ever. */
static void unknown_keys_do_not_matter_to_other_verbs(void **state)
{
	struct wr_cni_env env;

	setenv("CNI_ARGS", "FOO=1", 1);
	env = accepted(WR_CNI_NEED_CONTAINER | WR_CNI_NEED_IFNAME);
	wr_cni_env_done(&env);
}

static void duplicates_and_empty_values_are_harmless(void **state)
{
	struct wr_cni_env env;

	setenv("CNI_ARGS", ";;K8S_POD_NAME=a;K8S_POD_NAME=b;K8S_POD_UID=;IP=;MAC=;;", 1);
	env = accepted(ADD_NEEDS);
	assert_string_equal(env.pod_name, "b");
	assert_string_equal(env.pod_uid, "");
	assert_null(env.ip);
	assert_null(env.mac);
	wr_cni_env_done(&env);
}

static void a_long_value_still_leaves_room_for_the_others(void **state)
{
	char text[5000];
	struct wr_err err;

	memset(text, '/', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	setenv("CNI_CONTAINERID", text, 1);
	setenv("CNI_ARGS", text, 1);
	unsetenv("CNI_NETNS");
	err = refused(ADD_NEEDS);
	assert_non_null(strstr(err.msg, "CNI_CONTAINERID"));
	assert_non_null(strstr(err.msg, "CNI_NETNS is missing"));
	assert_non_null(strstr(err.msg, "CNI_ARGS"));
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(everything_that_is_missing_is_named_at_once),
		TEST(an_empty_variable_is_a_missing_one),
		TEST(a_verb_that_needs_nothing_takes_an_empty_environment),
		TEST(a_bad_name_is_refused_also_where_none_is_needed),
		TEST(container_ids_begin_with_a_letter_or_digit),
		TEST(interface_names_are_what_the_kernel_takes),
		TEST(what_kubernetes_sends_is_read_in_any_order),
		TEST(an_unknown_key_is_an_error_unless_it_shall_be_ignored),
		TEST(unknown_keys_do_not_matter_to_other_verbs),
		TEST(duplicates_and_empty_values_are_harmless),
		TEST(a_long_value_still_leaves_room_for_the_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
