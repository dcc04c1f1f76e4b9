/* SPDX-License-Identifier: Apache-2.0 */
/* Next hops: ways out that flows name by number. */
#include <errno.h>
#include <string.h>

#include "lib/dp/private.h"
#include "lib/dp/tables.h"

/* Generation and interface share a word: a flow that sees the new interface sees the new generation. */
static void store_head(struct wr_nexthop *row, uint32_t gen, uint32_t ifindex)
{
	struct {
		uint32_t gen, ifindex;
	} head = { gen, ifindex };
	uint64_t word;

	memcpy(&word, &head, sizeof(word));
	wr_store((uint64_t *)(void *)row, word);
}

int wr_nexthop_put(struct wr_dp *dp, uint32_t number, const struct wr_nexthop *nh)
{
	struct wr_nexthop *row = wr_dp_at(dp, WR_MAP_wr_nexthops, number);
	struct wr_nexthop want = *nh;

	if (!row)
		return -E2BIG;
	want.gen = row->gen;
	if (want.gen && memcmp(row, &want, sizeof(want)) == 0)
		return 0;
	row->gateway = nh->gateway;
	row->mtu = nh->mtu;
	row->node = nh->node;
	row->outer_src = nh->outer_src;
	row->vni = nh->vni;
	row->tunnel_mtu = nh->tunnel_mtu;
	/* Programs hold the row meanwhile: tunnels have no use for the interface, so it is a neighbour's as long as the kind is. */
	if (nh->kind != WR_NH_TUNNEL)
		store_head(row, row->gen + 1, nh->ifindex);
	wr_store(&row->kind, nh->kind);
	if (nh->kind == WR_NH_TUNNEL)
		store_head(row, row->gen + 1, nh->ifindex);
	return 0;
}

int wr_nexthop_get(const struct wr_dp *dp, uint32_t number, struct wr_nexthop *ret)
{
	const struct wr_nexthop *row = wr_dp_at(dp, WR_MAP_wr_nexthops, number);

	if (!row)
		return -ENOENT;
	*ret = *row;
	return 0;
}
