// SPDX-License-Identifier: Apache-2.0
/* This node's facts on disk. */
#include "agent/node_cache.h"

#include <errno.h>
#include <stdio.h>

#include "lib/base/cleanup.h"
#include "lib/base/io.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/json/json.h"

#define FILE_MAX (1u << 20)

static char *file_name(const char *state_dir)
{
	return wr_xasprintf("%s/node.json", state_dir);
}

static int take_addrs(const struct wr_json *j, struct wr_node_facts *f, struct wr_err *err)
{
	struct wr_json *list = NULL;
	size_t i;

	if (wr_json_decode_array(j, "", "addresses", &list, err))
		return -EINVAL;
	for (i = 0; i < wr_json_len(list); i++) {
		const char *text = wr_json_str(wr_json_at(list, i));
		struct wr_addr a, *first;

		if (!text || wr_addr_parse(text, &a))
			return wr_err_set(err, -EINVAL, "addresses[%zu]: must be an address", i);
		wr_vec_push(&f->addrs, a);
		first = &f->addr[wr_family_of(&a)];
		if (wr_addr_is_zero(first))
			*first = a;
	}
	return 0;
}

static int take_ranges(const struct wr_json *j, struct wr_node_facts *f, struct wr_err *err)
{
	struct wr_json *list = NULL;
	struct wr_prefix p;
	size_t i;

	if (wr_json_decode_array(j, "", "podCIDRs", &list, err))
		return -EINVAL;
	for (i = 0; i < wr_json_len(list); i++) {
		const char *text = wr_json_str(wr_json_at(list, i));

		if (!text || wr_prefix_parse(text, &p))
			return wr_err_set(err, -EINVAL, "podCIDRs[%zu]: must be address/length", i);
		wr_vec_push(&f->ranges, p);
	}
	return 0;
}

int wr_node_cache_load(const char *state_dir, const char *node, struct wr_node_facts *ret,
		       struct wr_err *err)
{
	wr_autofree char *path = file_name(state_dir), *text = NULL;
	wr_cleanup(wr_node_facts_done) struct wr_node_facts f = { 0 };
	wr_auto_json *j = NULL;
	size_t len;
	int r = wr_read_file(path, FILE_MAX, &text, &len);

	if (r)
		return wr_err_sys(err, r, "%s", path);
	r = wr_json_parse(text, len, &j, err);
	if (r == 0)
		r = take_addrs(j, &f, err);
	if (r == 0)
		r = take_ranges(j, &f, err);
	if (r)
		return wr_err_wrap(err, r, "%s", path);
	if (!wr_streq(wr_json_get_str(j, "name"), node))
		return wr_err_set(err, -ENOENT, "%s: is of another node", path);
	*ret = f;
	f = (struct wr_node_facts){ 0 };
	return 0;
}

int wr_node_cache_save(const char *state_dir, const char *node, const struct wr_node_facts *f,
		       struct wr_err *err)
{
	wr_autofree char *path = file_name(state_dir);
	wr_auto_json *j = wr_json_new_object();
	struct wr_json *addrs = wr_json_new_array(), *ranges = wr_json_new_array();
	wr_auto_strbuf text = WR_STRBUF_INIT;
	char buf[WR_PREFIX_STRLEN];
	size_t i;
	int r;

	for (i = 0; i < f->addrs.n; i++)
		wr_json_push(addrs, wr_json_new_str(wr_addr_format(&f->addrs.v[i], buf)));
	for (i = 0; i < f->ranges.n; i++)
		wr_json_push(ranges, wr_json_new_str(wr_prefix_format(&f->ranges.v[i], buf)));
	wr_json_add_str(j, "name", node);
	wr_json_add(j, "addresses", addrs);
	wr_json_add(j, "podCIDRs", ranges);
	wr_json_format(j, true, &text);
	wr_strbuf_addch(&text, '\n');
	r = wr_mkdirs(state_dir, 0700);
	if (r == 0)
		r = wr_write_file_atomic(path, text.buf, text.len, 0600, WR_WRITE_IF_CHANGED);
	return r < 0 ? wr_err_sys(err, r, "writing %s", path) : 0;
}
