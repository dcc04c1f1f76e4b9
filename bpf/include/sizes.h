/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The maps' default sizes; the loader sets the configured ones. */
#ifndef WR_BPF_SIZES_H
#define WR_BPF_SIZES_H

#include "bpf/abi/maps.h"

enum wr_default_size {
#define X(name, size) name##_size = (size),
	WR_MAPS(X)
#undef X
};

#endif
