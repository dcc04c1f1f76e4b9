// SPDX-License-Identifier: Apache-2.0
/* weir service NAME: all about one service. */
#include <errno.h>
#include <string.h>

#include "cli/agent.h"
#include "cli/commands.h"
#include "cli/frontends.h"
#include "cli/out.h"
#include "cli/service_columns.h"
#include "lib/dp/svc_table.h"

static const struct wr_out_column frontend_columns[] = { WR_FRONTEND_COLUMNS, { 0 } };
static const struct wr_out_column backend_columns[] = { WR_BACKEND_COLUMNS, { 0 } };
struct ids {
	WR_VEC(uint32_t) v;
};

static void add_id(void *ctx, uint32_t id)
{
	struct ids *ids = ctx;

	wr_vec_push(&ids->v, id);
}

static bool has_number(const struct wr_json *list, uint32_t number)
{
	size_t i;

	for (i = 0; i < wr_json_len(list); i++)
		if (wr_json_get_int(wr_json_at(list, i), "number", 0) == number)
			return true;
	return false;
}

/* Frontends of a service port may share their backends, or have some of them (traffic policy Local). */
static void add_backends(const struct wr_dp *dp, const struct wr_names *names,
			 const struct wr_service *svc, struct wr_json *into)
{
	struct wr_backend be;
	uint32_t i, number;

	for (i = 0; wr_service_slots(dp, svc, i, &number) == 0; i++)
		if (!has_number(into, number) && wr_backend_get(dp, number, &be) == 0)
			wr_json_push(into, wr_backend_encode(dp, names, number, &be));
}

/* Is the item a service of these ports, or the one that was asked for? */
static bool is_of(const struct wr_json *item, const struct wr_json *ports, const char *text)
{
	const char *ns = wr_json_get_str(item, "namespace"), *name;
	wr_auto_strbuf service = WR_STRBUF_INIT;
	size_t i;

	wr_strbuf_addf(&service, "%s%s%s", ns, *ns ? "/" : "", wr_json_get_str(item, "name"));
	if (wr_name_is(service.buf, text))
		return true;
	for (i = 0; i < wr_json_len(ports); i++) {
		name = wr_json_get_str(wr_json_at(ports, i), "service");
		if (name && wr_name_is(name, service.buf))
			return true;
	}
	return false;
}

/* What the agent left out, and why, of the services that were asked for. */
static struct wr_json *find_skipped(const struct wr_json *services, const struct wr_json *ports,
				    const char *text)
{
	const struct wr_json *list = wr_json_get(services, "items"), *skipped;
	struct wr_json *found = wr_json_new_array();
	size_t i, k;

	for (i = 0; i < wr_json_len(list); i++) {
		skipped = wr_json_get(wr_json_at(list, i), "skipped");
		if (!wr_json_len(skipped) || !is_of(wr_json_at(list, i), ports, text))
			continue;
		for (k = 0; k < wr_json_len(skipped); k++)
			wr_json_push(found, wr_json_ref(wr_json_at(skipped, k)));
	}
	return found;
}

static struct wr_json *encode_port(const struct wr_dp *dp, const struct wr_names *names,
				   const struct wr_frontends *list, uint32_t id)
{
	struct wr_json *j = wr_json_new_object(), *frontends = wr_json_new_array();
	struct wr_json *backends = wr_json_new_array();
	const char *name = wr_names_number(names, WR_NAME_SERVICE, id);
	size_t i;

	if (name)
		wr_json_add_str(j, "service", name);
	wr_json_add_int(j, "service_id", id);
	for (i = 0; i < list->v.n; i++) {
		if (list->v.v[i].svc.id != id)
			continue;
		wr_json_push(frontends, wr_frontend_encode(&list->v.v[i]));
		add_backends(dp, names, &list->v.v[i].svc, backends);
	}
	wr_json_add(j, "frontends", frontends);
	wr_json_add(j, "backends", backends);
	return j;
}

static void print_rows(struct wr_cli *cli, const struct wr_out_column *columns,
		       const struct wr_json *items, const char *none)
{
	fputc('\n', cli->out);
	if (wr_json_len(items))
		wr_out_rows(cli, columns, items);
	else
		fprintf(cli->out, "  %s\n", none);
}

static void print_port(struct wr_cli *cli, const struct wr_json *port)
{
	wr_auto_strbuf name = WR_STRBUF_INIT;

	wr_cell_service(port, "service", &name);
	fprintf(cli->out, "%s\n", name.buf);
	print_rows(cli, frontend_columns, wr_json_get(port, "frontends"), "no frontend is in force");
	print_rows(cli, backend_columns, wr_json_get(port, "backends"),
		   "no backend: new connections are refused at once");
}

static void print(struct wr_cli *cli, const struct wr_json *all)
{
	const struct wr_json *ports = wr_json_get(all, "ports"),
			     *skipped = wr_json_get(all, "skipped");
	size_t i;

	if (!wr_json_len(ports))
		fputs("Nothing of it is in force on this node\n", cli->out);
	for (i = 0; i < wr_json_len(ports); i++) {
		if (i)
			fputc('\n', cli->out);
		print_port(cli, wr_json_at(ports, i));
	}
	if (wr_json_len(skipped))
		fputs("\nSkipped\n", cli->out);
	for (i = 0; i < wr_json_len(skipped); i++)
		fprintf(cli->out, "  %s\n", wr_json_get_str(wr_json_at(skipped, i), "reason"));
}

static void show(struct wr_cli *cli, struct wr_json *ports, struct wr_json *skipped)
{
	struct wr_json *all = wr_json_new_object();

	wr_json_add(all, "skipped", skipped);
	wr_json_add(all, "ports", ports);
	if (cli->json) {
		wr_out_object(cli, "Service", all);
	} else {
		print(cli, all);
		wr_json_free(all);
	}
}

static struct wr_json *encode_ports(const struct wr_dp *dp, const struct wr_names *names,
				    const char *text)
{
	struct wr_json *ports = wr_json_new_array();
	wr_auto_frontends list = { 0 };
	struct ids ids = { 0 };
	size_t i;

	wr_service_search(dp, names, text, add_id, &ids);
	if (ids.v.n)
		wr_frontends_load(dp, names, false, &list);
	for (i = 0; i < ids.v.n; i++)
		wr_json_push(ports, encode_port(dp, names, &list, ids.v.v[i]));
	wr_vec_done(&ids.v);
	return ports;
}

/* Of a service that is left out altogether there is only that to say, and why. */
static int run(struct wr_cli *cli, struct wr_err *err)
{
	struct wr_json *ports, *skipped;
	wr_auto_json *services = NULL;
	wr_auto_names names = { 0 };
	struct wr_dp *dp;
	int r = wr_cli_dp(cli, &dp, err);

	if (r < 0)
		return r;
	wr_names_load(cli, WR_NAMES_ALL, &names);
	ports = encode_ports(dp, &names, cli->args[0]);
	wr_agent_get(cli, "services", &services, NULL);
	skipped = find_skipped(services, ports, cli->args[0]);
	if (wr_json_len(ports) || wr_json_len(skipped)) {
		show(cli, ports, skipped);
		return 0;
	}
	wr_json_free(ports);
	wr_json_free(skipped);
	return wr_cli_fail(cli, WR_EXIT_NOT_FOUND, -ENOENT, err,
			   "no service \"%s\" is in force on this node%s", cli->args[0],
			   cli->agent_fd < 0 ? " (names come from the agent: use its address)" : "");
}

const struct wr_command wr_cmd_service = {
	.name = "service",
	.args = "NAME",
	.min_args = 1,
	.max_args = 1,
	.values = WR_VALUES_SERVICE,
	.summary = "One service: frontends, backends with state and picks, what was skipped and why",
	.details = "NAME is [NAMESPACE/]NAME[:PORT NAME], or ADDRESS[:PORT], which needs no agent.\n"
		   "\n"
		   "Examples:\n"
		   "  weir service default/web\n"
		   "  weir service 10.96.0.10:80\n",
	.run = run,
};
