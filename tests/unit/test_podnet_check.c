/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about checking a pod's wiring. */
#include "tests/unit/check.h"

#include <net/if.h>

#include "lib/podnet/podnet.h"
#include "tests/unit/netlab.h"

struct lab {
	int pod;
	struct wr_nl host, in_pod;
	struct wr_podnet_request req;
	struct wr_podnet_result res;
};

static void lab_done(struct lab *l)
{
	wr_nl_close(&l->host);
	wr_nl_close(&l->in_pod);
	close(l->pod);
}
#define auto_lab wr_cleanup(lab_done) struct lab

/* A namespace with a pod that is wired well. */
static struct lab lab_new(void)
{
	struct lab l = { .pod = wr_netlab_new(), .host = wr_netlab_socket(-1) };
	struct wr_err err = WR_ERR_INIT;

	l.in_pod = wr_netlab_socket(l.pod);
	l.req = (struct wr_podnet_request){
		.netns_fd = l.pod,
		.host_ifname = "wr0123456789",
		.ifname = "eth0",
		.mtu = 1400,
		.addr4 = wr_netlab_addr("10.244.1.5"),
		.addr6 = wr_netlab_addr("fd00:10:244:1::5"),
	};
	if (wr_podnet_add(&l.req, &l.res, &err))
		fail_msg("%s", err.msg);
	return l;
}

static void assert_finds(struct lab *l, const char *what)
{
	struct wr_err err = WR_ERR_INIT;

	assert_true(wr_podnet_check(&l->req, &err) < 0);
	assert_err(&err, err.code, what);
}

static void a_pod_as_it_was_made_passes(void **state)
{
	auto_lab l = lab_new();
	struct wr_err err = WR_ERR_INIT;

	if (wr_podnet_check(&l.req, &err))
		fail_msg("%s", err.msg);
}

static void one_family_alone_passes(void **state)
{
	auto_lab l = lab_new();
	struct wr_err err = WR_ERR_INIT;

	assert_int_equal(wr_podnet_del(l.req.host_ifname, NULL), 0);
	l.req.addr6 = (struct wr_addr){ 0 };
	assert_int_equal(wr_podnet_add(&l.req, &l.res, &err), 0);
	if (wr_podnet_check(&l.req, &err))
		fail_msg("%s", err.msg);
}

static void what_others_added_is_tolerated(void **state)
{
	auto_lab l = lab_new();
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	struct wr_naddr addr = { .ifindex = l.res.ifindex,
				 .prefix = wr_netlab_prefix("192.0.2.7/24") };
	struct wr_route route = { .ifindex = l.res.ifindex,
				  .dst = wr_netlab_prefix("198.51.100.0/24") };

	wr_naddr_put(&b, &addr);
	wr_route_put(&b, &route);
	wr_netlab_commit(&l.in_pod, &b);
	assert_int_equal(wr_podnet_check(&l.req, NULL), 0);
}

static void a_lost_pair_is_found(void **state)
{
	auto_lab l = lab_new();

	assert_int_equal(wr_podnet_del(l.req.host_ifname, NULL), 0);
	assert_finds(&l, "interface eth0 is gone");
}

static void another_mac_is_found(void **state)
{
	auto_lab l = lab_new();

	l.req.mac[0] = 0x02;
	assert_finds(&l, "02:57:0a:f4:01:05 instead of 02:00:00:00:00:00");
}

static void a_pair_that_is_down_is_found(void **state)
{
	auto_lab l = lab_new();
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;

	wr_link_set_up(&b, l.res.host_ifindex, false);
	wr_netlab_commit(&l.host, &b);
	assert_finds(&l, "interface wr0123456789 is down");
}

static void a_lost_address_is_found(void **state)
{
	auto_lab l = lab_new();
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	struct wr_naddr addr = { .ifindex = l.res.ifindex, .prefix = wr_prefix_of(&l.req.addr6) };

	wr_naddr_del(&b, &addr);
	wr_netlab_commit(&l.in_pod, &b);
	assert_finds(&l, "eth0 lacks the address fd00:10:244:1::5");
}

static void a_lost_default_route_is_found(void **state)
{
	auto_lab l = lab_new();
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	struct wr_route route = { .ifindex = l.res.ifindex, .dst = wr_route_default(AF_INET) };

	wr_route_del(&b, &route);
	wr_netlab_commit(&l.in_pod, &b);
	assert_finds(&l, "eth0 lacks the route to 0.0.0.0/0");
}

static void a_wrong_gateway_entry_is_found_and_none_is_well(void **state)
{
	static const uint8_t other[6] = { 2, 0, 0, 0, 0, 9 };
	auto_lab l = lab_new();
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	struct wr_neigh neigh = { .ifindex = l.res.ifindex, .addr = wr_netlab_addr(WR_GATEWAY6) };

	wr_neigh_del(&b, &neigh);
	wr_netlab_commit(&l.in_pod, &b);
	assert_int_equal(wr_podnet_check(&l.req, NULL), 0);
	wr_neigh_put(&b, l.res.ifindex, &neigh.addr, other);
	wr_netlab_commit(&l.in_pod, &b);
	assert_finds(&l, "wrong neighbour entry of fe80::1");
}

static void a_lost_host_route_is_found(void **state)
{
	auto_lab l = lab_new();
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	struct wr_route route = { .dst = wr_prefix_of(&l.req.addr4) };

	wr_route_del(&b, &route);
	wr_netlab_commit(&l.host, &b);
	assert_finds(&l, "wr0123456789 lacks the route to 10.244.1.5");
}

static void a_host_side_of_another_pair_is_found(void **state)
{
	auto_lab l = lab_new();
	struct wr_podnet_request other = l.req;
	struct wr_podnet_result res;

	other.host_ifname = "wrother";
	other.ifname = "eth1";
	other.addr4 = wr_netlab_addr("10.244.1.6");
	other.addr6 = (struct wr_addr){ 0 };
	assert_int_equal(wr_podnet_add(&other, &res, NULL), 0);
	assert_int_equal(wr_podnet_check(&other, NULL), 0);
	assert_int_equal(wr_podnet_check(&l.req, NULL), 0);
	l.req.host_ifname = "wrother";
	assert_finds(&l, "wrother is not the other end of eth0");
}

#define IN_LAB(test) cmocka_unit_test_setup_teardown(test, wr_netlab_setup, wr_netlab_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_LAB(a_pod_as_it_was_made_passes),
		IN_LAB(one_family_alone_passes),
		IN_LAB(what_others_added_is_tolerated),
		IN_LAB(a_lost_pair_is_found),
		IN_LAB(another_mac_is_found),
		IN_LAB(a_pair_that_is_down_is_found),
		IN_LAB(a_lost_address_is_found),
		IN_LAB(a_lost_default_route_is_found),
		IN_LAB(a_wrong_gateway_entry_is_found_and_none_is_well),
		IN_LAB(a_lost_host_route_is_found),
		IN_LAB(a_host_side_of_another_pair_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
