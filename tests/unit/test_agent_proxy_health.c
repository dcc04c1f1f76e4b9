/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about what load balancers are told, asked over loopback. */
#include "tests/unit/check.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/obj/store.h"
#include "agent/proxy_health.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/strbuf.h"
#include "lib/yaml/yaml.h"

struct asked {
	struct wr_loop *loop;
	struct wr_store *store;
	struct wr_proxy_health *health;
	struct wr_strbuf answer;
};

static int setup(void **state)
{
	struct asked *a = wr_xcalloc(1, sizeof(*a));
	struct wr_listen at = { .on = true };

	wr_addr_parse("127.0.0.1", &at.addr);
	wr_strbuf_init(&a->answer);
	if (wr_loop_new(&a->loop, NULL))
		return -1;
	a->store = wr_store_new();
	a->health = wr_proxy_health_new(a->loop, a->store, "here");
	wr_proxy_health_listen(a->health, &at);
	*state = a;
	return 0;
}

static int teardown(void **state)
{
	struct asked *a = *state;

	wr_proxy_health_free(a->health);
	wr_store_free(a->store);
	wr_loop_free(a->loop);
	wr_strbuf_done(&a->answer);
	free(a);
	return 0;
}

/* The whole answer; "" when nobody listens. */
static const char *ask(struct asked *a, uint16_t port, const char *path)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	wr_autofd int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint64_t end = wr_now_ms() + 5000;
	char buf[1024];
	ssize_t n = -1;

	wr_strbuf_reset(&a->answer);
	if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0)
		return a->answer.buf;
	dprintf(fd, "GET %s HTTP/1.1\r\n\r\n", path);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	while (n && wr_now_ms() < end) {
		assert_int_equal(wr_loop_once(a->loop, 1), 0);
		n = recv(fd, buf, sizeof(buf), 0);
		if (n > 0)
			wr_strbuf_add(&a->answer, buf, (size_t)n);
	}
	return a->answer.buf;
}

static int status(struct asked *a, uint16_t port, const char *path)
{
	int code = 0;

	sscanf(ask(a, port, path), "HTTP/1.1 %d ", &code);
	return code;
}

static int node_status(struct asked *a, const char *path)
{
	return status(a, wr_proxy_health_port(a->health), path);
}

static void put(struct asked *a, const char *yaml)
{
	struct wr_yaml_docs docs = { 0 };
	struct wr_object *o;

	assert_int_equal(wr_yaml_parse(yaml, strlen(yaml), &docs, NULL), 0);
	assert_int_equal(wr_object_decode(docs.docs.v[0], true, &o, NULL), 0);
	wr_store_put(a->store, o);
	wr_yaml_docs_done(&docs);
}

/* A port that nobody has, until we ask for it. */
static uint16_t free_port(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	wr_autofd int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof(in);

	assert_int_equal(bind(fd, (struct sockaddr *)&in, size), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &size), 0);
	return ntohs(in.sin_port);
}

static void nothing_is_healthy_before_services_are_in_force(void **state)
{
	assert_int_equal(node_status(*state, "/healthz"), 503);
	assert_int_equal(node_status(*state, "/livez"), 503);
	assert_int_equal(node_status(*state, "/"), 404);
}

static void services_in_force_are_healthy(void **state)
{
	struct asked *a = *state;

	wr_proxy_health_written(a->health, true, wr_now_ms());
	assert_int_equal(node_status(a, "/healthz"), 200);
	assert_int_equal(node_status(a, "/livez"), 200);
	assert_non_null(strstr(a->answer.buf, "\"nodeEligible\": true"));
	assert_non_null(strstr(a->answer.buf, "\"lastUpdated\": \"20"));
}

static void a_failure_counts_when_it_lasts(void **state)
{
	struct asked *a = *state;
	uint64_t now = wr_now_ms();

	wr_proxy_health_written(a->health, true, now);
	wr_proxy_health_written(a->health, false, now);
	assert_int_equal(node_status(a, "/livez"), 200);
	wr_proxy_health_written(a->health, true, now);
	wr_proxy_health_written(a->health, false, now - WR_PROXY_HEALTH_PATIENCE_MS - 1);
	wr_proxy_health_written(a->health, false, now);
	assert_int_equal(node_status(a, "/livez"), 503);
	assert_int_equal(node_status(a, "/healthz"), 503);
	wr_proxy_health_written(a->health, true, now);
	assert_int_equal(node_status(a, "/healthz"), 200);
}

static void a_node_that_is_about_to_go_is_live_and_not_healthy(void **state)
{
	struct asked *a = *state;

	wr_proxy_health_written(a->health, true, wr_now_ms());
	put(a, "{apiVersion: v1, kind: Node, metadata: {name: here}, spec: {taints: "
	       "[{key: ToBeDeletedByClusterAutoscaler, effect: NoSchedule}]}}");
	assert_int_equal(node_status(a, "/healthz"), 503);
	assert_non_null(strstr(a->answer.buf, "\"nodeEligible\": false"));
	assert_int_equal(node_status(a, "/livez"), 200);
	put(a, "{apiVersion: v1, kind: Node, metadata: {name: here}}");
	assert_int_equal(node_status(a, "/healthz"), 200);
	put(a, "{apiVersion: v1, kind: Node, metadata: {name: here, deletionTimestamp: "
	       "'2026-01-01T00:00:00Z'}}");
	assert_int_equal(node_status(a, "/healthz"), 503);
	assert_int_equal(node_status(a, "/livez"), 200);
}

static void a_services_port_counts_its_endpoints(void **state)
{
	struct asked *a = *state;
	uint16_t port = free_port();

	wr_proxy_health_written(a->health, true, wr_now_ms());
	wr_proxy_health_service(a->health, "default", "web", port, 2);
	assert_int_equal(status(a, port, "/"), 200);
	assert_non_null(strstr(a->answer.buf, "X-Load-Balancing-Endpoint-Weight: 2\r\n"));
	assert_non_null(strstr(a->answer.buf,
			       "{\"service\": {\"namespace\": \"default\", \"name\": \"web\"}, "
			       "\"localEndpoints\": 2, \"serviceProxyHealthy\": true}"));
	wr_proxy_health_service(a->health, "default", "web", port, 0);
	assert_int_equal(status(a, port, "/healthz"), 503);
}

static void a_services_port_goes_and_moves_with_it(void **state)
{
	struct asked *a = *state;
	uint16_t port = free_port(), other = free_port();

	wr_proxy_health_written(a->health, true, wr_now_ms());
	wr_proxy_health_service(a->health, "default", "web", port, 1);
	wr_proxy_health_service(a->health, "default", "web", other, 1);
	assert_int_equal(status(a, port, "/"), 0);
	assert_int_equal(status(a, other, "/"), 200);
	wr_proxy_health_service(a->health, "default", "web", 0, 0);
	assert_int_equal(status(a, other, "/"), 0);
}

static void a_services_port_says_so_when_the_proxy_is_not_healthy(void **state)
{
	struct asked *a = *state;
	uint16_t port = free_port();

	wr_proxy_health_service(a->health, "default", "web", port, 2);
	assert_int_equal(status(a, port, "/"), 503);
	assert_non_null(strstr(a->answer.buf, "\"serviceProxyHealthy\": false"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(nothing_is_healthy_before_services_are_in_force),
		T(services_in_force_are_healthy),
		T(a_failure_counts_when_it_lasts),
		T(a_node_that_is_about_to_go_is_live_and_not_healthy),
		T(a_services_port_counts_its_endpoints),
		T(a_services_port_goes_and_moves_with_it),
		T(a_services_port_says_so_when_the_proxy_is_not_healthy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
