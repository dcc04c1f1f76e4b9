/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Which hook the object is for: a program says so before it includes anything, so that what other hooks need is no part
 * of it, for the verifier neither.
 */
#ifndef WR_BPF_HOOK_H
#define WR_BPF_HOOK_H

#include "bpf/abi/event.h"

#ifndef WR_THIS_HOOK
#define WR_THIS_HOOK 0 /* none */
#endif

#endif
