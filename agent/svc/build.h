/* SPDX-License-Identifier: Apache-2.0 */
/* One build of one service, in the making. */
#ifndef WR_AGENT_SVC_BUILD_H
#define WR_AGENT_SVC_BUILD_H

#include "agent/svc/private.h"

/* Why a set is there: part of its key. */
enum wr_svc_class {
	WR_SVC_CLUSTER,
	WR_SVC_NODE_PORTS,
	WR_SVC_LOAD_BALANCER,
	WR_SVC_EXTERNAL_IPS,
	WR_SVC_HOST_PORT,
	WR_SVC_ADDRESSES,
};

struct wr_svc_build {
	struct wr_svc_index *idx;
	struct wr_svc *svc;
	const struct wr_svc_sink *sink;
	int err;           /* the first */
	bool wants_table;  /* there was no room for one */
	uint32_t first_id; /* of the service's first port */
	/* of the port and family at hand */
	uint32_t id;
	uint64_t key;
	int family;
	uint8_t proto;
	uint16_t port;
	bool fallback; /* the run is made of terminating endpoints */
};

/* sets.c */
void wr_build_begin(struct wr_svc_build *b);
/* Deletes the sets that were in force and that this build has not put. */
void wr_build_end(struct wr_svc_build *b);
uint64_t wr_build_service_hash(const struct wr_svc *svc);
uint64_t wr_build_port_hash(const struct wr_svc *svc, const char *port_name, uint8_t proto);
uint64_t wr_build_key(const struct wr_svc_build *b, enum wr_svc_class class, uint8_t scope);
struct wr_addr wr_build_loopback(int family);
/* Adds to idx->tmp.frontends what the service may have; else the reason to what was skipped. */
void wr_build_frontend(struct wr_svc_build *b, const struct wr_addr *addr, uint16_t port,
		       uint8_t proto, uint8_t scope);
struct wr_svc_backend wr_build_backend(struct wr_svc_build *b, const struct wr_svc_endpoint *e,
				       bool terminating);
/* The endpoints that are chosen, into idx->tmp.run. */
void wr_build_run(struct wr_svc_build *b);
/* Puts the frontends and the run of idx->tmp. Without frontends there is no set. */
void wr_build_put(struct wr_svc_build *b, enum wr_svc_class class, uint8_t scope, uint32_t flags);
/* Those that flows may stay with, into idx->tmp.held. Whether some of them are in no run. */
bool wr_build_collect_held(struct wr_svc_build *b);
void wr_build_hold(struct wr_svc_build *b, uint64_t key, bool holds);

/* host_ports.c */
void wr_build_host_ports(struct wr_svc_build *b);

#endif
