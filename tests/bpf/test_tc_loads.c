/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claims about loading: every combination of the switches that prune code is accepted. Of each object only those switches are combined
 * that change what the verifier leaves of it; which these are is found out, not told.
 */
#include "tests/bpf/check.h"

#include <bpf/bpf.h>

#include "lib/base/cleanup.h"
#include "lib/dp/load.h"
#include "lib/dp/objects.h"
#include "tests/bpf/lab.h"

/* Those that the tc programs ask for. */
static const uint32_t switches[] = { WR_SW_TUNNEL,      WR_SW_MASQUERADE,    WR_SW_SOCKET_LB,
				     WR_SW_FLOW_EVENTS, WR_SW_PEER_REDIRECT, WR_SW_NO_KERN_CTX };
#define SWITCHES (sizeof(switches) / sizeof(switches[0]))
#define SETS     (1u << SWITCHES)

/* What the verifier made of a program. */
struct outcome {
	uint32_t verified, left;
};

static bool is_tc(const char *name)
{
	return strcmp(name, "sock") != 0 && strcmp(name, "lb_lookup") != 0;
}

/* With the switches whose bits are in @set, once. */
static struct outcome load(const struct wr_bpf_object *object, uint32_t set,
			   struct outcome known[SETS])
{
	struct wr_dp_options opt = lab_options(WR_SW_IPV4 | WR_SW_IPV6);
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info), i;
	struct wr_err err = WR_ERR_INIT;
	struct wr_dp *dp;

	if (known[set].left)
		return known[set];
	for (i = 0; i < SWITCHES; i++)
		opt.config.switches |= set >> i & 1 ? switches[i] : 0;
	if (wr_dp_load_objects(&opt, object, 1, &dp, &err) < 0)
		fail_msg("%s, switches %#x: %s", object->name, opt.config.switches, err.msg);
	assert_int_equal(bpf_obj_get_info_by_fd(wr_dp_prog_fd(dp, object->name), &info, &size), 0);
	wr_dp_close(dp);
	known[set] = (struct outcome){ info.verified_insns, info.xlated_prog_len };
	return known[set];
}

/* The switches without which the object is another. */
static uint32_t switches_of(const struct wr_bpf_object *object, struct outcome known[SETS])
{
	struct outcome all = load(object, SETS - 1, known), without;
	uint32_t i, found = 0;

	for (i = 0; i < SWITCHES; i++) {
		without = load(object, (SETS - 1) & ~(1u << i), known);
		if (without.verified != all.verified || without.left != all.left)
			found |= 1u << i;
	}
	return found;
}

static void every_combination_of_switches_loads(void **state)
{
	uint32_t set, mine, loads;
	size_t i;

	for (i = 0; i < wr_bpf_objects_n; i++) {
		const struct wr_bpf_object *object = &wr_bpf_objects[i];
		struct outcome known[SETS] = { 0 };

		if (!is_tc(object->name))
			continue;
		mine = switches_of(object, known);
		for (set = mine, loads = 0;; set = (set - 1) & mine, loads++) {
			load(object, set, known);
			if (!set)
				break;
		}
		/* Each has some: an object in which nothing makes a difference was not looked at. */
		assert_int_not_equal(mine, 0);
		print_message("%s: %u combinations, %u instructions verified\n", object->name,
			      loads + 1, known[0].verified);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_combination_of_switches_loads),
	};

	return cmocka_run_group_tests(tests, lab_enter, lab_leave);
}
