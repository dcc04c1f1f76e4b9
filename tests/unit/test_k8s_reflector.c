/* SPDX-License-Identifier: Apache-2.0 */
/* agent/k8s/reflector over agent/k8s/http: what an API server says, and what is asked of it next. */
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

#include "agent/k8s/reflector.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/unit/check.h"

#define STEPS_MAX 8
#define SEEN_MAX  8192
#define WAIT_MS   5000

#define POD(name, version)                                                       \
	"{\"metadata\":{\"name\":\"" name                                        \
	"\",\"namespace\":\"shop\",\"uid\":\"u\",\"resourceVersion\":\"" version \
	"\"},\"spec\":{\"nodeName\":\"n\"}}"
#define EVENT(type, object)  "{\"type\":\"" type "\",\"object\":" object "}\n"
#define ADDED(name, version) EVENT("ADDED", POD(name, version))
#define LIST_ENDS(version)                                                      \
	EVENT("BOOKMARK", "{\"metadata\":{\"resourceVersion\":\"" version "\"," \
			  "\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}}}")
#define REFUSAL "{\"kind\":\"Status\",\"message\":\"sendInitialEvents is forbidden for watch\"}"

/* One answer each; the last is held open, as a watch is, and so is one that is "200 Held". */
struct step {
	const char *status, *body;
};

struct server {
	pid_t pid;
	int requests; /* what was asked for, a line each */
	uint16_t port;
};

static void answer(int fd, const struct step *step, bool hold)
{
	char head[256];
	int len = snprintf(head, sizeof(head), "HTTP/1.1 %s\r\nConnection: close\r\n\r\n",
			   step->status);

	if (write(fd, head, (size_t)len) != len ||
	    write(fd, step->body, strlen(step->body)) != (ssize_t)strlen(step->body))
		_exit(1);
	if (!hold)
		close(fd);
}

static __attribute__((noreturn)) void serve(int listener, int report, const struct step *steps,
					    size_t n)
{
	char in[4096];
	ssize_t size;
	size_t i;
	int fd;

	for (i = 0; i < n; i++) {
		fd = accept(listener, NULL, NULL);
		size = read(fd, in, sizeof(in) - 1);
		if (size <= 0)
			_exit(1);
		in[size] = '\0';
		in[strcspn(in, "\r\n")] = '\n';
		if (write(report, in, strcspn(in, "\n") + 1) < 0)
			_exit(1);
		answer(fd, &steps[i], i == n - 1 || strcmp(steps[i].status, "200 Held") == 0);
	}
	pause();
	_exit(0);
}

static struct server start(const struct step *steps, size_t n)
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
		serve(listener, pipes[1], steps, n);
	close(listener);
	close(pipes[1]);
	s.requests = pipes[0];
	s.port = ntohs(at.sin_port);
	return s;
}

struct client {
	struct server server;
	struct wr_http *http;
	struct wr_store *store;
	struct wr_reflector *reflector;
	char seen[SEEN_MAX]; /* the server's report so far */
	size_t len;
};

static void put_pod(struct client *c, const char *text)
{
	wr_auto_json *j = NULL;
	struct wr_object *o;

	assert_int_equal(wr_json_parse(text, strlen(text), &j, NULL), 0);
	assert_int_equal(wr_object_decode_as(WR_KIND_POD, j, false, &o, NULL), 0);
	wr_store_put(c->store, o);
}

/* @dead: a server before the one that answers, which nobody is at. */
static struct client *follow(const struct step *steps, size_t n, const char *dead)
{
	static const struct wr_reflector_options opt = { .kind = WR_KIND_POD,
							 .path = "/api/v1/pods",
							 .selector = "&fieldSelector=x",
							 .optional = true };
	struct client *c = wr_xcalloc(1, sizeof(*c));
	struct wr_k8s_access access = { 0 };
	struct wr_err err = WR_ERR_INIT;

	c->server = start(steps, n);
	if (dead)
		wr_vec_push(&access.servers, wr_xstrdup(dead));
	wr_vec_push(&access.servers, wr_xasprintf("http://127.0.0.1:%u", c->server.port));
	assert_int_equal(wr_http_open(&access, &c->http, &err), 0);
	c->store = wr_store_new();
	c->reflector = wr_reflector_new(c->http, c->store, &opt);
	return c;
}

#define FOLLOW(steps) follow(steps, WR_ARRAY_SIZE(steps), NULL)

static void leave(struct client *c)
{
	wr_reflector_free(c->reflector);
	wr_http_close(c->http);
	wr_store_free(c->store);
	kill(c->server.pid, SIGKILL);
	waitpid(c->server.pid, NULL, 0);
	close(c->server.requests);
	free(c);
}

static void step_at(struct client *c, uint64_t now_ms)
{
	struct pollfd fds[] = { { .fd = wr_http_fd(c->http), .events = POLLIN },
				{ .fd = c->server.requests, .events = POLLIN } };
	ssize_t n;

	wr_reflector_run(c->reflector, now_ms);
	if (poll(fds, 2, 5) > 0 && fds[1].revents & POLLIN) {
		n = read(c->server.requests, c->seen + c->len, sizeof(c->seen) - 1 - c->len);
		c->len += n > 0 ? (size_t)n : 0;
	}
	wr_http_process(c->http);
}

static bool has(const struct client *c, const char *name)
{
	return wr_store_get(c->store, WR_KIND_POD, "shop", name);
}

static struct wr_reflector_status status_of(const struct client *c)
{
	struct wr_reflector_status st;

	wr_reflector_get_status(c->reflector, &st);
	return st;
}

static void until_version(struct client *c, const char *version)
{
	uint64_t end = wr_now_ms() + WAIT_MS;

	while (strcmp(status_of(c).version, version) && wr_now_ms() < end)
		step_at(c, wr_now_ms());
	assert_string_equal(status_of(c).version, version);
}

/* Requests that the server has been asked, in this order. */
static void assert_asked(const struct client *c, const char *const parts[], size_t n)
{
	const char *at = c->seen, *line_end;
	size_t i;

	for (i = 0; i < n; i++) {
		line_end = strchr(at, '\n');
		assert_non_null(line_end);
		if (!memmem(at, (size_t)(line_end - at), parts[i], strlen(parts[i])))
			fail_msg("\"%s\" is not in request %zu of:\n%s", parts[i], i, c->seen);
		at = line_end + 1;
	}
	assert_string_equal(at, "");
}

#define ASKED(c, ...)                                            \
	do {                                                     \
		static const char *const p_[] = { __VA_ARGS__ }; \
		assert_asked(c, p_, WR_ARRAY_SIZE(p_));          \
	} while (0)

static void a_list_streams_and_the_same_request_watches_on(void **state)
{
	static const struct step steps[] = { { "200 OK",
					       ADDED("a", "3") LIST_ENDS("5") ADDED("b", "6") } };
	struct client *c = FOLLOW(steps);

	until_version(c, "6");
	assert_true(has(c, "a") && has(c, "b"));
	assert_true(wr_store_is_synced(c->store, WR_KIND_POD));
	assert_int_equal(status_of(c).lists, 1);
	assert_int_equal(status_of(c).state, WR_REFLECTOR_WATCHING);
	ASKED(c, "sendInitialEvents=true&resourceVersionMatch=NotOlderThan");
	leave(c);
}

static void what_has_gone_goes_at_the_end_of_a_streamed_list_and_not_before(void **state)
{
	static const struct step halves[] = { { "200 OK", ADDED("a", "3") } };
	static const struct step whole[] = { { "200 OK", ADDED("a", "3") LIST_ENDS("5") } };
	struct client *c = FOLLOW(halves);
	int i;

	put_pod(c, POD("old", "1"));
	for (i = 0; i < 400 && !has(c, "a"); i++)
		step_at(c, wr_now_ms());
	assert_true(has(c, "a") && has(c, "old"));
	assert_false(wr_store_is_synced(c->store, WR_KIND_POD));
	leave(c);
	c = FOLLOW(whole);
	put_pod(c, POD("old", "1"));
	until_version(c, "5");
	assert_true(has(c, "a") && !has(c, "old"));
	leave(c);
}

static void a_server_that_does_not_stream_is_asked_page_by_page(void **state)
{
	static const struct step steps[] = {
		{ "422 Unprocessable Entity", REFUSAL },
		{ "200 OK",
		  "{\"metadata\":{\"resourceVersion\":\"5\",\"continue\":\"x+y\"},\"items\":[" POD("a",
												   "2") "]}" },
		{ "200 OK",
		  "{\"metadata\":{\"resourceVersion\":\"5\"},\"items\":[" POD("b", "3") "]}" },
		{ "200 OK", ADDED("c", "7") },
	};
	struct client *c = FOLLOW(steps);

	until_version(c, "7");
	assert_true(has(c, "a") && has(c, "b") && has(c, "c"));
	assert_int_equal(status_of(c).failures, 0);
	ASKED(c, "sendInitialEvents=true", "pods?limit=500&fieldSelector=x ",
	      "pods?limit=500&fieldSelector=x&continue=x%2By ",
	      "watch=1&allowWatchBookmarks=true&resourceVersion=5&");
	leave(c);
}

static void an_answer_that_is_no_stream_of_a_list_is_not_taken_for_one(void **state)
{
	static const struct step steps[] = {
		{ "200 OK", "" },
		{ "200 OK",
		  "{\"metadata\":{\"resourceVersion\":\"5\"},\"items\":[" POD("a", "2") "]}" },
		{ "200 OK", ADDED("c", "7") },
	};
	struct client *c = FOLLOW(steps);

	until_version(c, "7");
	ASKED(c, "sendInitialEvents=true", "pods?limit=500", "resourceVersion=5&");
	leave(c);
}

static void a_server_that_never_ends_the_list_is_asked_by_pages(void **state)
{
	static const struct step steps[] = {
		{ "200 Held", ADDED("a", "3") },
		{ "200 OK",
		  "{\"metadata\":{\"resourceVersion\":\"5\"},\"items\":[" POD("b", "2") "]}" },
		{ "200 OK", ADDED("c", "7") },
	};
	struct client *c = FOLLOW(steps);
	int i;

	for (i = 0; i < 400 && !has(c, "a"); i++)
		step_at(c, wr_now_ms());
	/* Its patience is a minute. */
	step_at(c, wr_now_ms() + 61000);
	until_version(c, "7");
	assert_true(!has(c, "a") && has(c, "b") && has(c, "c"));
	ASKED(c, "sendInitialEvents=true", "pods?limit=500", "resourceVersion=5&");
	leave(c);
}

static void a_version_that_is_gone_is_listed_again_and_nothing_is_emptied(void **state)
{
	static const struct step steps[] = {
		{ "200 OK",
		  ADDED("a", "3") ADDED("b", "4") LIST_ENDS("5")
			  EVENT("ERROR",
				"{\"kind\":\"Status\",\"code\":410,\"message\":\"too old\"}") },
		{ "200 OK", ADDED("b", "4") LIST_ENDS("9") },
	};
	struct client *c = FOLLOW(steps);
	bool were_there = false;

	while (!status_of(c).failures)
		step_at(c, wr_now_ms());
	were_there = has(c, "a") && has(c, "b");
	until_version(c, "9");
	assert_true(were_there);
	assert_true(!has(c, "a") && has(c, "b"));
	ASKED(c, "sendInitialEvents=true", "sendInitialEvents=true");
	leave(c);
}

static void retry_after_is_kept_to(void **state)
{
	static const struct step steps[] = {
		{ "429 Too Many Requests\r\nRetry-After: 1", "{}" },
		{ "200 OK", LIST_ENDS("5") },
	};
	struct client *c = FOLLOW(steps);
	uint64_t start_ms = wr_now_ms();

	until_version(c, "5");
	assert_true(wr_now_ms() - start_ms >= 1000);
	ASKED(c, "sendInitialEvents=true", "sendInitialEvents=true");
	leave(c);
}

static void a_kind_may_be_absent_and_appear_later(void **state)
{
	static const struct step steps[] = {
		{ "404 Not Found", "{}" },
		{ "200 OK", ADDED("a", "3") LIST_ENDS("5") },
	};
	struct client *c = FOLLOW(steps);
	int i;

	for (i = 0; i < 400 && status_of(c).state != WR_REFLECTOR_ABSENT; i++)
		step_at(c, wr_now_ms());
	assert_true(wr_store_is_synced(c->store, WR_KIND_POD));
	for (i = 0; i < 400 && !has(c, "a"); i++)
		step_at(c, wr_now_ms() + 45000);
	assert_true(has(c, "a"));
	leave(c);
}

/* A 503 comes from a server that is about to go, or from what stands before it. */
static void another_server_takes_over(void **state)
{
	static const struct step steps[] = { { "200 OK", ADDED("a", "3") LIST_ENDS("5") } };
	static const struct step ill[] = { { "503 Service Unavailable", "{}" }, { "200 OK", "" } };
	struct client *c = follow(steps, WR_ARRAY_SIZE(steps), "http://127.0.0.1:1");
	struct server other = start(ill, WR_ARRAY_SIZE(ill));
	wr_autofree char *url = wr_xasprintf("http://127.0.0.1:%u", other.port);

	until_version(c, "5");
	assert_true(has(c, "a"));
	leave(c);
	c = follow(steps, WR_ARRAY_SIZE(steps), url);
	until_version(c, "5");
	leave(c);
	kill(other.pid, SIGKILL);
	waitpid(other.pid, NULL, 0);
	close(other.requests);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_streams_and_the_same_request_watches_on),
		cmocka_unit_test(what_has_gone_goes_at_the_end_of_a_streamed_list_and_not_before),
		cmocka_unit_test(a_server_that_does_not_stream_is_asked_page_by_page),
		cmocka_unit_test(an_answer_that_is_no_stream_of_a_list_is_not_taken_for_one),
		cmocka_unit_test(a_server_that_never_ends_the_list_is_asked_by_pages),
		cmocka_unit_test(a_version_that_is_gone_is_listed_again_and_nothing_is_emptied),
		cmocka_unit_test(retry_after_is_kept_to),
		cmocka_unit_test(a_kind_may_be_absent_and_appear_later),
		cmocka_unit_test(another_server_takes_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
