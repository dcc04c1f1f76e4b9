/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metrics in Prometheus' text format. One table (metrics.c) has every metric's name, type, label, help and how it is
 * collected; docs/metrics.md is made from it. No labels with pods, addresses or other things without bound.
 */
#ifndef WR_AGENT_METRICS_H
#define WR_AGENT_METRICS_H

#include "lib/base/strbuf.h"

struct wr_agent;

/* Everything now. */
void wr_metrics_write(const struct wr_agent *a, struct wr_strbuf *out);
/* docs/metrics.md. */
void wr_metrics_document(struct wr_strbuf *out);

#endif
