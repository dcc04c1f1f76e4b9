/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A list's JSON, item by item as it arrives: a page of 500 pods never becomes one tree. Follows strings and nesting
 * only; each item's text and the rest (kind, metadata) are parsed by lib/json.
 */
#ifndef WR_AGENT_K8S_ITEMS_H
#define WR_AGENT_K8S_ITEMS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/strbuf.h"

struct wr_items {
	/* One element of the top-level "items" array, which it may change. A negative errno ends the parse. */
	int (*item)(void *ctx, char *text, size_t len);
	void *ctx;
	struct wr_strbuf rest;  /* the object with "items" emptied: valid JSON at the end */
	struct wr_strbuf value; /* the item under way */
	unsigned int depth;
	bool in_string, escaped, in_items, key_is_items;
	size_t key_at; /* where the last string at depth 1 began in rest */
};

void wr_items_init(struct wr_items *p, int (*item)(void *ctx, char *text, size_t len), void *ctx);
void wr_items_done(struct wr_items *p);
/* -EINVAL: nested deeper than 64 or closed more than opened; -EFBIG: an item over 2 MiB; or what item() returned. */
int wr_items_feed(struct wr_items *p, const char *data, size_t size);
/* True when the outermost object has been closed. */
bool wr_items_complete(const struct wr_items *p);

#endif
