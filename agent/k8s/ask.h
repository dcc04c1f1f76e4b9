/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One Pod, asked for by name, into the store: for an ADD that is here before the watch has told of its pod. What the watch says
 * afterwards comes after it. No answer, or none that helps, changes nothing.
 */
#ifndef WR_AGENT_K8S_ASK_H
#define WR_AGENT_K8S_ASK_H

#include "agent/k8s/http.h"
#include "agent/obj/store.h"

struct wr_k8s_asks; /* questions under way */

struct wr_k8s_asks *wr_k8s_asks_new(struct wr_http *http, struct wr_store *store);
void wr_k8s_asks_free(struct wr_k8s_asks *a); /* cancels them; may be NULL */
/* Names are those of an ADD: anything that cannot be a Kubernetes name is not asked for. */
void wr_k8s_ask_pod(struct wr_k8s_asks *a, const char *ns, const char *name);

#endif
