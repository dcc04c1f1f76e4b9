/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plugin and its network configuration, as files where runtimes look for them. Everything is put in place by a rename
 * inside the directory (containerd never sees a rename from elsewhere), and only when it differs.
 */
#ifndef WR_AGENT_CNI_FILES_H
#define WR_AGENT_CNI_FILES_H

#include "agent/config.h"
#include "lib/base/err.h"
#include "lib/base/strbuf.h"

#define WR_CNI_PLUGIN   "weir-cni"
#define WR_CNI_CONFLIST "05-weir.conflist"
#define WR_CNI_DISABLED ".weir-disabled" /* appended to other plugins' configurations */

/* The conflist's text. */
void wr_cni_conflist(const struct wr_agent_config *c, struct wr_strbuf *out);
/* Copies the plugin. 1: written, 0: the same was there. A read-only directory with the right file is fine. */
int wr_cni_put_plugin(const struct wr_agent_config *c, struct wr_err *err);
/* 1: written, 0: the same was there. */
int wr_cni_put_conflist(const struct wr_agent_config *c, struct wr_err *err);
/* Renames other configurations away. Returns how many. */
int wr_cni_disable_others(const struct wr_agent_config *c, struct wr_err *err);
/* A configuration that runtimes would read before ours: its name (heap), or NULL. */
char *wr_cni_find_rival(const struct wr_agent_config *c);
/*
 * Others' configurations back in their places, then ours away: new pods are theirs. 1: so it is. 0: there is no other, and ours
 * stays, because containerd tears no pod down without any (go-cni's Remove asks for a network first).
 */
int wr_cni_hand_back(const struct wr_agent_config *c, struct wr_err *err);
/* Our conflist first, then others' back in their places, then the plugin. Missing is success. */
int wr_cni_remove(const struct wr_agent_config *c, struct wr_err *err);

#endif
