/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the Kubernetes API is reached: servers, and who we are to them. From a kubeconfig file (current context: certificates, tokens,
 * CA data, each inline or by file), or from a pod's service account. KUBERNETES_SERVICE_HOST is not read: where
 * Weir replaces kube-proxy, nobody answers there yet.
 */
#ifndef WR_AGENT_K8S_ACCESS_H
#define WR_AGENT_K8S_ACCESS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"
#include "lib/base/vec.h"

struct wr_k8s_access {
	WR_VEC(char *) servers; /* "https://host:6443", no slash at the end; tried in order */
	char *ca, *cert, *key;  /* PEM text; NULL: none */
	char *token;            /* NULL: none, or in the file */
	char *token_file;       /* read again before it is a minute old */
	bool insecure;          /* insecure-skip-tls-verify */
};

/* Errors name the file, line and field. @ret is untouched on failure. */
int wr_k8s_access_kubeconfig(const char *path, struct wr_k8s_access *ret, struct wr_err *err);
/* @dir: where the service account is mounted (/var/run/secrets/kubernetes.io/serviceaccount). */
int wr_k8s_access_in_cluster(const char *dir, const char *const *servers, size_t n_servers,
			     struct wr_k8s_access *ret, struct wr_err *err);
/* Puts further servers behind those that are there; what is there already is left out. */
void wr_k8s_access_add_server(struct wr_k8s_access *a, const char *server);
void wr_k8s_access_done(struct wr_k8s_access *a);

#endif
