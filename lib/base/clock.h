/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks, in the units the names say. */
#ifndef WR_BASE_CLOCK_H
#define WR_BASE_CLOCK_H

#include <stdint.h>

uint64_t wr_now_ns(void);  /* CLOCK_MONOTONIC */
uint64_t wr_now_ms(void);  /* CLOCK_MONOTONIC */
uint64_t wr_boot_ns(void); /* CLOCK_BOOTTIME: what bpf_ktime_get_boot_ns counts */
uint64_t wr_real_ms(void); /* CLOCK_REALTIME, Unix epoch */

#endif
