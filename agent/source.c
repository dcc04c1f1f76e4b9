// SPDX-License-Identifier: Apache-2.0
/* The manifest directory in the loop, or the API in its place. */
#include "agent/source.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/agent.h"
#include "agent/api.h"
#include "agent/log.h"
#include "agent/manifests/manifests.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"

#define RETRY_MS 1000 /* for a directory that is not there yet */

struct wr_source {
	struct wr_agent *agent;
	struct wr_manifests *manifests; /* NULL: not there yet */
	struct wr_io io;
	struct wr_timer timer;
	bool reported;
	uint64_t contact_ms;    /* Unix epoch, of the last look at the directory; 0: none */
	struct wr_json *errors; /* by file, what is wrong with it */
};

static void report(void *ctx, const char *file, const struct wr_err *err)
{
	struct wr_source *s = ctx;

	wr_json_del(s->errors, file);
	if (err)
		wr_json_add_str(s->errors, file, err->msg);
	if (err)
		wr_log(WR_LOG_ERROR, "manifest not in force", WR_S("file", file), WR_E(err));
	else
		wr_log(WR_LOG_INFO, "manifest is good again", WR_S("file", file));
}

static void apply(struct wr_timer *t)
{
	struct wr_source *s = WR_CONTAINER_OF(t, struct wr_source, timer);
	int ms = wr_manifests_apply(s->manifests);

	s->contact_ms = wr_real_ms();
	if (ms > 0)
		wr_timer_start(s->agent->loop, t, (uint64_t)ms, apply);
}

static void ready(struct wr_io *io, uint32_t events)
{
	struct wr_source *s = WR_CONTAINER_OF(io, struct wr_source, io);
	int ms = wr_manifests_process(s->manifests);

	if (ms > 0 && !s->timer.armed)
		wr_timer_start(s->agent->loop, &s->timer, (uint64_t)ms, apply);
}

/* A directory that does not exist yet is waited for: until then nothing is synced, so nothing is deleted. */
static void open_later(struct wr_timer *t)
{
	struct wr_source *s = WR_CONTAINER_OF(t, struct wr_source, timer);
	struct wr_agent *a = s->agent;
	struct wr_err err = WR_ERR_INIT;
	int r = wr_manifests_open(a->config->manifests, a->store, report, s, &s->manifests, &err);

	if (r == 0)
		r = wr_io_add(a->loop, &s->io, wr_manifests_fd(s->manifests), EPOLLIN, ready);
	if (r == 0) {
		s->contact_ms = wr_real_ms();
		wr_log(WR_LOG_INFO, "reading manifests", WR_S("directory", a->config->manifests),
		       WR_I("files", wr_manifests_files(s->manifests)));
		return;
	}
	if (!s->reported)
		wr_log(WR_LOG_ERROR, "manifests cannot be read", WR_E(&err));
	s->reported = true;
	wr_timer_start(a->loop, t, RETRY_MS, open_later);
}

int wr_source_start(struct wr_agent *a, struct wr_err *err)
{
	struct wr_source *s;

	if (!*a->config->manifests)
		return wr_api_start(a, err);
	s = wr_xcalloc(1, sizeof(*s));
	s->agent = a;
	s->errors = wr_json_new_object();
	a->source = s;
	open_later(&s->timer);
	return 0;
}

void wr_source_stop(struct wr_agent *a)
{
	struct wr_source *s = a->source;

	wr_api_stop(a);
	if (!s)
		return;
	wr_timer_stop(a->loop, &s->timer);
	wr_io_del(a->loop, &s->io);
	wr_manifests_close(s->manifests);
	wr_json_free(s->errors);
	free(s);
	a->source = NULL;
}

void wr_source_count(const struct wr_agent *a, size_t *ret_files, size_t *ret_bad)
{
	const struct wr_manifests *m = a->source ? a->source->manifests : NULL;

	*ret_files = m ? wr_manifests_files(m) : 0;
	*ret_bad = m ? wr_manifests_bad_files(m) : 0;
}

struct wr_json *wr_source_encode(const struct wr_agent *a)
{
	const struct wr_source *s = a->source;
	struct wr_json *list = wr_json_new_array(), *j, *errors;
	struct wr_json_iter it = { 0 };

	if (a->api)
		wr_api_encode(a, list);
	if (!s)
		return list;
	j = wr_json_new_object();
	errors = wr_json_new_array();
	while (wr_json_next(s->errors, &it)) {
		wr_autofree char *text = wr_xasprintf("%s: %s", it.key, wr_json_str(it.value));

		wr_json_push(errors, wr_json_new_str(text));
	}
	wr_json_add_str(j, "name", a->config->manifests);
	if (s->contact_ms)
		wr_json_add_int(j, "contact_ms", (int64_t)s->contact_ms);
	wr_json_add(j, "errors", errors);
	wr_json_push(list, j);
	return list;
}
