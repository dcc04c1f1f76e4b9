/* SPDX-License-Identifier: Apache-2.0 */
/* A network namespace for each test, and more of them at will. */
#ifndef WR_TESTS_UNIT_NETLAB_H
#define WR_TESTS_UNIT_NETLAB_H

#include "lib/nl/link.h"
#include "lib/nl/naddr.h"
#include "lib/nl/neigh.h"
#include "lib/nl/route.h"

/* cmocka's setup and teardown: the test runs in a namespace of its own and the process comes back afterwards. */
int wr_netlab_setup(void **state);
int wr_netlab_teardown(void **state);

/* An empty namespace; the caller closes it, and with the last descriptor it is gone. */
int wr_netlab_new(void);
/* A request socket in the namespace (-1: the test's own). */
struct wr_nl wr_netlab_socket(int netns_fd);
/* Commits, and fails the test with the kernel's words when that fails. */
void wr_netlab_commit(struct wr_nl *nl, struct wr_nl_batch *b);

struct wr_addr wr_netlab_addr(const char *s);
struct wr_prefix wr_netlab_prefix(const char *s);
/* A veth pair in the test's own namespace, both ends up; returns the number of the first. */
uint32_t wr_netlab_pair(struct wr_nl *nl, const char *name, const char *peer);
/* A bridge, up, with one port. */
void wr_netlab_bridge(struct wr_nl *nl, const char *name, uint32_t port);

#endif
