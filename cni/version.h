/* SPDX-License-Identifier: Apache-2.0 */
/* Versions of the CNI specification. */
#ifndef WR_CNI_VERSION_H
#define WR_CNI_VERSION_H

#include "lib/base/err.h"

/* In their order, so that they can be compared. */
enum wr_cni_spec {
	WR_CNI_0_1_0,
	WR_CNI_0_2_0,
	WR_CNI_0_3_0,
	WR_CNI_0_3_1,
	WR_CNI_0_4_0,
	WR_CNI_1_0_0,
	WR_CNI_1_1_0,
	WR_CNI_SPEC_MAX,
};

const char *wr_cni_spec_format(enum wr_cni_spec spec);
/* "" means 0.1.0. -EINVAL with code 1: not one that we speak. */
int wr_cni_spec_parse(const char *s, enum wr_cni_spec *ret, struct wr_err *err);

#endif
