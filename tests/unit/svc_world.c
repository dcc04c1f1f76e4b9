/* SPDX-License-Identifier: Apache-2.0 */
/* A cluster as text, and the sets that are in force. */
#include "tests/unit/check.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/strbuf.h"
#include "lib/yaml/yaml.h"
#include "tests/unit/svc_world.h"

struct row {
	struct wr_svc_set set;
	struct wr_frontend *frontends; /* the set's lists */
	struct wr_svc_backend *backends;
	struct wr_prefix *ranges;
	struct wr_svc_backend *held;
	size_t n_held;
	bool put;
};

struct health {
	char *ns, *name;
	uint16_t port;
	uint32_t n;
};

struct world {
	struct wr_store *store;
	struct wr_svc_index *idx;
	struct wr_svc_table *table; /* borrowed; NULL: none */
	WR_VEC(struct row) rows;
	WR_VEC(struct health) health;
	struct wr_strbuf answer;
	size_t writes;
	int fail;
	struct wr_frontend former; /* and the id that an earlier run gave it */
	uint32_t former_id;
};

static void *copy(const void *v, size_t n, size_t size)
{
	void *p = wr_xcalloc(n ? n : 1, size);

	if (n)
		memcpy(p, v, n * size);
	return p;
}

static void row_done(struct row *r)
{
	free(r->frontends);
	free(r->backends);
	free(r->ranges);
	r->frontends = NULL;
	r->backends = NULL;
	r->ranges = NULL;
	memset(&r->set, 0, sizeof(r->set));
}

static struct row *row_of(struct world *w, uint64_t key)
{
	size_t i;

	for (i = 0; i < w->rows.n; i++)
		if (w->rows.v[i].set.key == key)
			return &w->rows.v[i];
	wr_vec_push(&w->rows, (struct row){ .set.key = key });
	return &w->rows.v[w->rows.n - 1];
}

static bool same_frontend(const struct wr_frontend *a, const struct wr_frontend *b)
{
	return !memcmp(a, b, sizeof(*a));
}

/* A frontend that another set holds moves. */
static void take_from_others(struct world *w, const struct wr_svc_set *set)
{
	size_t i, k, m;

	for (i = 0; i < w->rows.n; i++) {
		struct wr_svc_set *other = &w->rows.v[i].set;
		struct wr_frontend *fes = w->rows.v[i].frontends;

		for (k = 0; k < set->n_frontends && other->key != set->key; k++)
			for (m = 0; m < other->n_frontends; m++)
				if (same_frontend(&fes[m], &set->frontends[k]))
					fes[m--] = fes[--other->n_frontends];
	}
}

static void check_set(const struct wr_svc_set *set)
{
	size_t i, k;

	assert_true(set->n_frontends > 0);
	assert_true(set->id != 0);
	for (i = 0; i < set->n_frontends; i++)
		for (k = 0; k < i; k++)
			assert_false(same_frontend(&set->frontends[i], &set->frontends[k]));
	for (i = 1; i < set->n_backends; i++)
		assert_true(wr_addr_cmp(&set->backends[i - 1].addr, &set->backends[i].addr) < 0 ||
			    ntohs(set->backends[i - 1].port) < ntohs(set->backends[i].port));
}

static int put(void *ctx, const struct wr_svc_set *set)
{
	struct world *w = ctx;
	struct row *r;

	w->writes++;
	if (w->fail > 0 && w->fail--)
		return -ENOSPC;
	check_set(set);
	if (w->table)
		assert_int_equal(wr_svc_table_put(w->table, set, NULL), 0);
	take_from_others(w, set);
	r = row_of(w, set->key);
	row_done(r);
	r->put = true;
	r->set = *set;
	r->set.frontends = r->frontends =
		copy(set->frontends, set->n_frontends, sizeof(*set->frontends));
	r->set.backends = r->backends = copy(set->backends, set->n_backends, sizeof(*set->backends));
	r->set.src_ranges = r->ranges =
		copy(set->src_ranges, set->n_src_ranges, sizeof(*set->src_ranges));
	return 0;
}

static int hold(void *ctx, uint64_t key, uint32_t id, const struct wr_svc_backend *v, size_t n)
{
	struct world *w = ctx;
	struct row *r = row_of(w, key);

	w->writes++;
	if (w->table)
		assert_int_equal(wr_svc_table_hold(w->table, key, id, v, n), 0);
	free(r->held);
	r->held = copy(v, n, sizeof(*v));
	r->n_held = n;
	return 0;
}

static int del(void *ctx, uint64_t key)
{
	struct world *w = ctx;
	struct row *r = row_of(w, key);

	w->writes++;
	if (w->table)
		assert_int_equal(wr_svc_table_del(w->table, key), 0);
	row_done(r);
	free(r->held);
	*r = w->rows.v[--w->rows.n];
	return 0;
}

static void set_health(void *ctx, const char *ns, const char *name, uint16_t port, uint32_t n)
{
	struct world *w = ctx;
	size_t i;

	for (i = 0; i < w->health.n; i++)
		if (!strcmp(w->health.v[i].ns, ns) && !strcmp(w->health.v[i].name, name)) {
			w->health.v[i].port = port;
			w->health.v[i].n = n;
			return;
		}
	wr_vec_push(&w->health, (struct health){ wr_xstrdup(ns), wr_xstrdup(name), port, n });
}

static void forget_rows(struct world *w)
{
	size_t i;

	for (i = 0; i < w->rows.n; i++) {
		row_done(&w->rows.v[i]);
		free(w->rows.v[i].held);
	}
	wr_vec_reset(&w->rows);
}

static void changed(void *ctx, enum wr_kind kind, const struct wr_object *old,
		    const struct wr_object *new_)
{
	wr_svc_index_change(((struct world *)ctx)->idx, kind, old, new_);
}

struct world *world_new(const struct wr_svc_options *opt)
{
	struct world *w = wr_xcalloc(1, sizeof(*w));

	w->store = wr_store_new();
	w->idx = wr_svc_index_new(opt);
	wr_strbuf_init(&w->answer);
	wr_store_subscribe(w->store, changed, w);
	return w;
}

void world_free(struct world *w)
{
	size_t i;

	for (i = 0; i < w->health.n; i++) {
		free(w->health.v[i].ns);
		free(w->health.v[i].name);
	}
	forget_rows(w);
	wr_vec_done(&w->rows);
	wr_vec_done(&w->health);
	wr_strbuf_done(&w->answer);
	wr_svc_index_free(w->idx);
	wr_store_free(w->store);
	free(w);
}

static int tell_index(void *ctx, struct wr_object *o)
{
	struct world *w = ctx;

	wr_svc_index_change(w->idx, o->kind, NULL, o);
	return 0;
}

void world_restart(struct world *w, const struct wr_svc_options *opt)
{
	int kind;

	wr_svc_index_free(w->idx);
	w->idx = wr_svc_index_new(opt);
	forget_rows(w);
	for (kind = 0; kind < WR_KIND_MAX; kind++)
		wr_store_each(w->store, (enum wr_kind)kind, tell_index, w);
}

void world_attach(struct world *w, struct wr_svc_table *t)
{
	w->table = t;
}

struct wr_svc_index *world_index(struct world *w)
{
	return w->idx;
}

void world_former(struct world *w, const struct wr_frontend *fe, uint32_t id)
{
	w->former = *fe;
	w->former_id = id;
}

static uint32_t former_id(void *ctx, const struct wr_frontend *fe)
{
	const struct world *w = ctx;

	return memcmp(&w->former, fe, sizeof(*fe)) == 0 ? w->former_id : 0;
}

size_t world_settle(struct world *w)
{
	const struct wr_svc_sink sink = {
		.ctx = w,
		.former_id = former_id,
		.put = put,
		.hold = hold,
		.del = del,
		.health = set_health,
	};
	struct wr_svc *svc;
	size_t n = 0;

	while ((svc = wr_svc_index_next_dirty(w->idx))) {
		wr_svc_build(w->idx, svc, &sink);
		assert_true(++n < 1000000);
	}
	return n;
}

void world_apply(struct world *w, const char *yaml)
{
	struct wr_yaml_docs docs = { 0 };
	struct wr_err err = WR_ERR_INIT;
	struct wr_object *o;
	size_t i;

	if (wr_yaml_parse(yaml, strlen(yaml), &docs, &err) < 0)
		fail_msg("%s", err.msg);
	for (i = 0; i < docs.docs.n; i++) {
		if (wr_object_decode(docs.docs.v[i], true, &o, &err) < 0)
			fail_msg("%s", err.msg);
		wr_store_put(w->store, o);
	}
	wr_yaml_docs_done(&docs);
	world_settle(w);
}

static void apply_text(struct world *w, char *text)
{
	world_apply(w, text);
	free(text);
}

void world_service(struct world *w, const char *name, const char *spec, const char *status)
{
	apply_text(w, wr_xasprintf("{apiVersion: v1, kind: Service, metadata: {name: %s}, "
				   "spec: {%s}, status: {%s}}",
				   name, spec, status ? status : ""));
}

void world_slice(struct world *w, const char *name, const char *service, const char *ports,
		 const char *endpoints)
{
	const char *family = strstr(endpoints, "fd00") ? "IPv6" : "IPv4";

	apply_text(w, wr_xasprintf("{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, "
				   "metadata: {name: %s, labels: "
				   "{kubernetes.io/service-name: %s}}, addressType: %s, "
				   "ports: [%s], endpoints: [%s]}",
				   name, service, family, ports, endpoints));
}

void world_node(struct world *w, const char *name, const char *zone, const char *addrs)
{
	apply_text(w, wr_xasprintf("{apiVersion: v1, kind: Node, metadata: {name: %s, labels: "
				   "{topology.kubernetes.io/zone: %s}}, "
				   "status: {addresses: [%s]}}",
				   name, zone, addrs));
}

void world_del(struct world *w, enum wr_kind kind, const char *ns, const char *name)
{
	assert_non_null(wr_store_get(w->store, kind, ns, name));
	wr_store_del(w->store, kind, ns, name);
	world_settle(w);
}

void world_addresses(struct world *w, const char *const *addrs, size_t n)
{
	struct wr_addr v[32];
	size_t i;

	for (i = 0; i < n; i++)
		assert_int_equal(wr_addr_parse(addrs[i], &v[i]), 0);
	wr_svc_index_set_addresses(w->idx, v, n);
	world_settle(w);
}

void world_fail(struct world *w, int n)
{
	w->fail = n;
}

struct world *world_of_two(const struct wr_svc_options *opt)
{
	static const char *const addrs[] = { "10.30.0.11", "fd30::11", "127.0.0.1",
					     "::1",        "fe80::1",  "169.254.1.1" };
	struct world *w = world_new(opt);

	world_addresses(w, addrs, 6);
	world_node(w, "here", "east",
		   "{type: InternalIP, address: 10.30.0.11}, "
		   "{type: InternalIP, address: 'fd30::11'}");
	world_node(w, "there", "west",
		   "{type: InternalIP, address: 10.30.0.12}, "
		   "{type: ExternalIP, address: 203.0.113.12}");
	return w;
}

static struct row *find(struct world *w, const struct wr_frontend *fe)
{
	struct row *found = NULL;
	size_t i, k;

	for (i = 0; i < w->rows.n; i++)
		for (k = 0; k < w->rows.v[i].set.n_frontends; k++) {
			if (!same_frontend(&w->rows.v[i].set.frontends[k], fe))
				continue;
			assert_null(found);
			found = &w->rows.v[i];
		}
	return found;
}

static struct wr_frontend parse(const char *what, bool *ret_outside)
{
	char addr[64], proto[16];
	struct wr_frontend fe = { 0 };
	unsigned int port;

	*ret_outside = wr_has_prefix(what, "outside ");
	assert_int_equal(sscanf(what + (*ret_outside ? 8 : 0), "%63s %u %15s", addr, &port, proto),
			 3);
	assert_int_equal(wr_addr_parse(addr, &fe.addr), 0);
	assert_int_equal(wr_proto_parse(proto, &fe.proto), 0);
	fe.port = htons((uint16_t)port);
	return fe;
}

/* In the order of bpf/include/lb.h. */
static struct row *answering(struct world *w, const char *what, bool *ret_owned)
{
	bool outside;
	struct wr_frontend fe = parse(what, &outside), owned = { .addr = fe.addr };
	struct row *r;

	*ret_owned = find(w, &owned) != NULL;
	if (outside) {
		fe.scope = WR_SCOPE_EXTERNAL;
		r = find(w, &fe);
		if (r)
			return r;
		fe.scope = WR_SCOPE_ANY;
	}
	r = find(w, &fe);
	if (r && outside && !(r->set.flags & WR_SVC_EXTERNAL)) {
		*ret_owned = true;
		return NULL;
	}
	return r;
}

static const char *backends(struct world *w, const struct wr_svc_backend *v, size_t n)
{
	char buf[WR_ADDR_STRLEN];
	size_t i;

	wr_strbuf_reset(&w->answer);
	for (i = 0; i < n; i++)
		wr_strbuf_addf(&w->answer, "%s%s%s%s%s:%u", i ? " " : "", v[i].terminating ? "~" : "",
			       wr_addr_is4(&v[i].addr) ? "" : "[", wr_addr_format(&v[i].addr, buf),
			       wr_addr_is4(&v[i].addr) ? "" : "]", ntohs(v[i].port));
	return w->answer.buf;
}

const char *world_ask(struct world *w, const char *what)
{
	bool owned;
	const struct row *r = answering(w, what, &owned);

	if (!r)
		return owned ? "refused" : "-";
	if (r->set.flags & WR_SVC_NO_TRANSLATE)
		return "untranslated";
	if (!r->set.n_backends)
		return r->set.flags & WR_SVC_LOCAL_ONLY ? "none here" : "none";
	return backends(w, r->set.backends, r->set.n_backends);
}

const char *world_flags(struct world *w, const char *what)
{
	static const struct {
		uint32_t flag;
		const char *word;
	} words[] = {
		{ WR_SVC_EXTERNAL, "external" },      { WR_SVC_LOCAL_ONLY, "local" },
		{ WR_SVC_SRC_RANGES, "ranges" },      { WR_SVC_KEEP_SOURCE, "keep-source" },
		{ WR_SVC_MAGLEV, "maglev" },          { WR_SVC_DSR, "dsr" },
		{ WR_SVC_NODEPORT, "nodeport" },      { WR_SVC_HOSTPORT, "hostport" },
		{ WR_SVC_NO_TRANSLATE, "untouched" }, { WR_SVC_ADDRESS, "address" },
	};
	const struct wr_svc_set *set = world_set(w, what);
	size_t i;

	wr_strbuf_reset(&w->answer);
	for (i = 0; set && i < WR_ARRAY_SIZE(words); i++)
		if (set->flags & words[i].flag)
			wr_strbuf_addf(&w->answer, "%s%s", w->answer.len ? " " : "", words[i].word);
	return w->answer.buf;
}

const struct wr_svc_set *world_set(struct world *w, const char *what)
{
	bool owned;
	const struct row *r = answering(w, what, &owned);

	return r ? &r->set : NULL;
}

const char *world_held(struct world *w, const char *what)
{
	bool owned;
	const struct row *r = answering(w, what, &owned);

	assert_non_null(r);
	return backends(w, r->held, r->n_held);
}

const char *world_health(struct world *w, const char *ns, const char *name)
{
	size_t i;

	wr_strbuf_reset(&w->answer);
	for (i = 0; i < w->health.n; i++)
		if (!strcmp(w->health.v[i].ns, ns) && !strcmp(w->health.v[i].name, name) &&
		    w->health.v[i].port)
			wr_strbuf_addf(&w->answer, "%u on %u", w->health.v[i].n, w->health.v[i].port);
	return w->answer.buf;
}

struct search {
	struct world *w;
	const char *ns, *name;
};

static int add_skipped(void *ctx, const char *ns, const char *name, const char *what)
{
	const struct search *s = ctx;

	if (!strcmp(ns, s->ns) && !strcmp(name, s->name))
		wr_strbuf_addf(&s->w->answer, "%s%s", s->w->answer.len ? "; " : "", what);
	return 0;
}

const char *world_skipped(struct world *w, const char *ns, const char *name)
{
	wr_strbuf_reset(&w->answer);
	wr_svc_index_skipped(w->idx, add_skipped, &(struct search){ w, ns, name });
	return w->answer.buf;
}

size_t world_sets(const struct world *w)
{
	return w->rows.n;
}

size_t world_frontends(const struct world *w)
{
	size_t i, n = 0;

	for (i = 0; i < w->rows.n; i++)
		n += w->rows.v[i].set.n_frontends;
	return n;
}

size_t world_writes(const struct world *w)
{
	return w->writes;
}
