/* SPDX-License-Identifier: Apache-2.0 */
/* An agent's parts around real maps and a real network namespace. */
#include "tests/unit/agent_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/datapath.h"
#include "agent/endpoints.h"
#include "agent/log.h"
#include "agent/nodes.h"
#include "agent/peers.h"
#include "agent/services.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/io.h"
#include "lib/base/str.h"
#include "tests/unit/check.h"
#include "tests/unit/dp_fixture.h"
#include "tests/unit/netlab.h"
#include "tests/unit/objects.h"

#define STATE "/mnt/bpf-agent"

static const char *const programs[] = { "pod_egress",    "pod_ingress",     "uplink_ingress",
					"uplink_egress", "overlay_ingress", "overlay_egress" };

static void add_address(struct agent_world *w, const char *prefix)
{
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	struct wr_naddr a = { .ifindex = w->eth0, .prefix = wr_netlab_prefix(prefix) };

	wr_naddr_put(&b, &a);
	wr_netlab_commit(&w->nl, &b);
}

static void add_default(struct agent_world *w, int family, const char *gateway)
{
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	struct wr_route r = { .dst = wr_route_default(family),
			      .gateway = wr_netlab_addr(gateway),
			      .ifindex = w->eth0 };

	wr_route_put(&b, &r);
	wr_netlab_commit(&w->nl, &b);
}

static void make_maps(void **state)
{
	static const struct {
		enum wr_map map;
		uint32_t size;
	} sizes[] = {
		{ WR_MAP_wr_nexthops, 256 }, { WR_MAP_wr_ep_by_addr, 256 },
		{ WR_MAP_wr_peers, 256 },    { WR_MAP_wr_endpoints, 64 },
		{ WR_MAP_wr_ep_stats, 64 },  { WR_MAP_wr_peer_prefixes, 256 },
	};
	size_t i;

	assert_int_equal(dp_maps_make(state), 0);
	for (i = 0; i < WR_ARRAY_SIZE(sizes); i++)
		dp_map_resize(sizes[i].map, sizes[i].size);
	for (i = 0; i < WR_ARRAY_SIZE(programs); i++)
		close(dp_prog_verdict(programs[i], 0));
}

int aw_setup(void **state)
{
	struct agent_world *w = wr_xcalloc(1, sizeof(*w));

	*state = w;
	wr_log_setup(WR_LOG_ERROR, false);
	make_maps(state);
	if (wr_netlab_setup(state))
		return -1;
	assert_int_equal(wr_remove_tree(STATE), 0);
	w->nl = wr_netlab_socket(-1);
	w->eth0 = wr_netlab_pair(&w->nl, "eth0", "outside");
	add_address(w, "10.30.0.11/24");
	add_address(w, "fd30::b/64");
	add_default(w, AF_INET, "10.30.0.1");
	add_default(w, AF_INET6, "fd30::1");
	wr_config_init(&w->config);
	free(w->config.node);
	w->config.node = wr_xstrdup("n11");
	free(w->config.manifests);
	w->config.manifests = wr_xstrdup("/nowhere");
	return 0;
}

static void start_part(int r, const struct wr_err *err)
{
	if (r)
		fail_msg("%s", err->msg);
}

static void make_overlay(struct agent_world *w)
{
	struct wr_node_facts nobody = { 0 };
	struct wr_err err = WR_ERR_INIT;

	if (w->config.routing != WR_ROUTING_DIRECT)
		start_part(wr_datapath_ensure_vxlan(&w->a, &w->nl, &nobody, 1500,
						    &w->a.vxlan_ifindex, &err),
			   &err);
}

void aw_start(struct agent_world *w)
{
	struct wr_err err = WR_ERR_INIT;

	w->a = (struct wr_agent){ .config = &w->config, .lock_fd = -1, .started_ms = wr_now_ms() };
	wr_copy(w->a.paths.pins, sizeof(w->a.paths.pins), DP_PINS);
	wr_copy(w->a.paths.state, sizeof(w->a.paths.state), STATE);
	assert_int_equal(wr_mkdirs(STATE, 0700), 0);
	assert_int_equal(wr_loop_new(&w->a.loop, NULL), 0);
	wr_health_init(&w->a.health);
	w->a.store = wr_store_new();
	w->a.dp = dp_open();
	make_overlay(w);
	start_part(wr_peers_open(w->a.dp, &w->a.peers, &err), &err);
	start_part(wr_nodes_start(&w->a, &err), &err);
	start_part(wr_services_start(&w->a, &err), &err);
	start_part(wr_endpoints_start(&w->a, &err), &err);
	wr_reconcile_start(&w->a);
}

void aw_stop(struct agent_world *w)
{
	if (!w->a.loop)
		return;
	wr_reconcile_stop(&w->a);
	wr_endpoints_stop(&w->a);
	wr_services_stop(&w->a);
	wr_nodes_stop(&w->a);
	wr_peers_close(w->a.peers);
	wr_dp_close(w->a.dp);
	wr_store_free(w->a.store);
	wr_health_done(&w->a.health);
	wr_loop_free(w->a.loop);
	w->a.loop = NULL;
}

int aw_teardown(void **state)
{
	struct agent_world *w = *state;

	aw_stop(w);
	wr_nl_close(&w->nl);
	wr_config_done(&w->config);
	free(w);
	assert_int_equal(wr_netlab_teardown(state), 0);
	assert_int_equal(wr_remove_tree(STATE), 0);
	return dp_maps_remove(state);
}

void aw_run(struct agent_world *w)
{
	int i;

	wr_reconcile_run(&w->a);
	for (i = 0; i < WR_RECONCILE_MAX; i++)
		if (w->a.reconciling.states[i].backoff_ms)
			fail_msg("reconciler %s failed", wr_reconciler_name((enum wr_reconciler)i));
}

void aw_full(struct agent_world *w)
{
	int i;

	for (i = 0; i < WR_RECONCILE_MAX; i++)
		wr_reconcile_due(&w->a, (enum wr_reconciler)i, true);
	aw_run(w);
}

void aw_wait(struct agent_world *w, bool (*done)(struct agent_world *w))
{
	uint64_t end = wr_now_ms() + 5000;

	while (!done(w)) {
		assert_true(wr_now_ms() < end);
		assert_int_equal(wr_loop_once(w->a.loop, 20), 0);
		aw_run(w);
	}
}

void aw_put(struct agent_world *w, const char *yaml)
{
	wr_store_put(w->a.store, obj_strict(yaml));
}

void aw_del(struct agent_world *w, enum wr_kind kind, const char *ns, const char *name)
{
	wr_store_del(w->a.store, kind, ns, name);
}

/* A relist would take away what it does not name; the first "synced" without "begin" only says that the list is complete. */
void aw_synced(struct agent_world *w)
{
	int i;

	for (i = 0; i < WR_KIND_MAX; i++)
		wr_store_synced(w->a.store, (enum wr_kind)i);
}

void aw_node(struct agent_world *w, int n)
{
	char yaml[512];

	snprintf(yaml, sizeof(yaml),
		 "{apiVersion: v1, kind: Node, metadata: {name: n%d}, "
		 "spec: {podCIDRs: [10.244.%d.0/24, \"fd00:%d::/64\"]}, status: {addresses: ["
		 "{type: InternalIP, address: 10.30.0.%d}, {type: InternalIP, address: \"fd30::%x\"}]}}",
		 n, n, n, n, (unsigned int)n);
	aw_put(w, yaml);
}

uint64_t aw_peer(struct agent_world *w, const char *addr)
{
	struct wr_addr a = wr_netlab_addr(addr);
	uint64_t word = 0;

	return wr_peer_lookup(w->a.dp, &a, &word) ? 0 : word;
}

struct wr_nexthop aw_nexthop(struct agent_world *w, uint32_t number)
{
	struct wr_nexthop nh;

	assert_int_equal(wr_nexthop_get(w->a.dp, number, &nh), 0);
	return nh;
}

bool aw_route(struct agent_world *w, const char *dst, struct wr_route *ret)
{
	struct wr_prefix want = wr_netlab_prefix(dst);
	struct wr_route_filter filter = { .family = wr_addr_family(&want.addr),
					  .table = RT_TABLE_MAIN };
	wr_auto_routes all = { 0 };
	size_t i;

	assert_int_equal(wr_route_dump(&w->nl, &filter, &all), 0);
	for (i = 0; i < all.v.n; i++) {
		if (!wr_prefix_eq(&all.v.v[i].dst, &want))
			continue;
		*ret = all.v.v[i];
		return true;
	}
	return false;
}
