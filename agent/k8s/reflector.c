/* SPDX-License-Identifier: Apache-2.0 */
/* List, streamed or by pages, then watch, then list again when told to. */
#include "agent/k8s/reflector.h"

#include <errno.h>
#include <string.h>

#include "agent/k8s/items.h"
#include "agent/k8s/trim.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/str.h"
#include "lib/base/strbuf.h"

#define PAGE_SIZE       500
#define LIST_TIMEOUT_MS 60000
#define BACKOFF_MIN_MS  250
#define BACKOFF_MAX_MS  30000
#define ABSENT_MS       30000
#define EVENT_MAX       (4u << 20)
#define WATCH_MIN_S     300

struct wr_reflector {
	struct wr_http *http;
	struct wr_store *store;
	enum wr_kind kind;
	char *path, *selector;
	bool optional;
	bool pages; /* the server does not stream lists */

	enum wr_reflector_state state;
	uint64_t due_ms; /* of a list that streams: when it takes too long */
	struct wr_http_call *call;
	uint32_t backoff_ms;
	uint32_t random;

	char *version;   /* resourceVersion reached; NULL: list first */
	char *next_page; /* continue token; NULL: first page */
	bool gone;       /* the watch said so */
	struct wr_items items;
	struct wr_strbuf line; /* of a watch */

	uint64_t last_contact_ms, events, lists, failures;
	char *error;
};

struct wr_reflector *wr_reflector_new(struct wr_http *http, struct wr_store *store,
				      const struct wr_reflector_options *opt)
{
	struct wr_reflector *r = wr_xcalloc(1, sizeof(*r));

	r->http = http;
	r->store = store;
	r->kind = opt->kind;
	r->path = wr_xstrdup(opt->path);
	r->selector = wr_xstrdup(opt->selector);
	r->optional = opt->optional;
	r->backoff_ms = BACKOFF_MIN_MS;
	r->random = (uint32_t)wr_now_ns() ^ (uint32_t)opt->kind * 0x9e3779b9u;
	r->line = WR_STRBUF_INIT;
	wr_items_init(&r->items, NULL, NULL);
	return r;
}

void wr_reflector_free(struct wr_reflector *r)
{
	if (!r)
		return;
	if (r->call)
		wr_http_cancel(r->http, r->call);
	wr_items_done(&r->items);
	wr_strbuf_done(&r->line);
	free(r->path);
	free(r->selector);
	free(r->version);
	free(r->next_page);
	free(r->error);
	free(r);
}

/* Xorshift: only to keep a thousand agents from knocking at the same moment. */
static uint32_t jitter(struct wr_reflector *r, uint32_t range)
{
	r->random ^= r->random << 13;
	r->random ^= r->random >> 17;
	r->random ^= r->random << 5;
	return range ? r->random % range : 0;
}

static void wait_for(struct wr_reflector *r, enum wr_reflector_state state, uint64_t ms)
{
	r->state = state;
	r->due_ms = wr_now_ms() + ms;
}

static void set_string(char **p, const char *value)
{
	char *copy = value ? wr_xstrdup(value) : NULL;

	free(*p);
	*p = copy;
}

static void note_success(struct wr_reflector *r)
{
	r->backoff_ms = BACKOFF_MIN_MS;
	set_string(&r->error, NULL);
}

static void note_failure(struct wr_reflector *r, const struct wr_http_result *result)
{
	uint64_t wait = r->backoff_ms / 2 + jitter(r, r->backoff_ms);

	r->failures++;
	set_string(&r->error, result->error);
	if (result->retry_after)
		wait = result->retry_after * 1000ull + jitter(r, 1000);
	r->backoff_ms = WR_MIN(r->backoff_ms * 2, BACKOFF_MAX_MS);
	wait_for(r, WR_REFLECTOR_WAITING, wait);
}

static int put_text(struct wr_reflector *r, const struct wr_json *j)
{
	struct wr_object *o;

	if (wr_object_decode_as(r->kind, j, false, &o, NULL) == 0)
		wr_store_put(r->store, o);
	return 0;
}

static int on_item(void *ctx, char *text, size_t len)
{
	struct wr_reflector *r = ctx;
	wr_auto_json *j = NULL;
	int rc = wr_json_parse(text, wr_k8s_trim(text, len), &j, NULL);

	return rc ? rc : put_text(r, j);
}

static int on_list_data(void *ctx, const char *data, size_t size)
{
	struct wr_reflector *r = ctx;

	r->last_contact_ms = wr_now_ms();
	return wr_items_feed(&r->items, data, size);
}

static void list_is_complete(struct wr_reflector *r, const char *version)
{
	set_string(&r->version, version);
	r->lists++;
	wr_store_synced(r->store, r->kind);
	note_success(r);
	wait_for(r, WR_REFLECTOR_WAITING, 0);
}

static void list_again(struct wr_reflector *r)
{
	set_string(&r->version, NULL);
	set_string(&r->next_page, NULL);
}

static int read_list_end(struct wr_reflector *r)
{
	wr_auto_json *j = NULL;
	const struct wr_json *meta;
	const char *next;

	if (!wr_items_complete(&r->items) ||
	    wr_json_parse(r->items.rest.buf, r->items.rest.len, &j, NULL))
		return -EBADMSG;
	meta = wr_json_get(j, "metadata");
	next = wr_json_get_str(meta, "continue");
	if (!wr_json_get_str(meta, "resourceVersion"))
		return -EBADMSG;
	if (next && *next) {
		set_string(&r->next_page, next);
		note_success(r);
		wait_for(r, WR_REFLECTOR_WAITING, 0);
		return 0;
	}
	set_string(&r->next_page, NULL);
	list_is_complete(r, wr_json_get_str(meta, "resourceVersion"));
	return 0;
}

/* The server does not know the kind, which it need not. */
static bool is_absent(struct wr_reflector *r, const struct wr_http_result *result)
{
	if (result->status != 404 || !r->optional)
		return false;
	if (!wr_store_is_synced(r->store, r->kind) || wr_store_count(r->store, r->kind))
		wr_store_synced(r->store, r->kind);
	list_again(r);
	wait_for(r, WR_REFLECTOR_ABSENT, ABSENT_MS + jitter(r, ABSENT_MS / 4));
	return true;
}

static void on_list_done(void *ctx, const struct wr_http_result *result)
{
	struct wr_http_result broken = { .error = "the list ended before its end" };
	struct wr_reflector *r = ctx;

	r->call = NULL;
	if (is_absent(r, result))
		return;
	if (result->status == 410) /* the continue token has expired */
		list_again(r);
	if (result->error)
		note_failure(r, result);
	else if (read_list_end(r))
		note_failure(r, &broken);
}

static char *escaped(const char *s)
{
	wr_auto_strbuf out = WR_STRBUF_INIT;

	for (; *s; s++)
		if (strchr("-_.~", *s) || (*s >= '0' && *s <= '9') || (*s >= 'A' && *s <= 'Z') ||
		    (*s >= 'a' && *s <= 'z'))
			wr_strbuf_addch(&out, *s);
		else
			wr_strbuf_addf(&out, "%%%02X", (unsigned char)*s);
	return wr_strbuf_take(&out, NULL);
}

static void start_list(struct wr_reflector *r)
{
	wr_autofree char *token = r->next_page ? escaped(r->next_page) : NULL;
	wr_autofree char *path = wr_xasprintf("%s?limit=%d%s%s%s", r->path, PAGE_SIZE, r->selector,
					      token ? "&continue=" : "", token ? token : "");
	struct wr_http_request rq = { .method = "GET",
				      .path = path,
				      .timeout_ms = LIST_TIMEOUT_MS,
				      .data = on_list_data,
				      .done = on_list_done,
				      .ctx = r };

	wr_items_done(&r->items);
	wr_items_init(&r->items, on_item, r);
	if (!r->next_page)
		wr_store_begin(r->store, r->kind);
	r->state = WR_REFLECTOR_LISTING;
	r->call = wr_http_start(r->http, &rq);
}

static void on_error_event(struct wr_reflector *r, const struct wr_json *status)
{
	int64_t code = wr_json_get_int(status, "code", 0);

	r->gone = code == 410;
	set_string(&r->error, wr_json_get_str(status, "message"));
}

static void delete_object(struct wr_reflector *r, const struct wr_json *object)
{
	const struct wr_json *meta = wr_json_get(object, "metadata");
	const char *ns = wr_json_get_str(meta, "namespace"), *name = wr_json_get_str(meta, "name");

	if (name)
		wr_store_del(r->store, r->kind, ns ? ns : "", name);
}

/* A list that streams is the beginning of a watch: each object by itself, and this bookmark after the last. */
static bool ends_list(const struct wr_json *bookmark)
{
	const struct wr_json *meta = wr_json_get(bookmark, "metadata"),
			     *notes = wr_json_get(meta, "annotations");

	return wr_streq(wr_json_get_str(notes, "k8s.io/initial-events-end"), "true");
}

static void note_version(struct wr_reflector *r, bool bookmark, const struct wr_json *object)
{
	const char *version = wr_json_get_str(wr_json_get(object, "metadata"), "resourceVersion");

	if (!version)
		return;
	if (r->state == WR_REFLECTOR_WATCHING) {
		set_string(&r->version, version);
	} else if (bookmark && ends_list(object)) {
		list_is_complete(r, version);
		r->state = WR_REFLECTOR_WATCHING;
	}
}

static int on_event(struct wr_reflector *r, char *text, size_t len)
{
	wr_auto_json *j = NULL;
	const struct wr_json *object;
	const char *type;
	bool bookmark;

	if (wr_json_parse(text, wr_k8s_trim(text, len), &j, NULL))
		return -EBADMSG;
	type = wr_json_get_str(j, "type");
	object = wr_json_get(j, "object");
	if (!type || !object)
		return -EBADMSG;
	if (wr_streq(type, "ERROR")) {
		on_error_event(r, object);
		return -ECANCELED;
	}
	note_success(r);
	bookmark = wr_streq(type, "BOOKMARK");
	if (wr_streq(type, "DELETED"))
		delete_object(r, object);
	else if (!bookmark)
		put_text(r, object);
	note_version(r, bookmark, object);
	r->events++;
	return 0;
}

static int on_watch_data(void *ctx, const char *data, size_t size)
{
	struct wr_reflector *r = ctx;
	const char *end;
	int rc = 0;

	r->last_contact_ms = wr_now_ms();
	if (r->line.len + size > EVENT_MAX)
		return -EFBIG;
	wr_strbuf_add(&r->line, data, size);
	while (!rc && (end = memchr(r->line.buf, '\n', r->line.len))) {
		size_t len = (size_t)(end - r->line.buf);

		rc = len ? on_event(r, r->line.buf, len) : 0;
		wr_strbuf_consume(&r->line, len + 1);
	}
	return rc;
}

static void on_watch_done(void *ctx, const struct wr_http_result *result)
{
	struct wr_reflector *r = ctx;

	r->call = NULL;
	if (r->gone || result->status == 410)
		list_again(r);
	r->gone = false;
	if (result->error)
		note_failure(r, result);
	else
		wait_for(r, WR_REFLECTOR_WAITING,
			 jitter(r, 100)); /* the server ends watches now and then */
}

static void start_watch(struct wr_reflector *r)
{
	wr_autofree char *path =
		wr_xasprintf("%s?watch=1&allowWatchBookmarks=true&resourceVersion=%s&timeoutSeconds=%u%s",
			     r->path, r->version, WATCH_MIN_S + jitter(r, WATCH_MIN_S), r->selector);
	struct wr_http_request rq = {
		.method = "GET", .path = path, .data = on_watch_data, .done = on_watch_done, .ctx = r
	};

	wr_strbuf_reset(&r->line);
	r->state = WR_REFLECTOR_WATCHING;
	r->call = wr_http_start(r->http, &rq);
}

/* Servers that do not stream lists say so in one of these ways. */
static bool refuses_to_stream(const struct wr_http_result *result)
{
	return result->status == 400 || result->status == 422;
}

static void on_stream_done(void *ctx, const struct wr_http_result *result)
{
	struct wr_reflector *r = ctx;

	if (r->state == WR_REFLECTOR_WATCHING) {
		on_watch_done(ctx, result);
		return;
	}
	r->call = NULL;
	r->gone = false;
	if (is_absent(r, result))
		return;
	/* Also one that ended well and was no list. */
	r->pages = !result->error || refuses_to_stream(result);
	if (r->pages)
		wait_for(r, WR_REFLECTOR_WAITING, 0);
	else
		note_failure(r, result);
}

static void start_stream(struct wr_reflector *r)
{
	wr_autofree char *path =
		wr_xasprintf("%s?watch=1&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=%u%s",
			     r->path, WATCH_MIN_S + jitter(r, WATCH_MIN_S), r->selector);
	struct wr_http_request rq = {
		.method = "GET", .path = path, .data = on_watch_data, .done = on_stream_done, .ctx = r
	};

	wr_strbuf_reset(&r->line);
	wr_store_begin(r->store, r->kind);
	wait_for(r, WR_REFLECTOR_LISTING, LIST_TIMEOUT_MS);
	r->call = wr_http_start(r->http, &rq);
}

static bool is_streaming(const struct wr_reflector *r)
{
	return r->state == WR_REFLECTOR_LISTING && !r->pages;
}

/* A server that takes the words for an ordinary watch's never says where the list ends. */
static uint64_t run_stream(struct wr_reflector *r, uint64_t now_ms)
{
	if (now_ms < r->due_ms)
		return r->due_ms;
	wr_http_cancel(r->http, r->call);
	r->call = NULL;
	r->pages = true;
	start_list(r);
	return UINT64_MAX;
}

uint64_t wr_reflector_run(struct wr_reflector *r, uint64_t now_ms)
{
	if (r->call)
		return is_streaming(r) ? run_stream(r, now_ms) : UINT64_MAX;
	if (now_ms < r->due_ms)
		return r->due_ms;
	if (r->version)
		start_watch(r);
	else if (r->pages)
		start_list(r);
	else
		start_stream(r);
	return is_streaming(r) ? r->due_ms : UINT64_MAX;
}

void wr_reflector_select(struct wr_reflector *r, const char *selector)
{
	if (strcmp(r->selector, selector) == 0)
		return;
	set_string(&r->selector, selector);
	if (r->call)
		wr_http_cancel(r->http, r->call);
	r->call = NULL;
	list_again(r);
	wait_for(r, WR_REFLECTOR_WAITING, 0);
}

void wr_reflector_get_status(const struct wr_reflector *r, struct wr_reflector_status *ret)
{
	*ret = (struct wr_reflector_status){
		.kind = r->kind,
		.state = r->state,
		.last_contact_ms = r->last_contact_ms,
		.events = r->events,
		.lists = r->lists,
		.failures = r->failures,
		.error = r->error,
		.version = r->version ? r->version : "",
	};
}
