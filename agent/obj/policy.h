/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NetworkPolicy (networking.k8s.io/v1) and ClusterNetworkPolicy (policy.networking.k8s.io/v1alpha2)
 * as structs.
 */
#ifndef WR_AGENT_OBJ_POLICY_H
#define WR_AGENT_OBJ_POLICY_H

#include "agent/obj/object.h"

enum wr_selector_op {
	WR_SEL_IN,
	WR_SEL_NOT_IN,
	WR_SEL_EXISTS,
	WR_SEL_NOT_EXISTS,
	WR_SEL_NOTHING, /* could not be understood: matches nothing */
};

struct wr_selector_term {
	wr_istr key;
	enum wr_selector_op op;
	WR_VEC(wr_istr) values;
};

/* Terms are ANDed; no terms: everything. matchLabels become IN with one value. */
struct wr_selector {
	WR_VEC(struct wr_selector_term) terms;
};
bool wr_selector_matches(const struct wr_selector *s, const struct wr_labels *l);

/* One port clause. */
struct wr_policy_port {
	uint8_t proto;        /* 0: every protocol */
	uint16_t first, last; /* 0, 65535: all ports */
	wr_istr name;         /* named port: first and last are unused; NULL: numeric */
};

enum wr_peer_kind {
	WR_PEER_KIND_PODS,   /* namespace and pod selectors */
	WR_PEER_KIND_BLOCK,  /* CIDR with excepts */
	WR_PEER_KIND_NODES,  /* node selector (CNP) */
	WR_PEER_KIND_DOMAIN, /* domain name (CNP) */
	WR_PEER_KIND_UNSUPPORTED, /* an unknown peer: matches nothing for Accept, everything for Deny and Pass */
};

struct wr_policy_peer {
	enum wr_peer_kind kind;
	bool own_namespace;            /* no namespaceSelector: the policy's own namespace only */
	struct wr_selector namespaces; /* when !own_namespace */
	struct wr_selector pods;       /* also: nodes */
	struct wr_prefix block;
	WR_VEC(struct wr_prefix) excepts;
	char *domain; /* lower case, without a trailing dot; "*.example.com" */
};

enum wr_policy_action {
	WR_ACTION_ACCEPT,
	WR_ACTION_DENY,
	WR_ACTION_PASS,
};

struct wr_policy_rule {
	enum wr_policy_action action; /* NetworkPolicy: always ACCEPT */
	char *name;                   /* CNP rule name; NULL */
	bool any_peer;                /* no peer list: everyone */
	WR_VEC(struct wr_policy_peer) peers;
	bool any_port;
	WR_VEC(struct wr_policy_port) ports;
	bool unknown; /* not understood: Accept matches nothing, Deny and Pass deny all */
};

typedef WR_VEC(struct wr_policy_rule) wr_rules;

struct wr_problem {
	char *field, *what; /* "spec.ingress[0].ports[1].endPort", "is below port" */
};

typedef WR_VEC(struct wr_problem) wr_problems;

struct wr_netpol {
	struct wr_object o;
	char *uid; /* NULL: none */
	struct wr_selector pods;
	bool isolates[2];  /* by enum wr_dir */
	wr_rules rules[2]; /* by enum wr_dir, in their order */
	wr_problems problems;
	bool audit; /* annotation weir.dev/audit: "true" */
};

enum wr_tier {
	WR_TIER_ADMIN,
	WR_TIER_NETWORKPOLICY,
	WR_TIER_BASELINE,
	WR_TIER_MAX,
};

struct wr_cnp {
	struct wr_object o;
	char *uid; /* NULL: none */
	enum wr_tier tier;
	int priority;
	struct wr_selector namespaces, pods; /* subject; pods with no terms: all */
	wr_rules rules[2];                   /* by enum wr_dir, in their order */
	wr_problems problems;
	bool audit;
};

#endif
