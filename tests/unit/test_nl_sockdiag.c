/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about finding and ending sockets. */
#include "tests/unit/check.h"

#include <sys/socket.h>

#include "lib/nl/sockdiag.h"
#include "tests/unit/netlab.h"

static struct sockaddr_in6 v6(const char *addr, uint16_t port)
{
	struct wr_addr a = wr_netlab_addr(addr);
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };

	memcpy(&sin6.sin6_addr, &a, sizeof(a)); /* IPv4 is mapped in both */
	return sin6;
}

static struct sockaddr_in v4(const char *addr, uint16_t port)
{
	struct wr_addr a = wr_netlab_addr(addr);

	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_port = htons(port),
				     .sin_addr = wr_addr_to4(&a) };
}

static int connect4(int type, const char *addr, uint16_t port)
{
	struct sockaddr_in sin = v4(addr, port);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	return fd;
}

static int connect6(int type, const char *addr, uint16_t port)
{
	struct sockaddr_in6 sin6 = v6(addr, port);
	int fd = socket(AF_INET6, type | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&sin6, sizeof(sin6)), 0);
	return fd;
}

/* On every address of both families. */
static int listen_on(uint16_t port)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&any, sizeof(any)), 0);
	assert_int_equal(listen(fd, 16), 0);
	return fd;
}

static size_t count(uint8_t proto, const char *dst, uint16_t port)
{
	struct wr_addr a = wr_netlab_addr(dst);
	struct wr_err err = WR_ERR_INIT;
	wr_auto_socks socks = { 0 };

	if (wr_sockdiag_list(proto, &a, port, &socks, &err))
		fail_msg("%s", err.msg);
	for (size_t i = 0; i < socks.v.n; i++) {
		assert_true(wr_addr_eq(&socks.v.v[i].dst, &a));
		assert_int_equal(socks.v.v[i].proto, proto);
	}
	return socks.v.n;
}

static size_t destroy(uint8_t proto, const char *dst, uint16_t port)
{
	struct wr_addr a = wr_netlab_addr(dst);
	struct wr_err err = WR_ERR_INIT;
	size_t n = 0;

	if (wr_sockdiag_destroy(proto, &a, port, &n, &err))
		fail_msg("%s", err.msg);
	return n;
}

static int error_of(int fd)
{
	char c;

	return recv(fd, &c, 1, MSG_DONTWAIT) < 0 ? errno : 0;
}

static void sockets_are_found_by_their_other_end(void **state)
{
	wr_autofd int four = connect4(SOCK_DGRAM, "127.0.0.2", 53);
	wr_autofd int mapped = connect6(SOCK_DGRAM, "127.0.0.2", 53);
	wr_autofd int other_port = connect4(SOCK_DGRAM, "127.0.0.2", 54);
	wr_autofd int six = connect6(SOCK_DGRAM, "::1", 53);

	assert_int_equal(count(IPPROTO_UDP, "127.0.0.2", 53), 2);
	assert_int_equal(count(IPPROTO_UDP, "127.0.0.2", 0), 3);
	assert_int_equal(count(IPPROTO_UDP, "::1", 53), 1);
	assert_int_equal(count(IPPROTO_UDP, "127.0.0.3", 0), 0);
	assert_int_equal(count(IPPROTO_TCP, "127.0.0.2", 0), 0);
	assert_true(four >= 0 && mapped >= 0 && other_port >= 0 && six >= 0);
}

static void listening_and_unconnected_sockets_are_not_among_them(void **state)
{
	wr_autofd int listener = listen_on(4242);
	wr_autofd int udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(listener >= 0 && udp >= 0);
	assert_int_equal(count(IPPROTO_TCP, "::", 0), 0);
	assert_int_equal(count(IPPROTO_UDP, "0.0.0.0", 0), 0);
}

static void ended_connections_fail_at_their_next_call(void **state)
{
	wr_autofd int listener = listen_on(4242);
	wr_autofd int victim = connect4(SOCK_STREAM, "127.0.0.2", 4242);
	wr_autofd int peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	wr_autofd int kept = connect4(SOCK_STREAM, "127.0.0.3", 4242);

	assert_int_equal(destroy(IPPROTO_TCP, "127.0.0.2", 4242), 1);
	assert_int_equal(error_of(victim), ECONNABORTED);
	assert_int_equal(error_of(peer), ECONNRESET);
	assert_int_equal(error_of(kept), EAGAIN);
	assert_int_equal(count(IPPROTO_TCP, "127.0.0.2", 4242), 0);
	assert_int_equal(count(IPPROTO_TCP, "127.0.0.3", 4242), 1);
}

static void connected_udp_is_ended_in_both_families(void **state)
{
	wr_autofd int four = connect4(SOCK_DGRAM, "127.0.0.2", 53);
	wr_autofd int mapped = connect6(SOCK_DGRAM, "127.0.0.2", 53);
	wr_autofd int six = connect6(SOCK_DGRAM, "::1", 53);

	assert_int_equal(destroy(IPPROTO_UDP, "127.0.0.2", 53), 2);
	assert_int_equal(error_of(four), ECONNABORTED);
	assert_int_equal(error_of(mapped), ECONNABORTED);
	assert_int_equal(error_of(six), EAGAIN);
	assert_int_equal(destroy(IPPROTO_UDP, "::1", 53), 1);
	assert_int_equal(error_of(six), ECONNABORTED);
}

static void ending_none_is_success(void **state)
{
	assert_int_equal(destroy(IPPROTO_TCP, "192.0.2.1", 80), 0);
}

static void hundreds_are_found_and_ended(void **state)
{
	int fds[600];

	for (size_t i = 0; i < WR_ARRAY_SIZE(fds); i++)
		fds[i] = connect4(SOCK_DGRAM, "127.0.0.2", 53);
	assert_int_equal(count(IPPROTO_UDP, "127.0.0.2", 53), WR_ARRAY_SIZE(fds));
	assert_int_equal(destroy(IPPROTO_UDP, "127.0.0.2", 53), WR_ARRAY_SIZE(fds));
	for (size_t i = 0; i < WR_ARRAY_SIZE(fds); i++) {
		assert_int_equal(error_of(fds[i]), ECONNABORTED);
		close(fds[i]);
	}
}

#define IN_LAB(test) cmocka_unit_test_setup_teardown(test, wr_netlab_setup, wr_netlab_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_LAB(sockets_are_found_by_their_other_end),
		IN_LAB(listening_and_unconnected_sockets_are_not_among_them),
		IN_LAB(ended_connections_fail_at_their_next_call),
		IN_LAB(connected_udp_is_ended_in_both_families),
		IN_LAB(ending_none_is_success),
		IN_LAB(hundreds_are_found_and_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
