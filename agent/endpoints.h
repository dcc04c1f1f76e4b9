/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reconciler of endpoints: the attachments that the plugin has recorded on disk and registered, as numbered rows of the
 * datapath. Numbers outlive the agent: they are found again by what the rows hold.
 *
 * What is gone is collected by the agent itself (containerd never calls GC): an attachment whose interface or
 * namespace is missing, and no ADD is under way for it. A Pod missing from the API never frees an address.
 */
#ifndef WR_AGENT_ENDPOINTS_H
#define WR_AGENT_ENDPOINTS_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/server.h"
#include "lib/base/err.h"
#include "lib/json/json.h"
#include "lib/model/endpoint.h"

struct wr_agent;
struct wr_endpoints;

int wr_endpoints_start(struct wr_agent *a, struct wr_err *err);
void wr_endpoints_stop(struct wr_agent *a);
int wr_endpoints_reconcile(struct wr_agent *a, bool full, struct wr_err *err);

/* Answers the plugins whose endpoints are enforced; those that have waited too long are told what is missing. */
void wr_endpoints_answer(struct wr_agent *a);

/* Verbs. */
int wr_endpoints_register(struct wr_agent *a, struct wr_client *c, const struct wr_json *body,
			  struct wr_err *err);
int wr_endpoints_release(struct wr_agent *a, const struct wr_json *body, struct wr_err *err);
int wr_endpoints_check(struct wr_agent *a, const struct wr_json *body, struct wr_err *err);
int wr_endpoints_gc(struct wr_agent *a, const struct wr_json *body, uint32_t *ret_removed,
		    struct wr_err *err);

/* What is in force. */
struct wr_endpoint_view {
	const struct wr_endpoint_record *record;
	uint32_t number;
	bool enforced;
};
int wr_endpoints_each(const struct wr_agent *a,
		      int (*fn)(void *ctx, const struct wr_endpoint_view *v), void *ctx);
/* false: no endpoint of that number, or its pod has no name. Borrowed. */
bool wr_endpoints_pod_name(const struct wr_agent *a, uint32_t number, const char **ret_ns,
			   const char **ret_name);
size_t wr_endpoints_count(const struct wr_agent *a);
struct wr_json *wr_endpoints_encode(const struct wr_agent *a);

struct wr_endpoint_counts {
	uint64_t registered, released, collected, failed;
	uint32_t bad_records;
};
struct wr_endpoint_counts wr_endpoints_counts(const struct wr_agent *a);

#endif
