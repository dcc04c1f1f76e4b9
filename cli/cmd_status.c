// SPDX-License-Identifier: Apache-2.0
/* weir status: is this node well? */
#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "cli/agent.h"
#include "cli/commands.h"
#include "cli/human.h"
#include "cli/names.h"
#include "cli/out.h"
#include "lib/base/clock.h"
#include "lib/dp/dp.h"
#include "lib/dp/tables.h"

static const struct wr_option options[] = {
	{ "ready", 'r', WR_VALUES_ANY, NULL, NULL,
	  "say nothing; status 0 when a pod could be added now, 1 and why when not" },
	{ 0 },
};

static int check_ready(struct wr_cli *cli, struct wr_err *err)
{
	struct wr_err why = WR_ERR_INIT;
	int r = wr_agent_call(cli, "ready", NULL, NULL, &why);

	return r < 0 ? wr_err_set(err, r, "not ready: %s", why.msg) : 0;
}

/* --- what the maps say */

static struct wr_json *encode_fill(const struct wr_dp_fill *f)
{
	struct wr_json *j = wr_json_new_object();

	wr_json_add_str(j, "name", wr_map_name(f->map));
	wr_json_add_int(j, "used", (int64_t)f->used);
	wr_json_add_int(j, "size", (int64_t)f->size);
	wr_json_add_int(j, "memory_bytes", (int64_t)f->memory);
	return j;
}

static struct wr_json *encode_maps(const struct wr_dp *dp)
{
	struct wr_dp_fill fill[WR_MAP_MAX];
	struct wr_json *j = wr_json_new_array();
	size_t i;

	if (wr_dp_fill(dp, fill) < 0)
		return j;
	for (i = 0; i < WR_MAP_MAX; i++)
		if (fill[i].size)
			wr_json_push(j, encode_fill(&fill[i]));
	return j;
}

struct attached {
	struct wr_json *others; /* uplinks, overlay, cgroup */
	int64_t pods;
};

/* A pod's programs are pinned under its attachment's key, 16 hex digits. */
static int add_attached(void *ctx, const char *who)
{
	struct attached *a = ctx;

	if (strlen(who) == 16 && strspn(who, "0123456789abcdef") == 16)
		a->pods++;
	else
		wr_json_push(a->others, wr_json_new_str(who));
	return 0;
}

static void add_datapath(struct wr_cli *cli, const struct wr_dp *dp, struct wr_json *j)
{
	struct attached a = { .others = wr_json_new_array() };
	struct wr_drop_count drops[WR_REASON_MAX];
	uint64_t dropped = 0;
	size_t i;

	wr_dp_each_attached(cli->paths.pins, add_attached, &a);
	wr_json_add_bool(j, "tcx", wr_dp_has_tcx(dp));
	wr_json_add(j, "attached", a.others);
	wr_json_add_int(j, "attached_pods", a.pods);
	wr_json_add(j, "maps", encode_maps(dp));
	if (wr_drops_get(dp, drops) < 0)
		return;
	for (i = WR_REASON_NONE + 1; i < WR_REASON_MAX; i++)
		dropped += drops[i].packets;
	wr_json_add_int(j, "dropped_packets", (int64_t)dropped);
}

static struct wr_json *encode(struct wr_cli *cli, const struct wr_dp *dp,
			      struct wr_json *agent /* may be NULL */)
{
	struct wr_json *j = wr_json_new_object();

	wr_json_add_str(j, "instance", cli->paths.instance);
	wr_json_add_str(j, "version", WR_VERSION);
	wr_json_add_int(j, "abi", WR_ABI_VERSION);
	wr_json_add(j, "agent", wr_json_ref(agent));
	if (dp)
		add_datapath(cli, dp, j);
	return j;
}

/* --- for people: a line for each thing, and nothing about what is not known */

#define LABEL "  %-13s "

/* Appends "a, b, c". */
static void add_list(const struct wr_json *list, struct wr_strbuf *out)
{
	size_t i;

	for (i = 0; i < wr_json_len(list); i++)
		wr_strbuf_addf(out, "%s%s", out->len ? ", " : "", wr_json_str(wr_json_at(list, i)));
}

static void print_line(struct wr_cli *cli, const char *label, const char *text)
{
	if (text && *text)
		fprintf(cli->out, LABEL "%s\n", label, text);
}

static void add_ago(const struct wr_json *j, const char *key, struct wr_strbuf *out)
{
	uint64_t now = wr_real_ms(), then = (uint64_t)wr_json_get_int(j, key, 0);

	wr_human_duration(then && then < now ? now - then : 0, out);
}

static void print_title(struct wr_cli *cli, const struct wr_json *agent)
{
	const char *node = wr_json_get_str(agent, "node"),
		   *version = wr_json_get_str(agent, "version");
	wr_auto_strbuf up = WR_STRBUF_INIT;

	if (!agent) {
		fprintf(cli->out, "Weir, instance %s: the agent is away\n", cli->paths.instance);
		return;
	}
	add_ago(agent, "started_ms", &up);
	fprintf(cli->out, "Weir %s on %s, instance %s: agent up for %s\n", version ? version : "?",
		node ? node : "?", cli->paths.instance, up.buf);
}

static void print_ready(struct wr_cli *cli, const struct wr_json *agent)
{
	const struct wr_json *needs = wr_json_get(agent, "needs");
	const char *reason;
	size_t i;

	print_line(cli, "Ready", wr_json_get_bool(agent, "ready", false) ? "yes" : "NO");
	for (i = 0; i < wr_json_len(needs); i++) {
		reason = wr_json_get_str(wr_json_at(needs, i), "reason");
		if (reason)
			fprintf(cli->out, LABEL "%s: %s\n", "",
				wr_json_get_str(wr_json_at(needs, i), "name"), reason);
	}
}

static void print_routing(struct wr_cli *cli, const struct wr_json *agent)
{
	const struct wr_json *routing = wr_json_get(agent, "routing");
	const char *mode = wr_json_get_str(routing, "mode");
	wr_auto_strbuf text = WR_STRBUF_INIT;

	if (!mode)
		return;
	wr_strbuf_addf(&text, "%s; other nodes: %lld direct, %lld by VXLAN", mode,
		       (long long)wr_json_get_int(routing, "direct", 0),
		       (long long)wr_json_get_int(routing, "vxlan", 0));
	print_line(cli, "Routing", text.buf);
}

/* Who answers clients outside. */
static void print_load_balancing(struct wr_cli *cli, const struct wr_json *agent)
{
	const struct wr_json *lb = wr_json_get(agent, "load_balancing");
	const char *mode = wr_json_get_str(lb, "mode");
	wr_auto_strbuf text = WR_STRBUF_INIT;

	if (!mode)
		return;
	wr_strbuf_addstr(&text, mode);
	if (strcmp(mode, "snat") != 0)
		wr_strbuf_addf(&text, "; other nodes: %lld so, %lld by snat (no tunnel that works)",
			       (long long)wr_json_get_int(lb, "dsr", 0),
			       (long long)wr_json_get_int(lb, "snat", 0));
	print_line(cli, "Load balancer", text.buf);
}

static void print_links(struct wr_cli *cli, const struct wr_json *agent)
{
	const struct wr_json *uplinks = wr_json_get(agent, "uplinks"), *u;
	wr_auto_strbuf text = WR_STRBUF_INIT;
	size_t i;

	for (i = 0; i < wr_json_len(uplinks); i++) {
		u = wr_json_at(uplinks, i);
		wr_strbuf_addf(&text, "%s%s (MTU %lld%s)", i ? ", " : "",
			       wr_json_get_str(u, "name"), (long long)wr_json_get_int(u, "mtu", 0),
			       wr_json_get_bool(u, "up", true) ? "" : ", DOWN");
	}
	print_line(cli, "Uplinks", text.len ? text.buf : "NONE");
	wr_strbuf_reset(&text);
	add_list(wr_json_get(agent, "pod_cidrs"), &text);
	if (text.len)
		wr_strbuf_addf(&text, " (MTU %lld)", (long long)wr_json_get_int(agent, "mtu", 0));
	print_line(cli, "Pod ranges", text.buf);
	print_line(cli, "cgroup root", wr_json_get_str(agent, "cgroup_root"));
}

static void print_sources(struct wr_cli *cli, const struct wr_json *sources)
{
	const struct wr_json *s, *errors;
	size_t i, k;

	for (i = 0; i < wr_json_len(sources); i++) {
		wr_auto_strbuf text = WR_STRBUF_INIT;

		s = wr_json_at(sources, i);
		wr_cell_plain(s, "name", &text);
		if (wr_json_get(s, "contact_ms")) {
			wr_strbuf_addstr(&text, ", last contact ");
			add_ago(s, "contact_ms", &text);
			wr_strbuf_addstr(&text, " ago");
		}
		print_line(cli, i ? "" : "Source", text.buf);
		errors = wr_json_get(s, "errors");
		for (k = 0; k < wr_json_len(errors); k++)
			print_line(cli, "ERROR", wr_json_str(wr_json_at(errors, k)));
	}
}

/* "4 Pods, 2 Services", and what waits for its first list. */
static void print_objects(struct wr_cli *cli, const struct wr_json *kinds)
{
	wr_auto_strbuf have = WR_STRBUF_INIT, wait = WR_STRBUF_INIT;
	const struct wr_json *k;
	size_t i;

	for (i = 0; i < wr_json_len(kinds); i++) {
		k = wr_json_at(kinds, i);
		if (wr_json_get_int(k, "count", 0))
			wr_strbuf_addf(&have, "%s%lld %s", have.len ? ", " : "",
				       (long long)wr_json_get_int(k, "count", 0),
				       wr_json_get_str(k, "kind"));
		if (!wr_json_get_bool(k, "synced", true))
			wr_strbuf_addf(&wait, "%s%s", wait.len ? ", " : "",
				       wr_json_get_str(k, "kind"));
	}
	print_line(cli, "Objects", have.buf);
	print_line(cli, "Not synced", wait.buf);
}

static void print_reconcilers(struct wr_cli *cli, const struct wr_json *list)
{
	const struct wr_json *r;
	const char *why;
	size_t i;

	for (i = 0; i < wr_json_len(list); i++) {
		r = wr_json_at(list, i);
		why = wr_json_get_str(r, "error");
		if (wr_json_get_bool(r, "failing", false))
			fprintf(cli->out, LABEL "%s, %lld failures: %s\n", "FAILING",
				wr_json_get_str(r, "name"),
				(long long)wr_json_get_int(r, "failures", 0),
				why ? why : "the agent's log says why");
	}
}

static void print_sentences(struct wr_cli *cli, const char *label, const struct wr_json *list)
{
	size_t i;

	for (i = 0; i < wr_json_len(list); i++)
		print_line(cli, i ? "" : label, wr_json_str(wr_json_at(list, i)));
}

static void print_agent(struct wr_cli *cli, const struct wr_json *agent)
{
	print_ready(cli, agent);
	print_sentences(cli, "WARNING", wr_json_get(agent, "warnings"));
	print_reconcilers(cli, wr_json_get(agent, "reconcilers"));
	print_sources(cli, wr_json_get(agent, "sources"));
	print_objects(cli, wr_json_get(agent, "kinds"));
	print_routing(cli, agent);
	print_load_balancing(cli, agent);
	print_links(cli, agent);
	print_sentences(cli, "Not enforced", wr_json_get(agent, "not_enforced"));
}

static void cell_fill(const struct wr_json *item, const char *key, struct wr_strbuf *out)
{
	wr_human_share((uint64_t)wr_json_get_int(item, "used", 0),
		       (uint64_t)wr_json_get_int(item, "size", 0), out);
}

static const struct wr_out_column map_columns[] = {
	{ "MAP", "name", NULL, 0, 0 },
	{ "USED", "used", wr_cell_count, WR_COL_RIGHT, 0 },
	{ "SIZE", "size", wr_cell_count, WR_COL_RIGHT, 0 },
	{ "FULL", NULL, cell_fill, WR_COL_RIGHT, 0 },
	{ "MEMORY", "memory_bytes", wr_cell_bytes, WR_COL_RIGHT, 0 },
	{ 0 },
};

/* Without --wide only those that hold something. */
static void print_maps(struct wr_cli *cli, const struct wr_json *maps)
{
	wr_auto_json *shown = wr_json_new_array();
	wr_auto_strbuf memory = WR_STRBUF_INIT;
	struct wr_json *map;
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < wr_json_len(maps); i++) {
		map = wr_json_at(maps, i);
		sum += (uint64_t)wr_json_get_int(map, "memory_bytes", 0);
		if (!cli->width || wr_json_get_int(map, "used", 0))
			wr_json_push(shown, wr_json_ref(map));
	}
	wr_human_bytes(sum, &memory);
	wr_strbuf_addf(&memory, " in %zu maps, %zu of them empty", wr_json_len(maps),
		       wr_json_len(maps) - wr_json_len(shown));
	print_line(cli, "Memory", memory.buf);
	fputc('\n', cli->out);
	wr_out_rows(cli, map_columns, shown);
}

static void print_attached(struct wr_cli *cli, const struct wr_json *j)
{
	int64_t pods = wr_json_get_int(j, "attached_pods", 0);
	wr_auto_strbuf text = WR_STRBUF_INIT;

	add_list(wr_json_get(j, "attached"), &text);
	if (pods)
		wr_strbuf_addf(&text, "%s%lld pod%s", text.len ? ", " : "", (long long)pods,
			       pods == 1 ? "" : "s");
	print_line(cli, "Attached", text.len ? text.buf : "NOTHING");
}

static void print_datapath(struct wr_cli *cli, const struct wr_json *j)
{
	wr_auto_strbuf text = WR_STRBUF_INIT;

	wr_strbuf_addf(&text, "ABI %d, programs by %s", WR_ABI_VERSION,
		       wr_json_get_bool(j, "tcx", false) ? "tcx" : "clsact");
	print_line(cli, "Datapath", text.buf);
	print_attached(cli, j);
	wr_strbuf_reset(&text);
	wr_cell_count(j, "dropped_packets", &text);
	wr_strbuf_addstr(&text, " packets since the maps were made (weir drops)");
	print_line(cli, "Dropped", text.buf);
	print_maps(cli, wr_json_get(j, "maps"));
}

static void print(struct wr_cli *cli, const struct wr_json *j)
{
	const struct wr_json *agent = wr_json_get(j, "agent");

	print_title(cli, agent);
	if (agent)
		print_agent(cli, agent);
	if (wr_json_get(j, "maps"))
		print_datapath(cli, j);
}

static int run(struct wr_cli *cli, struct wr_err *err)
{
	wr_auto_json *agent = NULL;
	struct wr_dp *dp = NULL;
	int r;

	if (wr_cli_opt(cli, "ready"))
		return check_ready(cli, err);
	r = wr_cli_dp(cli, &dp, err);
	/* An agent that has not got as far as loading the datapath says what it waits for. */
	if (r < 0 && !wr_agent_is_there(cli, NULL))
		return r;
	wr_agent_get(cli, "status", &agent, NULL);
	if (cli->json) {
		wr_out_object(cli, "Status", encode(cli, dp, agent));
	} else {
		wr_auto_json *j = encode(cli, dp, agent);

		print(cli, j);
	}
	return 0;
}

const struct wr_command wr_cmd_status = {
	.name = "status",
	.args = "",
	.options = options,
	.summary = "Whether this node is well: readiness, routing, sources, how full the maps are",
	.details = "With --ready, nothing but the exit status, and the reason on stderr: for scripts and probes.\n",
	.run = run,
};
