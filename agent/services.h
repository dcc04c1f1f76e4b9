/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reconciler of services: what agent/svc makes of the objects goes into force by lib/dp/svc_table. One changed slice
 * costs one service. Until Services and EndpointSlices have been listed completely, what an earlier run has put in force
 * stays as it is (a service whose slices are not known yet would lose its backends); new services are added at once.
 */
#ifndef WR_AGENT_SERVICES_H
#define WR_AGENT_SERVICES_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/dp/svc_table.h"
#include "lib/json/json.h"
#include "lib/model/endpoint.h"

struct wr_agent;
struct wr_services;

int wr_services_start(struct wr_agent *a, struct wr_err *err);
void wr_services_stop(struct wr_agent *a);
int wr_services_reconcile(struct wr_agent *a, bool full, struct wr_err *err);

/* The node's addresses may have changed. */
void wr_services_addresses_changed(struct wr_agent *a);
/* Host ports of an attachment; @record NULL: it is gone. */
void wr_services_host_ports(struct wr_agent *a, const char *key,
			    const struct wr_endpoint_record *record);

/* For people: an item for each service port, and for each service of which something was left out. */
struct wr_json *wr_services_encode(const struct wr_agent *a);
/* The numbers that backends carry in the maps; 0: none. */
uint32_t wr_services_node_number(const struct wr_agent *a, const char *name);
uint32_t wr_services_zone_number(const struct wr_agent *a, const char *name);

struct wr_service_counts {
	struct wr_svc_table_stats table;
	uint64_t built, failed, waiting; /* waiting: not put in force (yet) */
};
struct wr_service_counts wr_services_counts(const struct wr_agent *a);

#endif
