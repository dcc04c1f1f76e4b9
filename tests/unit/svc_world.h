/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cluster as text and what agent/svc makes of it: manifests go into a store, the index hears of them, and a sink keeps
 * the sets that are in force, as lib/dp/svc_table would. Answers are text, so that a test reads like the claim.
 */
#ifndef WR_TESTS_UNIT_SVC_WORLD_H
#define WR_TESTS_UNIT_SVC_WORLD_H

#include "agent/obj/store.h"
#include "agent/svc/svc.h"

struct world;

struct world *world_new(const struct wr_svc_options *opt);
/* With two nodes: this one is "here", in zone "east", with 10.30.0.11 and fd30::11; "there" is in "west". */
struct world *world_of_two(const struct wr_svc_options *opt);
void world_free(struct world *w);
struct wr_svc_index *world_index(struct world *w);
/* Another agent takes over: a fresh index that hears of everything in the store. It builds everything at the
 * next settling. */
void world_restart(struct world *w, const struct wr_svc_options *opt);

/* Puts every object of the YAML documents, then builds what is due. */
void world_apply(struct world *w, const char *yaml);
/* The same with one Service ("web", "clusterIP: 10.96.0.1, ports: [{port: 80}]", "status": NULL or its members). */
void world_service(struct world *w, const char *name, const char *spec, const char *status);
/* One EndpointSlice of @service; the family is that of the first address; ports and endpoints as in YAML's flow style, without the outer brackets. */
void world_slice(struct world *w, const char *name, const char *service, const char *ports,
		 const char *endpoints);
void world_node(struct world *w, const char *name, const char *zone, const char *addrs);
void world_del(struct world *w, enum wr_kind kind, const char *ns, const char *name);
void world_addresses(struct world *w, const char *const *addrs, size_t n);
/* Builds what is due. How many services that were. */
size_t world_settle(struct world *w);
/* From now on what is put in force goes to @t too; NULL: no longer. */
void world_attach(struct world *w, struct wr_svc_table *t);
/* An earlier run has left @id in force for the frontend. */
void world_former(struct world *w, const struct wr_frontend *fe, uint32_t id);
/* The next @n puts fail. */
void world_fail(struct world *w, int n);

/*
 * What a client gets who asks for "10.96.0.1 80 TCP", or with "outside " in front from outside:
 *	"10.1.0.1:8080 10.1.0.2:8080"   in order of address; "~" before one that stands in while it terminates
 *	"none", "none here"             the service has no backend; "here": under policy Local
 *	"refused", "untranslated"       an owned address without that port; one that is left alone
 *	"-"                             no service
 * Owned by the world until the next question.
 */
const char *world_ask(struct world *w, const char *what);
/* The flags of the set that answers, as words: "external maglev keep-source"; "" for none. */
const char *world_flags(struct world *w, const char *what);
/* What answers, for the rest; NULL: nothing does. */
const struct wr_svc_set *world_set(struct world *w, const char *what);
/* Backends held for the set that answers, as world_ask writes them; "": none. */
const char *world_held(struct world *w, const char *what);
/* "3 on 30100", or "" when the service has no health check port. */
const char *world_health(struct world *w, const char *ns, const char *name);
/* What was skipped for the service, joined by "; ". */
const char *world_skipped(struct world *w, const char *ns, const char *name);
size_t world_sets(const struct world *w);
size_t world_frontends(const struct world *w);
/* Puts, holds and dels so far. */
size_t world_writes(const struct world *w);

#define assert_answer(w, what, want) assert_string_equal(world_ask((w), (what)), (want))

#endif
