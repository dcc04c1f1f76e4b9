/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about sysctls. */
#include "tests/unit/check.h"

#include "lib/base/cleanup.h"
#include "lib/nl/sysctl.h"
#include "tests/unit/netlab.h"

static void a_value_comes_back_as_it_was_set(void **state)
{
	wr_autofree char *text = NULL;
	int n;

	assert_int_equal(wr_sysctl_set("ipv4/conf/default/rp_filter", "2"), 0);
	assert_int_equal(wr_sysctl_get_int("ipv4/conf/default/rp_filter", &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(wr_sysctl_get("ipv4/conf/default/rp_filter", &text), 0);
	assert_string_equal(text, "2");
}

static void ensuring_writes_only_a_difference(void **state)
{
	assert_int_equal(wr_sysctl_set("ipv4/conf/default/rp_filter", "2"), 0);
	assert_int_equal(wr_sysctl_ensure("ipv4/conf/default/rp_filter", "2"), 0);
	assert_int_equal(wr_sysctl_ensure("ipv4/conf/default/rp_filter", "0"), 1);
}

static void an_interface_may_have_a_dot_in_its_name(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	int n;

	wr_netlab_pair(&nl, "a0.5", "b0");
	assert_int_equal(wr_sysctl_set("ipv4/conf/a0.5/rp_filter", "2"), 0);
	assert_int_equal(wr_sysctl_get_int("ipv4/conf/a0.5/rp_filter", &n), 0);
	assert_int_equal(n, 2);
}

static void what_does_not_exist_or_is_no_name_is_refused(void **state)
{
	int n = 7;

	assert_int_equal(wr_sysctl_get_int("ipv4/conf/nosuch0/rp_filter", &n), -ENOENT);
	assert_int_equal(wr_sysctl_ensure("ipv4/conf/nosuch0/rp_filter", "1"), -ENOENT);
	assert_int_equal(wr_sysctl_get_int("../kernel/pid_max", &n), -EINVAL);
	assert_int_equal(wr_sysctl_set("ipv4/ip_forward", "maybe"), -EINVAL);
	assert_int_equal(wr_sysctl_get_int("ipv4/tcp_available_congestion_control", &n), -EINVAL);
	assert_int_equal(n, 7);
}

#define IN_LAB(test) cmocka_unit_test_setup_teardown(test, wr_netlab_setup, wr_netlab_teardown)

static void another_root_can_be_named(void **state)
{
	wr_autofree char *have = NULL;

	wr_sysctl_set_root("/proc/self/net/nowhere");
	assert_int_equal(wr_sysctl_get("ipv4/ip_forward", &have), -ENOENT);
	wr_sysctl_set_root("/proc/self/root/proc/sys/net");
	assert_int_equal(wr_sysctl_get("ipv4/ip_forward", &have), 0);
	wr_sysctl_set_root(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_LAB(a_value_comes_back_as_it_was_set),
		IN_LAB(ensuring_writes_only_a_difference),
		IN_LAB(an_interface_may_have_a_dot_in_its_name),
		IN_LAB(what_does_not_exist_or_is_no_name_is_refused),
		IN_LAB(another_root_can_be_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
