/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with policies, for `weir policy` and `weir policy check`. */
#ifndef WR_CLI_PROBLEMS_H
#define WR_CLI_PROBLEMS_H

#include "cli/cli.h"
#include "lib/json/json.h"

/* {"kind","namespace","name","problems":[{"field","what"}]}: a note for each problem. */
void wr_cli_note_problems(const struct wr_cli *cli, const struct wr_json *policy);

#endif
