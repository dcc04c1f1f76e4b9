/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about what is reached from outside: NodePorts, load balancers, external addresses, host ports. */
#include "tests/unit/check.h"

#include <arpa/inet.h>

#include "tests/unit/svc_world.h"

#define TWO         "{addresses: [10.1.0.1]}, {addresses: [10.1.0.2]}"
#define TWO6        "{addresses: ['fd00::1']}, {addresses: ['fd00::2']}"
#define WEB         "clusterIP: 10.96.0.1, ports: [{port: 80, targetPort: 8080}]"
#define P8080       "{port: 8080}"
#define WEB_NODE    "clusterIPs: [10.96.0.1, 'fd96::1'], ports: [{port: 80, nodePort: 30080}]"
#define NODEPORT    "type: NodePort, " WEB_NODE
#define LB          "type: LoadBalancer, " WEB_NODE
#define INGRESS     "loadBalancer: {ingress: [{ip: 192.0.2.1}]}"
#define INGRESS_VIP "loadBalancer: {ingress: [{ip: 192.0.2.1, ipMode: VIP}]}"
#define HERE_AND_THERE \
	"{addresses: [10.1.0.1], nodeName: here}, {addresses: [10.1.0.2], nodeName: there}"

static int begin(void **state)
{
	*state = world_of_two(
		&(struct wr_svc_options){ .node = "here", .localhost_node_ports = true });
	return 0;
}

static int begin_with_tables(void **state)
{
	*state = world_of_two(&(struct wr_svc_options){ .node = "here", .maglev = true, .dsr = true });
	return 0;
}

static int begin_with_cidrs(void **state)
{
	struct wr_prefix only;

	assert_int_equal(wr_prefix_parse("192.168.0.0/16", &only), 0);
	*state = world_of_two(&(struct wr_svc_options){
		.node = "here", .node_port_cidrs = &only, .n_node_port_cidrs = 1 });
	return 0;
}

static int end(void **state)
{
	world_free(*state);
	return 0;
}

static struct wr_port_mapping mapping(uint16_t host, uint16_t container, uint8_t proto, const char *ip)
{
	struct wr_port_mapping m = { .host_port = host, .container_port = container, .proto = proto };

	if (ip)
		assert_int_equal(wr_addr_parse(ip, &m.host_ip), 0);
	return m;
}

static void host_ports(struct world *w, const char *name, const char *pod, const char *pod6,
		       const struct wr_port_mapping *v, size_t n)
{
	struct wr_svc_host_ports p = { .v = v, .n = n };

	assert_int_equal(wr_addr_parse(pod, &p.addr4), 0);
	if (pod6)
		assert_int_equal(wr_addr_parse(pod6, &p.addr6), 0);
	wr_svc_index_set_host_ports(world_index(w), name, &p);
	world_settle(w);
}

static void a_node_port_answers_on_the_nodes_addresses(void **state)
{
	struct world *w = *state;

	world_service(w, "web", NODEPORT, NULL);
	world_slice(w, "web-1", "web", P8080, TWO);
	world_slice(w, "web-2", "web", P8080, TWO6);
	assert_answer(w, "10.30.0.11 30080 TCP", "10.1.0.1:8080 10.1.0.2:8080");
	assert_answer(w, "outside 10.30.0.11 30080 TCP", "10.1.0.1:8080 10.1.0.2:8080");
	assert_answer(w, "fd30::11 30080 TCP", "[fd00::1]:8080 [fd00::2]:8080");
	assert_string_equal(world_flags(w, "10.30.0.11 30080 TCP"), "external nodeport");
	assert_answer(w, "10.30.0.12 30080 TCP", "-"); /* another node answers for itself */
	assert_answer(w, "10.30.0.11 80 TCP", "-");
	assert_answer(w, "169.254.1.1 30080 TCP", "-");
	assert_answer(w, "fe80::1 30080 TCP", "-");
	assert_answer(w, "outside 10.96.0.1 80 TCP", "refused");
}

static void a_node_port_answers_on_loopback_when_that_is_on(void **state)
{
	struct world *w = *state;

	world_service(w, "web", NODEPORT, NULL);
	world_slice(w, "web-1", "web", P8080, TWO);
	assert_answer(w, "127.0.0.1 30080 TCP", "10.1.0.1:8080 10.1.0.2:8080");
}

static void a_node_port_is_not_on_loopback_when_that_is_off(void **state)
{
	struct world *w = *state;

	world_service(w, "web", NODEPORT, NULL);
	assert_answer(w, "127.0.0.1 30080 TCP", "-");
}

/* The row that makes post_bind refuse a wildcard bind. */
static void a_node_port_is_taken_for_wildcard_binds(void **state)
{
	struct world *w = *state;

	world_service(w, "web", NODEPORT, NULL);
	assert_string_equal(world_flags(w, "0.0.0.0 30080 TCP"), "external nodeport");
	assert_string_equal(world_flags(w, ":: 30080 TCP"), "external nodeport");
	assert_string_equal(world_flags(w, "0.0.0.0 80 TCP"), "");
}

static void node_ports_answer_only_where_the_cidrs_allow(void **state)
{
	static const char *const more[] = { "10.30.0.11", "192.168.5.1" };
	struct world *w = *state;

	world_service(w, "web", NODEPORT, NULL);
	world_slice(w, "web-1", "web", P8080, TWO);
	assert_answer(w, "10.30.0.11 30080 TCP", "-");
	world_addresses(w, more, 2);
	assert_answer(w, "10.30.0.11 30080 TCP", "-");
	assert_answer(w, "192.168.5.1 30080 TCP", "10.1.0.1:8080 10.1.0.2:8080");
}

static void node_ports_follow_the_nodes_addresses(void **state)
{
	static const char *const moved[] = { "10.30.0.99" };
	struct world *w = *state;

	world_service(w, "web", NODEPORT, NULL);
	world_slice(w, "web-1", "web", P8080, TWO);
	world_addresses(w, moved, 1);
	assert_answer(w, "10.30.0.99 30080 TCP", "10.1.0.1:8080 10.1.0.2:8080");
	assert_answer(w, "10.30.0.11 30080 TCP", "-");
	assert_answer(w, "fd30::11 30080 TCP", "-");
}

static void a_type_change_adds_and_removes_the_node_port(void **state)
{
	struct world *w = *state;
	size_t before;

	world_service(w, "web", WEB, NULL);
	before = world_frontends(w);
	world_service(w, "web",
		      "type: NodePort, clusterIP: 10.96.0.1, "
		      "ports: [{port: 80, nodePort: 30080}]",
		      NULL);
	assert_answer(w, "10.30.0.11 30080 TCP", "none");
	world_service(w, "web", "clusterIP: 10.96.0.1, ports: [{port: 80, nodePort: 30080}]", NULL);
	assert_answer(w, "10.30.0.11 30080 TCP", "-");
	assert_int_equal(world_frontends(w), before);
}

static void a_load_balancers_address_is_a_frontend(void **state)
{
	struct world *w = *state;

	world_service(w, "web", LB, INGRESS_VIP);
	world_slice(w, "web-1", "web", P8080, TWO);
	assert_answer(w, "192.0.2.1 80 TCP", "10.1.0.1:8080 10.1.0.2:8080");
	assert_answer(w, "outside 192.0.2.1 80 TCP", "10.1.0.1:8080 10.1.0.2:8080");
	assert_answer(w, "10.30.0.11 30080 TCP", "10.1.0.1:8080 10.1.0.2:8080");
	assert_string_equal(world_flags(w, "192.0.2.1 80 TCP"), "external");
}

static void an_address_with_ip_mode_proxy_is_not(void **state)
{
	struct world *w = *state;

	world_service(w, "web", LB, "loadBalancer: {ingress: [{ip: 192.0.2.1, ipMode: Proxy}]}");
	assert_answer(w, "192.0.2.1 80 TCP", "-");
}

static void a_load_balancer_may_go_without_node_ports(void **state)
{
	struct world *w = *state;

	world_service(w, "web",
		      "type: LoadBalancer, allocateLoadBalancerNodePorts: false, "
		      "clusterIP: 10.96.0.1, ports: [{port: 80}]",
		      INGRESS);
	world_slice(w, "web-1", "web", P8080, TWO);
	assert_answer(w, "192.0.2.1 80 TCP", "10.1.0.1:8080 10.1.0.2:8080");
	assert_answer(w, "10.30.0.11 0 TCP", "-");
}

static void source_ranges_are_the_load_balancers_alone(void **state)
{
	struct world *w = *state;
	const struct wr_svc_set *set;

	world_service(w, "web",
		      LB ", externalIPs: [192.0.2.9], loadBalancerSourceRanges: [198.51.100.0/24, "
			 "'2001:db8::/32', 10.9.9.9/8]",
		      INGRESS);
	set = world_set(w, "outside 192.0.2.1 80 TCP");
	assert_non_null(set);
	assert_true(set->flags & WR_SVC_SRC_RANGES);
	assert_int_equal(set->n_src_ranges, 3);
	assert_int_equal(set->src_ranges[0].len, 120);
	assert_int_equal(set->src_ranges[1].len, 32);
	assert_int_equal(set->src_ranges[2].len, 104);
	assert_int_equal(set->src_ranges[2].addr.b[15], 0); /* masked */
	assert_false(world_set(w, "10.30.0.11 30080 TCP")->flags & WR_SVC_SRC_RANGES);
	assert_false(world_set(w, "192.0.2.9 80 TCP")->flags & WR_SVC_SRC_RANGES);
	assert_false(world_set(w, "10.96.0.1 80 TCP")->flags & WR_SVC_SRC_RANGES);
}

static void ranges_of_one_family_close_the_other(void **state)
{
	struct world *w = *state;
	const struct wr_svc_set *set;

	world_service(w, "web", LB ", loadBalancerSourceRanges: [198.51.100.0/24]",
		      "loadBalancer: {ingress: [{ip: 192.0.2.1}, {ip: '2001:db8::1'}]}");
	set = world_set(w, "2001:db8::1 80 TCP");
	assert_true(set->flags & WR_SVC_SRC_RANGES);
	assert_int_equal(set->n_src_ranges, 1);
	assert_true(wr_addr_is4(&set->src_ranges[0].addr));
}

static void external_ips_are_frontends_whoever_owns_them(void **state)
{
	struct world *w = *state;

	world_service(w, "web", WEB ", externalIPs: [192.0.2.9, 10.30.0.11]", NULL);
	world_slice(w, "web-1", "web", P8080, TWO);
	assert_answer(w, "outside 192.0.2.9 80 TCP", "10.1.0.1:8080 10.1.0.2:8080");
	assert_answer(w, "outside 10.30.0.11 80 TCP", "10.1.0.1:8080 10.1.0.2:8080");
}

static void addresses_of_a_family_the_service_lacks_are_skipped(void **state)
{
	struct world *w = *state;

	world_service(w, "web", WEB ", externalIPs: ['2001:db8::9']", NULL);
	assert_answer(w, "2001:db8::9 80 TCP", "-");
	assert_string_equal(world_skipped(w, "default", "web"),
			    "spec.externalIPs: 2001:db8::9: the service has no IPv6 cluster address");
}

static void external_policy_local_keeps_outside_traffic_here(void **state)
{
	struct world *w = *state;

	world_service(w, "web", LB ", externalIPs: [192.0.2.9], externalTrafficPolicy: Local",
		      INGRESS);
	world_slice(w, "web-1", "web", P8080, HERE_AND_THERE);
	assert_answer(w, "outside 192.0.2.1 80 TCP", "10.1.0.1:8080");
	assert_answer(w, "outside 192.0.2.9 80 TCP", "10.1.0.1:8080");
	assert_answer(w, "outside 10.30.0.11 30080 TCP", "10.1.0.1:8080");
	assert_string_equal(world_flags(w, "outside 192.0.2.1 80 TCP"), "external local keep-source");
	assert_string_equal(world_flags(w, "outside 10.30.0.11 30080 TCP"),
			    "external local keep-source nodeport");
}

static void pods_and_the_node_are_inside_wherever_they_send_to(void **state)
{
	struct world *w = *state;

	world_service(w, "web", LB ", externalIPs: [192.0.2.9], externalTrafficPolicy: Local",
		      INGRESS);
	world_slice(w, "web-1", "web", P8080, HERE_AND_THERE);
	assert_answer(w, "192.0.2.1 80 TCP", "10.1.0.1:8080 10.1.0.2:8080");
	assert_answer(w, "192.0.2.9 80 TCP", "10.1.0.1:8080 10.1.0.2:8080");
	assert_answer(w, "10.30.0.11 30080 TCP", "10.1.0.1:8080 10.1.0.2:8080");
	assert_answer(w, "10.96.0.1 80 TCP", "10.1.0.1:8080 10.1.0.2:8080");
}

static void external_policy_local_without_endpoints_here_drops(void **state)
{
	struct world *w = *state;

	world_service(w, "web", LB ", externalTrafficPolicy: Local", INGRESS);
	world_slice(w, "web-1", "web", P8080, "{addresses: [10.1.0.2], nodeName: there}");
	assert_answer(w, "outside 192.0.2.1 80 TCP", "none here");
	assert_answer(w, "192.0.2.1 80 TCP", "10.1.0.2:8080");
}

static void internal_policy_local_keeps_inside_traffic_here(void **state)
{
	struct world *w = *state;

	world_service(w, "web", LB ", internalTrafficPolicy: Local", INGRESS);
	world_slice(w, "web-1", "web", P8080, HERE_AND_THERE);
	assert_answer(w, "10.96.0.1 80 TCP", "10.1.0.1:8080");
	assert_string_equal(world_flags(w, "10.96.0.1 80 TCP"), "local");
	assert_answer(w, "outside 192.0.2.1 80 TCP", "10.1.0.1:8080 10.1.0.2:8080");
	world_slice(w, "web-1", "web", P8080, "{addresses: [10.1.0.2], nodeName: there}");
	assert_answer(w, "10.96.0.1 80 TCP", "none here");
}

static void a_host_port_leads_to_its_pod(void **state)
{
	struct world *w = *state;
	struct wr_port_mapping m = mapping(8443, 443, IPPROTO_TCP, NULL);

	host_ports(w, "a", "10.1.0.1", "fd00::1", &m, 1);
	assert_answer(w, "outside 10.30.0.11 8443 TCP", "10.1.0.1:443");
	assert_answer(w, "fd30::11 8443 TCP", "[fd00::1]:443");
	assert_answer(w, "127.0.0.1 8443 TCP", "10.1.0.1:443");
	assert_answer(w, "10.30.0.11 8443 UDP", "-");
	assert_string_equal(world_flags(w, "10.30.0.11 8443 TCP"), "external keep-source hostport");
	host_ports(w, "a", "10.1.0.1", NULL, NULL, 0);
	assert_int_equal(world_frontends(w), 0);
}

static void one_host_port_on_two_addresses_or_protocols_does_not_clash(void **state)
{
	static const char *const addrs[] = { "10.30.0.11", "10.31.0.11" };
	struct world *w = *state;
	struct wr_port_mapping a = mapping(53, 1053, IPPROTO_TCP, "10.30.0.11");
	struct wr_port_mapping b = mapping(53, 1054, IPPROTO_TCP, "10.31.0.11");
	struct wr_port_mapping c = mapping(53, 1055, IPPROTO_UDP, "10.30.0.11");

	world_addresses(w, addrs, 2);
	host_ports(w, "a", "10.1.0.1", NULL, &a, 1);
	host_ports(w, "b", "10.1.0.2", NULL, &b, 1);
	host_ports(w, "c", "10.1.0.3", NULL, &c, 1);
	assert_answer(w, "10.30.0.11 53 TCP", "10.1.0.1:1053");
	assert_answer(w, "10.31.0.11 53 TCP", "10.1.0.2:1054");
	assert_answer(w, "10.30.0.11 53 UDP", "10.1.0.3:1055");
	assert_answer(w, "10.31.0.11 53 UDP", "-");
}

static void tables_are_for_addresses_that_many_nodes_share(void **state)
{
	struct world *w = *state;

	world_service(w, "web", LB ", externalIPs: [192.0.2.9]", INGRESS);
	assert_string_equal(world_flags(w, "192.0.2.1 80 TCP"), "external maglev dsr");
	assert_string_equal(world_flags(w, "192.0.2.9 80 TCP"), "external maglev dsr");
	assert_string_equal(world_flags(w, "10.30.0.11 30080 TCP"), "external nodeport");
	assert_string_equal(world_flags(w, "10.96.0.1 80 TCP"), "");
}

static void a_table_is_seeded_by_the_services_name(void **state)
{
	struct world *w = *state, *other = world_of_two(&(struct wr_svc_options){ .node = "there" });

	world_service(w, "web", LB, INGRESS);
	world_service(other, "web", LB, INGRESS);
	assert_true(world_set(w, "192.0.2.1 80 TCP")->maglev_seed ==
		    world_set(other, "192.0.2.1 80 TCP")->maglev_seed);
	world_service(w, "xyz", "clusterIP: 10.96.0.7, ports: [{port: 80}]", NULL);
	assert_true(world_set(w, "192.0.2.1 80 TCP")->maglev_seed !=
		    world_set(w, "10.96.0.7 80 TCP")->maglev_seed);
	world_free(other);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
		TEST(a_node_port_answers_on_the_nodes_addresses),
		TEST(a_node_port_answers_on_loopback_when_that_is_on),
		cmocka_unit_test_setup_teardown(a_node_port_is_not_on_loopback_when_that_is_off,
						begin_with_tables, end),
		TEST(a_node_port_is_taken_for_wildcard_binds),
		cmocka_unit_test_setup_teardown(node_ports_answer_only_where_the_cidrs_allow,
						begin_with_cidrs, end),
		TEST(node_ports_follow_the_nodes_addresses),
		TEST(a_type_change_adds_and_removes_the_node_port),
		TEST(a_load_balancers_address_is_a_frontend),
		TEST(an_address_with_ip_mode_proxy_is_not),
		TEST(a_load_balancer_may_go_without_node_ports),
		TEST(source_ranges_are_the_load_balancers_alone),
		TEST(ranges_of_one_family_close_the_other),
		TEST(external_ips_are_frontends_whoever_owns_them),
		TEST(addresses_of_a_family_the_service_lacks_are_skipped),
		TEST(external_policy_local_keeps_outside_traffic_here),
		TEST(pods_and_the_node_are_inside_wherever_they_send_to),
		TEST(external_policy_local_without_endpoints_here_drops),
		TEST(internal_policy_local_keeps_inside_traffic_here),
		TEST(a_host_port_leads_to_its_pod),
		TEST(one_host_port_on_two_addresses_or_protocols_does_not_clash),
		cmocka_unit_test_setup_teardown(tables_are_for_addresses_that_many_nodes_share,
						begin_with_tables, end),
		TEST(a_table_is_seeded_by_the_services_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
