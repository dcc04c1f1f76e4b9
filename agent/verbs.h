/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs of the socket (lib/wire/wire.h says what each means); the context is the struct wr_agent. */
#ifndef WR_AGENT_VERBS_H
#define WR_AGENT_VERBS_H

#include "agent/server.h"
#include "lib/json/json.h"

struct wr_agent;

extern const struct wr_verb wr_agent_verbs[];

/* "get status", and the list of "get pods". */
struct wr_json *wr_status_encode(const struct wr_agent *a);
struct wr_json *wr_pods_encode(const struct wr_agent *a);

#endif
