/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What every ABI struct builds on. Headers in bpf/abi are shared by programs and user space: they include
 * only <linux/types.h>, use fixed widths, pad explicitly with zeroes, and assert their sizes.
 * Any layout change raises WR_ABI_VERSION, which is part of the pin path.
 */
#ifndef WR_ABI_BASE_H
#define WR_ABI_BASE_H

#include <linux/types.h>

#ifndef WR_ABI_VERSION /* tests build agents of other releases */
#define WR_ABI_VERSION 1
#endif

#define WR_ASSERT_SIZE(type, size) _Static_assert(sizeof(type) == (size), "ABI: " #type)

/* 128-bit address in network byte order; IPv4 is ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2). */
struct wr_addr {
	union {
		__u8 b[16];
		__u32 w[4];
		__u64 d[2];
	};
};
WR_ASSERT_SIZE(struct wr_addr, 16);

/* Directions are the pod's: egress leaves the pod. */
enum wr_dir {
	WR_DIR_EGRESS,
	WR_DIR_INGRESS,
	WR_DIR_MAX,
};

/*
 * Time in maps is bpf_jiffies64 unless a field says otherwise.
 *
 * "Word": an aligned value of 8 bytes (4 where its field is that wide) that is read and written whole (READ_ONCE,
 * WRITE_ONCE, compare and exchange), the only thing that ever changes in an entry others may hold.
 */

#endif
