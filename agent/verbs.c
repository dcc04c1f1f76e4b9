// SPDX-License-Identifier: Apache-2.0
/* What the agent answers on its socket. */
#include "agent/verbs.h"

#include <errno.h>

#include "agent/agent.h"
#include "agent/domains.h"
#include "agent/endpoints.h"
#include "agent/events.h"
#include "agent/nodes.h"
#include "agent/others.h"
#include "agent/policies.h"
#include "agent/services.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/dp/dp.h"
#include "lib/podnet/podnet.h"
#include "lib/wire/wire.h"

static int verb_hello(void *ctx, struct wr_client *c, const struct wr_json *body,
		      struct wr_json **ret, struct wr_err *err)
{
	const struct wr_agent *a = ctx;
	const struct wr_node_facts *own = wr_nodes_own(a);
	wr_cleanup(wr_hello_done) struct wr_hello h = { 0 };
	wr_auto_strbuf why = WR_STRBUF_INIT;
	size_t i;

	for (i = 0; i < own->ranges.n; i++)
		wr_vec_push(&h.pools, own->ranges.v[i]);
	wr_others_taken(a, &h);
	wr_addr_parse(WR_GATEWAY4, &h.gateway4);
	wr_addr_parse(WR_GATEWAY6, &h.gateway6);
	h.pins = wr_xstrdup(a->paths.pins);
	h.mtu = wr_nodes_pod_mtu(a);
	h.tcx = WR_DP_POD_TCX;
	h.ready = wr_health_is_ready(&a->health);
	wr_health_reason(&a->health, &why);
	h.reason = wr_strbuf_take(&why, NULL);
	*ret = wr_hello_encode(&h);
	return 0;
}

static int verb_register(void *ctx, struct wr_client *c, const struct wr_json *body,
			 struct wr_json **ret, struct wr_err *err)
{
	return wr_endpoints_register(ctx, c, body, err);
}

static int verb_release(void *ctx, struct wr_client *c, const struct wr_json *body,
			struct wr_json **ret, struct wr_err *err)
{
	return wr_endpoints_release(ctx, body, err);
}

static int verb_check(void *ctx, struct wr_client *c, const struct wr_json *body,
		      struct wr_json **ret, struct wr_err *err)
{
	return wr_endpoints_check(ctx, body, err);
}

static int verb_ready(void *ctx, struct wr_client *c, const struct wr_json *body,
		      struct wr_json **ret, struct wr_err *err)
{
	const struct wr_agent *a = ctx;
	wr_auto_strbuf why = WR_STRBUF_INIT;

	if (wr_health_is_ready(&a->health))
		return 0;
	wr_health_reason(&a->health, &why);
	return wr_err_set_cni(err, 11, -EAGAIN, "%s", why.buf);
}

static int verb_gc(void *ctx, struct wr_client *c, const struct wr_json *body, struct wr_json **ret,
		   struct wr_err *err)
{
	uint32_t removed = 0;
	int r = wr_endpoints_gc(ctx, body, &removed, err);

	if (r)
		return r;
	*ret = wr_json_new_object();
	wr_json_add_int(*ret, "removed", removed);
	return 0;
}

static int verb_monitor(void *ctx, struct wr_client *c, const struct wr_json *body,
			struct wr_json **ret, struct wr_err *err)
{
	return wr_event_hub_monitor(ctx, c, body, err);
}

static struct wr_json *items(struct wr_json *array)
{
	struct wr_json *body = wr_json_new_object();

	wr_json_add(body, "items", array);
	return body;
}

static struct wr_json *get_endpoints(const struct wr_agent *a)
{
	return items(wr_endpoints_encode(a));
}

static struct wr_json *get_nodes(const struct wr_agent *a)
{
	return items(wr_nodes_encode(a));
}

static struct wr_json *get_pods(const struct wr_agent *a)
{
	return items(wr_pods_encode(a));
}

static struct wr_json *get_services(const struct wr_agent *a)
{
	return items(wr_services_encode(a));
}

static struct wr_json *get_policies(const struct wr_agent *a)
{
	return items(wr_policies_encode(a));
}

static struct wr_json *get_domains(const struct wr_agent *a)
{
	return items(wr_domains_encode(a));
}

static struct wr_json *get_drops(const struct wr_agent *a)
{
	return items(wr_event_hub_drops(a));
}

static const struct {
	const char *what;
	struct wr_json *(*get)(const struct wr_agent *a);
} lists[] = {
	{ "status", wr_status_encode }, { "endpoints", get_endpoints }, { "nodes", get_nodes },
	{ "pods", get_pods },           { "services", get_services },   { "drops", get_drops },
	{ "policies", get_policies },   { "domains", get_domains },
};

static int verb_get(void *ctx, struct wr_client *c, const struct wr_json *body,
		    struct wr_json **ret, struct wr_err *err)
{
	const char *what = wr_json_get_str(body, "what");
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(lists); i++) {
		if (!wr_streq(what, lists[i].what))
			continue;
		*ret = lists[i].get(ctx);
		return 0;
	}
	return wr_err_set(err, -EOPNOTSUPP, "what: the agent cannot list \"%.32s\"",
			  what ? what : "");
}

static int verb_why(void *ctx, struct wr_client *c, const struct wr_json *body,
		    struct wr_json **ret, struct wr_err *err)
{
	return wr_policies_why(ctx, body, ret, err);
}

static int verb_policy_check(void *ctx, struct wr_client *c, const struct wr_json *body,
			     struct wr_json **ret, struct wr_err *err)
{
	return wr_policies_what_if(ctx, body, ret, err);
}

const struct wr_verb wr_agent_verbs[] = {
	{ "hello", verb_hello },
	{ "register", verb_register },
	{ "release", verb_release },
	{ "check", verb_check },
	{ "ready", verb_ready },
	{ "gc", verb_gc },
	{ "why", verb_why },
	{ "get", verb_get },
	{ "monitor", verb_monitor },
	{ "policy-check", verb_policy_check },
	{ 0 },
};
