/* SPDX-License-Identifier: Apache-2.0 */
/* agent/k8s/ask: a Pod is asked for by name, and what comes back is in the store. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/k8s/ask.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "tests/unit/check.h"

#define POD                                                                                                              \
	"{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"web-1\",\"namespace\":\"shop\",\"uid\":\"u\"," \
	"\"labels\":{\"app\":\"web\"}},\"spec\":{\"nodeName\":\"n\"}}"

struct server {
	pid_t pid;
	int requests; /* what was asked for, a line each */
	uint16_t port;
};

/* Answers each connection once. */
static __attribute__((noreturn)) void serve(int listener, int report, const char *status,
					    const char *body)
{
	char in[4096], out[4096];
	ssize_t n;
	int fd, len;

	for (;;) {
		fd = accept(listener, NULL, NULL);
		n = read(fd, in, sizeof(in) - 1);
		if (n <= 0)
			_exit(1);
		in[n] = '\0';
		in[strcspn(in, "\r\n")] = '\n';
		len = snprintf(out, sizeof(out),
			       "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
			       "Connection: close\r\n\r\n%s",
			       status, strlen(body), body);
		if (write(report, in, strcspn(in, "\n") + 1) < 0 || write(fd, out, (size_t)len) != len)
			_exit(1);
		close(fd);
	}
}

static struct server start(const char *status, const char *body)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), pipes[2];
	socklen_t size = sizeof(at);
	struct server s;

	assert_int_equal(bind(listener, (const struct sockaddr *)&at, size), 0);
	assert_int_equal(listen(listener, 8), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &size), 0);
	assert_int_equal(pipe(pipes), 0);
	s.pid = fork();
	if (s.pid == 0)
		serve(listener, pipes[1], status, body);
	close(listener);
	close(pipes[1]);
	s.requests = pipes[0];
	s.port = ntohs(at.sin_port);
	return s;
}

static void stop(const struct server *s)
{
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
	close(s->requests);
}

struct client {
	struct wr_http *http;
	struct wr_store *store;
	struct wr_k8s_asks *asks;
};

static struct client connect_to(const struct server *s)
{
	struct wr_k8s_access access = { 0 };
	struct wr_err err = WR_ERR_INIT;
	struct client c;

	wr_vec_push(&access.servers, wr_xasprintf("http://127.0.0.1:%u", s->port));
	assert_int_equal(wr_http_open(&access, &c.http, &err), 0);
	c.store = wr_store_new();
	c.asks = wr_k8s_asks_new(c.http, c.store);
	return c;
}

static void disconnect(struct client *c)
{
	wr_k8s_asks_free(c->asks);
	wr_http_close(c->http);
	wr_store_free(c->store);
}

/* Until the server has told of a request and its answer has had its time. */
static void run(const struct client *c, const struct server *s, char *ret_request, size_t size)
{
	struct pollfd fds[] = { { .fd = wr_http_fd(c->http), .events = POLLIN },
				{ .fd = s->requests, .events = POLLIN } };
	int rounds;
	ssize_t n;

	*ret_request = '\0';
	for (rounds = 0; rounds < 200 && !wr_store_count(c->store, WR_KIND_POD); rounds++) {
		if (poll(fds, 2, 10) > 0 && fds[1].revents & POLLIN) {
			n = read(s->requests, ret_request, size - 1);
			ret_request[n > 0 ? n : 0] = '\0';
			fds[1].fd = -1;
			rounds = 150; /* half a second more for the answer */
		}
		wr_http_process(c->http);
	}
}

static void a_pod_that_is_there_is_in_the_store(void **state)
{
	struct server s = start("200 OK", POD);
	struct client c = connect_to(&s);
	struct wr_object *o;
	char request[512];

	wr_k8s_ask_pod(c.asks, "shop", "web-1");
	run(&c, &s, request, sizeof(request));
	assert_non_null(strstr(request, "GET /api/v1/namespaces/shop/pods/web-1 "));
	o = wr_store_get(c.store, WR_KIND_POD, "shop", "web-1");
	assert_non_null(o);
	assert_string_equal(wr_labels_get(&o->labels, "app"), "web");
	disconnect(&c);
	stop(&s);
}

static void an_answer_that_helps_nobody_changes_nothing(void **state)
{
	static const char *const answers[][2] = { { "404 Not Found", "{\"kind\":\"Status\"}" },
						  { "200 OK", "{\"kind\":\"Pod\",\"metadata\":" },
						  { "200 OK", "{\"kind\":\"Pod\",\"metadata\":{}}" } };
	char request[512];
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(answers); i++) {
		struct server s = start(answers[i][0], answers[i][1]);
		struct client c = connect_to(&s);

		wr_k8s_ask_pod(c.asks, "shop", "web-1");
		run(&c, &s, request, sizeof(request));
		assert_non_null(strstr(request, "GET "));
		assert_int_equal(wr_store_count(c.store, WR_KIND_POD), 0);
		disconnect(&c);
		stop(&s);
	}
}

static void a_name_that_is_none_is_not_asked_for(void **state)
{
	static const char *const names[] = { "", "..", "a/b", "A", "a?b", "a b", "%2e" };
	struct server s = start("200 OK", POD);
	struct client c = connect_to(&s);
	char request[512];
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(names); i++) {
		wr_k8s_ask_pod(c.asks, "shop", names[i]);
		wr_k8s_ask_pod(c.asks, names[i], "web-1");
	}
	run(&c, &s, request, sizeof(request));
	assert_string_equal(request, "");
	disconnect(&c);
	stop(&s);
}

static void a_question_under_way_may_be_dropped(void **state)
{
	struct server s = start("200 OK", POD);
	struct client c = connect_to(&s);

	wr_k8s_ask_pod(c.asks, "shop", "web-1");
	wr_k8s_ask_pod(c.asks, "shop", "web-2");
	disconnect(&c);
	stop(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pod_that_is_there_is_in_the_store),
		cmocka_unit_test(an_answer_that_helps_nobody_changes_nothing),
		cmocka_unit_test(a_name_that_is_none_is_not_asked_for),
		cmocka_unit_test(a_question_under_way_may_be_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
