// SPDX-License-Identifier: Apache-2.0
/* STATUS: could an ADD be served now? Bounded, since a runtime may wait for it without a limit of its own. */
#include <errno.h>
#include <unistd.h>

#include "cni/agent.h"
#include "cni/codes.h"
#include "cni/delegate.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/wire/wire.h"

#define LIMIT_MS 450
#define AGENT_MS 250 /* of these, where an IPAM plugin has to be asked, too */

static int ask(const struct wr_cni *cni, struct wr_err *err)
{
	const int limit = cni->conf.ipam ? AGENT_MS : LIMIT_MS;
	const uint64_t start = wr_now_ms();
	wr_autofd int fd = -1;
	uint64_t spent;
	int r;

	r = wr_wire_connect(cni->paths.socket, &fd, err);
	if (r < 0)
		return r;
	spent = wr_now_ms() - start;
	if (spent >= (uint64_t)limit)
		return wr_err_set(err, -ETIMEDOUT, "the agent took too long to accept a connection");
	return wr_wire_call(fd, "ready", NULL, limit - (int)spent, NULL, err);
}

/* Pods that are there go on by what is pinned; without that they are cut off. */
static bool pods_are_cut_off(const struct wr_cni *cni)
{
	char path[WR_PATH_SIZE + 16];

	snprintf(path, sizeof(path), "%s/endpoints", cni->paths.state);
	return access(path, F_OK) == 0 && access(cni->paths.pins, F_OK) < 0;
}

int wr_cni_status(struct wr_cni *cni, struct wr_json **ret, struct wr_err *err)
{
	struct wr_err why = WR_ERR_INIT;
	int r;

	cni->deadline_ms = wr_now_ms() + LIMIT_MS;
	r = ask(cni, &why);
	if (r == 0)
		wr_cni_contact_touch(&cni->paths);
	else if (!wr_cni_contact_in_grace(&cni->paths))
		return wr_err_set_cni(err, pods_are_cut_off(cni) ? WR_CNI_LIMITED : WR_CNI_NOT_READY,
				      r, "%s", why.msg);
	return cni->conf.ipam ? wr_cni_delegate(cni, "STATUS", NULL, err) : 0;
}
