/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sysctls below /proc/sys/net of the caller's network namespace. A name is the path below it, with slashes
 * ("ipv4/ip_forward", "ipv4/conf/eth0.5/rp_filter"): interface names may contain dots.
 */
#ifndef WR_NL_SYSCTL_H
#define WR_NL_SYSCTL_H

#include <stddef.h>
#include <stdint.h>

/* Where /proc/sys/net is mounted: in a container /proc/sys can only be read. @dir is borrowed for good; NULL: there. */
void wr_sysctl_set_root(const char *dir);

/* Heap text without the final newline. -ENOENT: not in this kernel, or no such interface. */
int wr_sysctl_get(const char *name, char **ret);
int wr_sysctl_get_int(const char *name, int *ret);
int wr_sysctl_set(const char *name, const char *value);
/* Writes only when the value differs: some sysctls do more than store it. 1: written, 0: left alone. */
int wr_sysctl_ensure(const char *name, const char *value);

#endif
