/* SPDX-License-Identifier: Apache-2.0 */
/* Which endpoints a service port has, and which of them new flows may take. */
#include "agent/svc/private.h"

#include "lib/base/str.h"

static bool has_name(const wr_istr *v, uint32_t n, wr_istr name)
{
	uint32_t i;

	for (i = 0; name && i < n; i++)
		if (v[i] == name)
			return true;
	return false;
}

static void push(const struct wr_svc_index *idx, const struct wr_slice_endpoint *ep, uint16_t port,
		 bool all_ready, struct wr_svc_endpoints *ret)
{
	struct wr_svc_endpoint e = {
		.addr = ep->addr,
		.port = port,
		.ready = ep->ready || all_ready,
		.serving = ep->serving || all_ready,
		.terminating = ep->terminating,
		.local = ep->node_name && ep->node_name == idx->node,
		.node = ep->node_name,
		.zone = ep->zone,
		.has_zone_hints = ep->hint_zones.n,
		.zone_hinted = has_name(ep->hint_zones.v, ep->hint_zones.n, idx->zone),
		.has_node_hints = ep->hint_nodes.n,
		.node_hinted = has_name(ep->hint_nodes.v, ep->hint_nodes.n, idx->node),
	};

	wr_vec_push(&ret->v, e);
}

static void push_slice(const struct wr_svc_index *idx, const struct wr_slice *slice,
		       const struct wr_service_port *port, bool all_ready,
		       struct wr_svc_endpoints *ret)
{
	const struct wr_slice_port *p;
	struct wr_slice_endpoint ep;
	uint32_t i, k;

	for (i = 0; i < slice->ports.n; i++) {
		p = &slice->ports.v[i];
		if (p->proto != port->proto || !p->port || !wr_streq(p->name, port->name))
			continue;
		for (k = 0; k < slice->endpoints.n; k++) {
			ep = wr_slice_at(slice, k);
			push(idx, &ep, p->port, all_ready, ret);
		}
	}
}

static int order(const void *a, const void *b)
{
	const struct wr_svc_endpoint *x = a, *y = b;
	int cmp = wr_addr_cmp(&x->addr, &y->addr);

	return cmp ? cmp : (int)x->port - (int)y->port;
}

/* While an endpoint moves between slices both may name it: the kinder word counts. */
static void merge(struct wr_svc_endpoint *into, const struct wr_svc_endpoint *e)
{
	into->ready |= e->ready;
	into->serving |= e->serving;
	into->terminating &= e->terminating;
	into->local |= e->local;
	into->has_zone_hints |= e->has_zone_hints;
	into->zone_hinted |= e->zone_hinted;
	into->has_node_hints |= e->has_node_hints;
	into->node_hinted |= e->node_hinted;
	into->node = into->node ? into->node : e->node;
	into->zone = into->zone ? into->zone : e->zone;
}

static void count_once(struct wr_svc_endpoints *eps)
{
	size_t i, n = 0;

	wr_vec_sort(&eps->v, order);
	for (i = 0; i < eps->v.n; i++) {
		if (n && !order(&eps->v.v[n - 1], &eps->v.v[i]))
			merge(&eps->v.v[n - 1], &eps->v.v[i]);
		else
			eps->v.v[n++] = eps->v.v[i];
	}
	eps->v.n = n;
}

void wr_svc_endpoints_gather(const struct wr_svc_index *idx, const struct wr_svc *svc,
			     const struct wr_service_port *port, int family,
			     struct wr_svc_endpoints *ret)
{
	size_t i;

	wr_vec_reset(&ret->v);
	if (idx->manifests && !svc->slices.n && svc->obj->has_selector)
		wr_svc_pod_endpoints(idx, svc->obj, port, family, ret);
	for (i = 0; i < svc->slices.n; i++)
		if (svc->slices.v[i]->family == family)
			push_slice(idx, svc->slices.v[i], port, svc->obj->publish_not_ready, ret);
	count_once(ret);
}

enum topology {
	ANYWHERE,
	SAME_NODE,
	SAME_ZONE,
};

/* KEP 3015, KEP 2433: hints count only when every ready endpoint has some, and when they leave one for us. */
static enum topology topology_of(const struct wr_svc_endpoints *eps)
{
	bool all_node = true, all_zone = true, node = false, zone = false;
	size_t i;

	for (i = 0; i < eps->v.n; i++) {
		const struct wr_svc_endpoint *e = &eps->v.v[i];

		if (!e->ready)
			continue;
		all_node &= e->has_node_hints;
		all_zone &= e->has_zone_hints;
		node |= e->node_hinted;
		zone |= e->zone_hinted;
	}
	if (all_node && node)
		return SAME_NODE;
	return all_zone && zone ? SAME_ZONE : ANYWHERE;
}

static bool near(const struct wr_svc_endpoint *e, enum topology t)
{
	return t == ANYWHERE || (t == SAME_NODE ? e->node_hinted : e->zone_hinted);
}

/* KEP 1669: ready ones; when there are none, those that still serve while they terminate. */
bool wr_svc_endpoints_choose(struct wr_svc_endpoints *eps, bool local_policy)
{
	enum topology t = local_policy ? ANYWHERE : topology_of(eps);
	struct wr_svc_endpoint *e;
	bool any = false, fallback = false;
	size_t i;

	for (i = 0; i < eps->v.n; i++) {
		e = &eps->v.v[i];
		e->chosen = e->ready && near(e, t) && (e->local || !local_policy);
		any |= e->chosen;
	}
	for (i = 0; i < eps->v.n && !any; i++) {
		e = &eps->v.v[i];
		e->chosen = e->serving && e->terminating && (e->local || !local_policy);
		fallback |= e->chosen;
	}
	for (i = 0; i < eps->v.n; i++)
		eps->v.v[i].in_run |= eps->v.v[i].chosen;
	return fallback;
}

static int by_addr(const void *a, const void *b)
{
	return wr_addr_cmp(a, b);
}

static uint32_t local_ready(const struct wr_svc_index *idx, const struct wr_svc *svc, int family)
{
	struct wr_svc_endpoints eps = { 0 };
	WR_VEC(struct wr_addr) addrs = { 0 };
	uint32_t n = 0;
	size_t i, k;

	for (i = 0; i < svc->obj->ports.n; i++) {
		wr_svc_endpoints_gather(idx, svc, &svc->obj->ports.v[i], family, &eps);
		for (k = 0; k < eps.v.n; k++)
			if (eps.v.v[k].local && eps.v.v[k].ready)
				wr_vec_push(&addrs, eps.v.v[k].addr);
	}
	wr_vec_sort(&addrs, by_addr);
	for (i = 0; i < addrs.n; i++)
		n += !i || by_addr(&addrs.v[i - 1], &addrs.v[i]);
	wr_vec_done(&addrs);
	wr_vec_done(&eps.v);
	return n;
}

uint32_t wr_svc_local_ready(const struct wr_svc_index *idx, const struct wr_svc *svc)
{
	return WR_MAX(local_ready(idx, svc, AF_INET), local_ready(idx, svc, AF_INET6));
}
