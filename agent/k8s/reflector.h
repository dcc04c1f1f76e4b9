/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One kind of object, followed: a list into the store (begin, put, synced), then a watch with bookmarks from where the list ended.
 * Servers that can (Kubernetes 1.34 does) stream the list as the beginning of the watch; others are asked page by page. 410 Gone
 * lists again; everything else that fails is tried again with jittered backoff; 429 and 503 wait for Retry-After. A reconnect never
 * empties the store, a relist changes only what differs.
 */
#ifndef WR_AGENT_K8S_REFLECTOR_H
#define WR_AGENT_K8S_REFLECTOR_H

#include "agent/k8s/http.h"
#include "agent/obj/store.h"

enum wr_reflector_state {
	WR_REFLECTOR_WAITING, /* for due_ms */
	WR_REFLECTOR_LISTING,
	WR_REFLECTOR_WATCHING,
	WR_REFLECTOR_ABSENT, /* the server does not know this resource; looked for again now and then */
};

struct wr_reflector_status {
	enum wr_kind kind;
	enum wr_reflector_state state;
	uint64_t last_contact_ms; /* monotonic: last byte from the server; 0: never */
	uint64_t events, lists, failures;
	const char *error;   /* of the last failure since the last success; NULL */
	const char *version; /* resourceVersion reached; "" none */
};

struct wr_reflector;

struct wr_reflector_options {
	enum wr_kind kind;
	const char *path;     /* "/api/v1/pods" */
	const char *selector; /* "&fieldSelector=..." or "", already escaped */
	bool optional;        /* 404 is an empty list */
};

struct wr_reflector *wr_reflector_new(struct wr_http *http, struct wr_store *store,
				      const struct wr_reflector_options *opt);
void wr_reflector_free(struct wr_reflector *r);
/* Starts what is due; returns when to be called again (monotonic ms; UINT64_MAX: nothing is waiting). */
uint64_t wr_reflector_run(struct wr_reflector *r, uint64_t now_ms);
/* Another selector: lists again; the store loses what the new one leaves out only when that list is complete. */
void wr_reflector_select(struct wr_reflector *r, const char *selector);
void wr_reflector_get_status(const struct wr_reflector *r, struct wr_reflector_status *ret);

#endif
