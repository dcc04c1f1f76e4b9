/* SPDX-License-Identifier: Apache-2.0 */
/* The one record that every program reads: generation of everything, masquerade addresses. */
#include <errno.h>

#include "lib/dp/private.h"
#include "lib/dp/tables.h"

static struct wr_globals *globals_of(const struct wr_dp *dp)
{
	return wr_dp_at(dp, WR_MAP_wr_globals, 0);
}

int wr_globals_get(const struct wr_dp *dp, struct wr_globals *ret)
{
	const struct wr_globals *g = globals_of(dp);

	if (!g)
		return -ENOENT;
	*ret = *g;
	return 0;
}

int wr_globals_set_masq(struct wr_dp *dp, const struct wr_addr *masq4, const struct wr_addr *masq6)
{
	struct wr_globals *g = globals_of(dp);

	if (!g)
		return -ENOENT;
	if (wr_addr_eq(&g->masq4, masq4) && wr_addr_eq(&g->masq6, masq6))
		return 0;
	g->masq4 = *masq4;
	g->masq6 = *masq6;
	return wr_globals_bump(dp);
}

int wr_globals_set_names(struct wr_dp *dp, uint64_t until_ns)
{
	struct wr_globals *g = globals_of(dp);

	if (!g)
		return -ENOENT;
	wr_store(&g->names_until, until_ns);
	return 0;
}

int wr_globals_bump(struct wr_dp *dp)
{
	struct wr_globals *g = globals_of(dp);

	if (!g)
		return -ENOENT;
	wr_store(&g->gen, g->gen + 1);
	return 0;
}
