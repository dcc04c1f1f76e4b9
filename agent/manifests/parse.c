/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests: text to objects. */
#include "agent/manifests/parse.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/hmap.h"
#include "lib/base/str.h"
#include "lib/yaml/yaml.h"

struct parser {
	struct wr_manifest out;
	struct wr_hmap seen; /* by the objects' own nodes: no store has them yet */
	struct wr_err *err;
	uint32_t kinds; /* of the documents so far */
	int r;          /* of the first that cannot be used */
};

static struct wr_object *find_twin(const struct parser *p, const struct wr_object *o, uint32_t hash)
{
	struct wr_hnode *n;
	struct wr_object *twin;

	for (n = wr_hmap_first(&p->seen, hash); n; n = wr_hmap_next(n)) {
		twin = WR_CONTAINER_OF(n, struct wr_object, node);
		if (twin->kind == o->kind && twin->ns == o->ns && strcmp(twin->name, o->name) == 0)
			return twin;
	}
	return NULL;
}

static int add(struct parser *p, struct wr_object *o, const struct wr_json *j)
{
	uint32_t hash = wr_hash_str(o->name);

	wr_vec_push(&p->out.objects, o);
	if (find_twin(p, o, hash))
		return wr_json_err(j, p->err, "%s %s%s%s is there twice", wr_kind_name(o->kind),
				   o->ns, *o->ns ? "/" : "", o->name);
	wr_hmap_add(&p->seen, &o->node, hash);
	return 0;
}

/* A policy that is refused whole would leave open what it is to close: it carries its faults, and is closed where they are. */
static bool is_strict(enum wr_kind kind)
{
	return kind != WR_KIND_NETWORKPOLICY && kind != WR_KIND_CLUSTERNETWORKPOLICY;
}

static int parse_as(struct parser *p, enum wr_kind kind, const struct wr_json *j)
{
	struct wr_object *o;
	int r;

	r = wr_object_decode_as(kind, j, is_strict(kind), &o, p->err);
	return r < 0 ? r : add(p, o, j);
}

/* Says what it is by itself. */
static int parse_one(struct parser *p, const struct wr_json *j)
{
	const char *version = wr_json_get_str(j, "apiVersion"), *kind = wr_json_get_str(j, "kind");
	enum wr_kind k;

	if (wr_json_type(j) != WR_JSON_OBJECT)
		return wr_json_err(j, p->err, "must be an object with apiVersion and kind");
	if (!version || !kind)
		return wr_json_err(j, p->err, "%s: is missing", kind ? "apiVersion" : "kind");
	if (wr_kind_parse(version, kind, &k) < 0)
		return wr_json_err(j, p->err, "%.80s %.80s is not a kind that is used here",
				   version, kind);
	return parse_as(p, k, j);
}

/* "List" of anything, or "PodList" where the items need not say what they are. */
static int parse_list(struct parser *p, const struct wr_json *j, const char *item_kind)
{
	const char *version = wr_json_get_str(j, "apiVersion");
	struct wr_json *items = NULL;
	enum wr_kind kind = WR_KIND_MAX;
	size_t i;
	int r = wr_json_decode_array(j, "", "items", &items, p->err);

	if (!r && *item_kind && wr_kind_parse(version, item_kind, &kind) < 0)
		r = wr_json_err(j, p->err, "%.80s %.80sList is not a kind that is used here",
				version ? version : "", item_kind);
	for (i = 0; !r && i < wr_json_len(items); i++) {
		const struct wr_json *item = wr_json_at(items, i);

		r = *item_kind ? parse_as(p, kind, item) : parse_one(p, item);
		if (r < 0)
			wr_err_wrap(p->err, r, "items[%zu]", i);
	}
	return r;
}

static int parse_document(struct parser *p, const struct wr_json *j)
{
	const char *kind = wr_json_get_str(j, "kind");
	char item_kind[64];

	if (!kind || !wr_has_suffix(kind, "List") || strlen(kind) >= sizeof(item_kind))
		return parse_one(p, j);
	wr_copy(item_kind, strlen(kind) - strlen("List") + 1, kind);
	return parse_list(p, j, item_kind);
}

/* What a document may have been meant to be. */
static uint32_t kinds_in(const struct wr_json *j)
{
	const char *version = wr_json_get_str(j, "apiVersion"), *name = wr_json_get_str(j, "kind");
	const struct wr_json *items = wr_json_get(j, "items");
	enum wr_kind kind;
	uint32_t bits = 0;
	size_t i;

	if (wr_kind_parse(version, name, &kind) == 0)
		return 1u << kind;
	if (!wr_streq(name, "List") || wr_json_type(items) != WR_JSON_ARRAY)
		return WR_ALL_KINDS;
	for (i = 0; i < wr_json_len(items); i++)
		bits |= kinds_in(wr_json_at(items, i));
	return bits;
}

/* After the first fault the other documents only say what they may have been. */
static int take_document(void *ctx, struct wr_json *j)
{
	struct parser *p = ctx;

	p->kinds |= kinds_in(j);
	if (!p->r)
		p->r = parse_document(p, j);
	return 0;
}

static void start(struct parser *p, struct wr_err *err)
{
	wr_hmap_done(&p->seen);
	wr_manifest_done(&p->out);
	*p = (struct parser){ .err = err };
}

/*
 * JSON is read as YAML for its lines; what YAML does not know of JSON (surrogate pairs) is read
 * again.
 */
static int parse_text(struct parser *p, const char *text, size_t len)
{
	struct wr_err yaml_err = WR_ERR_INIT, *err = p->err;
	wr_auto_json *j = NULL;
	int r = wr_yaml_each(text, len, take_document, p, &yaml_err);

	if (!r)
		return p->r;
	start(p, err);
	if (wr_json_parse(text, len, &j, NULL) == 0) {
		take_document(p, j);
		return p->r;
	}
	p->kinds = WR_ALL_KINDS;
	return wr_err_set(err, r, "%s", yaml_err.msg);
}

int wr_manifest_parse(const char *text, size_t len, struct wr_manifest *ret, uint32_t *ret_kinds,
		      struct wr_err *err)
{
	struct parser p = { .err = err };
	int r = parse_text(&p, text, len);

	*ret_kinds = p.kinds;
	wr_hmap_done(&p.seen);
	if (r < 0)
		wr_manifest_done(&p.out);
	else
		*ret = p.out;
	return r;
}

void wr_manifest_done(struct wr_manifest *m)
{
	size_t i;

	for (i = 0; i < m->objects.n; i++)
		wr_object_free(m->objects.v[i]);
	wr_vec_done(&m->objects);
}
