/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The one row of map "outer" of as_tunnelled.bpf.c. */
#ifndef WR_TESTS_BPF_AS_TUNNELLED_H
#define WR_TESTS_BPF_AS_TUNNELLED_H

#include <linux/types.h>

struct as_tunnelled {
	__u32 v6;
	__u32 source[4]; /* IPv6: network byte order; IPv4: the last word, host byte order */
};

#endif
