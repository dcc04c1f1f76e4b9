/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Allocation that does not fail: out of memory ends the process with one line on stderr and exit
 * code 70. The datapath lives on without us (it is pinned), so dying is the safe answer.
 */
#ifndef WR_BASE_MEM_H
#define WR_BASE_MEM_H

#include <stddef.h>

void *wr_xmalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *wr_xcalloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
void *wr_xrealloc(void *p, size_t n, size_t size)
	__attribute__((returns_nonnull)); /* n * size, overflow checked */
char *wr_xstrdup(const char *s) __attribute__((malloc, returns_nonnull));
char *wr_xstrndup(const char *s, size_t n) __attribute__((malloc, returns_nonnull));
char *wr_xasprintf(const char *fmt, ...)
	__attribute__((format(printf, 1, 2), malloc, returns_nonnull));

void wr_no_memory(void) __attribute__((noreturn)); /* for libraries that answer NULL */

#endif
