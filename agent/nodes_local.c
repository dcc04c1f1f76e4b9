// SPDX-License-Identifier: Apache-2.0
/* This node: uplinks, overlay device, addresses, pod ranges, sysctls. */
#include <errno.h>
#include <string.h>

#include "agent/datapath.h"
#include "agent/log.h"
#include "agent/node_cache.h"
#include "agent/nodes_private.h"
#include "agent/peers.h"
#include "agent/services.h"
#include "agent/uplinks.h"
#include "lib/base/cleanup.h"
#include "lib/base/str.h"
#include "lib/dp/tables.h"

#define MTU_WITHOUT_UPLINK 1500
#define MTU_MIN            1280

bool wr_nodes_wants_tunnel(const struct wr_nodes *n)
{
	return n->agent->config->routing != WR_ROUTING_DIRECT;
}

bool wr_nodes_wants_dsr(const struct wr_agent_config *c)
{
	return c->lb_mode == WR_LB_MODE_DSR && c->routing != WR_ROUTING_DIRECT;
}

/* Outer IP and UDP, VXLAN, inner Ethernet. */
uint32_t wr_nodes_overhead(const struct wr_addr *outer)
{
	return (wr_addr_is4(outer) ? 20 : 40) + 8 + 8 + 14;
}

bool wr_nodes_is_own(const struct wr_nodes *n, const struct wr_addr *a)
{
	size_t i;

	for (i = 0; i < n->addrs.v.n; i++)
		if (wr_addr_eq(&n->addrs.v.v[i].prefix.addr, a))
			return true;
	return false;
}

static size_t own_addrs(const struct wr_nodes *n, struct wr_addr ret[WR_FAMILIES])
{
	size_t count = 0;
	int f;

	for (f = 0; f < WR_FAMILIES; f++)
		if (!wr_addr_is_zero(&n->own.addr[f]))
			ret[count++] = n->own.addr[f];
	return count;
}

static void report_uplinks(struct wr_nodes *n, const struct wr_uplinks *now)
{
	size_t i;

	if (now->v.n == n->uplinks.v.n &&
	    (!now->v.n || !memcmp(now->v.v, n->uplinks.v.v, now->v.n * sizeof(now->v.v[0]))))
		return;
	for (i = 0; i < now->v.n; i++)
		wr_log(WR_LOG_INFO, "uplink", WR_S("interface", now->v.v[i].name),
		       WR_I("mtu", now->v.v[i].mtu));
}

static int refresh_uplinks(struct wr_nodes *n, struct wr_err *err)
{
	struct wr_agent *a = n->agent;
	struct wr_uplinks now = { 0 };
	struct wr_addr node[WR_FAMILIES];
	int r = wr_uplinks_find(a->config, &n->nl, node, own_addrs(n, node), &now, err);

	if (r)
		return r;
	report_uplinks(n, &now);
	wr_uplinks_done(&n->uplinks);
	n->uplinks = now;
	n->uplink_mtu = wr_uplinks_mtu(&now);
	if (!n->uplink_mtu)
		n->uplink_mtu = MTU_WITHOUT_UPLINK;
	r = wr_uplinks_attach(a, &now, err);
	if (r == 0)
		r = wr_uplinks_loosen_filters(&now, err);
	if (r == 0)
		r = wr_uplinks_put_ways_out(a->dp, &n->nl, &now, err);
	return r;
}

static void set_pod_mtu(struct wr_nodes *n)
{
	uint32_t mtu = n->uplink_mtu;

	/* Dual-stack nodes tunnel IPv6 in IPv6: the larger overhead is what pods must leave room for. */
	if (wr_nodes_wants_tunnel(n))
		mtu -= wr_nodes_overhead(wr_addr_is_zero(&n->own.addr[WR_V6]) ? &n->own.addr[WR_V4] :
										&n->own.addr[WR_V6]);
	if (mtu < MTU_MIN) /* or the kernel takes IPv6 from the interface */
		mtu = MTU_MIN;
	if (n->agent->config->mtu)
		mtu = n->agent->config->mtu;
	if (mtu == n->pod_mtu)
		return;
	wr_log(WR_LOG_INFO, "MTU of pods", WR_I("mtu", mtu), WR_I("uplink", n->uplink_mtu));
	n->pod_mtu = mtu;
	wr_reconcile_due(n->agent, WR_RECONCILE_ENDPOINTS, true); /* those that run follow */
}

/* The programs carry the device's number as a constant: one that was made anew needs them loaded again. */
static int ensure_overlay(struct wr_nodes *n, struct wr_err *err)
{
	uint32_t ifindex = 0;
	int r;

	if (!wr_nodes_wants_tunnel(n))
		return 0;
	r = wr_datapath_ensure_vxlan(n->agent, &n->nl, &n->own, n->uplink_mtu, &ifindex, err);
	if (r)
		return r;
	if (ifindex != n->vxlan_ifindex)
		return wr_err_set(err, -ESTALE,
				  "%s was made anew as interface %u: the agent must start again to use it",
				  WR_VXLAN_IFNAME, ifindex);
	return wr_datapath_attach_overlay(n->agent, ifindex, err);
}

/* Addresses of the node in the endpoint map: what the interfaces say, at once. */
struct addr_diff {
	struct wr_nodes *n;
	WR_VEC(struct wr_addr) gone;
};

static int note_gone(void *ctx, const struct wr_addr *addr, uint32_t number)
{
	struct addr_diff *d = ctx;

	if (number == WR_EP_HOST && !wr_nodes_is_own(d->n, addr))
		wr_vec_push(&d->gone, *addr);
	return 0;
}

static int write_addrs(struct wr_nodes *n, struct wr_err *err)
{
	struct addr_diff d = { .n = n };
	struct wr_dp *dp = n->agent->dp;
	int r = 0;
	size_t i;

	for (i = 0; i < n->addrs.v.n && r == 0; i++)
		r = wr_host_addr_put(dp, &n->addrs.v.v[i].prefix.addr);
	if (r == 0)
		r = wr_ep_addr_dump(dp, note_gone, &d);
	for (i = 0; i < d.gone.n && r == 0; i++)
		r = wr_host_addr_del(dp, &d.gone.v[i]);
	wr_vec_done(&d.gone);
	return r ? wr_err_sys(err, r, "addresses of the node") : 0;
}

static int refresh_addrs(struct wr_nodes *n, struct wr_err *err)
{
	struct wr_naddrs now = { 0 };
	bool changed;
	int r = wr_node_addrs(&n->nl, &now, err);

	if (r)
		return r;
	changed = now.v.n != n->addrs.v.n ||
		  (now.v.n && memcmp(now.v.v, n->addrs.v.v, now.v.n * sizeof(now.v.v[0])) != 0);
	wr_naddrs_done(&n->addrs);
	n->addrs = now;
	if (changed)
		wr_services_addresses_changed(n->agent);
	return write_addrs(n, err);
}

/* What pods leave with: the node's address of the family, else the first global one of an uplink. */
static struct wr_addr masq_addr(const struct wr_nodes *n, enum wr_family f)
{
	size_t i, j;

	if (!n->agent->config->masquerade)
		return (struct wr_addr){ 0 };
	if (wr_nodes_is_own(n, &n->own.addr[f]))
		return n->own.addr[f];
	for (i = 0; i < n->uplinks.v.n; i++)
		for (j = 0; j < n->addrs.v.n; j++) {
			const struct wr_naddr *a = &n->addrs.v.v[j];

			if (a->ifindex == n->uplinks.v.v[i].ifindex &&
			    wr_family_of(&a->prefix.addr) == f)
				return a->prefix.addr;
		}
	return (struct wr_addr){ 0 };
}

static int write_masq(struct wr_nodes *n, struct wr_err *err)
{
	int r;

	n->masq[WR_V4] = masq_addr(n, WR_V4);
	n->masq[WR_V6] = masq_addr(n, WR_V6);
	r = wr_globals_set_masq(n->agent->dp, &n->masq[WR_V4], &n->masq[WR_V6]);
	return r ? wr_err_sys(err, r, "masquerade addresses") : 0;
}

static void drop_own_rows(struct wr_nodes *n)
{
	while (n->own_rows.n) {
		const struct wr_prefix *p = &n->own_rows.v[--n->own_rows.n];

		wr_peers_del_way(n->agent->peers, p);
		wr_peers_del_identity(n->agent->peers, p);
	}
}

static void put_own_row(struct wr_nodes *n, const struct wr_prefix *p, uint32_t flags,
			uint32_t identity)
{
	wr_peers_put_way(n->agent->peers, p, WR_NEXTHOP_STACK, flags);
	wr_peers_put_identity(n->agent->peers, p, identity);
	wr_vec_push(&n->own_rows, *p);
}

static void put_own_rows(struct wr_nodes *n)
{
	size_t i;

	drop_own_rows(n);
	for (i = 0; i < n->own.ranges.n; i++)
		put_own_row(n, &n->own.ranges.v[i], WR_PEER_CLUSTER | WR_PEER_LOCAL_RANGE,
			    WR_IDENTITY_UNKNOWN);
	for (i = 0; i < n->addrs.v.n; i++) {
		struct wr_prefix one = wr_prefix_of(&n->addrs.v.v[i].prefix.addr);

		put_own_row(n, &one, WR_PEER_CLUSTER | WR_PEER_IS_NODE, WR_IDENTITY_HOST);
	}
}

/* Queries leave from an address of the range that is never given to a pod. */
static void set_probe_sources(struct wr_nodes *n)
{
	struct wr_addr source[WR_FAMILIES] = { 0 }, node;
	size_t i;
	int f, r;

	for (i = 0; i < n->own.ranges.n; i++)
		wr_prefix_nth(&n->own.ranges.v[i], 1,
			      &source[wr_family_of(&n->own.ranges.v[i].addr)]);
	for (f = 0; f < WR_FAMILIES; f++) {
		node = wr_nodes_is_own(n, &n->own.addr[f]) ? n->own.addr[f] : (struct wr_addr){ 0 };
		r = wr_probe_set_local(n->probe, f, &node, &source[f]);
		if (r)
			wr_log(WR_LOG_WARN, "no probes for direct routes",
			       WR_S("family", f == WR_V4 ? "IPv4" : "IPv6"),
			       WR_S("error", strerror(-r)));
	}
}

static int set_sysctls(struct wr_nodes *n, struct wr_err *err)
{
	const struct wr_agent_config *c = n->agent->config;
	int r = wr_node_forwarding_ensure(true, true, &n->uplinks, err);

	if (r == 0 && n->vxlan_ifindex)
		r = wr_node_rp_filter_loosen(WR_VXLAN_IFNAME, err);
	if (r == 0)
		r = wr_node_ports_reserve((uint16_t)c->nat_ports.first, (uint16_t)c->nat_ports.last,
					  err);
	return r;
}

static void set_health(struct wr_nodes *n)
{
	wr_auto_strbuf why = WR_STRBUF_INIT;

	if (!n->own_known)
		wr_strbuf_addf(&why, "there is no Node object named %s", n->agent->config->node);
	else if (!n->own.ranges.n)
		wr_strbuf_addf(&why, "the Node object %s has no podCIDRs", n->agent->config->node);
	wr_health_set(&n->agent->health, WR_NEED_NODE, why.len ? why.buf : NULL);
}

static int set_up(struct wr_nodes *n, struct wr_err *err)
{
	int r = refresh_uplinks(n, err);

	if (r)
		return r;
	set_pod_mtu(n);
	r = ensure_overlay(n, err);
	if (r == 0)
		r = refresh_addrs(n, err);
	if (r == 0)
		r = write_masq(n, err);
	return r ? r : set_sysctls(n, err);
}

int wr_nodes_local(struct wr_nodes *n, struct wr_err *err)
{
	struct wr_err why = WR_ERR_INIT;
	int r = set_up(n, &why);

	set_health(n);
	wr_health_set(&n->agent->health, WR_NEED_UPLINK, r ? why.msg : NULL);
	if (r)
		return wr_err_set(err, r, "%s", why.msg);
	put_own_rows(n);
	set_probe_sources(n);
	return 0;
}

static void save_own(struct wr_nodes *n)
{
	struct wr_err err = WR_ERR_INIT;

	if (wr_node_cache_save(n->agent->paths.state, n->agent->config->node, &n->own, &err))
		wr_log(WR_LOG_WARN, "this node's facts could not be kept", WR_E(&err));
}

void wr_nodes_set_own(struct wr_nodes *n, const struct wr_node *node)
{
	struct wr_node_facts now = { 0 };

	if (!node)
		return; /* deleted while we run: pods here go on, and so does what we know */
	wr_node_facts_init(&now, node);
	if (n->own_known && n->own_written && wr_node_facts_eq(&now, &n->own)) {
		wr_node_facts_done(&now);
		return;
	}
	wr_node_facts_done(&n->own);
	n->own = now;
	n->own_known = n->own_written = true;
	save_own(n);
}
