/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hands out contiguous runs of numbers, lowest first, in O(log n): a bit per number, and above them a tree that knows
 * the longest free run of each part. Neighbours that are given back become one run again by themselves.
 */
#ifndef WR_DP_RUNS_H
#define WR_DP_RUNS_H

#include <stdbool.h>
#include <stdint.h>

#define WR_RUNS_NONE UINT32_MAX

struct wr_run_node {
	uint32_t head, tail, best; /* free numbers at the start, at the end, in the longest run */
};

struct wr_runs {
	uint32_t n, used;
	uint32_t leaves;          /* power of two; 64 numbers each */
	uint64_t *bits;           /* set: in use */
	struct wr_run_node *tree; /* [1] is the root, [leaves + i] is word i */
};

void wr_runs_init(struct wr_runs *r, uint32_t n);
void wr_runs_done(struct wr_runs *r);
/* The first of @n free numbers in a row; WR_RUNS_NONE: there is no such run. */
uint32_t wr_runs_take(struct wr_runs *r, uint32_t n);
/* Is there one? */
bool wr_runs_has(const struct wr_runs *r, uint32_t n);
/* Marks numbers as used that are known to be; those that are marked already stay so. false: out of range. */
bool wr_runs_claim(struct wr_runs *r, uint32_t first, uint32_t n);
void wr_runs_give(struct wr_runs *r, uint32_t first, uint32_t n);

#endif
