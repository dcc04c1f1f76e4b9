// SPDX-License-Identifier: Apache-2.0
/* Cells that tables of services share. */
#include "cli/service_columns.h"

#include "cli/human.h"

void wr_cell_service(const struct wr_json *item, const char *key, struct wr_strbuf *out)
{
	const char *name = wr_json_get_str(item, key);

	if (name)
		wr_strbuf_addstr(out, name);
	else
		wr_strbuf_addf(out, "#%lld", (long long)wr_json_get_int(item, "service_id", 0));
}

void wr_cell_socket(const struct wr_json *item, const char *key, struct wr_strbuf *out)
{
	wr_human_socket(wr_json_get_str(item, "address"),
			(uint16_t)wr_json_get_int(item, "port", 0), out);
}

void wr_cell_backends(const struct wr_json *item, const char *key, struct wr_strbuf *out)
{
	if (wr_json_get_int(item, key, 0))
		wr_cell_count(item, key, out);
	else
		wr_strbuf_addstr(out, "none");
}

void wr_cell_affinity(const struct wr_json *item, const char *key, struct wr_strbuf *out)
{
	if (wr_json_get(item, "affinity_seconds"))
		wr_human_duration((uint64_t)wr_json_get_int(item, "affinity_seconds", 0) * 1000, out);
}
