/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the endpoints reconciler share. */
#ifndef WR_AGENT_ENDPOINTS_PRIVATE_H
#define WR_AGENT_ENDPOINTS_PRIVATE_H

#include "agent/agent.h"
#include "agent/endpoints.h"
#include "bpf/abi/endpoint.h"
#include "lib/base/hmap.h"
#include "lib/base/vec.h"
#include "lib/model/records.h"
#include "lib/nl/nl.h"

/* A client that waits for its endpoint to be enforced. */
struct wr_endpoint_waiter {
	struct wr_endpoint_waiter *next;
	struct wr_ep *ep;
	struct wr_client *client;
	uint64_t since_ms;
	bool asked; /* for the Pod object, which the watch has not brought */
};

struct wr_ep {
	struct wr_hnode node; /* by key */
	char key[17];
	struct wr_endpoint_record record;
	uint32_t number; /* 0: none yet */
	bool dirty, enforced;
	uint64_t dead_since_ms; /* interface or namespace missing; 0: alive */
	struct wr_endpoint_waiter *waiters;
};

struct wr_endpoints {
	struct wr_agent *agent;
	struct wr_nl nl;
	struct wr_hmap by_key;
	WR_VEC(struct wr_ep *) by_number; /* NULL: free; wr_ep_unclaimed: in the kernel, and no record has taken it */
	WR_VEC(struct wr_ep *) dirty;
	bool peers_synced;
	uint32_t size, next_number;
	struct wr_io tombs_io; /* inotify */
	int tombs_fd;
	struct wr_timer gc;
	struct wr_endpoint_counts counts;
};

extern struct wr_ep wr_ep_unclaimed;

struct wr_ep *wr_ep_find(const struct wr_endpoints *all, const struct wr_attachment *id);
/* Takes the record's content (the struct is emptied) into a new or the existing entry, and makes it due. */
struct wr_ep *wr_ep_put(struct wr_endpoints *all, struct wr_endpoint_record *record);
/* Out of the datapath and out of memory; waiting clients are told why. -errno: the datapath refused, nothing changed. */
int wr_ep_remove(struct wr_endpoints *all, struct wr_ep *ep, const char *why, struct wr_err *err);
/* Memory only; nobody waits for it any more. */
void wr_ep_free(struct wr_endpoints *all, struct wr_ep *ep);

/* endpoint_apply.c */
int wr_ep_apply(struct wr_endpoints *all, struct wr_ep *ep, struct wr_err *err);
int wr_ep_withdraw(struct wr_endpoints *all, struct wr_ep *ep, struct wr_err *err);
int wr_ep_check(struct wr_endpoints *all, const struct wr_ep *ep,
		const struct wr_endpoint_record *want, struct wr_err *err);
void wr_ep_adopt_number(struct wr_endpoints *all, struct wr_ep *ep, uint32_t number);

/* endpoint_gc.c */
void wr_endpoints_take_tombstones(struct wr_endpoints *all);
void wr_endpoints_collect(struct wr_timer *t);

#endif
