// SPDX-License-Identifier: Apache-2.0
/* The agent's pinned programs on the host side of a pod's interface. */
#include "cni/codes.h"
#include "cni/plugin.h"
#include "lib/base/cleanup.h"
#include "lib/dp/dp.h"

/* Directions are the pod's: what it sends comes in on the host side. */
static const struct wr_dp_program hooks[] = {
	{ "pod_egress", WR_ATTACH_TC_INGRESS },
	{ "pod_ingress", WR_ATTACH_TC_EGRESS },
};

int wr_cni_attach(const char *pins, const struct wr_endpoint_record *rec, bool tcx, struct wr_err *err)
{
	char key[17];

	wr_attachment_key(&rec->id, key);
	return wr_dp_attach_new(pins, key, rec->ifindex, hooks, WR_ARRAY_SIZE(hooks), tcx, err);
}

int wr_cni_check_attached(const char *pins, const struct wr_endpoint_record *rec, bool tcx,
			  struct wr_err *err)
{
	char key[17];
	size_t i;
	int r;

	wr_attachment_key(&rec->id, key);
	for (i = 0; i < WR_ARRAY_SIZE(hooks); i++) {
		r = wr_dp_check_tc(pins, key, hooks[i].name, rec->ifindex, hooks[i].at, tcx, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int wr_cni_detach(const char *pins, const struct wr_attachment *id, struct wr_err *err)
{
	char key[17];

	wr_attachment_key(id, key);
	return wr_dp_detach(pins, key, err);
}
