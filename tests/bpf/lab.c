/* SPDX-License-Identifier: Apache-2.0 */
/* A node in a network namespace, with nothing but its programs running. */
#include "tests/bpf/check.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/dp/sys.h"
#include "lib/netns/netns.h"
#include "lib/nl/link.h"
#include "tests/bpf/lab.h"

#define SWITCHES                                                                      \
	(WR_SW_IPV4 | WR_SW_IPV6 | WR_SW_TUNNEL | WR_SW_MASQUERADE | WR_SW_NODEPORT | \
	 WR_SW_PEER_REDIRECT)

static const uint8_t uplink_mac[6] = { 2, 0, 0, 0, 1, 1 };
static const uint8_t router_mac[6] = { 2, 0, 0, 0, 1, 2 };
static const uint8_t overlay_mac[6] = { 2, 0, 0, 0, 1, 3 };
static const uint32_t pods[] = { 5, 6, 7 };
static int home = -1, far_ns = -1;
/* Loading takes a second: tests with the usual options share one, cleaned before each. */
static struct lab *shared;

uint32_t lab_more_switches;

static uint8_t pod_macs[8][6], host_macs[8][6];

const uint8_t *lab_pod_mac(uint32_t pod)
{
	return pod_macs[pod];
}

const uint8_t *lab_host_mac(uint32_t pod)
{
	return host_macs[pod];
}

const uint8_t *lab_uplink_mac(void)
{
	return uplink_mac;
}

const uint8_t *lab_router_mac(void)
{
	return router_mac;
}

static void add_pair(struct wr_nl *nl, const char *name, const uint8_t mac[6])
{
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	struct wr_veth_end near = { .name = name, .netns_fd = -1 };
	struct wr_veth_end far = { .netns_fd = far_ns };
	char peer[IFNAMSIZ];

	snprintf(peer, sizeof(peer), "%sx", name);
	far.name = peer;
	memcpy(near.mac, mac, 6);
	wr_link_add_veth(&b, &near, &far, LAB_MTU);
	assert_int_equal(wr_nl_commit(nl, &b, NULL), 0);
}

static void add_pods(struct wr_nl *nl)
{
	char name[IFNAMSIZ];
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(pods); i++) {
		pod_macs[pods[i]][0] = host_macs[pods[i]][0] = 2;
		pod_macs[pods[i]][5] = host_macs[pods[i]][5] = (uint8_t)pods[i];
		host_macs[pods[i]][4] = 9;
		snprintf(name, sizeof(name), "pod%u", pods[i]);
		add_pair(nl, name, host_macs[pods[i]]);
	}
}

int lab_enter(void **state)
{
	wr_auto_nl nl = WR_NL_INIT;

	if (wr_netns_open_self(&home) || unshare(CLONE_NEWNET) || wr_netns_open_self(&far_ns) ||
	    unshare(CLONE_NEWNET) || wr_nl_open(&nl))
		return -1;
	add_pair(&nl, "uplink", uplink_mac);
	add_pair(&nl, "overlay", overlay_mac);
	add_pods(&nl);
	return 0;
}

int lab_far(void)
{
	return far_ns;
}

int lab_leave(void **state)
{
	int r;

	if (shared) {
		wr_dp_close(shared->dp);
		free(shared);
		shared = NULL;
	}
	r = setns(home, CLONE_NEWNET);
	close(home);
	close(far_ns);
	return r;
}

static struct wr_addr addr(const char *text)
{
	struct wr_addr a = { 0 };

	assert_int_equal(wr_addr_parse(text, &a), 0);
	return a;
}

static void put_pods(struct lab *lab)
{
	static const uint32_t identities[] = { [5] = LAB_WEB, [6] = LAB_DB, [7] = LAB_OTHER };
	char text[WR_ADDR_STRLEN];
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(pods); i++) {
		struct wr_endpoint ep = { .ifindex = lab->pod[pods[i]],
					  .identity = identities[pods[i]],
					  .identity6 = identities[pods[i]],
					  .mtu = LAB_MTU };

		memcpy(ep.mac, pod_macs[pods[i]], 6);
		memcpy(ep.host_mac, host_macs[pods[i]], 6);
		snprintf(text, sizeof(text), "10.0.1.%u", pods[i]);
		ep.addr4 = addr(text);
		snprintf(text, sizeof(text), "fd00:1::%u", pods[i]);
		ep.addr6 = addr(text);
		wr_endpoint_del(lab->dp, pods[i]);
		assert_int_equal(wr_endpoint_put(lab->dp, pods[i], &ep), 0);
	}
}

static void put_nexthop(struct lab *lab, uint32_t number, uint16_t kind, const char *gateway,
			uint32_t mtu)
{
	struct wr_nexthop nh = { .kind = kind, .ifindex = lab->uplink, .mtu = mtu, .vni = 7 };

	if (gateway) {
		nh.gateway = nh.outer_src = addr(gateway);
		nh.tunnel_mtu = LAB_MTU - 50;
	}
	assert_int_equal(wr_nexthop_put(lab->dp, number, &nh), 0);
}

static void put_peer(struct lab *lab, const char *prefix, uint32_t identity, uint32_t nexthop,
		     uint32_t flags)
{
	struct wr_prefix p;

	assert_int_equal(wr_prefix_parse(prefix, &p), 0);
	assert_int_equal(wr_peer_put(lab->dp, &p, WR_PEER(identity, nexthop, flags)), 0);
}

static void put_ways(struct lab *lab)
{
	put_nexthop(lab, WR_NEXTHOP_OUT4, WR_NH_ROUTE, NULL, LAB_MTU);
	put_nexthop(lab, WR_NEXTHOP_OUT6, WR_NH_ROUTE, NULL, LAB_MTU);
	put_nexthop(lab, LAB_NODE2_V4, WR_NH_NEIGH, "192.168.0.2", LAB_MTU);
	put_nexthop(lab, LAB_NODE2_V6, WR_NH_NEIGH, "fd00:99::2", LAB_MTU);
	put_nexthop(lab, LAB_NODE3_V4, WR_NH_TUNNEL, "192.168.0.3", LAB_MTU - 50);
	put_nexthop(lab, LAB_NODE3_V6, WR_NH_TUNNEL, "192.168.0.3", LAB_MTU - 50);
	put_peer(lab, "10.0.1.0/24", WR_IDENTITY_UNKNOWN, 0, WR_PEER_CLUSTER | WR_PEER_LOCAL_RANGE);
	put_peer(lab, "fd00:1::/64", WR_IDENTITY_UNKNOWN, 0, WR_PEER_CLUSTER | WR_PEER_LOCAL_RANGE);
	put_peer(lab, "10.0.2.0/24", LAB_DB, LAB_NODE2_V4, WR_PEER_CLUSTER);
	put_peer(lab, "fd00:2::/64", LAB_DB, LAB_NODE2_V6, WR_PEER_CLUSTER);
	put_peer(lab, "10.0.3.0/24", LAB_OTHER, LAB_NODE3_V4, WR_PEER_CLUSTER);
	put_peer(lab, "fd00:3::/64", LAB_OTHER, LAB_NODE3_V6, WR_PEER_CLUSTER);
	put_peer(lab, "192.168.0.2/32", WR_IDENTITY_NODE, LAB_NODE2_V4,
		 WR_PEER_CLUSTER | WR_PEER_IS_NODE);
}

static void put_node(struct lab *lab)
{
	struct wr_addr v4 = addr("192.168.0.1"), v6 = addr("fd00:99::1");

	assert_int_equal(wr_host_addr_put(lab->dp, &v4), 0);
	assert_int_equal(wr_host_addr_put(lab->dp, &v6), 0);
	assert_int_equal(wr_globals_set_masq(lab->dp, &v4, &v6), 0);
}

static void find_interfaces(struct lab *lab)
{
	char name[IFNAMSIZ];
	size_t i;

	lab->uplink = if_nametoindex("uplink");
	lab->overlay = if_nametoindex("overlay");
	for (i = 0; i < WR_ARRAY_SIZE(pods); i++) {
		snprintf(name, sizeof(name), "pod%u", pods[i]);
		lab->pod[pods[i]] = if_nametoindex(name);
	}
}

struct wr_dp_options lab_options(uint32_t switches)
{
	struct wr_dp_options opt = {
		.config = { .switches = (switches ? switches : SWITCHES) | lab_more_switches,
			    .mark = LAB_MARK,
			    .vxlan_port = LAB_VXLAN,
			    .vxlan_ifindex = if_nametoindex("overlay"),
			    .nat_first = 61000,
			    .nat_last = 61999,
			    .flow_shards = LAB_SHARDS,
			    .drop_sample = 1,
			    .hz = LAB_HZ },
	};
	uint32_t i;

	for (i = 0; i < WR_TIMEOUT_MAX; i++)
		opt.config.timeout[i] = 60;
	opt.sizes[WR_MAP_wr_flows] = opt.sizes[WR_MAP_wr_new_flows] = 4096;
	opt.sizes[WR_MAP_wr_maglev] = opt.sizes[WR_MAP_wr_nat_hints] = 64;
	opt.sizes[WR_MAP_wr_rules] = 1024;
	return opt;
}

static void put_all(struct lab *lab)
{
	put_pods(lab);
	put_ways(lab);
	put_node(lab);
}

struct lab *lab_open_with(const struct wr_dp_options *opt)
{
	struct lab *lab = wr_xcalloc(1, sizeof(*lab));
	struct wr_err err = WR_ERR_INIT;

	if (wr_dp_load(opt, &lab->dp, &err) < 0)
		fail_msg("%s", err.msg);
	find_interfaces(lab);
	put_all(lab);
	return lab;
}

static void empty(int fd, size_t key_size)
{
	uint8_t key[64];

	assert_true(key_size <= sizeof(key));
	while (wr_sys_map_next(fd, NULL, key) == 0)
		wr_sys_map_delete(fd, key);
}

static int open_shard(const struct lab *lab, uint32_t place)
{
	uint32_t id;

	assert_int_equal(wr_sys_map_lookup(wr_dp_map_fd(lab->dp, WR_MAP_wr_flows), &place, &id), 0);
	return wr_sys_map_by_id(id);
}

static void clean(struct lab *lab)
{
	static const struct {
		enum wr_map map;
		size_t key_size;
	} maps[] = {
		{ WR_MAP_wr_new_flows, sizeof(struct wr_flow_key) },
		{ WR_MAP_wr_fragments, sizeof(struct wr_frag_key) },
		{ WR_MAP_wr_nat_hints, sizeof(struct wr_nat_pair) },
		{ WR_MAP_wr_rules, sizeof(struct wr_rule_key) },
		{ WR_MAP_wr_port_rules, sizeof(struct wr_rule_key) },
		{ WR_MAP_wr_frontends, sizeof(struct wr_frontend) },
	};
	size_t i;
	int fd;

	for (i = 0; i < WR_ARRAY_SIZE(maps); i++)
		empty(wr_dp_map_fd(lab->dp, maps[i].map), maps[i].key_size);
	for (i = 0; i < LAB_SHARDS; i++) {
		fd = open_shard(lab, (uint32_t)i);
		empty(fd, sizeof(struct wr_flow_key));
		close(fd);
	}
	put_all(lab);
}

struct lab *lab_open(uint32_t switches)
{
	struct wr_dp_options opt = lab_options(switches);

	if (switches)
		return lab_open_with(&opt);
	if (!shared)
		shared = lab_open_with(&opt);
	else
		clean(shared);
	return shared;
}

void lab_close(struct lab *lab)
{
	if (lab == shared)
		return;
	wr_dp_close(lab->dp);
	free(lab);
}

int lab_run_fd(struct lab *lab, int prog_fd, const struct packet *in, struct __sk_buff ctx)
{
	union bpf_attr attr = {
		.test.prog_fd = (uint32_t)prog_fd,
		.test.data_in = (uintptr_t)in->b,
		.test.data_size_in = in->len,
		.test.data_out = (uintptr_t)lab->out.b,
		.test.data_size_out = sizeof(lab->out.b),
		.test.ctx_in = (uintptr_t)&ctx,
		.test.ctx_size_in = sizeof(ctx),
		.test.ctx_out = (uintptr_t)&ctx,
		.test.ctx_size_out = sizeof(ctx),
		.test.flags = lab->run_flags,
	};

	/* The member's size, not the union's: clang leaves what is behind the member as it was. */
	if (syscall(__NR_bpf, BPF_PROG_TEST_RUN, &attr, sizeof(attr.test)))
		fail_msg("running a program: %s", strerror(errno));
	lab->out.len = attr.test.data_size_out;
	lab->mark = ctx.mark;
	return (int)attr.test.retval;
}

#ifndef BPF_F_TEST_SKB_CHECKSUM_COMPLETE
#define BPF_F_TEST_SKB_CHECKSUM_COMPLETE (1U << 2)
#endif

uint32_t lab_complete(const struct lab *lab)
{
	struct packet p;
	union bpf_attr attr = {
		.test.prog_fd = (uint32_t)wr_dp_prog_fd(lab->dp, "uplink_egress"),
		.test.data_in = (uintptr_t)p.b,
		.test.flags = BPF_F_TEST_SKB_CHECKSUM_COMPLETE,
	};

	packet_make(&p, &(struct shape){ 0 });
	p.b[12] = 0x88; /* LLDP: nothing that programs look at */
	p.b[13] = 0xcc;
	attr.test.data_size_in = p.len;
	if (syscall(__NR_bpf, BPF_PROG_TEST_RUN, &attr, sizeof(attr)) == 0)
		return BPF_F_TEST_SKB_CHECKSUM_COMPLETE;
	assert_int_equal(errno, EINVAL);
	return 0;
}

int lab_run_as(struct lab *lab, const char *prog, const struct packet *in, uint32_t ifindex,
	       uint32_t came_in, uint32_t mark, uint32_t gso_size)
{
	struct __sk_buff ctx = {
		.ifindex = ifindex, .ingress_ifindex = came_in, .mark = mark, .gso_size = gso_size
	};

	return lab_run_fd(lab, wr_dp_prog_fd(lab->dp, prog), in, ctx);
}

int lab_run(struct lab *lab, const char *prog, const struct packet *in, uint32_t ifindex)
{
	return lab_run_as(lab, prog, in, ifindex, ifindex, 0, 0);
}

static uint32_t pod_of(const char *text)
{
	return (uint32_t)(text[strlen(text) - 1] - '0');
}

int lab_from_pod(struct lab *lab, const struct shape *s)
{
	struct shape full = shape_full(s);
	uint32_t pod = pod_of(full.src);
	struct packet p;

	full.smac = s->smac ? s->smac : lab_pod_mac(pod);
	full.dmac = lab_host_mac(pod);
	packet_make(&p, &full);
	return lab_run(lab, "pod_egress", &p, lab->pod[pod]);
}

int lab_from_outside(struct lab *lab, const struct shape *s)
{
	struct shape full = shape_full(s);
	struct packet p;

	full.smac = router_mac;
	full.dmac = uplink_mac;
	packet_make(&p, &full);
	return lab_run(lab, "uplink_ingress", &p, lab->uplink);
}

int lab_to_uplink(struct lab *lab, const struct shape *s)
{
	struct shape full = shape_full(s);
	struct packet p;

	full.smac = uplink_mac;
	full.dmac = router_mac;
	packet_make(&p, &full);
	return lab_run_as(lab, "uplink_egress", &p, lab->uplink, 0, 0, 0);
}

int lab_to_pod(struct lab *lab, const struct shape *s)
{
	struct shape full = shape_full(s);
	uint32_t pod = pod_of(full.dst);
	struct packet p;

	full.smac = lab_host_mac(pod);
	full.dmac = lab_pod_mac(pod);
	packet_make(&p, &full);
	return lab_run_as(lab, "pod_ingress", &p, lab->pod[pod], 0, 0, 0);
}

struct seen lab_out(const struct lab *lab)
{
	return packet_read(&lab->out);
}

struct find {
	struct wr_addr a, b;
	uint16_t port_a, port_b;
	struct wr_flow *ret;
	uint32_t promoted, unproven;
};

static bool is_end(const struct wr_addr *x, __be16 port, const struct wr_addr *want, uint16_t n)
{
	return wr_addr_eq(x, want) && ntohs(port) == n;
}

static int find_flow(void *ctx, const struct wr_flow_key *key, const struct wr_flow *flow)
{
	struct find *f = ctx;
	bool straight = is_end(&key->a, key->port_a, &f->a, f->port_a) &&
			is_end(&key->b, key->port_b, &f->b, f->port_b);
	bool turned = is_end(&key->b, key->port_b, &f->a, f->port_a) &&
		      is_end(&key->a, key->port_a, &f->b, f->port_b);

	if ((!straight && !turned) || flow->state & WR_FLOW_DEAD)
		return 0;
	if (f->ret)
		*f->ret = *flow;
	return 1;
}

bool lab_flow(const struct lab *lab, const char *a, uint16_t port_a, const char *b, uint16_t port_b,
	      struct wr_flow *ret)
{
	struct find f = { .a = addr(a), .b = addr(b), .port_a = port_a, .port_b = port_b, .ret = ret };

	return wr_flow_dump(lab->dp, true, find_flow, &f) == 1;
}

static int count_flow(void *ctx, const struct wr_flow_key *key, const struct wr_flow *flow)
{
	struct find *f = ctx;

	if (flow->state & WR_FLOW_PROMOTED)
		f->promoted++;
	else
		f->unproven++;
	return 0;
}

static struct find count(const struct lab *lab)
{
	struct find f = { 0 };

	assert_int_equal(wr_flow_dump(lab->dp, true, count_flow, &f), 0);
	return f;
}

uint32_t lab_promoted(const struct lab *lab)
{
	return count(lab).promoted;
}

uint32_t lab_unproven(const struct lab *lab)
{
	return count(lab).unproven;
}

uint64_t lab_drops(const struct lab *lab, uint32_t reason)
{
	struct wr_drop_count counts[WR_REASON_MAX];

	assert_int_equal(wr_drops_get(lab->dp, counts), 0);
	return counts[reason].packets;
}

/* Whoever the other end is, its packets come the way that its address says. */
static int from_other(struct lab *lab, const struct shape *s)
{
	if (strncmp(s->src, "10.0.1.", 7) == 0 || strncmp(s->src, "fd00:1:", 7) == 0)
		return lab_from_pod(lab, s);
	return lab_from_outside(lab, s);
}

void lab_handshake(struct lab *lab, const struct shape *s)
{
	struct shape there = *s, back;
	struct seen out;

	there.proto = IPPROTO_TCP;
	there.flags = SYN;
	there.seq = 100;
	assert_int_not_equal(lab_from_pod(lab, &there), LAB_DROP);
	out = lab_out(lab);
	back = (struct shape){ .src = out.dst,
			       .dst = out.src,
			       .sport = out.dport,
			       .dport = out.sport,
			       .proto = IPPROTO_TCP,
			       .flags = SYN | ACK,
			       .seq = 500,
			       .ack = 101 };
	assert_int_not_equal(from_other(lab, &back), LAB_DROP);
	there.flags = ACK;
	there.seq = 101;
	there.ack = 501;
	assert_int_not_equal(lab_from_pod(lab, &there), LAB_DROP);
}

void lab_allow(struct lab *lab, uint32_t ruleset, enum wr_dir dir, uint32_t peer, uint8_t proto,
	       uint16_t port, uint32_t rule)
{
	struct wr_rule_key key = {
		.len = proto ? WR_RULE_LEN_PROTO : WR_RULE_LEN_DIR,
		.ruleset = ruleset,
		.identity = peer,
		.dir = (uint8_t)dir,
		.proto = proto,
		.port = htons(port),
	};

	if (port)
		key.len += 16;
	assert_int_equal(wr_rule_put(lab->dp, &key, WR_RULE_WORD(WR_VERDICT_ALLOW, rule)), 0);
}

void lab_policy(struct lab *lab, uint32_t pod, uint64_t word)
{
	assert_int_equal(wr_endpoint_set_rules(lab->dp, pod, word), 0);
}
