/* SPDX-License-Identifier: Apache-2.0 */
/* Which objects belong to which service, and which services a change touches. */
#include "agent/svc/private.h"

#include <stdarg.h>

#include "lib/base/mem.h"
#include "lib/base/strbuf.h"

static uint32_t name_hash(wr_istr ns, wr_istr name)
{
	const void *key[2] = { ns, name };

	return wr_hash_bytes(key, sizeof(key), 0);
}

struct wr_svc *wr_svc_index_find(const struct wr_svc_index *idx, wr_istr ns, wr_istr name)
{
	struct wr_hnode *n;

	for (n = wr_hmap_first(&idx->services, name_hash(ns, name)); n; n = wr_hmap_next(n)) {
		struct wr_svc *svc = WR_CONTAINER_OF(n, struct wr_svc, node);

		if (svc->ns == ns && svc->name == name)
			return svc;
	}
	return NULL;
}

static struct wr_svc *get(struct wr_svc_index *idx, const char *ns, const char *name)
{
	wr_istr ins = wr_istr_get(ns), iname = wr_istr_get(name);
	struct wr_svc *svc = wr_svc_index_find(idx, ins, iname);

	if (svc) {
		wr_istr_put(ins);
		wr_istr_put(iname);
		return svc;
	}
	svc = wr_xcalloc(1, sizeof(*svc));
	svc->ns = ins;
	svc->name = iname;
	wr_hmap_add(&idx->services, &svc->node, name_hash(ins, iname));
	return svc;
}

void wr_svc_mark(struct wr_svc_index *idx, struct wr_svc *svc)
{
	if (svc->dirty)
		return;
	svc->dirty = true;
	svc->next = NULL;
	if (idx->last)
		idx->last->next = svc;
	else
		idx->first = svc;
	idx->last = svc;
}

struct wr_svc *wr_svc_index_next_dirty(struct wr_svc_index *idx)
{
	struct wr_svc *svc = idx->first;

	if (!svc)
		return NULL;
	idx->first = svc->next;
	if (!idx->first)
		idx->last = NULL;
	svc->dirty = false;
	return svc;
}

struct wr_svc_rare *wr_svc_rare(struct wr_svc *svc)
{
	if (!svc->rare)
		svc->rare = wr_xcalloc(1, sizeof(*svc->rare));
	return svc->rare;
}

void wr_svc_forget_skipped(struct wr_svc *svc)
{
	size_t i;

	if (!svc->rare)
		return;
	for (i = 0; i < svc->rare->skipped.n; i++)
		free(svc->rare->skipped.v[i]);
	wr_vec_reset(&svc->rare->skipped);
}

void wr_svc_skip(struct wr_svc *svc, const char *fmt, ...)
{
	wr_auto_strbuf sb = WR_STRBUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	wr_strbuf_vaddf(&sb, fmt, ap);
	va_end(ap);
	wr_vec_push(&wr_svc_rare(svc)->skipped, wr_strbuf_take(&sb, NULL));
}

static void free_rare(struct wr_svc_rare *rare)
{
	if (!rare)
		return;
	wr_vec_done(&rare->ports);
	wr_vec_done(&rare->waits);
	wr_vec_done(&rare->skipped);
	free(rare);
}

static void free_svc(struct wr_svc *svc)
{
	wr_svc_forget_skipped(svc);
	free_rare(svc->rare);
	wr_vec_done(&svc->slices);
	wr_vec_done(&svc->sets);
	wr_istr_put(svc->ns);
	wr_istr_put(svc->name);
	free(svc);
}

void wr_svc_drop_if_empty(struct wr_svc_index *idx, struct wr_svc *svc)
{
	if (svc->obj || svc->slices.n || svc->sets.n || svc->dirty || svc->failed)
		return;
	if (svc->rare && svc->rare->ports.n)
		return;
	wr_hmap_del(&idx->services, &svc->node);
	free_svc(svc);
}

/* Calls for all services (and host ports) that @touches. */
static void mark_where(struct wr_svc_index *idx,
		       bool (*touches)(const struct wr_svc *svc, const void *ctx), const void *ctx)
{
	struct wr_hnode *n, *next;
	size_t pos;

	wr_hmap_each(&idx->services, n, pos, next) {
		struct wr_svc *svc = WR_CONTAINER_OF(n, struct wr_svc, node);

		if (touches(svc, ctx))
			wr_svc_mark(idx, svc);
	}
}

static bool any(const struct wr_svc *svc, const void *ctx)
{
	return true;
}

static bool has_failed(const struct wr_svc *svc, const void *ctx)
{
	return svc->failed;
}

size_t wr_svc_index_retry(struct wr_svc_index *idx)
{
	const struct wr_svc *svc;
	size_t n = 0;

	mark_where(idx, has_failed, NULL);
	for (svc = idx->first; svc; svc = svc->next)
		n++;
	return n;
}

static bool among(const struct wr_addr *v, size_t n, const struct wr_addr *a)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (wr_addr_eq(&v[i], a))
			return true;
	return false;
}

static bool names_addr(const struct wr_svc *svc, const void *addr)
{
	const struct wr_service_object *o = svc->obj;

	return o && (among(o->cluster_ips.v, o->cluster_ips.n, addr) ||
		     among(o->external_ips.v, o->external_ips.n, addr) ||
		     among(o->lb_ips.v, o->lb_ips.n, addr));
}

static bool answers_on_node(const struct wr_svc *svc, const void *ctx)
{
	size_t i;

	for (i = 0; svc->obj && i < svc->obj->ports.n; i++)
		if (svc->obj->ports.v[i].node_port)
			return true;
	return svc->host_ports;
}

static void change_service(struct wr_svc_index *idx, const struct wr_object *old,
			   const struct wr_object *new_)
{
	const struct wr_object *o = new_ ? new_ : old;
	struct wr_svc *svc = get(idx, o->ns, o->name);

	svc->obj = (const struct wr_service_object *)new_;
	wr_svc_mark(idx, svc);
}

static void remove_slice(struct wr_svc_index *idx, const struct wr_slice *slice)
{
	struct wr_svc *svc = get(idx, slice->o.ns, slice->service);
	size_t i;

	for (i = 0; i < svc->slices.n; i++)
		if (svc->slices.v[i] == slice) {
			wr_vec_del_unordered(&svc->slices, i);
			break;
		}
	wr_svc_mark(idx, svc);
}

static void add_slice(struct wr_svc_index *idx, const struct wr_slice *slice)
{
	struct wr_svc *svc = get(idx, slice->o.ns, slice->service);

	wr_vec_push(&svc->slices, slice);
	wr_svc_mark(idx, svc);
}

static void change_slice(struct wr_svc_index *idx, const struct wr_slice *old,
			 const struct wr_slice *new_)
{
	if (old && old->service)
		remove_slice(idx, old);
	if (new_ && new_->service)
		add_slice(idx, new_);
}

static struct wr_svc_node_addr *node_addr(const struct wr_svc_index *idx, const struct wr_addr *a)
{
	struct wr_hnode *n;

	for (n = wr_hmap_first(&idx->node_addrs, wr_hash_bytes(a, sizeof(*a), 0)); n;
	     n = wr_hmap_next(n)) {
		struct wr_svc_node_addr *row = WR_CONTAINER_OF(n, struct wr_svc_node_addr, node);

		if (wr_addr_eq(&row->addr, a))
			return row;
	}
	return NULL;
}

bool wr_svc_index_is_own_addr(const struct wr_svc_index *idx, const struct wr_addr *a)
{
	return among(idx->addrs.v, idx->addrs.n, a);
}

bool wr_svc_index_is_node_addr(const struct wr_svc_index *idx, const struct wr_addr *a)
{
	return node_addr(idx, a) || wr_svc_index_is_own_addr(idx, a);
}

static void add_node_addrs(struct wr_svc_index *idx, const struct wr_addr *v, size_t n)
{
	struct wr_svc_node_addr *row;
	size_t i;

	for (i = 0; i < n; i++) {
		row = node_addr(idx, &v[i]);
		if (!row) {
			row = wr_xcalloc(1, sizeof(*row));
			row->addr = v[i];
			wr_hmap_add(&idx->node_addrs, &row->node,
				    wr_hash_bytes(&v[i], sizeof(v[i]), 0));
			mark_where(idx, names_addr, &v[i]);
		}
		row->n++;
	}
}

static void del_node_addrs(struct wr_svc_index *idx, const struct wr_addr *v, size_t n)
{
	struct wr_svc_node_addr *row;
	size_t i;

	for (i = 0; i < n; i++) {
		row = node_addr(idx, &v[i]);
		if (!row || --row->n)
			continue;
		wr_hmap_del(&idx->node_addrs, &row->node);
		free(row);
		mark_where(idx, names_addr, &v[i]);
	}
}

static bool same_list(const struct wr_addr *a, size_t n_a, const struct wr_addr *b, size_t n_b)
{
	return n_a == n_b && (!n_a || !memcmp(a, b, n_a * sizeof(*a)));
}

static bool same_addrs(const struct wr_node *a, const struct wr_node *b)
{
	return a && b &&
	       same_list(a->internal_ips.v, a->internal_ips.n, b->internal_ips.v, b->internal_ips.n) &&
	       same_list(a->external_ips.v, a->external_ips.n, b->external_ips.v, b->external_ips.n);
}

static void change_zone(struct wr_svc_index *idx, const struct wr_node *old,
			const struct wr_node *new_)
{
	wr_istr name = wr_istr_find(new_ ? new_->o.name : old->o.name);
	wr_istr zone = new_ ? new_->zone : NULL, was = old ? old->zone : NULL;

	if (name && name == idx->node && zone != idx->zone) {
		wr_istr_put(idx->zone);
		idx->zone = wr_istr_ref(zone);
		mark_where(idx, any, NULL);
	} else if (idx->manifests && zone != was) {
		mark_where(idx, any, NULL);
	}
}

static void change_node(struct wr_svc_index *idx, const struct wr_node *old,
			const struct wr_node *new_)
{
	size_t i;

	for (i = 0; i < idx->nodes.n && old; i++)
		if (idx->nodes.v[i] == old) {
			wr_vec_del_unordered(&idx->nodes, i);
			break;
		}
	if (new_ && idx->manifests)
		wr_vec_push(&idx->nodes, new_);
	change_zone(idx, old, new_);
	if (same_addrs(old, new_))
		return;
	if (new_) {
		add_node_addrs(idx, new_->internal_ips.v, new_->internal_ips.n);
		add_node_addrs(idx, new_->external_ips.v, new_->external_ips.n);
	}
	if (old) {
		del_node_addrs(idx, old->internal_ips.v, old->internal_ips.n);
		del_node_addrs(idx, old->external_ips.v, old->external_ips.n);
	}
}

wr_istr wr_svc_index_zone_of(const struct wr_svc_index *idx, wr_istr node)
{
	size_t i;

	for (i = 0; i < idx->nodes.n; i++)
		if (!strcmp(idx->nodes.v[i]->o.name, node))
			return idx->nodes.v[i]->zone;
	return NULL;
}

void wr_svc_index_change(void *ctx, enum wr_kind kind, const struct wr_object *old,
			 const struct wr_object *new_)
{
	struct wr_svc_index *idx = ctx;

	if (!old && !new_) /* synced */
		return;
	if (kind == WR_KIND_SERVICE)
		change_service(idx, old, new_);
	else if (kind == WR_KIND_ENDPOINTSLICE)
		change_slice(idx, (const void *)old, (const void *)new_);
	else if (kind == WR_KIND_NODE)
		change_node(idx, (const void *)old, (const void *)new_);
	else if (kind == WR_KIND_POD && idx->manifests)
		wr_svc_pod_change(idx, (const void *)old, (const void *)new_);
}

void wr_svc_index_set_host_ports(struct wr_svc_index *idx, const char *name,
				 const struct wr_svc_host_ports *ports)
{
	wr_istr ns = wr_istr_find(""), known = wr_istr_find(name);
	struct wr_svc_rare *rare;
	struct wr_svc *svc;
	size_t i;

	if (!ports->n && !(ns && known && wr_svc_index_find(idx, ns, known)))
		return;
	svc = get(idx, "", name);
	svc->host_ports = true;
	rare = wr_svc_rare(svc);
	rare->addr4 = ports->addr4;
	rare->addr6 = ports->addr6;
	wr_vec_reset(&rare->ports);
	for (i = 0; i < ports->n; i++)
		wr_vec_push(&rare->ports, ports->v[i]);
	wr_svc_mark(idx, svc);
}

/* Not loopback, not link-local: those mean something else to everyone who uses them. */
bool wr_svc_is_public(const struct wr_addr *a)
{
	if (wr_addr_is4(a))
		return a->b[12] != 127 && !(a->b[12] == 169 && a->b[13] == 254);
	return !(a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80) && (a->d[0] || a->w[2]);
}

static bool takes_node_ports(const struct wr_svc_index *idx, const struct wr_addr *a)
{
	size_t i;

	if (!wr_svc_is_public(a))
		return false;
	for (i = 0; i < idx->node_port_cidrs.n; i++)
		if (wr_prefix_has(&idx->node_port_cidrs.v[i], a))
			return true;
	return !idx->node_port_cidrs.n;
}

static bool note_changed(struct wr_svc_index *idx, const struct wr_addr *v, size_t n,
			 const struct wr_addr *others, size_t n_others)
{
	bool node_ports = false;
	size_t i;

	for (i = 0; i < n; i++) {
		if (among(others, n_others, &v[i]))
			continue;
		mark_where(idx, names_addr, &v[i]);
		node_ports |= wr_svc_is_public(&v[i]);
	}
	return node_ports;
}

void wr_svc_index_set_addresses(struct wr_svc_index *idx, const struct wr_addr *addrs, size_t n)
{
	bool gone = note_changed(idx, idx->addrs.v, idx->addrs.n, addrs, n);
	bool come = note_changed(idx, addrs, n, idx->addrs.v, idx->addrs.n);
	size_t i;

	if (gone || come)
		mark_where(idx, answers_on_node, NULL);
	wr_vec_reset(&idx->addrs);
	wr_vec_reset(&idx->node_ports);
	for (i = 0; i < n; i++) {
		wr_vec_push(&idx->addrs, addrs[i]);
		if (takes_node_ports(idx, &addrs[i]))
			wr_vec_push(&idx->node_ports, addrs[i]);
	}
}

struct wr_svc_index *wr_svc_index_new(const struct wr_svc_options *opt)
{
	struct wr_svc_index *idx = wr_xcalloc(1, sizeof(*idx));
	size_t i;

	idx->claims.size = sizeof(struct wr_svc_claim);
	idx->waiting.size = sizeof(struct wr_svc_waiting);
	idx->ids.size = sizeof(struct wr_svc_id);
	idx->node = wr_istr_get(opt->node);
	idx->manifests = opt->manifests;
	idx->localhost_node_ports = opt->localhost_node_ports;
	idx->maglev = opt->maglev;
	idx->dsr = opt->dsr;
	for (i = 0; i < opt->n_node_port_cidrs; i++)
		wr_vec_push(&idx->node_port_cidrs, opt->node_port_cidrs[i]);
	return idx;
}

int wr_svc_index_skipped(const struct wr_svc_index *idx,
			 int (*fn)(void *ctx, const char *ns, const char *name, const char *what),
			 void *ctx)
{
	struct wr_hnode *n, *next;
	size_t pos, i;
	int r;

	wr_hmap_each(&idx->services, n, pos, next) {
		const struct wr_svc *svc = WR_CONTAINER_OF(n, struct wr_svc, node);

		for (i = 0; svc->rare && i < svc->rare->skipped.n; i++) {
			r = fn(ctx, svc->ns, svc->name, svc->rare->skipped.v[i]);
			if (r)
				return r;
		}
	}
	return 0;
}

/* Nobody is told: what is in force stays. */
static void give_up_all(struct wr_svc_index *idx)
{
	struct wr_hnode *n, *next;
	size_t pos;

	idx->round++;
	wr_hmap_each(&idx->services, n, pos, next)
		wr_svc_claims_begin(idx, WR_CONTAINER_OF(n, struct wr_svc, node));
	wr_hmap_each(&idx->services, n, pos, next) {
		struct wr_svc *svc = WR_CONTAINER_OF(n, struct wr_svc, node);

		wr_svc_claims_end(idx, svc);
		wr_svc_ids_end(idx, svc);
		free_svc(svc);
	}
}

static void free_rows(struct wr_hmap *m, size_t offset)
{
	struct wr_hnode *n, *next;
	size_t pos;

	wr_hmap_each(m, n, pos, next)
		free((char *)n - offset);
	wr_hmap_done(m);
}

void wr_svc_index_free(struct wr_svc_index *idx)
{
	if (!idx)
		return;
	give_up_all(idx);
	wr_hmap_done(&idx->services);
	wr_slab_done(&idx->claims);
	wr_slab_done(&idx->waiting);
	wr_slab_done(&idx->ids);
	free_rows(&idx->node_addrs, offsetof(struct wr_svc_node_addr, node));
	wr_svc_names_done(&idx->node_numbers);
	wr_svc_names_done(&idx->zone_numbers);
	wr_vec_done(&idx->node_port_cidrs);
	wr_vec_done(&idx->addrs);
	wr_vec_done(&idx->node_ports);
	wr_vec_done(&idx->pods);
	wr_vec_done(&idx->nodes);
	wr_vec_done(&idx->tmp.endpoints.v);
	wr_vec_done(&idx->tmp.run);
	wr_vec_done(&idx->tmp.held);
	wr_vec_done(&idx->tmp.frontends);
	wr_vec_done(&idx->tmp.ranges);
	wr_istr_put(idx->node);
	wr_istr_put(idx->zone);
	free(idx);
}
