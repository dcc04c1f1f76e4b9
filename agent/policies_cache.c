// SPDX-License-Identifier: Apache-2.0
/*
 * Where policies could select a pod, kept on disk, so that an agent which starts while the source of objects is away can
 * still admit the pods that no policy could mean. <state>/selected: "others" when a policy could mean namespaces that the
 * file does not name, or "only"; then a namespace a line, behind a + where a policy could select and a - where none could.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/policies_private.h"
#include "lib/base/cleanup.h"
#include "lib/base/io.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/strbuf.h"
#include "lib/base/vec.h"

#define FILE_MAX (8u << 20)

typedef WR_VEC(char *) lines_vec;

static char *file_name(const struct wr_policies *s)
{
	return wr_xasprintf("%s/selected", s->agent->paths.state);
}

static void take_namespace(void *ctx, const char *ns, bool could)
{
	lines_vec *lines = ctx;

	wr_vec_push(lines, wr_xasprintf("%c%s", could ? '+' : '-', ns));
}

static int cmp_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void write_lines(const struct wr_policies *s, struct wr_strbuf *text)
{
	lines_vec lines = { 0 };
	size_t i;

	wr_policy_each_reached(s->policy, take_namespace, &lines);
	wr_vec_sort(&lines, cmp_lines);
	wr_strbuf_addstr(text, wr_policy_reaches_anywhere(s->policy) ? "others\n" : "only\n");
	for (i = 0; i < lines.n; i++)
		if (!i || strcmp(lines.v[i], lines.v[i - 1]) != 0)
			wr_strbuf_addf(text, "%s\n", lines.v[i]);
	for (i = 0; i < lines.n; i++)
		free(lines.v[i]);
	wr_vec_done(&lines);
}

int wr_policies_cache_save(const struct wr_policies *s, struct wr_err *err)
{
	wr_autofree char *file = file_name(s);
	wr_auto_strbuf text = WR_STRBUF_INIT;
	int r;

	write_lines(s, &text);
	r = wr_write_file_atomic(file, text.buf, text.len, 0600, WR_WRITE_IF_CHANGED);
	if (r < 0)
		wr_err_sys(err, r, "writing %s", file);
	return r < 0 ? r : 0;
}

int wr_policies_cache_drop(const struct wr_policies *s)
{
	wr_autofree char *file = file_name(s);

	return unlink(file) && errno != ENOENT ? -errno : 0;
}

bool wr_policies_cache_could_select(const struct wr_policies *s, const char *ns)
{
	wr_autofree char *file = file_name(s), *text = NULL;
	bool others, unreached = false;
	char *line, *rest;

	/* No list was ever complete here: nothing is known. */
	if (wr_read_file(file, FILE_MAX, &text, NULL))
		return true;
	rest = text;
	others = !wr_streq(strsep(&rest, "\n"), "only");
	while ((line = strsep(&rest, "\n"))) {
		if (!*line || strcmp(line + 1, ns) != 0)
			continue;
		if (*line == '+')
			return true;
		unreached = true;
	}
	return others && !unreached;
}
