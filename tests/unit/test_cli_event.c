/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about how an event is shown. */
#include "tests/unit/check.h"

#include "cli/event.h"
#include "cli/table.h"
#include "tests/unit/cli_rows.h"

static const char wire[] =
	"{\"type\":\"drop\",\"time\":\"2026-01-02T03:04:05.678Z\",\"reason\":\"policy-ingress\","
	"\"hook\":\"pod-ingress\",\"protocol\":\"tcp\",\"length\":74,\"tcp_flags\":18,\"rule\":7,"
	"\"service\":7,"
	"\"source\":{\"address\":\"10.244.1.2\",\"port\":400,\"namespace\":\"default\",\"pod\":\"own\"},"
	"\"destination\":{\"address\":\"2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff\",\"port\":80}}";

static struct wr_json *item_of(const struct wr_names *names, const char *text)
{
	wr_auto_json *j = NULL;

	assert_int_equal(wr_json_parse(text, strlen(text), &j, NULL), 0);
	return wr_event_item(names, j);
}

static void the_agent_s_words_become_flat_members(void **state)
{
	wr_auto_names names = { 0 };
	wr_auto_json *item = NULL;

	wr_names_add_number(&names, WR_NAME_SERVICE, 7, "default/web:main");
	item = item_of(&names, wire);
	assert_string_equal(wr_json_get_str(item, "src"), "10.244.1.2");
	assert_int_equal(wr_json_get_int(item, "src_port", 0), 400);
	assert_string_equal(wr_json_get_str(item, "src_name"), "default/own");
	assert_null(wr_json_get(item, "dst_name"));
	assert_string_equal(wr_json_get_str(item, "proto"), "tcp");
	assert_string_equal(wr_json_get_str(item, "service"), "default/web:main");
	assert_int_equal(wr_json_get_int(item, "service_id", 0), 7);
}

static void a_line_is_never_wider_than_it_may_be(void **state)
{
	wr_auto_names names = { 0 };
	wr_auto_json *item = NULL;
	struct wr_addr src = cli_addr("10.244.1.2");
	size_t width;

	wr_names_add_addr(&names, WR_NAME_POD, &src,
			  "a-namespace-of-a-department/frontend-of-the-shop-that-never-closes-7d9c5f8b6d-x2k9q");
	item = item_of(&names, wire);
	for (width = 60; width < 240; width++) {
		wr_auto_strbuf line = WR_STRBUF_INIT;

		wr_event_format(item, width, width % 2 ? WR_EVENT_DATE : 0, &line);
		assert_int_equal(line.buf[line.len - 1], '\n');
		if (wr_text_width(line.buf) - 1 > width)
			fail_msg("%zu: %s", width, line.buf);
	}
}

static void without_a_width_nothing_is_shortened(void **state)
{
	wr_auto_names names = { 0 };
	wr_auto_json *item = item_of(&names, wire);
	wr_auto_strbuf line = WR_STRBUF_INIT;

	wr_event_format(item, 0, 0, &line);
	assert_string_equal(line.buf, "03:04:05.678 DROP  tcp    default/own:400 -> "
				      "[2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff]:80  policy-ingress, "
				      "pod-ingress 74 B SYN+ACK rule 7\n");
}

static void colours_come_only_when_asked_for(void **state)
{
	wr_auto_names names = { 0 };
	wr_auto_json *item = item_of(&names, wire);
	wr_auto_strbuf plain = WR_STRBUF_INIT, colour = WR_STRBUF_INIT;

	wr_event_format(item, 100, 0, &plain);
	wr_event_format(item, 100, WR_EVENT_COLOUR, &colour);
	assert_null(strchr(plain.buf, '\033'));
	assert_non_null(strstr(colour.buf, "\033[31mDROP \033[0m"));
}

static void a_policy_s_rule_says_why(void **state)
{
	wr_auto_names names = { 0 };
	wr_auto_json *item =
		item_of(&names,
			"{\"type\":\"drop\",\"protocol\":\"udp\",\"reason\":\"policy-ingress\",\"rule\":9,"
			"\"policy\":\"no ingress rule of NetworkPolicy default/web-in\","
			"\"source\":{\"address\":\"10.0.0.1\",\"port\":8},"
			"\"destination\":{\"address\":\"10.0.0.2\",\"port\":77}}");
	wr_auto_strbuf line = WR_STRBUF_INIT;

	wr_event_format(item, 0, 0, &line);
	assert_non_null(
		strstr(line.buf, "10.0.0.2:77  no ingress rule of NetworkPolicy default/web-in\n"));
}

static void a_forged_source_is_shown_with_the_pod_that_sent_it(void **state)
{
	wr_auto_names names = { 0 };
	wr_auto_json *item = NULL;
	wr_auto_strbuf line = WR_STRBUF_INIT;

	wr_names_add_number(&names, WR_NAME_INTERFACE, 12, "default/client");
	item = item_of(&names,
		       "{\"type\":\"drop\",\"protocol\":\"udp\",\"reason\":\"spoofed-address\",\"length\":60,"
		       "\"hook\":\"pod-egress\",\"ifindex\":12,"
		       "\"source\":{\"address\":\"192.0.2.7\",\"port\":8},"
		       "\"destination\":{\"address\":\"10.0.0.2\",\"port\":77}}");
	assert_string_equal(wr_json_get_str(item, "pod"), "default/client");
	wr_event_format(item, 0, 0, &line);
	assert_non_null(strstr(line.buf, "192.0.2.7:8 of default/client -> 10.0.0.2:77"));
}

static void what_may_be_old_shows_its_day(void **state)
{
	wr_auto_names names = { 0 };
	wr_auto_json *item = item_of(&names, wire);
	wr_auto_strbuf line = WR_STRBUF_INIT;

	wr_event_format(item, 100, WR_EVENT_DATE, &line);
	assert_ptr_equal(strstr(line.buf, "2026-01-02 03:04:05 DROP "), line.buf);
}

static void a_flow_that_ends_says_what_it_has_carried(void **state)
{
	wr_auto_names names = { 0 };
	wr_auto_json *item =
		item_of(&names, "{\"type\":\"flow-end\",\"protocol\":\"icmp\",\"packets\":12345,"
				"\"bytes\":2048,\"source\":{\"address\":\"10.0.0.1\",\"port\":8},"
				"\"destination\":{\"address\":\"10.0.0.2\",\"port\":77}}");
	wr_auto_strbuf line = WR_STRBUF_INIT;

	wr_event_format(item, 0, 0, &line);
	assert_string_equal(line.buf,
			    "-            end   icmp   10.0.0.1 -> 10.0.0.2  12.3k packets, 2.0 KiB\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_agent_s_words_become_flat_members),
		cmocka_unit_test(a_line_is_never_wider_than_it_may_be),
		cmocka_unit_test(without_a_width_nothing_is_shortened),
		cmocka_unit_test(colours_come_only_when_asked_for),
		cmocka_unit_test(a_policy_s_rule_says_why),
		cmocka_unit_test(a_forged_source_is_shown_with_the_pod_that_sent_it),
		cmocka_unit_test(what_may_be_old_shows_its_day),
		cmocka_unit_test(a_flow_that_ends_says_what_it_has_carried),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
