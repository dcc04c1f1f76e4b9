/* SPDX-License-Identifier: Apache-2.0 */
/* What the specification says of one packet, rule by rule. */
#include <netinet/in.h>

#include "tests/unit/policy_model.h"

static bool selects(const struct m_selector *s, const int labels[M_KEYS])
{
	int i;

	for (i = 0; i < s->n; i++) {
		int have = labels[s->terms[i].key], want = s->terms[i].value;
		bool good = false;

		switch (s->terms[i].op) {
		case M_EQUAL:
			good = have == want;
			break;
		case M_IN:
			good = have == want || have == s->terms[i].other;
			break;
		case M_NOT_IN:
			good = have != want && have != s->terms[i].other;
			break;
		case M_EXISTS:
			good = have >= 0;
			break;
		case M_ABSENT:
			good = have < 0;
			break;
		}
		if (!good)
			return false;
	}
	return true;
}

static bool in_bits(uint32_t bits, uint32_t len, uint32_t address)
{
	return len == 0 || (bits >> (16 - len)) == (address >> (16 - len));
}

static bool in_block(const struct m_block *b, struct m_address a)
{
	int i;

	if (b->family != a.family || !in_bits(b->bits, b->len, a.bits))
		return false;
	for (i = 0; i < b->n_excepts; i++)
		if (in_bits(b->excepts[i].bits, b->excepts[i].len, a.bits))
			return false;
	return true;
}

/* The pod that has the address; -1: none. */
static int pod_at(const struct model *m, struct m_address a)
{
	int i;

	for (i = 0; i < M_PODS; i++)
		if (m->pods[i].used && !m->pods[i].host_network && m->pods[i].bits == a.bits &&
		    (a.family == 4 || m->pods[i].has6))
			return i;
	return -1;
}

static bool is_node(struct m_address a)
{
	return a.bits >> 8 == 2 && (a.bits & 0xff) < M_NODES;
}

static bool is_unknown(const struct model *m, struct m_address a)
{
	return a.bits >> 8 < 2 && pod_at(m, a) < 0;
}

static bool peer_is_pod_of(const struct model *m, const struct m_peer *peer, int space, int pod)
{
	if (pod < 0)
		return false;
	if (peer->own_space ? m->pods[pod].space != space :
			      !selects(&peer->spaces, m->space_labels[m->pods[pod].space]))
		return false;
	return !peer->has_pods || selects(&peer->pods, m->pods[pod].labels);
}

/* "*.x.example" means the second and third name, "x.example" the first, "a.x.example" the second, "y.example" the last. */
static const bool means[4][M_NAMES] = { { false, true, true, false },
					{ true, false, false, false },
					{ false, true, false, false },
					{ false, false, false, true } };

static bool has_domain(const struct model *m, int domain, struct m_address a)
{
	enum m_bound bound;
	int name, i;

	for (name = 0; name < M_NAMES; name++)
		for (i = 0; i < M_NAMED; i++) {
			if (!means[domain][name] || pm_named[i] != a.bits)
				continue;
			bound = m->bound[name][i][a.family == 6];
			if (bound == M_BOUND || (bound == M_OVER && m->begun))
				return true;
		}
	return false;
}

static bool is_peer(const struct model *m, const struct m_peer *peer, int space, struct m_address a)
{
	switch (peer->kind) {
	case M_PEER_PODS:
		return peer_is_pod_of(m, peer, space, pod_at(m, a));
	case M_PEER_BLOCK:
		return in_block(&peer->block, a);
	case M_PEER_DOMAIN:
		return has_domain(m, peer->domain, a);
	case M_PEER_NODES:
		return is_node(a) && selects(&peer->pods, m->node_labels[a.bits & 0xff]);
	}
	return false;
}

struct packet {
	int subject, dir, proto, port;
	struct m_address peer;
};

static bool has_named(const struct m_pod *pod, int name, int proto, int port)
{
	int i;

	for (i = 0; i < pod->n_ports; i++)
		if (pod->ports[i].name == name && pod->ports[i].proto == proto &&
		    pod->ports[i].number == port)
			return true;
	return false;
}

/* A named port is the destination pod's; for egress, that of a peer that is known as a pod. */
static bool is_port(const struct model *m, const struct m_port *port, const struct packet *k,
		    bool by_pod)
{
	int destination = k->dir == 1 ? k->subject : pod_at(m, k->peer);

	if (k->proto == IPPROTO_ICMP || (port->proto && port->proto != k->proto))
		return false;
	if (port->name >= 0)
		return destination >= 0 && (by_pod || k->dir == 1) &&
		       has_named(&m->pods[destination], port->name, k->proto, k->port);
	return port->all || (k->port >= port->first && k->port <= port->last);
}

static bool any_port(const struct model *m, const struct m_rule *r, const struct packet *k,
		     bool by_pod)
{
	int i;

	for (i = 0; i < r->n_ports; i++)
		if (is_port(m, &r->ports[i], k, by_pod))
			return true;
	return r->n_ports == 0;
}

static bool matches(const struct model *m, const struct m_rule *r, int space, const struct packet *k)
{
	int i;

	for (i = 0; i < r->n_peers; i++)
		if (is_peer(m, &r->peers[i], space, k->peer) &&
		    any_port(m, r, k, r->peers[i].kind == M_PEER_PODS))
			return true;
	return r->n_peers == 0 && any_port(m, r, k, true);
}

enum outcome { ALLOWED, DENIED, UNDECIDED, PASSED };

static enum outcome ask_rule(const struct model *m, const struct m_rule *r, int space,
			     const struct packet *k)
{
	static const enum outcome of[] = { ALLOWED, DENIED, PASSED };

	/* Nobody knows who is at an address of a pod range that no pod is known to have: it may be denied, not allowed. */
	if (is_unknown(m, k->peer) && r->n_peers) {
		struct m_rule whoever = *r;

		whoever.n_peers = 0;
		/* Nor are its named ports known. */
		return r->action != M_ACCEPT && matches(m, &whoever, space, k) ? DENIED : UNDECIDED;
	}
	return matches(m, r, space, k) ? of[r->action] : UNDECIDED;
}

static bool applies(const struct model *m, const struct m_policy *c, const struct m_pod *pod)
{
	return c->used && selects(&c->spaces, m->space_labels[pod->space]) &&
	       selects(&c->pods, pod->labels);
}

static enum outcome ask_cnp(const struct model *m, const struct m_policy *c, const struct packet *k)
{
	enum outcome o;
	int i;

	for (i = 0; i < c->n_rules[k->dir]; i++) {
		o = ask_rule(m, &c->rules[k->dir][i], -1, k);
		if (o != UNDECIDED)
			return o;
	}
	return UNDECIDED;
}

/* Lower numbers first; the same number: by name, which is the index. */
static enum outcome ask_tier(const struct model *m, bool baseline, const struct packet *k)
{
	enum outcome o;
	int priority, i;

	for (priority = 0; priority <= 3; priority++)
		for (i = 0; i < M_CNPS; i++) {
			const struct m_policy *c = &m->cnps[i];

			if (c->priority != priority || c->baseline != baseline ||
			    !applies(m, c, &m->pods[k->subject]))
				continue;
			o = ask_cnp(m, c, k);
			if (o != UNDECIDED)
				return o;
		}
	return UNDECIDED;
}

static enum outcome ask_nps(const struct model *m, const struct packet *k)
{
	const struct m_pod *pod = &m->pods[k->subject];
	bool isolated = false;
	int i, r;

	for (i = 0; i < M_NPS; i++) {
		const struct m_policy *np = &m->nps[i];

		if (!np->used || np->space != pod->space || !selects(&np->pods, pod->labels) ||
		    !np->isolates[k->dir])
			continue;
		isolated = true;
		for (r = 0; r < np->n_rules[k->dir]; r++)
			if (ask_rule(m, &np->rules[k->dir][r], np->space, k) == ALLOWED)
				return ALLOWED;
	}
	return isolated ? DENIED : UNDECIDED;
}

bool pm_allows(const struct model *m, int subject, int dir, struct m_address peer, int proto, int port)
{
	struct packet k = { subject, dir, proto, port, peer };
	enum outcome o = ask_tier(m, false, &k);

	if (o == UNDECIDED || o == PASSED)
		o = ask_nps(m, &k);
	if (o == UNDECIDED)
		o = ask_tier(m, true, &k);
	return o != DENIED;
}
