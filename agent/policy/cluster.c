// SPDX-License-Identifier: Apache-2.0
/* Pods, namespaces and nodes as peers: which addresses they have, and what is due when one changes. */
#include <stdlib.h>

#include "agent/policy/private.h"
#include "lib/base/cleanup.h"
#include "lib/base/str.h"

/* ---- namespaces -------------------------------------------------------------------------------- */

struct space *space_find(const struct wr_policy *p, const char *name)
{
	struct wr_hnode *n;

	for (n = wr_hmap_first(&p->spaces, wr_hash_str(name)); n; n = wr_hmap_next(n)) {
		struct space *s = WR_CONTAINER_OF(n, struct space, node);

		if (strcmp(s->name, name) == 0)
			return s;
	}
	return NULL;
}

static struct space *space_get(struct wr_policy *p, const char *name)
{
	struct space *s = space_find(p, name);

	if (s)
		return s;
	s = wr_xcalloc(1, sizeof(*s));
	s->name = wr_istr_get(name);
	s->own_name.key = wr_istr_get("kubernetes.io/metadata.name");
	s->own_name.value = wr_istr_ref(s->name);
	wr_hmap_add(&p->spaces, &s->node, wr_hash_str(name));
	return s;
}

static void space_free(struct wr_policy *p, struct space *s)
{
	wr_hmap_del(&p->spaces, &s->node);
	wr_istr_put(s->own_name.key);
	wr_istr_put(s->own_name.value);
	wr_istr_put(s->name);
	free(s);
}

void cluster_change_space(struct wr_policy *p, const struct wr_object *old,
			  const struct wr_object *new_)
{
	struct space *s = space_get(p, (new_ ? new_ : old)->name);
	struct pod *pod;

	s->o = new_;
	for (pod = s->pods; pod; pod = pod->next)
		pod_touch(p, pod);
	p->subjects_dirty = true;
	p->reach_changed = true;
	if (!s->o && !s->pods)
		space_free(p, s);
}

/* ---- pods -------------------------------------------------------------------------------------- */

struct pod *pod_find(const struct wr_policy *p, const char *ns, const char *name)
{
	struct wr_hnode *n;

	for (n = wr_hmap_first(&p->pods, hash_name(ns, name)); n; n = wr_hmap_next(n)) {
		struct pod *pod = WR_CONTAINER_OF(n, struct pod, node);

		if (strcmp(pod->o->o.name, name) == 0 && strcmp(pod->o->o.ns, ns) == 0)
			return pod;
	}
	return NULL;
}

/* Pods of the host's network are the node, and those that have ended hold no address. */
bool pod_counts(const struct wr_pod *o)
{
	return o && !o->host_network && o->phase != WR_POD_SUCCEEDED && o->phase != WR_POD_FAILED;
}

void pod_touch(struct wr_policy *p, struct pod *pod)
{
	if (pod->dirty_at)
		return;
	wr_vec_push(&p->dirty_pods, pod);
	pod->dirty_at = (uint32_t)p->dirty_pods.n;
}

static void unclaim(struct wr_policy *p, struct pod *pod, enum family family)
{
	struct site *s = pod->sites[family];
	struct pod **at;

	if (!s)
		return;
	for (at = &s->pods; *at != pod; at = &(*at)->next_of_site[family])
		;
	*at = pod->next_of_site[family];
	pod->sites[family] = NULL;
	site_touch(p, s);
}

static void claim(struct wr_policy *p, struct pod *pod, enum family family, const struct wr_addr *addr)
{
	struct site *s = pod->sites[family];

	if (s && wr_addr_eq(&s->addr, addr))
		return;
	unclaim(p, pod, family);
	if (wr_addr_is_zero(addr))
		return;
	s = site_get(p, addr);
	pod->sites[family] = s;
	pod->next_of_site[family] = s->pods;
	s->pods = pod;
	site_touch(p, s);
}

static struct pod *pod_add(struct wr_policy *p, const struct wr_pod *o)
{
	struct pod *pod = wr_xcalloc(1, sizeof(*pod));

	pod->o = o;
	pod->space = space_get(p, o->o.ns);
	pod->next = pod->space->pods;
	pod->at = &pod->space->pods;
	if (pod->next)
		pod->next->at = &pod->next;
	pod->space->pods = pod;
	wr_hmap_add(&p->pods, &pod->node, hash_name(o->o.ns, o->o.name));
	return pod;
}

static void pod_remove(struct wr_policy *p, struct pod *pod)
{
	struct space *space = pod->space;

	unclaim(p, pod, V4);
	unclaim(p, pod, V6);
	if (pod->dirty_at)
		p->dirty_pods.v[pod->dirty_at - 1] = NULL;
	*pod->at = pod->next;
	if (pod->next)
		pod->next->at = pod->at;
	wr_hmap_del(&p->pods, &pod->node);
	free(pod);
	if (!space->o && !space->pods)
		space_free(p, space);
}

/* The subject's addresses are known before the API tells them. */
static void touch_subject(struct wr_policy *p, const struct wr_object *o)
{
	struct subject *s = subject_of_pod(p, o->ns, o->name);

	if (s)
		subject_touch(p, s);
}

void cluster_change_pod(struct wr_policy *p, const struct wr_pod *old, const struct wr_pod *new_)
{
	struct pod *pod = old ? pod_find(p, old->o.ns, old->o.name) : NULL;
	const struct wr_pod *any = new_ ? new_ : old;

	if (!any)
		return;
	touch_subject(p, &any->o);
	if (!pod_counts(new_)) {
		if (pod)
			pod_remove(p, pod);
		return;
	}
	if (!pod)
		pod = pod_add(p, new_);
	pod->o = new_;
	claim(p, pod, V4, &new_->addr4);
	claim(p, pod, V6, &new_->addr6);
	pod_touch(p, pod);
}

/* ---- nodes ------------------------------------------------------------------------------------- */

static void set_node(struct wr_policy *p, const struct wr_addr *addr, const struct wr_node *from,
		     const struct wr_node *to)
{
	struct site *s = site_get(p, addr);

	if (to || s->cluster_node == from)
		s->cluster_node = to;
	site_touch(p, s);
}

static void set_addresses(struct wr_policy *p, const struct wr_node *of, const struct wr_node *from,
			  const struct wr_node *to)
{
	uint32_t i;

	for (i = 0; i < of->internal_ips.n; i++)
		set_node(p, &of->internal_ips.v[i], from, to);
	for (i = 0; i < of->external_ips.n; i++)
		set_node(p, &of->external_ips.v[i], from, to);
}

static struct node_entry *entry_find(const struct wr_policy *p, const struct wr_node *o)
{
	struct wr_hnode *n;

	for (n = wr_hmap_first(&p->nodes, wr_hash_str(o->o.name)); n; n = wr_hmap_next(n)) {
		struct node_entry *e = WR_CONTAINER_OF(n, struct node_entry, node);

		if (strcmp(e->o->o.name, o->o.name) == 0)
			return e;
	}
	return NULL;
}

static void set_entry(struct wr_policy *p, const struct wr_node *old, const struct wr_node *new_)
{
	struct node_entry *e = old ? entry_find(p, old) : NULL;

	if (!e && new_) {
		e = wr_xcalloc(1, sizeof(*e));
		wr_hmap_add(&p->nodes, &e->node, wr_hash_str(new_->o.name));
	} else if (e && !new_) {
		wr_hmap_del(&p->nodes, &e->node);
		free(e);
		return;
	}
	if (e)
		e->o = new_;
}

static void collect_ranges(struct wr_policy *p)
{
	struct wr_hnode *n, *next;
	size_t pos;
	uint32_t i;

	wr_vec_reset(&p->ranges);
	wr_hmap_each(&p->nodes, n, pos, next) {
		const struct wr_node *o = WR_CONTAINER_OF(n, struct node_entry, node)->o;

		for (i = 0; i < o->pod_cidrs.n; i++)
			wr_vec_push(&p->ranges, o->pod_cidrs.v[i]);
	}
}

void cluster_change_node(struct wr_policy *p, const struct wr_node *old, const struct wr_node *new_)
{
	set_entry(p, old, new_);
	if (old)
		set_addresses(p, old, old, NULL);
	if (new_)
		set_addresses(p, new_, old, new_);
	collect_ranges(p);
	p->blocks_dirty = true;
}

/* ---- what is due --------------------------------------------------------------------------------- */

static void touch_nodes(struct wr_policy *p)
{
	struct wr_hnode *n, *next;
	size_t pos;

	wr_hmap_each(&p->sites, n, pos, next) {
		struct site *s = WR_CONTAINER_OF(n, struct site, node);

		if (s->cluster_node)
			site_touch(p, s);
	}
}

void cluster_touch_matching(struct wr_policy *p, const struct sel *s)
{
	struct wr_hnode *n, *next;
	struct pod *pod;
	size_t pos;

	if (s->kind == SEL_NODES) {
		touch_nodes(p);
		return;
	}
	if (s->match.ns) {
		struct space *space = space_find(p, s->match.ns);

		for (pod = space ? space->pods : NULL; pod; pod = pod->next)
			if (match_has(&s->match, space, &pod->o->o.labels))
				pod_touch(p, pod);
		return;
	}
	wr_hmap_each(&p->pods, n, pos, next) {
		pod = WR_CONTAINER_OF(n, struct pod, node);
		if (match_has(&s->match, pod->space, &pod->o->o.labels))
			pod_touch(p, pod);
	}
}

void cluster_touch_all(struct wr_policy *p)
{
	struct wr_hnode *n, *next;
	size_t pos;

	wr_hmap_each(&p->sites, n, pos, next)
		site_touch(p, WR_CONTAINER_OF(n, struct site, node));
}

/* Many new selectors at once: every pod is matched, through the index. */
#define FEW 16

static void match_fresh(struct wr_policy *p)
{
	size_t i;

	if (p->fresh.n > FEW)
		cluster_touch_all(p);
	else
		for (i = 0; i < p->fresh.n; i++)
			cluster_touch_matching(p, p->fresh.v[i]);
	wr_vec_reset(&p->fresh);
}

static void touch_pods_sites(struct wr_policy *p, struct pod *pod)
{
	const struct subject *s = subject_of_pod(p, pod->o->o.ns, pod->o->o.name);
	int i;

	for (i = 0; i < FAMILIES; i++)
		if (pod->sites[i])
			site_touch(p, pod->sites[i]);
	if (s && !wr_addr_is_zero(&s->addr4))
		site_touch(p, site_get(p, &s->addr4));
	if (s && !wr_addr_is_zero(&s->addr6))
		site_touch(p, site_get(p, &s->addr6));
	if (s)
		subject_touch(p, p->subject_at.v[s->number]);
}

void cluster_settle(struct wr_policy *p)
{
	size_t i;

	match_fresh(p);
	for (i = 0; i < p->dirty_pods.n; i++) {
		struct pod *pod = p->dirty_pods.v[i];

		if (!pod)
			continue;
		pod->dirty_at = 0;
		touch_pods_sites(p, pod);
	}
	wr_vec_reset(&p->dirty_pods);
	blocks_settle(p);
	for (i = 0; i < p->dirty_sites.n; i++)
		site_settle(p, p->dirty_sites.v[i]);
}

void cluster_done(struct wr_policy *p)
{
	struct wr_hnode *n, *next;
	size_t pos;

	wr_hmap_each(&p->pods, n, pos, next)
		free(WR_CONTAINER_OF(n, struct pod, node));
	wr_hmap_each(&p->sites, n, pos, next)
		site_free(WR_CONTAINER_OF(n, struct site, node));
	wr_hmap_each(&p->nodes, n, pos, next)
		free(WR_CONTAINER_OF(n, struct node_entry, node));
	wr_hmap_each(&p->spaces, n, pos, next)
		space_free(p, WR_CONTAINER_OF(n, struct space, node));
	wr_hmap_done(&p->pods);
	wr_hmap_done(&p->sites);
	wr_hmap_done(&p->nodes);
	wr_hmap_done(&p->spaces);
}
