/* SPDX-License-Identifier: Apache-2.0 */
/* /healthz, /readyz and /metrics. A port that is taken is tried again, and no reason not to run. */
#ifndef WR_AGENT_WEB_H
#define WR_AGENT_WEB_H

#include "lib/base/err.h"

struct wr_agent;

int wr_web_start(struct wr_agent *a, struct wr_err *err);
void wr_web_stop(struct wr_agent *a);

#endif
