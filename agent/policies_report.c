// SPDX-License-Identifier: Apache-2.0
/* What is wrong with policies, and with pods for their sake, said where people look. Events of policies: agent/notices. */
#include <string.h>

#include "agent/agent.h"
#include "agent/api.h"
#include "agent/endpoints.h"
#include "agent/log.h"
#include "agent/obj/store.h"
#include "agent/policies_private.h"
#include "lib/base/strbuf.h"

const wr_problems *wr_policies_problems(const struct wr_object *o)
{
	return o->kind == WR_KIND_CLUSTERNETWORKPOLICY ? &((const struct wr_cnp *)o)->problems :
							 &((const struct wr_netpol *)o)->problems;
}

void wr_policies_report(const struct wr_object *o)
{
	const wr_problems *problems = wr_policies_problems(o);
	wr_auto_strbuf text = WR_STRBUF_INIT;
	size_t i;

	for (i = 0; i < problems->n; i++)
		wr_strbuf_addf(&text, "%s%s %s", i ? "; " : "", problems->v[i].field,
			       problems->v[i].what);
	if (!text.len)
		return;
	wr_strbuf_addstr(&text, "; rules with such fields are closed");
	wr_log(WR_LOG_WARN, "policy not understood", WR_S("kind", wr_kind_name(o->kind)),
	       WR_S("namespace", o->ns), WR_S("name", o->name), WR_S("problems", text.buf));
}

/* ---- pods whose rules do not fit ------------------------------------------------------------------- */

static void say_overflow(struct wr_agent *a, const struct wr_endpoint_record *r)
{
	const struct wr_k8s_event e = {
		.kind = "Pod",
		.api_version = "v1",
		.ns = r->pod_namespace ? r->pod_namespace : "",
		.name = r->pod_name ? r->pod_name : "",
		.uid = r->pod_uid,
		.warning = true,
		.reason = "PolicyOverflow",
		.message = "the rules of the pod's policies do not fit into the map (mapSizes.rules): the pod is closed",
	};

	wr_log(WR_LOG_ERROR, "pod closed: its policies' rules do not fit (mapSizes.rules)",
	       WR_S("namespace", r->pod_namespace), WR_S("pod", r->pod_name));
	wr_api_event(a, &e);
}

struct overflowing {
	struct wr_policies *s;
	numbers_vec now;
};

static bool is_in(const numbers_vec *v, uint32_t number)
{
	size_t i;

	for (i = 0; i < v->n; i++)
		if (v->v[i] == number)
			return true;
	return false;
}

static int note_overflow(void *ctx, const struct wr_endpoint_view *view)
{
	struct overflowing *o = ctx;
	struct wr_policy_verdict v;

	if (!wr_policy_verdict(o->s->policy, view->number, &v) || !v.overflow)
		return 0;
	wr_vec_push(&o->now, view->number);
	if (!is_in(&o->s->overflowing, view->number))
		say_overflow(o->s->agent, view->record);
	return 0;
}

void wr_policies_report_overflow(struct wr_policies *s)
{
	struct overflowing o = { .s = s };

	if (s->agent->endpoints && (wr_policy_counts(s->policy).overflows || s->overflowing.n))
		wr_endpoints_each(s->agent, note_overflow, &o);
	wr_vec_done(&s->overflowing);
	s->overflowing = o.now;
}

/* ---- metrics ------------------------------------------------------------------------------------------ */

static int count_problems(void *ctx, struct wr_object *o)
{
	size_t *n = ctx;

	*n += wr_policies_problems(o)->n != 0;
	return 0;
}

struct wr_policies_counts wr_policies_counts(const struct wr_agent *a)
{
	struct wr_policies_counts c = { 0 };

	if (!a->policies)
		return c;
	c.compiled = wr_policy_counts(a->policies->policy);
	c.closed_pods = a->policies->overflowing.n;
	wr_store_each(a->store, WR_KIND_NETWORKPOLICY, count_problems, &c.not_understood);
	wr_store_each(a->store, WR_KIND_CLUSTERNETWORKPOLICY, count_problems, &c.not_understood);
	return c;
}
