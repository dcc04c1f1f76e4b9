/* SPDX-License-Identifier: Apache-2.0 */
/* Drop counters and what their reasons are called. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/io.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/dp/private.h"
#include "lib/dp/tables.h"

static const struct {
	const char *name, *text;
} reasons[] = {
#define X(symbol, name, text) { name, text },
	WR_REASONS(X)
#undef X
};

/* The kernel copies a value for each possible processor, not only for those that are there. */
uint32_t wr_possible_cpus(void)
{
	wr_autofree char *text = NULL;
	uint64_t last;
	char *p;

	if (wr_read_file("/sys/devices/system/cpu/possible", 4096, &text, NULL) < 0)
		return 0;
	text[strcspn(text, "\n")] = '\0';
	p = strpbrk(text, "-,") ? strpbrk(text, "-,") + 1 : text;
	while (strpbrk(p, "-,"))
		p = strpbrk(p, "-,") + 1;
	return wr_parse_u64(p, 1 << 16, &last) < 0 ? 0 : (uint32_t)last + 1;
}

static int sum_of(int fd, uint32_t reason, struct wr_drop_count *cpus, uint32_t n,
		  struct wr_drop_count *ret)
{
	uint32_t i;
	int r;

	r = wr_sys_map_lookup(fd, &reason, cpus);
	if (r < 0)
		return r;
	for (i = 0; i < n; i++) {
		ret->packets += cpus[i].packets;
		ret->bytes += cpus[i].bytes;
	}
	return 0;
}

int wr_drops_get(const struct wr_dp *dp, struct wr_drop_count ret[WR_REASON_MAX])
{
	struct wr_drop_count sums[WR_REASON_MAX] = { { 0 } };
	wr_autofree struct wr_drop_count *cpus = NULL;
	uint32_t n = wr_possible_cpus(), i;
	int r;

	if (dp->fds[WR_MAP_wr_drops] < 0)
		return -ENOENT;
	if (!n)
		return -EIO;
	cpus = wr_xcalloc(n, sizeof(*cpus));
	for (i = 0; i < WR_MIN(WR_REASON_MAX, dp->info[WR_MAP_wr_drops].max_entries); i++) {
		r = sum_of(dp->fds[WR_MAP_wr_drops], i, cpus, n, &sums[i]);
		if (r < 0)
			return r;
	}
	memcpy(ret, sums, sizeof(sums));
	return 0;
}

const char *wr_reason_name(uint32_t reason)
{
	static char unknown[32];

	if (reason < WR_REASON_MAX)
		return reasons[reason].name;
	wr_format(unknown, sizeof(unknown), "reason-%u", reason);
	return unknown;
}

const char *wr_reason_text(uint32_t reason)
{
	return reason < WR_REASON_MAX ? reasons[reason].text :
					"a reason that this build does not know";
}
