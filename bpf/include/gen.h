/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Generations: has anything moved that a flow's verdict was made from? (bpf/abi/flow.h, "judged word") */
#ifndef WR_BPF_GEN_H
#define WR_BPF_GEN_H

#include "bpf/abi/flow.h"
#include "bpf/include/ep.h"
#include "bpf/include/maps_svc.h"

/* One end's: a local endpoint's own, else its identity's. */
static __always_inline __u64 gen_of_end(__u32 ep, __u32 identity)
{
	const struct wr_endpoint *e;
	const __u32 *gen;

	if (ep != WR_EP_NONE) {
		e = wr_ep_get(ep);
		return e ? READ_ONCE(e->gen) : 0;
	}
	gen = bpf_map_lookup_elem(&wr_identity_gens, &identity);
	return gen ? READ_ONCE(*gen) : 0;
}

static __always_inline __u64 gen_of_backend(__u32 backend)
{
	const struct wr_backend *be;

	if (!backend)
		return 0;
	be = bpf_map_lookup_elem(&wr_backends, &backend);
	return be ? READ_ONCE(be->gen) : 0;
}

/* The judged word that this flow would have now, without verdicts. */
static __always_inline __u64 wr_gen_sum(const struct wr_flow *flow)
{
	const struct wr_globals *globals = wr_globals_get();
	__u64 sum = globals ? READ_ONCE(globals->gen) : 0;

	sum += gen_of_end(flow->src_ep, flow->src_identity);
	sum += gen_of_end(flow->dst_ep, flow->dst_identity);
	sum += gen_of_backend(flow->backend);
	return sum << WR_JUDGED_SHIFT;
}

/* Is the flow allowed both ways by a verdict that still holds? */
static __always_inline int wr_judged_fresh(const struct wr_flow *flow)
{
	__u64 judged = READ_ONCE(flow->judged);

	return (judged & ~(__u64)WR_JUDGED_AUDIT) ==
	       (wr_gen_sum(flow) | WR_JUDGED_EGRESS | WR_JUDGED_INGRESS);
}

#endif
