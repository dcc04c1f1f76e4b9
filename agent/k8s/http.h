/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP to the API servers: libcurl's multi interface (HTTP/2, gzip, TLS) behind one descriptor, which is readable when
 * wr_http_process has work. No thread, no blocking call. All requests share one connection where the server speaks HTTP/2.
 *
 * Requests go to one server at a time; a failure of the transport or of the server (500, 502 to 504) moves on to the next for all that
 * follow.
 */
#ifndef WR_AGENT_K8S_HTTP_H
#define WR_AGENT_K8S_HTTP_H

#include <stddef.h>
#include <stdint.h>

#include "agent/k8s/access.h"

struct wr_http;
struct wr_http_call; /* one request under way */

struct wr_http_result {
	long status;          /* 0: no answer */
	uint32_t retry_after; /* seconds, of a Retry-After header; 0: none */
	const char *error; /* what failed, or the server's message; NULL: status is 2xx and the body was whole */
};

struct wr_http_request {
	const char *method;       /* "GET", "PATCH", "POST" */
	const char *path;         /* with its query */
	const char *body;         /* NULL: none; copied */
	const char *content_type; /* of the body */
	long timeout_ms;          /* 0: as long as the server speaks (watches) */
	/* Body of a 2xx answer, piece by piece; a negative errno ends the call with that error. NULL: dropped. */
	int (*data)(void *ctx, const char *data, size_t size);
	/* Always once, unless the call is cancelled; the call is gone afterwards. New calls may be started here. */
	void (*done)(void *ctx, const struct wr_http_result *result);
	void *ctx;
};

/* Takes the access. */
int wr_http_open(struct wr_k8s_access *access, struct wr_http **ret, struct wr_err *err);
void wr_http_close(struct wr_http *h); /* cancels everything */
int wr_http_fd(const struct wr_http *h);
void wr_http_process(struct wr_http *h);
/* Never fails at once: what cannot be started is reported by done, from wr_http_process. */
struct wr_http_call *wr_http_start(struct wr_http *h, const struct wr_http_request *rq);
void wr_http_cancel(struct wr_http *h,
		    struct wr_http_call *call);      /* done is not called; not from data */
const char *wr_http_server(const struct wr_http *h); /* the one in use */
struct wr_k8s_access *wr_http_access(struct wr_http *h);
uint64_t wr_http_bytes(const struct wr_http *h); /* received, after decompression */

#endif
