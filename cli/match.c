// SPDX-License-Identifier: Apache-2.0
/* Filters by address and name. */
#include "cli/match.h"

#include <errno.h>

void wr_match_done(struct wr_match *m)
{
	wr_vec_done(&m->prefixes);
}

struct search {
	struct wr_match *match;
	const char *wanted;
};

static void add_named(void *ctx, const struct wr_name *name)
{
	struct search *s = ctx;

	if (wr_name_is(name->text, s->wanted))
		wr_vec_push(&s->match->prefixes, wr_prefix_of(&name->addr));
}

int wr_match_parse(struct wr_cli *cli, const struct wr_names *names, const char *flag,
		   const char *text, struct wr_match *ret, struct wr_err *err)
{
	struct wr_match m = { .given = text };
	struct search s = { .match = &m, .wanted = text };
	struct wr_prefix p;
	struct wr_addr a;

	if (text && wr_addr_parse(text, &a) == 0) {
		wr_vec_push(&m.prefixes, wr_prefix_of(&a));
	} else if (text && wr_prefix_parse(text, &p) == 0) {
		wr_vec_push(&m.prefixes, p);
	} else if (text) {
		wr_names_each(names, WR_NAME_POD, add_named, &s);
		if (!m.prefixes.n)
			wr_names_each(names, WR_NAME_NODE, add_named, &s);
		if (!m.prefixes.n)
			return wr_cli_fail(cli, WR_EXIT_NOT_FOUND, -ENOENT, err,
					   "%s: \"%s\" is no address, no prefix and no pod or node that is known here",
					   flag, text);
	}
	*ret = m;
	return 0;
}

bool wr_match_has(const struct wr_match *m, const struct wr_addr *addr)
{
	size_t i;

	if (!m->given)
		return true;
	for (i = 0; i < m->prefixes.n; i++)
		if (wr_prefix_has(&m->prefixes.v[i], addr))
			return true;
	return false;
}
