// SPDX-License-Identifier: Apache-2.0
/* weir monitor: drops and connections as they happen. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "cli/agent.h"
#include "cli/commands.h"
#include "cli/event.h"
#include "lib/base/cleanup.h"
#include "lib/base/str.h"
#include "lib/wire/wire.h"

static const struct wr_option options[] = {
	{ "drops", 'd', WR_VALUES_ANY, NULL, NULL,
	  "dropped packets (and those that audited policies would drop)" },
	{ "flows", 'f', WR_VALUES_ANY, NULL, NULL, "connections that begin and end" },
	{ "pod", 'p', WR_VALUES_POD, "POD", NULL,
	  "either end: [NAMESPACE/]NAME, an address or a prefix" },
	{ "limit", 'n', WR_VALUES_ANY, "N", NULL, "end after N events" },
	{ 0 },
};

struct monitor {
	struct wr_cli *cli;
	struct wr_names names;
	struct wr_match pod;
	uint64_t limit, shown;
};

static bool end_matches(const struct monitor *m, const struct wr_json *item, const char *key)
{
	const char *text = wr_json_get_str(item, key);
	struct wr_addr addr;

	return text && wr_addr_parse(text, &addr) == 0 && wr_match_has(&m->pod, &addr);
}

/* Forged addresses too are the pod's doing. */
static bool is_of_pod(const struct monitor *m, const struct wr_json *item)
{
	const char *pod = wr_json_get_str(item, "pod");

	return pod && wr_name_is(pod, wr_cli_opt(m->cli, "pod"));
}

static void take_event(struct monitor *m, const struct wr_json *wire)
{
	wr_auto_json *item = wr_event_item(&m->names, wire);

	if (m->pod.given && !end_matches(m, item, "src") && !end_matches(m, item, "dst") &&
	    !is_of_pod(m, item))
		return;
	wr_event_write(m->cli, item, 0);
	m->shown++;
}

/* Neither flag: both. */
static struct wr_json *new_body(const struct wr_cli *cli)
{
	bool drops = wr_cli_opt(cli, "drops"), flows = wr_cli_opt(cli, "flows");
	struct wr_json *body = wr_json_new_object(), *types = wr_json_new_array();

	if (drops || !flows) {
		wr_json_push(types, wr_json_new_str("drop"));
		wr_json_push(types, wr_json_new_str("audit"));
	}
	if (flows || !drops) {
		wr_json_push(types, wr_json_new_str("flow-new"));
		wr_json_push(types, wr_json_new_str("flow-end"));
	}
	wr_json_add(body, "types", types);
	return body;
}

static int send_request(struct wr_cli *cli, struct wr_err *err)
{
	wr_auto_json *request = wr_json_new_object();
	wr_auto_strbuf frame = WR_STRBUF_INIT;
	int r;

	wr_json_add_int(request, "version", WR_WIRE_VERSION);
	wr_json_add_str(request, "verb", "monitor");
	wr_json_add(request, "body", new_body(cli));
	wr_wire_frame(request, &frame);
	if (send(cli->agent_fd, frame.buf, frame.len, MSG_NOSIGNAL) == (ssize_t)frame.len)
		return 0;
	r = -errno;
	return wr_err_sys(err, r, "asking the agent");
}

/* Takes whole messages off the front. */
static int take_messages(struct monitor *m, struct wr_strbuf *in, struct wr_err *err)
{
	int r = 0;

	while (m->shown < m->limit) {
		wr_auto_json *message = NULL;

		r = wr_wire_unframe(in, &message, err);
		if (r <= 0)
			break;
		if (wr_json_get_int(message, "code", 0))
			return wr_err_set(err, -EIO, "the agent: %s",
					  wr_json_get_str(message, "error"));
		take_event(m, wr_json_get(message, "body"));
	}
	return r;
}

static int follow(struct monitor *m, struct wr_err *err)
{
	wr_auto_strbuf in = WR_STRBUF_INIT;
	char buf[65536];
	ssize_t n;
	int r = 0;

	while (r >= 0 && m->shown < m->limit) {
		n = recv(m->cli->agent_fd, buf, sizeof(buf), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return wr_err_sys(err, -errno, "reading from the agent");
		if (n == 0)
			return wr_err_set(err, -ECONNRESET, "the agent has ended the connection");
		wr_strbuf_add(&in, buf, (size_t)n);
		r = take_messages(m, &in, err);
	}
	return r < 0 ? r : 0;
}

/* Waiting for what will never come is worse than a word. */
static void warn_without_flows(struct wr_cli *cli)
{
	wr_auto_json *status = NULL;

	if (wr_cli_opt(cli, "drops") && !wr_cli_opt(cli, "flows"))
		return;
	if (wr_agent_get(cli, "status", &status, NULL) == 0 &&
	    !wr_json_get_bool(status, "flow_events", true))
		wr_cli_note(cli,
			    "connections are not reported: the agent's option flow-events is off");
}

static int run_monitor(struct monitor *m, struct wr_err *err)
{
	int r = wr_match_parse(m->cli, &m->names, "--pod", wr_cli_opt(m->cli, "pod"), &m->pod, err);

	if (r == 0)
		r = wr_cli_opt_u64(m->cli, "limit", UINT32_MAX, &m->limit, err);
	if (r == 0)
		r = send_request(m->cli, err);
	return r < 0 ? r : follow(m, err);
}

static int run(struct wr_cli *cli, struct wr_err *err)
{
	struct monitor m = { .cli = cli, .limit = UINT64_MAX };
	struct wr_err why = WR_ERR_INIT;
	int r;

	if (!wr_agent_is_there(cli, &why))
		return wr_cli_fail(cli, WR_EXIT_NOTHING, -ENOTCONN, err,
				   "events come from the agent, which is away (%s); `weir drops` still counts",
				   why.msg);
	wr_names_load(cli, WR_NAMES_ALL | WR_NAMES_INTERFACES, &m.names);
	warn_without_flows(cli);
	r = run_monitor(&m, err);
	wr_match_done(&m.pod);
	wr_names_done(&m.names);
	return r;
}

const struct wr_command wr_cmd_monitor = {
	.name = "monitor",
	.args = "",
	.options = options,
	.summary = "Drops and connections as they happen",
	.details =
		"Follows this node until interrupted; times are UTC. Drops may be sampled (agent option\n"
		"drop-sample), the counters of `weir drops` never are. With -o json, one event a line.\n"
		"\n"
		"Examples:\n"
		"  weir monitor --drops\n"
		"  weir monitor --pod default/web --limit 20\n",
	.run = run,
};
