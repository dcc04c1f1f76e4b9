/* SPDX-License-Identifier: Apache-2.0 */
/* The client: one connection, one request at a time, every wait bounded. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/wire/wire.h"

#define CONNECT_MS 400 /* below the 500 ms that STATUS may take */
#define READ_STEP  16384
/*
 * An agent that has nothing else to do answers within this, about the time that it takes a processor to fall asleep and be
 * woken again: most of what STATUS takes, in a virtual machine.
 */
#define AWAKE_NS  300000
#define MAX_ERRNO 4095

int wr_wire_connect(const char *socket_path, int *ret_fd, struct wr_err *err)
{
	/* A full backlog blocks connect(2) for as long as a send may take. */
	struct timeval patience = { .tv_usec = CONNECT_MS * 1000 };
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	wr_autofd int fd = -1;

	if (strlen(socket_path) >= sizeof(sun.sun_path))
		return wr_err_sys(err, -ENAMETOOLONG, "cannot connect to %s", socket_path);
	memcpy(sun.sun_path, socket_path, strlen(socket_path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return wr_err_sys(err, -errno, "cannot make a unix socket");
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0 ||
	    connect(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0)
		return wr_err_sys(err, -errno, "cannot connect to the agent at %s", socket_path);
	*ret_fd = wr_take_fd(&fd);
	return 0;
}

/* Waits for @events until @deadline_ms (wr_now_ms). */
static int wait_for(int fd, short events, uint64_t deadline_ms)
{
	struct pollfd p = { .fd = fd, .events = events };
	uint64_t now;
	int r;

	do {
		now = wr_now_ms();
		if (now >= deadline_ms)
			return -ETIMEDOUT;
		r = poll(&p, 1, (int)WR_MIN(deadline_ms - now, (uint64_t)INT_MAX));
	} while (!r || (r < 0 && errno == EINTR));
	return r < 0 ? -errno : 0;
}

static bool is_again(ssize_t n)
{
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

static int send_all(int fd, const struct wr_strbuf *msg, uint64_t deadline_ms)
{
	size_t at = 0;
	ssize_t n;
	int r;

	while (at < msg->len) {
		n = send(fd, msg->buf + at, msg->len - at, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && !is_again(n))
			return -errno;
		at += n > 0 ? (size_t)n : 0;
		r = at < msg->len ? wait_for(fd, POLLOUT, deadline_ms) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

/* First awake, giving way to whoever else wants the processor; then asleep. */
static int wait_for_answer(int fd, uint64_t awake_until_ns, uint64_t deadline_ms)
{
	if (wr_now_ns() >= awake_until_ns)
		return wait_for(fd, POLLIN, deadline_ms);
	sched_yield();
	return 0;
}

static int receive(int fd, uint64_t deadline_ms, struct wr_json **ret, struct wr_err *err)
{
	const uint64_t awake_until = wr_now_ns() + AWAKE_NS;
	wr_auto_strbuf in = WR_STRBUF_INIT;
	ssize_t n;
	int r;

	while ((r = wr_wire_unframe(&in, ret, err)) == 0) {
		wr_strbuf_grow(&in, READ_STEP);
		n = recv(fd, in.buf + in.len, READ_STEP, MSG_DONTWAIT);
		if (is_again(n)) {
			r = wait_for_answer(fd, awake_until, deadline_ms);
			if (r < 0)
				return r;
			continue;
		}
		if (n <= 0)
			return n < 0 ? -errno : -ECONNRESET;
		in.len += (size_t)n;
		in.buf[in.len] = '\0';
	}
	return r < 0 ? r : 0;
}

static struct wr_json *new_request(const char *verb, struct wr_json *body)
{
	struct wr_json *j = wr_json_new_object();

	wr_json_add_int(j, "version", WR_WIRE_VERSION);
	wr_json_add_str(j, "verb", verb);
	wr_json_add(j, "body", body ? body : wr_json_new_object());
	return j;
}

/* An error answer becomes its errno, message and CNI code. */
static int take_answer(const struct wr_json *answer, const char *verb, struct wr_json **ret_body,
		       struct wr_err *err)
{
	int64_t code = wr_json_get_int(answer, "code", -1);
	const char *msg = wr_json_get_str(answer, "error");

	if (code < 0 || code > MAX_ERRNO)
		return wr_err_set(err, -EBADMSG, "%s: the agent's answer has no valid code", verb);
	if (code)
		return wr_err_set_cni(err, (int)wr_json_get_int(answer, "cni", 0), (int)-code, "%s",
				      msg ? msg : "the agent gave no reason");
	if (ret_body)
		*ret_body = wr_json_ref(wr_json_get(answer, "body"));
	return 0;
}

/* What went wrong while talking to the agent, in words. */
static int say(struct wr_err *err, int r, const char *verb, int timeout_ms)
{
	if (r == -ETIMEDOUT)
		return wr_err_set(err, r, "%s: the agent did not answer within %d ms", verb,
				  timeout_ms);
	return wr_err_wrap(err, r, "%s: no answer from the agent", verb);
}

/* An agent that refuses without reading everything has answered all the same: EPIPE is left to the receiver. */
static int send_request(int fd, const char *verb, struct wr_json *body, uint64_t deadline_ms)
{
	wr_auto_json *request = new_request(verb, body);
	wr_auto_strbuf msg = WR_STRBUF_INIT;
	int r;

	wr_wire_frame(request, &msg);
	r = send_all(fd, &msg, deadline_ms);
	return r == -EPIPE ? 0 : r;
}

static uint64_t deadline_of(int timeout_ms)
{
	return wr_now_ms() + (uint64_t)WR_MAX(timeout_ms, 0);
}

int wr_wire_send(int fd, const char *verb, struct wr_json *body, int timeout_ms, struct wr_err *err)
{
	int r = send_request(fd, verb, body, deadline_of(timeout_ms));

	return r < 0 ? say(err, r, verb, timeout_ms) : 0;
}

int wr_wire_receive(int fd, const char *verb, int timeout_ms, struct wr_json **ret_body,
		    struct wr_err *err)
{
	wr_auto_json *answer = NULL;
	int r = receive(fd, deadline_of(timeout_ms), &answer, err);

	return r < 0 ? say(err, r, verb, timeout_ms) : take_answer(answer, verb, ret_body, err);
}

int wr_wire_call(int fd, const char *verb, struct wr_json *body, int timeout_ms,
		 struct wr_json **ret_body, struct wr_err *err)
{
	uint64_t deadline = deadline_of(timeout_ms);
	wr_auto_json *answer = NULL;
	int r;

	r = send_request(fd, verb, body, deadline);
	if (r == 0)
		r = receive(fd, deadline, &answer, err);
	return r < 0 ? say(err, r, verb, timeout_ms) : take_answer(answer, verb, ret_body, err);
}
