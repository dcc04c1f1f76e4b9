// SPDX-License-Identifier: Apache-2.0
/* DEL: succeeds whatever is missing, also the second time. */
#include <errno.h>

#include "cni/delegate.h"
#include "cni/plugin.h"
#include "lib/base/cleanup.h"
#include "lib/netns/netns.h"

/* Nothing is done inside the namespace; but one that is the plugin's own is a caller's mistake. */
static int refuse_own_netns(const struct wr_cni *cni, struct wr_err *err)
{
	wr_autofd int fd = -1;
	struct wr_err why = WR_ERR_INIT;
	int r;

	if (!cni->env.netns)
		return 0;
	r = wr_cni_open_netns(cni->env.netns, &fd, &why);
	if (r != -EINVAL)
		return 0;
	return wr_err_set_cni(err, why.cni, r, "%s", why.msg);
}

int wr_cni_del(struct wr_cni *cni, struct wr_json **ret, struct wr_err *err)
{
	int r, delegated = 0;

	r = refuse_own_netns(cni, err);
	if (r < 0)
		return r;
	if (cni->conf.ipam)
		delegated = wr_cni_delegate(cni, "DEL", NULL, err);
	r = wr_cni_remove(cni, &cni->id, err);
	return delegated < 0 ? delegated : r;
}
