// SPDX-License-Identifier: Apache-2.0
/* Services from the index into the tables. */
#include "agent/services.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/agent.h"
#include "agent/endpoints.h"
#include "agent/log.h"
#include "agent/nodes.h"
#include "agent/obj/store.h"
#include "agent/proxy_health.h"
#include "agent/svc/svc.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define TICK_MS     1000
#define PATIENCE_MS 10000 /* ADDs are served after that, first list or not */

struct wr_services {
	struct wr_agent *agent;
	struct wr_svc_index *index;
	struct wr_svc_table *table;
	struct wr_proxy_health *health;
	bool synced, pruned, in_batch;
	bool addresses_changed;
	bool want_tables; /* some do without, for lack of room */
	uint64_t built, failed, waiting;
	struct wr_timer tick;
	struct wr_err first; /* of the pass under way */
};

static uint32_t sink_former_id(void *ctx, const struct wr_frontend *fe)
{
	const struct wr_services *s = ctx;

	return wr_svc_table_found(s->table, fe);
}

/* What an earlier run has left in force stays until the first lists are complete: -EAGAIN puts the service aside. */
static int sink_put(void *ctx, const struct wr_svc_set *set)
{
	struct wr_services *s = ctx;
	size_t i;
	int r;

	for (i = 0; !s->synced && i < set->n_frontends; i++)
		if (wr_svc_table_found(s->table, &set->frontends[i]))
			return -EAGAIN;
	r = wr_svc_table_put(s->table, set, &s->first);
	s->want_tables |= r > 0;
	return r;
}

static int sink_hold(void *ctx, uint64_t key, uint32_t id, const struct wr_svc_backend *backends,
		     size_t n)
{
	struct wr_services *s = ctx;

	return wr_svc_table_hold(s->table, key, id, backends, n);
}

static int sink_del(void *ctx, uint64_t key)
{
	struct wr_services *s = ctx;

	return wr_svc_table_del(s->table, key);
}

static void sink_health(void *ctx, const char *ns, const char *name, uint16_t port, uint32_t n)
{
	struct wr_services *s = ctx;

	wr_proxy_health_service(s->health, ns, name, port, n);
}

static void store_changed(void *ctx, enum wr_kind kind, const struct wr_object *old,
			  const struct wr_object *new_)
{
	struct wr_services *s = ctx;

	wr_svc_index_change(s->index, kind, old, new_);
	wr_reconcile_due(s->agent, WR_RECONCILE_SERVICES, false);
}

static bool are_lists_complete(const struct wr_agent *a)
{
	return wr_store_is_synced(a->store, WR_KIND_SERVICE) &&
	       wr_store_is_synced(a->store, WR_KIND_ENDPOINTSLICE) &&
	       (!*a->config->manifests || wr_store_is_synced(a->store, WR_KIND_POD));
}

static void set_addresses(struct wr_services *s)
{
	const struct wr_naddrs *have = wr_nodes_addrs(s->agent);
	WR_VEC(struct wr_addr) addrs = { 0 };
	size_t i;

	for (i = 0; i < have->v.n; i++)
		wr_vec_push(&addrs, have->v.v[i].prefix.addr);
	wr_svc_index_set_addresses(s->index, addrs.v, addrs.n);
	wr_vec_done(&addrs);
	s->addresses_changed = false;
}

/* Everything that is due. What cannot be put in force waits and does not hold up the rest. */
static int build_dirty(struct wr_services *s, struct wr_err *err)
{
	const struct wr_svc_sink sink = {
		.ctx = s,
		.former_id = sink_former_id,
		.put = sink_put,
		.hold = sink_hold,
		.del = sink_del,
		.health = sink_health,
	};
	struct wr_svc *svc;
	int first = 0, r;

	s->first = WR_ERR_INIT;
	r = wr_svc_table_begin(s->table);
	if (r)
		return wr_err_sys(err, r, "services");
	while ((svc = wr_svc_index_next_dirty(s->index))) {
		r = wr_svc_build(s->index, svc, &sink);
		s->built++;
		s->waiting += r == -EAGAIN && !s->synced;
		if (r == 0 || (r == -EAGAIN && !s->synced))
			continue;
		s->failed++;
		first = first ? first : r;
	}
	r = wr_svc_table_commit(s->table, err);
	if (first)
		return wr_err_set(err, first, "%s", *s->first.msg ? s->first.msg : strerror(-first));
	return r;
}

static void prune(struct wr_services *s)
{
	int n;

	if (!s->synced || s->pruned)
		return;
	n = wr_svc_table_prune(s->table);
	s->pruned = true;
	if (n > 0)
		wr_log(WR_LOG_INFO, "frontends of services that are gone removed",
		       WR_I("frontends", n));
}

int wr_services_reconcile(struct wr_agent *a, bool full, struct wr_err *err)
{
	struct wr_services *s = a->services;
	int r;

	if (full || s->addresses_changed)
		set_addresses(s);
	if (!s->synced && are_lists_complete(a)) {
		s->synced = true;
		s->waiting = 0;
		full = true;
	}
	if (full)
		wr_svc_index_retry(s->index);
	r = build_dirty(s, err);
	if (r || s->synced)
		wr_proxy_health_written(s->health, !r, wr_now_ms());
	if (r)
		return r;
	prune(s);
	if (s->synced)
		wr_health_set(&a->health, WR_NEED_SERVICES, NULL);
	return 0;
}

/* Room for Maglev tables comes back a second after a service has gone. */
static void retry_tables(struct wr_services *s)
{
	if (!s->want_tables || !wr_svc_table_has_table_room(s->table))
		return;
	s->want_tables = false;
	wr_svc_index_retry(s->index);
	wr_reconcile_due(s->agent, WR_RECONCILE_SERVICES, false);
}

static void tick(struct wr_timer *t)
{
	struct wr_services *s = WR_CONTAINER_OF(t, struct wr_services, tick);
	struct wr_agent *a = s->agent;
	uint64_t now = wr_now_ms();

	wr_svc_table_tick(s->table, now);
	retry_tables(s);
	if (!s->synced && now - a->started_ms > PATIENCE_MS)
		wr_health_set(&a->health, WR_NEED_SERVICES, NULL);
	wr_timer_start(a->loop, t, TICK_MS, tick);
}

static struct wr_svc_index *new_index(const struct wr_agent_config *c)
{
	struct wr_svc_options opt = {
		.node = c->node,
		.manifests = *c->manifests != '\0',
		.localhost_node_ports = c->localhost_node_ports,
		.maglev = true,
		.dsr = wr_nodes_wants_dsr(c),
		.node_port_cidrs = c->node_port_addresses.list.v,
		.n_node_port_cidrs = c->node_port_addresses.list.n,
	};

	return wr_svc_index_new(&opt);
}

int wr_services_start(struct wr_agent *a, struct wr_err *err)
{
	struct wr_services *s = wr_xcalloc(1, sizeof(*s));
	int r;

	s->agent = a;
	s->index = new_index(a->config);
	s->health = wr_proxy_health_new(a->loop, a->store, a->config->node);
	a->services = s;
	r = wr_svc_table_open(a->dp, &s->table, err);
	if (r)
		return r;
	wr_store_subscribe(a->store, store_changed, s);
	wr_proxy_health_listen(s->health, &a->config->proxy_health);
	tick(&s->tick);
	return 0;
}

void wr_services_stop(struct wr_agent *a)
{
	struct wr_services *s = a->services;

	if (!s)
		return;
	wr_timer_stop(a->loop, &s->tick);
	if (s->table)
		wr_svc_table_close(s->table);
	wr_proxy_health_free(s->health);
	wr_svc_index_free(s->index);
	free(s);
	a->services = NULL;
}

void wr_services_addresses_changed(struct wr_agent *a)
{
	if (!a->services)
		return;
	a->services->addresses_changed = true;
	wr_reconcile_due(a, WR_RECONCILE_SERVICES, false);
}

void wr_services_host_ports(struct wr_agent *a, const char *key,
			    const struct wr_endpoint_record *record)
{
	struct wr_svc_host_ports ports = { 0 };

	if (!a->services)
		return;
	if (record)
		ports = (struct wr_svc_host_ports){ record->addr4, record->addr6, record->ports.v,
						    record->ports.n };
	wr_svc_index_set_host_ports(a->services->index, key, &ports);
	wr_reconcile_due(a, WR_RECONCILE_SERVICES, false);
}

static uint32_t find_number(const struct wr_services *s, const char *name,
			    const char *(*name_of)(const struct wr_svc_index *idx, uint32_t number))
{
	const char *have;
	uint32_t n;

	for (n = 1; (have = name_of(s->index, n)); n++)
		if (wr_streq(have, name))
			return n;
	return 0;
}

uint32_t wr_services_node_number(const struct wr_agent *a, const char *name)
{
	return find_number(a->services, name, wr_svc_index_node_name);
}

uint32_t wr_services_zone_number(const struct wr_agent *a, const char *name)
{
	return find_number(a->services, name, wr_svc_index_zone_name);
}

struct wr_service_counts wr_services_counts(const struct wr_agent *a)
{
	struct wr_service_counts c = { .built = a->services->built,
				       .failed = a->services->failed,
				       .waiting = a->services->waiting };

	wr_svc_table_get_stats(a->services->table, &c.table);
	return c;
}

/* Service ports by id, as the frontends in force name them. */
struct port_list {
	WR_VEC(uint32_t) ids;
};

static int note_id(void *ctx, const struct wr_frontend *fe, const struct wr_service *svc)
{
	struct port_list *list = ctx;

	wr_vec_push(&list->ids, svc->id);
	return 0;
}

static int cmp_ids(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

struct holder {
	const char *key; /* of the attachment */
	const struct wr_endpoint_record *record;
};

static int is_holder(void *ctx, const struct wr_endpoint_view *view)
{
	struct holder *h = ctx;
	char key[17];

	wr_attachment_key(&view->record->id, key);
	if (!wr_streq(key, h->key))
		return 0;
	h->record = view->record;
	return 1;
}

/*
 * To people, a host port is its pod's: namespace and name instead of the attachment's key that the index knows. A container
 * that Kubernetes has not started has its id.
 */
static bool name_host_port(const struct wr_agent *a, const char **ns, const char **name)
{
	struct holder h = { .key = *name };

	if (**ns || !wr_endpoints_each(a, is_holder, &h))
		return false;
	*ns = h.record->pod_namespace ? h.record->pod_namespace : "";
	*name = h.record->pod_name && *h.record->pod_name ? h.record->pod_name :
							    h.record->id.container;
	return true;
}

static struct wr_json *encode_port(const struct wr_agent *a, uint32_t id)
{
	struct wr_svc_port_info info;
	struct wr_json *j;

	if (wr_svc_index_port_info(a->services->index, id, &info))
		return NULL;
	if (name_host_port(a, &info.ns, &info.name))
		info.port_name = "hostPort"; /* with its capital, no port of a Service is called that */
	j = wr_json_new_object();
	wr_json_add_int(j, "id", id);
	wr_json_add_str(j, "namespace", info.ns);
	wr_json_add_str(j, "name", info.name);
	wr_json_add_str(j, "port_name", info.port_name);
	return j;
}

struct skipped_list {
	const struct wr_agent *agent;
	struct wr_json *items;
};

static int add_skipped(void *ctx, const char *ns, const char *name, const char *what)
{
	struct wr_json *j = wr_json_new_object(), *list = wr_json_new_array(),
		       *reason = wr_json_new_object();
	const struct skipped_list *skipped = ctx;

	name_host_port(skipped->agent, &ns, &name);
	wr_json_add_str(reason, "reason", what);
	wr_json_push(list, reason);
	wr_json_add_str(j, "namespace", ns);
	wr_json_add_str(j, "name", name);
	wr_json_add(j, "skipped", list);
	wr_json_push(skipped->items, j);
	return 0;
}

struct wr_json *wr_services_encode(const struct wr_agent *a)
{
	struct port_list list = { 0 };
	struct wr_json *items = wr_json_new_array();
	struct skipped_list skipped = { a, items };
	size_t i;

	wr_frontend_dump(a->dp, note_id, &list);
	wr_vec_sort(&list.ids, cmp_ids);
	for (i = 0; i < list.ids.n; i++) {
		struct wr_json *j = i && list.ids.v[i] == list.ids.v[i - 1] ?
					    NULL :
					    encode_port(a, list.ids.v[i]);

		if (j)
			wr_json_push(items, j);
	}
	wr_vec_done(&list.ids);
	wr_svc_index_skipped(a->services->index, add_skipped, &skipped);
	return items;
}
