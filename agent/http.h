/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small HTTP/1.x server for health and metrics: GET and HEAD, no body, one request a connection
 * (Connection: close), bounded in connections, in size and in time.
 */
#ifndef WR_AGENT_HTTP_H
#define WR_AGENT_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/loop.h"
#include "lib/base/addr.h"
#include "lib/base/strbuf.h"

#define WR_HTTP_REQUEST_MAX 8192
#define WR_HTTP_CLIENTS_MAX 32
#define WR_HTTP_TIMEOUT_MS  5000

struct wr_http_request {
	bool head;
	char path[256]; /* without the query */
};

/*
 * 1: the header is whole and *ret is set; 0: more is needed; else the negative status to answer: -400 malformed, -405 another
 * method, -414 path too long, -431 header too large, -505 not HTTP/1.x.
 */
int wr_http_parse(const char *data, size_t size, struct wr_http_request *ret);

struct wr_http_response {
	int status;               /* 200 unless the handler says otherwise */
	const char *content_type; /* static; text/plain unless said */
	struct wr_strbuf body;
};
const char *wr_http_status_text(int status);

struct wr_http;
typedef void (*wr_http_fn)(void *ctx, const struct wr_http_request *req,
			   struct wr_http_response *resp);

/* Listens. -EADDRINUSE and the like name the address. */
int wr_http_open(struct wr_loop *loop, const struct wr_addr *addr, uint16_t port, wr_http_fn fn,
		 void *ctx, struct wr_http **ret, struct wr_err *err);
void wr_http_close(struct wr_http *h);
uint16_t wr_http_port(const struct wr_http *h); /* what it listens on */

#endif
