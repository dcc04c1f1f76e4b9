/* SPDX-License-Identifier: Apache-2.0 */
/* The node's condition and taint, and Events. */
#include "agent/k8s/duties.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/hmap.h"
#include "lib/base/str.h"
#include "lib/base/strbuf.h"
#include "lib/json/json.h"

#define TIMEOUT_MS     10000
#define NODE_MAX       (1u << 20)
#define EVENT_BURST    25
#define EVENT_EVERY_MS 10000

struct wr_k8s_duties {
	struct wr_http *http;
	char *node;
	struct wr_http_call *call; /* one write to the Node at a time */
	struct wr_strbuf body;     /* of the Node that is read to find the taint's place */
	bool condition_done;       /* written since it was last seen set */
	uint32_t event_tokens;
	uint64_t token_ms, events_dropped, event_number;
};

struct wr_k8s_duties *wr_k8s_duties_new(struct wr_http *http, const char *node)
{
	struct wr_k8s_duties *d = wr_xcalloc(1, sizeof(*d));

	d->http = http;
	d->node = wr_xstrdup(node);
	d->body = WR_STRBUF_INIT;
	d->event_tokens = EVENT_BURST;
	d->token_ms = wr_now_ms();
	return d;
}

void wr_k8s_duties_free(struct wr_k8s_duties *d)
{
	if (!d)
		return;
	if (d->call)
		wr_http_cancel(d->http, d->call);
	wr_strbuf_done(&d->body);
	free(d->node);
	free(d);
}

static const char *timestamp(char buf[32])
{
	time_t now = time(NULL);
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(buf, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return buf;
}

static void on_write_done(void *ctx, const struct wr_http_result *result)
{
	struct wr_k8s_duties *d = ctx;

	d->call = NULL;
	if (result->error)
		d->condition_done = false;
}

static void clear_condition(struct wr_k8s_duties *d)
{
	wr_autofree char *path = wr_xasprintf("/api/v1/nodes/%s/status", d->node);
	wr_autofree char *body = NULL;
	char now[32];
	struct wr_http_request rq = { .method = "PATCH",
				      .path = path,
				      .timeout_ms = TIMEOUT_MS,
				      .content_type = "application/strategic-merge-patch+json",
				      .done = on_write_done,
				      .ctx = d };

	timestamp(now);
	body = wr_xasprintf("{\"status\":{\"conditions\":[{\"type\":\"NetworkUnavailable\",\"status\":\"False\","
			    "\"reason\":\"WeirIsUp\",\"message\":\"Weir serves pods on this node\","
			    "\"lastHeartbeatTime\":\"%s\",\"lastTransitionTime\":\"%s\"}]}}",
			    now, now);
	rq.body = body;
	d->condition_done = true;
	d->call = wr_http_start(d->http, &rq);
}

static int on_node_data(void *ctx, const char *data, size_t size)
{
	struct wr_k8s_duties *d = ctx;

	if (d->body.len + size > NODE_MAX)
		return -EFBIG;
	wr_strbuf_add(&d->body, data, size);
	return 0;
}

/* A JSON patch is the only one that removes a single taint; the test makes it fail when the list has moved. */
static void remove_taint(struct wr_k8s_duties *d, size_t i)
{
	wr_autofree char *path = wr_xasprintf("/api/v1/nodes/%s", d->node);
	wr_autofree char *body =
		wr_xasprintf("[{\"op\":\"test\",\"path\":\"/spec/taints/%zu/key\",\"value\":\"" WR_STARTUP_TAINT
			     "\"},"
			     "{\"op\":\"remove\",\"path\":\"/spec/taints/%zu\"}]",
			     i, i);
	struct wr_http_request rq = { .method = "PATCH",
				      .path = path,
				      .body = body,
				      .timeout_ms = TIMEOUT_MS,
				      .content_type = "application/json-patch+json",
				      .done = on_write_done,
				      .ctx = d };

	d->call = wr_http_start(d->http, &rq);
}

static void on_node_done(void *ctx, const struct wr_http_result *result)
{
	struct wr_k8s_duties *d = ctx;
	wr_auto_json *j = NULL;
	const struct wr_json *taints;

	d->call = NULL;
	if (result->error || wr_json_parse(d->body.buf, d->body.len, &j, NULL))
		return;
	taints = wr_json_path(j, "spec.taints");
	for (size_t i = 0; i < wr_json_len(taints); i++)
		if (wr_streq(wr_json_get_str(wr_json_at(taints, i), "key"), WR_STARTUP_TAINT)) {
			remove_taint(d, i);
			return;
		}
}

static void find_taint(struct wr_k8s_duties *d)
{
	wr_autofree char *path = wr_xasprintf("/api/v1/nodes/%s", d->node);
	struct wr_http_request rq = { .method = "GET",
				      .path = path,
				      .timeout_ms = TIMEOUT_MS,
				      .data = on_node_data,
				      .done = on_node_done,
				      .ctx = d };

	wr_strbuf_reset(&d->body);
	d->call = wr_http_start(d->http, &rq);
}

void wr_k8s_duties_run(struct wr_k8s_duties *d, const struct wr_node *node, bool ready)
{
	if (!ready || !node || d->call)
		return;
	if (!node->network_unavailable)
		d->condition_done = false;
	if (node->network_unavailable && !d->condition_done)
		clear_condition(d);
	else if (node->not_ready_taint)
		find_taint(d);
}

static bool take_token(struct wr_k8s_duties *d)
{
	uint64_t earned = (wr_now_ms() - d->token_ms) / EVENT_EVERY_MS;

	d->token_ms += earned * EVENT_EVERY_MS;
	d->event_tokens = (uint32_t)WR_MIN(d->event_tokens + earned, (uint64_t)EVENT_BURST);
	if (!d->event_tokens) {
		d->events_dropped++;
		return false;
	}
	d->event_tokens--;
	return true;
}

static struct wr_json *involved_object(const struct wr_k8s_event *e)
{
	struct wr_json *o = wr_json_new_object();

	wr_json_add_str(o, "kind", e->kind);
	wr_json_add_str(o, "apiVersion", e->api_version);
	wr_json_add_str(o, "name", e->name);
	if (*e->ns)
		wr_json_add_str(o, "namespace", e->ns);
	if (e->uid)
		wr_json_add_str(o, "uid", e->uid);
	return o;
}

/* The second to say something shared is told that it exists, and that is that. */
static char *event_name(struct wr_k8s_duties *d, const struct wr_k8s_event *e)
{
	uint32_t hash;

	if (!e->shared)
		return wr_xasprintf("%s.%llx%llx", e->name, (unsigned long long)wr_real_ms(),
				    (unsigned long long)d->event_number++);
	hash = wr_hash_bytes(e->message, strlen(e->message), 0);
	if (e->uid)
		hash = wr_hash_bytes(e->uid, strlen(e->uid), hash);
	return wr_xasprintf("%s.%08x", e->name, hash);
}

static struct wr_json *event_object(struct wr_k8s_duties *d, const struct wr_k8s_event *e,
				    const char *ns)
{
	wr_autofree char *name = event_name(d, e);
	struct wr_json *j = wr_json_new_object(), *meta = wr_json_new_object(),
		       *source = wr_json_new_object();
	char now[32];

	wr_json_add_str(meta, "name", name);
	wr_json_add_str(meta, "namespace", ns);
	wr_json_add_str(source, "component", "weir-agent");
	wr_json_add_str(source, "host", d->node);
	wr_json_add_str(j, "apiVersion", "v1");
	wr_json_add_str(j, "kind", "Event");
	wr_json_add(j, "metadata", meta);
	wr_json_add(j, "involvedObject", involved_object(e));
	wr_json_add(j, "source", source);
	wr_json_add_str(j, "type", e->warning ? "Warning" : "Normal");
	wr_json_add_str(j, "reason", e->reason);
	wr_json_add_str(j, "message", e->message);
	wr_json_add_str(j, "firstTimestamp", timestamp(now));
	wr_json_add_str(j, "lastTimestamp", now);
	wr_json_add_int(j, "count", 1);
	return j;
}

void wr_k8s_event_send(struct wr_k8s_duties *d, const struct wr_k8s_event *e)
{
	const char *ns = *e->ns ? e->ns : "default"; /* as kubelet does for events about Nodes */
	wr_autofree char *path = wr_xasprintf("/api/v1/namespaces/%s/events", ns);
	wr_auto_strbuf body = WR_STRBUF_INIT;
	struct wr_http_request rq = { .method = "POST",
				      .path = path,
				      .timeout_ms = TIMEOUT_MS,
				      .content_type = "application/json" };
	wr_auto_json *j = NULL;

	if (!take_token(d))
		return;
	j = event_object(d, e, ns);
	wr_json_format(j, false, &body);
	rq.body = body.buf;
	wr_http_start(d->http, &rq);
}

uint64_t wr_k8s_events_dropped(const struct wr_k8s_duties *d)
{
	return d->events_dropped;
}
