/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about Services. */
#include "tests/unit/check.h"

#include <netinet/in.h>

#include "tests/unit/objects.h"

#define SVC  "apiVersion: v1\nkind: Service\nmetadata: {name: a}\n"
#define PORT "ports: [{port: 80}]"

static void every_field_that_is_used_is_kept(void **state)
{
	struct wr_object *o = obj_strict(
		"apiVersion: v1\nkind: Service\n"
		"metadata: {name: a, annotations: {service.kubernetes.io/topology-mode: Auto}}\n"
		"spec:\n  type: LoadBalancer\n  clusterIP: 10.96.0.1\n  clusterIPs: [10.96.0.1, 'fd00::1']\n"
		"  externalIPs: [192.0.2.7]\n  loadBalancerSourceRanges: [' 198.51.100.7/24 ', '2001:db8::/32']\n"
		"  selector: {app: web}\n  externalTrafficPolicy: Local\n  internalTrafficPolicy: Local\n"
		"  publishNotReadyAddresses: true\n  allocateLoadBalancerNodePorts: false\n"
		"  sessionAffinity: ClientIP\n  sessionAffinityConfig: {clientIP: {timeoutSeconds: 60}}\n"
		"  healthCheckNodePort: 30001\n  trafficDistribution: PreferSameNode\n"
		"  ports:\n  - {name: http, port: 80, targetPort: web, nodePort: 30080}\n"
		"  - {name: dns, port: 53, targetPort: 5353, protocol: UDP}\n"
		"status: {loadBalancer: {ingress: [{ip: 203.0.113.1}, {ip: 203.0.113.2, ipMode: Proxy},\n"
		"         {hostname: x}, {ip: 203.0.113.3, ipMode: VIP}]}}\n");
	struct wr_service_object *s = as(wr_service_object, o);
	char buf[WR_PREFIX_STRLEN];

	assert_int_equal(s->type, WR_SERVICE_LOADBALANCER);
	assert_int_equal(s->cluster_ips.n, 2);
	assert_string_equal(wr_addr_format(&s->cluster_ips.v[1], buf), "fd00::1");
	assert_int_equal(s->external_ips.n, 1);
	assert_int_equal(s->source_ranges.n, 2);
	assert_string_equal(wr_prefix_format(&s->source_ranges.v[0], buf), "198.51.100.0/24");
	assert_int_equal(s->lb_ips.n, 2);
	assert_string_equal(wr_addr_format(&s->lb_ips.v[1], buf), "203.0.113.3");
	assert_int_equal(s->ports.n, 2);
	assert_string_equal(s->ports.v[0].name, "http");
	assert_string_equal(s->ports.v[0].target_name, "web");
	assert_int_equal(s->ports.v[0].target_port, 0);
	assert_int_equal(s->ports.v[0].node_port, 30080);
	assert_int_equal(s->ports.v[1].target_port, 5353);
	assert_null(s->ports.v[1].target_name);
	assert_int_equal(s->ports.v[1].proto, IPPROTO_UDP);
	assert_string_equal(wr_labels_get(&s->selector, "app"), "web");
	assert_true(s->has_selector && s->external_local && s->internal_local);
	assert_true(s->publish_not_ready && s->topology_auto);
	assert_false(s->allocate_node_ports || s->headless || s->foreign);
	assert_int_equal(s->affinity, 60);
	assert_int_equal(s->health_check_node_port, 30001);
	assert_int_equal(s->distribution, WR_DISTRIBUTION_SAME_NODE);
	wr_object_free(o);
	assert_int_equal(wr_istr_count(), 0);
}

static void defaults_are_kubernetes_own(void **state)
{
	struct wr_object *o = obj_strict(SVC "spec: {clusterIP: 10.0.0.1, " PORT "}");
	struct wr_service_object *s = as(wr_service_object, o);

	assert_int_equal(s->type, WR_SERVICE_CLUSTERIP);
	assert_int_equal(s->cluster_ips.n, 1);
	assert_true(s->allocate_node_ports);
	assert_false(s->has_selector || s->external_local || s->internal_local);
	assert_int_equal(s->affinity, 0);
	assert_int_equal(s->distribution, WR_DISTRIBUTION_NONE);
	assert_string_equal(s->ports.v[0].name, "");
	assert_int_equal(s->ports.v[0].proto, IPPROTO_TCP);
	wr_object_free(o);
	o = obj_strict(SVC "spec: {sessionAffinity: ClientIP, " PORT "}");
	assert_int_equal(as(wr_service_object, o)->affinity, 10800);
	wr_object_free(o);
}

static void headless_and_external_names_have_no_cluster_address(void **state)
{
	struct wr_object *o = obj_strict(SVC "spec: {clusterIP: None}");

	assert_true(as(wr_service_object, o)->headless);
	assert_int_equal(as(wr_service_object, o)->cluster_ips.n, 0);
	wr_object_free(o);
	o = obj_strict(SVC "spec: {clusterIPs: [None]}");
	assert_true(as(wr_service_object, o)->headless);
	wr_object_free(o);
	o = obj_strict(SVC "spec: {type: ExternalName, externalName: x.org}");
	assert_int_equal(as(wr_service_object, o)->type, WR_SERVICE_EXTERNALNAME);
	wr_object_free(o);
}

static void labels_of_other_proxies_are_respected(void **state)
{
	struct wr_object *o = obj_strict(
		"apiVersion: v1\nkind: Service\n"
		"metadata: {name: a, labels: {service.kubernetes.io/service-proxy-name: other}}\n"
		"spec: {" PORT "}\n");

	assert_true(as(wr_service_object, o)->foreign);
	wr_object_free(o);
	o = obj_strict("apiVersion: v1\nkind: Service\n"
		       "metadata: {name: a, labels: {service.kubernetes.io/headless: \"\"}}\n"
		       "spec: {" PORT "}\n");
	assert_true(as(wr_service_object, o)->foreign);
	assert_int_equal(o->labels.n, 0);
	wr_object_free(o);
}

static void from_the_api_selector_and_target_are_not_kept(void **state)
{
	struct wr_object *o =
		obj_lenient(SVC "spec: {selector: {app: x}, ports: [{port: 80, targetPort: web}]}");
	struct wr_service_object *s = as(wr_service_object, o);

	assert_true(s->has_selector);
	assert_int_equal(s->selector.n, 0);
	assert_null(s->ports.v[0].target_name);
	wr_object_free(o);
}

static void distributions_have_three_names(void **state)
{
	static const char *const zone[] = { "PreferClose", "PreferSameZone" };
	struct wr_object *o;
	char yaml[200];
	size_t i;

	for (i = 0; i < 2; i++) {
		snprintf(yaml, sizeof(yaml), SVC "spec: {trafficDistribution: %s, " PORT "}",
			 zone[i]);
		o = obj_strict(yaml);
		assert_int_equal(as(wr_service_object, o)->distribution, WR_DISTRIBUTION_SAME_ZONE);
		wr_object_free(o);
	}
	o = obj_lenient(SVC "spec: {trafficDistribution: Later, " PORT "}");
	assert_int_equal(as(wr_service_object, o)->distribution, WR_DISTRIBUTION_NONE);
	wr_object_free(o);
}

static void faults_are_named(void **state)
{
	obj_refused(SVC "spec:\n  ports:\n  - {name: x, port: 1}\n  - {name: y, port: 70000}\n",
		    "line 7: spec.ports[1].port: must be 1-65535, not 70000");
	obj_refused(SVC "spec: {ports: [{name: x}]}", "line 4: spec.ports[0].port: is missing");
	obj_refused(SVC "spec: {ports: [80]}", "line 4: spec.ports[0]: must be an object, not 80");
	obj_refused(SVC "spec: {ports: [{name: a, port: 1}, {name: b, port: 1}]}",
		    "line 4: spec.ports[1].port: 1 is there twice");
	obj_refused(SVC "spec: {ports: [{port: 1}, {port: 2}]}",
		    "line 4: spec.ports[1].name: must differ from the other ports'");
	obj_refused(SVC "spec: {ports: [{port: 1, targetPort: 0}]}",
		    "line 4: spec.ports[0].targetPort: must be 1-65535, not 0");
	obj_refused(SVC "spec: {ports: [{port: 1, nodePort: -1}]}",
		    "line 4: spec.ports[0].nodePort: must be 0-65535, not -1");
	obj_refused(SVC "spec: {ports: [{port: 1, protocol: tcp}]}",
		    "line 4: spec.ports[0].protocol: must be TCP, UDP or SCTP, not \"tcp\"");
	obj_refused(SVC "spec: {}", "line 4: spec.ports: is missing");
	obj_refused(SVC "spec: {type: Cluster, " PORT "}",
		    "line 4: spec.type: must be ClusterIP, NodePort, LoadBalancer or ExternalName, "
		    "not \"Cluster\"");
	obj_refused(SVC "spec: {clusterIP: 10.0.0.256, " PORT "}",
		    "line 4: spec.clusterIP: must be an IP address, not \"10.0.0.256\"");
	obj_refused(SVC "spec: {clusterIPs: [10.0.0.1, x], " PORT "}",
		    "line 4: spec.clusterIPs[1]: must be an IP address, not \"x\"");
	obj_refused(SVC "spec: {externalIPs: [x], " PORT "}",
		    "line 4: spec.externalIPs[0]: must be an IP address, not \"x\"");
	obj_refused(SVC "spec: {loadBalancerSourceRanges: [x], " PORT "}",
		    "line 4: spec.loadBalancerSourceRanges[0]: must be address/length, not \"x\"");
	obj_refused(SVC "spec: {externalTrafficPolicy: local, " PORT "}",
		    "line 4: spec.externalTrafficPolicy: must be Cluster or Local, not \"local\"");
	obj_refused(SVC "spec: {sessionAffinity: ClientIP, " PORT ",\n"
			"  sessionAffinityConfig: {clientIP: {timeoutSeconds: 0}}}",
		    "line 5: spec.sessionAffinityConfig.clientIP.timeoutSeconds: must be 1-86400, not 0");
	obj_refused(SVC "spec: {selector: {a: 1}, " PORT "}",
		    "line 4: spec.selector.a: must be a string, not 1");
	obj_refused(SVC "spec: {" PORT "}\nstatus: {loadBalancer: {ingress: [{ip: x}]}}",
		    "line 5: status.loadBalancer.ingress[0].ip: must be an IP address, not \"x\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_that_is_used_is_kept),
		cmocka_unit_test(defaults_are_kubernetes_own),
		cmocka_unit_test(headless_and_external_names_have_no_cluster_address),
		cmocka_unit_test(labels_of_other_proxies_are_respected),
		cmocka_unit_test(from_the_api_selector_and_target_are_not_kept),
		cmocka_unit_test(distributions_have_three_names),
		cmocka_unit_test(faults_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
