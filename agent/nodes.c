// SPDX-License-Identifier: Apache-2.0
/* The reconciler of nodes: what is due, and in which order. */
#include "agent/nodes.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/datapath.h"
#include "agent/log.h"
#include "agent/node_cache.h"
#include "agent/nodes_private.h"
#include "agent/obj/store.h"
#include "agent/peers.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define SETTLE_MS      50   /* after a change in the kernel; several come together */
#define SETTLE_BUSY_MS 1000 /* when they keep coming */

static bool is_self(const struct wr_nodes *n, const char *name)
{
	return wr_streq(name, n->agent->config->node);
}

static void mark(struct wr_nodes *n, const char *name)
{
	struct wr_node_entry *e = wr_node_table_find(&n->table, name);

	if (e && e->dirty)
		return;
	if (e)
		e->dirty = true;
	wr_vec_push(&n->dirty, wr_xstrdup(name));
}

static void store_changed(void *ctx, enum wr_kind kind, const struct wr_object *old,
			  const struct wr_object *new_)
{
	struct wr_nodes *n = ctx;
	const struct wr_object *o = new_ ? new_ : old;

	if (kind != WR_KIND_NODE)
		return;
	if (o)
		mark(n, o->name);
	/* Our own object moves everything; a node that goes may have shared an address with another. */
	wr_reconcile_due(n->agent, WR_RECONCILE_NODES, !o || !new_ || is_self(n, o->name));
}

/* The node's object into its entry. An entry whose facts changed gives its old rows back first. */
static int take_facts(struct wr_nodes *n, const struct wr_node *node, struct wr_node_entry **ret,
		      struct wr_err *err)
{
	struct wr_node_entry *e = wr_node_table_find(&n->table, node->o.name);
	struct wr_node_facts now = { 0 };
	int r = 0;

	wr_node_facts_init(&now, node);
	if (!e)
		r = wr_node_table_add(&n->table, node->o.name, now.addr, &e, err);
	if (r || wr_node_facts_eq(&e->facts, &now)) {
		wr_node_facts_done(&now);
	} else {
		wr_nodes_forget(n, e);
		wr_node_facts_done(&e->facts);
		e->facts = now;
	}
	if (r == 0)
		*ret = e;
	return r;
}

static int apply_node(struct wr_nodes *n, const struct wr_node *node, struct wr_err *err)
{
	struct wr_node_entry *e = NULL;
	int r;

	if (is_self(n, node->o.name)) {
		wr_nodes_set_own(n, node);
		return 0;
	}
	r = take_facts(n, node, &e, err);
	return r ? r : wr_nodes_apply(n, e, err);
}

static void drop_node(struct wr_nodes *n, const char *name)
{
	struct wr_node_entry *e = wr_node_table_find(&n->table, name);

	if (!e)
		return;
	wr_nodes_forget(n, e);
	wr_node_table_clear_slots(&n->table, e->number);
	wr_node_table_del(&n->table, e);
}

static int apply_named(struct wr_nodes *n, const char *name, struct wr_err *err)
{
	const struct wr_object *o = wr_store_get(n->agent->store, WR_KIND_NODE, "", name);

	if (o)
		return apply_node(n, (const struct wr_node *)o, err);
	drop_node(n, name);
	return 0;
}

static void clear_dirty(struct wr_nodes *n)
{
	while (n->dirty.n)
		free(n->dirty.v[--n->dirty.n]);
}

static int apply_dirty(struct wr_nodes *n, struct wr_err *err)
{
	int first = 0, r;
	size_t i;

	for (i = 0; i < n->dirty.n; i++) {
		r = apply_named(n, n->dirty.v[i], err);
		first = first ? first : r;
	}
	clear_dirty(n);
	return first;
}

struct full_pass {
	struct wr_nodes *n;
	struct wr_err *err;
	int first;
};

static int apply_each(void *ctx, struct wr_object *o)
{
	struct full_pass *pass = ctx;
	int r = apply_node(pass->n, (const struct wr_node *)o, pass->err);

	pass->first = pass->first ? pass->first : r;
	return 0;
}

static void drop_missing(struct wr_nodes *n)
{
	size_t i;

	for (i = 0; i < n->table.by_number.n; i++) {
		struct wr_node_entry *e = n->table.by_number.v[i];

		if (e && !wr_store_get(n->agent->store, WR_KIND_NODE, "", e->name))
			drop_node(n, e->name);
	}
}

static int full_pass(struct wr_nodes *n, struct wr_err *err)
{
	struct full_pass pass = { n, err, 0 };
	const struct wr_object *self =
		wr_store_get(n->agent->store, WR_KIND_NODE, "", n->agent->config->node);
	int r;

	wr_nodes_set_own(n, (const struct wr_node *)self);
	r = wr_nodes_local(n, err);
	clear_dirty(n);
	wr_store_each(n->agent->store, WR_KIND_NODE, apply_each, &pass);
	drop_missing(n);
	n->last_full_ms = wr_now_ms();
	return r ? r : pass.first;
}

/* Routes are made equal to what we want, so they wait for the first complete list: an incomplete one would take away. */
int wr_nodes_reconcile(struct wr_agent *a, bool full, struct wr_err *err)
{
	struct wr_nodes *n = a->nodes;
	int r = full ? full_pass(n, err) : apply_dirty(n, err), r2;

	if (wr_store_is_synced(a->store, WR_KIND_NODE)) {
		wr_peers_complete(a->peers, WR_PEERS_NODES);
		wr_node_table_drop_unclaimed(&n->table);
	}
	r2 = full ? wr_peers_verify(a->peers, err) : wr_peers_sync(a->peers, err);
	r = r ? r : r2;
	if (wr_store_is_synced(a->store, WR_KIND_NODE) && (full || n->routes_dirty)) {
		r2 = wr_nodes_sync_routes(n, err);
		r = r ? r : r2;
	}
	return r;
}

static void probe_changed(void *ctx, struct wr_probe_target *t)
{
	struct wr_nodes *n = ctx;
	size_t i;

	for (i = 0; i < n->table.by_number.n; i++) {
		struct wr_node_entry *e = n->table.by_number.v[i];

		if (e && ((t >= e->probe && t < e->probe + WR_FAMILIES) ||
			  (t >= e->tunnel && t < e->tunnel + WR_FAMILIES)))
			mark(n, e->name);
	}
	wr_reconcile_due(n->agent, WR_RECONCILE_NODES, false);
}

static void path_narrowed(void *ctx, const struct wr_addr *outer)
{
	struct wr_nodes *n = ctx;
	size_t i;

	for (i = 0; i < n->table.by_number.n; i++) {
		struct wr_node_entry *e = n->table.by_number.v[i];

		if (!e || !wr_addr_eq(&e->facts.addr[WR_V6], outer))
			continue;
		e->narrow = true;
		mark(n, e->name);
		wr_reconcile_due(n->agent, WR_RECONCILE_NODES, false);
	}
}

static bool probe_owner(void *ctx, const struct wr_addr *source, struct wr_addr *ret)
{
	struct wr_nodes *n = ctx;
	size_t i, j;

	for (i = 0; i < n->table.by_number.n; i++) {
		const struct wr_node_entry *e = n->table.by_number.v[i];

		for (j = 0; e && j < e->facts.ranges.n; j++) {
			if (!wr_prefix_has(&e->facts.ranges.v[j], source))
				continue;
			*ret = e->facts.addr[wr_family_of(source)];
			return !wr_addr_is_zero(ret);
		}
	}
	return false;
}

static void settled(struct wr_timer *t)
{
	struct wr_nodes *n = WR_CONTAINER_OF(t, struct wr_nodes, settle);

	wr_reconcile_due(n->agent, WR_RECONCILE_NODES, true);
}

static void kernel_changed(void *ctx)
{
	struct wr_nodes *n = ctx;
	bool busy = wr_now_ms() - n->last_full_ms < SETTLE_BUSY_MS;

	if (!n->settle.armed)
		wr_timer_start(n->agent->loop, &n->settle, busy ? SETTLE_BUSY_MS : SETTLE_MS,
			       settled);
}

/* Pods come and go all the time; their interfaces are no news here. */
static bool is_pod_link(const char *name)
{
	return wr_has_prefix(name, "wr") && strlen(name) == 12;
}

static void link_changed(void *ctx, const struct wr_link *l, bool gone)
{
	if (!is_pod_link(l->name))
		kernel_changed(ctx);
}

static void addr_changed(void *ctx, const struct wr_naddr *a, bool gone)
{
	const uint8_t *b = a->prefix.addr.b;

	if (b[0] != 0xfe || (b[1] & 0xc0) != 0x80) /* link-local */
		kernel_changed(ctx);
}

static void route_changed(void *ctx, const struct wr_route *r, bool gone)
{
	if (r->table == RT_TABLE_MAIN && r->protocol != WR_RTPROT && r->protocol != WR_RTPROT_POD &&
	    r->type == RTN_UNICAST && r->dst.addr.b[0] != 0xfe && r->dst.addr.b[0] != 0xff)
		kernel_changed(ctx);
}

static void monitor_ready(struct wr_io *io, uint32_t events)
{
	struct wr_nodes *n = WR_CONTAINER_OF(io, struct wr_nodes, mon_io);

	wr_nlmon_read(n->mon);
}

static int open_monitor(struct wr_nodes *n, struct wr_err *err)
{
	struct wr_nlmon_events events = { .link = link_changed,
					  .addr = addr_changed,
					  .route = route_changed,
					  .resync = kernel_changed,
					  .ctx = n,
					  .quiet = { .link = { 'w', 'r' },
						     .link_len = 12,
						     .protocol = WR_RTPROT_POD,
						     .other_tables = true } };
	int r = wr_nlmon_open(&events, &n->mon);

	if (r == 0)
		r = wr_io_add(n->agent->loop, &n->mon_io, wr_nlmon_fd(n->mon), EPOLLIN,
			      monitor_ready);
	return r ? wr_err_sys(err, r, "netlink monitor") : 0;
}

static void load_cache(struct wr_nodes *n)
{
	struct wr_err err = WR_ERR_INIT;
	int r = wr_node_cache_load(n->agent->paths.state, n->agent->config->node, &n->own, &err);

	n->own_known = r == 0;
	if (r && r != -ENOENT)
		wr_log(WR_LOG_WARN, "what was kept of this node cannot be read", WR_E(&err));
}

int wr_nodes_start(struct wr_agent *a, struct wr_err *err)
{
	struct wr_nodes *n = wr_xcalloc(1, sizeof(*n));
	struct wr_probe_events events = { .changed = probe_changed, .owner = probe_owner, .ctx = n };
	int r;

	n->agent = a;
	n->nl = WR_NL_INIT;
	n->vxlan_ifindex = a->vxlan_ifindex;
	a->nodes = n;
	n->probe = wr_probe_new(a->loop, (uint16_t)a->config->probe_port, &events);
	r = wr_nl_open(&n->nl);
	if (r)
		return wr_err_sys(err, r, "netlink");
	r = open_monitor(n, err);
	if (r == 0)
		r = wr_node_table_open(&n->table, a->dp, err);
	if (r)
		return r;
	if (wr_path_mtu_open(a->loop, (uint16_t)a->config->vxlan_port, path_narrowed, n, &n->path_mtu))
		wr_log(WR_LOG_DEBUG, "no word of narrow paths: no IPv6 here");
	load_cache(n);
	wr_store_subscribe(a->store, store_changed, n);
	return 0;
}

void wr_nodes_stop(struct wr_agent *a)
{
	struct wr_nodes *n = a->nodes;

	if (!n)
		return;
	wr_timer_stop(a->loop, &n->settle);
	wr_probe_free(n->probe);
	wr_path_mtu_close(n->path_mtu);
	wr_io_del(a->loop, &n->mon_io);
	wr_nlmon_close(n->mon);
	wr_nl_close(&n->nl);
	clear_dirty(n);
	wr_vec_done(&n->dirty);
	wr_vec_done(&n->own_rows);
	wr_node_facts_done(&n->own);
	wr_uplinks_done(&n->uplinks);
	wr_naddrs_done(&n->addrs);
	wr_node_table_done(&n->table);
	free(n);
	a->nodes = NULL;
}

const struct wr_node_facts *wr_nodes_own(const struct wr_agent *a)
{
	return &a->nodes->own;
}

const struct wr_uplinks *wr_nodes_uplinks(const struct wr_agent *a)
{
	return &a->nodes->uplinks;
}

const struct wr_naddrs *wr_nodes_addrs(const struct wr_agent *a)
{
	return &a->nodes->addrs;
}

uint32_t wr_nodes_pod_mtu(const struct wr_agent *a)
{
	return a->nodes->pod_mtu;
}

uint16_t wr_nodes_number(const struct wr_agent *a, const char *name)
{
	const struct wr_node_entry *e = wr_node_table_find(&a->nodes->table, name);

	return e ? e->number : 0;
}

size_t wr_nodes_count(const struct wr_agent *a)
{
	return a->nodes->table.by_name.n + a->nodes->own_known;
}
