/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Endpoints (pod interfaces of this node), peers (everything that has an address), next hops.
 */
#ifndef WR_ABI_ENDPOINT_H
#define WR_ABI_ENDPOINT_H

#include "bpf/abi/base.h"

/* Endpoint numbers index wr_endpoints. 0 is the node itself (the host): its addresses map to 0. */
#define WR_EP_HOST 0
#define WR_EP_NONE 0xffffffffu

/* Identities. Below WR_IDENTITY_FIRST they are fixed; the rest belong to the policy compiler. */
enum wr_identity {
	WR_IDENTITY_WORLD = 0,   /* outside the cluster and in no block that a policy names */
	WR_IDENTITY_HOST = 1,    /* this node */
	WR_IDENTITY_NODE = 2,    /* other nodes */
	WR_IDENTITY_UNKNOWN = 3, /* in a pod range, but no pod is known there */
	WR_IDENTITY_POD = 4,     /* a pod that no peer selector matches */
	WR_IDENTITY_FIRST = 16,
};

/*
 * Map wr_ep_by_addr: hash, struct wr_addr -> __u32 endpoint number. Every address of the node is there too (-> 0), and
 * for each endpoint its interface as a pseudo-address (wr_ep_ifindex_key), for packets whose addresses say nothing.
 */
static inline struct wr_addr wr_ep_ifindex_key(__u32 ifindex)
{
	return (struct wr_addr){ .w = { 0xffffffffu, 0xffffffffu, 0, ifindex } };
}

static inline int wr_ep_is_ifindex_key(const struct wr_addr *a)
{
	return a->w[0] == 0xffffffffu && a->w[1] == 0xffffffffu && !a->w[2];
}

/* The endpoint's ruleset word. */
#define WR_RULES_ID(word) ((__u32)(word))
#define WR_RULES_EGRESS   (1ull << 32) /* egress is judged by the ruleset; else open */
#define WR_RULES_INGRESS  (1ull << 33)
#define WR_RULES_CLOSED \
	(1ull << 34) /* nothing passes but the node's probes: labels not known yet */
#define WR_RULES_AUDIT_EGRESS  (1ull << 35) /* judge and report, drop nothing */
#define WR_RULES_AUDIT_INGRESS (1ull << 36)
/* Rules of egress name domains: answers of name servers wait until the agent has put their addresses in force. */
#define WR_RULES_NAMES (1ull << 37)
#define WR_RULES_AUDIT (WR_RULES_AUDIT_EGRESS | WR_RULES_AUDIT_INGRESS)

enum wr_ep_flags {
	WR_EP_USED = 1 << 0,
	WR_EP_HOSTNET = 1 << 1, /* number 0 */
	WR_EP_ANY_SOURCE =
		1 << 2, /* no source check (chained after another main plugin that routes for others) */
	WR_EP_L3 = 1 << 3, /* the interface carries no Ethernet header */
};

/* Map wr_endpoints: array, endpoint number -> struct. Only the words change while the endpoint lives. */
struct wr_endpoint {
	__u64 rules; /* word */
	__u32 gen; /* raised after every change that flows must notice; never restarted for a reused number */
	__u32 identity;   /* of this pod as a peer, by its IPv4 address */
	__u32 ifindex;    /* host side of the veth */
	__u32 flags;      /* enum wr_ep_flags */
	__u8 mac[6];      /* pod's side: source of what it sends, destination of what it gets */
	__u8 host_mac[6]; /* host's side: the gateway's MAC */
	__u32 mtu;        /* bytes, of the pod's interface */
	__u32 quota;      /* promoted flows this endpoint may hold; 0: no limit */
	__u32 identity6;  /* by its IPv6 address: blocks of one family say nothing of the other */
	struct wr_addr addr4; /* zero: none */
	struct wr_addr addr6;
};
WR_ASSERT_SIZE(struct wr_endpoint, 80);

/* Map wr_ep_stats: array beside it: what the programs count. */
struct wr_ep_stats {
	__u64 promoted; /* promoted flows now; atomic; outlives the endpoint: its flows are swept later */
	__u64 refused; /* promotions refused by the quota or a full table; those flows stay evictable */
	__u64 drops[WR_DIR_MAX];
};
WR_ASSERT_SIZE(struct wr_ep_stats, 32);

/*
 * Maps wr_peers (hash, struct wr_addr) and wr_peer_prefixes (LPM, struct wr_peer_prefix) -> one word:
 * the exact address first, then the longest prefix. No answer: WR_IDENTITY_WORLD, way out WR_NEXTHOP_OUT4 or _OUT6.
 */
struct wr_peer_prefix {
	__u32 len; /* 0-128, of the 128-bit form */
	struct {
		__u32 w[4];
	} addr;
};
WR_ASSERT_SIZE(struct wr_peer_prefix, 20);

/*
 * Who it is: 16 bits for new flows and, above them, where connections outlive the domain names that they began by, the identity
 * that flows which are there are judged by; 0: the same one.
 */
#define WR_WHO(identity, former)     ((__u32)(identity) | (__u32)(former) << 16)
#define WR_PEER(who, nexthop, flags) ((__u64)(who) | (__u64)(nexthop) << 32 | (__u64)(flags) << 56)
#define WR_PEER_WHO(word)            ((__u32)(word))
#define WR_PEER_IDENTITY(word)       ((__u32)(word)&0xffff)
#define WR_PEER_FORMER(word)         ((__u32)(word) >> 16)
#define WR_PEER_NEXTHOP(word)        ((__u32)((word) >> 32) & 0xffffff)
#define WR_PEER_FLAGS(word)          ((__u32)((word) >> 56))
enum wr_peer_flags {
	WR_PEER_CLUSTER = 1 << 0, /* pod range or node: never masqueraded towards it */
	WR_PEER_IS_NODE = 1 << 1,
	WR_PEER_LOCAL_RANGE = 1 << 2, /* this node's own pod range */
};

/* Map wr_identity_gens: array, identity -> __u32, raised when an address in use changes identity. */

/* Next hops with fixed numbers. */
enum wr_nexthop_number {
	WR_NEXTHOP_STACK = 0, /* kind WR_NH_STACK, always */
	WR_NEXTHOP_OUT4 =
		1, /* the default way out of each family: for addresses that no row of wr_peers names */
	WR_NEXTHOP_OUT6 = 2,
	WR_NEXTHOP_BACK6 =
		3, /* and those behind: each uplink's own IPv6 gateway, for answers; WR_NH_NEIGH, or unused */
	WR_NEXTHOP_FIRST = 16,
};

enum wr_nexthop_kind {
	WR_NH_STACK, /* the host's stack takes it; what is masqueraded is sent by bpf_fib_lookup instead */
	WR_NH_NEIGH, /* redirect_neigh: interface and gateway (the destination itself when gateway is zero) */
	WR_NH_ROUTE,  /* redirect_neigh, with a route lookup of its own within the interface */
	WR_NH_TUNNEL, /* VXLAN: outer destination is outer_src, and gateway */
	WR_NH_DROP,   /* unreachable */
};

/*
 * Map wr_nexthops: array, next-hop number -> struct, read for each packet. gen is raised when flows must look up
 * their peer's number again.
 */
struct wr_nexthop {
	__u32 gen;
	__u32 ifindex;
	struct wr_addr gateway;
	__u32 mtu;                /* what a packet may measure before encapsulation; bytes */
	__u16 kind;               /* enum wr_nexthop_kind */
	__u16 node;               /* node number, for display; 0: none */
	struct wr_addr outer_src; /* what outer source tunnelled packets of that node's have, whatever kind our way to it is; zero: no node */
	__u32 vni;
	__u32 tunnel_mtu; /* mtu of the tunnel to that node, whatever kind our way to it is; 0: there is none */
};
WR_ASSERT_SIZE(struct wr_nexthop, 56);

#endif
