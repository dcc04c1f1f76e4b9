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
/* 0: what policy says of the endpoint is in force. -EAGAIN: not yet, @err says what is missing. -ENOSPC: its rules do not fit. */
int wr_policies_check(const struct wr_agent *a, uint32_t number, struct wr_err *err);

/* What a rule's number stands for; NULL: nothing in force. */
const char *wr_policies_rule_text(const struct wr_agent *a, uint32_t rule);
/* "get policies", and the verb "why". */
struct wr_json *wr_policies_encode(const struct wr_agent *a);
int wr_policies_why(const struct wr_agent *a, const struct wr_json *body, struct wr_json **ret,
		    struct wr_err *err);

#endif
