/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes and Namespaces. */
#include <string.h>

#include "agent/obj/kinds.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define ZONE_LABEL     "topology.kubernetes.io/zone"
#define NAME_LABEL     "kubernetes.io/metadata.name"
#define AUTOSCALER_KEY "ToBeDeletedByClusterAutoscaler"
#define NOT_READY_KEY  "weir.dev/agent-not-ready"

struct addresses {
	WR_VEC(struct wr_addr) internal, external;
};

static void decode_address(struct wr_decoder *d, const struct wr_json *item, void *to)
{
	const char *type = wr_dec_str(d, item, "type"), *s = wr_dec_str(d, item, "address");
	bool internal = wr_streq(type, "InternalIP");
	struct addresses *all = to;
	struct wr_addr a;

	if (!s || (!internal && !wr_streq(type, "ExternalIP")))
		return;
	if (!wr_dec_addr(d, item, "address", s, &a))
		return;
	if (internal)
		wr_vec_push(&all->internal, a);
	else
		wr_vec_push(&all->external, a);
}

static void decode_status(struct wr_decoder *d, const struct wr_json *j, struct wr_node *node)
{
	const struct wr_json *status = wr_dec_object(d, j, "status");
	struct addresses all = { 0 };
	size_t mark = wr_dec_enter(d, "status");

	wr_dec_each(d, status, "addresses", decode_address, &all);
	node->network_unavailable = wr_dec_condition(d, status, "NetworkUnavailable");
	wr_dec_leave(d, mark);
	wr_pack_list(&d->pack, node, internal_ips, &all.internal);
	wr_pack_list(&d->pack, node, external_ips, &all.external);
}

typedef WR_VEC(struct wr_prefix) prefixes;

static void decode_cidr(struct wr_decoder *d, const struct wr_json *item, const char *s, void *to)
{
	prefixes *all = to;
	struct wr_prefix p;

	if (wr_dec_prefix(d, item, NULL, s, &p))
		wr_vec_push(all, p);
}

static void decode_taint(struct wr_decoder *d, const struct wr_json *item, void *to)
{
	const char *key = wr_dec_str(d, item, "key");
	struct wr_node *node = to;

	if (wr_streq(key, AUTOSCALER_KEY))
		node->autoscaler_taint = true;
	else if (wr_streq(key, NOT_READY_KEY))
		node->not_ready_taint = true;
}

static void decode_spec(struct wr_decoder *d, const struct wr_json *j, struct wr_node *node)
{
	const struct wr_json *spec = wr_dec_object(d, j, "spec");
	const char *one = NULL;
	prefixes all = { 0 };
	size_t mark = wr_dec_enter(d, "spec");

	wr_dec_each_str(d, spec, "podCIDRs", decode_cidr, &all);
	if (!wr_json_get(spec, "podCIDRs"))
		one = wr_dec_str(d, spec, "podCIDR");
	if (one && *one) {
		size_t at = wr_dec_enter(d, "podCIDR");

		decode_cidr(d, wr_json_get(spec, "podCIDR"), one, &all);
		wr_dec_leave(d, at);
	}
	wr_dec_each(d, spec, "taints", decode_taint, node);
	wr_pack_str(&d->pack, offsetof(struct wr_node, provider_id),
		    wr_dec_str(d, spec, "providerID"));
	wr_dec_leave(d, mark);
	wr_pack_list(&d->pack, node, pod_cidrs, &all);
}

struct wr_object *wr_node_decode(struct wr_decoder *d, const struct wr_json *j,
				 const struct wr_object *meta)
{
	struct wr_node node;

	memset(&node, 0, sizeof(node));
	node.o = *meta;
	node.zone = wr_istr_ref(wr_labels_get(&meta->labels, ZONE_LABEL));
	decode_spec(d, j, &node);
	decode_status(d, j, &node);
	return wr_pack_finish(&d->pack, &node.o, sizeof(node));
}

void wr_node_drop(struct wr_object *o)
{
	wr_istr_put(((struct wr_node *)o)->zone);
}

/* The label is the API server's doing; in a manifest nobody writes it. */
static struct wr_labels with_name(const struct wr_labels *l, const char *name)
{
	wr_istr key = wr_istr_get(NAME_LABEL), value = wr_istr_get(name), *v;
	const struct wr_ilist *list;
	uint32_t i, n = 0;

	v = wr_xcalloc(l->n + 1, 2 * sizeof(*v));
	for (i = 0; i < l->n && strcmp(l->v[i].key, key) < 0; i++) {
		v[n++] = l->v[i].key;
		v[n++] = l->v[i].value;
	}
	v[n++] = key;
	v[n++] = value;
	for (i += i < l->n && l->v[i].key == key; i < l->n; i++) {
		v[n++] = l->v[i].key;
		v[n++] = l->v[i].value;
	}
	list = wr_ilist_get(v, n);
	free(v);
	wr_istr_put(key);
	wr_istr_put(value);
	return (struct wr_labels){ .v = (const struct wr_label *)list->v, .n = n / 2 };
}

struct wr_object *wr_namespace_decode(struct wr_decoder *d, const struct wr_json *j,
				      const struct wr_object *meta)
{
	const char *name = wr_json_str(wr_json_path(j, "metadata.name"));
	struct wr_namespace ns;

	memset(&ns, 0, sizeof(ns));
	ns.o = *meta;
	ns.o.labels = with_name(&meta->labels, name ? name : "");
	wr_labels_put(&meta->labels);
	return wr_pack_finish(&d->pack, &ns.o, sizeof(ns));
}
