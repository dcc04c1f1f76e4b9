/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about attachments and endpoint records. */
#include "tests/unit/check.h"

#include <netinet/in.h>
#include <stdio.h>

#include "lib/base/mem.h"
#include "lib/model/endpoint.h"

static char weir[] = "weir", c1[] = "c1", c2[] = "c2", eth0[] = "eth0";

static void the_order_is_over_all_three_parts(void **state)
{
	struct wr_attachment a = { weir, c1, eth0 }, b = { weir, c2, eth0 }, c = { weir, c1, weir };

	assert_int_equal(wr_attachment_cmp(&a, &a), 0);
	assert_true(wr_attachment_cmp(&a, &b) < 0);
	assert_true(wr_attachment_cmp(&c, &a) > 0);
}

static void keys_are_stable_and_differ(void **state)
{
	char ab[] = "ab", c[] = "c", a[] = "a", bc[] = "bc";
	struct wr_attachment x = { ab, c, eth0 }, y = { a, bc, eth0 }, z = { weir, c1, eth0 };
	char kx[17], ky[17], kz[17], name[WR_IFNAME_SIZE], want[WR_IFNAME_SIZE];

	wr_attachment_key(&x, kx);
	wr_attachment_key(&y, ky);
	wr_attachment_key(&z, kz);
	assert_string_not_equal(kx, ky);
	assert_int_equal(strlen(kz), 16);
	/* On disk since the first release. */
	assert_string_equal(kz, "28c5786f83d4a578");
	wr_attachment_host_ifname(&z, name);
	snprintf(want, sizeof(want), "wr%.10s", kz);
	assert_string_equal(name, want);
}

static struct wr_endpoint_record full_record(void)
{
	struct wr_attachment id = { weir, c1, eth0 };
	struct wr_endpoint_record r = {
		.id = wr_attachment_copy(&id),
		.netns = wr_xstrdup("/run/netns/x"),
		.netns_cookie = 4097,
		.pod_namespace = wr_xstrdup("default"),
		.pod_name = wr_xstrdup("web-0"),
		.pod_uid = wr_xstrdup("u-1"),
		.host_ifname = wr_xstrdup("wr0123456789"),
		.ifindex = 7,
		.mac = { 2, 0, 0, 0, 0, 1 },
		.host_mac = { 2, 0, 0, 0, 0, 2 },
		.mtu = 1450,
		.chained = true,
		.foreign_ipam = true,
		.annotations = wr_xstrdup("{\"a\":\"b\"}"),
		.created_ms = 1700000000000,
		.ready = true,
	};
	struct wr_port_mapping p = { .host_port = 8080, .container_port = 80, .proto = IPPROTO_UDP };

	wr_addr_parse("10.1.0.2", &r.addr4);
	wr_addr_parse("fd00::2", &r.addr6);
	wr_vec_push(&r.ports, p);
	wr_addr_parse("10.0.0.1", &p.host_ip);
	p.proto = IPPROTO_TCP;
	wr_vec_push(&r.ports, p);
	return r;
}

static void a_record_comes_back_as_it_went(void **state)
{
	struct wr_endpoint_record r = full_record(), back = { 0 };
	wr_auto_json *j = wr_endpoint_record_encode(&r), *again = NULL;
	wr_auto_strbuf a = WR_STRBUF_INIT, b = WR_STRBUF_INIT;

	assert_int_equal(wr_endpoint_record_decode(j, &back, NULL), 0);
	again = wr_endpoint_record_encode(&back);
	wr_json_format(j, false, &a);
	wr_json_format(again, false, &b);
	assert_string_equal(a.buf, b.buf);
	assert_string_equal(a.buf,
			    "{\"network\":\"weir\",\"container\":\"c1\",\"ifname\":\"eth0\","
			    "\"netns\":\"/run/netns/x\",\"podNamespace\":\"default\",\"podName\":\"web-0\","
			    "\"podUid\":\"u-1\",\"hostIfname\":\"wr0123456789\",\"annotations\":\"{\\\"a\\\":\\\"b\\\"}\","
			    "\"netnsCookie\":4097,\"ifindex\":7,\"mtu\":1450,\"createdMs\":1700000000000,"
			    "\"mac\":\"02:00:00:00:00:01\",\"hostMac\":\"02:00:00:00:00:02\","
			    "\"addr4\":\"10.1.0.2\",\"addr6\":\"fd00::2\",\"chained\":true,\"foreignIpam\":true,"
			    "\"ready\":true,\"ports\":[{\"hostPort\":8080,\"containerPort\":80,\"protocol\":\"udp\"},"
			    "{\"hostPort\":8080,\"containerPort\":80,\"protocol\":\"tcp\",\"hostIP\":\"10.0.0.1\"}]}");
	assert_true(back.chained && back.foreign_ipam && back.ready);
	assert_memory_equal(back.mac, r.mac, 6);
	wr_endpoint_record_done(&r);
	wr_endpoint_record_done(&back);
}

static int decode(const char *text, struct wr_endpoint_record *r, struct wr_err *err)
{
	wr_auto_json *j = NULL;

	assert_int_equal(wr_json_parse(text, strlen(text), &j, NULL), 0);
	return wr_endpoint_record_decode(j, r, err);
}

static void absent_members_are_zero_and_unknown_ones_ignored(void **state)
{
	struct wr_endpoint_record r = { 0 };

	assert_int_equal(decode("{\"network\":\"weir\",\"container\":\"c1\",\"ifname\":\"eth0\",\"new\":{}}",
				&r, NULL),
			 0);
	assert_string_equal(r.netns, "");
	assert_string_equal(r.pod_name, "");
	assert_null(r.annotations);
	assert_int_equal(r.ifindex, 0);
	assert_false(r.ready);
	assert_true(wr_addr_is_zero(&r.addr4));
	wr_endpoint_record_done(&r);
}

#define ID "\"network\":\"weir\",\"container\":\"c1\",\"ifname\":\"eth0\""

static void faults_name_the_member_and_touch_nothing(void **state)
{
	static const struct {
		const char *text, *msg;
	} rows[] = {
		{ "[]", "not an object" },
		{ "{\"container\":\"c1\",\"ifname\":\"eth0\"}", "network: is missing" },
		{ "{\"network\":\"\",\"container\":\"c1\",\"ifname\":\"eth0\"}",
		  "network: is missing" },
		{ "{\"network\":\"weir\",\"container\":\"c1\",\"ifname\":\"0123456789abcdef\"}",
		  "ifname: longer than 15 characters" },
		{ "{" ID ",\"netns\":7}", "netns: must be a string, not 7" },
		{ "{" ID ",\"mtu\":-1}", "mtu: must be 0-4294967295, not -1" },
		{ "{" ID ",\"mac\":\"x\"}", "mac: must be a MAC address, not \"x\"" },
		{ "{" ID ",\"addr4\":\"x\"}", "addr4: must be an address, not \"x\"" },
		{ "{" ID ",\"ready\":1}", "ready: must be true or false, not 1" },
		{ "{" ID ",\"ports\":{}}", "ports: must be a list, not an object" },
		{ "{" ID ",\"ports\":[{\"hostPort\":1}]}",
		  "ports: hostPort or containerPort is missing" },
		{ "{" ID ",\"ports\":[{\"hostPort\":1,\"containerPort\":1,\"protocol\":\"x\"}]}",
		  "ports.protocol: \"x\" is not a protocol" },
	};
	struct wr_endpoint_record r = { .ifindex = 99 };
	struct wr_err err;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		err = WR_ERR_INIT;
		assert_int_equal(decode(rows[i].text, &r, &err), -EINVAL);
		assert_string_equal(err.msg, rows[i].msg);
	}
	assert_int_equal(r.ifindex, 99);
	assert_null(r.netns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_order_is_over_all_three_parts),
		cmocka_unit_test(keys_are_stable_and_differ),
		cmocka_unit_test(a_record_comes_back_as_it_went),
		cmocka_unit_test(absent_members_are_zero_and_unknown_ones_ignored),
		cmocka_unit_test(faults_name_the_member_and_touch_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
