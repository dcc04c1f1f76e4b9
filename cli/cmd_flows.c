// SPDX-License-Identifier: Apache-2.0
/* weir flows: tracked connections. */
#include <errno.h>
#include <string.h>

#include "cli/agent.h"
#include "cli/commands.h"
#include "cli/flow_list.h"
#include "cli/frontends.h"
#include "cli/human.h"
#include "cli/out.h"
#include "lib/base/cleanup.h"
#include "lib/base/str.h"
#include "lib/dp/tables.h"

static const char *const orders[] = { "idle", "bytes", "packets", "age", NULL };
static const char *const protos[] = { "tcp", "udp", "sctp", "icmp", "icmpv6", NULL };

static const struct wr_option options[] = {
	{ "pod", 'p', WR_VALUES_POD, "POD", NULL,
	  "either end: [NAMESPACE/]NAME, an address or a prefix" },
	{ "src", 's', WR_VALUES_POD, "POD", NULL, "who opened the connection; the same forms" },
	{ "dst", 'd', WR_VALUES_POD, "POD", NULL,
	  "to what, before or behind the service; the same forms" },
	{ "port", 0, WR_VALUES_ANY, "N", NULL, "destination port, before or behind the service" },
	{ "proto", 0, WR_VALUES_CHOICE, "PROTOCOL", protos, "tcp, udp, sctp, icmp or icmpv6" },
	{ "service", 0, WR_VALUES_SERVICE, "SERVICE", NULL,
	  "through [NAMESPACE/]NAME[:PORT], or ADDRESS[:PORT]" },
	{ "unproven", 'u', WR_VALUES_ANY, NULL, NULL, "also those that no answer has confirmed yet" },
	{ "sort", 0, WR_VALUES_CHOICE, "KEY", orders, "idle (default), bytes, packets or age" },
	{ "limit", 'n', WR_VALUES_ANY, "N", NULL, "the first N only" },
	{ 0 },
};

static void add_end(const struct wr_json *item, const char *name, const char *addr, int64_t port,
		    struct wr_strbuf *out)
{
	const char *proto = wr_json_get_str(item, "proto");

	/* What looks like a port of ICMP is the identifier, the same on both ends. */
	if (proto && wr_has_prefix(proto, "icmp"))
		port = 0;
	if (name && port)
		wr_strbuf_addf(out, "%s:%lld", name, (long long)port);
	else if (name)
		wr_strbuf_addstr(out, name);
	else
		wr_human_socket(addr ? addr : "?", (uint16_t)port, out);
}

static void cell_src(const struct wr_json *item, const char *key, struct wr_strbuf *out)
{
	add_end(item, wr_json_get_str(item, "src_name"), wr_json_get_str(item, "src"),
		wr_json_get_int(item, "src_port", 0), out);
}

/* Where the packets really go: the backend, where there is one. */
static void cell_dst(const struct wr_json *item, const char *key, struct wr_strbuf *out)
{
	const struct wr_json *be = wr_json_get(item, "backend");
	const char *addr = wr_json_get_str(be, "address");

	if (addr)
		add_end(item, wr_json_get_str(be, "name"), addr, wr_json_get_int(be, "port", 0), out);
	else
		add_end(item, wr_json_get_str(item, "dst_name"), wr_json_get_str(item, "dst"),
			wr_json_get_int(item, "dst_port", 0), out);
}

static void cell_service(const struct wr_json *item, const char *key, struct wr_strbuf *out)
{
	const char *name = wr_json_get_str(item, "service");

	if (name)
		wr_strbuf_addstr(out, name);
	else if (wr_json_get(item, "service_id") && wr_json_get_bool(item, "translated", false))
		wr_human_socket(wr_json_get_str(item, "dst"),
				(uint16_t)wr_json_get_int(item, "dst_port", 0), out);
	else if (wr_json_get(item, "service_id"))
		wr_strbuf_addf(out, "#%lld", (long long)wr_json_get_int(item, "service_id", 0));
}

/* A verdict against the flow says more than its state; ss(8) too says "estab". */
static void cell_state(const struct wr_json *item, const char *key, struct wr_strbuf *out)
{
	const char *verdict = wr_json_get_str(item, "verdict"),
		   *state = wr_json_get_str(item, "state");

	if (wr_streq(verdict, "deny"))
		wr_strbuf_addstr(out, "DENIED");
	else if (wr_streq(verdict, "audit"))
		wr_strbuf_addstr(out, "audited");
	else
		wr_strbuf_addf(out, wr_json_get_bool(item, "proven", true) ? "%s" : "(%s)",
			       wr_streq(state, "established") ? "estab" : state);
}

static void cell_out(const struct wr_json *item, const char *key, struct wr_strbuf *out)
{
	static const char *const members[] = { "name", "node", "gateway", "interface" };
	const struct wr_json *way = wr_json_get(item, key);
	const char *value;
	size_t i;

	wr_cell_plain(way, "kind", out);
	for (i = 0; i < WR_ARRAY_SIZE(members); i++) {
		value = wr_json_get_str(way, members[i]);
		if (value)
			wr_strbuf_addf(out, " %s", value);
	}
}

static const struct wr_out_column columns[] = {
	{ "PROTO", "proto", NULL, 0, 0 },
	{ "SOURCE", NULL, cell_src, 0, 12 },
	{ "DESTINATION", NULL, cell_dst, 0, 12 },
	{ "SERVICE", NULL, cell_service, 0, 10 },
	{ "STATE", NULL, cell_state, 0, 0 },
	{ "PKTS", "packets", wr_cell_count, WR_COL_RIGHT, 0 },
	{ "BYTES", "bytes", wr_cell_bytes, WR_COL_RIGHT, 0 },
	{ "IDLE", "idle_ms", wr_cell_ms, WR_COL_RIGHT, 0 },
	{ "AGE", "age_ms", wr_cell_ms, WR_COL_RIGHT | WR_COL_WIDE, 0 },
	{ "SRC", "src", NULL, WR_COL_WIDE, 0 },
	{ "DST", "dst", NULL, WR_COL_WIDE, 0 },
	{ "WAY OUT", "out", cell_out, WR_COL_WIDE, 0 },
	{ "WAY OF REPLIES", "out_reply", cell_out, WR_COL_WIDE, 0 },
	{ 0 },
};

const struct wr_out_list wr_flow_list_format = {
	.kind = "FlowList",
	.none = "no such flow is tracked here (--unproven shows those that no answer has confirmed yet)",
	.columns = columns,
};

static int parse_matches(struct wr_cli *cli, const struct wr_names *names, struct wr_flow_filter *f,
			 struct wr_err *err)
{
	int r = wr_match_parse(cli, names, "--pod", wr_cli_opt(cli, "pod"), &f->pod, err);

	if (r == 0)
		r = wr_match_parse(cli, names, "--src", wr_cli_opt(cli, "src"), &f->src, err);
	if (r == 0)
		r = wr_match_parse(cli, names, "--dst", wr_cli_opt(cli, "dst"), &f->dst, err);
	return r;
}

static void add_service(void *ctx, uint32_t id)
{
	struct wr_flow_filter *f = ctx;

	wr_vec_push(&f->services, id);
}

static int parse_filter(struct wr_cli *cli, const struct wr_dp *dp, const struct wr_names *names,
			struct wr_flow_filter *f, struct wr_err *err)
{
	const char *service = wr_cli_opt(cli, "service"), *proto = wr_cli_opt(cli, "proto");
	int r = parse_matches(cli, names, f, err);

	if (r == 0)
		r = wr_cli_opt_u64(cli, "port", UINT16_MAX, &f->port, err);
	if (r == 0 && proto)
		r = wr_proto_parse(proto, &f->proto);
	f->unproven = wr_cli_opt(cli, "unproven");
	f->by_service = service;
	if (r == 0 && service)
		r = wr_service_find(cli, dp, names, service, add_service, f, err);
	return r;
}

static enum wr_flow_order parse_order(const struct wr_cli *cli)
{
	const char *key = wr_cli_opt(cli, "sort");
	int i;

	for (i = 0; key && orders[i]; i++)
		if (wr_streq(orders[i], key))
			return i;
	return WR_FLOWS_BY_IDLE;
}

static void print(struct wr_cli *cli, const struct wr_flow_view *view, const struct wr_flow_list *l,
		  uint64_t limit)
{
	struct wr_out out;
	size_t i;

	wr_out_begin(&out, cli, &wr_flow_list_format);
	for (i = 0; i < l->rows.n && i < limit; i++)
		wr_out_item(&out, wr_flow_encode(view, &l->rows.v[i]));
	wr_out_end(&out);
}

static int list_flows(struct wr_cli *cli, const struct wr_flow_view *view,
		      const struct wr_flow_filter *filter, struct wr_err *err)
{
	struct wr_flow_list l = { .filter = filter };
	uint64_t limit = UINT64_MAX;
	int r = wr_cli_opt_u64(cli, "limit", UINT32_MAX, &limit, err);

	if (r < 0)
		return r;
	r = wr_flow_dump(view->dp, filter->unproven, wr_flow_list_add, &l);
	if (r == 0) {
		wr_flow_list_finish(&l, parse_order(cli));
		print(cli, view, &l, limit);
	}
	wr_flow_list_done(&l);
	return r < 0 ? wr_err_sys(err, r, "reading the flow table") : 0;
}

static int run(struct wr_cli *cli, struct wr_err *err)
{
	struct wr_flow_view view = { .ticks = wr_ticks_now() };
	struct wr_flow_filter filter = { 0 };
	wr_auto_names names = { 0 };
	struct wr_dp *dp;
	int r = wr_cli_dp(cli, &dp, err);

	if (r < 0)
		return r;
	wr_names_load(cli, WR_NAMES_ALL, &names);
	view.dp = dp;
	view.names = &names;
	view.ifnames = wr_agent_shares_netns(cli);
	r = parse_filter(cli, dp, &names, &filter, err);
	if (r == 0)
		r = list_flows(cli, &view, &filter, err);
	wr_flow_filter_done(&filter);
	return r;
}

const struct wr_command wr_cmd_flows = {
	.name = "flows",
	.args = "",
	.options = options,
	.summary = "Tracked connections: who opened them, to what, through which service",
	.details =
		"A connection is listed once, in the direction of whoever opened it. DESTINATION is where its\n"
		"packets go: behind a service, the backend that was picked. STATE says DENIED where a policy that\n"
		"changed since stops it, and stands in brackets while no answer has confirmed the connection. All\n"
		"given filters must match.\n"
		"\n"
		"Examples:\n"
		"  weir flows --pod default/web            what web talks to, and who talks to it\n"
		"  weir flows --service web --sort bytes   the busiest connections through the service\n"
		"  weir flows --dst 10.0.0.0/8 --port 53   who asks for names there\n"
		"  weir flows --unproven --src 1.2.3.4     SYNs without an answer\n",
	.run = run,
};
