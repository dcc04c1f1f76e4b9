// SPDX-License-Identifier: Apache-2.0
/* Says what of another network is left on the node. */
#include "agent/others.h"

#include <stdlib.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "agent/agent.h"
#include "agent/endpoints.h"
#include "agent/log.h"
#include "agent/nodes.h"
#include "agent/notices.h"
#include "agent/obj/store.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/strbuf.h"
#include "lib/base/vec.h"
#include "lib/nl/chains.h"
#include "lib/nl/route.h"

#define LOOK_MS 5000
/* A pod's address stays in the API for a while when its sandbox is gone, as after a reboot. */
#define LOOKS 5
#define NAMED 5

struct suspect {
	char *who; /* namespace/name */
	struct wr_addr addr4, addr6;
	int looks; /* that have found it running */
	bool seen;
};

struct wr_others {
	struct wr_agent *agent;
	struct wr_timer timer;
	const char *rules; /* where kube-proxy's are; NULL: nowhere */
	WR_VEC(struct suspect) suspects;
	size_t foreign;                /* suspects that have been looked at often enough */
	WR_VEC(struct wr_addr) routed; /* of our ranges, to which another network has a route */
};

/* ---- rules of kube-proxy ------------------------------------------------------------------------------- */

static bool nft_proxy(uint8_t family)
{
	return wr_nft_has(family, "kube-proxy", NULL) == 1;
}

static bool nft_services(uint8_t family)
{
	return wr_nft_has(family, "nat", "KUBE-SERVICES") == 1;
}

static bool xt_services(uint8_t family)
{
	return wr_xt_has(family, "nat", "KUBE-SERVICES") == 1;
}

/* The kubelet's own chains (KUBE-FIREWALL, KUBE-KUBELET-CANARY) disturb nobody. */
static const char *find_rules(void)
{
	static const struct {
		bool (*has)(uint8_t family);
		const char *where;
	} places[] = {
		{ nft_proxy, "nftables, table kube-proxy" },
		{ nft_services, "iptables (nf_tables), chain KUBE-SERVICES" },
		{ xt_services, "iptables (legacy), chain KUBE-SERVICES" },
	};
	size_t i;

	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (places[i].has(AF_INET) || places[i].has(AF_INET6))
			return places[i].where;
	return NULL;
}

static void add_rules(const struct wr_others *o, struct wr_strbuf *out)
{
	wr_strbuf_addf(out,
		       "rules of kube-proxy are in force (%s): it must not run beside Weir; "
		       "kube-proxy --cleanup removes them",
		       o->rules);
}

static void look_for_rules(struct wr_others *o)
{
	const char *before = o->rules;
	wr_auto_strbuf text = WR_STRBUF_INIT;

	o->rules = find_rules();
	if (o->rules && !before) {
		add_rules(o, &text);
		wr_log(WR_LOG_WARN, "rules of kube-proxy are in force", WR_S("where", o->rules));
		wr_notices_node(o->agent, "KubeProxyRules", text.buf);
	} else if (!o->rules && before) {
		wr_log(WR_LOG_INFO, "rules of kube-proxy are gone");
	}
}

/* ---- pods of another network --------------------------------------------------------------------------- */

struct search {
	const struct wr_pod *pod;
	bool found;
};

static int compare(void *ctx, const struct wr_endpoint_view *v)
{
	const struct wr_endpoint_record *r = v->record;
	struct search *s = ctx;

	s->found = (!wr_addr_is_zero(&r->addr4) && wr_addr_eq(&r->addr4, &s->pod->addr4)) ||
		   (!wr_addr_is_zero(&r->addr6) && wr_addr_eq(&r->addr6, &s->pod->addr6));
	return s->found;
}

/* It has its addresses before it runs, and until it is gone when it is deleted. */
static bool is_foreign(const struct wr_agent *a, const struct wr_pod *pod)
{
	struct search s = { .pod = pod };

	if (pod->host_network || pod->phase == WR_POD_SUCCEEDED || pod->phase == WR_POD_FAILED ||
	    !pod->node_name || !wr_streq(pod->node_name, a->config->node) ||
	    (wr_addr_is_zero(&pod->addr4) && wr_addr_is_zero(&pod->addr6)))
		return false;
	wr_endpoints_each(a, compare, &s);
	return !s.found;
}

static struct suspect *suspect_of(struct wr_others *o, const struct wr_object *pod)
{
	wr_autofree char *who = wr_xasprintf("%s/%s", pod->ns, pod->name);
	size_t i;

	for (i = 0; i < o->suspects.n; i++)
		if (wr_streq(o->suspects.v[i].who, who))
			return &o->suspects.v[i];
	wr_vec_push(&o->suspects, (struct suspect){ .who = wr_take_ptr(who) });
	return &o->suspects.v[o->suspects.n - 1];
}

static int look_at_pod(void *ctx, struct wr_object *object)
{
	const struct wr_pod *pod = (const struct wr_pod *)object;
	struct wr_others *o = ctx;
	struct suspect *s;

	if (!is_foreign(o->agent, pod))
		return 0;
	s = suspect_of(o, object);
	s->addr4 = pod->addr4;
	s->addr6 = pod->addr6;
	s->seen = true;
	if (pod->phase == WR_POD_RUNNING && !pod->o.deleting)
		s->looks++;
	else
		s->looks = 0; /* nothing to tell a person about */
	return 0;
}

static void add_pods(const struct wr_others *o, struct wr_strbuf *out)
{
	size_t i, named = 0;

	wr_strbuf_addf(out, "%zu pod%s of another network: ", o->foreign, o->foreign == 1 ? "" : "s");
	for (i = 0; i < o->suspects.n && named < NAMED; i++)
		if (o->suspects.v[i].looks >= LOOKS)
			wr_strbuf_addf(out, "%s%s", named++ ? ", " : "", o->suspects.v[i].who);
	if (named < o->foreign)
		wr_strbuf_addf(out, " and %zu more", o->foreign - named);
	wr_strbuf_addstr(out, "; policies do not hold for them until they are made anew");
}

static void look_for_pods(struct wr_others *o)
{
	size_t i, before = o->foreign;
	wr_auto_strbuf text = WR_STRBUF_INIT;

	for (i = 0; i < o->suspects.n; i++)
		o->suspects.v[i].seen = false;
	wr_store_each(o->agent->store, WR_KIND_POD, look_at_pod, o);
	o->foreign = 0;
	for (i = o->suspects.n; i-- > 0;) {
		if (o->suspects.v[i].seen) {
			o->foreign += o->suspects.v[i].looks >= LOOKS;
			continue;
		}
		free(o->suspects.v[i].who);
		wr_vec_del_unordered(&o->suspects, i);
	}
	if (o->foreign && !before) {
		add_pods(o, &text);
		wr_log(WR_LOG_WARN, "pods of another network run here",
		       WR_I("pods", (int64_t)o->foreign));
		wr_notices_node(o->agent, "PodsOfAnotherNetwork", text.buf);
	} else if (!o->foreign && before) {
		wr_log(WR_LOG_INFO, "no pod of another network runs here any more");
	}
}

/* ---- what the API has forgotten ------------------------------------------------------------------------ */

static bool is_in_own_range(const struct wr_agent *a, const struct wr_addr *addr)
{
	const struct wr_node_facts *own = wr_nodes_own(a);
	size_t i;

	for (i = 0; i < own->ranges.n; i++)
		if (wr_prefix_has(&own->ranges.v[i], addr))
			return true;
	return false;
}

/* A Pod that is deleted without grace is gone from the API before its sandbox is from the node. */
static void look_for_routes(struct wr_others *o)
{
	const struct wr_route_filter filter = { .table = RT_TABLE_MAIN };
	wr_auto_routes routes = { 0 };
	wr_auto_nl nl = WR_NL_INIT;
	size_t i;

	o->routed.n = 0;
	if (wr_nl_open(&nl) || wr_route_dump(&nl, &filter, &routes))
		return;
	for (i = 0; i < routes.v.n; i++) {
		const struct wr_route *r = &routes.v.v[i];

		if (r->dst.len == 128 && r->protocol != WR_RTPROT_POD && r->protocol != WR_RTPROT &&
		    is_in_own_range(o->agent, &r->dst.addr))
			wr_vec_push(&o->routed, r->dst.addr);
	}
}

/* -------------------------------------------------------------------------------------------------------- */

/* Pods of manifests are what somebody has written; where Weir is leaving, others are welcome. */
static bool pods_matter(const struct wr_agent *a)
{
	return a->api && !a->retiring;
}

static void look(struct wr_timer *t)
{
	struct wr_others *o = WR_CONTAINER_OF(t, struct wr_others, timer);

	look_for_rules(o);
	look_for_routes(o);
	if (pods_matter(o->agent))
		look_for_pods(o);
	wr_timer_start(o->agent->loop, t, LOOK_MS, look);
}

/* The first pod must not wait for a look until its address can be given. */
static void store_changed(void *ctx, enum wr_kind kind, const struct wr_object *old,
			  const struct wr_object *new_)
{
	struct wr_others *o = ctx;

	if (kind == WR_KIND_POD && !old && !new_ && pods_matter(o->agent))
		look_for_pods(o);
}

int wr_others_start(struct wr_agent *a, struct wr_err *err)
{
	struct wr_others *o = wr_xcalloc(1, sizeof(*o));

	o->agent = a;
	a->others = o;
	wr_store_subscribe(a->store, store_changed, o);
	wr_timer_start(a->loop, &o->timer, 0, look);
	return 0;
}

void wr_others_stop(struct wr_agent *a)
{
	struct wr_others *o = a->others;
	size_t i;

	if (!o)
		return;
	wr_timer_stop(a->loop, &o->timer);
	for (i = 0; i < o->suspects.n; i++)
		free(o->suspects.v[i].who);
	wr_vec_done(&o->suspects);
	wr_vec_done(&o->routed);
	free(o);
	a->others = NULL;
}

void wr_others_taken(const struct wr_agent *a, struct wr_hello *h)
{
	size_t i;

	for (i = 0; a->others && i < a->others->suspects.n; i++) {
		const struct suspect *s = &a->others->suspects.v[i];

		if (!wr_addr_is_zero(&s->addr4))
			wr_vec_push(&h->taken, s->addr4);
		if (!wr_addr_is_zero(&s->addr6))
			wr_vec_push(&h->taken, s->addr6);
	}
	for (i = 0; a->others && i < a->others->routed.n; i++)
		wr_vec_push(&h->taken, a->others->routed.v[i]);
}

struct wr_json *wr_others_encode(const struct wr_agent *a)
{
	struct wr_json *list = wr_json_new_array();
	wr_auto_strbuf text = WR_STRBUF_INIT;

	if (a->others && a->others->rules) {
		add_rules(a->others, &text);
		wr_json_push(list, wr_json_new_str(text.buf));
		wr_strbuf_reset(&text);
	}
	if (a->others && a->others->foreign) {
		add_pods(a->others, &text);
		wr_json_push(list, wr_json_new_str(text.buf));
	}
	return list;
}
