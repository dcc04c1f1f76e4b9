/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside lib/dp: the directory of pinned links, <pins>/links/<who>/<hook>. <hook> is the program's name.
 *
 * Names in a bpffs may hold no dot, interface names may: a dot is written as a colon, which interface names cannot hold.
 * Where the kernel has no tcx there is no link to pin; the program itself is pinned as <hook>@in<ifindex> or
 * <hook>@out<ifindex> instead, so that the filter can be found, updated and removed like a link.
 */
#ifndef WR_DP_LINKS_H
#define WR_DP_LINKS_H

#include <stdint.h>

#include "lib/dp/dp.h"

#define WR_DP_PATH_SIZE 512

struct wr_dp_hook {
	const char *pins, *who, *name;
	const char *path;  /* of the pin */
	uint32_t ifindex;  /* clsact; 0: a link */
	enum wr_attach at; /* clsact */
};

int wr_dp_prog_path(const char *pins, const char *prog, char buf[WR_DP_PATH_SIZE]);
int wr_dp_link_dir(const char *pins, const char *who, char buf[WR_DP_PATH_SIZE]);
int wr_dp_link_path(const char *pins, const char *who, const char *hook, char buf[WR_DP_PATH_SIZE]);
/* Of what stands for the filter of @hook->name at @hook->ifindex and @hook->at. */
int wr_dp_marker_path(const struct wr_dp_hook *hook, char buf[WR_DP_PATH_SIZE]);

/* Calls @fn for each pin below links/ (below links/<who> when @who is not NULL); its first non-zero result ends the walk. */
int wr_dp_each_hook(const char *pins, const char *who,
		    int (*fn)(void *ctx, const struct wr_dp_hook *hook), void *ctx);
/* Detaches what is pinned there and removes the pin. Missing is success. */
int wr_dp_hook_remove(const struct wr_dp_hook *hook);

#endif
