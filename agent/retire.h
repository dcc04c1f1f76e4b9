/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leaving a node without cutting a pod off: the previous network's configuration is put back at once, so that new pods are
 * its own; the pods that are there are served until the last is gone; then everything is removed.
 */
#ifndef WR_AGENT_RETIRE_H
#define WR_AGENT_RETIRE_H

#include "agent/config.h"
#include "lib/base/err.h"

struct wr_agent;

/*
 * The whole way, from whatever point an earlier run has reached. Afterwards /healthz and /readyz answer 200 until SIGTERM:
 * /readyz 503 before that says how many pods are left. Returns 0 when a signal ends it, at any point.
 */
int wr_retire(const struct wr_agent_config *config, struct wr_err *err);

/* The part of a running agent; with nothing to do in one that stays. */
int wr_retire_start(struct wr_agent *a, struct wr_err *err);
void wr_retire_stop(struct wr_agent *a);

#endif
