/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a person should know without looking at the node: a policy that is not understood, a pod range without a free address, a
 * map that is nearly full. Each becomes an Event of the object it is about, once until it is over; without an API, nothing.
 */
#ifndef WR_AGENT_NOTICES_H
#define WR_AGENT_NOTICES_H

#include "lib/base/err.h"

struct wr_agent;

int wr_notices_start(struct wr_agent *a, struct wr_err *err);
void wr_notices_stop(struct wr_agent *a);
/* An Event of this Node; without an API, nothing. */
void wr_notices_node(struct wr_agent *a, const char *reason, const char *message);

#endif
