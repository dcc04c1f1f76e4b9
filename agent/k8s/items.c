/* SPDX-License-Identifier: Apache-2.0 */
/* Splits a list's JSON into items while it arrives. */
#include "agent/k8s/items.h"

#include <errno.h>
#include <string.h>

#define DEPTH_MAX 64
#define ITEM_MAX  (2u << 20)
#define REST_MAX  (1u << 20)

void wr_items_init(struct wr_items *p, int (*item)(void *ctx, char *text, size_t len), void *ctx)
{
	*p = (struct wr_items){
		.item = item, .ctx = ctx, .rest = WR_STRBUF_INIT, .value = WR_STRBUF_INIT
	};
}

void wr_items_done(struct wr_items *p)
{
	wr_strbuf_done(&p->rest);
	wr_strbuf_done(&p->value);
}

bool wr_items_complete(const struct wr_items *p)
{
	return p->depth == 0 && p->rest.len > 0;
}

/* The items array is depth 2, its elements' text is everything deeper. */
static bool inside_item(const struct wr_items *p)
{
	return p->in_items && p->depth > 2;
}

static void follow_string(struct wr_items *p, char c)
{
	if (p->escaped)
		p->escaped = false;
	else if (c == '\\')
		p->escaped = true;
	else if (c == '"')
		p->in_string = false;
	if (!p->in_string && p->depth == 1)
		p->key_is_items = strcmp(p->rest.buf + p->key_at, "\"items\"") == 0;
}

static int open_nested(struct wr_items *p, char c)
{
	if (++p->depth > DEPTH_MAX)
		return -EINVAL;
	if (p->depth == 2 && c == '[' && p->key_is_items)
		p->in_items = true;
	p->key_is_items = false;
	return 0;
}

static int close_nested(struct wr_items *p)
{
	int r = 0;

	if (!p->depth)
		return -EINVAL;
	p->depth--;
	if (p->in_items && p->depth == 2) {
		r = p->item(p->ctx, p->value.buf, p->value.len);
		wr_strbuf_reset(&p->value);
	}
	if (p->depth == 1)
		p->in_items = false;
	return r;
}

static int keep(struct wr_items *p, char c, bool of_item)
{
	struct wr_strbuf *out = of_item ? &p->value : &p->rest;

	if (p->in_items && !of_item && p->depth == 2 && c != '[')
		return 0; /* commas and blanks between items */
	if (out->len >= (of_item ? ITEM_MAX : REST_MAX))
		return -EFBIG;
	wr_strbuf_addch(out, c);
	return 0;
}

static int feed_char(struct wr_items *p, char c)
{
	bool was_inside = inside_item(p), opens = c == '{' || c == '[', closes = c == '}' || c == ']';
	int r = 0;

	if (p->in_string) {
		r = keep(p, c, was_inside);
		follow_string(p, c);
		return r;
	}
	if (opens)
		r = open_nested(p, c);
	if (!r)
		r = keep(p, c, was_inside || inside_item(p));
	if (c == '"') {
		p->in_string = true;
		p->key_at = p->depth == 1 ? p->rest.len - 1 : p->key_at;
	}
	if (!r && closes)
		r = close_nested(p);
	if (p->depth == 1 && closes && !was_inside && c == ']' && p->rest.buf[p->rest.len - 1] != ']')
		wr_strbuf_addch(&p->rest, ']'); /* the end of items, which keep() took for a separator */
	return r;
}

/* Most bytes are the insides of strings: they are taken in runs. */
static size_t plain_run(const struct wr_items *p, const char *data, size_t size)
{
	size_t n = 0;

	if (!p->in_string || p->escaped || !inside_item(p))
		return 0;
	while (n < size && data[n] != '"' && data[n] != '\\')
		n++;
	return n;
}

int wr_items_feed(struct wr_items *p, const char *data, size_t size)
{
	int r = 0;

	while (size && !r) {
		size_t n = plain_run(p, data, size);

		if (n && p->value.len + n > ITEM_MAX)
			return -EFBIG;
		if (n)
			wr_strbuf_add(&p->value, data, n);
		else
			r = feed_char(p, data[n++]);
		data += n;
		size -= n;
	}
	return r;
}
