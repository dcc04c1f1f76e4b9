/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoints: their records, their addresses, and the addresses of the node. */
#include <errno.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/dp/private.h"
#include "lib/dp/tables.h"

static struct wr_endpoint *row_of(const struct wr_dp *dp, uint32_t number)
{
	return wr_dp_at(dp, WR_MAP_wr_endpoints, number);
}

/* Flows that were judged by what was there before are judged again. */
static void raise_gen(struct wr_endpoint *row)
{
	wr_store(&row->gen, row->gen + 1);
}

static bool same_row(const struct wr_endpoint *row, const struct wr_endpoint *ep)
{
	struct wr_endpoint a = *row, b = *ep;

	a.gen = b.gen = 0;
	return memcmp(&a, &b, sizeof(a)) == 0;
}

/* All but rules, gen and flags. */
static void write_fields(struct wr_endpoint *row, const struct wr_endpoint *ep)
{
	memcpy(row->mac, ep->mac, sizeof(row->mac));
	memcpy(row->host_mac, ep->host_mac, sizeof(row->host_mac));
	row->mtu = ep->mtu;
	row->quota = ep->quota;
	row->addr4 = ep->addr4;
	row->addr6 = ep->addr6;
	wr_store(&row->ifindex, ep->ifindex);
	wr_store(&row->identity, ep->identity);
	wr_store(&row->identity6, ep->identity6);
}

static int put_addr(struct wr_dp *dp, const struct wr_addr *addr, uint32_t number)
{
	uint32_t have;

	if (wr_addr_is_zero(addr))
		return 0;
	if (wr_endpoint_lookup(dp, addr, &have) == 0 && have == number)
		return 0;
	return wr_row_put(dp, WR_MAP_wr_ep_by_addr, addr, &number);
}

/* Not when another endpoint has it by now. */
static int del_addr(struct wr_dp *dp, const struct wr_addr *addr, uint32_t number)
{
	uint32_t have;
	int r;

	if (wr_addr_is_zero(addr))
		return 0;
	r = wr_endpoint_lookup(dp, addr, &have);
	if (r == 0 && have == number)
		r = wr_row_del(dp, WR_MAP_wr_ep_by_addr, addr);
	return r == -ENOENT ? 0 : r;
}

static void del_addr_unless(struct wr_dp *dp, const struct wr_addr *addr, uint32_t number,
			    const struct wr_addr *kept)
{
	if (!wr_addr_eq(addr, kept))
		del_addr(dp, addr, number);
}

static int put_addrs(struct wr_dp *dp, const struct wr_endpoint *ep, uint32_t number)
{
	struct wr_addr interface = wr_ep_ifindex_key(ep->ifindex);
	int r;

	r = put_addr(dp, &interface, number);
	if (r == 0)
		r = put_addr(dp, &ep->addr4, number);
	return r < 0 ? r : put_addr(dp, &ep->addr6, number);
}

/* A new endpoint becomes visible with its flags, complete, and reachable with its addresses. */
static int put_new(struct wr_dp *dp, struct wr_endpoint *row, const struct wr_endpoint *ep,
		   uint32_t number)
{
	int r;

	write_fields(row, ep);
	wr_store(&row->rules, ep->rules);
	raise_gen(row);
	wr_store(&row->flags, ep->flags | WR_EP_USED);
	r = put_addrs(dp, ep, number);
	if (r < 0)
		wr_endpoint_del(dp, number);
	return r;
}

static int put_changed(struct wr_dp *dp, struct wr_endpoint *row, const struct wr_endpoint *ep,
		       uint32_t number)
{
	const struct wr_addr interface = wr_ep_ifindex_key(ep->ifindex);
	const struct wr_addr old_interface = wr_ep_ifindex_key(row->ifindex);
	struct wr_endpoint old = *row;
	int r;

	r = put_addrs(dp, ep, number);
	if (r < 0)
		return r;
	write_fields(row, ep);
	wr_store(&row->rules, ep->rules);
	wr_store(&row->flags, ep->flags | WR_EP_USED);
	raise_gen(row);
	del_addr_unless(dp, &old_interface, number, &interface);
	del_addr_unless(dp, &old.addr4, number, &ep->addr4);
	del_addr_unless(dp, &old.addr6, number, &ep->addr6);
	return 0;
}

int wr_endpoint_put(struct wr_dp *dp, uint32_t number, const struct wr_endpoint *ep)
{
	struct wr_endpoint *row = row_of(dp, number);
	struct wr_endpoint want = *ep;

	if (!row)
		return -E2BIG;
	want.flags |= WR_EP_USED;
	if (!(row->flags & WR_EP_USED))
		return put_new(dp, row, &want, number);
	if (same_row(row, &want))
		return put_addrs(dp, &want, number);
	return put_changed(dp, row, &want, number);
}

int wr_endpoint_del(struct wr_dp *dp, uint32_t number)
{
	struct wr_endpoint *row = row_of(dp, number);
	struct wr_addr interface;
	int r[3], i;

	if (!row)
		return -E2BIG;
	if (!(row->flags & WR_EP_USED))
		return 0;
	interface = wr_ep_ifindex_key(row->ifindex);
	r[0] = del_addr(dp, &row->addr4, number);
	r[1] = del_addr(dp, &row->addr6, number);
	r[2] = del_addr(dp, &interface, number);
	wr_store(&row->flags, 0);
	raise_gen(row);
	for (i = 0; i < 2 && r[i] == 0; i++)
		;
	return r[i];
}

int wr_endpoint_get(const struct wr_dp *dp, uint32_t number, struct wr_endpoint *ret)
{
	const struct wr_endpoint *row = row_of(dp, number);

	if (!row || !(wr_load(&row->flags) & WR_EP_USED))
		return -ENOENT;
	*ret = *row;
	return 0;
}

int wr_endpoint_set_rules(struct wr_dp *dp, uint32_t number, uint64_t rules)
{
	struct wr_endpoint *row = row_of(dp, number);

	if (!row || !(row->flags & WR_EP_USED))
		return -ENOENT;
	if (row->rules == rules)
		return 0;
	wr_store(&row->rules, rules);
	raise_gen(row);
	return 0;
}

int wr_endpoint_set_identity(struct wr_dp *dp, uint32_t number, uint32_t identity4, uint32_t identity6)
{
	struct wr_endpoint *row = row_of(dp, number);

	if (!row || !(row->flags & WR_EP_USED))
		return -ENOENT;
	if (row->identity == identity4 && row->identity6 == identity6)
		return 0;
	wr_store(&row->identity, identity4);
	wr_store(&row->identity6, identity6);
	raise_gen(row);
	return 0;
}

int wr_endpoint_bump(struct wr_dp *dp, uint32_t number)
{
	struct wr_endpoint *row = row_of(dp, number);

	if (!row)
		return -ENOENT;
	raise_gen(row);
	return 0;
}

int wr_endpoint_lookup(const struct wr_dp *dp, const struct wr_addr *addr, uint32_t *ret)
{
	if (dp->fds[WR_MAP_wr_ep_by_addr] < 0)
		return -ENOENT;
	return wr_sys_map_lookup(dp->fds[WR_MAP_wr_ep_by_addr], addr, ret);
}

int wr_endpoint_dump(const struct wr_dp *dp,
		     int (*fn)(void *ctx, uint32_t number, const struct wr_endpoint *ep), void *ctx)
{
	struct wr_endpoint ep;
	uint32_t i;
	int r = 0;

	for (i = 0; i < dp->info[WR_MAP_wr_endpoints].max_entries && !r; i++)
		if (wr_endpoint_get(dp, i, &ep) == 0)
			r = fn(ctx, i, &ep);
	return r;
}

int wr_endpoint_stats(const struct wr_dp *dp, uint32_t number, struct wr_ep_stats *ret)
{
	const struct wr_ep_stats *row = wr_dp_at(dp, WR_MAP_wr_ep_stats, number);

	if (!row)
		return -ENOENT;
	*ret = *row;
	return 0;
}

int wr_host_addr_put(struct wr_dp *dp, const struct wr_addr *addr)
{
	return put_addr(dp, addr, WR_EP_HOST);
}

int wr_host_addr_del(struct wr_dp *dp, const struct wr_addr *addr)
{
	return del_addr(dp, addr, WR_EP_HOST);
}

struct addr_walk {
	int (*fn)(void *ctx, const struct wr_addr *addr, uint32_t number);
	void *ctx;
};

static int report_addr(void *ctx, const void *key, const void *value)
{
	const struct addr_walk *w = ctx;
	struct wr_addr addr;
	uint32_t number;

	memcpy(&addr, key, sizeof(addr));
	if (wr_ep_is_ifindex_key(&addr))
		return 0;
	memcpy(&number, value, sizeof(number));
	return w->fn(w->ctx, &addr, number);
}

int wr_ep_addr_dump(const struct wr_dp *dp,
		    int (*fn)(void *ctx, const struct wr_addr *addr, uint32_t number), void *ctx)
{
	struct addr_walk w = { .fn = fn, .ctx = ctx };

	return wr_map_each(dp->fds[WR_MAP_wr_ep_by_addr], &dp->info[WR_MAP_wr_ep_by_addr],
			   report_addr, &w);
}
