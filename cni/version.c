// SPDX-License-Identifier: Apache-2.0
/* The versions of the specification that the plugin speaks, and the verb that says so. */
#include <errno.h>

#include "cni/codes.h"
#include "cni/plugin.h"
#include "cni/version.h"
#include "lib/base/str.h"

static const char *const names[] = {
	[WR_CNI_0_1_0] = "0.1.0", [WR_CNI_0_2_0] = "0.2.0", [WR_CNI_0_3_0] = "0.3.0",
	[WR_CNI_0_3_1] = "0.3.1", [WR_CNI_0_4_0] = "0.4.0", [WR_CNI_1_0_0] = "1.0.0",
	[WR_CNI_1_1_0] = "1.1.0",
};

const char *wr_cni_spec_format(enum wr_cni_spec spec)
{
	return names[spec];
}

int wr_cni_spec_parse(const char *s, enum wr_cni_spec *ret, struct wr_err *err)
{
	int i;

	if (!*s)
		s = names[WR_CNI_0_1_0];
	for (i = 0; i < WR_CNI_SPEC_MAX; i++) {
		if (wr_streq(s, names[i])) {
			*ret = (enum wr_cni_spec)i;
			return 0;
		}
	}
	return wr_err_set_cni(err, WR_CNI_VERSION, -EINVAL,
			      "cniVersion \"%.32s\" is not one of 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0",
			      s);
}

int wr_cni_version(struct wr_cni *cni, struct wr_json **ret, struct wr_err *err)
{
	struct wr_json *out = wr_json_new_object(), *list = wr_json_new_array();
	int i;

	for (i = 0; i < WR_CNI_SPEC_MAX; i++)
		wr_json_push(list, wr_json_new_str(names[i]));
	wr_json_add_str(out, "cniVersion", names[WR_CNI_SPEC_MAX - 1]);
	wr_json_add(out, "supportedVersions", list);
	*ret = out;
	return 0;
}
