/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Which backend a new flow takes: the one selection for sockets, packets, XDP, tests and `weir lb lookup`.
 *
 *	frontend (one hash hit) -> service record -> source ranges -> last pick -> affinity -> slot or Maglev -> backend
 *
 * What a caller gets is whole: a run belongs to one record and is never edited, and a backend that left between
 * the flip and the look is noticed (its state is FREE) and answered by looking again.
 */
#ifndef WR_BPF_LB_H
#define WR_BPF_LB_H

#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/abi/reason.h"
#include "bpf/include/config.h"
#include "bpf/include/maps_svc.h"

struct wr_lb_tuple {
	struct wr_addr src; /* WR_LB_SOCKET: zero, and the netns cookie in d[1] */
	struct wr_addr dst;
	__be16 sport, dport;
	__u8 proto;
	__u8 scope;  /* enum wr_scope: where the client is */
	__u16 flags; /* enum wr_lb_flags */
};

/*
 * In: the flow's last pick (backend, backend_gen, service, slot), which is kept while it may be, or zeroes.
 * Out: on 0 all of it; on a reason service and service_flags, when there is a record.
 */
struct wr_lb_pick {
	__u32 service;       /* id */
	__u32 service_flags; /* enum wr_service_flags */
	__u32 backend, backend_gen;
	__u32 slot;
	struct wr_addr addr;
	__be16 port;
	__u16 pad;
};

#define WR_LB_NO_SERVICE (-1) /* nobody's address, or one that is left alone */
#define WR_LB_AGAIN      (-2) /* its backend left between the flip and the look */
#define WR_LB_TRIES      3

/* The record behind a frontend; NULL: there is none. */
static __always_inline const struct wr_service *wr_frontend_get(const struct wr_frontend *fe)
{
	__u32 check = wr_frontend_check(fe), number;
	volatile __u64 *word;
	__u64 w;
	int i;

	for (i = 0; i < WR_LB_TRIES; i++) {
		word = bpf_map_lookup_elem(&wr_frontends, fe);
		if (!word)
			return NULL;
		w = *word;
		if (WR_FE_CHECK(w) != check) /* recycled for another key meanwhile */
			continue;
		number = WR_FE_SERVICE(w);
		return bpf_map_lookup_elem(&wr_services, &number);
	}
	return NULL;
}

static __always_inline const struct wr_backend *wr_backend_at(__u32 number)
{
	return bpf_map_lookup_elem(&wr_backends, &number);
}

/* 127.0.0.0/8, 0.0.0.0, ::1 and ::, which reach the client's own network namespace. */
static __always_inline int wr_is_loopback(const struct wr_addr *a)
{
	if (a->d[0])
		return 0;
	if (a->w[2] == bpf_htonl(0xffff))
		return a->b[12] == 127 || !a->w[3];
	return !a->w[2] && !(a->w[3] & ~bpf_htonl(1));
}

/* Does a service own the address: are its other ports refused and its echo requests not routed on? */
static __always_inline int wr_lb_owns(const struct wr_addr *addr)
{
	struct wr_frontend fe = { .addr = *addr };

	return bpf_map_lookup_elem(&wr_frontends, &fe) != NULL;
}

/* The record for clients outside: their own row, else everyone's when it is reachable from there. */
static __always_inline const struct wr_service *wr_lb_record(const struct wr_lb_tuple *t,
							     int *ret_reason)
{
	struct wr_frontend fe = { .addr = t->dst, .port = t->dport, .proto = t->proto };
	const struct wr_service *svc;

	*ret_reason = WR_LB_NO_SERVICE;
	if (t->scope == WR_SCOPE_EXTERNAL) {
		if (wr_is_loopback(&t->dst))
			return NULL;
		fe.scope = WR_SCOPE_EXTERNAL;
		svc = wr_frontend_get(&fe);
		if (svc)
			return svc;
		fe.scope = WR_SCOPE_ANY;
	}
	svc = wr_frontend_get(&fe);
	if (svc && (t->scope != WR_SCOPE_EXTERNAL || svc->flags & WR_SVC_EXTERNAL))
		return svc;
	/* A cluster address is the cluster's: from outside it is refused like a port that nobody has. */
	if (svc || wr_lb_owns(&t->dst))
		*ret_reason = WR_REASON_UNKNOWN_PORT;
	return NULL;
}

/* Judges what does not depend on the backend. */
static __always_inline int wr_lb_admit(const struct wr_service *svc, const struct wr_lb_tuple *t)
{
	struct wr_src_range range = { .len = 32 + 128, .service = svc->id };

	if (svc->flags & WR_SVC_NO_TRANSLATE)
		return WR_LB_NO_SERVICE;
	if (svc->flags & WR_SVC_ADDRESS)
		return WR_REASON_UNKNOWN_PORT;
	if (svc->flags & WR_SVC_SRC_RANGES && !(t->flags & WR_LB_NODE)) {
		if (t->flags & WR_LB_SOCKET) /* has no source address yet: its packets are judged */
			return WR_LB_NO_SERVICE;
		__builtin_memcpy(&range.addr, &t->src, sizeof(range.addr));
		if (!bpf_map_lookup_elem(&wr_src_ranges, &range))
			return WR_REASON_SOURCE_RANGE;
	}
	if (!svc->n)
		return svc->flags & WR_SVC_LOCAL_ONLY ? WR_REASON_NO_LOCAL_BACKEND :
							WR_REASON_NO_BACKEND;
	return 0;
}

static __always_inline __u32 wr_lb_slot(const struct wr_service *svc, __u32 slot)
{
	__u32 at = svc->first + slot, *backend;

	backend = bpf_map_lookup_elem(&wr_slots, &at);
	return backend ? *backend : 0;
}

struct wr_lb_search {
	__u32 first, backend;
	__u32 slot, found;
};

static long wr_lb_search_step(__u32 i, struct wr_lb_search *s)
{
	__u32 at = s->first + i, *backend;

	backend = bpf_map_lookup_elem(&wr_slots, &at);
	if (!backend)
		return 1;
	if (*backend != s->backend)
		return 0;
	s->slot = i;
	s->found = 1;
	return 1;
}

/* Is the backend in the service's run? At *slot, or else anywhere: then *slot is set. */
static __always_inline int wr_lb_member(const struct wr_service *svc, __u32 backend, __u32 *slot)
{
	struct wr_lb_search s = { .first = svc->first, .backend = backend };

	if (*slot < svc->n && wr_lb_slot(svc, *slot) == backend)
		return 1;
	bpf_loop(svc->n, wr_lb_search_step, &s, 0);
	if (s.found)
		*slot = s.slot;
	return s.found;
}

/* Completes the pick from the backend's row; 0: the backend is gone. */
static __always_inline int wr_lb_take(struct wr_lb_pick *pick, __u32 backend, __u32 slot)
{
	volatile const struct wr_backend *live;
	const struct wr_backend *be = wr_backend_at(backend);

	if (!backend || !be)
		return 0;
	live = be;
	pick->backend = backend;
	pick->backend_gen = live->gen; /* before the state: a backend that leaves raises it last */
	pick->slot = slot;
	pick->addr = be->addr;
	pick->port = be->port;
	return live->state != WR_BACKEND_FREE;
}

/* May the flow stay with its last pick? With a terminating one it may, though the run has dropped it. */
static __always_inline int wr_lb_keep(const struct wr_service *svc, struct wr_lb_pick *pick)
{
	__u32 backend = pick->backend, gen = pick->backend_gen, slot = pick->slot;
	const struct wr_backend *be = wr_backend_at(backend);

	if (!backend || !be || pick->service != svc->id)
		return 0;
	if (be->state != WR_BACKEND_TERMINATING && !wr_lb_member(svc, backend, &slot))
		return 0;
	return wr_lb_take(pick, backend, slot) && pick->backend_gen == gen;
}

static __always_inline struct wr_affinity_key wr_lb_affinity_key(const struct wr_service *svc,
								 const struct wr_lb_tuple *t)
{
	return (struct wr_affinity_key){ .client = t->src, .service = svc->id };
}

/* The backend that this client had, while the row is young and the run still holds it. */
static __always_inline int wr_lb_affine(const struct wr_service *svc, const struct wr_lb_tuple *t,
					struct wr_lb_pick *pick)
{
	struct wr_affinity_key key = wr_lb_affinity_key(svc, t);
	struct wr_affinity *row = bpf_map_lookup_elem(&wr_affinity, &key);
	__u64 now = bpf_jiffies64();
	__u32 slot, gen, backend;

	if (!row || now - row->seen > (__u64)svc->affinity * wr_cfg.hz)
		return 0;
	slot = row->slot;
	gen = row->backend_gen;
	backend = row->backend;
	if (!wr_lb_member(svc, backend, &slot) || !wr_lb_take(pick, backend, slot) ||
	    pick->backend_gen != gen)
		return 0;
	if (t->flags & WR_LB_RECORD && row->seen != now)
		row->seen = now;
	if (t->flags & WR_LB_RECORD && row->slot != slot)
		row->slot = slot;
	return 1;
}

static __always_inline void wr_lb_remember(const struct wr_service *svc, const struct wr_lb_tuple *t,
					   const struct wr_lb_pick *pick)
{
	struct wr_affinity_key key = wr_lb_affinity_key(svc, t);
	struct wr_affinity row = {
		.seen = bpf_jiffies64(),
		.backend = pick->backend,
		.backend_gen = pick->backend_gen,
		.slot = pick->slot,
	};

	bpf_map_update_elem(&wr_affinity, &key, &row, BPF_ANY);
}

static __always_inline __u32 wr_lb_maglev(const struct wr_service *svc, const struct wr_lb_tuple *t)
{
	__u32 ports = svc->affinity ? 0 : (__u32)t->sport << 16 | t->dport;
	__u32 hash = wr_maglev_hash(&t->src, &t->dst, ports, t->proto);
	__u32 element = (__u64)hash * svc->maglev_size >> 32;
	__u32 at = svc->maglev + element / WR_MAGLEV_LINE;
	const struct wr_maglev_line *line = bpf_map_lookup_elem(&wr_maglev, &at);

	return line ? line->backend[element % WR_MAGLEV_LINE] : 0;
}

/* Maglev for clients outside, so that every node picks alike; chance for the rest. */
static __always_inline int wr_lb_choose(const struct wr_service *svc, const struct wr_lb_tuple *t,
					struct wr_lb_pick *pick)
{
	__u32 slot = 0;

	if (svc->flags & WR_SVC_MAGLEV && t->scope == WR_SCOPE_EXTERNAL)
		return wr_lb_take(pick, wr_lb_maglev(svc, t), slot);
	slot = (__u64)bpf_get_prandom_u32() * svc->n >> 32;
	return wr_lb_take(pick, wr_lb_slot(svc, slot), slot);
}

static __always_inline void wr_lb_count(__u32 backend)
{
	__u64 *picks = bpf_map_lookup_elem(&wr_picks, &backend);

	if (picks)
		__sync_fetch_and_add(picks, 1);
}

static __always_inline int wr_lb_backend(const struct wr_service *svc, const struct wr_lb_tuple *t,
					 struct wr_lb_pick *pick)
{
	if (wr_lb_keep(svc, pick))
		return 1;
	if (svc->affinity && wr_lb_affine(svc, t, pick)) {
		if (t->flags & WR_LB_RECORD)
			wr_lb_count(pick->backend);
		return 1;
	}
	if (!wr_lb_choose(svc, t, pick))
		return 0;
	if (t->flags & WR_LB_RECORD) {
		wr_lb_count(pick->backend);
		if (svc->affinity)
			wr_lb_remember(svc, t, pick);
	}
	return 1;
}

/*
 * One look: as wr_lb_select, or WR_LB_AGAIN. A global function, so that the verifier sees it once and not three times in all its
 * combinations: that was a fifth of all it does at a start.
 */
__noinline int wr_lb_try(const struct wr_lb_tuple *t, struct wr_lb_pick *pick)
{
	const struct wr_service *svc;
	int reason;

	if (!t || !pick)
		return WR_REASON_INTERNAL;
	svc = wr_lb_record(t, &reason);
	if (!svc)
		return reason;
	pick->service_flags = svc->flags;
	reason = wr_lb_admit(svc, t);
	if (!reason && !wr_lb_backend(svc, t, pick))
		reason = WR_LB_AGAIN;
	pick->service = svc->id;
	return reason;
}

/*
 * 0: *pick is where to. WR_LB_NO_SERVICE: leave the packet alone. Else an enum wr_reason: UNKNOWN_PORT and NO_BACKEND are
 * refused (reset, port unreachable), NO_LOCAL_BACKEND and SOURCE_RANGE dropped.
 *
 * A global function: verified once, whoever calls it.
 */
__noinline int wr_lb_select(const struct wr_lb_tuple *t, struct wr_lb_pick *pick)
{
	int i, r = WR_LB_AGAIN;

	if (!t || !pick)
		return WR_REASON_INTERNAL;
	for (i = 0; i < WR_LB_TRIES && r == WR_LB_AGAIN; i++)
		r = wr_lb_try(t, pick);
	return r == WR_LB_AGAIN ? WR_REASON_NO_BACKEND : r;
}

#endif
