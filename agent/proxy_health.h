/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Health as load balancers ask for it, the way kube-proxy answers: /healthz and /livez of the node, and a port for each
 * service with a healthCheckNodePort (KEP 2438, KEP 3836).
 *
 *	/healthz   200 while services are in force as wanted and the node is not about to go; else 503
 *	/livez     the same without the node
 *	ports      200 and the number of ready endpoints here; 503 when there is none
 *
 * A port that is taken is tried again.
 */
#ifndef WR_AGENT_PROXY_HEALTH_H
#define WR_AGENT_PROXY_HEALTH_H

#include "agent/config.h"
#include "agent/loop.h"

struct wr_store;
struct wr_proxy_health;

/* What has failed for longer than this is not healthy any more. */
#define WR_PROXY_HEALTH_PATIENCE_MS 60000

struct wr_proxy_health *wr_proxy_health_new(struct wr_loop *loop, const struct wr_store *store,
					    const char *node);
void wr_proxy_health_free(struct wr_proxy_health *h); /* NULL is fine */
/* Where /healthz and /livez are; "off": nowhere. An IPv6 wildcard becomes IPv4's where there is no IPv6. */
void wr_proxy_health_listen(struct wr_proxy_health *h, const struct wr_listen *at);
uint16_t wr_proxy_health_port(const struct wr_proxy_health *h); /* 0: not listening */
/* What is wanted is in force, or could not be put there. Before the first word nothing is healthy. */
void wr_proxy_health_written(struct wr_proxy_health *h, bool ok, uint64_t now_ms);
/* As struct wr_svc_sink's health. */
void wr_proxy_health_service(struct wr_proxy_health *h, const char *ns, const char *name,
			     uint16_t port, uint32_t n);

#endif
