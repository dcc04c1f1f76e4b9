/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about network namespaces. */
#include "tests/unit/check.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "lib/base/io.h"
#include "lib/netns/netns.h"
#include "tests/unit/netlab.h"
#include "tests/unit/tmpdir.h"

static void a_namespace_is_opened_by_its_path(void **state)
{
	struct wr_err err = WR_ERR_INIT;
	wr_autofd int self = -1;
	wr_autofd int by_path = -1;

	assert_int_equal(wr_netns_open_self(&self), 0);
	assert_int_equal(wr_netns_open("/proc/self/ns/net", &by_path, &err), 0);
	assert_true(wr_netns_same(self, by_path));
	assert_true(fcntl(by_path, F_GETFD) & FD_CLOEXEC);
}

static void a_path_that_is_gone_is_told_from_one_that_is_none(void **state)
{
	struct wr_err gone = WR_ERR_INIT, file = WR_ERR_INIT, other = WR_ERR_INIT;
	const char *path;
	void *dir;
	int fd = 7;

	assert_int_equal(wr_netns_open("/proc/self/ns/nosuch", &fd, &gone), -ENOENT);
	assert_err(&gone, -ENOENT, "/proc/self/ns/nosuch");
	assert_int_equal(wr_tmpdir_setup(&dir), 0);
	path = wr_tmpdir_path(dir, "leftover"); /* as a removed bind mount leaves it */
	assert_int_equal(wr_write_file_atomic(path, "", 0, 0600, 0), 1);
	assert_int_equal(wr_netns_open(path, &fd, &file), -EBADF);
	assert_err(&file, -EBADF, "is not a network namespace");
	assert_int_equal(wr_tmpdir_teardown(&dir), 0);
	assert_int_equal(wr_netns_open("/proc/self/ns/mnt", &fd, &other), -EBADF);
	assert_int_equal(fd, 7);
}

static void namespaces_are_told_apart(void **state)
{
	wr_autofd int a = wr_netlab_new();
	wr_autofd int b = wr_netlab_new();

	assert_true(wr_netns_same(a, a));
	assert_false(wr_netns_same(a, b));
	assert_false(wr_netns_same(a, -1));
}

struct visit {
	int inside, result;
	bool was_there;
};

static int look_around(void *arg)
{
	struct visit *v = arg;
	wr_autofd int now = -1;

	assert_int_equal(wr_netns_open_self(&now), 0);
	v->was_there = wr_netns_same(now, v->inside);
	return v->result;
}

static void a_visit_comes_back_with_its_result(void **state)
{
	wr_autofd int before = -1;
	wr_autofd int after = -1;
	struct visit v = { .inside = wr_netlab_new(), .result = -EDOM };

	assert_int_equal(wr_netns_open_self(&before), 0);
	assert_int_equal(wr_netns_run(v.inside, look_around, &v), -EDOM);
	assert_true(v.was_there);
	assert_int_equal(wr_netns_open_self(&after), 0);
	assert_true(wr_netns_same(before, after));
	close(v.inside);
}

static void what_cannot_be_entered_is_not_run(void **state)
{
	struct visit v = { .inside = -1 };
	wr_autofd int file = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);

	assert_int_equal(wr_netns_run(file, look_around, &v), -EINVAL);
	assert_int_equal(wr_netns_run(-1, look_around, &v), -EBADF);
	assert_false(v.was_there);
}

static void a_cookie_names_its_namespace(void **state)
{
	wr_autofd int a = wr_netlab_new();
	wr_autofd int b = wr_netlab_new();
	wr_auto_nl inside = wr_netlab_socket(a);
	uint64_t of_a = 0, again = 0, of_b = 0, of_socket = 0;

	assert_int_equal(wr_netns_cookie(a, &of_a), 0);
	assert_int_equal(wr_netns_cookie(a, &again), 0);
	assert_int_equal(wr_netns_cookie(b, &of_b), 0);
	assert_int_equal(wr_netns_socket_cookie(inside.fd, &of_socket), 0);
	assert_true(of_a && of_a == again && of_a != of_b && of_a == of_socket);
}

#define IN_LAB(test) cmocka_unit_test_setup_teardown(test, wr_netlab_setup, wr_netlab_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_LAB(a_namespace_is_opened_by_its_path),
		IN_LAB(a_path_that_is_gone_is_told_from_one_that_is_none),
		IN_LAB(namespaces_are_told_apart),
		IN_LAB(a_visit_comes_back_with_its_result),
		IN_LAB(what_cannot_be_entered_is_not_run),
		IN_LAB(a_cookie_names_its_namespace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
