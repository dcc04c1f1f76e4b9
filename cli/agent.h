/* SPDX-License-Identifier: Apache-2.0 */
/* What only the agent knows. */
#ifndef WR_CLI_AGENT_H
#define WR_CLI_AGENT_H

#include "cli/cli.h"
#include "lib/json/json.h"

/* Whether the agent answers; connects at the first call. When it does not, *ret_why (may be NULL) says why in @err. */
bool wr_agent_is_there(struct wr_cli *cli, struct wr_err *why);
/*
 * The verb "get". -ENOTCONN: the agent is away; the first time one line on stderr says so, for a command goes on with what
 * the maps hold. -EOPNOTSUPP and others: the agent's own answer.
 */
int wr_agent_get(struct wr_cli *cli, const char *what, struct wr_json **ret, struct wr_err *err);
/* Any verb, without a word when the agent is away. */
int wr_agent_call(struct wr_cli *cli, const char *verb, struct wr_json *body /* taken */,
		  struct wr_json **ret, struct wr_err *err);

/*
 * Whether interface numbers of the datapath mean something here: the agent lives in our network namespace. An agent that
 * is away is taken to.
 */
bool wr_agent_shares_netns(const struct wr_cli *cli);

#endif
