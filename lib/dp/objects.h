/* SPDX-License-Identifier: Apache-2.0 */
/* The BPF objects that the build embeds (see the Makefile): name is the source's, "pod_egress". */
#ifndef WR_DP_OBJECTS_H
#define WR_DP_OBJECTS_H

#include <stddef.h>

struct wr_bpf_object {
	const char *name;
	const void *data;
	size_t size;
};

extern const struct wr_bpf_object wr_bpf_objects[];
extern const size_t wr_bpf_objects_n;

#endif
