/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside lib/dp: what a table of services keeps in memory. The maps are the state; here is only what finds things in
 * them: which frontends a set has, which number a backend has, how often each is used, and which numbers are free. Some tens of
 * bytes a row, all of it in plain arrays.
 */
#ifndef WR_DP_SVC_PRIVATE_H
#define WR_DP_SVC_PRIVATE_H

#include "lib/base/addr.h"
#include "lib/base/hmap.h"
#include "lib/base/vec.h"
#include "lib/dp/private.h"
#include "lib/dp/runs.h"
#include "lib/dp/svc_table.h"

#define SVC_NONE UINT32_MAX

/* Heads of chains through arrays; the elements hold the links. */
struct svc_index {
	uint32_t *heads; /* element + 1; 0: empty */
	uint32_t mask, n;
};

enum svc_fe_flags {
	SVC_FE_DIRTY = 1 << 0,  /* the kernel's row is not what this says */
	SVC_FE_IN_MAP = 1 << 1, /* the kernel has a row of this key */
	SVC_FE_WANTED = 1 << 2, /* within one put */
};

/* A frontend's row in the kernel. */
struct svc_fe {
	struct wr_addr addr;
	__be16 port;
	uint8_t proto, scope;
	uint32_t svc;         /* the record it shall name; 0: it shall go */
	uint32_t set;         /* SVC_NONE: nobody has put it since the table was opened */
	uint32_t next_in_set; /* SVC_NONE: last; in free elements the next free one */
	uint32_t next;        /* chain */
	uint32_t flags;
};

struct svc_set {
	uint64_t key;
	uint32_t fes;  /* first frontend */
	uint32_t svc;  /* record; 0: none */
	uint32_t held; /* index of a hold; SVC_NONE */
	uint32_t next; /* chain; in free elements the next free one */
};

/* By backend number. The key is in the map's row. */
struct svc_be {
	uint32_t next;  /* chain */
	uint32_t refs;  /* slots and holds that name it */
	uint32_t owner; /* service id; 0: none, or adopted and not known */
};

/* Terminating backends that a set's flows still use. */
struct svc_hold {
	uint32_t *v;
	uint32_t n;
	uint32_t next_free;
};

/* Source ranges of one service id; several sets may share them. */
struct svc_ranges {
	struct wr_hnode node; /* by id */
	uint32_t id;
	uint32_t refs;  /* records with the flag */
	bool unclaimed; /* found at open, not put yet */
	WR_VEC(struct wr_prefix) v;
};

enum svc_number {
	SVC_NUM_SERVICE,
	SVC_NUM_SLOT,
	SVC_NUM_BACKEND,
	SVC_NUM_LINE,
	SVC_NUM_MAX,
};

/* Numbers that somebody in the kernel may be reading. */
struct svc_grave {
	uint64_t since; /* ms; UINT64_MAX: until the next tick */
	uint32_t kind;
	uint32_t first, n;
};

/* A frontend has left this record, once the kernel knows. */
struct svc_left {
	uint32_t fe, svc;
};

struct wr_svc_table {
	struct wr_dp *dp;
	bool batching;
	struct wr_runs numbers[SVC_NUM_MAX];
	WR_VEC(struct svc_fe) fes;
	WR_VEC(struct svc_set) sets;
	WR_VEC(struct svc_be) bes;
	WR_VEC(struct svc_hold) holds;
	struct wr_hmap ranges; /* struct svc_ranges */
	WR_VEC(uint32_t) refs; /* by record: frontends that name it */
	struct svc_index fe_index, set_index, be_index;
	uint32_t free_fe, free_set, free_hold;
	uint32_t n_rows;         /* rows of wr_frontends */
	uint32_t address_record; /* the one that all "this address is ours" rows share; 0: none yet */
	WR_VEC(uint32_t) dirty; /* frontends */
	WR_VEC(struct svc_left) left;
	WR_VEC(struct svc_grave) graves;
	size_t first_grave;
	/* Of the put under way. */
	WR_VEC(uint32_t) run;   /* backend numbers, one per slot */
	WR_VEC(uint32_t) fresh; /* backends that it has allocated */
};

/* svc_index.c */
void svc_index_add(struct svc_index *ix, uint32_t hash, uint32_t element, uint32_t *next);
uint32_t svc_index_first(const struct svc_index *ix, uint32_t hash); /* SVC_NONE: none */
uint32_t *svc_index_head(struct svc_index *ix, uint32_t hash);
/* Time to double: the caller calls grow, and adds the elements of the chains that it gets back. */
bool svc_index_full(const struct svc_index *ix);
struct svc_index svc_index_grow(struct svc_index *ix); /* free its heads */

/* svc_backends.c */
struct wr_backend *svc_be_row(const struct wr_svc_table *t, uint32_t number);
/* The number that @b has for the service @id; 0: none. */
uint32_t svc_be_find(const struct wr_svc_table *t, uint32_t id, const struct wr_svc_backend *b);
/* A new number, complete but named by nobody; 0: the table is full. */
uint32_t svc_be_new(struct wr_svc_table *t, uint32_t id, const struct wr_svc_backend *b);
void svc_be_undo(struct wr_svc_table *t, uint32_t number); /* of svc_be_new: nobody has seen it */
void svc_be_adopt(struct wr_svc_table *t, uint32_t number);
void svc_be_ref(struct wr_svc_table *t, uint32_t id,
		uint32_t number); /* by something of the service's */
/* The last one marks it free and raises its generation: its flows notice at their next packet. */
void svc_be_unref(struct wr_svc_table *t, uint32_t number);
void svc_be_set_facts(struct wr_svc_table *t, uint32_t number, const struct wr_svc_backend *b);
uint32_t svc_be_prune(struct wr_svc_table *t);

/* svc_records.c */
struct wr_service *svc_record_row(const struct wr_svc_table *t, uint32_t record);
/* Fills t->run with the numbers that the set's backends have; false: some have none yet. */
bool svc_run_resolve(struct wr_svc_table *t, const struct wr_svc_set *set);
/* Gives numbers to those that have none. -ENOSPC: nothing was taken. */
int svc_run_allocate(struct wr_svc_table *t, const struct wr_svc_set *set, struct wr_err *err);
void svc_run_undo(struct wr_svc_table *t);
bool svc_record_equal(const struct wr_svc_table *t, uint32_t record, const struct wr_svc_set *set);
/* Writes a record for the set with t->run; *ret is named by nobody yet. */
int svc_record_new(struct wr_svc_table *t, const struct wr_svc_set *set, uint32_t *ret,
		   struct wr_err *err);
void svc_record_free(struct wr_svc_table *t, uint32_t record);
bool svc_record_adopt(struct wr_svc_table *t, uint32_t record);
bool svc_is_address(const struct wr_svc_set *set);

/* svc_frontends.c */
uint32_t svc_fe_find(const struct wr_svc_table *t, const struct wr_frontend *key); /* SVC_NONE */
uint32_t svc_fe_new(struct wr_svc_table *t, const struct wr_frontend *key);
void svc_fe_set_record(struct wr_svc_table *t, uint32_t i, uint32_t record);
/* Writes what is dirty: rows that change first, rows that go last; then frees the records that nobody names. */
int svc_flush(struct wr_svc_table *t, struct wr_err *err);

/* svc_ranges.c: rows that let clients in come before the record that asks for them, rows that go come after. */
int svc_ranges_open(struct wr_svc_table *t, struct wr_err *err);
bool svc_ranges_equal(const struct wr_svc_table *t, const struct wr_svc_set *set);
int svc_ranges_add(struct wr_svc_table *t, const struct wr_svc_set *set, struct wr_err *err);
void svc_ranges_trim(struct wr_svc_table *t, const struct wr_svc_set *set);
void svc_ranges_ref(struct wr_svc_table *t, uint32_t id);
void svc_ranges_unref(struct wr_svc_table *t, uint32_t id);
void svc_ranges_prune(struct wr_svc_table *t, bool unclaimed);
void svc_ranges_done(struct wr_svc_table *t);

/* svc_holds.c */
void svc_hold_clear(struct wr_svc_table *t, struct svc_set *set);
/* In place of what the set held. Backends without a number are left out: no flow can name them. */
struct svc_holding {
	uint32_t id; /* of the service */
	const struct wr_svc_backend *v;
	size_t n;
};
void svc_hold_set(struct wr_svc_table *t, struct svc_set *set, const struct svc_holding *what);

/* svc_graves.c */
void svc_bury(struct wr_svc_table *t, enum svc_number kind, uint32_t first, uint32_t n);
void svc_count(struct wr_svc_table *t);

/* svc_adopt.c */
int svc_adopt(struct wr_svc_table *t, struct wr_err *err);

#endif
