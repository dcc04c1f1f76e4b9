/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Generations: has anything moved that a flow's verdict was made from? (bpf/abi/flow.h, "judged word") */
#ifndef WR_BPF_GEN_H
#define WR_BPF_GEN_H

#include "bpf/abi/flow.h"
#include "bpf/include/ep.h"
#include "bpf/include/maps_svc.h"

static __always_inline __u64 gen_of_identity(__u32 identity)
{
	const __u32 *gen = bpf_map_lookup_elem(&wr_identity_gens, &identity);

	return gen ? READ_ONCE(*gen) : 0;
}

/* One end's: a local endpoint's own, else its identity's. */
static __always_inline __u64 gen_of_end(const struct wr_endpoint *ep, __u32 identity)
{
	return ep ? READ_ONCE(ep->gen) : gen_of_identity(identity);
}

static __always_inline __u64 gen_of_backend(__u32 backend)
{
	const struct wr_backend *be;

	if (!backend)
		return 0;
	be = bpf_map_lookup_elem(&wr_backends, &backend);
	return be ? READ_ONCE(be->gen) : 0;
}

/* The endpoints at a flow's ends; NULL: not of this node. Looked up once, they are asked for much. */
struct wr_eps {
	const struct wr_endpoint *src, *dst;
};

static __always_inline struct wr_eps wr_eps_of(const struct wr_flow *flow)
{
	struct wr_eps eps = {};

	if (flow->src_ep != WR_EP_NONE)
		eps.src = wr_ep_get(flow->src_ep);
	if (flow->dst_ep != WR_EP_NONE)
		eps.dst = wr_ep_get(flow->dst_ep);
	return eps;
}

/* The judged word that this flow would have now, without verdicts. */
static __always_inline __u64 wr_gen_sum(const struct wr_flow *flow, struct wr_eps eps)
{
	const struct wr_globals *globals = wr_globals_get();
	__u64 sum = globals ? READ_ONCE(globals->gen) : 0;

	sum += gen_of_end(eps.src, flow->src_identity);
	sum += gen_of_end(eps.dst, flow->dst_identity);
	sum += gen_of_backend(flow->backend);
	return sum << WR_JUDGED_SHIFT;
}

/* Is the flow allowed both ways by a verdict that still holds? */
static __always_inline int wr_judged_fresh(const struct wr_flow *flow, struct wr_eps eps)
{
	__u64 judged = READ_ONCE(flow->judged);

	return (judged & ~(__u64)WR_JUDGED_AUDIT) ==
	       (wr_gen_sum(flow, eps) | WR_JUDGED_EGRESS | WR_JUDGED_INGRESS);
}

#endif
