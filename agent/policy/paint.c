// SPDX-License-Identifier: Apache-2.0
/*
 * A ruleset's clauses for one peer, as rows: the ports of each protocol are painted in the order of precedence, what is
 * painted stays, and the picture is cut into prefixes.
 */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "agent/policy/private.h"
#include "lib/base/cleanup.h"

#define LAST_PORT 65535u

enum paint {
	OPEN,   /* no rule of this tier has decided yet */
	PASSED, /* the tiers below decide */
	DECIDED,
};

struct segment {
	uint32_t first, last;
	enum paint paint;
	uint64_t word;
};

typedef WR_VEC(struct segment) segments;

/* The protocols with ports; the last stands for all others, which follow rules of all ports. */
static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, 0 };
#define N_PROTOS 4
#define OTHERS   3

struct picture {
	const struct ruleset *rs;
	int dir;
	const struct identity *peer; /* NULL: any */
	bool unknown;                /* the peer may be any pod */
	bool enforced_only;          /* policies in shadow mode are left out */
	struct wr_policy *p;
	segments v[N_PROTOS];
};

static void push_part(segments *to, const struct segment *of, uint32_t first, uint32_t last)
{
	struct segment s = *of;

	if (first > last || last > LAST_PORT)
		return;
	s.first = first;
	s.last = last;
	wr_vec_push(to, s);
}

static void paint(segments *v, uint32_t first, uint32_t last, enum paint how, uint64_t word)
{
	segments next = { 0 };
	size_t i;

	for (i = 0; i < v->n; i++) {
		struct segment old = v->v[i], done = { .paint = how, .word = word };

		if (old.paint != OPEN || old.last < first || old.first > last) {
			wr_vec_push(&next, old);
			continue;
		}
		if (old.first < first)
			push_part(&next, &old, old.first, first - 1);
		push_part(&next, &done, WR_MAX(old.first, first), WR_MIN(old.last, last));
		if (old.last > last)
			push_part(&next, &old, last + 1, old.last);
	}
	wr_vec_done(v);
	*v = next;
}

/* ---- does a clause speak of the peer? ------------------------------------------------------------- */

enum fit {
	NOT,
	BY_BLOCK, /* its address, so nothing is known of its ports */
	BY_POD,
};

static bool has_sel(const struct identity *i, uint32_t number)
{
	size_t low = 0, high = i->n, mid;

	while (low < high) {
		mid = (low + high) / 2;
		if (i->sels[mid] < number)
			low = mid + 1;
		else
			high = mid;
	}
	return low < i->n && i->sels[low] == number;
}

static enum fit fits(const struct picture *pic, const struct clause *c)
{
	enum fit fit = NOT;
	size_t i;

	if (c->any_peer)
		return BY_POD;
	if (pic->unknown)
		return c->action == WR_ACTION_ACCEPT ? NOT : BY_POD;
	for (i = 0; pic->peer && i < c->sels.n; i++)
		if (has_sel(pic->peer, c->sels.v[i]->number))
			fit = c->sels.v[i]->kind == SEL_PODS || fit == BY_POD ? BY_POD : BY_BLOCK;
	return fit;
}

/* ---- clauses --------------------------------------------------------------------------------------- */

struct stroke {
	enum paint how;
	uint64_t word;
};

static void paint_proto(struct picture *pic, uint8_t proto, uint32_t first, uint32_t last,
			const struct stroke *s)
{
	int i;

	for (i = 0; i < OTHERS; i++)
		if (!proto || protos[i] == proto)
			paint(&pic->v[i], first, last, s->how, s->word);
}

static bool same_name(const struct wr_policy_port *named, const struct wr_policy_port *have)
{
	return named->name == have->name && (!named->proto || named->proto == have->proto);
}

/* Names are the destination's: the subject's own for ingress, else what its identity says of the peer. */
static void paint_named(struct picture *pic, const struct wr_policy_port *port, enum fit fit,
			const struct stroke *s)
{
	const struct ruleset *rs = pic->rs;
	size_t i;

	if (pic->dir == WR_DIR_INGRESS) {
		for (i = 0; i < rs->ports.n; i++)
			if (same_name(port, &rs->ports.v[i]))
				paint_proto(pic, rs->ports.v[i].proto, rs->ports.v[i].first,
					    rs->ports.v[i].first, s);
		return;
	}
	for (i = 0; pic->peer && fit == BY_POD && i < pic->peer->n; i++) {
		const struct sel *sel = sel_at(pic->p, pic->peer->sels[i]);

		if (sel->kind == SEL_PORT && same_name(port, &sel->port))
			paint_proto(pic, sel->port.proto, sel->port.first, sel->port.first, s);
	}
}

static struct stroke stroke_of(const struct picture *pic, const struct clause *c)
{
	bool allow = c->action == WR_ACTION_ACCEPT;

	/* Whether the peer is one of those that a rule passes on is not known: closed. */
	if (c->action == WR_ACTION_PASS && (!pic->unknown || c->any_peer))
		return (struct stroke){ PASSED, 0 };
	return (struct stroke){ DECIDED, WR_RULE_WORD(allow ? WR_VERDICT_ALLOW : WR_VERDICT_DENY,
						      c->rule->number) };
}

static void paint_clause(struct picture *pic, const struct clause *c)
{
	struct stroke s = stroke_of(pic, c);
	enum fit fit = fits(pic, c);
	size_t i;

	if (!fit)
		return;
	if (c->any_port) {
		paint_proto(pic, 0, 0, LAST_PORT, &s);
		paint(&pic->v[OTHERS], 0, LAST_PORT, s.how, s.word);
	}
	for (i = 0; i < c->ports.n && !c->any_port; i++) {
		const struct wr_policy_port *port = &c->ports.v[i];

		if (port->name)
			paint_named(pic, port, fit, &s);
		else
			paint_proto(pic, port->proto, port->first, port->last, &s);
	}
}

/* ---- tiers ------------------------------------------------------------------------------------------ */

static void paint_tier(struct picture *pic, enum wr_tier tier)
{
	const struct ruleset *rs = pic->rs;
	size_t i, k;

	for (i = 0; i < rs->pols.n; i++) {
		const struct pol *pol = rs->pols.v[i];

		if (pol->audit && pic->enforced_only)
			continue;
		for (k = 0; pol->tier == tier && k < pol->clauses[pic->dir].n; k++)
			paint_clause(pic, &pol->clauses[pic->dir].v[k]);
	}
}

static void reopen(struct picture *pic)
{
	size_t i, k;

	for (i = 0; i < N_PROTOS; i++)
		for (k = 0; k < pic->v[i].n; k++)
			if (pic->v[i].v[k].paint == PASSED)
				pic->v[i].v[k].paint = OPEN;
}

static void paint_rest(struct picture *pic, uint64_t word)
{
	size_t i;

	for (i = 0; i < N_PROTOS; i++)
		paint(&pic->v[i], 0, LAST_PORT, DECIDED, word);
}

static void merge_equal(segments *v)
{
	size_t i, n = 0;

	for (i = 0; i < v->n; i++)
		if (n && v->v[n - 1].word == v->v[i].word)
			v->v[n - 1].last = v->v[i].last;
		else
			v->v[n++] = v->v[i];
	v->n = n;
}

static void draw_tiers(struct picture *pic)
{
	const struct ruleset *rs = pic->rs;
	const struct rule_info *denial = pic->enforced_only ? rs->enforced_denial[pic->dir] :
							      rs->denial[pic->dir];
	struct segment whole = { .last = LAST_PORT };
	size_t i;

	for (i = 0; i < N_PROTOS; i++)
		wr_vec_push(&pic->v[i], whole);
	paint_tier(pic, WR_TIER_ADMIN);
	reopen(pic);
	paint_tier(pic, WR_TIER_NETWORKPOLICY);
	if (denial)
		paint_rest(pic, WR_RULE_WORD(WR_VERDICT_DENY, denial->number));
	paint_tier(pic, WR_TIER_BASELINE);
	reopen(pic);
	paint_rest(pic, WR_RULE_WORD(WR_VERDICT_ALLOW, 0));
	for (i = 0; i < N_PROTOS; i++)
		merge_equal(&pic->v[i]);
}

static void picture_done(struct picture *pic)
{
	size_t i;

	for (i = 0; i < N_PROTOS; i++)
		wr_vec_done(&pic->v[i]);
}

static uint64_t with_audit(uint64_t enforced, uint64_t all)
{
	if (WR_RULE_VERDICT(enforced) == WR_VERDICT_ALLOW && WR_RULE_VERDICT(all) == WR_VERDICT_DENY)
		return WR_RULE_WORD(WR_VERDICT_AUDIT, WR_RULE_NUMBER(all));
	return enforced;
}

/* Both cover every port. */
static void overlay(segments *v, const segments *all)
{
	segments next = { 0 };
	size_t i = 0, k = 0;
	uint32_t at = 0;

	while (i < v->n) {
		struct segment s = v->v[i];

		s.first = at;
		s.last = WR_MIN(s.last, all->v[k].last);
		s.word = with_audit(s.word, all->v[k].word);
		wr_vec_push(&next, s);
		at = s.last + 1;
		i += v->v[i].last == s.last;
		k += all->v[k].last == s.last;
	}
	wr_vec_done(v);
	*v = next;
	merge_equal(v);
}

/* Where policies in shadow mode stand beside others: what the others say, and what would be denied with all of them. */
static void draw(struct picture *pic)
{
	struct picture all = *pic;
	size_t i;

	pic->enforced_only = pic->rs->shadows[pic->dir];
	draw_tiers(pic);
	if (!pic->enforced_only)
		return;
	draw_tiers(&all);
	for (i = 0; i < N_PROTOS; i++)
		overlay(&pic->v[i], &all.v[i]);
	picture_done(&all);
}

static bool same_picture(const struct picture *a, const struct picture *b)
{
	size_t i, k;

	for (i = 0; i < N_PROTOS; i++) {
		if (a->v[i].n != b->v[i].n)
			return false;
		for (k = 0; k < a->v[i].n; k++)
			if (a->v[i].v[k].last != b->v[i].v[k].last ||
			    a->v[i].v[k].word != b->v[i].v[k].word)
				return false;
	}
	return true;
}

/* ---- rows -------------------------------------------------------------------------------------------- */

struct canvas {
	struct wr_rule_key key; /* ruleset, identity, direction */
	rows_vec *out;
};

static void add_row(const struct canvas *c, uint32_t len, uint8_t proto, uint32_t port, uint64_t word)
{
	struct wr_policy_row row = { .key = c->key, .word = word };

	row.key.len = len;
	row.key.proto = proto;
	row.key.port = htons((uint16_t)port);
	wr_vec_push(c->out, row);
}

/* The fewest prefixes that make up the range. */
static void add_range(const struct canvas *c, uint8_t proto, const struct segment *s)
{
	uint32_t at = s->first, bits;

	while (at <= s->last) {
		for (bits = 0; bits < 16; bits++) {
			uint32_t size = 2u << bits;

			if (at % size || at + size - 1 > s->last)
				break;
		}
		add_row(c, WR_RULE_LEN_PROTO + 16 - bits, proto, at, s->word);
		at += 1u << bits;
	}
}

/* The word that most ports have. */
static uint64_t common_word(const segments *v)
{
	uint64_t best = v->v[0].word;
	uint32_t most = 0, sum;
	size_t i, k;

	for (i = 0; i < v->n; i++) {
		for (sum = 0, k = 0; k < v->n; k++)
			if (v->v[k].word == v->v[i].word)
				sum += v->v[k].last - v->v[k].first + 1;
		if (sum > most) {
			most = sum;
			best = v->v[i].word;
		}
	}
	return best;
}

static void add_rows(const struct picture *pic, uint32_t identity, rows_vec *out)
{
	struct canvas c = { .out = out };
	uint64_t others = pic->v[OTHERS].v[0].word, base;
	size_t i, k;

	c.key = (struct wr_rule_key){ .ruleset = pic->rs->number,
				      .identity = identity,
				      .dir = (uint8_t)pic->dir };
	add_row(&c, WR_RULE_LEN_DIR, 0, 0, others);
	for (i = 0; i < OTHERS; i++) {
		base = common_word(&pic->v[i]);
		if (base != others)
			add_row(&c, WR_RULE_LEN_PROTO, protos[i], 0, base);
		for (k = 0; k < pic->v[i].n; k++)
			if (pic->v[i].v[k].word != base)
				add_range(&c, protos[i], &pic->v[i].v[k]);
	}
}

static bool is_judged(const struct ruleset *rs, int dir)
{
	return rs->word & (dir == WR_DIR_EGRESS ? WR_RULES_EGRESS : WR_RULES_INGRESS);
}

/* Rows of one identity hide those of any peer, so they say everything; where they would say the same there are none. */
static void paint_other(struct wr_policy *p, const struct ruleset *rs, const struct identity *i,
			int dir, rows_vec *out)
{
	struct picture any = { .p = p, .rs = rs, .dir = dir }, own = any;

	own.peer = i;
	own.unknown = i->number == WR_IDENTITY_UNKNOWN;
	draw(&any);
	draw(&own);
	if (!same_picture(&any, &own))
		add_rows(&own, i->number, out);
	picture_done(&any);
	picture_done(&own);
}

static bool is_spoken_of(const struct picture *pic)
{
	const struct ruleset *rs = pic->rs;
	size_t i, k;

	if (pic->unknown)
		return true;
	for (i = 0; i < rs->pols.n; i++) {
		const struct pol *pol = rs->pols.v[i];

		for (k = 0; k < pol->clauses[pic->dir].n; k++)
			if (fits(pic, &pol->clauses[pic->dir].v[k]))
				return true;
	}
	return false;
}

void paint_any(struct wr_policy *p, const struct ruleset *rs, rows_vec *out)
{
	int dir;

	for (dir = 0; dir < WR_DIR_MAX; dir++) {
		struct picture pic = { .p = p, .rs = rs, .dir = dir };

		if (!is_judged(rs, dir))
			continue;
		draw(&pic);
		add_rows(&pic, WR_RULE_ANY_PEER, out);
		picture_done(&pic);
	}
}

void paint_identity(struct wr_policy *p, const struct ruleset *rs, const struct identity *i,
		    rows_vec *out)
{
	int dir;

	for (dir = 0; dir < WR_DIR_MAX; dir++) {
		struct picture pic = { .p = p, .rs = rs, .dir = dir, .peer = i };

		pic.unknown = i->number == WR_IDENTITY_UNKNOWN;
		if (is_judged(rs, dir) && is_spoken_of(&pic))
			paint_other(p, rs, i, dir, out);
	}
}
