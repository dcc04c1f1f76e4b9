// SPDX-License-Identifier: Apache-2.0
/* One connection of the unix socket: frames in, a verb, a frame out. */
#include "agent/server_client.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/log.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/strbuf.h"
#include "lib/wire/wire.h"

enum client_state {
	IDLE, /* reading a request */
	BUSY, /* a verb has put off its answer, or sends a stream */
};

struct wr_client {
	struct wr_server *server;
	struct wr_client *next;
	struct wr_io io;
	struct wr_timer timeout;
	struct wr_strbuf in, out;
	enum client_state state;
	bool closing; /* freed from the loop, where nobody up the stack holds it */
	void (*gone)(void *arg);
	void *gone_arg;
};

static struct wr_ratelimit garbage_limit = { .burst = 5, .window_ms = 10000 };

static void tell_gone(struct wr_client *c)
{
	void (*gone)(void *arg) = c->gone;

	c->gone = NULL;
	if (gone)
		gone(c->gone_arg);
}

void wr_client_close(struct wr_client *c)
{
	struct wr_client **at;

	for (at = &c->server->clients; *at != c; at = &(*at)->next)
		;
	*at = c->next;
	c->server->n_clients--;
	tell_gone(c);
	wr_timer_stop(c->server->loop, &c->timeout);
	wr_io_del(c->server->loop, &c->io);
	close(c->io.fd);
	wr_strbuf_done(&c->in);
	wr_strbuf_done(&c->out);
	free(c);
}

static void reap(struct wr_timer *t)
{
	wr_client_close(WR_CONTAINER_OF(t, struct wr_client, timeout));
}

static void end(struct wr_client *c)
{
	if (c->closing)
		return;
	c->closing = true;
	wr_io_del(c->server->loop, &c->io);
	tell_gone(c);
	wr_timer_start(c->server->loop, &c->timeout, 0, reap);
}

pid_t wr_client_pid(const struct wr_client *c)
{
	struct ucred cred = { 0 };
	socklen_t len = sizeof(cred);

	if (getsockopt(c->io.fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return 0;
	return cred.pid;
}

static void refuse(struct wr_client *c, const char *why)
{
	uint32_t suppressed;

	if (wr_ratelimit_pass(&garbage_limit, wr_loop_now(c->server->loop), &suppressed))
		wr_log(WR_LOG_WARN, "connection closed: not our protocol", WR_S("error", why),
		       WR_I("pid", wr_client_pid(c)), WR_I("suppressed", suppressed));
	end(c);
}

static void timed_out(struct wr_timer *t)
{
	struct wr_client *c = WR_CONTAINER_OF(t, struct wr_client, timeout);

	if (c->in.len && c->state == IDLE)
		refuse(c, "the request was not finished in time");
	else
		end(c);
}

/* What the connection waits for decides what epoll reports and how long it may take. */
static void set_waits(struct wr_client *c)
{
	uint32_t events = EPOLLRDHUP;

	if (c->closing)
		return;
	if (c->state == IDLE && !c->out.len)
		events |= EPOLLIN;
	if (c->out.len)
		events |= EPOLLOUT;
	wr_io_set_events(c->server->loop, &c->io, events);

	if (c->out.len || (c->state == IDLE && c->in.len))
		wr_timer_start(c->server->loop, &c->timeout, WR_SERVER_STALL_MS, timed_out);
	else if (c->state == IDLE)
		wr_timer_start(c->server->loop, &c->timeout, WR_SERVER_IDLE_MS, timed_out);
	else
		wr_timer_stop(c->server->loop, &c->timeout);
}

static void flush_out(struct wr_client *c)
{
	ssize_t n = 0;

	while (c->out.len) {
		n = send(c->io.fd, c->out.buf, c->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0)
			break;
		wr_strbuf_consume(&c->out, (size_t)n);
	}
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		end(c);
		return;
	}
	/* A large answer's memory is not kept for the rest of the connection. */
	if (!c->out.len && c->out.size > 65536)
		wr_strbuf_done(&c->out);
	set_waits(c);
}

static void put_frame(struct wr_client *c, struct wr_json *message)
{
	wr_wire_frame(message, &c->out);
	wr_json_free(message);
}

static const struct wr_verb *find_verb(const struct wr_server *s, const char *name)
{
	const struct wr_verb *v;

	for (v = s->verbs; v->name; v++)
		if (wr_streq(v->name, name))
			return v;
	return NULL;
}

static int run_verb(struct wr_client *c, const struct wr_json *request, struct wr_json **ret_body,
		    struct wr_err *err)
{
	const char *name = wr_json_get_str(request, "verb");
	const struct wr_verb *verb = find_verb(c->server, name);

	if (wr_json_get_int(request, "version", 0) < 1)
		return wr_err_set(err, -EPROTO, "version: must be 1 or more");
	if (!name)
		return wr_err_set(err, -EPROTO, "verb: is missing");
	if (!verb)
		return wr_err_set(err, -EOPNOTSUPP, "verb: \"%.32s\" is not known to this agent",
				  name);
	return verb->fn(c->server->ctx, c, wr_json_get(request, "body"), ret_body, err);
}

static void handle(struct wr_client *c, const struct wr_json *request)
{
	struct wr_err err = WR_ERR_INIT;
	struct wr_json *body = NULL;
	int r;

	r = run_verb(c, request, &body, &err);
	if (r == 0) {
		put_frame(c, wr_wire_answer(body));
	} else if (r < 0) {
		wr_err_set(&err, r, "the agent failed without a reason");
		put_frame(c, wr_wire_error(&err));
	}
}

static bool is_oversized(const struct wr_client *c)
{
	const unsigned char *b = (const unsigned char *)c->in.buf;

	return c->in.len >= 4 && ((uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 |
				  (uint32_t)b[3] << 24) > WR_SERVER_REQUEST_MAX;
}

/* One request, if one is whole. false: nothing more to do now, or the client is gone. */
static bool take_request(struct wr_client *c)
{
	struct wr_err err = WR_ERR_INIT;
	wr_auto_json *request = NULL;
	int r;

	/* A client that reads its answers slowly is served no further request. */
	if (c->closing || c->state != IDLE || c->out.len)
		return false;
	if (is_oversized(c)) {
		refuse(c, "the request is too large");
		return false;
	}
	r = wr_wire_unframe(&c->in, &request, &err);
	if (r < 0)
		refuse(c, err.msg);
	if (r <= 0)
		return false;
	handle(c, request);
	flush_out(c);
	return true;
}

static void take_requests(struct wr_client *c)
{
	while (take_request(c))
		;
	set_waits(c);
}

static void client_read(struct wr_client *c)
{
	char buf[16384];
	ssize_t n = recv(c->io.fd, buf, sizeof(buf), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		end(c);
		return;
	}
	wr_strbuf_add(&c->in, buf, (size_t)n);
	take_requests(c);
}

static void client_ready(struct wr_io *io, uint32_t events)
{
	struct wr_client *c = WR_CONTAINER_OF(io, struct wr_client, io);

	if (events & EPOLLIN) {
		client_read(c);
	} else if (events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP)) {
		end(c);
	} else if (events & EPOLLOUT) {
		flush_out(c);
		take_requests(c);
	}
}

void wr_client_new(struct wr_server *s, int fd)
{
	struct wr_client *c = wr_xcalloc(1, sizeof(*c));

	c->server = s;
	wr_strbuf_init(&c->in);
	wr_strbuf_init(&c->out);
	if (wr_io_add(s->loop, &c->io, fd, EPOLLIN | EPOLLRDHUP, client_ready)) {
		close(fd);
		free(c);
		return;
	}
	c->next = s->clients;
	s->clients = c;
	s->n_clients++;
	set_waits(c);
}

void wr_client_defer(struct wr_client *c, void (*gone)(void *arg), void *arg)
{
	c->state = BUSY;
	c->gone = gone;
	c->gone_arg = arg;
}

static void answer_late(struct wr_client *c, struct wr_json *message)
{
	c->gone = NULL;
	c->state = IDLE;
	put_frame(c, message);
	flush_out(c);
	/* A request that came meanwhile is taken from the loop: whoever answers here is not done yet. */
	if (!c->closing && c->in.len)
		wr_io_set_events(c->server->loop, &c->io, EPOLLRDHUP | EPOLLOUT);
}

void wr_client_answer(struct wr_client *c, struct wr_json *body)
{
	answer_late(c, wr_wire_answer(body));
}

void wr_client_fail(struct wr_client *c, const struct wr_err *err)
{
	answer_late(c, wr_wire_error(err));
}

bool wr_client_send(struct wr_client *c, struct wr_json *body)
{
	wr_auto_strbuf frame = WR_STRBUF_INIT;
	wr_auto_json *message = wr_wire_answer(body);

	wr_wire_frame(message, &frame);
	if (c->out.len + frame.len > WR_SERVER_STREAM_MAX)
		return false;
	wr_strbuf_add(&c->out, frame.buf, frame.len);
	set_waits(c);
	return true;
}
