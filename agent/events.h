/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events of the datapath: read from the ring buffer, the newest drops kept for `weir drops`, all of them sent to whoever
 * monitors. A monitor that reads slowly loses events, and is told how many.
 */
#ifndef WR_AGENT_EVENTS_H
#define WR_AGENT_EVENTS_H

#include <stdint.h>

#include "agent/server.h"
#include "bpf/abi/event.h"
#include "lib/base/err.h"
#include "lib/json/json.h"

#define WR_EVENTS_KEPT 512 /* drops */

struct wr_agent;
struct wr_event_hub;

int wr_event_hub_start(struct wr_agent *a, struct wr_err *err);
void wr_event_hub_stop(struct wr_agent *a);

/* The verb "monitor": body {"types":["drop",...]}, absent: all. One message for each event, a member "lost" where some are
 * missing before it. */
int wr_event_hub_monitor(struct wr_agent *a, struct wr_client *c, const struct wr_json *body,
			 struct wr_err *err);
/* The kept drops themselves, oldest first. */
void wr_event_hub_each(const struct wr_agent *a, void (*fn)(void *ctx, const struct wr_event *e),
		       void *ctx);
/* The kept drops, oldest first, as an array. */
struct wr_json *wr_event_hub_drops(const struct wr_agent *a);

struct wr_event_counts {
	uint64_t read, lost, malformed; /* lost: monitors were too slow */
	uint32_t monitors;
};
struct wr_event_counts wr_event_hub_counts(const struct wr_agent *a);

/* One event as JSON. Pod names come from the endpoints when @a is given (it may be NULL). @real_ms and @boot_ns: now. */
struct wr_json *wr_event_encode(const struct wr_agent *a, const struct wr_event *e,
				uint64_t real_ms, uint64_t boot_ns);
const char *wr_event_type_name(uint32_t type); /* "drop"; NULL: unknown */
const char *wr_hook_name(uint32_t hook);       /* "pod-egress"; "unknown" */

#endif
