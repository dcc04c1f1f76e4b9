/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The unix socket (0600) that the plugin and the CLI talk to: lib/wire's frames, many clients, nothing
 * blocks. What a client does wrong ends that client alone.
 *
 * Bounds: WR_SERVER_CLIENTS_MAX connections, WR_SERVER_REQUEST_MAX bytes a request, one request at a time, a stalled
 * transfer ends after WR_SERVER_STALL_MS, an idle connection after WR_SERVER_IDLE_MS, a stream's queue holds WR_SERVER_STREAM_MAX.
 */
#ifndef WR_AGENT_SERVER_H
#define WR_AGENT_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "agent/loop.h"
#include "lib/base/err.h"
#include "lib/json/json.h"

#define WR_SERVER_CLIENTS_MAX 256
#define WR_SERVER_REQUEST_MAX (1u << 20)
#define WR_SERVER_STALL_MS    10000
#define WR_SERVER_IDLE_MS     600000
#define WR_SERVER_STREAM_MAX  (256u << 10)

struct wr_client;

/* A verb returns 0 (answer with *ret_body), a negative errno (answer with @err), or this after wr_client_defer: the answer, or a
 * stream of messages, follows. */
#define WR_VERB_LATER 1

struct wr_verb {
	const char *name; /* NULL ends a table */
	int (*fn)(void *ctx, struct wr_client *c, const struct wr_json *body /* may be NULL */,
		  struct wr_json **ret_body, struct wr_err *err);
};

struct wr_server;

/* Makes the directory (0700) and the socket; one left by a dead agent is replaced. @verbs outlives the server. */
int wr_server_open(struct wr_loop *loop, const char *path, const struct wr_verb *verbs, void *ctx,
		   struct wr_server **ret, struct wr_err *err);
/* Ends all connections (their gone() is called) and removes the socket. */
void wr_server_close(struct wr_server *s);
size_t wr_server_clients(const struct wr_server *s);

/* Inside a verb: the answer comes later. gone(arg) is called once when the client leaves before it is answered. */
void wr_client_defer(struct wr_client *c, void (*gone)(void *arg), void *arg);
void wr_client_answer(struct wr_client *c, struct wr_json *body /* taken; may be NULL */);
void wr_client_fail(struct wr_client *c, const struct wr_err *err);
/* One message of a stream. false: the client's queue is full, the message was not taken up. */
bool wr_client_send(struct wr_client *c, struct wr_json *body /* taken */);
pid_t wr_client_pid(const struct wr_client *c);

#endif
