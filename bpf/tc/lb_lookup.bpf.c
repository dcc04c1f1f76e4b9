/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * On demand: tuple -> selection -> answer. What `weir lb lookup` and the tests run, by BPF_PROG_TEST_RUN: the
 * "packet" is a struct wr_lb_args.
 */
#include "bpf/include/lb.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

static __always_inline void answer(struct wr_lb_args *args, int reason, const struct wr_lb_pick *pick)
{
	args->reason = reason == WR_LB_NO_SERVICE ? WR_REASON_NONE : reason;
	args->service = reason == WR_LB_NO_SERVICE ? 0 : pick->service;
	args->backend = reason ? 0 : pick->backend;
	if (reason)
		return;
	args->addr = pick->addr;
	args->port = pick->port;
}

SEC("tc")
int lb_lookup(struct __sk_buff *skb)
{
	struct wr_lb_args *args = (void *)(long)skb->data;
	struct wr_lb_pick pick = {};
	struct wr_lb_tuple t;

	if ((void *)(args + 1) > (void *)(long)skb->data_end)
		return -1;
	t = (struct wr_lb_tuple){
		.src = args->src,
		.dst = args->dst,
		.sport = args->sport,
		.dport = args->dport,
		.proto = args->proto,
		.scope = args->scope,
		.flags = args->flags,
	};
	answer(args, wr_lb_select(&t, &pick), &pick);
	return 0;
}
