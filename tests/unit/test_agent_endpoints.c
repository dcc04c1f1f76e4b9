/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about the reconciler of endpoints: registered over a real socket, on real maps, links and interfaces. */
#include "tests/unit/check.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/endpoints.h"
#include "agent/nodes.h"
#include "agent/verbs.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/io.h"
#include "lib/base/mem.h"
#include "lib/ipam/ipam.h"
#include "lib/model/records.h"
#include "lib/wire/wire.h"
#include "tests/unit/agent_world.h"
#include "tests/unit/dp_fixture.h"
#include "tests/unit/netlab.h"

#define SOCKET "/mnt/agent-test.sock"

static void serve(struct agent_world *w)
{
	assert_int_equal(wr_server_open(w->a.loop, SOCKET, wr_agent_verbs, &w->a, &w->a.server, NULL),
			 0);
}

static void start(struct agent_world *w)
{
	aw_start(w);
	aw_node(w, 11);
	aw_synced(w);
	aw_run(w);
	serve(w);
}

static void stop(struct agent_world *w)
{
	wr_server_close(w->a.server);
	w->a.server = NULL;
	aw_stop(w);
}

static int setup(void **state)
{
	return aw_setup(state);
}

static int teardown(void **state)
{
	struct agent_world *w = *state;

	wr_server_close(w->a.server);
	return aw_teardown(state);
}

static int dial(void)
{
	int fd = -1;

	assert_int_equal(wr_wire_connect(SOCKET, &fd, NULL), 0);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

static void ask(int fd, const char *verb, struct wr_json *body)
{
	wr_auto_json *request = wr_json_new_object();
	wr_auto_strbuf out = WR_STRBUF_INIT;

	wr_json_add_int(request, "version", 1);
	wr_json_add_str(request, "verb", verb);
	wr_json_add(request, "body", body);
	wr_wire_frame(request, &out);
	assert_int_equal(send(fd, out.buf, out.len, MSG_NOSIGNAL), (ssize_t)out.len);
}

static struct wr_json *hear(struct agent_world *w, int fd)
{
	wr_auto_strbuf in = WR_STRBUF_INIT;
	uint64_t end = wr_now_ms() + 5000;
	struct wr_json *answer = NULL;
	char buf[4096];
	ssize_t n;

	while (wr_wire_unframe(&in, &answer, NULL) == 0) {
		assert_true(wr_now_ms() < end);
		assert_int_equal(wr_loop_once(w->a.loop, 10), 0);
		aw_run(w);
		n = recv(fd, buf, sizeof(buf), 0);
		assert_true(n > 0 || (n < 0 && errno == EAGAIN));
		if (n > 0)
			wr_strbuf_add(&in, buf, (size_t)n);
	}
	return answer;
}

/* The answer's code; *ret_error (may be NULL) its words, static. */
static int call(struct agent_world *w, const char *verb, struct wr_json *body, const char **ret_error)
{
	static char words[512];
	wr_autofd int fd = dial();
	wr_auto_json *answer = NULL;
	const char *error;

	ask(fd, verb, body);
	answer = hear(w, fd);
	error = wr_json_get_str(answer, "error");
	snprintf(words, sizeof(words), "%s", error ? error : "");
	if (ret_error)
		*ret_error = words;
	return (int)wr_json_get_int(answer, "code", -1);
}

/* What an ADD of pod @n leaves: interface, record. Addresses 10.244.11.N and fd00:11::N. */
static struct wr_endpoint_record pod(struct agent_world *w, int n)
{
	struct wr_endpoint_record rec = { .mtu = 1430, .ready = true, .created_ms = wr_real_ms() };
	char host[WR_IFNAME_SIZE], peer[WR_IFNAME_SIZE], text[64];

	rec.id = (struct wr_attachment){ wr_xstrdup("weir"), wr_xasprintf("c%d", n),
					 wr_xstrdup("eth0") };
	wr_attachment_host_ifname(&rec.id, host);
	snprintf(peer, sizeof(peer), "pod%d", n);
	rec.ifindex = wr_netlab_pair(&w->nl, host, peer);
	rec.host_ifname = wr_xstrdup(host);
	rec.netns = wr_xstrdup("");
	rec.pod_namespace = wr_xstrdup("default");
	rec.pod_name = wr_xasprintf("web-%d", n);
	rec.pod_uid = wr_xstrdup("");
	snprintf(text, sizeof(text), "10.244.11.%d", n);
	rec.addr4 = wr_netlab_addr(text);
	snprintf(text, sizeof(text), "fd00:11::%x", (unsigned int)n);
	rec.addr6 = wr_netlab_addr(text);
	memcpy(rec.mac, "\2\0\0\0\0\1", 6);
	assert_int_equal(wr_record_put(w->a.paths.state, &rec, NULL), 0);
	return rec;
}

#define auto_record wr_cleanup(wr_endpoint_record_done) struct wr_endpoint_record

static struct wr_json *id_body(const struct wr_endpoint_record *rec)
{
	struct wr_json *j = wr_json_new_object();

	wr_json_add_str(j, "network", rec->id.network);
	wr_json_add_str(j, "container", rec->id.container);
	wr_json_add_str(j, "ifname", rec->id.ifname);
	return j;
}

static uint32_t number_of(struct agent_world *w, const struct wr_endpoint_record *rec)
{
	uint32_t number;

	return wr_endpoint_lookup(w->a.dp, &rec->addr4, &number) ? 0 : number;
}

static void register_pod(struct agent_world *w, const struct wr_endpoint_record *rec)
{
	const char *error;

	if (call(w, "register", wr_endpoint_record_encode(rec), &error))
		fail_msg("%s", error);
}

static void a_registered_pod_is_enforced_when_the_answer_comes(void **state)
{
	struct agent_world *w = *state;
	auto_record rec = { 0 };
	struct wr_endpoint row;
	char key[17];

	start(w);
	rec = pod(w, 5);
	register_pod(w, &rec);
	assert_int_equal(wr_endpoint_get(w->a.dp, number_of(w, &rec), &row), 0);
	assert_int_equal(row.ifindex, rec.ifindex);
	assert_int_equal(row.flags, WR_EP_USED);
	assert_int_equal(row.identity, WR_IDENTITY_UNKNOWN);
	assert_int_equal(row.mtu, 1500); /* its interface's, whatever the record says */
	assert_memory_equal(row.mac, rec.mac, 6);
	assert_int_equal(WR_PEER_IDENTITY(aw_peer(w, "10.244.11.5")), WR_IDENTITY_UNKNOWN);
	assert_int_equal(WR_PEER_FLAGS(aw_peer(w, "fd00:11::5")),
			 WR_PEER_CLUSTER | WR_PEER_LOCAL_RANGE);
	wr_attachment_key(&rec.id, key);
	assert_int_equal(wr_dp_check_tc(DP_PINS, key, "pod_egress", rec.ifindex,
					WR_ATTACH_TC_INGRESS, WR_DP_POD_TCX, NULL),
			 0);
	assert_int_equal(wr_dp_check_tc(DP_PINS, key, "pod_ingress", rec.ifindex,
					WR_ATTACH_TC_EGRESS, WR_DP_POD_TCX, NULL),
			 0);
	assert_int_equal(call(w, "check", wr_endpoint_record_encode(&rec), NULL), 0);
}

static void registering_again_keeps_the_number(void **state)
{
	struct agent_world *w = *state;
	auto_record rec = { 0 };
	uint32_t number;

	start(w);
	rec = pod(w, 5);
	register_pod(w, &rec);
	number = number_of(w, &rec);
	register_pod(w, &rec);
	assert_int_equal(number_of(w, &rec), number);
	assert_int_equal(wr_endpoints_count(&w->a), 1);
}

static void a_registration_that_cannot_be_true_is_refused_with_words(void **state)
{
	struct agent_world *w = *state;
	auto_record rec = { 0 };
	const char *error;

	start(w);
	rec = pod(w, 5);
	rec.ifindex = 9999;
	assert_int_equal(call(w, "register", wr_endpoint_record_encode(&rec), &error), ENODEV);
	assert_non_null(strstr(error, rec.host_ifname));
	rec.ifindex = w->eth0;
	assert_int_equal(call(w, "register", wr_endpoint_record_encode(&rec), &error), ENODEV);
	assert_non_null(strstr(error, "eth0"));
	rec.addr4 = rec.addr6 = (struct wr_addr){ 0 };
	assert_int_equal(call(w, "register", wr_endpoint_record_encode(&rec), &error), EINVAL);
	assert_string_equal(error, "the record has no address");
	rec.ifindex = 0;
	assert_int_equal(call(w, "register", wr_endpoint_record_encode(&rec), NULL), EINVAL);
	assert_int_equal(call(w, "register", wr_json_new_object(), NULL), EINVAL);
	assert_int_equal(call(w, "register", wr_json_new_array(), NULL), EINVAL);
}

static void a_released_pod_leaves_nothing_in_the_maps(void **state)
{
	struct agent_world *w = *state;
	auto_record rec = { 0 };
	struct wr_endpoint row;
	uint32_t number;

	start(w);
	rec = pod(w, 5);
	register_pod(w, &rec);
	number = number_of(w, &rec);
	assert_int_equal(call(w, "release", id_body(&rec), NULL), 0);
	aw_run(w);
	assert_int_equal(number_of(w, &rec), 0);
	assert_int_equal(wr_endpoint_get(w->a.dp, number, &row), -ENOENT);
	assert_int_equal(WR_PEER_IDENTITY(aw_peer(w, "10.244.11.5")), WR_IDENTITY_UNKNOWN);
	assert_int_equal(call(w, "release", id_body(&rec), NULL), 0);
	assert_int_equal(call(w, "check", wr_endpoint_record_encode(&rec), NULL), ENOENT);
}

static void numbers_are_found_again_after_a_restart(void **state)
{
	struct agent_world *w = *state;
	auto_record one = { 0 }, two = { 0 };
	uint32_t n1, n2;
	struct wr_endpoint before, after;

	start(w);
	one = pod(w, 5);
	two = pod(w, 6);
	register_pod(w, &two);
	register_pod(w, &one);
	n1 = number_of(w, &one);
	n2 = number_of(w, &two);
	assert_int_equal(wr_endpoint_get(w->a.dp, n1, &before), 0);
	stop(w);
	start(w);
	assert_int_equal(number_of(w, &one), n1);
	assert_int_equal(number_of(w, &two), n2);
	assert_int_equal(wr_endpoint_get(w->a.dp, n1, &after), 0);
	assert_int_equal(before.gen, after.gen);
	assert_int_equal(call(w, "check", wr_endpoint_record_encode(&one), NULL), 0);
}

static void a_row_without_a_record_goes_at_the_start(void **state)
{
	struct agent_world *w = *state;
	auto_record rec = { 0 };

	start(w);
	rec = pod(w, 5);
	register_pod(w, &rec);
	stop(w);
	assert_int_equal(wr_record_del(w->a.paths.state, &rec.id), 0);
	start(w);
	assert_int_equal(number_of(w, &rec), 0);
	assert_int_equal(WR_PEER_IDENTITY(aw_peer(w, "10.244.11.5")), WR_IDENTITY_UNKNOWN);
}

static void with_an_unreadable_record_nothing_is_taken_away(void **state)
{
	struct agent_world *w = *state;
	wr_autofree char *path = NULL;
	auto_record rec = { 0 };
	char key[17];

	start(w);
	rec = pod(w, 5);
	register_pod(w, &rec);
	stop(w);
	wr_attachment_key(&rec.id, key);
	path = wr_xasprintf("%s/endpoints/%s.json", w->a.paths.state, key);
	assert_true(wr_write_file_atomic(path, "{torn", 5, 0600, 0) >= 0);
	start(w);
	assert_int_not_equal(number_of(w, &rec), 0);
	assert_int_equal(WR_PEER_IDENTITY(aw_peer(w, "10.244.11.5")), WR_IDENTITY_UNKNOWN);
	assert_int_equal(wr_endpoints_counts(&w->a).bad_records, 1);
}

static void a_tombstone_releases_the_pod(void **state)
{
	struct agent_world *w = *state;
	auto_record rec = { 0 };
	struct wr_attachments left = { 0 };

	start(w);
	rec = pod(w, 5);
	register_pod(w, &rec);
	stop(w);
	assert_int_equal(wr_tombstone_put(w->a.paths.state, &rec.id, NULL), 0);
	start(w);
	assert_int_equal(number_of(w, &rec), 0);
	assert_int_equal(wr_tombstones_load(w->a.paths.state, &left, NULL), 0);
	assert_int_equal(left.v.n, 0);
	wr_attachments_done(&left);
}

static bool nobody_is_left(struct agent_world *w)
{
	return wr_endpoints_count(&w->a) == 0;
}

static void a_tombstone_that_comes_while_we_run_is_taken_up(void **state)
{
	struct agent_world *w = *state;
	auto_record rec = { 0 };

	start(w);
	rec = pod(w, 5);
	register_pod(w, &rec);
	assert_int_equal(wr_tombstone_put(w->a.paths.state, &rec.id, NULL), 0);
	aw_wait(w, nobody_is_left);
	assert_int_equal(number_of(w, &rec), 0);
}

static bool has_record(struct agent_world *w, const struct wr_endpoint_record *rec)
{
	struct wr_endpoint_record got = { 0 };
	int r = wr_record_get(w->a.paths.state, &rec->id, &got, NULL);

	wr_endpoint_record_done(&got);
	return r == 0;
}

static struct wr_ipam *open_ipam(struct agent_world *w)
{
	wr_autofree char *dir = wr_xasprintf("%s/ipam", w->a.paths.state);
	struct wr_ipam *ipam = NULL;

	assert_int_equal(wr_ipam_open(dir, &ipam, NULL), 0);
	return ipam;
}

static void reserve(struct agent_world *w, const struct wr_endpoint_record *rec)
{
	wr_auto_ipam *ipam = open_ipam(w);
	const struct wr_prefix pool = wr_netlab_prefix("10.244.11.0/24");
	const struct wr_ipam_request req = {
		.pools = &pool, .n_pools = 1, .want4 = true, .fixed4 = rec->addr4
	};
	struct wr_ipam_result got;

	assert_int_equal(wr_ipam_allocate(ipam, &rec->id, &req, &got, NULL), 0);
}

static bool is_reserved(struct agent_world *w, const struct wr_endpoint_record *rec)
{
	wr_auto_ipam *ipam = open_ipam(w);
	struct wr_ipam_result got;

	return wr_ipam_get(ipam, &rec->id, &got) == 0;
}

static void remove_link(struct agent_world *w, const struct wr_endpoint_record *rec)
{
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;

	wr_link_del(&b, rec->host_ifname);
	wr_netlab_commit(&w->nl, &b);
}

/* The collection looks a second after the start, and is sure three seconds later. */
static void wait_for_collection(struct agent_world *w)
{
	uint64_t end = wr_now_ms() + 12000;

	while (!nobody_is_left(w)) {
		assert_true(wr_now_ms() < end);
		assert_int_equal(wr_loop_once(w->a.loop, 50), 0);
		aw_run(w);
	}
}

static void a_pod_whose_interface_is_gone_is_collected(void **state)
{
	struct agent_world *w = *state;
	auto_record rec = { 0 };
	char key[17];
	uint32_t ifindex;

	start(w);
	rec = pod(w, 5);
	reserve(w, &rec);
	register_pod(w, &rec);
	remove_link(w, &rec);
	wait_for_collection(w);
	assert_int_equal(number_of(w, &rec), 0);
	assert_false(has_record(w, &rec));
	assert_false(is_reserved(w, &rec));
	wr_attachment_key(&rec.id, key);
	assert_int_equal(wr_dp_attached_ifindex(DP_PINS, key, "pod_egress", &ifindex), -ENOENT);
	assert_int_equal(wr_endpoints_counts(&w->a).collected, 1);
}

static void a_pod_whose_namespace_is_gone_is_collected(void **state)
{
	struct agent_world *w = *state;
	auto_record rec = { 0 };
	struct wr_link link;

	start(w);
	rec = pod(w, 5);
	free(rec.netns);
	rec.netns = wr_xstrdup("/nonexistent/netns");
	assert_int_equal(wr_record_put(w->a.paths.state, &rec, NULL), 0);
	register_pod(w, &rec);
	wait_for_collection(w);
	assert_int_equal(wr_link_get(&w->nl, rec.host_ifname, 0, &link), -ENODEV);
	assert_false(has_record(w, &rec));
}

static bool a_pass_was_made(struct agent_world *w)
{
	return wr_now_ms() - w->a.started_ms > 1500;
}

static void a_registration_that_came_after_its_release_is_collected(void **state)
{
	struct agent_world *w = *state;
	auto_record rec = { 0 };

	start(w);
	rec = pod(w, 5);
	assert_int_equal(wr_record_del(w->a.paths.state, &rec.id), 0);
	remove_link(w, &rec);
	assert_int_equal(call(w, "register", wr_endpoint_record_encode(&rec), NULL), ENODEV);
	assert_int_equal(wr_endpoints_count(&w->a), 1);
	wait_for_collection(w);
	assert_int_equal(wr_endpoints_counts(&w->a).collected, 1);
}

static void an_add_under_way_and_a_living_pod_are_left_alone(void **state)
{
	struct agent_world *w = *state;
	auto_record alive = { 0 }, adding = { 0 };

	start(w);
	alive = pod(w, 5);
	register_pod(w, &alive);
	adding = pod(w, 6);
	adding.ready = false;
	assert_int_equal(wr_record_put(w->a.paths.state, &adding, NULL), 0);
	reserve(w, &adding);
	remove_link(w, &adding);
	aw_wait(w, a_pass_was_made);
	assert_true(has_record(w, &alive));
	assert_true(has_record(w, &adding));
	assert_true(is_reserved(w, &adding));
	assert_int_not_equal(number_of(w, &alive), 0);
}

static void gc_keeps_what_is_in_the_list(void **state)
{
	struct agent_world *w = *state;
	auto_record one = { 0 }, two = { 0 };
	struct wr_json *body = wr_json_new_object(), *keep = wr_json_new_array(),
		       *kept = wr_json_new_object();

	start(w);
	one = pod(w, 5);
	two = pod(w, 6);
	register_pod(w, &one);
	register_pod(w, &two);
	wr_json_add_str(kept, "container", two.id.container);
	wr_json_add_str(kept, "ifname", two.id.ifname);
	wr_json_push(keep, kept);
	wr_json_add(body, "keep", keep);
	wr_json_add_str(body, "network", "weir");
	assert_int_equal(call(w, "gc", body, NULL), 0);
	assert_int_equal(number_of(w, &one), 0);
	assert_int_not_equal(number_of(w, &two), 0);
	body = wr_json_new_object();
	wr_json_add_str(body, "network", "weir");
	assert_int_equal(call(w, "gc", body, NULL), EINVAL);
	assert_int_not_equal(number_of(w, &two), 0);
}

static void check_names_the_difference(void **state)
{
	struct agent_world *w = *state;
	auto_record rec = { 0 };
	const char *error;
	char key[17];

	start(w);
	rec = pod(w, 5);
	register_pod(w, &rec);
	wr_attachment_key(&rec.id, key);
	assert_int_equal(wr_dp_detach(DP_PINS, key, NULL), 0);
	assert_int_not_equal(call(w, "check", wr_endpoint_record_encode(&rec), &error), 0);
	register_pod(w, &rec);
	assert_int_equal(call(w, "check", wr_endpoint_record_encode(&rec), NULL), 0);
	rec.mac[5] ^= 1;
	assert_int_equal(call(w, "check", wr_endpoint_record_encode(&rec), &error), ESTALE);
	assert_non_null(strstr(error, "MAC"));
	rec.mac[5] ^= 1;
	rec.addr4 = wr_netlab_addr("10.244.11.99");
	assert_int_equal(call(w, "check", wr_endpoint_record_encode(&rec), &error), ESTALE);
	assert_non_null(strstr(error, "addresses"));
}

static void a_client_that_leaves_while_it_waits_harms_nobody(void **state)
{
	struct agent_world *w = *state;
	auto_record rec = { 0 };
	int fd;

	start(w);
	rec = pod(w, 5);
	fd = dial();
	ask(fd, "register", wr_endpoint_record_encode(&rec));
	close(fd);
	aw_wait(w, a_pass_was_made);
	register_pod(w, &rec);
	assert_int_not_equal(number_of(w, &rec), 0);
}

static void hello_says_what_the_plugin_needs(void **state)
{
	struct agent_world *w = *state;
	wr_autofd int fd = -1;
	wr_auto_json *answer = NULL;
	struct wr_hello h = { 0 };

	start(w);
	fd = dial();
	ask(fd, "hello", NULL);
	answer = hear(w, fd);
	assert_int_equal(wr_hello_decode(wr_json_get(answer, "body"), &h, NULL), 0);
	assert_string_equal(h.pins, DP_PINS);
	assert_int_equal(h.pools.n, 2);
	assert_int_equal(h.mtu, 1430);
	assert_int_equal(h.tcx, WR_DP_POD_TCX);
	assert_false(h.ready); /* nobody loaded a datapath here */
	assert_non_null(strstr(h.reason, "datapath: "));
	wr_hello_done(&h);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_registered_pod_is_enforced_when_the_answer_comes),
		T(registering_again_keeps_the_number),
		T(a_registration_that_cannot_be_true_is_refused_with_words),
		T(a_released_pod_leaves_nothing_in_the_maps),
		T(numbers_are_found_again_after_a_restart),
		T(a_row_without_a_record_goes_at_the_start),
		T(with_an_unreadable_record_nothing_is_taken_away),
		T(a_tombstone_releases_the_pod),
		T(a_tombstone_that_comes_while_we_run_is_taken_up),
		T(a_pod_whose_interface_is_gone_is_collected),
		T(a_pod_whose_namespace_is_gone_is_collected),
		T(a_registration_that_came_after_its_release_is_collected),
		T(an_add_under_way_and_a_living_pod_are_left_alone),
		T(gc_keeps_what_is_in_the_list),
		T(check_names_the_difference),
		T(a_client_that_leaves_while_it_waits_harms_nobody),
		T(hello_says_what_the_plugin_needs),
	};

	return cmocka_run_group_tests(tests, dp_sandbox_enter, dp_sandbox_leave);
}
