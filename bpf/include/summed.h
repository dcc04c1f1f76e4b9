/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Transport checksums without helpers, each of which costs as much as a hash hit: since 6.2 programs can look at
 * skb->ip_summed, and so know what the field means.
 *
 *	PARTIAL   the folded pseudo header; addresses count, ports do not
 *	COMPLETE  the sum itself; skb->csum, over all behind the Ethernet header, must follow what does not level out
 *	else      the sum itself
 */
#ifndef WR_BPF_SUMMED_H
#define WR_BPF_SUMMED_H

#include <bpf/bpf_core_read.h>

#include "bpf/include/config.h"
#include "bpf/include/rewrite.h"

enum wr_summed {
	WR_SUMMED_NONE,
	WR_SUMMED_UNNECESSARY,
	WR_SUMMED_COMPLETE,
	WR_SUMMED_PARTIAL,
	WR_SUMMED_UNKNOWN, /* an older kernel: helpers it is */
};

struct sk_buff___summed {
	__u8 ip_summed : 2;
} __attribute__((preserve_access_index));

/* Both came with 6.2; of the two the helper can be asked for. */
enum bpf_func_id___6_2 {
	BPF_FUNC_cgrp_storage_get___6_2 = 210,
};
extern void *bpf_cast_to_kern_ctx(void *ctx) __ksym __weak;

static __always_inline enum wr_summed wr_summed(struct __sk_buff *skb)
{
	const struct sk_buff___summed *k;
	__u64 bits;

	if (wr_on(WR_SW_NO_KERN_CTX) ||
	    !bpf_core_enum_value_exists(enum bpf_func_id___6_2, BPF_FUNC_cgrp_storage_get___6_2))
		return WR_SUMMED_UNKNOWN;
	k = bpf_cast_to_kern_ctx(skb);
	bits = *((const __u8 *)k + __CORE_RELO(k, ip_summed, BYTE_OFFSET));
	bits <<= __CORE_RELO(k, ip_summed, LSHIFT_U64);
	return bits >> __CORE_RELO(k, ip_summed, RSHIFT_U64);
}

/* Changes the field itself. UDP's zero would mean that there is none. */
static __always_inline void wr_sum_apply(__sum16 *check, enum wr_summed summed, int udp,
					 __u32 addr_diff, __u32 port_diff)
{
	__u16 sum;

	if (summed == WR_SUMMED_PARTIAL) {
		*check = csum_fold(csum_add(addr_diff, *check));
		return;
	}
	sum = ~csum_fold(csum_add(csum_add(addr_diff, port_diff), (__u16) ~*check));
	*check = udp && !sum ? 0xffff : sum;
}

#endif
