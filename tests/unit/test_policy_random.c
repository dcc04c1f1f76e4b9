/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random clusters, random policies, random changes: after each, every subject, peer, protocol and port boundary is compared
 * with the oracle, by the rows that the compiler makes, and by the programs themselves, loaded: pod egress, which judges both
 * ends where both are of this node, and pod ingress. Flows are those of the comparison before, so what was allowed and is no
 * longer must stop at its next packet. A packet takes microseconds: each comparison sends to a seventh of the ports.
 * WR_POLICY_SEED replays one cluster, with all ports; WR_POLICY_CLUSTERS says how many, from WR_POLICY_FIRST on. With
 * WR_POLICY_SECONDS it ends after the cluster in which those are over, and with either of the two says how far it is.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/str.h"
#include "lib/dp/tables.h"
#include "tests/unit/check.h"
#include "tests/unit/policy_kernel.h"
#include "tests/unit/policy_model.h"
#include "tests/unit/policy_world.h"

#define CLUSTERS    300
#define CHANGES     6
#define PROGRESS_MS 15000
#define STRIDE      7 /* as many as there are comparisons */

static const int protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_ICMP };

struct run {
	struct model m;
	struct pw *w;
	struct pk *kernel;
	uint64_t seed;
	int step;
	int stride; /* packets take a port in so many, others after the next change */
	int ports[24], n_ports;
};

static void put(struct run *r, void (*yaml)(const struct model *, int, struct wr_strbuf *), int i)
{
	wr_auto_strbuf text = WR_STRBUF_INIT;

	yaml(&r->m, i, &text);
	pw_apply_yaml(r->w, text.buf);
}

static struct wr_addr address(int family, uint32_t bits)
{
	struct wr_addr a;
	char text[48];

	pm_address_text((struct m_address){ family, bits }, text);
	assert_int_equal(wr_addr_parse(text, &a), 0);
	return a;
}

static void put_subject(struct run *r, int i)
{
	const struct m_pod *pod = &r->m.pods[i];
	struct wr_addr a4 = address(4, pod->bits), a6 = { 0 };
	char ns[16], name[16];

	ns[0] = '\0';
	if (pod->used && !pod->host_network)
		snprintf(ns, sizeof(ns), "n%d", pod->space);
	snprintf(name, sizeof(name), "p%d", i);
	if (pod->has6)
		a6 = address(6, pod->bits);
	pw_subject(r->w, (uint32_t)i + 1, ns, name, &a4, &a6);
}

static void put_pod(struct run *r, int i)
{
	put(r, pm_pod_yaml, i);
	/* Half of the pods are of this node; the others are peers only. */
	if (i % 2 == 0)
		put_subject(r, i);
}

static void del_named(struct run *r, enum wr_kind kind, int space, const char *prefix, int i)
{
	char ns[16] = "", name[16];

	if (space >= 0)
		snprintf(ns, sizeof(ns), "n%d", space);
	snprintf(name, sizeof(name), "%s%d", prefix, i);
	pw_del(r->w, kind, ns, name);
}

static void add_port(struct run *r, int port)
{
	int i;

	for (i = 0; i < r->n_ports; i++)
		if (r->ports[i] == port)
			return;
	if (port >= 0 && port <= 65535 && r->n_ports < 24)
		r->ports[r->n_ports++] = port;
}

static void add_boundaries(struct run *r, const struct m_policy *p)
{
	int dir, i, k;

	for (dir = 0; dir < 2; dir++)
		for (i = 0; i < p->n_rules[dir]; i++)
			for (k = 0; k < p->rules[dir][i].n_ports; k++) {
				const struct m_port *port = &p->rules[dir][i].ports[k];

				if (!p->used || port->name >= 0 || port->all || pm_random(&r->m, 3))
					continue;
				add_port(r, port->first - 1);
				add_port(r, port->first);
				add_port(r, port->last);
				add_port(r, port->last + 1);
			}
}

static void choose_ports(struct run *r)
{
	int i;

	r->n_ports = 0;
	add_port(r, 0);
	add_port(r, 65535);
	for (i = 0; i < 3; i++)
		add_port(r, 78 + (int)pm_random(&r->m, 8));
	for (i = 0; i < M_NPS; i++)
		add_boundaries(r, &r->m.nps[i]);
	for (i = 0; i < M_CNPS; i++)
		add_boundaries(r, &r->m.cnps[i]);
}

/* @got: what was said, of a packet that the oracle judges the other way. */
static void complain(const struct run *r, int subject, int dir, struct m_address peer, int proto,
		     int port, const char *got)
{
	wr_auto_strbuf all = WR_STRBUF_INIT;
	char text[48];
	int i;

	pm_address_text(peer, text);
	for (i = 0; i < M_SPACES; i++)
		pm_space_yaml(&r->m, i, &all);
	for (i = 0; i < M_PODS; i++)
		if (r->m.pods[i].used)
			pm_pod_yaml(&r->m, i, &all);
	for (i = 0; i < M_NPS; i++)
		if (r->m.nps[i].used)
			pm_np_yaml(&r->m, i, &all);
	for (i = 0; i < M_CNPS; i++)
		if (r->m.cnps[i].used)
			pm_cnp_yaml(&r->m, i, &all);
	fprintf(stderr, "%s", all.buf);
	fail_msg("WR_POLICY_SEED=%llu, change %d: p%d %s %s proto %d port %d is %s",
		 (unsigned long long)r->seed, r->step, subject, dir ? "from" : "to", text, proto,
		 port, got);
}

/* Connections that are there, as the programs judge them again: they know names whose time is over. */
static void compare_begun(struct run *r, int subject, struct m_address peer)
{
	struct wr_addr addr = address(peer.family, peer.bits);
	bool got;
	int k;

	r->m.begun = true;
	for (k = 0; k < r->n_ports; k++) {
		got = pw_goes_on(r->w, (uint32_t)subject + 1, &addr, IPPROTO_TCP,
				 (uint16_t)r->ports[k]);
		if (got != pm_allows(&r->m, subject, 0, peer, IPPROTO_TCP, r->ports[k]))
			complain(r, subject, 0, peer, IPPROTO_TCP, r->ports[k],
				 got ? "kept" : "cut off");
	}
	r->m.begun = false;
}

static void compare_peer(struct run *r, int subject, struct m_address peer)
{
	struct wr_addr addr = address(peer.family, peer.bits);
	int dir, p, k;

	for (k = 0; k < M_NAMED; k++)
		if (pm_named[k] == peer.bits)
			compare_begun(r, subject, peer);

	for (dir = 0; dir < 2; dir++)
		for (p = 0; p < 4; p++)
			for (k = 0; k < (protos[p] == IPPROTO_ICMP ? 1 : r->n_ports); k++) {
				int port = protos[p] == IPPROTO_ICMP ? 0 : r->ports[k];
				bool got = pw_allows(r->w, (uint32_t)subject + 1,
						     dir ? WR_DIR_INGRESS : WR_DIR_EGRESS, &addr,
						     (uint8_t)protos[p], (uint16_t)port);

				if (got != pm_allows(&r->m, subject, dir, peer, protos[p], port))
					complain(r, subject, dir, peer, protos[p], port,
						 got ? "allowed" : "denied");
			}
}

/* -1: no pod of this node. */
static int subject_at(const struct run *r, struct m_address a)
{
	int i;

	for (i = 0; i < M_PODS; i += 2)
		if (r->m.pods[i].used && !r->m.pods[i].host_network &&
		    r->m.pods[i].bits == a.bits && (a.family == 4 || r->m.pods[i].has6))
			return i;
	return -1;
}

/* A flow of its own where one that began by a name, some changes ago, may go on. */
static uint16_t source_port(struct run *r, int subject, struct m_address peer,
			    const struct pk_packet *q, bool allowed)
{
	static uint16_t next;
	bool goes_on;

	r->m.begun = true;
	goes_on = pm_allows(&r->m, subject, 0, peer, q->proto, q->port);
	r->m.begun = false;
	if (goes_on == allowed)
		return 0;
	next = next < 10000 ? 10000 : next + 1;
	return next;
}

static void check_packet(struct run *r, int subject, int dir, struct m_address peer,
			 struct pk_packet *q)
{
	struct m_address self = { peer.family, r->m.pods[subject].bits };
	int other = subject_at(r, peer), port = q->port;
	bool allowed = pm_allows(&r->m, subject, dir, peer, q->proto, port);
	uint32_t reason;

	q->from = dir ? 0 : source_port(r, subject, peer, q, allowed);
	if (other >= 0)
		allowed = allowed && pm_allows(&r->m, other, 1, self, q->proto, port);
	reason = dir ? pk_to_pod(r->kernel, (uint32_t)subject + 1, q) :
		       pk_from_pod(r->kernel, (uint32_t)subject + 1, q);
	if (allowed == !reason)
		return;
	pk_explain(r->kernel, (uint32_t)subject + 1, q);
	fprintf(stderr, "the compiler's word: %llx\n",
		(unsigned long long)pw_word(r->w, (uint32_t)subject + 1));
	complain(r, subject, dir, peer, q->proto, port,
		 reason ? wr_reason_name(reason) : "let through by the program");
}

static void send_packets(struct run *r, int subject, int dir, struct m_address peer)
{
	struct wr_addr self = address(peer.family, r->m.pods[subject].bits),
		       other = address(peer.family, peer.bits);
	struct pk_packet q = { .src = dir ? other : self, .dst = dir ? self : other };
	int p, k;

	for (p = 0; p < 4; p++)
		for (k = protos[p] == IPPROTO_ICMP ? 0 : r->step % r->stride;
		     k < (protos[p] == IPPROTO_ICMP ? 1 : r->n_ports); k += r->stride) {
			q.proto = (uint8_t)protos[p];
			q.port = protos[p] == IPPROTO_ICMP ? 0 : (uint16_t)r->ports[k];
			check_packet(r, subject, dir, peer, &q);
		}
}

/* Between two pods of the node there is no pod ingress: the sender's program has judged both. */
static void send_to_and_from(struct run *r, int subject, struct m_address peer)
{
	if (peer.family == 6 && !r->m.pods[subject].has6)
		return;
	send_packets(r, subject, 0, peer);
	if (subject_at(r, peer) < 0)
		send_packets(r, subject, 1, peer);
}

static void compare_subject(struct run *r, int subject,
			    void (*fn)(struct run *, int, struct m_address))
{
	/* A node of each, an address that no pod has, and the world where blocks have their edges. */
	static const uint32_t others[] = { 0x200, 0x201, 0x00f, 0x10f, 0x300, 0x301, 0x403, 0x900 };
	size_t i;
	int family;

	for (family = 4; family <= 6; family += 2) {
		for (i = 0; i < M_PODS; i++)
			if (r->m.pods[i].used && !r->m.pods[i].host_network && (int)i != subject &&
			    (family == 4 || r->m.pods[i].has6))
				fn(r, subject, (struct m_address){ family, r->m.pods[i].bits });
		for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
			fn(r, subject, (struct m_address){ family, others[i] });
	}
}

static void compare(struct run *r, void (*fn)(struct run *, int, struct m_address))
{
	int i;

	choose_ports(r);
	for (i = 0; i < M_PODS; i += 2)
		if (r->m.pods[i].used && !r->m.pods[i].host_network)
			compare_subject(r, i, fn);
}

static void change_pod(struct run *r, int i)
{
	int k = (int)pm_random(&r->m, 3);

	if (k == 0 && r->m.pods[i].used) {
		pm_new_labels(&r->m, r->m.pods[i].labels);
		put_pod(r, i);
		return;
	}
	if (r->m.pods[i].used)
		del_named(r, WR_KIND_POD, r->m.pods[i].space, "p", i);
	r->m.pods[i].used = false;
	put_subject(r, i);
	if (k == 1)
		return;
	pm_new_pod(&r->m, i);
	put_pod(r, i);
}

static void change_np(struct run *r, int i)
{
	if (r->m.nps[i].used)
		del_named(r, WR_KIND_NETWORKPOLICY, r->m.nps[i].space, "np", i);
	r->m.nps[i].used = false;
	if (pm_random(&r->m, 3) == 0)
		return;
	pm_new_np(&r->m, i);
	put(r, pm_np_yaml, i);
}

static void change_cnp(struct run *r, int i)
{
	if (pm_random(&r->m, 3) == 0) {
		del_named(r, WR_KIND_CLUSTERNETWORKPOLICY, -1, "cnp", i);
		r->m.cnps[i].used = false;
		return;
	}
	pm_new_cnp(&r->m, i);
	put(r, pm_cnp_yaml, i);
}

/* A name server's answer, the end of its life, or of the last connection that it let begin. */
static void change_name(struct run *r)
{
	uint32_t name = pm_random(&r->m, M_NAMES), at = pm_random(&r->m, M_NAMED),
		 family = pm_random(&r->m, 2);
	struct wr_addr addr = address(family ? 6 : 4, pm_named[at]);
	enum m_bound *bound = &r->m.bound[name][at][family];

	*bound = (*bound + 1 + pm_random(&r->m, 2)) % M_BOUND_MAX;
	if (*bound != M_UNBOUND)
		wr_policy_bind(pw_policy(r->w), &addr, pm_names[name]);
	if (*bound == M_OVER)
		wr_policy_retire(pw_policy(r->w), &addr, pm_names[name]);
	if (*bound == M_UNBOUND)
		wr_policy_unbind(pw_policy(r->w), &addr, pm_names[name]);
}

static void change(struct run *r)
{
	int i;

	switch (pm_random(&r->m, 7)) {
	case 6:
		for (i = 0; i < 4; i++)
			change_name(r);
		break;
	case 0:
		i = (int)pm_random(&r->m, M_SPACES);
		pm_new_labels(&r->m, r->m.space_labels[i]);
		put(r, pm_space_yaml, i);
		break;
	case 1:
		i = (int)pm_random(&r->m, M_NODES);
		pm_new_labels(&r->m, r->m.node_labels[i]);
		put(r, pm_node_yaml, i);
		break;
	case 2:
		change_cnp(r, (int)pm_random(&r->m, M_CNPS));
		break;
	case 3:
		change_np(r, (int)pm_random(&r->m, M_NPS));
		break;
	default:
		change_pod(r, (int)pm_random(&r->m, M_PODS));
	}
}

static void build(struct run *r)
{
	int i;

	for (i = 0; i < M_SPACES; i++)
		put(r, pm_space_yaml, i);
	for (i = 0; i < M_NODES; i++)
		put(r, pm_node_yaml, i);
	for (i = 0; i < M_NPS; i++)
		if (r->m.nps[i].used)
			put(r, pm_np_yaml, i);
	for (i = 0; i < M_PODS; i++)
		put_pod(r, i);
	for (i = 0; i < M_CNPS; i++)
		if (r->m.cnps[i].used)
			put(r, pm_cnp_yaml, i);
	for (i = 0; i < 8; i++)
		change_name(r);
}

static void run_one(struct pk *kernel, uint64_t seed, int stride)
{
	struct run r = { .seed = seed, .kernel = kernel, .stride = stride };

	pm_init(&r.m, seed);
	r.w = pw_new();
	if (kernel)
		pw_mirror(r.w, kernel);
	build(&r);
	for (r.step = 0; r.step <= CHANGES; r.step++) {
		pw_settle(r.w);
		compare(&r, compare_peer);
		/* Grace periods end at times of their own. */
		while (pm_random(&r.m, 2))
			pw_collect(r.w);
		pw_settle(r.w);
		compare(&r, compare_peer);
		if (kernel)
			compare(&r, send_to_and_from);
		change(&r);
	}
	pw_free(r.w);
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);
	uint64_t value = otherwise;

	if (text && wr_parse_u64(text, UINT64_MAX, &value))
		fail_msg("%s: \"%s\" is not a number", name, text);
	return value;
}

static void say_progress(uint64_t first, uint64_t done, uint64_t n, uint64_t since_ms)
{
	uint64_t took = wr_now_ms() - since_ms;

	fprintf(stderr, "# %llu of %llu clusters (seeds %llu to %llu), %llu.%llu s, %llu ms each\n",
		(unsigned long long)done, (unsigned long long)n, (unsigned long long)first,
		(unsigned long long)(first + done - 1), (unsigned long long)took / 1000,
		(unsigned long long)took / 100 % 10, (unsigned long long)(took / done));
}

/* As many as were asked for, or as the time allows. */
static void run_many(struct pk *kernel, uint64_t n)
{
	bool talks = getenv("WR_POLICY_SECONDS") || getenv("WR_POLICY_CLUSTERS");
	uint64_t first = setting("WR_POLICY_FIRST", 1), since = wr_now_ms(), told = since, i;
	uint64_t limit_ms = setting("WR_POLICY_SECONDS", UINT64_MAX / 2000) * 1000;

	for (i = 0; i < n && wr_now_ms() - since < limit_ms; i++) {
		run_one(kernel, first + i, STRIDE);
		if (!talks || wr_now_ms() - told < PROGRESS_MS)
			continue;
		told = wr_now_ms();
		say_progress(first, i + 1, n, since);
	}
	if (talks && i)
		say_progress(first, i, n, since);
}

static void every_verdict_is_the_oracles(void **state)
{
	struct pk *kernel = pk_open();

	if (getenv("WR_POLICY_SEED"))
		run_one(kernel, setting("WR_POLICY_SEED", 0), 1);
	else
		run_many(kernel, setting("WR_POLICY_CLUSTERS", CLUSTERS));
	pk_close(kernel);
	assert_int_equal(wr_istr_count(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_verdict_is_the_oracles),
	};

	return cmocka_run_group_tests(tests, pk_enter, pk_leave);
}
