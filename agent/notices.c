// SPDX-License-Identifier: Apache-2.0
/* Events for what a person should know. */
#include "agent/notices.h"

#include <stdio.h>
#include <stdlib.h>

#include "agent/agent.h"
#include "agent/api.h"
#include "agent/endpoints.h"
#include "agent/k8s/duties.h"
#include "agent/obj/policy.h"
#include "agent/obj/store.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/dp/dp.h"

#define LOOK_MS     30000
#define FULL        90 /* percent */
#define HAS_ROOM    80 /* the next notice of the same map only after it had room again */
#define RANGES_TOLD 8

struct wr_notices {
	struct wr_agent *agent;
	struct wr_timer timer;
	bool maps_told[WR_MAP_MAX], ranges_told[RANGES_TOLD];
};

static const struct wr_node *own_node(const struct wr_agent *a)
{
	return (const struct wr_node *)wr_store_get(a->store, WR_KIND_NODE, "", a->config->node);
}

void wr_notices_node(struct wr_agent *a, const char *reason, const char *message)
{
	wr_api_event(a, &(struct wr_k8s_event){ .kind = "Node",
						.api_version = "v1",
						.ns = "",
						.name = a->config->node,
						.uid = a->config->node, /* as kubelet's Events have it */
						.warning = true,
						.reason = reason,
						.message = message });
}

static const wr_problems *problems_of(const struct wr_object *o)
{
	if (o->kind == WR_KIND_NETWORKPOLICY)
		return &((const struct wr_netpol *)o)->problems;
	if (o->kind == WR_KIND_CLUSTERNETWORKPOLICY)
		return &((const struct wr_cnp *)o)->problems;
	return NULL;
}

/* Every agent reads the same policy: the one that speaks first has spoken for all. */
static void tell_about_policy(struct wr_agent *a, const struct wr_object *o,
			      const wr_problems *problems)
{
	bool cluster = o->kind == WR_KIND_CLUSTERNETWORKPOLICY;
	wr_auto_strbuf text = WR_STRBUF_INIT;

	wr_strbuf_addf(&text, "%s %s", problems->v[0].field, problems->v[0].what);
	if (problems->n > 1)
		wr_strbuf_addf(&text, "; and %zu more (weir policy)", problems->n - 1);
	wr_api_event(a, &(struct wr_k8s_event){
				.kind = wr_kind_name(o->kind),
				.api_version = cluster ? "policy.networking.k8s.io/v1alpha2" :
							 "networking.k8s.io/v1",
				.ns = o->ns,
				.name = o->name,
				.uid = cluster ? ((const struct wr_cnp *)o)->uid :
						 ((const struct wr_netpol *)o)->uid,
				.warning = true,
				.shared = true,
				.reason = "PolicyNotUnderstood",
				.message = text.buf });
}

static void store_changed(void *ctx, enum wr_kind kind, const struct wr_object *old,
			  const struct wr_object *new_)
{
	struct wr_notices *n = ctx;
	const wr_problems *problems = new_ ? problems_of(new_) : NULL;

	if (problems && problems->n && (!old || old->content != new_->content))
		tell_about_policy(n->agent, new_, problems);
}

/* Full is their ordinary state: the oldest entry makes room. */
static bool is_lru(enum wr_map map)
{
	return map == WR_MAP_wr_new_flows || map == WR_MAP_wr_fragments ||
	       map == WR_MAP_wr_affinity || map == WR_MAP_wr_sock_udp;
}

static void look_at_maps(struct wr_notices *n)
{
	struct wr_dp_fill fill[WR_MAP_MAX];
	char text[128];
	int i;

	if (wr_dp_fill(n->agent->dp, fill))
		return;
	for (i = 0; i < WR_MAP_MAX; i++) {
		const struct wr_dp_fill *f = &fill[i];
		uint64_t percent =
			f->size > 1 && !is_lru(f->map) ? (uint64_t)f->used * 100 / f->size : 0;

		if (percent >= FULL && !n->maps_told[f->map]) {
			snprintf(text, sizeof(text),
				 "map %s holds %llu of %llu entries (config.mapSizes)",
				 wr_map_name(f->map), (unsigned long long)f->used,
				 (unsigned long long)f->size);
			wr_notices_node(n->agent, "MapNearlyFull", text);
			n->maps_told[f->map] = true;
		} else if (percent < HAS_ROOM) {
			n->maps_told[f->map] = false;
		}
	}
}

struct held {
	const struct wr_prefix *range;
	uint64_t n;
};

static int count_held(void *ctx, const struct wr_endpoint_view *v)
{
	struct held *h = ctx;

	h->n += wr_prefix_has(h->range, &v->record->addr4);
	return 0;
}

/* IPv6 ranges are never used up. As lib/ipam gives them: not the ends of the range, nor the gateway's. */
static void look_at_range(struct wr_notices *n, const struct wr_prefix *range, bool *told)
{
	struct held h = { .range = range };
	char text[128], prefix[WR_PREFIX_STRLEN];
	uint64_t size = wr_prefix_size(range);

	if (!wr_addr_is4(&range->addr) || size <= 3)
		return;
	wr_endpoints_each(n->agent, count_held, &h);
	if (h.n >= size - 3 && !*told) {
		snprintf(text, sizeof(text), "all %llu addresses of the pod range %s are in use",
			 (unsigned long long)h.n, wr_prefix_format(range, prefix));
		wr_notices_node(n->agent, "PodRangeExhausted", text);
	}
	*told = h.n >= size - 3;
}

static void look(struct wr_timer *t)
{
	struct wr_notices *n = WR_CONTAINER_OF(t, struct wr_notices, timer);
	const struct wr_node *node = own_node(n->agent);
	size_t i;

	look_at_maps(n);
	for (i = 0; node && i < node->pod_cidrs.n && i < RANGES_TOLD; i++)
		look_at_range(n, &node->pod_cidrs.v[i], &n->ranges_told[i]);
	wr_timer_start(n->agent->loop, t, LOOK_MS, look);
}

int wr_notices_start(struct wr_agent *a, struct wr_err *err)
{
	struct wr_notices *n;

	if (*a->config->manifests)
		return 0;
	n = wr_xcalloc(1, sizeof(*n));
	n->agent = a;
	a->notices = n;
	wr_store_subscribe(a->store, store_changed, n);
	wr_timer_start(a->loop, &n->timer, LOOK_MS, look);
	return 0;
}

void wr_notices_stop(struct wr_agent *a)
{
	if (!a->notices)
		return;
	wr_timer_stop(a->loop, &a->notices->timer);
	free(a->notices);
	a->notices = NULL;
}
