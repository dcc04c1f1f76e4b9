// SPDX-License-Identifier: Apache-2.0
/* Reads services from the maps. */
#include "cli/frontends.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/str.h"
#include "lib/dp/svc_table.h"
#include "lib/dp/tables.h"

struct load {
	const struct wr_names *names;
	struct wr_frontends *list;
	bool addresses;
};

static int add_row(void *ctx, const struct wr_frontend *fe, const struct wr_service *svc)
{
	struct load *l = ctx;

	if (fe->port || l->addresses)
		wr_vec_push(&l->list->v,
			    (struct wr_frontend_row){
				    .fe = *fe,
				    .svc = *svc,
				    .name = wr_names_number(l->names, WR_NAME_SERVICE, svc->id),
			    });
	return 0;
}

/* Named ones first, by name. */
static int cmp_names(const struct wr_frontend_row *x, const struct wr_frontend_row *y)
{
	if (x->name && y->name)
		return strcmp(x->name, y->name);
	if (!x->name != !y->name)
		return x->name ? -1 : 1;
	return (x->svc.id > y->svc.id) - (x->svc.id < y->svc.id);
}

/* The cluster's own addresses before those that lead to them. */
static uint32_t is_elsewhere(const struct wr_frontend_row *row)
{
	return row->svc.flags & (WR_SVC_NODEPORT | WR_SVC_HOSTPORT | WR_SVC_EXTERNAL);
}

static int cmp_rows(const void *a, const void *b)
{
	const struct wr_frontend_row *x = a, *y = b;
	int r = cmp_names(x, y);

	if (!r)
		r = !!is_elsewhere(x) - !!is_elsewhere(y);
	if (!r)
		r = wr_addr_cmp(&x->fe.addr, &y->fe.addr);
	if (!r)
		r = (int)ntohs(x->fe.port) - (int)ntohs(y->fe.port);
	if (!r)
		r = (int)x->fe.proto - (int)y->fe.proto;
	return r ? r : (int)x->fe.scope - (int)y->fe.scope;
}

int wr_frontends_load(const struct wr_dp *dp, const struct wr_names *names, bool addresses,
		      struct wr_frontends *ret)
{
	struct wr_frontends list = { 0 };
	struct load l = { .names = names, .list = &list, .addresses = addresses };
	int r = wr_frontend_dump(dp, add_row, &l);

	if (r < 0) {
		wr_frontends_done(&list);
		return r;
	}
	wr_vec_sort(&list.v, cmp_rows);
	*ret = list;
	return 0;
}

void wr_frontends_done(struct wr_frontends *f)
{
	wr_vec_done(&f->v);
}

static const char *kind_of(uint32_t flags)
{
	if (flags & WR_SVC_ADDRESS)
		return "address";
	if (flags & WR_SVC_HOSTPORT)
		return "host-port";
	if (flags & WR_SVC_NODEPORT)
		return "node-port";
	return flags & WR_SVC_EXTERNAL ? "external" : "cluster";
}

static struct wr_json *encode_flags(uint32_t flags)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} all[] = {
		{ WR_SVC_LOCAL_ONLY, "local" },        { WR_SVC_SRC_RANGES, "source-ranges" },
		{ WR_SVC_KEEP_SOURCE, "keep-source" }, { WR_SVC_MAGLEV, "maglev" },
		{ WR_SVC_NO_TABLE, "no-table" },       { WR_SVC_DSR, "dsr" },
		{ WR_SVC_NO_TRANSLATE, "on-node" },
	};
	struct wr_json *j = wr_json_new_array();
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(all); i++)
		if (flags & all[i].bit)
			wr_json_push(j, wr_json_new_str(all[i].name));
	return j;
}

struct wr_json *wr_frontend_encode(const struct wr_frontend_row *row)
{
	struct wr_json *j = wr_json_new_object();
	char addr[WR_ADDR_STRLEN], proto[16];

	if (row->name)
		wr_json_add_str(j, "service", row->name);
	wr_json_add_int(j, "service_id", row->svc.id);
	wr_json_add_str(j, "address", wr_addr_format(&row->fe.addr, addr));
	wr_json_add_int(j, "port", ntohs(row->fe.port));
	wr_json_add_str(j, "proto", row->fe.proto ? wr_proto_format(row->fe.proto, proto) : "any");
	wr_json_add_str(j, "kind", kind_of(row->svc.flags));
	wr_json_add_str(j, "scope", row->fe.scope == WR_SCOPE_EXTERNAL ? "external" : "any");
	wr_json_add_int(j, "backends", row->svc.n);
	if (row->svc.affinity)
		wr_json_add_int(j, "affinity_seconds", row->svc.affinity);
	wr_json_add(j, "flags", encode_flags(row->svc.flags));
	return j;
}

static const char *state_name(uint8_t state)
{
	static const char *const names[] = {
		[WR_BACKEND_FREE] = "removed",
		[WR_BACKEND_ACTIVE] = "active",
		[WR_BACKEND_TERMINATING] = "terminating",
	};

	return state < WR_ARRAY_SIZE(names) ? names[state] : "unknown";
}

struct wr_json *wr_backend_encode(const struct wr_dp *dp, const struct wr_names *names,
				  uint32_t number, const struct wr_backend *be)
{
	const char *pod = wr_names_addr(names, &be->addr),
		   *node = wr_names_number(names, WR_NAME_NODE, be->node);
	const char *zone = wr_names_number(names, WR_NAME_ZONE, be->zone);
	struct wr_json *j = wr_json_new_object();
	char addr[WR_ADDR_STRLEN], proto[16];
	uint64_t picks;

	wr_json_add_int(j, "number", number);
	wr_json_add_str(j, "address", wr_addr_format(&be->addr, addr));
	wr_json_add_int(j, "port", ntohs(be->port));
	wr_json_add_str(j, "proto", wr_proto_format(be->proto, proto));
	wr_json_add_str(j, "state", state_name(be->state));
	if (pod)
		wr_json_add_str(j, "name", pod);
	if (node)
		wr_json_add_str(j, "node", node);
	if (zone)
		wr_json_add_str(j, "zone", zone);
	if (wr_backend_picks(dp, number, &picks) == 0)
		wr_json_add_int(j, "picks", (int64_t)picks);
	return j;
}

int wr_socket_parse(const char *text, struct wr_addr *ret_addr, uint16_t *ret_port)
{
	char addr[WR_ADDR_STRLEN];
	const char *end = text[0] == '[' ? strchr(text, ']') : strchr(text, ':');
	const char *port = end && text[0] == '[' ? end + 1 : end;
	const char *start = text + (text[0] == '[');
	uint64_t n = 0;

	if (wr_addr_parse(text, ret_addr) == 0) {
		*ret_port = 0;
		return 0;
	}
	if (!end || wr_format(addr, sizeof(addr), "%.*s", (int)(end - start), start) < 0)
		return -EINVAL;
	if (*port && (*port != ':' || wr_parse_u64(port + 1, UINT16_MAX, &n) < 0 || !n))
		return -EINVAL;
	if (wr_addr_parse(addr, ret_addr) < 0)
		return -EINVAL;
	*ret_port = (uint16_t)n;
	return 0;
}

struct search {
	const char *text;
	struct wr_addr addr;
	uint16_t port;
	WR_VEC(uint32_t) ids;
};

static void found(struct search *s, uint32_t id)
{
	size_t i;

	for (i = 0; i < s->ids.n; i++)
		if (s->ids.v[i] == id)
			return;
	wr_vec_push(&s->ids, id);
}

static void check_name(void *ctx, const struct wr_name *name)
{
	struct search *s = ctx;

	if (wr_name_is(name->text, s->text))
		found(s, name->number);
}

static int check_address(void *ctx, const struct wr_frontend *fe, const struct wr_service *svc)
{
	struct search *s = ctx;

	if (fe->port && wr_addr_eq(&fe->addr, &s->addr) && (!s->port || ntohs(fe->port) == s->port))
		found(s, svc->id);
	return 0;
}

void wr_service_search(const struct wr_dp *dp, const struct wr_names *names, const char *text,
		       void (*fn)(void *ctx, uint32_t id), void *ctx)
{
	struct search s = { .text = text };
	size_t i;

	if (wr_socket_parse(text, &s.addr, &s.port) == 0)
		wr_frontend_dump(dp, check_address, &s);
	else
		wr_names_each(names, WR_NAME_SERVICE, check_name, &s);
	for (i = 0; i < s.ids.n; i++)
		fn(ctx, s.ids.v[i]);
	wr_vec_done(&s.ids);
}

struct counted {
	void (*fn)(void *ctx, uint32_t id);
	void *ctx;
	size_t n;
};

static void count_id(void *ctx, uint32_t id)
{
	struct counted *c = ctx;

	c->n++;
	c->fn(c->ctx, id);
}

int wr_service_find(struct wr_cli *cli, const struct wr_dp *dp, const struct wr_names *names,
		    const char *text, void (*fn)(void *ctx, uint32_t id), void *ctx,
		    struct wr_err *err)
{
	struct counted c = { fn, ctx, 0 };

	wr_service_search(dp, names, text, count_id, &c);
	if (c.n)
		return 0;
	return wr_cli_fail(cli, WR_EXIT_NOT_FOUND, -ENOENT, err,
			   "no service \"%s\" is in force on this node%s", text,
			   cli->agent_fd < 0 ? " (names come from the agent: use its address)" : "");
}
