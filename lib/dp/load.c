/* SPDX-License-Identifier: Apache-2.0 */
/* Loading: the embedded objects become programs that run on adopted or new maps. */
#include "lib/dp/load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "lib/base/cleanup.h"
#include "lib/base/io.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define SHARDS_MAX 256u

static void load_done(struct wr_load *l)
{
	size_t i;

	for (i = 0; i < WR_MAP_MAX; i++) {
		wr_close_p(&l->maps[i].fd);
		wr_close_p(&l->maps[i].old_fd);
		free(l->maps[i].counters);
	}
	for (i = 0; i < l->n_objects; i++)
		wr_object_close(l->objects[i]);
	free(l->objects);
	wr_dp_close(l->dp);
}

static bool is_prime(uint32_t n)
{
	uint32_t i;

	for (i = 2; (uint64_t)i * i <= n; i++)
		if (n % i == 0)
			return false;
	return n > 1;
}

static int check_options(const struct wr_dp_options *opt, struct wr_err *err)
{
	uint32_t shards = opt->config.flow_shards;

	if (!shards || shards > SHARDS_MAX || shards & (shards - 1))
		return wr_err_set(err, -EINVAL, "flow shards: %u is not a power of two from 1 to %u",
				  shards, SHARDS_MAX);
	if (opt->maglev_size && !is_prime(opt->maglev_size))
		return wr_err_set(err, -EINVAL, "Maglev table size: %u is not a prime",
				  opt->maglev_size);
	return 0;
}

/* Directories, and a lock for as long as we load: two agents of one instance must not both adopt. */
static int prepare_pins(const char *pins, int *ret_lock, struct wr_err *err)
{
	static const char *const dirs[] = { "maps", "progs", "links" };
	char path[WR_DP_PATH_SIZE];
	wr_autofd int fd = -1;
	size_t i;
	int r = 0;

	for (i = 0; i < WR_ARRAY_SIZE(dirs) && r == 0; i++) {
		r = wr_format(path, sizeof(path), "%s/%s", pins, dirs[i]);
		if (r == 0)
			r = wr_mkdirs(path, 0700);
	}
	if (r < 0)
		return wr_err_sys(err, r, "making the pin directory %s", pins);
	if (!wr_sys_is_bpffs(pins))
		return wr_err_set(err, -EMEDIUMTYPE,
				  "%s is not on a BPF file system: mount -t bpf bpf /sys/fs/bpf",
				  pins);
	fd = open(pins, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return wr_err_sys(err, -errno, "locking %s (is another agent loading?)", pins);
	*ret_lock = wr_take_fd(&fd);
	return 0;
}

static int open_objects(struct wr_load *l, const struct wr_bpf_object *src, size_t n,
			struct wr_err *err)
{
	size_t i;
	int r;

	l->objects = wr_xcalloc(n + 1, sizeof(struct wr_object *));
	for (i = 0; i < n; i++) {
		r = wr_object_open(&src[i], &l->objects[i], err);
		if (r < 0)
			return r;
		l->n_objects++;
		r = wr_object_set_config(l->objects[i], &l->opt->config, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Gives the object what is there already and keeps what it has made. */
static int load_object(struct wr_load *l, struct wr_object *o, struct wr_err *err)
{
	int i, r = 0, fd;

	for (i = 0; i < WR_MAP_MAX && r == 0; i++) {
		if (!l->maps[i].declared)
			continue;
		r = l->maps[i].fd >= 0 ? wr_object_use_map(o, i, l->maps[i].fd) :
					 wr_object_set_size(o, i, l->maps[i].want.max_entries);
		if (r < 0)
			return wr_err_sys(err, r, "giving map %s to a BPF object", wr_map_name(i));
	}
	r = wr_object_load(o, err);
	if (r < 0)
		return r;
	for (i = 0; i < WR_MAP_MAX; i++) {
		fd = wr_object_map_fd(o, i);
		if (fd < 0 || l->maps[i].fd >= 0)
			continue;
		l->maps[i].fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		if (l->maps[i].fd < 0)
			return wr_err_sys(err, -errno, "keeping map %s", wr_map_name(i));
		l->maps[i].is_new = true;
	}
	return 0;
}

/* What runs is what a load would make: nothing needs to be verified again. */
static bool adopt_progs(struct wr_load *l)
{
	size_t i;
	int r = 0;

	if (!l->opt->pins || !wr_digest_matches(l))
		return false;
	for (i = 0; i < l->n_objects && r == 0; i++)
		r = wr_object_take_pinned(l->objects[i], l->opt->pins, l->dp);
	if (r < 0)
		wr_dp_drop_progs(l->dp);
	return r == 0;
}

static int load_objects(struct wr_load *l, struct wr_err *err)
{
	size_t i;
	int r;

	for (i = 0; i < l->n_objects; i++) {
		r = load_object(l, l->objects[i], err);
		if (r == 0)
			r = wr_object_take_progs(l->objects[i], l->dp);
		if (r < 0)
			return wr_err_sys(err, r, "loading the programs");
	}
	return 0;
}

/* Kernels before 6.13 ignore the flag: asked of a map of two rows. */
static bool lpm_heeds_noexist(void)
{
	struct wr_sys_map def = {
		.type = BPF_MAP_TYPE_LPM_TRIE,
		.key_size = 8,
		.value_size = 8,
		.max_entries = 2,
		.flags = BPF_F_NO_PREALLOC,
		.name = "wr_probe",
	};
	uint32_t key[2] = { 32, 0 };
	wr_autofd int fd = wr_sys_map_create(&def, -1);
	uint64_t value = 0;

	return fd >= 0 && wr_sys_map_update(fd, key, &value, BPF_NOEXIST) == 0 &&
	       wr_sys_map_update(fd, key, &value, BPF_NOEXIST) == -EEXIST;
}

/* Control tables are ours alone: whoever counts once can keep counting. */
static void count_all(struct wr_load *l)
{
	static const enum wr_map ours[] = {
		WR_MAP_wr_ep_by_addr, WR_MAP_wr_peers, WR_MAP_wr_peer_prefixes, WR_MAP_wr_frontends,
		WR_MAP_wr_src_ranges, WR_MAP_wr_rules, WR_MAP_wr_port_rules,
	};
	struct wr_dp *dp = l->dp;
	size_t i;

	dp->lpm_noexist = lpm_heeds_noexist();
	for (i = 0; i < WR_ARRAY_SIZE(ours); i++)
		if (wr_map_count(dp->fds[ours[i]], &dp->info[ours[i]], &dp->used[ours[i]]) < 0)
			dp->used[ours[i]] = WR_DP_UNKNOWN;
}

static int hand_over_maps(struct wr_load *l, struct wr_err *err)
{
	int i, r;

	for (i = 0; i < WR_MAP_MAX; i++) {
		if (l->maps[i].fd < 0)
			continue;
		r = wr_dp_set_map(l->dp, i, wr_take_fd(&l->maps[i].fd));
		if (r < 0)
			return wr_err_sys(err, r, "mapping %s", wr_map_name(i));
	}
	return 0;
}

/* Nothing that is in force changes here. */
static int prepare(struct wr_load *l, const struct wr_bpf_object *objects, size_t n,
		   struct wr_err *err)
{
	int r;

	r = open_objects(l, objects, n, err);
	if (r == 0)
		r = wr_plan_maps(l, err);
	if (r == 0)
		l->adopted = adopt_progs(l);
	if (r == 0 && !l->adopted)
		r = load_objects(l, err);
	if (r == 0)
		r = wr_shards_make(l, err);
	if (r == 0)
		r = hand_over_maps(l, err);
	if (r == 0)
		r = wr_migrate_fill(l, err);
	return r;
}

/* From here on what is pinned changes, step by step; each step finds and completes what a killed load has begun. */
static int put_in_force(struct wr_load *l, struct wr_err *err)
{
	int r = 0;

	if (!l->adopted) {
		wr_digest_forget(l);
		r = wr_pins_write(l, err);
	}
	if (r == 0)
		r = wr_pins_update_links(l, err);
	if (r == 0)
		r = wr_shards_resize(l, err);
	if (r == 0)
		r = wr_migrate_drain(l, err);
	if (r == 0)
		r = wr_pins_tidy(l, err);
	if (r == 0 && !l->adopted)
		r = wr_digest_note(l, err);
	return r;
}

int wr_dp_load_objects(const struct wr_dp_options *opt, const struct wr_bpf_object *objects,
		       size_t n, struct wr_dp **ret, struct wr_err *err)
{
	wr_cleanup(load_done) struct wr_load l = { .opt = opt, .sources = objects };
	wr_autofd int lock = -1;
	int r, i;

	for (i = 0; i < WR_MAP_MAX; i++)
		l.maps[i].fd = l.maps[i].old_fd = -1;
	r = check_options(opt, err);
	if (r == 0 && opt->pins)
		r = prepare_pins(opt->pins, &lock, err);
	if (r < 0)
		return r;
	l.dp = wr_dp_new(opt->pins, false);
	l.dp->tcx = !opt->no_tcx && wr_sys_has_tcx();
	if (opt->maglev_size)
		l.dp->maglev_size = opt->maglev_size;
	r = prepare(&l, objects, n, err);
	if (r == 0 && opt->pins)
		r = put_in_force(&l, err);
	if (r < 0)
		return r;
	count_all(&l);
	*ret = wr_take_ptr(l.dp);
	return 0;
}

int wr_dp_load(const struct wr_dp_options *opt, struct wr_dp **ret, struct wr_err *err)
{
	return wr_dp_load_objects(opt, wr_bpf_objects, wr_bpf_objects_n, ret, err);
}
