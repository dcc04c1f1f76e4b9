// SPDX-License-Identifier: Apache-2.0
/* weir backends: who serves. */
#include <stdlib.h>

#include "cli/commands.h"
#include "cli/frontends.h"
#include "cli/out.h"
#include "cli/service_columns.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/dp/svc_table.h"

static const struct wr_out_column columns[] = {
	WR_BACKEND_COLUMNS,
	{ "SERVICES", "services", wr_cell_list, 0, 12 },
	{ 0 },
};

static const struct wr_out_list format = {
	.kind = "BackendList",
	.none = "no service has a backend on this node",
	.columns = columns,
};

/* Which service port names a backend. */
struct use {
	uint32_t backend, id;
	const char *name;
};

struct uses {
	WR_VEC(struct use) v;
};

static int cmp_uses(const void *a, const void *b)
{
	const struct use *x = a, *y = b;

	if (x->backend != y->backend)
		return x->backend < y->backend ? -1 : 1;
	return (x->id > y->id) - (x->id < y->id);
}

/* Services in the order of their backends. */
static void find_uses(const struct wr_dp *dp, const struct wr_frontends *list, struct uses *ret)
{
	uint32_t i, backend;
	size_t k;

	for (k = 0; k < list->v.n; k++) {
		const struct wr_frontend_row *row = &list->v.v[k];

		for (i = 0; wr_service_slots(dp, &row->svc, i, &backend) == 0; i++)
			wr_vec_push(&ret->v, (struct use){ backend, row->svc.id, row->name });
	}
	wr_vec_sort(&ret->v, cmp_uses);
}

/* The first of the backend's uses; they are behind one another. */
static size_t first_use(const struct uses *u, uint32_t backend)
{
	size_t low = 0, high = u->v.n, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (u->v.v[mid].backend < backend)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static struct wr_json *encode_uses(const struct uses *u, uint32_t backend)
{
	struct wr_json *j = wr_json_new_array();
	char number[16];
	uint32_t last = 0;
	size_t i;

	for (i = first_use(u, backend); i < u->v.n && u->v.v[i].backend == backend; i++) {
		if (u->v.v[i].id == last)
			continue;
		last = u->v.v[i].id;
		snprintf(number, sizeof(number), "#%u", last);
		wr_json_push(j, wr_json_new_str(u->v.v[i].name ? u->v.v[i].name : number));
	}
	return j;
}

static void print(struct wr_cli *cli, const struct wr_dp *dp, const struct wr_names *names,
		  const struct uses *uses)
{
	struct wr_backend be;
	struct wr_json *item;
	struct wr_out out;
	uint32_t i;

	wr_out_begin(&out, cli, &format);
	for (i = 1; wr_backend_get(dp, i, &be) == 0; i++) {
		if (be.state == WR_BACKEND_FREE)
			continue;
		item = wr_backend_encode(dp, names, i, &be);
		wr_json_add(item, "services", encode_uses(uses, i));
		wr_out_item(&out, item);
	}
	wr_out_end(&out);
}

static int run(struct wr_cli *cli, struct wr_err *err)
{
	wr_auto_frontends list = { 0 };
	wr_auto_names names = { 0 };
	struct uses uses = { 0 };
	struct wr_dp *dp;
	int r = wr_cli_dp(cli, &dp, err);

	if (r < 0)
		return r;
	wr_names_load(cli, WR_NAMES_ALL, &names);
	r = wr_frontends_load(dp, &names, false, &list);
	if (r < 0)
		return wr_err_sys(err, r, "reading the services");
	find_uses(dp, &list, &uses);
	print(cli, dp, &names, &uses);
	wr_vec_done(&uses.v);
	return 0;
}

const struct wr_command wr_cmd_backends = {
	.name = "backends",
	.args = "",
	.summary = "Who serves: address, state, pod, and how often it was picked",
	.details =
		"PICKS counts the new connections that were sent there since the backend got its number.\n"
		"A terminating backend keeps its connections; new ones avoid it while others are ready.\n",
	.run = run,
};
