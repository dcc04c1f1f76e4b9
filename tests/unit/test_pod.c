/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about Pods. */
#include "tests/unit/check.h"

#include <netinet/in.h>

#include "tests/unit/objects.h"

#define POD "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n"

static const char full[] =
	"apiVersion: v1\nkind: Pod\n"
	"metadata: {name: a, annotations: {kubernetes.io/config.hash: h1, weir.dev/audit: \"true\"}}\n"
	"spec:\n  nodeName: n1\n  hostNetwork: true\n"
	"  containers:\n"
	"  - {name: c, ports: [{name: http, containerPort: 8080}, {containerPort: 53, protocol: UDP}]}\n"
	"  - {name: d, ports: [{name: x, containerPort: 9, hostPort: 90, hostIP: 10.0.0.1, protocol: SCTP}]}\n"
	"  initContainers:\n"
	"  - {name: once, ports: [{name: gone, containerPort: 1}]}\n"
	"  - {name: side, restartPolicy: Always, ports: [{name: side, containerPort: 2}]}\n"
	"status:\n  phase: Running\n  podIP: 10.1.0.2\n"
	"  podIPs: [{ip: 10.1.0.2}, {ip: 'fd00::2'}, {ip: 10.1.0.3}]\n"
	"  conditions: [{type: Ready, status: \"True\"}]\n";

static void a_pod_has_place_addresses_and_ports(void **state)
{
	struct wr_object *o = obj_strict(full);
	struct wr_pod *p = as(wr_pod, o);
	char buf[WR_ADDR_STRLEN];

	assert_string_equal(p->node_name, "n1");
	assert_true(p->host_network && p->ready && p->audit);
	assert_int_equal(p->phase, WR_POD_RUNNING);
	assert_string_equal(wr_addr_format(&p->addr4, buf), "10.1.0.2");
	assert_string_equal(wr_addr_format(&p->addr6, buf), "fd00::2");
	assert_true(p->config_hash == wr_uid_hash("h1"));
	assert_int_equal(p->ports.n, 4);
	assert_string_equal(p->ports.v[0].name, "http");
	assert_int_equal(p->ports.v[0].port, 8080);
	assert_int_equal(p->ports.v[0].proto, IPPROTO_TCP);
	assert_null(p->ports.v[1].name);
	assert_int_equal(p->ports.v[1].proto, IPPROTO_UDP);
	assert_int_equal(p->ports.v[2].host_port, 90);
	assert_string_equal(wr_addr_format(&p->ports.v[2].host_ip, buf), "10.0.0.1");
	assert_string_equal(p->ports.v[3].name, "side");
	wr_object_free(o);
	assert_int_equal(wr_istr_count(), 0);
}

static void from_the_api_only_named_ports_are_kept(void **state)
{
	struct wr_object *o = obj_lenient(full);

	assert_int_equal(as(wr_pod, o)->ports.n, 3);
	assert_string_equal(as(wr_pod, o)->ports.v[1].name, "x");
	wr_object_free(o);
}

static void a_bare_pod_is_pending_and_nowhere(void **state)
{
	struct wr_object *o = obj_strict(POD);
	struct wr_pod *p = as(wr_pod, o);

	assert_null(p->node_name);
	assert_int_equal(p->phase, WR_POD_PENDING);
	assert_true(wr_addr_is_zero(&p->addr4) && wr_addr_is_zero(&p->addr6));
	assert_false(p->host_network || p->ready || p->audit);
	wr_object_free(o);
}

static void phases_are_read(void **state)
{
	struct wr_object *o = obj_strict(POD "status: {phase: Succeeded}");

	assert_int_equal(as(wr_pod, o)->phase, WR_POD_SUCCEEDED);
	wr_object_free(o);
	o = obj_lenient(POD "status: {phase: Strange}");
	assert_int_equal(as(wr_pod, o)->phase, WR_POD_UNKNOWN);
	wr_object_free(o);
	o = obj_strict(POD "status: {conditions: [{type: Ready, status: \"False\"}]}");
	assert_false(as(wr_pod, o)->ready);
	wr_object_free(o);
}

static void faults_are_named(void **state)
{
	obj_refused(POD "spec:\n  containers:\n  - name: c\n    ports:\n    - containerPort: 70000\n",
		    "line 8: spec.containers[0].ports[0].containerPort: must be 1-65535, not 70000");
	obj_refused(POD "spec: {containers: [{ports: [{name: x}]}]}",
		    "line 4: spec.containers[0].ports[0].containerPort: is missing");
	obj_refused(POD "spec: {containers: [{ports: [{containerPort: 1, hostIP: x}]}]}",
		    "line 4: spec.containers[0].ports[0].hostIP: must be an IP address, not \"x\"");
	obj_refused(POD "spec: {containers: [{ports: [{containerPort: 1, protocol: ICMP}]}]}",
		    "line 4: spec.containers[0].ports[0].protocol: must be TCP, UDP or SCTP, not \"ICMP\"");
	obj_refused(POD "spec: {hostNetwork: \"yes\"}",
		    "line 4: spec.hostNetwork: must be true or false, not \"yes\"");
	obj_refused(POD "status: {podIPs: [{ip: 10.0.0}]}",
		    "line 4: status.podIPs[0].ip: must be an IP address, not \"10.0.0\"");
	obj_refused(POD "status: {phase: Runing}",
		    "line 4: status.phase: must be Pending, Running, Succeeded, Failed or Unknown, "
		    "not \"Runing\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pod_has_place_addresses_and_ports),
		cmocka_unit_test(from_the_api_only_named_ports_are_kept),
		cmocka_unit_test(a_bare_pod_is_pending_and_nowhere),
		cmocka_unit_test(phases_are_read),
		cmocka_unit_test(faults_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
