/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Policy as rows: struct wr_rule_key -> word. The peer's identity is looked up, then WR_RULE_ANY_PEER; the longest
 * prefix is the answer (the compiler has settled all precedence); no row at all: deny.
 *
 * Rows of full length, for one port, are the longest prefix wherever they match: they are in a map of their own, wr_port_rules (hash),
 * looked at first. All others are in wr_rules (LPM), whose depth, and so the cost of a look-up, grows with the number of rows.
 */
#ifndef WR_ABI_POLICY_H
#define WR_ABI_POLICY_H

#include "bpf/abi/base.h"

#define WR_RULE_ANY_PEER 0xffffffffu

struct wr_rule_key {
	__u32 len; /* WR_RULE_LEN_* + port bits */
	__u32 ruleset;
	__u32 identity;
	__u8 dir; /* enum wr_dir */
	__u8 proto;
	__be16 port; /* destination port; ICMP: 0 */
};
WR_ASSERT_SIZE(struct wr_rule_key, 16);

#define WR_RULE_LEN_DIR   72 /* every protocol and port */
#define WR_RULE_LEN_PROTO 80 /* every port of the protocol; + 1..16 for a port prefix */
#define WR_RULE_LEN_PORT  96 /* one port */

enum wr_verdict {
	WR_VERDICT_DENY,
	WR_VERDICT_ALLOW,
	WR_VERDICT_AUDIT, /* allowed; the rule is that of a policy in shadow mode, which would have denied it */
	WR_VERDICT_MAX, /* in no row: what programs make of a miss */
};

#define WR_RULE_WORD(verdict, rule) ((__u64)(verdict) | (__u64)(rule) << 32)
#define WR_RULE_VERDICT(word)       ((__u32)(word)&0xff)
#define WR_RULE_NUMBER(word)        ((__u32)((word) >> 32))

#endif
