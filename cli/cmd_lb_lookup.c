// SPDX-License-Identifier: Apache-2.0
/* weir lb lookup: which backend a new flow would take, answered by the selection code itself. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/frontends.h"
#include "cli/human.h"
#include "cli/out.h"
#include "lib/base/str.h"
#include "lib/dp/svc_table.h"
#include "lib/dp/tables.h"

#define TIMES_MAX 1000000

static const char *const protos[] = { "tcp", "udp", "sctp", NULL };

static const struct wr_option options[] = {
	{ "proto", 0, WR_VALUES_CHOICE, "PROTOCOL", protos, "tcp (default), udp or sctp" },
	{ "external", 'e', WR_VALUES_ANY, NULL, NULL, "as a client outside the cluster" },
	{ "times", 'n', WR_VALUES_ANY, "N", NULL,
	  "ask N times, from as many source ports, and count the answers" },
	{ 0 },
};

struct tally {
	uint32_t backend, reason;
	uint64_t n;
	struct wr_lb_answer answer;
};

struct lookup {
	struct wr_cli *cli;
	struct wr_dp *dp;
	struct wr_names names;
	struct wr_lb_query query;
	uint64_t times;
	WR_VEC(struct tally) answers;
};

static void first_of(void *ctx, const struct wr_name *name)
{
	struct lookup *l = ctx;

	if (wr_name_is(name->text, l->cli->args[0]) &&
	    wr_addr_is4(&name->addr) == wr_addr_is4(&l->query.dst))
		l->query.src = name->addr;
}

static int parse_src(struct lookup *l, struct wr_err *err)
{
	const char *text = l->cli->args[0];
	uint16_t port = 0;

	if (wr_socket_parse(text, &l->query.src, &port) == 0) {
		l->query.sport = htons(port);
	} else {
		wr_names_each(&l->names, WR_NAME_POD, first_of, l);
		if (wr_addr_is_zero(&l->query.src))
			wr_names_each(&l->names, WR_NAME_NODE, first_of, l);
	}
	if (wr_addr_is_zero(&l->query.src))
		return wr_cli_fail(l->cli, WR_EXIT_NOT_FOUND, -ENOENT, err,
				   "SRC: \"%s\" is no address, and no pod of that name has one of the service's family",
				   text);
	if (wr_addr_is4(&l->query.src) != wr_addr_is4(&l->query.dst))
		return wr_cli_fail(l->cli, WR_EXIT_USAGE, -EINVAL, err,
				   "SRC and DST are of different families");
	return 0;
}

struct ids {
	WR_VEC(uint32_t) v;
};

static void add_id(void *ctx, uint32_t id)
{
	struct ids *ids = ctx;

	wr_vec_push(&ids->v, id);
}

/* The service's first frontend, which is a cluster address where it has one. */
static int take_frontend(struct lookup *l, uint32_t id)
{
	wr_auto_frontends list = { 0 };
	size_t i;

	if (wr_frontends_load(l->dp, &l->names, false, &list) < 0)
		return -ENOENT;
	for (i = 0; i < list.v.n && list.v.v[i].svc.id != id; i++)
		;
	if (i == list.v.n)
		return -ENOENT;
	l->query.dst = list.v.v[i].fe.addr;
	l->query.dport = list.v.v[i].fe.port;
	l->query.proto = list.v.v[i].fe.proto;
	return 0;
}

static int find_dst(struct lookup *l, struct wr_err *err)
{
	const char *text = l->cli->args[1];
	struct ids ids = { 0 };
	int r = wr_service_find(l->cli, l->dp, &l->names, text, add_id, &ids, err);

	if (r == 0 && ids.v.n > 1)
		r = wr_cli_fail(l->cli, WR_EXIT_USAGE, -EINVAL, err,
				"DST: \"%s\" has several ports or namespaces: say NAMESPACE/NAME:PORT",
				text);
	if (r == 0 && take_frontend(l, ids.v.v[0]) < 0)
		r = wr_cli_fail(l->cli, WR_EXIT_NOT_FOUND, -ENOENT, err,
				"DST: \"%s\" has no address in force", text);
	wr_vec_done(&ids.v);
	return r;
}

static int parse_dst(struct lookup *l, struct wr_err *err)
{
	uint16_t port = 0;

	if (wr_socket_parse(l->cli->args[1], &l->query.dst, &port) < 0)
		return find_dst(l, err);
	if (!port)
		return wr_cli_fail(l->cli, WR_EXIT_USAGE, -EINVAL, err, "DST: \"%s\" needs a port",
				   l->cli->args[1]);
	l->query.dport = htons(port);
	return 0;
}

static int parse(struct lookup *l, struct wr_err *err)
{
	const char *proto = wr_cli_opt(l->cli, "proto");
	uint32_t number;
	int r;

	l->times = 1;
	r = wr_cli_opt_u64(l->cli, "times", TIMES_MAX, &l->times, err);
	if (r < 0)
		return r;
	l->query.proto = IPPROTO_TCP;
	r = parse_dst(l, err);
	if (r == 0 && proto)
		wr_proto_parse(proto, &l->query.proto);
	if (r == 0)
		r = parse_src(l, err);
	if (r < 0)
		return r;
	l->query.scope = wr_cli_opt(l->cli, "external") ? WR_SCOPE_EXTERNAL : WR_SCOPE_ANY;
	if (wr_endpoint_lookup(l->dp, &l->query.src, &number) == 0 && number == WR_EP_HOST)
		l->query.flags |= WR_LB_NODE;
	return 0;
}

static void count(struct lookup *l, const struct wr_lb_answer *a)
{
	size_t i;

	for (i = 0; i < l->answers.n; i++) {
		if (l->answers.v[i].backend == a->backend && l->answers.v[i].reason == a->reason) {
			l->answers.v[i].n++;
			return;
		}
	}
	wr_vec_push(&l->answers, (struct tally){ a->backend, a->reason, 1, *a });
}

static int by_backend(const void *a, const void *b)
{
	const struct tally *x = a, *y = b;

	return (x->backend > y->backend) - (x->backend < y->backend);
}

/* Without a given source port each question comes from another one, as connections do. */
static int ask(struct lookup *l, struct wr_err *err)
{
	bool vary = !l->query.sport;
	struct wr_lb_answer answer;
	uint64_t i;
	int r;

	for (i = 0; i < l->times; i++) {
		if (vary)
			l->query.sport = htons((uint16_t)(32768 + i % 28232));
		r = wr_lb_lookup(l->dp, &l->query, &answer);
		if (r == -ENOENT)
			return wr_err_set(err, r, "the program lb_lookup is not pinned below %s",
					  l->cli->paths.pins);
		if (r < 0)
			return wr_err_sys(err, r, "running the program lb_lookup");
		count(l, &answer);
	}
	wr_vec_sort(&l->answers, by_backend);
	return 0;
}

static struct wr_json *encode_answer(const struct lookup *l, const struct tally *t)
{
	struct wr_json *j;
	struct wr_backend be;

	if (t->backend && wr_backend_get(l->dp, t->backend, &be) == 0)
		j = wr_backend_encode(l->dp, &l->names, t->backend, &be);
	else
		j = wr_json_new_object();
	wr_json_add_str(j, "result",
			t->backend ? "backend" :
			t->reason  ? "refused" :
				     "not-a-service");
	if (t->reason) {
		wr_json_add_str(j, "reason", wr_reason_name(t->reason));
		wr_json_add_str(j, "text", wr_reason_text(t->reason));
	}
	wr_json_add_int(j, "times", (int64_t)t->n);
	return j;
}

static struct wr_json *encode(const struct lookup *l)
{
	struct wr_json *j = wr_json_new_object(), *list = wr_json_new_array();
	uint32_t service = l->answers.n ? l->answers.v[0].answer.service : 0;
	const char *name = wr_names_number(&l->names, WR_NAME_SERVICE, service);
	const char *src_name = wr_names_addr(&l->names, &l->query.src);
	char addr[WR_ADDR_STRLEN], proto[16];
	size_t i;

	wr_json_add_str(j, "src", wr_addr_format(&l->query.src, addr));
	if (src_name)
		wr_json_add_str(j, "src_name", src_name);
	wr_json_add_str(j, "dst", wr_addr_format(&l->query.dst, addr));
	wr_json_add_int(j, "dst_port", ntohs(l->query.dport));
	wr_json_add_str(j, "proto", wr_proto_format(l->query.proto, proto));
	if (service)
		wr_json_add_int(j, "service_id", service);
	if (name)
		wr_json_add_str(j, "service", name);
	for (i = 0; i < l->answers.n; i++)
		wr_json_push(list, encode_answer(l, &l->answers.v[i]));
	wr_json_add(j, "answers", list);
	return j;
}

static void cell_answer(const struct wr_json *item, const char *key, struct wr_strbuf *out)
{
	const char *result = wr_json_get_str(item, "result");

	if (wr_streq(result, "refused"))
		wr_strbuf_addf(out, "refused (%s): %s", wr_json_get_str(item, "reason"),
			       wr_json_get_str(item, "text"));
	else if (wr_streq(result, "not-a-service"))
		wr_strbuf_addstr(out, "not a service: packets go to that address itself");
	else
		wr_human_socket(wr_json_get_str(item, "address"),
				(uint16_t)wr_json_get_int(item, "port", 0), out);
}

static const struct wr_out_column columns[] = {
	{ "BACKEND", NULL, cell_answer, 0, 20 },
	{ "STATE", "state", NULL, 0, 0 },
	{ "POD", "name", NULL, 0, 12 },
	{ "NODE", "node", NULL, 0, 8 },
	{ "ZONE", "zone", NULL, 0, 6 },
	{ "TIMES", "times", NULL, WR_COL_RIGHT, 0 },
	{ 0 },
};

static void print(struct wr_cli *cli, const struct wr_json *j)
{
	const struct wr_json *list = wr_json_get(j, "answers"), *first = wr_json_at(list, 0);
	wr_auto_strbuf dst = WR_STRBUF_INIT;
	const char *service = wr_json_get_str(j, "service"),
		   *src_name = wr_json_get_str(j, "src_name");

	wr_human_socket(wr_json_get_str(j, "dst"), (uint16_t)wr_json_get_int(j, "dst_port", 0), &dst);
	fprintf(cli->out, "%s%s%s -> %s/%s%s%s\n", src_name ? src_name : "", src_name ? " " : "",
		wr_json_get_str(j, "src"), dst.buf, wr_json_get_str(j, "proto"),
		service ? "  " : "", service ? service : "");
	if (wr_json_len(list) == 1 && !wr_json_get(first, "number")) {
		wr_strbuf_reset(&dst);
		cell_answer(first, NULL, &dst);
		fprintf(cli->out, "  %s\n", dst.buf);
	} else {
		wr_out_rows(cli, columns, list);
	}
}

static int look_up(struct lookup *l, struct wr_err *err)
{
	int r = parse(l, err);

	if (r == 0)
		r = ask(l, err);
	if (r < 0)
		return r;
	if (l->cli->json) {
		wr_out_object(l->cli, "LbLookup", encode(l));
	} else {
		wr_auto_json *j = encode(l);

		print(l->cli, j);
	}
	return 0;
}

static int run(struct wr_cli *cli, struct wr_err *err)
{
	struct lookup l = { .cli = cli };
	int r = wr_cli_dp(cli, &l.dp, err);

	if (r < 0)
		return r;
	wr_names_load(cli, WR_NAMES_ALL, &l.names);
	r = look_up(&l, err);
	wr_names_done(&l.names);
	wr_vec_done(&l.answers);
	return r;
}

const struct wr_command wr_cmd_lb_lookup = {
	.name = "lb lookup",
	.args = "SRC DST",
	.min_args = 2,
	.max_args = 2,
	.values = WR_VALUES_POD,
	.options = options,
	.summary = "Which backend a new connection would take",
	.details =
		"The program that picks for real connections is asked; nothing is counted or remembered. SRC is a\n"
		"pod, a node or an ADDRESS[:PORT]; DST is ADDRESS:PORT or [NAMESPACE/]NAME[:PORT NAME] of a service.\n"
		"Services pick at random unless the answer is tied to the client (affinity) or to the connection\n"
		"(Maglev): --times shows the shares.\n"
		"\n"
		"Examples:\n"
		"  weir lb lookup default/client 10.96.0.10:80\n"
		"  weir lb lookup default/client default/web --times 1000\n"
		"  weir lb lookup --external 203.0.113.9:40000 192.0.2.10:30080\n",
	.run = run,
};
