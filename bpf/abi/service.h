/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Services in constant time.
 *
 *	wr_frontends  hash   struct wr_frontend -> word: number of a service record | check << 32
 *	wr_services   array  struct wr_service, immutable while a frontend or a flow may name it
 *	wr_slots      array  __u32 backend numbers; a record owns a contiguous run
 *	wr_backends   array  struct wr_backend; 0 is never used
 *	wr_maglev     array  struct wr_maglev_line; a record may own a table, a run of lines
 *	wr_picks      array  __u64: how often new flows were sent to the backend of that number
 *	wr_affinity   LRU    struct wr_affinity_key -> struct wr_affinity
 *	wr_src_ranges LPM    struct wr_src_range -> __u8
 *
 * A change writes a new record with a new run, then flips the frontend's word. The check in the word is the
 * key's hash (wr_frontend_check): a hash element may be recycled for another key between lookup and read.
 *
 * The arrays are BPF_F_MMAPABLE: the agent writes them through its mapping, words with single stores.
 */
#ifndef WR_ABI_SERVICE_H
#define WR_ABI_SERVICE_H

#include "bpf/abi/base.h"

enum wr_scope {
	WR_SCOPE_ANY, /* pods and the node */
	WR_SCOPE_EXTERNAL, /* clients outside; looked up first at the uplink, then WR_SCOPE_ANY when the frontend says so */
};

struct wr_frontend {
	struct wr_addr addr; /* NodePort rows carry each node address in full */
	__be16 port; /* 0: the row that says "this address is ours" (unknown ports are refused) */
	__u8 proto;  /* 0 in that row */
	__u8 scope;  /* enum wr_scope */
	__u32 pad;
};
WR_ASSERT_SIZE(struct wr_frontend, 24);

/* The check in a frontend's word: a hash of the key that both sides compute. */
static inline __u32 wr_frontend_check(const struct wr_frontend *fe)
{
	__u32 h = (__u32)fe->port | (__u32)fe->proto << 16 | (__u32)fe->scope << 24;

	h = (h ^ fe->addr.w[0]) * 0x9e3779b1u;
	h = ((h ^ h >> 15) ^ fe->addr.w[1]) * 0x85ebca77u;
	h = ((h ^ h >> 13) ^ fe->addr.w[2]) * 0xc2b2ae3du;
	h = ((h ^ h >> 16) ^ fe->addr.w[3]) * 0x27d4eb2fu;
	return h ^ h >> 15;
}

/* Which place of a Maglev table a flow takes: the same on every node. Service affinity leaves the ports out. */
static inline __u32 wr_maglev_hash(const struct wr_addr *src, const struct wr_addr *dst,
				   __u32 ports, __u32 proto)
{
	__u32 h = ports ^ proto * 0x9e3779b1u;

	h = (h ^ src->w[0]) * 0x9e3779b1u;
	h = ((h ^ h >> 15) ^ src->w[1]) * 0x85ebca77u;
	h = ((h ^ h >> 13) ^ src->w[2]) * 0xc2b2ae3du;
	h = ((h ^ h >> 16) ^ src->w[3]) * 0x27d4eb2fu;
	h = ((h ^ h >> 15) ^ dst->w[2]) * 0x85ebca77u;
	h = ((h ^ h >> 13) ^ dst->w[3]) * 0xc2b2ae3du;
	h = (h ^ h >> 16) * 0x85ebca6bu;
	h = (h ^ h >> 13) * 0xc2b2ae35u;
	return h ^ h >> 16;
}

#define WR_FE_WORD(service, check) ((__u64)(service) | (__u64)(check) << 32)
#define WR_FE_SERVICE(word)        ((__u32)(word))
#define WR_FE_CHECK(word)          ((__u32)((word) >> 32))

enum wr_service_flags {
	WR_SVC_EXTERNAL = 1 << 0, /* reachable from outside: NodePort, LoadBalancer, externalIPs */
	WR_SVC_LOCAL_ONLY = 1 << 1, /* traffic policy Local: an empty run is a drop, not a refusal */
	WR_SVC_SRC_RANGES = 1 << 2,
	WR_SVC_KEEP_SOURCE = 1 << 3, /* no masquerade towards backends (external policy Local) */
	WR_SVC_MAGLEV = 1 << 4,
	WR_SVC_DSR = 1 << 5,
	WR_SVC_NODEPORT = 1 << 6,
	WR_SVC_HOSTPORT = 1 << 7,
	WR_SVC_NO_TRANSLATE =
		1 << 8, /* the address is configured on the node (node-local DNS): leave it alone */
	WR_SVC_ADDRESS = 1 << 9,   /* the port-0 row */
	WR_SVC_NO_TABLE = 1 << 10, /* in place of WR_SVC_MAGLEV: there was no room for one */
};

struct wr_service {
	__u32 id;       /* stable for one service port; affinity and flows use it; never 0 */
	__u32 first;    /* first slot */
	__u32 n;        /* slots; 0: no backend */
	__u32 flags;    /* enum wr_service_flags */
	__u32 affinity; /* seconds; 0: none */
	__u32 maglev;   /* first line of the table in wr_maglev, when WR_SVC_MAGLEV */
	__u32 maglev_size; /* elements, a prime; element i is line maglev + i / WR_MAGLEV_LINE, place i % WR_MAGLEV_LINE */
	__u32 pad;
};
WR_ASSERT_SIZE(struct wr_service, 32);

/* Sixteen backend numbers, one cache line: an array of single __u32 would waste half (its stride is 8 bytes). */
#define WR_MAGLEV_LINE 16
struct wr_maglev_line {
	__u32 backend[WR_MAGLEV_LINE];
};
WR_ASSERT_SIZE(struct wr_maglev_line, 64);

enum wr_backend_state {
	WR_BACKEND_FREE, /* also: removed, still named by flows */
	WR_BACKEND_ACTIVE,
	WR_BACKEND_TERMINATING, /* established flows go on */
};

struct wr_backend {
	struct wr_addr addr;
	__be16 port;
	__u8 proto;
	__u8 state; /* enum wr_backend_state */
	__u32 gen;  /* raised when it leaves, and never restarted */
	__u32 node; /* node number; 0: unknown */
	__u32 zone; /* zone number; 0: unknown */
};
WR_ASSERT_SIZE(struct wr_backend, 32);

struct wr_affinity_key {
	struct wr_addr client; /* or zero and the netns cookie in d[1] at the socket */
	__u32 service;
	__u32 pad;
};
WR_ASSERT_SIZE(struct wr_affinity_key, 24);

/*
 * Followed only while the backend's generation is this one and the service's run still holds it: at once when
 * @slot has it, else after a search that stores the new place.
 */
struct wr_affinity {
	__u64 seen; /* jiffies */
	__u32 backend;
	__u32 backend_gen;
	__u32 slot; /* counted from the service's first */
	__u32 pad;
};
WR_ASSERT_SIZE(struct wr_affinity, 24);

struct wr_src_range {
	__u32 len; /* 32 (the service) + 0-128 */
	__u32 service;
	struct {
		__u32 w[4];
	} addr;
};
WR_ASSERT_SIZE(struct wr_src_range, 24);

/* At the socket: storage of connected sockets (wr_sock, SK_STORAGE) and LRU of unconnected UDP (wr_sock_udp). */
struct wr_sock {
	struct wr_addr service_addr, backend_addr;
	__be16 service_port, backend_port;
	__u32 backend;
	__u32 backend_gen;
	__u32 service;
};
WR_ASSERT_SIZE(struct wr_sock, 48);

/*
 * Unconnected UDP keeps two rows for a socket and a backend: PEER_BACKEND says what recvmsg shows instead of the
 * backend, PEER_SERVICE which backend the next datagram to the service takes.
 */
enum wr_sock_udp_peer {
	WR_PEER_BACKEND,
	WR_PEER_SERVICE,
};

struct wr_sock_udp_key {
	__u64 cookie;
	struct wr_addr addr; /* the backend's or the service's */
	__be16 port;
	__u16 peer; /* enum wr_sock_udp_peer */
	__u32 pad;
};
WR_ASSERT_SIZE(struct wr_sock_udp_key, 32);

struct wr_sock_udp {
	struct wr_addr addr; /* the other one: the service's, or the backend's */
	__be16 port;
	__u16 pad;
	__u32 backend;
	__u32 backend_gen;
	__u32 service;
	__u32 slot; /* as in struct wr_affinity */
	__u32 pad2;
};
WR_ASSERT_SIZE(struct wr_sock_udp, 40);

enum wr_lb_flags {
	WR_LB_RECORD =
		1 << 0, /* a flow takes this pick: count it and remember affinity; else just look */
	WR_LB_SOCKET =
		1 << 1, /* asked at a socket: the client is known by its netns, not by an address */
	WR_LB_NODE = 1 << 2, /* the client is this node */
};

/*
 * Which backend a new flow would take: the program "lb_lookup" is test-run with this as its packet (data_in and
 * data_out). It is a tc program since a syscall program may not look into an LPM map.
 */
struct wr_lb_args {
	struct wr_addr src, dst;
	__be16 sport, dport;
	__u8 proto;
	__u8 scope;  /* enum wr_scope: where the client is */
	__u16 flags; /* WR_LB_RECORD; WR_LB_SOCKET with the netns cookie in src.d[1]; WR_LB_NODE */
	/* the answer */
	struct wr_addr addr;
	__be16 port;
	__u16 pad2;
	__u32 reason;  /* enum wr_reason; NONE with backend 0: not a service */
	__u32 service; /* id; 0: not a service */
	__u32 backend;
};
WR_ASSERT_SIZE(struct wr_lb_args, 72);

#endif
