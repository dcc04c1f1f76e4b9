/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reconciler of policies: what the compiler (agent/policy) says, in force. Endpoints are closed from their first row
 * on until this has spoken of them; an ADD is answered after that.
 *
 * The meaning of identity numbers is kept in <state>/identities, a number and a hash a line, so that a restart gives the same
 * numbers and no address moves.
 */
#ifndef WR_AGENT_POLICIES_H
#define WR_AGENT_POLICIES_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/policy/policy.h"
#include "lib/base/err.h"
#include "lib/json/json.h"
#include "lib/model/endpoint.h"

struct wr_agent;
struct wr_policies;

int wr_policies_start(struct wr_agent *a, struct wr_err *err);
void wr_policies_stop(struct wr_agent *a);
int wr_policies_reconcile(struct wr_agent *a, bool full, struct wr_err *err);

/* An endpoint has its row, or has lost it. */
void wr_policies_put_endpoint(struct wr_agent *a, uint32_t number,
			      const struct wr_endpoint_record *r);
void wr_policies_del_endpoint(struct wr_agent *a, uint32_t number);
/*
 * 0: what policy says of the endpoint (a pod of @ns; NULL: of no namespace) is in force. -EAGAIN: not yet, @err says what is
 * missing. -ENOSPC: its rules do not fit.
 */
int wr_policies_check(const struct wr_agent *a, uint32_t number, const char *ns, struct wr_err *err);

/* An ADD has waited a while: the Pod object is asked for, if that is what is missing. */
void wr_policies_ask(struct wr_agent *a, uint32_t number, const struct wr_endpoint_record *r);

/* What the compiler was told is put in force now, and not after this round of the loop. What fails is tried again as ever. */
void wr_policies_settle(struct wr_agent *a);
struct wr_policy *wr_policies_compiled(const struct wr_agent *a);

struct wr_policies_counts {
	struct wr_policy_counts compiled;
	size_t not_understood; /* policies with problems */
	size_t closed_pods;    /* for want of room for their rules */
};
struct wr_policies_counts wr_policies_counts(const struct wr_agent *a);

/* What a rule's number stands for; NULL: nothing in force. */
const char *wr_policies_rule_text(const struct wr_agent *a, uint32_t rule);
/* "get policies", and the verb "why". */
struct wr_json *wr_policies_encode(const struct wr_agent *a);
/* The verb "policy-check": {"manifests":TEXT}, as if applied -> the connections that would be cut or opened, and the policies' problems. Takes as long as a
 * first compilation. */
int wr_policies_what_if(const struct wr_agent *a, const struct wr_json *body, struct wr_json **ret,
			struct wr_err *err);
int wr_policies_why(const struct wr_agent *a, const struct wr_json *body, struct wr_json **ret,
		    struct wr_err *err);

#endif
