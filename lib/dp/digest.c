/* SPDX-License-Identifier: Apache-2.0 */
/* What the pinned programs were made from, as the target of a symbolic link: a bpffs holds no other text. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/hmap.h"
#include "lib/base/str.h"
#include "lib/dp/load.h"

#define TEXT_SIZE 17

static int link_path(const struct wr_load *l, const char *suffix, char buf[WR_DP_PATH_SIZE])
{
	return wr_format(buf, WR_DP_PATH_SIZE, "%s/digest%s", l->opt->pins, suffix);
}

/* The kernel's number of each map that programs use: never given twice. */
static uint64_t hash_maps(const struct wr_load *l, uint64_t hash)
{
	struct wr_sys_map info;
	int i, fd;

	for (i = 0; i < WR_MAP_MAX; i++) {
		fd = l->maps[i].fd >= 0 ? l->maps[i].fd : l->dp->fds[i];
		if (fd >= 0 && wr_sys_map_info(fd, &info) == 0)
			hash = wr_hash64_bytes(&info.id, sizeof(info.id), hash);
	}
	return hash;
}

static void digest(const struct wr_load *l, char text[TEXT_SIZE])
{
	const struct wr_config *config = &l->opt->config;
	uint64_t hash = wr_hash64_bytes(config, sizeof(*config), WR_ABI_VERSION);
	size_t i;

	for (i = 0; i < l->n_objects; i++)
		hash = wr_hash64_bytes(l->sources[i].data, l->sources[i].size, hash);
	hash = hash_maps(l, hash);
	snprintf(text, TEXT_SIZE, "%016llx", (unsigned long long)hash);
}

bool wr_digest_matches(const struct wr_load *l)
{
	char path[WR_DP_PATH_SIZE], want[TEXT_SIZE], have[TEXT_SIZE + 1] = "";
	int i;

	for (i = 0; i < WR_MAP_MAX; i++)
		if (l->maps[i].declared && (!l->maps[i].is_pinned || l->maps[i].old_fd >= 0))
			return false;
	if (l->other[0] || link_path(l, "", path) < 0 ||
	    readlink(path, have, sizeof(have) - 1) != TEXT_SIZE - 1)
		return false;
	digest(l, want);
	return wr_streq(have, want);
}

void wr_digest_forget(const struct wr_load *l)
{
	char path[WR_DP_PATH_SIZE];

	if (link_path(l, "", path) == 0)
		unlink(path);
}

int wr_digest_note(const struct wr_load *l, struct wr_err *err)
{
	char path[WR_DP_PATH_SIZE], text[TEXT_SIZE];
	int r;

	r = link_path(l, "", path);
	if (r < 0)
		return wr_err_sys(err, r, "pin directory %s", l->opt->pins);
	digest(l, text);
	unlink(path);
	if (symlink(text, path) < 0)
		return wr_err_sys(err, -errno, "making %s", path);
	return 0;
}
