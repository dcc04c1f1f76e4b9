/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks. */
#include "lib/base/clock.h"

#include <time.h>

static uint64_t read_ns(clockid_t id)
{
	struct timespec ts = { 0 };

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t wr_now_ns(void)
{
	return read_ns(CLOCK_MONOTONIC);
}

uint64_t wr_now_ms(void)
{
	return read_ns(CLOCK_MONOTONIC) / 1000000u;
}

uint64_t wr_boot_ns(void)
{
	return read_ns(CLOCK_BOOTTIME);
}

uint64_t wr_real_ms(void)
{
	return read_ns(CLOCK_REALTIME) / 1000000u;
}
