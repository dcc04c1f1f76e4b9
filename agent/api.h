/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Kubernetes API in the loop: the source of objects (agent/k8s), the duties that the node owes it, and the list of API
 * servers, which follows the default/kubernetes EndpointSlices and is kept in <state>/api-servers, a URL a line, so that
 * a restart finds a server even when the configured one has gone.
 */
#ifndef WR_AGENT_API_H
#define WR_AGENT_API_H

#include <stdbool.h>

#include "agent/k8s/duties.h"
#include "lib/base/err.h"
#include "lib/json/json.h"

struct wr_agent;

int wr_api_start(struct wr_agent *a, struct wr_err *err);
void wr_api_stop(struct wr_agent *a); /* not started: nothing */
/* Pods of all nodes, while a policy has pod peers; else this node's alone. */
void wr_api_want_all_pods(struct wr_agent *a, bool all);
/* This Pod, now: an ADD waits for it (agent/k8s/ask.h). */
void wr_api_ask_pod(struct wr_agent *a, const char *ns, const char *name);
/* An Event, when there is an API. */
void wr_api_event(struct wr_agent *a, const struct wr_k8s_event *e);
/* For "get status": one object for each kind that is followed, pushed to @list. */
void wr_api_encode(const struct wr_agent *a, struct wr_json *list);

#endif
