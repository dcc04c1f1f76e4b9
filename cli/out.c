// SPDX-License-Identifier: Apache-2.0
/* Writes items as JSON or as tables. */
#include "cli/out.h"

#include "cli/human.h"
#include "lib/base/cleanup.h"

static void write_json(struct wr_cli *cli, const struct wr_json *j, bool pretty)
{
	wr_auto_strbuf text = WR_STRBUF_INIT;

	wr_json_format(j, pretty, &text);
	fputs(text.buf, cli->out);
}

static bool is_shown(const struct wr_out_column *c, const struct wr_cli *cli)
{
	return !(c->flags & WR_COL_WIDE) || !cli->width;
}

static void add_columns(struct wr_table *t, const struct wr_out_column *c, const struct wr_cli *cli)
{
	for (; c->title; c++)
		if (is_shown(c, cli))
			wr_table_column(t, c->title, c->flags, c->least);
}

static void add_cells(struct wr_table *t, const struct wr_out_column *c, const struct wr_cli *cli,
		      const struct wr_json *item)
{
	wr_auto_strbuf text = WR_STRBUF_INIT;

	for (; c->title; c++) {
		if (!is_shown(c, cli))
			continue;
		wr_strbuf_reset(&text);
		(c->cell ? c->cell : wr_cell_plain)(item, c->key, &text);
		wr_table_cell(t, text.buf);
	}
}

void wr_out_begin(struct wr_out *o, struct wr_cli *cli, const struct wr_out_list *list)
{
	wr_auto_json *meta = wr_json_new_object();

	*o = (struct wr_out){ .cli = cli, .list = list };
	wr_table_init(&o->table);
	if (!cli->json) {
		add_columns(&o->table, list->columns, cli);
		return;
	}
	wr_json_add_str(meta, "instance", cli->paths.instance);
	if (cli->agent_tried)
		wr_json_add_bool(meta, "agent", cli->agent_fd >= 0);
	fprintf(cli->out,
		"{\"apiVersion\":\"" WR_API_VERSION "\",\"kind\":\"%s\",\"metadata\":", list->kind);
	write_json(cli, meta, false);
	fputs(",\"items\":[", cli->out);
}

void wr_out_item(struct wr_out *o, struct wr_json *item)
{
	wr_auto_json *own = item;

	if (o->cli->json) {
		fputs(o->n ? ",\n" : "\n", o->cli->out);
		write_json(o->cli, own, false);
	} else {
		add_cells(&o->table, o->list->columns, o->cli, own);
	}
	o->n++;
}

static void write_table(struct wr_cli *cli, const struct wr_table *t)
{
	wr_auto_strbuf text = WR_STRBUF_INIT;

	wr_table_format(t, cli->width, &text);
	fputs(text.buf, cli->out);
}

void wr_out_end(struct wr_out *o)
{
	if (o->cli->json)
		fputs(o->n ? "\n]}\n" : "]}\n", o->cli->out);
	else if (o->n)
		write_table(o->cli, &o->table);
	else
		wr_cli_note(o->cli, "%s", o->list->none);
	wr_table_done(&o->table);
}

void wr_out_object(struct wr_cli *cli, const char *kind, struct wr_json *object)
{
	wr_auto_json *own = object;
	wr_auto_json *all = wr_json_new_object();
	struct wr_json_iter it = { 0 };

	wr_json_add_str(all, "apiVersion", WR_API_VERSION);
	wr_json_add_str(all, "kind", kind);
	while (wr_json_next(own, &it))
		wr_json_add(all, it.key, wr_json_ref(it.value));
	write_json(cli, all, true);
	fputc('\n', cli->out);
}

static void write_indented(struct wr_cli *cli, const char *text)
{
	const char *end;

	for (; *text; text = end + 1) {
		end = strchr(text, '\n');
		if (!end)
			break;
		fprintf(cli->out, "  %.*s\n", (int)(end - text), text);
	}
}

void wr_out_rows(struct wr_cli *cli, const struct wr_out_column *columns, const struct wr_json *items)
{
	wr_auto_strbuf text = WR_STRBUF_INIT;
	wr_auto_table table;
	size_t i;

	wr_table_init(&table);
	add_columns(&table, columns, cli);
	for (i = 0; i < wr_json_len(items); i++)
		add_cells(&table, columns, cli, wr_json_at(items, i));
	wr_table_format(&table, cli->width ? cli->width - 2 : 0, &text);
	write_indented(cli, text.buf);
}

void wr_cell_plain(const struct wr_json *item, const char *key, struct wr_strbuf *out)
{
	const struct wr_json *v = wr_json_get(item, key);

	if (wr_json_type(v) == WR_JSON_STRING)
		wr_strbuf_addstr(out, wr_json_str(v) ? wr_json_str(v) : "?");
	else if (v)
		wr_json_format(v, false, out);
}

void wr_cell_count(const struct wr_json *item, const char *key, struct wr_strbuf *out)
{
	if (wr_json_get(item, key))
		wr_human_count((uint64_t)wr_json_get_int(item, key, 0), out);
}

void wr_cell_bytes(const struct wr_json *item, const char *key, struct wr_strbuf *out)
{
	if (wr_json_get(item, key))
		wr_human_bytes((uint64_t)wr_json_get_int(item, key, 0), out);
}

void wr_cell_ms(const struct wr_json *item, const char *key, struct wr_strbuf *out)
{
	if (wr_json_get(item, key))
		wr_human_duration((uint64_t)wr_json_get_int(item, key, 0), out);
}

void wr_cell_list(const struct wr_json *item, const char *key, struct wr_strbuf *out)
{
	const struct wr_json *list = wr_json_get(item, key);
	size_t i;

	for (i = 0; i < wr_json_len(list); i++) {
		const char *s = wr_json_str(wr_json_at(list, i));

		wr_strbuf_addf(out, "%s%s", i ? "," : "", s ? s : "?");
	}
}
