// SPDX-License-Identifier: Apache-2.0
/* Errors as CNI wants them. */
#include <errno.h>

#include "cni/codes.h"
#include "cni/plugin.h"

/* For what did not say its code itself. */
static int code_of(const struct wr_err *err)
{
	switch (-err->code) {
	case EAGAIN:
	case ETIMEDOUT:
	case ECONNREFUSED:
		return WR_CNI_TRY_AGAIN;
	case EINVAL:
	case ERANGE:
	case ENAMETOOLONG:
		return WR_CNI_CONFIG;
	case EIO:
	case ENOSPC:
	case EROFS:
	case EACCES:
	case EFBIG:
		return WR_CNI_IO;
	default:
		return WR_CNI_SYSTEM;
	}
}

struct wr_json *wr_cni_error(const struct wr_cni *cni, const struct wr_err *err)
{
	struct wr_json *out = wr_json_new_object();
	char details[WR_ERR_MSG_SIZE];

	snprintf(details, sizeof(details),
		 "weir-cni %s: %.32s, network %s, container %s, interface %s", WR_VERSION, cni->verb,
		 cni->conf.name ? cni->conf.name : "-", cni->env.container ? cni->env.container : "-",
		 cni->env.ifname ? cni->env.ifname : "-");
	wr_json_add_str(out, "cniVersion",
			wr_cni_spec_format(cni->conf.json ? cni->conf.spec : WR_CNI_1_0_0));
	wr_json_add_int(out, "code", err->cni ? err->cni : code_of(err));
	wr_json_add_str(out, "msg", err->msg);
	wr_json_add_str(out, "details", details);
	return out;
}
