/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small random cluster with policies, as plain numbers, and what Kubernetes says of each packet in it: the oracle. It shares no
 * code with the compiler, and is written to be read beside the specification, not to be fast.
 */
#ifndef WR_TESTS_UNIT_POLICY_MODEL_H
#define WR_TESTS_UNIT_POLICY_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/strbuf.h"

#define M_KEYS   3
#define M_SPACES 3
#define M_PODS   6
#define M_NODES  2
#define M_NPS    5
#define M_CNPS   4
#define M_TERMS  2
#define M_PEERS  3
#define M_PORTS  3
#define M_RULES  3
#define M_NAMES  4
#define M_NAMED  6

enum m_op { M_EQUAL, M_IN, M_NOT_IN, M_EXISTS, M_ABSENT };

struct m_selector {
	int n;
	struct {
		enum m_op op;
		int key, value, other;
	} terms[M_TERMS];
};

struct m_block {
	int family; /* 4, 6 */
	uint32_t bits,
		len; /* the varying 16 bits of an address (see m_address), and how many of them count */
	int n_excepts;
	struct {
		uint32_t bits, len;
	} excepts[2];
};

enum m_peer_kind { M_PEER_PODS, M_PEER_BLOCK, M_PEER_NODES, M_PEER_DOMAIN };

struct m_peer {
	enum m_peer_kind kind;
	bool own_space, has_pods;
	struct m_selector spaces, pods;
	struct m_block block;
	int domain; /* which of the patterns */
};

struct m_port {
	int proto; /* 0: every one (named ports of CNPs) */
	bool all;
	int name; /* -1: a number */
	int first, last;
};

enum m_action { M_ACCEPT, M_DENY, M_PASS };

struct m_rule {
	enum m_action action;
	int n_peers,
		n_ports; /* NetworkPolicy: 0 is everyone, every port; CNP: 0 ports is every port */
	struct m_peer peers[M_PEERS];
	struct m_port ports[M_PORTS];
};

struct m_policy {
	bool used;
	int space;                /* NetworkPolicy */
	bool baseline;            /* CNP */
	int priority;             /* CNP */
	struct m_selector spaces; /* CNP */
	struct m_selector pods;
	bool isolates[2]; /* egress, ingress */
	int n_rules[2];
	struct m_rule rules[2][M_RULES];
};

struct m_pod {
	bool used, host_network;
	int space, node, labels[M_KEYS]; /* -1: absent */
	uint32_t bits;                   /* its address */
	bool has6;
	struct {
		int name, proto, number;
	} ports[3];
	int n_ports;
};

enum m_bound {
	M_UNBOUND,
	M_BOUND,
	M_OVER, /* for connections that are there */
	M_BOUND_MAX,
};

struct model {
	int space_labels[M_SPACES][M_KEYS];
	int node_labels[M_NODES][M_KEYS];
	struct m_pod pods[M_PODS];
	struct m_policy nps[M_NPS], cnps[M_CNPS];
	enum m_bound bound[M_NAMES][M_NAMED][2]; /* a name to an address, by family: IPv4, IPv6 */
	bool begun; /* the oracle is asked for connections that are there already */
	uint64_t random;
};

/* Addresses are 10.1.H.L and fd00::1:HHLL; 0x00xx and 0x01xx are the pod ranges of the nodes, 0x02xx nodes, the rest the world. */
struct m_address {
	int family;
	uint32_t bits;
};

/* Names, and the addresses that they may be bound to: of the world, a node's, one of a pod range. */
extern const char *const pm_names[M_NAMES];
extern const uint32_t pm_named[M_NAMED];

void pm_init(struct model *m, uint64_t seed);
uint32_t pm_random(struct model *m, uint32_t below);
void pm_new_pod(struct model *m, int i);
void pm_new_np(struct model *m, int i);
void pm_new_cnp(struct model *m, int i);
void pm_new_labels(struct model *m, int labels[M_KEYS]);

/* The oracle: may @subject send to (egress: dir 0) or get from (ingress: dir 1) the address? */
bool pm_allows(const struct model *m, int subject, int dir, struct m_address peer, int proto,
	       int port);

/* As manifests. */
void pm_space_yaml(const struct model *m, int i, struct wr_strbuf *out);
void pm_node_yaml(const struct model *m, int i, struct wr_strbuf *out);
void pm_pod_yaml(const struct model *m, int i, struct wr_strbuf *out);
void pm_np_yaml(const struct model *m, int i, struct wr_strbuf *out);
void pm_cnp_yaml(const struct model *m, int i, struct wr_strbuf *out);
void pm_address_text(struct m_address a, char out[48]);

#endif
