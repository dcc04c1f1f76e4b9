/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Maps without programs, for the tests of lib/dp: real ones, pinned in a bpffs of the test's own, in mount and network
 * namespaces of its own, which end with the process.
 */
#ifndef WR_TESTS_UNIT_DP_FIXTURE_H
#define WR_TESTS_UNIT_DP_FIXTURE_H

#include <stdint.h>

#include "lib/dp/dp.h"
#include "lib/dp/sys.h"

#define DP_BPFFS "/mnt/bpf"
#define DP_ROOT  DP_BPFFS "/weir/test"
#define DP_PINS  DP_ROOT "/1"

/* cmocka group fixtures. */
int dp_sandbox_enter(void **state);
int dp_sandbox_leave(void **state);

/* cmocka fixtures: all maps, small, pinned below DP_PINS; removed after the test. */
int dp_maps_make(void **state);
int dp_maps_remove(void **state);

/* As the programs declare them; max_entries of wr_flows is per shard. */
struct wr_sys_map dp_map_def(enum wr_map map);
/* Pins a map of another size over the one that is there. */
void dp_map_resize(enum wr_map map, uint32_t max_entries);
#define DP_SHARDS 4

/* Opens DP_PINS for writing; fails the test when it cannot. */
struct wr_dp *dp_open(void);

/* A program of @n instructions; fails the test when the verifier refuses. */
int dp_prog_load(uint32_t type, const char *name, const struct bpf_insn *insns, uint32_t n);
/* tc program that returns @verdict. */
int dp_prog_named(const char *name, int verdict);
/* The same, pinned as progs/@name. */
int dp_prog_verdict(const char *name, int verdict);

#endif
