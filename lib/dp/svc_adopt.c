/* SPDX-License-Identifier: Apache-2.0 */
/* A table that finds services in force takes them over: the same numbers, nothing written. */
#include <errno.h>
#include <string.h>

#include "lib/dp/svc_private.h"

/* A backend that no frontend leads to, but that was not freed: terminating, or a predecessor died in between. */
static int adopt_backend(void *ctx, const void *key, const void *value)
{
	struct wr_svc_table *t = ctx;
	struct wr_backend be;
	uint32_t number;

	memcpy(&number, key, sizeof(number));
	memcpy(&be, value, sizeof(be));
	if (number && be.state != WR_BACKEND_FREE)
		svc_be_adopt(t, number);
	return 0;
}

static bool record_is_good(struct wr_svc_table *t, uint32_t record, const struct wr_frontend *key,
			   uint64_t word)
{
	if (WR_FE_CHECK(word) != wr_frontend_check(key) || !record ||
	    record >= t->numbers[SVC_NUM_SERVICE].n)
		return false;
	while (t->refs.n <= record)
		wr_vec_push(&t->refs, 0);
	return t->refs.v[record] || svc_record_adopt(t, record);
}

/* A row that cannot be understood leads nowhere: whoever puts it writes it anew, else it is pruned. */
static int adopt_frontend(void *ctx, const void *key, const void *value)
{
	struct wr_svc_table *t = ctx;
	struct wr_frontend fe;
	uint64_t word;
	uint32_t i;

	memcpy(&fe, key, sizeof(fe));
	memcpy(&word, value, sizeof(word));
	i = svc_fe_new(t, &fe);
	t->fes.v[i].flags = SVC_FE_IN_MAP;
	t->n_rows++;
	if (!record_is_good(t, WR_FE_SERVICE(word), &fe, word))
		return 0;
	t->fes.v[i].svc = WR_FE_SERVICE(word);
	t->refs.v[t->fes.v[i].svc]++;
	return 0;
}

static int walk(struct wr_svc_table *t, enum wr_map map,
		int (*fn)(void *ctx, const void *key, const void *value), struct wr_err *err)
{
	int r = wr_map_each(t->dp->fds[map], &t->dp->info[map], fn, t);

	return r < 0 ? wr_err_sys(err, r, "reading map %s", wr_map_name(map)) : 0;
}

int svc_adopt(struct wr_svc_table *t, struct wr_err *err)
{
	int r;

	r = walk(t, WR_MAP_wr_backends, adopt_backend, err);
	if (r == 0)
		r = svc_ranges_open(t, err);
	if (r == 0)
		r = walk(t, WR_MAP_wr_frontends, adopt_frontend, err);
	return r;
}
