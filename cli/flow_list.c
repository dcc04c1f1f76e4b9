// SPDX-License-Identifier: Apache-2.0
/* Collects flows. */
#include "cli/flow_list.h"

#include <arpa/inet.h>
#include <stdlib.h>

void wr_flow_filter_done(struct wr_flow_filter *f)
{
	wr_match_done(&f->pod);
	wr_match_done(&f->src);
	wr_match_done(&f->dst);
	wr_vec_done(&f->services);
}

static bool is_translated(const struct wr_flow_row *row)
{
	return row->flow.state & WR_FLOW_TRANSLATED;
}

static bool has_dst(const struct wr_match *m, const struct wr_flow_row *row)
{
	return wr_match_has(m, &row->dst) ||
	       (is_translated(row) && wr_match_has(m, &row->flow.new_dst));
}

static bool has_port(uint64_t port, const struct wr_flow_row *row)
{
	return !port || row->dport == port ||
	       (is_translated(row) && ntohs(row->flow.new_dport) == port);
}

static bool has_service(const struct wr_flow_filter *f, uint32_t service)
{
	size_t i;

	for (i = 0; i < f->services.n; i++)
		if (f->services.v[i] == service)
			return true;
	return !f->by_service;
}

bool wr_flow_filter_has(const struct wr_flow_filter *f, const struct wr_flow_row *row)
{
	return (!f->proto || f->proto == row->proto) && has_port(f->port, row) &&
	       has_service(f, row->flow.service) && wr_match_has(&f->src, &row->src) &&
	       has_dst(&f->dst, row) && (wr_match_has(&f->pod, &row->src) || has_dst(&f->pod, row));
}

int wr_flow_list_add(void *ctx, const struct wr_flow_key *key, const struct wr_flow *flow)
{
	struct wr_flow_list *l = ctx;
	struct wr_flow_row row;

	if (flow->state & WR_FLOW_DEAD)
		return 0;
	if ((flow->state & WR_FLOW_TRANSLATED) && (flow->state & WR_FLOW_REPLY_TUPLE)) {
		wr_vec_push(&l->replies, *flow);
		return 0;
	}
	wr_flow_row_fill(&row, key, flow);
	if (wr_flow_filter_has(l->filter, &row))
		wr_vec_push(&l->rows, row);
	return 0;
}

static int cmp_u64(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

/* Of a hundred thousand nonces two may well be alike, but not of flows that are as old as each other. */
static uint64_t mark_of(const struct wr_flow *flow)
{
	return (uint64_t)flow->nonce << 32 | flow->created;
}

static int by_mark(const void *a, const void *b)
{
	return cmp_u64(mark_of(a), mark_of(b));
}

static uint64_t sum(const __u64 v[WR_FLOW_DIRS])
{
	return v[WR_FLOW_ORIG] + v[WR_FLOW_REPLY];
}

/* So that equal ones have an order at all. */
static int by_ends(const struct wr_flow_row *x, const struct wr_flow_row *y)
{
	int r = wr_addr_cmp(&x->src, &y->src);

	if (!r)
		r = wr_addr_cmp(&x->dst, &y->dst);
	if (!r)
		r = (int)x->dport - (int)y->dport;
	return r ? r : (int)x->sport - (int)y->sport;
}

static int by_idle(const void *a, const void *b)
{
	const struct wr_flow_row *x = a, *y = b;
	int32_t later =
		(int32_t)(y->flow.seen - x->flow.seen); /* the counter may have wrapped between */
	int r = (later > 0) - (later < 0);

	return r ? r : by_ends(x, y);
}

static int by_bytes(const void *a, const void *b)
{
	const struct wr_flow_row *x = a, *y = b;
	int r = cmp_u64(sum(y->flow.bytes), sum(x->flow.bytes));

	return r ? r : by_ends(x, y);
}

static int by_packets(const void *a, const void *b)
{
	const struct wr_flow_row *x = a, *y = b;
	int r = cmp_u64(sum(y->flow.packets), sum(x->flow.packets));

	return r ? r : by_ends(x, y);
}

static int by_age(const void *a, const void *b)
{
	const struct wr_flow_row *x = a, *y = b;
	int r = cmp_u64(y->flow.created, x->flow.created);

	return r ? r : by_ends(x, y);
}

static void merge_replies(struct wr_flow_list *l)
{
	const struct wr_flow *reply;
	size_t i;

	wr_vec_sort(&l->replies, by_mark);
	for (i = 0; i < l->rows.n && l->replies.n; i++) {
		if (!is_translated(&l->rows.v[i]))
			continue;
		reply = bsearch(&l->rows.v[i].flow, l->replies.v, l->replies.n,
				sizeof(*l->replies.v), by_mark);
		if (reply)
			wr_flow_row_merge(&l->rows.v[i], reply);
	}
}

void wr_flow_list_finish(struct wr_flow_list *l, enum wr_flow_order order)
{
	static int (*const orders[])(const void *, const void *) = {
		[WR_FLOWS_BY_IDLE] = by_idle,
		[WR_FLOWS_BY_BYTES] = by_bytes,
		[WR_FLOWS_BY_PACKETS] = by_packets,
		[WR_FLOWS_BY_AGE] = by_age,
	};

	merge_replies(l);
	wr_vec_sort(&l->rows, orders[order]);
}

void wr_flow_list_done(struct wr_flow_list *l)
{
	wr_vec_done(&l->rows);
	wr_vec_done(&l->replies);
}
