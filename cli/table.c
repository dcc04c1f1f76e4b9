// SPDX-License-Identifier: Apache-2.0
/* Lays out tables for people. */
#include "cli/table.h"

#include <stdbool.h>
#include <string.h>

#include "lib/base/cleanup.h"

#define GAP 2

void wr_table_init(struct wr_table *t)
{
	*t = (struct wr_table){ .text = WR_STRBUF_INIT };
}

void wr_table_done(struct wr_table *t)
{
	wr_strbuf_done(&t->text);
	wr_vec_done(&t->cells);
}

void wr_table_column(struct wr_table *t, const char *title, unsigned int flags, size_t least)
{
	if (t->n_columns == WR_TABLE_COLUMNS)
		return;
	t->flags[t->n_columns] = flags;
	t->least[t->n_columns] = least;
	t->n_columns++;
	wr_table_cell(t, title);
}

void wr_table_cell(struct wr_table *t, const char *text)
{
	const char *shown = *text ? text : "-";

	wr_vec_push(&t->cells, t->text.len);
	wr_strbuf_add(&t->text, shown, strlen(shown) + 1);
}

size_t wr_table_rows(const struct wr_table *t)
{
	return t->n_columns ? t->cells.n / t->n_columns - 1 : 0;
}

static bool is_continuation(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

size_t wr_text_width(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += !is_continuation(*s);
	return n;
}

/* Where the @n-th code point begins, or the text ends. */
static const char *skip_points(const char *s, size_t n)
{
	for (; *s && n; n--) {
		s++;
		while (is_continuation(*s))
			s++;
	}
	return s;
}

void wr_text_shorten(const char *s, size_t width, struct wr_strbuf *out)
{
	size_t has = wr_text_width(s), tail;

	if (has <= width) {
		wr_strbuf_addstr(out, s);
		return;
	}
	if (!width)
		return;
	tail = (width - 1) / 2;
	wr_strbuf_add(out, s, (size_t)(skip_points(s, width - 1 - tail) - s));
	wr_strbuf_addstr(out, "…");
	wr_strbuf_addstr(out, skip_points(s, has - tail));
}

static const char *cell_at(const struct wr_table *t, size_t i)
{
	return t->text.buf + t->cells.v[i];
}

static void measure(const struct wr_table *t, size_t *widths)
{
	size_t i, w;

	for (i = 0; i < t->cells.n; i++) {
		w = wr_text_width(cell_at(t, i));
		if (w > widths[i % t->n_columns])
			widths[i % t->n_columns] = w;
	}
}

/* The widest of those that may still shrink; n_columns: none. */
static size_t widest(const struct wr_table *t, const size_t *widths)
{
	size_t best = t->n_columns, i;

	for (i = 0; i < t->n_columns; i++) {
		if (!t->least[i] || widths[i] <= t->least[i])
			continue;
		if (best == t->n_columns || widths[i] > widths[best])
			best = i;
	}
	return best;
}

static void fit(const struct wr_table *t, size_t width, size_t *widths)
{
	size_t total = (t->n_columns - 1) * GAP, i;

	for (i = 0; i < t->n_columns; i++)
		total += widths[i];
	for (; total > width; total--) {
		i = widest(t, widths);
		if (i == t->n_columns)
			break;
		widths[i]--;
	}
}

static void pad(struct wr_strbuf *out, size_t n)
{
	while (n--)
		wr_strbuf_addch(out, ' ');
}

static void format_row(const struct wr_table *t, size_t first, const size_t *widths,
		       struct wr_strbuf *out)
{
	size_t i, has, owed = 0;
	const char *s;

	for (i = 0; i < t->n_columns; i++) {
		s = cell_at(t, first + i);
		has = WR_MIN(wr_text_width(s), widths[i]);
		if (t->flags[i] & WR_COL_RIGHT)
			owed += widths[i] - has;
		pad(out, owed);
		wr_text_shorten(s, widths[i], out);
		owed = t->flags[i] & WR_COL_RIGHT ? GAP : GAP + widths[i] - has;
	}
	wr_strbuf_addch(out, '\n');
}

void wr_table_format(const struct wr_table *t, size_t width, struct wr_strbuf *out)
{
	size_t widths[WR_TABLE_COLUMNS] = { 0 }, i;

	if (!t->n_columns)
		return;
	measure(t, widths);
	if (width)
		fit(t, width, widths);
	for (i = 0; i + t->n_columns <= t->cells.n; i += t->n_columns)
		format_row(t, i, widths, out);
}
