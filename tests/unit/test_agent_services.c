/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about the reconciler of services: when what is put in force, over restarts too. */
#include "tests/unit/check.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/services.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/str.h"
#include "tests/unit/agent_world.h"
#include "tests/unit/dp_fixture.h"
#include "tests/unit/netlab.h"

static void put_service(struct agent_world *w, const char *name, int n)
{
	char yaml[512];

	snprintf(yaml, sizeof(yaml),
		 "{apiVersion: v1, kind: Service, metadata: {name: %s, namespace: default}, spec: {clusterIP: 10.96.0.%d, "
		 "clusterIPs: [10.96.0.%d], ports: [{port: 80, protocol: TCP}]}}",
		 name, n, n);
	aw_put(w, yaml);
}

static void put_slice(struct agent_world *w, const char *service, const char *addr)
{
	char yaml[640];

	snprintf(yaml, sizeof(yaml),
		 "{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: %s-x, namespace: default, labels: "
		 "{kubernetes.io/service-name: %s}}, addressType: IPv4, ports: [{name: \"\", port: 8080, protocol: TCP}], "
		 "endpoints: [{addresses: [%s], conditions: {ready: true}}]}",
		 service, service, addr);
	aw_put(w, yaml);
}

struct lookup {
	struct wr_frontend want;
	struct wr_service svc;
	bool found;
};

static int match(void *ctx, const struct wr_frontend *fe, const struct wr_service *svc)
{
	struct lookup *l = ctx;

	if (wr_addr_eq(&fe->addr, &l->want.addr) && fe->port == l->want.port) {
		l->svc = *svc;
		l->found = true;
	}
	return 0;
}

static bool find(struct agent_world *w, const char *addr, struct wr_service *ret)
{
	struct lookup l = { .want = { .addr = wr_netlab_addr(addr), .port = htons(80) } };

	assert_int_equal(wr_frontend_dump(w->a.dp, match, &l), 0);
	*ret = l.svc;
	return l.found;
}

static void assert_backend(struct agent_world *w, const char *service, const char *addr)
{
	struct wr_addr want = wr_netlab_addr(addr);
	struct wr_backend be;
	struct wr_service svc;
	uint32_t number;

	assert_true(find(w, service, &svc));
	assert_int_equal(svc.n, 1);
	assert_int_equal(wr_service_slots(w->a.dp, &svc, 0, &number), 0);
	assert_int_equal(wr_backend_get(w->a.dp, number, &be), 0);
	assert_true(wr_addr_eq(&be.addr, &want));
	assert_int_equal(be.port, htons(8080));
}

static void start(struct agent_world *w)
{
	aw_start(w);
	aw_node(w, 11);
}

static void a_service_goes_into_force_and_out_again(void **state)
{
	struct agent_world *w = *state;
	struct wr_service svc;

	start(w);
	put_service(w, "web", 1);
	put_slice(w, "web", "10.244.12.7");
	aw_synced(w);
	aw_run(w);
	assert_backend(w, "10.96.0.1", "10.244.12.7");
	assert_null(w->a.health.reasons[WR_NEED_SERVICES]);
	put_slice(w, "web", "10.244.12.8");
	aw_run(w);
	assert_backend(w, "10.96.0.1", "10.244.12.8");
	aw_del(w, WR_KIND_SERVICE, "default", "web");
	aw_run(w);
	assert_false(find(w, "10.96.0.1", &svc));
}

static void one_change_computes_one_service(void **state)
{
	struct agent_world *w = *state;
	char name[16];
	uint64_t before;
	int i;

	start(w);
	for (i = 1; i <= 8; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		put_service(w, name, i);
		put_slice(w, name, "10.244.12.7");
	}
	aw_synced(w);
	aw_run(w);
	before = wr_services_counts(&w->a).built;
	put_slice(w, "s3", "10.244.12.9");
	aw_run(w);
	assert_int_equal(wr_services_counts(&w->a).built, before + 1);
	assert_backend(w, "10.96.0.3", "10.244.12.9");
}

static void a_restart_without_its_source_takes_nothing_away(void **state)
{
	struct agent_world *w = *state;

	start(w);
	put_service(w, "web", 1);
	put_slice(w, "web", "10.244.12.7");
	aw_synced(w);
	aw_run(w);
	aw_stop(w);
	aw_start(w);
	aw_full(w);
	assert_backend(w, "10.96.0.1", "10.244.12.7");
}

static void half_a_list_does_not_empty_a_service_that_is_in_force(void **state)
{
	struct agent_world *w = *state;

	start(w);
	put_service(w, "web", 1);
	put_slice(w, "web", "10.244.12.7");
	aw_synced(w);
	aw_run(w);
	aw_stop(w);
	start(w);
	put_service(w, "web", 1); /* its slices have not been read yet */
	put_service(w, "new", 2);
	put_slice(w, "new", "10.244.12.8");
	aw_run(w);
	assert_backend(w, "10.96.0.1", "10.244.12.7");
	assert_backend(w, "10.96.0.2", "10.244.12.8");
	assert_int_equal(wr_services_counts(&w->a).waiting, 1);
	put_slice(w, "web", "10.244.12.9");
	aw_synced(w);
	aw_full(w);
	assert_backend(w, "10.96.0.1", "10.244.12.9");
	assert_int_equal(wr_services_counts(&w->a).waiting, 0);
}

static void a_complete_list_after_a_restart_removes_what_went_meanwhile(void **state)
{
	struct agent_world *w = *state;
	struct wr_service before, after;

	start(w);
	put_service(w, "web", 1);
	put_slice(w, "web", "10.244.12.7");
	put_service(w, "old", 2);
	put_slice(w, "old", "10.244.12.8");
	aw_synced(w);
	aw_run(w);
	assert_true(find(w, "10.96.0.1", &before));
	aw_stop(w);
	start(w);
	put_service(w, "web", 1);
	put_slice(w, "web", "10.244.12.7");
	aw_run(w);
	assert_true(find(w, "10.96.0.2", &after));
	aw_synced(w);
	aw_full(w);
	assert_false(find(w, "10.96.0.2", &after));
	assert_true(find(w, "10.96.0.1", &after));
	assert_int_equal(after.id, before.id);
}

static bool are_services_met(struct agent_world *w)
{
	return !w->a.health.reasons[WR_NEED_SERVICES];
}

static void an_add_does_not_wait_for_a_list_for_ever(void **state)
{
	struct agent_world *w = *state;

	start(w);
	aw_run(w);
	assert_string_equal(w->a.health.reasons[WR_NEED_SERVICES],
			    "the first list of services is not complete yet");
	w->a.started_ms -= 10000; /* as if ten seconds had gone by */
	aw_wait(w, are_services_met);
}

static void the_list_for_people_has_names_and_what_was_left_out(void **state)
{
	struct agent_world *w = *state;
	wr_auto_json *items = NULL;
	const struct wr_json *item;

	start(w);
	put_service(w, "web", 1);
	put_slice(w, "web", "10.244.12.7");
	aw_synced(w);
	aw_run(w);
	items = wr_services_encode(&w->a);
	assert_int_equal(wr_json_len(items), 1);
	item = wr_json_at(items, 0);
	assert_string_equal(wr_json_get_str(item, "namespace"), "default");
	assert_string_equal(wr_json_get_str(item, "name"), "web");
	assert_true(wr_json_get_int(item, "id", 0) > 0);
}

static bool is_port_taken(uint16_t port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
	wr_autofd int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return bind(fd, (const struct sockaddr *)&in, sizeof(in)) < 0 && errno == EADDRINUSE;
}

static void a_health_check_port_is_open_while_the_service_has_it(void **state)
{
	struct agent_world *w = *state;

	start(w);
	aw_synced(w);
	aw_put(w, "{apiVersion: v1, kind: Service, metadata: {name: lb}, spec: {type: LoadBalancer, "
		  "clusterIP: 10.96.0.9, externalTrafficPolicy: Local, healthCheckNodePort: 30999, "
		  "ports: [{port: 80}]}}");
	aw_run(w);
	assert_true(is_port_taken(30999));
	aw_del(w, WR_KIND_SERVICE, "default", "lb");
	aw_run(w);
	assert_false(is_port_taken(30999));
}

/* Maps of their default size have no room for a Maglev table, and the whole service was refused for it. */
static void an_external_address_answers_with_maps_of_the_default_size(void **state)
{
	struct agent_world *w = *state;

	start(w);
	aw_put(w, "{apiVersion: v1, kind: Service, metadata: {name: web, namespace: default}, spec: "
		  "{clusterIP: 10.96.0.1, clusterIPs: [10.96.0.1], externalIPs: [192.0.2.9], "
		  "ports: [{port: 80, protocol: TCP}]}}");
	put_slice(w, "web", "10.244.12.7");
	aw_synced(w);
	aw_run(w);
	assert_backend(w, "10.96.0.1", "10.244.12.7");
	assert_backend(w, "192.0.2.9", "10.244.12.7");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, aw_setup, aw_teardown)
	const struct CMUnitTest tests[] = {
		T(a_service_goes_into_force_and_out_again),
		T(one_change_computes_one_service),
		T(a_restart_without_its_source_takes_nothing_away),
		T(half_a_list_does_not_empty_a_service_that_is_in_force),
		T(a_complete_list_after_a_restart_removes_what_went_meanwhile),
		T(an_add_does_not_wait_for_a_list_for_ever),
		T(the_list_for_people_has_names_and_what_was_left_out),
		T(a_health_check_port_is_open_while_the_service_has_it),
		T(an_external_address_answers_with_maps_of_the_default_size),
	};

	return cmocka_run_group_tests(tests, dp_sandbox_enter, dp_sandbox_leave);
}
