/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interned strings: equal text, equal pointer. Reference counted; single-threaded. A wr_istr is read like any
 * const char *; only wr_istr_get makes one and only wr_istr_put gives one back.
 */
#ifndef WR_AGENT_OBJ_INTERN_H
#define WR_AGENT_OBJ_INTERN_H

#include <stddef.h>

typedef const char *wr_istr;

wr_istr wr_istr_get(const char *s);     /* takes a reference; NULL gives NULL */
wr_istr wr_istr_ref(wr_istr s);         /* one more; NULL is fine */
void wr_istr_put(wr_istr s);            /* NULL is fine */
wr_istr wr_istr_find(const char *s);    /* no reference; NULL: nobody has it */
size_t wr_istr_count(void);

#endif
