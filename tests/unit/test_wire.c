/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about the protocol between plugin, CLI and agent. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/io.h"
#include "lib/wire/wire.h"
#include "tests/unit/tmpdir.h"

/* ---- frames ---------------------------------------------------------------------------------- */

static struct wr_json *parse(const char *text)
{
	struct wr_json *j = NULL;

	assert_int_equal(wr_json_parse(text, strlen(text), &j, NULL), 0);
	return j;
}

static void a_frame_is_length_and_text(void **state)
{
	wr_auto_json *j = parse("{\"a\":1}");
	wr_auto_strbuf out = WR_STRBUF_INIT;

	wr_strbuf_addch(&out, '!');
	wr_wire_frame(j, &out);
	assert_int_equal(out.len, 1 + 4 + 7);
	assert_memory_equal(out.buf, "!\x07\0\0\0{\"a\":1}", 12);
}

static void messages_come_out_whole_and_in_order(void **state)
{
	wr_auto_json *a = parse("{\"a\":1}"), *b = parse("{\"b\":2}"), *got = NULL, *next = NULL;
	wr_auto_strbuf all = WR_STRBUF_INIT, in = WR_STRBUF_INIT;
	size_t i;

	wr_wire_frame(a, &all);
	wr_wire_frame(b, &all);
	for (i = 0; i < 10; i++) {
		wr_strbuf_addch(&in, all.buf[i]);
		assert_int_equal(wr_wire_unframe(&in, &got, NULL), 0);
	}
	wr_strbuf_add(&in, all.buf + i, all.len - i);
	assert_int_equal(wr_wire_unframe(&in, &got, NULL), 1);
	assert_int_equal(wr_json_get_int(got, "a", 0), 1);
	assert_int_equal(wr_wire_unframe(&in, &next, NULL), 1);
	assert_int_equal(wr_json_get_int(next, "b", 0), 2);
	assert_int_equal(in.len, 0);
}

static int unframe(const char *bytes, size_t size, struct wr_err *err)
{
	wr_auto_strbuf in = WR_STRBUF_INIT;
	struct wr_json *got = NULL;
	int r;

	wr_strbuf_add(&in, bytes, size);
	r = wr_wire_unframe(&in, &got, err);
	assert_null(got);
	return r;
}

static void impossible_lengths_are_refused_at_once(void **state)
{
	struct wr_err err = WR_ERR_INIT;

	assert_int_equal(unframe("\0\0\0\0", 4, &err), -EMSGSIZE);
	assert_err(&err, -EMSGSIZE, "a message of 0 bytes: must be 1-16777216");
	assert_int_equal(unframe("\1\0\0\1", 4, NULL), -EMSGSIZE);
	assert_int_equal(unframe("\xff\xff\xff\xff", 4, NULL), -EMSGSIZE);
	assert_int_equal(unframe("\0\0\0\1", 4, NULL), 0);
	assert_int_equal(unframe("\0\0\0", 3, NULL), 0);
}

static void what_is_no_object_is_refused(void **state)
{
	assert_int_equal(unframe("\2\0\0\0[]", 6, NULL), -EBADMSG);
	assert_int_equal(unframe("\4\0\0\0null", 8, NULL), -EBADMSG);
	assert_int_equal(unframe("\2\0\0\0{x", 6, NULL), -EBADMSG);
	assert_int_equal(unframe("\3\0\0\0{}\0", 7, NULL), -EBADMSG);
}

static void answers_have_two_shapes(void **state)
{
	struct wr_err err = WR_ERR_INIT;
	wr_auto_json *good = wr_wire_answer(parse("{\"x\":1}")), *empty = wr_wire_answer(NULL), *bad;
	wr_auto_strbuf out = WR_STRBUF_INIT;

	wr_err_set_cni(&err, 11, -EAGAIN, "no pool");
	bad = wr_wire_error(&err);
	wr_json_format(good, false, &out);
	wr_json_format(empty, false, &out);
	wr_json_format(bad, false, &out);
	assert_string_equal(out.buf, "{\"version\":1,\"code\":0,\"body\":{\"x\":1}}"
				     "{\"version\":1,\"code\":0,\"body\":{}}"
				     "{\"version\":1,\"code\":11,\"error\":\"no pool\",\"cni\":11}");
}

/* ---- client ---------------------------------------------------------------------------------- */

static int listen_at(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(listen(fd, 0), 0);
	return fd;
}

/* A connected pair, the other end already holding @answer (framed by us when it is JSON). */
static int with_answer(const char *answer, int *ret_peer)
{
	wr_auto_json *j = parse(answer);
	wr_auto_strbuf out = WR_STRBUF_INIT;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	wr_wire_frame(j, &out);
	assert_int_equal(wr_write_all(fds[1], out.buf, out.len), 0);
	*ret_peer = fds[1];
	return fds[0];
}

static void an_agent_that_is_away_is_told_by_errno(void **state)
{
	const char *path = wr_tmpdir_path(*state, "s");
	struct wr_err err = WR_ERR_INIT;
	int fd = -1;

	assert_int_equal(wr_wire_connect(path, &fd, &err), -ENOENT);
	assert_err(&err, -ENOENT, "cannot connect to the agent at ");
	close(listen_at(path));
	assert_int_equal(wr_wire_connect(path, &fd, NULL), -ECONNREFUSED);
	assert_int_equal(fd, -1);
}

static void an_agent_that_does_not_accept_is_not_waited_for(void **state)
{
	const char *path = wr_tmpdir_path(*state, "s");
	int server = listen_at(path), fds[8], n = 0, r = 0;
	uint64_t start = wr_now_ms();

	while (n < 8 && r == 0) {
		r = wr_wire_connect(path, &fds[n], NULL);
		n += r == 0;
	}
	assert_int_equal(r, -EAGAIN);
	assert_in_range(wr_now_ms() - start, 300, 5000);
	while (n)
		close(fds[--n]);
	close(server);
}

static void too_long_a_path_is_an_error(void **state)
{
	char path[200];
	int fd = -1;

	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(wr_wire_connect(path, &fd, NULL), -ENAMETOOLONG);
}

static void a_call_sends_verb_and_body_and_gets_the_body(void **state)
{
	wr_auto_json *body = NULL, *request = NULL;
	wr_auto_strbuf in = WR_STRBUF_INIT;
	int peer, fd = with_answer("{\"version\":1,\"code\":0,\"body\":{\"y\":2},\"new\":1}", &peer);

	assert_int_equal(wr_wire_call(fd, "check", parse("{\"x\":1}"), 5000, &body, NULL), 0);
	assert_int_equal(wr_json_get_int(body, "y", 0), 2);
	wr_strbuf_grow(&in, 1000);
	in.len = (size_t)read(peer, in.buf, 1000);
	assert_int_equal(wr_wire_unframe(&in, &request, NULL), 1);
	assert_int_equal(wr_json_get_int(request, "version", 0), WR_WIRE_VERSION);
	assert_string_equal(wr_json_get_str(request, "verb"), "check");
	assert_int_equal(wr_json_get_int(wr_json_get(request, "body"), "x", 0), 1);
	close(fd);
	close(peer);
}

static void an_error_answer_becomes_errno_message_and_cni_code(void **state)
{
	struct wr_err err = WR_ERR_INIT;
	struct wr_json *body = NULL;
	int peer, fd = with_answer("{\"version\":1,\"code\":11,\"error\":\"no pool\",\"cni\":11}",
				   &peer);

	assert_int_equal(wr_wire_call(fd, "register", NULL, 5000, &body, &err), -EAGAIN);
	assert_string_equal(err.msg, "no pool");
	assert_int_equal(err.cni, 11);
	assert_null(body);
	close(fd);
	close(peer);
}

static void an_answer_without_a_code_is_none(void **state)
{
	static const char *const bad[] = { "{}", "{\"code\":-1}", "{\"code\":4096}",
					   "{\"code\":\"0\"}" };
	struct wr_err err;
	size_t i;
	int peer, fd;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err = WR_ERR_INIT;
		fd = with_answer(bad[i], &peer);
		assert_int_equal(wr_wire_call(fd, "ready", NULL, 5000, NULL, &err), -EBADMSG);
		assert_err(&err, -EBADMSG, "ready: the agent's answer has no valid code");
		close(fd);
		close(peer);
	}
}

static void a_silent_agent_times_out(void **state)
{
	struct wr_err err = WR_ERR_INIT;
	uint64_t start = wr_now_ms();
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(wr_wire_call(fds[0], "ready", NULL, 50, NULL, &err), -ETIMEDOUT);
	assert_err(&err, -ETIMEDOUT, "ready: the agent did not answer within 50 ms");
	assert_in_range(wr_now_ms() - start, 50, 5000);
	assert_int_equal(wr_wire_call(fds[0], "ready", NULL, 0, NULL, NULL), -ETIMEDOUT);
	close(fds[0]);
	close(fds[1]);
}

static void an_agent_that_reads_nothing_times_out_too(void **state)
{
	struct wr_json *body = wr_json_new_object();
	char *big = malloc(1 << 20);
	int fds[2];

	memset(big, 'x', (1 << 20) - 1);
	big[(1 << 20) - 1] = '\0';
	wr_json_add_str(body, "big", big);
	free(big);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(wr_wire_call(fds[0], "register", body, 50, NULL, NULL), -ETIMEDOUT);
	close(fds[0]);
	close(fds[1]);
}

static void a_closed_connection_is_an_error_and_no_signal(void **state)
{
	struct wr_err err = WR_ERR_INIT;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	close(fds[1]);
	assert_int_equal(wr_wire_call(fds[0], "ready", NULL, 5000, NULL, &err), -ECONNRESET);
	assert_err(&err, -ECONNRESET, "ready: no answer from the agent: ");
	close(fds[0]);
}

/* ---- hello ----------------------------------------------------------------------------------- */

static void hello_comes_back_as_it_went(void **state)
{
	static const char text[] =
		"{\"pins\":\"/b/1\",\"pools\":[\"10.244.1.0/24\",\"fd00::/64\"],"
		"\"taken\":[\"10.244.1.7\",\"fd00::7\"],\"mtu\":1450,"
		"\"gateway4\":\"169.254.1.1\",\"gateway6\":\"fe80::1\",\"tcx\":true,\"ready\":false,"
		"\"reason\":\"no node\"}";
	wr_auto_json *j = parse(text), *again = NULL;
	wr_auto_strbuf out = WR_STRBUF_INIT;
	struct wr_hello h = { 0 };

	assert_int_equal(wr_hello_decode(j, &h, NULL), 0);
	assert_int_equal(h.pools.n, 2);
	assert_int_equal(h.taken.n, 2);
	assert_int_equal(h.mtu, 1450);
	assert_true(h.tcx && !h.ready);
	again = wr_hello_encode(&h);
	wr_json_format(again, false, &out);
	assert_string_equal(out.buf, text);
	wr_hello_done(&h);
}

static void hello_of_another_version_has_defaults(void **state)
{
	wr_auto_json *j = parse("{\"new\":1}");
	struct wr_hello h = { 0 };

	assert_int_equal(wr_hello_decode(j, &h, NULL), 0);
	assert_string_equal(h.pins, "");
	assert_string_equal(h.reason, "");
	assert_int_equal(h.pools.n, 0);
	wr_hello_done(&h);
}

static void faults_of_hello_are_named(void **state)
{
	static const struct {
		const char *text, *msg;
	} rows[] = {
		{ "[]", "hello: the answer is not an object" },
		{ "{\"pools\":[\"10.0.0.0/8\",\"x\"]}", "pools[1]: must be address/length" },
		{ "{\"taken\":[\"10.0.0.0/8\"]}", "taken[0]: must be an address" },
		{ "{\"gateway4\":\"x\"}", "gateway4: must be an address, not \"x\"" },
		{ "{\"mtu\":\"x\"}", "mtu: must be 0-4294967295, not \"x\"" },
	};
	struct wr_hello h = { .mtu = 99 };
	struct wr_err err;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		wr_auto_json *j = parse(rows[i].text);

		err = WR_ERR_INIT;
		assert_int_equal(wr_hello_decode(j, &h, &err), -EINVAL);
		assert_string_equal(err.msg, rows[i].msg);
	}
	assert_int_equal(h.mtu, 99);
}

#define in_tmpdir(test) cmocka_unit_test_setup_teardown(test, wr_tmpdir_setup, wr_tmpdir_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_frame_is_length_and_text),
		cmocka_unit_test(messages_come_out_whole_and_in_order),
		cmocka_unit_test(impossible_lengths_are_refused_at_once),
		cmocka_unit_test(what_is_no_object_is_refused),
		cmocka_unit_test(answers_have_two_shapes),
		in_tmpdir(an_agent_that_is_away_is_told_by_errno),
		in_tmpdir(an_agent_that_does_not_accept_is_not_waited_for),
		cmocka_unit_test(too_long_a_path_is_an_error),
		cmocka_unit_test(a_call_sends_verb_and_body_and_gets_the_body),
		cmocka_unit_test(an_error_answer_becomes_errno_message_and_cni_code),
		cmocka_unit_test(an_answer_without_a_code_is_none),
		cmocka_unit_test(a_silent_agent_times_out),
		cmocka_unit_test(an_agent_that_reads_nothing_times_out_too),
		cmocka_unit_test(a_closed_connection_is_an_error_and_no_signal),
		cmocka_unit_test(hello_comes_back_as_it_went),
		cmocka_unit_test(hello_of_another_version_has_defaults),
		cmocka_unit_test(faults_of_hello_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
