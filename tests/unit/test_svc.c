/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about Services: kinds, ports, families, addresses. */
#include "tests/unit/check.h"

#include <arpa/inet.h>

#include "tests/unit/svc_world.h"

#define TWO      "{addresses: [10.1.0.1]}, {addresses: [10.1.0.2]}"
#define TWO6     "{addresses: ['fd00::1']}, {addresses: ['fd00::2']}"
#define WEB      "clusterIP: 10.96.0.1, ports: [{port: 80, targetPort: 8080}]"
#define P8080    "{port: 8080}"
#define WEB_NODE "clusterIPs: [10.96.0.1, 'fd96::1'], ports: [{port: 80, nodePort: 30080}]"
#define NODEPORT "type: NodePort, " WEB_NODE
#define LB       "type: LoadBalancer, " WEB_NODE
#define INGRESS  "loadBalancer: {ingress: [{ip: 192.0.2.1}]}"

static int begin(void **state)
{
	*state = world_of_two(
		&(struct wr_svc_options){ .node = "here", .localhost_node_ports = true });
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

static void a_cluster_address_balances(void **state)
{
	struct world *w = *state;

	world_service(w, "web", WEB, NULL);
	world_slice(w, "web-1", "web", P8080, TWO);
	assert_answer(w, "10.96.0.1 80 TCP", "10.1.0.1:8080 10.1.0.2:8080");
	assert_string_equal(world_flags(w, "10.96.0.1 80 TCP"), "");
	assert_answer(w, "10.96.0.2 80 TCP", "-");
}

static void headless_and_external_names_have_no_frontends(void **state)
{
	struct world *w = *state;

	world_service(w, "web", "clusterIP: None, ports: [{port: 80}]", NULL);
	world_slice(w, "web-1", "web", "{port: 80}", TWO);
	world_service(w, "name", "type: ExternalName, externalName: example.com", NULL);
	assert_int_equal(world_frontends(w), 0);
	assert_string_equal(world_skipped(w, "default", "web"), "headless: DNS names its endpoints");
	assert_string_equal(world_skipped(w, "default", "name"),
			    "ExternalName: a DNS name, not an address");
}

static void labels_that_name_another_proxy_are_respected(void **state)
{
	struct world *w = *state;

	world_apply(w, "{apiVersion: v1, kind: Service, metadata: {name: web, labels: "
		       "{service.kubernetes.io/service-proxy-name: other}}, spec: {" WEB "}}");
	world_apply(w, "{apiVersion: v1, kind: Service, metadata: {name: db, labels: "
		       "{service.kubernetes.io/headless: ''}}, spec: {clusterIP: 10.96.0.2, "
		       "ports: [{port: 80}]}}");
	assert_int_equal(world_frontends(w), 0);
	assert_string_equal(world_skipped(w, "default", "web"), "labelled for another proxy");
}

static void one_service_has_many_ports(void **state)
{
	struct world *w = *state;

	world_service(w, "web",
		      "clusterIP: 10.96.0.1, ports: [{name: http, port: 80}, {name: admin, port: 81}]",
		      NULL);
	world_slice(w, "web-1", "web", "{name: http, port: 8080}, {name: admin, port: 9090}",
		    "{addresses: [10.1.0.1]}");
	assert_answer(w, "10.96.0.1 80 TCP", "10.1.0.1:8080");
	assert_answer(w, "10.96.0.1 81 TCP", "10.1.0.1:9090");
}

static void one_number_serves_several_protocols(void **state)
{
	struct world *w = *state;

	world_service(w, "dns",
		      "clusterIP: 10.96.0.1, ports: [{name: u, port: 53, protocol: UDP}, "
		      "{name: t, port: 53, protocol: TCP}, {name: s, port: 53, protocol: SCTP}]",
		      NULL);
	world_slice(w, "dns-1", "dns",
		    "{name: u, port: 5353, protocol: UDP}, {name: t, port: 5354, protocol: TCP}, "
		    "{name: s, port: 5355, protocol: SCTP}",
		    "{addresses: [10.1.0.1]}");
	assert_answer(w, "10.96.0.1 53 UDP", "10.1.0.1:5353");
	assert_answer(w, "10.96.0.1 53 TCP", "10.1.0.1:5354");
	assert_answer(w, "10.96.0.1 53 SCTP", "10.1.0.1:5355");
}

static void a_slice_port_of_another_protocol_is_another_port(void **state)
{
	struct world *w = *state;

	world_service(w, "web", WEB, NULL);
	world_slice(w, "web-1", "web", "{port: 8080, protocol: UDP}", TWO);
	assert_answer(w, "10.96.0.1 80 TCP", "none");
}

static void a_named_target_port_is_each_endpoints_own(void **state)
{
	struct world *w = *state;

	world_service(w, "web",
		      "clusterIP: 10.96.0.1, ports: [{name: http, port: 80, targetPort: www}]", NULL);
	world_slice(w, "web-1", "web", "{name: http, port: 8080}", "{addresses: [10.1.0.1]}");
	world_slice(w, "web-2", "web", "{name: http, port: 9090}", "{addresses: [10.1.0.2]}");
	assert_answer(w, "10.96.0.1 80 TCP", "10.1.0.1:8080 10.1.0.2:9090");
}

static void a_slice_port_without_a_number_is_no_target(void **state)
{
	struct world *w = *state;

	world_service(w, "web", WEB, NULL);
	world_slice(w, "web-1", "web", "{protocol: TCP}", TWO);
	assert_answer(w, "10.96.0.1 80 TCP", "none");
}

static void both_families_are_served_each_by_its_slices(void **state)
{
	struct world *w = *state;

	world_service(w, "web", "clusterIPs: [10.96.0.1, 'fd96::1'], ports: [{port: 80}]", NULL);
	world_slice(w, "web-1", "web", P8080, TWO);
	world_slice(w, "web-2", "web", P8080, TWO6);
	assert_answer(w, "10.96.0.1 80 TCP", "10.1.0.1:8080 10.1.0.2:8080");
	assert_answer(w, "fd96::1 80 TCP", "[fd00::1]:8080 [fd00::2]:8080");
}

static void either_family_may_come_first_or_be_alone(void **state)
{
	struct world *w = *state;

	world_service(w, "web", "clusterIPs: ['fd96::1', 10.96.0.1], ports: [{port: 80}]", NULL);
	world_service(w, "six", "clusterIPs: ['fd96::2'], ports: [{port: 80}]", NULL);
	world_slice(w, "web-1", "web", P8080, TWO);
	world_slice(w, "web-2", "web", P8080, TWO6);
	world_slice(w, "six-1", "six", P8080, TWO);
	world_slice(w, "six-2", "six", P8080, TWO6);
	assert_answer(w, "10.96.0.1 80 TCP", "10.1.0.1:8080 10.1.0.2:8080");
	assert_answer(w, "fd96::1 80 TCP", "[fd00::1]:8080 [fd00::2]:8080");
	assert_answer(w, "fd96::2 80 TCP", "[fd00::1]:8080 [fd00::2]:8080");
}

static void several_slices_merge(void **state)
{
	struct world *w = *state;

	world_service(w, "web", WEB, NULL);
	world_slice(w, "web-1", "web", P8080, "{addresses: [10.1.0.3]}");
	world_slice(w, "web-2", "web", P8080, TWO);
	world_slice(w, "other", "db", P8080, "{addresses: [10.1.0.9]}");
	assert_answer(w, "10.96.0.1 80 TCP", "10.1.0.1:8080 10.1.0.2:8080 10.1.0.3:8080");
	world_del(w, WR_KIND_ENDPOINTSLICE, "default", "web-2");
	assert_answer(w, "10.96.0.1 80 TCP", "10.1.0.3:8080");
}

static void an_endpoint_in_two_slices_counts_once(void **state)
{
	struct world *w = *state;

	world_service(w, "web", WEB, NULL);
	world_slice(w, "web-1", "web", P8080, TWO);
	world_slice(w, "web-2", "web", P8080, "{addresses: [10.1.0.2]}");
	assert_answer(w, "10.96.0.1 80 TCP", "10.1.0.1:8080 10.1.0.2:8080");
	world_slice(w, "web-2", "web", P8080, "{addresses: [10.1.0.2], conditions: {ready: false}}");
	assert_answer(w, "10.96.0.1 80 TCP", "10.1.0.1:8080 10.1.0.2:8080");
}

static void only_the_first_address_of_an_endpoint_is_used(void **state)
{
	struct world *w = *state;

	world_service(w, "web", WEB, NULL);
	world_slice(w, "web-1", "web", P8080, "{addresses: [10.1.0.1, 10.1.0.2]}");
	assert_answer(w, "10.96.0.1 80 TCP", "10.1.0.1:8080");
}

static void affinity_is_the_services(void **state)
{
	struct world *w = *state;

	world_service(w, "web", WEB ", sessionAffinity: ClientIP", NULL);
	assert_int_equal(world_set(w, "10.96.0.1 80 TCP")->affinity, 10800);
	world_service(w, "web",
		      WEB ", sessionAffinity: ClientIP, sessionAffinityConfig: {clientIP: "
			  "{timeoutSeconds: 5}}",
		      NULL);
	assert_int_equal(world_set(w, "10.96.0.1 80 TCP")->affinity, 5);
	world_service(w, "web", WEB, NULL);
	assert_int_equal(world_set(w, "10.96.0.1 80 TCP")->affinity, 0);
}

static void other_ports_of_owned_addresses_are_refused(void **state)
{
	struct world *w = *state;

	world_service(w, "web",
		      "type: LoadBalancer, clusterIPs: [10.96.0.1, 'fd96::1'], "
		      "externalIPs: [192.0.2.9], ports: [{port: 80}]",
		      INGRESS);
	assert_answer(w, "10.96.0.1 81 TCP", "refused");
	assert_answer(w, "10.96.0.1 80 UDP", "refused");
	assert_answer(w, "fd96::1 81 TCP", "refused");
	assert_answer(w, "outside 192.0.2.1 81 TCP", "refused");
	assert_answer(w, "192.0.2.9 81 TCP", "refused");
	world_del(w, WR_KIND_SERVICE, "default", "web");
	assert_answer(w, "10.96.0.1 81 TCP", "-");
	assert_int_equal(world_frontends(w), 0);
}

static void other_ports_of_a_nodes_address_are_the_nodes(void **state)
{
	struct world *w = *state;

	world_service(w, "web", WEB ", externalIPs: [10.30.0.11, 10.30.0.12, 203.0.113.12]", NULL);
	assert_answer(w, "outside 10.30.0.11 80 TCP", "none");
	assert_answer(w, "10.30.0.11 22 TCP", "-");
	assert_answer(w, "10.30.0.12 22 TCP", "-");
	assert_answer(w, "203.0.113.12 22 TCP", "-");
	world_del(w, WR_KIND_NODE, "", "there");
	assert_answer(w, "203.0.113.12 22 TCP", "refused");
	world_node(w, "new", "x", "{type: InternalIP, address: 203.0.113.12}");
	assert_answer(w, "203.0.113.12 22 TCP", "-");
}

static void a_shared_address_stays_owned_while_one_service_has_it(void **state)
{
	struct world *w = *state;

	world_service(w, "a", "clusterIP: 10.96.0.1, externalIPs: [192.0.2.9], ports: [{port: 80}]",
		      NULL);
	world_service(w, "b", "clusterIP: 10.96.0.2, externalIPs: [192.0.2.9], ports: [{port: 81}]",
		      NULL);
	assert_answer(w, "192.0.2.9 80 TCP", "none");
	assert_answer(w, "192.0.2.9 81 TCP", "none");
	assert_string_equal(world_skipped(w, "default", "b"), "");
	world_del(w, WR_KIND_SERVICE, "default", "a");
	assert_answer(w, "192.0.2.9 80 TCP", "refused");
	world_del(w, WR_KIND_SERVICE, "default", "b");
	assert_answer(w, "192.0.2.9 80 TCP", "-");
}

static void a_cluster_address_on_this_nodes_interface_is_left_alone(void **state)
{
	static const char *const local_dns[] = { "10.30.0.11", "10.96.0.1" };
	struct world *w = *state;

	world_service(w, "dns", WEB, NULL);
	world_slice(w, "dns-1", "dns", P8080, TWO);
	world_addresses(w, local_dns, 2);
	assert_answer(w, "10.96.0.1 80 TCP", "untranslated");
	assert_answer(w, "10.96.0.1 81 TCP", "-");
	world_addresses(w, local_dns, 1);
	assert_answer(w, "10.96.0.1 80 TCP", "10.1.0.1:8080 10.1.0.2:8080");
	assert_answer(w, "10.96.0.1 81 TCP", "refused");
}

static void a_contested_frontend_goes_by_name_and_is_inherited(void **state)
{
	struct world *w = *state;
	struct wr_port_mapping m = mapping(30080, 443, IPPROTO_TCP, NULL);

	world_service(w, "b", "clusterIP: 10.96.0.2, externalIPs: [192.0.2.9], ports: [{port: 80}]",
		      NULL);
	world_slice(w, "b-1", "b", P8080, "{addresses: [10.1.0.2]}");
	assert_answer(w, "192.0.2.9 80 TCP", "10.1.0.2:8080");
	world_service(w, "a", "clusterIP: 10.96.0.1, externalIPs: [192.0.2.9], ports: [{port: 80}]",
		      NULL);
	assert_answer(w, "192.0.2.9 80 TCP", "none");
	assert_string_equal(world_skipped(w, "default", "b"),
			    "192.0.2.9 port 80/tcp: default/a has it");
	world_del(w, WR_KIND_SERVICE, "default", "a");
	assert_answer(w, "192.0.2.9 80 TCP", "10.1.0.2:8080");
	assert_string_equal(world_skipped(w, "default", "b"), "");

	host_ports(w, "pod", "10.1.0.7", NULL, &m, 1);
	world_service(w, "np", NODEPORT, NULL);
	assert_answer(w, "10.30.0.11 30080 TCP", "none");
	world_del(w, WR_KIND_SERVICE, "default", "np");
	assert_answer(w, "10.30.0.11 30080 TCP", "10.1.0.7:443");
}

static void one_service_port_has_one_id(void **state)
{
	struct world *w = *state;
	struct wr_svc_port_info info;
	uint32_t id;

	world_service(w, "web", LB ", externalTrafficPolicy: Local", INGRESS);
	id = world_set(w, "10.96.0.1 80 TCP")->id;
	assert_int_equal(world_set(w, "fd96::1 80 TCP")->id, id);
	assert_int_equal(world_set(w, "outside 192.0.2.1 80 TCP")->id, id);
	assert_int_equal(wr_svc_index_port_info(world_index(w), id, &info), 0);
	assert_string_equal(info.name, "web");
	assert_int_equal(info.port, 80);
	assert_int_equal(wr_svc_index_port_info(world_index(w), id + 1, &info), -ENOENT);
	world_del(w, WR_KIND_SERVICE, "default", "web");
	assert_int_equal(wr_svc_index_port_info(world_index(w), id, &info), -ENOENT);
}

static void an_id_in_force_is_adopted(void **state)
{
	struct world *w = *state;
	struct wr_frontend fe = { .port = htons(80), .proto = IPPROTO_TCP };

	assert_int_equal(wr_addr_parse("10.96.0.1", &fe.addr), 0);
	world_former(w, &fe, 4711);
	world_service(w, "web", WEB, NULL);
	assert_int_equal(world_set(w, "10.96.0.1 80 TCP")->id, 4711);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
		TEST(a_cluster_address_balances),
		TEST(headless_and_external_names_have_no_frontends),
		TEST(labels_that_name_another_proxy_are_respected),
		TEST(one_service_has_many_ports),
		TEST(one_number_serves_several_protocols),
		TEST(a_slice_port_of_another_protocol_is_another_port),
		TEST(a_named_target_port_is_each_endpoints_own),
		TEST(a_slice_port_without_a_number_is_no_target),
		TEST(both_families_are_served_each_by_its_slices),
		TEST(either_family_may_come_first_or_be_alone),
		TEST(several_slices_merge),
		TEST(an_endpoint_in_two_slices_counts_once),
		TEST(only_the_first_address_of_an_endpoint_is_used),
		TEST(affinity_is_the_services),
		TEST(other_ports_of_owned_addresses_are_refused),
		TEST(other_ports_of_a_nodes_address_are_the_nodes),
		TEST(a_shared_address_stays_owned_while_one_service_has_it),
		TEST(a_cluster_address_on_this_nodes_interface_is_left_alone),
		TEST(a_contested_frontend_goes_by_name_and_is_inherited),
		TEST(one_service_port_has_one_id),
		TEST(an_id_in_force_is_adopted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
