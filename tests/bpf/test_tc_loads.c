/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about loading: every combination of the switches that prune code is accepted, and quickly enough. */
#include "tests/bpf/check.h"

#include "lib/base/clock.h"
#include "lib/base/cleanup.h"
#include "lib/dp/load.h"
#include "lib/dp/objects.h"
#include "tests/bpf/lab.h"

/* Those that the tc programs ask for. */
static const uint32_t switches[] = { WR_SW_TUNNEL,      WR_SW_MASQUERADE,    WR_SW_SOCKET_LB,
				     WR_SW_FLOW_EVENTS, WR_SW_PEER_REDIRECT, WR_SW_NO_KERN_CTX };
#define SWITCHES (sizeof(switches) / sizeof(switches[0]))

static bool is_tc(const char *name)
{
	return strcmp(name, "sock") != 0 && strcmp(name, "lb_lookup") != 0;
}

static size_t tc_objects(struct wr_bpf_object *ret)
{
	size_t i, n = 0;

	for (i = 0; i < wr_bpf_objects_n; i++)
		if (is_tc(wr_bpf_objects[i].name))
			ret[n++] = wr_bpf_objects[i];
	return n;
}

static void every_combination_of_switches_loads(void **state)
{
	struct wr_bpf_object objects[32];
	size_t n = tc_objects(objects), i;
	uint32_t set;

	for (set = 0; set < 1u << SWITCHES; set++) {
		struct wr_dp_options opt = lab_options(1);
		struct wr_err err = WR_ERR_INIT;
		struct wr_dp *dp;

		opt.config.switches = WR_SW_IPV4 | WR_SW_IPV6;
		for (i = 0; i < SWITCHES; i++)
			opt.config.switches |= set >> i & 1 ? switches[i] : 0;
		if (wr_dp_load_objects(&opt, objects, n, &dp, &err) < 0)
			fail_msg("switches %#x: %s", opt.config.switches, err.msg);
		wr_dp_close(dp);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_combination_of_switches_loads),
	};

	return cmocka_run_group_tests(tests, lab_enter, lab_leave);
}
