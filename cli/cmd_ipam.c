// SPDX-License-Identifier: Apache-2.0
/* weir ipam: this node's pod addresses. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli/agent.h"
#include "cli/commands.h"
#include "cli/human.h"
#include "cli/names.h"
#include "cli/out.h"
#include "lib/base/clock.h"
#include "lib/base/str.h"
#include "lib/ipam/ipam.h"
#include "lib/model/records.h"
#include "lib/wire/wire.h"

static void cell_free(const struct wr_json *item, const char *key, struct wr_strbuf *out)
{
	/* An IPv6 range is never used up. */
	if (wr_json_get_int(item, key, 0) == INT64_MAX)
		wr_strbuf_addstr(out, "plenty");
	else
		wr_cell_count(item, key, out);
}

static const struct wr_out_column pool_columns[] = {
	{ "POOL", "pool", NULL, 0, 0 },
	{ "HELD", "held", wr_cell_count, WR_COL_RIGHT, 0 },
	{ "RESTING", "resting", wr_cell_count, WR_COL_RIGHT, 0 },
	{ "FREE", "free", cell_free, WR_COL_RIGHT, 0 },
	{ 0 },
};

static const struct wr_out_column lease_columns[] = {
	{ "ADDRESS", "address", NULL, 0, 0 },
	{ "STATE", "state", NULL, 0, 0 },
	{ "SINCE", "since_ms", wr_cell_ms, WR_COL_RIGHT, 0 },
	{ "POD", "name", NULL, 0, 12 },
	{ "CONTAINER", "container", NULL, 0, 12 },
	{ "NETWORK", "network", NULL, WR_COL_WIDE, 0 },
	{ "IFNAME", "ifname", NULL, WR_COL_WIDE, 0 },
	{ 0 },
};

struct view {
	struct wr_hello hello; /* zero: the agent is away */
	struct wr_ipam_leases leases;
	struct wr_records records;
};

/* A CLI makes nothing: where no address was ever given there is no store. */
static int load_leases(struct wr_cli *cli, struct wr_ipam_leases *ret, struct wr_err *err)
{
	wr_auto_ipam *ipam = NULL;
	char dir[WR_PATH_SIZE + 8];
	int r;

	wr_format(dir, sizeof(dir), "%s/ipam", cli->paths.state);
	if (access(dir, F_OK) < 0)
		return errno == ENOENT ? 0 : wr_err_sys(err, -errno, "%s", dir);
	r = wr_ipam_open(dir, &ipam, err);
	return r < 0 ? r : wr_ipam_dump(ipam, ret, err);
}

static int load_pools(struct wr_cli *cli, struct wr_hello *ret, struct wr_err *err)
{
	struct wr_json *hello = wr_json_new_object();
	wr_auto_json *body = NULL;
	int r;

	wr_json_add_str(hello, "client", "weir " WR_VERSION);
	r = wr_agent_call(cli, "hello", hello, &body, err);
	if (r == 0)
		r = wr_hello_decode(body, ret, err);
	return r;
}

/* As lib/ipam gives them: not the ends of the range. INT64_MAX: more than anybody needs. */
static int64_t usable(const struct wr_prefix *p)
{
	uint64_t size = wr_prefix_size(p);

	if (size <= 2)
		return (int64_t)size;
	if (size > UINT32_MAX)
		return INT64_MAX;
	return (int64_t)size - (wr_addr_is4(&p->addr) ? 3 : 2);
}

static struct wr_json *encode_pool(const struct view *v, const struct wr_prefix *p)
{
	struct wr_json *j = wr_json_new_object();
	int64_t held = 0, resting = 0, size = usable(p);
	char text[WR_PREFIX_STRLEN];
	size_t i;

	for (i = 0; i < v->leases.v.n; i++) {
		if (!wr_prefix_has(p, &v->leases.v.v[i].addr))
			continue;
		held += !v->leases.v.v[i].resting;
		resting += v->leases.v.v[i].resting;
	}
	wr_json_add_str(j, "pool", wr_prefix_format(p, text));
	wr_json_add_int(j, "usable", size);
	wr_json_add_int(j, "held", held);
	wr_json_add_int(j, "resting", resting);
	wr_json_add_int(j, "free", size == INT64_MAX ? size : size - held);
	return j;
}

static const struct wr_endpoint_record *find_record(const struct view *v,
						    const struct wr_attachment *id)
{
	size_t i;

	for (i = 0; i < v->records.v.n; i++)
		if (wr_attachment_cmp(&v->records.v.v[i].id, id) == 0)
			return &v->records.v.v[i];
	return NULL;
}

static struct wr_json *encode_lease(const struct view *v, const struct wr_ipam_lease *l)
{
	const struct wr_endpoint_record *r = find_record(v, &l->id);
	struct wr_json *j = wr_json_new_object();
	wr_auto_strbuf name = WR_STRBUF_INIT;
	char addr[WR_ADDR_STRLEN];
	uint64_t now = wr_real_ms();

	wr_json_add_str(j, "address", wr_addr_format(&l->addr, addr));
	wr_json_add_str(j, "state", l->resting ? "resting" : r ? "held" : "no record");
	wr_json_add_int(j, "since_ms", (int64_t)(now > l->since_ms ? now - l->since_ms : 0));
	if (r && r->pod_name && *r->pod_name) {
		wr_strbuf_addf(&name, "%s/%s", r->pod_namespace, r->pod_name);
		wr_json_add_str(j, "name", name.buf);
	}
	wr_json_add_str(j, "container", l->id.container);
	wr_json_add_str(j, "network", l->id.network);
	wr_json_add_str(j, "ifname", l->id.ifname);
	return j;
}

static struct wr_json *encode(const struct view *v)
{
	struct wr_json *j = wr_json_new_object(), *pools = wr_json_new_array(),
		       *items = wr_json_new_array();
	size_t i;

	for (i = 0; i < v->hello.pools.n; i++)
		wr_json_push(pools, encode_pool(v, &v->hello.pools.v[i]));
	for (i = 0; i < v->leases.v.n; i++)
		wr_json_push(items, encode_lease(v, &v->leases.v.v[i]));
	wr_json_add(j, "pools", pools);
	wr_json_add(j, "items", items);
	return j;
}

static void print(struct wr_cli *cli, const struct wr_json *j)
{
	const struct wr_json *pools = wr_json_get(j, "pools"), *items = wr_json_get(j, "items");

	if (wr_json_len(pools)) {
		fputs("Pools of this node\n", cli->out);
		wr_out_rows(cli, pool_columns, pools);
	}
	if (!wr_json_len(items)) {
		wr_cli_note(cli, "no address is held on this node");
		return;
	}
	fprintf(cli->out, "%sLeases\n", wr_json_len(pools) ? "\n" : "");
	wr_out_rows(cli, lease_columns, items);
}

static int run(struct wr_cli *cli, struct wr_err *err)
{
	struct wr_err why = WR_ERR_INIT;
	struct view v = { 0 };
	size_t bad;
	int r = load_leases(cli, &v.leases, err);

	if (r < 0)
		return r;
	wr_records_load(cli->paths.state, &v.records, &bad, NULL);
	if (load_pools(cli, &v.hello, &why) < 0) {
		if (v.leases.v.n)
			wr_cli_note(cli,
				    "pools come from the agent, which is away (%s); these are the leases on disk",
				    why.msg);
		else
			r = wr_cli_fail(cli, WR_EXIT_NOTHING, -ENOENT, err,
					"the agent is away (%s), and no address was ever given below %s",
					why.msg, cli->paths.state);
	}
	if (r == 0 && cli->json) {
		wr_out_object(cli, "IPAM", encode(&v));
	} else if (r == 0) {
		wr_auto_json *j = encode(&v);

		print(cli, j);
	}
	wr_hello_done(&v.hello);
	wr_ipam_leases_done(&v.leases);
	wr_records_done(&v.records);
	return r;
}

const struct wr_command wr_cmd_ipam = {
	.name = "ipam",
	.args = "",
	.summary = "This node's pod addresses: pools, leases, how many are free",
	.details =
		"A released address rests while others are free. \"no record\": the address is held by an\n"
		"attachment that has left no record; the agent's garbage collection looks after it.\n",
	.run = run,
};
