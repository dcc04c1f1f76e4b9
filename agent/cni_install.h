/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps the plugin and its conflist installed: first the plugin, then, once an ADD can be served, the conflist; afterwards
 * both are put back whenever something removes or changes them. Never removed by a stopping agent: a runtime without a
 * configuration refuses even DEL.
 */
#ifndef WR_AGENT_CNI_INSTALL_H
#define WR_AGENT_CNI_INSTALL_H

#include "lib/base/err.h"

struct wr_agent;
struct wr_cni_install;

int wr_cni_install_start(struct wr_agent *a, struct wr_err *err);
void wr_cni_install_stop(struct wr_agent *a);
/* Readiness changed. */
void wr_cni_install_poke(struct wr_agent *a);

#endif
