/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An agent without its process: store, maps, programs that pass everything, reconcilers; in a network namespace of the
 * test's own with an uplink "eth0" (10.30.0.11/24, fd30::b/64, default routes by .1) whose other end is "outside".
 */
#ifndef WR_TESTS_UNIT_AGENT_WORLD_H
#define WR_TESTS_UNIT_AGENT_WORLD_H

#include "agent/agent.h"
#include "agent/obj/store.h"
#include "lib/dp/dp.h"
#include "lib/dp/tables.h"
#include "lib/nl/route.h"

struct agent_world {
	struct wr_agent a;
	struct wr_agent_config config;
	struct wr_nl nl;
	uint32_t eth0;
};

/* cmocka's group fixtures are dp_sandbox_enter and dp_sandbox_leave; these are a test's. *state becomes the world. */
int aw_setup(void **state);
int aw_teardown(void **state);

/* Starts and stops what depends on @config; stop leaves kernel and disk as they are, as a kill does. */
void aw_start(struct agent_world *w);
void aw_stop(struct agent_world *w);
/* Reconciles what is due; fails the test when something fails. */
void aw_run(struct agent_world *w);
void aw_full(struct agent_world *w);
/* Lets the loop turn until @done says so, 5 s at most. */
void aw_wait(struct agent_world *w, bool (*done)(struct agent_world *w));

/* Objects from YAML into the store; a kind is synced only by aw_synced. */
void aw_put(struct agent_world *w, const char *yaml);
void aw_del(struct agent_world *w, enum wr_kind kind, const char *ns, const char *name);
void aw_synced(struct agent_world *w);
/* Node n (10.30.0.N, fd30::N, pod ranges 10.244.N.0/24 and fd00:N::/64). */
void aw_node(struct agent_world *w, int n);

/* The peers' word of an address; 0 when there is no row. */
uint64_t aw_peer(struct agent_world *w, const char *addr);
struct wr_nexthop aw_nexthop(struct agent_world *w, uint32_t number);
/* A route of the main table to exactly this prefix. */
bool aw_route(struct agent_world *w, const char *dst, struct wr_route *ret);

#endif
