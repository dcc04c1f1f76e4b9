/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about BPF filters on clsact. */
#include "tests/unit/check.h"

#include <linux/bpf.h>
#include <sys/syscall.h>

#include "lib/nl/tcf.h"
#include "tests/unit/netlab.h"

/* A classifier that lets all pass: r0 = 0; exit. */
static int load_prog(void)
{
	static const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SCHED_CLS,
		.insns = (uintptr_t)insns,
		.insn_cnt = WR_ARRAY_SIZE(insns),
		.license = (uintptr_t) "GPL",
	};
	int fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));

	assert_true(fd >= 0);
	return fd;
}

static uint32_t prog_id(int fd)
{
	struct bpf_prog_info info = { 0 };
	union bpf_attr attr = {
		.info = { .bpf_fd = (uint32_t)fd, .info_len = sizeof(info), .info = (uintptr_t)&info },
	};

	assert_int_equal(syscall(SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr)), 0);
	return info.id;
}

static void attach(struct wr_nl *nl, uint32_t ifindex, enum wr_tcf_side side, int fd)
{
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;

	wr_tcf_add_clsact(&b, ifindex);
	wr_tcf_put(&b, ifindex, side, fd, "pod_egress");
	wr_netlab_commit(nl, &b);
}

static void a_filter_is_found_by_its_program(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	uint32_t id, ifindex = wr_netlab_pair(&nl, "a0", "b0");
	wr_autofd int in = load_prog();
	wr_autofd int out = load_prog();

	attach(&nl, ifindex, WR_TCF_INGRESS, in);
	attach(&nl, ifindex, WR_TCF_EGRESS, out);
	assert_int_equal(wr_tcf_get(&nl, ifindex, WR_TCF_INGRESS, &id), 0);
	assert_int_equal(id, prog_id(in));
	assert_int_equal(wr_tcf_get(&nl, ifindex, WR_TCF_EGRESS, &id), 0);
	assert_int_equal(id, prog_id(out));
}

static void putting_again_replaces_the_program(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	uint32_t id, ifindex = wr_netlab_pair(&nl, "a0", "b0");
	wr_autofd int old = load_prog();
	wr_autofd int new = load_prog();
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;

	attach(&nl, ifindex, WR_TCF_INGRESS, old);
	attach(&nl, ifindex, WR_TCF_INGRESS, new);
	assert_int_equal(wr_tcf_get(&nl, ifindex, WR_TCF_INGRESS, &id), 0);
	assert_int_equal(id, prog_id(new));
	wr_tcf_del(&b, ifindex, WR_TCF_INGRESS);
	wr_netlab_commit(&nl, &b);
	assert_int_equal(wr_tcf_get(&nl, ifindex, WR_TCF_INGRESS, &id), -ENOENT);
}

static void what_is_missing_is_no_filter(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	uint32_t id = 7, ifindex = wr_netlab_pair(&nl, "a0", "b0");
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;

	assert_int_equal(wr_tcf_get(&nl, ifindex, WR_TCF_INGRESS, &id), -ENOENT);
	assert_int_equal(wr_tcf_get(&nl, 4711, WR_TCF_INGRESS, &id), -ENODEV);
	wr_tcf_add_clsact(&b, ifindex);
	wr_netlab_commit(&nl, &b);
	assert_int_equal(wr_tcf_get(&nl, ifindex, WR_TCF_INGRESS, &id), -ENOENT);
	assert_int_equal(id, 7);
}

static void deleting_what_is_missing_succeeds(void **state)
{
	wr_auto_nl nl = wr_netlab_socket(-1);
	uint32_t ifindex = wr_netlab_pair(&nl, "a0", "b0");
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;

	wr_tcf_del(&b, ifindex, WR_TCF_EGRESS);
	wr_tcf_del(&b, 4711, WR_TCF_EGRESS);
	wr_netlab_commit(&nl, &b);
	wr_tcf_add_clsact(&b, ifindex);
	wr_tcf_del(&b, ifindex, WR_TCF_EGRESS);
	wr_netlab_commit(&nl, &b);
}

#define IN_LAB(test) cmocka_unit_test_setup_teardown(test, wr_netlab_setup, wr_netlab_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_LAB(a_filter_is_found_by_its_program),
		IN_LAB(putting_again_replaces_the_program),
		IN_LAB(what_is_missing_is_no_filter),
		IN_LAB(deleting_what_is_missing_succeeds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
