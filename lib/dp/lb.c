/* SPDX-License-Identifier: Apache-2.0 */
/* Asking the programs which backend a flow would take. */
#include <errno.h>

#include "lib/dp/private.h"
#include "lib/dp/tables.h"

int wr_lb_lookup(struct wr_dp *dp, const struct wr_lb_query *q, struct wr_lb_answer *ret)
{
	struct wr_lb_args args = {
		.src = q->src,
		.dst = q->dst,
		.sport = q->sport,
		.dport = q->dport,
		.proto = q->proto,
		.scope = q->scope,
		.flags = q->flags,
	};
	int prog = wr_dp_prog_fd(dp, "lb_lookup");
	uint32_t result;
	int r;

	if (prog < 0)
		return prog;
	r = wr_sys_prog_test(prog, &args, sizeof(args), &result);
	if (r < 0)
		return r;
	if (result)
		return -EIO;
	*ret = (struct wr_lb_answer){
		.reason = args.reason,
		.service = args.service,
		.backend = args.backend,
		.addr = args.addr,
		.port = args.port,
	};
	return 0;
}
