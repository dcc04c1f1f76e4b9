/* SPDX-License-Identifier: Apache-2.0 */
/* Manifest mode: what a cluster's controllers derive from pods (EndpointSlices), and host ports by the pod's spec. */
#include "agent/svc/private.h"

#include <netinet/in.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"

static bool selects(const struct wr_service_object *obj, const struct wr_pod *pod)
{
	uint32_t i;

	if (!obj->has_selector || obj->o.ns != pod->o.ns)
		return false;
	for (i = 0; i < obj->selector.n; i++)
		if (wr_labels_get(&pod->o.labels, obj->selector.v[i].key) != obj->selector.v[i].value)
			return false;
	return true;
}

static bool is_over(const struct wr_pod *pod)
{
	return pod->phase == WR_POD_SUCCEEDED || pod->phase == WR_POD_FAILED;
}

/* Numeric, by name in the pod's own spec, or the service's own number. 0: the pod has no port of that name. */
static uint16_t target(const struct wr_service_port *port, const struct wr_pod *pod)
{
	size_t i;

	if (!port->target_name)
		return port->target_port ? port->target_port : port->port;
	for (i = 0; i < pod->ports.n; i++)
		if (pod->ports.v[i].name == port->target_name && pod->ports.v[i].proto == port->proto)
			return pod->ports.v[i].port;
	return 0;
}

/* As the controller sets hints: every endpoint for its own zone, and for its own node too when that is wanted. */
static void hint(const struct wr_svc_index *idx, const struct wr_service_object *obj,
		 struct wr_svc_endpoint *e)
{
	if (obj->distribution == WR_DISTRIBUTION_NONE)
		return;
	e->has_zone_hints = e->zone;
	e->zone_hinted = e->zone && e->zone == idx->zone;
	if (obj->distribution != WR_DISTRIBUTION_SAME_NODE)
		return;
	e->has_node_hints = e->node;
	e->node_hinted = e->node && e->node == idx->node;
}

void wr_svc_pod_endpoints(const struct wr_svc_index *idx, const struct wr_service_object *obj,
			  const struct wr_service_port *port, int family,
			  struct wr_svc_endpoints *ret)
{
	size_t i;

	for (i = 0; i < idx->pods.n; i++) {
		const struct wr_pod *pod = idx->pods.v[i];
		struct wr_svc_endpoint e = {
			.addr = family == AF_INET ? pod->addr4 : pod->addr6,
			.port = target(port, pod),
			.ready = (pod->ready && !pod->o.deleting) || obj->publish_not_ready,
			.serving = pod->ready || obj->publish_not_ready,
			.terminating = pod->o.deleting,
			.node = pod->node_name,
			.local = pod->node_name && pod->node_name == idx->node,
		};

		if (!e.port || is_over(pod) || wr_addr_is_zero(&e.addr) || !selects(obj, pod))
			continue;
		e.zone = pod->node_name ? wr_svc_index_zone_of(idx, pod->node_name) : NULL;
		hint(idx, obj, &e);
		wr_vec_push(&ret->v, e);
	}
}

static void set_host_ports(struct wr_svc_index *idx, const struct wr_pod *pod, bool gone)
{
	WR_VEC(struct wr_port_mapping) maps = { 0 };
	char *name = wr_xasprintf("%s/%s", pod->o.ns, pod->o.name);
	size_t i;

	gone |= pod->host_network || pod->node_name != idx->node || pod->phase != WR_POD_RUNNING;
	for (i = 0; i < pod->ports.n && !gone; i++) {
		const struct wr_container_port *p = &pod->ports.v[i];

		if (p->host_port)
			wr_vec_push(&maps, (struct wr_port_mapping){ p->host_port, p->port,
								     p->proto, p->host_ip });
	}
	wr_svc_index_set_host_ports(idx, name,
				    &(struct wr_svc_host_ports){ pod->addr4, pod->addr6, maps.v,
								 maps.n });
	wr_vec_done(&maps);
	free(name);
}

static void mark_selecting(struct wr_svc_index *idx, const struct wr_pod *old,
			   const struct wr_pod *new_)
{
	struct wr_hnode *n, *next;
	size_t pos;

	wr_hmap_each(&idx->services, n, pos, next) {
		struct wr_svc *svc = WR_CONTAINER_OF(n, struct wr_svc, node);

		if (!svc->obj || svc->slices.n)
			continue;
		if ((old && selects(svc->obj, old)) || (new_ && selects(svc->obj, new_)))
			wr_svc_mark(idx, svc);
	}
}

void wr_svc_pod_change(struct wr_svc_index *idx, const struct wr_pod *old, const struct wr_pod *new_)
{
	size_t i;

	for (i = 0; i < idx->pods.n && old; i++)
		if (idx->pods.v[i] == old) {
			wr_vec_del_unordered(&idx->pods, i);
			break;
		}
	mark_selecting(idx, old, new_);
	if (new_) {
		wr_vec_push(&idx->pods, new_);
		set_host_ports(idx, new_, false);
	} else if (old) {
		set_host_ports(idx, old, true);
	}
}
