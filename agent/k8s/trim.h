/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cuts out of an object's JSON, in place, what is long and nobody here reads: metadata.managedFields, a third to a half of
 * what the API server sends of a pod. Text that is not JSON stays wrong.
 */
#ifndef WR_AGENT_K8S_TRIM_H
#define WR_AGENT_K8S_TRIM_H

#include <stddef.h>

size_t wr_k8s_trim(char *text, size_t len); /* the new length */

#endif
