/* SPDX-License-Identifier: Apache-2.0 */
/* Events of the datapath, as `weir monitor` and `weir drops --recent` show them. */
#ifndef WR_CLI_EVENT_H
#define WR_CLI_EVENT_H

#include "cli/match.h"
#include "cli/names.h"
#include "lib/json/json.h"

/* @wire: the agent's form of an event (agent/events.h). The result is flat and carries names. */
struct wr_json *wr_event_item(const struct wr_names *names, const struct wr_json *wire);
enum wr_event_flags {
	WR_EVENT_COLOUR = 1 << 0, /* for terminals */
	WR_EVENT_DATE = 1 << 1,   /* the day too */
};

/* One line for people, at most @width columns (60 or more) unless that is 0. */
void wr_event_format(const struct wr_json *item, size_t width, unsigned int flags,
		     struct wr_strbuf *out);
/* An item as a line of JSON or for people. */
void wr_event_write(struct wr_cli *cli, const struct wr_json *item, unsigned int flags);

#endif
