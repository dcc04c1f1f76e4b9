// SPDX-License-Identifier: Apache-2.0
/* Answers of name servers: taken, learnt from, sent on; and the end of what was learnt. */
#include "agent/domains.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/api.h"
#include "agent/domains_private.h"
#include "agent/endpoints.h"
#include "agent/log.h"
#include "agent/policies.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/dns/dns.h"
#include "lib/dp/tables.h"

#define LEASE_MS      500
#define LEASE_EACH_MS 100
#define LOOK_MS       5000
#define GRACE_MS \
	5000 /* after the time to live: the client has the answer later than we, and connects after that */
#define KEPT_MS     30000 /* how often connections with addresses whose time is over are looked for */
#define LIFE_MAX_S  86400
#define HELD_MAX_MS 5000 /* held by the run before for longer, the client has asked again */

/* ---- learning -------------------------------------------------------------------------------------------- */

struct lesson {
	struct wr_domains *d;
	const struct wr_event *event;
	bool news, full;
};

struct teller {
	const struct wr_domains *d;
	uint32_t endpoint;
};

/* With the pod's UID, without which `kubectl describe` shows no Event. */
static int tell_pod(void *ctx, const struct wr_endpoint_view *v)
{
	const struct teller *t = ctx;
	const struct wr_endpoint_record *r = v->record;
	const struct wr_k8s_event e = {
		.kind = "Pod",
		.api_version = "v1",
		.ns = r->pod_namespace ? r->pod_namespace : "",
		.name = r->pod_name ? r->pod_name : "",
		.uid = r->pod_uid,
		.warning = true,
		.reason = "DomainNamesOverflow",
		.message = "too many addresses of domain names: further ones stay closed",
	};

	if (v->number != t->endpoint)
		return 0;
	wr_log(WR_LOG_ERROR, "too many addresses with names: further ones stay closed",
	       WR_S("namespace", r->pod_namespace), WR_S("pod", r->pod_name));
	wr_api_event(t->d->agent, &e);
	return 1;
}

/* Once for each pod until there is room again. */
static void tell_full(struct wr_domains *d, uint32_t endpoint)
{
	struct teller t = { d, endpoint };
	size_t i;

	for (i = 0; i < d->full.n; i++)
		if (d->full.v[i] == endpoint)
			return;
	wr_vec_push(&d->full, endpoint);
	wr_endpoints_each(d->agent, tell_pod, &t);
}

static uint64_t until(const struct wr_event *e, uint32_t ttl, uint32_t name_ttl)
{
	uint64_t life = WR_MIN(WR_MIN(ttl, name_ttl), LIFE_MAX_S);

	return e->time / 1000000 + life * 1000 + GRACE_MS;
}

static void learn(struct lesson *l, const struct wr_dns_name *name, const struct wr_dns_addr *addr)
{
	struct wr_domains *d = l->d;
	const struct wr_binding given = { .addr = addr->addr,
					  .name = name->text,
					  .until_ms = until(l->event, addr->ttl, name->ttl),
					  .asker = l->event->src_ep };

	switch (wr_binding_put(&d->table, &given)) {
	case WR_BINDING_FULL:
		l->full = true;
		tell_full(d, given.asker);
		break;
	case WR_BINDING_NEW:
		wr_policy_bind(wr_policies_compiled(d->agent), &addr->addr, name->text);
		l->news = true;
		break;
	case WR_BINDING_KNOWN:
		break;
	}
}

static void take_message(void *ctx, const uint8_t *msg, size_t size)
{
	static struct wr_dns_answer answer; /* too much for the stack */
	struct lesson *l = ctx;
	struct wr_domains *d = l->d;
	int r = wr_dns_parse(msg, size, &answer);
	bool meant = false;
	size_t i, k;

	if (r) {
		++*(r == -EBADMSG ? &d->counts.malformed : &d->counts.plain);
		return;
	}
	for (i = 0; i < answer.n_names; i++) {
		if (!wr_policy_means_name(wr_policies_compiled(d->agent), answer.names[i].text))
			continue;
		meant = true;
		for (k = 0; k < answer.n_addrs; k++)
			learn(l, &answer.names[i], &answer.addrs[k]);
	}
	++*(l->full ? &d->counts.refused : meant ? &d->counts.learnt : &d->counts.plain);
	l->full = false;
}

static enum wr_packet_fate take_packet(struct wr_domains *d, const struct wr_answer *a,
				       const uint8_t *packet)
{
	struct lesson l = { .d = d, .event = &a->event };
	const struct wr_dns_sink sink = { &l, take_message };
	enum wr_packet_fate fate;

	if (!wr_name_servers_has(&d->servers, &a->event.src)) {
		d->counts.strange++;
		return WR_PACKET_GOES;
	}
	fate = wr_dns_streams_take(d->streams, packet, a->size, wr_now_ms(), &sink);
	if (l.news)
		wr_policies_settle(d->agent);
	return fate;
}

static void send_on(struct wr_domains *d, const struct wr_answer *a, uint8_t *packet)
{
	struct wr_endpoint ep;
	int r;

	if (wr_boot_ns() - a->event.time > HELD_MAX_MS * 1000000ull) {
		d->counts.late++;
		return;
	}
	r = wr_endpoint_get(d->agent->dp, a->event.src_ep, &ep);
	r = r ? r : wr_pod_send(d->fd, &ep, packet, a->size, a->gso_size);
	if (r && r != -ENOENT)
		wr_log(WR_LOG_WARN, "a name server's answer could not be sent on",
		       WR_I("endpoint", a->event.src_ep), WR_S("error", strerror(-r)));
}

void wr_domains_take(struct wr_agent *a, const void *data, size_t size)
{
	struct wr_domains *d = a->domains;
	wr_autofree uint8_t *packet = NULL;
	struct wr_answer answer;

	if (!d || size < sizeof(answer))
		return;
	memcpy(&answer, data, sizeof(answer));
	if (!answer.size || answer.size > size - sizeof(answer))
		return;
	packet = wr_xmalloc(answer.size);
	memcpy(packet, (const uint8_t *)data + sizeof(answer), answer.size);
	if (take_packet(d, &answer, packet) == WR_PACKET_GOES && answer.held && d->fd >= 0)
		send_on(d, &answer, packet);
}

/* ---- the end of what was learnt ----------------------------------------------------------------------------- */

typedef WR_VEC(struct wr_binding *) bindings_vec;

static int cmp_bindings(const void *a, const void *b)
{
	return wr_addr_cmp(&(*(struct wr_binding *const *)a)->addr,
			   &(*(struct wr_binding *const *)b)->addr);
}

static void mark_used(const bindings_vec *over, const struct wr_addr *addr)
{
	size_t low = 0, high = over->n, mid;

	while (low < high) {
		mid = (low + high) / 2;
		if (wr_addr_cmp(&over->v[mid]->addr, addr) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < over->n && wr_addr_eq(&over->v[low]->addr, addr); low++)
		over->v[low]->used = true;
}

static int look_at_flow(void *ctx, const struct wr_flow_key *key, const struct wr_flow *flow)
{
	if (flow->state & WR_FLOW_DEAD)
		return 0;
	mark_used(ctx, &key->a);
	mark_used(ctx, &key->b);
	return 0;
}

static void collect_over(const struct wr_domains *d, uint64_t now, bindings_vec *over)
{
	struct wr_hnode *n, *next;
	size_t pos;

	wr_hmap_each(&d->table.bindings, n, pos, next) {
		struct wr_binding *b = wr_binding_of(n);

		if (!b->over || b->look_ms > now)
			continue;
		b->used = false;
		wr_vec_push(over, b);
	}
}

/*
 * Nothing begins by these names any more. Whether anything goes on by them is looked for at the next look, when what has begun
 * in this instant can be seen.
 */
static void retire(struct wr_domains *d, uint64_t now)
{
	struct wr_policy *policy = wr_policies_compiled(d->agent);
	struct wr_hnode *n, *next;
	bool news = false;
	size_t pos;

	wr_hmap_each(&d->table.bindings, n, pos, next) {
		struct wr_binding *b = wr_binding_of(n);

		if (b->over || b->until_ms > now)
			continue;
		b->over = true;
		b->look_ms = now;
		wr_policy_retire(policy, &b->addr, b->name);
		news = true;
	}
	if (news)
		wr_reconcile_due(d->agent, WR_RECONCILE_POLICIES, false);
}

/* What connections still use stays for now. */
static void end_over(struct wr_domains *d, const bindings_vec *over, uint64_t now)
{
	struct wr_policy *policy = wr_policies_compiled(d->agent);
	bool ended = false;
	size_t i;

	for (i = 0; i < over->n; i++) {
		struct wr_binding *b = over->v[i];

		if (b->used) {
			b->look_ms = now + KEPT_MS;
			continue;
		}
		wr_policy_unbind(policy, &b->addr, b->name);
		wr_binding_del(&d->table, b);
		ended = true;
	}
	if (!ended)
		return;
	wr_vec_reset(&d->full);
	wr_reconcile_due(d->agent, WR_RECONCILE_POLICIES, false);
}

static void look_for_unheard(struct wr_domains *d)
{
	uint64_t unheard = wr_domains_count_unheard(d);

	if (unheard > d->unheard) {
		d->unheard_ms = wr_now_ms();
		wr_log(WR_LOG_WARN, "name servers' answers found no room in the event buffer",
		       WR_I("answers", unheard - d->unheard));
	}
	d->unheard = unheard;
}

static void look(struct wr_timer *t)
{
	struct wr_domains *d = WR_CONTAINER_OF(t, struct wr_domains, look);
	uint64_t now = wr_boot_ns() / 1000000;
	bindings_vec over = { 0 };

	collect_over(d, now, &over);
	if (over.n) {
		wr_vec_sort(&over, cmp_bindings);
		if (wr_flow_dump(d->agent->dp, true, look_at_flow, &over) == 0)
			end_over(d, &over, now);
	}
	wr_vec_done(&over);
	retire(d, now);
	look_for_unheard(d);
	wr_timer_start(d->agent->loop, t, LOOK_MS, look);
}

/* ---- the lease ----------------------------------------------------------------------------------------------- */

static void renew(struct wr_timer *t)
{
	struct wr_domains *d = WR_CONTAINER_OF(t, struct wr_domains, lease);

	wr_globals_set_names(d->agent->dp, wr_now_ns() + LEASE_MS * 1000000ull);
	wr_timer_start(d->agent->loop, t, LEASE_EACH_MS, renew);
}

void wr_domains_follow(struct wr_agent *a)
{
	struct wr_domains *d = a->domains;
	bool follows = d && d->fd >= 0 && wr_policy_names_domains(wr_policies_compiled(a));

	if (!d || d->follows == follows)
		return;
	d->follows = follows;
	if (follows) {
		renew(&d->lease);
		return;
	}
	wr_timer_stop(a->loop, &d->lease);
	wr_globals_set_names(a->dp, 0);
}

/* ---- life ---------------------------------------------------------------------------------------------------- */

void wr_domains_bind_all(const struct wr_agent *a, struct wr_policy *policy)
{
	struct wr_hnode *n, *next;
	size_t pos;

	if (!a->domains)
		return;
	wr_hmap_each(&a->domains->table.bindings, n, pos, next) {
		const struct wr_binding *b = wr_binding_of(n);

		wr_policy_bind(policy, &b->addr, b->name);
		if (b->over)
			wr_policy_retire(policy, &b->addr, b->name);
	}
}

int wr_domains_start(struct wr_agent *a, struct wr_err *err)
{
	struct wr_domains *d = wr_xcalloc(1, sizeof(*d));
	wr_autofree char *file = wr_xasprintf("%s/domains", a->paths.run);
	int r;

	d->agent = a;
	d->fd = -1;
	d->streams = wr_dns_streams_new();
	a->domains = d;
	r = wr_binding_table_open(&d->table, file);
	if (r)
		wr_log(WR_LOG_WARN, "addresses of domain names are not kept over a restart",
		       WR_S("file", file), WR_S("error", strerror(-r)));
	wr_name_servers_init(&d->servers, a);
	wr_domains_bind_all(a, wr_policies_compiled(a));
	r = wr_pod_socket_open(1u << a->config->mark_bit, &d->fd);
	if (r)
		wr_log(WR_LOG_WARN,
		       "name servers' answers cannot be held: a pod's first packets may be lost",
		       WR_S("error", strerror(-r)));
	d->unheard = wr_domains_count_unheard(d);
	look(&d->look);
	return 0;
}

void wr_domains_stop(struct wr_agent *a)
{
	struct wr_domains *d = a->domains;

	if (!d)
		return;
	if (d->follows)
		wr_globals_set_names(a->dp, 0);
	wr_timer_stop(a->loop, &d->lease);
	wr_timer_stop(a->loop, &d->look);
	wr_binding_table_close(&d->table);
	wr_name_servers_done(&d->servers);
	wr_dns_streams_free(d->streams);
	wr_vec_done(&d->full);
	if (d->fd >= 0)
		close(d->fd);
	free(d);
	a->domains = NULL;
}
