// SPDX-License-Identifier: Apache-2.0
/* The HTTP server: accept, read a head, answer, close. */
#include "agent/httpd.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

struct http_client {
	struct wr_httpd *http;
	struct http_client *next;
	struct wr_io io;
	struct wr_timer timeout;
	struct wr_strbuf in, out;
	bool answering;
};

struct wr_httpd {
	struct wr_loop *loop;
	struct wr_io io;
	int fd;
	wr_httpd_fn fn;
	void *ctx;
	struct http_client *clients;
	size_t n_clients;
};

static void client_close(struct http_client *c)
{
	struct http_client **at;

	for (at = &c->http->clients; *at != c; at = &(*at)->next)
		;
	*at = c->next;
	c->http->n_clients--;
	wr_timer_stop(c->http->loop, &c->timeout);
	wr_io_del(c->http->loop, &c->io);
	close(c->io.fd);
	wr_strbuf_done(&c->in);
	wr_strbuf_done(&c->out);
	free(c);
}

static void client_timeout(struct wr_timer *t)
{
	client_close(WR_CONTAINER_OF(t, struct http_client, timeout));
}

static void client_write(struct http_client *c)
{
	ssize_t n = send(c->io.fd, c->out.buf, c->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		wr_io_set_events(c->http->loop, &c->io, EPOLLOUT);
		return;
	}
	if (n > 0)
		wr_strbuf_consume(&c->out, (size_t)n);
	if (n < 0 || c->out.len == 0)
		client_close(c);
	else
		wr_io_set_events(c->http->loop, &c->io, EPOLLOUT);
}

static void answer(struct http_client *c, int status, const struct wr_httpd_request *req)
{
	struct wr_httpd_response resp = { status, "text/plain; charset=utf-8", WR_STRBUF_INIT,
					  WR_STRBUF_INIT };

	if (status == 200)
		c->http->fn(c->http->ctx, req, &resp);
	else
		wr_strbuf_addf(&resp.body, "%s\n", wr_httpd_status_text(status));
	wr_strbuf_addf(&c->out,
		       "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s%sConnection: close\r\n\r\n",
		       resp.status, wr_httpd_status_text(resp.status), resp.content_type,
		       resp.body.len, resp.headers.buf,
		       resp.status == 405 ? "Allow: GET, HEAD\r\n" : "");
	if (!req->head)
		wr_strbuf_add(&c->out, resp.body.buf, resp.body.len);
	wr_strbuf_done(&resp.headers);
	wr_strbuf_done(&resp.body);
	c->answering = true;
	client_write(c);
}

static void client_read(struct http_client *c)
{
	struct wr_httpd_request req = { 0 };
	char buf[2048];
	ssize_t n = recv(c->io.fd, buf, sizeof(buf), MSG_DONTWAIT);
	int r;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		client_close(c);
		return;
	}
	wr_strbuf_add(&c->in, buf, (size_t)n);
	r = wr_httpd_parse(c->in.buf, c->in.len, &req);
	if (r)
		answer(c, r > 0 ? 200 : -r, &req);
}

static void client_ready(struct wr_io *io, uint32_t events)
{
	struct http_client *c = WR_CONTAINER_OF(io, struct http_client, io);

	if (c->answering)
		client_write(c);
	else
		client_read(c);
}

static void accept_one(struct wr_httpd *h, int fd)
{
	struct http_client *c = wr_xcalloc(1, sizeof(*c));

	c->http = h;
	wr_strbuf_init(&c->in);
	wr_strbuf_init(&c->out);
	if (wr_io_add(h->loop, &c->io, fd, EPOLLIN, client_ready)) {
		close(fd);
		free(c);
		return;
	}
	c->next = h->clients;
	h->clients = c;
	h->n_clients++;
	wr_timer_start(h->loop, &c->timeout, WR_HTTPD_TIMEOUT_MS, client_timeout);
}

static void listener_ready(struct wr_io *io, uint32_t events)
{
	struct wr_httpd *h = WR_CONTAINER_OF(io, struct wr_httpd, io);
	int fd = accept4(h->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	if (h->n_clients >= WR_HTTPD_CLIENTS_MAX)
		close(fd); /* whoever holds the others times out in seconds */
	else
		accept_one(h, fd);
}

static int open_listener(const struct wr_addr *addr, uint16_t port)
{
	struct sockaddr_in in4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	bool is4 = wr_addr_is4(addr);
	wr_autofd int fd =
		socket(is4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int one = 1, r;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0)
		return -errno;
	in4.sin_addr = wr_addr_to4(addr);
	in6.sin6_addr = wr_addr_to6(addr);
	r = is4 ? bind(fd, (const struct sockaddr *)&in4, sizeof(in4)) :
		  bind(fd, (const struct sockaddr *)&in6, sizeof(in6));
	if (r < 0 || listen(fd, 64) < 0)
		return -errno;
	return wr_take_fd(&fd);
}

int wr_httpd_open(struct wr_loop *loop, const struct wr_addr *addr, uint16_t port, wr_httpd_fn fn,
		  void *ctx, struct wr_httpd **ret, struct wr_err *err)
{
	char text[WR_ADDR_STRLEN];
	struct wr_httpd *h;
	int fd = open_listener(addr, port), r;

	if (fd < 0)
		return wr_err_sys(err, fd, "listening on %s port %u", wr_addr_format(addr, text),
				  port);
	h = wr_xcalloc(1, sizeof(*h));
	*h = (struct wr_httpd){ .loop = loop, .fd = fd, .fn = fn, .ctx = ctx };
	r = wr_io_add(loop, &h->io, fd, EPOLLIN, listener_ready);
	if (r) {
		wr_httpd_close(h);
		return wr_err_sys(err, r, "epoll");
	}
	*ret = h;
	return 0;
}

void wr_httpd_close(struct wr_httpd *h)
{
	struct http_client *c, *next;

	if (!h)
		return;
	for (c = h->clients; c; c = next) {
		next = c->next;
		client_close(c);
	}
	wr_io_del(h->loop, &h->io);
	close(h->fd);
	free(h);
}

uint16_t wr_httpd_port(const struct wr_httpd *h)
{
	struct sockaddr_in6 sa = { 0 }; /* sockaddr_in has its port in the same place */
	socklen_t len = sizeof(sa);

	if (getsockname(h->fd, (struct sockaddr *)&sa, &len) < 0)
		return 0;
	return ntohs(sa.sin6_port);
}
