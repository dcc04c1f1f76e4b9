/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the policies reconciler share. */
#ifndef WR_AGENT_POLICIES_PRIVATE_H
#define WR_AGENT_POLICIES_PRIVATE_H

#include "agent/loop.h"
#include "agent/policies.h"
#include "agent/policy/policy.h"

struct wr_policies {
	struct wr_agent *agent;
	struct wr_policy *policy;
	struct wr_timer grace;
	bool applied, pruned, all_pods, host_moved;
	struct wr_err first; /* of the pass under way */
};

#endif
