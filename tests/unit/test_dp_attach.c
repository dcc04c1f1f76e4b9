/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about attaching pinned programs, by tcx links and by clsact filters. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/io.h"
#include "lib/base/str.h"
#include "lib/dp/clsact.h"
#include "lib/nl/link.h"
#include "tests/unit/dp_fixture.h"

#define WHO "0123456789abcdef"

static uint32_t veth_make(const char *name, const char *peer)
{
	struct wr_veth_end near = { .name = name, .netns_fd = -1 };
	struct wr_veth_end far = { .name = peer, .netns_fd = -1 };
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	struct wr_err err = WR_ERR_INIT;
	wr_auto_nl nl = WR_NL_INIT;

	assert_int_equal(wr_nl_open(&nl), 0);
	wr_link_add_veth(&b, &near, &far, 1500);
	if (wr_nl_commit(&nl, &b, &err) < 0)
		fail_msg("%s", err.msg);
	return if_nametoindex(name);
}

static void veth_remove(const char *name)
{
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	wr_auto_nl nl = WR_NL_INIT;

	assert_int_equal(wr_nl_open(&nl), 0);
	wr_link_del(&b, name);
	assert_int_equal(wr_nl_commit(&nl, &b, NULL), 0);
}

static uint32_t prog_id(int fd)
{
	struct wr_sys_prog info;

	assert_int_equal(wr_sys_prog_info(fd, &info), 0);
	return info.id;
}

static int setup(void **state)
{
	close(dp_prog_verdict("pod_egress", -1));
	close(dp_prog_verdict("pod_ingress", -1));
	return 0;
}

/* Each claim holds with links and with filters. */
static int attach(const char *who, uint32_t ifindex, bool tcx)
{
	struct wr_err err = WR_ERR_INIT;
	int r;

	r = wr_dp_attach_tc(DP_PINS, who, "pod_egress", ifindex, WR_ATTACH_TC_INGRESS, tcx, &err);
	if (r == 0)
		r = wr_dp_attach_tc(DP_PINS, who, "pod_ingress", ifindex, WR_ATTACH_TC_EGRESS, tcx,
				    &err);
	if (r < 0 && err.code == 0)
		fail_msg("%d without words", r);
	return r;
}

static int check(const char *who, uint32_t ifindex, bool tcx, struct wr_err *err)
{
	int r;

	r = wr_dp_check_tc(DP_PINS, who, "pod_egress", ifindex, WR_ATTACH_TC_INGRESS, tcx, err);
	return r < 0 ? r :
		       wr_dp_check_tc(DP_PINS, who, "pod_ingress", ifindex, WR_ATTACH_TC_EGRESS,
				      tcx, err);
}

static uint32_t ids_on(uint32_t ifindex, bool tcx, uint32_t ids[8])
{
	uint32_t n = 8;

	if (!tcx)
		return wr_clsact_get(ifindex, WR_ATTACH_TC_INGRESS, ids) == 0;
	if (wr_sys_tcx_query(ifindex, WR_SYS_TCX_INGRESS, ids, &n) < 0)
		return 0;
	return n;
}

static void both(void (*fn)(bool tcx))
{
	assert_true(wr_sys_has_tcx());
	fn(true);
	fn(false);
}

static void attach_twice(bool tcx)
{
	uint32_t ifindex = veth_make("a0", "a1"), ids[8];

	assert_int_equal(attach(WHO, ifindex, tcx), 0);
	assert_int_equal(attach(WHO, ifindex, tcx), 0);
	assert_int_equal(ids_on(ifindex, tcx, ids), 1);
	assert_int_equal(check(WHO, ifindex, tcx, NULL), 0);
	assert_int_equal(wr_dp_detach(DP_PINS, WHO, NULL), 0);
	veth_remove("a0");
}

static void attaching_twice_attaches_once(void **state)
{
	both(attach_twice);
}

static void attach_new_program(bool tcx)
{
	uint32_t ifindex = veth_make("a0", "a1"), ids[8];
	int prog;

	assert_int_equal(attach(WHO, ifindex, tcx), 0);
	prog = dp_prog_verdict("pod_egress", 0);
	assert_int_equal(check(WHO, ifindex, tcx, NULL), -ESTALE);
	assert_int_equal(attach(WHO, ifindex, tcx), 0);
	assert_int_equal(ids_on(ifindex, tcx, ids), 1);
	assert_int_equal(ids[0], prog_id(prog));
	assert_int_equal(check(WHO, ifindex, tcx, NULL), 0);
	assert_int_equal(wr_dp_detach(DP_PINS, WHO, NULL), 0);
	close(prog);
	veth_remove("a0");
}

static void attaching_again_brings_the_program_that_is_pinned_now(void **state)
{
	both(attach_new_program);
}

static void attach_other_device(bool tcx)
{
	uint32_t one = veth_make("a0", "a1"), two = veth_make("b0", "b1"), ids[8], at = 0;

	assert_int_equal(attach(WHO, one, tcx), 0);
	assert_int_equal(attach(WHO, two, tcx), 0);
	assert_int_equal(ids_on(one, tcx, ids), 0);
	assert_int_equal(ids_on(two, tcx, ids), 1);
	assert_int_equal(wr_dp_attached_ifindex(DP_PINS, WHO, "pod_egress", &at), 0);
	assert_int_equal(at, two);
	assert_int_equal(wr_dp_detach(DP_PINS, WHO, NULL), 0);
	veth_remove("a0");
	veth_remove("b0");
}

static void attaching_elsewhere_leaves_the_former_interface(void **state)
{
	both(attach_other_device);
}

static void attach_the_other_way(bool tcx)
{
	uint32_t ifindex = veth_make("a0", "a1"), ids[8], at = 0;

	assert_int_equal(attach(WHO, ifindex, !tcx), 0);
	assert_int_equal(attach(WHO, ifindex, tcx), 0);
	assert_int_equal(ids_on(ifindex, tcx, ids), 1);
	assert_int_equal(ids_on(ifindex, !tcx, ids), 0);
	assert_int_equal(check(WHO, ifindex, tcx, NULL), 0);
	assert_int_equal(wr_dp_attached_ifindex(DP_PINS, WHO, "pod_egress", &at), 0);
	assert_int_equal(at, ifindex);
	assert_int_equal(wr_dp_detach(DP_PINS, WHO, NULL), 0);
	veth_remove("a0");
}

static void links_and_filters_take_each_others_place(void **state)
{
	both(attach_the_other_way);
}

/* What a load that was killed in between leaves. */
static void a_filter_whose_pin_is_newer_is_removed_all_the_same(void **state)
{
	uint32_t ifindex = veth_make("a0", "a1"), ids[8];
	int newer, foreign;

	assert_int_equal(attach(WHO, ifindex, false), 0);
	newer = dp_prog_verdict("pod_egress", -1);
	assert_int_equal(wr_clsact_put(ifindex, WR_ATTACH_TC_INGRESS, newer, "pod_egress", NULL), 0);
	assert_int_equal(wr_dp_detach(DP_PINS, WHO, NULL), 0);
	assert_int_equal(ids_on(ifindex, false, ids), 0);
	/* Somebody else's stays. */
	assert_int_equal(attach(WHO, ifindex, false), 0);
	foreign = dp_prog_named("foreign", -1);
	assert_int_equal(wr_clsact_put(ifindex, WR_ATTACH_TC_INGRESS, foreign, "foreign", NULL), 0);
	assert_int_equal(wr_dp_detach(DP_PINS, WHO, NULL), 0);
	assert_int_equal(ids_on(ifindex, false, ids), 1);
	close(newer);
	close(foreign);
	veth_remove("a0");
}

static void attach_after_loss(bool tcx)
{
	uint32_t one = veth_make("a0", "a1"), two, ids[8], at = 99;

	assert_int_equal(attach(WHO, one, tcx), 0);
	veth_remove("a0");
	assert_int_equal(wr_dp_attached_ifindex(DP_PINS, WHO, "pod_egress", &at), 0);
	assert_int_equal(at, 0);
	two = veth_make("a0", "a1");
	assert_int_equal(attach(WHO, two, tcx), 0);
	assert_int_equal(ids_on(two, tcx, ids), 1);
	assert_int_equal(wr_dp_detach(DP_PINS, WHO, NULL), 0);
	veth_remove("a0");
}

static void a_lost_device_is_seen_and_attaching_makes_a_new_link(void **state)
{
	both(attach_after_loss);
}

static void detach(bool tcx)
{
	uint32_t ifindex = veth_make("a0", "a1"), ids[8], at;
	struct stat st;

	assert_int_equal(attach(WHO, ifindex, tcx), 0);
	assert_int_equal(wr_dp_detach(DP_PINS, WHO, NULL), 0);
	assert_int_equal(ids_on(ifindex, tcx, ids), 0);
	assert_int_equal(stat(DP_PINS "/links/" WHO, &st), -1);
	assert_int_equal(wr_dp_detach(DP_PINS, WHO, NULL), 0);
	assert_int_equal(wr_dp_attached_ifindex(DP_PINS, WHO, "pod_egress", &at), -ENOENT);
	veth_remove("a0");
}

static void detaching_is_immediate_and_missing_is_success(void **state)
{
	both(detach);
}

static void check_missing(bool tcx)
{
	uint32_t ifindex = veth_make("a0", "a1");
	struct wr_err err = WR_ERR_INIT;

	assert_int_equal(check(WHO, ifindex, tcx, &err), -ENOENT);
	assert_err(&err, -ENOENT, "pod_egress of " WHO " is not pinned");
	assert_int_equal(attach(WHO, ifindex, tcx), 0);
	veth_remove("a0");
	err = WR_ERR_INIT;
	assert_int_equal(check(WHO, ifindex, tcx, &err), -ENOENT);
	assert_err(&err, -ENOENT, "pod_egress is not attached to ingress of interface");
	assert_int_equal(wr_dp_detach(DP_PINS, WHO, NULL), 0);
}

static void a_check_says_what_is_missing(void **state)
{
	both(check_missing);
}

static void a_link_outlives_the_process_that_made_it(void **state)
{
	uint32_t ifindex = veth_make("a0", "a1"), ids[8];
	int status;
	pid_t pid;

	pid = fork();
	if (pid == 0)
		_exit(attach(WHO, ifindex, true) == 0 ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_int_equal(ids_on(ifindex, true, ids), 1);
	assert_int_equal(check(WHO, ifindex, true, NULL), 0);
	assert_int_equal(wr_dp_detach(DP_PINS, WHO, NULL), 0);
	veth_remove("a0");
}

static void we_come_before_who_was_there(void **state)
{
	uint32_t ifindex = veth_make("a0", "a1"), ids[8];
	int foreign = dp_prog_named("foreign", -1), ours = dp_prog_verdict("pod_egress", -1), link;

	link = wr_sys_tcx_link(foreign, ifindex, WR_SYS_TCX_INGRESS);
	assert_true(link >= 0);
	assert_int_equal(attach(WHO, ifindex, true), 0);
	assert_int_equal(ids_on(ifindex, true, ids), 2);
	assert_int_equal(ids[0], prog_id(ours));
	assert_int_equal(ids[1], prog_id(foreign));
	assert_int_equal(check(WHO, ifindex, true, NULL), 0);
	assert_int_equal(wr_dp_detach(DP_PINS, WHO, NULL), 0);
	close(link);
	close(foreign);
	close(ours);
	veth_remove("a0");
}

static int collect(void *ctx, const char *who)
{
	char *list = ctx;
	size_t len = strlen(list);

	return wr_format(list + len, 128 - len, "%s,", who);
}

static void names_with_dots_are_listed_as_they_are(void **state)
{
	uint32_t ifindex = veth_make("a0.100", "a1");
	struct wr_err err = WR_ERR_INIT;
	char list[128] = "";

	assert_int_equal(attach("uplink-a0.100", ifindex, true), 0);
	assert_int_equal(wr_dp_each_attached(DP_PINS, collect, list), 0);
	assert_string_equal(list, "uplink-a0.100,");
	assert_int_equal(wr_dp_detach(DP_PINS, "uplink-a0.100", &err), 0);
	list[0] = '\0';
	assert_int_equal(wr_dp_each_attached(DP_PINS, collect, list), 0);
	assert_string_equal(list, "");
	veth_remove("a0.100");
}

static void an_attachment_without_a_program_or_interface_fails_with_words(void **state)
{
	struct wr_err err = WR_ERR_INIT;
	struct stat st;

	assert_int_equal(wr_dp_attach_tc(DP_PINS, WHO, "no_such", 1, WR_ATTACH_TC_INGRESS, true, &err),
			 -ENOENT);
	assert_err(&err, -ENOENT, "progs/no_such");
	err = WR_ERR_INIT;
	assert_int_equal(wr_dp_attach_tc(DP_PINS, WHO, "pod_egress", 4711, WR_ATTACH_TC_INGRESS,
					 true, &err),
			 -ENODEV);
	assert_err(&err, -ENODEV, "attaching pod_egress to ingress of interface 4711");
	assert_int_equal(wr_dp_attach_tc(DP_PINS, WHO, "pod_egress", 4711, WR_ATTACH_TC_INGRESS,
					 false, NULL),
			 -ENODEV);
	assert_int_equal(stat(DP_PINS "/links/" WHO, &st), -1);
	err = WR_ERR_INIT;
	assert_true(wr_dp_attach_tc(DP_PINS, "../x", "pod_egress", 1, WR_ATTACH_TC_INGRESS, true,
				    &err) < 0);
}

static const struct wr_dp_program pod_programs[] = {
	{ "pod_egress", WR_ATTACH_TC_INGRESS },
	{ "pod_ingress", WR_ATTACH_TC_EGRESS },
};

static void attach_new(bool tcx)
{
	uint32_t ifindex = veth_make("a0", "a1");

	assert_int_equal(wr_dp_attach_new(DP_PINS, WHO, ifindex, pod_programs, 2, tcx, NULL), 0);
	assert_int_equal(check(WHO, ifindex, tcx, NULL), 0);
	/* An earlier attempt that was killed has left its pins, and perhaps the filters. */
	assert_int_equal(wr_dp_attach_new(DP_PINS, WHO, ifindex, pod_programs, 2, tcx, NULL), 0);
	assert_int_equal(check(WHO, ifindex, tcx, NULL), 0);
	assert_int_equal(wr_dp_detach(DP_PINS, WHO, NULL), 0);
	veth_remove("a0");
}

static void a_new_interface_gets_all_its_programs_at_once(void **state)
{
	both(attach_new);
}

static void attach_new_nowhere(bool tcx)
{
	static const struct wr_dp_program missing[] = {
		{ "pod_egress", WR_ATTACH_TC_INGRESS },
		{ "no_such", WR_ATTACH_TC_EGRESS },
	};
	uint32_t ifindex = veth_make("a0", "a1"), ids[8];
	struct wr_err err = WR_ERR_INIT;
	struct stat st;

	assert_int_equal(wr_dp_attach_new(DP_PINS, WHO, ifindex, missing, 2, tcx, &err), -ENOENT);
	assert_err(&err, -ENOENT, "progs/no_such");
	assert_int_equal(ids_on(ifindex, tcx, ids), 0);
	assert_int_equal(stat(DP_PINS "/links/" WHO, &st), -1);
	assert_int_equal(wr_dp_attach_new(DP_PINS, WHO, 4711, pod_programs, 2, tcx, NULL), -ENODEV);
	assert_int_equal(stat(DP_PINS "/links/" WHO, &st), -1);
	veth_remove("a0");
}

static void a_new_interface_gets_all_its_programs_or_none(void **state)
{
	both(attach_new_nowhere);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, dp_maps_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(attaching_twice_attaches_once),
		test(attaching_again_brings_the_program_that_is_pinned_now),
		test(attaching_elsewhere_leaves_the_former_interface),
		test(links_and_filters_take_each_others_place),
		test(a_filter_whose_pin_is_newer_is_removed_all_the_same),
		test(a_lost_device_is_seen_and_attaching_makes_a_new_link),
		test(detaching_is_immediate_and_missing_is_success),
		test(a_check_says_what_is_missing),
		test(a_link_outlives_the_process_that_made_it),
		test(we_come_before_who_was_there),
		test(names_with_dots_are_listed_as_they_are),
		test(an_attachment_without_a_program_or_interface_fails_with_words),
		test(a_new_interface_gets_all_its_programs_at_once),
		test(a_new_interface_gets_all_its_programs_or_none),
	};

	return cmocka_run_group_tests(tests, dp_sandbox_enter, dp_sandbox_leave);
}
