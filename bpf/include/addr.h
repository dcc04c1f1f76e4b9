/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Addresses of 128 bits; IPv4 is ::ffff:a.b.c.d. */
#ifndef WR_BPF_ADDR_H
#define WR_BPF_ADDR_H

#include "bpf/abi/config.h"
#include "bpf/include/bpf.h"

#define WR_V4_MAPPED bpf_htonl(0xffff)

static __always_inline void wr_addr_set4(struct wr_addr *a, __be32 v4)
{
	a->d[0] = 0;
	a->w[2] = WR_V4_MAPPED;
	a->w[3] = v4;
}

static __always_inline int wr_addr_is4(const struct wr_addr *a)
{
	return a->d[0] == 0 && a->w[2] == WR_V4_MAPPED;
}

static __always_inline int wr_addr_equal(const struct wr_addr *a, const struct wr_addr *b)
{
	return a->d[0] == b->d[0] && a->d[1] == b->d[1];
}

static __always_inline int wr_addr_is_zero(const struct wr_addr *a)
{
	return !(a->d[0] | a->d[1]);
}

/* Group addresses, and IPv4's limited broadcast. */
static __always_inline int wr_addr_is_multicast(const struct wr_addr *a)
{
	if (!wr_addr_is4(a))
		return a->b[0] == 0xff;
	return (a->b[12] & 0xf0) == 0xe0 || a->w[3] == 0xffffffff;
}

/* What pods know the node as. */
static __always_inline struct wr_addr wr_gateway(int v4)
{
	struct wr_addr a = {};

	if (v4) {
		wr_addr_set4(&a, bpf_htonl(WR_GATEWAY_IPV4));
	} else {
		a.w[0] = bpf_htonl(WR_GATEWAY_IPV6_FIRST);
		a.w[3] = bpf_htonl(WR_GATEWAY_IPV6_LAST);
	}
	return a;
}

#endif
