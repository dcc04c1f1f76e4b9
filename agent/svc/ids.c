/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers for service ports, nodes and zones. */
#include "agent/svc/private.h"

#include <errno.h>

#include "lib/base/mem.h"

static struct wr_svc_id *id_at(const struct wr_svc_index *idx, uint32_t i)
{
	return wr_slab_at(&idx->ids, i);
}

static bool is_taken(const struct wr_svc_index *idx, uint32_t id)
{
	return wr_slab_first(&idx->ids, id) != WR_SLAB_END;
}

/* What it had before a restart, else its hash, else the next one that is free. */
static uint32_t free_id(const struct wr_svc_index *idx, uint64_t key, uint32_t former)
{
	uint32_t id = former;

	if (id && !is_taken(idx, id))
		return id;
	for (id = (uint32_t)key; !id || is_taken(idx, id); id++)
		;
	return id;
}

static void add(struct wr_svc_index *idx, struct wr_svc *svc, const struct wr_svc_id *want,
		uint32_t id)
{
	uint32_t i = wr_slab_add(&idx->ids, id);
	struct wr_svc_id *row = id_at(idx, i);
	const struct wr_slot slot = row->slot;

	*row = *want;
	row->slot = slot;
	row->port_name = wr_istr_ref(want->port_name);
	row->svc = svc;
	row->round = idx->round;
	row->next_of_svc = svc->ids;
	svc->ids = i + 1;
}

uint32_t wr_svc_id_get(struct wr_svc_index *idx, struct wr_svc *svc, const struct wr_svc_id *want,
		       uint32_t former)
{
	struct wr_svc_id *row;
	uint32_t i, id;

	for (i = svc->ids; i; i = row->next_of_svc) {
		row = id_at(idx, i - 1);
		if (row->key != want->key)
			continue;
		row->round = idx->round;
		row->port = want->port;
		return row->slot.hash;
	}
	id = free_id(idx, want->key, former);
	add(idx, svc, want, id);
	return id;
}

void wr_svc_ids_end(struct wr_svc_index *idx, struct wr_svc *svc)
{
	uint32_t *at = &svc->ids;

	while (*at) {
		uint32_t i = *at - 1;
		struct wr_svc_id *row = id_at(idx, i);

		if (row->round == idx->round) {
			at = &row->next_of_svc;
			continue;
		}
		*at = row->next_of_svc;
		wr_istr_put(row->port_name);
		wr_slab_del(&idx->ids, i);
	}
}

int wr_svc_index_port_info(const struct wr_svc_index *idx, uint32_t id, struct wr_svc_port_info *ret)
{
	uint32_t i = wr_slab_first(&idx->ids, id);
	const struct wr_svc_id *row;

	if (i == WR_SLAB_END)
		return -ENOENT;
	row = id_at(idx, i);
	*ret = (struct wr_svc_port_info){
		.ns = row->svc->ns,
		.name = row->svc->name,
		.port_name = row->port_name ? row->port_name : "",
		.port = row->port,
		.proto = row->proto,
	};
	return 0;
}

struct number {
	struct wr_hnode node;
	wr_istr name;
	uint32_t number;
};

static uint32_t pointer_hash(wr_istr name)
{
	return wr_hash_bytes(&name, sizeof(name), 0);
}

uint32_t wr_svc_number(struct wr_svc_names *names, wr_istr name)
{
	struct wr_hnode *n;
	struct number *row;

	if (!name)
		return 0;
	for (n = wr_hmap_first(&names->by_name, pointer_hash(name)); n; n = wr_hmap_next(n)) {
		row = WR_CONTAINER_OF(n, struct number, node);
		if (row->name == name)
			return row->number;
	}
	row = wr_xmalloc(sizeof(*row));
	wr_vec_push(&names->v, wr_istr_ref(name));
	*row = (struct number){ .name = name, .number = (uint32_t)names->v.n };
	wr_hmap_add(&names->by_name, &row->node, pointer_hash(name));
	return row->number;
}

void wr_svc_names_done(struct wr_svc_names *names)
{
	struct wr_hnode *n, *next;
	size_t pos, i;

	wr_hmap_each(&names->by_name, n, pos, next)
		free(WR_CONTAINER_OF(n, struct number, node));
	wr_hmap_done(&names->by_name);
	for (i = 0; i < names->v.n; i++)
		wr_istr_put(names->v.v[i]);
	wr_vec_done(&names->v);
}

static const char *name_of(const struct wr_svc_names *names, uint32_t number)
{
	return number && number <= names->v.n ? names->v.v[number - 1] : NULL;
}

const char *wr_svc_index_zone_name(const struct wr_svc_index *idx, uint32_t number)
{
	return name_of(&idx->zone_numbers, number);
}

const char *wr_svc_index_node_name(const struct wr_svc_index *idx, uint32_t number)
{
	return name_of(&idx->node_numbers, number);
}
