/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Services in force. Owns the numbers of service records, slots, backends and Maglev tables; keeps the order (backends,
 * slots, record, then the frontend's flip) and the grace period before a number is used again. Adopts what is pinned,
 * so a restarted agent computes a difference and flushes nothing. Cost of a put is the size of that set, never the table.
 *
 * A "set" is one service record: all frontends that share one list of backends, policy and affinity (of one service port:
 * usually one set per family for inside traffic and, when external traffic policy differs, one for outside).
 */
#ifndef WR_DP_SVC_TABLE_H
#define WR_DP_SVC_TABLE_H

#include <stddef.h>

#include "bpf/abi/service.h"
#include "lib/base/err.h"
#include "lib/dp/dp.h"

struct wr_svc_backend {
	struct wr_addr addr;
	__be16 port;
	uint8_t proto;
	bool terminating;
	uint16_t weight; /* 1 unless said */
	uint32_t node, zone;
};

struct wr_svc_set {
	uint64_t key; /* the caller's stable name: hash of (namespace, name, port name, proto, family, scope) */
	uint32_t id; /* wr_service.id: the caller's, shared by all sets of one service port; survives a restart as adopted */
	uint32_t flags;       /* enum wr_service_flags; WR_SVC_MAGLEV makes a table */
	uint32_t affinity;    /* seconds */
	uint64_t maglev_seed; /* hash of the service's name: equal on every node */
	const struct wr_frontend *frontends;
	size_t n_frontends;
	const struct wr_svc_backend *backends; /* those new flows may pick, in a stable order */
	size_t n_backends;
	const struct wr_prefix *src_ranges;
	size_t n_src_ranges;
};

struct wr_svc_table;

/* Reads the pinned tables. Rows found are "unclaimed" until a put names their frontends; wr_svc_table_prune removes the rest. */
int wr_svc_table_open(struct wr_dp *dp, struct wr_svc_table **ret, struct wr_err *err);
void wr_svc_table_close(struct wr_svc_table *t);
/* Puts the set in force; an equal one touches nothing. A frontend that another set holds moves here. Errors (full tables) leave the old set in force.
 * 1: in force, but without the Maglev table that it asks for: there is no room for one. */
int wr_svc_table_put(struct wr_svc_table *t, const struct wr_svc_set *set, struct wr_err *err);
bool wr_svc_table_has_table_room(const struct wr_svc_table *t);
int wr_svc_table_del(struct wr_svc_table *t, uint64_t key);
/*
 * Terminating backends that new flows avoid must stay named while flows use them: backends of no set are freed at once (state
 * FREE, gen raised). So hold them before the put that drops them. Replaces what the set held; n == 0: nothing. @id: the service's,
 * as in its sets.
 */
int wr_svc_table_hold(struct wr_svc_table *t, uint64_t key, uint32_t id,
		      const struct wr_svc_backend *terminating, size_t n);
/* The id of the service that a frontend found at open leads to, while nobody has put that frontend since; 0: none. */
uint32_t wr_svc_table_found(const struct wr_svc_table *t, const struct wr_frontend *fe);
/* After the first complete list: removes every frontend that nobody has put since open. Returns how many. */
int wr_svc_table_prune(struct wr_svc_table *t);
/* Groups many puts into batched map updates: begin, puts, commit. What a batch has written is in force at commit. */
int wr_svc_table_begin(struct wr_svc_table *t);
int wr_svc_table_commit(struct wr_svc_table *t, struct wr_err *err);
/* Gives back numbers whose grace period (a second from the first tick after they were given up; @now_ms, monotonic) has passed.
 * Call about once a second. A put that finds a table full may succeed after the next tick. */
void wr_svc_table_tick(struct wr_svc_table *t, uint64_t now_ms);
struct wr_svc_table_stats {
	uint32_t frontends, sets, slots, backends, slots_size, backends_size;
};
void wr_svc_table_get_stats(const struct wr_svc_table *t, struct wr_svc_table_stats *ret);

/* Reading what is in force, without a table (CLI, tests). */
int wr_frontend_dump(const struct wr_dp *dp,
		     int (*fn)(void *ctx, const struct wr_frontend *fe, const struct wr_service *svc),
		     void *ctx);
int wr_service_slots(const struct wr_dp *dp, const struct wr_service *svc, uint32_t i,
		     uint32_t *ret_backend);
int wr_backend_get(const struct wr_dp *dp, uint32_t number, struct wr_backend *ret);
int wr_backend_picks(const struct wr_dp *dp, uint32_t number, uint64_t *ret); /* new flows sent to it */

#endif
