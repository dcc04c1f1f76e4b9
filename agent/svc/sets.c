/* SPDX-License-Identifier: Apache-2.0 */
/* The sets of one build: frontends that may be claimed, the run, puts, holds, and what is no longer wanted. */
#include "agent/svc/build.h"

#include <arpa/inet.h>

#include "lib/base/str.h"

static uint64_t hash(uint64_t seed, const char *text)
{
	return wr_hash64_bytes(text, strlen(text) + 1, seed);
}

uint64_t wr_build_service_hash(const struct wr_svc *svc)
{
	return hash(hash(svc->host_ports, svc->ns), svc->name);
}

uint64_t wr_build_port_hash(const struct wr_svc *svc, const char *port_name, uint8_t proto)
{
	return wr_hash64_bytes(&proto, 1, hash(wr_build_service_hash(svc), port_name));
}

uint64_t wr_build_key(const struct wr_svc_build *b, enum wr_svc_class class, uint8_t scope)
{
	const uint8_t rest[3] = { class, scope, (uint8_t)b->family };

	return wr_hash64_bytes(rest, sizeof(rest), b->key);
}

static void note(struct wr_svc_build *b, int r)
{
	if (r < 0 && !b->err)
		b->err = r;
}

struct wr_addr wr_build_loopback(int family)
{
	struct wr_addr a;

	wr_addr_parse(family == AF_INET ? "127.0.0.1" : "::1", &a);
	return a;
}

static const char *proto_name(uint8_t proto)
{
	static char buf[16];

	return wr_proto_format(proto, buf);
}

static void skip_taken(struct wr_svc_build *b, const struct wr_frontend *fe,
		       const struct wr_svc *owner)
{
	char buf[WR_ADDR_STRLEN];

	wr_svc_skip(b->svc, "%s port %u/%s: %s%s%s has it", wr_addr_format(&fe->addr, buf),
		    ntohs(fe->port), proto_name(fe->proto), owner->ns, owner->host_ports ? "" : "/",
		    owner->name);
}

void wr_build_frontend(struct wr_svc_build *b, const struct wr_addr *addr, uint16_t port,
		       uint8_t proto, uint8_t scope)
{
	struct wr_frontend fe = {
		.addr = *addr, .port = htons(port), .proto = proto, .scope = WR_SCOPE_ANY
	};
	const struct wr_svc *owner;

	/* Who has a frontend has it for everybody. */
	if (scope == WR_SCOPE_EXTERNAL && !wr_svc_has_claimed(b->idx, b->svc, &fe))
		return;
	fe.scope = scope;
	switch (wr_svc_claim(b->idx, b->svc, &fe, &owner)) {
	case WR_SVC_CLAIMED:
		wr_vec_push(&b->idx->tmp.frontends, fe);
		break;
	case WR_SVC_TAKEN:
		if (port) /* an address may be shared */
			skip_taken(b, &fe, owner);
		break;
	case WR_SVC_CLAIMED_ALREADY:
		break;
	}
}

static struct wr_svc_held *held_of(struct wr_svc *svc, uint64_t key)
{
	size_t i;

	for (i = 0; i < svc->sets.n; i++)
		if (svc->sets.v[i].key == key)
			return &svc->sets.v[i];
	return NULL;
}

static struct wr_svc_held *held_get(struct wr_svc *svc, uint64_t key)
{
	struct wr_svc_held *h = held_of(svc, key);

	if (!h) {
		wr_vec_push(&svc->sets, (struct wr_svc_held){ .key = key });
		h = &svc->sets.v[svc->sets.n - 1];
	}
	h->seen = true;
	return h;
}

struct wr_svc_backend wr_build_backend(struct wr_svc_build *b, const struct wr_svc_endpoint *e,
				       bool terminating)
{
	return (struct wr_svc_backend){
		.addr = e->addr,
		.port = htons(e->port),
		.proto = b->proto,
		.terminating = terminating,
		.weight = 1,
		.node = wr_svc_number(&b->idx->node_numbers, e->node),
		.zone = wr_svc_number(&b->idx->zone_numbers, e->zone),
	};
}

void wr_build_run(struct wr_svc_build *b)
{
	const struct wr_svc_endpoints *eps = &b->idx->tmp.endpoints;
	size_t i;

	wr_vec_reset(&b->idx->tmp.run);
	for (i = 0; i < eps->v.n; i++)
		if (eps->v.v[i].chosen)
			wr_vec_push(&b->idx->tmp.run, wr_build_backend(b, &eps->v.v[i], b->fallback));
}

/* Of both families, since rows belong to the id, which the sets of both share. */
static void add_ranges(struct wr_svc_build *b, uint32_t flags)
{
	const struct wr_service_object *o = b->svc->obj;
	size_t i;

	wr_vec_reset(&b->idx->tmp.ranges);
	for (i = 0; o && flags & WR_SVC_SRC_RANGES && i < o->source_ranges.n; i++)
		wr_vec_push(&b->idx->tmp.ranges, wr_prefix_masked(&o->source_ranges.v[i]));
}

/* Without its table a port is in force all the same; nodes choose differently then, which is to be known. */
static void note_put(struct wr_svc_build *b, int r)
{
	note(b, r);
	b->wants_table |= r > 0;
	if (r > 0)
		wr_svc_skip(b->svc,
			    "port %u/%s: no room for a Maglev table: each node chooses backends by chance",
			    b->port, proto_name(b->proto));
}

void wr_build_put(struct wr_svc_build *b, enum wr_svc_class class, uint8_t scope, uint32_t flags)
{
	struct wr_svc_index *idx = b->idx;
	struct wr_svc_set set = {
		.key = wr_build_key(b, class, scope),
		.id = b->id,
		.flags = flags,
		.affinity = b->svc->obj ? b->svc->obj->affinity : 0,
		.maglev_seed = wr_build_service_hash(b->svc),
		.frontends = idx->tmp.frontends.v,
		.n_frontends = idx->tmp.frontends.n,
		.backends = idx->tmp.run.v,
		.n_backends = idx->tmp.run.n,
	};

	if (!set.n_frontends)
		return;
	add_ranges(b, flags);
	set.src_ranges = idx->tmp.ranges.v;
	set.n_src_ranges = idx->tmp.ranges.n;
	held_get(b->svc, set.key);
	if (b->sink->put)
		note_put(b, b->sink->put(b->sink->ctx, &set));
}

/* Flows keep what is not there for new ones: TCP whatever the slices still name, UDP what is ready or still serves. */
static bool may_hold(const struct wr_svc_build *b, const struct wr_svc_endpoint *e)
{
	return b->proto != IPPROTO_UDP || e->ready || (e->serving && e->terminating);
}

/*
 * The list repeats the run, so that it may come before the puts: whoever leaves the run is held already.
 */
bool wr_build_collect_held(struct wr_svc_build *b)
{
	const struct wr_svc_endpoints *eps = &b->idx->tmp.endpoints;
	bool needed = false;
	size_t i;

	wr_vec_reset(&b->idx->tmp.held);
	for (i = 0; i < eps->v.n; i++) {
		if (!may_hold(b, &eps->v.v[i]))
			continue;
		wr_vec_push(&b->idx->tmp.held, wr_build_backend(b, &eps->v.v[i], true));
		needed |= !eps->v.v[i].in_run;
	}
	return needed;
}

void wr_build_hold(struct wr_svc_build *b, uint64_t key, bool holds)
{
	struct wr_svc_held *h = held_get(b->svc, key);

	if ((!holds && !h->holds) || !b->sink->hold)
		return;
	h->holds = holds;
	note(b, b->sink->hold(b->sink->ctx, key, b->id, holds ? b->idx->tmp.held.v : NULL,
			      holds ? b->idx->tmp.held.n : 0));
}

void wr_build_begin(struct wr_svc_build *b)
{
	size_t i;

	b->idx->round++;
	b->svc->failed = false;
	wr_svc_forget_skipped(b->svc);
	wr_svc_claims_begin(b->idx, b->svc);
	for (i = 0; i < b->svc->sets.n; i++)
		b->svc->sets.v[i].seen = false;
}

void wr_build_end(struct wr_svc_build *b)
{
	struct wr_svc_held h;
	size_t i = 0;

	while (i < b->svc->sets.n) {
		h = b->svc->sets.v[i];
		if (h.seen) {
			i++;
			continue;
		}
		wr_vec_del_unordered(&b->svc->sets, i);
		if (b->sink->del)
			note(b, b->sink->del(b->sink->ctx, h.key));
	}
}
