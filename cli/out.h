/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What commands print. A command makes JSON items, once; -o json writes them as they come, a table takes its cells from
 * them. A list is
 *
 *	{"apiVersion":"weir.dev/v1alpha1","kind":"FlowList","metadata":{...},"items":[
 *	{...},
 *	{...}
 *	]}
 *
 * with an item a line. Members of items are only ever added within an apiVersion; what is not known is absent.
 */
#ifndef WR_CLI_OUT_H
#define WR_CLI_OUT_H

#include "cli/cli.h"
#include "cli/table.h"
#include "lib/json/json.h"

#define WR_API_VERSION "weir.dev/v1alpha1"

struct wr_out_column {
	const char *title; /* NULL ends a table of columns */
	const char *key;   /* the member that cell() looks at */
	/* Appends the cell's text. NULL: the member as it is. */
	void (*cell)(const struct wr_json *item, const char *key, struct wr_strbuf *out);
	unsigned int flags; /* enum wr_column_flags */
	size_t least;
};

struct wr_out_list {
	const char *kind; /* "FlowList" */
	const char *none; /* said on stderr when a table would be empty */
	const struct wr_out_column *columns;
};

struct wr_out {
	struct wr_cli *cli;
	const struct wr_out_list *list;
	struct wr_table table;
	size_t n;
};

void wr_out_begin(struct wr_out *o, struct wr_cli *cli, const struct wr_out_list *list);
void wr_out_item(struct wr_out *o, struct wr_json *item /* taken */);
void wr_out_end(struct wr_out *o);

/* A single object, -o json only: apiVersion and kind in front of the members of @object. */
void wr_out_object(struct wr_cli *cli, const char *kind, struct wr_json *object /* taken */);
/* Rows of a table in the middle of other text, indented by two blanks. */
void wr_out_rows(struct wr_cli *cli, const struct wr_out_column *columns,
		 const struct wr_json *items);

void wr_cell_plain(const struct wr_json *item, const char *key, struct wr_strbuf *out);
void wr_cell_count(const struct wr_json *item, const char *key, struct wr_strbuf *out);
void wr_cell_bytes(const struct wr_json *item, const char *key, struct wr_strbuf *out);
void wr_cell_ms(const struct wr_json *item, const char *key, struct wr_strbuf *out);
/* A list of strings, separated by commas. */
void wr_cell_list(const struct wr_json *item, const char *key, struct wr_strbuf *out);

#endif
