/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Services mean, once more, slow and obvious: a small cluster that changes at random, and an evaluator that answers
 * one question at a time from the whole of it. It shares no code with agent/svc.
 */
#ifndef WR_TESTS_UNIT_SVC_MODEL_H
#define WR_TESTS_UNIT_SVC_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/obj/object.h"
#include "lib/base/strbuf.h"

#define MODEL_NODES    3
#define MODEL_SERVICES 5
#define MODEL_SLICES   4 /* of each service: two a family */
#define MODEL_OWN      4 /* addresses that this node may have */

struct model_endpoint {
	int addr; /* last part */
	int node; /* -1: unknown */
	bool ready, serving, terminating;
	unsigned int hint_zones, hint_nodes; /* bit sets; 0: no hints */
};

struct model_slice {
	bool there;
	int n;
	struct model_endpoint ep[4];
	int port[3]; /* of p0, p1, p2; -1: not in the slice; 0: without a number */
};

struct model_port {
	bool there;
	int port, node_port;
};

struct model_service {
	bool there, headless, foreign;
	int type;     /* 0 ClusterIP, 1 NodePort, 2 LoadBalancer, 3 ExternalName */
	int families; /* bit 0: IPv4, bit 1: IPv6 */
	bool six_first;
	struct model_port port[3]; /* p0 TCP, p1 UDP, p2 SCTP */
	unsigned int external, lb; /* bit sets of model_outer */
	bool external_local, internal_local, publish;
	int affinity;
	unsigned int ranges; /* bit 0: an IPv4 range, bit 1: an IPv6 range */
	struct model_slice slice[MODEL_SLICES];
};

struct model {
	uint64_t rng;
	bool node_there[MODEL_NODES], node_external[MODEL_NODES];
	int zone[MODEL_NODES]; /* -1: none */
	bool own[MODEL_OWN];
	struct model_service svc[MODEL_SERVICES];
};

extern const char *const model_own[MODEL_OWN];

void model_init(struct model *m, uint64_t seed);
/* One random change. Writes the manifest of what there is now to @yaml, or says what was deleted. */
struct model_change {
	bool addresses; /* model.own has changed */
	bool deleted;
	enum wr_kind kind;
	const char *ns;
	char name[32];
};
void model_step(struct model *m, struct wr_strbuf *yaml, struct model_change *ret);
/* Manifests of everything. */
void model_dump(const struct model *m, struct wr_strbuf *yaml);
void model_clear(struct model *m);

/* Question @i ("outside 192.0.2.1 80 TCP"); NULL: there are no more. */
const char *model_question(size_t i, char buf[96]);
/* As world_ask answers, and for balanced ones "; affinity 5; ranges 1; holds ...". */
void model_answer(const struct model *m, const char *question, struct wr_strbuf *ret);

#endif
