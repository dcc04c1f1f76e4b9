/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cgroup2 directory of the test's own, with the socket hooks on it and the test's process in it, and a network
 * namespace where only loopback is up. Both end with the process or with cgroup_leave.
 */
#ifndef WR_TESTS_BPF_CGROUP_H
#define WR_TESTS_BPF_CGROUP_H

#include <stddef.h>
#include <stdint.h>

#include "lib/dp/dp.h"

/* The path of the cgroup2 mount, by its file system type in mountinfo (hybrid layouts too). */
void cgroup2_root(char *buf, size_t size);

/* cmocka group fixtures. */
int cgroup_enter(void **state);
int cgroup_leave(void **state);

/* Attaches every socket hook; detached by closing what it returns (an open group of links). */
struct cgroup_links;
struct cgroup_links *cgroup_attach(const struct wr_dp *dp);
void cgroup_detach(struct cgroup_links *l);

/* A fresh network namespace for the process: loopback up, no other address, no route. Its cookie. */
uint64_t netns_fresh(void);

#endif
