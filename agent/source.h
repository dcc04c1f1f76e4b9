/* SPDX-License-Identifier: Apache-2.0 */
/* Where objects come from, put into the store and followed: a directory of manifests, or the Kubernetes API (agent/api.h). */
#ifndef WR_AGENT_SOURCE_H
#define WR_AGENT_SOURCE_H

#include <stddef.h>

#include "lib/base/err.h"
#include "lib/json/json.h"

struct wr_agent;
struct wr_source;

int wr_source_start(struct wr_agent *a, struct wr_err *err);
void wr_source_stop(struct wr_agent *a);
/* Files, and how many of them are not in force as they stand. */
void wr_source_count(const struct wr_agent *a, size_t *ret_files, size_t *ret_bad);
/* For "get status": an array, an object for the directory or for each kind of the API. */
struct wr_json *wr_source_encode(const struct wr_agent *a);

#endif
