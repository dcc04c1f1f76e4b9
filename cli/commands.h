/* SPDX-License-Identifier: Apache-2.0 */
/* One for each file cmd_*.c; wr_commands has them in order. */
#ifndef WR_CLI_COMMANDS_H
#define WR_CLI_COMMANDS_H

#include "cli/cli.h"

extern const struct wr_command wr_cmd_status, wr_cmd_nodes, wr_cmd_endpoints, wr_cmd_services,
	wr_cmd_service, wr_cmd_backends, wr_cmd_flows, wr_cmd_drops, wr_cmd_monitor, wr_cmd_ipam,
	wr_cmd_lb_lookup, wr_cmd_policy, wr_cmd_policy_check, wr_cmd_domains, wr_cmd_why,
	wr_cmd_version, wr_cmd_help, wr_cmd_complete;

#endif
