/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the agent tells the programs.
 *
 * struct wr_config is the .rodata of every object ("wr_cfg"): fixed for a load; unused branches are pruned
 * by the verifier. struct wr_globals is the one element of map wr_globals: may change at any time, word by word.
 */
#ifndef WR_ABI_CONFIG_H
#define WR_ABI_CONFIG_H

#include "bpf/abi/base.h"

enum wr_switch {
	WR_SW_IPV4 = 1 << 0,
	WR_SW_IPV6 = 1 << 1,
	WR_SW_TUNNEL = 1 << 2, /* some nodes are reached by VXLAN */
	WR_SW_MASQUERADE = 1 << 3,
	WR_SW_SOCKET_LB = 1 << 4,
	WR_SW_NODEPORT = 1 << 5,
	WR_SW_FLOW_EVENTS = 1 << 6,
	WR_SW_LOCALHOST_NODEPORT = 1 << 7,
	WR_SW_PEER_REDIRECT = 1 << 8, /* bpf_redirect_peer works here (veth); else plain redirect */
	WR_SW_NO_KERN_CTX = 1 << 9,   /* pretend that the kernel is older than 6.2 (tests) */
};

/* Timeouts, seconds. Index of wr_config.timeout. */
enum wr_timeout {
	WR_TIMEOUT_TCP_SYN,
	WR_TIMEOUT_TCP_ESTABLISHED,
	WR_TIMEOUT_TCP_FIN,
	WR_TIMEOUT_TCP_CLOSED,
	WR_TIMEOUT_UDP_NEW,
	WR_TIMEOUT_UDP,
	WR_TIMEOUT_ICMP,
	WR_TIMEOUT_OTHER,
	WR_TIMEOUT_SCTP,
	WR_TIMEOUT_MAX,
};

/* The gateway of every pod: 169.254.1.1 and fe80::1 (the first and the last word); host byte order. */
#define WR_GATEWAY_IPV4       0xa9fe0101u
#define WR_GATEWAY_IPV6_FIRST 0xfe800000u
#define WR_GATEWAY_IPV6_LAST  1u

struct wr_config {
	__u32 switches; /* enum wr_switch */
	__u32 mark;     /* bit(s) set on what pod egress has masqueraded or encapsulated */
	__u32 vxlan_ifindex;
	__u32 vxlan_port; /* host byte order */
	__u32 nat_first;  /* first and last source port of the masquerade pool */
	__u32 nat_last;
	__u32 flow_shards; /* power of two */
	__u32 hz;          /* jiffies per second */
	__u32 drop_sample; /* report one in this many drops (power of two); 0: none */
	__u32 pad;
	__u64 netns_cookie; /* the node's own network namespace */
	__u32 timeout[WR_TIMEOUT_MAX];
	__u32 pad2;
};
WR_ASSERT_SIZE(struct wr_config, 88);

struct wr_globals {
	__u64 gen; /* word: added to every flow's generation sum; raised at the agent's start */
	/* word: bpf_ktime_get_ns until which the agent is there to take answers of name servers; 0: nobody asks for them */
	__u64 names_until;
	struct wr_addr masq4; /* what pod traffic leaves with; zero: none. Changed only together with gen */
	struct wr_addr masq6;
};
WR_ASSERT_SIZE(struct wr_globals, 48);

#endif
