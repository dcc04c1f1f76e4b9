/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers for service ports, nodes and zones. */
#include "agent/svc/private.h"

#include <errno.h>

#include "lib/base/mem.h"

static struct wr_svc_id *find(const struct wr_svc_index *idx, uint32_t id)
{
	struct wr_hnode *n = wr_hmap_first(&idx->ids, id);

	/* The number is the hash: the first is the only one. */
	return n ? WR_CONTAINER_OF(n, struct wr_svc_id, node) : NULL;
}

static uint32_t frontend_hash(const struct wr_frontend *fe)
{
	return wr_hash_bytes(fe, sizeof(*fe), 0);
}

static uint32_t adopted(const struct wr_svc_index *idx, const struct wr_frontend *fe)
{
	struct wr_hnode *n;

	for (n = wr_hmap_first(&idx->adopted, frontend_hash(fe)); n; n = wr_hmap_next(n)) {
		struct wr_svc_adopted *a = WR_CONTAINER_OF(n, struct wr_svc_adopted, node);

		if (!memcmp(&a->fe, fe, sizeof(*fe)))
			return a->id;
	}
	return 0;
}

void wr_svc_index_adopt(struct wr_svc_index *idx, const struct wr_frontend *fe, uint32_t id)
{
	struct wr_svc_adopted *a;

	if (!id || adopted(idx, fe))
		return;
	a = wr_xcalloc(1, sizeof(*a));
	a->fe = *fe;
	a->id = id;
	wr_hmap_add(&idx->adopted, &a->node, frontend_hash(fe));
}

/* What it had before a restart, else its hash, else the next one that is free. */
static uint32_t free_id(const struct wr_svc_index *idx, uint64_t key, const struct wr_frontend *first)
{
	uint32_t id = first ? adopted(idx, first) : 0;

	if (id && !find(idx, id))
		return id;
	for (id = (uint32_t)key; !id || find(idx, id); id++)
		;
	return id;
}

uint32_t wr_svc_id_get(struct wr_svc_index *idx, struct wr_svc *svc, const struct wr_svc_id *want,
		       const struct wr_frontend *first)
{
	struct wr_svc_id *id;
	size_t i;

	for (i = 0; i < svc->ids.n; i++) {
		id = svc->ids.v[i];
		if (id->key != want->key)
			continue;
		id->round = idx->round;
		id->port = want->port;
		return id->id;
	}
	id = wr_xmalloc(sizeof(*id));
	*id = *want;
	id->id = free_id(idx, want->key, first);
	id->round = idx->round;
	id->svc = svc;
	id->port_name = wr_istr_ref(want->port_name);
	wr_hmap_add(&idx->ids, &id->node, id->id);
	wr_vec_push(&svc->ids, id);
	return id->id;
}

void wr_svc_ids_end(struct wr_svc_index *idx, struct wr_svc *svc)
{
	size_t i = 0;

	while (i < svc->ids.n) {
		struct wr_svc_id *id = svc->ids.v[i];

		if (id->round == idx->round) {
			i++;
			continue;
		}
		wr_hmap_del(&idx->ids, &id->node);
		wr_istr_put(id->port_name);
		free(id);
		wr_vec_del_unordered(&svc->ids, i);
	}
}

int wr_svc_index_port_info(const struct wr_svc_index *idx, uint32_t id, struct wr_svc_port_info *ret)
{
	const struct wr_svc_id *row = find(idx, id);

	if (!row)
		return -ENOENT;
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
