/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BPF programs as classifiers on the clsact queueing discipline, for kernels without tcx: direct action, all protocols,
 * priority 1, handle 1. There is one such place on each side of an interface; who puts replaces.
 */
#ifndef WR_NL_TCF_H
#define WR_NL_TCF_H

#include "lib/nl/nl.h"

enum wr_tcf_side {
	WR_TCF_INGRESS,
	WR_TCF_EGRESS,
};

/* The discipline that the filters hang on; one that is there already is success. */
void wr_tcf_add_clsact(struct wr_nl_batch *b, uint32_t ifindex);
/* Replaces the program in one step. */
void wr_tcf_put(struct wr_nl_batch *b, uint32_t ifindex, enum wr_tcf_side side, int prog_fd,
		const char *name);
/* Without a filter, a discipline or an interface: success. */
void wr_tcf_del(struct wr_nl_batch *b, uint32_t ifindex, enum wr_tcf_side side);
/* The id of the program there. -ENOENT: no filter; -ENODEV: no such interface. */
int wr_tcf_get(struct wr_nl *nl, uint32_t ifindex, enum wr_tcf_side side, uint32_t *ret_prog_id);

#endif
