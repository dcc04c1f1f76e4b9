/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Direct server return: what came from outside goes to its backend's node through the tunnel as it is, and that node answers the
 * client by itself. A tunnel, since no router between two nodes would take a service's address anywhere but back. Which backend
 * was chosen is said in place of the inner Ethernet addresses, which mean nothing there: two nodes that know of a change a moment
 * apart would choose differently.
 *
 * By nodes alone is this believed, for clients outside and addresses of services only.
 */
#ifndef WR_BPF_DIRECT_H
#define WR_BPF_DIRECT_H

#include "bpf/include/ep.h"
#include "bpf/include/lb.h"
#include "bpf/include/out.h"

/* Both addresses begin with 2: local, and nobody's group. */
#define WR_DIRECT_MARK  bpf_htonl(0x02575244)
#define WR_DIRECT_LOCAL bpf_htons(0x0200)

/* In place of the two Ethernet addresses. */
struct wr_direct {
	__be32 mark;
	__be16 port; /* the backend's */
	__be16 local;
	__u32 addr; /* wr_direct_word() of its address */
};
_Static_assert(sizeof(struct wr_direct) == 2 * ETH_ALEN, "in their place");

/* Different for all IPv4 addresses, and nearly so for the few of one service and node. */
static __always_inline __u32 wr_direct_word(const struct wr_addr *a)
{
	__u32 h = (a->w[0] * 0x9e3779b1u) ^ a->w[1];

	h = ((h ^ h >> 15) * 0x85ebca77u) ^ a->w[2];
	return ((h ^ h >> 13) * 0xc2b2ae3du) ^ a->w[3];
}

/* @flow: of WR_FLOW_DSR, whose backend is new_dst. */
static __always_inline void wr_direct_put(struct ethhdr *eth, const struct wr_flow *flow)
{
	struct wr_direct d = {
		.mark = WR_DIRECT_MARK,
		.port = flow->new_dport,
		.local = WR_DIRECT_LOCAL,
		.addr = wr_direct_word(&flow->new_dst),
	};

	memcpy(eth, &d, sizeof(d));
}

/* Does the tunnel lead to the node of this next hop, whatever other way does? */
static __always_inline int wr_has_tunnel(const struct wr_nexthop *nh)
{
	return nh && nh->tunnel_mtu;
}

/* Packets of the originator's that leave by direct return. */
static __always_inline int wr_is_direct(__u64 state, int dir)
{
	return WR_THIS_HOOK == WR_HOOK_UPLINK_INGRESS && state & WR_FLOW_DSR && dir == WR_FLOW_ORIG;
}

struct direct_search {
	__u32 first, addr;
	__be16 port;
	__u16 pad;
	__u32 backend, slot;
};

static __always_inline int direct_is(const struct direct_search *s, __u32 backend)
{
	const struct wr_backend *be = wr_backend_at(backend);

	return be && be->port == s->port && wr_direct_word(&be->addr) == s->addr &&
	       wr_ep_find(&be->addr) != WR_EP_NONE;
}

static long direct_step(__u32 i, struct direct_search *s)
{
	__u32 at = s->first + i, *backend;

	backend = bpf_map_lookup_elem(&wr_slots, &at);
	if (!backend)
		return 1;
	if (!direct_is(s, *backend))
		return 0;
	s->backend = *backend;
	s->slot = i;
	return 1;
}

/* The backend of this node that another one has chosen: nearly always the table's own choice. 0: there is none such (any more). */
static __always_inline int direct_find(const struct wr_service *svc, const struct wr_lb_tuple *t,
				       struct direct_search *s)
{
	__u32 own = svc->flags & WR_SVC_MAGLEV ? wr_lb_maglev(svc, t) : 0;

	s->first = svc->first;
	if (own && direct_is(s, own))
		s->backend = own;
	else
		bpf_loop(svc->n, direct_step, s, 0);
	return s->backend != 0;
}

/* As wr_lb_select, for what another node has chosen: port and address (wr_direct_word) of the backend. */
WR_GLOBAL int wr_direct_select(const struct wr_lb_tuple *t, struct wr_lb_pick *pick, __be16 port,
			       __u32 addr)
{
	struct direct_search s = { .addr = addr, .port = port };
	const struct wr_service *svc;
	int reason;

	if (!t || !pick)
		return WR_REASON_INTERNAL;
	svc = wr_lb_record(t, &reason);
	if (!svc)
		return WR_REASON_DIRECT;
	pick->service = svc->id;
	pick->service_flags = svc->flags;
	reason = wr_lb_admit(svc, t);
	if (reason)
		return reason == WR_REASON_SOURCE_RANGE ? reason : WR_REASON_DIRECT;
	if (!direct_find(svc, t, &s) || !wr_lb_take(pick, s.backend, s.slot))
		return WR_REASON_DIRECT;
	return 0;
}

#endif
