// SPDX-License-Identifier: Apache-2.0
/* Which address an attachment gets: idempotence, pools in order, round robin, rest. */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/strbuf.h"
#include "lib/ipam/ipam.h"
#include "lib/ipam/ledger.h"

#define LOCK_WAIT_MS 10000
#define REST_MS      60000
/* A log of this size that could be this many times smaller is rewritten: replaying it takes some 50 us. */
#define REWRITE_SIZE  (32 << 10)
#define REWRITE_RATIO 3

struct wr_ipam {
	struct wr_ledger ledger;
	uint64_t rest_ms, now_ms;
};

/* The addresses of a pool that may be given, counted from its first one. */
struct span {
	struct wr_prefix pool;
	uint64_t first, last;
};

/* One allocation under way: [0] is IPv4, [1] IPv6. */
struct choice {
	const struct wr_attachment *id;
	const struct wr_ipam_request *req;
	struct wr_addr addr[2];
	bool is_new[2];
};

static int open_within(const char *dir, uint64_t wait_ms, struct wr_ipam **ret, struct wr_err *err)
{
	wr_autofree struct wr_ipam *ipam = wr_xcalloc(1, sizeof(*ipam));
	int r;

	r = wr_ledger_open(dir, wait_ms, &ipam->ledger, err);
	if (r < 0)
		return r;
	ipam->rest_ms = REST_MS;
	ipam->now_ms = wr_real_ms();
	*ret = wr_take_ptr(ipam);
	return 0;
}

int wr_ipam_open(const char *dir, struct wr_ipam **ret, struct wr_err *err)
{
	return open_within(dir, LOCK_WAIT_MS, ret, err);
}

int wr_ipam_try_open(const char *dir, struct wr_ipam **ret, struct wr_err *err)
{
	return open_within(dir, 0, ret, err);
}

void wr_ipam_close(struct wr_ipam *ipam)
{
	wr_ledger_done(&ipam->ledger);
	free(ipam);
}

void wr_ipam_set_rest_ms(struct wr_ipam *ipam, uint64_t ms)
{
	ipam->rest_ms = ms;
}

/* A clock that was set back makes an address rest longer, never shorter; rest is a preference, so nothing is lost. */
static bool resting(const struct wr_ipam *ipam, const struct wr_ledger_row *row)
{
	return !row->held &&
	       (row->since_ms > ipam->now_ms || ipam->now_ms - row->since_ms < ipam->rest_ms);
}

/* Held, or given only when nothing else is left. */
static bool in_use(const struct wr_ipam *ipam, const struct wr_ledger_row *row)
{
	return row->held || resting(ipam, row);
}

static struct span usable(const struct wr_prefix *pool)
{
	struct span s = { .pool = wr_prefix_masked(pool), .last = wr_prefix_size(pool) - 1 };

	if (pool->len >= 127)
		return s;
	s.first = 2;
	if (wr_addr_is4(&pool->addr))
		s.last--;
	return s;
}

static uint64_t index_in(const struct span *s, const struct wr_addr *addr)
{
	return be64toh(addr->d[1]) - be64toh(s->pool.addr.d[1]);
}

static bool can_give(const struct span *s, const struct wr_addr *addr)
{
	uint64_t i;

	if (!wr_prefix_has(&s->pool, addr) || addr->d[0] != s->pool.addr.d[0])
		return false;
	i = index_in(s, addr);
	return i >= s->first && i <= s->last;
}

static bool is_taken(const struct wr_ipam_request *req, const struct wr_addr *addr)
{
	size_t i;

	for (i = 0; i < req->n_taken; i++)
		if (wr_addr_eq(&req->taken[i], addr))
			return true;
	return false;
}

/* The row of the pool that was given last. */
static struct wr_ledger_row *last_given(const struct wr_ledger *l, const struct span *s)
{
	struct wr_ledger_row *last = NULL;
	struct wr_ledger_iter it = { 0 };
	struct wr_ledger_row *row;

	while ((row = wr_ledger_next(l, &it)))
		if ((!last || row->given > last->given) && can_give(s, &row->addr))
			last = row;
	return last;
}

static struct wr_ledger_row *longest_resting(const struct wr_ledger *l, const struct span *s,
					     const struct wr_ipam_request *req)
{
	struct wr_ledger_row *oldest = NULL;
	struct wr_ledger_iter it = { 0 };
	struct wr_ledger_row *row;

	while ((row = wr_ledger_next(l, &it)))
		if (!row->held && can_give(s, &row->addr) && !is_taken(req, &row->addr) &&
		    (!oldest || row->since_ms < oldest->since_ms))
			oldest = row;
	return oldest;
}

static uint64_t after(const struct span *s, uint64_t i)
{
	return i == s->last ? s->first : i + 1;
}

/* Every address passed over has a row or is taken: the search ends after as many steps as there are of both. */
static int pick_free(const struct wr_ipam *ipam, const struct span *s,
		     const struct wr_ipam_request *req, struct wr_addr *ret)
{
	const struct wr_ledger *l = &ipam->ledger;
	const struct wr_ledger_row *row = last_given(l, s);
	uint64_t start = row ? after(s, index_in(s, &row->addr)) : s->first, i = start;
	struct wr_addr addr;

	do {
		if (wr_prefix_nth(&s->pool, i, &addr) < 0)
			return -ERANGE;
		row = wr_ledger_find(l, &addr);
		if ((!row || !in_use(ipam, row)) && !is_taken(req, &addr)) {
			*ret = addr;
			return 0;
		}
		i = after(s, i);
	} while (i != start);
	return -ENOSPC;
}

static int family_of(const struct wr_addr *addr)
{
	return wr_addr_is4(addr) ? 0 : 1;
}

static int say_exhausted(const struct wr_ipam_request *req, int family, struct wr_err *err)
{
	wr_auto_strbuf list = WR_STRBUF_INIT;
	char text[WR_PREFIX_STRLEN];
	size_t i;

	for (i = 0; i < req->n_pools; i++) {
		const struct span s = usable(&req->pools[i]);

		if (family_of(&s.pool.addr) != family)
			continue;
		wr_strbuf_addf(&list, "%s%s (%" PRIu64 " addresses)", list.len ? ", " : "",
			       wr_prefix_format(&s.pool, text), s.last - s.first + 1);
	}
	if (!list.len)
		return wr_err_set_cni(err, 11, -ENOSPC, "this node has no %s pod range",
				      family ? "IPv6" : "IPv4");
	return wr_err_set_cni(err, 11, -ENOSPC, "no free %s address: every one is in use in %s",
			      family ? "IPv6" : "IPv4", list.buf);
}

/* Pools in their order; one that rests in the first is given only when the others have none that is free. */
static int pick_any(const struct wr_ipam *ipam, struct choice *c, int family, struct wr_err *err)
{
	const struct wr_ledger_row *rested = NULL, *row;
	size_t i;
	int r;

	for (i = 0; i < c->req->n_pools; i++) {
		const struct span s = usable(&c->req->pools[i]);

		if (family_of(&s.pool.addr) != family)
			continue;
		r = pick_free(ipam, &s, c->req, &c->addr[family]);
		if (r != -ENOSPC)
			return r;
		row = longest_resting(&ipam->ledger, &s, c->req);
		if (row && (!rested || row->since_ms < rested->since_ms))
			rested = row;
	}
	if (!rested)
		return say_exhausted(c->req, family, err);
	c->addr[family] = rested->addr;
	return 0;
}

static bool any_can_give(const struct wr_ipam_request *req, const struct wr_addr *addr)
{
	size_t i;

	for (i = 0; i < req->n_pools; i++) {
		const struct span s = usable(&req->pools[i]);

		if (can_give(&s, addr))
			return true;
	}
	return false;
}

static int pick_fixed(const struct wr_ipam *ipam, struct choice *c, int family,
		      const struct wr_addr *fixed, struct wr_err *err)
{
	const struct wr_ledger_row *row = wr_ledger_find(&ipam->ledger, fixed);
	char text[WR_ADDR_STRLEN];

	wr_addr_format(fixed, text);
	if (!any_can_give(c->req, fixed))
		return wr_err_set_cni(err, 7, -ERANGE,
				      "%s is not an address that this node's pod ranges can give",
				      text);
	if (row && row->held)
		return wr_err_set_cni(err, 11, -EADDRINUSE,
				      "%s is in use by container %s, interface %s, network %s",
				      text, row->id.container, row->id.ifname, row->id.network);
	if (is_taken(c->req, fixed))
		return wr_err_set_cni(err, 11, -EADDRINUSE,
				      "%s is in use by a pod of another network", text);
	c->addr[family] = *fixed;
	return 0;
}

static int choose(const struct wr_ipam *ipam, struct choice *c, int family, struct wr_err *err)
{
	const struct wr_addr *fixed = family ? &c->req->fixed6 : &c->req->fixed4;
	const bool want = family ? c->req->want6 : c->req->want4, is_fixed = !wr_addr_is_zero(fixed);
	char have[WR_ADDR_STRLEN], text[WR_ADDR_STRLEN];

	if (!want && !is_fixed) {
		c->addr[family] = (struct wr_addr){ 0 };
		return 0;
	}
	if (wr_addr_is_zero(&c->addr[family])) {
		c->is_new[family] = true;
		return is_fixed ? pick_fixed(ipam, c, family, fixed, err) :
				  pick_any(ipam, c, family, err);
	}
	if (is_fixed && !wr_addr_eq(fixed, &c->addr[family]))
		return wr_err_set_cni(err, 11, -EADDRINUSE,
				      "the attachment holds %s, so it cannot get %s",
				      wr_addr_format(&c->addr[family], have),
				      wr_addr_format(fixed, text));
	return 0;
}

/* What the attachment holds already; returns how many addresses that is. */
static int find_held(const struct wr_ledger *l, const struct wr_attachment *id, struct wr_addr ret[2])
{
	int n = 0;
	struct wr_ledger_iter it = { 0 };
	struct wr_ledger_row *row;

	while ((row = wr_ledger_next(l, &it))) {
		if (!row->held || wr_attachment_cmp(&row->id, id))
			continue;
		ret[family_of(&row->addr)] = row->addr;
		n++;
	}
	return n;
}

/* What no longer matters: released, rested, and not where a pool goes on. */
static void mark_kept(struct wr_ipam *ipam, const struct wr_ipam_request *req)
{
	struct wr_ledger_iter it = { 0 };
	struct wr_ledger_row *row;
	size_t i;

	while ((row = wr_ledger_next(&ipam->ledger, &it)))
		row->kept = in_use(ipam, row);
	for (i = 0; i < req->n_pools; i++) {
		const struct span s = usable(&req->pools[i]);

		row = last_given(&ipam->ledger, &s);
		if (row)
			row->kept = true;
	}
}

static size_t needed_size(const struct wr_ipam *ipam)
{
	struct wr_ledger_iter it = { 0 };
	const struct wr_ledger_row *row;
	size_t size = 0;

	while ((row = wr_ledger_next(&ipam->ledger, &it)))
		if (in_use(ipam, row))
			size += wr_ledger_row_size(row);
	return size;
}

/* Before the new record is added, so that a kill in here changes nothing but the file's size. */
static int rewrite_if_large(struct wr_ipam *ipam, const struct wr_ipam_request *req,
			    struct wr_err *err)
{
	const size_t size = (size_t)ipam->ledger.end;

	if (size < REWRITE_SIZE || size < REWRITE_RATIO * needed_size(ipam))
		return 0;
	mark_kept(ipam, req);
	return wr_ledger_rewrite(&ipam->ledger, err);
}

static int record_choice(struct wr_ipam *ipam, const struct choice *c, struct wr_err *err)
{
	struct wr_ledger_change change = { .id = c->id, .time_ms = ipam->now_ms, .held = true };
	int f;

	for (f = 0; f < 2; f++)
		if (c->is_new[f])
			change.addr[f] = c->addr[f];
	return wr_ledger_append(&ipam->ledger, &change, err);
}

int wr_ipam_allocate(struct wr_ipam *ipam, const struct wr_attachment *id,
		     const struct wr_ipam_request *req, struct wr_ipam_result *ret,
		     struct wr_err *err)
{
	struct choice c = { .id = id, .req = req };
	int r;

	find_held(&ipam->ledger, id, c.addr);
	r = choose(ipam, &c, 0, err);
	if (r == 0)
		r = choose(ipam, &c, 1, err);
	if (r < 0)
		return r;
	if (c.is_new[0] || c.is_new[1]) {
		r = rewrite_if_large(ipam, req, err);
		if (r == 0)
			r = record_choice(ipam, &c, err);
		if (r < 0)
			return r;
	}
	*ret = (struct wr_ipam_result){ .addr4 = c.addr[0], .addr6 = c.addr[1] };
	return 0;
}

int wr_ipam_release(struct wr_ipam *ipam, const struct wr_attachment *id, struct wr_err *err)
{
	struct wr_ledger_change change = { .id = id, .time_ms = ipam->now_ms };
	int n = find_held(&ipam->ledger, id, change.addr), r;

	if (!n)
		return 0;
	r = wr_ledger_append(&ipam->ledger, &change, err);
	return r < 0 ? r : n;
}

int wr_ipam_get(struct wr_ipam *ipam, const struct wr_attachment *id, struct wr_ipam_result *ret)
{
	struct wr_addr addr[2] = { 0 };

	if (!find_held(&ipam->ledger, id, addr))
		return -ENOENT;
	*ret = (struct wr_ipam_result){ .addr4 = addr[0], .addr6 = addr[1] };
	return 0;
}

static int by_addr(const void *a, const void *b)
{
	const struct wr_ipam_lease *x = a, *y = b;

	return wr_addr_cmp(&x->addr, &y->addr);
}

int wr_ipam_dump(struct wr_ipam *ipam, struct wr_ipam_leases *ret, struct wr_err *err)
{
	struct wr_ledger_iter it = { 0 };
	struct wr_ipam_leases all = { 0 };
	const struct wr_ledger_row *row;

	while ((row = wr_ledger_next(&ipam->ledger, &it))) {
		if (!in_use(ipam, row))
			continue;
		wr_vec_push(&all.v, (struct wr_ipam_lease){ .id = wr_attachment_copy(&row->id),
							    .addr = row->addr,
							    .since_ms = row->since_ms,
							    .resting = !row->held });
	}
	wr_vec_sort(&all.v, by_addr);
	*ret = all;
	return 0;
}

void wr_ipam_leases_done(struct wr_ipam_leases *l)
{
	size_t i;

	for (i = 0; i < l->v.n; i++)
		wr_attachment_done(&l->v.v[i].id);
	wr_vec_done(&l->v);
}
