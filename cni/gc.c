// SPDX-License-Identifier: Apache-2.0
/* GC: everything of this network that is not in the runtime's list goes. */
#include <errno.h>

#include "cni/agent.h"
#include "cni/codes.h"
#include "cni/delegate.h"
#include "lib/base/cleanup.h"
#include "lib/base/str.h"
#include "lib/base/strbuf.h"
#include "lib/ipam/ipam.h"
#include "lib/model/records.h"
#include "lib/wire/wire.h"

#define AGENT_MS 20000

struct sweep {
	struct wr_cni *cni;
	struct wr_attachments keep; /* strings borrowed from the configuration */
	struct wr_attachments gone; /* owned */
	struct wr_strbuf failures;
	size_t n_failed;
};

static int read_keep(struct sweep *s, struct wr_err *err)
{
	const struct wr_json *list = s->cni->conf.valid;
	size_t i;

	if (!s->cni->conf.has_valid)
		return wr_err_set_cni(err, WR_CNI_CONFIG, -EINVAL,
				      "cni.dev/valid-attachments: is missing; an empty list means that nothing is valid");
	for (i = 0; i < wr_json_len(list); i++) {
		const struct wr_json *j = wr_json_at(list, i);
		const char *container = wr_json_get_str(j, "containerID"),
			   *ifname = wr_json_get_str(j, "ifname");

		if (!container || !ifname)
			return wr_err_set_cni(err, WR_CNI_CONFIG, -EINVAL,
					      "cni.dev/valid-attachments[%zu]: must have the strings containerID and ifname",
					      i);
		wr_vec_push(&s->keep.v, (struct wr_attachment){ .network = s->cni->id.network,
								.container = wr_xstrdup(container),
								.ifname = wr_xstrdup(ifname) });
	}
	return 0;
}

static bool is_stale(const struct sweep *s, const struct wr_attachment *id)
{
	size_t i;

	if (!wr_streq(id->network, s->cni->id.network))
		return false;
	for (i = 0; i < s->keep.v.n; i++)
		if (wr_attachment_cmp(id, &s->keep.v.v[i]) == 0)
			return false;
	return true;
}

static void add_gone(struct sweep *s, const struct wr_attachment *id)
{
	size_t i;

	if (!is_stale(s, id))
		return;
	for (i = 0; i < s->gone.v.n; i++)
		if (wr_attachment_cmp(id, &s->gone.v.v[i]) == 0)
			return;
	wr_vec_push(&s->gone.v, wr_attachment_copy(id));
}

static void fail(struct sweep *s, const char *what, const struct wr_err *why)
{
	s->n_failed++;
	wr_strbuf_addf(&s->failures, "%s%s: %s", s->failures.len ? "; " : "", what, why->msg);
}

static void find_records(struct sweep *s)
{
	struct wr_records all = { 0 };
	struct wr_err why = WR_ERR_INIT;
	size_t bad, i;

	if (wr_records_load(s->cni->paths.state, &all, &bad, &why) < 0) {
		fail(s, "endpoint records", &why);
		return;
	}
	for (i = 0; i < all.v.n; i++)
		add_gone(s, &all.v.v[i].id);
	wr_records_done(&all);
}

static void find_leases(struct sweep *s)
{
	struct wr_ipam_leases all = { 0 };
	wr_auto_ipam *ipam = NULL;
	struct wr_err why = WR_ERR_INIT;
	char dir[WR_PATH_SIZE];
	size_t i;

	if (wr_format(dir, sizeof(dir), "%s/ipam", s->cni->paths.state) < 0 ||
	    wr_ipam_open(dir, &ipam, &why) < 0 || wr_ipam_dump(ipam, &all, &why) < 0) {
		fail(s, "addresses", &why);
		return;
	}
	for (i = 0; i < all.v.n; i++)
		if (!all.v.v[i].resting)
			add_gone(s, &all.v.v[i].id);
	wr_ipam_leases_done(&all);
}

static void remove_gone(struct sweep *s)
{
	size_t i;

	for (i = 0; i < s->gone.v.n; i++) {
		struct wr_err why = WR_ERR_INIT;

		if (wr_cni_remove(s->cni, &s->gone.v.v[i], &why) < 0)
			fail(s, s->gone.v.v[i].container, &why);
	}
}

static struct wr_json *keep_as_json(const struct sweep *s)
{
	struct wr_json *list = wr_json_new_array();
	size_t i;

	for (i = 0; i < s->keep.v.n; i++) {
		struct wr_json *j = wr_json_new_object();

		wr_json_add_str(j, "container", s->keep.v.v[i].container);
		wr_json_add_str(j, "ifname", s->keep.v.v[i].ifname);
		wr_json_push(list, j);
	}
	return list;
}

/* What the agent knows and the disk does not. An agent that is away does the same by itself when it starts. */
static void tell_agent(struct sweep *s)
{
	struct wr_err why = WR_ERR_INIT;
	wr_autofd int fd = -1;
	struct wr_json *body;

	if (wr_wire_connect(s->cni->paths.socket, &fd, NULL) < 0)
		return;
	body = wr_json_new_object();
	wr_json_add_str(body, "network", s->cni->id.network);
	wr_json_add(body, "keep", keep_as_json(s));
	if (wr_wire_call(fd, "gc", body, AGENT_MS, NULL, &why) < 0)
		fail(s, "agent", &why);
}

static void tell_delegate(struct sweep *s)
{
	struct wr_err why = WR_ERR_INIT;

	if (s->cni->conf.ipam && wr_cni_delegate(s->cni, "GC", NULL, &why) < 0)
		fail(s, "addresses", &why);
}

static void sweep_done(struct sweep *s)
{
	size_t i;

	for (i = 0; i < s->keep.v.n; i++) {
		free(s->keep.v.v[i].container);
		free(s->keep.v.v[i].ifname);
	}
	wr_vec_done(&s->keep.v);
	wr_attachments_done(&s->gone);
	wr_strbuf_done(&s->failures);
}

int wr_cni_gc(struct wr_cni *cni, struct wr_json **ret, struct wr_err *err)
{
	wr_cleanup(sweep_done) struct sweep s = { .cni = cni, .failures = WR_STRBUF_INIT };
	int r;

	r = read_keep(&s, err);
	if (r < 0)
		return r;
	wr_records_sweep(cni->paths.state, 0);
	find_records(&s);
	find_leases(&s);
	remove_gone(&s);
	tell_agent(&s);
	tell_delegate(&s);
	if (!s.n_failed)
		return 0;
	return wr_err_set_cni(err, WR_CNI_PARTIAL, -EIO, "%zu could not be removed: %s", s.n_failed,
			      s.failures.buf);
}
