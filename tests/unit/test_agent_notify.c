/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about the service manager's protocol. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/notify.h"
#include "lib/base/cleanup.h"
#include "tests/unit/tmpdir.h"

static int listen_at(struct sockaddr_un *sun, socklen_t len)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)sun, len), 0);
	return fd;
}

static void a_state_arrives_as_a_datagram(void **state)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	const char *path = wr_tmpdir_path(*state, "notify");
	wr_autofd int fd = -1;
	char buf[64] = "";

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	fd = listen_at(&sun, sizeof(sun));
	setenv("NOTIFY_SOCKET", path, 1);
	assert_int_equal(wr_notify("READY=1\nSTATUS=well"), 0);
	assert_int_equal(recv(fd, buf, sizeof(buf) - 1, 0), 19);
	assert_string_equal(buf, "READY=1\nSTATUS=well");
}

static void abstract_sockets_work(void **state)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	wr_autofd int fd = -1;
	char name[64], buf[64] = "";
	int n;

	n = snprintf(name, sizeof(name), "@weir-test-%d", (int)getpid());
	memcpy(sun.sun_path + 1, name + 1, (size_t)n - 1);
	fd = listen_at(&sun, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n));
	setenv("NOTIFY_SOCKET", name, 1);
	assert_int_equal(wr_notify("WATCHDOG=1"), 0);
	assert_int_equal(recv(fd, buf, sizeof(buf) - 1, 0), 10);
}

static void without_a_manager_nothing_happens(void **state)
{
	unsetenv("NOTIFY_SOCKET");
	assert_int_equal(wr_notify("READY=1"), 0);
	setenv("NOTIFY_SOCKET", "relative", 1);
	assert_int_equal(wr_notify("READY=1"), -EINVAL);
	setenv("NOTIFY_SOCKET", "/nonexistent/socket", 1);
	assert_int_equal(wr_notify("READY=1"), -ENOENT);
}

static void the_watchdog_is_fed_twice_in_its_time(void **state)
{
	char pid[16];

	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	assert_int_equal(wr_notify_watchdog_ms(), 0);
	setenv("WATCHDOG_USEC", "3000000", 1);
	assert_int_equal(wr_notify_watchdog_ms(), 1500);
	setenv("WATCHDOG_PID", "1", 1);
	assert_int_equal(wr_notify_watchdog_ms(), 0);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("WATCHDOG_PID", pid, 1);
	assert_int_equal(wr_notify_watchdog_ms(), 1500);
	setenv("WATCHDOG_USEC", "soon", 1);
	assert_int_equal(wr_notify_watchdog_ms(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_state_arrives_as_a_datagram, wr_tmpdir_setup,
						wr_tmpdir_teardown),
		cmocka_unit_test(abstract_sockets_work),
		cmocka_unit_test(without_a_manager_nothing_happens),
		cmocka_unit_test(the_watchdog_is_fed_twice_in_its_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
