/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One service into sets.
 *
 * Per port and family there are up to seven: cluster addresses; and for each of NodePorts, external addresses and load balancer
 * addresses one for everybody and, under external policy Local, one for clients outside. (Pods and the node are inside
 * wherever they send to, so Local does not limit them there.) Beside them one for the service's addresses, whose
 * other ports are refused.
 */
#include "agent/svc/private.h"

#include <arpa/inet.h>

#include "lib/base/str.h"

enum class {
	CLUSTER,
	NODE_PORT,
	LOAD_BALANCER, /* before EXTERNAL: source ranges win when an address is both */
	EXTERNAL,
	HOST_PORT,
	ADDRESSES,
};

struct build {
	struct wr_svc_index *idx;
	struct wr_svc *svc;
	const struct wr_svc_sink *sink;
	int err;
	/* of the port and family at hand */
	uint32_t id;
	uint64_t key;
	int family;
	uint8_t proto;
	uint16_t port;
	bool fallback; /* the run is made of terminating endpoints */
};

uint64_t wr_svc_hash(uint64_t seed, const char *text)
{
	return wr_hash64_bytes(text, strlen(text) + 1, seed);
}

static uint64_t service_hash(const struct wr_svc *svc)
{
	return wr_svc_hash(wr_svc_hash(svc->host_ports, svc->ns), svc->name);
}

static uint64_t port_hash(const struct wr_svc *svc, const char *port_name, uint8_t proto)
{
	return wr_hash64_bytes(&proto, 1, wr_svc_hash(service_hash(svc), port_name));
}

static uint64_t set_key(const struct build *b, enum class class, uint8_t scope)
{
	const uint8_t rest[3] = { class, scope, (uint8_t)b->family };

	return wr_hash64_bytes(rest, sizeof(rest), b->key);
}

static void note(struct build *b, int r)
{
	if (r < 0 && !b->err)
		b->err = r;
}

static const char *proto_name(uint8_t proto)
{
	static char buf[16];

	return wr_proto_format(proto, buf);
}

static void skip_taken(struct build *b, const struct wr_frontend *fe, const struct wr_svc *owner)
{
	char buf[WR_ADDR_STRLEN];

	wr_svc_skip(b->svc, "%s port %u/%s: %s%s%s has it", wr_addr_format(&fe->addr, buf),
		    ntohs(fe->port), proto_name(fe->proto), owner->ns, owner->host_ports ? "" : "/",
		    owner->name);
}

static void add_frontend(struct build *b, const struct wr_addr *addr, uint16_t port, uint8_t proto,
			 uint8_t scope)
{
	struct wr_frontend fe = {
		.addr = *addr, .port = htons(port), .proto = proto, .scope = WR_SCOPE_ANY
	};
	const struct wr_svc *owner;

	/* Who has a frontend has it for everybody. */
	if (scope == WR_SCOPE_EXTERNAL && !wr_svc_has_claimed(b->idx, b->svc, &fe))
		return;
	fe.scope = scope;
	switch (wr_svc_claim(b->idx, b->svc, &fe, &owner)) {
	case WR_SVC_CLAIMED:
		wr_vec_push(&b->idx->tmp.frontends, fe);
		break;
	case WR_SVC_TAKEN:
		if (port) /* an address may be shared */
			skip_taken(b, &fe, owner);
		break;
	case WR_SVC_CLAIMED_ALREADY:
		break;
	}
}

static void add_addrs(struct build *b, const struct wr_addr *v, size_t n, uint8_t scope)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (wr_addr_family(&v[i]) == b->family)
			add_frontend(b, &v[i], b->port, b->proto, scope);
}

static struct wr_addr loopback(int family)
{
	struct wr_addr a;

	wr_addr_parse(family == AF_INET ? "127.0.0.1" : "::1", &a);
	return a;
}

static struct wr_addr wildcard(int family)
{
	struct wr_addr a;

	wr_addr_parse(family == AF_INET ? "0.0.0.0" : "::", &a);
	return a;
}

/* The zero address stands for "some address" when a process binds; at the socket it also means loopback. */
static void add_node_port(struct build *b, uint16_t port, uint8_t scope)
{
	struct wr_addr local = loopback(b->family), zero = wildcard(b->family);
	const struct wr_svc_index *idx = b->idx;
	size_t i;

	for (i = 0; i < idx->node_ports.n; i++)
		if (wr_addr_family(&idx->node_ports.v[i]) == b->family)
			add_frontend(b, &idx->node_ports.v[i], port, b->proto, scope);
	if (scope != WR_SCOPE_ANY)
		return;
	add_frontend(b, &zero, port, b->proto, scope);
	if (idx->localhost_node_ports)
		add_frontend(b, &local, port, b->proto, scope);
}

static struct wr_svc_held *held_of(struct wr_svc *svc, uint64_t key)
{
	size_t i;

	for (i = 0; i < svc->sets.n; i++)
		if (svc->sets.v[i].key == key)
			return &svc->sets.v[i];
	return NULL;
}

static struct wr_svc_held *held_get(struct wr_svc *svc, uint64_t key)
{
	struct wr_svc_held *h = held_of(svc, key);

	if (!h) {
		wr_vec_push(&svc->sets, (struct wr_svc_held){ .key = key });
		h = &svc->sets.v[svc->sets.n - 1];
	}
	h->seen = true;
	return h;
}

static struct wr_svc_backend backend_of(struct build *b, const struct wr_svc_endpoint *e,
					bool terminating)
{
	return (struct wr_svc_backend){
		.addr = e->addr,
		.port = htons(e->port),
		.proto = b->proto,
		.terminating = terminating,
		.weight = 1,
		.node = wr_svc_number(&b->idx->node_numbers, e->node),
		.zone = wr_svc_number(&b->idx->zone_numbers, e->zone),
	};
}

static void add_run(struct build *b)
{
	const struct wr_svc_endpoints *eps = &b->idx->tmp.endpoints;
	size_t i;

	wr_vec_reset(&b->idx->tmp.run);
	for (i = 0; i < eps->v.n; i++)
		if (eps->v.v[i].chosen)
			wr_vec_push(&b->idx->tmp.run, backend_of(b, &eps->v.v[i], b->fallback));
}

/* Of both families, since rows belong to the id, which the sets of both share. */
static void add_ranges(struct build *b, uint32_t flags)
{
	const struct wr_service_object *o = b->svc->obj;
	size_t i;

	wr_vec_reset(&b->idx->tmp.ranges);
	for (i = 0; flags & WR_SVC_SRC_RANGES && i < o->source_ranges.n; i++)
		wr_vec_push(&b->idx->tmp.ranges, wr_prefix_masked(&o->source_ranges.v[i]));
}

/* Puts the frontends and the run collected in idx->tmp. Without frontends there is no set. */
static void put(struct build *b, enum class class, uint8_t scope, uint32_t flags)
{
	struct wr_svc_index *idx = b->idx;
	struct wr_svc_set set = {
		.key = set_key(b, class, scope),
		.id = b->id,
		.flags = flags,
		.affinity = b->svc->obj ? b->svc->obj->affinity : 0,
		.maglev_seed = service_hash(b->svc),
		.frontends = idx->tmp.frontends.v,
		.n_frontends = idx->tmp.frontends.n,
		.backends = idx->tmp.run.v,
		.n_backends = idx->tmp.run.n,
	};

	if (!set.n_frontends)
		return;
	add_ranges(b, flags);
	set.src_ranges = idx->tmp.ranges.v;
	set.n_src_ranges = idx->tmp.ranges.n;
	held_get(b->svc, set.key);
	if (b->sink->put)
		note(b, b->sink->put(b->sink->ctx, &set));
}

/* Flows keep what is not there for new ones: TCP whatever the slices still name, UDP what is ready or still serves. */
static bool may_hold(const struct build *b, const struct wr_svc_endpoint *e)
{
	return b->proto != IPPROTO_UDP || e->ready || (e->serving && e->terminating);
}

/*
 * The list repeats the run, so that it may come before the puts: whoever leaves the run is held already.
 */
static bool collect_held(struct build *b)
{
	const struct wr_svc_endpoints *eps = &b->idx->tmp.endpoints;
	bool needed = false;
	size_t i;

	wr_vec_reset(&b->idx->tmp.held);
	for (i = 0; i < eps->v.n; i++) {
		if (!may_hold(b, &eps->v.v[i]))
			continue;
		wr_vec_push(&b->idx->tmp.held, backend_of(b, &eps->v.v[i], true));
		needed |= !eps->v.v[i].in_run;
	}
	return needed;
}

static void hold(struct build *b, uint64_t key, bool holds)
{
	struct wr_svc_held *h = held_get(b->svc, key);

	if ((!holds && !h->holds) || !b->sink->hold)
		return;
	h->holds = holds;
	note(b, b->sink->hold(b->sink->ctx, key, holds ? b->idx->tmp.held.v : NULL,
			      holds ? b->idx->tmp.held.n : 0));
}

static void choose(struct build *b, bool local)
{
	b->fallback = wr_svc_endpoints_choose(&b->idx->tmp.endpoints, local);
	add_run(b);
}

static uint32_t class_flags(const struct build *b, enum class class)
{
	const struct wr_svc_index *idx = b->idx;
	uint32_t flags = 0;

	if (class == NODE_PORT)
		return WR_SVC_NODEPORT;
	if (class == LOAD_BALANCER && b->svc->obj->source_ranges.n)
		flags |= WR_SVC_SRC_RANGES;
	if (idx->maglev)
		flags |= WR_SVC_MAGLEV;
	if (idx->dsr)
		flags |= WR_SVC_DSR;
	return flags;
}

static void add_class(struct build *b, enum class class, uint8_t scope,
		      const struct wr_service_port *port)
{
	const struct wr_service_object *o = b->svc->obj;

	wr_vec_reset(&b->idx->tmp.frontends);
	if (class == CLUSTER)
		add_addrs(b, o->cluster_ips.v, o->cluster_ips.n, scope);
	else if (class == EXTERNAL)
		add_addrs(b, o->external_ips.v, o->external_ips.n, scope);
	else if (class == LOAD_BALANCER)
		add_addrs(b, o->lb_ips.v, o->lb_ips.n, scope);
	else
		add_node_port(b, port->node_port, scope);
}

static bool has_class(const struct build *b, enum class class, const struct wr_service_port *port)
{
	const struct wr_service_object *o = b->svc->obj;

	if (class == NODE_PORT)
		return port->node_port && o->type >= WR_SERVICE_NODEPORT;
	if (class == LOAD_BALANCER)
		return o->lb_ips.n && o->type == WR_SERVICE_LOADBALANCER;
	return class == CLUSTER || o->external_ips.n;
}

static void put_outer(struct build *b, enum class class, const struct wr_service_port *port)
{
	uint32_t flags = class_flags(b, class);
	bool local = b->svc->obj->external_local;

	if (!has_class(b, class, port))
		return;
	choose(b, false);
	add_class(b, class, WR_SCOPE_ANY, port);
	put(b, class, WR_SCOPE_ANY, local ? flags & ~WR_SVC_MAGLEV : flags | WR_SVC_EXTERNAL);
	if (!local)
		return;
	choose(b, true);
	add_class(b, class, WR_SCOPE_EXTERNAL, port);
	put(b, class, WR_SCOPE_EXTERNAL,
	    flags | WR_SVC_EXTERNAL | WR_SVC_LOCAL_ONLY | WR_SVC_KEEP_SOURCE);
}

/* Node-local DNS: an address that is configured here is left alone. */
static bool is_configured_here(const struct build *b)
{
	const struct wr_service_object *o = b->svc->obj;
	size_t i;

	for (i = 0; i < o->cluster_ips.n; i++)
		if (wr_addr_family(&o->cluster_ips.v[i]) == b->family &&
		    wr_svc_index_is_own_addr(b->idx, &o->cluster_ips.v[i]))
			return true;
	return false;
}

static void put_cluster(struct build *b, const struct wr_service_port *port)
{
	bool local = b->svc->obj->internal_local;

	choose(b, local);
	add_class(b, CLUSTER, WR_SCOPE_ANY, port);
	if (!is_configured_here(b)) {
		put(b, CLUSTER, WR_SCOPE_ANY, local ? WR_SVC_LOCAL_ONLY : 0);
		return;
	}
	wr_vec_reset(&b->idx->tmp.run);
	put(b, CLUSTER, WR_SCOPE_ANY, WR_SVC_NO_TRANSLATE);
}

static bool has_family(const struct wr_addr *v, size_t n, int family)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (wr_addr_family(&v[i]) == family)
			return true;
	return false;
}

static void begin_port(struct build *b, const struct wr_service_port *port, int family)
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
	b->key = want.key = port_hash(b->svc, port_name, port->proto);
	b->id = wr_svc_id_get(b->idx, b->svc, &want, &first);
	wr_svc_endpoints_gather(b->idx, b->svc, port, family, &b->idx->tmp.endpoints);
}

static void build_port(struct build *b, const struct wr_service_port *port, int family)
{
	const struct wr_service_object *o = b->svc->obj;
	uint64_t key;
	bool holds;

	begin_port(b, port, family);
	key = set_key(b, CLUSTER, WR_SCOPE_ANY);
	wr_svc_endpoints_choose(&b->idx->tmp.endpoints, o->internal_local);
	wr_svc_endpoints_choose(&b->idx->tmp.endpoints, o->external_local);
	holds = collect_held(b);
	if (holds)
		hold(b, key, true);
	put_cluster(b, port);
	put_outer(b, NODE_PORT, port);
	put_outer(b, LOAD_BALANCER, port);
	put_outer(b, EXTERNAL, port);
	if (!holds)
		hold(b, key, false);
}

static void skip_addrs(struct build *b, const char *field, const struct wr_addr *v, size_t n)
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
static void add_owned(struct build *b, const struct wr_addr *v, size_t n)
{
	const struct wr_service_object *o = b->svc->obj;
	size_t i;

	for (i = 0; i < n; i++)
		if (!wr_svc_index_is_node_addr(b->idx, &v[i]) &&
		    has_family(o->cluster_ips.v, o->cluster_ips.n, wr_addr_family(&v[i])))
			add_frontend(b, &v[i], 0, 0, WR_SCOPE_ANY);
}

static void build_addresses(struct build *b)
{
	const struct wr_service_object *o = b->svc->obj;
	struct wr_svc_id want = { 0 };

	b->key = want.key = wr_svc_hash(service_hash(b->svc), "addresses");
	b->id = wr_svc_id_get(b->idx, b->svc, &want, NULL);
	b->family = 0;
	wr_vec_reset(&b->idx->tmp.run);
	wr_vec_reset(&b->idx->tmp.frontends);
	add_owned(b, o->cluster_ips.v, o->cluster_ips.n);
	add_owned(b, o->external_ips.v, o->external_ips.n);
	if (o->type == WR_SERVICE_LOADBALANCER)
		add_owned(b, o->lb_ips.v, o->lb_ips.n);
	put(b, ADDRESSES, WR_SCOPE_ANY, WR_SVC_ADDRESS);
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

static void build_service(struct build *b)
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

static void add_host_port(struct build *b, const struct wr_port_mapping *m)
{
	struct wr_addr local = loopback(b->family);
	size_t i;

	if (!wr_addr_is_zero(&m->host_ip)) {
		if (wr_addr_family(&m->host_ip) == b->family)
			add_frontend(b, &m->host_ip, m->host_port, m->proto, WR_SCOPE_ANY);
		return;
	}
	for (i = 0; i < b->idx->addrs.n; i++)
		if (wr_addr_family(&b->idx->addrs.v[i]) == b->family)
			add_frontend(b, &b->idx->addrs.v[i], m->host_port, m->proto, WR_SCOPE_ANY);
	if (b->idx->localhost_node_ports)
		add_frontend(b, &local, m->host_port, m->proto, WR_SCOPE_ANY);
}

static void build_host_port(struct build *b, const struct wr_port_mapping *m,
			    const struct wr_addr *pod)
{
	char buf[WR_ADDR_STRLEN + 8], ip[WR_ADDR_STRLEN];
	struct wr_svc_id want = { .port = m->host_port, .proto = m->proto };
	struct wr_svc_endpoint e = { .addr = *pod, .port = m->container_port, .node = b->idx->node };

	if (wr_addr_is_zero(pod))
		return;
	wr_format(buf, sizeof(buf), "%s#%u", wr_addr_format(&m->host_ip, ip), m->host_port);
	b->key = want.key = port_hash(b->svc, buf, m->proto);
	b->id = wr_svc_id_get(b->idx, b->svc, &want, NULL);
	b->family = wr_addr_family(pod);
	b->proto = m->proto;
	wr_vec_reset(&b->idx->tmp.frontends);
	wr_vec_reset(&b->idx->tmp.run);
	add_host_port(b, m);
	e.zone = b->idx->zone;
	wr_vec_push(&b->idx->tmp.run, backend_of(b, &e, false));
	put(b, HOST_PORT, WR_SCOPE_ANY, WR_SVC_HOSTPORT | WR_SVC_EXTERNAL | WR_SVC_KEEP_SOURCE);
}

static void build_health(struct build *b)
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

static void begin(struct build *b)
{
	size_t i;

	b->idx->round++;
	b->svc->failed = false;
	wr_svc_forget_skipped(b->svc);
	wr_svc_claims_begin(b->idx, b->svc);
	for (i = 0; i < b->svc->sets.n; i++)
		b->svc->sets.v[i].seen = false;
}

static void del_stale(struct build *b)
{
	struct wr_svc_held h;
	size_t i = 0;

	while (i < b->svc->sets.n) {
		h = b->svc->sets.v[i];
		if (h.seen) {
			i++;
			continue;
		}
		wr_vec_del_unordered(&b->svc->sets, i);
		if (b->sink->del)
			note(b, b->sink->del(b->sink->ctx, h.key));
	}
}

int wr_svc_build(struct wr_svc_index *idx, struct wr_svc *svc, const struct wr_svc_sink *sink)
{
	struct build b = { .idx = idx, .svc = svc, .sink = sink };
	int r;
	size_t i;

	begin(&b);
	if (svc->obj)
		build_service(&b);
	for (i = 0; i < svc->ports.n; i++) {
		build_host_port(&b, &svc->ports.v[i], &svc->addr4);
		build_host_port(&b, &svc->ports.v[i], &svc->addr6);
	}
	build_health(&b);
	del_stale(&b);
	wr_svc_claims_end(idx, svc);
	wr_svc_ids_end(idx, svc);
	r = b.err;
	svc->failed = r < 0;
	wr_svc_drop_if_empty(idx, svc);
	return r;
}
