/* SPDX-License-Identifier: Apache-2.0 */
/* Network namespaces. */
#ifndef WR_NETNS_NETNS_H
#define WR_NETNS_NETNS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"

/* Opens a namespace file. -ENOENT: gone; -EBADF: the file is no network namespace (e.g. a leftover of a removed bind mount). */
int wr_netns_open(const char *path, int *ret_fd, struct wr_err *err);
int wr_netns_open_self(int *ret_fd);
bool wr_netns_same(int fd_a, int fd_b); /* by device and inode */
/* Runs @fn in the namespace and comes back; failure to come back ends the process. Returns fn's result, or the errno of entering. */
int wr_netns_run(int fd, int (*fn)(void *arg), void *arg);
int wr_netns_cookie(int fd,
		    uint64_t *ret); /* SO_NETNS_COOKIE, from a socket made inside; -ENOPROTOOPT before Linux 5.14 */
/* The same of a socket's namespace, without entering it. */
int wr_netns_socket_cookie(int sock, uint64_t *ret);

#endif
