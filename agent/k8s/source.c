/* SPDX-License-Identifier: Apache-2.0 */
/* All kinds that are followed, behind one descriptor. */
#include "agent/k8s/source.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"

/* Not ours to serve: another proxy's services, and headless ones. %21 is "!", %2C a comma. */
#define OURS \
	"&labelSelector=%21service.kubernetes.io%2Fservice-proxy-name%2C%21service.kubernetes.io%2Fheadless"
#define OTHER_PODS \
	"&fieldSelector=spec.hostNetwork%3Dfalse%2Cstatus.phase%21%3DSucceeded%2Cstatus.phase%21%3DFailed"

struct wr_k8s_source {
	struct wr_http *http;
	int epoll, timer;
	char *own_pods; /* selector */
	struct wr_reflector *reflectors[WR_KIND_MAX];
};

static const struct wr_reflector_options kinds[] = {
	{ WR_KIND_NODE, "/api/v1/nodes", "", false },
	{ WR_KIND_NAMESPACE, "/api/v1/namespaces", "", false },
	{ WR_KIND_POD, "/api/v1/pods", "", false },
	{ WR_KIND_SERVICE, "/api/v1/services", OURS, false },
	{ WR_KIND_ENDPOINTSLICE, "/apis/discovery.k8s.io/v1/endpointslices", OURS, false },
	{ WR_KIND_NETWORKPOLICY, "/apis/networking.k8s.io/v1/networkpolicies", "", false },
	{ WR_KIND_CLUSTERNETWORKPOLICY,
	  "/apis/policy.networking.k8s.io/v1alpha2/clusternetworkpolicies", "", true },
};

static int watch_fd(int epoll, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

static int open_descriptors(struct wr_k8s_source *s)
{
	int r;

	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (s->epoll < 0)
		return -errno;
	s->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (s->timer < 0)
		return -errno;
	r = watch_fd(s->epoll, s->timer);
	return r ? r : watch_fd(s->epoll, wr_http_fd(s->http));
}

/* Wakes the loop at @due_ms; a time that has passed wakes it at once. */
static void set_timer(struct wr_k8s_source *s, uint64_t due_ms)
{
	struct itimerspec when = { 0 };

	if (due_ms != UINT64_MAX) {
		when.it_value.tv_sec = (time_t)(due_ms / 1000);
		when.it_value.tv_nsec = (long)(due_ms % 1000) * 1000000 + 1;
	}
	timerfd_settime(s->timer, TFD_TIMER_ABSTIME, &when, NULL);
}

static void run_reflectors(struct wr_k8s_source *s)
{
	uint64_t now = wr_now_ms(), next = UINT64_MAX, due;

	for (size_t i = 0; i < WR_ARRAY_SIZE(kinds); i++) {
		due = wr_reflector_run(s->reflectors[kinds[i].kind], now);
		next = WR_MIN(next, due);
	}
	set_timer(s, next);
}

int wr_k8s_source_open(struct wr_k8s_access *access, struct wr_store *store, const char *node,
		       struct wr_k8s_source **ret, struct wr_err *err)
{
	struct wr_k8s_source *s = wr_xcalloc(1, sizeof(*s));
	int r;

	s->epoll = s->timer = -1;
	r = wr_http_open(access, &s->http, err);
	if (!r)
		r = open_descriptors(s);
	if (r) {
		wr_k8s_source_close(s);
		return wr_err_sys(err, r, "Kubernetes API client");
	}
	s->own_pods = wr_xasprintf("&fieldSelector=spec.nodeName%%3D%s", node);
	for (size_t i = 0; i < WR_ARRAY_SIZE(kinds); i++) {
		struct wr_reflector_options opt = kinds[i];

		if (opt.kind == WR_KIND_POD)
			opt.selector = s->own_pods;
		s->reflectors[opt.kind] = wr_reflector_new(s->http, store, &opt);
	}
	run_reflectors(s);
	*ret = s;
	return 0;
}

void wr_k8s_source_close(struct wr_k8s_source *s)
{
	for (size_t i = 0; i < WR_KIND_MAX; i++)
		wr_reflector_free(s->reflectors[i]);
	if (s->http)
		wr_http_close(s->http);
	wr_close_p(&s->timer);
	wr_close_p(&s->epoll);
	free(s->own_pods);
	free(s);
}

int wr_k8s_source_fd(const struct wr_k8s_source *s)
{
	return s->epoll;
}

void wr_k8s_source_process(struct wr_k8s_source *s)
{
	uint64_t ticks;

	if (read(s->timer, &ticks, sizeof(ticks)) < 0 && errno != EAGAIN)
		return;
	wr_http_process(s->http);
	run_reflectors(s);
}

void wr_k8s_source_want_all_pods(struct wr_k8s_source *s, bool all)
{
	wr_reflector_select(s->reflectors[WR_KIND_POD], all ? OTHER_PODS : s->own_pods);
	set_timer(s, wr_now_ms());
}

struct wr_http *wr_k8s_source_http(struct wr_k8s_source *s)
{
	return s->http;
}

void wr_k8s_source_status(const struct wr_k8s_source *s, struct wr_reflector_status ret[WR_KIND_MAX])
{
	for (size_t i = 0; i < WR_KIND_MAX; i++)
		wr_reflector_get_status(s->reflectors[i], &ret[i]);
}

const char *wr_k8s_source_server(const struct wr_k8s_source *s)
{
	return wr_http_server(s->http);
}
