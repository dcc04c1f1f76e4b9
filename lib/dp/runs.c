/* SPDX-License-Identifier: Apache-2.0 */
/* Contiguous runs of numbers: bits, and a tree of their longest free runs. */
#include "lib/dp/runs.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

#define WORD 64u

static uint32_t longest_zeros(uint64_t used)
{
	uint64_t free_bits = ~used;
	uint32_t n = 0;

	/* Each step shortens every run by one. */
	if (!~free_bits)
		return WORD;
	for (; free_bits; n++)
		free_bits &= free_bits << 1;
	return n;
}

static struct wr_run_node leaf_of(uint64_t used)
{
	if (!used)
		return (struct wr_run_node){ WORD, WORD, WORD };
	return (struct wr_run_node){
		.head = (uint32_t)__builtin_ctzll(used),
		.tail = (uint32_t)__builtin_clzll(used),
		.best = longest_zeros(used),
	};
}

/* @span: numbers below each child. */
static struct wr_run_node join(const struct wr_run_node *a, const struct wr_run_node *b, uint32_t span)
{
	uint32_t best = WR_MAX(a->best, b->best);

	return (struct wr_run_node){
		.head = a->head == span ? span + b->head : a->head,
		.tail = b->tail == span ? span + a->tail : b->tail,
		.best = WR_MAX(best, a->tail + b->head),
	};
}

/* Words @first to @last have changed. */
static void refresh(struct wr_runs *r, uint32_t first, uint32_t last)
{
	uint32_t i, span = WORD;

	for (i = first; i <= last; i++)
		r->tree[r->leaves + i] = leaf_of(r->bits[i]);
	first += r->leaves;
	last += r->leaves;
	for (; first > 1; span *= 2) {
		first /= 2;
		last /= 2;
		for (i = first; i <= last; i++)
			r->tree[i] = join(&r->tree[2 * i], &r->tree[2 * i + 1], span);
	}
}

void wr_runs_init(struct wr_runs *r, uint32_t n)
{
	uint32_t words = (n + WORD - 1) / WORD;

	*r = (struct wr_runs){ .n = n, .leaves = 1 };
	while (r->leaves < words)
		r->leaves *= 2;
	r->bits = wr_xcalloc(r->leaves, sizeof(*r->bits));
	r->tree = wr_xcalloc((size_t)r->leaves * 2, sizeof(*r->tree));
	memset(r->bits + words, 0xff, (r->leaves - words) * sizeof(*r->bits));
	if (n % WORD)
		r->bits[words - 1] = ~0ull << n % WORD;
	refresh(r, 0, r->leaves - 1);
}

void wr_runs_done(struct wr_runs *r)
{
	free(r->bits);
	free(r->tree);
	*r = (struct wr_runs){ 0 };
}

/* The bits of numbers @first to @first + @n - 1 that are in word @w. */
static uint64_t mask_of(uint32_t w, uint32_t first, uint32_t n)
{
	uint32_t from = w * WORD > first ? 0 : first - w * WORD;
	uint64_t end = (uint64_t)first + n - (uint64_t)w * WORD;
	uint64_t below_end = end >= WORD ? ~0ull : (1ull << end) - 1;

	return below_end & (~0ull << from);
}

static void mark(struct wr_runs *r, uint32_t first, uint32_t n, bool used)
{
	uint32_t w, last = (first + n - 1) / WORD;
	uint64_t mask, old;

	for (w = first / WORD; w <= last; w++) {
		mask = mask_of(w, first, n);
		old = r->bits[w];
		r->bits[w] = used ? old | mask : old & ~mask;
		r->used += (uint32_t)__builtin_popcountll(r->bits[w]);
		r->used -= (uint32_t)__builtin_popcountll(old);
	}
	refresh(r, first / WORD, last);
}

/* Where a run of @n begins in a word that has one. */
static uint32_t find_in_word(uint64_t used, uint32_t n)
{
	uint64_t starts = ~used;
	uint32_t i;

	for (i = 1; i < n; i++)
		starts &= starts >> 1;
	return (uint32_t)__builtin_ctzll(starts);
}

/* The leftmost run: in the left half, across the middle, or in the right half. */
static uint32_t find(const struct wr_runs *r, uint32_t n)
{
	uint32_t node = 1, first = 0, span = r->leaves * WORD / 2;

	while (node < r->leaves) {
		const struct wr_run_node *a = &r->tree[2 * node], *b = a + 1;

		if (a->best >= n) {
			node = 2 * node;
		} else if (a->tail + b->head >= n) {
			return first + span - a->tail;
		} else {
			node = 2 * node + 1;
			first += span;
		}
		span /= 2;
	}
	return first + find_in_word(r->bits[node - r->leaves], n);
}

bool wr_runs_has(const struct wr_runs *r, uint32_t n)
{
	return n && r->tree[1].best >= n;
}

uint32_t wr_runs_take(struct wr_runs *r, uint32_t n)
{
	uint32_t first;

	if (!wr_runs_has(r, n))
		return WR_RUNS_NONE;
	first = find(r, n);
	mark(r, first, n, true);
	return first;
}

bool wr_runs_claim(struct wr_runs *r, uint32_t first, uint32_t n)
{
	if (first >= r->n || n > r->n - first)
		return false;
	if (n)
		mark(r, first, n, true);
	return true;
}

void wr_runs_give(struct wr_runs *r, uint32_t first, uint32_t n)
{
	if (n)
		mark(r, first, n, false);
}
