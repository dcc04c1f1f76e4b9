/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of policies: their ends, and what makes two policies equal. */
#include <stdlib.h>
#include <string.h>

#include "agent/obj/kinds.h"
#include "agent/obj/rules.h"

const char *const wr_rule_key[WR_DIR_MAX] = {
	[WR_DIR_EGRESS] = "egress",
	[WR_DIR_INGRESS] = "ingress",
};

const char *const wr_peer_key[WR_DIR_MAX] = {
	[WR_DIR_EGRESS] = "to",
	[WR_DIR_INGRESS] = "from",
};

void wr_peer_done(struct wr_policy_peer *p)
{
	wr_selector_done(&p->namespaces);
	wr_selector_done(&p->pods);
	wr_vec_done(&p->excepts);
	free(p->domain);
}

static void rule_done(struct wr_policy_rule *r)
{
	size_t i;

	for (i = 0; i < r->peers.n; i++)
		wr_peer_done(&r->peers.v[i]);
	for (i = 0; i < r->ports.n; i++)
		wr_istr_put(r->ports.v[i].name);
	wr_vec_done(&r->peers);
	wr_vec_done(&r->ports);
	free(r->name);
}

void wr_rules_done(wr_rules *rules)
{
	size_t i;

	for (i = 0; i < rules->n; i++)
		rule_done(&rules->v[i]);
	wr_vec_done(rules);
}

void wr_problems_done(wr_problems *p)
{
	size_t i;

	for (i = 0; i < p->n; i++) {
		free(p->v[i].field);
		free(p->v[i].what);
	}
	wr_vec_done(p);
}

struct wr_object *wr_policy_finish(struct wr_decoder *d, const struct wr_json *j,
				   const struct wr_object *head, size_t size)
{
	wr_auto_strbuf text = WR_STRBUF_INIT;
	struct wr_object *o = wr_pack_finish(&d->pack, head, size);

	wr_json_format(wr_json_get(j, "spec"), false, &text);
	wr_strbuf_addf(&text, " %s %d %d", d->uid ? d->uid : "", wr_is_audited(j), head->deleting);
	o->content = wr_hash64_bytes(text.buf, text.len, head->kind);
	return o;
}
