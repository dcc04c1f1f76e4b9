// SPDX-License-Identifier: Apache-2.0
/* Asks the agent over its socket, and says so when it is away. */
#include "cli/agent.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "lib/base/str.h"
#include "lib/wire/wire.h"

/* An agent in the middle of a full load answers late. */
#define PATIENCE_MS 10000

/* Remembered, so that an agent that is away is waited for once. */
static int connect_once(struct wr_cli *cli, struct wr_err *err)
{
	int r;

	if (cli->agent_tried)
		return cli->agent_fd < 0 ? -ENOTCONN : 0;
	cli->agent_tried = true;
	r = wr_wire_connect(cli->paths.socket, &cli->agent_fd, err);
	return r < 0 ? -ENOTCONN : 0;
}

static bool netns_of(const char *proc, struct stat *ret)
{
	char path[64];

	return wr_format(path, sizeof(path), "/proc/%s/ns/net", proc) == 0 && stat(path, ret) == 0;
}

bool wr_agent_shares_netns(const struct wr_cli *cli)
{
	struct ucred peer = { 0 };
	socklen_t size = sizeof(peer);
	struct stat own, its;
	char pid[16];

	if (cli->agent_fd < 0 || getsockopt(cli->agent_fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return true;
	wr_format(pid, sizeof(pid), "%d", peer.pid);
	if (!netns_of("self", &own) || !netns_of(pid, &its))
		return true;
	return own.st_dev == its.st_dev && own.st_ino == its.st_ino;
}

bool wr_agent_is_there(struct wr_cli *cli, struct wr_err *why)
{
	return connect_once(cli, why) == 0;
}

int wr_agent_call(struct wr_cli *cli, const char *verb, struct wr_json *body, struct wr_json **ret,
		  struct wr_err *err)
{
	int r = connect_once(cli, err);

	if (r < 0) {
		wr_json_free(body);
		return r;
	}
	return wr_wire_call(cli->agent_fd, verb, body, PATIENCE_MS, ret, err);
}

int wr_agent_get(struct wr_cli *cli, const char *what, struct wr_json **ret, struct wr_err *err)
{
	bool first = !cli->agent_tried;
	struct wr_err why = WR_ERR_INIT;
	struct wr_json *body = wr_json_new_object();
	int r;

	wr_json_add_str(body, "what", what);
	r = wr_agent_call(cli, "get", body, ret, &why);
	if (r == -ENOTCONN && first)
		wr_cli_note(cli, "the agent is away (%s); this is what is pinned", why.msg);
	if (r < 0)
		wr_err_set(err, r, "%s", why.msg);
	return r;
}
