/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IPAM by another plugin: the program that ipam.type names, found in CNI_PATH, run with our environment and all of
 * our standard input (CNI specification 1.1.0, section 4).
 */
#ifndef WR_CNI_DELEGATE_H
#define WR_CNI_DELEGATE_H

#include "cni/plugin.h"

/*
 * *ret: what it answered, NULL when that was nothing; @ret may be NULL. Its error object becomes ours, code and message.
 * Code 7: there is no such program; 103: it failed without saying why.
 */
int wr_cni_delegate(const struct wr_cni *cni, const char *verb, struct wr_json **ret,
		    struct wr_err *err);

#endif
