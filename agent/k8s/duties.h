/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a network owes its Node object: the condition NetworkUnavailable cleared and the startup taint
 * weir.dev/agent-not-ready removed once this node can serve; and Events for what a person should know, rate limited.
 *
 * Nothing here waits or fails: a write that does not go through is tried again when wr_k8s_duties_run is next called
 * (the agent does so whenever its readiness or its Node changes, and every few seconds).
 */
#ifndef WR_AGENT_K8S_DUTIES_H
#define WR_AGENT_K8S_DUTIES_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/k8s/http.h"
#include "agent/obj/object.h"

#define WR_STARTUP_TAINT "weir.dev/agent-not-ready"

struct wr_k8s_duties;

struct wr_k8s_duties *wr_k8s_duties_new(struct wr_http *http, const char *node);
void wr_k8s_duties_free(struct wr_k8s_duties *d);
/* @node: this node's object as last seen; NULL: not seen yet. */
void wr_k8s_duties_run(struct wr_k8s_duties *d, const struct wr_node *node, bool ready);

struct wr_k8s_event {
	const char *kind, *api_version, *ns, *name,
		*uid; /* what it is about; ns "" for cluster-scoped; uid may be NULL */
	bool warning;
	bool shared;         /* every node would say the same: one Event for all */
	const char *reason;  /* CamelCase */
	const char *message; /* one sentence */
};
/* Sends, or drops and counts when there were more than 25 at once or more than one in ten seconds since. */
void wr_k8s_event_send(struct wr_k8s_duties *d, const struct wr_k8s_event *e);
uint64_t wr_k8s_events_dropped(const struct wr_k8s_duties *d);

#endif
