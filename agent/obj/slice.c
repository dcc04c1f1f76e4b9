/* SPDX-License-Identifier: Apache-2.0 */
/* EndpointSlices. */
#include <string.h>

#include "agent/obj/kinds.h"
#include "lib/base/cleanup.h"
#include "lib/base/str.h"

#define SERVICE_LABEL "kubernetes.io/service-name"

typedef WR_VEC(wr_istr) names;

struct endpoints {
	int family;
	WR_VEC(struct wr_packed_endpoint) v;
	WR_VEC(struct wr_addr) addr6;
};

static wr_istr decode_name(struct wr_decoder *d, const struct wr_json *item, const char *key)
{
	const char *s = wr_dec_str(d, item, key);

	return s && *s ? wr_istr_get(s) : NULL;
}

/* A place as one list: the node, the zone, zones of hints, NULL, nodes of hints. */
#define AT_NODE  0
#define AT_ZONE  1
#define AT_HINTS 2

static void unpack_place(const struct wr_ilist *place, struct wr_slice_endpoint *e)
{
	uint32_t i = AT_HINTS;

	if (!place)
		return;
	while (place->v[i])
		i++;
	e->node_name = place->v[AT_NODE];
	e->zone = place->v[AT_ZONE];
	e->hint_zones.v = &place->v[AT_HINTS];
	e->hint_zones.n = i - AT_HINTS;
	e->hint_nodes.v = &place->v[i + 1];
	e->hint_nodes.n = place->n - (i + 1);
}

struct wr_slice_endpoint wr_slice_at(const struct wr_slice *s, uint32_t i)
{
	const struct wr_packed_endpoint *packed = &s->endpoints.v[i];
	struct wr_slice_endpoint e = {
		.ready = packed->ready,
		.serving = packed->serving,
		.terminating = packed->terminating,
	};

	if (s->addr6)
		e.addr = s->addr6[i];
	else
		e.addr = wr_addr_from4(packed->addr4);
	unpack_place(packed->place, &e);
	return e;
}

static void decode_hint(struct wr_decoder *d, const struct wr_json *item, void *to)
{
	const char *name = wr_dec_str(d, item, "name");
	names *all = to;

	if (name && *name)
		wr_vec_push(all, wr_istr_get(name));
}

static const struct wr_ilist *decode_place(struct wr_decoder *d, const struct wr_json *item)
{
	const struct wr_json *hints = wr_dec_object(d, item, "hints");
	const struct wr_ilist *place;
	names all = { 0 };
	size_t mark, i;

	wr_vec_push(&all, decode_name(d, item, "nodeName"));
	wr_vec_push(&all, decode_name(d, item, "zone"));
	mark = wr_dec_enter(d, "hints");
	wr_dec_each(d, hints, "forZones", decode_hint, &all);
	wr_vec_push(&all, NULL);
	wr_dec_each(d, hints, "forNodes", decode_hint, &all);
	wr_dec_leave(d, mark);
	place = wr_ilist_get(all.v, (uint32_t)all.n);
	for (i = 0; i < all.n; i++)
		wr_istr_put(all.v[i]);
	wr_vec_done(&all);
	return place;
}

static void decode_conditions(struct wr_decoder *d, const struct wr_json *item,
			      struct wr_packed_endpoint *e)
{
	const struct wr_json *conditions = wr_dec_object(d, item, "conditions");
	size_t mark = wr_dec_enter(d, "conditions");

	e->ready = wr_dec_bool(d, conditions, "ready", true);
	e->serving = wr_dec_bool(d, conditions, "serving", e->ready);
	e->terminating = wr_dec_bool(d, conditions, "terminating", false);
	wr_dec_leave(d, mark);
}

/* The first address; in manifests all of them must be of the slice's family. */
static bool decode_address(struct wr_decoder *d, const struct wr_json *item, int family,
			   struct wr_addr *ret)
{
	const struct wr_json *list = wr_dec_list(d, item, "addresses");
	const struct wr_json *first = wr_json_at(list, 0);
	const char *s = wr_json_str(first);

	if (!s) {
		wr_dec_fail(d, first ? first : item, first ? "addresses[0]" : "addresses",
			    "must be a list of addresses");
		return false;
	}
	if (!wr_dec_addr(d, wr_json_at(list, 0), "addresses[0]", s, ret))
		return false;
	if (wr_addr_family(ret) == family)
		return true;
	wr_dec_fail(d, wr_json_at(list, 0), "addresses[0]",
		    "\"%s\" is not of the slice's addressType", s);
	return false;
}

static void decode_endpoint(struct wr_decoder *d, const struct wr_json *item, void *to)
{
	struct endpoints *all = to;
	struct wr_packed_endpoint e;
	struct wr_addr addr;

	memset(&e, 0, sizeof(e));
	if (all->family == AF_UNSPEC || !decode_address(d, item, all->family, &addr))
		return;
	if (all->family == AF_INET)
		e.addr4 = wr_addr_to4(&addr);
	else
		wr_vec_push(&all->addr6, addr);
	decode_conditions(d, item, &e);
	e.place = decode_place(d, item);
	wr_vec_push(&all->v, e);
}

typedef WR_VEC(struct wr_slice_port) ports;

static void decode_port(struct wr_decoder *d, const struct wr_json *item, void *to)
{
	const char *name = wr_dec_str(d, item, "name");
	struct wr_slice_port p;
	ports *all = to;

	memset(&p, 0, sizeof(p));
	p.port = (uint16_t)wr_dec_int(d, item, "port", 1, 65535, 0);
	p.proto = wr_dec_protocol(d, item);
	if (!p.proto)
		return;
	p.name = wr_istr_get(name ? name : "");
	wr_vec_push(all, p);
}

static int decode_family(struct wr_decoder *d, const struct wr_json *j)
{
	static const char *const words[] = { "IPv4", "IPv6", "FQDN" };
	static const int families[] = { AF_INET, AF_INET6, AF_UNSPEC };
	int i = wr_dec_word(d, j, "addressType", words, WR_ARRAY_SIZE(words));

	if (!wr_json_get(j, "addressType"))
		wr_dec_fail(d, j, "addressType", "is missing");
	return i < 0 ? AF_UNSPEC : families[i];
}

struct wr_object *wr_slice_decode(struct wr_decoder *d, const struct wr_json *j,
				  const struct wr_object *meta)
{
	struct endpoints all = { 0 };
	const struct wr_json *labels;
	struct wr_slice slice;
	ports p = { 0 };
	size_t mark;

	memset(&slice, 0, sizeof(slice));
	slice.o = *meta;
	mark = wr_dec_enter(d, "metadata");
	labels = wr_dec_object(d, wr_json_get(j, "metadata"), "labels");
	wr_dec_leave(d, mark);
	mark = wr_dec_enter(d, "metadata.labels");
	slice.service = decode_name(d, labels, SERVICE_LABEL);
	wr_dec_leave(d, mark);
	slice.family = decode_family(d, j);
	all.family = slice.family;
	wr_dec_each(d, j, "endpoints", decode_endpoint, &all);
	wr_dec_each(d, j, "ports", decode_port, &p);
	wr_pack_list(&d->pack, &slice, endpoints, &all.v);
	wr_pack_data(&d->pack, offsetof(struct wr_slice, addr6), all.addr6.v,
		     all.addr6.n * sizeof(*all.addr6.v));
	wr_vec_done(&all.addr6);
	wr_pack_list(&d->pack, &slice, ports, &p);
	return wr_pack_finish(&d->pack, &slice.o, sizeof(slice));
}

void wr_slice_drop(struct wr_object *o)
{
	struct wr_slice *slice = (struct wr_slice *)o;
	uint32_t i;

	for (i = 0; i < slice->endpoints.n; i++)
		wr_ilist_put(slice->endpoints.v[i].place);
	for (i = 0; i < slice->ports.n; i++)
		wr_istr_put(slice->ports.v[i].name);
	wr_istr_put(slice->service);
}
