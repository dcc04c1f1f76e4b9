// SPDX-License-Identifier: Apache-2.0
/* Opens the pod's network namespace, and makes sure that it is one and not ours. */
#include <errno.h>

#include "cni/codes.h"
#include "cni/plugin.h"
#include "lib/base/cleanup.h"
#include "lib/netns/netns.h"

int wr_cni_open_netns(const char *path, int *ret_fd, struct wr_err *err)
{
	wr_autofd int fd = -1, self = -1;
	struct wr_err why = WR_ERR_INIT;
	int r;

	r = wr_netns_open(path, &fd, &why);
	if (r < 0)
		return wr_err_set_cni(err, r == -ENOENT ? WR_CNI_UNKNOWN : WR_CNI_NETNS, r,
				      "CNI_NETNS: %s", why.msg);
	r = wr_netns_open_self(&self);
	if (r < 0)
		return wr_err_sys(err, r, "cannot open the plugin's own network namespace");
	if (wr_netns_same(fd, self))
		return wr_err_set_cni(err, WR_CNI_NETNS, -EINVAL,
				      "CNI_NETNS: %s is the network namespace that the plugin itself runs in",
				      path);
	*ret_fd = wr_take_fd(&fd);
	return 0;
}
