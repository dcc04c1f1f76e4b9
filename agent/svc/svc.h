/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Services mean: Service, EndpointSlice, Node (and Pod) objects in, struct wr_svc_set out. Pure: no kernel, no
 * clock, no log. It remembers which objects belong to which service, so that one changed object recomputes one service.
 *
 *	wr_store_subscribe(store, wr_svc_index_change, index);      every change marks what it touches
 *	while ((svc = wr_svc_index_next_dirty(index)))
 *		wr_svc_build(index, svc, &sink);                    put and del of what became different
 *
 * The semantics are Kubernetes' (Service, EndpointSlice, "Virtual IPs and Service Proxies", KEPs 1669, 2086, 1860, 2433,
 * 4444, 3015) and kube-proxy's where only it says. Objects are borrowed: they live until the change that replaces them.
 */
#ifndef WR_AGENT_SVC_SVC_H
#define WR_AGENT_SVC_SVC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/obj/object.h"
#include "lib/dp/svc_table.h"
#include "lib/model/endpoint.h"

struct wr_svc_options {
	const char *node; /* this node's name */
	bool manifests; /* pods stand in for missing EndpointSlices, their specs give host ports */
	bool localhost_node_ports; /* also on 127.0.0.1 and ::1 */
	bool maglev;               /* tables for load balancer and external addresses */
	bool dsr;                  /* direct server return for those */
	const struct wr_prefix *node_port_cidrs; /* where NodePorts answer; none: on every address of the node */
	size_t n_node_port_cidrs;
};

struct wr_svc_index;
struct wr_svc; /* one service, or one pod's host ports */

/* @opt is copied. */
struct wr_svc_index *wr_svc_index_new(const struct wr_svc_options *opt);
void wr_svc_index_free(struct wr_svc_index *idx);

/* The store's subscriber (wr_store_fn); @ctx is the index. Kinds that do not matter are ignored. */
void wr_svc_index_change(void *ctx, enum wr_kind kind, const struct wr_object *old,
			 const struct wr_object *new_);
/*
 * The addresses on the node's interfaces. NodePorts answer on those that node_port_cidrs allow (never on loopback or link-local
 * ones); a cluster address among them (node-local DNS) is not translated; a load balancer's or external one is, but its
 * other ports stay the node's.
 */
void wr_svc_index_set_addresses(struct wr_svc_index *idx, const struct wr_addr *addrs, size_t n);
/* Host ports of one attachment (CNI port mappings). @name is any stable name; n == 0: they are gone. */
struct wr_svc_host_ports {
	struct wr_addr addr4, addr6; /* the pod's; zero: none */
	const struct wr_port_mapping *v;
	size_t n;
};
void wr_svc_index_set_host_ports(struct wr_svc_index *idx, const char *name,
				 const struct wr_svc_host_ports *ports);

/* First in, first out; NULL: nothing is due. */
struct wr_svc *wr_svc_index_next_dirty(struct wr_svc_index *idx);
/* Marks again what could not be put in force. Returns how many. */
size_t wr_svc_index_retry(struct wr_svc_index *idx);

/*
 * Where the results go. What is not NULL is called; put, hold and del as in lib/dp/svc_table.h. Order within a service: holds
 * that grow, puts, holds that shrink, dels: a backend that goes from one list to the other is never nameless.
 */
struct wr_svc_sink {
	void *ctx;
	/* The id that an earlier run has left in force for the frontend, so that a service port keeps its own; 0: none. */
	uint32_t (*former_id)(void *ctx, const struct wr_frontend *fe);
	int (*put)(void *ctx, const struct wr_svc_set *set);
	int (*hold)(void *ctx, uint64_t key, uint32_t id, const struct wr_svc_backend *backends,
		    size_t n);
	int (*del)(void *ctx, uint64_t key);
	/* healthCheckNodePort: ready endpoints on this node. port 0: the service has none any more. */
	void (*health)(void *ctx, const char *ns, const char *name, uint16_t port, uint32_t n);
};
/*
 * Computes the service and tells the sink. The first error is returned after all is done; the service then waits for
 * wr_svc_index_retry. @svc may be gone afterwards.
 */
int wr_svc_build(struct wr_svc_index *idx, struct wr_svc *svc, const struct wr_svc_sink *sink);

/* For people. */
struct wr_svc_port_info {
	const char *ns, *name, *port_name; /* host ports: ns is "", name as given */
	uint16_t port;
	uint8_t proto;
};
int wr_svc_index_port_info(const struct wr_svc_index *idx, uint32_t id,
			   struct wr_svc_port_info *ret); /* -ENOENT */
const char *wr_svc_index_zone_name(const struct wr_svc_index *idx,
				   uint32_t number); /* NULL: no such number */
const char *wr_svc_index_node_name(const struct wr_svc_index *idx, uint32_t number);
/* What was left out, and why: "spec.externalIPs: 192.0.2.1: the service has no IPv4 cluster address". */
int wr_svc_index_skipped(const struct wr_svc_index *idx,
			 int (*fn)(void *ctx, const char *ns, const char *name, const char *what),
			 void *ctx);

#endif
