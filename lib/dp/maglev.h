/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Maglev hashing (Eisenbud et al., NSDI 2016, section 3.4): a table in which every backend has its share of places, and
 * few places change when one comes or goes. The same names give the same table on every node.
 */
#ifndef WR_DP_MAGLEV_H
#define WR_DP_MAGLEV_H

#include <stddef.h>
#include <stdint.h>

struct wr_maglev_member {
	uint64_t name;   /* hash of what the backend is called on every node */
	uint32_t weight; /* at least 1 */
	uint32_t value;  /* what goes into the table */
};

/*
 * Fills @table of @size places, a prime. @members are put in order of their names. Costs about size * ln(size) steps, whatever
 * their number. With more members than places the last ones get none.
 */
void wr_maglev_fill(uint32_t *table, uint32_t size, struct wr_maglev_member *members, size_t n);

#endif
