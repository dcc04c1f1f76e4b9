/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about what the datapath is told: the cgroup2 root, ticks, constants. */
#include "tests/unit/check.h"

#include <stdlib.h>

#include "agent/datapath.h"
#include "agent/nodes.h"
#include "lib/base/cleanup.h"

static void assert_root(const char *mountinfo, const char *want)
{
	wr_autofree char *root = wr_cgroup2_root(mountinfo);

	if (!want)
		assert_null(root);
	else
		assert_string_equal(root, want);
}

static void the_cgroup2_root_is_found_by_its_type(void **state)
{
	assert_root("24 30 0:22 / /proc rw,nosuid - proc proc rw\n"
		    "35 30 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n",
		    "/sys/fs/cgroup");
}

static void a_hybrid_layout_has_its_root_below(void **state)
{
	assert_root("34 25 0:29 / /sys/fs/cgroup ro shared:9 - tmpfs tmpfs ro,mode=755\n"
		    "36 34 0:31 / /sys/fs/cgroup/cpu rw shared:11 - cgroup cgroup rw,cpu\n"
		    "35 34 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
		    "/sys/fs/cgroup/unified");
}

static void a_mount_point_may_have_blanks(void **state)
{
	assert_root("35 34 0:30 / /a\\040b\\134c rw - cgroup2 none rw\n", "/a b\\c");
}

static void without_one_there_is_none(void **state)
{
	assert_root("", NULL);
	assert_root("36 34 0:31 / /x rw - cgroup cgroup rw\n", NULL);
	assert_root("35 34 - cgroup2 cgroup2 rw\n", NULL);
	assert_root("rubbish", NULL);
}

static void ticks_are_plausible(void **state)
{
	uint32_t hz = wr_kernel_hz();

	assert_true(hz == 100 || hz == 250 || hz == 300 || hz == 1000);
}

static void the_configuration_becomes_constants(void **state)
{
	struct wr_agent_config c;
	struct wr_agent a = { .config = &c, .vxlan_ifindex = 7 };
	struct wr_config got;

	wr_config_init(&c);
	wr_datapath_config(&a, &got);
	assert_int_equal(got.mark, 1 << 12);
	assert_int_equal(got.vxlan_ifindex, 7);
	assert_int_equal(got.vxlan_port, 4789);
	assert_int_equal(got.nat_last, 65535);
	assert_int_equal(got.timeout[WR_TIMEOUT_UDP], 180);
	assert_true(got.netns_cookie != 0);
	assert_true(got.switches & WR_SW_TUNNEL);
	assert_true(got.switches & WR_SW_MASQUERADE);
	assert_true(got.switches & WR_SW_SOCKET_LB);
	assert_false(got.switches & WR_SW_FLOW_EVENTS);
	c.routing = WR_ROUTING_DIRECT;
	c.masquerade = c.socket_lb = false;
	c.flow_events = true;
	wr_datapath_config(&a, &got);
	assert_false(got.switches & (WR_SW_TUNNEL | WR_SW_MASQUERADE | WR_SW_SOCKET_LB));
	assert_true(got.switches & WR_SW_FLOW_EVENTS);
	wr_config_done(&c);
}

static void the_tunnel_costs_more_over_ipv6(void **state)
{
	struct wr_addr four, six;

	wr_addr_parse("192.0.2.1", &four);
	wr_addr_parse("2001:db8::1", &six);
	assert_int_equal(wr_nodes_overhead(&four), 50);
	assert_int_equal(wr_nodes_overhead(&six), 70);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_cgroup2_root_is_found_by_its_type),
		cmocka_unit_test(a_hybrid_layout_has_its_root_below),
		cmocka_unit_test(a_mount_point_may_have_blanks),
		cmocka_unit_test(without_one_there_is_none),
		cmocka_unit_test(ticks_are_plausible),
		cmocka_unit_test(the_configuration_becomes_constants),
		cmocka_unit_test(the_tunnel_costs_more_over_ipv6),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
