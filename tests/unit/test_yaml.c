/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about reading YAML. */
#include "tests/unit/check.h"

#include <stdio.h>

#include "lib/base/cleanup.h"
#include "lib/yaml/yaml.h"

/* The documents as JSON, a line each. */
static void assert_json(const char *yaml, const char *json)
{
	wr_auto_strbuf out = WR_STRBUF_INIT;
	struct wr_yaml_docs d = { 0 };
	struct wr_err err = WR_ERR_INIT;
	size_t i;

	if (wr_yaml_parse(yaml, strlen(yaml), &d, &err) < 0)
		fail_msg("%s", err.msg);
	for (i = 0; i < d.docs.n; i++) {
		wr_json_format(d.docs.v[i], false, &out);
		wr_strbuf_addch(&out, '\n');
	}
	wr_yaml_docs_done(&d);
	assert_string_equal(out.buf, json);
}

static void assert_refused(const char *yaml, const char *msg)
{
	struct wr_yaml_docs d = { 0 };
	struct wr_err err = WR_ERR_INIT;

	if (wr_yaml_parse(yaml, strlen(yaml), &d, &err) == 0)
		fail_msg("accepted, and should say: %s", msg);
	assert_int_equal(d.docs.n, 0);
	assert_string_equal(err.msg, msg);
}

static void plain_scalars_get_their_types(void **state)
{
	assert_json("[~, null, Null, NULL, true, False, yes, on, y]",
		    "[null,null,null,null,true,false,\"yes\",\"on\",\"y\"]\n");
	assert_json("[0, -1, +2, 0x1F, 0o17, 017, 08, 9223372036854775807, -9223372036854775808]",
		    "[0,-1,2,31,15,15,8,9223372036854775807,-9223372036854775808]\n");
	assert_json("[1.5, -.5, 1., 1e3, 1E-2, 1.10, 9223372036854775808]",
		    "[1.5,-0.5,1.0,1000.0,0.01,1.1,9.2233720368547758e+18]\n");
	assert_json("[1.2.3, 0x, 0b1, 1_000, '-', e5, .inf, .nan, infinity, 0x1p3, 1e, +]",
		    "[\"1.2.3\",\"0x\",\"0b1\",\"1_000\",\"-\",\"e5\",\".inf\",\".nan\",\"infinity\","
		    "\"0x1p3\",\"1e\",\"+\"]\n");
}

static void quoted_and_tagged_scalars_are_strings(void **state)
{
	assert_json("['1', \"true\", '', !!str 7, ! 8]", "[\"1\",\"true\",\"\",\"7\",\"8\"]\n");
	assert_json("[!!int '7', !!bool 'true', !!null '']", "[7,true,null]\n");
	assert_json("a: |\n  1\nb: >-\n  2\n  3\n", "{\"a\":\"1\\n\",\"b\":\"2 3\"}\n");
	assert_refused("a: !!binary x", "line 1, column 4: a tag that is not supported");
	assert_refused("a: !mine [x]", "line 1, column 4: a tag that is not supported");
}

static void json_is_yaml(void **state)
{
	assert_json("{\"a\": [1, {\"b\": null}],\n\t\"c\": \"x\\n\\u00e9\\/\"}",
		    "{\"a\":[1,{\"b\":null}],\"c\":\"x\\n\xc3\xa9/\"}\n");
}

static void documents_are_separate_and_empty_ones_left_out(void **state)
{
	assert_json("", "");
	assert_json("# nothing\n---\n---\n", "");
	assert_json("---\na: 1\n---\n---\nb: 2\n...\n", "{\"a\":1}\n{\"b\":2}\n");
}

static void values_know_their_line(void **state)
{
	static const char text[] = "# comment\na:\n  - x\n  - {b: 7}\n---\nc: d\n";
	struct wr_yaml_docs d = { 0 };
	const struct wr_json *a;

	assert_int_equal(wr_yaml_parse(text, strlen(text), &d, NULL), 0);
	a = wr_json_get(d.docs.v[0], "a");
	assert_int_equal(wr_json_line(d.docs.v[0]), 2);
	assert_int_equal(wr_json_line(a), 3);
	assert_int_equal(wr_json_line(wr_json_at(a, 1)), 4);
	assert_int_equal(wr_json_line(wr_json_get(wr_json_at(a, 1), "b")), 4);
	assert_int_equal(wr_json_line(wr_json_get(d.docs.v[1], "c")), 6);
	wr_yaml_docs_done(&d);
}

static void aliases_repeat_their_anchor(void **state)
{
	assert_json("a: &x {b: 1}\nc: *x\nd: [*x, *x]\n",
		    "{\"a\":{\"b\":1},\"c\":{\"b\":1},\"d\":[{\"b\":1},{\"b\":1}]}\n");
	assert_json("a: &x 1\nb: &x 2\nc: *x\n", "{\"a\":1,\"b\":2,\"c\":2}\n");
	assert_refused("a: *x", "line 1, column 4: an alias without its anchor");
	assert_refused("a: &x 1\n---\nb: *x", "line 3, column 4: an alias without its anchor");
	assert_refused("&x [*x]", "line 1, column 5: an alias without its anchor");
}

static void a_few_lines_cannot_stand_for_millions(void **state)
{
	wr_auto_strbuf text = WR_STRBUF_INIT;
	int i;

	wr_strbuf_addstr(&text, "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
	for (i = 1; i < 9; i++)
		wr_strbuf_addf(&text,
			       "a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n", i,
			       i, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1,
			       i - 1);
	assert_refused(text.buf, "line 5, column 38: too many values by alias");
}

static void aliased_text_has_its_weight_too(void **state)
{
	wr_auto_strbuf text = WR_STRBUF_INIT;
	int i;

	wr_strbuf_addstr(&text, "- &a ");
	for (i = 0; i < 64 * 1000; i++)
		wr_strbuf_addch(&text, 'x');
	for (i = 0; i < 100; i++)
		wr_strbuf_addstr(&text, "\n- *a");
	assert_refused(text.buf, "line 101, column 3: too many values by alias");
}

static void merge_keys_add_what_is_not_there(void **state)
{
	assert_json("a: &a {x: 1, y: 2}\nb: &b {y: 3, z: 4}\nc: {<<: *a, x: 0}\nd: {x: 0, <<: [*a, *b]}\n"
		    "e: {y: null, <<: *a}\nf: {'<<': 1}\n",
		    "{\"a\":{\"x\":1,\"y\":2},\"b\":{\"y\":3,\"z\":4},\"c\":{\"x\":0,\"y\":2},"
		    "\"d\":{\"x\":0,\"y\":2,\"z\":4},\"e\":{\"y\":null,\"x\":1},\"f\":{\"<<\":1}}\n");
	assert_refused("a: {<<: 7}", "line 1, column 4: << takes a mapping or a list of mappings");
	assert_refused("a: {<<: [7]}", "line 1, column 4: << takes a mapping or a list of mappings");
	assert_refused("a: {<<: ~}", "line 1, column 5: << takes a mapping or a list of mappings");
	assert_refused("a: {<<: {}, <<: {}}", "line 1, column 13: \"<<\" is there twice");
}

static void keys_are_text_and_there_once(void **state)
{
	assert_json("{80: a, true: b, ~: c, 1.0: d}",
		    "{\"80\":\"a\",\"true\":\"b\",\"~\":\"c\",\"1.0\":\"d\"}\n");
	assert_refused("a: 1\nb: 2\na: 3\n", "line 3, column 1: \"a\" is there twice");
	assert_refused("a: ~\na: ~\n", "line 2, column 1: \"a\" is there twice");
	assert_refused("{[a]: 1}", "line 1, column 2: a key must be text");
	assert_refused("{\"a\\0b\": 1}", "line 1, column 2: a NUL in a key");
}

static void nesting_ends_at_64(void **state)
{
	char text[200];
	size_t i;

	for (i = 0; i < 64; i++) {
		text[i] = '[';
		text[127 - i] = ']';
	}
	text[128] = '\0';
	text[63] = '[';
	{
		struct wr_yaml_docs d = { 0 };

		assert_int_equal(wr_yaml_parse(text, 128, &d, NULL), 0);
		wr_yaml_docs_done(&d);
	}
	memset(text, '[', 65);
	text[65] = '\0';
	assert_refused(text, "line 1, column 65: nested too deeply");
}

static void broken_text_is_named_by_place(void **state)
{
	assert_refused("a: [1, 2\nb: 3\n", "line 2, column 2: did not find expected ',' or ']'");
	assert_refused("a: 1\n  b: 2\n",
		       "line 2, column 4: mapping values are not allowed in this context");
	assert_refused("a: \"x\n", "line 2, column 1: found unexpected end of stream");
	assert_refused("a: 1\nb: \xff\n", "line 2, column 4: invalid leading UTF-8 octet");
	assert_refused("a: \x01\n", "line 1, column 4: control characters are not allowed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_scalars_get_their_types),
		cmocka_unit_test(quoted_and_tagged_scalars_are_strings),
		cmocka_unit_test(json_is_yaml),
		cmocka_unit_test(documents_are_separate_and_empty_ones_left_out),
		cmocka_unit_test(values_know_their_line),
		cmocka_unit_test(aliases_repeat_their_anchor),
		cmocka_unit_test(a_few_lines_cannot_stand_for_millions),
		cmocka_unit_test(aliased_text_has_its_weight_too),
		cmocka_unit_test(merge_keys_add_what_is_not_there),
		cmocka_unit_test(keys_are_text_and_there_once),
		cmocka_unit_test(nesting_ends_at_64),
		cmocka_unit_test(broken_text_is_named_by_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
