/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Policy as rows. Map wr_rules (LPM): struct wr_rule_key -> word. Two look-ups at the most: the peer's
 * identity, then WR_RULE_ANY_PEER; the longest prefix is the answer (the compiler has settled all
 * precedence); no row at all: deny.
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

enum wr_verdict {
	WR_VERDICT_DENY,
	WR_VERDICT_ALLOW,
	WR_VERDICT_MAX, /* in no row: what programs make of a miss */
};

#define WR_RULE_WORD(verdict, rule) ((__u64)(verdict) | (__u64)(rule) << 32)
#define WR_RULE_VERDICT(word)       ((__u32)(word)&0xff)
#define WR_RULE_NUMBER(word)        ((__u32)((word) >> 32))

#endif
