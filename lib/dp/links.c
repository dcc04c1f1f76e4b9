/* SPDX-License-Identifier: Apache-2.0 */
/* The directory of pinned links: names, walks and removal. */
#include "lib/dp/links.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/str.h"
#include "lib/dp/clsact.h"
#include "lib/dp/sys.h"

static void closedir_p(DIR **d)
{
	if (*d)
		closedir(*d);
}

static void swap_char(char *s, char from, char to)
{
	for (; *s; s++)
		if (*s == from)
			*s = to;
}

int wr_dp_prog_path(const char *pins, const char *prog, char buf[WR_DP_PATH_SIZE])
{
	return wr_format(buf, WR_DP_PATH_SIZE, "%s/progs/%s", pins, prog);
}

int wr_dp_link_dir(const char *pins, const char *who, char buf[WR_DP_PATH_SIZE])
{
	int r;

	if (!*who || strchr(who, '/') || strchr(who, ':'))
		return -EINVAL;
	r = wr_format(buf, WR_DP_PATH_SIZE, "%s/links/%s", pins, who);
	if (r < 0)
		return r;
	swap_char(strrchr(buf, '/'), '.', ':');
	return 0;
}

int wr_dp_link_path(const char *pins, const char *who, const char *hook, char buf[WR_DP_PATH_SIZE])
{
	char dir[WR_DP_PATH_SIZE];
	int r;

	r = wr_dp_link_dir(pins, who, dir);
	return r < 0 ? r : wr_format(buf, WR_DP_PATH_SIZE, "%s/%s", dir, hook);
}

int wr_dp_marker_path(const struct wr_dp_hook *hook, char buf[WR_DP_PATH_SIZE])
{
	char dir[WR_DP_PATH_SIZE];
	int r;

	r = wr_dp_link_dir(hook->pins, hook->who, dir);
	if (r < 0)
		return r;
	return wr_format(buf, WR_DP_PATH_SIZE, "%s/%s@%s%u", dir, hook->name,
			 hook->at == WR_ATTACH_TC_INGRESS ? "in" : "out", hook->ifindex);
}

/* The names of a directory, NULL at the end; a directory that is not there has none. */
static int next_name(DIR *d, char *buf, size_t size)
{
	struct dirent *e;

	do {
		e = readdir(d);
		if (!e)
			return 0;
	} while (e->d_name[0] == '.');
	wr_copy(buf, size, e->d_name);
	return 1;
}

/* "pod_egress@in12": name "pod_egress", ingress of interface 12. Without "@" it is a link's. */
static void parse_name(char *name, struct wr_dp_hook *hook)
{
	char *at = strchr(name, '@');
	uint64_t ifindex = 0;

	hook->ifindex = 0;
	if (!at)
		return;
	*at++ = '\0';
	hook->at = wr_has_prefix(at, "in") ? WR_ATTACH_TC_INGRESS : WR_ATTACH_TC_EGRESS;
	if (wr_parse_u64(at + strcspn(at, "0123456789"), INT32_MAX, &ifindex) == 0)
		hook->ifindex = (uint32_t)ifindex;
}

static int each_hook_of(const char *pins, const char *who,
			int (*fn)(void *ctx, const struct wr_dp_hook *hook), void *ctx)
{
	char dir[WR_DP_PATH_SIZE], path[WR_DP_PATH_SIZE], name[NAME_MAX + 1];
	wr_cleanup(closedir_p) DIR *d = NULL;
	struct wr_dp_hook hook = { .pins = pins, .who = who, .name = name, .path = path };
	int r;

	r = wr_dp_link_dir(pins, who, dir);
	if (r < 0)
		return r;
	d = opendir(dir);
	if (!d)
		return errno == ENOENT ? 0 : -errno;
	while (next_name(d, name, sizeof(name))) {
		r = wr_format(path, sizeof(path), "%s/%s", dir, name);
		if (r < 0)
			return r;
		parse_name(name, &hook);
		r = fn(ctx, &hook);
		if (r)
			return r;
	}
	return 0;
}

struct each {
	const char *pins;
	int (*fn)(void *ctx, const struct wr_dp_hook *hook);
	void *ctx;
};

static int each_who(void *ctx, const char *who)
{
	struct each *e = ctx;

	return each_hook_of(e->pins, who, e->fn, e->ctx);
}

int wr_dp_each_hook(const char *pins, const char *who,
		    int (*fn)(void *ctx, const struct wr_dp_hook *hook), void *ctx)
{
	struct each e = { .pins = pins, .fn = fn, .ctx = ctx };

	if (who)
		return each_hook_of(pins, who, fn, ctx);
	return wr_dp_each_attached(pins, each_who, &e);
}

int wr_dp_each_attached(const char *pins, int (*fn)(void *ctx, const char *who), void *ctx)
{
	char dir[WR_DP_PATH_SIZE], who[NAME_MAX + 1];
	wr_cleanup(closedir_p) DIR *d = NULL;
	int r;

	r = wr_format(dir, sizeof(dir), "%s/links", pins);
	if (r < 0)
		return r;
	d = opendir(dir);
	if (!d)
		return errno == ENOENT ? 0 : -errno;
	while (next_name(d, who, sizeof(who))) {
		swap_char(who, ':', '.');
		r = fn(ctx, who);
		if (r)
			return r;
	}
	return 0;
}

int wr_dp_hook_remove(const struct wr_dp_hook *hook)
{
	wr_autofd int fd = -1;

	fd = wr_sys_obj_get(hook->path, false);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	/* Without its device a link is detached already, and so is a filter. */
	if (hook->ifindex)
		wr_clsact_del(hook->ifindex, hook->at, fd);
	else
		wr_sys_link_detach(fd);
	return unlink(hook->path) < 0 && errno != ENOENT ? -errno : 0;
}
