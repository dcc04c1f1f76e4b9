/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Services at the socket (cgroup2 hooks): no packet of these flows is ever rewritten.
 *
 *	connect      name -> selection -> remember in the socket's storage -> rewrite the destination
 *	sendmsg      name -> last pick of this socket -> selection -> remember in the LRU -> rewrite
 *	recvmsg      backend -> service, as remembered
 *	getpeername  the same
 *	post_bind    the node's own processes may not take NodePorts
 *
 * Addresses are 128 bits wide, so a v4-mapped name on an IPv6 socket is the IPv4 service itself. What cannot be answered
 * here is left as it is and judged per packet: source ranges (no source address yet), traffic policy Local
 * without a backend (a drop, which a socket cannot express), connected UDP without a backend (one may come).
 */
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <linux/errno.h>
#include <linux/in.h>

#include "bpf/include/lb.h"
#include "bpf/include/maps_event.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

enum { REFUSE, ALLOW };

#define STREAM        1 /* SOCK_STREAM */
#define DATAGRAM      2 /* SOCK_DGRAM */
#define PROTO_MPTCP   262
#define UDP_CONNECTED 1 /* TCP_ESTABLISHED, which connected UDP sockets have too */

struct name {
	struct wr_addr addr;
	__be16 port;
};

static __always_inline struct wr_addr mapped(__be32 ip4)
{
	return (struct wr_addr){ .w = { 0, 0, bpf_htonl(0xffff), ip4 } };
}

static __always_inline struct name read4(struct bpf_sock_addr *ctx)
{
	return (struct name){ mapped(ctx->user_ip4), (__be16)ctx->user_port };
}

static __always_inline struct name read6(struct bpf_sock_addr *ctx)
{
	return (struct name){
		{ .w = { ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2], ctx->user_ip6[3] } },
		(__be16)ctx->user_port,
	};
}

static __always_inline void write4(struct bpf_sock_addr *ctx, const struct name *n)
{
	ctx->user_ip4 = n->addr.w[3];
	ctx->user_port = n->port;
}

static __always_inline void write6(struct bpf_sock_addr *ctx, const struct name *n)
{
	ctx->user_ip6[0] = n->addr.w[0];
	ctx->user_ip6[1] = n->addr.w[1];
	ctx->user_ip6[2] = n->addr.w[2];
	ctx->user_ip6[3] = n->addr.w[3];
	ctx->user_port = n->port;
}

static __always_inline int same(const struct name *a, const struct wr_addr *addr, __be16 port)
{
	return a->addr.d[0] == addr->d[0] && a->addr.d[1] == addr->d[1] && a->port == port;
}

/* 0: a protocol that is never balanced here. */
static __always_inline __u8 service_proto(const struct bpf_sock_addr *ctx)
{
	if (ctx->type == STREAM && (ctx->protocol == IPPROTO_TCP || ctx->protocol == PROTO_MPTCP))
		return IPPROTO_TCP;
	if (ctx->type == DATAGRAM && ctx->protocol == IPPROTO_UDP)
		return IPPROTO_UDP;
	return 0;
}

/* All of 127.0.0.0/8, and the zero address, which means the same when one connects to it. */
static __always_inline struct wr_addr canonical_loopback(const struct wr_addr *a)
{
	if (a->w[2])
		return mapped(bpf_htonl(0x7f000001));
	return (struct wr_addr){ .w = { 0, 0, 0, bpf_htonl(1) } };
}

/*
 * Loopback is the node's own: there answer its host ports, where the pod asks for that address, and node ports where
 * the configuration says so.
 */
static __always_inline int answers_on_loopback(const struct wr_lb_tuple *t)
{
	struct wr_frontend fe = { .addr = t->dst, .port = t->dport, .proto = t->proto };
	const struct wr_service *svc;

	if (!(t->flags & WR_LB_NODE))
		return 0;
	if (wr_on(WR_SW_LOCALHOST_NODEPORT))
		return 1;
	svc = wr_frontend_get(&fe);
	return svc && svc->flags & WR_SVC_HOSTPORT;
}

/* The question for the selection. 0: not to be asked. Clients are known by their network namespace (affinity). */
static __always_inline int ask(struct bpf_sock_addr *ctx, const struct name *to,
			       struct wr_lb_tuple *t)
{
	__u64 netns = bpf_get_netns_cookie(ctx);

	*t = (struct wr_lb_tuple){
		.dst = to->addr,
		.dport = to->port,
		.proto = service_proto(ctx),
		.scope = WR_SCOPE_ANY,
		.flags = WR_LB_RECORD | WR_LB_SOCKET,
	};
	t->src.d[1] = netns;
	if (netns == wr_cfg.netns_cookie)
		t->flags |= WR_LB_NODE;
	if (!wr_is_loopback(&to->addr))
		return t->proto;
	t->dst = canonical_loopback(&to->addr);
	return answers_on_loopback(t) ? t->proto : 0;
}

/* Kernels before 5.18 answer EPERM. */
static __always_inline int refuse(int error)
{
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_set_retval))
		bpf_set_retval(-error);
	return REFUSE;
}

static __always_inline void report(const struct wr_lb_tuple *t, const struct wr_lb_pick *pick,
				   int reason)
{
	struct wr_event *e = bpf_ringbuf_reserve(&wr_events, sizeof(*e), 0);

	if (!e)
		return;
	memset(e, 0, sizeof(*e));
	e->time = bpf_ktime_get_boot_ns();
	e->type = WR_EVENT_DROP;
	e->reason = reason;
	e->hook = WR_HOOK_SOCK;
	e->proto = t->proto;
	e->dst = t->dst;
	e->dport = t->dport;
	e->service = pick->service;
	bpf_ringbuf_submit(e, 0);
}

static __always_inline int refused_here(int reason)
{
	return reason == WR_REASON_NO_BACKEND || reason == WR_REASON_UNKNOWN_PORT;
}

/* Counted like a packet, since it stands for the first one. */
static __always_inline int refuse_service(const struct wr_lb_tuple *t,
					  const struct wr_lb_pick *pick, int reason)
{
	__u32 i = reason;
	struct wr_drop_count *count = bpf_map_lookup_elem(&wr_drops, &i);

	if (count) {
		if (wr_cfg.drop_sample && !(count->packets & (wr_cfg.drop_sample - 1)))
			report(t, pick, reason);
		count->packets++;
	}
	return refuse(ECONNREFUSED);
}

static __always_inline int remember_peer(struct bpf_sock *sk, const struct name *service,
					 const struct wr_lb_pick *pick)
{
	struct wr_sock row = {
		.service_addr = service->addr,
		.service_port = service->port,
		.backend_addr = pick->addr,
		.backend_port = pick->port,
		.backend = pick->backend,
		.backend_gen = pick->backend_gen,
		.service = pick->service,
	};
	struct wr_sock *s;

	s = bpf_sk_storage_get(&wr_sock, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (!s)
		return -ENOMEM;
	*s = row;
	return 0;
}

/* Returns whether *to is to be written back; *ret is what the hook returns otherwise. */
static __always_inline int connect_to(struct bpf_sock_addr *ctx, struct name *to, int *ret)
{
	struct wr_lb_pick pick = {};
	struct wr_lb_tuple t;
	int reason = WR_LB_NO_SERVICE;

	*ret = ALLOW;
	if (!wr_on(WR_SW_SOCKET_LB) || !ctx->sk)
		return 0;
	if (ask(ctx, to, &t))
		reason = wr_lb_select(&t, &pick);
	if (!reason && !remember_peer(ctx->sk, to, &pick)) {
		*to = (struct name){ pick.addr, pick.port };
		return 1;
	}
	/* A socket may connect more than once. */
	bpf_sk_storage_delete(&wr_sock, ctx->sk);
	if (t.proto == IPPROTO_TCP && refused_here(reason))
		*ret = refuse_service(&t, &pick, reason);
	return 0;
}

static __always_inline struct wr_sock_udp_key udp_key(__u64 cookie, const struct wr_addr *addr,
						      __be16 port, __u16 peer)
{
	return (struct wr_sock_udp_key){ .cookie = cookie, .addr = *addr, .port = port, .peer = peer };
}

/*
 * What recvmsg shows for this backend. -EEXIST: the socket reaches the backend through another service already, and
 * answers could not be told apart: this datagram is translated per packet, under a source port of its own.
 */
static __always_inline int claim_answers(__u64 cookie, const struct name *service,
					 const struct wr_lb_pick *pick)
{
	struct wr_sock_udp_key key = udp_key(cookie, &pick->addr, pick->port, WR_PEER_BACKEND);
	struct wr_sock_udp row = {
		.addr = service->addr,
		.port = service->port,
		.backend = pick->backend,
		.backend_gen = pick->backend_gen,
		.service = pick->service,
	};
	const struct wr_sock_udp *have = bpf_map_lookup_elem(&wr_sock_udp, &key);

	if (have)
		return same(service, &have->addr, have->port) ? 0 : -EEXIST;
	return bpf_map_update_elem(&wr_sock_udp, &key, &row, BPF_ANY);
}

static __always_inline void remember_pick(const struct wr_sock_udp_key *key,
					  const struct wr_lb_pick *pick)
{
	struct wr_sock_udp row = {
		.addr = pick->addr,
		.port = pick->port,
		.backend = pick->backend,
		.backend_gen = pick->backend_gen,
		.service = pick->service,
		.slot = pick->slot,
	};

	bpf_map_update_elem(&wr_sock_udp, key, &row, BPF_ANY);
}

/* Who is sent to directly answers under its own name. */
static __always_inline void forget_answers(__u64 cookie, const struct name *to)
{
	struct wr_sock_udp_key key = udp_key(cookie, &to->addr, to->port, WR_PEER_BACKEND);

	if (bpf_map_lookup_elem(&wr_sock_udp, &key))
		bpf_map_delete_elem(&wr_sock_udp, &key);
}

static __always_inline void last_pick(const struct wr_sock_udp *row, struct wr_lb_pick *pick)
{
	pick->backend = row->backend;
	pick->backend_gen = row->backend_gen;
	pick->service = row->service;
	pick->slot = row->slot;
}

/* A socket stays with its backend, as a connection would, while the backend may be used. */
static __always_inline int send_to(struct bpf_sock_addr *ctx, struct name *to, int *ret)
{
	__u64 cookie = bpf_get_socket_cookie(ctx);
	struct wr_sock_udp_key key = udp_key(cookie, &to->addr, to->port, WR_PEER_SERVICE);
	const struct wr_sock_udp *row;
	struct wr_lb_pick pick = {};
	struct wr_lb_tuple t;
	__u32 backend = 0, slot = 0;
	int reason = WR_LB_NO_SERVICE;

	*ret = ALLOW;
	if (!wr_on(WR_SW_SOCKET_LB))
		return 0;
	row = bpf_map_lookup_elem(&wr_sock_udp, &key);
	if (row) {
		last_pick(row, &pick);
		backend = pick.backend;
		slot = pick.slot;
	}
	if (ask(ctx, to, &t))
		reason = wr_lb_select(&t, &pick);
	if (reason == WR_LB_NO_SERVICE)
		forget_answers(cookie, to);
	if (refused_here(reason))
		*ret = refuse_service(&t, &pick, reason);
	if (reason || claim_answers(cookie, to, &pick))
		return 0;
	if (pick.backend != backend || pick.slot != slot)
		remember_pick(&key, &pick);
	*to = (struct name){ pick.addr, pick.port };
	return 1;
}

/* Whom a connected socket believes to talk to. */
static __always_inline int connected_name(struct bpf_sock_addr *ctx, struct name *from)
{
	const struct wr_sock *s;

	if (!ctx->sk)
		return 0;
	s = bpf_sk_storage_get(&wr_sock, ctx->sk, NULL, 0);
	if (!s || !same(from, &s->backend_addr, s->backend_port))
		return 0;
	*from = (struct name){ s->service_addr, s->service_port };
	return 1;
}

static __always_inline int received_from(struct bpf_sock_addr *ctx, struct name *from)
{
	struct wr_sock_udp_key key;
	const struct wr_sock_udp *row;

	if (!wr_on(WR_SW_SOCKET_LB) || !ctx->sk)
		return 0;
	if (ctx->sk->state == UDP_CONNECTED)
		return connected_name(ctx, from);
	key = udp_key(bpf_get_socket_cookie(ctx), &from->addr, from->port, WR_PEER_BACKEND);
	row = bpf_map_lookup_elem(&wr_sock_udp, &key);
	if (!row)
		return 0;
	*from = (struct name){ row->addr, row->port };
	return 1;
}

static __always_inline int is_node_port(const struct wr_addr *addr, __be16 port, __u8 proto)
{
	struct wr_frontend fe = { .addr = *addr, .port = port, .proto = proto };
	const struct wr_service *svc;

	svc = wr_frontend_get(&fe);
	return svc && svc->flags & WR_SVC_NODEPORT;
}

/*
 * NodePorts have a row for each address of the node and one for the zero address, which stands for "some address":
 * a wildcard bind is refused by it, for [::] also by IPv4's, since such a socket takes both families.
 */
static __always_inline int bind_at(struct bpf_sock *sk, struct wr_addr addr)
{
	const struct wr_addr zero4 = mapped(0);
	__be16 port = bpf_htons(sk->src_port);

	if (!wr_on(WR_SW_NODEPORT) || bpf_get_netns_cookie(sk) != wr_cfg.netns_cookie)
		return ALLOW;
	if (sk->protocol != IPPROTO_TCP && sk->protocol != IPPROTO_UDP)
		return ALLOW;
	if (wr_is_loopback(&addr) && addr.w[3])
		addr = canonical_loopback(&addr);
	if (is_node_port(&addr, port, sk->protocol))
		return refuse(EADDRINUSE);
	if (!addr.d[0] && !addr.d[1] && is_node_port(&zero4, port, sk->protocol))
		return refuse(EADDRINUSE);
	return ALLOW;
}

SEC("cgroup/connect4")
int sock_connect4(struct bpf_sock_addr *ctx)
{
	struct name to = read4(ctx);
	int ret;

	if (connect_to(ctx, &to, &ret))
		write4(ctx, &to);
	return ret;
}

SEC("cgroup/connect6")
int sock_connect6(struct bpf_sock_addr *ctx)
{
	struct name to = read6(ctx);
	int ret;

	if (connect_to(ctx, &to, &ret))
		write6(ctx, &to);
	return ret;
}

SEC("cgroup/sendmsg4")
int sock_sendmsg4(struct bpf_sock_addr *ctx)
{
	struct name to = read4(ctx);
	int ret;

	if (send_to(ctx, &to, &ret))
		write4(ctx, &to);
	return ret;
}

SEC("cgroup/sendmsg6")
int sock_sendmsg6(struct bpf_sock_addr *ctx)
{
	struct name to = read6(ctx);
	int ret;

	if (send_to(ctx, &to, &ret))
		write6(ctx, &to);
	return ret;
}

SEC("cgroup/recvmsg4")
int sock_recvmsg4(struct bpf_sock_addr *ctx)
{
	struct name from = read4(ctx);

	if (received_from(ctx, &from))
		write4(ctx, &from);
	return ALLOW;
}

SEC("cgroup/recvmsg6")
int sock_recvmsg6(struct bpf_sock_addr *ctx)
{
	struct name from = read6(ctx);

	if (received_from(ctx, &from))
		write6(ctx, &from);
	return ALLOW;
}

SEC("cgroup/getpeername4")
int sock_getpeername4(struct bpf_sock_addr *ctx)
{
	struct name peer = read4(ctx);

	if (connected_name(ctx, &peer))
		write4(ctx, &peer);
	return ALLOW;
}

SEC("cgroup/getpeername6")
int sock_getpeername6(struct bpf_sock_addr *ctx)
{
	struct name peer = read6(ctx);

	if (connected_name(ctx, &peer))
		write6(ctx, &peer);
	return ALLOW;
}

SEC("cgroup/post_bind4")
int sock_post_bind4(struct bpf_sock *sk)
{
	return bind_at(sk, mapped(sk->src_ip4));
}

SEC("cgroup/post_bind6")
int sock_post_bind6(struct bpf_sock *sk)
{
	struct wr_addr addr = { .w = { sk->src_ip6[0], sk->src_ip6[1], sk->src_ip6[2],
				       sk->src_ip6[3] } };

	return bind_at(sk, addr);
}
