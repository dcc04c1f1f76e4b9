/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bpf(2) system call as this folder needs it: no libbpf, so that the plugin stays small, and so that what newer kernels
 * can do (tcx, since 6.6) does not depend on the headers of the build machine. All return 0, a descriptor
 * (O_CLOEXEC) or a negative errno.
 */
#ifndef WR_DP_SYS_H
#define WR_DP_SYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/bpf.h>

enum wr_sys_attach {
	WR_SYS_TCX_INGRESS = 46, /* BPF_TCX_INGRESS */
	WR_SYS_TCX_EGRESS = 47,  /* BPF_TCX_EGRESS */
};
#define WR_SYS_LINK_TCX 11 /* BPF_LINK_TYPE_TCX */

/* Objects in a bpffs. */
int wr_sys_obj_get(const char *path, bool readonly);
int wr_sys_obj_pin(int fd, const char *path);
/* Pins over what is there, in one step for those who look: a name beside it, then a rename. */
int wr_sys_obj_repin(int fd, const char *path);
bool wr_sys_is_bpffs(const char *path);

struct wr_sys_link {
	uint32_t id, type, prog_id;
	uint32_t attach_type; /* tcx and cgroup links */
	uint32_t ifindex;     /* tcx; 0: the device is gone */
	uint64_t cgroup_id;   /* cgroup; 0: the cgroup is gone */
};
/* Before all others on the interface: what comes later judges only what we let through. */
int wr_sys_tcx_link(int prog_fd, uint32_t ifindex, uint32_t attach_type);
int wr_sys_cgroup_link(int prog_fd, int cgroup_fd, uint32_t attach_type);
int wr_sys_link_update(int link_fd, int prog_fd);
int wr_sys_link_detach(int link_fd); /* at once; closing the last descriptor detaches some time later */
int wr_sys_link_info(int link_fd, struct wr_sys_link *ret);
/* Programs of the hook in the order they run; *n is room before, count after. */
int wr_sys_tcx_query(uint32_t ifindex, uint32_t attach_type, uint32_t *prog_ids, uint32_t *n);
bool wr_sys_has_tcx(void);

struct wr_sys_prog {
	uint32_t id, type;
	char name[BPF_OBJ_NAME_LEN];
};
int wr_sys_prog_info(int prog_fd, struct wr_sys_prog *ret);
int wr_sys_prog_by_id(uint32_t id);
/* Runs a "syscall" program on @ctx, which it may change. *ret: what it returned. */
int wr_sys_prog_run(int prog_fd, void *ctx, size_t size, uint32_t *ret);

/* Runs a tc program on @data as the packet; it may change the bytes, not their number. */
int wr_sys_prog_test(int prog_fd, void *data, size_t size, uint32_t *ret);

struct wr_sys_map {
	uint32_t id, type, key_size, value_size, max_entries, flags;
	char name[BPF_OBJ_NAME_LEN];
};
int wr_sys_map_create(const struct wr_sys_map *def, int inner_fd /* -1: none */);
int wr_sys_map_info(int map_fd, struct wr_sys_map *ret);
int wr_sys_map_by_id(uint32_t id);
int wr_sys_map_lookup(int map_fd, const void *key, void *value);
int wr_sys_map_update(int map_fd, const void *key, const void *value, uint64_t flags);
int wr_sys_map_delete(int map_fd, const void *key);
int wr_sys_map_next(int map_fd, const void *key /* NULL: first */, void *next); /* -ENOENT: end */

/* *n: how many before, how many were done after, on failure too. -EOPNOTSUPP: this map or kernel has no batches. */
int wr_sys_map_update_batch(int map_fd, const void *keys, const void *values, uint32_t *n);
int wr_sys_map_delete_batch(int map_fd, const void *keys, uint32_t *n);
/* @in NULL: from the start. -ENOENT: that was the last; -ENOSPC: a bucket holds more than *n. */
int wr_sys_map_lookup_batch(int map_fd, const void *in, void *out, void *keys, void *values,
			    uint32_t *n);

#endif
