// SPDX-License-Identifier: Apache-2.0
/* weir endpoints: the pods of this node. */
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/names.h"
#include "cli/out.h"
#include "lib/base/cleanup.h"
#include "lib/base/str.h"
#include "lib/dp/tables.h"
#include "lib/model/records.h"

/* What is wrong with an endpoint comes before what policy does with it. */
static void cell_policy(const struct wr_json *item, const char *key, struct wr_strbuf *out)
{
	const char *state = wr_json_get_str(item, "state");

	if (wr_streq(state, "ready"))
		wr_cell_plain(item, key, out);
	else
		wr_strbuf_addstr(out, wr_streq(state, "pending") ? "PENDING" : "STRAY");
}

/* IPv4's room is fixed; an IPv6 address may take 39 columns. */
static const struct wr_out_column columns[] = {
	{ "POD", "name", NULL, 0, 12 },
	{ "IPV4", "ipv4", NULL, 0, 0 },
	{ "IPV6", "ipv6", NULL, 0, 12 },
	{ "INTERFACE", "interface", NULL, 0, 0 },
	{ "POLICY", "policy", cell_policy, 0, 0 },
	{ "FLOWS", "flows", wr_cell_count, WR_COL_RIGHT, 0 },
	{ "DROPS", "drops", wr_cell_count, WR_COL_RIGHT, 0 },
	{ "MTU", "mtu", NULL, WR_COL_RIGHT | WR_COL_WIDE, 0 },
	{ "MAC", "mac", NULL, WR_COL_WIDE, 0 },
	{ "NUMBER", "number", NULL, WR_COL_RIGHT | WR_COL_WIDE, 0 },
	{ "IDENTITY", "identity", NULL, WR_COL_RIGHT | WR_COL_WIDE, 0 },
	{ "CONTAINER", "container", NULL, WR_COL_WIDE, 0 },
	{ 0 },
};

static const struct wr_out_list format = {
	.kind = "EndpointList",
	.none = "no pod is wired on this node",
	.columns = columns,
};

struct view {
	struct wr_out out;
	const struct wr_dp *dp;
	struct wr_records records;
	bool *enforced; /* of each record */
};

static const char *policy_of(uint64_t rules)
{
	bool egress = rules & WR_RULES_EGRESS, ingress = rules & WR_RULES_INGRESS;

	if (rules & WR_RULES_CLOSED)
		return "closed";
	if ((egress || ingress) && (!egress || rules & WR_RULES_AUDIT_EGRESS) &&
	    (!ingress || rules & WR_RULES_AUDIT_INGRESS))
		return "audit";
	if (egress && ingress)
		return "both";
	return egress ? "egress" : ingress ? "ingress" : "none";
}

static void add_addr(struct wr_json *j, const char *key, const struct wr_addr *a)
{
	char text[WR_ADDR_STRLEN];

	if (!wr_addr_is_zero(a))
		wr_json_add_str(j, key, wr_addr_format(a, text));
}

static void add_record(struct wr_json *j, const struct wr_endpoint_record *r)
{
	wr_auto_strbuf name = WR_STRBUF_INIT;

	if (r->pod_name && *r->pod_name)
		wr_strbuf_addf(&name, "%s/%s", r->pod_namespace, r->pod_name);
	else
		wr_strbuf_addstr(&name, r->id.container);
	wr_json_add_str(j, "name", name.buf);
	wr_json_add_str(j, "container", r->id.container);
	wr_json_add_str(j, "network", r->id.network);
	wr_json_add_str(j, "ifname", r->id.ifname);
	wr_json_add_str(j, "interface", r->host_ifname);
	add_addr(j, "ipv4", &r->addr4);
	add_addr(j, "ipv6", &r->addr6);
}

static void add_stats(struct wr_json *j, const struct wr_dp *dp, uint32_t number)
{
	struct wr_ep_stats s = { 0 };

	if (wr_endpoint_stats(dp, number, &s) < 0)
		return;
	wr_json_add_int(j, "flows", (int64_t)s.promoted);
	wr_json_add_int(j, "flows_refused", (int64_t)s.refused);
	wr_json_add_int(j, "drops", (int64_t)(s.drops[WR_DIR_EGRESS] + s.drops[WR_DIR_INGRESS]));
	wr_json_add_int(j, "drops_sent", (int64_t)s.drops[WR_DIR_EGRESS]);
	wr_json_add_int(j, "drops_received", (int64_t)s.drops[WR_DIR_INGRESS]);
}

static void add_endpoint(struct wr_json *j, uint32_t number, const struct wr_endpoint *ep)
{
	char mac[WR_MAC_STRLEN];

	wr_json_add_int(j, "number", number);
	wr_json_add_int(j, "identity", ep->identity);
	wr_json_add_int(j, "ifindex", ep->ifindex);
	wr_json_add_str(j, "mac", wr_mac_format(ep->mac, mac));
	wr_json_add_int(j, "mtu", ep->mtu);
	add_addr(j, "ipv4", &ep->addr4);
	add_addr(j, "ipv6", &ep->addr6);
	wr_json_add_str(j, "policy", policy_of(ep->rules));
	wr_json_add_int(j, "ruleset", WR_RULES_ID(ep->rules));
}

static bool has_addr(const struct wr_addr *a, const struct wr_addr *b)
{
	return !wr_addr_is_zero(a) && wr_addr_eq(a, b);
}

/* -1: no record has the endpoint's addresses. */
static ssize_t find_record(const struct view *v, const struct wr_endpoint *ep)
{
	const struct wr_endpoint_record *r;
	size_t i;

	for (i = 0; i < v->records.v.n; i++) {
		r = &v->records.v.v[i];
		if (has_addr(&ep->addr4, &r->addr4) || has_addr(&ep->addr6, &r->addr6))
			return (ssize_t)i;
	}
	return -1;
}

static int show_endpoint(void *ctx, uint32_t number, const struct wr_endpoint *ep)
{
	struct wr_json *j = wr_json_new_object();
	struct view *v = ctx;
	ssize_t i = find_record(v, ep);

	if (number == WR_EP_HOST) {
		wr_json_free(j);
		return 0;
	}
	if (i >= 0) {
		add_record(j, &v->records.v.v[i]);
		v->enforced[i] = true;
	}
	add_endpoint(j, number, ep);
	add_stats(j, v->dp, number);
	wr_json_add_str(j, "state", i >= 0 ? "ready" : "stray");
	wr_out_item(&v->out, j);
	return 0;
}

/* Wired, or being wired, but not enforced. */
static void show_pending(struct view *v)
{
	struct wr_json *j;
	size_t i;

	for (i = 0; i < v->records.v.n; i++) {
		if (v->enforced[i])
			continue;
		j = wr_json_new_object();
		add_record(j, &v->records.v.v[i]);
		wr_json_add_str(j, "state", "pending");
		wr_out_item(&v->out, j);
	}
}

static int run(struct wr_cli *cli, struct wr_err *err)
{
	struct view v = { 0 };
	struct wr_dp *dp;
	size_t bad = 0;
	int r = wr_cli_dp(cli, &dp, err);

	if (r < 0)
		return r;
	/* Without the records there are no names, and that is all. */
	wr_records_load(cli->paths.state, &v.records, &bad, NULL);
	v.enforced = wr_xcalloc(v.records.v.n + 1, sizeof(*v.enforced));
	v.dp = dp;
	wr_out_begin(&v.out, cli, &format);
	r = wr_endpoint_dump(dp, show_endpoint, &v);
	show_pending(&v);
	wr_out_end(&v.out);
	wr_records_done(&v.records);
	free(v.enforced);
	if (bad)
		wr_cli_note(cli, "%zu of the records below %s/endpoints cannot be read", bad,
			    cli->paths.state);
	return r < 0 ? wr_err_sys(err, r, "reading the endpoints") : 0;
}

const struct wr_command wr_cmd_endpoints = {
	.name = "endpoints",
	.args = "",
	.summary = "The pods of this node: addresses, policy, flows, drops",
	.details =
		"POLICY says which directions a policy judges: none, egress, ingress, both; audit: judged and\n"
		"reported, not dropped; closed: the pod's labels are not known yet, only the node's probes pass.\n"
		"PENDING: wired and not enforced yet. STRAY: enforced, but no record says whose it is.\n"
		"DROPS counts what the pod sent and what was sent to it; `weir monitor --drops --pod POD` shows them.\n",
	.run = run,
};
