/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about the agent's socket: frames, abuse, answers that come late, streams. */
#include "tests/unit/check.h"

#include <endian.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/log.h"
#include "agent/server.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/wire/wire.h"
#include "tests/unit/tmpdir.h"

static struct wr_loop *loop;
static struct wr_server *server;
static const char *path;
static struct wr_client *waiting;
static int gone_calls;

static int verb_echo(void *ctx, struct wr_client *c, const struct wr_json *body,
		     struct wr_json **ret, struct wr_err *err)
{
	*ret = wr_json_new_object();
	wr_json_add_str(*ret, "text", wr_json_get_str(body, "text"));
	return 0;
}

static int verb_fail(void *ctx, struct wr_client *c, const struct wr_json *body,
		     struct wr_json **ret, struct wr_err *err)
{
	return wr_err_set_cni(err, 11, -EAGAIN, "not now");
}

static int verb_mute(void *ctx, struct wr_client *c, const struct wr_json *body,
		     struct wr_json **ret, struct wr_err *err)
{
	return -EIO;
}

static void gone(void *arg)
{
	gone_calls++;
	waiting = NULL;
}

static int verb_later(void *ctx, struct wr_client *c, const struct wr_json *body,
		      struct wr_json **ret, struct wr_err *err)
{
	waiting = c;
	wr_client_defer(c, gone, NULL);
	return WR_VERB_LATER;
}

static const struct wr_verb verbs[] = {
	{ "echo", verb_echo },
	{ "fail", verb_fail },
	{ "mute", verb_mute },
	{ "later", verb_later },
	{ 0 },
};

static int setup(void **state)
{
	if (wr_tmpdir_setup(state))
		return -1;
	wr_log_setup(WR_LOG_ERROR, false);
	path = wr_tmpdir_path(*state, "run/agent.sock");
	gone_calls = 0;
	waiting = NULL;
	if (wr_loop_new(&loop, NULL))
		return -1;
	return wr_server_open(loop, path, verbs, NULL, &server, NULL);
}

static int teardown(void **state)
{
	wr_server_close(server);
	wr_loop_free(loop);
	return wr_tmpdir_teardown(state);
}

static void spin(int rounds)
{
	while (rounds--)
		assert_int_equal(wr_loop_once(loop, 5), 0);
}

static int dial(void)
{
	int fd = -1;

	assert_int_equal(wr_wire_connect(path, &fd, NULL), 0);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

static void frame(struct wr_strbuf *out, const char *json)
{
	uint32_t header = htole32((uint32_t)strlen(json));

	wr_strbuf_add(out, &header, sizeof(header));
	wr_strbuf_addstr(out, json);
}

static void send_text(int fd, const char *json)
{
	wr_auto_strbuf out = WR_STRBUF_INIT;

	frame(&out, json);
	assert_int_equal(send(fd, out.buf, out.len, MSG_NOSIGNAL), (ssize_t)out.len);
}

/* The next answer, or NULL when the agent closes the connection. */
static struct wr_json *receive(int fd, struct wr_strbuf *in)
{
	uint64_t end = wr_now_ms() + 5000;
	struct wr_json *answer = NULL;
	char buf[65536];
	ssize_t n;

	while (wr_now_ms() < end) {
		if (wr_wire_unframe(in, &answer, NULL) == 1)
			return answer;
		spin(1);
		n = recv(fd, buf, sizeof(buf), 0);
		if (n == 0 || (n < 0 && errno != EAGAIN))
			return NULL;
		if (n > 0)
			wr_strbuf_add(in, buf, (size_t)n);
	}
	fail_msg("neither answer nor end");
	return NULL;
}

static void assert_answer(int fd, struct wr_strbuf *in, int code, const char *key, const char *value)
{
	wr_auto_json *answer = receive(fd, in);
	const struct wr_json *holder = code ? answer : wr_json_get(answer, "body");

	assert_non_null(answer);
	assert_int_equal(wr_json_get_int(answer, "code", -1), code);
	if (key)
		assert_string_equal(wr_json_get_str(holder, key), value);
}

static void assert_closed(int fd)
{
	wr_auto_strbuf in = WR_STRBUF_INIT;

	assert_null(receive(fd, &in));
}

static void the_socket_is_for_the_owner_alone(void **state)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat(wr_tmpdir_path(*state, "run"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
}

static void a_verb_is_answered(void **state)
{
	wr_auto_strbuf in = WR_STRBUF_INIT;
	wr_autofd int fd = dial();

	send_text(fd, "{\"version\":1,\"verb\":\"echo\",\"body\":{\"text\":\"hi\"}}");
	assert_answer(fd, &in, 0, "text", "hi");
	send_text(fd, "{\"version\":2,\"verb\":\"echo\",\"body\":{\"text\":\"again\"}}");
	assert_answer(fd, &in, 0, "text", "again");
}

static void a_request_may_come_byte_by_byte(void **state)
{
	wr_auto_strbuf in = WR_STRBUF_INIT, out = WR_STRBUF_INIT;
	wr_autofd int fd = dial();
	size_t i;

	frame(&out, "{\"version\":1,\"verb\":\"echo\",\"body\":{\"text\":\"slow\"}}");
	for (i = 0; i < out.len; i++) {
		assert_int_equal(send(fd, out.buf + i, 1, MSG_NOSIGNAL), 1);
		spin(1);
	}
	assert_answer(fd, &in, 0, "text", "slow");
}

static void requests_in_one_piece_are_answered_in_order(void **state)
{
	wr_auto_strbuf in = WR_STRBUF_INIT, out = WR_STRBUF_INIT;
	wr_autofd int fd = dial();

	frame(&out, "{\"version\":1,\"verb\":\"echo\",\"body\":{\"text\":\"1\"}}");
	frame(&out, "{\"version\":1,\"verb\":\"echo\",\"body\":{\"text\":\"2\"}}");
	assert_int_equal(send(fd, out.buf, out.len, 0), (ssize_t)out.len);
	assert_answer(fd, &in, 0, "text", "1");
	assert_answer(fd, &in, 0, "text", "2");
}

static void failures_carry_code_and_words(void **state)
{
	wr_auto_strbuf in = WR_STRBUF_INIT;
	wr_autofd int fd = dial();

	send_text(fd, "{\"version\":1,\"verb\":\"fail\"}");
	assert_answer(fd, &in, EAGAIN, "error", "not now");
	send_text(fd, "{\"version\":1,\"verb\":\"mute\"}");
	assert_answer(fd, &in, EIO, "error", "the agent failed without a reason");
	send_text(fd, "{\"version\":1,\"verb\":\"dance\"}");
	assert_answer(fd, &in, EOPNOTSUPP, "error", "verb: \"dance\" is not known to this agent");
	send_text(fd, "{\"version\":1}");
	assert_answer(fd, &in, EPROTO, "error", "verb: is missing");
	send_text(fd, "{\"verb\":\"echo\"}");
	assert_answer(fd, &in, EPROTO, "error", "version: must be 1 or more");
}

static void garbage_ends_that_connection_only(void **state)
{
	static const char *const garbage[] = { "[1,2]", "{", "\"text\"", "{\"a\":\xff}", "nonsense" };
	wr_auto_strbuf in = WR_STRBUF_INIT;
	wr_autofd int good = dial();
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(garbage); i++) {
		wr_autofd int bad = dial();

		send_text(bad, garbage[i]);
		assert_closed(bad);
	}
	send_text(good, "{\"version\":1,\"verb\":\"echo\",\"body\":{\"text\":\"well\"}}");
	assert_answer(good, &in, 0, "text", "well");
}

static void a_length_out_of_range_ends_the_connection_at_once(void **state)
{
	static const uint32_t lengths[] = { 0, WR_SERVER_REQUEST_MAX + 1, 0x7fffffff, 0xffffffff };
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(lengths); i++) {
		wr_autofd int fd = dial();
		uint32_t header = htole32(lengths[i]);

		assert_int_equal(send(fd, &header, sizeof(header), 0), 4);
		assert_closed(fd);
	}
	assert_int_equal(wr_server_clients(server), 0);
}

static void connections_beyond_the_limit_are_closed(void **state)
{
	int fds[WR_SERVER_CLIENTS_MAX + 1];
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(fds); i++) {
		fds[i] = dial();
		spin(1);
	}
	assert_closed(fds[WR_SERVER_CLIENTS_MAX]);
	assert_int_equal(wr_server_clients(server), WR_SERVER_CLIENTS_MAX);
	for (i = 0; i < WR_ARRAY_SIZE(fds); i++)
		close(fds[i]);
}

static void an_answer_may_come_later(void **state)
{
	wr_auto_strbuf in = WR_STRBUF_INIT;
	wr_autofd int fd = dial();
	struct wr_client *c;

	send_text(fd, "{\"version\":1,\"verb\":\"later\"}");
	send_text(fd, "{\"version\":1,\"verb\":\"echo\",\"body\":{\"text\":\"next\"}}");
	spin(3);
	c = waiting;
	assert_non_null(c);
	wr_client_answer(c, NULL);
	assert_answer(fd, &in, 0, NULL, NULL);
	assert_answer(fd, &in, 0, "text", "next");
	assert_int_equal(gone_calls, 0);
}

static void a_late_failure_is_an_answer(void **state)
{
	struct wr_err err = WR_ERR_INIT;
	wr_auto_strbuf in = WR_STRBUF_INIT;
	wr_autofd int fd = dial();

	send_text(fd, "{\"version\":1,\"verb\":\"later\"}");
	spin(3);
	wr_err_set(&err, -ENODEV, "no such interface");
	wr_client_fail(waiting, &err);
	assert_answer(fd, &in, ENODEV, "error", "no such interface");
}

static void whoever_waits_hears_that_the_client_left(void **state)
{
	int fd = dial();

	send_text(fd, "{\"version\":1,\"verb\":\"later\"}");
	spin(3);
	assert_non_null(waiting);
	close(fd);
	spin(5);
	assert_int_equal(gone_calls, 1);
	assert_int_equal(wr_server_clients(server), 0);
}

static void a_stream_that_is_not_read_is_bounded(void **state)
{
	wr_auto_strbuf in = WR_STRBUF_INIT;
	wr_autofd int fd = dial();
	size_t sent = 0, refused = 0, got;

	send_text(fd, "{\"version\":1,\"verb\":\"later\"}");
	spin(3);
	while (sent + refused < 50000) {
		struct wr_json *body = wr_json_new_object();

		wr_json_add_str(body, "text", "0123456789012345678901234567890123456789");
		*(wr_client_send(waiting, body) ? &sent : &refused) += 1;
		if (sent % 512 == 0)
			spin(1);
	}
	assert_true(refused > 0);
	for (got = 0; got < sent; got++)
		assert_answer(fd, &in, 0, "text", "0123456789012345678901234567890123456789");
}

static void a_socket_left_behind_is_replaced(void **state)
{
	struct wr_server *second = NULL;
	wr_autofd int fd = -1;

	/* What a killed agent leaves: a socket nobody listens on. Here, one whose server never answers again. */
	assert_int_equal(wr_server_open(loop, path, verbs, NULL, &second, NULL), 0);
	fd = dial();
	assert_true(fd >= 0);
	spin(3);
	assert_int_equal(wr_server_clients(second), 1);
	assert_int_equal(wr_server_clients(server), 0);
	wr_server_close(second);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(the_socket_is_for_the_owner_alone),
		T(a_verb_is_answered),
		T(a_request_may_come_byte_by_byte),
		T(requests_in_one_piece_are_answered_in_order),
		T(failures_carry_code_and_words),
		T(garbage_ends_that_connection_only),
		T(a_length_out_of_range_ends_the_connection_at_once),
		T(connections_beyond_the_limit_are_closed),
		T(an_answer_may_come_later),
		T(a_late_failure_is_an_answer),
		T(whoever_waits_hears_that_the_client_left),
		T(a_stream_that_is_not_read_is_bounded),
		T(a_socket_left_behind_is_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
