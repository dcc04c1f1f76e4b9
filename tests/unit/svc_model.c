/* SPDX-License-Identifier: Apache-2.0 */
/* A small cluster at random, and the plain meaning of its Services. */
#include "tests/unit/svc_model.h"

#include <assert.h>
#include <stdio.h>

#include "lib/base/cleanup.h"
#include "lib/base/str.h"

#define HERE 0

static const char *const node_names[MODEL_NODES] = { "here", "near", "far" };
static const char *const protos[3] = { "TCP", "UDP", "SCTP" };

const char *const model_own[MODEL_OWN] = { "10.30.0.11", "fd30::11", "192.168.5.1", "10.96.0.2" };

/* What external addresses and load balancers are made of. */
static const char *const outer[] = { "192.0.2.1", "192.0.2.2", "2001:db8::1", "10.30.0.11",
				     "10.30.0.12" };
#define OUTER 5

static uint32_t rnd(struct model *m, uint32_t n)
{
	m->rng ^= m->rng << 13;
	m->rng ^= m->rng >> 7;
	m->rng ^= m->rng << 17;
	return (uint32_t)(m->rng >> 32) % n;
}

static bool chance(struct model *m, uint32_t percent)
{
	return rnd(m, 100) < percent;
}

/* --- changes --- */

static void random_slice(struct model *m, struct model_slice *s)
{
	int i;

	*s = (struct model_slice){ .there = true, .n = (int)rnd(m, 5) };
	for (i = 0; i < 3; i++)
		s->port[i] = chance(m, 20) ? -1 : chance(m, 5) ? 0 : 8080 + (int)rnd(m, 2);
	for (i = 0; i < s->n; i++) {
		struct model_endpoint *e = &s->ep[i];

		e->addr = 1 + (int)rnd(m, 6);
		e->node = (int)rnd(m, MODEL_NODES + 1) - 1;
		e->ready = chance(m, 60);
		e->terminating = !e->ready && chance(m, 50);
		e->serving = e->ready || chance(m, 50);
		e->hint_zones = chance(m, 70) ? 1 + rnd(m, 7) : 0;
		e->hint_nodes = chance(m, 40) ? 1 + rnd(m, 7) : 0;
	}
}

static void random_service(struct model *m, struct model_service *s)
{
	struct model_slice keep[MODEL_SLICES];
	int i;

	memcpy(keep, s->slice, sizeof(keep));
	*s = (struct model_service){
		.there = true,
		.headless = chance(m, 5),
		.foreign = chance(m, 5),
		.type = chance(m, 3) ? 3 : (int)rnd(m, 3),
		.families = 1 + (int)rnd(m, 3),
		.six_first = chance(m, 50),
		.external = chance(m, 40) ? rnd(m, 1 << OUTER) : 0,
		.external_local = chance(m, 40),
		.internal_local = chance(m, 30),
		.publish = chance(m, 10),
		.affinity = chance(m, 30) ? 1 + (int)rnd(m, 100) : 0,
		.ranges = chance(m, 30) ? rnd(m, 4) : 0,
	};
	if (s->type == 2)
		s->lb = rnd(m, 1 << OUTER);
	for (i = 0; i < 3; i++)
		s->port[i] = (struct model_port){ chance(m, 60), 80 + (int)rnd(m, 2),
						  chance(m, 80) ? 30080 + (int)rnd(m, 4) : 0 };
	s->port[rnd(m, 3)].there = true;
	memcpy(s->slice, keep, sizeof(keep));
}

static void change_service(struct model *m, struct model_change *c, int i)
{
	c->kind = WR_KIND_SERVICE;
	snprintf(c->name, sizeof(c->name), "svc%d", i);
	c->deleted = m->svc[i].there && chance(m, 20);
	if (c->deleted)
		m->svc[i].there = false;
	else
		random_service(m, &m->svc[i]);
}

static void change_slice(struct model *m, struct model_change *c, int i, int k)
{
	struct model_slice *s = &m->svc[i].slice[k];

	c->kind = WR_KIND_ENDPOINTSLICE;
	snprintf(c->name, sizeof(c->name), "svc%d-%d", i, k);
	c->deleted = s->there && chance(m, 20);
	if (c->deleted)
		s->there = false;
	else
		random_slice(m, s);
}

static void change_node(struct model *m, struct model_change *c, int i)
{
	c->kind = WR_KIND_NODE;
	c->ns = "";
	snprintf(c->name, sizeof(c->name), "%s", node_names[i]);
	c->deleted = m->node_there[i] && chance(m, 20);
	m->node_there[i] = !c->deleted;
	m->node_external[i] = chance(m, 40);
	m->zone[i] = c->deleted ? -1 : (int)rnd(m, 4) - 1;
}

/* --- manifests --- */

static void list(struct wr_strbuf *sb, unsigned int set, const char *const *words, int n,
		 const char *format)
{
	const char *comma = "";
	int i;

	for (i = 0; i < n; i++) {
		if (!(set >> i & 1))
			continue;
		wr_strbuf_addstr(sb, comma);
		if (!strcmp(format, "name"))
			wr_strbuf_addf(sb, "{name: %s}", words[i]);
		else if (!strcmp(format, "ip"))
			wr_strbuf_addf(sb, "{ip: '%s'}", words[i]);
		else
			wr_strbuf_addf(sb, "'%s'", words[i]);
		comma = ", ";
	}
}

static void dump_ports(const struct model_service *s, struct wr_strbuf *sb)
{
	int i;

	wr_strbuf_addstr(sb, "ports: [");
	for (i = 0; i < 3; i++) {
		if (!s->port[i].there)
			continue;
		wr_strbuf_addf(sb, "{name: p%d, protocol: %s, port: %d", i, protos[i],
			       s->port[i].port);
		if (s->port[i].node_port)
			wr_strbuf_addf(sb, ", nodePort: %d", s->port[i].node_port);
		wr_strbuf_addstr(sb, "}, ");
	}
	wr_strbuf_addstr(sb, "]");
}

static void dump_addresses(const struct model_service *s, int i, struct wr_strbuf *sb)
{
	char four[32], six[32];

	snprintf(four, sizeof(four), "10.96.0.%d", i + 1);
	snprintf(six, sizeof(six), "'fd96::%d'", i + 1);
	if (s->headless)
		wr_strbuf_addstr(sb, "clusterIP: None, ");
	else if (s->families == 3)
		wr_strbuf_addf(sb, "clusterIPs: [%s, %s], ", s->six_first ? six : four,
			       s->six_first ? four : six);
	else
		wr_strbuf_addf(sb, "clusterIPs: [%s], ", s->families == 1 ? four : six);
}

static void dump_service(const struct model_service *s, int i, struct wr_strbuf *sb)
{
	static const char *const types[] = { "ClusterIP", "NodePort", "LoadBalancer", "ExternalName" };
	static const char *const ranges[] = { "198.51.100.0/24", "2001:db8:1::/48" };

	wr_strbuf_addf(sb, "---\n{apiVersion: v1, kind: Service, metadata: {name: svc%d", i);
	if (s->foreign)
		wr_strbuf_addstr(sb, ", labels: {service.kubernetes.io/service-proxy-name: x}");
	wr_strbuf_addf(sb, "}, spec: {type: %s, ", types[s->type]);
	if (s->type == 3)
		wr_strbuf_addstr(sb, "externalName: example.com, ");
	else
		dump_addresses(s, i, sb);
	dump_ports(s, sb);
	wr_strbuf_addstr(sb, ", externalIPs: [");
	list(sb, s->external, outer, OUTER, "");
	wr_strbuf_addstr(sb, "], loadBalancerSourceRanges: [");
	list(sb, s->ranges, ranges, 2, "");
	wr_strbuf_addf(sb, "], externalTrafficPolicy: %s, internalTrafficPolicy: %s",
		       s->external_local ? "Local" : "Cluster",
		       s->internal_local ? "Local" : "Cluster");
	if (s->publish)
		wr_strbuf_addstr(sb, ", publishNotReadyAddresses: true");
	if (s->affinity)
		wr_strbuf_addf(sb,
			       ", sessionAffinity: ClientIP, sessionAffinityConfig: {clientIP: "
			       "{timeoutSeconds: %d}}",
			       s->affinity);
	wr_strbuf_addstr(sb, "}, status: {loadBalancer: {ingress: [");
	list(sb, s->lb, outer, OUTER, "ip");
	wr_strbuf_addstr(sb, "]}}}\n");
}

static void dump_endpoint(const struct model_endpoint *e, bool six, struct wr_strbuf *sb)
{
	static const char *const zones[] = { "z0", "z1", "z2" };

	wr_strbuf_addf(sb,
		       "{addresses: ['%s%d'], conditions: {ready: %s, serving: %s, "
		       "terminating: %s}, ",
		       six ? "fd00::" : "10.1.0.", e->addr, e->ready ? "true" : "false",
		       e->serving ? "true" : "false", e->terminating ? "true" : "false");
	if (e->node >= 0)
		wr_strbuf_addf(sb, "nodeName: %s, ", node_names[e->node]);
	wr_strbuf_addstr(sb, "hints: {forZones: [");
	list(sb, e->hint_zones, zones, 3, "name");
	wr_strbuf_addstr(sb, "], forNodes: [");
	list(sb, e->hint_nodes, node_names, 3, "name");
	wr_strbuf_addstr(sb, "]}}, ");
}

static void dump_slice(const struct model_slice *s, int i, int k, struct wr_strbuf *sb)
{
	int n;

	wr_strbuf_addf(sb,
		       "---\n{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: "
		       "{name: svc%d-%d, labels: {kubernetes.io/service-name: svc%d}}, "
		       "addressType: IPv%d, ports: [",
		       i, k, i, k % 2 ? 6 : 4);
	for (n = 0; n < 3; n++) {
		if (s->port[n] < 0)
			continue;
		wr_strbuf_addf(sb, "{name: p%d, protocol: %s", n, protos[n]);
		if (s->port[n])
			wr_strbuf_addf(sb, ", port: %d", s->port[n]);
		wr_strbuf_addstr(sb, "}, ");
	}
	wr_strbuf_addstr(sb, "], endpoints: [");
	for (n = 0; n < s->n; n++)
		dump_endpoint(&s->ep[n], k % 2, sb);
	wr_strbuf_addstr(sb, "]}\n");
}

static void dump_node(const struct model *m, int i, struct wr_strbuf *sb)
{
	wr_strbuf_addf(sb, "---\n{apiVersion: v1, kind: Node, metadata: {name: %s", node_names[i]);
	if (m->zone[i] >= 0)
		wr_strbuf_addf(sb, ", labels: {topology.kubernetes.io/zone: z%d}", m->zone[i]);
	wr_strbuf_addf(sb, "}, status: {addresses: [{type: InternalIP, address: 10.30.0.1%d}%s]}}\n",
		       i + 1,
		       m->node_external[i] && i ? ", {type: ExternalIP, address: 192.0.2.2}" : "");
}

void model_init(struct model *m, uint64_t seed)
{
	int i;

	*m = (struct model){ .rng = seed * 0x9e3779b97f4a7c15u + 1 };
	for (i = 0; i < MODEL_NODES; i++)
		m->zone[i] = -1;
}

void model_step(struct model *m, struct wr_strbuf *yaml, struct model_change *ret)
{
	int i = (int)rnd(m, MODEL_SERVICES), k = (int)rnd(m, MODEL_SLICES);
	uint32_t what = rnd(m, 100);

	*ret = (struct model_change){ .ns = "default" };
	wr_strbuf_reset(yaml);
	if (what < 5) {
		ret->addresses = true;
		m->own[k] = !m->own[k];
	} else if (what < 15) {
		change_node(m, ret, i % MODEL_NODES);
		if (!ret->deleted)
			dump_node(m, i % MODEL_NODES, yaml);
	} else if (what < 55) {
		change_service(m, ret, i);
		if (!ret->deleted)
			dump_service(&m->svc[i], i, yaml);
	} else {
		change_slice(m, ret, i, k);
		if (!ret->deleted)
			dump_slice(&m->svc[i].slice[k], i, k, yaml);
	}
}

void model_dump(const struct model *m, struct wr_strbuf *yaml)
{
	int i, k;

	wr_strbuf_reset(yaml);
	for (i = MODEL_SERVICES - 1; i >= 0; i--) {
		if (m->svc[i].there)
			dump_service(&m->svc[i], i, yaml);
		for (k = 0; k < MODEL_SLICES; k++)
			if (m->svc[i].slice[k].there)
				dump_slice(&m->svc[i].slice[k], i, k, yaml);
	}
	for (i = 0; i < MODEL_NODES; i++)
		if (m->node_there[i])
			dump_node(m, i, yaml);
}

/* --- meaning --- */

enum class {
	NONE,
	CLUSTER,
	NODE_PORT,
	LOAD_BALANCER,
	EXTERNAL,
};

struct question {
	char addr[64];
	int port, proto; /* proto: index of protos */
	bool outside;
};

static bool is_six(const char *addr)
{
	return strchr(addr, ':');
}

static bool has_family(const struct model_service *s, const char *addr)
{
	return s->families & (is_six(addr) ? 2 : 1);
}

static bool in_set(unsigned int set, const char *addr)
{
	int i;

	for (i = 0; i < OUTER; i++)
		if (set >> i & 1 && !strcmp(outer[i], addr))
			return true;
	return false;
}

static bool is_own(const struct model *m, const char *addr)
{
	int i;

	for (i = 0; i < MODEL_OWN; i++)
		if (m->own[i] && !strcmp(model_own[i], addr))
			return true;
	return false;
}

static bool is_node_address(const struct model *m, const char *addr)
{
	char internal[32];
	int i;

	for (i = 0; i < MODEL_NODES; i++) {
		snprintf(internal, sizeof(internal), "10.30.0.1%d", i + 1);
		if (m->node_there[i] && !strcmp(internal, addr))
			return true;
		if (m->node_there[i] && i && m->node_external[i] && !strcmp(addr, "192.0.2.2"))
			return true;
	}
	return is_own(m, addr);
}

static bool is_balanced(const struct model_service *s)
{
	return s->there && !s->foreign && !s->headless && s->type != 3;
}

static bool is_cluster_address(int i, const char *addr)
{
	char four[32], six[32];

	snprintf(four, sizeof(four), "10.96.0.%d", i + 1);
	snprintf(six, sizeof(six), "fd96::%d", i + 1);
	return !strcmp(addr, four) || !strcmp(addr, six);
}

/* Does the service want this frontend, and as what? */
static enum class wants(const struct model *m, int i, const struct question *q) {
	const struct model_service *s = &m->svc[i]; const struct model_port *p = &s->port[q->proto];

	if (!is_balanced(s) || !p->there || !has_family(s, q->addr)) return NONE;
	if (p->port == q->port && is_cluster_address(i, q->addr)) return CLUSTER;
	if (s->type >= 1 && p->node_port && p->node_port == q->port){
		if (is_own(m, q->addr) || !strcmp(q->addr, "127.0.0.1")) return NODE_PORT; }
if (p->port != q->port) return NONE;
if (s->type == 2 && in_set(s->lb, q->addr))
	return LOAD_BALANCER;
return in_set(s->external, q->addr) ? EXTERNAL : NONE;
}

struct merged {
	bool there, ready, serving, terminating, local;
	unsigned int zones, nodes;
};

#define ADDRS 7
#define PORTS 2

/* Every endpoint of the port, by address and port, over all slices of the family. */
static void merge(const struct model_service *s, int port, bool six, struct merged all[ADDRS][PORTS])
{
	int k, n;

	memset(all, 0, sizeof(struct merged) * ADDRS * PORTS);
	for (k = six ? 1 : 0; k < MODEL_SLICES; k += 2) {
		const struct model_slice *sl = &s->slice[k];

		if (!sl->there || sl->port[port] <= 0)
			continue;
		for (n = 0; n < sl->n; n++) {
			const struct model_endpoint *e = &sl->ep[n];
			struct merged *to = &all[e->addr][sl->port[port] - 8080];

			to->terminating = e->terminating && (!to->there || to->terminating);
			to->there = true;
			to->ready |= e->ready || s->publish;
			to->serving |= e->serving || s->publish;
			to->local |= e->node == HERE;
			to->zones |= e->hint_zones;
			to->nodes |= e->hint_nodes;
		}
	}
}

static bool all_ready_hinted(struct merged all[ADDRS][PORTS], bool nodes, unsigned int mine)
{
	bool any = false;
	int a, p;

	for (a = 0; a < ADDRS; a++)
		for (p = 0; p < PORTS; p++) {
			const struct merged *e = &all[a][p];
			unsigned int hints = nodes ? e->nodes : e->zones;

			if (!e->there || !e->ready)
				continue;
			if (!hints)
				return false;
			any |= (hints & mine) != 0;
		}
	return any;
}

/* Which endpoints new flows take: '\0' not, ' ' yes, '~' standing in. */
static void choose(const struct model *m, struct merged all[ADDRS][PORTS], bool local,
		   char taken[ADDRS][PORTS])
{
	unsigned int zone = m->zone[HERE] >= 0 ? 1u << m->zone[HERE] : 0;
	bool by_node = !local && all_ready_hinted(all, true, 1u << HERE);
	bool by_zone = !local && !by_node && all_ready_hinted(all, false, zone);
	bool any = false;
	int a, p;

	memset(taken, 0, ADDRS * PORTS);
	for (a = 0; a < ADDRS; a++)
		for (p = 0; p < PORTS; p++) {
			const struct merged *e = &all[a][p];

			if (!e->there || !e->ready || (local && !e->local))
				continue;
			if (by_node && !(e->nodes & 1u << HERE))
				continue;
			if (by_zone && !(e->zones & zone))
				continue;
			taken[a][p] = ' ';
			any = true;
		}
	for (a = 0; a < ADDRS && !any; a++)
		for (p = 0; p < PORTS; p++) {
			const struct merged *e = &all[a][p];

			if (e->there && e->serving && e->terminating && (!local || e->local))
				taken[a][p] = '~';
		}
}

static size_t write_endpoints(char taken[ADDRS][PORTS], bool six, struct wr_strbuf *ret)
{
	size_t n = 0;
	int a, p;

	for (a = 0; a < ADDRS; a++)
		for (p = 0; p < PORTS; p++) {
			if (!taken[a][p])
				continue;
			wr_strbuf_addf(ret, "%s%s%s%d%s:%d", n++ ? " " : "",
				       taken[a][p] == '~' ? "~" : "", six ? "[fd00::" : "10.1.0.",
				       a, six ? "]" : "", 8080 + p);
		}
	return n;
}

static bool is_reached_from_outside(const struct model_service *s, int port)
{
	return (s->type >= 1 && s->port[port].node_port) || (s->type == 2 && s->lb) || s->external;
}

/* Flows may stay with what no list for new flows has, as long as a slice names it (UDP: while it serves). */
static void write_held(const struct model *m, const struct model_service *s, int port, bool six,
		       struct wr_strbuf *ret)
{
	char in[ADDRS][PORTS], outer_run[ADDRS][PORTS], here_run[ADDRS][PORTS];
	char held[ADDRS][PORTS] = { 0 };
	struct merged all[ADDRS][PORTS];
	bool needed = false;
	int a, p;

	merge(s, port, six, all);
	choose(m, all, s->internal_local, in);
	memset(outer_run, 0, sizeof(outer_run));
	memset(here_run, 0, sizeof(here_run));
	if (is_reached_from_outside(s, port))
		choose(m, all, false, outer_run);
	if (is_reached_from_outside(s, port) && s->external_local)
		choose(m, all, true, here_run);
	for (a = 0; a < ADDRS; a++)
		for (p = 0; p < PORTS; p++) {
			const struct merged *e = &all[a][p];

			if (!e->there || (port == 1 && !e->ready && !(e->serving && e->terminating)))
				continue;
			held[a][p] = '~';
			needed |= !in[a][p] && !outer_run[a][p] && !here_run[a][p];
		}
	if (!needed)
		return;
	wr_strbuf_addstr(ret, "; holds ");
	write_endpoints(held, six, ret);
}

static void evaluate(const struct model *m, const struct model_service *s, enum class class,
		     const struct question *q, struct wr_strbuf *ret)
{
	bool six = is_six(q->addr), local, outside;
	struct merged all[ADDRS][PORTS];
	char taken[ADDRS][PORTS];

	outside = q->outside && class != CLUSTER && s->external_local;
	local = class == CLUSTER ? s->internal_local : outside;
	merge(s, q->proto, six, all);
	choose(m, all, local, taken);
	if (!write_endpoints(taken, six, ret))
		wr_strbuf_addstr(ret, local ? "none here" : "none");
	if (s->affinity)
		wr_strbuf_addf(ret, "; affinity %d", s->affinity);
	if (class == LOAD_BALANCER && s->ranges)
		wr_strbuf_addf(ret, "; ranges %d", !!(s->ranges & (six ? 2u : 1u)));
	if (class == CLUSTER)
		write_held(m, s, q->proto, six, ret);
}

static bool is_owned(const struct model *m, const char *addr)
{
	int i;

	if (is_node_address(m, addr))
		return false;
	for (i = 0; i < MODEL_SERVICES; i++) {
		const struct model_service *s = &m->svc[i];

		if (!is_balanced(s) || !has_family(s, addr))
			continue;
		if (is_cluster_address(i, addr) || in_set(s->external, addr) ||
		    (s->type == 2 && in_set(s->lb, addr)))
			return true;
	}
	return false;
}

static int proto_index(const char *name)
{
	int i;

	for (i = 0; strcmp(protos[i], name) != 0; i++)
		assert(i < 2);
	return i;
}

static struct question parse(const char *text)
{
	struct question q = { .outside = wr_has_prefix(text, "outside ") };
	char proto[16];
	int n = sscanf(text + (q.outside ? 8 : 0), "%63s %d %15s", q.addr, &q.port, proto);

	assert(n == 3);
	q.proto = proto_index(proto);
	return q;
}

/* Of several services that want a frontend, the first by name has it. */
void model_answer(const struct model *m, const char *question, struct wr_strbuf *ret)
{
	struct question q = parse(question);
	enum class class = NONE;
	int i;

	wr_strbuf_reset(ret);
	for (i = 0; i < MODEL_SERVICES && !class; i++)
		class = wants(m, i, &q);
	if (class == CLUSTER && is_own(m, q.addr) && !q.outside)
		wr_strbuf_addstr(ret, "untranslated");
	else if (class == CLUSTER && q.outside)
		wr_strbuf_addstr(ret, "refused");
	else if (class)
		evaluate(m, &m->svc[i - 1], class, &q, ret);
	else
		wr_strbuf_addstr(ret, is_owned(m, q.addr) ? "refused" : "-");
}

const char *model_question(size_t i, char buf[96])
{
	static const char *const addrs[] = { "10.96.0.1",   "10.96.0.2",  "10.96.0.3",  "10.96.0.4",
					     "10.96.0.5",   "fd96::1",    "fd96::2",    "fd96::3",
					     "fd96::4",     "fd96::5",    "192.0.2.1",  "192.0.2.2",
					     "2001:db8::1", "10.30.0.11", "10.30.0.12", "fd30::11",
					     "192.168.5.1", "127.0.0.1" };
	static const int ports[] = { 80, 81, 30080, 30081, 30082, 30083 };
	const size_t n_addrs = WR_ARRAY_SIZE(addrs), n_ports = WR_ARRAY_SIZE(ports);
	size_t addr = i % n_addrs, port = i / n_addrs % n_ports, proto = i / n_addrs / n_ports % 3;
	bool outside = i / n_addrs / n_ports / 3;

	if (i >= n_addrs * n_ports * 3 * 2)
		return NULL;
	if (outside && !strcmp(addrs[addr], "127.0.0.1")) /* never asked: no packet has it */
		outside = false;
	snprintf(buf, 96, "%s%s %d %s", outside ? "outside " : "", addrs[addr], ports[port],
		 protos[proto]);
	return buf;
}
