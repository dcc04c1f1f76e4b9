// SPDX-License-Identifier: Apache-2.0
/* The Kubernetes API in the loop. */
#include "agent/api.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/k8s/ask.h"
#include "agent/k8s/source.h"
#include "agent/log.h"
#include "agent/obj/store.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/io.h"
#include "lib/base/str.h"
#include "lib/base/strbuf.h"

#define DUTIES_MS    5000
#define SERVERS_MAX  (64u << 10)
#define SERVERS_FILE "api-servers"

struct wr_api {
	struct wr_agent *agent;
	struct wr_k8s_source *source;
	struct wr_k8s_duties *duties;
	struct wr_k8s_asks *asks;
	struct wr_io io;
	struct wr_timer timer;
};

static void ready(struct wr_io *io, uint32_t events)
{
	wr_k8s_source_process(WR_CONTAINER_OF(io, struct wr_api, io)->source);
}

static const struct wr_node *own_node(const struct wr_agent *a)
{
	const struct wr_object *o = wr_store_get(a->store, WR_KIND_NODE, "", a->config->node);

	return o ? (const struct wr_node *)o : NULL;
}

static void do_duties(struct wr_timer *t)
{
	struct wr_api *api = WR_CONTAINER_OF(t, struct wr_api, timer);
	struct wr_agent *a = api->agent;

	wr_k8s_duties_run(api->duties, own_node(a), wr_health_is_ready(&a->health));
	wr_timer_start(a->loop, t, DUTIES_MS, do_duties);
}

static char *servers_path(const struct wr_agent *a)
{
	return wr_xasprintf("%s/" SERVERS_FILE, a->paths.state);
}

/* Servers that a run before has seen, behind the configured ones. */
static void remember_servers(const struct wr_agent *a, struct wr_k8s_access *access)
{
	wr_autofree char *path = servers_path(a), *text = NULL;
	char *line, *rest;

	if (wr_read_file(path, SERVERS_MAX, &text, NULL))
		return;
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		if (wr_has_prefix(line, "https://"))
			wr_k8s_access_add_server(access, line);
}

static bool is_api_slice(const struct wr_slice *s)
{
	return wr_streq(s->o.ns, "default") && wr_streq(s->service, "kubernetes") && s->ports.n;
}

static int add_slice_servers(void *ctx, struct wr_object *o)
{
	const struct wr_slice *s = (const struct wr_slice *)o;
	struct wr_strbuf *out = ctx;
	char text[WR_ADDR_STRLEN];
	uint32_t i;

	for (i = 0; is_api_slice(s) && i < s->endpoints.n; i++) {
		const struct wr_addr addr = wr_slice_at(s, i).addr;

		wr_addr_format(&addr, text);
		wr_strbuf_addf(out, wr_addr_is4(&addr) ? "https://%s:%u\n" : "https://[%s]:%u\n",
			       text, s->ports.v[0].port);
	}
	return 0;
}

/* The API's own slices have changed: the list on disk and the one in use follow. Nothing is ever taken from the one in use. */
static void follow_servers(struct wr_api *api)
{
	wr_autofree char *path = servers_path(api->agent), *text = NULL;
	wr_auto_strbuf list = WR_STRBUF_INIT;
	struct wr_err err = WR_ERR_INIT;
	char *line, *rest;
	int r;

	wr_store_each(api->agent->store, WR_KIND_ENDPOINTSLICE, add_slice_servers, &list);
	if (!list.len)
		return;
	r = wr_write_file_atomic(path, list.buf, list.len, 0600, WR_WRITE_IF_CHANGED);
	if (r < 0) {
		wr_err_sys(&err, r, "%s", path);
		wr_log(WR_LOG_WARN, "the API servers could not be kept on disk", WR_E(&err));
	}
	text = wr_strbuf_take(&list, NULL);
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		wr_k8s_access_add_server(wr_http_access(wr_k8s_source_http(api->source)), line);
}

static void store_changed(void *ctx, enum wr_kind kind, const struct wr_object *old,
			  const struct wr_object *new_)
{
	const struct wr_object *o = new_ ? new_ : old;
	struct wr_api *api = ctx;

	if (kind == WR_KIND_NODE && o && wr_streq(o->name, api->agent->config->node))
		wr_timer_start(api->agent->loop, &api->timer, 0, do_duties);
	if (kind == WR_KIND_ENDPOINTSLICE && new_ && is_api_slice((const struct wr_slice *)new_))
		follow_servers(api);
	if (!o)
		wr_log(WR_LOG_INFO, "first list is complete", WR_S("kind", wr_kind_name(kind)),
		       WR_I("objects", (int64_t)wr_store_count(api->agent->store, kind)));
}

static int read_access(const struct wr_agent *a, struct wr_k8s_access *ret, struct wr_err *err)
{
	const struct wr_agent_config *c = a->config;
	size_t i;
	int r;

	if (*c->kubeconfig)
		r = wr_k8s_access_kubeconfig(c->kubeconfig, ret, err);
	else
		r = wr_k8s_access_in_cluster(c->service_account,
					     (const char *const *)c->api_servers.list.v,
					     c->api_servers.list.n, ret, err);
	for (i = 0; !r && *c->kubeconfig && i < c->api_servers.list.n; i++)
		wr_k8s_access_add_server(ret, c->api_servers.list.v[i]);
	return r;
}

int wr_api_start(struct wr_agent *a, struct wr_err *err)
{
	struct wr_k8s_access access = { 0 };
	struct wr_api *api;
	int r = read_access(a, &access, err);

	if (r)
		return r;
	remember_servers(a, &access);
	api = wr_xcalloc(1, sizeof(*api));
	api->agent = a;
	a->api = api;
	r = wr_k8s_source_open(&access, a->store, a->config->node, &api->source, err);
	if (r) {
		wr_k8s_access_done(&access);
		return r;
	}
	api->duties = wr_k8s_duties_new(wr_k8s_source_http(api->source), a->config->node);
	api->asks = wr_k8s_asks_new(wr_k8s_source_http(api->source), a->store);
	wr_store_subscribe(a->store, store_changed, api);
	wr_log(WR_LOG_INFO, "following the Kubernetes API",
	       WR_S("server", wr_k8s_source_server(api->source)));
	wr_timer_start(a->loop, &api->timer, DUTIES_MS, do_duties);
	r = wr_io_add(a->loop, &api->io, wr_k8s_source_fd(api->source), EPOLLIN, ready);
	return r ? wr_err_sys(err, r, "the API client's descriptor") : 0;
}

void wr_api_stop(struct wr_agent *a)
{
	struct wr_api *api = a->api;

	if (!api)
		return;
	wr_timer_stop(a->loop, &api->timer);
	wr_io_del(a->loop, &api->io);
	wr_k8s_duties_free(api->duties);
	wr_k8s_asks_free(api->asks);
	if (api->source)
		wr_k8s_source_close(api->source);
	free(api);
	a->api = NULL;
}

void wr_api_want_all_pods(struct wr_agent *a, bool all)
{
	if (a->api)
		wr_k8s_source_want_all_pods(a->api->source, all);
}

void wr_api_ask_pod(struct wr_agent *a, const char *ns, const char *name)
{
	if (a->api)
		wr_k8s_ask_pod(a->api->asks, ns, name);
}

void wr_api_event(struct wr_agent *a, const struct wr_k8s_event *e)
{
	if (a->api)
		wr_k8s_event_send(a->api->duties, e);
}

static const char *state_name(enum wr_reflector_state state)
{
	static const char *const names[] = {
		[WR_REFLECTOR_WAITING] = "waiting",
		[WR_REFLECTOR_LISTING] = "listing",
		[WR_REFLECTOR_WATCHING] = "watching",
		[WR_REFLECTOR_ABSENT] = "absent",
	};

	return names[state];
}

static struct wr_json *encode_kind(const struct wr_agent *a, const struct wr_reflector_status *st)
{
	struct wr_json *j = wr_json_new_object(), *errors = wr_json_new_array();
	wr_autofree char *name =
		wr_xasprintf("%s %s", wr_k8s_source_server(a->api->source), wr_kind_name(st->kind));

	wr_json_add_str(j, "name", name);
	wr_json_add_str(j, "state", state_name(st->state));
	wr_json_add_bool(j, "synced", wr_store_is_synced(a->store, st->kind));
	wr_json_add_int(j, "objects", (int64_t)wr_store_count(a->store, st->kind));
	wr_json_add_int(j, "events", (int64_t)st->events);
	wr_json_add_int(j, "lists", (int64_t)st->lists);
	wr_json_add_int(j, "failures", (int64_t)st->failures);
	if (st->last_contact_ms)
		wr_json_add_int(j, "contact_ms",
				(int64_t)(wr_real_ms() - (wr_now_ms() - st->last_contact_ms)));
	if (st->error)
		wr_json_push(errors, wr_json_new_str(st->error));
	wr_json_add(j, "errors", errors);
	return j;
}

void wr_api_encode(const struct wr_agent *a, struct wr_json *list)
{
	struct wr_reflector_status st[WR_KIND_MAX];
	int i;

	wr_k8s_source_status(a->api->source, st);
	for (i = 0; i < WR_KIND_MAX; i++)
		wr_json_push(list, encode_kind(a, &st[i]));
}
