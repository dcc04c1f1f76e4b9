/* SPDX-License-Identifier: Apache-2.0 */
/* What the decoders of both policy kinds share. */
#ifndef WR_AGENT_OBJ_RULES_H
#define WR_AGENT_OBJ_RULES_H

#include "agent/obj/decoder.h"

/* "ingress", "egress" by enum wr_dir, and what the rules call their peers: "from", "to". */
extern const char *const wr_rule_key[WR_DIR_MAX], *const wr_peer_key[WR_DIR_MAX];

/*
 * A label selector, member @key of @j, which must be there. What is not understood matches nothing;
 * false then.
 */
bool wr_selector_decode(struct wr_decoder *d, const struct wr_json *j, const char *key,
			struct wr_selector *ret);
void wr_selector_done(struct wr_selector *s);

void wr_peer_done(struct wr_policy_peer *p);
void wr_rules_done(wr_rules *rules);
void wr_problems_done(wr_problems *p);

/*
 * Makes the object from @head: content is the hash of spec, uid and annotation, since the struct
 * holds heap pointers.
 */
struct wr_object *wr_policy_finish(struct wr_decoder *d, const struct wr_json *j,
				   const struct wr_object *head, size_t size);

#endif
