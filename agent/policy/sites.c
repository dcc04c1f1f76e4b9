// SPDX-License-Identifier: Apache-2.0
/* Addresses of the cluster: which selectors match whoever has them. */
#include <stdlib.h>

#include "agent/policy/private.h"
#include "lib/base/cleanup.h"
#include "lib/dns/dns.h"

static uint32_t hash_addr(const struct wr_addr *addr)
{
	return wr_hash_bytes(addr, sizeof(*addr), 0);
}

static struct site *site_find(const struct wr_policy *p, const struct wr_addr *addr)
{
	struct wr_hnode *n;

	for (n = wr_hmap_first(&p->sites, hash_addr(addr)); n; n = wr_hmap_next(n)) {
		struct site *s = WR_CONTAINER_OF(n, struct site, node);

		if (wr_addr_eq(&s->addr, addr))
			return s;
	}
	return NULL;
}

struct site *site_get(struct wr_policy *p, const struct wr_addr *addr)
{
	struct site *s = site_find(p, addr);

	if (s)
		return s;
	s = wr_xcalloc(1, sizeof(*s));
	s->addr = *addr;
	wr_hmap_add(&p->sites, &s->node, hash_addr(addr));
	return s;
}

void site_touch(struct wr_policy *p, struct site *s)
{
	if (s->dirty)
		return;
	s->dirty = true;
	wr_vec_push(&p->dirty_sites, s);
}

void site_free(struct site *s)
{
	size_t i;

	for (i = 0; i < s->names.n; i++)
		wr_istr_put(s->names.v[i].name);
	wr_vec_done(&s->names);
	free(s);
}

void site_free_if_unused(struct wr_policy *p, struct site *s)
{
	if (s->pods || s->subject || s->cluster_node || s->blocks || s->names.n ||
	    s->now.identity || s->want.identity || s->dirty)
		return;
	wr_hmap_del(&p->sites, &s->node);
	site_free(s);
}

/* ---- names ---------------------------------------------------------------------------------------- */

static struct bound_name *name_find(const struct site *s, const char *name)
{
	size_t i;

	for (i = 0; s && i < s->names.n; i++)
		if (strcmp(s->names.v[i].name, name) == 0)
			return &s->names.v[i];
	return NULL;
}

void wr_policy_bind(struct wr_policy *p, const struct wr_addr *addr, const char *name)
{
	struct site *s = site_get(p, addr);
	struct bound_name *b = name_find(s, name);
	struct bound_name new = { 0 };

	if (!b) {
		new.name = wr_istr_get(name);
		wr_vec_push(&s->names, new);
	} else {
		b->over = false;
	}
	site_touch(p, s);
}

void wr_policy_retire(struct wr_policy *p, const struct wr_addr *addr, const char *name)
{
	struct site *s = site_find(p, addr);
	struct bound_name *b = name_find(s, name);

	if (!b)
		return;
	b->over = true;
	site_touch(p, s);
}

void wr_policy_unbind(struct wr_policy *p, const struct wr_addr *addr, const char *name)
{
	struct site *s = site_find(p, addr);
	struct bound_name *b = name_find(s, name);

	if (!b)
		return;
	wr_istr_put(b->name);
	wr_vec_del_unordered(&s->names, (size_t)(b - s->names.v));
	site_touch(p, s);
}

void sites_touch_named(struct wr_policy *p)
{
	struct wr_hnode *n, *next;
	size_t pos;

	wr_hmap_each(&p->sites, n, pos, next) {
		struct site *s = WR_CONTAINER_OF(n, struct site, node);

		if (s->names.n)
			site_touch(p, s);
	}
}

bool wr_policy_names_domains(const struct wr_policy *p)
{
	return p->domain_sels.n != 0;
}

bool wr_policy_means_name(const struct wr_policy *p, const char *name)
{
	size_t i;

	for (i = 0; i < p->domain_sels.n; i++)
		if (wr_dns_matches(p->domain_sels.v[i]->domain, name))
			return true;
	return false;
}

/* ---- who has the address ---------------------------------------------------------------------------- */

struct gathering {
	const struct space *space;
	const struct wr_labels *labels;
	numbers *set;
};

static void take_if_matching(void *ctx, void *item)
{
	const struct gathering *g = ctx;
	const struct sel *s = item;

	if (match_has(&s->match, g->space, g->labels))
		wr_vec_push(g->set, s->number);
}

/* Peers whose named ports differ are told apart where egress rules name those. */
static void add_ports(struct wr_policy *p, const struct wr_pod *pod, numbers *set)
{
	uint32_t i;

	for (i = 0; p->port_names.n && i < pod->ports.n; i++) {
		const struct wr_container_port *port = &pod->ports.v[i];

		if (port->name && rulesets_name_port(p, port->name))
			wr_vec_push(set, sel_of_port(p, port->name, port->proto, port->port)->number);
	}
}

static struct identity *of_pod(struct wr_policy *p, const struct pod *pod, const struct wr_addr *addr)
{
	struct wr_prefix one = wr_prefix_of(addr);
	numbers set = { 0 };
	struct gathering g = { .set = &set };
	struct identity *i;

	if (pod) {
		g.space = pod->space;
		g.labels = &pod->o->o.labels;
		index_each(&p->peer_index, g.space, g.labels, take_if_matching, &g);
		add_ports(p, pod->o, &set);
	}
	blocks_of(p, &one, &set);
	i = identity_get(p, &set, WR_IDENTITY_POD);
	wr_vec_done(&set);
	return i;
}

static void add_domains(const struct wr_policy *p, const struct site *s, bool former, numbers *set)
{
	size_t i, k;

	for (i = 0; i < s->names.n; i++)
		for (k = 0; k < p->domain_sels.n; k++)
			if ((former || !s->names.v[i].over) &&
			    wr_dns_matches(p->domain_sels.v[k]->domain, s->names.v[i].name))
				wr_vec_push(set, p->domain_sels.v[k]->number);
}

/* Of an address that is no pod's. @former: as connections know it that began by names whose time is over. */
static struct identity *of_outside(struct wr_policy *p, const struct site *s, bool former)
{
	const struct wr_node *node = s->cluster_node;
	struct wr_prefix one = wr_prefix_of(&s->addr);
	numbers set = { 0 };
	struct identity *found = NULL;
	size_t i;

	for (i = 0; node && i < p->node_sels.n; i++)
		if (wr_selector_matches(&p->node_sels.v[i]->match.pods, &node->o.labels))
			wr_vec_push(&set, p->node_sels.v[i]->number);
	blocks_of(p, &one, &set);
	add_domains(p, s, former, &set);
	/*
	 * A node that nothing matches keeps the identity that the nodes' reconciler has given it. That knows no external
	 * addresses: one that is itself a block's hole would fall into the block.
	 */
	if (set.n || !node || s->blocks || s->names.n)
		found = identity_get(p, &set, node ? WR_IDENTITY_NODE : WR_IDENTITY_WORLD);
	wr_vec_done(&set);
	return found;
}

static struct identity *of_subject(struct wr_policy *p, const struct site *s)
{
	struct pod *pod = subject_pod(p, s->subject);

	if (!pod && *s->subject->name)
		return p->fixed[WR_IDENTITY_UNKNOWN];
	return of_pod(p, pod, &s->addr);
}

static struct identity *wanted(struct wr_policy *p, const struct site *s, bool former)
{
	struct wr_prefix one = wr_prefix_of(&s->addr);

	if (s->subject)
		return of_subject(p, s);
	if (s->pods)
		return p->peer_policies ? of_pod(p, s->pods, &s->addr) : NULL;
	if (s->cluster_node)
		return of_outside(p, s, former);
	return (s->blocks || s->names.n) && !in_pod_range(p, &one) ? of_outside(p, s, former) : NULL;
}

void site_settle(struct wr_policy *p, struct site *s)
{
	struct identity *former = NULL;
	size_t i;

	identity_move(&s->want.identity, wanted(p, s, false));
	for (i = 0; i < s->names.n && !former; i++)
		if (s->names.v[i].over)
			former = wanted(p, s, true);
	identity_move(&s->want.former, former == s->want.identity ? NULL : former);
}
