// SPDX-License-Identifier: Apache-2.0
/* Collects names from the disk and from the agent. */
#include "cli/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/agent.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/dp/tables.h"
#include "lib/model/records.h"

static uint32_t hash_addr(const struct wr_addr *a)
{
	return wr_hash_bytes(a, sizeof(*a), 0);
}

static uint32_t hash_number(enum wr_name_kind kind, uint32_t number)
{
	return wr_hash_bytes(&number, sizeof(number), kind);
}

static struct wr_name *new_name(enum wr_name_kind kind, const char *text)
{
	struct wr_name *name = wr_xcalloc(1, sizeof(*name));

	name->kind = kind;
	name->text = wr_xstrdup(text);
	return name;
}

void wr_names_add_addr(struct wr_names *n, enum wr_name_kind kind, const struct wr_addr *addr,
		       const char *text)
{
	struct wr_name *name;

	if (!text || wr_addr_is_zero(addr) || wr_names_addr(n, addr))
		return;
	name = new_name(kind, text);
	name->addr = *addr;
	wr_hmap_add(&n->by_addr, &name->node, hash_addr(addr));
}

void wr_names_add_number(struct wr_names *n, enum wr_name_kind kind, uint32_t number, const char *text)
{
	struct wr_name *name;

	if (!text || !number || wr_names_number(n, kind, number))
		return;
	name = new_name(kind, text);
	name->number = number;
	wr_hmap_add(&n->by_number, &name->node, hash_number(kind, number));
}

static void free_names(struct wr_hmap *m)
{
	struct wr_hnode *node, *next;
	struct wr_name *name;
	size_t pos;

	wr_hmap_each(m, node, pos, next) {
		name = WR_CONTAINER_OF(node, struct wr_name, node);
		free(name->text);
		free(name);
	}
	wr_hmap_done(m);
}

void wr_names_done(struct wr_names *n)
{
	free_names(&n->by_addr);
	free_names(&n->by_number);
}

const char *wr_names_addr(const struct wr_names *n, const struct wr_addr *addr)
{
	struct wr_hnode *node;
	struct wr_name *name;

	for (node = wr_hmap_first(&n->by_addr, hash_addr(addr)); node; node = wr_hmap_next(node)) {
		name = WR_CONTAINER_OF(node, struct wr_name, node);
		if (wr_addr_eq(&name->addr, addr))
			return name->text;
	}
	return NULL;
}

const char *wr_names_number(const struct wr_names *n, enum wr_name_kind kind, uint32_t number)
{
	struct wr_hnode *node;
	struct wr_name *name;

	for (node = wr_hmap_first(&n->by_number, hash_number(kind, number)); node;
	     node = wr_hmap_next(node)) {
		name = WR_CONTAINER_OF(node, struct wr_name, node);
		if (name->kind == kind && name->number == number)
			return name->text;
	}
	return NULL;
}

bool wr_name_is(const char *name, const char *wanted)
{
	const char *slash = strchr(name, '/');
	size_t len = strlen(wanted);

	if (slash && !strchr(wanted, '/'))
		name = slash + 1;
	return strncmp(name, wanted, len) == 0 && (!name[len] || name[len] == ':');
}

static void each_of(const struct wr_hmap *m, enum wr_name_kind kind,
		    void (*fn)(void *ctx, const struct wr_name *name), void *ctx)
{
	struct wr_hnode *node, *next;
	struct wr_name *name;
	size_t pos;

	wr_hmap_each(m, node, pos, next) {
		name = WR_CONTAINER_OF(node, struct wr_name, node);
		if (name->kind == kind)
			fn(ctx, name);
	}
}

void wr_names_each(const struct wr_names *n, enum wr_name_kind kind,
		   void (*fn)(void *ctx, const struct wr_name *name), void *ctx)
{
	each_of(&n->by_addr, kind, fn, ctx);
	each_of(&n->by_number, kind, fn, ctx);
}

/* "namespace/name"; NULL when there is no name. */
static char *join(const char *ns, const char *name)
{
	if (!name || !*name)
		return NULL;
	return ns && *ns ? wr_xasprintf("%s/%s", ns, name) : wr_xstrdup(name);
}

/* Containers that Kubernetes did not start have no pod's name; their id will do. */
static void load_records(struct wr_cli *cli, struct wr_names *n)
{
	struct wr_records records = { 0 };
	size_t i, bad;

	if (wr_records_load(cli->paths.state, &records, &bad, NULL) < 0)
		return;
	for (i = 0; i < records.v.n; i++) {
		const struct wr_endpoint_record *r = &records.v.v[i];
		wr_autofree char *name = join(r->pod_namespace, r->pod_name);
		const char *text = name ? name : r->id.container;

		wr_names_add_addr(n, WR_NAME_POD, &r->addr4, text);
		wr_names_add_addr(n, WR_NAME_POD, &r->addr6, text);
	}
	wr_records_done(&records);
}

static void add_addresses(struct wr_names *n, enum wr_name_kind kind, const struct wr_json *list,
			  const char *text)
{
	struct wr_addr addr;
	const char *s;
	size_t i;

	for (i = 0; i < wr_json_len(list); i++) {
		s = wr_json_str(wr_json_at(list, i));
		if (s && wr_addr_parse(s, &addr) == 0)
			wr_names_add_addr(n, kind, &addr, text);
	}
}

static void take_pod(struct wr_names *n, const struct wr_json *item)
{
	wr_autofree char *name =
		join(wr_json_get_str(item, "namespace"), wr_json_get_str(item, "name"));

	add_addresses(n, WR_NAME_POD, wr_json_get(item, "addresses"), name);
}

static void take_node(struct wr_names *n, const struct wr_json *item)
{
	const char *name = wr_json_get_str(item, "name");

	add_addresses(n, WR_NAME_NODE, wr_json_get(item, "addresses"), name);
	wr_names_add_number(n, WR_NAME_NODE, (uint32_t)wr_json_get_int(item, "number", 0), name);
	wr_names_add_number(n, WR_NAME_ZONE, (uint32_t)wr_json_get_int(item, "zone_number", 0),
			    wr_json_get_str(item, "zone"));
}

static void take_service(struct wr_names *n, const struct wr_json *item)
{
	wr_autofree char *name =
		join(wr_json_get_str(item, "namespace"), wr_json_get_str(item, "name"));
	const char *port = wr_json_get_str(item, "port_name");
	wr_autofree char *text = name && port && *port ? wr_xasprintf("%s:%s", name, port) : NULL;

	wr_names_add_number(n, WR_NAME_SERVICE, (uint32_t)wr_json_get_int(item, "id", 0),
			    text ? text : name);
}

static const struct {
	enum wr_names_what what;
	const char *get;
	void (*take)(struct wr_names *n, const struct wr_json *item);
} sources[] = {
	{ WR_NAMES_PODS, "pods", take_pod },
	{ WR_NAMES_NODES, "nodes", take_node },
	{ WR_NAMES_SERVICES, "services", take_service },
};

static int add_interface(void *ctx, uint32_t number, const struct wr_endpoint *ep)
{
	struct wr_names *n = ctx;
	const char *name = wr_names_addr(n, &ep->addr4);

	wr_names_add_number(n, WR_NAME_INTERFACE, ep->ifindex,
			    name ? name : wr_names_addr(n, &ep->addr6));
	return 0;
}

static void load_interfaces(struct wr_cli *cli, struct wr_names *n)
{
	struct wr_dp *dp;

	if (wr_cli_dp(cli, &dp, NULL) == 0)
		wr_endpoint_dump(dp, add_interface, n);
}

void wr_names_load(struct wr_cli *cli, unsigned int what, struct wr_names *ret)
{
	struct wr_json *list;
	size_t i, k;

	*ret = (struct wr_names){ 0 };
	if (what & (WR_NAMES_LOCAL | WR_NAMES_PODS))
		load_records(cli, ret);
	for (i = 0; i < WR_ARRAY_SIZE(sources); i++) {
		wr_auto_json *body = NULL;

		if (!(what & sources[i].what) || wr_agent_get(cli, sources[i].get, &body, NULL) < 0)
			continue;
		list = wr_json_get(body, "items");
		for (k = 0; k < wr_json_len(list); k++)
			sources[i].take(ret, wr_json_at(list, k));
	}
	if (what & WR_NAMES_INTERFACES)
		load_interfaces(cli, ret);
}
