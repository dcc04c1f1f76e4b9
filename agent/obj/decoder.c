/* SPDX-License-Identifier: Apache-2.0 */
/* Reading members, with errors that name the way to them. */
#include "agent/obj/decoder.h"

#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

/* Nobody will ask for the way: tens of thousands of objects come like this. */
static bool is_quiet(const struct wr_decoder *d)
{
	return !d->strict && !d->problems;
}

static void append(struct wr_decoder *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void append(struct wr_decoder *d, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(d->path + d->len, sizeof(d->path) - d->len, fmt, ap);
	va_end(ap);
	d->len = WR_MIN(d->len + (size_t)WR_MAX(n, 0), sizeof(d->path) - 1);
}

size_t wr_dec_enter(struct wr_decoder *d, const char *key)
{
	size_t mark = d->len;

	if (!is_quiet(d))
		append(d, "%s%s", mark ? "." : "", key);
	return mark;
}

size_t wr_dec_enter_at(struct wr_decoder *d, const char *key, size_t i)
{
	size_t mark = wr_dec_enter(d, key);

	if (!is_quiet(d))
		append(d, "[%zu]", i);
	return mark;
}

void wr_dec_leave(struct wr_decoder *d, size_t mark)
{
	d->len = mark;
	d->path[mark] = '\0';
}

static void collect(struct wr_decoder *d, const char *what)
{
	struct wr_problem p;

	if (!d->problems)
		return;
	p = (struct wr_problem){ .field = wr_xstrdup(d->path), .what = wr_xstrdup(what) };
	wr_vec_push(d->problems, p);
}

void wr_dec_fail(struct wr_decoder *d, const struct wr_json *at, const char *key, const char *fmt, ...)
{
	const struct wr_json *member = key ? wr_json_get(at, key) : NULL;
	char what[256];
	size_t mark;
	va_list ap;

	if (is_quiet(d))
		return;
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	mark = key ? wr_dec_enter(d, key) : d->len;
	collect(d, what);
	if (d->strict) {
		d->failed = true;
		wr_json_err(wr_json_line(member) ? member : at, d->err, "%s: %s", d->path, what);
	}
	wr_dec_leave(d, mark);
}

void wr_dec_problem(struct wr_decoder *d, const char *key, const char *fmt, ...)
{
	char what[256];
	size_t mark;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	mark = key ? wr_dec_enter(d, key) : d->len;
	collect(d, what);
	wr_dec_leave(d, mark);
}

bool wr_dec_knows(struct wr_decoder *d, const struct wr_json *j, const char *const *known, size_t n)
{
	struct wr_json_iter it = { 0 };
	bool all = true;
	size_t i;

	while (wr_json_next(j, &it)) {
		for (i = 0; i < n && strcmp(it.key, known[i]) != 0; i++)
			;
		if (i < n || !it.value)
			continue;
		wr_dec_problem(d, it.key, "is not a known field");
		all = false;
	}
	return all;
}

static void refuse(struct wr_decoder *d, const struct wr_json *j, const char *key,
		   const struct wr_json *value, const char *expected)
{
	char shown[64];

	if (is_quiet(d))
		return;
	wr_dec_fail(d, wr_json_line(value) ? value : j, key, "must be %s, not %s", expected,
		    wr_json_describe(value, shown, sizeof(shown)));
}

const char *wr_dec_str(struct wr_decoder *d, const struct wr_json *j, const char *key)
{
	const struct wr_json *value = wr_json_get(j, key);
	const char *s = wr_json_str(value);

	if (value && !s)
		refuse(d, j, key, value, "a string");
	return s;
}

bool wr_dec_bool(struct wr_decoder *d, const struct wr_json *j, const char *key, bool dflt)
{
	const struct wr_json *value = wr_json_get(j, key);

	if (wr_json_type(value) == WR_JSON_BOOL)
		return wr_json_bool(value);
	if (value)
		refuse(d, j, key, value, "true or false");
	return dflt;
}

int64_t wr_dec_int(struct wr_decoder *d, const struct wr_json *j, const char *key, int64_t min,
		   int64_t max, int64_t dflt)
{
	const struct wr_json *value = wr_json_get(j, key);
	char expected[48];

	if (wr_json_type(value) == WR_JSON_INT && wr_json_int(value) >= min &&
	    wr_json_int(value) <= max)
		return wr_json_int(value);
	if (value && !is_quiet(d)) {
		snprintf(expected, sizeof(expected), "%lld-%lld", (long long)min, (long long)max);
		refuse(d, j, key, value, expected);
	}
	return dflt;
}

const struct wr_json *wr_dec_object(struct wr_decoder *d, const struct wr_json *j, const char *key)
{
	const struct wr_json *value = wr_json_get(j, key);

	if (!value || wr_json_type(value) == WR_JSON_OBJECT)
		return value;
	refuse(d, j, key, value, "an object");
	return NULL;
}

const struct wr_json *wr_dec_list(struct wr_decoder *d, const struct wr_json *j, const char *key)
{
	const struct wr_json *value = wr_json_get(j, key);

	if (!value || wr_json_type(value) == WR_JSON_ARRAY)
		return value;
	refuse(d, j, key, value, "a list");
	return NULL;
}

void wr_dec_each(struct wr_decoder *d, const struct wr_json *j, const char *key,
		 void (*fn)(struct wr_decoder *d, const struct wr_json *item, void *to), void *to)
{
	const struct wr_json *list = wr_dec_list(d, j, key), *item;
	size_t i, mark;

	for (i = 0; i < wr_json_len(list); i++) {
		item = wr_json_at(list, i);
		mark = wr_dec_enter_at(d, key, i);
		if (wr_json_type(item) == WR_JSON_OBJECT)
			fn(d, item, to);
		else
			refuse(d, list, NULL, item, "an object");
		wr_dec_leave(d, mark);
	}
}

void wr_dec_each_str(struct wr_decoder *d, const struct wr_json *j, const char *key,
		     void (*fn)(struct wr_decoder *d, const struct wr_json *item, const char *s,
				void *to),
		     void *to)
{
	const struct wr_json *list = wr_dec_list(d, j, key), *item;
	size_t i, mark;

	for (i = 0; i < wr_json_len(list); i++) {
		item = wr_json_at(list, i);
		mark = wr_dec_enter_at(d, key, i);
		if (wr_json_str(item))
			fn(d, item, wr_json_str(item), to);
		else
			refuse(d, list, NULL, item, "a string");
		wr_dec_leave(d, mark);
	}
}

bool wr_dec_addr(struct wr_decoder *d, const struct wr_json *at, const char *key, const char *s,
		 struct wr_addr *ret)
{
	if (wr_addr_parse(s, ret) == 0)
		return true;
	wr_dec_fail(d, at, key, "must be an IP address, not \"%.60s\"", s);
	return false;
}

bool wr_dec_prefix(struct wr_decoder *d, const struct wr_json *at, const char *key, const char *s,
		   struct wr_prefix *ret)
{
	struct wr_prefix p;

	if (wr_prefix_parse(s, &p) == 0) {
		*ret = wr_prefix_masked(&p);
		return true;
	}
	wr_dec_fail(d, at, key, "must be address/length, not \"%.60s\"", s);
	return false;
}

int wr_dec_word(struct wr_decoder *d, const struct wr_json *j, const char *key,
		const char *const *words, size_t n)
{
	const char *s = wr_dec_str(d, j, key);
	char expected[128] = "";
	size_t i, len;

	if (!s)
		return -1;
	for (i = 0; i < n; i++)
		if (strcmp(s, words[i]) == 0)
			return (int)i;
	for (i = 0; i < n; i++) {
		len = strlen(expected);
		snprintf(expected + len, sizeof(expected) - len, "%s%s",
			 !i        ? "" :
			 i + 1 < n ? ", " :
				     " or ",
			 words[i]);
	}
	refuse(d, j, key, wr_json_get(j, key), expected);
	return -1;
}

uint8_t wr_dec_protocol(struct wr_decoder *d, const struct wr_json *j)
{
	static const char *const words[] = { "TCP", "UDP", "SCTP" };
	static const uint8_t numbers[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP };
	int i;

	if (!wr_json_get(j, "protocol"))
		return IPPROTO_TCP;
	i = wr_dec_word(d, j, "protocol", words, WR_ARRAY_SIZE(words));
	return i < 0 ? 0 : numbers[i];
}

static int cmp_labels(const void *a, const void *b)
{
	const struct wr_label *x = a, *y = b;

	return strcmp(x->key, y->key);
}

/* One block for each set of labels there is: pods of a workload share theirs. */
static struct wr_labels share(struct wr_label *v, size_t n)
{
	const struct wr_ilist *list;
	size_t i;

	if (!n)
		return (struct wr_labels){ 0 };
	qsort(v, n, sizeof(*v), cmp_labels);
	list = wr_ilist_get(&v[0].key, (uint32_t)(2 * n));
	for (i = 0; i < n; i++) {
		wr_istr_put(v[i].key);
		wr_istr_put(v[i].value);
	}
	return (struct wr_labels){ .v = (const struct wr_label *)list->v, .n = (uint32_t)n };
}

struct wr_labels wr_dec_labels(struct wr_decoder *d, const struct wr_json *j, const char *key)
{
	const struct wr_json *all = wr_dec_object(d, j, key);
	WR_VEC(struct wr_label) v = { 0 };
	struct wr_json_iter it = { 0 };
	struct wr_labels labels;
	struct wr_label l;
	size_t mark = wr_dec_enter(d, key);

	while (wr_json_next(all, &it)) {
		const char *value = it.value ? wr_json_str(it.value) : "";

		if (!value) {
			refuse(d, all, it.key, it.value, "a string");
			continue;
		}
		l = (struct wr_label){ .key = wr_istr_get(it.key), .value = wr_istr_get(value) };
		wr_vec_push(&v, l);
	}
	wr_dec_leave(d, mark);
	labels = share(v.v, v.n);
	wr_vec_done(&v);
	return labels;
}

void wr_labels_put(const struct wr_labels *l)
{
	if (l->n)
		wr_ilist_put(WR_CONTAINER_OF(wr_unconst(l->v), struct wr_ilist, v));
}

bool wr_dec_is_empty(const struct wr_json *j, const char *key)
{
	const struct wr_json *value = wr_json_get(j, key);

	return !value || (wr_json_type(value) == WR_JSON_ARRAY && !wr_json_len(value));
}

struct condition {
	const char *type;
	bool is_true;
};

static void decode_condition(struct wr_decoder *d, const struct wr_json *item, void *to)
{
	struct condition *c = to;

	if (wr_streq(wr_dec_str(d, item, "type"), c->type))
		c->is_true = wr_streq(wr_dec_str(d, item, "status"), "True");
}

bool wr_dec_condition(struct wr_decoder *d, const struct wr_json *status, const char *type)
{
	struct condition c = { .type = type };

	wr_dec_each(d, status, "conditions", decode_condition, &c);
	return c.is_true;
}
