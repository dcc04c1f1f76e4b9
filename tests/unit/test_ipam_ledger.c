// SPDX-License-Identifier: Apache-2.0
/* Claims about the file behind the address store: what a kill, a torn write or a damaged byte leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/io.h"
#include "lib/ipam/ipam.h"
#include "lib/ipam/ledger.h"
#include "tests/unit/tmpdir.h"

#define MAX_SYSCALLS 200

static char network[] = "weir", eth0[] = "eth0";
static char name_a[] = "aaaaaaaaaaaaaaaa", name_b[] = "bbbbbbbb", name_c[] = "cccccccccccc";
static struct wr_attachment a = { network, name_a, eth0 };
static struct wr_attachment b = { network, name_b, eth0 };
static struct wr_attachment c = { network, name_c, eth0 };

static struct wr_prefix pools[2];

static int setup(void **state)
{
	if (wr_prefix_parse("10.0.0.0/23", &pools[0]) || wr_prefix_parse("fd00::/64", &pools[1]))
		return -1;
	return wr_tmpdir_setup(state);
}

static const char *store_dir(void **state)
{
	return wr_tmpdir_path(*state, "ipam");
}

static struct wr_ipam *open_store(const char *dir)
{
	struct wr_ipam *ipam = NULL;
	struct wr_err err = WR_ERR_INIT;

	if (wr_ipam_open(dir, &ipam, &err) < 0)
		fail_msg("%s", err.msg);
	wr_ipam_set_rest_ms(ipam, 0);
	return ipam;
}

static int give(struct wr_ipam *ipam, const struct wr_attachment *id, struct wr_ipam_result *ret)
{
	const struct wr_ipam_request req = {
		.pools = pools, .n_pools = 2, .want4 = true, .want6 = true
	};

	return wr_ipam_allocate(ipam, id, &req, ret, NULL);
}

static int give_once(const char *dir, const struct wr_attachment *id)
{
	struct wr_ipam *ipam = open_store(dir);
	struct wr_ipam_result res;
	int r = give(ipam, id, &res);

	wr_ipam_close(ipam);
	return r;
}

static int take_once(const char *dir, const struct wr_attachment *id)
{
	struct wr_ipam *ipam = open_store(dir);
	int r = wr_ipam_release(ipam, id, NULL);

	wr_ipam_close(ipam);
	return r;
}

/* Comings and goings until the next allocation rewrites the file. */
static void fill_log(const char *dir)
{
	struct wr_ipam *ipam = open_store(dir);
	struct stat st;
	struct wr_ipam_result res;

	do {
		assert_int_equal(give(ipam, &c, &res), 0);
		assert_int_equal(wr_ipam_release(ipam, &c, NULL), 2);
		assert_int_equal(stat(wr_tmpdir_path(dir, "leases"), &st), 0);
	} while (st.st_size < 32 << 10);
	wr_ipam_close(ipam);
}

static void do_give(const char *dir)
{
	give_once(dir, &b);
}

static void do_take(const char *dir)
{
	take_once(dir, &b);
}

static void child_main(void (*work)(const char *dir), const char *dir)
{
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	raise(SIGSTOP);
	work(dir);
	_exit(0);
}

/* Each system call stops twice, at its start and at its end: killed at the @n-th stop. False: it finished before. */
static bool killed_at_stop(int n, void (*work)(const char *dir), const char *dir)
{
	pid_t pid = fork();
	int status, i;

	assert_true(pid >= 0);
	if (!pid)
		child_main(work, dir);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSTOPPED(status));
	for (i = 0; i < n; i++) {
		assert_int_equal(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status)) {
			assert_int_equal(WEXITSTATUS(status), 0);
			return false;
		}
	}
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	return true;
}

static size_t count_of(const struct wr_ipam_leases *all, const struct wr_attachment *id)
{
	size_t i, n = 0;

	for (i = 0; i < all->v.n; i++)
		n += !all->v.v[i].resting && wr_attachment_cmp(&all->v.v[i].id, id) == 0;
	return n;
}

static void assert_no_twins(const struct wr_ipam_leases *all)
{
	size_t i;

	for (i = 1; i < all->v.n; i++)
		assert_true(wr_addr_cmp(&all->v.v[i - 1].addr, &all->v.v[i].addr) < 0);
}

/* What was there still is, @b is there whole or not at all, and the store goes on working. */
static void assert_sound(const char *dir)
{
	struct wr_ipam *ipam = open_store(dir);
	struct wr_ipam_leases all;
	struct wr_ipam_result res;
	size_t n;

	assert_int_equal(wr_ipam_dump(ipam, &all, NULL), 0);
	assert_int_equal(count_of(&all, &a), 2);
	n = count_of(&all, &b);
	assert_true(n == 0 || n == 2);
	assert_no_twins(&all);
	wr_ipam_leases_done(&all);

	assert_int_equal(give(ipam, &c, &res), 0);
	assert_int_equal(wr_ipam_dump(ipam, &all, NULL), 0);
	assert_int_equal(all.v.n, n + 4);
	assert_no_twins(&all);
	wr_ipam_leases_done(&all);
	assert_int_equal(wr_ipam_release(ipam, &c, NULL), 2);
	wr_ipam_close(ipam);
}

static void kill_everywhere(const char *dir, void (*prepare)(const char *dir),
			    void (*work)(const char *dir))
{
	bool killed = true;
	int n;

	assert_int_equal(give_once(dir, &a), 0);
	for (n = 1; killed; n++) {
		assert_in_range(n, 1, MAX_SYSCALLS);
		prepare(dir);
		killed = killed_at_stop(n, work, dir);
		assert_sound(dir);
	}
	assert_in_range(n, 10, MAX_SYSCALLS);
}

static void prepare_empty(const char *dir)
{
	take_once(dir, &b);
}

static void prepare_full_log(const char *dir)
{
	take_once(dir, &b);
	fill_log(dir);
}

static void prepare_held(const char *dir)
{
	give_once(dir, &b);
}

static void an_allocation_killed_at_any_system_call_is_whole_or_absent(void **state)
{
	kill_everywhere(store_dir(state), prepare_empty, do_give);
}

static void an_allocation_that_rewrites_the_file_may_be_killed_too(void **state)
{
	kill_everywhere(store_dir(state), prepare_full_log, do_give);
}

static void a_release_killed_at_any_system_call_is_whole_or_absent(void **state)
{
	kill_everywhere(store_dir(state), prepare_held, do_take);
}

static void the_first_allocation_may_be_killed_while_it_makes_the_store(void **state)
{
	bool killed = true;
	int n;

	for (n = 1; killed; n++) {
		assert_in_range(n, 1, MAX_SYSCALLS);
		assert_int_equal(wr_remove_tree(store_dir(state)), 0);
		killed = killed_at_stop(n, do_give, store_dir(state));
		assert_int_equal(give_once(store_dir(state), &a), 0);
		assert_sound(store_dir(state));
	}
}

/* A kill in the middle of a write leaves the first bytes of the record. */
static void a_torn_record_counts_as_never_written(void **state)
{
	const char *path = wr_tmpdir_path(*state, "ipam/leases");
	struct stat before, after;
	off_t size;

	assert_int_equal(give_once(store_dir(state), &a), 0);
	assert_int_equal(stat(path, &before), 0);
	for (size = before.st_size;; size++) {
		assert_int_equal(give_once(store_dir(state), &b), 0);
		assert_int_equal(stat(path, &after), 0);
		if (size >= after.st_size)
			break;
		assert_int_equal(truncate(path, size), 0);
		assert_sound(store_dir(state));
		assert_int_equal(take_once(store_dir(state), &b), 0);
		assert_int_equal(truncate(path, before.st_size), 0);
	}
	assert_in_range(size, before.st_size + 64, before.st_size + 1000);
}

/* The reservations of others survive; only what the byte belonged to is lost. */
static void a_damaged_byte_costs_one_record_at_most(void **state)
{
	const char *path = wr_tmpdir_path(*state, "ipam/leases");
	wr_autofree char *good = NULL;
	size_t size, i;

	assert_int_equal(give_once(store_dir(state), &a), 0);
	assert_int_equal(give_once(store_dir(state), &b), 0);
	assert_int_equal(give_once(store_dir(state), &c), 0);
	assert_int_equal(wr_read_file(path, 1 << 20, &good, &size), 0);
	for (i = 0; i < size; i++) {
		struct wr_ipam *ipam;
		struct wr_ipam_leases all;

		good[i] ^= 0x41;
		assert_true(wr_write_file_atomic(path, good, size, 0600, 0) >= 0);
		good[i] ^= 0x41;
		ipam = open_store(store_dir(state));
		assert_int_equal(wr_ipam_dump(ipam, &all, NULL), 0);
		assert_int_equal(all.v.n, 4);
		wr_ipam_leases_done(&all);
		wr_ipam_close(ipam);
	}
}

static void a_file_of_garbage_is_an_empty_store(void **state)
{
	char noise[5000];
	uint32_t x = 1;
	size_t i;

	for (i = 0; i < sizeof(noise); i++) {
		x = x * 1664525 + 1013904223;
		noise[i] = (char)(x >> 24);
	}
	assert_int_equal(wr_mkdirs(store_dir(state), 0700), 0);
	assert_true(wr_write_file_atomic(wr_tmpdir_path(*state, "ipam/leases"), noise,
					 sizeof(noise), 0600, 0) >= 0);
	assert_int_equal(give_once(store_dir(state), &a), 0);
	assert_sound(store_dir(state));
}

static void the_store_is_for_its_owner_alone(void **state)
{
	struct stat st;

	assert_int_equal(give_once(store_dir(state), &a), 0);
	assert_int_equal(stat(store_dir(state), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(stat(wr_tmpdir_path(*state, "ipam/leases"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void a_lock_that_is_never_released_is_an_error_in_time(void **state)
{
	const char *path = wr_tmpdir_path(*state, "ipam/leases");
	struct wr_ledger ledger;
	struct wr_err err = WR_ERR_INIT;
	uint64_t start;
	wr_autofd int fd = -1;

	assert_int_equal(give_once(store_dir(state), &a), 0);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	start = wr_now_ms();
	assert_int_equal(wr_ledger_open(store_dir(state), 50, &ledger, &err), -EAGAIN);
	assert_in_range(wr_now_ms() - start, 50, 5000);
	assert_int_equal(err.cni, 11);
	assert_non_null(strstr(err.msg, "still locked after 50 ms"));
}

static void keep_all(const struct wr_ledger *l)
{
	struct wr_ledger_iter it = { 0 };
	struct wr_ledger_row *row;

	while ((row = wr_ledger_next(l, &it)))
		row->kept = true;
}

static void a_waiter_finds_the_file_that_replaced_the_one_it_waited_for(void **state)
{
	struct wr_ledger ledger, other;
	pid_t pid;
	int status, i;

	assert_int_equal(give_once(store_dir(state), &a), 0);
	for (i = 0; i < 50; i++) {
		assert_int_equal(wr_ledger_open(store_dir(state), 5000, &ledger, NULL), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (!pid) {
			/* Not this process's lock to keep: flock belongs to the open file, which fork shares. */
			close(ledger.fd);
			_exit(wr_ledger_open(store_dir(state), 5000, &other, NULL) < 0 ||
			      other.by_addr.n != 2);
		}
		keep_all(&ledger);
		assert_int_equal(wr_ledger_rewrite(&ledger, NULL), 0);
		wr_ledger_done(&ledger);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
}

static void a_rewritten_file_is_locked_from_its_first_moment(void **state)
{
	struct wr_ledger ledger, other;

	assert_int_equal(give_once(store_dir(state), &a), 0);
	assert_int_equal(wr_ledger_open(store_dir(state), 0, &ledger, NULL), 0);
	keep_all(&ledger);
	assert_int_equal(wr_ledger_rewrite(&ledger, NULL), 0);
	assert_int_equal(wr_ledger_open(store_dir(state), 0, &other, NULL), -EAGAIN);
	wr_ledger_done(&ledger);
	assert_int_equal(wr_ledger_open(store_dir(state), 0, &other, NULL), 0);
	wr_ledger_done(&other);
}

static void a_full_disk_leaves_the_store_as_it_was(void **state)
{
	struct wr_ipam *ipam;
	struct wr_ipam_result res;
	struct wr_ipam_leases all;
	pid_t pid;
	int status;

	assert_int_equal(give_once(store_dir(state), &a), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		/* RLIMIT_FSIZE makes a short write of what does not fit, as a full file system does. */
		sigaction(SIGXFSZ, &(struct sigaction){ .sa_handler = SIG_IGN }, NULL);
		setrlimit(RLIMIT_FSIZE, &(struct rlimit){ 120, 120 });
		ipam = open_store(store_dir(state));
		_exit(give(ipam, &b, &res) != -ENOSPC);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	ipam = open_store(store_dir(state));
	assert_int_equal(wr_ipam_dump(ipam, &all, NULL), 0);
	assert_int_equal(all.v.n, 2);
	wr_ipam_leases_done(&all);
	wr_ipam_close(ipam);
	assert_sound(store_dir(state));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, wr_tmpdir_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_allocation_killed_at_any_system_call_is_whole_or_absent),
		TEST(an_allocation_that_rewrites_the_file_may_be_killed_too),
		TEST(a_release_killed_at_any_system_call_is_whole_or_absent),
		TEST(the_first_allocation_may_be_killed_while_it_makes_the_store),
		TEST(a_torn_record_counts_as_never_written),
		TEST(a_damaged_byte_costs_one_record_at_most),
		TEST(a_file_of_garbage_is_an_empty_store),
		TEST(the_store_is_for_its_owner_alone),
		TEST(a_lock_that_is_never_released_is_an_error_in_time),
		TEST(a_waiter_finds_the_file_that_replaced_the_one_it_waited_for),
		TEST(a_rewritten_file_is_locked_from_its_first_moment),
		TEST(a_full_disk_leaves_the_store_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
