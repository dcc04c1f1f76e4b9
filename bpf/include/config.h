/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The constants that the loader writes into every object before it is loaded (struct wr_config). */
#ifndef WR_BPF_CONFIG_H
#define WR_BPF_CONFIG_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "bpf/abi/config.h"

const volatile struct wr_config wr_cfg SEC(".rodata") = { 0 };

/* Whether a switch (enum wr_switch) is on. The verifier knows the answer and drops the other branch. */
static __always_inline int wr_on(__u32 sw)
{
	return (wr_cfg.switches & sw) != 0;
}

#endif
