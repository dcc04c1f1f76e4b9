// SPDX-License-Identifier: Apache-2.0
/* Leaving a node: pods first, then programs, maps and files. */
#include "agent/retire.h"

#include <signal.h>
#include <stdio.h>

#include "agent/agent.h"
#include "agent/cni_files.h"
#include "agent/endpoints.h"
#include "agent/httpd.h"
#include "agent/log.h"
#include "lib/base/cleanup.h"
#include "lib/base/str.h"
#include "lib/model/records.h"

#define LOOK_MS 2000

static void look(struct wr_timer *t)
{
	struct wr_agent *a = WR_CONTAINER_OF(t, struct wr_agent, retire);
	size_t n = wr_endpoints_count(a);
	char reason[64];

	snprintf(reason, sizeof(reason), "%zu pod%s left, then Weir is removed", n,
		 n == 1 ? " is" : "s are");
	wr_health_set(&a->health, WR_NEED_STAYING, reason);
	if (!n) {
		wr_loop_stop(a->loop);
		return;
	}
	/* Runtimes tear pods down by the configuration in force, which is another plugin's: nobody calls ours. */
	wr_reconcile_due(a, WR_RECONCILE_ENDPOINTS, true);
	wr_timer_start(a->loop, t, LOOK_MS, look);
}

int wr_retire_start(struct wr_agent *a, struct wr_err *err)
{
	if (!a->retiring) {
		wr_health_set(&a->health, WR_NEED_STAYING, NULL);
		return 0;
	}
	look(&a->retire);
	return 0;
}

void wr_retire_stop(struct wr_agent *a)
{
	wr_timer_stop(a->loop, &a->retire);
}

static int count_pods(const struct wr_agent_config *c, size_t *ret, struct wr_err *err)
{
	struct wr_records records = { 0 };
	struct wr_paths paths;
	size_t bad;
	int r = wr_paths_init(&paths, c->instance, err);

	if (r == 0)
		r = wr_records_load(paths.state, &records, &bad, err);
	if (r)
		return r;
	*ret = records.v.n;
	wr_records_done(&records);
	return 0;
}

static void serve(void *ctx, const struct wr_httpd_request *req, struct wr_httpd_response *resp)
{
	wr_strbuf_addstr(&resp->body, "Weir is removed from this node\n");
}

static void on_signal(void *ctx, int signo)
{
	wr_loop_stop(ctx);
}

/* Whoever restarts what has ended (a DaemonSet) must see that there is nothing left to do. */
static int stay(const struct wr_agent_config *c, struct wr_err *err)
{
	struct wr_httpd *http = NULL;
	struct wr_loop *loop;
	sigset_t set;
	int r = wr_loop_new(&loop, err);

	if (r)
		return r;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	r = wr_loop_on_signals(loop, &set, on_signal, loop, err);
	if (r == 0 && c->health.on)
		r = wr_httpd_open(loop, &c->health.addr, c->health.port, serve, NULL, &http, err);
	if (r == 0)
		r = wr_loop_run(loop);
	wr_httpd_close(http);
	wr_loop_free(loop);
	return r;
}

static int hand_back(const struct wr_agent_config *c, struct wr_err *err)
{
	int r = c->install_cni ? wr_cni_hand_back(c, err) : 1;

	if (r == 0)
		wr_log(WR_LOG_WARN, "no other network is configured: new pods wait",
		       WR_S("directory", c->cni_conf_dir));
	return r < 0 ? r : 0;
}

int wr_retire(const struct wr_agent_config *config, struct wr_err *err)
{
	size_t n = 0;
	int r = hand_back(config, err);

	if (r == 0)
		r = count_pods(config, &n, err);
	if (r == 0 && n)
		r = wr_agent_run_until_empty(config, err);
	if (r == 0)
		r = count_pods(config, &n, err);
	if (r || n)
		return r;
	wr_log(WR_LOG_INFO, "the last pod is gone");
	r = wr_agent_uninstall(config, err);
	return r ? r : stay(config, err);
}
