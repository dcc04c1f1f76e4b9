/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Typed growing arrays: WR_VEC(struct foo) declares { struct foo *v; size_t n, cap; }; zero is
 * empty. Elements are moved by realloc: hold indices, not pointers, across a push.
 */
#ifndef WR_BASE_VEC_H
#define WR_BASE_VEC_H

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

#define WR_VEC(type)           \
	struct {               \
		type *v;       \
		size_t n, cap; \
	}

void wr_vec_reserve_(void **v, size_t *cap, size_t n, size_t size);

#define wr_vec_reserve(vec, count)                                \
	wr_vec_reserve_((void **)&(vec)->v, &(vec)->cap, (count), \
			sizeof(*(vec)->v) /* NOLINT(bugprone-sizeof-expression) */)
#define wr_vec_push(vec, ...)                         \
	do {                                          \
		wr_vec_reserve((vec), (vec)->n + 1);  \
		(vec)->v[(vec)->n++] = (__VA_ARGS__); \
	} while (0)
#define wr_vec_reset(vec) ((vec)->n = 0)
#define wr_vec_done(vec)         \
	do {                     \
		free((vec)->v);  \
		(vec)->v = NULL; \
		(vec)->n = 0;    \
		(vec)->cap = 0;  \
	} while (0)
/* Swaps the last element into place @i. */
#define wr_vec_del_unordered(vec, i) ((vec)->v[i] = (vec)->v[--(vec)->n])
#define wr_vec_sort(vec, cmp)                                                                     \
	do {                                                                                      \
		if ((vec)->n)                                                                     \
			qsort((vec)->v, (vec)->n,                                                 \
			      sizeof(*(vec)->v) /* NOLINT(bugprone-sizeof-expression) */, (cmp)); \
	} while (0)

#endif
