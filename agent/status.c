// SPDX-License-Identifier: Apache-2.0
/* The agent and its node as JSON, for `weir status` and `weir nodes`. */
#include <unistd.h>

#include "agent/agent.h"
#include "agent/domains.h"
#include "agent/endpoints.h"
#include "agent/nodes_private.h"
#include "agent/obj/store.h"
#include "agent/others.h"
#include "agent/policies.h"
#include "agent/services.h"
#include "agent/source.h"
#include "agent/verbs.h"
#include "lib/base/str.h"
#include "lib/base/clock.h"
#include "lib/dp/dp.h"

static struct wr_json *encode_addr(const struct wr_addr *a)
{
	char text[WR_ADDR_STRLEN];

	return wr_json_new_str(wr_addr_is_zero(a) ? NULL : wr_addr_format(a, text));
}

static struct wr_json *encode_ranges(const struct wr_node_facts *f)
{
	struct wr_json *list = wr_json_new_array();
	char text[WR_PREFIX_STRLEN];
	size_t i;

	for (i = 0; i < f->ranges.n; i++)
		wr_json_push(list, wr_json_new_str(wr_prefix_format(&f->ranges.v[i], text)));
	return list;
}

static struct wr_json *encode_addrs(const struct wr_node_facts *f)
{
	struct wr_json *list = wr_json_new_array();
	size_t i;

	for (i = 0; i < f->addrs.n; i++)
		wr_json_push(list, encode_addr(&f->addrs.v[i]));
	return list;
}

static const char *via_name(const struct wr_node_entry *e)
{
	const struct wr_nexthop *nh =
		&e->nexthop[wr_addr_is_zero(&e->facts.addr[WR_V4]) ? WR_V6 : WR_V4];

	switch (nh->kind) {
	case WR_NH_NEIGH:
	case WR_NH_ROUTE:
		return "direct";
	case WR_NH_TUNNEL:
		return "vxlan";
	default:
		return "none";
	}
}

/* Backends in the maps carry these numbers; a node that no slice names has none. */
static void add_number(struct wr_json *j, const char *key, uint32_t number)
{
	if (number)
		wr_json_add_int(j, key, number);
}

static struct wr_json *encode_node(const struct wr_agent *a, const char *name,
				   const struct wr_node_facts *f)
{
	const struct wr_node *node =
		(const struct wr_node *)wr_store_get(a->store, WR_KIND_NODE, "", name);
	struct wr_json *j = wr_json_new_object();

	wr_json_add_str(j, "name", name);
	wr_json_add(j, "addresses", encode_addrs(f));
	wr_json_add(j, "pod_cidrs", encode_ranges(f));
	add_number(j, "number", wr_services_node_number(a, name));
	if (node && node->zone) {
		wr_json_add_str(j, "zone", node->zone);
		add_number(j, "zone_number", wr_services_zone_number(a, node->zone));
	}
	return j;
}

struct wr_json *wr_nodes_encode(const struct wr_agent *a)
{
	const struct wr_nodes *n = a->nodes;
	struct wr_json *list = wr_json_new_array(), *self = encode_node(a, a->config->node, &n->own);
	size_t i;

	wr_json_add_str(self, "via", "self");
	wr_json_push(list, self);
	for (i = 0; i < n->table.by_number.n; i++) {
		const struct wr_node_entry *e = n->table.by_number.v[i];
		struct wr_json *j;

		if (!e)
			continue;
		j = encode_node(a, e->name, &e->facts);
		wr_json_add_str(j, "via", via_name(e));
		wr_json_push(list, j);
	}
	return list;
}

static int add_pod(void *ctx, struct wr_object *o)
{
	const struct wr_pod *pod = (const struct wr_pod *)o;
	struct wr_json *j = wr_json_new_object(), *addrs = wr_json_new_array();

	if (!wr_addr_is_zero(&pod->addr4))
		wr_json_push(addrs, encode_addr(&pod->addr4));
	if (!wr_addr_is_zero(&pod->addr6))
		wr_json_push(addrs, encode_addr(&pod->addr6));
	wr_json_add_str(j, "namespace", o->ns);
	wr_json_add_str(j, "name", o->name);
	wr_json_add(j, "addresses", addrs);
	if (pod->node_name)
		wr_json_add_str(j, "node", pod->node_name);
	wr_json_push(ctx, j);
	return 0;
}

struct wr_json *wr_pods_encode(const struct wr_agent *a)
{
	struct wr_json *list = wr_json_new_array();

	wr_store_each(a->store, WR_KIND_POD, add_pod, list);
	return list;
}

static struct wr_json *encode_uplinks(const struct wr_agent *a)
{
	const struct wr_uplinks *u = wr_nodes_uplinks(a);
	struct wr_json *list = wr_json_new_array();
	size_t i;

	for (i = 0; i < u->v.n; i++) {
		struct wr_json *j = wr_json_new_object();

		wr_json_add_str(j, "name", u->v.v[i].name);
		wr_json_add_int(j, "mtu", u->v.v[i].mtu);
		wr_json_add_bool(j, "up", u->v.v[i].up);
		wr_json_push(list, j);
	}
	return list;
}

static struct wr_json *encode_needs(const struct wr_agent *a)
{
	struct wr_json *list = wr_json_new_array();
	int i;

	for (i = 0; i < WR_NEED_MAX; i++) {
		struct wr_json *j = wr_json_new_object();

		wr_json_add_str(j, "name", wr_need_name((enum wr_need)i));
		if (a->health.reasons[i])
			wr_json_add_str(j, "reason", a->health.reasons[i]);
		wr_json_push(list, j);
	}
	return list;
}

static struct wr_json *encode_kinds(const struct wr_agent *a)
{
	struct wr_json *list = wr_json_new_array();
	int i;

	for (i = 0; i < WR_KIND_MAX; i++) {
		struct wr_json *j = wr_json_new_object();

		wr_json_add_str(j, "kind", wr_kind_name((enum wr_kind)i));
		wr_json_add_int(j, "count", (int64_t)wr_store_count(a->store, (enum wr_kind)i));
		wr_json_add_bool(j, "synced", wr_store_is_synced(a->store, (enum wr_kind)i));
		wr_json_push(list, j);
	}
	return list;
}

static struct wr_json *encode_reconcilers(const struct wr_agent *a)
{
	struct wr_json *list = wr_json_new_array();
	int i;

	for (i = 0; i < WR_RECONCILE_MAX; i++) {
		const struct wr_reconcile_state *s = &a->reconciling.states[i];
		struct wr_json *j = wr_json_new_object();

		wr_json_add_str(j, "name", wr_reconciler_name((enum wr_reconciler)i));
		wr_json_add_int(j, "runs", (int64_t)s->runs);
		wr_json_add_int(j, "failures", (int64_t)s->failures);
		wr_json_add_bool(j, "failing", s->backoff_ms != 0);
		if (s->backoff_ms)
			wr_json_add_str(j, "error", s->last.msg);
		wr_json_push(list, j);
	}
	return list;
}

/* In every family that the node has. */
static bool has_tunnels(const struct wr_node_entry *e)
{
	int f;

	for (f = 0; f < WR_FAMILIES; f++)
		if (!wr_addr_is_zero(&e->facts.addr[f]) && !e->nexthop[f].tunnel_mtu)
			return false;
	return true;
}

static struct wr_json *encode_routing(const struct wr_agent *a)
{
	static const char *const modes[] = { "auto", "direct", "vxlan" };
	const struct wr_node_table *t = &a->nodes->table;
	struct wr_json *j = wr_json_new_object();
	int64_t direct = 0, tunnel = 0;
	size_t i;

	for (i = 0; i < t->by_number.n; i++) {
		if (!t->by_number.v[i])
			continue;
		direct += wr_streq(via_name(t->by_number.v[i]), "direct");
		tunnel += wr_streq(via_name(t->by_number.v[i]), "vxlan");
	}
	wr_json_add_str(j, "mode", modes[a->config->routing]);
	wr_json_add_int(j, "direct", direct);
	wr_json_add_int(j, "vxlan", tunnel);
	return j;
}

/* Who answers clients outside: as asked for, and towards how many of the other nodes that is so. */
static struct wr_json *encode_load_balancing(const struct wr_agent *a)
{
	const struct wr_node_table *t = &a->nodes->table;
	struct wr_json *j = wr_json_new_object();
	int64_t direct = 0, masqueraded = 0;
	size_t i;

	for (i = 0; i < t->by_number.n; i++) {
		const struct wr_node_entry *e = t->by_number.v[i];

		if (!e)
			continue;
		if (wr_nodes_wants_dsr(a->config) && has_tunnels(e))
			direct++;
		else
			masqueraded++;
	}
	wr_json_add_str(j, "mode", a->config->lb_mode == WR_LB_MODE_DSR ? "dsr" : "snat");
	wr_json_add_int(j, "dsr", direct);
	wr_json_add_int(j, "snat", masqueraded);
	return j;
}

/* What somebody may count on and Weir does not do (yet, or as configured). */
static struct wr_json *encode_not_enforced(const struct wr_agent *a)
{
	struct wr_json *list = wr_json_new_array();

	if (a->config->lb_mode == WR_LB_MODE_DSR && !wr_nodes_wants_dsr(a->config))
		wr_json_push(list, wr_json_new_str("loadBalancerMode dsr (it needs the tunnel; routing "
						   "is direct): clients outside get snat"));
	wr_json_push(list,
		     wr_json_new_str(
			     "bandwidth limits of pods (not declared in the CNI configuration)"));
	return list;
}

static void add_datapath(const struct wr_agent *a, struct wr_json *j)
{
	const struct wr_nodes *n = a->nodes;

	wr_json_add_str(j, "pins", a->paths.pins);
	wr_json_add_bool(j, "tcx", wr_dp_has_tcx(a->dp));
	wr_json_add_str(j, "cgroup_root", a->cgroup_root);
	wr_json_add(j, "routing", encode_routing(a));
	wr_json_add(j, "load_balancing", encode_load_balancing(a));
	wr_json_add_int(j, "mtu", n->pod_mtu);
	wr_json_add_bool(j, "masquerade", a->config->masquerade);
	wr_json_add_bool(j, "flow_events", a->config->flow_events);
	wr_json_add_int(j, "drop_sample", a->config->drop_sample);
	wr_json_add(j, "masquerade4", encode_addr(&n->masq[WR_V4]));
	wr_json_add(j, "masquerade6", encode_addr(&n->masq[WR_V6]));
	wr_json_add(j, "uplinks", encode_uplinks(a));
}

static void warn_of_policies(const struct wr_agent *a, struct wr_json *list)
{
	size_t n = wr_policies_counts(a).not_understood;
	wr_auto_strbuf text = WR_STRBUF_INIT;

	if (!n)
		return;
	wr_strbuf_addf(&text,
		       "%zu polic%s not understood in full, and closed there (weir policy says where)",
		       n, n == 1 ? "y is" : "ies are");
	wr_json_push(list, wr_json_new_str(text.buf));
}

struct wr_json *wr_status_encode(const struct wr_agent *a)
{
	struct wr_json *j = wr_json_new_object(), *warnings = wr_others_encode(a);
	wr_auto_strbuf why = WR_STRBUF_INIT;

	wr_health_reason(&a->health, &why);
	wr_json_add_str(j, "version", WR_VERSION);
	wr_json_add_str(j, "instance", a->paths.instance);
	wr_json_add_str(j, "node", a->config->node);
	wr_json_add_int(j, "pid", getpid());
	wr_json_add_int(j, "started_ms", (int64_t)(wr_real_ms() - (wr_now_ms() - a->started_ms)));
	wr_json_add_bool(j, "ready", wr_health_is_ready(&a->health));
	wr_json_add_str(j, "reason", why.buf);
	wr_json_add(j, "needs", encode_needs(a));
	wr_json_add(j, "pod_cidrs", encode_ranges(wr_nodes_own(a)));
	wr_json_add_int(j, "endpoints", (int64_t)wr_endpoints_count(a));
	add_datapath(a, j);
	wr_json_add(j, "sources", wr_source_encode(a));
	wr_json_add(j, "kinds", encode_kinds(a));
	wr_json_add(j, "reconcilers", encode_reconcilers(a));
	wr_json_add(j, "not_enforced", encode_not_enforced(a));
	warn_of_policies(a, warnings);
	wr_domains_warn(a, warnings);
	wr_json_add(j, "warnings", warnings);
	return j;
}
