/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Kubernetes API as a source of objects: one reflector a kind, one descriptor for the agent's loop. What is watched
 * (docs/architecture.md, section 5): Nodes, Namespaces, Services and EndpointSlices that are ours to serve, NetworkPolicies,
 * ClusterNetworkPolicies (also when their CRD appears later), and Pods: this node's always, all others only while a policy has
 * pod peers.
 */
#ifndef WR_AGENT_K8S_SOURCE_H
#define WR_AGENT_K8S_SOURCE_H

#include "agent/k8s/http.h"
#include "agent/k8s/reflector.h"
#include "agent/obj/store.h"

struct wr_k8s_source;

/* Takes @access. @node: this node's name. */
int wr_k8s_source_open(struct wr_k8s_access *access, struct wr_store *store, const char *node,
		       struct wr_k8s_source **ret, struct wr_err *err);
void wr_k8s_source_close(struct wr_k8s_source *s);
int wr_k8s_source_fd(const struct wr_k8s_source *s); /* readable: call process */
void wr_k8s_source_process(struct wr_k8s_source *s);
/* Pods of every node, or of this node alone. */
void wr_k8s_source_want_all_pods(struct wr_k8s_source *s, bool all);
struct wr_http *wr_k8s_source_http(struct wr_k8s_source *s);

/* For `weir status` and metrics. Fills ret[kind] for every kind. */
void wr_k8s_source_status(const struct wr_k8s_source *s, struct wr_reflector_status ret[WR_KIND_MAX]);
const char *wr_k8s_source_server(const struct wr_k8s_source *s);

#endif
