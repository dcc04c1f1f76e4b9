// SPDX-License-Identifier: Apache-2.0
/* Claims about the network configuration and about what a runtime may wish for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>

#include "cni/codes.h"
#include "cni/conf.h"
#include "lib/base/cleanup.h"

static struct wr_cni_conf accepted(const char *text)
{
	struct wr_cni_conf conf;
	struct wr_err err = WR_ERR_INIT;

	if (wr_cni_conf_parse(text, strlen(text), &conf, &err) < 0)
		fail_msg("%s: %s", text, err.msg);
	return conf;
}

static struct wr_err refused(const char *text, int code)
{
	struct wr_cni_conf conf = { .name = "untouched" };
	struct wr_err err = WR_ERR_INIT;

	if (wr_cni_conf_parse(text, strlen(text), &conf, &err) == 0)
		fail_msg("accepted: %s", text);
	if (err.cni != code)
		fail_msg("%s: code %d: %s", text, err.cni, err.msg);
	assert_string_equal(conf.name, "untouched");
	return err;
}

/* Parses "name":"n" and these members. */
static struct wr_cni_conf with(const char *members)
{
	char text[2000];

	snprintf(text, sizeof(text), "{\"cniVersion\":\"1.0.0\",\"name\":\"n\"%s%s}",
		 *members ? "," : "", members);
	return accepted(text);
}

static void every_version_of_the_specification_is_spoken(void **state)
{
	static const char *const versions[] = { "0.1.0", "0.2.0", "0.3.0", "0.3.1",
						"0.4.0", "1.0.0", "1.1.0" };
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(versions); i++) {
		struct wr_cni_conf conf;
		char text[100];

		snprintf(text, sizeof(text), "{\"cniVersion\":\"%s\",\"name\":\"n\"}", versions[i]);
		conf = accepted(text);
		assert_int_equal(conf.spec, i);
		assert_string_equal(wr_cni_spec_format(conf.spec), versions[i]);
		wr_cni_conf_done(&conf);
	}
}

static void no_version_means_the_first(void **state)
{
	static const char *const texts[] = { "{\"name\":\"n\"}",
					     "{\"cniVersion\":\"\",\"name\":\"n\"}",
					     "{\"cniVersion\":null,\"name\":\"n\"}" };
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(texts); i++) {
		struct wr_cni_conf conf = accepted(texts[i]);

		assert_int_equal(conf.spec, WR_CNI_0_1_0);
		wr_cni_conf_done(&conf);
	}
}

static void other_versions_have_their_own_error(void **state)
{
	static const char *const bad[] = { "0.5.0", "1.1", "2.0.0", "v1.0.0", "1.1.0 ", "latest" };
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(bad); i++) {
		char text[100];

		snprintf(text, sizeof(text), "{\"cniVersion\":\"%s\",\"name\":\"n\"}", bad[i]);
		assert_non_null(strstr(refused(text, WR_CNI_VERSION).msg, bad[i]));
	}
}

static void what_is_no_json_object_cannot_be_decoded(void **state)
{
	static const char *const bad[] = { "",    " ",     "[",    "[]",
					   "1",   "\"x\"", "null", "{\"name\":\"n\"",
					   "{}x", "\xff" };
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(bad); i++)
		refused(bad[i], WR_CNI_DECODE);
}

static void a_member_of_the_wrong_type_is_named(void **state)
{
	static const char *const keys[] = { "instance", "dns", "prevResult", "ipam",
					    "cni.dev/valid-attachments" };
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(keys); i++) {
		char text[200];

		snprintf(text, sizeof(text), "{\"name\":\"n\",\"%s\":7}", keys[i]);
		assert_non_null(strstr(refused(text, WR_CNI_CONFIG).msg, keys[i]));
	}
	assert_non_null(strstr(refused("{\"name\":7}", WR_CNI_CONFIG).msg, "name"));
	assert_non_null(strstr(refused("{\"name\":\"n\",\"cniVersion\":1}", WR_CNI_CONFIG).msg,
			       "cniVersion"));
	assert_non_null(strstr(refused("{\"name\":\"n\",\"ipam\":{\"type\":[]}}", WR_CNI_CONFIG).msg,
			       "ipam.type"));
}

static void a_network_needs_a_name_that_is_one(void **state)
{
	refused("{}", WR_CNI_CONFIG);
	refused("{\"name\":\"\"}", WR_CNI_CONFIG);
	refused("{\"name\":\"-n\"}", WR_CNI_CONFIG);
	refused("{\"name\":\"a/b\"}", WR_CNI_CONFIG);
}

static void unknown_members_are_ignored(void **state)
{
	struct wr_cni_conf conf = with(
		"\"foo\":{\"bar\":[1,2]},\"type\":\"weir-cni\",\"capabilities\":{\"ips\":true}");

	assert_null(conf.ipam);
	wr_cni_conf_done(&conf);
}

static void addresses_are_our_own_unless_another_plugin_is_named(void **state)
{
	static const char *const own[] = { "", "\"ipam\":{}", "\"ipam\":{\"type\":\"\"}",
					   "\"ipam\":{\"type\":\"weir\"}" };
	struct wr_cni_conf conf;
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(own); i++) {
		conf = with(own[i]);
		assert_null(conf.ipam);
		wr_cni_conf_done(&conf);
	}
	conf = with("\"ipam\":{\"type\":\"host-local\"}");
	assert_string_equal(conf.ipam, "host-local");
	wr_cni_conf_done(&conf);
}

static void an_ipam_plugin_is_found_only_in_the_search_path(void **state)
{
	refused("{\"name\":\"n\",\"ipam\":{\"type\":\"../bin/sh\"}}", WR_CNI_CONFIG);
	refused("{\"name\":\"n\",\"ipam\":{\"type\":\"/bin/sh\"}}", WR_CNI_CONFIG);
	refused("{\"name\":\"n\",\"ipam\":{\"type\":\"..\"}}", WR_CNI_CONFIG);
}

static void valid_attachments_are_found_under_both_names(void **state)
{
	struct wr_cni_conf conf =
		with("\"cni.dev/attachments\":[{\"containerID\":\"a\",\"ifname\":\"b\"}]");

	assert_true(conf.has_valid);
	assert_int_equal(wr_json_len(conf.valid), 1);
	wr_cni_conf_done(&conf);
	conf = with("\"cni.dev/valid-attachments\":[1,2],\"cni.dev/attachments\":[1]");
	assert_int_equal(wr_json_len(conf.valid), 2);
	wr_cni_conf_done(&conf);
}

static void no_list_is_told_from_an_empty_one_and_from_null(void **state)
{
	struct wr_cni_conf conf = with("");

	assert_false(conf.has_valid);
	wr_cni_conf_done(&conf);
	conf = with("\"cni.dev/valid-attachments\":[]");
	assert_true(conf.has_valid);
	wr_cni_conf_done(&conf);
	conf = with("\"cni.dev/valid-attachments\":null,\"cni.dev/attachments\":null");
	assert_true(conf.has_valid);
	assert_null(conf.valid);
	wr_cni_conf_done(&conf);
}

static int wish_of(const char *members, struct wr_cni_env env, struct wr_cni_wish *ret,
		   struct wr_err *err)
{
	struct wr_cni_conf conf = with(members);
	int r = wr_cni_wish_parse(&conf, &env, ret, err);

	wr_cni_conf_done(&conf);
	return r;
}

static struct wr_cni_wish wish(const char *members, struct wr_cni_env env)
{
	struct wr_cni_wish w;
	struct wr_err err = WR_ERR_INIT;

	if (wish_of(members, env, &w, &err) < 0)
		fail_msg("%s: %s", members, err.msg);
	return w;
}

static struct wr_err no_wish(const char *members, int code)
{
	struct wr_cni_wish w;
	struct wr_err err = WR_ERR_INIT;

	if (wish_of(members, (struct wr_cni_env){ 0 }, &w, &err) == 0)
		fail_msg("accepted: %s", members);
	if (err.cni != code)
		fail_msg("%s: code %d: %s", members, err.cni, err.msg);
	return err;
}

static void assert_addr(const struct wr_addr *a, const char *text)
{
	char buf[WR_ADDR_STRLEN];

	assert_string_equal(wr_addr_format(a, buf), text);
}

static void a_runtime_may_ask_for_one_address_of_each_family(void **state)
{
	struct wr_cni_wish w = wish("\"runtimeConfig\":{\"ips\":[\"10.1.2.3/24\",\"fd00::7\"]}",
				    (struct wr_cni_env){ 0 });

	assert_addr(&w.addr4, "10.1.2.3");
	assert_addr(&w.addr6, "fd00::7");
	wr_cni_wish_done(&w);
}

static void older_forms_of_asking_count_when_the_newer_is_absent(void **state)
{
	const struct wr_cni_env env = { .ip = "10.0.0.9", .mac = "02:00:00:00:00:09" };
	struct wr_cni_wish w = wish("", env);

	assert_addr(&w.addr4, "10.0.0.9");
	assert_int_equal(w.mac[5], 9);
	w = wish("\"args\":{\"cni\":{\"ips\":[\"10.0.0.8\"]}}", env);
	assert_addr(&w.addr4, "10.0.0.8");
	w = wish("\"args\":{\"cni\":{\"ips\":[\"10.0.0.8\"]}},\"runtimeConfig\":{\"ips\":[\"10.0.0.7\"],"
		 "\"mac\":\"02:00:00:00:00:07\"}",
		 env);
	assert_addr(&w.addr4, "10.0.0.7");
	assert_int_equal(w.mac[5], 7);
}

static void wishes_that_cannot_be_are_refused_with_their_place(void **state)
{
	static const struct {
		const char *members, *where;
	} bad[] = {
		{ "\"runtimeConfig\":7", "runtimeConfig" },
		{ "\"runtimeConfig\":{\"ips\":\"10.0.0.1\"}", "runtimeConfig.ips" },
		{ "\"runtimeConfig\":{\"ips\":[\"10.0.0.1\",\"10.0.0\"]}", "ips[1]" },
		{ "\"runtimeConfig\":{\"ips\":[7]}", "ips[0]" },
		{ "\"runtimeConfig\":{\"ips\":[\"10.0.0.1\",\"10.0.0.2\"]}", "ips[1]" },
		{ "\"runtimeConfig\":{\"mac\":\"1:2\"}", "runtimeConfig.mac" },
		{ "\"runtimeConfig\":{\"mac\":\"01:00:5e:00:00:01\"}", "runtimeConfig.mac" },
		{ "\"runtimeConfig\":{\"mac\":\"00:00:00:00:00:00\"}", "runtimeConfig.mac" },
		{ "\"runtimeConfig\":{\"portMappings\":[7]}", "portMappings[0]" },
		{ "\"runtimeConfig\":{\"portMappings\":[{\"hostPort\":80}]}",
		  "portMappings[0].containerPort" },
		{ "\"runtimeConfig\":{\"portMappings\":[{\"hostPort\":65536}]}",
		  "portMappings[0].hostPort" },
		{ "\"runtimeConfig\":{\"portMappings\":[{\"hostPort\":1,\"containerPort\":1,\"protocol\":\"x\"}]}",
		  "portMappings[0].protocol" },
		{ "\"runtimeConfig\":{\"portMappings\":[{\"hostPort\":1,\"containerPort\":1,\"hostIP\":\"x\"}]}",
		  "portMappings[0].hostIP" },
		{ "\"runtimeConfig\":{\"io.kubernetes.cri.pod-annotations\":[]}", "pod-annotations" },
		{ "\"runtimeConfig\":{\"dns\":[]}", "runtimeConfig.dns" },
		{ "\"runtimeConfig\":{\"dns\":{\"servers\":\"x\"}}", "runtimeConfig.dns.servers" },
		{ "\"runtimeConfig\":{\"dns\":{\"searches\":[\"a\",7]}}",
		  "runtimeConfig.dns.searches[1]" },
	};
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(bad); i++)
		assert_non_null(strstr(no_wish(bad[i].members, WR_CNI_CONFIG).msg, bad[i].where));
}

static void what_we_would_have_to_ignore_is_refused_with_key_and_value(void **state)
{
	struct wr_err err = no_wish("\"runtimeConfig\":{\"bandwidth\":{\"ingressRate\":1000}}",
				    WR_CNI_UNSUPPORTED);
	struct wr_cni_wish w;

	assert_non_null(strstr(err.msg, "bandwidth"));
	assert_non_null(strstr(err.msg, "1000"));
	no_wish("\"runtimeConfig\":{\"ipRanges\":[[{\"subnet\":\"10.0.0.0/8\"}]]}",
		WR_CNI_UNSUPPORTED);
	w = wish("\"runtimeConfig\":{\"bandwidth\":{},\"ipRanges\":[],\"cgroupPath\":\"/x\",\"dns\":{}}",
		 (struct wr_cni_env){ 0 });
	wr_cni_wish_done(&w);
}

static void port_mappings_are_read_and_those_without_a_host_port_left_out(void **state)
{
	struct wr_cni_wish w =
		wish("\"runtimeConfig\":{\"portMappings\":["
		     "{\"hostPort\":0,\"containerPort\":80},"
		     "{\"hostPort\":8080,\"containerPort\":80,\"protocol\":\"UDP\",\"hostIP\":\"127.0.0.1\"},"
		     "{\"hostPort\":8443,\"containerPort\":443,\"protocol\":\"\",\"hostIP\":\"\"}]}",
		     (struct wr_cni_env){ 0 });

	assert_int_equal(w.ports.n, 2);
	assert_int_equal(w.ports.v[0].host_port, 8080);
	assert_int_equal(w.ports.v[0].container_port, 80);
	assert_int_equal(w.ports.v[0].proto, IPPROTO_UDP);
	assert_addr(&w.ports.v[0].host_ip, "127.0.0.1");
	assert_int_equal(w.ports.v[1].proto, IPPROTO_TCP);
	assert_true(wr_addr_is_zero(&w.ports.v[1].host_ip));
	wr_cni_wish_done(&w);
}

static void port_mappings_may_be_spelled_with_capitals(void **state)
{
	struct wr_cni_wish w =
		wish("\"runtimeConfig\":{\"portMappings\":["
		     "{\"HostPort\":8080,\"ContainerPort\":80,\"Protocol\":\"udp\",\"HostIP\":\"::1\"}]}",
		     (struct wr_cni_env){ 0 });

	assert_int_equal(w.ports.n, 1);
	assert_int_equal(w.ports.v[0].host_port, 8080);
	assert_int_equal(w.ports.v[0].container_port, 80);
	assert_int_equal(w.ports.v[0].proto, IPPROTO_UDP);
	assert_addr(&w.ports.v[0].host_ip, "::1");
	wr_cni_wish_done(&w);
}

static void annotations_are_kept_as_text(void **state)
{
	struct wr_cni_wish w =
		wish("\"runtimeConfig\":{\"io.kubernetes.cri.pod-annotations\":{\"a/b\":\"c\"}}",
		     (struct wr_cni_env){ 0 });

	assert_string_equal(w.annotations, "{\"a/b\":\"c\"}");
	wr_cni_wish_done(&w);
}

static void dns_takes_the_names_that_results_have(void **state)
{
	struct wr_cni_wish w =
		wish("\"runtimeConfig\":{\"dns\":{\"servers\":[\"10.0.0.10\"],\"searches\":[\"a.b\"]}}",
		     (struct wr_cni_env){ 0 });
	wr_auto_strbuf text = WR_STRBUF_INIT;

	wr_json_format(w.dns, false, &text);
	assert_string_equal(text.buf, "{\"nameservers\":[\"10.0.0.10\"],\"search\":[\"a.b\"]}");
	wr_cni_wish_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_version_of_the_specification_is_spoken),
		cmocka_unit_test(no_version_means_the_first),
		cmocka_unit_test(other_versions_have_their_own_error),
		cmocka_unit_test(what_is_no_json_object_cannot_be_decoded),
		cmocka_unit_test(a_member_of_the_wrong_type_is_named),
		cmocka_unit_test(a_network_needs_a_name_that_is_one),
		cmocka_unit_test(unknown_members_are_ignored),
		cmocka_unit_test(addresses_are_our_own_unless_another_plugin_is_named),
		cmocka_unit_test(an_ipam_plugin_is_found_only_in_the_search_path),
		cmocka_unit_test(valid_attachments_are_found_under_both_names),
		cmocka_unit_test(no_list_is_told_from_an_empty_one_and_from_null),
		cmocka_unit_test(a_runtime_may_ask_for_one_address_of_each_family),
		cmocka_unit_test(older_forms_of_asking_count_when_the_newer_is_absent),
		cmocka_unit_test(wishes_that_cannot_be_are_refused_with_their_place),
		cmocka_unit_test(what_we_would_have_to_ignore_is_refused_with_key_and_value),
		cmocka_unit_test(port_mappings_are_read_and_those_without_a_host_port_left_out),
		cmocka_unit_test(port_mappings_may_be_spelled_with_capitals),
		cmocka_unit_test(annotations_are_kept_as_text),
		cmocka_unit_test(dns_takes_the_names_that_results_have),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
