/* SPDX-License-Identifier: Apache-2.0 */
/* One BPF object: opened from memory, told its constants and maps, verified. */
#include "lib/dp/object.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define LOG_SIZE   ((size_t)1 << 20)
#define LAST_LINES 4

struct wr_object {
	const char *name;
	struct bpf_object *o;
	char *log;
};

/* What libbpf has to say about a failure; there is one loader at a time. */
static char said[256];

static int listen(enum libbpf_print_level level, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));
static int listen(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	/* The first warning names the cause, the rest what followed from it; the verifier's log comes by another way. */
	if (level == LIBBPF_WARN && !said[0] && !strstr(fmt, "LOG"))
		vsnprintf(said, sizeof(said), fmt, ap);
	return 0;
}

static void trim(char *s)
{
	size_t len = strlen(s);

	while (len && (s[len - 1] == '\n' || s[len - 1] == ' '))
		s[--len] = '\0';
}

/* The verifier's verdict stands in its last lines, before the statistics. */
static const char *last_lines(char *log)
{
	char *p = strstr(log, "\nprocessed "), *start;
	int n = 0;

	if (p)
		*p = '\0';
	trim(log);
	for (start = log + strlen(log); start > log && n < LAST_LINES; start--)
		n += start[-1] == '\n' && start[0] != '\0';
	start += n == LAST_LINES;
	for (p = start; *p; p++)
		if (*p == '\n')
			*p = ' ';
	return start;
}

int wr_object_open(const struct wr_bpf_object *src, struct wr_object **ret, struct wr_err *err)
{
	struct wr_object *o = wr_xcalloc(1, sizeof(*o));
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = src->name);

	o->name = src->name;
	o->log = wr_xcalloc(1, LOG_SIZE);
	opts.kernel_log_buf = o->log;
	opts.kernel_log_size = LOG_SIZE;
	said[0] = '\0';
	libbpf_set_print(listen);
	o->o = bpf_object__open_mem(src->data, src->size, &opts);
	if (!o->o) {
		wr_err_set(err, -errno, "BPF object %s cannot be read: %s", src->name, said);
		wr_object_close(o);
		return -EINVAL;
	}
	*ret = o;
	return 0;
}

void wr_object_close(struct wr_object *o)
{
	if (!o)
		return;
	bpf_object__close(o->o);
	free(o->log);
	free(o);
}

/* Where wr_cfg is in .rodata; -ENOENT: the object has none. */
static int config_offset(const struct bpf_object *o, uint32_t *ret_offset, uint32_t *ret_size)
{
	const struct btf *btf = bpf_object__btf(o);
	int id = btf ? btf__find_by_name_kind(btf, ".rodata", BTF_KIND_DATASEC) : -ENOENT, i;
	const struct btf_var_secinfo *v;
	const struct btf_type *sec;

	if (id < 0)
		return -ENOENT;
	sec = btf__type_by_id(btf, (uint32_t)id);
	v = btf_var_secinfos(sec);
	for (i = 0; i < btf_vlen(sec); i++, v++) {
		if (strcmp(btf__name_by_offset(btf, btf__type_by_id(btf, v->type)->name_off),
			   "wr_cfg") != 0)
			continue;
		*ret_offset = v->offset;
		*ret_size = v->size;
		return 0;
	}
	return -ENOENT;
}

static void *rodata(struct bpf_object *o, size_t *ret_size)
{
	struct bpf_map *map;
	void *data;

	bpf_object__for_each_map(map, o)
	{
		if (!bpf_map__is_internal(map) || !wr_has_suffix(bpf_map__name(map), ".rodata"))
			continue;
		memcpy(&data, &(const void *){ bpf_map__initial_value(map, ret_size) }, sizeof(data));
		return data;
	}
	return NULL;
}

int wr_object_set_config(struct wr_object *o, const struct wr_config *config, struct wr_err *err)
{
	uint32_t offset, size;
	size_t room = 0;
	uint8_t *data;

	if (config_offset(o->o, &offset, &size) < 0)
		return 0;
	data = rodata(o->o, &room);
	if (!data || size != sizeof(*config) || room < offset + sizeof(*config))
		return wr_err_set(err, -EINVAL,
				  "BPF object %s was built with another struct wr_config", o->name);
	memcpy(data + offset, config, sizeof(*config));
	return 0;
}

static struct bpf_map *find_map(const struct wr_object *o, enum wr_map map)
{
	return bpf_object__find_map_by_name(o->o, wr_map_name(map));
}

static struct wr_sys_map definition(const struct bpf_map *m)
{
	struct wr_sys_map def = {
		.type = bpf_map__type(m),
		.key_size = bpf_map__key_size(m),
		.value_size = bpf_map__value_size(m),
		.max_entries = bpf_map__max_entries(m),
		.flags = bpf_map__map_flags(m),
	};

	wr_copy(def.name, sizeof(def.name), bpf_map__name(m));
	return def;
}

bool wr_object_map(const struct wr_object *o, enum wr_map map, struct wr_sys_map *ret,
		   struct wr_sys_map *ret_inner)
{
	struct bpf_map *m = find_map(o, map), *inner;

	if (!m)
		return false;
	*ret = definition(m);
	*ret_inner = (struct wr_sys_map){ 0 };
	inner = bpf_map__inner_map(m);
	if (inner) {
		*ret_inner = definition(inner);
		wr_copy(ret_inner->name, sizeof(ret_inner->name), ret->name);
	}
	return true;
}

int wr_object_set_size(struct wr_object *o, enum wr_map map, uint32_t max_entries)
{
	struct bpf_map *m = find_map(o, map);

	return m ? bpf_map__set_max_entries(m, max_entries) : 0;
}

int wr_object_use_map(struct wr_object *o, enum wr_map map, int fd)
{
	struct bpf_map *m = find_map(o, map);

	return m ? bpf_map__reuse_fd(m, fd) : 0;
}

int wr_object_load(struct wr_object *o, struct wr_err *err)
{
	int r;

	said[0] = '\0';
	o->log[0] = '\0';
	r = bpf_object__load(o->o);
	if (r == 0)
		return 0;
	trim(said);
	if (o->log[0])
		return wr_err_set(err, r, "loading BPF object %s: %s: %s", o->name, said,
				  last_lines(o->log));
	return wr_err_set(err, r, "loading BPF object %s: %s", o->name,
			  said[0] ? said : strerror(-r));
}

int wr_object_map_fd(const struct wr_object *o, enum wr_map map)
{
	struct bpf_map *m = find_map(o, map);

	return m ? bpf_map__fd(m) : -1;
}

static bool hangs_on_cgroup(const struct bpf_program *p)
{
	switch (bpf_program__type(p)) {
	case BPF_PROG_TYPE_CGROUP_SOCK_ADDR:
	case BPF_PROG_TYPE_CGROUP_SOCK:
	case BPF_PROG_TYPE_CGROUP_SKB:
		return true;
	default:
		return false;
	}
}

/* @pins NULL: what was loaded; else what is pinned there. */
static int take_prog(const struct bpf_program *p, const char *pins, struct wr_dp *dp)
{
	const char *name = bpf_program__name(p);
	struct wr_dp_prog prog = {
		.cgroup = hangs_on_cgroup(p),
		.attach_type = bpf_program__expected_attach_type(p),
	};
	char path[WR_DP_PATH_SIZE];
	int r;

	name += wr_has_prefix(name, "wr_") ? 3 : 0;
	if (pins) {
		r = wr_dp_prog_path(pins, name, path);
		prog.fd = r < 0 ? r : wr_sys_obj_get(path, false);
	} else {
		prog.fd = fcntl(bpf_program__fd(p), F_DUPFD_CLOEXEC, 3);
		prog.fd = prog.fd < 0 ? -errno : prog.fd;
	}
	if (prog.fd < 0)
		return prog.fd;
	wr_dp_add_prog(dp, name, prog);
	return 0;
}

static int take_progs(const struct wr_object *o, const char *pins, struct wr_dp *dp)
{
	struct bpf_program *p;
	int r;

	bpf_object__for_each_program(p, o->o)
	{
		r = bpf_program__autoload(p) ? take_prog(p, pins, dp) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

int wr_object_take_progs(const struct wr_object *o, struct wr_dp *dp)
{
	return take_progs(o, NULL, dp);
}

int wr_object_take_pinned(const struct wr_object *o, const char *pins, struct wr_dp *dp)
{
	return take_progs(o, pins, dp);
}
