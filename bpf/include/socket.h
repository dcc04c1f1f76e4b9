/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What a packet's socket remembers of the service that it was balanced for (bpf/cgroup). */
#ifndef WR_BPF_SOCKET_H
#define WR_BPF_SOCKET_H

#include "bpf/include/work.h"

/* Where packets still carry their socket: from a pod's veth, and where the node's own leave. */
static __always_inline int wr_from_socket(const struct wr_pkt *p)
{
	return WR_THIS_HOOK == WR_HOOK_POD_EGRESS || WR_THIS_HOOK == WR_HOOK_POD_INGRESS ||
	       WR_THIS_HOOK == WR_HOOK_UPLINK_EGRESS || WR_THIS_HOOK == WR_HOOK_OVERLAY_EGRESS;
}

static __always_inline int connected_pick(struct bpf_sock *sk, const struct wr_ends *e,
					  struct wr_socket_pick *ret)
{
	const struct wr_sock *s = bpf_sk_storage_get(&wr_sock, sk, NULL, 0);

	if (!s || s->backend_port != e->dport || !wr_addr_equal(&s->backend_addr, &e->dst))
		return 0;
	ret->addr = s->service_addr;
	ret->port = s->service_port;
	ret->service = s->service;
	ret->backend = s->backend;
	ret->backend_gen = s->backend_gen;
	return 1;
}

static __always_inline int unconnected_pick(struct __sk_buff *skb, const struct wr_ends *e,
					    struct wr_socket_pick *ret)
{
	struct wr_sock_udp_key key = {
		.cookie = bpf_get_socket_cookie(skb),
		.addr = e->dst,
		.port = e->dport,
		.peer = WR_PEER_BACKEND,
	};
	const struct wr_sock_udp *row = bpf_map_lookup_elem(&wr_sock_udp, &key);

	if (!row)
		return 0;
	ret->addr = row->addr;
	ret->port = row->port;
	ret->service = row->service;
	ret->backend = row->backend;
	ret->backend_gen = row->backend_gen;
	return 1;
}

/* Was the packet's destination chosen at its socket? */
WR_GLOBAL int wr_socket_pick(struct __sk_buff *skb, const struct wr_ends *e,
			     struct wr_socket_pick *ret)
{
	struct bpf_sock *sk = skb->sk;

	if (!e || !ret || !sk)
		return 0;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return 0;
	return connected_pick(sk, e, ret) ||
	       (e->proto == IPPROTO_UDP && unconnected_pick(skb, e, ret));
}

#endif
