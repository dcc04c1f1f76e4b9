/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy compiler: objects in, identities and rulesets out. Pure: no kernel, no clock, no logging.
 *
 * An identity is the set of peer selectors and IP blocks (of policies in force here) that match an address. Equal sets are
 * one number; a number keeps its meaning while anybody uses it, and rests before it gets another. A ruleset is what the
 * policies of a subject say: endpoints with the same policies share one. Both are immutable: a change makes new ones.
 *
 * wr_policy_apply hands out what changed, in an order in which no packet sees half of it: rows of rulesets in force for
 * new identities, and new rulesets for all identities; then addresses to their identities; then subjects to their rulesets.
 * wr_policy_collect takes away what nobody uses, a grace period later.
 */
#ifndef WR_AGENT_POLICY_POLICY_H
#define WR_AGENT_POLICY_POLICY_H

#include "agent/obj/policy.h"
#include "bpf/abi/endpoint.h"
#include "bpf/abi/policy.h"

struct wr_policy;

struct wr_policy *wr_policy_new(void);
void wr_policy_free(struct wr_policy *p);

/* What the store says (wr_store_fn). Objects are borrowed until the store replaces them. Cheap: work is done by apply. */
void wr_policy_change(struct wr_policy *p, enum wr_kind kind, const struct wr_object *old,
		      const struct wr_object *new_);

/*
 * A subject: an endpoint of this node, by its number. The strings are copied. An empty @name: no pod of Kubernetes, nothing
 * applies. A Pod object of another UID is not this pod's; an empty UID fits every one.
 */
struct wr_policy_subject {
	const char *ns, *name, *uid;
	struct wr_addr addr4, addr6; /* zero: none */
};
void wr_policy_subject_put(struct wr_policy *p, uint32_t number,
			   const struct wr_policy_subject *given);
void wr_policy_subject_del(struct wr_policy *p, uint32_t number);

/*
 * Names that addresses outside the cluster have for now, in lower case without a dot at the end. Rules that name domains mean
 * the addresses whose names they match.
 */
void wr_policy_bind(struct wr_policy *p, const struct wr_addr *addr, const char *name);
/* Its time is over: it is there for the connections that began by it, and no others, until it is bound again or unbound. */
void wr_policy_retire(struct wr_policy *p, const struct wr_addr *addr, const char *name);
void wr_policy_unbind(struct wr_policy *p, const struct wr_addr *addr, const char *name);
/* Whether rules of a subject here name domains; whether one of them means the name. Known after an apply. */
bool wr_policy_names_domains(const struct wr_policy *p);
bool wr_policy_means_name(const struct wr_policy *p, const char *name);

/* What is in force for a subject since the last apply. */
struct wr_policy_verdict {
	uint64_t word; /* bpf/abi/endpoint.h */
	uint32_t identity4, identity6;
	bool waits; /* closed, since a known policy could select the pod and its labels are not known */
	bool overflow; /* closed, since its rules did not fit */
};
/* false: no such subject, or apply has not seen it yet. */
bool wr_policy_verdict(const struct wr_policy *p, uint32_t number, struct wr_policy_verdict *ret);

struct wr_policy_row {
	struct wr_rule_key key;
	uint64_t word;
};

/* Calls come in the order in which they must reach the kernel. */
struct wr_policy_sink {
	void *ctx;
	/* All rows or none need be there when it fails: they are deleted then, and given again with the next apply. */
	int (*put_rules)(void *ctx, const struct wr_policy_row *rows, size_t n);
	/* Rows that are not there are no failure. */
	int (*del_rules)(void *ctx, const struct wr_policy_row *rows, size_t n);
	void (*put_peer)(void *ctx, const struct wr_prefix *prefix, uint32_t who); /* WR_WHO() */
	void (*del_peer)(void *ctx, const struct wr_prefix *prefix);
	int (*flush_peers)(void *ctx); /* what was put and deleted is in force when it returns 0 */
	int (*put_identity)(void *ctx, uint32_t number, uint32_t identity4, uint32_t identity6);
	int (*put_word)(void *ctx, uint32_t number, uint64_t word);
};

/* 0, or the first failure; what failed is tried again by the next apply. A ruleset that did not fit closes its subjects. */
int wr_policy_apply(struct wr_policy *p, const struct wr_policy_sink *sink);
/* What is due is given again: the kernel may have lost it. */
void wr_policy_retry(struct wr_policy *p);
/* Called every grace period: removes what was unused at the call before. */
int wr_policy_collect(struct wr_policy *p, const struct wr_policy_sink *sink);
bool wr_policy_has_ruleset(const struct wr_policy *p, uint32_t number);
bool wr_policy_has_garbage(const struct wr_policy *p);

/* Whether any known policy names peers, so that pods of all nodes must be known. */
bool wr_policy_wants_peers(const struct wr_policy *p);
/* Whether a known policy could select some pod of the namespace. */
bool wr_policy_could_select(const struct wr_policy *p, const char *ns);

/* Each namespace that is known or that a policy names, in no order and some more than once; @could: a policy could select there. */
typedef void (*wr_policy_reach_fn)(void *ctx, const char *ns, bool could);
void wr_policy_each_reached(const struct wr_policy *p, wr_policy_reach_fn fn, void *ctx);
/* Whether a policy asks namespaces for labels, so that one that is not known yet could be meant. */
bool wr_policy_reaches_anywhere(const struct wr_policy *p);
/* Whether policies or namespaces have changed since the last time that this was asked. */
bool wr_policy_take_reach_changed(struct wr_policy *p);

/*
 * Numbers outlive a restart: what an identity means is a hash. Numbers that @reserve names are given to the set with that
 * hash and to no other; an unknown hash (0) keeps the number from everybody.
 */
void wr_policy_reserve(struct wr_policy *p, uint32_t number, uint64_t hash);
/* How many numbers have been given a meaning so far: while it stays, no number means something new. */
uint64_t wr_policy_identities_made(const struct wr_policy *p);
int wr_policy_each_identity(const struct wr_policy *p,
			    int (*fn)(void *ctx, uint32_t number, uint64_t hash), void *ctx);

/* For people. Text of a rule number; NULL: unknown. Borrowed until the next apply or collect. */
const char *wr_policy_rule_text(const struct wr_policy *p, uint32_t rule);
/* Names of the policies that select the subject, in the order of their tiers; the first non-zero result ends the walk. */
int wr_policy_each_of_subject(const struct wr_policy *p, uint32_t number,
			      int (*fn)(void *ctx, const char *policy, enum wr_tier tier, bool audit),
			      void *ctx);
/* The ruleset's answer as the programs find it; for `weir why`. */
uint64_t wr_policy_judge(const struct wr_policy *p, uint32_t number, enum wr_dir dir,
			 uint32_t identity, uint8_t proto, uint16_t port);

struct wr_policy_counts {
	size_t policies, selectors, identities, rulesets, rows, overflows;
};
struct wr_policy_counts wr_policy_counts(const struct wr_policy *p);

#endif
