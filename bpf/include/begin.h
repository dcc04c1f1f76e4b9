/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The first packet of a flow:
 *
 *	source -> service -> destination -> policy of both ends -> translation -> ways out -> entry
 */
#ifndef WR_BPF_BEGIN_H
#define WR_BPF_BEGIN_H

#include "bpf/include/direct.h"
#include "bpf/include/judge.h"
#include "bpf/include/names.h"
#include "bpf/include/nat.h"
#include "bpf/include/socket.h"
#include "bpf/include/source.h"

/* May this packet begin a flow? Else it belongs to one that is not known (any more). */
static __always_inline int is_first(const struct wr_pkt *p)
{
	if (p->key.proto == IPPROTO_TCP)
		return wr_tcp_is_syn(p);
	return !(p->flags & WR_PKT_ICMP_REPLY);
}

/* From a client outside, by the tunnel: another node has chosen one of our backends (direct return). */
static __always_inline int is_brought(const struct wr_work *w)
{
	return WR_THIS_HOOK == WR_HOOK_OVERLAY_INGRESS &&
	       !(WR_PEER_FLAGS(w->ends.src_peer) & WR_PEER_CLUSTER);
}

static __always_inline int has_services(const struct wr_pkt *p)
{
	return WR_THIS_HOOK == WR_HOOK_POD_EGRESS || WR_THIS_HOOK == WR_HOOK_UPLINK_INGRESS ||
	       WR_THIS_HOOK == WR_HOOK_UPLINK_EGRESS;
}

static __always_inline void set_tuple(const struct wr_pkt *p, struct wr_work *w)
{
	struct wr_lb_tuple *t = &w->tuple;

	t->src = w->ends.src;
	t->dst = w->ends.dst;
	t->sport = w->ends.sport;
	t->dport = w->ends.dport;
	t->proto = w->ends.proto;
	t->scope = WR_THIS_HOOK == WR_HOOK_UPLINK_INGRESS || WR_THIS_HOOK == WR_HOOK_OVERLAY_INGRESS ?
			   WR_SCOPE_EXTERNAL :
			   WR_SCOPE_ANY;
	t->flags = is_first(p) ? WR_LB_RECORD : 0;
	if (w->ends.from_node)
		t->flags |= WR_LB_NODE;
}

/* The destination becomes the backend that was picked. */
static __always_inline void take_pick(struct wr_work *w)
{
	w->ends.dst = w->pick.addr;
	w->ends.dport = w->pick.port;
	w->flow.backend = w->pick.backend;
	w->flow.service = w->pick.service;
	w->flow.state |= WR_FLOW_SERVICE | WR_FLOW_TRANSLATED;
}

/*
 * Balanced at its socket: the flow learns of its backend. Where that has left, a connected UDP socket still sends to it;
 * its packets take another one.
 */
static __always_inline int begin_socket(struct __sk_buff *skb, const struct wr_pkt *p,
					struct wr_work *w)
{
	struct wr_socket_pick *s = &w->socket;
	const struct wr_backend *be;
	int r;

	if (!wr_on(WR_SW_SOCKET_LB) || !wr_socket_pick(skb, &w->ends, s))
		return 0;
	w->flow.backend = s->backend;
	w->flow.service = s->service;
	w->flow.state |= WR_FLOW_SOCKET;
	be = bpf_map_lookup_elem(&wr_backends, &s->backend);
	if (p->key.proto != IPPROTO_UDP ||
	    (be && be->gen == s->backend_gen && be->state != WR_BACKEND_FREE))
		return 0;
	set_tuple(p, w);
	w->tuple.dst = s->addr;
	w->tuple.dport = s->port;
	w->tuple.scope = WR_SCOPE_ANY;
	r = wr_lb_select(&w->tuple, &w->pick);
	if (r)
		return r == WR_LB_NO_SERVICE ? 0 : r;
	if (w->pick.port == w->ends.dport && wr_addr_equal(&w->pick.addr, &w->ends.dst)) {
		w->flow.backend = w->pick.backend; /* its own has come back under another number */
		return 0;
	}
	take_pick(w);
	return 0;
}

/*
 * Direct return is for clients outside and backends of other nodes. Where the tunnel does not lead to a backend's node the flow is
 * masqueraded.
 */
static __always_inline int goes_direct(const struct wr_work *w)
{
	__u64 peer;

	if (WR_THIS_HOOK != WR_HOOK_UPLINK_INGRESS || !(w->pick.service_flags & WR_SVC_DSR) ||
	    WR_PEER_FLAGS(w->ends.src_peer) & WR_PEER_CLUSTER ||
	    wr_ep_find(&w->pick.addr) != WR_EP_NONE)
		return 0;
	peer = wr_peer_find(&w->pick.addr);
	return WR_PEER_FLAGS(peer) & WR_PEER_CLUSTER &&
	       wr_has_tunnel(wr_nexthop_get(WR_PEER_NEXTHOP(peer)));
}

/* The packet stays as it is. */
static __always_inline void begin_direct(struct wr_work *w)
{
	w->flow.backend = w->pick.backend;
	w->flow.service = w->pick.service;
	w->flow.new_dst = w->pick.addr;
	w->flow.new_dport = w->pick.port;
	w->flow.state |= WR_FLOW_SERVICE | WR_FLOW_DSR;
}

/* What another node has brought must be a service's, its backend one of ours. */
static __always_inline int begin_brought(struct __sk_buff *skb, const struct wr_pkt *p,
					 struct wr_work *w)
{
	const struct wr_direct *d = (const void *)wr_pkt_eth(skb);
	int r;

	if (!d || d->mark != WR_DIRECT_MARK || d->local != WR_DIRECT_LOCAL)
		return WR_REASON_SPOOFED_OUTER;
	set_tuple(p, w);
	r = wr_direct_select(&w->tuple, &w->pick, d->port, d->addr);
	if (r)
		return r;
	if (!is_first(p)) {
		w->refuse = 1;
		return WR_REASON_TCP_MIDSTREAM;
	}
	take_pick(w);
	return 0;
}

/* Is the destination a service's? Then it becomes a backend's. */
static __always_inline int begin_service(struct __sk_buff *skb, const struct wr_pkt *p,
					 struct wr_work *w)
{
	int r = WR_LB_NO_SERVICE;

	if (is_brought(w))
		return begin_brought(skb, p, w);
	if (has_services(p)) {
		set_tuple(p, w);
		r = wr_lb_select(&w->tuple, &w->pick);
	}
	if (r == WR_LB_NO_SERVICE)
		return wr_from_socket(p) ? begin_socket(skb, p, w) : 0;
	w->refuse = 1;
	if (r)
		return r;
	if (goes_direct(w)) { /* in mid-stream, too: the tables of all nodes lead to its backend */
		begin_direct(w);
		return 0;
	}
	if (!is_first(p)) /* its backend is not known any more */
		return WR_REASON_TCP_MIDSTREAM;
	take_pick(w);
	return 0;
}

#define SWAP(a, b)                   \
	do {                         \
		typeof(a) was = (a); \
		(a) = (b);           \
		(b) = was;           \
	} while (0)

static __always_inline void swap_ends(struct wr_ends *e)
{
	SWAP(e->src.d[0], e->dst.d[0]);
	SWAP(e->src.d[1], e->dst.d[1]);
	SWAP(e->sport, e->dport);
	SWAP(e->src_ep, e->dst_ep);
	SWAP(e->src_identity, e->dst_identity);
	SWAP(e->src_peer, e->dst_peer);
}

/*
 * In mid-stream: allowed in the direction seen, or as the answer in a flow that the other side has begun. Whether the
 * node has begun it is not known: then its policy decides.
 */
static __always_inline int judge_midstream(struct wr_pkt *p, struct wr_work *w)
{
	int reason = wr_judge(p, w);

	if (!reason)
		return 0;
	swap_ends(&w->ends);
	w->ends.from_node = w->ends.src_ep == WR_EP_HOST && WR_THIS_HOOK == WR_HOOK_POD_EGRESS;
	if (!wr_judge(p, w)) {
		w->flow.state ^= WR_FLOW_ORIG_B;
		SWAP(w->flow.packets[WR_FLOW_ORIG], w->flow.packets[WR_FLOW_REPLY]);
		SWAP(w->flow.bytes[WR_FLOW_ORIG], w->flow.bytes[WR_FLOW_REPLY]);
		return 0;
	}
	if (p->key.proto == IPPROTO_TCP)
		return WR_REASON_TCP_MIDSTREAM;
	return p->flags & WR_PKT_ICMP ? WR_REASON_ICMP_UNRELATED : reason;
}

/* Pods' traffic leaves the cluster, and outside traffic goes to backends elsewhere, under the node's address. */
static __always_inline int wants_masquerade(const struct wr_pkt *p, const struct wr_work *w)
{
	const struct wr_ends *e = &w->ends;

	if (e->dst_ep != WR_EP_NONE)
		return 0;
	if (WR_THIS_HOOK == WR_HOOK_POD_EGRESS)
		return wr_on(WR_SW_MASQUERADE) && !(WR_PEER_FLAGS(e->dst_peer) & WR_PEER_CLUSTER);
	return WR_THIS_HOOK == WR_HOOK_UPLINK_INGRESS &&
	       (w->flow.state & (WR_FLOW_SERVICE | WR_FLOW_DSR)) == WR_FLOW_SERVICE &&
	       !(w->pick.service_flags & WR_SVC_KEEP_SOURCE);
}

/* What the node is known by outside, if by anything in that family. */
static __always_inline void begin_masquerade(struct wr_work *w)
{
	const struct wr_globals *globals = wr_globals_get();
	const struct wr_addr *masq;

	if (!globals)
		return;
	masq = wr_addr_is4(&w->ends.dst) ? &globals->masq4 : &globals->masq6;
	if (wr_addr_is_zero(masq))
		return;
	w->nat.src = *masq;
	w->nat.pool = w->nat.node_address = 1;
	w->flow.state |= WR_FLOW_MASQ | WR_FLOW_TRANSLATED;
}

/* Decides what the source becomes. A pod that reaches itself would not take its own address: the gateway stands in. */
static __always_inline void begin_nat(const struct wr_pkt *p, struct wr_work *w)
{
	w->nat.src = w->ends.src;
	if (w->ends.src_ep == w->ends.dst_ep && wr_ep_is_pod(w->ends.src_ep) &&
	    w->flow.state & WR_FLOW_SERVICE) {
		w->nat.src = wr_gateway(wr_addr_is4(&w->ends.dst));
		w->nat.pool = 1;
	} else if (wants_masquerade(p, w)) {
		begin_masquerade(w);
	} else if (p->key.alt) {
		/* Its answers would be taken for those of another flow. */
		w->nat.pool = 1;
		w->flow.state |= WR_FLOW_TRANSLATED;
	}
}

static __always_inline __u64 out_of_end(__u32 ep, __u64 peer)
{
	const struct wr_nexthop *nh;

	if (wr_ep_is_pod(ep))
		return WR_OUT(ep | WR_OUT_EP, 0);
	if (ep == WR_EP_HOST)
		return WR_OUT(WR_NEXTHOP_STACK, 0);
	nh = wr_nexthop_get(WR_PEER_NEXTHOP(peer));
	return WR_OUT(WR_PEER_NEXTHOP(peer), nh ? READ_ONCE(nh->gen) : 0);
}

/* The ways out of both directions. What the node sends untranslated is on its way already. */
static __always_inline void wr_ways_out(const struct wr_ends *e, struct wr_flow *f)
{
	const __u64 stack = WR_OUT(WR_NEXTHOP_STACK, 0);
	struct wr_addr to;

	f->out[WR_FLOW_ORIG] = e->src_ep == WR_EP_HOST && !(f->state & WR_FLOW_TRANSLATED) &&
					       !wr_ep_is_pod(e->dst_ep) ?
				       stack :
				       out_of_end(e->dst_ep, e->dst_peer);
	if (f->state & WR_FLOW_DSR) {
		to = f->new_dst; /* to older verifiers, an address on the stack */
		f->out[WR_FLOW_ORIG] = out_of_end(WR_EP_NONE, wr_peer_find(&to));
	}
	f->out[WR_FLOW_REPLY] = e->dst_ep == WR_EP_HOST && !wr_ep_is_pod(e->src_ep) ?
					stack :
					out_of_end(e->src_ep, e->src_peer);
}

static __always_inline void init_flow(const struct wr_pkt *p, struct wr_work *w, __u32 ifindex)
{
	__u64 now = bpf_jiffies64();
	struct wr_flow *f = &w->flow;

	memset(f, 0, sizeof(*f));
	memset(&w->pick, 0, sizeof(w->pick));
	memset(&w->nat, 0, sizeof(w->nat));
	f->seen = (__u32)now;
	f->created = WR_FLOW_CREATED(now);
	w->hash = wr_flow_hash(&p->key);
	f->check = WR_FLOW_CHECK(w->hash);
	f->state = p->from_b ? WR_FLOW_ORIG_B : 0;
	f->src_ep = f->dst_ep = WR_EP_NONE;
	if (WR_THIS_HOOK == WR_HOOK_UPLINK_INGRESS)
		f->in_ifindex = ifindex;
	if (p->key.proto == IPPROTO_TCP)
		f->state |= wr_tcp_is_syn(p) ? WR_TCP_SYN_SENT : WR_TCP_ESTABLISHED;
	if (p->key.alt)
		f->state |= WR_FLOW_ALT;
	w->refuse = 0;
	w->in_lru = 1;
}

/*
 * Puts the flow into the LRU, with its reply tuple where it has one. Where another flow has the key the packet goes on
 * without an entry.
 */
static __always_inline int begin_insert(struct __sk_buff *skb, const struct wr_pkt *p,
					struct wr_work *w)
{
	int reason;

	if (w->held)
		return w->flow.state & WR_FLOW_TRANSLATED ? WR_REASON_NAT_EXHAUSTED : 0;
	if (w->flow.state & WR_FLOW_TRANSLATED) {
		w->flow.nonce = bpf_get_prandom_u32();
		reason = wr_nat_take(skb, p, w);
		if (reason)
			return reason;
	}
	w->key = p->key;
	if (bpf_map_update_elem(&wr_new_flows, &w->key, &w->flow, BPF_ANY))
		return WR_REASON_FLOW_TABLE_FULL;
	return 0;
}

static __always_inline int begin_judged(struct wr_pkt *p, struct wr_work *w)
{
	int reason = is_first(p) && !w->held ? wr_judge(p, w) : judge_midstream(p, w);

	if (reason)
		return reason;
	if (w->ends.from_node)
		w->flow.state |= WR_FLOW_FROM_HOST;
	if (wr_asks_names(p, w))
		w->flow.state |= WR_FLOW_NAMES;
	if (wr_hears_names(&w->flow))
		wr_judge_always(&w->flow);
	begin_nat(p, w);
	wr_ways_out(&w->ends, &w->flow);
	return 0;
}

/* Builds w->flow for a packet that has none. 0: it is in the LRU and allowed. */
WR_GLOBAL int wr_begin(struct __sk_buff *skb, struct wr_pkt *p, struct wr_work *w)
{
	int reason;

	w = wr_work_again(w);
	if (!p || !w)
		return WR_REASON_INTERNAL;
	init_flow(p, w, skb->ifindex);
	w->flow.packets[WR_FLOW_ORIG] = 1;
	w->flow.bytes[WR_FLOW_ORIG] = skb->len;
	wr_ends_of_pkt(p, &w->ends);
	reason = wr_source(skb, p, w);
	if (reason)
		return reason;
	w->flow.src_ep = w->ends.src_ep;
	w->flow.src_identity = w->ends.src_identity;
	reason = begin_service(skb, p, w);
	if (reason)
		return reason;
	wr_resolve_dst(&w->ends);
	reason = wr_dest(skb, p, w);
	if (reason)
		return reason;
	reason = begin_judged(p, w);
	if (reason)
		return reason;
	/* Resets end flows, they begin none; what would be translated has no business without its flow. */
	if (p->tcp_flags & WR_TCP_FLAG_RST)
		return w->flow.state & WR_FLOW_TRANSLATED ? WR_REASON_TCP_MIDSTREAM : 0;
	return begin_insert(skb, p, w);
}

#endif
