// SPDX-License-Identifier: Apache-2.0
/* A Pod by name, once. */
#include "agent/k8s/ask.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/strbuf.h"
#include "lib/json/json.h"

#define TIMEOUT_MS 5000
#define POD_MAX    (2u << 20)
#define NAME_MAX_K 253

struct ask {
	struct ask *next;
	struct wr_k8s_asks *all;
	struct wr_http_call *call;
	struct wr_strbuf body;
};

struct wr_k8s_asks {
	struct wr_http *http;
	struct wr_store *store;
	struct ask *first;
};

struct wr_k8s_asks *wr_k8s_asks_new(struct wr_http *http, struct wr_store *store)
{
	struct wr_k8s_asks *a = wr_xcalloc(1, sizeof(*a));

	a->http = http;
	a->store = store;
	return a;
}

static void ask_free(struct ask *q)
{
	struct ask **at;

	for (at = &q->all->first; *at != q; at = &(*at)->next)
		;
	*at = q->next;
	wr_strbuf_done(&q->body);
	free(q);
}

void wr_k8s_asks_free(struct wr_k8s_asks *a)
{
	while (a && a->first) {
		wr_http_cancel(a->http, a->first->call);
		ask_free(a->first);
	}
	free(a);
}

static int on_data(void *ctx, const char *data, size_t size)
{
	struct ask *q = ctx;

	if (q->body.len + size > POD_MAX)
		return -EFBIG;
	wr_strbuf_add(&q->body, data, size);
	return 0;
}

static void on_done(void *ctx, const struct wr_http_result *result)
{
	struct ask *q = ctx;
	wr_auto_json *j = NULL;
	struct wr_object *o;

	if (!result->error && wr_json_parse(q->body.buf, q->body.len, &j, NULL) == 0 &&
	    wr_object_decode_as(WR_KIND_POD, j, false, &o, NULL) == 0)
		wr_store_put(q->all->store, o);
	ask_free(q);
}

/* Nothing that could leave its place in a path. */
static bool is_name(const char *s)
{
	size_t len = strlen(s);

	return len && len <= NAME_MAX_K && s[0] != '.' &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-.") == len;
}

void wr_k8s_ask_pod(struct wr_k8s_asks *a, const char *ns, const char *name)
{
	wr_autofree char *path = NULL;
	struct wr_http_request rq = {
		.method = "GET", .timeout_ms = TIMEOUT_MS, .data = on_data, .done = on_done
	};
	struct ask *q;

	if (!is_name(ns) || !is_name(name))
		return;
	path = wr_xasprintf("/api/v1/namespaces/%s/pods/%s", ns, name);
	q = wr_xcalloc(1, sizeof(*q));
	q->all = a;
	q->next = a->first;
	q->body = WR_STRBUF_INIT;
	a->first = q;
	rq.path = path;
	rq.ctx = q;
	q->call = wr_http_start(a->http, &rq);
}
