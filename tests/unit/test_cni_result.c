// SPDX-License-Identifier: Apache-2.0
/* Claims about results in every version of the specification. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>

#include "cni/codes.h"
#include "cni/result.h"
#include "lib/base/cleanup.h"
#include "lib/base/strbuf.h"

static struct wr_json *json(const char *text)
{
	struct wr_json *j = NULL;
	struct wr_err err = WR_ERR_INIT;

	if (wr_json_parse(text, strlen(text), &j, &err) < 0)
		fail_msg("%s: %s", text, err.msg);
	return j;
}

static void assert_json(const struct wr_json *j, const char *expect)
{
	wr_auto_strbuf text = WR_STRBUF_INIT, normal = WR_STRBUF_INIT;
	wr_auto_json *e = json(expect);

	wr_json_format(j, false, &text);
	wr_json_format(e, false, &normal);
	assert_string_equal(text.buf, normal.buf);
}

static struct wr_json *ours(void)
{
	char container[] = "c", network[] = "n", ifname[] = "eth0", netns[] = "/run/netns/x",
	     host[] = "wr0123456789";
	struct wr_endpoint_record rec = { .id = { network, container, ifname },
					  .netns = netns,
					  .host_ifname = host,
					  .mac = { 2, 0, 0, 0, 0, 1 },
					  .host_mac = { 2, 0, 0, 0, 0, 2 },
					  .mtu = 1450 };
	struct wr_cni_made made = { .record = &rec };

	wr_addr_parse("10.0.0.5", &rec.addr4);
	wr_addr_parse("fd00::5", &rec.addr6);
	wr_addr_parse("169.254.1.1", &made.gateway4);
	wr_addr_parse("fe80::1", &made.gateway6);
	return wr_cni_result_new(&made);
}

static void the_newest_form_names_both_sides_with_mtu(void **state)
{
	wr_auto_json *result = ours(), *out = wr_cni_result_encode(result, WR_CNI_1_1_0);

	assert_json(out,
		    "{\"cniVersion\":\"1.1.0\",\"interfaces\":["
		    "{\"name\":\"wr0123456789\",\"mac\":\"02:00:00:00:00:02\",\"mtu\":1450},"
		    "{\"name\":\"eth0\",\"mac\":\"02:00:00:00:00:01\",\"mtu\":1450,\"sandbox\":\"/run/netns/x\"}],"
		    "\"ips\":[{\"address\":\"10.0.0.5/32\",\"gateway\":\"169.254.1.1\",\"interface\":1},"
		    "{\"address\":\"fd00::5/128\",\"gateway\":\"fe80::1\",\"interface\":1}],"
		    "\"routes\":[{\"dst\":\"0.0.0.0/0\",\"gw\":\"169.254.1.1\"},{\"dst\":\"::/0\",\"gw\":\"fe80::1\"}],"
		    "\"dns\":{}}");
}

static void version_1_0_knows_no_mtu(void **state)
{
	wr_auto_json *result = ours(), *out = wr_cni_result_encode(result, WR_CNI_1_0_0);

	assert_json(wr_json_get(out, "interfaces"),
		    "[{\"name\":\"wr0123456789\",\"mac\":\"02:00:00:00:00:02\"},"
		    "{\"name\":\"eth0\",\"mac\":\"02:00:00:00:00:01\",\"sandbox\":\"/run/netns/x\"}]");
	assert_null(wr_json_get(wr_json_at(wr_json_get(out, "ips"), 0), "version"));
}

static void versions_0_3_and_0_4_name_the_family_of_an_address(void **state)
{
	enum wr_cni_spec spec;

	for (spec = WR_CNI_0_3_0; spec <= WR_CNI_0_4_0; spec++) {
		wr_auto_json *result = ours(), *out = wr_cni_result_encode(result, spec);

		assert_string_equal(wr_json_get_str(out, "cniVersion"), wr_cni_spec_format(spec));
		assert_json(wr_json_get(out, "ips"),
			    "[{\"address\":\"10.0.0.5/32\",\"gateway\":\"169.254.1.1\",\"interface\":1,\"version\":\"4\"},"
			    "{\"address\":\"fd00::5/128\",\"gateway\":\"fe80::1\",\"interface\":1,\"version\":\"6\"}]");
		assert_int_equal(wr_json_len(wr_json_get(out, "interfaces")), 2);
	}
}

static void versions_0_1_and_0_2_have_one_address_of_each_family(void **state)
{
	enum wr_cni_spec spec;

	for (spec = WR_CNI_0_1_0; spec <= WR_CNI_0_2_0; spec++) {
		wr_auto_json *result = ours(), *out = wr_cni_result_encode(result, spec);

		wr_json_del(out, "cniVersion");
		assert_json(out, "{\"ip4\":{\"ip\":\"10.0.0.5/32\",\"gateway\":\"169.254.1.1\","
				 "\"routes\":[{\"dst\":\"0.0.0.0/0\",\"gw\":\"169.254.1.1\"}]},"
				 "\"ip6\":{\"ip\":\"fd00::5/128\",\"gateway\":\"fe80::1\","
				 "\"routes\":[{\"dst\":\"::/0\",\"gw\":\"fe80::1\"}]},\"dns\":{}}");
	}
}

/* A previous result in each version's form comes out in every version, and the same way back. */
static void every_form_can_be_read_and_written_in_every_version(void **state)
{
	int from, to;

	for (from = 0; from < WR_CNI_SPEC_MAX; from++) {
		for (to = 0; to < WR_CNI_SPEC_MAX; to++) {
			wr_auto_json *result = ours(),
				     *old = wr_cni_result_encode(result, (enum wr_cni_spec)from);
			wr_auto_json *read = NULL, *out = NULL, *direct = NULL;

			assert_int_equal(wr_cni_result_decode(old, &read, NULL), 0);
			out = wr_cni_result_encode(read, (enum wr_cni_spec)to);
			direct = wr_cni_result_encode(result, (enum wr_cni_spec)to);
			assert_int_equal(wr_json_len(wr_json_get(out, "ips")),
					 wr_json_len(wr_json_get(direct, "ips")));
			if (from == to) {
				wr_auto_strbuf text = WR_STRBUF_INIT;

				wr_json_format(direct, false, &text);
				assert_json(out, text.buf);
			}
		}
	}
}

static void what_other_plugins_added_passes_through(void **state)
{
	wr_auto_json *old = json(
		"{\"cniVersion\":\"1.1.0\",\"interfaces\":[{\"name\":\"a\",\"socketPath\":\"/s\",\"x\":1}],"
		"\"ips\":[{\"address\":\"10.0.0.1/24\",\"y\":2}],"
		"\"routes\":[{\"dst\":\"10.0.0.0/8\",\"mtu\":9000,\"z\":3}],"
		"\"dns\":{\"nameservers\":[\"10.0.0.10\"]},\"vendor\":{\"k\":1}}");
	wr_auto_json *read = NULL, *out = NULL, *older = NULL;

	assert_int_equal(wr_cni_result_decode(old, &read, NULL), 0);
	out = wr_cni_result_encode(read, WR_CNI_1_1_0);
	assert_json(out,
		    "{\"cniVersion\":\"1.1.0\",\"interfaces\":[{\"name\":\"a\",\"socketPath\":\"/s\",\"x\":1}],"
		    "\"ips\":[{\"address\":\"10.0.0.1/24\",\"y\":2}],"
		    "\"routes\":[{\"dst\":\"10.0.0.0/8\",\"mtu\":9000,\"z\":3}],"
		    "\"dns\":{\"nameservers\":[\"10.0.0.10\"]},\"vendor\":{\"k\":1}}");
	older = wr_cni_result_encode(read, WR_CNI_1_0_0);
	assert_json(wr_json_get(older, "routes"), "[{\"dst\":\"10.0.0.0/8\",\"z\":3}]");
	assert_json(wr_json_get(older, "interfaces"), "[{\"name\":\"a\",\"x\":1}]");
}

static void a_result_that_cannot_be_is_refused_with_its_place(void **state)
{
	static const struct {
		const char *text, *where;
	} bad[] = {
		{ "{\"interfaces\":7}", "interfaces" },
		{ "{\"interfaces\":[7]}", "interfaces[0].name" },
		{ "{\"interfaces\":[{\"name\":1}]}", "interfaces[0].name" },
		{ "{\"ips\":[{\"address\":\"10.0.0.1/24\"},{}]}", "ips[1].address" },
		{ "{\"routes\":[{\"gw\":\"10.0.0.1\"}]}", "routes[0].dst" },
		{ "{\"dns\":[]}", "dns" },
		{ "{\"ip4\":{}}", "ip4.ip" },
		{ "{\"ip4\":7}", "ip4.ip" },
		{ "{\"ip6\":{\"ip\":7}}", "ip6.ip" },
		{ "{\"ip4\":{\"ip\":\"10.0.0.1/24\",\"routes\":[{}]}}", "ip4.routes[0].dst" },
	};
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(bad); i++) {
		wr_auto_json *old = json(bad[i].text), *out = NULL;
		struct wr_err err = WR_ERR_INIT;

		if (wr_cni_result_decode(old, &out, &err) == 0)
			fail_msg("accepted: %s", bad[i].text);
		assert_int_equal(err.cni, WR_CNI_CONFIG);
		assert_non_null(strstr(err.msg, bad[i].where));
		assert_null(out);
	}
}

static int find(const char *text, struct wr_cni_iface *ret, struct wr_err *err)
{
	wr_auto_json *j = json(text);

	return wr_cni_result_find(j, "eth0", "/ns", ret, err);
}

static void an_interface_is_found_by_name_and_sandbox(void **state)
{
	struct wr_cni_iface iface;
	struct wr_err err = WR_ERR_INIT;
	char text[WR_ADDR_STRLEN];

	assert_int_equal(find("{\"interfaces\":[{\"name\":\"eth0\"},{\"name\":\"eth0\",\"sandbox\":\"/other\"},"
			      "{\"name\":\"eth0\",\"sandbox\":\"/ns\",\"mac\":\"02:00:00:00:00:03\"}],"
			      "\"ips\":[{\"address\":\"10.0.0.1/24\",\"interface\":1},"
			      "{\"address\":\"10.0.0.2/24\",\"interface\":2},{\"address\":\"fd00::2/64\"}]}",
			      &iface, &err),
			 0);
	assert_true(iface.found);
	assert_int_equal(iface.mac[5], 3);
	assert_string_equal(wr_addr_format(&iface.addr4, text), "10.0.0.2");
	assert_string_equal(wr_addr_format(&iface.addr6, text), "fd00::2");
}

/* As an IPAM plugin answers, and as results before 0.3.0 are. */
static void without_interfaces_all_addresses_count(void **state)
{
	struct wr_cni_iface iface;
	char text[WR_ADDR_STRLEN];

	assert_int_equal(find("{\"interfaces\":[],\"ips\":[{\"address\":\"10.0.0.2/24\"}]}", &iface,
			      NULL),
			 0);
	assert_false(iface.found);
	assert_string_equal(wr_addr_format(&iface.addr4, text), "10.0.0.2");
	assert_true(wr_addr_is_zero(&iface.addr6));
}

static void a_second_address_of_a_family_is_refused(void **state)
{
	struct wr_cni_iface iface;
	struct wr_err err = WR_ERR_INIT;

	assert_int_equal(find("{\"ips\":[{\"address\":\"10.0.0.2/24\"},{\"address\":\"10.0.0.3/24\"}]}",
			      &iface, &err),
			 -ENOTSUP);
	assert_int_equal(err.cni, WR_CNI_CONFIG);
	assert_non_null(strstr(err.msg, "ips[1].address"));
}

static void addresses_and_macs_that_are_none_are_refused(void **state)
{
	struct wr_cni_iface iface;

	assert_true(find("{\"ips\":[{\"address\":\"10.0.0.2\"}]}", &iface, NULL) < 0);
	assert_true(find("{\"interfaces\":[{\"name\":\"eth0\",\"sandbox\":\"/ns\",\"mac\":\"x\"}]}",
			 &iface, NULL) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_newest_form_names_both_sides_with_mtu),
		cmocka_unit_test(version_1_0_knows_no_mtu),
		cmocka_unit_test(versions_0_3_and_0_4_name_the_family_of_an_address),
		cmocka_unit_test(versions_0_1_and_0_2_have_one_address_of_each_family),
		cmocka_unit_test(every_form_can_be_read_and_written_in_every_version),
		cmocka_unit_test(what_other_plugins_added_passes_through),
		cmocka_unit_test(a_result_that_cannot_be_is_refused_with_its_place),
		cmocka_unit_test(an_interface_is_found_by_name_and_sandbox),
		cmocka_unit_test(without_interfaces_all_addresses_count),
		cmocka_unit_test(a_second_address_of_a_family_is_refused),
		cmocka_unit_test(addresses_and_macs_that_are_none_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
