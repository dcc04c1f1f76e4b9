// SPDX-License-Identifier: Apache-2.0
/* The configuration file: YAML values checked for their type, then set like flags. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "agent/config.h"
#include "lib/base/cleanup.h"
#include "lib/base/str.h"
#include "lib/json/json.h"
#include "lib/yaml/yaml.h"

#define WHERE_SIZE 320

struct file {
	struct wr_agent_config *config;
	const struct wr_key *keys;
	size_t n_keys;
	const char *name;
	struct wr_strbuf *notes;
	struct wr_err *err;
};

/* What a key's value, or one element of it, may be in YAML. */
enum shape {
	TEXT = 1 << 0,
	NUMBER = 1 << 1,
	BOOLEAN = 1 << 2,
};

static const struct {
	enum shape scalar;
	const char *words;
} shapes[] = {
	[WR_KEY_STRING] = { TEXT, "a string" },
	[WR_KEY_BOOL] = { BOOLEAN, "true or false" },
	[WR_KEY_UINT] = { NUMBER, "a whole number" },
	[WR_KEY_CHOICE] = { TEXT, "a string" },
	[WR_KEY_SECONDS] = { TEXT | NUMBER, "a time such as 90s" },
	[WR_KEY_STRINGS] = { TEXT, "a string" },
	[WR_KEY_PREFIXES] = { TEXT, "a string" },
	[WR_KEY_PORTS] = { TEXT, "a string" },
	[WR_KEY_LISTEN] = { TEXT, "a string" },
	[WR_KEY_SIZES] = { NUMBER, "a whole number" },
	[WR_KEY_DURATIONS] = { TEXT | NUMBER, "a time such as 90s" },
};

/* Fractions and nulls have no line of their own. */
static void format_where(const struct file *f, const struct wr_json *at, const char *path,
			 char where[WHERE_SIZE])
{
	int line = wr_json_line(at);

	if (line)
		snprintf(where, WHERE_SIZE, "%s: line %d: %s", f->name, line, path);
	else
		snprintf(where, WHERE_SIZE, "%s: %s", f->name, path);
}

static int wrong_type(const struct file *f, const struct wr_json *value, const char *path,
		      const char *words)
{
	char where[WHERE_SIZE];

	format_where(f, value, path, where);
	return wr_err_set(f->err, -EINVAL, "%s: must be %s", where, words);
}

/* The value's text as a flag would carry it. */
static int scalar_text(const struct file *f, const struct wr_key *key, const struct wr_json *value,
		       const char *path, struct wr_strbuf *out)
{
	enum shape allowed = shapes[key->type].scalar;

	switch (wr_json_type(value)) {
	case WR_JSON_STRING:
		wr_strbuf_addstr(out, wr_json_str(value));
		return allowed & TEXT ? 0 : wrong_type(f, value, path, shapes[key->type].words);
	case WR_JSON_INT:
		wr_strbuf_addf(out, "%" PRId64, wr_json_int(value));
		return allowed & NUMBER ? 0 : wrong_type(f, value, path, shapes[key->type].words);
	case WR_JSON_BOOL:
		wr_strbuf_addstr(out, wr_json_bool(value) ? "true" : "false");
		return allowed & BOOLEAN ? 0 : wrong_type(f, value, path, shapes[key->type].words);
	default:
		return wrong_type(f, value, path, shapes[key->type].words);
	}
}

/* @name: of a member of SIZES and DURATIONS; else NULL. */
static int apply_scalar(const struct file *f, const struct wr_key *key, const struct wr_json *value,
			const char *path, const char *name)
{
	wr_auto_strbuf text = WR_STRBUF_INIT;
	char where[WHERE_SIZE];
	int r;

	if (name)
		wr_strbuf_addf(&text, "%s=", name);
	r = scalar_text(f, key, value, path, &text);
	if (r)
		return r;
	format_where(f, value, path, where);
	return wr_config_add(f->config, key, text.buf, where, f->err);
}

static int apply_array(const struct file *f, const struct wr_key *key, const struct wr_json *value,
		       const char *path)
{
	char element[128];
	size_t i;
	int r = 0;

	if (wr_json_type(value) != WR_JSON_ARRAY)
		return wrong_type(f, value, path, "a list");
	wr_config_clear(f->config, key);
	for (i = 0; i < wr_json_len(value) && r == 0; i++) {
		snprintf(element, sizeof(element), "%s[%zu]", path, i);
		r = apply_scalar(f, key, wr_json_at(value, i), element, NULL);
	}
	return r;
}

static int apply_map(const struct file *f, const struct wr_key *key, const struct wr_json *value,
		     const char *path)
{
	struct wr_json_iter it = { 0 };
	char member[128];
	int r = 0;

	if (wr_json_type(value) != WR_JSON_OBJECT)
		return wrong_type(f, value, path, "a map of names to values");
	while (r == 0 && wr_json_next(value, &it)) {
		snprintf(member, sizeof(member), "%s.%s", path, it.key);
		if (key->lookup(it.key) < 0)
			r = wrong_type(f, it.value, member, "one of the names in weir-agent(8)");
		else
			r = apply_scalar(f, key, it.value, member, it.key);
	}
	return r;
}

static int apply_value(const struct file *f, const struct wr_key *key, const struct wr_json *value,
		       const char *path)
{
	switch (key->type) {
	case WR_KEY_STRINGS:
	case WR_KEY_PREFIXES:
		return apply_array(f, key, value, path);
	case WR_KEY_SIZES:
	case WR_KEY_DURATIONS:
		return apply_map(f, key, value, path);
	default:
		return apply_scalar(f, key, value, path, NULL);
	}
}

static const struct wr_key *find_key(const struct file *f, const char *name, bool *ret_old)
{
	size_t i;

	for (i = 0; i < f->n_keys; i++) {
		*ret_old = wr_streq(f->keys[i].was, name);
		if (*ret_old || wr_streq(f->keys[i].name, name))
			return &f->keys[i];
	}
	return NULL;
}

static int apply_member(const struct file *f, const struct wr_json *doc, const struct wr_json_iter *it)
{
	const struct wr_key *key;
	char where[WHERE_SIZE];
	bool old;

	if (wr_streq(it->key, "apiVersion") || wr_streq(it->key, "kind"))
		return 0;
	key = find_key(f, it->key, &old);
	format_where(f, it->value, it->key, where);
	if (!key)
		return wr_err_set(f->err, -EINVAL, "%s: unknown key", where);
	if (old && wr_json_get(doc, key->name))
		return wr_err_set(f->err, -EINVAL, "%s: is the old name of %s, which is given too",
				  where, key->name);
	if (old)
		wr_strbuf_addf(f->notes,
			       "%s: is now called %s; the old name goes with the next release\n",
			       where, key->name);
	return apply_value(f, key, it->value, it->key);
}

static int check_kind(const struct file *f, const struct wr_json *doc, const char *key,
		      const char *want)
{
	const struct wr_json *value = wr_json_get(doc, key);

	if (!value)
		return wr_err_set(f->err, -EINVAL, "%s: %s: is missing, must be %s", f->name, key,
				  want);
	if (!wr_streq(wr_json_str(value), want))
		return wr_err_set(f->err, -EINVAL, "%s: line %d: %s: must be %s", f->name,
				  wr_json_line(value), key, want);
	return 0;
}

static int apply_document(const struct file *f, const struct wr_json *doc)
{
	struct wr_json_iter it = { 0 };
	int r;

	if (wr_json_type(doc) != WR_JSON_OBJECT)
		return wr_err_set(f->err, -EINVAL, "%s: must be a map of keys to values", f->name);
	r = check_kind(f, doc, "apiVersion", WR_CONFIG_API_VERSION);
	if (r == 0)
		r = check_kind(f, doc, "kind", WR_CONFIG_KIND);
	while (r == 0 && wr_json_next(doc, &it))
		r = apply_member(f, doc, &it);
	return r;
}

int wr_config_apply_yaml(struct wr_agent_config *c, const struct wr_key *keys, size_t n_keys,
			 const char *file, const char *text, size_t len, struct wr_strbuf *notes,
			 struct wr_err *err)
{
	struct file f = { c, keys, n_keys, file, notes, err };
	struct wr_yaml_docs docs = { 0 };
	int r = wr_yaml_parse(text, len, &docs, err);

	if (r)
		return wr_err_wrap(err, r, "%s", file);
	if (docs.docs.n != 1)
		r = wr_err_set(err, -EINVAL, "%s: must hold one document, not %zu", file,
			       docs.docs.n);
	else
		r = apply_document(&f, docs.docs.v[0]);
	wr_yaml_docs_done(&docs);
	return r;
}
