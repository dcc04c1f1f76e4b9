/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an API server answers, in small pieces: NUL separates the bodies, in the order of the requests: a list that streams, or one's
 * pages after an answer that is none, then watches. Whatever it says, the reflector goes on, and nothing stays interned when it is gone.
 *
 * This file is the transport: wr_http_start and wr_http_cancel of agent/k8s/http.h are answered here.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/k8s/reflector.h"
#include "lib/base/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ANSWERS_MAX 16

struct wr_http {
	const uint8_t *at, *end; /* bodies that have not been sent */
	struct wr_http_request rq;
	bool open;
};

struct wr_http_call *wr_http_start(struct wr_http *h, const struct wr_http_request *rq)
{
	if (h->open || !strstr(rq->path, "/api/v1/pods?"))
		abort();
	h->rq = *rq;
	h->open = true;
	return (struct wr_http_call *)h;
}

void wr_http_cancel(struct wr_http *h, struct wr_http_call *call)
{
	h->open = false;
}

static int send_pieces(struct wr_http *h, const uint8_t *body, size_t size)
{
	size_t piece = size / 8 + 1, n;
	int r = 0;

	for (; size && r == 0; body += n, size -= n) {
		n = WR_MIN(piece, size);
		r = h->rq.data(h->rq.ctx, (const char *)body, n);
	}
	return r;
}

/* The next body; the first byte of an empty one says what status it has instead. */
static void answer(struct wr_http *h)
{
	static const long statuses[] = { 404, 410, 429, 500 };
	const uint8_t *body = h->at, *nul = memchr(body, 0, (size_t)(h->end - body));
	struct wr_http_result result = { .status = 200 };
	size_t size = (size_t)((nul ? nul : h->end) - body);

	h->at = nul ? nul + 1 : h->end;
	if (size == 1)
		result = (struct wr_http_result){ .status = statuses[*body % 4], .error = "no" };
	else if (send_pieces(h, body, size))
		result.error = "the body was refused";
	h->open = false;
	h->rq.done(h->rq.ctx, &result);
}

static void follow(struct wr_http *h, struct wr_store *store, enum wr_kind kind)
{
	struct wr_reflector_options opt = {
		.kind = kind, .path = "/api/v1/pods", .selector = "", .optional = true
	};
	struct wr_reflector *r = wr_reflector_new(h, store, &opt);
	int i;

	for (i = 0; i < ANSWERS_MAX && h->at < h->end; i++) {
		wr_reflector_run(r, UINT64_MAX);
		if (!h->open)
			abort(); /* something is always due in the end */
		answer(h);
	}
	wr_reflector_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wr_http h = { .at = data + 1, .end = data + size };
	struct wr_store *store;

	if (!size)
		return 0;
	store = wr_store_new();
	follow(&h, store, (enum wr_kind)(data[0] % WR_KIND_MAX));
	wr_store_free(store);
	if (wr_istr_count())
		abort();
	return 0;
}
