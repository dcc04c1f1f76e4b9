/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cluster as this agent knows it: objects by (kind, namespace, name), and who wants to hear of
 * changes.
 *
 * Sources (agent/manifests, agent/k8s) call put, del, begin, synced; reconcilers subscribe and
 * read. One thread.
 */
#ifndef WR_AGENT_OBJ_STORE_H
#define WR_AGENT_OBJ_STORE_H

#include "agent/obj/object.h"

struct wr_store;

struct wr_store *wr_store_new(void);
void wr_store_free(struct wr_store *s);

/*
 * Takes the object. When the old one's content is equal, the new one is freed, the old one stays
 * and nobody hears of it. Returns the one that is in the store.
 */
struct wr_object *wr_store_put(struct wr_store *s, struct wr_object *o);
void wr_store_del(struct wr_store *s, enum wr_kind kind, const char *ns, const char *name);
struct wr_object *wr_store_get(const struct wr_store *s, enum wr_kind kind, const char *ns,
			       const char *name); /* borrowed; NULL */
size_t wr_store_count(const struct wr_store *s, enum wr_kind kind);
/*
 * Calls fn for each of a kind, in no order; a non-zero result ends the walk and is returned. fn
 * must not change the store.
 */
int wr_store_each(const struct wr_store *s, enum wr_kind kind,
		  int (*fn)(void *ctx, struct wr_object *o), void *ctx);

/*
 * A relist: begin(kind), put of everything that exists, then synced(kind): what was not put since
 * begin is deleted. Nothing is deleted before synced: a source that dies half-way leaves the store
 * as it was plus what is new.
 */
void wr_store_begin(struct wr_store *s, enum wr_kind kind);
void wr_store_synced(struct wr_store *s, enum wr_kind kind);
/* Whether the kind's first list has been complete. Reconcilers delete nothing before that. */
bool wr_store_is_synced(const struct wr_store *s, enum wr_kind kind);

/*
 * fn hears (old, new): NULL old is an addition, NULL new a deletion; both are valid during the call
 * only (old is freed after the last subscriber). With both NULL: the kind has just become synced
 * for the first time. The store has changed already and must not be changed from here.
 */
typedef void (*wr_store_fn)(void *ctx, enum wr_kind kind, const struct wr_object *old,
			    const struct wr_object *new_);
void wr_store_subscribe(struct wr_store *s, wr_store_fn fn, void *ctx);

#endif
