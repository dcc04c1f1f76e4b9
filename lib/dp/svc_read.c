/* SPDX-License-Identifier: Apache-2.0 */
/* Services in force as anybody can read them from the maps: the CLI, tests, fill levels. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/dp/private.h"
#include "lib/dp/svc_table.h"

struct fe_walk {
	const struct wr_dp *dp;
	int (*fn)(void *ctx, const struct wr_frontend *fe, const struct wr_service *svc);
	void *ctx;
};

static int report(void *ctx, const void *key, const void *value)
{
	const struct fe_walk *w = ctx;
	const struct wr_service *row;
	struct wr_frontend fe;
	uint64_t word;

	memcpy(&fe, key, sizeof(fe));
	memcpy(&word, value, sizeof(word));
	row = wr_dp_at(w->dp, WR_MAP_wr_services, WR_FE_SERVICE(word));
	return row ? w->fn(w->ctx, &fe, row) : 0;
}

int wr_frontend_dump(const struct wr_dp *dp,
		     int (*fn)(void *ctx, const struct wr_frontend *fe, const struct wr_service *svc),
		     void *ctx)
{
	struct fe_walk w = { .dp = dp, .fn = fn, .ctx = ctx };

	return wr_map_each(dp->fds[WR_MAP_wr_frontends], &dp->info[WR_MAP_wr_frontends], report, &w);
}

int wr_service_slots(const struct wr_dp *dp, const struct wr_service *svc, uint32_t i,
		     uint32_t *ret_backend)
{
	const uint32_t *slot = NULL;

	if (i < svc->n && i < UINT32_MAX - svc->first)
		slot = wr_dp_at(dp, WR_MAP_wr_slots, svc->first + i);
	if (!slot)
		return -ENOENT;
	*ret_backend = wr_load(slot);
	return 0;
}

int wr_backend_get(const struct wr_dp *dp, uint32_t number, struct wr_backend *ret)
{
	const struct wr_backend *row = wr_dp_at(dp, WR_MAP_wr_backends, number);

	if (!row || !number)
		return -ENOENT;
	*ret = *row;
	return 0;
}

int wr_backend_picks(const struct wr_dp *dp, uint32_t number, uint64_t *ret)
{
	const uint64_t *picks = wr_dp_at(dp, WR_MAP_wr_picks, number);

	if (!picks || !number)
		return -ENOENT;
	*ret = wr_load(picks);
	return 0;
}

struct use {
	const struct wr_dp *dp;
	uint8_t *seen; /* bit per record: several frontends share one */
	uint64_t services, slots, maglev;
};

static int use_record(void *ctx, const void *key, const void *value)
{
	struct use *u = ctx;
	const struct wr_service *row;
	uint32_t number;
	uint64_t word;

	memcpy(&word, value, sizeof(word));
	number = WR_FE_SERVICE(word);
	row = wr_dp_at(u->dp, WR_MAP_wr_services, number);
	if (!row || u->seen[number / 8] & 1 << number % 8)
		return 0;
	u->seen[number / 8] |= (uint8_t)(1 << number % 8);
	u->services++;
	u->slots += row->n;
	if (row->flags & WR_SVC_MAGLEV)
		u->maglev += (row->maglev_size + WR_MAGLEV_LINE - 1) / WR_MAGLEV_LINE;
	return 0;
}

static uint64_t used_backends(const struct wr_dp *dp)
{
	struct wr_backend be;
	uint64_t n = 0;
	uint32_t i;

	for (i = 1; wr_backend_get(dp, i, &be) == 0; i++)
		n += be.state != WR_BACKEND_FREE;
	return n;
}

uint64_t wr_svc_used(const struct wr_dp *dp, enum wr_map map)
{
	struct use u = { .dp = dp };
	int r;

	if (map == WR_MAP_wr_backends || map == WR_MAP_wr_picks)
		return used_backends(dp);
	if (map != WR_MAP_wr_services && map != WR_MAP_wr_slots && map != WR_MAP_wr_maglev)
		return 0;
	u.seen = wr_xcalloc(dp->info[WR_MAP_wr_services].max_entries / 8 + 1, 1);
	r = wr_map_each(dp->fds[WR_MAP_wr_frontends], &dp->info[WR_MAP_wr_frontends], use_record, &u);
	free(u.seen);
	if (r < 0)
		return 0;
	return map == WR_MAP_wr_services ? u.services : map == WR_MAP_wr_slots ? u.slots : u.maglev;
}
