/* SPDX-License-Identifier: Apache-2.0 */
/* What the kinds are made by: a row each. */
#ifndef WR_AGENT_OBJ_KINDS_H
#define WR_AGENT_OBJ_KINDS_H

#include "agent/obj/decoder.h"

/*
 * decode: from the whole JSON, with the metadata already in @meta and in the decoder's pack; gives
 * a block in any case (the caller frees it when the decoder has failed). drop: gives back what the
 * object holds besides its block and its metadata.
 */
struct wr_object *wr_node_decode(struct wr_decoder *d, const struct wr_json *j,
				 const struct wr_object *meta);
void wr_node_drop(struct wr_object *o);
struct wr_object *wr_namespace_decode(struct wr_decoder *d, const struct wr_json *j,
				      const struct wr_object *meta);
struct wr_object *wr_pod_decode(struct wr_decoder *d, const struct wr_json *j,
				const struct wr_object *meta);
void wr_pod_drop(struct wr_object *o);
struct wr_object *wr_service_decode(struct wr_decoder *d, const struct wr_json *j,
				    const struct wr_object *meta);
void wr_service_drop(struct wr_object *o);
struct wr_object *wr_slice_decode(struct wr_decoder *d, const struct wr_json *j,
				  const struct wr_object *meta);
void wr_slice_drop(struct wr_object *o);
struct wr_object *wr_netpol_decode(struct wr_decoder *d, const struct wr_json *j,
				   const struct wr_object *meta);
void wr_netpol_drop(struct wr_object *o);
struct wr_object *wr_cnp_decode(struct wr_decoder *d, const struct wr_json *j,
				const struct wr_object *meta);
void wr_cnp_drop(struct wr_object *o);

/* metadata.annotations[@key]; NULL: absent. */
const char *wr_annotation(const struct wr_json *j, const char *key);
bool wr_is_audited(const struct wr_json *j); /* annotation weir.dev/audit: "true" */

#endif
