// SPDX-License-Identifier: Apache-2.0
/* Jiffies without asking the kernel for them. */
#include "cli/clock.h"

#include <time.h>

#include "lib/base/clock.h"

/* The kernel starts counting five minutes before the low 32 bits wrap (INITIAL_JIFFIES). */
#define HEAD_START_S 300

struct wr_ticks wr_ticks_now(void)
{
	struct timespec tick = { 0 };
	uint32_t hz;

	/* A coarse clock moves once a jiffy. */
	clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
	hz = tick.tv_nsec ? (uint32_t)((1000000000 + tick.tv_nsec / 2) / tick.tv_nsec) : 100;
	return (struct wr_ticks){
		.hz = hz,
		.now = (uint32_t) - (HEAD_START_S * hz) + wr_now_ms() * hz / 1000,
	};
}

uint64_t wr_ticks_since(const struct wr_ticks *t, uint64_t then)
{
	return then < t->now ? (t->now - then) * 1000 / t->hz : 0;
}

uint64_t wr_ticks_since_low(const struct wr_ticks *t, uint32_t then)
{
	int32_t since = (int32_t)((uint32_t)t->now - then);

	return since > 0 ? (uint64_t)since * 1000 / t->hz : 0;
}
