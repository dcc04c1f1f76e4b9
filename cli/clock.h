/* SPDX-License-Identifier: Apache-2.0 */
/* The time of the datapath, bpf_jiffies64, as user space can know it. */
#ifndef WR_CLI_CLOCK_H
#define WR_CLI_CLOCK_H

#include <stdint.h>

struct wr_ticks {
	uint64_t now; /* jiffies, a third of a second ahead at the most */
	uint32_t hz;
};

struct wr_ticks wr_ticks_now(void);
/* Milliseconds since then; 0 for what is not past. */
uint64_t wr_ticks_since(const struct wr_ticks *t, uint64_t then);
/* The same for the low half of a time at most 2^31 jiffies ago. */
uint64_t wr_ticks_since_low(const struct wr_ticks *t, uint32_t then);

#endif
