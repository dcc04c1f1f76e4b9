/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Policy: one endpoint's ruleset, one direction, one peer (bpf/abi/policy.h). */
#ifndef WR_BPF_POLICY_H
#define WR_BPF_POLICY_H

#include "bpf/include/ep.h"
#include "bpf/include/maps_policy.h"
#include "bpf/include/pkt.h"

struct wr_question {
	__u64 rules;    /* the subject's ruleset word */
	__u32 identity; /* the peer's */
	__u8 dir;       /* enum wr_dir, of the subject */
	__u8 proto;
	__be16 port;   /* destination's */
	__u32 audited; /* answer: enum wr_reason of a denial in shadow mode; 0: none */
};

static __always_inline __u64 rule_of(const struct wr_question *q, __u32 identity)
{
	struct wr_rule_key key = {
		.len = WR_RULE_LEN_PORT,
		.ruleset = WR_RULES_ID(q->rules),
		.identity = identity,
		.dir = q->dir,
		.proto = q->proto,
		.port = q->port,
	};
	const __u64 *word = bpf_map_lookup_elem(&wr_port_rules, &key);

	if (!word)
		word = bpf_map_lookup_elem(&wr_rules, &key);
	return word ? READ_ONCE(*word) : WR_RULE_WORD(WR_VERDICT_MAX, 0);
}

/* The protocols that rules can speak of. */
static __always_inline int is_judgeable(__u8 proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP ||
	       proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;
}

static __always_inline __u32 denial(const struct wr_question *q)
{
	if (q->identity == WR_IDENTITY_UNKNOWN)
		return WR_REASON_POLICY_UNKNOWN_PEER;
	return q->dir == WR_DIR_EGRESS ? WR_REASON_POLICY_EGRESS : WR_REASON_POLICY_INGRESS;
}

/* 0: allowed; else the reason. *ret_rule: the rule that decided, 0: none did. */
static __always_inline int wr_policy(struct wr_question *q, __u32 *ret_rule)
{
	__u64 isolated = q->dir == WR_DIR_EGRESS ? WR_RULES_EGRESS : WR_RULES_INGRESS;
	__u64 word;

	if (q->rules & WR_RULES_CLOSED)
		return WR_REASON_POLICY_CLOSED;
	if (!(q->rules & isolated))
		return 0;
	if (!is_judgeable(q->proto))
		return WR_REASON_PROTOCOL;
	word = rule_of(q, q->identity);
	if (WR_RULE_VERDICT(word) == WR_VERDICT_MAX)
		word = rule_of(q, WR_RULE_ANY_PEER);
	*ret_rule = WR_RULE_NUMBER(word);
	if (WR_RULE_VERDICT(word) == WR_VERDICT_AUDIT)
		q->audited = denial(q);
	return WR_RULE_VERDICT(word) == WR_VERDICT_ALLOW || q->audited ? 0 : denial(q);
}

#endif
