/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about the HTTP server: its parser, and a server on loopback. */
#include "tests/unit/check.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/httpd.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"

static int parse(const char *text, struct wr_httpd_request *ret)
{
	return wr_httpd_parse(text, strlen(text), ret);
}

static void a_get_is_understood(void **state)
{
	struct wr_httpd_request req;

	assert_int_equal(parse("GET /metrics?x=1 HTTP/1.1\r\nHost: a\r\n\r\n", &req), 1);
	assert_string_equal(req.path, "/metrics");
	assert_false(req.head);
	assert_int_equal(parse("HEAD / HTTP/1.0\n\n", &req), 1);
	assert_true(req.head);
}

static void every_prefix_of_a_request_wants_more(void **state)
{
	static const char text[] = "GET /healthz HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n";
	struct wr_httpd_request req;
	size_t n;

	for (n = 0; n < sizeof(text) - 1; n++)
		assert_int_equal(wr_httpd_parse(text, n, &req), 0);
	assert_int_equal(wr_httpd_parse(text, n, &req), 1);
}

static void malformed_requests_have_their_status(void **state)
{
	static const struct {
		const char *text;
		int status;
	} cases[] = {
		{ "\r\n\r\n", 400 },
		{ "GET\r\n\r\n", 400 },
		{ "GET /\r\n\r\n", 400 },
		{ "GET  HTTP/1.1\r\n\r\n", 400 },
		{ "GET / HTTP/1\r\n\r\n", 400 },
		{ "GET / HTTP/1.1x\r\n\r\n", 400 },
		{ "GET nowhere HTTP/1.1\r\n\r\n", 400 },
		{ "GET /\x01 HTTP/1.1\r\n\r\n", 400 },
		{ "\x16\x03\x01\x02\n", 400 },
		{ "GET / HTTP/2.0\r\n\r\n", 505 },
		{ "POST / HTTP/1.1\r\n\r\n", 405 },
		{ "get / HTTP/1.1\r\n\r\n", 405 },
	};
	struct wr_httpd_request req;
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(cases); i++)
		assert_int_equal(parse(cases[i].text, &req), -cases[i].status);
}

static void what_is_too_large_is_refused(void **state)
{
	static char text[WR_HTTPD_REQUEST_MAX + 64];
	struct wr_httpd_request req;
	int n;

	memset(text, 'a', sizeof(text));
	assert_int_equal(wr_httpd_parse(text, WR_HTTPD_REQUEST_MAX, &req), -414);
	n = snprintf(text, sizeof(text), "GET /%0300d HTTP/1.1\r\n\r\n", 1);
	assert_int_equal(wr_httpd_parse(text, (size_t)n, &req), -414);
	n = snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nX: ");
	memset(text + n, 'a', sizeof(text) - (size_t)n);
	assert_int_equal(wr_httpd_parse(text, WR_HTTPD_REQUEST_MAX, &req), -431);
}

static struct wr_loop *loop;
static struct wr_httpd *http;

static void serve(void *ctx, const struct wr_httpd_request *req, struct wr_httpd_response *resp)
{
	if (strcmp(req->path, "/big") == 0) {
		while (resp->body.len < 4u << 20)
			wr_strbuf_addstr(&resp->body, "0123456789abcdef");
		return;
	}
	resp->status = strcmp(req->path, "/here") == 0 ? 200 : 404;
	wr_strbuf_addf(&resp->body, "%s\n", req->path);
}

static int setup(void **state)
{
	struct wr_addr local;

	wr_addr_parse("127.0.0.1", &local);
	if (wr_loop_new(&loop, NULL))
		return -1;
	return wr_httpd_open(loop, &local, 0, serve, NULL, &http, NULL);
}

static int teardown(void **state)
{
	wr_httpd_close(http);
	wr_loop_free(loop);
	return 0;
}

static int dial(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(wr_httpd_port(http)),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

/* Reads to the end of the connection while the loop runs. */
static void read_all(int fd, struct wr_strbuf *out)
{
	uint64_t end = wr_now_ms() + 5000;
	char buf[65536];
	ssize_t n = -1;

	while (n && wr_now_ms() < end) {
		assert_int_equal(wr_loop_once(loop, 1), 0);
		n = recv(fd, buf, sizeof(buf), 0);
		if (n > 0)
			wr_strbuf_add(out, buf, (size_t)n);
	}
	assert_int_equal(n, 0);
}

static void ask(const char *request, struct wr_strbuf *out)
{
	wr_autofd int fd = dial();

	assert_int_equal(send(fd, request, strlen(request), 0), (ssize_t)strlen(request));
	read_all(fd, out);
}

static void a_request_is_answered_and_the_connection_closed(void **state)
{
	wr_auto_strbuf out = WR_STRBUF_INIT;

	ask("GET /here HTTP/1.1\r\n\r\n", &out);
	assert_string_equal(out.buf, "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n"
				     "Content-Length: 6\r\nConnection: close\r\n\r\n/here\n");
}

static void head_has_no_body(void **state)
{
	wr_auto_strbuf out = WR_STRBUF_INIT;

	ask("HEAD /here HTTP/1.1\r\n\r\n", &out);
	assert_non_null(strstr(out.buf, "Content-Length: 6\r\n"));
	assert_string_equal(out.buf + out.len - 4, "\r\n\r\n");
}

static void errors_are_answers_too(void **state)
{
	wr_auto_strbuf out = WR_STRBUF_INIT;

	ask("GET /nowhere HTTP/1.1\r\n\r\n", &out);
	ask("DELETE / HTTP/1.1\r\n\r\n", &out);
	ask("rubbish\n", &out);
	assert_non_null(strstr(out.buf, "HTTP/1.1 404 Not Found\r\n"));
	assert_non_null(strstr(out.buf, "HTTP/1.1 405 Method Not Allowed\r\n"));
	assert_non_null(strstr(out.buf, "Allow: GET, HEAD\r\n"));
	assert_non_null(strstr(out.buf, "HTTP/1.1 400 Bad Request\r\n"));
}

static void an_answer_larger_than_the_socket_arrives_whole(void **state)
{
	wr_auto_strbuf out = WR_STRBUF_INIT;

	ask("GET /big HTTP/1.1\r\n\r\n", &out);
	assert_true(out.len > 4u << 20);
	assert_memory_equal(out.buf + out.len - 16, "0123456789abcdef", 16);
}

static void connections_beyond_the_limit_are_closed(void **state)
{
	wr_auto_strbuf out = WR_STRBUF_INIT;
	int fds[WR_HTTPD_CLIENTS_MAX + 1];
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(fds); i++) {
		fds[i] = dial();
		assert_int_equal(wr_loop_once(loop, 1000), 0);
	}
	read_all(fds[WR_HTTPD_CLIENTS_MAX], &out);
	assert_int_equal(out.len, 0);
	for (i = 0; i < WR_ARRAY_SIZE(fds); i++)
		close(fds[i]);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_get_is_understood),
		cmocka_unit_test(every_prefix_of_a_request_wants_more),
		cmocka_unit_test(malformed_requests_have_their_status),
		cmocka_unit_test(what_is_too_large_is_refused),
		T(a_request_is_answered_and_the_connection_closed),
		T(head_has_no_body),
		T(errors_are_answers_too),
		T(an_answer_larger_than_the_socket_arrives_whole),
		T(connections_beyond_the_limit_are_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
