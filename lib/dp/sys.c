/* SPDX-License-Identifier: Apache-2.0 */
/* bpf(2), one small function per command that Weir uses. */
#include "lib/dp/sys.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/str.h"

#define FLAG_BEFORE     (1u << 3) /* BPF_F_BEFORE, since 6.6 */
#define KERNEL_ENOTSUPP 524       /* what the kernel says for -EOPNOTSUPP in some places */

/* The head of `struct { ... } link_create` as of 6.6; all of union bpf_attr that matters here. */
struct attr_tcx_link {
	uint32_t prog_fd, target_ifindex, attach_type, flags;
	uint32_t relative_fd, pad;
	uint64_t expected_revision;
};

/* `query` as of 6.6. */
struct attr_query {
	uint32_t target_ifindex, attach_type, query_flags, attach_flags;
	uint64_t prog_ids;
	uint32_t count, pad;
	uint64_t prog_attach_flags, link_ids, link_attach_flags, revision;
};

static int sys_bpf(int cmd, void *attr, size_t size)
{
	long r = syscall(__NR_bpf, cmd, attr, size);

	if (r >= 0)
		return (int)r;
	return errno == KERNEL_ENOTSUPP ? -EOPNOTSUPP : -errno;
}

/* For commands of which nothing but success matters. */
static int sys_bpf_0(int cmd, void *attr, size_t size)
{
	int r = sys_bpf(cmd, attr, size);

	return r < 0 ? r : 0;
}

static uint64_t ptr(const void *p)
{
	return (uintptr_t)p;
}

int wr_sys_obj_get(const char *path, bool readonly)
{
	union bpf_attr attr = {
		.pathname = ptr(path),
		.file_flags = readonly ? BPF_F_RDONLY : 0,
	};

	return sys_bpf(BPF_OBJ_GET, &attr, sizeof(attr));
}

int wr_sys_obj_pin(int fd, const char *path)
{
	union bpf_attr attr = { .pathname = ptr(path), .bpf_fd = (uint32_t)fd };

	return sys_bpf_0(BPF_OBJ_PIN, &attr, sizeof(attr));
}

int wr_sys_obj_repin(int fd, const char *path)
{
	char beside[4096];
	int r;

	r = wr_format(beside, sizeof(beside), "%s:new", path);
	if (r < 0)
		return r;
	if (unlink(beside) < 0 && errno != ENOENT)
		return -errno;
	r = wr_sys_obj_pin(fd, beside);
	if (r < 0)
		return r;
	if (rename(beside, path) == 0)
		return 0;
	r = -errno;
	unlink(beside);
	return r;
}

bool wr_sys_is_bpffs(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && (uint32_t)fs.f_type == BPF_FS_MAGIC;
}

int wr_sys_tcx_link(int prog_fd, uint32_t ifindex, uint32_t attach_type)
{
	struct attr_tcx_link attr = {
		.prog_fd = (uint32_t)prog_fd,
		.target_ifindex = ifindex,
		.attach_type = attach_type,
		.flags = FLAG_BEFORE,
	};

	return sys_bpf(BPF_LINK_CREATE, &attr, sizeof(attr));
}

int wr_sys_cgroup_link(int prog_fd, int cgroup_fd, uint32_t attach_type)
{
	union bpf_attr attr = {
		.link_create.prog_fd = (uint32_t)prog_fd,
		.link_create.target_fd = (uint32_t)cgroup_fd,
		.link_create.attach_type = attach_type,
	};

	return sys_bpf(BPF_LINK_CREATE, &attr, sizeof(attr));
}

int wr_sys_link_update(int link_fd, int prog_fd)
{
	union bpf_attr attr = {
		.link_update.link_fd = (uint32_t)link_fd,
		.link_update.new_prog_fd = (uint32_t)prog_fd,
	};

	return sys_bpf_0(BPF_LINK_UPDATE, &attr, sizeof(attr));
}

int wr_sys_link_detach(int link_fd)
{
	union bpf_attr attr = { .link_detach.link_fd = (uint32_t)link_fd };

	return sys_bpf_0(BPF_LINK_DETACH, &attr, sizeof(attr));
}

static int info_by_fd(int fd, void *info, size_t size)
{
	union bpf_attr attr = {
		.info.bpf_fd = (uint32_t)fd,
		.info.info_len = (uint32_t)size,
		.info.info = ptr(info),
	};

	return sys_bpf_0(BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr));
}

int wr_sys_link_info(int link_fd, struct wr_sys_link *ret)
{
	struct bpf_link_info info = { 0 };
	uint32_t tcx[2]; /* `tcx` of struct bpf_link_info: ifindex, attach_type */
	int r;

	r = info_by_fd(link_fd, &info, sizeof(info));
	if (r < 0)
		return r;
	*ret = (struct wr_sys_link){ .id = info.id, .type = info.type, .prog_id = info.prog_id };
	if (info.type == WR_SYS_LINK_TCX) {
		memcpy(tcx, &info.raw_tracepoint, sizeof(tcx));
		ret->ifindex = tcx[0];
		ret->attach_type = tcx[1];
	} else if (info.type == BPF_LINK_TYPE_CGROUP) {
		ret->cgroup_id = info.cgroup.cgroup_id;
		ret->attach_type = info.cgroup.attach_type;
	}
	return 0;
}

int wr_sys_tcx_query(uint32_t ifindex, uint32_t attach_type, uint32_t *prog_ids, uint32_t *n)
{
	struct attr_query attr = {
		.target_ifindex = ifindex,
		.attach_type = attach_type,
		.prog_ids = ptr(prog_ids),
		.count = *n,
	};
	int r;

	r = sys_bpf_0(BPF_PROG_QUERY, &attr, sizeof(attr));
	if (r < 0)
		return r;
	*n = attr.count;
	return 0;
}

bool wr_sys_has_tcx(void)
{
	uint32_t n = 0;
	int r;

	/* Every network namespace has a loopback device, number 1. */
	r = wr_sys_tcx_query(1, WR_SYS_TCX_INGRESS, NULL, &n);
	return r == 0 || r == -ENOENT || r == -ENOSPC;
}

int wr_sys_prog_info(int prog_fd, struct wr_sys_prog *ret)
{
	struct bpf_prog_info info = { 0 };
	int r;

	r = info_by_fd(prog_fd, &info, sizeof(info));
	if (r < 0)
		return r;
	ret->id = info.id;
	ret->type = info.type;
	wr_copy(ret->name, sizeof(ret->name), info.name);
	return 0;
}

int wr_sys_prog_by_id(uint32_t id)
{
	union bpf_attr attr = { .prog_id = id };

	return sys_bpf(BPF_PROG_GET_FD_BY_ID, &attr, sizeof(attr));
}

int wr_sys_prog_run(int prog_fd, void *ctx, size_t size, uint32_t *ret)
{
	union bpf_attr attr = {
		.test.prog_fd = (uint32_t)prog_fd,
		.test.ctx_in = ptr(ctx),
		.test.ctx_size_in = (uint32_t)size,
	};
	int r;

	r = sys_bpf_0(BPF_PROG_TEST_RUN, &attr, sizeof(attr));
	if (r < 0)
		return r;
	*ret = attr.test.retval;
	return 0;
}

int wr_sys_prog_test(int prog_fd, void *data, size_t size, uint32_t *ret)
{
	union bpf_attr attr = {
		.test.prog_fd = (uint32_t)prog_fd,
		.test.data_in = ptr(data),
		.test.data_out = ptr(data),
		.test.data_size_in = (uint32_t)size,
		.test.data_size_out = (uint32_t)size,
	};
	int r;

	r = sys_bpf_0(BPF_PROG_TEST_RUN, &attr, sizeof(attr));
	if (r < 0)
		return r;
	*ret = attr.test.retval;
	return 0;
}

int wr_sys_map_create(const struct wr_sys_map *def, int inner_fd)
{
	union bpf_attr attr = {
		.map_type = def->type,
		.key_size = def->key_size,
		.value_size = def->value_size,
		.max_entries = def->max_entries,
		.map_flags = def->flags,
		.inner_map_fd = inner_fd < 0 ? 0 : (uint32_t)inner_fd,
	};

	wr_copy(attr.map_name, sizeof(attr.map_name), def->name);
	return sys_bpf(BPF_MAP_CREATE, &attr, sizeof(attr));
}

int wr_sys_map_info(int map_fd, struct wr_sys_map *ret)
{
	struct bpf_map_info info = { 0 };
	int r;

	r = info_by_fd(map_fd, &info, sizeof(info));
	if (r < 0)
		return r;
	*ret = (struct wr_sys_map){
		.id = info.id,
		.type = info.type,
		.key_size = info.key_size,
		.value_size = info.value_size,
		.max_entries = info.max_entries,
		.flags = info.map_flags,
	};
	wr_copy(ret->name, sizeof(ret->name), info.name);
	return 0;
}

int wr_sys_map_by_id(uint32_t id)
{
	union bpf_attr attr = { .map_id = id };

	return sys_bpf(BPF_MAP_GET_FD_BY_ID, &attr, sizeof(attr));
}

static int map_elem(int cmd, int map_fd, const void *key, const void *value, uint64_t flags)
{
	union bpf_attr attr = {
		.map_fd = (uint32_t)map_fd,
		.key = ptr(key),
		.value = ptr(value), /* also next_key */
		.flags = flags,
	};

	return sys_bpf_0(cmd, &attr, sizeof(attr));
}

int wr_sys_map_lookup(int map_fd, const void *key, void *value)
{
	return map_elem(BPF_MAP_LOOKUP_ELEM, map_fd, key, value, 0);
}

int wr_sys_map_update(int map_fd, const void *key, const void *value, uint64_t flags)
{
	return map_elem(BPF_MAP_UPDATE_ELEM, map_fd, key, value, flags);
}

int wr_sys_map_delete(int map_fd, const void *key)
{
	return map_elem(BPF_MAP_DELETE_ELEM, map_fd, key, NULL, 0);
}

int wr_sys_map_next(int map_fd, const void *key, void *next)
{
	return map_elem(BPF_MAP_GET_NEXT_KEY, map_fd, key, next, 0);
}

static int map_batch(int cmd, union bpf_attr *attr, uint32_t *n)
{
	int r;

	attr->batch.count = *n;
	r = sys_bpf_0(cmd, attr, sizeof(*attr));
	/* -EFAULT says that count was not written; -EINVAL: the kernel did not know the command. */
	if (r == -EINVAL && attr->batch.count == *n)
		r = -EOPNOTSUPP;
	*n = r == -EFAULT || r == -EOPNOTSUPP ? 0 : attr->batch.count;
	return r;
}

int wr_sys_map_update_batch(int map_fd, const void *keys, const void *values, uint32_t *n)
{
	union bpf_attr attr = {
		.batch.map_fd = (uint32_t)map_fd,
		.batch.keys = ptr(keys),
		.batch.values = ptr(values),
	};

	return map_batch(BPF_MAP_UPDATE_BATCH, &attr, n);
}

int wr_sys_map_delete_batch(int map_fd, const void *keys, uint32_t *n)
{
	union bpf_attr attr = { .batch.map_fd = (uint32_t)map_fd, .batch.keys = ptr(keys) };

	return map_batch(BPF_MAP_DELETE_BATCH, &attr, n);
}

int wr_sys_map_lookup_batch(int map_fd, const void *in, void *out, void *keys, void *values,
			    uint32_t *n)
{
	union bpf_attr attr = {
		.batch.map_fd = (uint32_t)map_fd,
		.batch.in_batch = ptr(in),
		.batch.out_batch = ptr(out),
		.batch.keys = ptr(keys),
		.batch.values = ptr(values),
	};

	return map_batch(BPF_MAP_LOOKUP_BATCH, &attr, n);
}
