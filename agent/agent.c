// SPDX-License-Identifier: Apache-2.0
/* The agent's life: its parts in order, the loop, the end. */
#include "agent/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "agent/cni_install.h"
#include "agent/datapath.h"
#include "agent/domains.h"
#include "agent/endpoints.h"
#include "agent/events.h"
#include "agent/log.h"
#include "agent/nodes.h"
#include "agent/notices.h"
#include "agent/others.h"
#include "agent/notify.h"
#include "agent/obj/store.h"
#include "agent/peers.h"
#include "agent/policies.h"
#include "agent/retire.h"
#include "agent/services.h"
#include "agent/source.h"
#include "agent/sweeper.h"
#include "agent/verbs.h"
#include "agent/web.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/io.h"
#include "lib/base/mem.h"
#include "lib/nl/sysctl.h"

#define LARGE (128 << 10)

static int start_store(struct wr_agent *a, struct wr_err *err)
{
	a->store = wr_store_new();
	return 0;
}

static void stop_store(struct wr_agent *a)
{
	if (a->store)
		wr_store_free(a->store);
}

static int start_peers(struct wr_agent *a, struct wr_err *err)
{
	return wr_peers_open(a->dp, &a->peers, err);
}

static void stop_peers(struct wr_agent *a)
{
	wr_peers_close(a->peers);
}

static int start_reconciling(struct wr_agent *a, struct wr_err *err)
{
	wr_reconcile_start(a);
	wr_reconcile_run(a);
	return 0;
}

static int start_server(struct wr_agent *a, struct wr_err *err)
{
	return wr_server_open(a->loop, a->paths.socket, wr_agent_verbs, a, &a->server, err);
}

static void stop_server(struct wr_agent *a)
{
	wr_server_close(a->server);
}

/*
 * Started in this order, stopped in the reverse. The source comes before the first pass, so that the pass sees what a
 * directory holds; the socket after it, so that nobody is answered before.
 */
static const struct {
	const char *name;
	int (*start)(struct wr_agent *a, struct wr_err *err);
	void (*stop)(struct wr_agent *a);
} parts[] = {
	{ "store", start_store, stop_store },
	{ "datapath", wr_datapath_start, wr_datapath_stop },
	{ "peers", start_peers, stop_peers },
	{ "nodes", wr_nodes_start, wr_nodes_stop },
	{ "services", wr_services_start, wr_services_stop },
	{ "policies", wr_policies_start, wr_policies_stop },
	{ "endpoints", wr_endpoints_start, wr_endpoints_stop },
	{ "domains", wr_domains_start, wr_domains_stop },
	{ "events", wr_event_hub_start, wr_event_hub_stop },
	{ "sweeper", wr_sweeper_start, wr_sweeper_stop },
	{ "notices", wr_notices_start, wr_notices_stop },
	{ "others", wr_others_start, wr_others_stop },
	{ "source", wr_source_start, wr_source_stop },
	{ "reconcilers", start_reconciling, wr_reconcile_stop },
	{ "socket", start_server, stop_server },
	{ "web", wr_web_start, wr_web_stop },
	{ "cni", wr_cni_install_start, wr_cni_install_stop },
	{ "retirement", wr_retire_start, wr_retire_stop },
};

int wr_agent_lock(const struct wr_paths *paths, int *ret_fd, struct wr_err *err)
{
	wr_autofree char *file = wr_xasprintf("%s/agent.lock", paths->run);
	wr_autofd int fd = -1;
	int r = wr_mkdirs(paths->run, 0700);

	if (r)
		return wr_err_sys(err, r, "making %s", paths->run);
	fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return wr_err_sys(err, -errno, "opening %s", file);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return wr_err_set(err, errno == EWOULDBLOCK ? -EBUSY : -errno,
				  "another agent of instance %s runs (%s)", paths->instance, file);
	*ret_fd = wr_take_fd(&fd);
	return 0;
}

static void on_signal(void *ctx, int signo)
{
	struct wr_agent *a = ctx;
	int i;

	if (signo == SIGHUP) {
		for (i = 0; i < WR_RECONCILE_MAX; i++)
			wr_reconcile_due(a, (enum wr_reconciler)i, true);
		return;
	}
	wr_log(WR_LOG_INFO, "stopping; the datapath stays in force", WR_I("signal", signo));
	wr_loop_stop(a->loop);
}

static int listen_to_signals(struct wr_agent *a, struct wr_err *err)
{
	sigset_t set;

	(void)signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	return wr_loop_on_signals(a->loop, &set, on_signal, a, err);
}

static void feed_watchdog(struct wr_timer *t)
{
	struct wr_agent *a = WR_CONTAINER_OF(t, struct wr_agent, watchdog);

	wr_notify("WATCHDOG=1");
	wr_timer_start(a->loop, t, wr_notify_watchdog_ms(), feed_watchdog);
}

static void tell_readiness(struct wr_agent *a)
{
	wr_auto_strbuf why = WR_STRBUF_INIT, state = WR_STRBUF_INIT;
	bool ready = wr_health_is_ready(&a->health);

	wr_health_reason(&a->health, &why);
	wr_strbuf_addf(&state, "%sSTATUS=%s", ready && !a->notified ? "READY=1\n" : "",
		       ready ? "ready" : why.buf);
	wr_notify(state.buf);
	a->notified = a->notified || ready;
	if (ready)
		wr_log(WR_LOG_INFO, "ready");
	else
		wr_log(WR_LOG_WARN, "not ready", WR_S("reason", why.buf));
	wr_cni_install_poke(a);
}

static void after_round(void *ctx)
{
	struct wr_agent *a = ctx;

	wr_reconcile_run(a);
	if (wr_health_take_change(&a->health))
		tell_readiness(a);
}

static int start_parts(struct wr_agent *a, size_t *ret_n, struct wr_err *err)
{
	size_t i;
	int r = 0;

	for (i = 0; i < WR_ARRAY_SIZE(parts) && r == 0; i++) {
		*ret_n = i + 1;
		r = parts[i].start(a, err);
		if (r)
			wr_err_wrap(err, r, "%s", parts[i].name);
	}
	return r;
}

static void stop_parts(struct wr_agent *a, size_t n)
{
	while (n--)
		if (parts[n].stop)
			parts[n].stop(a);
}

static int run(struct wr_agent *a, struct wr_err *err)
{
	size_t n = 0;
	int r = listen_to_signals(a, err);

	if (r == 0)
		r = start_parts(a, &n, err);
	if (r == 0) {
		wr_loop_after(a->loop, after_round, a);
		if (wr_notify_watchdog_ms())
			feed_watchdog(&a->watchdog);
		r = wr_loop_run(a->loop);
		wr_notify("STOPPING=1");
	}
	wr_timer_stop(a->loop, &a->watchdog);
	stop_parts(a, n);
	return r;
}

static int run_agent(const struct wr_agent_config *config, bool retiring, struct wr_err *err)
{
	struct wr_agent a = {
		.config = config,
		.lock_fd = -1,
		.retiring = retiring,
		.started_ms = wr_now_ms(),
	};
	int r = wr_paths_init(&a.paths, config->instance, err);

	if (r == 0)
		r = wr_agent_lock(&a.paths, &a.lock_fd, err);
	if (r == 0)
		r = wr_loop_new(&a.loop, err);
	if (r)
		return r;
	/* Large arrays have pages of their own, always: they grow without holes in the heap, and what they have not reached is no memory. */
	mallopt(M_MMAP_THRESHOLD, LARGE);
	wr_sysctl_set_root(config->proc_sys_net);
	wr_health_init(&a.health);
	wr_log(WR_LOG_INFO, "starting", WR_S("version", WR_VERSION),
	       WR_S("instance", a.paths.instance), WR_S("node", config->node));
	r = run(&a, err);
	wr_health_done(&a.health);
	wr_loop_free(a.loop);
	close(a.lock_fd);
	return r;
}

int wr_agent_run(const struct wr_agent_config *config, struct wr_err *err)
{
	return run_agent(config, false, err);
}

int wr_agent_run_until_empty(const struct wr_agent_config *config, struct wr_err *err)
{
	return run_agent(config, true, err);
}
