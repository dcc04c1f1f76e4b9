/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* How long a flow may be silent. */
#ifndef WR_BPF_TIMEOUT_H
#define WR_BPF_TIMEOUT_H

#include "bpf/abi/flow.h"
#include "bpf/include/config.h"
#include "bpf/include/flow.h"

static __always_inline __u32 tcp_timeout(__u32 tcp)
{
	if (tcp <= WR_TCP_SYN_RECV)
		return wr_cfg.timeout[WR_TIMEOUT_TCP_SYN];
	if (tcp == WR_TCP_ESTABLISHED)
		return wr_cfg.timeout[WR_TIMEOUT_TCP_ESTABLISHED];
	if (tcp == WR_TCP_FIN)
		return wr_cfg.timeout[WR_TIMEOUT_TCP_FIN];
	return wr_cfg.timeout[WR_TIMEOUT_TCP_CLOSED];
}

/* Seconds. */
static __always_inline __u32 wr_timeout(__u64 state, __u8 proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return tcp_timeout(state & WR_FLOW_TCP_MASK);
	case IPPROTO_UDP:
		return wr_cfg.timeout[state & WR_FLOW_PROMOTED ? WR_TIMEOUT_UDP : WR_TIMEOUT_UDP_NEW];
	case IPPROTO_SCTP:
		return wr_cfg.timeout[WR_TIMEOUT_SCTP];
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return wr_cfg.timeout[WR_TIMEOUT_ICMP];
	}
	return wr_cfg.timeout[WR_TIMEOUT_OTHER];
}

/* Jiffies since the last packet. */
static __always_inline __u32 wr_silent(__u32 seen)
{
	return (__u32)bpf_jiffies64() - seen;
}

static __always_inline int wr_expired(__u64 state, __u32 seen, __u8 proto)
{
	return wr_silent(seen) > (__u64)wr_timeout(state, proto) * wr_cfg.hz;
}

#endif
