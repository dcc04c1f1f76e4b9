/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The maps, once: name, and the option that sizes it. Types and key/value structs are at their
 * definitions in bpf/include/maps.h; pins are <bpffs>/weir/<instance>/<abi>/maps/<name>.
 *
 * Arrays are BPF_F_MMAPABLE (all but the per-CPU ones): the agent writes them through its mapping, since the
 * update system call copies without regard to words. 0 entries: as the definition says.
 *
 * X(name, default entries)
 */
#ifndef WR_ABI_MAPS_H
#define WR_ABI_MAPS_H

#define WR_MAPS(X)                 \
	X(wr_globals, 1)           \
	X(wr_ep_by_addr, 4096)     \
	X(wr_endpoints, 1024)      \
	X(wr_ep_stats, 1024)       \
	X(wr_peers, 65536)         \
	X(wr_peer_prefixes, 16384) \
	X(wr_identity_gens, 65536) \
	X(wr_nexthops, 8192)       \
	X(wr_flows, 262144)        \
	X(wr_new_flows, 65536)     \
	X(wr_fragments, 4096)      \
	X(wr_frontends, 65536)     \
	X(wr_services, 65536)      \
	X(wr_slots, 262144)        \
	X(wr_backends, 131072)     \
	X(wr_picks, 131072)        \
	X(wr_maglev, 524288)       \
	X(wr_affinity, 65536)      \
	X(wr_src_ranges, 4096)     \
	X(wr_sock, 0)              \
	X(wr_sock_udp, 65536)      \
	X(wr_rules, 65536)         \
	X(wr_port_rules, 65536)    \
	X(wr_nat_hints, 256)       \
	X(wr_drops, 0)             \
	X(wr_events, 262144)

#endif
