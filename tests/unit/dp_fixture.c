/* SPDX-License-Identifier: Apache-2.0 */
/* Real maps in a private bpffs, for the tests of lib/dp. */
#include "tests/unit/dp_fixture.h"

#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bpf/abi/config.h"
#include "bpf/abi/endpoint.h"
#include "bpf/abi/event.h"
#include "bpf/abi/flow.h"
#include "bpf/abi/policy.h"
#include "bpf/abi/reason.h"
#include "bpf/abi/service.h"
#include "lib/base/io.h"
#include "lib/base/str.h"
#include "tests/unit/check.h"

struct def {
	uint32_t type, key_size, value_size, max_entries, flags;
};

#define ARRAY(value, n)                                                 \
	{                                                               \
		BPF_MAP_TYPE_ARRAY, 4, sizeof(value), n, BPF_F_MMAPABLE \
	}
#define HASH(key, value, n)                                         \
	{                                                           \
		BPF_MAP_TYPE_HASH, sizeof(key), sizeof(value), n, 0 \
	}
#define LRU(key, value, n)                                              \
	{                                                               \
		BPF_MAP_TYPE_LRU_HASH, sizeof(key), sizeof(value), n, 0 \
	}
#define LPM(key, value, n)                                                              \
	{                                                                               \
		BPF_MAP_TYPE_LPM_TRIE, sizeof(key), sizeof(value), n, BPF_F_NO_PREALLOC \
	}

static const struct def defs[WR_MAP_MAX] = {
	[WR_MAP_wr_globals] = ARRAY(struct wr_globals, 1),
	[WR_MAP_wr_ep_by_addr] = HASH(struct wr_addr, uint32_t, 16),
	[WR_MAP_wr_endpoints] = ARRAY(struct wr_endpoint, 8),
	[WR_MAP_wr_ep_stats] = ARRAY(struct wr_ep_stats, 8),
	[WR_MAP_wr_peers] = HASH(struct wr_addr, uint64_t, 32),
	[WR_MAP_wr_peer_prefixes] = LPM(struct wr_peer_prefix, uint64_t, 32),
	[WR_MAP_wr_identity_gens] = ARRAY(uint32_t, 64),
	[WR_MAP_wr_nexthops] = ARRAY(struct wr_nexthop, 16),
	[WR_MAP_wr_flows] = { BPF_MAP_TYPE_HASH, sizeof(struct wr_flow_key), sizeof(struct wr_flow),
			      64, BPF_F_NO_PREALLOC },
	[WR_MAP_wr_new_flows] = LRU(struct wr_flow_key, struct wr_flow, 64),
	[WR_MAP_wr_fragments] = LRU(struct wr_frag_key, struct wr_frag, 64),
	[WR_MAP_wr_frontends] = HASH(struct wr_frontend, uint64_t, 64),
	[WR_MAP_wr_services] = ARRAY(struct wr_service, 64),
	[WR_MAP_wr_slots] = ARRAY(uint32_t, 256),
	[WR_MAP_wr_backends] = ARRAY(struct wr_backend, 128),
	[WR_MAP_wr_picks] = ARRAY(uint64_t, 128),
	[WR_MAP_wr_maglev] = ARRAY(struct wr_maglev_line, 4096),
	[WR_MAP_wr_affinity] = LRU(struct wr_affinity_key, struct wr_affinity, 64),
	[WR_MAP_wr_src_ranges] = LPM(struct wr_src_range, uint8_t, 64),
	[WR_MAP_wr_sock_udp] = LRU(struct wr_sock_udp_key, struct wr_sock_udp, 64),
	[WR_MAP_wr_rules] = LPM(struct wr_rule_key, uint64_t, 1024),
	[WR_MAP_wr_port_rules] = { BPF_MAP_TYPE_HASH, sizeof(struct wr_rule_key), sizeof(uint64_t),
				   1024, BPF_F_NO_PREALLOC },
	[WR_MAP_wr_drops] = { BPF_MAP_TYPE_PERCPU_ARRAY, 4, sizeof(struct wr_drop_count),
			      WR_REASON_MAX, 0 },
	[WR_MAP_wr_events] = { BPF_MAP_TYPE_RINGBUF, 0, 0, 4096, 0 },
};

int dp_sandbox_enter(void **state)
{
	assert_int_equal(unshare(CLONE_NEWNS | CLONE_NEWNET), 0);
	assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	assert_int_equal(mount("tmpfs", "/mnt", "tmpfs", 0, NULL), 0);
	assert_int_equal(mkdir(DP_BPFFS, 0700), 0);
	assert_int_equal(mount("bpf", DP_BPFFS, "bpf", 0, NULL), 0);
	return 0;
}

int dp_sandbox_leave(void **state)
{
	umount(DP_BPFFS);
	umount("/mnt");
	return 0;
}

struct wr_sys_map dp_map_def(enum wr_map map)
{
	struct wr_sys_map def = {
		.type = defs[map].type,
		.key_size = defs[map].key_size,
		.value_size = defs[map].value_size,
		.max_entries = defs[map].max_entries,
		.flags = defs[map].flags,
	};

	wr_copy(def.name, sizeof(def.name), wr_map_name(map));
	return def;
}

static void pin_map(int fd, enum wr_map map)
{
	char path[256];

	assert_int_equal(wr_format(path, sizeof(path), DP_PINS "/maps/%s", wr_map_name(map)), 0);
	assert_int_equal(wr_sys_obj_repin(fd, path), 0);
}

static int make_flows(const struct wr_sys_map *inner)
{
	struct wr_sys_map outer = {
		.type = BPF_MAP_TYPE_ARRAY_OF_MAPS,
		.key_size = 4,
		.value_size = 4,
		.max_entries = 2 * DP_SHARDS,
		.name = "wr_flows",
	};
	int fd = -1, shard;
	uint32_t i;

	for (i = 0; i < DP_SHARDS; i++) {
		shard = wr_sys_map_create(inner, -1);
		assert_true(shard >= 0);
		if (fd < 0)
			fd = wr_sys_map_create(&outer, shard);
		assert_true(fd >= 0);
		assert_int_equal(wr_sys_map_update(fd, &i, &shard, 0), 0);
		close(shard);
	}
	return fd;
}

static void make_map(enum wr_map map, uint32_t max_entries)
{
	struct wr_sys_map def = dp_map_def(map);
	int fd;

	if (!def.type)
		return;
	if (max_entries)
		def.max_entries = max_entries;
	fd = map == WR_MAP_wr_flows ? make_flows(&def) : wr_sys_map_create(&def, -1);
	if (fd < 0)
		fail_msg("creating %s: %s", def.name, strerror(-fd));
	pin_map(fd, map);
	close(fd);
}

int dp_maps_make(void **state)
{
	int i;

	assert_int_equal(wr_mkdirs(DP_PINS "/maps", 0700), 0);
	assert_int_equal(wr_mkdirs(DP_PINS "/progs", 0700), 0);
	for (i = 0; i < WR_MAP_MAX; i++)
		make_map(i, 0);
	return 0;
}

int dp_maps_remove(void **state)
{
	assert_int_equal(wr_remove_tree(DP_BPFFS "/weir"), 0);
	return 0;
}

void dp_map_resize(enum wr_map map, uint32_t max_entries)
{
	make_map(map, max_entries);
}

struct wr_dp *dp_open(void)
{
	struct wr_err err = WR_ERR_INIT;
	struct wr_dp *dp = NULL;

	if (wr_dp_open(DP_PINS, false, &dp, &err) < 0)
		fail_msg("%s", err.msg);
	return dp;
}

int dp_prog_load(uint32_t type, const char *name, const struct bpf_insn *insns, uint32_t n)
{
	static char log[16384];
	union bpf_attr attr = {
		.prog_type = type,
		.insns = (uintptr_t)insns,
		.insn_cnt = n,
		.license = (uintptr_t) "GPL",
		.log_buf = (uintptr_t)log,
		.log_size = sizeof(log),
		.log_level = 1,
	};
	long fd;

	wr_copy(attr.prog_name, sizeof(attr.prog_name), name);
	fd = syscall(__NR_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
	if (fd < 0)
		fail_msg("%s: %s", strerror(errno), log);
	return (int)fd;
}

int dp_prog_named(const char *name, int verdict)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = verdict },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return dp_prog_load(BPF_PROG_TYPE_SCHED_CLS, name, insns, 2);
}

int dp_prog_verdict(const char *name, int verdict)
{
	int fd = dp_prog_named(name, verdict);
	char path[256];

	assert_int_equal(wr_mkdirs(DP_PINS "/progs", 0700), 0);
	assert_int_equal(wr_format(path, sizeof(path), DP_PINS "/progs/%s", name), 0);
	assert_int_equal(wr_sys_obj_repin(fd, path), 0);
	return fd;
}
