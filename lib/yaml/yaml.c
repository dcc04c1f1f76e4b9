/* SPDX-License-Identifier: Apache-2.0 */
/* YAML text to JSON values: libyaml's events, read by recursive descent. */
#include "lib/yaml/yaml.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/yaml/scalar.h"

#define MAX_DEPTH   64
#define MAX_ALIASED 100000
#define TEXT_WEIGHT 64 /* so many characters weigh as much as a value */
#define CORE_TAG    "tag:yaml.org,2002:"

struct anchor {
	char *name;
	struct wr_json *value; /* a reference */
	size_t weight; /* values and text below it, itself included, aliases counted out in full */
};

struct parser {
	yaml_parser_t yaml;
	yaml_event_t event; /* the one at hand; empty between two */
	const char *text;
	int (*fn)(void *ctx, struct wr_json *doc);
	void *ctx;
	WR_VEC(struct anchor) anchors; /* of this document */
	size_t weight, aliased;
	int depth;
	struct wr_err *err;
};

static int parse_value(struct parser *p, struct wr_json **ret);

/* ---- events ---------------------------------------------------------------------------------- */

static int fail_at(struct parser *p, const yaml_mark_t *mark, const char *what)
{
	return wr_err_set(p->err, -EINVAL, "line %zu, column %zu: %s", mark->line + 1,
			  mark->column + 1, what);
}

/* An error about the event at hand. */
static int fail(struct parser *p, const char *what)
{
	return fail_at(p, &p->event.start_mark, what);
}

/* Bytes that are no text have an offset only. */
static yaml_mark_t mark_of_offset(const struct parser *p, size_t offset)
{
	yaml_mark_t mark = { 0 };
	size_t i;

	for (i = 0; i < offset; i++) {
		mark.column++;
		if (p->text[i] == '\n') {
			mark.line++;
			mark.column = 0;
		}
	}
	return mark;
}

static int fail_parser(struct parser *p)
{
	const yaml_parser_t *y = &p->yaml;
	yaml_mark_t mark = y->problem_mark;

	if (y->error == YAML_MEMORY_ERROR)
		wr_no_memory();
	if (y->error == YAML_READER_ERROR)
		mark = mark_of_offset(p, y->problem_offset);
	return fail_at(p, &mark, y->problem ? y->problem : "not YAML");
}

static int next(struct parser *p)
{
	yaml_event_delete(&p->event);
	return yaml_parser_parse(&p->yaml, &p->event) ? 0 : fail_parser(p);
}

/* ---- anchors --------------------------------------------------------------------------------- */

static void drop_anchors(struct parser *p)
{
	size_t i;

	for (i = 0; i < p->anchors.n; i++) {
		free(p->anchors.v[i].name);
		wr_json_free(p->anchors.v[i].value);
	}
	wr_vec_reset(&p->anchors);
}

/* Known from its end on: an alias inside its own anchor would be a value without an end. */
static void add_anchor(struct parser *p, const char *name, struct wr_json *value, size_t weight)
{
	struct anchor a = {
		.name = wr_xstrdup(name),
		.value = wr_json_ref(value),
		.weight = weight,
	};

	wr_vec_push(&p->anchors, a);
}

static int parse_alias(struct parser *p, struct wr_json **ret)
{
	const char *name = (const char *)p->event.data.alias.anchor;
	const struct anchor *a;
	size_t i;

	for (i = p->anchors.n; i; i--) {
		a = &p->anchors.v[i - 1];
		if (strcmp(a->name, name) != 0)
			continue;
		p->weight += a->weight;
		p->aliased += a->weight;
		if (p->aliased > MAX_ALIASED)
			return fail(p, "too many values by alias");
		*ret = wr_json_ref(a->value);
		return 0;
	}
	return fail(p, "an alias without its anchor");
}

/* ---- values ---------------------------------------------------------------------------------- */

static bool is_core_tag(const char *tag, const char *name)
{
	return wr_has_prefix(tag, CORE_TAG) && strcmp(tag + strlen(CORE_TAG), name) == 0;
}

static int parse_scalar(struct parser *p, struct wr_json **ret)
{
	const char *text = (const char *)p->event.data.scalar.value;
	const char *tag = (const char *)p->event.data.scalar.tag;
	size_t len = p->event.data.scalar.length;
	bool plain = p->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;

	if (tag && (is_core_tag(tag, "str") || strcmp(tag, "!") == 0))
		plain = false;
	else if (tag && (is_core_tag(tag, "int") || is_core_tag(tag, "float") ||
			 is_core_tag(tag, "bool") || is_core_tag(tag, "null")))
		plain = true;
	else if (tag)
		return fail(p, "a tag that is not supported");
	p->weight += len / TEXT_WEIGHT;
	*ret = plain ? wr_yaml_resolve(text, len) : wr_json_new_strn(text, len);
	return 0;
}

static int parse_sequence(struct parser *p, struct wr_json **ret)
{
	const char *tag = (const char *)p->event.data.sequence_start.tag;
	wr_auto_json *list = NULL;
	struct wr_json *item = NULL;
	int r;

	if (tag && !is_core_tag(tag, "seq"))
		return fail(p, "a tag that is not supported");
	list = wr_json_new_array();
	for (;;) {
		r = next(p);
		if (r < 0)
			return r;
		if (p->event.type == YAML_SEQUENCE_END_EVENT)
			break;
		r = parse_value(p, &item);
		if (r < 0)
			return r;
		wr_json_push(list, item);
	}
	*ret = wr_json_ref(list);
	return 0;
}

/* Members that @into does not have. */
static void merge_one(struct wr_json *into, const struct wr_json *from)
{
	struct wr_json_iter it = { 0 };

	while (wr_json_next(from, &it))
		if (!wr_json_has(into, it.key))
			wr_json_add(into, it.key, wr_json_ref(it.value));
}

/* "<<": a mapping, or a list of them where earlier ones win. */
static bool merge(struct wr_json *into, const struct wr_json *from)
{
	size_t i;

	if (wr_json_type(from) == WR_JSON_OBJECT) {
		merge_one(into, from);
		return true;
	}
	if (wr_json_type(from) != WR_JSON_ARRAY)
		return false;
	for (i = 0; i < wr_json_len(from); i++) {
		if (wr_json_type(wr_json_at(from, i)) != WR_JSON_OBJECT)
			return false;
		merge_one(into, wr_json_at(from, i));
	}
	return true;
}

/* Takes the key at hand. */
static int take_key(struct parser *p, const struct wr_json *map, const struct wr_json *merged,
		    char **ret, bool *ret_merge)
{
	const yaml_event_t *e = &p->event;
	const char *text = (const char *)e->data.scalar.value;
	bool plain;

	if (e->type != YAML_SCALAR_EVENT)
		return fail(p, "a key must be text");
	plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	if (strlen(text) != e->data.scalar.length)
		return fail(p, "a NUL in a key");
	*ret_merge = plain && strcmp(text, "<<") == 0;
	if (*ret_merge ? merged != NULL : wr_json_has(map, text))
		return wr_err_set(p->err, -EINVAL, "line %zu, column %zu: \"%s\" is there twice",
				  e->start_mark.line + 1, e->start_mark.column + 1, text);
	p->weight += e->data.scalar.length / TEXT_WEIGHT;
	*ret = wr_xstrdup(text);
	return 0;
}

static void free_key(char **key)
{
	free(*key);
}

/* One key and its value; the key is the event at hand. */
static int parse_member(struct parser *p, struct wr_json *map, struct wr_json **merged)
{
	__attribute__((cleanup(free_key))) char *key = NULL;
	yaml_mark_t mark = p->event.start_mark;
	struct wr_json *value = NULL;
	bool is_merge = false;
	int r = take_key(p, map, *merged, &key, &is_merge);

	if (!r)
		r = next(p);
	if (!r)
		r = parse_value(p, &value);
	if (r < 0)
		return r;
	if (!is_merge) {
		wr_json_add(map, key, value);
		return 0;
	}
	*merged = value;
	return value ? 0 : fail_at(p, &mark, "<< takes a mapping or a list of mappings");
}

static int parse_mapping(struct parser *p, struct wr_json **ret)
{
	const char *tag = (const char *)p->event.data.mapping_start.tag;
	yaml_mark_t mark = p->event.start_mark;
	wr_auto_json *map = NULL, *merged = NULL;
	int r;

	if (tag && !is_core_tag(tag, "map"))
		return fail(p, "a tag that is not supported");
	map = wr_json_new_object();
	for (;;) {
		r = next(p);
		if (r < 0)
			return r;
		if (p->event.type == YAML_MAPPING_END_EVENT)
			break;
		r = parse_member(p, map, &merged);
		if (r < 0)
			return r;
	}
	if (merged && !merge(map, merged))
		return fail_at(p, &mark, "<< takes a mapping or a list of mappings");
	*ret = wr_json_ref(map);
	return 0;
}

static const char *anchor_of(const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_SCALAR_EVENT:
		return (const char *)e->data.scalar.anchor;
	case YAML_SEQUENCE_START_EVENT:
		return (const char *)e->data.sequence_start.anchor;
	case YAML_MAPPING_START_EVENT:
		return (const char *)e->data.mapping_start.anchor;
	default:
		return NULL;
	}
}

static int parse_node(struct parser *p, struct wr_json **ret)
{
	switch (p->event.type) {
	case YAML_SCALAR_EVENT:
		return parse_scalar(p, ret);
	case YAML_SEQUENCE_START_EVENT:
		return parse_sequence(p, ret);
	case YAML_MAPPING_START_EVENT:
		return parse_mapping(p, ret);
	default:
		return fail(p, "a value was expected");
	}
}

/* The value that begins with the event at hand; its last event is at hand afterwards. */
static int parse_value(struct parser *p, struct wr_json **ret)
{
	__attribute__((cleanup(free_key))) char *anchor = NULL;
	int line = (int)p->event.start_mark.line + 1;
	size_t before = p->weight++;
	int r;

	if (p->event.type == YAML_ALIAS_EVENT)
		return parse_alias(p, ret);
	if (p->depth >= MAX_DEPTH)
		return fail(p, "nested too deeply");
	if (anchor_of(&p->event))
		anchor = wr_xstrdup(anchor_of(&p->event));
	p->depth++;
	r = parse_node(p, ret);
	p->depth--;
	if (r < 0)
		return r;
	wr_json_set_line(*ret, line);
	if (anchor)
		add_anchor(p, anchor, *ret, p->weight - before);
	return 0;
}

/* ---- documents ------------------------------------------------------------------------------- */

static int parse_document(struct parser *p)
{
	wr_auto_json *value = NULL;
	int r = next(p);

	if (!r)
		r = parse_value(p, &value);
	drop_anchors(p);
	if (!r && value)
		r = p->fn(p->ctx, value);
	return r ? r : next(p); /* its end */
}

static int parse_stream(struct parser *p)
{
	int r = next(p); /* its start */

	while (!r) {
		r = next(p);
		if (r < 0 || p->event.type == YAML_STREAM_END_EVENT)
			break;
		r = parse_document(p);
	}
	return r;
}

int wr_yaml_each(const char *text, size_t len, int (*fn)(void *ctx, struct wr_json *doc), void *ctx,
		 struct wr_err *err)
{
	struct parser p = { .text = text, .err = err, .fn = fn, .ctx = ctx };
	int r;

	if (!yaml_parser_initialize(&p.yaml))
		wr_no_memory();
	yaml_parser_set_input_string(&p.yaml, (const unsigned char *)text, len);
	r = parse_stream(&p);
	yaml_event_delete(&p.event);
	yaml_parser_delete(&p.yaml);
	wr_vec_done(&p.anchors);
	return r;
}

static int keep(void *ctx, struct wr_json *doc)
{
	struct wr_yaml_docs *docs = ctx;

	wr_vec_push(&docs->docs, wr_json_ref(doc));
	return 0;
}

int wr_yaml_parse(const char *text, size_t len, struct wr_yaml_docs *ret, struct wr_err *err)
{
	struct wr_yaml_docs docs = { 0 };
	int r = wr_yaml_each(text, len, keep, &docs, err);

	if (r < 0)
		wr_yaml_docs_done(&docs);
	else
		*ret = docs;
	return r;
}

void wr_yaml_docs_done(struct wr_yaml_docs *d)
{
	size_t i;

	for (i = 0; i < d->docs.n; i++)
		wr_json_free(d->docs.v[i]);
	wr_vec_done(&d->docs);
}
