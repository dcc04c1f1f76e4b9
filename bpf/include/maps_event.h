/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The maps of drops and events (bpf/abi/event.h says what is in them). */
#ifndef WR_BPF_MAPS_EVENT_H
#define WR_BPF_MAPS_EVENT_H

#include "bpf/abi/event.h"
#include "bpf/abi/flow.h"
#include "bpf/abi/reason.h"
#include "bpf/include/bpf.h"
#include "bpf/include/sizes.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct wr_drop_count);
	__uint(max_entries, WR_REASON_MAX);
} wr_drops SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, wr_events_size);
} wr_events SEC(".maps");

/* What a record says of a flow. */
static __always_inline void wr_event_flow(struct wr_event *e, const struct wr_flow *flow)
{
	e->src_ep = flow->src_ep;
	e->dst_ep = flow->dst_ep;
	e->src_identity = flow->src_identity;
	e->dst_identity = flow->dst_identity;
	e->service = flow->service;
	e->backend = flow->backend;
}

#endif
