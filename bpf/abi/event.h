/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Records of the ring buffer wr_events, and the drop counters. */
#ifndef WR_ABI_EVENT_H
#define WR_ABI_EVENT_H

#include "bpf/abi/base.h"

enum wr_event_type {
	WR_EVENT_DROP = 1,
	WR_EVENT_FLOW_NEW,
	WR_EVENT_FLOW_END,
	WR_EVENT_AUDIT, /* would have been dropped: shadow mode */
	WR_EVENT_DNS,   /* a name server's answer: struct wr_answer */
};

enum wr_hook {
	WR_HOOK_POD_EGRESS = 1,
	WR_HOOK_POD_INGRESS,
	WR_HOOK_UPLINK_INGRESS,
	WR_HOOK_UPLINK_EGRESS,
	WR_HOOK_OVERLAY_INGRESS,
	WR_HOOK_OVERLAY_EGRESS,
	WR_HOOK_XDP,
	WR_HOOK_SOCK,
	WR_HOOK_MAX,
};

struct wr_event {
	__u64 time;   /* bpf_ktime_get_boot_ns */
	__u16 type;   /* enum wr_event_type */
	__u16 reason; /* enum wr_reason */
	__u8 hook;    /* enum wr_hook */
	__u8 proto;
	__u8 tcp_flags;
	__u8 dir;                /* enum wr_dir, of the verdict */
	struct wr_addr src, dst; /* as the packet carried them */
	__be16 sport, dport;     /* ICMP: type and code in sport's bytes, identifier in dport */
	__u32 len;               /* packet length, bytes */
	__u32 ifindex;
	__u32 src_ep, dst_ep;
	__u32 src_identity, dst_identity;
	__u32 rule; /* 0: none */
	__u32 service, backend;
	__u64 packets, bytes; /* FLOW_END: both directions */
};
WR_ASSERT_SIZE(struct wr_event, 104);

/*
 * The packet of an event WR_EVENT_DNS follows: from its network header on, as its pod shall get it, with a transport checksum
 * that may be the pseudo header's sum only. The event's ends are as it came: its source is the server itself.
 */
#define WR_ANSWER_SMALL 2048 /* what there is room for */
#define WR_ANSWER_LARGE 65536

struct wr_answer {
	struct wr_event event;
	__u32 size;     /* bytes of the packet */
	__u32 gso_size; /* bytes of payload of each segment that it is to be cut into; 0: none */
	__u32 held;     /* the agent is to send it on; 0: its pod has it already */
	__u32 pad;
};
WR_ASSERT_SIZE(struct wr_answer, 120);

/* Map wr_drops: per-CPU array, enum wr_reason -> struct. WR_REASON_NONE: answers of name servers that found no room in wr_events. */
struct wr_drop_count {
	__u64 packets, bytes;
};
WR_ASSERT_SIZE(struct wr_drop_count, 16);

#endif
