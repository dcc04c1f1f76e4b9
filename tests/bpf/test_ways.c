/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claims about a node that has routes over several interfaces, where the host's tables say the way: by the uplink, and as a
 * second choice by the interface "second", which takes less at a time. By that it shows which one was asked.
 */
#include "tests/bpf/check.h"

#include <net/if.h>

#include "lib/nl/link.h"
#include "lib/nl/naddr.h"
#include "lib/nl/route.h"
#include "lib/nl/sysctl.h"
#include "tests/bpf/lab.h"
#include "tests/bpf/svc_rows.h"

#define WORLD      "198.51.100.9"
#define WORLD6     "2001:db8:9::9"
#define SECOND_MTU 1300
#define LARGE      1400

static struct wr_addr addr(const char *text)
{
	struct wr_addr a = { 0 };

	assert_int_equal(wr_addr_parse(text, &a), 0);
	return a;
}

static void put_addr(struct wr_nl_batch *b, const char *prefix, uint32_t ifindex)
{
	struct wr_naddr a = { .ifindex = ifindex };

	assert_int_equal(wr_prefix_parse(prefix, &a.prefix), 0);
	wr_naddr_put(b, &a);
}

static void put_default(struct wr_nl_batch *b, const char *gateway, uint32_t ifindex, uint32_t metric)
{
	struct wr_route r = {
		.gateway = addr(gateway), .ifindex = ifindex, .metric = metric, .onlink = true
	};

	r.dst = wr_route_default(wr_addr_family(&r.gateway));
	wr_route_put(b, &r);
}

static void add_second(struct wr_nl *nl)
{
	struct wr_veth_end near = { .name = "second", .netns_fd = -1 };
	struct wr_veth_end far = { .name = "secondx", .mac = { 2, [5] = 0x22 }, .netns_fd = lab_far() };
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;

	memcpy(near.mac, lab_uplink_mac(), sizeof(near.mac)); /* whom outside's packets are for */
	wr_link_add_veth(&b, &near, &far, SECOND_MTU);
	assert_int_equal(wr_nl_commit(nl, &b, NULL), 0);
}

static int enter(void **state)
{
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	wr_auto_nl nl = WR_NL_INIT;
	uint32_t uplink, second;

	if (lab_enter(state) || wr_nl_open(&nl))
		return -1;
	add_second(&nl);
	uplink = if_nametoindex("uplink");
	second = if_nametoindex("second");
	wr_link_set_up(&b, uplink, true);
	wr_link_set_up(&b, second, true);
	wr_link_set_up(&b, if_nametoindex("pod5"), true);
	put_addr(&b, "192.168.0.1/24", uplink);
	put_addr(&b, "fd00:99::1/64", uplink);
	put_addr(&b, "192.168.9.1/24", second);
	put_addr(&b, "fd00:98::1/64", second);
	put_default(&b, "192.168.0.254", uplink, 100);
	put_default(&b, "fd00:99::fe", uplink, 100);
	put_default(&b, "192.168.9.254", second, 500);
	put_default(&b, "fd00:98::fe", second, 500);
	if (wr_nl_commit(&nl, &b, NULL))
		return -1;
	return wr_sysctl_set("ipv4/ip_forward", "1") ?:
						       wr_sysctl_set("ipv6/conf/all/forwarding", "1");
}

static struct lab *open_lab(void)
{
	const struct wr_nexthop stack = { .kind = WR_NH_STACK };
	const struct wr_nexthop back = { .kind = WR_NH_NEIGH,
					 .ifindex = if_nametoindex("second"),
					 .mtu = SECOND_MTU,
					 .gateway = addr("fd00:98::fe") };
	struct lab *lab = lab_open(0);

	assert_int_equal(wr_nexthop_put(lab->dp, WR_NEXTHOP_BACK6 + 4, &back), 0);

	assert_int_equal(wr_nexthop_put(lab->dp, WR_NEXTHOP_OUT4, &stack), 0);
	assert_int_equal(wr_nexthop_put(lab->dp, WR_NEXTHOP_OUT6, &stack), 0);
	return lab;
}

static int from_outside_by(struct lab *lab, const char *ifname, const struct shape *s)
{
	struct shape full = shape_full(s);
	struct packet p;

	full.smac = lab_router_mac();
	full.dmac = lab_uplink_mac();
	packet_make(&p, &full);
	return lab_run(lab, "uplink_ingress", &p, if_nametoindex(ifname));
}

static void service(struct lab *lab, const char *address, const char *backend)
{
	struct wr_service svc = { .id = 7, .first = 0, .n = 1, .flags = WR_SVC_EXTERNAL };
	struct wr_frontend fe = rows_frontend(address, 30080, IPPROTO_UDP, WR_SCOPE_ANY);
	uint32_t run[] = { 3 };

	rows_backend(lab->dp, 3, backend, 8080, WR_BACKEND_ACTIVE);
	rows_run(lab->dp, 0, run, 1);
	rows_service(lab->dp, 1, &svc);
	rows_point(lab->dp, &fe, 1);
}

/* To the stack itself this would be a martian: it has the node's address, and comes from a pod. */
static void masqueraded(const char *pod, const char *node, const char *world)
{
	struct lab *lab = open_lab();
	struct shape s = { .src = pod, .dst = world };
	struct seen out;

	assert_int_equal(lab_from_pod(lab, &s), LAB_REDIRECT);
	out = lab_out(lab);
	assert_string_equal(out.src, node);
	assert_int_equal(out.ttl, 63);
	assert_true(out.sums);
	assert_int_equal(lab->mark, LAB_MARK);
	lab_close(lab);
}

static void pods_leave_under_the_nodes_address_where_the_tables_say(void **state)
{
	masqueraded("10.0.1.5", "192.168.0.1", WORLD);
	masqueraded("fd00:1::5", "fd00:99::1", WORLD6);
}

static void what_no_table_knows_has_no_route(void **state)
{
	struct lab *lab = open_lab();
	struct shape s = { .src = "10.0.1.5", .dst = "198.51.100.77" };
	uint64_t before = lab_drops(lab, WR_REASON_NO_ROUTE);
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	wr_auto_nl nl = WR_NL_INIT;
	struct wr_route r = { .type = RTN_UNREACHABLE };

	assert_int_equal(wr_nl_open(&nl), 0);
	assert_int_equal(wr_prefix_parse("198.51.100.77/32", &r.dst), 0);
	wr_route_put(&b, &r);
	assert_int_equal(wr_nl_commit(&nl, &b, NULL), 0);
	assert_int_equal(lab_from_pod(lab, &s), LAB_DROP);
	assert_int_equal(lab_drops(lab, WR_REASON_NO_ROUTE), before + 1);
	wr_route_del(&b, &r);
	assert_int_equal(wr_nl_commit(&nl, &b, NULL), 0);
	lab_close(lab);
}

static void untranslated_packets_are_the_stacks(void **state)
{
	struct lab *lab = open_lab();
	struct shape s = { .src = WORLD, .dst = "10.0.1.5" };
	struct shape back = {
		.src = "10.0.1.5", .dst = WORLD, .sport = 80, .dport = 1000, .flags = SYN | ACK
	};

	assert_int_equal(lab_from_outside(lab, &s), LAB_REDIRECT);
	assert_int_equal(lab_from_pod(lab, &back), LAB_PASS);
	lab_close(lab);
}

struct family {
	const char *client, *node, *local, *elsewhere, *elsewhere_node;
	uint8_t too_big, too_big_code;
};

static const struct family v4 = { WORLD, "192.168.9.1", "10.0.1.5", "10.0.2.9", "192.168.0.1", 3, 4 };
static const struct family v6 = { WORLD6, "fd00:98::1", "fd00:1::5", "fd00:2::9", "fd00:99::1", 2, 0 };

static void takes(struct lab *lab, int verdict, const char *src, uint8_t type)
{
	assert_int_equal(verdict, LAB_REDIRECT);
	if (type) {
		assert_int_equal(lab_out(lab).type, type);
		assert_int_equal(lab_out(lab).mtu, SECOND_MTU);
	} else {
		assert_string_equal(lab_out(lab).src, src);
		assert_true(lab_out(lab).sums);
	}
}

/* The client came in by @ifname; of its backend, a pod here or elsewhere, a large answer goes back. */
static void answered(const struct family *f, const char *ifname, bool local)
{
	bool narrow = strcmp(ifname, "second") == 0;
	struct lab *lab = open_lab();
	struct shape s = { .src = f->client, .dst = f->node, .dport = 30080, .proto = IPPROTO_UDP };
	struct shape back = { .src = local ? f->local : f->elsewhere,
			      .dst = f->client,
			      .sport = 8080,
			      .dport = 1000,
			      .proto = IPPROTO_UDP };
	int i;

	service(lab, f->node, back.src);
	assert_int_equal(from_outside_by(lab, ifname, &s), LAB_REDIRECT);
	if (!local) {
		assert_string_equal(lab_out(lab).src, f->elsewhere_node);
		back.dst = f->elsewhere_node;
		back.dport = lab_out(lab).sport;
	}
	for (i = 0; i < 2; i++) {
		back.payload = i ? LARGE : 10;
		takes(lab, local ? lab_from_pod(lab, &back) : lab_from_outside(lab, &back), f->node,
		      i && narrow ? f->too_big : 0);
	}
	lab_close(lab);
}

static void answers_leave_by_the_interface_that_their_client_came_in_by(void **state)
{
	answered(&v4, "uplink", true);
	answered(&v4, "second", true);
	answered(&v6, "uplink", true);
	answered(&v6, "second", true);
}

static void also_when_their_backend_is_elsewhere(void **state)
{
	answered(&v4, "uplink", false);
	answered(&v4, "second", false);
	answered(&v6, "uplink", false);
	answered(&v6, "second", false);
}

/* Here the stack has chosen already; it is turned away from that. */
static void and_when_the_node_itself_answers(void **state)
{
	struct lab *lab = open_lab();
	struct shape s = { .src = WORLD, .dst = v4.node, .dport = 30080, .proto = IPPROTO_UDP };
	struct shape back = {
		.src = "192.168.0.1", .dst = WORLD, .sport = 8080, .dport = 1000, .proto = IPPROTO_UDP
	};

	service(lab, v4.node, "192.168.0.1");
	assert_int_equal(from_outside_by(lab, "second", &s), LAB_PASS);
	assert_int_equal(lab_to_uplink(lab, &back), LAB_REDIRECT);
	assert_string_equal(lab_out(lab).src, v4.node);
	assert_int_equal(lab_out(lab).ttl, 64);
	s.sport = back.dport = 1001;
	assert_int_equal(from_outside_by(lab, "uplink", &s), LAB_PASS);
	assert_int_equal(lab_to_uplink(lab, &back), LAB_PASS);
	assert_string_equal(lab_out(lab).src, v4.node);
	lab_close(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pods_leave_under_the_nodes_address_where_the_tables_say),
		cmocka_unit_test(what_no_table_knows_has_no_route),
		cmocka_unit_test(untranslated_packets_are_the_stacks),
		cmocka_unit_test(answers_leave_by_the_interface_that_their_client_came_in_by),
		cmocka_unit_test(also_when_their_backend_is_elsewhere),
		cmocka_unit_test(and_when_the_node_itself_answers),
	};

	return cmocka_run_group_tests(tests, enter, lab_leave);
}
