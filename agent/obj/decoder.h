/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading an object's JSON with the way to the field at hand.
 *
 * Strict: the first fault is the error, "line 7: spec.ports[1].port: must be 1-65535, not 70000";
 * decoding goes on, its result is thrown away. Lenient: what cannot be read is as if it were
 * absent. Where problems are collected (policies), both faults and what is merely not understood
 * are added there.
 */
#ifndef WR_AGENT_OBJ_DECODER_H
#define WR_AGENT_OBJ_DECODER_H

#include "agent/obj/pack.h"
#include "agent/obj/policy.h"

#define WR_FIELD_SIZE 192

struct wr_decoder {
	bool strict;
	bool failed;
	struct wr_err *err;
	wr_problems *problems;    /* NULL: nobody collects */
	const char *uid;          /* metadata.uid; NULL: none */
	char path[WR_FIELD_SIZE]; /* "spec.ports[1]" */
	size_t len;
	struct wr_pack pack;
};

/* The way: enter returns what leave wants. */
size_t wr_dec_enter(struct wr_decoder *d, const char *key);
size_t wr_dec_enter_at(struct wr_decoder *d, const char *key, size_t i);
void wr_dec_leave(struct wr_decoder *d, size_t mark);

/*
 * A wrong or impossible value: of member @key of the field at hand, or of that itself (NULL). @at
 * has the line.
 */
void wr_dec_fail(struct wr_decoder *d, const struct wr_json *at, const char *key, const char *fmt,
		 ...) __attribute__((format(printf, 4, 5)));
/* Valid, and yet not understood: goes to the problems only. */
void wr_dec_problem(struct wr_decoder *d, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* A member that is not in the list is a problem; false: there is one. */
bool wr_dec_knows(struct wr_decoder *d, const struct wr_json *j, const char *const *known, size_t n);

/* Members of @j (an object or NULL); absent ones and wrong ones give NULL or the default. */
const char *wr_dec_str(struct wr_decoder *d, const struct wr_json *j, const char *key);
bool wr_dec_bool(struct wr_decoder *d, const struct wr_json *j, const char *key, bool dflt);
int64_t wr_dec_int(struct wr_decoder *d, const struct wr_json *j, const char *key, int64_t min,
		   int64_t max, int64_t dflt);
const struct wr_json *wr_dec_object(struct wr_decoder *d, const struct wr_json *j, const char *key);
const struct wr_json *wr_dec_list(struct wr_decoder *d, const struct wr_json *j, const char *key);

/*
 * Calls @fn for each item of the list @key, with the way to it entered; other items than objects
 * (strings) are faults.
 */
void wr_dec_each(struct wr_decoder *d, const struct wr_json *j, const char *key,
		 void (*fn)(struct wr_decoder *d, const struct wr_json *item, void *to), void *to);
void wr_dec_each_str(struct wr_decoder *d, const struct wr_json *j, const char *key,
		     void (*fn)(struct wr_decoder *d, const struct wr_json *item, const char *s,
				void *to),
		     void *to);

/* Text to values; a fault otherwise. @key as in wr_dec_fail. */
bool wr_dec_addr(struct wr_decoder *d, const struct wr_json *at, const char *key, const char *s,
		 struct wr_addr *ret);
bool wr_dec_prefix(struct wr_decoder *d, const struct wr_json *at, const char *key, const char *s,
		   struct wr_prefix *ret); /* host bits cleared */
/* Member "protocol": TCP (also when absent), UDP or SCTP. 0: something else. */
uint8_t wr_dec_protocol(struct wr_decoder *d, const struct wr_json *j);
/* Index of member @key in @words; -1: absent or none of them. */
int wr_dec_word(struct wr_decoder *d, const struct wr_json *j, const char *key,
		const char *const *words, size_t n);
/* Member @key, an object of strings; given back by wr_labels_put. */
struct wr_labels wr_dec_labels(struct wr_decoder *d, const struct wr_json *j, const char *key);
void wr_labels_put(const struct wr_labels *l);
/* Absent, null or an empty list. */
bool wr_dec_is_empty(const struct wr_json *j, const char *key);
/* Whether condition @type of the list "conditions" is True. */
bool wr_dec_condition(struct wr_decoder *d, const struct wr_json *status, const char *type);

#endif
