// SPDX-License-Identifier: Apache-2.0
/* Numbers of nodes. */
#include "agent/node_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/dp/tables.h"

void wr_node_facts_init(struct wr_node_facts *f, const struct wr_node *node)
{
	uint32_t i;

	*f = (struct wr_node_facts){ 0 };
	for (i = 0; i < node->internal_ips.n; i++) {
		const struct wr_addr *a = &node->internal_ips.v[i];
		struct wr_addr *first = &f->addr[wr_family_of(a)];

		if (wr_addr_is_zero(first))
			*first = *a;
		wr_vec_push(&f->addrs, *a);
	}
	for (i = 0; i < node->pod_cidrs.n; i++)
		wr_vec_push(&f->ranges, wr_prefix_masked(&node->pod_cidrs.v[i]));
}

void wr_node_facts_done(struct wr_node_facts *f)
{
	wr_vec_done(&f->addrs);
	wr_vec_done(&f->ranges);
}

bool wr_node_facts_eq(const struct wr_node_facts *a, const struct wr_node_facts *b)
{
	size_t i;

	if (a->addrs.n != b->addrs.n || a->ranges.n != b->ranges.n)
		return false;
	for (i = 0; i < a->addrs.n; i++)
		if (!wr_addr_eq(&a->addrs.v[i], &b->addrs.v[i]))
			return false;
	for (i = 0; i < a->ranges.n; i++)
		if (!wr_prefix_eq(&a->ranges.v[i], &b->ranges.v[i]))
			return false;
	return true;
}

static int cmp_seen(const void *a, const void *b)
{
	return wr_addr_cmp(&((const struct wr_node_seen *)a)->addr,
			   &((const struct wr_node_seen *)b)->addr);
}

static void remember_slot(struct wr_node_table *t, uint16_t number, enum wr_family family)
{
	struct wr_node_seen seen = { .number = number };
	struct wr_nexthop nh;

	if (wr_nexthop_get(t->dp, wr_node_slot(number, family), &nh) || nh.node != number)
		return;
	seen.addr = nh.outer_src;
	wr_vec_push(&t->seen, seen);
}

int wr_node_table_open(struct wr_node_table *t, struct wr_dp *dp, struct wr_err *err)
{
	uint32_t size = wr_dp_map_size(dp, WR_MAP_wr_nexthops), number;

	*t = (struct wr_node_table){ .dp = dp };
	if (size < WR_NEXTHOP_FIRST + 2)
		return wr_err_set(err, -EINVAL, "mapSizes.nexthops: %u is too small", size);
	t->capacity = WR_MIN((size - WR_NEXTHOP_FIRST) / 2, 65535u);
	for (number = 1; number <= t->capacity; number++) {
		remember_slot(t, (uint16_t)number, WR_V4);
		remember_slot(t, (uint16_t)number, WR_V6);
	}
	wr_vec_sort(&t->seen, cmp_seen);
	return 0;
}

static void free_entry(struct wr_node_entry *e)
{
	wr_node_facts_done(&e->facts);
	wr_vec_done(&e->routes);
	free(e->name);
	free(e);
}

void wr_node_table_done(struct wr_node_table *t)
{
	size_t i;

	for (i = 0; i < t->by_number.n; i++)
		if (t->by_number.v[i])
			free_entry(t->by_number.v[i]);
	wr_vec_done(&t->by_number);
	wr_vec_done(&t->seen);
	wr_hmap_done(&t->by_name);
}

struct wr_node_entry *wr_node_table_find(const struct wr_node_table *t, const char *name)
{
	struct wr_hnode *n;

	for (n = wr_hmap_first(&t->by_name, wr_hash_str(name)); n; n = wr_hmap_next(n)) {
		struct wr_node_entry *e = WR_CONTAINER_OF(n, struct wr_node_entry, node);

		if (wr_streq(e->name, name))
			return e;
	}
	return NULL;
}

static bool is_free(const struct wr_node_table *t, uint16_t number)
{
	return number > t->by_number.n || !t->by_number.v[number - 1];
}

static const struct wr_node_seen *find_seen(const struct wr_node_table *t, const struct wr_addr *addr)
{
	struct wr_node_seen key = { .addr = *addr };

	if (wr_addr_is_zero(addr) || !t->seen.n)
		return NULL;
	return bsearch(&key, t->seen.v, t->seen.n, sizeof(key), cmp_seen);
}

/* Whether some node that has not come back yet may still want the number. */
static bool is_remembered(const struct wr_node_table *t, uint16_t number)
{
	size_t i;

	for (i = 0; i < t->seen.n; i++)
		if (t->seen.v[i].number == number)
			return true;
	return false;
}

static uint16_t free_number(const struct wr_node_table *t)
{
	uint32_t number, remembered = 0;

	for (number = 1; number <= t->capacity; number++) {
		if (!is_free(t, (uint16_t)number))
			continue;
		if (!is_remembered(t, (uint16_t)number))
			return (uint16_t)number;
		if (!remembered)
			remembered = number;
	}
	return (uint16_t)remembered;
}

static uint16_t pick_number(const struct wr_node_table *t, const struct wr_addr addr[WR_FAMILIES])
{
	int f;

	for (f = 0; f < WR_FAMILIES; f++) {
		const struct wr_node_seen *seen = find_seen(t, &addr[f]);

		if (seen && is_free(t, seen->number))
			return seen->number;
	}
	return free_number(t);
}

/* A way that was direct stays direct, and a tunnel beside it one that works, until probes say otherwise. */
static void adopt_probes(const struct wr_node_table *t, struct wr_node_entry *e)
{
	struct wr_nexthop nh;
	int f;

	for (f = 0; f < WR_FAMILIES; f++) {
		if (wr_nexthop_get(t->dp, wr_node_slot(e->number, (enum wr_family)f), &nh) ||
		    nh.node != e->number)
			continue;
		e->probe[f].proven = nh.kind == WR_NH_NEIGH;
		e->tunnel[f].proven = nh.kind == WR_NH_NEIGH && nh.tunnel_mtu;
	}
}

int wr_node_table_add(struct wr_node_table *t, const char *name,
		      const struct wr_addr addr[WR_FAMILIES], struct wr_node_entry **ret,
		      struct wr_err *err)
{
	uint16_t number = pick_number(t, addr);
	struct wr_node_entry *e;

	if (!number)
		return wr_err_set(err, -ENOSPC,
				  "node %s: the table holds %u nodes (mapSizes.nexthops)", name,
				  t->capacity);
	e = wr_xcalloc(1, sizeof(*e));
	e->name = wr_xstrdup(name);
	e->number = number;
	while (t->by_number.n < number)
		wr_vec_push(&t->by_number, NULL);
	t->by_number.v[number - 1] = e;
	wr_hmap_add(&t->by_name, &e->node, wr_hash_str(name));
	adopt_probes(t, e);
	*ret = e;
	return 0;
}

void wr_node_table_clear_slots(struct wr_node_table *t, uint16_t number)
{
	struct wr_nexthop nowhere = { .kind = WR_NH_DROP };
	int f;

	for (f = 0; f < WR_FAMILIES; f++)
		wr_nexthop_put(t->dp, wr_node_slot(number, (enum wr_family)f), &nowhere);
}

void wr_node_table_drop_unclaimed(struct wr_node_table *t)
{
	while (t->seen.n) {
		uint16_t number = t->seen.v[--t->seen.n].number;

		if (is_free(t, number))
			wr_node_table_clear_slots(t, number);
	}
}

void wr_node_table_del(struct wr_node_table *t, struct wr_node_entry *e)
{
	t->by_number.v[e->number - 1] = NULL;
	wr_hmap_del(&t->by_name, &e->node);
	free_entry(e);
}
