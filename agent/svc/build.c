/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One service into sets.
 *
 * Per port and family there are up to seven: cluster addresses; and for each of NodePorts, external addresses and load balancer
 * addresses one for everybody and, under external policy Local, one for clients outside. (Pods and the node are inside
 * wherever they send to, so Local does not limit them there.) Beside them one for the service's addresses, whose
 * other ports are refused.
 */
#include "agent/svc/build.h"

#include <arpa/inet.h>

#include "lib/base/str.h"

static void add_addrs(struct wr_svc_build *b, const struct wr_addr *v, size_t n, uint8_t scope)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (wr_addr_family(&v[i]) == b->family)
			wr_build_frontend(b, &v[i], b->port, b->proto, scope);
}

static struct wr_addr wildcard(int family)
{
	struct wr_addr a;

	wr_addr_parse(family == AF_INET ? "0.0.0.0" : "::", &a);
	return a;
}

/* The zero address stands for "some address" when a process binds; at the socket it also means loopback. */
static void add_node_port(struct wr_svc_build *b, uint16_t port, uint8_t scope)
{
	struct wr_addr local = wr_build_loopback(b->family), zero = wildcard(b->family);
	const struct wr_svc_index *idx = b->idx;
	size_t i;

	for (i = 0; i < idx->node_ports.n; i++)
		if (wr_addr_family(&idx->node_ports.v[i]) == b->family)
			wr_build_frontend(b, &idx->node_ports.v[i], port, b->proto, scope);
	if (scope != WR_SCOPE_ANY)
		return;
	wr_build_frontend(b, &zero, port, b->proto, scope);
	if (idx->localhost_node_ports)
		wr_build_frontend(b, &local, port, b->proto, scope);
}

static void choose(struct wr_svc_build *b, bool local)
{
	b->fallback = wr_svc_endpoints_choose(&b->idx->tmp.endpoints, local);
	wr_build_run(b);
}

static uint32_t class_flags(const struct wr_svc_build *b, enum wr_svc_class class)
{
	const struct wr_svc_index *idx = b->idx;
	uint32_t flags = 0;

	if (class == WR_SVC_NODE_PORTS)
		return WR_SVC_NODEPORT;
	if (class == WR_SVC_LOAD_BALANCER && b->svc->obj->source_ranges.n)
		flags |= WR_SVC_SRC_RANGES;
	if (idx->maglev)
		flags |= WR_SVC_MAGLEV;
	if (idx->dsr)
		flags |= WR_SVC_DSR;
	return flags;
}

static void add_class(struct wr_svc_build *b, enum wr_svc_class class, uint8_t scope,
		      const struct wr_service_port *port)
{
	const struct wr_service_object *o = b->svc->obj;

	wr_vec_reset(&b->idx->tmp.frontends);
	if (class == WR_SVC_CLUSTER)
		add_addrs(b, o->cluster_ips.v, o->cluster_ips.n, scope);
	else if (class == WR_SVC_EXTERNAL_IPS)
		add_addrs(b, o->external_ips.v, o->external_ips.n, scope);
	else if (class == WR_SVC_LOAD_BALANCER)
		add_addrs(b, o->lb_ips.v, o->lb_ips.n, scope);
	else
		add_node_port(b, port->node_port, scope);
}

static bool has_class(const struct wr_svc_build *b, enum wr_svc_class class,
		      const struct wr_service_port *port)
{
	const struct wr_service_object *o = b->svc->obj;

	if (class == WR_SVC_NODE_PORTS)
		return port->node_port && o->type >= WR_SERVICE_NODEPORT;
	if (class == WR_SVC_LOAD_BALANCER)
		return o->lb_ips.n && o->type == WR_SERVICE_LOADBALANCER;
	return class == WR_SVC_CLUSTER || o->external_ips.n;
}

static void put_outer(struct wr_svc_build *b, enum wr_svc_class class,
		      const struct wr_service_port *port)
{
	uint32_t flags = class_flags(b, class);
	bool local = b->svc->obj->external_local;

	if (!has_class(b, class, port))
		return;
	choose(b, false);
	add_class(b, class, WR_SCOPE_ANY, port);
	wr_build_put(b, class, WR_SCOPE_ANY,
		     local ? flags & ~WR_SVC_MAGLEV : flags | WR_SVC_EXTERNAL);
	if (!local)
		return;
	choose(b, true);
	add_class(b, class, WR_SCOPE_EXTERNAL, port);
	wr_build_put(b, class, WR_SCOPE_EXTERNAL,
		     flags | WR_SVC_EXTERNAL | WR_SVC_LOCAL_ONLY | WR_SVC_KEEP_SOURCE);
}

/* Node-local DNS: an address that is configured here is left alone. */
static bool is_configured_here(const struct wr_svc_build *b)
{
	const struct wr_service_object *o = b->svc->obj;
	size_t i;

	for (i = 0; i < o->cluster_ips.n; i++)
		if (wr_addr_family(&o->cluster_ips.v[i]) == b->family &&
		    wr_svc_index_is_own_addr(b->idx, &o->cluster_ips.v[i]))
			return true;
	return false;
}

static void put_cluster(struct wr_svc_build *b, const struct wr_service_port *port)
{
	bool local = b->svc->obj->internal_local;

	choose(b, local);
	add_class(b, WR_SVC_CLUSTER, WR_SCOPE_ANY, port);
	if (!is_configured_here(b)) {
		wr_build_put(b, WR_SVC_CLUSTER, WR_SCOPE_ANY, local ? WR_SVC_LOCAL_ONLY : 0);
		return;
	}
	wr_vec_reset(&b->idx->tmp.run);
	wr_build_put(b, WR_SVC_CLUSTER, WR_SCOPE_ANY, WR_SVC_NO_TRANSLATE);
}

static bool has_family(const struct wr_addr *v, size_t n, int family)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (wr_addr_family(&v[i]) == family)
			return true;
	return false;
}

static void begin_port(struct wr_svc_build *b, const struct wr_service_port *port, int family)
{
	const struct wr_service_object *o = b->svc->obj;
	const char *port_name = port->name ? port->name : "";
	struct wr_svc_id want = { .port_name = port->name, .port = port->port, .proto = port->proto };
	struct wr_frontend first = { .addr = o->cluster_ips.v[0],
				     .port = htons(port->port),
				     .proto = port->proto };

	b->family = family;
	b->proto = port->proto;
	b->port = port->port;
	b->key = want.key = wr_build_port_hash(b->svc, port_name, port->proto);
	b->id = wr_svc_id_get(b->idx, b->svc, &want,
			      b->sink->former_id ? b->sink->former_id(b->sink->ctx, &first) : 0);
	b->first_id = b->first_id ? b->first_id : b->id;
	wr_svc_endpoints_gather(b->idx, b->svc, port, family, &b->idx->tmp.endpoints);
}

/* Who is in some run that will be put. */
static void mark_runs(struct wr_svc_build *b, const struct wr_service_port *port)
{
	const struct wr_service_object *o = b->svc->obj;
	struct wr_svc_endpoints *eps = &b->idx->tmp.endpoints;

	wr_svc_endpoints_choose(eps, o->internal_local);
	if (!has_class(b, WR_SVC_NODE_PORTS, port) && !has_class(b, WR_SVC_LOAD_BALANCER, port) &&
	    !has_class(b, WR_SVC_EXTERNAL_IPS, port))
		return;
	wr_svc_endpoints_choose(eps, false);
	if (o->external_local)
		wr_svc_endpoints_choose(eps, true);
}

static void build_port(struct wr_svc_build *b, const struct wr_service_port *port, int family)
{
	uint64_t key;
	bool holds;

	begin_port(b, port, family);
	key = wr_build_key(b, WR_SVC_CLUSTER, WR_SCOPE_ANY);
	mark_runs(b, port);
	holds = wr_build_collect_held(b);
	if (holds)
		wr_build_hold(b, key, true);
	put_cluster(b, port);
	put_outer(b, WR_SVC_NODE_PORTS, port);
	put_outer(b, WR_SVC_LOAD_BALANCER, port); /* first: source ranges win when an address is both */
	put_outer(b, WR_SVC_EXTERNAL_IPS, port);
	if (!holds)
		wr_build_hold(b, key, false);
}

static void skip_addrs(struct wr_svc_build *b, const char *field, const struct wr_addr *v, size_t n)
{
	const struct wr_service_object *o = b->svc->obj;
	char buf[WR_ADDR_STRLEN];
	size_t i;

	for (i = 0; i < n; i++)
		if (!has_family(o->cluster_ips.v, o->cluster_ips.n, wr_addr_family(&v[i])))
			wr_svc_skip(b->svc, "%s: %s: the service has no %s cluster address", field,
				    wr_addr_format(&v[i], buf), wr_addr_is4(&v[i]) ? "IPv4" : "IPv6");
}

/* The row that refuses the other ports. What a node has as its own answers for itself. */
static void add_owned(struct wr_svc_build *b, const struct wr_addr *v, size_t n)
{
	const struct wr_service_object *o = b->svc->obj;
	size_t i;

	for (i = 0; i < n; i++)
		if (!wr_svc_index_is_node_addr(b->idx, &v[i]) &&
		    has_family(o->cluster_ips.v, o->cluster_ips.n, wr_addr_family(&v[i])))
			wr_build_frontend(b, &v[i], 0, 0, WR_SCOPE_ANY);
}

static void build_addresses(struct wr_svc_build *b)
{
	const struct wr_service_object *o = b->svc->obj;

	b->key = wr_build_service_hash(b->svc);
	b->id = b->first_id;
	b->family = 0;
	wr_vec_reset(&b->idx->tmp.run);
	wr_vec_reset(&b->idx->tmp.frontends);
	add_owned(b, o->cluster_ips.v, o->cluster_ips.n);
	add_owned(b, o->external_ips.v, o->external_ips.n);
	if (o->type == WR_SERVICE_LOADBALANCER)
		add_owned(b, o->lb_ips.v, o->lb_ips.n);
	wr_build_put(b, WR_SVC_ADDRESSES, WR_SCOPE_ANY, WR_SVC_ADDRESS);
}

/* NULL: it is ours to balance. */
static const char *not_balanced(const struct wr_service_object *o)
{
	if (o->foreign)
		return "labelled for another proxy";
	if (o->type == WR_SERVICE_EXTERNALNAME)
		return "ExternalName: a DNS name, not an address";
	if (o->headless)
		return "headless: DNS names its endpoints";
	return o->cluster_ips.n ? NULL : "has no cluster address yet";
}

static void build_service(struct wr_svc_build *b)
{
	const struct wr_service_object *o = b->svc->obj;
	const char *why = not_balanced(o);
	size_t i;

	if (why) {
		wr_svc_skip(b->svc, "%s", why);
		return;
	}
	for (i = 0; i < o->ports.n; i++) {
		if (has_family(o->cluster_ips.v, o->cluster_ips.n, AF_INET))
			build_port(b, &o->ports.v[i], AF_INET);
		if (has_family(o->cluster_ips.v, o->cluster_ips.n, AF_INET6))
			build_port(b, &o->ports.v[i], AF_INET6);
	}
	skip_addrs(b, "spec.externalIPs", o->external_ips.v, o->external_ips.n);
	skip_addrs(b, "status.loadBalancer", o->lb_ips.v, o->lb_ips.n);
	build_addresses(b);
}

static void build_health(struct wr_svc_build *b)
{
	const struct wr_service_object *o = b->svc->obj;
	uint16_t port = 0, was = b->svc->health_port;
	uint32_t n = 0;

	if (o && !not_balanced(o) && o->type == WR_SERVICE_LOADBALANCER && o->external_local)
		port = o->health_check_node_port;
	if (port)
		n = wr_svc_local_ready(b->idx, b->svc);
	if (port == was && n == b->svc->health_n)
		return;
	b->svc->health_port = port;
	b->svc->health_n = n;
	if (b->sink->health)
		b->sink->health(b->sink->ctx, b->svc->ns, b->svc->name, port, n);
}

int wr_svc_build(struct wr_svc_index *idx, struct wr_svc *svc, const struct wr_svc_sink *sink)
{
	struct wr_svc_build b = { .idx = idx, .svc = svc, .sink = sink };
	int r;

	wr_build_begin(&b);
	if (svc->obj)
		build_service(&b);
	wr_build_host_ports(&b);
	build_health(&b);
	wr_build_end(&b);
	wr_svc_claims_end(idx, svc);
	wr_svc_ids_end(idx, svc);
	r = b.err;
	svc->failed = r < 0 || b.wants_table;
	wr_svc_drop_if_empty(idx, svc);
	return r;
}
