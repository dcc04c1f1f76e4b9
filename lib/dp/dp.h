/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The datapath as user space holds it: pinned maps, programs, links. Only lib/dp includes libbpf.
 *
 * Pins, below <pins> = <bpffs>/weir/<instance>/<abi>:
 *	maps/<map name>     every map of bpf/abi/maps.h
 *	progs/<program>     every program: pod_egress, pod_ingress, uplink_ingress, ...
 *	links/<who>/<hook>  tcx and cgroup links; <who> is an attachment key, "uplink-<ifname>", "overlay", "cgroup"
 *
 * Three ways in: wr_dp_load (the agent: creates or adopts, updates links to the new programs), wr_dp_open (the
 * CLI and the plugin: what is pinned, nothing is made), and wr_dp_load with pins == NULL (tests, benches: unpinned).
 */
#ifndef WR_DP_DP_H
#define WR_DP_DP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/abi/config.h"
#include "lib/base/err.h"

struct wr_dp;

/* Index of a map in struct wr_dp, in the order of WR_MAPS. */
#include "bpf/abi/maps.h"
enum wr_map {
#define X(name, size) WR_MAP_##name,
	WR_MAPS(X)
#undef X
		WR_MAP_MAX,
};
const char *wr_map_name(enum wr_map map);

/* Elements of a Maglev table: when one of a hundred backends leaves, 1.9 % of them change hands (16381: 2.3 %, 65521: 1.6 %). */
#define WR_MAGLEV_SIZE 32749u

struct wr_dp_options {
	const char *pins;           /* NULL: nothing is pinned */
	struct wr_config config;    /* .rodata of every object */
	uint32_t sizes[WR_MAP_MAX]; /* entries; 0: the default of bpf/abi/maps.h */
	uint32_t maglev_size;       /* elements of a Maglev table, a prime; 0: WR_MAGLEV_SIZE */
	bool no_tcx;                /* pretend that the kernel has no tcx (tests); clsact is used */
};

/*
 * Creates what is missing and adopts what is there. A pinned map whose layout or size differs is migrated
 * (contents copied to the new one, see docs/architecture.md) ; a map that cannot be understood fails the load with one
 * sentence and changes nothing. Programs are loaded new, pinned over the old, and every pinned link is updated to them; when those that
 * are pinned came from the same objects, constants and maps, they are kept and nothing is verified again.
 */
int wr_dp_load(const struct wr_dp_options *opt, struct wr_dp **ret, struct wr_err *err);
/* Opens the pinned maps, read only when @readonly. -ENOENT: no such pin directory (the agent has never run). */
int wr_dp_open(const char *pins, bool readonly, struct wr_dp **ret, struct wr_err *err);
void wr_dp_close(struct wr_dp *dp); /* pinned things outlive it */
/* Detaches all links, unpins all below pins_root (every ABI). Missing is success. */
int wr_dp_uninstall(const char *pins_root, struct wr_err *err);

int wr_dp_map_fd(const struct wr_dp *dp, enum wr_map map); /* borrowed; -1: not there */
uint32_t wr_dp_map_size(const struct wr_dp *dp,
			enum wr_map map); /* max_entries (wr_flows: of all shards) */
int wr_dp_prog_fd(const struct wr_dp *dp, const char *prog); /* borrowed; -ENOENT */
bool wr_dp_has_tcx(const struct wr_dp *dp);
/* Entries in use and room, for metrics and `weir status`. Arrays: as counted by the table modules. */
struct wr_dp_fill {
	enum wr_map map;
	uint64_t used, size, memory; /* memory: bytes the kernel accounts (fdinfo memlock) */
};
int wr_dp_fill(const struct wr_dp *dp, struct wr_dp_fill ret[WR_MAP_MAX]);

/*
 * Pods' programs hang on clsact also where there is tcx. A tcx link waits for an RCU grace period when it is made and when it
 * goes, with RTNL held: 10 to 20 ms for each of two programs, which all pods that start at once wait for in turn
 * (Linux 6.18, 2 processors: ADD 36 ms at the median, against 2.3 with clsact; DEL 56 against 24).
 */
#define WR_DP_POD_TCX false

/*
 * Attaching. Idempotent: a pinned link of that name is checked against the interface and updated to the current program;
 * it is made new when its device is gone. @who names the pin. Without tcx: clsact, handle 1, priority 1.
 */
enum wr_attach {
	WR_ATTACH_TC_INGRESS,
	WR_ATTACH_TC_EGRESS,
};
/* @pins_links: "<pins>/links"; @prog_fd from wr_dp_prog_fd, or wr_pin_get of "<pins>/progs/<name>". Runs in the caller's netns. */
int wr_dp_attach_tc(const char *pins, const char *who, const char *prog, uint32_t ifindex,
		    enum wr_attach at, bool tcx, struct wr_err *err);
/*
 * Several programs on an interface that was just made, so has none yet: as wr_dp_attach_tc for each, in one transaction where
 * that is possible. All or nothing.
 */
struct wr_dp_program {
	const char *name;
	enum wr_attach at;
};
int wr_dp_attach_new(const char *pins, const char *who, uint32_t ifindex,
		     const struct wr_dp_program *programs, size_t n, bool tcx, struct wr_err *err);
/* Are the pinned programs attached to this interface, first in order of ours? -ENOENT / -ESTALE with words. */
int wr_dp_check_tc(const char *pins, const char *who, const char *prog, uint32_t ifindex,
		   enum wr_attach at, bool tcx, struct wr_err *err);
/* All of "cgroup": socket hooks on the cgroup2 directory @path. */
int wr_dp_attach_cgroup(struct wr_dp *dp, const char *path, struct wr_err *err);
/* Removes the pinned links of @who (which detaches). Missing is success. */
int wr_dp_detach(const char *pins, const char *who, struct wr_err *err);
/* Every <who> that has pinned links; for garbage collection. Calls @fn for each. */
int wr_dp_each_attached(const char *pins, int (*fn)(void *ctx, const char *who), void *ctx);
/* What a pinned link hangs on now; 0: its device is gone. */
int wr_dp_attached_ifindex(const char *pins, const char *who, const char *hook, uint32_t *ret);

#endif
