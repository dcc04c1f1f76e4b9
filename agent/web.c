// SPDX-License-Identifier: Apache-2.0
/* The pages of the health port. */
#include "agent/web.h"

#include "agent/agent.h"
#include "agent/httpd.h"
#include "agent/log.h"
#include "agent/metrics.h"
#include "lib/base/cleanup.h"
#include "lib/base/str.h"

#define RETRY_MS 5000

/* That it answers is the answer: a loop that hangs does not. */
static void page_health(const struct wr_agent *a, struct wr_httpd_response *resp)
{
	wr_strbuf_addstr(&resp->body, "ok\n");
}

static void page_ready(const struct wr_agent *a, struct wr_httpd_response *resp)
{
	resp->status = wr_health_is_ready(&a->health) ? 200 : 503;
	wr_health_report(&a->health, &resp->body);
}

static void page_metrics(const struct wr_agent *a, struct wr_httpd_response *resp)
{
	resp->content_type = "text/plain; version=0.0.4; charset=utf-8";
	wr_metrics_write(a, &resp->body);
}

static const struct {
	const char *path;
	void (*write)(const struct wr_agent *a, struct wr_httpd_response *resp);
} pages[] = {
	{ "/healthz", page_health },
	{ "/readyz", page_ready },
	{ "/metrics", page_metrics },
};

static void serve(void *ctx, const struct wr_httpd_request *req, struct wr_httpd_response *resp)
{
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(pages); i++) {
		if (wr_streq(req->path, pages[i].path)) {
			pages[i].write(ctx, resp);
			return;
		}
	}
	resp->status = 404;
	wr_strbuf_addstr(&resp->body, "/healthz, /readyz and /metrics are here\n");
}

static void open_port(struct wr_timer *t)
{
	struct wr_agent *a = WR_CONTAINER_OF(t, struct wr_agent, http_retry);
	const struct wr_listen *l = &a->config->health;
	struct wr_err err = WR_ERR_INIT;

	if (wr_httpd_open(a->loop, &l->addr, l->port, serve, a, &a->http, &err) == 0)
		return;
	wr_log(WR_LOG_ERROR, "no health and metrics for now", WR_E(&err));
	wr_timer_start(a->loop, t, RETRY_MS, open_port);
}

int wr_web_start(struct wr_agent *a, struct wr_err *err)
{
	if (a->config->health.on)
		open_port(&a->http_retry);
	return 0;
}

void wr_web_stop(struct wr_agent *a)
{
	wr_timer_stop(a->loop, &a->http_retry);
	wr_httpd_close(a->http);
	a->http = NULL;
}
