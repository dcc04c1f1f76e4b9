/* SPDX-License-Identifier: Apache-2.0 */
/* Label selectors. */
#include <stdlib.h>
#include <string.h>

#include "agent/obj/rules.h"
#include "lib/base/cleanup.h"

static bool has_value(const struct wr_selector_term *t, wr_istr value)
{
	size_t i;

	for (i = 0; i < t->values.n; i++)
		if (t->values.v[i] == value)
			return true;
	return false;
}

static bool term_matches(const struct wr_selector_term *t, const struct wr_labels *l)
{
	wr_istr value;

	if (t->op == WR_SEL_NOTHING)
		return false;
	value = wr_labels_find(l, t->key);
	switch (t->op) {
	case WR_SEL_IN:
		return value && has_value(t, value);
	case WR_SEL_NOT_IN:
		return !value || !has_value(t, value);
	case WR_SEL_EXISTS:
		return value != NULL;
	default:
		return value == NULL;
	}
}

bool wr_selector_matches(const struct wr_selector *s, const struct wr_labels *l)
{
	size_t i;

	for (i = 0; i < s->terms.n; i++)
		if (!term_matches(&s->terms.v[i], l))
			return false;
	return true;
}

static void add_nothing(struct wr_selector *s)
{
	struct wr_selector_term t = { .op = WR_SEL_NOTHING };

	wr_vec_push(&s->terms, t);
}

struct terms {
	struct wr_selector *selector;
	size_t taken;
};

static void take_value(struct wr_decoder *d, const struct wr_json *item, const char *s, void *to)
{
	struct wr_selector_term *t = to;

	wr_vec_push(&t->values, wr_istr_get(s));
}

/* In and NotIn have values, the other two have none. */
static bool decode_values(struct wr_decoder *d, const struct wr_json *item,
			  struct wr_selector_term *t)
{
	bool wants = t->op == WR_SEL_IN || t->op == WR_SEL_NOT_IN;
	size_t n = wr_json_len(wr_json_get(item, "values"));

	wr_dec_each_str(d, item, "values", take_value, t);
	if (wants && !n)
		wr_dec_fail(d, item, "values", "is missing");
	else if (!wants && n)
		wr_dec_fail(d, item, "values", "must be empty with this operator");
	/* A value that is no string: the term would mean something else. */
	return wants ? n && t->values.n == n : !n;
}

static bool decode_term(struct wr_decoder *d, const struct wr_json *item, struct wr_selector_term *t)
{
	static const char *const known[] = { "key", "operator", "values" };
	static const char *const words[] = {
		[WR_SEL_IN] = "In",
		[WR_SEL_NOT_IN] = "NotIn",
		[WR_SEL_EXISTS] = "Exists",
		[WR_SEL_NOT_EXISTS] = "DoesNotExist",
	};
	const char *key = wr_dec_str(d, item, "key");
	int op = wr_dec_word(d, item, "operator", words, WR_ARRAY_SIZE(words));

	if (!wr_dec_knows(d, item, known, WR_ARRAY_SIZE(known)))
		return false;
	if (!key || !*key)
		wr_dec_fail(d, item, "key", "is missing");
	if (!wr_json_get(item, "operator"))
		wr_dec_fail(d, item, "operator", "is missing");
	if (!key || !*key || op < 0)
		return false;
	t->op = (enum wr_selector_op)op;
	t->key = wr_istr_get(key);
	return decode_values(d, item, t);
}

static void term_done(struct wr_selector_term *t)
{
	size_t i;

	for (i = 0; i < t->values.n; i++)
		wr_istr_put(t->values.v[i]);
	wr_vec_done(&t->values);
	wr_istr_put(t->key);
}

static void decode_expression(struct wr_decoder *d, const struct wr_json *item, void *to)
{
	struct wr_selector_term t = { 0 };
	struct terms *terms = to;

	if (decode_term(d, item, &t)) {
		wr_vec_push(&terms->selector->terms, t);
		terms->taken++;
		return;
	}
	term_done(&t);
}

static bool decode_expressions(struct wr_decoder *d, const struct wr_json *j, struct wr_selector *s)
{
	struct terms terms = { .selector = s };

	wr_dec_each(d, j, "matchExpressions", decode_expression, &terms);
	return wr_dec_is_empty(j, "matchExpressions") ||
	       (terms.taken && terms.taken == wr_json_len(wr_json_get(j, "matchExpressions")));
}

/* Each is an In with one value. */
static bool decode_match_labels(struct wr_decoder *d, const struct wr_json *j, struct wr_selector *s)
{
	struct wr_labels all = wr_dec_labels(d, j, "matchLabels");
	const struct wr_json *given = wr_json_get(j, "matchLabels");
	struct wr_selector_term t;
	uint32_t i;

	for (i = 0; i < all.n; i++) {
		t = (struct wr_selector_term){ .key = wr_istr_ref(all.v[i].key), .op = WR_SEL_IN };
		wr_vec_push(&t.values, wr_istr_ref(all.v[i].value));
		wr_vec_push(&s->terms, t);
	}
	i = all.n;
	wr_labels_put(&all);
	return wr_json_len(given) == i && (!given || wr_json_type(given) == WR_JSON_OBJECT);
}

bool wr_selector_decode(struct wr_decoder *d, const struct wr_json *j, const char *key,
			struct wr_selector *ret)
{
	static const char *const known[] = { "matchLabels", "matchExpressions" };
	const struct wr_json *value = wr_dec_object(d, j, key);
	struct wr_selector s = { 0 };
	size_t mark = wr_dec_enter(d, key);
	bool understood = value != NULL;

	if (!wr_json_get(j, key))
		wr_dec_fail(d, j, NULL, "is missing");
	if (!wr_dec_knows(d, value, known, WR_ARRAY_SIZE(known)))
		understood = false;
	if (!decode_match_labels(d, value, &s) || !decode_expressions(d, value, &s))
		understood = false;
	if (!understood)
		add_nothing(&s);
	wr_dec_leave(d, mark);
	*ret = s;
	return understood;
}

void wr_selector_done(struct wr_selector *s)
{
	size_t i;

	for (i = 0; i < s->terms.n; i++)
		term_done(&s->terms.v[i]);
	wr_vec_done(&s->terms);
}
