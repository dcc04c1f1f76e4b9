/* SPDX-License-Identifier: Apache-2.0 */
/* /healthz, /livez and the health check ports of services. */
#include "agent/proxy_health.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/httpd.h"
#include "agent/log.h"
#include "agent/obj/store.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define RETRY_MS 5000

struct port {
	struct wr_proxy_health *health;
	char *ns, *name;
	uint16_t number;
	uint32_t n;
	struct wr_httpd *http; /* NULL: the port is taken */
};

struct wr_proxy_health {
	struct wr_loop *loop;
	const struct wr_store *store;
	char *node;
	struct wr_listen at;
	struct wr_httpd *http;
	struct wr_timer retry;
	WR_VEC(struct port *) ports;
	bool written;
	uint64_t failing_since_ms; /* monotonic; 0: all is well */
	uint64_t updated_ms;       /* Unix epoch */
};

static bool is_proxy_healthy(const struct wr_proxy_health *h)
{
	if (!h->written)
		return false;
	return !h->failing_since_ms ||
	       wr_now_ms() - h->failing_since_ms <= WR_PROXY_HEALTH_PATIENCE_MS;
}

static bool is_node_eligible(const struct wr_proxy_health *h)
{
	const struct wr_object *o = wr_store_get(h->store, WR_KIND_NODE, "", h->node);
	const struct wr_node *node = (const struct wr_node *)o;

	return !o || (!o->deleting && !node->autoscaler_taint);
}

static void add_time(struct wr_strbuf *sb, uint64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	char text[32] = "";
	struct tm tm;

	if (gmtime_r(&seconds, &tm))
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	wr_strbuf_addstr(sb, text);
}

static void answer_node(void *ctx, const struct wr_httpd_request *req, struct wr_httpd_response *resp)
{
	const struct wr_proxy_health *h = ctx;
	bool livez = wr_streq(req->path, "/livez"), eligible = is_node_eligible(h);

	if (!livez && !wr_streq(req->path, "/healthz")) {
		resp->status = 404;
		wr_strbuf_addstr(&resp->body, "/healthz and /livez are here\n");
		return;
	}
	resp->status = is_proxy_healthy(h) && (livez || eligible) ? 200 : 503;
	resp->content_type = "application/json";
	wr_strbuf_addstr(&resp->body, "{\"lastUpdated\": \"");
	add_time(&resp->body, h->updated_ms);
	wr_strbuf_addstr(&resp->body, "\", \"currentTime\": \"");
	add_time(&resp->body, wr_real_ms());
	wr_strbuf_addf(&resp->body, "\", \"nodeEligible\": %s}\n", eligible ? "true" : "false");
}

static void answer_service(void *ctx, const struct wr_httpd_request *req,
			   struct wr_httpd_response *resp)
{
	const struct port *p = ctx;
	bool healthy = is_proxy_healthy(p->health);

	resp->status = p->n && healthy ? 200 : 503;
	resp->content_type = "application/json";
	wr_strbuf_addf(&resp->headers, "X-Load-Balancing-Endpoint-Weight: %u\r\n", p->n);
	wr_strbuf_addf(&resp->body,
		       "{\"service\": {\"namespace\": \"%s\", \"name\": \"%s\"}, "
		       "\"localEndpoints\": %u, \"serviceProxyHealthy\": %s}\n",
		       p->ns, p->name, p->n, healthy ? "true" : "false");
}

static int open_at(struct wr_proxy_health *h, struct wr_addr addr, uint16_t port, wr_httpd_fn fn,
		   void *ctx, struct wr_httpd **ret)
{
	struct wr_err err = WR_ERR_INIT;
	int r = wr_httpd_open(h->loop, &addr, port, fn, ctx, ret, &err);

	if (r == -EAFNOSUPPORT && wr_addr_is_zero(&addr)) {
		err = WR_ERR_INIT;
		wr_addr_parse("0.0.0.0", &addr);
		r = wr_httpd_open(h->loop, &addr, port, fn, ctx, ret, &err);
	}
	if (r < 0)
		wr_log(WR_LOG_ERROR, "no health checks on a port for now", WR_E(&err));
	return r;
}

static int open_port(struct port *p)
{
	const struct wr_addr any = { 0 };

	return p->http ? 0 : open_at(p->health, any, p->number, answer_service, p, &p->http);
}

static void open_all(struct wr_timer *t)
{
	struct wr_proxy_health *h = WR_CONTAINER_OF(t, struct wr_proxy_health, retry);
	int r = 0;
	size_t i;

	if (h->at.on && !h->http)
		r = open_at(h, h->at.addr, h->at.port, answer_node, h, &h->http);
	for (i = 0; i < h->ports.n; i++)
		r = open_port(h->ports.v[i]) < 0 ? -1 : r;
	if (r < 0)
		wr_timer_start(h->loop, &h->retry, RETRY_MS, open_all);
}

struct wr_proxy_health *wr_proxy_health_new(struct wr_loop *loop, const struct wr_store *store,
					    const char *node)
{
	struct wr_proxy_health *h = wr_xcalloc(1, sizeof(*h));

	h->loop = loop;
	h->store = store;
	h->node = wr_xstrdup(node);
	return h;
}

static void port_free(struct port *p)
{
	wr_httpd_close(p->http);
	free(p->ns);
	free(p->name);
	free(p);
}

void wr_proxy_health_free(struct wr_proxy_health *h)
{
	size_t i;

	if (!h)
		return;
	for (i = 0; i < h->ports.n; i++)
		port_free(h->ports.v[i]);
	wr_vec_done(&h->ports);
	wr_timer_stop(h->loop, &h->retry);
	wr_httpd_close(h->http);
	free(h->node);
	free(h);
}

void wr_proxy_health_listen(struct wr_proxy_health *h, const struct wr_listen *at)
{
	h->at = *at;
	open_all(&h->retry);
}

uint16_t wr_proxy_health_port(const struct wr_proxy_health *h)
{
	return h->http ? wr_httpd_port(h->http) : 0;
}

void wr_proxy_health_written(struct wr_proxy_health *h, bool ok, uint64_t now_ms)
{
	h->written |= ok;
	if (ok) {
		h->failing_since_ms = 0;
		h->updated_ms = wr_real_ms();
	} else if (!h->failing_since_ms) {
		h->failing_since_ms = now_ms;
	}
}

static size_t find(const struct wr_proxy_health *h, const char *ns, const char *name)
{
	size_t i;

	for (i = 0; i < h->ports.n; i++)
		if (wr_streq(h->ports.v[i]->ns, ns) && wr_streq(h->ports.v[i]->name, name))
			break;
	return i;
}

static void drop(struct wr_proxy_health *h, size_t i)
{
	port_free(h->ports.v[i]);
	wr_vec_del_unordered(&h->ports, i);
}

void wr_proxy_health_service(struct wr_proxy_health *h, const char *ns, const char *name,
			     uint16_t port, uint32_t n)
{
	size_t i = find(h, ns, name);
	struct port *p;

	if (i < h->ports.n && h->ports.v[i]->number != port) {
		drop(h, i);
		i = h->ports.n;
	}
	if (!port)
		return;
	if (i < h->ports.n) {
		h->ports.v[i]->n = n;
		return;
	}
	p = wr_xcalloc(1, sizeof(*p));
	*p = (struct port){ h, wr_xstrdup(ns), wr_xstrdup(name), port, n, NULL };
	wr_vec_push(&h->ports, p);
	if (open_port(p) < 0)
		wr_timer_start(h->loop, &h->retry, RETRY_MS, open_all);
}
