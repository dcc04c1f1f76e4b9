/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the compiler share. */
#ifndef WR_AGENT_POLICY_PRIVATE_H
#define WR_AGENT_POLICY_PRIVATE_H

#include "agent/policy/policy.h"
#include "lib/base/strbuf.h"

/* A namespace that has an object or pods. One without an object has the label that every namespace has. */
struct space {
	struct wr_hnode node;
	wr_istr name;
	const struct wr_object *o;
	struct pod *pods;
	struct wr_label own_name;
};

/* ---- match.c: whom selectors mean -------------------------------------------------------------- */

/* Pods of one namespace (@ns), or of those that @namespaces selects. */
struct match {
	wr_istr ns;
	struct wr_selector namespaces, pods;
};
void match_copy(struct match *to, wr_istr ns, const struct wr_selector *namespaces,
		const struct wr_selector *pods);
void match_done(struct match *m);
bool match_has(const struct match *m, const struct space *space, const struct wr_labels *labels);
bool match_could_have(const struct match *m, const struct space *space);
struct wr_labels space_labels(const struct space *space);
void selector_text(const struct wr_selector *s, struct wr_strbuf *out);

/* Items by what their match asks for first, so that a pod meets only those that name its labels or its namespace. */
struct match_index {
	struct wr_hmap buckets;
};
typedef void (*match_fn)(void *ctx, void *item);
void index_add(struct match_index *idx, const struct match *m, void *item);
void index_del(struct match_index *idx, const struct match *m, void *item);
/* Calls @fn once for each item whose match may have the pod. */
void index_each(const struct match_index *idx, const struct space *space,
		const struct wr_labels *labels, match_fn fn, void *ctx);
void index_done(struct match_index *idx);

/* ---- sels.c: peer selectors and identities -------------------------------------------------------- */

enum sel_kind {
	SEL_PODS,
	SEL_NODES,
	SEL_BLOCK,
	SEL_DOMAIN,
	SEL_PORT, /* no selector: a named port of a pod, which tells peers apart */
};

struct sel {
	struct wr_hnode node;
	char *text; /* what it means; equal text, one selector */
	enum sel_kind kind;
	uint32_t number;
	uint32_t refs; /* clauses and identities that name it */
	uint32_t uses; /* rulesets: while there are any, pods are matched against it */
	struct match match;
	struct wr_prefix block;
	WR_VEC(struct wr_prefix) excepts;
	char *domain;
	struct wr_policy_port port;
};

typedef WR_VEC(uint32_t) numbers;

struct identity {
	struct wr_hnode node;
	uint64_t hash;
	uint32_t number;
	uint32_t refs; /* addresses */
	uint8_t age;   /* collections since it was last used */
	uint32_t n;
	uint32_t sels[]; /* sorted */
};

/* Whom a row of peers names. */
struct who {
	struct identity *identity; /* NULL: there is no row */
	struct identity *former; /* of connections that began by names whose time is over; NULL: as all others */
};

struct reserved {
	uint64_t hash;
	uint32_t number;
};

struct sel *sel_of_peer(struct wr_policy *p, const struct wr_policy_peer *peer, wr_istr ns);
struct sel *sel_of_port(struct wr_policy *p, wr_istr name, uint8_t proto, uint16_t port);
void sel_put(struct wr_policy *p, struct sel *s);
void sel_use(struct wr_policy *p, struct sel *s);
void sel_unuse(struct wr_policy *p, struct sel *s);
struct sel *sel_at(const struct wr_policy *p, uint32_t number);
/* @set is sorted in place. Empty: the fixed identity @otherwise. NULL: numbers are used up. */
struct identity *identity_get(struct wr_policy *p, numbers *set, enum wr_identity otherwise);
void identity_free(struct wr_policy *p, struct identity *i);
void identity_move(struct identity **at, struct identity *to);

/* ---- blocks.c: IP blocks ---------------------------------------------------------------------------- */

/* A prefix that a block or a hole begins at. */
struct cidr {
	struct wr_hnode node;
	struct wr_prefix prefix;
	uint32_t edges;
	WR_VEC(struct sel *) blocks;
	struct who now, want;
};
void block_add(struct wr_policy *p, struct sel *s);
void block_del(struct wr_policy *p, struct sel *s);
void blocks_of(const struct wr_policy *p, const struct wr_prefix *inside, numbers *set);
void blocks_settle(struct wr_policy *p);
void blocks_done(struct wr_policy *p);
bool in_pod_range(const struct wr_policy *p, const struct wr_prefix *prefix);

/* ---- cluster.c: pods, namespaces, nodes, addresses ---------------------------------------------------- */

enum family {
	V4,
	V6,
	FAMILIES,
};

/* There are tens of thousands, and as many sites. */
struct pod {
	struct wr_hnode node; /* by namespace and name */
	const struct wr_pod *o;
	struct space *space;
	struct pod *next, **at;             /* in the namespace's list */
	struct site *sites[FAMILIES];       /* of its addresses */
	struct pod *next_of_site[FAMILIES]; /* the one before it that has the same address */
	uint32_t dirty_at;                  /* 1 + index in the list of dirty pods; 0: not in it */
};

struct bound_name {
	wr_istr name;
	bool over; /* for connections that are there, and no others */
};

/* An address of the cluster, or one with a name. */
struct site {
	struct wr_hnode node;
	struct wr_addr addr;
	struct pod *pods; /* that have it, the latest first */
	struct subject *subject;
	const struct wr_node *cluster_node;
	WR_VEC(struct bound_name) names;
	struct who now, want;
	uint32_t blocks; /* edges of this very address */
	bool dirty;
};

struct node_entry {
	struct wr_hnode node;
	const struct wr_node *o;
};

/* sites.c */
struct site *site_get(struct wr_policy *p, const struct wr_addr *addr);
void site_touch(struct wr_policy *p, struct site *s);
void sites_touch_named(struct wr_policy *p);
void site_settle(struct wr_policy *p, struct site *s);
void site_free(struct site *s);
void site_free_if_unused(struct wr_policy *p, struct site *s);
struct pod *pod_find(const struct wr_policy *p, const char *ns, const char *name);
bool pod_counts(const struct wr_pod *o);
void pod_touch(struct wr_policy *p, struct pod *pod);
struct space *space_find(const struct wr_policy *p, const char *name);
void cluster_touch_matching(struct wr_policy *p, const struct sel *s);
void cluster_touch_all(struct wr_policy *p);
void cluster_change_pod(struct wr_policy *p, const struct wr_pod *old, const struct wr_pod *new_);
void cluster_change_space(struct wr_policy *p, const struct wr_object *old,
			  const struct wr_object *new_);
void cluster_change_node(struct wr_policy *p, const struct wr_node *old, const struct wr_node *new_);
void cluster_settle(struct wr_policy *p);
void cluster_done(struct wr_policy *p);

/* ---- clauses.c: policies as clauses -------------------------------------------------------------------- */

struct rule_info {
	struct wr_hnode node;
	uint32_t number, refs;
	char *text;
};
struct rule_info *rule_get(struct wr_policy *p, const char *text);
void rule_put(struct wr_policy *p, struct rule_info *r);

struct clause {
	enum wr_tier tier;
	enum wr_policy_action action;
	struct rule_info *rule;
	bool any_peer, any_port;
	WR_VEC(struct sel *) sels;
	WR_VEC(struct wr_policy_port) ports;
};

/* A policy, compiled and immutable; a changed one is another. */
struct pol {
	struct wr_hnode node;
	enum wr_kind kind;
	enum wr_tier tier;
	int priority;
	char *name; /* "shop/web", or "deny-all" */
	uint64_t content;
	uint32_t refs;
	bool isolates[WR_DIR_MAX], audit, names_peers, names_ports;
	struct match subject;
	WR_VEC(struct clause) clauses[WR_DIR_MAX];
};
typedef WR_VEC(struct pol *) pols_vec;
struct pol *pol_new(struct wr_policy *p, const struct wr_object *o);
void pol_put(struct wr_policy *p, struct pol *pol);
struct pol *pol_find(const struct wr_policy *p, enum wr_kind kind, const struct wr_object *o);
void pol_change(struct wr_policy *p, enum wr_kind kind, const struct wr_object *old,
		const struct wr_object *new_);

/* ---- paint.c: clauses as rows ---------------------------------------------------------------------------- */

typedef WR_VEC(struct wr_policy_row) rows_vec;

struct ruleset {
	struct wr_hnode node;
	char *text;
	uint32_t number;
	uint32_t refs; /* subjects */
	uint8_t age;
	bool written; /* all rows are in force */
	bool failed;
	bool again; /* the kernel may have lost rows */
	uint64_t word;
	WR_VEC(struct pol *) pols;                     /* in the order of tiers */
	WR_VEC(struct wr_policy_port) ports;           /* the subject's named ports */
	struct rule_info *denial[WR_DIR_MAX];          /* of the isolating policies */
	struct rule_info *enforced_denial[WR_DIR_MAX]; /* of those that are not in shadow mode */
	bool shadows[WR_DIR_MAX]; /* policies in shadow mode judge it, and others too */
	uint64_t *known;          /* bitmap: identities whose rows are in force */
	uint64_t seen;            /* of identities_made: all of these are known */
	rows_vec rows;
};

/* Rows for one identity; @set NULL: those of any peer. Nothing when they would be those of any peer. */
void paint_any(struct wr_policy *p, const struct ruleset *rs, rows_vec *out);
void paint_identity(struct wr_policy *p, const struct ruleset *rs, const struct identity *i,
		    rows_vec *out);

/* ---- rulesets.c: what policies say of a subject ------------------------------------------------------------ */

/* Of these policies, in the order of tiers; named ports are the pod's. */
struct ruleset *ruleset_of(struct wr_policy *p, const pols_vec *pols, const struct wr_pod *pod);
void ruleset_move(struct ruleset **at, struct ruleset *to);
/* Does an egress rule in force name the port? */
bool rulesets_name_port(const struct wr_policy *p, wr_istr name);
int rulesets_write(struct wr_policy *p, const struct wr_policy_sink *sink);
int rulesets_collect(struct wr_policy *p, const struct wr_policy_sink *sink);
void rulesets_done(struct wr_policy *p);

/* ---- subjects.c: pods of this node ---------------------------------------------------------------- */

struct subject {
	struct wr_hnode node; /* by namespace and name */
	uint32_t number;
	wr_istr ns;
	char *name;
	uint64_t uid; /* its wr_uid_hash */
	struct wr_addr addr4, addr6;
	bool dirty, identified, settled, changed;
	bool waits;
	struct ruleset *want; /* NULL: open, or waits */
	struct ruleset *now;
	uint64_t audit;
	struct wr_policy_verdict verdict; /* in force */
};
struct pod *subject_pod(const struct wr_policy *p, const struct subject *s);
struct subject *subject_of_pod(const struct wr_policy *p, const char *ns, const char *name);
void subject_touch(struct wr_policy *p, struct subject *s);
void subjects_touch_all(struct wr_policy *p);
void subjects_settle(struct wr_policy *p);
bool subjects_are_dirty(const struct wr_policy *p);
int subjects_identify(struct wr_policy *p, const struct wr_policy_sink *sink);
int subjects_flip(struct wr_policy *p, const struct wr_policy_sink *sink);
void subjects_done(struct wr_policy *p);

struct wr_policy {
	struct wr_hmap spaces, pods, sites, nodes, cidrs;
	struct wr_hmap sels, identities, pols, rules, rulesets, subjects;
	struct match_index peer_index, subject_index;
	WR_VEC(struct sel *) sel_at;
	WR_VEC(uint32_t) free_sels;
	struct identity *fixed[WR_IDENTITY_FIRST];
	struct identity **identity_at; /* by number */
	uint32_t next_identity;
	uint64_t identities_made; /* ever */
	WR_VEC(struct reserved) reserved;
	WR_VEC(struct wr_prefix) ranges; /* of pods */
	WR_VEC(struct sel *) fresh;      /* selectors that pods have not been matched against */
	WR_VEC(struct sel *) node_sels, domain_sels;
	WR_VEC(struct pod *) dirty_pods; /* NULL: gone since */
	WR_VEC(struct site *) dirty_sites;
	WR_VEC(struct subject *) subject_at; /* by number */
	WR_VEC(wr_istr) port_names;          /* that egress rules name */
	uint32_t len_uses[129];              /* blocks by the length of their prefix */
	bool blocks_dirty, subjects_dirty, retry, reach_changed;
	size_t peer_policies;
};

static inline uint32_t hash_name(const char *ns, const char *name)
{
	return wr_hash_bytes(name, strlen(name), wr_hash_str(ns));
}

#endif
