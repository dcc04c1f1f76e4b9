// SPDX-License-Identifier: Apache-2.0
/* The unix socket's listener: who may connect, and how many. */
#include "agent/server.h"

#include <errno.h>
#include <libgen.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/log.h"
#include "agent/server_client.h"
#include "lib/base/cleanup.h"
#include "lib/base/io.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

static struct wr_ratelimit full_limit = { .burst = 1, .window_ms = 10000 };

static void listener_ready(struct wr_io *io, uint32_t events)
{
	struct wr_server *s = WR_CONTAINER_OF(io, struct wr_server, io);
	int fd = accept4(io->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	uint32_t suppressed;

	if (fd < 0)
		return;
	if (s->n_clients < WR_SERVER_CLIENTS_MAX) {
		wr_client_new(s, fd);
		return;
	}
	close(fd);
	if (wr_ratelimit_pass(&full_limit, wr_loop_now(s->loop), &suppressed))
		wr_log(WR_LOG_WARN, "too many connections on the agent's socket",
		       WR_I("limit", WR_SERVER_CLIENTS_MAX), WR_I("suppressed", suppressed));
}

static int make_directory(const char *path, struct wr_err *err)
{
	wr_autofree char *copy = wr_xstrdup(path);
	const char *dir = dirname(copy);
	int r = wr_mkdirs(dir, 0700);

	return r ? wr_err_sys(err, r, "making %s", dir) : 0;
}

/* Bound under another name and renamed: a client finds the old socket or one that listens, never half of one. */
static int open_listener(const char *path, int *ret_fd, struct wr_err *err)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	wr_autofd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t mask;
	int r;

	if (wr_format(sun.sun_path, sizeof(sun.sun_path), "%s.new", path))
		return wr_err_set(err, -ENAMETOOLONG, "socket path %s is too long", path);
	if (fd < 0)
		return wr_err_sys(err, -errno, "socket");
	unlink(sun.sun_path);
	mask = umask(0177);
	r = bind(fd, (const struct sockaddr *)&sun, sizeof(sun)) < 0 ? -errno : 0;
	umask(mask);
	if (r)
		return wr_err_sys(err, r, "binding %s", sun.sun_path);
	if (listen(fd, 128) < 0 || rename(sun.sun_path, path) < 0)
		return wr_err_sys(err, -errno, "listening on %s", path);
	*ret_fd = wr_take_fd(&fd);
	return 0;
}

int wr_server_open(struct wr_loop *loop, const char *path, const struct wr_verb *verbs, void *ctx,
		   struct wr_server **ret, struct wr_err *err)
{
	wr_autofd int fd = -1;
	struct wr_server *s;
	int r = make_directory(path, err);

	if (r == 0)
		r = open_listener(path, &fd, err);
	if (r)
		return r;
	s = wr_xcalloc(1, sizeof(*s));
	*s = (struct wr_server){ .loop = loop, .verbs = verbs, .ctx = ctx };
	r = wr_io_add(loop, &s->io, fd, EPOLLIN, listener_ready);
	if (r) {
		free(s);
		return wr_err_sys(err, r, "epoll");
	}
	wr_take_fd(&fd);
	s->path = wr_xstrdup(path);
	*ret = s;
	return 0;
}

void wr_server_close(struct wr_server *s)
{
	if (!s)
		return;
	while (s->clients)
		wr_client_close(s->clients);
	wr_io_del(s->loop, &s->io);
	close(s->io.fd);
	unlink(s->path);
	free(s->path);
	free(s);
}

size_t wr_server_clients(const struct wr_server *s)
{
	return s->n_clients;
}
