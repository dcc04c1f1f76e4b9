/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about wiring a pod. */
#include "tests/unit/check.h"

#include <net/if.h>
#include <sys/socket.h>

#include "lib/netns/netns.h"
#include "lib/nl/sysctl.h"
#include "lib/podnet/podnet.h"
#include "tests/unit/netlab.h"

struct lab {
	int pod;
	struct wr_nl host, in_pod;
	struct wr_podnet_request req;
};

static void lab_done(struct lab *l)
{
	wr_nl_close(&l->host);
	wr_nl_close(&l->in_pod);
	close(l->pod);
}

static struct lab lab_new(void)
{
	struct lab l = { .pod = wr_netlab_new(), .host = wr_netlab_socket(-1) };

	l.in_pod = wr_netlab_socket(l.pod);
	l.req = (struct wr_podnet_request){
		.netns_fd = l.pod,
		.host_ifname = "wr0123456789",
		.ifname = "eth0",
		.mtu = 1400,
		.addr4 = wr_netlab_addr("10.244.1.5"),
		.addr6 = wr_netlab_addr("fd00:10:244:1::5"),
	};
	return l;
}
#define auto_lab wr_cleanup(lab_done) struct lab

static struct wr_podnet_result add(struct lab *l)
{
	struct wr_podnet_result res = { 0 };
	struct wr_err err = WR_ERR_INIT;

	if (wr_podnet_add(&l->req, &res, &err))
		fail_msg("%s", err.msg);
	return res;
}

static bool has_addr(struct wr_nl *nl, uint32_t ifindex, const struct wr_addr *a)
{
	wr_auto_naddrs addrs = { 0 };

	assert_int_equal(wr_naddr_dump(nl, ifindex, &addrs), 0);
	for (size_t i = 0; i < addrs.v.n; i++)
		if (wr_addr_eq(&addrs.v.v[i].prefix.addr, a) && addrs.v.v[i].prefix.len == 128)
			return true;
	return false;
}

static bool has_neigh(struct wr_nl *nl, uint32_t ifindex, const char *addr, const uint8_t mac[6])
{
	struct wr_addr a = wr_netlab_addr(addr);
	wr_auto_neighs neighs = { 0 };

	assert_int_equal(wr_neigh_dump(nl, ifindex, &neighs), 0);
	for (size_t i = 0; i < neighs.v.n; i++)
		if (wr_addr_eq(&neighs.v.v[i].addr, &a) && !memcmp(neighs.v.v[i].mac, mac, 6) &&
		    neighs.v.v[i].state == NUD_PERMANENT)
			return true;
	return false;
}

static void assert_way(struct wr_nl *nl, const char *to, uint32_t ifindex, const char *gateway)
{
	struct wr_addr dst = wr_netlab_addr(to);
	char text[WR_ADDR_STRLEN] = "";
	struct wr_route r;

	assert_int_equal(wr_route_lookup(nl, &dst, &r), 0);
	assert_int_equal(r.ifindex, ifindex);
	if (!wr_addr_is_zero(&r.gateway))
		wr_addr_format(&r.gateway, text);
	assert_string_equal(text, gateway);
}

static void an_added_pod_has_its_interface_addresses_and_routes(void **state)
{
	auto_lab l = lab_new();
	struct wr_podnet_result res = add(&l);
	struct wr_link link;

	assert_int_equal(wr_link_get(&l.in_pod, "eth0", 0, &link), 0);
	assert_int_equal(link.ifindex, res.ifindex);
	assert_int_equal(link.mtu, 1400);
	assert_memory_equal(link.mac, res.mac, 6);
	assert_true(link.flags & IFF_UP && link.flags & IFF_RUNNING);
	assert_int_equal(wr_link_get(&l.in_pod, "lo", 0, &link), 0);
	assert_true(link.flags & IFF_UP);
	assert_true(has_addr(&l.in_pod, res.ifindex, &l.req.addr4));
	assert_true(has_addr(&l.in_pod, res.ifindex, &l.req.addr6));
	assert_way(&l.in_pod, "192.0.2.1", res.ifindex, WR_GATEWAY4);
	assert_way(&l.in_pod, "2001:db8::1", res.ifindex, WR_GATEWAY6);
	assert_true(has_neigh(&l.in_pod, res.ifindex, WR_GATEWAY4, res.host_mac));
	assert_true(has_neigh(&l.in_pod, res.ifindex, WR_GATEWAY6, res.host_mac));
}

static void the_host_reaches_an_added_pod(void **state)
{
	auto_lab l = lab_new();
	struct wr_podnet_result res = add(&l);
	struct wr_link link;

	assert_int_equal(wr_link_get(&l.host, l.req.host_ifname, 0, &link), 0);
	assert_int_equal(link.ifindex, res.host_ifindex);
	assert_int_equal(link.peer, res.ifindex);
	assert_int_equal(link.mtu, 1400);
	assert_memory_equal(link.mac, wr_podnet_host_mac, 6);
	assert_true(link.flags & IFF_UP && link.flags & IFF_RUNNING);
	assert_way(&l.host, "10.244.1.5", res.host_ifindex, "");
	assert_way(&l.host, "fd00:10:244:1::5", res.host_ifindex, "");
	assert_true(has_neigh(&l.host, res.host_ifindex, "10.244.1.5", res.mac));
	assert_true(has_neigh(&l.host, res.host_ifindex, "fd00:10:244:1::5", res.mac));
}

static int listen_any(void *arg)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(80) };
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&any, sizeof(any)), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static void connections_pass_between_host_and_pod_at_once(void **state)
{
	auto_lab l = lab_new();
	struct wr_addr to[2] = { l.req.addr4, l.req.addr6 };
	struct wr_naddr four = { .ifindex = 1, .prefix = wr_netlab_prefix("192.0.2.1/32") };
	struct wr_naddr six = { .ifindex = 1, .prefix = wr_netlab_prefix("2001:db8::1/128") };
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6, .sin6_port = htons(80) };
	struct timeval deadline = { .tv_sec = 5 };
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	wr_autofd int listener = -1;

	wr_naddr_put(&b, &four);
	wr_naddr_put(&b, &six);
	wr_netlab_commit(&l.host, &b);
	add(&l);
	listener = wr_netns_run(l.pod, listen_any, NULL);
	assert_true(listener >= 0);
	for (size_t i = 0; i < WR_ARRAY_SIZE(to); i++) {
		wr_autofd int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

		memcpy(&sin6.sin6_addr, &to[i], sizeof(to[i])); /* IPv4 is mapped in both */
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &deadline, sizeof(deadline));
		assert_int_equal(connect(fd, (struct sockaddr *)&sin6, sizeof(sin6)), 0);
	}
}

static int disable_ipv6(void *arg)
{
	return wr_sysctl_set("ipv6/conf/default/disable_ipv6", "1");
}

static void ipv6_that_is_off_by_default_is_on_for_the_pod(void **state)
{
	auto_lab l = lab_new();
	struct wr_podnet_result res;

	assert_int_equal(disable_ipv6(NULL), 0);
	assert_int_equal(wr_netns_run(l.pod, disable_ipv6, NULL), 0);
	res = add(&l);
	assert_true(has_addr(&l.in_pod, res.ifindex, &l.req.addr6));
	assert_way(&l.in_pod, "2001:db8::1", res.ifindex, WR_GATEWAY6);
	assert_way(&l.host, "fd00:10:244:1::5", res.host_ifindex, "");
	assert_int_equal(wr_podnet_check(&l.req, NULL), 0);
}

static void no_address_waits_for_duplicate_detection(void **state)
{
	auto_lab l = lab_new();
	struct wr_podnet_result res = add(&l);
	wr_auto_naddrs pod = { 0 }, host = { 0 };

	assert_int_equal(wr_naddr_dump(&l.in_pod, res.ifindex, &pod), 0);
	assert_int_equal(pod.v.n, 2); /* no link-local one */
	for (size_t i = 0; i < pod.v.n; i++)
		assert_false(pod.v.v[i].flags & 0x40 /* IFA_F_TENTATIVE */);
	assert_int_equal(wr_naddr_dump(&l.host, res.host_ifindex, &host), 0);
	assert_int_equal(host.v.n, 0);
}

static void a_pod_may_have_one_family_only(void **state)
{
	auto_lab l = lab_new();
	struct wr_podnet_result res;
	wr_auto_naddrs addrs = { 0 };

	l.req.addr4 = (struct wr_addr){ 0 };
	res = add(&l);
	assert_int_equal(wr_naddr_dump(&l.in_pod, res.ifindex, &addrs), 0);
	assert_int_equal(addrs.v.n, 1);
	assert_true(has_addr(&l.in_pod, res.ifindex, &l.req.addr6));
	assert_int_equal(res.mac[0], 0x06);
}

static void the_mac_comes_from_the_address_unless_given(void **state)
{
	static const uint8_t given[6] = { 0x02, 1, 2, 3, 4, 5 };
	static const uint8_t derived[6] = { 0x02, 0x57, 10, 244, 1, 5 };
	auto_lab l = lab_new();
	struct wr_podnet_result res = add(&l);
	struct wr_link link;

	assert_memory_equal(res.mac, derived, 6);
	assert_int_equal(wr_podnet_del(l.req.host_ifname, NULL), 0);
	memcpy(l.req.mac, given, 6);
	res = add(&l);
	assert_memory_equal(res.mac, given, 6);
	assert_int_equal(wr_link_get(&l.in_pod, "eth0", 0, &link), 0);
	assert_memory_equal(link.mac, given, 6);
}

static void the_result_names_the_namespace(void **state)
{
	auto_lab l = lab_new();
	struct wr_podnet_result res = add(&l);
	uint64_t cookie = 0;

	assert_int_equal(wr_netns_cookie(l.pod, &cookie), 0);
	assert_true(cookie && res.netns_cookie == cookie);
}

static void a_second_interface_of_the_name_is_refused_and_nothing_is_touched(void **state)
{
	auto_lab l = lab_new();
	struct wr_podnet_result first = add(&l), res = { .ifindex = 77 };
	struct wr_err err = WR_ERR_INIT;
	struct wr_link link;

	assert_int_equal(wr_podnet_add(&l.req, &res, &err), -EEXIST);
	assert_err(&err, -EEXIST, "eth0");
	assert_int_equal(res.ifindex, 77);
	assert_int_equal(wr_link_get(&l.host, l.req.host_ifname, 0, &link), 0);
	assert_int_equal(link.ifindex, first.host_ifindex);
}

static void a_second_interface_leaves_the_first_its_routes(void **state)
{
	auto_lab l = lab_new();
	struct wr_podnet_result first = add(&l);

	l.req.host_ifname = "wrother";
	l.req.ifname = "eth1";
	l.req.addr4 = wr_netlab_addr("10.244.1.6");
	l.req.addr6 = wr_netlab_addr("fd00:10:244:1::6");
	add(&l);
	assert_way(&l.in_pod, "192.0.2.1", first.ifindex, WR_GATEWAY4);
	assert_way(&l.in_pod, "2001:db8::1", first.ifindex, WR_GATEWAY6);
}

static void a_host_interface_left_behind_is_replaced(void **state)
{
	auto_lab l = lab_new();
	uint32_t left = wr_netlab_pair(&l.host, l.req.host_ifname, "other");
	struct wr_podnet_result res = add(&l);
	struct wr_link link;

	assert_int_not_equal(res.host_ifindex, left);
	assert_int_equal(wr_link_get(&l.host, "other", 0, &link), -ENODEV);
	assert_int_equal(wr_link_get(&l.in_pod, "eth0", 0, &link), 0);
}

static void a_failure_half_way_leaves_nothing(void **state)
{
	auto_lab l = lab_new();
	struct wr_podnet_result res = { .ifindex = 77 };
	struct wr_err err = WR_ERR_INIT;
	struct wr_link link;

	l.req.addr6 = wr_netlab_addr("ff02::5"); /* no interface can have a multicast address */
	assert_true(wr_podnet_add(&l.req, &res, &err) < 0);
	assert_err(&err, err.code, "in the pod: cannot create address ff02::5/128");
	assert_int_equal(res.ifindex, 77);
	assert_int_equal(wr_link_get(&l.host, l.req.host_ifname, 0, &link), -ENODEV);
	assert_int_equal(wr_link_get(&l.in_pod, "eth0", 0, &link), -ENODEV);
}

static void a_pod_without_addresses_is_refused(void **state)
{
	auto_lab l = lab_new();
	struct wr_err err = WR_ERR_INIT;
	struct wr_podnet_result res;
	struct wr_link link;

	l.req.addr4 = l.req.addr6 = (struct wr_addr){ 0 };
	assert_int_equal(wr_podnet_add(&l.req, &res, &err), -EINVAL);
	assert_err(&err, -EINVAL, "no address");
	assert_int_equal(wr_link_get(&l.host, l.req.host_ifname, 0, &link), -ENODEV);
}

static void an_impossible_mtu_is_refused(void **state)
{
	auto_lab l = lab_new();
	struct wr_err err = WR_ERR_INIT;
	struct wr_podnet_result res;

	l.req.mtu = 1;
	assert_int_equal(wr_podnet_add(&l.req, &res, &err), -EINVAL);
	assert_err(&err, -EINVAL, "cannot create interface wr0123456789");
}

static void deleting_takes_both_ends_and_their_routes(void **state)
{
	auto_lab l = lab_new();
	struct wr_addr addr = l.req.addr4;
	struct wr_route route;
	struct wr_link link;

	add(&l);
	assert_int_equal(wr_podnet_del(l.req.host_ifname, NULL), 0);
	assert_int_equal(wr_link_get(&l.host, l.req.host_ifname, 0, &link), -ENODEV);
	assert_int_equal(wr_link_get(&l.in_pod, "eth0", 0, &link), -ENODEV);
	assert_int_equal(wr_route_lookup(&l.host, &addr, &route), -ENETUNREACH);
}

static void deleting_what_is_gone_succeeds(void **state)
{
	assert_int_equal(wr_podnet_del("wr0123456789", NULL), 0);
}

static void host_routes_are_put_back(void **state)
{
	auto_lab l = lab_new();
	struct wr_podnet_result res = add(&l);
	struct wr_route route = { .dst = wr_prefix_of(&l.req.addr4), .ifindex = res.host_ifindex };
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	struct wr_err err = WR_ERR_INIT;

	wr_route_del(&b, &route);
	wr_netlab_commit(&l.host, &b);
	assert_int_equal(wr_route_lookup(&l.host, &l.req.addr4, &route), -ENETUNREACH);
	for (int i = 0; i < 2; i++)
		assert_int_equal(wr_podnet_host_routes(&l.req, res.host_ifindex, &err), 0);
	assert_way(&l.host, "10.244.1.5", res.host_ifindex, "");
}

static uint32_t mtu_of(struct wr_nl *nl, const char *name)
{
	struct wr_link link;

	assert_int_equal(wr_link_get(nl, name, 0, &link), 0);
	return link.mtu;
}

static void the_mtu_of_a_running_pod_shrinks_and_grows_on_both_ends(void **state)
{
	static const uint32_t mtus[] = { 1330, 8950, 1280 };
	auto_lab l = lab_new();
	struct wr_link near;

	add(&l);
	for (size_t i = 0; i < sizeof(mtus) / sizeof(mtus[0]); i++) {
		assert_int_equal(wr_link_get(&l.host, l.req.host_ifname, 0, &near), 0);
		assert_int_equal(wr_podnet_set_mtu(l.pod, &near, mtus[i], NULL), 0);
		assert_int_equal(mtu_of(&l.host, l.req.host_ifname), mtus[i]);
		assert_int_equal(mtu_of(&l.in_pod, "eth0"), mtus[i]);
	}
}

#define IN_LAB(test) cmocka_unit_test_setup_teardown(test, wr_netlab_setup, wr_netlab_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_LAB(an_added_pod_has_its_interface_addresses_and_routes),
		IN_LAB(the_host_reaches_an_added_pod),
		IN_LAB(connections_pass_between_host_and_pod_at_once),
		IN_LAB(ipv6_that_is_off_by_default_is_on_for_the_pod),
		IN_LAB(no_address_waits_for_duplicate_detection),
		IN_LAB(a_pod_may_have_one_family_only),
		IN_LAB(the_mac_comes_from_the_address_unless_given),
		IN_LAB(the_result_names_the_namespace),
		IN_LAB(a_second_interface_of_the_name_is_refused_and_nothing_is_touched),
		IN_LAB(a_second_interface_leaves_the_first_its_routes),
		IN_LAB(a_host_interface_left_behind_is_replaced),
		IN_LAB(a_failure_half_way_leaves_nothing),
		IN_LAB(a_pod_without_addresses_is_refused),
		IN_LAB(an_impossible_mtu_is_refused),
		IN_LAB(deleting_takes_both_ends_and_their_routes),
		IN_LAB(deleting_what_is_gone_succeeds),
		IN_LAB(host_routes_are_put_back),
		IN_LAB(the_mtu_of_a_running_pod_shrinks_and_grows_on_both_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
