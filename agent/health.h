/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether an ADD could be served now, and if not, why: a list of needs, each met or with a reason. The socket's "ready",
 * /readyz, the log and sd_notify all read it.
 */
#ifndef WR_AGENT_HEALTH_H
#define WR_AGENT_HEALTH_H

#include <stdbool.h>

#include "lib/base/strbuf.h"

/* X(symbol, name, what is said until the part has looked) */
#define WR_NEEDS(X)                                                               \
	X(DATAPATH, "datapath", "the programs are not loaded yet")                \
	X(NODE, "node", "this node's object has not been read yet")               \
	X(UPLINK, "uplink", "no uplink is attached yet")                          \
	X(ENDPOINTS, "endpoints", "the endpoints on disk have not been read yet") \
	X(SERVICES, "services", "the first list of services is not complete yet") \
	X(STAYING, "staying", "not everything is started yet")

enum wr_need {
#define X(symbol, name, text) WR_NEED_##symbol,
	WR_NEEDS(X)
#undef X
		WR_NEED_MAX,
};

struct wr_health {
	char *reasons[WR_NEED_MAX]; /* NULL: met */
	bool changed;               /* since wr_health_take_change */
};

void wr_health_init(struct wr_health *h);
void wr_health_done(struct wr_health *h);
/* @reason NULL: met. */
void wr_health_set(struct wr_health *h, enum wr_need need, const char *reason);
bool wr_health_is_ready(const struct wr_health *h);
/* "node: ...; uplink: ..."; "" when ready. */
void wr_health_reason(const struct wr_health *h, struct wr_strbuf *out);
/* A line for each need, for /readyz. */
void wr_health_report(const struct wr_health *h, struct wr_strbuf *out);
/* Whether something has changed since the last call. */
bool wr_health_take_change(struct wr_health *h);
const char *wr_need_name(enum wr_need need);

#endif
