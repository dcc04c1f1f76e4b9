/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the policies reconciler share. */
#ifndef WR_AGENT_POLICIES_PRIVATE_H
#define WR_AGENT_POLICIES_PRIVATE_H

#include "agent/loop.h"
#include "agent/policies.h"
#include "agent/policy/policy.h"
#include "lib/base/vec.h"

typedef WR_VEC(uint32_t) numbers_vec;

struct wr_policies {
	struct wr_agent *agent;
	struct wr_policy *policy;
	struct wr_timer grace;
	bool applied, pruned, all_pods, host_moved, reach_unsaved, reach_kept;
	uint64_t saved;          /* wr_policy_identities_made, of what is on disk */
	numbers_vec overflowing; /* endpoints that are closed, since their rules do not fit */
	struct wr_err first;     /* of the pass under way */
};

/* policies_cache.c: what an agent without its source of objects knows of policies. */
int wr_policies_cache_save(const struct wr_policies *s, struct wr_err *err);
int wr_policies_cache_drop(const struct wr_policies *s);
bool wr_policies_cache_could_select(const struct wr_policies *s, const char *ns);

/* policies_json.c */
/* wr_store_fn; the array @ctx gets an item where the policy has problems. */
int wr_policies_add_problems(void *ctx, struct wr_object *o);

/* policies_report.c */
const wr_problems *wr_policies_problems(const struct wr_object *o);
/* A policy has come or changed: what is not understood of it is said. */
void wr_policies_report(const struct wr_object *o);
/* After a pass: pods that are closed now for want of room, and were not. */
void wr_policies_report_overflow(struct wr_policies *s);

#endif
