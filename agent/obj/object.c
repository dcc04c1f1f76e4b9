/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds, their metadata, and the way from JSON to an object. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/obj/kinds.h"
#include "lib/base/cleanup.h"
#include "lib/base/str.h"

#define MAX_NAME      253
#define MAX_NAMESPACE 63

static const struct {
	const char *name, *api_version;
	bool namespaced, labelled;
	struct wr_object *(*decode)(struct wr_decoder *d, const struct wr_json *j,
				    const struct wr_object *meta);
	void (*drop)(struct wr_object *o);
} kinds[WR_KIND_MAX] = {
	[WR_KIND_NODE] = { "Node", "v1", false, true, wr_node_decode, wr_node_drop },
	[WR_KIND_NAMESPACE] = { "Namespace", "v1", false, true, wr_namespace_decode, NULL },
	[WR_KIND_POD] = { "Pod", "v1", true, true, wr_pod_decode, wr_pod_drop },
	[WR_KIND_SERVICE] = { "Service", "v1", true, false, wr_service_decode, wr_service_drop },
	[WR_KIND_ENDPOINTSLICE] = { "EndpointSlice", "discovery.k8s.io/v1", true, false,
				    wr_slice_decode, wr_slice_drop },
	[WR_KIND_NETWORKPOLICY] = { "NetworkPolicy", "networking.k8s.io/v1", true, false,
				    wr_netpol_decode, wr_netpol_drop },
	[WR_KIND_CLUSTERNETWORKPOLICY] = { "ClusterNetworkPolicy", "policy.networking.k8s.io/v1alpha2",
					   false, false, wr_cnp_decode, wr_cnp_drop },
};

const char *wr_kind_name(enum wr_kind kind)
{
	return kinds[kind].name;
}

bool wr_kind_is_namespaced(enum wr_kind kind)
{
	return kinds[kind].namespaced;
}

int wr_kind_parse(const char *api_version, const char *kind, enum wr_kind *ret)
{
	size_t i;

	for (i = 0; i < WR_KIND_MAX; i++)
		if (wr_streq(api_version, kinds[i].api_version) && wr_streq(kind, kinds[i].name)) {
			*ret = (enum wr_kind)i;
			return 0;
		}
	return -ENOENT;
}

static int cmp_key(const void *key, const void *label)
{
	return strcmp(key, ((const struct wr_label *)label)->key);
}

wr_istr wr_labels_get(const struct wr_labels *l, const char *key)
{
	const struct wr_label *found = l->n ? bsearch(key, l->v, l->n, sizeof(*l->v), cmp_key) : NULL;

	return found ? found->value : NULL;
}

wr_istr wr_labels_find(const struct wr_labels *l, wr_istr key)
{
	uint32_t i;

	for (i = 0; i < l->n; i++)
		if (l->v[i].key == key)
			return l->v[i].value;
	return NULL;
}

uint64_t wr_uid_hash(const char *uid)
{
	return uid && *uid ? wr_hash64_bytes(uid, strlen(uid), 0) : 0;
}

const char *wr_annotation(const struct wr_json *j, const char *key)
{
	return wr_json_get_str(wr_json_path(j, "metadata.annotations"), key);
}

bool wr_is_audited(const struct wr_json *j)
{
	return wr_streq(wr_annotation(j, "weir.dev/audit"), "true");
}

/* What a DNS subdomain may consist of (RFC 1123), as Kubernetes asks of names. */
static bool is_dns_name(const char *s, size_t max)
{
	static const char alnum[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	size_t len = strlen(s);

	return len && len <= max && strchr(alnum, s[0]) && strchr(alnum, s[len - 1]) &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789.-") == len;
}

static wr_istr decode_namespace(struct wr_decoder *d, const struct wr_json *meta, enum wr_kind kind)
{
	const char *ns = wr_dec_str(d, meta, "namespace");

	if (!kinds[kind].namespaced)
		return wr_istr_get("");
	if (!ns || !*ns)
		ns = "default";
	if (!is_dns_name(ns, MAX_NAMESPACE) || strchr(ns, '.'))
		wr_dec_fail(d, wr_json_get(meta, "namespace"), "namespace",
			    "\"%.80s\" is not a valid name", ns);
	return wr_istr_get(ns);
}

static const char *decode_name(struct wr_decoder *d, const struct wr_json *j,
			       const struct wr_json *meta)
{
	const char *name = wr_dec_str(d, meta, "name");

	if (name && *name) {
		if (!is_dns_name(name, MAX_NAME))
			wr_dec_fail(d, wr_json_get(meta, "name"), "name",
				    "\"%.80s\" is not a valid name", name);
		return name;
	}
	d->failed = true;
	wr_json_err(name ? wr_json_get(meta, "name") :
		    meta ? meta :
			   j,
		    d->err, "metadata.name: is missing");
	return "";
}

static struct wr_object decode_metadata(struct wr_decoder *d, const struct wr_json *j,
					enum wr_kind kind)
{
	const struct wr_json *meta = wr_dec_object(d, j, "metadata");
	struct wr_object o;
	size_t mark = wr_dec_enter(d, "metadata");

	memset(&o, 0, sizeof(o)); /* padding is hashed */
	o.kind = (uint8_t)kind;
	o.ns = decode_namespace(d, meta, kind);
	wr_pack_str(&d->pack, offsetof(struct wr_object, name), decode_name(d, j, meta));
	d->uid = wr_dec_str(d, meta, "uid");
	if (kinds[kind].labelled)
		o.labels = wr_dec_labels(d, meta, "labels");
	o.deleting = wr_json_get(meta, "deletionTimestamp") != NULL;
	wr_dec_leave(d, mark);
	return o;
}

int wr_object_decode_as(enum wr_kind kind, const struct wr_json *j, bool strict,
			struct wr_object **ret, struct wr_err *err)
{
	struct wr_decoder d = { .strict = strict, .err = err, .pack = WR_PACK_INIT };
	struct wr_object meta, *o;

	if (wr_json_type(j) != WR_JSON_OBJECT)
		return wr_json_err(j, err, "a %s must be an object", kinds[kind].name);
	meta = decode_metadata(&d, j, kind);
	o = kinds[kind].decode(&d, j, &meta);
	wr_pack_done(&d.pack);
	if (d.failed) {
		wr_object_free(o);
		return -EINVAL;
	}
	*ret = o;
	return 0;
}

int wr_object_decode(const struct wr_json *j, bool strict, struct wr_object **ret, struct wr_err *err)
{
	const char *api_version = wr_json_get_str(j, "apiVersion");
	const char *name = wr_json_get_str(j, "kind");
	enum wr_kind kind;

	if (!name || !api_version)
		return wr_json_err(j, err, "%s: is missing", name ? "apiVersion" : "kind");
	if (wr_kind_parse(api_version, name, &kind) < 0)
		return wr_err_set(err, -ENOENT, "%s %s is not a kind that is used here",
				  api_version, name);
	return wr_object_decode_as(kind, j, strict, ret, err);
}

void wr_object_free(struct wr_object *o)
{
	if (!o)
		return;
	if (kinds[o->kind].drop)
		kinds[o->kind].drop(o);
	wr_labels_put(&o->labels);
	wr_istr_put(o->ns);
	free(o);
}
