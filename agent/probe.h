/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding out whether packets with pod addresses reach another node directly. Cloud fabrics drop sources they do not know even
 * between neighbours, so a route is no proof; a packet that arrived is.
 *
 * A query is one UDP datagram from an address of this node's pod range (never given to a pod) to the other node's address;
 * that node's agent answers from its address to this node's, with the query's random number. Both use the same port.
 * Through the tunnel the same query asks whether that works, though packets with pod addresses do without it (direct server return).
 * Payload: "WRPB", version 1, type (1 query, 2 answer), two zero bytes, 8 bytes of the number.
 */
#ifndef WR_AGENT_PROBE_H
#define WR_AGENT_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/loop.h"
#include "lib/base/addr.h"

#define WR_PROBE_SIZE       16
#define WR_PROBE_FAST_MS    1000 /* until proven, for the first tries */
#define WR_PROBE_SLOW_MS    10000
#define WR_PROBE_FAST_TRIES 10
#define WR_PROBE_MISSES_MAX 3 /* in a row, and what was proven is so no more */

enum wr_probe_type {
	WR_PROBE_QUERY = 1,
	WR_PROBE_ANSWER,
};

/* The way through a tunnel device that takes its keys from programs: those of the device at the other end and of ours. */
struct wr_probe_tunnel {
	uint32_t ifindex; /* 0: not through a tunnel */
	uint8_t mac[6], own_mac[6];
};

/* One node and family; lives in the caller's struct. */
struct wr_probe_target {
	struct wr_probe_target *prev, *next;
	bool active;
	bool proven;
	struct wr_addr addr;
	struct wr_probe_tunnel tunnel;
	uint64_t number; /* of the query under way; 0: none */
	uint64_t next_ms;
	uint32_t tries, misses;
};

struct wr_probe;

struct wr_probe_events {
	/* target->proven has changed. */
	void (*changed)(void *ctx, struct wr_probe_target *t);
	/* The address of the node that owns the pod range of @source, of the same family. false: nobody's. */
	bool (*owner)(void *ctx, const struct wr_addr *source, struct wr_addr *ret);
	void *ctx;
};

struct wr_probe *wr_probe_new(struct wr_loop *loop, uint16_t port,
			      const struct wr_probe_events *events);
void wr_probe_free(struct wr_probe *p);
/* Where answers and queries come from, for one family (0: IPv4, 1: IPv6); either zero: this family neither asks nor answers. */
int wr_probe_set_local(struct wr_probe *p, int family, const struct wr_addr *node,
		       const struct wr_addr *pod_source);
/* Begins with a query at once. A target that is active with the same address goes on as it is. */
void wr_probe_start(struct wr_probe *p, struct wr_probe_target *t, const struct wr_addr *addr);
/* The same through the tunnel. @mark: with which packets of ours pass the programs. */
void wr_probe_start_tunnel(struct wr_probe *p, struct wr_probe_target *t, const struct wr_addr *addr,
			   const struct wr_probe_tunnel *tunnel, uint32_t mark);
void wr_probe_stop(struct wr_probe *p, struct wr_probe_target *t);

/* The payload, for tests. */
void wr_probe_encode(enum wr_probe_type type, uint64_t number, uint8_t ret[WR_PROBE_SIZE]);
bool wr_probe_decode(const uint8_t *data, size_t size, enum wr_probe_type *ret_type,
		     uint64_t *ret_number);

#endif
