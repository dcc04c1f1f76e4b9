/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this node last knew of itself (<state>/node.json): pod ranges and addresses, so that an agent that starts while the source
 * of objects is away goes on serving.
 */
#ifndef WR_AGENT_NODE_CACHE_H
#define WR_AGENT_NODE_CACHE_H

#include "agent/node_table.h"

/* -ENOENT: nothing is known, or it was of a node of another name. @ret is untouched on failure. */
int wr_node_cache_load(const char *state_dir, const char *node, struct wr_node_facts *ret,
		       struct wr_err *err);
int wr_node_cache_save(const char *state_dir, const char *node, const struct wr_node_facts *f,
		       struct wr_err *err);

#endif
