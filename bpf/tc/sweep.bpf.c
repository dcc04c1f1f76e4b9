// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Expiry, one shard a call, driven by the agent (syscall program, struct wr_sweep_args).
 *
 * In the table a flow is first marked dead, which packets take for a miss, and deleted a second later at the earliest:
 * nobody holds it any more. A translated flow ends when both tuples have been silent for long enough. The LRU needs
 * no such care, its elements are recycled at any time; expired ones are deleted so that their ports are free.
 */
#include "bpf/include/entry.h"
#include "bpf/include/maps_event.h"
#include "bpf/include/nat_hint.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct sweep {
	__u32 seen, marked, deleted;
	__u32 lru;
};

/* Where the other tuple is; NULL: it is gone, or another flow's. */
static __always_inline struct wr_flow *partner_of(const struct wr_flow_key *key,
						  const struct wr_flow *f)
{
	struct wr_flow_key other = {};
	struct wr_flow *p;

	wr_partner_key(f, key->proto, &other);
	p = wr_flow_find(&other);
	if (!p)
		p = bpf_map_lookup_elem(&wr_new_flows, &other);
	return p && p->nonce == f->nonce ? p : NULL;
}

/* Silent for too long, and its other tuple too; or left alone by it. */
static __always_inline int is_over(const struct wr_flow_key *key, const struct wr_flow *f)
{
	const struct wr_flow *partner;

	if (f->state & WR_FLOW_TRANSLATED) {
		partner = partner_of(key, f);
		if (!partner || partner->state & WR_FLOW_DEAD)
			return 1;
		if (!wr_expired(partner->state, READ_ONCE(partner->seen), key->proto))
			return 0;
	}
	return wr_expired(f->state, READ_ONCE(f->seen), key->proto);
}

/* Told by the originator's tuple, with what its answers have counted. */
static __always_inline void report_end(const struct wr_flow_key *key, const struct wr_flow *f)
{
	int orig_b = !!(f->state & WR_FLOW_ORIG_B);
	const struct wr_flow *partner = NULL;
	struct wr_event *e;

	if (!wr_on(WR_SW_FLOW_EVENTS) || f->state & WR_FLOW_REPLY_TUPLE)
		return;
	e = bpf_ringbuf_reserve(&wr_events, sizeof(*e), 0);
	if (!e)
		return;
	memset(e, 0, sizeof(*e));
	e->time = bpf_ktime_get_boot_ns();
	e->type = WR_EVENT_FLOW_END;
	e->proto = key->proto;
	e->src = orig_b ? key->b : key->a;
	e->dst = orig_b ? key->a : key->b;
	e->sport = orig_b ? key->port_b : key->port_a;
	e->dport = orig_b ? key->port_a : key->port_b;
	wr_event_flow(e, f);
	e->packets = f->packets[WR_FLOW_ORIG] + f->packets[WR_FLOW_REPLY];
	e->bytes = f->bytes[WR_FLOW_ORIG] + f->bytes[WR_FLOW_REPLY];
	if (f->state & WR_FLOW_TRANSLATED)
		partner = partner_of(key, f);
	if (partner) {
		e->packets += partner->packets[WR_FLOW_REPLY];
		e->bytes += partner->bytes[WR_FLOW_REPLY];
	}
	bpf_ringbuf_submit(e, 0);
}

/* The element may be recycled as soon as it is deleted: what is told afterwards is told from copies. */
static __always_inline void delete (void *map, const struct wr_flow_key *key,
				    const struct wr_flow *f, struct sweep *s)
{
	struct wr_flow_key was_key = *key;
	struct wr_flow was = *f;

	if (bpf_map_delete_elem(map, &was_key))
		return;
	s->deleted++;
	report_end(&was_key, &was);
	if (was.state & WR_FLOW_PROMOTED && !(was.state & WR_FLOW_REPLY_TUPLE))
		wr_quota_add(&was, -1);
	if (was.state & WR_FLOW_TRANSLATED)
		wr_nat_given_up(&was_key, &was);
}

static __always_inline void sweep_dead(void *map, const struct wr_flow_key *key, struct wr_flow *f,
				       struct sweep *s)
{
	if (wr_silent(READ_ONCE(f->seen)) > wr_cfg.hz)
		delete (map, key, f, s);
}

/* Unless a packet has changed the state meanwhile. */
static __always_inline void mark_dead(struct wr_flow *f, struct sweep *s)
{
	__u64 state = READ_ONCE(f->state);

	if (__sync_val_compare_and_swap(&f->state, state, state | WR_FLOW_DEAD) != state)
		return;
	WRITE_ONCE(f->seen, (__u32)bpf_jiffies64());
	s->marked++;
}

static long sweep_one(void *map, const struct wr_flow_key *key, struct wr_flow *f, struct sweep *s)
{
	s->seen++;
	if (f->state & WR_FLOW_DEAD)
		sweep_dead(map, key, f, s);
	else if (!is_over(key, f))
		return 0;
	else if (s->lru)
		delete (map, key, f, s);
	else
		mark_dead(f, s);
	return 0;
}

/* Keeps clang from making one call of two with different maps, which older kernels refuse. */
#define APART(n) asm volatile("" : : "i"(n) : "memory")

SEC("syscall")
int sweep(struct wr_sweep_args *args)
{
	struct sweep s = { .lru = args->shard == wr_cfg.flow_shards };
	__u32 place = args->shard;
	void *shard;

	if (s.lru) {
		bpf_for_each_map_elem(&wr_new_flows, sweep_one, &s, 0);
		APART(0);
	} else {
		shard = bpf_map_lookup_elem(&wr_flows, &place);
		if (!shard)
			return 1;
		bpf_for_each_map_elem(shard, sweep_one, &s, 0);
		APART(1);
	}
	args->seen = s.seen;
	args->marked = s.marked;
	args->deleted = s.deleted;
	return 0;
}
