/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables for people: widths come from the content, numbers stand right, and a row fits the width that it is given. What is
 * too long is shortened in the middle, for the ends of names tell them apart ("frontend-7d…x2k9q"), the widest column
 * first, down to a column's least width.
 */
#ifndef WR_CLI_TABLE_H
#define WR_CLI_TABLE_H

#include <stddef.h>

#include "lib/base/strbuf.h"
#include "lib/base/vec.h"

#define WR_TABLE_COLUMNS 16

enum wr_column_flags {
	WR_COL_RIGHT = 1 << 0,
	WR_COL_WIDE = 1 << 1, /* left out unless width does not matter */
};

struct wr_table {
	size_t n_columns;
	unsigned int flags[WR_TABLE_COLUMNS];
	size_t least[WR_TABLE_COLUMNS]; /* shortened no further; 0: never shortened */
	struct wr_strbuf text;          /* all cells, one after the other, each NUL-terminated */
	WR_VEC(size_t) cells; /* offsets into text, row by row; the first row is the header */
};

void wr_table_init(struct wr_table *t);
void wr_table_done(struct wr_table *t);
#define wr_auto_table __attribute__((cleanup(wr_table_done))) struct wr_table
/* Before the first cell. @least: see above. */
void wr_table_column(struct wr_table *t, const char *title, unsigned int flags, size_t least);
/* Cells from left to right, row after row. An empty one is shown as "-". */
void wr_table_cell(struct wr_table *t, const char *text);
/* Rows without the header. */
size_t wr_table_rows(const struct wr_table *t);
/* @width 0: nothing is shortened. Lines carry no trailing blanks. */
void wr_table_format(const struct wr_table *t, size_t width, struct wr_strbuf *out);

/* Columns that a UTF-8 text takes on a terminal, one for each code point. */
size_t wr_text_width(const char *s);
/* Appends at most @width columns of @s: when it is longer, its two ends around "…". */
void wr_text_shorten(const char *s, size_t width, struct wr_strbuf *out);

#endif
