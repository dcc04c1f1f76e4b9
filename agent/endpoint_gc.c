// SPDX-License-Identifier: Apache-2.0
/* Collecting what is gone: tombstones, attachments without interface or namespace, links and leases without a record. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/endpoints_private.h"
#include "agent/log.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/dp/dp.h"
#include "lib/ipam/ipam.h"
#include "lib/nl/link.h"
#include "lib/podnet/podnet.h"

#define SURE_MS      3000 /* dead that long, seen twice: a DEL that is under way is let finish */
#define ADD_LIMIT_MS (10 * 60 * 1000) /* the kubelet gives a sandbox four minutes */

struct pass {
	struct wr_endpoints *all;
	WR_VEC(char *) linked; /* names of pinned links; read before the records, so that a link without one has none coming */
	struct wr_records records;
	WR_VEC(char *) keys; /* of the records */
	struct wr_links links;
	struct wr_ipam *ipam; /* NULL: somebody else has the lock; the next pass tries again */
	size_t bad;
	bool again; /* somebody is suspected */
};

void wr_endpoints_take_tombstones(struct wr_endpoints *all)
{
	const char *state = all->agent->paths.state;
	struct wr_attachments tombs = { 0 };
	struct wr_err err = WR_ERR_INIT;
	size_t i;

	if (wr_tombstones_load(state, &tombs, &err)) {
		wr_log(WR_LOG_ERROR, "tombstones cannot be read", WR_E(&err));
		return;
	}
	for (i = 0; i < tombs.v.n; i++) {
		struct wr_ep *ep = wr_ep_find(all, &tombs.v.v[i]);

		if (!ep || wr_ep_remove(all, ep, "released while the agent was away", &err) == 0)
			wr_tombstone_del(state, &tombs.v.v[i]);
		all->counts.released += ep != NULL;
	}
	wr_attachments_done(&tombs);
}

static bool has_link(const struct pass *p, const struct wr_endpoint_record *rec)
{
	size_t i;

	for (i = 0; i < p->links.v.n; i++)
		if (p->links.v.v[i].ifindex == rec->ifindex &&
		    wr_streq(p->links.v.v[i].name, rec->host_ifname))
			return true;
	return false;
}

static bool has_netns(const struct wr_endpoint_record *rec)
{
	return !rec->netns || !*rec->netns || access(rec->netns, F_OK) == 0 || errno != ENOENT;
}

static bool is_add_under_way(const struct wr_endpoint_record *rec)
{
	uint64_t now = wr_real_ms();

	return !rec->ready && now - rec->created_ms < ADD_LIMIT_MS;
}

static int release_lease(struct pass *p, const struct wr_attachment *id, struct wr_err *err)
{
	int r = p->ipam ? wr_ipam_release(p->ipam, id, err) : -EAGAIN;

	return r > 0 ? 0 : r;
}

/* In the plugin's order: the endpoint, the link, its programs, the address, and the record last, since it leads to the rest. */
static int collect(struct pass *p, const struct wr_endpoint_record *rec, const char *why,
		   struct wr_err *err)
{
	const struct wr_agent *a = p->all->agent;
	struct wr_ep *ep = wr_ep_find(p->all, &rec->id);
	char host[WR_IFNAME_SIZE], key[17];
	int r = ep ? wr_ep_remove(p->all, ep, why, err) : 0;

	wr_attachment_host_ifname(&rec->id, host);
	wr_attachment_key(&rec->id, key);
	if (r == 0)
		r = wr_podnet_del(host, err);
	if (r == 0)
		r = wr_dp_detach(a->paths.pins, key, err);
	if (r == 0 && !rec->foreign_ipam)
		r = release_lease(p, &rec->id, err);
	if (r == 0)
		r = wr_record_del(a->paths.state, &rec->id);
	p->all->counts.collected += r == 0;
	return r;
}

static void suspect(struct pass *p, const struct wr_endpoint_record *rec, const char *why)
{
	struct wr_ep *ep = wr_ep_find(p->all, &rec->id);
	struct wr_err err = WR_ERR_INIT;
	uint64_t now = wr_now_ms();
	int r;

	if (ep && !ep->dead_since_ms)
		ep->dead_since_ms = now;
	if (ep && now - ep->dead_since_ms < SURE_MS) {
		p->again = true;
		return;
	}
	r = collect(p, rec, why, &err);
	if (r == -EAGAIN)
		p->again = true;
	else if (r)
		wr_log(WR_LOG_ERROR, "a pod that is gone was not collected",
		       WR_S("container", rec->id.container), WR_E(&err));
}

/* What is there, was announced and is not known: a register that got lost. */
static void take_up(struct pass *p, struct wr_endpoint_record *rec)
{
	struct wr_ep *ep = wr_ep_find(p->all, &rec->id);

	if (ep)
		ep->dead_since_ms = 0;
	else if (rec->ready)
		wr_ep_put(p->all, rec);
}

static void look_at(struct pass *p, struct wr_endpoint_record *rec)
{
	if (is_add_under_way(rec))
		return;
	if (!has_link(p, rec))
		suspect(p, rec, "its interface is gone");
	else if (!has_netns(rec))
		suspect(p, rec, "its network namespace is gone");
	else
		take_up(p, rec);
}

static bool has_record(const struct pass *p, const char *key)
{
	size_t i;

	for (i = 0; i < p->keys.n; i++)
		if (wr_streq(p->keys.v[i], key))
			return true;
	return false;
}

/* Attachments are named by 16 hex digits; "uplink-eth0", "overlay" and "cgroup" are not. */
static int note_linked(void *ctx, const char *who)
{
	struct pass *p = ctx;

	if (strlen(who) == 16 && strspn(who, "0123456789abcdef") == 16)
		wr_vec_push(&p->linked, wr_xstrdup(who));
	return 0;
}

/* A record is written before the first link is pinned. */
static void detach_strays(struct pass *p)
{
	size_t i;

	for (i = 0; i < p->linked.n; i++) {
		struct wr_err err = WR_ERR_INIT;

		if (!has_record(p, p->linked.v[i]) &&
		    wr_dp_detach(p->all->agent->paths.pins, p->linked.v[i], &err))
			wr_log(WR_LOG_ERROR, "pinned links without a pod stay", WR_E(&err));
	}
}

/* An ADD reserves before it records. What was reserved long ago and never recorded belongs to one that died in between. */
static void release_strays(struct pass *p)
{
	struct wr_ipam_leases leases = { 0 };
	uint64_t now = wr_real_ms();
	char key[17];
	size_t i;

	if (!p->ipam || wr_ipam_dump(p->ipam, &leases, NULL))
		return;
	for (i = 0; i < leases.v.n; i++) {
		const struct wr_ipam_lease *l = &leases.v.v[i];

		wr_attachment_key(&l->id, key);
		if (!l->resting && now - l->since_ms > ADD_LIMIT_MS && !has_record(p, key))
			wr_ipam_release(p->ipam, &l->id, NULL);
	}
	wr_ipam_leases_done(&leases);
}

/* Endpoints whose record somebody removed, and whose interface is gone: a release that got lost, or was overtaken. */
static void drop_recordless(struct pass *p)
{
	struct wr_endpoints *all = p->all;
	struct wr_err err = WR_ERR_INIT;
	struct wr_hnode *n, *next;
	size_t pos;

	wr_hmap_each(&all->by_key, n, pos, next) {
		struct wr_ep *ep = WR_CONTAINER_OF(n, struct wr_ep, node);

		if (has_record(p, ep->key) || has_link(p, &ep->record))
			continue;
		if (wr_ep_remove(all, ep, "its record and its interface are gone", &err) == 0)
			all->counts.collected++;
	}
}

static void run_pass(struct pass *p)
{
	size_t i;

	for (i = 0; i < p->records.v.n; i++)
		look_at(p, &p->records.v.v[i]);
	drop_recordless(p);
	/* With a record that cannot be read, nobody can say what it stands for. */
	if (p->bad)
		return;
	detach_strays(p);
	release_strays(p);
}

static int read_all(struct pass *p, struct wr_err *err)
{
	const struct wr_agent *a = p->all->agent;
	char key[17];
	size_t i;
	int r;

	wr_dp_each_attached(a->paths.pins, note_linked, p);
	r = wr_records_load(a->paths.state, &p->records, &p->bad, err);
	if (r)
		return r;
	for (i = 0; i < p->records.v.n; i++) {
		wr_attachment_key(&p->records.v.v[i].id, key);
		wr_vec_push(&p->keys, wr_xstrdup(key));
	}
	r = wr_link_dump(&p->all->nl, &p->links);
	return r ? wr_err_sys(err, r, "reading the interfaces") : 0;
}

static void pass_done(struct pass *p)
{
	while (p->linked.n)
		free(p->linked.v[--p->linked.n]);
	while (p->keys.n)
		free(p->keys.v[--p->keys.n]);
	wr_vec_done(&p->linked);
	wr_vec_done(&p->keys);
	wr_links_done(&p->links);
	wr_records_done(&p->records);
	if (p->ipam)
		wr_ipam_close(p->ipam);
}

void wr_endpoints_collect(struct wr_timer *t)
{
	struct wr_endpoints *all = WR_CONTAINER_OF(t, struct wr_endpoints, gc);
	wr_autofree char *ipam_dir = wr_xasprintf("%s/ipam", all->agent->paths.state);
	wr_cleanup(pass_done) struct pass p = { .all = all };
	struct wr_err err = WR_ERR_INIT;

	wr_records_sweep(all->agent->paths.state, SURE_MS);
	if (read_all(&p, &err)) {
		wr_log(WR_LOG_ERROR, "pods that are gone were not looked for", WR_E(&err));
	} else {
		wr_ipam_try_open(ipam_dir, &p.ipam, NULL);
		run_pass(&p);
		all->counts.bad_records = (uint32_t)p.bad;
	}
	wr_timer_start(all->agent->loop, t, p.again ? SURE_MS : all->agent->config->gc_s * 1000ull,
		       wr_endpoints_collect);
}
