/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A BPF array in our address space. Windows of it are mapped as they are touched, so a large table of which little is
 * used costs little memory. Programs read while we write: whoever changes what they may hold stores whole words.
 */
#ifndef WR_DP_ARRAY_H
#define WR_DP_ARRAY_H

#include <stdbool.h>
#include <stdint.h>

struct wr_array {
	int fd; /* borrowed */
	bool writable;
	uint32_t n;       /* elements */
	uint32_t stride;  /* bytes from one to the next: the value's size rounded up to 8 */
	uint8_t *base;    /* address space for all of it; NULL: not open */
	uint64_t *mapped; /* bit per window */
};

/* Reserves address space; maps nothing yet. */
int wr_array_open(struct wr_array *a, int fd, uint32_t value_size, uint32_t n, bool writable);
void wr_array_close(struct wr_array *a);
/* Element @i; NULL: out of range, or it could not be mapped. */
void *wr_array_at(struct wr_array *a, uint32_t i);

#define wr_load(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
/* All that was written before is visible to whoever sees this. */
#ifndef wr_before_store /* tests build an agent that dies there (tests/e2e/tools/mortal.h) */
#define wr_before_store() ((void)0)
#endif
#define wr_store(p, v) (wr_before_store(), __atomic_store_n((p), (v), __ATOMIC_RELEASE))

#endif
