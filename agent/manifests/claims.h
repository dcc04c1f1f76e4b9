/* SPDX-License-Identifier: Apache-2.0 */
/* Whose an object is: each belongs to the file that named it first. */
#ifndef WR_AGENT_MANIFESTS_CLAIMS_H
#define WR_AGENT_MANIFESTS_CLAIMS_H

#include "agent/obj/object.h"

struct wr_claim {
	struct wr_hnode node;
	enum wr_kind kind;
	wr_istr ns;
	char *name;
	const void *owner; /* NULL: given up, to be taken or deleted */
	bool kept;         /* the owner's new content has it too */
};

struct wr_claims {
	struct wr_hmap map;
	WR_VEC(struct wr_claim *) given_up; /* some may have found an owner since */
};

struct wr_claim *wr_claim_find(const struct wr_claims *c,
			       const struct wr_object *o); /* NULL: nobody has named it */
struct wr_claim *wr_claim_new(struct wr_claims *c, const struct wr_object *o, const void *owner);
/* The owner does not have it any more. */
void wr_claim_give_up(struct wr_claims *c, struct wr_claim *claim);
/* Calls @fn for what was given up and not taken, and forgets it. */
void wr_claims_settle(struct wr_claims *c, void (*fn)(void *ctx, const struct wr_claim *claim),
		      void *ctx);
void wr_claims_done(struct wr_claims *c);

#endif
