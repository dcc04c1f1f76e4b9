// SPDX-License-Identifier: Apache-2.0
/* Real programs and maps under the policy compiler. */
#include "tests/unit/policy_kernel.h"

#include <arpa/inet.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/peers.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/dp/tables.h"
#include "tests/unit/check.h"
#include "tests/unit/netlab.h"

#define SUBJECTS 8 /* numbers below this */
#define UPLINK   0 /* the interface of that number */
#define MTU      1500
#define DROP     2
#define SHARDS   2
#define ROOM     128

struct pk {
	struct wr_dp *dp;
	struct wr_peers *peers;
	uint32_t ifindex[SUBJECTS];
	bool there[SUBJECTS];
	struct wr_endpoint rows[SUBJECTS];
};

static const uint8_t uplink_mac[6] = { 2, 0, 0, 0, 7, 1 };

int pk_enter(void **state)
{
	wr_auto_nl nl = WR_NL_INIT;
	char name[16], peer[16];
	int i, r = wr_netlab_setup(state);

	nl = wr_netlab_socket(-1);
	for (i = 0; i < SUBJECTS; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		snprintf(peer, sizeof(peer), "s%dx", i);
		wr_netlab_pair(&nl, name, peer);
	}
	return r;
}

int pk_leave(void **state)
{
	return wr_netlab_teardown(state);
}

static struct wr_dp_options options(void)
{
	struct wr_dp_options opt = {
		.config = { .switches = WR_SW_IPV4 | WR_SW_IPV6 | WR_SW_PEER_REDIRECT,
			    .mark = 0x100,
			    .nat_first = 61000,
			    .nat_last = 61999,
			    .flow_shards = SHARDS,
			    .hz = 250 },
	};
	int i;

	for (i = 0; i < WR_TIMEOUT_MAX; i++)
		opt.config.timeout[i] = 60;
	opt.sizes[WR_MAP_wr_flows] = 1024;
	opt.sizes[WR_MAP_wr_new_flows] = 16384;
	opt.sizes[WR_MAP_wr_maglev] = opt.sizes[WR_MAP_wr_nat_hints] = 64;
	opt.sizes[WR_MAP_wr_rules] = 65536;
	return opt;
}

/* Packets that may leave do so by the stack: no way out is ever missing. */
static void put_ways(struct pk *k)
{
	struct wr_nexthop stack = { .kind = WR_NH_STACK, .mtu = MTU };

	assert_int_equal(wr_nexthop_put(k->dp, WR_NEXTHOP_STACK, &stack), 0);
	assert_int_equal(wr_nexthop_put(k->dp, WR_NEXTHOP_OUT4, &stack), 0);
	assert_int_equal(wr_nexthop_put(k->dp, WR_NEXTHOP_OUT6, &stack), 0);
}

struct pk *pk_open(void)
{
	struct wr_dp_options opt = options();
	struct pk *k = wr_xcalloc(1, sizeof(*k));
	struct wr_err err = WR_ERR_INIT;
	char name[16];
	int i;

	if (wr_dp_load(&opt, &k->dp, &err) < 0 || wr_peers_open(k->dp, &k->peers, &err))
		fail_msg("%s", err.msg);
	for (i = 0; i < SUBJECTS; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		k->ifindex[i] = if_nametoindex(name);
	}
	put_ways(k);
	return k;
}

void pk_close(struct pk *k)
{
	wr_peers_close(k->peers);
	wr_dp_close(k->dp);
	free(k);
}

/* ---- what the compiler says ------------------------------------------------------------------- */

int pk_put_rules(struct pk *k, const struct wr_policy_row *rows, size_t n)
{
	int r = 0;
	size_t i;

	for (i = 0; i < n && r == 0; i++)
		r = wr_rule_put(k->dp, &rows[i].key, rows[i].word);
	return r;
}

int pk_del_rules(struct pk *k, const struct wr_policy_row *rows, size_t n)
{
	int r = 0;
	size_t i;

	for (i = 0; i < n && r == 0; i++)
		r = wr_rule_del(k->dp, &rows[i].key);
	return r;
}

void pk_put_peer(struct pk *k, const struct wr_prefix *prefix, uint32_t who)
{
	wr_peers_put_policy(k->peers, prefix, who);
}

void pk_del_peer(struct pk *k, const struct wr_prefix *prefix)
{
	wr_peers_del_policy(k->peers, prefix);
}

int pk_flush_peers(struct pk *k)
{
	struct wr_err err = WR_ERR_INIT;
	int i;

	for (i = 0; i < WR_PEERS_OWNER_MAX; i++)
		wr_peers_complete(k->peers, (enum wr_peers_owner)i);
	return wr_peers_sync(k->peers, &err);
}

void pk_range(struct pk *k, const struct wr_prefix *prefix, bool is_range)
{
	if (!is_range) {
		wr_peers_del_way(k->peers, prefix);
		wr_peers_del_identity(k->peers, prefix);
		return;
	}
	wr_peers_put_way(k->peers, prefix, WR_NEXTHOP_STACK, WR_PEER_CLUSTER);
	wr_peers_put_identity(k->peers, prefix, WR_IDENTITY_UNKNOWN);
}

void pk_subject(struct pk *k, uint32_t number, const struct wr_addr *addr4,
		const struct wr_addr *addr6)
{
	struct wr_endpoint row = { .rules = WR_RULES_CLOSED,
				   .ifindex = k->ifindex[number],
				   .flags = WR_EP_USED,
				   .mtu = MTU,
				   .identity = WR_IDENTITY_UNKNOWN,
				   .identity6 = WR_IDENTITY_UNKNOWN,
				   .addr4 = *addr4,
				   .addr6 = *addr6 };

	assert_true(number > UPLINK && number < SUBJECTS);
	if (k->there[number])
		assert_int_equal(wr_endpoint_del(k->dp, number), 0);
	k->there[number] = !wr_addr_is_zero(addr4);
	if (!k->there[number])
		return;
	row.mac[0] = row.host_mac[0] = 2;
	row.mac[5] = (uint8_t)number;
	row.host_mac[5] = (uint8_t)(number + 100);
	assert_int_equal(wr_endpoint_put(k->dp, number, &row), 0);
	k->rows[number] = row;
}

int pk_put_identity(struct pk *k, uint32_t number, uint32_t identity4, uint32_t identity6)
{
	return wr_endpoint_set_identity(k->dp, number, identity4, identity6);
}

int pk_put_word(struct pk *k, uint32_t number, uint64_t word)
{
	return wr_endpoint_set_rules(k->dp, number, word);
}

/* ---- packets ---------------------------------------------------------------------------------- */

struct bytes {
	uint8_t b[ROOM];
	uint32_t len;
};

static void add(struct bytes *p, const void *data, uint32_t size)
{
	memcpy(p->b + p->len, data, size);
	p->len += size;
}

static void add16(struct bytes *p, uint16_t n)
{
	n = htons(n);
	add(p, &n, sizeof(n));
}

static void add_zero(struct bytes *p, uint32_t size)
{
	memset(p->b + p->len, 0, size);
	p->len += size;
}

/* TCP: a SYN. SCTP: an INIT. ICMP: an echo request. Sums are whatever they are: no program verifies them. */
static struct bytes transport(const struct pk_packet *q)
{
	static const uint8_t tcp[] = { 0, 0, 0, 9, 0, 0, 0, 0, 0x50, 2, 0x20, 0, 0, 0, 0, 0 };
	static const uint8_t init[] = { 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 20, 0, 0,
					0, 5, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0,  0, 1 };
	struct bytes p = { .len = 0 };

	if (q->proto == IPPROTO_ICMP || q->proto == IPPROTO_ICMPV6) {
		add16(&p, q->proto == IPPROTO_ICMP ? 0x0800 : 0x8000);
		add_zero(&p, 2);
		/* Two pods that ping each other under one identifier would share a flow. */
		if (q->from)
			add16(&p, q->from);
		else
			add(&p, (const uint8_t *)&q->src + 14, 2);
		add16(&p, 1);
		return p;
	}
	add16(&p, q->from ? q->from : 1000);
	add16(&p, q->port);
	if (q->proto == IPPROTO_TCP)
		add(&p, tcp, sizeof(tcp));
	else if (q->proto == IPPROTO_SCTP)
		add(&p, init, sizeof(init));
	else {
		add16(&p, 8);
		add_zero(&p, 2);
	}
	return p;
}

static void add_ip4(struct bytes *p, const struct pk_packet *q, uint32_t l4_len)
{
	uint8_t head[8] = { 0x45, 0, 0, (uint8_t)(20 + l4_len), 0, 0, 0x40, 0 };

	add(p, head, sizeof(head));
	add16(p, (uint16_t)(64 << 8 | q->proto));
	add_zero(p, 2);
	add(p, &q->src.w[3], 4);
	add(p, &q->dst.w[3], 4);
}

static void add_ip6(struct bytes *p, const struct pk_packet *q, uint32_t l4_len)
{
	uint8_t head[8] = { 0x60, 0, 0, 0, 0, (uint8_t)l4_len, q->proto, 64 };

	add(p, head, sizeof(head));
	add(p, &q->src, 16);
	add(p, &q->dst, 16);
}

static struct bytes frame(const struct pk_packet *asked, const uint8_t *dmac, const uint8_t *smac)
{
	bool v4 = wr_addr_is4(&asked->src);
	struct pk_packet q = *asked;
	struct bytes p = { .len = 0 }, l4;

	if (q.proto == IPPROTO_ICMP && !v4)
		q.proto = IPPROTO_ICMPV6;
	l4 = transport(&q);
	add(&p, dmac, 6);
	add(&p, smac, 6);
	add16(&p, v4 ? 0x0800 : 0x86dd);
	if (v4)
		add_ip4(&p, &q, l4.len);
	else
		add_ip6(&p, &q, l4.len);
	add(&p, l4.b, l4.len);
	return p;
}

static int run(const struct pk *k, const char *prog, const struct bytes *p, uint32_t ifindex,
	       uint32_t came_in)
{
	struct __sk_buff ctx = { .ifindex = ifindex, .ingress_ifindex = came_in };
	union bpf_attr attr = {
		.test.prog_fd = (uint32_t)wr_dp_prog_fd(k->dp, prog),
		.test.data_in = (uintptr_t)p->b,
		.test.data_size_in = p->len,
		.test.ctx_in = (uintptr_t)&ctx,
		.test.ctx_size_in = sizeof(ctx),
	};

	if (syscall(__NR_bpf, BPF_PROG_TEST_RUN, &attr, sizeof(attr)))
		fail_msg("running %s: %s", prog, strerror(errno));
	return (int)attr.test.retval;
}

/* The reason that counted the packet just dropped. */
static uint32_t newest_reason(const struct pk *k)
{
	static struct wr_drop_count before[WR_REASON_MAX];
	struct wr_drop_count now[WR_REASON_MAX];
	uint32_t i, found = WR_REASON_INTERNAL;

	assert_int_equal(wr_drops_get(k->dp, now), 0);
	for (i = 1; i < WR_REASON_MAX; i++)
		if (now[i].packets > before[i].packets)
			found = i;
	memcpy(before, now, sizeof(before));
	return found;
}

uint32_t pk_from_pod(struct pk *k, uint32_t number, const struct pk_packet *q)
{
	const struct wr_endpoint *row = &k->rows[number];
	struct bytes p = frame(q, row->host_mac, row->mac);
	int r = run(k, "pod_egress", &p, row->ifindex, row->ifindex);

	return r == DROP ? newest_reason(k) : 0;
}

uint32_t pk_to_pod(struct pk *k, uint32_t number, const struct pk_packet *q)
{
	const struct wr_endpoint *row = &k->rows[number];
	struct bytes p = frame(q, row->mac, uplink_mac);
	int r = run(k, "pod_ingress", &p, row->ifindex, k->ifindex[UPLINK]);

	return r == DROP ? newest_reason(k) : 0;
}

/* ---- for failing tests ---------------------------------------------------------------------------- */

static int explain_flow(void *ctx, const struct wr_flow_key *key, const struct wr_flow *f)
{
	const struct pk_packet *q = ctx;
	bool straight = wr_addr_eq(&key->a, &q->src) && wr_addr_eq(&key->b, &q->dst);
	bool turned = wr_addr_eq(&key->b, &q->src) && wr_addr_eq(&key->a, &q->dst);

	if (key->proto == q->proto && (straight || turned) &&
	    (ntohs(key->port_a) == q->port || ntohs(key->port_b) == q->port))
		fprintf(stderr,
			"flow %u-%u: state %llx judged %llx, endpoints %d and %d, identities %u and %u, rules %u and %u\n",
			ntohs(key->port_a), ntohs(key->port_b), (unsigned long long)f->state,
			(unsigned long long)f->judged, (int)f->src_ep, (int)f->dst_ep,
			f->src_identity, f->dst_identity, f->rule_egress, f->rule_ingress);
	return 0;
}

void pk_explain(const struct pk *k, uint32_t number, const struct pk_packet *q)
{
	struct wr_endpoint row;
	uint64_t word = 0;

	if (wr_endpoint_get(k->dp, number, &row) == 0)
		fprintf(stderr, "endpoint %u: rules %llx gen %u identities %u and %u\n", number,
			(unsigned long long)row.rules, row.gen, row.identity, row.identity6);
	if (wr_peer_lookup(k->dp, &q->src, &word) == 0)
		fprintf(stderr, "source: identity %u\n", WR_PEER_IDENTITY(word));
	if (wr_peer_lookup(k->dp, &q->dst, &word) == 0)
		fprintf(stderr, "destination: identity %u\n", WR_PEER_IDENTITY(word));
	wr_flow_dump(k->dp, true, explain_flow, (void *)(uintptr_t)q);
}
