/* SPDX-License-Identifier: Apache-2.0 */
/* What a Service means: a claim for every kind and field. */
#include "tests/unit/check.h"

#include <netinet/in.h>

#include "tests/unit/svc_world.h"

#define TWO   "{addresses: [10.1.0.1]}, {addresses: [10.1.0.2]}"
#define TWO6  "{addresses: ['fd00::1']}, {addresses: ['fd00::2']}"
#define WEB   "clusterIP: 10.96.0.1, ports: [{port: 80, targetPort: 8080}]"
#define P8080 "{port: 8080}"

/* This node is "here", in zone "east", with 10.30.0.11 and fd30::11; "there" is in "west". */
static struct world *make(const struct wr_svc_options *opt)
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

static int begin(void **state)
{
	*state = make(&(struct wr_svc_options){ .node = "here", .localhost_node_ports = true });
	return 0;
}

static int begin_with_tables(void **state)
{
	*state = make(&(struct wr_svc_options){ .node = "here", .maglev = true, .dsr = true });
	return 0;
}

static int begin_with_cidrs(void **state)
{
	struct wr_prefix only;

	assert_int_equal(wr_prefix_parse("192.168.0.0/16", &only), 0);
	*state = make(&(struct wr_svc_options){
		.node = "here", .node_port_cidrs = &only, .n_node_port_cidrs = 1 });
	return 0;
}

static int end(void **state)
{
	world_free(*state);
	return 0;
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

#define NODEPORT "type: NodePort, " WEB_NODE
#define WEB_NODE "clusterIPs: [10.96.0.1, 'fd96::1'], ports: [{port: 80, nodePort: 30080}]"

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

#define LB          "type: LoadBalancer, " WEB_NODE
#define INGRESS     "loadBalancer: {ingress: [{ip: 192.0.2.1}]}"
#define INGRESS_VIP "loadBalancer: {ingress: [{ip: 192.0.2.1, ipMode: VIP}]}"

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
	assert_int_equal(set->n_src_ranges, 2); /* of the address's family */
	assert_int_equal(set->src_ranges[0].len, 120);
	assert_int_equal(set->src_ranges[1].len, 104);
	assert_int_equal(set->src_ranges[1].addr.b[15], 0); /* masked */
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
	assert_int_equal(set->n_src_ranges, 0);
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

#define HERE_AND_THERE \
	"{addresses: [10.1.0.1], nodeName: here}, {addresses: [10.1.0.2], nodeName: there}"

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

#define EP(addr, ready, serving, terminating)                                      \
	"{addresses: [" addr "], conditions: {ready: " ready ", serving: " serving \
	", terminating: " terminating "}}"

static void only_ready_endpoints_are_taken(void **state)
{
	struct world *w = *state;

	world_service(w, "web", WEB, NULL);
	world_slice(w, "web-1", "web", P8080,
		    EP("10.1.0.1", "true", "true",
		       "false") ", " EP("10.1.0.2", "false", "false",
					"false") ", " EP("10.1.0.3", "false", "true", "true"));
	assert_answer(w, "10.96.0.1 80 TCP", "10.1.0.1:8080");
}

static void those_that_still_serve_stand_in_when_nobody_is_ready(void **state)
{
	struct world *w = *state;

	world_service(w, "web", WEB, NULL);
	world_slice(w, "web-1", "web", P8080,
		    EP("10.1.0.1", "false", "true",
		       "true") ", " EP("10.1.0.2", "false", "false",
				       "true") ", " EP("10.1.0.3", "false", "false", "false"));
	assert_answer(w, "10.96.0.1 80 TCP", "~10.1.0.1:8080");
}

static void the_same_holds_for_those_here_under_policy_local(void **state)
{
	struct world *w = *state;

	world_service(w, "web", LB ", externalTrafficPolicy: Local", INGRESS);
	world_slice(w, "web-1", "web", P8080,
		    "{addresses: [10.1.0.1], nodeName: here, conditions: {ready: false, serving: "
		    "true, terminating: true}}, {addresses: [10.1.0.2], nodeName: there}");
	assert_answer(w, "outside 192.0.2.1 80 TCP", "~10.1.0.1:8080");
	assert_answer(w, "192.0.2.1 80 TCP", "10.1.0.2:8080");
}

static void publish_not_ready_addresses_takes_all(void **state)
{
	struct world *w = *state;

	world_service(w, "web", WEB ", publishNotReadyAddresses: true", NULL);
	world_slice(w, "web-1", "web", P8080,
		    EP("10.1.0.1", "false", "false", "false") ", " EP("10.1.0.2", "false", "true",
								      "true"));
	assert_answer(w, "10.96.0.1 80 TCP", "10.1.0.1:8080 10.1.0.2:8080");
}

static void flows_may_stay_with_what_new_ones_avoid(void **state)
{
	struct world *w = *state;

	world_service(w, "web", WEB, NULL);
	world_slice(w, "web-1", "web", P8080, TWO);
	assert_string_equal(world_held(w, "10.96.0.1 80 TCP"), "");
	world_slice(w, "web-1", "web", P8080,
		    EP("10.1.0.1", "true", "true",
		       "false") ", " EP("10.1.0.2", "false", "true",
					"true") ", " EP("10.1.0.3", "false", "false", "false"));
	assert_string_equal(world_held(w, "10.96.0.1 80 TCP"),
			    "~10.1.0.1:8080 ~10.1.0.2:8080 ~10.1.0.3:8080");
	world_slice(w, "web-1", "web", P8080, "{addresses: [10.1.0.1]}");
	assert_string_equal(world_held(w, "10.96.0.1 80 TCP"), "");
}

static void udp_does_not_stay_with_what_no_longer_serves(void **state)
{
	struct world *w = *state;

	world_service(w, "dns", "clusterIP: 10.96.0.1, ports: [{port: 53, protocol: UDP}]", NULL);
	world_slice(w, "dns-1", "dns", "{port: 53, protocol: UDP}",
		    EP("10.1.0.1", "true", "true",
		       "false") ", " EP("10.1.0.2", "false", "true",
					"true") ", " EP("10.1.0.3", "false", "false", "false"));
	assert_string_equal(world_held(w, "10.96.0.1 53 UDP"), "~10.1.0.1:53 ~10.1.0.2:53");
}

#define HINTED(addr, zone, node, hints) \
	"{addresses: [" addr "], zone: " zone ", nodeName: " node ", hints: {" hints "}}"

static void zone_hints_keep_traffic_in_the_zone(void **state)
{
	struct world *w = *state;

	world_service(w, "web", WEB ", trafficDistribution: PreferClose", NULL);
	world_slice(w, "web-1", "web", P8080,
		    HINTED("10.1.0.1", "east", "here",
			   "forZones: [{name: east}]") ", " HINTED("10.1.0.2", "west", "there",
								   "forZones: [{name: west}]"));
	assert_answer(w, "10.96.0.1 80 TCP", "10.1.0.1:8080");
}

static void all_are_taken_when_one_lacks_a_hint(void **state)
{
	struct world *w = *state;

	world_service(w, "web", WEB ", trafficDistribution: PreferSameZone", NULL);
	world_slice(w, "web-1", "web", P8080,
		    HINTED("10.1.0.1", "east", "here",
			   "forZones: [{name: east}]") ", " HINTED("10.1.0.2", "west", "there", ""));
	assert_answer(w, "10.96.0.1 80 TCP", "10.1.0.1:8080 10.1.0.2:8080");
}

static void all_are_taken_when_no_hint_is_for_this_zone(void **state)
{
	struct world *w = *state;

	world_service(w, "web", WEB ", trafficDistribution: PreferClose", NULL);
	world_slice(w, "web-1", "web", P8080,
		    HINTED("10.1.0.1", "north", "x",
			   "forZones: [{name: north}]") ", " HINTED("10.1.0.2", "west", "there",
								    "forZones: [{name: west}]"));
	assert_answer(w, "10.96.0.1 80 TCP", "10.1.0.1:8080 10.1.0.2:8080");
}

static void a_node_without_a_zone_takes_all(void **state)
{
	struct world *w = *state;

	world_service(w, "web", WEB ", trafficDistribution: PreferClose", NULL);
	world_slice(w, "web-1", "web", P8080,
		    HINTED("10.1.0.1", "east", "here",
			   "forZones: [{name: east}]") ", " HINTED("10.1.0.2", "west", "there",
								   "forZones: [{name: west}]"));
	world_apply(w, "{apiVersion: v1, kind: Node, metadata: {name: here}}");
	assert_answer(w, "10.96.0.1 80 TCP", "10.1.0.1:8080 10.1.0.2:8080");
	world_node(w, "here", "west", "");
	assert_answer(w, "10.96.0.1 80 TCP", "10.1.0.2:8080");
}

#define NODE_HINT(z, n) "forZones: [{name: " z "}], forNodes: [{name: " n "}]"

static void node_hints_come_before_zone_hints(void **state)
{
	struct world *w = *state;

	world_service(w, "web", WEB ", trafficDistribution: PreferSameNode", NULL);
	world_slice(w, "web-1", "web", P8080,
		    HINTED("10.1.0.1", "east", "here",
			   NODE_HINT("east",
				     "here")) ", " HINTED("10.1.0.2", "east", "near",
							  NODE_HINT("east",
								    "near")) ", " HINTED("10.1.0.3",
											 "west",
											 "there",
											 NODE_HINT("west",
												   "there")));
	assert_answer(w, "10.96.0.1 80 TCP", "10.1.0.1:8080");
	world_slice(w, "web-1", "web", P8080,
		    HINTED("10.1.0.2", "east", "near",
			   NODE_HINT("east", "near")) ", " HINTED("10.1.0.3", "west", "there",
								  NODE_HINT("west", "there")));
	assert_answer(w, "10.96.0.1 80 TCP", "10.1.0.2:8080");
	world_slice(w, "web-1", "web", P8080,
		    HINTED("10.1.0.3", "west", "there", NODE_HINT("west", "there")));
	assert_answer(w, "10.96.0.1 80 TCP", "10.1.0.3:8080");
}

static void hints_of_endpoints_that_are_not_ready_do_not_count(void **state)
{
	struct world *w = *state;

	world_service(w, "web", WEB ", trafficDistribution: PreferClose", NULL);
	world_slice(w, "web-1", "web", P8080,
		    "{addresses: [10.1.0.1], zone: east, conditions: {ready: false}, hints: "
		    "{forZones: [{name: east}]}}, " HINTED("10.1.0.2", "west", "there",
							   "forZones: [{name: west}]"));
	assert_answer(w, "10.96.0.1 80 TCP", "10.1.0.2:8080");
}

static void policy_local_does_not_ask_for_hints(void **state)
{
	struct world *w = *state;

	world_service(w, "web", WEB ", internalTrafficPolicy: Local", NULL);
	world_slice(w, "web-1", "web", P8080,
		    HINTED("10.1.0.1", "west", "here",
			   "forZones: [{name: west}]") ", " HINTED("10.1.0.2", "east", "there",
								   "forZones: [{name: east}]"));
	assert_answer(w, "10.96.0.1 80 TCP", "10.1.0.1:8080");
}

static void no_endpoints_is_an_answer_too(void **state)
{
	struct world *w = *state;

	world_service(w, "web", WEB, NULL);
	assert_answer(w, "10.96.0.1 80 TCP", "none");
	world_slice(w, "web-1", "web", P8080, "");
	assert_answer(w, "10.96.0.1 80 TCP", "none");
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

static void the_health_check_counts_ready_endpoints_here(void **state)
{
	struct world *w = *state;

	world_service(w, "web", LB ", externalTrafficPolicy: Local, healthCheckNodePort: 30100",
		      INGRESS);
	assert_string_equal(world_health(w, "default", "web"), "0 on 30100");
	world_slice(w, "web-1", "web", P8080,
		    "{addresses: [10.1.0.1], nodeName: here}, {addresses: [10.1.0.2], nodeName: "
		    "here}, {addresses: [10.1.0.3], nodeName: there}, {addresses: [10.1.0.4], "
		    "nodeName: here, conditions: {ready: false}}");
	assert_string_equal(world_health(w, "default", "web"), "2 on 30100");
	world_slice(w, "web-1", "web", P8080,
		    "{addresses: [10.1.0.1], nodeName: here, conditions: {ready: false, serving: "
		    "true, terminating: true}}");
	assert_string_equal(world_health(w, "default", "web"), "0 on 30100");
	world_service(w, "web", LB, INGRESS);
	assert_string_equal(world_health(w, "default", "web"), "");
}

static void the_health_check_counts_an_endpoint_once(void **state)
{
	struct world *w = *state;

	world_service(w, "web",
		      "type: LoadBalancer, clusterIPs: [10.96.0.1, 'fd96::1'], "
		      "externalTrafficPolicy: Local, healthCheckNodePort: 30100, "
		      "ports: [{name: a, port: 80}, {name: b, port: 81}]",
		      INGRESS);
	world_slice(w, "web-1", "web", "{name: a, port: 8080}, {name: b, port: 8081}",
		    "{addresses: [10.1.0.1], nodeName: here}");
	world_slice(w, "web-2", "web", "{name: a, port: 8080}, {name: b, port: 8081}",
		    "{addresses: ['fd00::1'], nodeName: here}");
	assert_string_equal(world_health(w, "default", "web"), "1 on 30100");
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
	struct world *w = *state, *other = make(&(struct wr_svc_options){ .node = "there" });

	world_service(w, "web", LB, INGRESS);
	world_service(other, "web", LB, INGRESS);
	assert_true(world_set(w, "192.0.2.1 80 TCP")->maglev_seed ==
		    world_set(other, "192.0.2.1 80 TCP")->maglev_seed);
	world_service(w, "xyz", "clusterIP: 10.96.0.7, ports: [{port: 80}]", NULL);
	assert_true(world_set(w, "192.0.2.1 80 TCP")->maglev_seed !=
		    world_set(w, "10.96.0.7 80 TCP")->maglev_seed);
	world_free(other);
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
	wr_svc_index_adopt(world_index(w), &fe, 4711);
	world_service(w, "web", WEB, NULL);
	assert_int_equal(world_set(w, "10.96.0.1 80 TCP")->id, 4711);
}

static void backends_know_their_node_and_zone(void **state)
{
	struct world *w = *state;
	const struct wr_svc_set *set;

	world_service(w, "web", WEB, NULL);
	world_slice(w, "web-1", "web", P8080,
		    "{addresses: [10.1.0.1], nodeName: there, zone: west}, {addresses: [10.1.0.2]}");
	set = world_set(w, "10.96.0.1 80 TCP");
	assert_string_equal(wr_svc_index_node_name(world_index(w), set->backends[0].node), "there");
	assert_string_equal(wr_svc_index_zone_name(world_index(w), set->backends[0].zone), "west");
	assert_int_equal(set->backends[1].node, 0);
	assert_null(wr_svc_index_node_name(world_index(w), 0));
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
		TEST(affinity_is_the_services),
		TEST(only_ready_endpoints_are_taken),
		TEST(those_that_still_serve_stand_in_when_nobody_is_ready),
		TEST(the_same_holds_for_those_here_under_policy_local),
		TEST(publish_not_ready_addresses_takes_all),
		TEST(flows_may_stay_with_what_new_ones_avoid),
		TEST(udp_does_not_stay_with_what_no_longer_serves),
		TEST(zone_hints_keep_traffic_in_the_zone),
		TEST(all_are_taken_when_one_lacks_a_hint),
		TEST(all_are_taken_when_no_hint_is_for_this_zone),
		TEST(a_node_without_a_zone_takes_all),
		TEST(node_hints_come_before_zone_hints),
		TEST(hints_of_endpoints_that_are_not_ready_do_not_count),
		TEST(policy_local_does_not_ask_for_hints),
		TEST(no_endpoints_is_an_answer_too),
		TEST(other_ports_of_owned_addresses_are_refused),
		TEST(other_ports_of_a_nodes_address_are_the_nodes),
		TEST(a_shared_address_stays_owned_while_one_service_has_it),
		TEST(a_cluster_address_on_this_nodes_interface_is_left_alone),
		TEST(the_health_check_counts_ready_endpoints_here),
		TEST(the_health_check_counts_an_endpoint_once),
		TEST(a_host_port_leads_to_its_pod),
		TEST(one_host_port_on_two_addresses_or_protocols_does_not_clash),
		TEST(a_contested_frontend_goes_by_name_and_is_inherited),
		cmocka_unit_test_setup_teardown(tables_are_for_addresses_that_many_nodes_share,
						begin_with_tables, end),
		TEST(a_table_is_seeded_by_the_services_name),
		TEST(one_service_port_has_one_id),
		TEST(an_id_in_force_is_adopted),
		TEST(backends_know_their_node_and_zone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
