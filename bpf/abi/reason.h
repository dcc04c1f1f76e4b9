/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Why a packet was dropped or refused. One list: the enum, the names that people see and the texts of
 * `weir drops` come from it. Numbers are ABI (they index the counters): append, never reorder.
 *
 * X(symbol, name, text)
 */
#ifndef WR_ABI_REASON_H
#define WR_ABI_REASON_H

#define WR_REASONS(X)                                                                                 \
	X(NONE, "none", "not dropped")                                                                \
	X(SHORT, "short-packet", "the packet ends inside its headers")                                \
	X(BAD_HEADER, "bad-header", "a header contradicts itself or the specification")               \
	X(EXT_HEADERS, "too-many-extension-headers", "more IPv6 extension headers than are followed") \
	X(ETHERTYPE, "unknown-ethertype", "neither IPv4, IPv6 nor ARP")                               \
	X(SPOOFED_ADDR, "spoofed-address", "the source address is not this pod's")                    \
	X(SPOOFED_MAC, "spoofed-mac", "the source MAC is not this pod's")                             \
	X(SPOOFED_NODE, "spoofed-node",                                                               \
	  "a source that is this node's or its pods' came from outside")                              \
	X(SPOOFED_OUTER, "spoofed-tunnel",                                                            \
	  "the tunnel's outer source is not the inner source's node")                                 \
	X(UNKNOWN_ENDPOINT, "unknown-endpoint", "no endpoint has this address or interface")          \
	X(PROTOCOL, "unknown-protocol", "policy selects the pod and cannot judge this protocol")      \
	X(FRAGMENT, "fragment-without-first", "the first fragment was not seen")                      \
	X(POLICY_EGRESS, "policy-egress", "denied by the sender's policy")                            \
	X(POLICY_INGRESS, "policy-ingress", "denied by the receiver's policy")                        \
	X(POLICY_UNKNOWN_PEER, "policy-unknown-peer",                                                 \
	  "the peer's identity is not known yet and policy selects the pod")                          \
	X(POLICY_CLOSED, "policy-closed", "the pod's labels are not known yet")                       \
	X(NO_BACKEND, "no-backend", "the service has no backend that may be used")                    \
	X(NO_LOCAL_BACKEND, "no-local-backend", "traffic policy Local and no backend on this node")   \
	X(UNKNOWN_PORT, "unknown-service-port", "the address belongs to services, the port to none")  \
	X(SOURCE_RANGE, "source-range", "loadBalancerSourceRanges does not list the client")          \
	X(TCP_MIDSTREAM, "tcp-midstream", "TCP without a tracked connection and not a first segment") \
	X(TCP_STATE, "tcp-state", "the segment does not fit the connection")                          \
	X(ICMP_UNRELATED, "icmp-unrelated", "an ICMP error about no known flow")                      \
	X(TTL, "ttl-exceeded", "TTL or hop limit reached zero")                                       \
	X(TOO_BIG, "too-big", "larger than the way out and may not be fragmented")                    \
	X(NO_ROUTE, "no-route", "no route to the destination")                                        \
	X(NO_NEIGHBOUR, "no-neighbour", "the next hop's link address is not known")                   \
	X(NO_TUNNEL, "no-tunnel", "the destination's node is not known")                              \
	X(NAT_EXHAUSTED, "nat-exhausted", "every source port towards this destination is in use")     \
	X(FLOW_TABLE_FULL, "flow-table-full", "the flow table is full")                               \
	X(FLOW_QUOTA, "flow-quota", "the endpoint has used up its share of the flow table")           \
	X(FRAG_TABLE_FULL, "fragment-table-full", "the fragment table is full")                       \
	X(REWRITE, "rewrite-failed", "the packet could not be rewritten")                             \
	X(REDIRECT, "redirect-failed", "the packet could not be redirected")                          \
	X(LOOP, "loop", "the packet would come back to where it is")                                  \
	X(DENY_LIST, "deny-list", "the source is on the deny list")                                   \
	X(MULTICAST, "multicast", "multicast and broadcast are not forwarded")                        \
	X(INTERNAL, "internal", "a case that should not exist; please report it")                     \
	X(SOURCE_ROUTE, "source-route", "a routing header that names further destinations")           \
	X(DIRECT, "direct-return", "another node chose a service or a backend that this one has not")

enum wr_reason {
#define X(symbol, name, text) WR_REASON_##symbol,
	WR_REASONS(X)
#undef X
		WR_REASON_MAX,
};

#endif
