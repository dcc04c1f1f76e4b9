/* SPDX-License-Identifier: Apache-2.0 */
/* Columns that tables of services share. */
#ifndef WR_CLI_SERVICE_COLUMNS_H
#define WR_CLI_SERVICE_COLUMNS_H

#include "cli/out.h"

/* The name, or "#id". */
void wr_cell_service(const struct wr_json *item, const char *key, struct wr_strbuf *out);
/* Members "address" and "port". */
void wr_cell_socket(const struct wr_json *item, const char *key, struct wr_strbuf *out);
/* Zero is what one looks for. */
void wr_cell_backends(const struct wr_json *item, const char *key, struct wr_strbuf *out);
void wr_cell_affinity(const struct wr_json *item, const char *key, struct wr_strbuf *out);

/* clang-format off */
#define WR_FRONTEND_COLUMNS                                              \
	{ "ADDRESS", NULL, wr_cell_socket, 0, 20 },                      \
	{ "PROTO", "proto", NULL, 0, 0 },                                \
	{ "KIND", "kind", NULL, 0, 0 },                                  \
	{ "BACKENDS", "backends", wr_cell_backends, WR_COL_RIGHT, 0 },   \
	{ "AFFINITY", NULL, wr_cell_affinity, WR_COL_RIGHT, 0 },         \
	{ "FLAGS", "flags", wr_cell_list, 0, 8 }

#define WR_BACKEND_COLUMNS                                               \
	{ "BACKEND", NULL, wr_cell_socket, 0, 20 },                      \
	{ "PROTO", "proto", NULL, 0, 0 },                                \
	{ "STATE", "state", NULL, 0, 0 },                                \
	{ "POD", "name", NULL, 0, 12 },                                  \
	{ "NODE", "node", NULL, 0, 8 },                                  \
	{ "ZONE", "zone", NULL, 0, 6 },                                  \
	{ "PICKS", "picks", wr_cell_count, WR_COL_RIGHT, 0 }
/* clang-format on */

#endif
