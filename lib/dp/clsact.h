/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside lib/dp: kernels before 6.6 have no tcx. There programs hang on the clsact qdisc as a direct-action filter at
 * handle 1, priority 1 (the first to run), which netlink replaces in place; the filter dies with its device.
 */
#ifndef WR_DP_CLSACT_H
#define WR_DP_CLSACT_H

#include <stdint.h>

#include "lib/dp/dp.h"

/* Makes the qdisc when it is missing; replaces the filter that is there. */
int wr_clsact_put(uint32_t ifindex, enum wr_attach at, int prog_fd, const char *name,
		  struct wr_err *err);
/* The program of the filter at our place. -ENOENT: none; -ENODEV: no such interface. */
int wr_clsact_get(uint32_t ifindex, enum wr_attach at, uint32_t *ret_prog_id);
/* Removes the filter when it runs @prog_fd or one of its name; the qdisc may be another's and stays. */
int wr_clsact_del(uint32_t ifindex, enum wr_attach at, int prog_fd);

#endif
