/* SPDX-License-Identifier: Apache-2.0 */
/* Random clusters, and their manifests. */
#include "tests/unit/policy_model.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static const char *const keys[] = { "app", "tier", "env" };
static const char *const values[] = { "x", "y", "z" };
static const char *const names[] = { "web", "dns" };
static const int protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP };

const char *const pm_names[M_NAMES] = { "x.example", "a.x.example", "b.a.x.example", "y.example" };
const uint32_t pm_named[M_NAMED] = { 0x300, 0x301, 0x403, 0x900, 0x200, 0x00f };
static const char *const domains[] = { "*.x.example", "x.example", "A.x.example", "y.example." };

static const char *proto_name(int proto)
{
	return proto == IPPROTO_TCP ? "TCP" : proto == IPPROTO_UDP ? "UDP" : "SCTP";
}

uint32_t pm_random(struct model *m, uint32_t below)
{
	m->random ^= m->random << 13;
	m->random ^= m->random >> 7;
	m->random ^= m->random << 17;
	return (uint32_t)((m->random * 0x2545f4914f6cdd1dull) >> 32) % below;
}

static bool chance(struct model *m, uint32_t percent)
{
	return pm_random(m, 100) < percent;
}

void pm_new_labels(struct model *m, int labels[M_KEYS])
{
	int i;

	for (i = 0; i < M_KEYS; i++)
		labels[i] = (int)pm_random(m, 4) - 1;
}

static void new_selector(struct model *m, struct m_selector *s)
{
	int i;

	s->n = (int)pm_random(m, M_TERMS + 1);
	for (i = 0; i < s->n; i++) {
		s->terms[i].op = (enum m_op)pm_random(m, 5);
		/* Terms of one selector name different keys: matchLabels is a map. */
		s->terms[i].key = i;
		s->terms[i].value = (int)pm_random(m, 3);
		s->terms[i].other = (int)pm_random(m, 3);
	}
}

static void new_block(struct model *m, struct m_block *b)
{
	static const uint32_t lens[] = { 0, 6, 7, 8, 9, 12, 15, 16 };
	int i;

	b->family = chance(m, 60) ? 4 : 6;
	b->len = lens[pm_random(m, 8)];
	b->bits = pm_random(m, 6) << 8 | pm_random(m, 4);
	b->n_excepts = b->len < 14 ? (int)pm_random(m, 3) : 0;
	for (i = 0; i < b->n_excepts; i++) {
		b->excepts[i].len = b->len + 1 + pm_random(m, 16 - b->len);
		b->excepts[i].bits = b->len ? (b->bits & (0xffffu << (16 - b->len))) : 0;
		b->excepts[i].bits |= (pm_random(m, 6) << 8 | pm_random(m, 4)) &
				      (b->len ? 0xffffu >> b->len : 0xffffu);
	}
}

static void new_peer(struct model *m, struct m_peer *p, bool cluster, int dir)
{
	memset(p, 0, sizeof(*p));
	p->kind = chance(m, 65) || (cluster && dir == 1) ? M_PEER_PODS : M_PEER_BLOCK;
	if (cluster && dir == 0 && chance(m, 15))
		p->kind = M_PEER_NODES;
	new_selector(m, &p->spaces);
	new_selector(m, &p->pods);
	new_block(m, &p->block);
	if (cluster)
		p->block.n_excepts = 0;
	p->own_space = !cluster && chance(m, 40);
	p->has_pods = p->own_space || chance(m, 60);
}

static void new_port(struct model *m, struct m_port *p, bool cluster, bool named)
{
	p->proto = protos[pm_random(m, 3)];
	p->name = named && chance(m, 35) ? (int)pm_random(m, 2) : -1;
	p->all = !cluster && p->name < 0 && chance(m, 15);
	p->first = 75 + (int)pm_random(m, 12);
	p->last = chance(m, 50) ? p->first : p->first + 1 + (int)pm_random(m, 300);
	if (chance(m, 5))
		p->last = 65535;
	if (cluster && p->name >= 0)
		p->proto = 0;
}

static void new_rule(struct model *m, struct m_rule *r, bool cluster, int dir)
{
	bool pods = true;
	int i;

	r->action = cluster ? (enum m_action)pm_random(m, 3) : M_ACCEPT;
	r->n_peers = (int)pm_random(m, M_PEERS) + cluster;
	r->n_ports = (int)pm_random(m, M_PORTS + 1);
	for (i = 0; i < r->n_peers; i++) {
		new_peer(m, &r->peers[i], cluster, dir);
		if (cluster && dir == 0 && r->action == M_ACCEPT && chance(m, 30)) {
			r->peers[i].kind = M_PEER_DOMAIN;
			r->peers[i].domain = (int)pm_random(m, 4);
		}
		pods = pods && r->peers[i].kind == M_PEER_PODS;
	}
	for (i = 0; i < r->n_ports; i++)
		new_port(m, &r->ports[i], cluster, !cluster || pods);
}

static void new_rules(struct model *m, struct m_policy *p, bool cluster)
{
	int dir, i;

	for (dir = 0; dir < 2; dir++) {
		p->isolates[dir] = chance(m, 60);
		p->n_rules[dir] = (int)pm_random(m, M_RULES + 1);
		for (i = 0; i < p->n_rules[dir]; i++)
			new_rule(m, &p->rules[dir][i], cluster, dir);
	}
	/* No types at all would mean something else. */
	if (!p->isolates[0] && !p->isolates[1])
		p->isolates[1] = true;
}

void pm_new_np(struct model *m, int i)
{
	struct m_policy *p = &m->nps[i];

	memset(p, 0, sizeof(*p));
	p->used = true;
	p->space = (int)pm_random(m, M_SPACES);
	new_selector(m, &p->pods);
	new_rules(m, p, false);
}

void pm_new_cnp(struct model *m, int i)
{
	struct m_policy *p = &m->cnps[i];

	memset(p, 0, sizeof(*p));
	p->used = true;
	p->baseline = chance(m, 40);
	p->priority = (int)pm_random(m, 4);
	new_selector(m, &p->spaces);
	new_selector(m, &p->pods);
	new_rules(m, p, true);
}

static bool address_is_taken(const struct model *m, uint32_t bits)
{
	int i;

	for (i = 0; i < M_PODS; i++)
		if (m->pods[i].used && !m->pods[i].host_network && m->pods[i].bits == bits)
			return true;
	return false;
}

void pm_new_pod(struct model *m, int i)
{
	struct m_pod *pod = &m->pods[i];
	int k;

	memset(pod, 0, sizeof(*pod));
	pod->space = (int)pm_random(m, M_SPACES);
	pod->node = (int)pm_random(m, M_NODES);
	pod->host_network = chance(m, 12);
	pm_new_labels(m, pod->labels);
	do
		pod->bits = (uint32_t)pod->node << 8 | pm_random(m, 10);
	while (address_is_taken(m, pod->bits));
	if (pod->host_network)
		pod->bits = 0x200u | (uint32_t)pod->node;
	pod->has6 = chance(m, 80);
	pod->n_ports = (int)pm_random(m, 4);
	for (k = 0; k < pod->n_ports; k++) {
		pod->ports[k].name = k == 1 ? 1 : 0;
		pod->ports[k].proto = k == 2 ? IPPROTO_UDP : protos[pm_random(m, 2)];
		if (k == 2)
			pod->ports[0].proto = IPPROTO_TCP;
		pod->ports[k].number = 78 + (int)pm_random(m, 8);
	}
	pod->used = true;
}

void pm_init(struct model *m, uint64_t seed)
{
	int i;

	memset(m, 0, sizeof(*m));
	m->random = seed * 0x9e3779b97f4a7c15ull + 1;
	for (i = 0; i < 8; i++)
		pm_random(m, 2);
	for (i = 0; i < M_SPACES; i++)
		pm_new_labels(m, m->space_labels[i]);
	for (i = 0; i < M_NODES; i++)
		pm_new_labels(m, m->node_labels[i]);
	for (i = 0; i < M_PODS; i++)
		pm_new_pod(m, i);
	for (i = 0; i < M_NPS; i++)
		if (chance(m, 60))
			pm_new_np(m, i);
	for (i = 0; i < M_CNPS; i++)
		if (chance(m, 50))
			pm_new_cnp(m, i);
}

/* ---- manifests ----------------------------------------------------------------------------------- */

static void block_text(int family, uint32_t bits, uint32_t len, char out[64])
{
	uint32_t masked = len ? bits & (0xffffu << (16 - len)) & 0xffffu : 0;

	if (!len)
		snprintf(out, 64, "%s/0", family == 4 ? "0.0.0.0" : "::");
	else if (family == 4)
		snprintf(out, 64, "10.1.%u.%u/%u", masked >> 8, masked & 0xff, 16 + len);
	else
		snprintf(out, 64, "fd00::1:%x/%u", masked, 112 + len);
}

void pm_address_text(struct m_address a, char out[48])
{
	if (a.family == 4)
		snprintf(out, 48, "10.1.%u.%u", a.bits >> 8, a.bits & 0xff);
	else
		snprintf(out, 48, "fd00::1:%x", a.bits);
}

static void add_labels(const int labels[M_KEYS], struct wr_strbuf *out)
{
	const char *comma = "";
	int i;

	wr_strbuf_addstr(out, "{");
	for (i = 0; i < M_KEYS; i++) {
		if (labels[i] < 0)
			continue;
		wr_strbuf_addf(out, "%s%s: %s", comma, keys[i], values[labels[i]]);
		comma = ", ";
	}
	wr_strbuf_addstr(out, "}");
}

static void add_term(const struct m_selector *s, int i, struct wr_strbuf *out)
{
	static const char *const ops[] = { "", "In", "NotIn", "Exists", "DoesNotExist" };

	wr_strbuf_addf(out, "{key: %s, operator: %s", keys[s->terms[i].key], ops[s->terms[i].op]);
	if (s->terms[i].op < M_EXISTS)
		wr_strbuf_addf(out, ", values: [%s, %s]", values[s->terms[i].value],
			       values[s->terms[i].other]);
	wr_strbuf_addstr(out, "}, ");
}

static void add_selector(const struct m_selector *s, struct wr_strbuf *out)
{
	int i;

	wr_strbuf_addstr(out, "{matchLabels: {");
	for (i = 0; i < s->n; i++)
		if (s->terms[i].op == M_EQUAL)
			wr_strbuf_addf(out, "%s: %s, ", keys[s->terms[i].key],
				       values[s->terms[i].value]);
	wr_strbuf_addstr(out, "}, matchExpressions: [");
	for (i = 0; i < s->n; i++)
		if (s->terms[i].op != M_EQUAL)
			add_term(s, i, out);
	wr_strbuf_addstr(out, "]}");
}

void pm_space_yaml(const struct model *m, int i, struct wr_strbuf *out)
{
	wr_strbuf_addf(out, "apiVersion: v1\nkind: Namespace\nmetadata: {name: n%d, labels: ", i);
	add_labels(m->space_labels[i], out);
	wr_strbuf_addstr(out, "}\n");
}

void pm_node_yaml(const struct model *m, int i, struct wr_strbuf *out)
{
	wr_strbuf_addf(out, "apiVersion: v1\nkind: Node\nmetadata: {name: node%d, labels: ", i);
	add_labels(m->node_labels[i], out);
	wr_strbuf_addf(out,
		       "}\nspec: {podCIDRs: [10.1.%d.0/24, \"fd00::1:%x/120\"]}\n"
		       "status: {addresses: [{type: InternalIP, address: 10.1.2.%d},"
		       " {type: InternalIP, address: \"fd00::1:20%d\"}]}\n",
		       i, i << 8, i, i);
}

void pm_pod_yaml(const struct model *m, int i, struct wr_strbuf *out)
{
	const struct m_pod *pod = &m->pods[i];
	char a4[48], a6[48];
	int k;

	pm_address_text((struct m_address){ 4, pod->bits }, a4);
	pm_address_text((struct m_address){ 6, pod->bits }, a6);
	wr_strbuf_addf(out,
		       "apiVersion: v1\nkind: Pod\nmetadata: {name: p%d, namespace: n%d, labels: ", i,
		       pod->space);
	add_labels(pod->labels, out);
	wr_strbuf_addf(out,
		       "}\nspec: {nodeName: node%d, hostNetwork: %s, containers: [{name: c, ports: [",
		       pod->node, pod->host_network ? "true" : "false");
	for (k = 0; k < pod->n_ports; k++)
		wr_strbuf_addf(out, "{name: %s, protocol: %s, containerPort: %d}, ",
			       names[pod->ports[k].name], proto_name(pod->ports[k].proto),
			       pod->ports[k].number);
	wr_strbuf_addf(out, "]}]}\nstatus: {phase: Running, podIPs: [{ip: %s}", a4);
	if (pod->has6)
		wr_strbuf_addf(out, ", {ip: \"%s\"}", a6);
	wr_strbuf_addstr(out, "]}\n");
}

static void add_block(const struct m_block *b, struct wr_strbuf *out)
{
	char text[64];
	int i;

	block_text(b->family, b->bits, b->len, text);
	wr_strbuf_addf(out, "{ipBlock: {cidr: \"%s\", except: [", text);
	for (i = 0; i < b->n_excepts; i++) {
		block_text(b->family, b->excepts[i].bits, b->excepts[i].len, text);
		wr_strbuf_addf(out, "\"%s\", ", text);
	}
	wr_strbuf_addstr(out, "]}}, ");
}

static void add_np_peer(const struct m_peer *p, struct wr_strbuf *out)
{
	if (p->kind == M_PEER_BLOCK) {
		add_block(&p->block, out);
		return;
	}
	wr_strbuf_addstr(out, "{");
	if (!p->own_space) {
		wr_strbuf_addstr(out, "namespaceSelector: ");
		add_selector(&p->spaces, out);
		wr_strbuf_addstr(out, ", ");
	}
	if (p->has_pods) {
		wr_strbuf_addstr(out, "podSelector: ");
		add_selector(&p->pods, out);
	}
	wr_strbuf_addstr(out, "}, ");
}

static void add_np_port(const struct m_port *p, struct wr_strbuf *out)
{
	wr_strbuf_addf(out, "{protocol: %s", proto_name(p->proto));
	if (p->name >= 0)
		wr_strbuf_addf(out, ", port: %s", names[p->name]);
	else if (!p->all)
		wr_strbuf_addf(out, ", port: %d, endPort: %d", p->first, p->last);
	wr_strbuf_addstr(out, "}, ");
}

static void add_np_rules(const struct m_policy *p, int dir, struct wr_strbuf *out)
{
	int i, k;

	wr_strbuf_addf(out, ", %s: [", dir ? "ingress" : "egress");
	for (i = 0; i < p->n_rules[dir]; i++) {
		wr_strbuf_addf(out, "{%s: [", dir ? "from" : "to");
		for (k = 0; k < p->rules[dir][i].n_peers; k++)
			add_np_peer(&p->rules[dir][i].peers[k], out);
		wr_strbuf_addstr(out, "], ports: [");
		for (k = 0; k < p->rules[dir][i].n_ports; k++)
			add_np_port(&p->rules[dir][i].ports[k], out);
		wr_strbuf_addstr(out, "]}, ");
	}
	wr_strbuf_addstr(out, "]");
}

void pm_np_yaml(const struct model *m, int i, struct wr_strbuf *out)
{
	const struct m_policy *p = &m->nps[i];

	wr_strbuf_addf(out,
		       "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
		       "metadata: {name: np%d, namespace: n%d}\nspec: {podSelector: ",
		       i, p->space);
	add_selector(&p->pods, out);
	wr_strbuf_addf(out, ", policyTypes: [%s%s%s]", p->isolates[0] ? "Egress" : "",
		       p->isolates[0] && p->isolates[1] ? ", " : "", p->isolates[1] ? "Ingress" : "");
	add_np_rules(p, 0, out);
	add_np_rules(p, 1, out);
	wr_strbuf_addstr(out, "}\n");
}

static void add_cnp_peer(const struct m_peer *p, struct wr_strbuf *out)
{
	char text[64];

	if (p->kind == M_PEER_BLOCK) {
		block_text(p->block.family, p->block.bits, p->block.len, text);
		wr_strbuf_addf(out, "{networks: [\"%s\"]}, ", text);
	} else if (p->kind == M_PEER_DOMAIN) {
		wr_strbuf_addf(out, "{domainNames: [\"%s\"]}, ", domains[p->domain]);
	} else if (p->kind == M_PEER_NODES) {
		wr_strbuf_addstr(out, "{nodes: ");
		add_selector(&p->pods, out);
		wr_strbuf_addstr(out, "}, ");
	} else if (!p->has_pods) {
		wr_strbuf_addstr(out, "{namespaces: ");
		add_selector(&p->spaces, out);
		wr_strbuf_addstr(out, "}, ");
	} else {
		wr_strbuf_addstr(out, "{pods: {namespaceSelector: ");
		add_selector(&p->spaces, out);
		wr_strbuf_addstr(out, ", podSelector: ");
		add_selector(&p->pods, out);
		wr_strbuf_addstr(out, "}}, ");
	}
}

static void add_cnp_port(const struct m_port *p, struct wr_strbuf *out)
{
	const char *proto = p->proto == IPPROTO_TCP ? "tcp" :
			    p->proto == IPPROTO_UDP ? "udp" :
						      "sctp";

	if (p->name >= 0)
		wr_strbuf_addf(out, "{destinationNamedPort: %s}, ", names[p->name]);
	else if (p->first == p->last)
		wr_strbuf_addf(out, "{%s: {destinationPort: {number: %d}}}, ", proto, p->first);
	else
		wr_strbuf_addf(out, "{%s: {destinationPort: {range: {start: %d, end: %d}}}}, ",
			       proto, p->first, p->last);
}

static void add_cnp_rule(const struct m_rule *r, int dir, struct wr_strbuf *out)
{
	static const char *const actions[] = { "Accept", "Deny", "Pass" };
	int k;

	wr_strbuf_addf(out, "{action: %s, %s: [", actions[r->action], dir ? "from" : "to");
	for (k = 0; k < r->n_peers; k++)
		add_cnp_peer(&r->peers[k], out);
	wr_strbuf_addstr(out, "]");
	if (r->n_ports)
		wr_strbuf_addstr(out, ", protocols: [");
	for (k = 0; k < r->n_ports; k++)
		add_cnp_port(&r->ports[k], out);
	wr_strbuf_addstr(out, r->n_ports ? "]}, " : "}, ");
}

void pm_cnp_yaml(const struct model *m, int i, struct wr_strbuf *out)
{
	const struct m_policy *p = &m->cnps[i];
	int dir, k;

	wr_strbuf_addf(out,
		       "apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\n"
		       "metadata: {name: cnp%d}\nspec: {tier: %s, priority: %d, subject: {pods: "
		       "{namespaceSelector: ",
		       i, p->baseline ? "Baseline" : "Admin", p->priority);
	add_selector(&p->spaces, out);
	wr_strbuf_addstr(out, ", podSelector: ");
	add_selector(&p->pods, out);
	wr_strbuf_addstr(out, "}}");
	for (dir = 0; dir < 2; dir++) {
		wr_strbuf_addf(out, ", %s: [", dir ? "ingress" : "egress");
		for (k = 0; k < p->n_rules[dir]; k++)
			add_cnp_rule(&p->rules[dir][k], dir, out);
		wr_strbuf_addstr(out, "]");
	}
	wr_strbuf_addstr(out, "}\n");
}
