/* SPDX-License-Identifier: Apache-2.0 */
/* What filters ask for: addresses, given as an address, a prefix, or the name of a pod or node. */
#ifndef WR_CLI_MATCH_H
#define WR_CLI_MATCH_H

#include "cli/names.h"
#include "lib/base/vec.h"

struct wr_match {
	bool given; /* false: everything matches */
	WR_VEC(struct wr_prefix) prefixes;
};

void wr_match_done(struct wr_match *m);
#define wr_auto_match __attribute__((cleanup(wr_match_done))) struct wr_match
/* @text NULL: everything. WR_EXIT_NOT_FOUND: neither an address nor a name that is known here; @flag is named in the error. */
int wr_match_parse(struct wr_cli *cli, const struct wr_names *names, const char *flag,
		   const char *text, struct wr_match *ret, struct wr_err *err);
bool wr_match_has(const struct wr_match *m, const struct wr_addr *addr);

#endif
