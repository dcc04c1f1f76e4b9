/* SPDX-License-Identifier: Apache-2.0 */
/* Manifest mode: what pods mean for Services that have no EndpointSlices, and their host ports. */
#include "tests/unit/check.h"

#include "lib/base/mem.h"
#include "tests/unit/svc_world.h"

static int begin(void **state)
{
	static const char *const addrs[] = { "10.30.0.11" };

	*state = world_new(&(struct wr_svc_options){ .node = "here", .manifests = true });
	world_addresses(*state, addrs, 1);
	world_node(*state, "here", "east", "");
	world_node(*state, "there", "west", "");
	return 0;
}

static int begin_in_a_cluster(void **state)
{
	*state = world_new(&(struct wr_svc_options){ .node = "here" });
	return 0;
}

static int end(void **state)
{
	world_free(*state);
	return 0;
}

#define SERVICE "clusterIP: 10.96.0.1, selector: {app: web}, ports: [{port: 80, targetPort: 8080}]"

/* @metadata and @spec: further members, of the container for the latter. */
static void pod(struct world *w, const char *name, const char *ip, const char *node,
		const char *metadata, const char *spec, const char *status)
{
	char *yaml = wr_xasprintf("{apiVersion: v1, kind: Pod, metadata: {name: %s%s}, "
				  "spec: {nodeName: %s, containers: [{name: c%s}]}, "
				  "status: {podIPs: [{ip: %s}], %s}}",
				  name, metadata, node, spec, ip, status);

	world_apply(w, yaml);
	free(yaml);
}

#define WEB      ", labels: {app: web}"
#define GOING    ", labels: {app: web}, deletionTimestamp: '2026-01-01T00:00:00Z'"
#define READY    "phase: Running, conditions: [{type: Ready, status: 'True'}]"
#define UNREADY  "phase: Running, conditions: [{type: Ready, status: 'False'}]"
#define FINISHED "phase: Succeeded, conditions: [{type: Ready, status: 'True'}]"

static void selected_pods_are_the_endpoints(void **state)
{
	struct world *w = *state;

	world_service(w, "web", SERVICE, NULL);
	assert_answer(w, "10.96.0.1 80 TCP", "none");
	pod(w, "one", "10.1.0.1", "here", WEB, "", READY);
	pod(w, "two", "10.1.0.2", "there", WEB "", "", READY);
	pod(w, "db", "10.1.0.3", "here", ", labels: {app: db}", "", READY);
	assert_answer(w, "10.96.0.1 80 TCP", "10.1.0.1:8080 10.1.0.2:8080");
	world_del(w, WR_KIND_POD, "default", "one");
	assert_answer(w, "10.96.0.1 80 TCP", "10.1.0.2:8080");
}

static void a_pod_that_changes_its_labels_moves(void **state)
{
	struct world *w = *state;

	world_service(w, "web", SERVICE, NULL);
	pod(w, "one", "10.1.0.1", "here", WEB, "", READY);
	pod(w, "one", "10.1.0.1", "here", ", labels: {app: db}", "", READY);
	assert_answer(w, "10.96.0.1 80 TCP", "none");
}

static void pods_of_other_namespaces_are_not_selected(void **state)
{
	struct world *w = *state;

	world_service(w, "web", SERVICE, NULL);
	pod(w, "one", "10.1.0.1", "here", ", namespace: other" WEB, "", READY);
	assert_answer(w, "10.96.0.1 80 TCP", "none");
}

static void pods_count_while_they_are_ready(void **state)
{
	struct world *w = *state;

	world_service(w, "web", SERVICE, NULL);
	pod(w, "one", "10.1.0.1", "here", WEB, "", READY);
	pod(w, "two", "10.1.0.2", "here", WEB, "", UNREADY);
	pod(w, "done", "10.1.0.3", "here", WEB, "", FINISHED);
	assert_answer(w, "10.96.0.1 80 TCP", "10.1.0.1:8080");
	pod(w, "one", "10.1.0.1", "here", GOING, "", READY);
	assert_answer(w, "10.96.0.1 80 TCP", "~10.1.0.1:8080");
	pod(w, "one", "10.1.0.1", "here", GOING, "", UNREADY);
	assert_answer(w, "10.96.0.1 80 TCP", "none");
	world_service(w, "web", SERVICE ", publishNotReadyAddresses: true", NULL);
	assert_answer(w, "10.96.0.1 80 TCP", "10.1.0.1:8080 10.1.0.2:8080");
}

static void a_named_target_is_looked_up_in_each_pod(void **state)
{
	struct world *w = *state;

	world_service(w, "web",
		      "clusterIP: 10.96.0.1, selector: {app: web}, "
		      "ports: [{port: 80, targetPort: www}]",
		      NULL);
	pod(w, "one", "10.1.0.1", "here", WEB, ", ports: [{name: www, containerPort: 8080}]", READY);
	pod(w, "two", "10.1.0.2", "here", WEB, ", ports: [{name: www, containerPort: 9090}]", READY);
	pod(w, "three", "10.1.0.3", "here", WEB,
	    ", ports: [{name: www, containerPort: 9090, protocol: UDP}]", READY);
	assert_answer(w, "10.96.0.1 80 TCP", "10.1.0.1:8080 10.1.0.2:9090");
}

static void without_a_target_the_ports_own_number_counts(void **state)
{
	struct world *w = *state;

	world_service(w, "web", "clusterIP: 10.96.0.1, selector: {app: web}, ports: [{port: 80}]",
		      NULL);
	pod(w, "one", "10.1.0.1", "here", WEB, "", READY);
	assert_answer(w, "10.96.0.1 80 TCP", "10.1.0.1:80");
}

static void slices_win_over_pods(void **state)
{
	struct world *w = *state;

	world_service(w, "web", SERVICE, NULL);
	pod(w, "one", "10.1.0.1", "here", WEB, "", READY);
	world_slice(w, "web-1", "web", "{port: 9090}", "{addresses: [10.1.0.9]}");
	assert_answer(w, "10.96.0.1 80 TCP", "10.1.0.9:9090");
	world_del(w, WR_KIND_ENDPOINTSLICE, "default", "web-1");
	assert_answer(w, "10.96.0.1 80 TCP", "10.1.0.1:8080");
}

static void traffic_distribution_goes_by_the_nodes_zones(void **state)
{
	struct world *w = *state;

	world_service(w, "web", SERVICE ", trafficDistribution: PreferClose", NULL);
	pod(w, "one", "10.1.0.1", "here", WEB, "", READY);
	pod(w, "two", "10.1.0.2", "there", WEB, "", READY);
	assert_answer(w, "10.96.0.1 80 TCP", "10.1.0.1:8080");
	world_node(w, "there", "east", "");
	assert_answer(w, "10.96.0.1 80 TCP", "10.1.0.1:8080 10.1.0.2:8080");
	world_service(w, "web", SERVICE ", trafficDistribution: PreferSameNode", NULL);
	assert_answer(w, "10.96.0.1 80 TCP", "10.1.0.1:8080");
}

static void host_ports_are_those_of_running_pods_here(void **state)
{
	struct world *w = *state;
	const char *ports = ", ports: [{containerPort: 80, hostPort: 8080}, {containerPort: 81}]";

	pod(w, "one", "10.1.0.1", "here", "", ports, READY);
	pod(w, "two", "10.1.0.2", "there", "", ", ports: [{containerPort: 80, hostPort: 8090}]",
	    READY);
	assert_answer(w, "10.30.0.11 8080 TCP", "10.1.0.1:80");
	assert_answer(w, "10.30.0.11 8090 TCP", "-");
	pod(w, "one", "10.1.0.1", "here", "", ports, FINISHED);
	assert_answer(w, "10.30.0.11 8080 TCP", "-");
	pod(w, "one", "10.1.0.1", "here", "", ports, READY);
	world_del(w, WR_KIND_POD, "default", "one");
	assert_answer(w, "10.30.0.11 8080 TCP", "-");
	assert_int_equal(world_frontends(w), 0);
}

static void in_a_cluster_pods_do_not_matter(void **state)
{
	struct world *w = *state;

	world_service(w, "web", SERVICE, NULL);
	pod(w, "one", "10.1.0.1", "here", WEB, ", ports: [{containerPort: 80, hostPort: 8080}]",
	    READY);
	assert_answer(w, "10.96.0.1 80 TCP", "none");
	assert_answer(w, "10.30.0.11 8080 TCP", "-");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
		TEST(selected_pods_are_the_endpoints),
		TEST(a_pod_that_changes_its_labels_moves),
		TEST(pods_of_other_namespaces_are_not_selected),
		TEST(pods_count_while_they_are_ready),
		TEST(a_named_target_is_looked_up_in_each_pod),
		TEST(without_a_target_the_ports_own_number_counts),
		TEST(slices_win_over_pods),
		TEST(traffic_distribution_goes_by_the_nodes_zones),
		TEST(host_ports_are_those_of_running_pods_here),
		cmocka_unit_test_setup_teardown(in_a_cluster_pods_do_not_matter, begin_in_a_cluster,
						end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
