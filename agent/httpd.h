/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small HTTP/1.x server for health and metrics: GET and HEAD, no body, one request a connection
 * (Connection: close), bounded in connections, in size and in time.
 */
#ifndef WR_AGENT_HTTPD_H
#define WR_AGENT_HTTPD_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/loop.h"
#include "lib/base/addr.h"
#include "lib/base/strbuf.h"

#define WR_HTTPD_REQUEST_MAX 8192
#define WR_HTTPD_CLIENTS_MAX 32
#define WR_HTTPD_TIMEOUT_MS  5000

struct wr_httpd_request {
	bool head;
	char path[256]; /* without the query */
};

/*
 * 1: the header is whole and *ret is set; 0: more is needed; else the negative status to answer: -400 malformed, -405 another
 * method, -414 path too long, -431 header too large, -505 not HTTP/1.x.
 */
int wr_httpd_parse(const char *data, size_t size, struct wr_httpd_request *ret);

struct wr_httpd_response {
	int status;               /* 200 unless the handler says otherwise */
	const char *content_type; /* static; text/plain unless said */
	struct wr_strbuf headers; /* whole lines, "Name: value\r\n" */
	struct wr_strbuf body;
};
const char *wr_httpd_status_text(int status);

struct wr_httpd;
typedef void (*wr_httpd_fn)(void *ctx, const struct wr_httpd_request *req,
			    struct wr_httpd_response *resp);

/* Listens. -EADDRINUSE and the like name the address. */
int wr_httpd_open(struct wr_loop *loop, const struct wr_addr *addr, uint16_t port, wr_httpd_fn fn,
		  void *ctx, struct wr_httpd **ret, struct wr_err *err);
void wr_httpd_close(struct wr_httpd *h);
uint16_t wr_httpd_port(const struct wr_httpd *h); /* what it listens on */

#endif
