// SPDX-License-Identifier: Apache-2.0
/* The reconciler of endpoints: adopting, registering, releasing. */
#include "agent/endpoints.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "agent/endpoints_private.h"
#include "agent/log.h"
#include "agent/peers.h"
#include "agent/policies.h"
#include "agent/services.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/io.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/dp/tables.h"

#define FIRST_GC_MS 1000
/* For the Pod object and the first lists; the runtime tries again after that. The API is asked for the Pod before. */
#define PATIENCE_MS 8000
#define ASK_MS      1000

struct wr_ep wr_ep_unclaimed;

struct wr_ep *wr_ep_find(const struct wr_endpoints *all, const struct wr_attachment *id)
{
	struct wr_hnode *n;
	char key[17];

	wr_attachment_key(id, key);
	for (n = wr_hmap_first(&all->by_key, wr_hash_str(key)); n; n = wr_hmap_next(n)) {
		struct wr_ep *ep = WR_CONTAINER_OF(n, struct wr_ep, node);

		if (wr_attachment_cmp(&ep->record.id, id) == 0)
			return ep;
	}
	return NULL;
}

static void mark(struct wr_endpoints *all, struct wr_ep *ep)
{
	if (!ep->dirty)
		wr_vec_push(&all->dirty, ep);
	ep->dirty = true;
	wr_reconcile_due(all->agent, WR_RECONCILE_ENDPOINTS, false);
}

struct wr_ep *wr_ep_put(struct wr_endpoints *all, struct wr_endpoint_record *record)
{
	struct wr_ep *ep = wr_ep_find(all, &record->id);

	if (!ep) {
		ep = wr_xcalloc(1, sizeof(*ep));
		wr_attachment_key(&record->id, ep->key);
		wr_hmap_add(&all->by_key, &ep->node, wr_hash_str(ep->key));
	}
	wr_endpoint_record_done(&ep->record);
	ep->record = *record;
	*record = (struct wr_endpoint_record){ 0 };
	ep->enforced = false;
	ep->dead_since_ms = 0;
	wr_services_host_ports(all->agent, ep->key, &ep->record);
	mark(all, ep);
	return ep;
}

static void answer_waiters(struct wr_ep *ep, const struct wr_err *err)
{
	while (ep->waiters) {
		struct wr_endpoint_waiter *w = ep->waiters;

		ep->waiters = w->next;
		if (err)
			wr_client_fail(w->client, err);
		else
			wr_client_answer(w->client, NULL);
		free(w);
	}
}

void wr_ep_free(struct wr_endpoints *all, struct wr_ep *ep)
{
	size_t i;

	for (i = 0; i < all->dirty.n; i++)
		if (all->dirty.v[i] == ep)
			wr_vec_del_unordered(&all->dirty, i--);
	wr_hmap_del(&all->by_key, &ep->node);
	wr_endpoint_record_done(&ep->record);
	free(ep);
}

int wr_ep_remove(struct wr_endpoints *all, struct wr_ep *ep, const char *why, struct wr_err *err)
{
	struct wr_err gone = WR_ERR_INIT;
	int r = wr_ep_withdraw(all, ep, err);

	if (r)
		return r;
	wr_err_set(&gone, -ENOENT, "%s", why);
	answer_waiters(ep, &gone);
	wr_services_host_ports(all->agent, ep->key, NULL);
	wr_log(WR_LOG_INFO, "endpoint removed", WR_S("namespace", ep->record.pod_namespace),
	       WR_S("pod", ep->record.pod_name), WR_S("container", ep->record.id.container),
	       WR_S("why", why));
	wr_ep_free(all, ep);
	wr_reconcile_due(all->agent, WR_RECONCILE_ENDPOINTS, false);
	return 0;
}

static void report(struct wr_endpoints *all, struct wr_ep *ep, const struct wr_err *err)
{
	if (err) {
		all->counts.failed++;
		wr_log(WR_LOG_ERROR, "endpoint not enforced",
		       WR_S("namespace", ep->record.pod_namespace), WR_S("pod", ep->record.pod_name),
		       WR_S("interface", ep->record.host_ifname), WR_E(err));
	} else if (!ep->enforced) {
		wr_log(WR_LOG_INFO, "endpoint enforced", WR_S("namespace", ep->record.pod_namespace),
		       WR_S("pod", ep->record.pod_name), WR_S("interface", ep->record.host_ifname),
		       WR_I("endpoint", ep->number));
	}
}

/* A pod whose interface is gone is no failure of ours: its DEL, or the collection, comes. */
static void apply_one(struct wr_endpoints *all, struct wr_ep *ep)
{
	struct wr_err err = WR_ERR_INIT;
	int r = wr_ep_apply(all, ep, &err);

	ep->dirty = false;
	if (r == -ENODEV && !ep->waiters)
		return;
	report(all, ep, r ? &err : NULL);
	ep->enforced = r == 0;
	if (r)
		answer_waiters(ep, &err);
}

static void apply_all(struct wr_endpoints *all)
{
	struct wr_hnode *n, *next;
	size_t pos;

	wr_hmap_each(&all->by_key, n, pos, next)
		apply_one(all, WR_CONTAINER_OF(n, struct wr_ep, node));
	all->dirty.n = 0;
}

static void apply_dirty(struct wr_endpoints *all)
{
	size_t i;

	for (i = 0; i < all->dirty.n; i++)
		apply_one(all, all->dirty.v[i]);
}

/* Not yet: the Pod may come with the watch, then by asking for it; then there is no more waiting. */
static bool still_waits(struct wr_endpoints *all, struct wr_ep *ep, uint64_t now)
{
	struct wr_endpoint_waiter *w = ep->waiters;
	uint64_t waited = now - w->since_ms;

	if (waited >= ASK_MS && !w->asked) {
		w->asked = true;
		wr_policies_ask(all->agent, ep->number, &ep->record);
	}
	return waited < PATIENCE_MS;
}

/* Answers go out when everything that they promise is in the kernel: peers rows and policies included. */
void wr_endpoints_answer(struct wr_agent *a)
{
	struct wr_endpoints *all = a->endpoints;
	uint64_t now = wr_now_ms();
	size_t i;

	for (i = 1; all && i < all->by_number.n; i++) {
		struct wr_ep *ep = all->by_number.v[i];
		struct wr_err err = WR_ERR_INIT;
		int r;

		if (!ep || !ep->waiters || !ep->enforced || !all->peers_synced)
			continue;
		r = wr_policies_check(a, ep->number, ep->record.pod_namespace, &err);
		if (r == -EAGAIN && still_waits(all, ep, now))
			continue;
		answer_waiters(ep, r ? &err : NULL);
	}
}

int wr_endpoints_reconcile(struct wr_agent *a, bool full, struct wr_err *err)
{
	struct wr_endpoints *all = a->endpoints;
	int r;

	if (full)
		apply_all(all);
	else
		apply_dirty(all);
	all->dirty.n = 0;
	r = wr_peers_sync(a->peers, err);
	all->peers_synced = r == 0;
	if (a->policies)
		wr_reconcile_due(a, WR_RECONCILE_POLICIES, false);
	else
		wr_endpoints_answer(a);
	if (r == 0)
		wr_health_set(&a->health, WR_NEED_ENDPOINTS, NULL);
	return r;
}

static int note_unclaimed(void *ctx, uint32_t number, const struct wr_endpoint *ep)
{
	struct wr_endpoints *all = ctx;

	if (number != WR_EP_HOST && number < all->by_number.n)
		all->by_number.v[number] = &wr_ep_unclaimed;
	return 0;
}

static bool is_row_of(const struct wr_endpoint *row, const struct wr_endpoint_record *rec)
{
	return row->ifindex == rec->ifindex && wr_addr_eq(&row->addr4, &rec->addr4) &&
	       wr_addr_eq(&row->addr6, &rec->addr6);
}

static void claim_number(struct wr_endpoints *all, struct wr_ep *ep)
{
	struct wr_endpoint row;
	uint32_t n;

	for (n = 1; n < all->by_number.n; n++) {
		if (all->by_number.v[n] != &wr_ep_unclaimed ||
		    wr_endpoint_get(all->agent->dp, n, &row))
			continue;
		if (is_row_of(&row, &ep->record)) {
			wr_ep_adopt_number(all, ep, n);
			return;
		}
	}
}

/* With an unreadable record about, a row that nobody claims may be its: it stays. */
static void drop_unclaimed(struct wr_endpoints *all)
{
	uint32_t n;

	for (n = 1; n < all->by_number.n; n++) {
		if (all->by_number.v[n] != &wr_ep_unclaimed || all->counts.bad_records)
			continue;
		if (wr_endpoint_del(all->agent->dp, n) == 0)
			all->by_number.v[n] = NULL;
	}
	if (!all->counts.bad_records)
		wr_peers_complete(all->agent->peers, WR_PEERS_ENDPOINTS);
}

static int adopt(struct wr_endpoints *all, struct wr_err *err)
{
	struct wr_records records = { 0 };
	size_t bad = 0, i;
	int r = wr_endpoint_dump(all->agent->dp, note_unclaimed, all);

	if (r)
		return wr_err_sys(err, r, "reading the endpoints map");
	r = wr_records_load(all->agent->paths.state, &records, &bad, err);
	if (r)
		return r;
	all->counts.bad_records = (uint32_t)bad;
	if (bad)
		wr_log(WR_LOG_ERROR, "endpoint records cannot be read", WR_I("files", bad));
	for (i = 0; i < records.v.n; i++) {
		/* An ADD that had not made its interface yet will register, or be undone. */
		if (records.v.v[i].ifindex)
			claim_number(all, wr_ep_put(all, &records.v.v[i]));
	}
	wr_records_done(&records);
	drop_unclaimed(all);
	wr_log(WR_LOG_INFO, "endpoints adopted", WR_I("endpoints", all->by_key.n));
	return 0;
}

static void tombs_ready(struct wr_io *io, uint32_t events)
{
	struct wr_endpoints *all = WR_CONTAINER_OF(io, struct wr_endpoints, tombs_io);
	char buf[4096];

	while (read(io->fd, buf, sizeof(buf)) > 0)
		;
	wr_endpoints_take_tombstones(all);
}

static int watch_tombstones(struct wr_endpoints *all, struct wr_err *err)
{
	wr_autofree char *dir = wr_xasprintf("%s/tombstones", all->agent->paths.state);
	int r = wr_mkdirs(dir, 0700);

	if (r)
		return wr_err_sys(err, r, "making %s", dir);
	all->tombs_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (all->tombs_fd < 0 || inotify_add_watch(all->tombs_fd, dir, IN_MOVED_TO | IN_ONLYDIR) < 0)
		return wr_err_sys(err, -errno, "watching %s", dir);
	r = wr_io_add(all->agent->loop, &all->tombs_io, all->tombs_fd, EPOLLIN, tombs_ready);
	return r ? wr_err_sys(err, r, "epoll") : 0;
}

int wr_endpoints_start(struct wr_agent *a, struct wr_err *err)
{
	struct wr_endpoints *all = wr_xcalloc(1, sizeof(*all));
	uint32_t i;
	int r;

	all->agent = a;
	all->nl = WR_NL_INIT;
	all->tombs_fd = -1;
	all->next_number = 1;
	all->size = wr_dp_map_size(a->dp, WR_MAP_wr_endpoints);
	a->endpoints = all;
	for (i = 0; i < all->size; i++)
		wr_vec_push(&all->by_number, NULL);
	r = wr_nl_open(&all->nl);
	if (r)
		return wr_err_sys(err, r, "netlink");
	r = watch_tombstones(all, err);
	if (r == 0)
		r = adopt(all, err);
	if (r)
		return r;
	wr_endpoints_take_tombstones(all);
	wr_timer_start(a->loop, &all->gc, FIRST_GC_MS, wr_endpoints_collect);
	return 0;
}

void wr_endpoints_stop(struct wr_agent *a)
{
	struct wr_endpoints *all = a->endpoints;
	struct wr_hnode *n, *next;
	size_t pos;

	if (!all)
		return;
	wr_timer_stop(a->loop, &all->gc);
	wr_io_del(a->loop, &all->tombs_io);
	if (all->tombs_fd >= 0)
		close(all->tombs_fd);
	wr_nl_close(&all->nl);
	wr_hmap_each(&all->by_key, n, pos, next)
		wr_ep_free(all, WR_CONTAINER_OF(n, struct wr_ep, node));
	wr_hmap_done(&all->by_key);
	wr_vec_done(&all->by_number);
	wr_vec_done(&all->dirty);
	free(all);
	a->endpoints = NULL;
}
