/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interned strings: equal text, equal pointer. Reference counted; single-threaded. A wr_istr is
 * read like any const char *; only wr_istr_get makes one and only wr_istr_put gives one back.
 */
#ifndef WR_AGENT_OBJ_INTERN_H
#define WR_AGENT_OBJ_INTERN_H

#include <stddef.h>
#include <stdint.h>

typedef const char *wr_istr;

wr_istr wr_istr_get(const char *s);  /* takes a reference; NULL gives NULL */
wr_istr wr_istr_ref(wr_istr s);      /* one more; NULL is fine */
void wr_istr_put(wr_istr s);         /* NULL is fine */
wr_istr wr_istr_find(const char *s); /* no reference; NULL: nobody has it */
size_t wr_istr_count(void);

/* Interned lists of interned strings: equal content, equal pointer. NULL is the empty list. */
struct wr_ilist {
	uint32_t n;
	wr_istr v[];
};
const struct wr_ilist *wr_ilist_get(const wr_istr *v, uint32_t n); /* takes references of its own */
void wr_ilist_put(const struct wr_ilist *list);

#endif
