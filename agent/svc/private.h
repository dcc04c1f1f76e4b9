/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of agent/svc. */
#ifndef WR_AGENT_SVC_PRIVATE_H
#define WR_AGENT_SVC_PRIVATE_H

#include "agent/svc/svc.h"
#include "lib/base/cleanup.h"
#include "lib/base/hmap.h"
#include "lib/base/slab.h"
#include "lib/base/vec.h"

/* A frontend belongs to one service at a time; others that want it wait for it. */
struct wr_svc_claim {
	struct wr_slot slot; /* wr_svc_index.claims, by frontend */
	struct wr_addr addr;
	__be16 port;
	uint8_t proto, scope;
	uint32_t round;         /* of the owner's last build that wanted it */
	struct wr_svc *owner;   /* NULL: given up, the waiting have been marked */
	uint32_t next_of_owner; /* number + 1; 0: last */
};

/* For one claim; there is none without somebody. */
struct wr_svc_waiting {
	struct wr_slot slot; /* wr_svc_index.waiting, by the claim's number */
	WR_VEC(struct wr_svc *) v;
};

struct wr_svc_held {
	uint64_t key; /* of a set in force */
	bool holds;   /* the table holds backends for it */
	bool seen;    /* by the build at hand */
};

/* What few services have. */
struct wr_svc_rare {
	struct wr_addr addr4, addr6; /* host ports: the pod's */
	WR_VEC(struct wr_port_mapping) ports;
	WR_VEC(uint32_t) waits; /* numbers of claims */
	WR_VEC(char *) skipped;
};

/* There are tens of thousands: lists that are nearly always empty are elsewhere. */
struct wr_svc {
	struct wr_hnode node;                   /* wr_svc_index.services, by namespace and name */
	struct wr_svc *next;                    /* queue */
	wr_istr ns, name;                       /* host ports: ns is "" */
	const struct wr_service_object *obj;    /* borrowed; NULL: there is none */
	WR_VEC(const struct wr_slice *) slices; /* borrowed */
	WR_VEC(struct wr_svc_held) sets;
	uint32_t claims, ids;     /* number + 1 of the first; 0: none */
	struct wr_svc_rare *rare; /* NULL: nothing of it */
	uint32_t health_n;
	uint16_t health_port;
	bool dirty : 1, failed : 1;
	bool host_ports : 1; /* not a Service */
};

/* An id and the service port that has it. */
struct wr_svc_id {
	struct wr_slot slot; /* wr_svc_index.ids, by id, which is its own hash */
	uint64_t key;        /* hash of the service port's name */
	const struct wr_svc *svc;
	wr_istr port_name;
	uint32_t round;
	uint32_t next_of_svc; /* number + 1; 0: last */
	uint16_t port;
	uint8_t proto;
};

/* An address that some Node object has. */
struct wr_svc_node_addr {
	struct wr_hnode node;
	struct wr_addr addr;
	uint32_t n; /* nodes that have it */
};

/* One endpoint of one service port, merged over the slices. */
struct wr_svc_endpoint {
	struct wr_addr addr;
	uint16_t port;
	bool ready, serving, terminating, local;
	bool chosen; /* by the last wr_svc_endpoints_choose */
	bool in_run; /* new flows of some set may take it */
	wr_istr node, zone;
	bool has_zone_hints, zone_hinted; /* any hint; a hint for this node's zone */
	bool has_node_hints, node_hinted;
};

struct wr_svc_endpoints {
	WR_VEC(struct wr_svc_endpoint) v;
};

struct wr_svc_names {
	WR_VEC(wr_istr) v; /* number 1 is v[0] */
	struct wr_hmap by_name;
};

struct wr_svc_index {
	wr_istr node, zone;
	bool manifests, localhost_node_ports, maglev, dsr;
	WR_VEC(struct wr_prefix) node_port_cidrs;
	WR_VEC(struct wr_addr) addrs;      /* of the node's interfaces */
	WR_VEC(struct wr_addr) node_ports; /* those that NodePorts answer on */
	struct wr_hmap services, node_addrs;
	struct wr_slab claims, waiting, ids;
	struct wr_svc *first, *last;          /* queue */
	WR_VEC(const struct wr_pod *) pods;   /* manifests only */
	WR_VEC(const struct wr_node *) nodes; /* manifests only: their zones */
	struct wr_svc_names node_numbers, zone_numbers;
	uint32_t round; /* of builds */
	struct {        /* of the build at hand, kept for its memory */
		struct wr_svc_endpoints endpoints;
		WR_VEC(struct wr_svc_backend) run, held;
		WR_VEC(struct wr_frontend) frontends;
		WR_VEC(struct wr_prefix) ranges;
	} tmp;
};

/* index.c */
struct wr_svc *wr_svc_index_find(const struct wr_svc_index *idx, wr_istr ns, wr_istr name);
void wr_svc_mark(struct wr_svc_index *idx, struct wr_svc *svc);
void wr_svc_drop_if_empty(struct wr_svc_index *idx, struct wr_svc *svc);
struct wr_svc_rare *wr_svc_rare(struct wr_svc *svc); /* makes it */
void wr_svc_skip(struct wr_svc *svc, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void wr_svc_forget_skipped(struct wr_svc *svc);
bool wr_svc_index_is_node_addr(const struct wr_svc_index *idx, const struct wr_addr *a);
bool wr_svc_is_public(const struct wr_addr *a); /* not loopback, not link-local */
bool wr_svc_index_is_own_addr(const struct wr_svc_index *idx, const struct wr_addr *a);
wr_istr wr_svc_index_zone_of(const struct wr_svc_index *idx, wr_istr node); /* manifests only */

/* pods.c: manifest mode */
void wr_svc_pod_change(struct wr_svc_index *idx, const struct wr_pod *old, const struct wr_pod *new_);
/* The endpoints that the EndpointSlice controller would make of the pods that the service selects. */
void wr_svc_pod_endpoints(const struct wr_svc_index *idx, const struct wr_service_object *obj,
			  const struct wr_service_port *port, int family,
			  struct wr_svc_endpoints *ret);

/* claims.c */
enum wr_svc_claimed {
	WR_SVC_CLAIMED,
	WR_SVC_CLAIMED_ALREADY, /* in this build: a frontend that the service names twice */
	WR_SVC_TAKEN,           /* by another service; *ret_owner */
};
enum wr_svc_claimed wr_svc_claim(struct wr_svc_index *idx, struct wr_svc *svc,
				 const struct wr_frontend *fe, const struct wr_svc **ret_owner);
/* Has this build claimed it? */
bool wr_svc_has_claimed(const struct wr_svc_index *idx, const struct wr_svc *svc,
			const struct wr_frontend *fe);
/* Before and after a build: what it has not claimed is given up, and those who wait are marked. */
void wr_svc_claims_begin(struct wr_svc_index *idx, struct wr_svc *svc);
void wr_svc_claims_end(struct wr_svc_index *idx, struct wr_svc *svc);

/* ids.c */
/* @want: key, port_name, port, proto. @former: the id to have when it is free and the service port has none; 0: any. */
uint32_t wr_svc_id_get(struct wr_svc_index *idx, struct wr_svc *svc, const struct wr_svc_id *want,
		       uint32_t former);
void wr_svc_ids_end(struct wr_svc_index *idx,
		    struct wr_svc *svc); /* drops those this build did not get */
uint32_t wr_svc_number(struct wr_svc_names *names, wr_istr name); /* 0 for NULL */
void wr_svc_names_done(struct wr_svc_names *names);

/* endpoints.c */
/* All endpoints of one port and family, each once, in order of address and port. */
void wr_svc_endpoints_gather(const struct wr_svc_index *idx, const struct wr_svc *svc,
			     const struct wr_service_port *port, int family,
			     struct wr_svc_endpoints *ret);
/* Marks those that new flows may take, by the traffic policy. True: terminating ones stand in, nobody is ready. */
bool wr_svc_endpoints_choose(struct wr_svc_endpoints *eps, bool local_policy);
/* How many addresses on this node are ready, for healthCheckNodePort. */
uint32_t wr_svc_local_ready(const struct wr_svc_index *idx, const struct wr_svc *svc);

#endif
