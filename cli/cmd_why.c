// SPDX-License-Identifier: Apache-2.0
/* weir why: what becomes of a new connection: which service and backend it means, and what policy says on both ends. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/agent.h"
#include "cli/commands.h"
#include "cli/frontends.h"
#include "cli/human.h"
#include "cli/out.h"
#include "cli/service_columns.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/dp/svc_table.h"
#include "lib/dp/tables.h"

struct why {
	struct wr_cli *cli;
	struct wr_dp *dp;
	struct wr_names names;
	struct wr_addr src, dst;
	uint16_t port; /* as asked for: a service's, or the pod's */
	uint8_t proto;
	struct wr_frontend_row service; /* .svc.id 0: the destination is none */
};

/* --- the question */

static int parse_port(struct why *w, struct wr_err *err)
{
	wr_autofree char *number = wr_xstrdup(w->cli->args[2]);
	char *proto = strchr(number, '/');
	uint64_t port;

	if (proto)
		*proto++ = '\0';
	if (wr_parse_u64(number, UINT16_MAX, &port) < 0)
		return wr_cli_fail(w->cli, WR_EXIT_USAGE, -EINVAL, err,
				   "PORT: \"%.20s\" is not a port", number);
	if (wr_proto_parse(proto ? proto : "tcp", &w->proto) < 0)
		return wr_cli_fail(w->cli, WR_EXIT_USAGE, -EINVAL, err,
				   "PORT: \"%.20s\" is not a protocol", proto);
	w->port = (uint16_t)port;
	return 0;
}

struct search {
	const char *text;
	int family; /* AF_UNSPEC: either, IPv4 preferred */
	struct wr_addr found;
};

static void take_found(struct search *s, const struct wr_addr *addr)
{
	if (s->family != AF_UNSPEC && wr_addr_family(addr) != s->family)
		return;
	if (wr_addr_is_zero(&s->found) || wr_addr_is4(addr))
		s->found = *addr;
}

static void check_name(void *ctx, const struct wr_name *name)
{
	struct search *s = ctx;

	if (wr_name_is(name->text, s->text))
		take_found(s, &name->addr);
}

/* A domain name of a policy, for which a pod has been told an address. */
static void find_domain(const struct why *w, struct search *s)
{
	struct wr_err unheard = WR_ERR_INIT;
	wr_auto_json *body = NULL;
	const struct wr_json *list;
	struct wr_addr addr;
	const char *text;
	size_t i;

	if (wr_agent_get(w->cli, "domains", &body, &unheard))
		return;
	list = wr_json_get(body, "items");
	for (i = 0; i < wr_json_len(list); i++) {
		if (!wr_streq(wr_json_get_str(wr_json_at(list, i), "name"), s->text))
			continue;
		text = wr_json_get_str(wr_json_at(list, i), "address");
		if (text && wr_addr_parse(text, &addr) == 0)
			take_found(s, &addr);
	}
}

/* An address, a pod, a node or a domain name. */
static bool find_end(const struct why *w, const char *text, int family, struct wr_addr *ret)
{
	struct search s = { .text = text, .family = family };

	if (wr_addr_parse(text, ret) == 0)
		return true;
	wr_names_each(&w->names, WR_NAME_POD, check_name, &s);
	if (wr_addr_is_zero(&s.found))
		wr_names_each(&w->names, WR_NAME_NODE, check_name, &s);
	if (wr_addr_is_zero(&s.found))
		find_domain(w, &s);
	*ret = s.found;
	return !wr_addr_is_zero(&s.found);
}

/* The service that answers where the packet goes, if one does. By name: that of this port. */
static bool find_service(struct why *w, const struct wr_frontends *list, const char *text)
{
	const struct wr_frontend_row *row;
	size_t i;

	for (i = 0; i < list->v.n; i++) {
		row = &list->v.v[i];
		if (ntohs(row->fe.port) != w->port || row->fe.proto != w->proto)
			continue;
		if (wr_addr_eq(&row->fe.addr, &w->dst) ||
		    (text && row->name && wr_name_is(row->name, text))) {
			w->service = *row;
			w->dst = row->fe.addr;
			return true;
		}
	}
	return false;
}

static int parse_dst(struct why *w, const struct wr_frontends *list, struct wr_err *err)
{
	const char *text = w->cli->args[1];
	bool is_end = find_end(w, text, AF_UNSPEC, &w->dst);

	if (find_service(w, list, is_end ? NULL : text) || is_end)
		return 0;
	return wr_cli_fail(w->cli, WR_EXIT_NOT_FOUND, -ENOENT, err,
			   "DST: \"%s\" is no address, no pod, node or domain name that is known here, and no service with port %s",
			   text, w->cli->args[2]);
}

static int parse(struct why *w, const struct wr_frontends *list, struct wr_err *err)
{
	int r = parse_port(w, err);

	if (r == 0)
		r = parse_dst(w, list, err);
	if (r < 0)
		return r;
	if (!find_end(w, w->cli->args[0], wr_addr_family(&w->dst), &w->src))
		return wr_cli_fail(w->cli, WR_EXIT_NOT_FOUND, -ENOENT, err,
				   "SRC: \"%s\" is no address, and no pod or node of the destination's family that is known here",
				   w->cli->args[0]);
	if (wr_addr_family(&w->src) != wr_addr_family(&w->dst))
		return wr_cli_fail(w->cli, WR_EXIT_USAGE, -EINVAL, err,
				   "SRC and DST are of different families");
	return 0;
}

/* --- the answer */

static void add_addr(const struct why *w, struct wr_json *j, const char *key, const struct wr_addr *a)
{
	const char *name = wr_names_addr(&w->names, a);
	char text[WR_ADDR_STRLEN], name_key[32];

	wr_json_add_str(j, key, wr_addr_format(a, text));
	wr_format(name_key, sizeof(name_key), "%s_name", key);
	if (name)
		wr_json_add_str(j, name_key, name);
}

/* What policy says of packets to one address and port behind the service, or to the destination itself. */
static int judge(const struct why *w, const struct wr_addr *dst, uint16_t port,
		 struct wr_json *into, struct wr_err *err)
{
	struct wr_json *ask = wr_json_new_object(), *answer = NULL, *j;
	char text[WR_ADDR_STRLEN], proto[16];
	int r;

	wr_json_add_str(ask, "source", wr_addr_format(&w->src, text));
	wr_json_add_str(ask, "destination", wr_addr_format(dst, text));
	wr_json_add_int(ask, "port", port);
	wr_json_add_str(ask, "protocol", wr_proto_format(w->proto, proto));
	r = wr_agent_call(w->cli, "why", ask, &answer, err);
	if (r < 0)
		return r;
	j = wr_json_new_object();
	add_addr(w, j, "address", dst);
	wr_json_add_int(j, "port", port);
	wr_json_add(j, "judged", wr_json_ref(wr_json_get(answer, "judged")));
	if (wr_json_len(wr_json_get(answer, "names")))
		wr_json_add(j, "names", wr_json_ref(wr_json_get(answer, "names")));
	wr_json_push(into, j);
	wr_json_free(answer);
	return 0;
}

static int judge_backends(const struct why *w, struct wr_json *into, struct wr_err *err)
{
	struct wr_backend be;
	uint32_t i, number;
	int r = 0;

	for (i = 0; r == 0 && wr_service_slots(w->dp, &w->service.svc, i, &number) == 0; i++)
		if (wr_backend_get(w->dp, number, &be) == 0)
			r = judge(w, &be.addr, ntohs(be.port), into, err);
	return r;
}

static int answer(const struct why *w, struct wr_json **ret, struct wr_err *err)
{
	wr_auto_json *j = wr_json_new_object();
	struct wr_json *targets = wr_json_new_array();
	char proto[16];
	int r;

	add_addr(w, j, "src", &w->src);
	add_addr(w, j, "dst", &w->dst);
	wr_json_add_int(j, "dst_port", w->port);
	wr_json_add_str(j, "proto", wr_proto_format(w->proto, proto));
	if (w->service.svc.id)
		wr_json_add(j, "service", wr_frontend_encode(&w->service));
	wr_json_add(j, "targets", targets);
	if (w->service.svc.id)
		r = judge_backends(w, targets, err);
	else
		r = judge(w, &w->dst, w->port, targets, err);
	if (r == 0)
		*ret = wr_take_ptr(j);
	return r;
}

/* --- for people */

static void add_end(const struct wr_json *j, const char *key, uint16_t port, struct wr_strbuf *out)
{
	char name_key[32];

	wr_human_socket(wr_json_get_str(j, key), port, out);
	wr_format(name_key, sizeof(name_key), "%s_name", key);
	if (wr_json_get_str(j, name_key))
		wr_strbuf_addf(out, " (%s)", wr_json_get_str(j, name_key));
}

static void print_question(struct wr_cli *cli, const struct wr_json *j)
{
	const struct wr_json *service = wr_json_get(j, "service");
	wr_auto_strbuf line = WR_STRBUF_INIT, name = WR_STRBUF_INIT;
	int64_t n = wr_json_get_int(service, "backends", 0);

	add_end(j, "src", 0, &line);
	wr_strbuf_addstr(&line, " -> ");
	add_end(j, "dst", (uint16_t)wr_json_get_int(j, "dst_port", 0), &line);
	fprintf(cli->out, "%s, %s\n", line.buf, wr_json_get_str(j, "proto"));
	if (!service)
		return;
	wr_cell_service(service, "service", &name);
	if (n)
		fprintf(cli->out, "service %s: one of %lld backend%s\n", name.buf, (long long)n,
			n == 1 ? "" : "s");
	else
		fprintf(cli->out, "service %s: no backend, so REFUSED at once\n", name.buf);
}

static bool is_allowed(const struct wr_json *judged)
{
	size_t i;

	for (i = 0; i < wr_json_len(judged); i++)
		if (!wr_json_get_bool(wr_json_at(judged, i), "allowed", false))
			return false;
	return true;
}

static bool has_direction(const struct wr_json *judged, const char *direction)
{
	size_t i;

	for (i = 0; i < wr_json_len(judged); i++)
		if (wr_streq(wr_json_get_str(wr_json_at(judged, i), "direction"), direction))
			return true;
	return false;
}

/* No policy was asked: the node and its own pods, a pod and itself. */
static bool is_exempt(const struct wr_json *judged)
{
	return wr_json_len(judged) == 1 && !wr_json_get(wr_json_at(judged, 0), "peerIdentity");
}

static void print_step(struct wr_cli *cli, const struct wr_json *step)
{
	const struct wr_json *list = wr_json_get(step, "policies");
	wr_auto_strbuf policies = WR_STRBUF_INIT;
	size_t i;

	for (i = 0; i < wr_json_len(list); i++)
		wr_strbuf_addf(&policies, "%s%s %s", i ? ", " : "",
			       wr_json_get_str(wr_json_at(list, i), "tier"),
			       wr_json_get_str(wr_json_at(list, i), "name"));
	fprintf(cli->out, "  %-7s  %s: %s", wr_json_get_str(step, "direction"),
		wr_json_get_bool(step, "audited", false) ? "allowed, and audited" :
		wr_json_get_bool(step, "allowed", false) ? "allowed" :
							   "DENIED",
		wr_json_get_str(step, "rule"));
	if (wr_json_get(step, "peerIdentity"))
		fprintf(cli->out, " (the peer is identity %lld)",
			(long long)wr_json_get_int(step, "peerIdentity", 0));
	fputc('\n', cli->out);
	if (policies.len)
		fprintf(cli->out, "           policies of the pod: %s\n", policies.buf);
}

/* Domain names of policies, which new connections to the address may use now. */
static void print_names(struct wr_cli *cli, const struct wr_json *names)
{
	wr_auto_strbuf text = WR_STRBUF_INIT;
	size_t i;

	for (i = 0; i < wr_json_len(names); i++)
		wr_strbuf_addf(&text, "%s%s", i ? ", " : "", wr_json_str(wr_json_at(names, i)));
	if (text.len)
		fprintf(cli->out, "  names    %s\n", text.buf);
}

static void print_target(struct wr_cli *cli, const struct wr_json *target)
{
	const struct wr_json *judged = wr_json_get(target, "judged");
	wr_auto_strbuf end = WR_STRBUF_INIT;
	size_t i;

	add_end(target, "address", (uint16_t)wr_json_get_int(target, "port", 0), &end);
	fprintf(cli->out, "\nto %s: %s\n", end.buf, is_allowed(judged) ? "allowed" : "DENIED");
	print_names(cli, wr_json_get(target, "names"));
	for (i = 0; i < wr_json_len(judged); i++)
		print_step(cli, wr_json_at(judged, i));
	if (is_exempt(judged))
		return;
	if (!has_direction(judged, "egress"))
		fputs("  egress   not judged here: the sender is no pod of this node\n", cli->out);
	if (!has_direction(judged, "ingress"))
		fputs("  ingress  not judged here: the receiver is no pod of this node\n", cli->out);
}

static int explain(struct why *w, struct wr_err *err)
{
	wr_auto_frontends list = { 0 };
	wr_auto_json *j = NULL;
	size_t i;
	int r;

	wr_frontends_load(w->dp, &w->names, false, &list);
	r = parse(w, &list, err);
	if (r == 0)
		r = answer(w, &j, err);
	if (r < 0)
		return r;
	if (w->cli->json) {
		wr_out_object(w->cli, "Why", wr_json_ref(j));
		return 0;
	}
	print_question(w->cli, j);
	for (i = 0; i < wr_json_len(wr_json_get(j, "targets")); i++)
		print_target(w->cli, wr_json_at(wr_json_get(j, "targets"), i));
	return 0;
}

static int run(struct wr_cli *cli, struct wr_err *err)
{
	struct wr_err why = WR_ERR_INIT;
	struct why w = { .cli = cli };
	int r = wr_cli_dp(cli, &w.dp, err);

	if (r < 0)
		return r;
	if (!wr_agent_is_there(cli, &why))
		return wr_cli_fail(cli, WR_EXIT_NOTHING, -ENOTCONN, err,
				   "policies are known to the agent, which is away (%s)", why.msg);
	wr_names_load(cli, WR_NAMES_ALL, &w.names);
	r = explain(&w, err);
	wr_names_done(&w.names);
	return r;
}

const struct wr_command wr_cmd_why = {
	.name = "why",
	.args = "SRC DST PORT[/PROTO]",
	.min_args = 3,
	.max_args = 3,
	.values = WR_VALUES_POD,
	.summary = "What becomes of a connection: service, backends, and what policy says on both ends",
	.details =
		"SRC is an address, a pod or a node; DST is that, or a service. Policy is judged on the backend: each\n"
		"end that is a pod of this node, with its policies by tier and the rule that decides. The other end\n"
		"is judged on its own node.\n"
		"\n"
		"Examples:\n"
		"  weir why default/client default/web 80\n"
		"  weir why 10.244.1.2 192.0.2.1 53/udp\n",
	.run = run,
};
