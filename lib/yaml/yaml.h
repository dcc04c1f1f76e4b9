/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML (and so JSON) text to JSON values, with source lines (wr_json_line).
 *
 * YAML 1.1 core as Kubernetes reads it: plain scalars become null, booleans (true/false only),
 * integers (decimal, 0x, 0o and the old 0777), doubles; quoted ones stay strings; anchors and
 * aliases work, bounded (100,000 values or 6 MB of text by alias, so that a small text is never a
 * huge one; an alias shares the value, nobody may change it); duplicate keys are errors; merge keys
 * (<<) are applied; nesting ends at 64. Keys are text as written. Several documents: one value
 * each, empty documents are left out.
 */
#ifndef WR_YAML_YAML_H
#define WR_YAML_YAML_H

#include "lib/base/err.h"
#include "lib/base/vec.h"
#include "lib/json/json.h"

struct wr_yaml_docs {
	WR_VEC(struct wr_json *) docs;
};

/*
 * Errors name line and column: "line 3, column 7: did not find expected ',' or '}'". @ret is
 * untouched on failure.
 */
int wr_yaml_parse(const char *text, size_t len, struct wr_yaml_docs *ret, struct wr_err *err);
/*
 * The same, document by document: @fn borrows each, so that no more than one is in memory. What it returns, if not 0,
 * ends the walk and is returned.
 */
int wr_yaml_each(const char *text, size_t len, int (*fn)(void *ctx, struct wr_json *doc), void *ctx,
		 struct wr_err *err);
void wr_yaml_docs_done(struct wr_yaml_docs *d);

#endif
