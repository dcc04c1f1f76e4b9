/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What else does a network's work on this node, as while it moves to Weir or away from it: rules of kube-proxy, which translate
 * what Weir has translated already, and running pods that another network has made, which Weir neither protects nor serves
 * host ports for. Looked for all the time, said in `weir status`, the log and Events of the Node.
 */
#ifndef WR_AGENT_OTHERS_H
#define WR_AGENT_OTHERS_H

#include "lib/base/err.h"
#include "lib/json/json.h"
#include "lib/wire/wire.h"

struct wr_agent;

int wr_others_start(struct wr_agent *a, struct wr_err *err);
void wr_others_stop(struct wr_agent *a);
/* Adds the addresses of such pods: what an ADD must not give to another. */
void wr_others_taken(const struct wr_agent *a, struct wr_hello *h);
/* Sentences, none when Weir is alone. */
struct wr_json *wr_others_encode(const struct wr_agent *a);

#endif
