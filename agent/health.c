// SPDX-License-Identifier: Apache-2.0
/* Readiness, with reasons. */
#include "agent/health.h"

#include <stdlib.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"

static const struct {
	const char *name, *unknown;
} needs[WR_NEED_MAX] = {
#define X(symbol, name, text) { name, text },
	WR_NEEDS(X)
#undef X
};

const char *wr_need_name(enum wr_need need)
{
	return needs[need].name;
}

void wr_health_init(struct wr_health *h)
{
	int i;

	*h = (struct wr_health){ .changed = true };
	for (i = 0; i < WR_NEED_MAX; i++)
		h->reasons[i] = wr_xstrdup(needs[i].unknown);
}

void wr_health_done(struct wr_health *h)
{
	int i;

	for (i = 0; i < WR_NEED_MAX; i++) {
		free(h->reasons[i]);
		h->reasons[i] = NULL;
	}
}

void wr_health_set(struct wr_health *h, enum wr_need need, const char *reason)
{
	char **at = &h->reasons[need];

	if (wr_streq(*at, reason))
		return;
	free(*at);
	*at = reason ? wr_xstrdup(reason) : NULL;
	h->changed = true;
}

bool wr_health_is_ready(const struct wr_health *h)
{
	int i;

	for (i = 0; i < WR_NEED_MAX; i++)
		if (h->reasons[i])
			return false;
	return true;
}

void wr_health_reason(const struct wr_health *h, struct wr_strbuf *out)
{
	const char *separator = "";
	int i;

	for (i = 0; i < WR_NEED_MAX; i++) {
		if (!h->reasons[i])
			continue;
		wr_strbuf_addf(out, "%s%s: %s", separator, needs[i].name, h->reasons[i]);
		separator = "; ";
	}
}

void wr_health_report(const struct wr_health *h, struct wr_strbuf *out)
{
	int i;

	for (i = 0; i < WR_NEED_MAX; i++)
		wr_strbuf_addf(out, "%s: %s\n", needs[i].name, h->reasons[i] ? h->reasons[i] : "ok");
}

bool wr_health_take_change(struct wr_health *h)
{
	bool changed = h->changed;

	h->changed = false;
	return changed;
}
