/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about the agent's configuration: every key, every error, file and flags. */
#include "tests/unit/check.h"

#include <stdio.h>

#include "agent/log.h"
#include "agent/options.h"
#include "lib/base/cleanup.h"
#include "lib/base/io.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "tests/unit/tmpdir.h"

#define HEAD "apiVersion: weir.dev/v1alpha1\nkind: AgentConfiguration\n"

static int apply(struct wr_agent_config *c, const char *text, struct wr_err *err)
{
	wr_auto_strbuf notes = WR_STRBUF_INIT;

	wr_config_init(c);
	return wr_config_apply_yaml(c, wr_config_keys, wr_config_keys_n, "agent.yaml", text,
				    strlen(text), &notes, err);
}

static void the_defaults_are_valid(void **state)
{
	wr_auto_config c;

	wr_config_init(&c);
	assert_int_equal(wr_config_check(&c, NULL), 0);
	assert_string_equal(c.instance, "default");
	assert_true(c.masquerade);
	assert_int_equal(c.routing, WR_ROUTING_AUTO);
	assert_int_equal(c.timeouts[WR_TIMEOUT_TCP_ESTABLISHED], 6 * 3600);
	assert_int_equal(c.nat_ports.first, 49152);
	assert_true(c.health.on);
	assert_int_equal(c.health.port, 9877);
}

static void every_kind_of_value_is_read_from_yaml(void **state)
{
	static const char text[] = HEAD
		"node: n1\nrouting: vxlan\nmtu: 1400\nuplinks: [eth0, eth1]\nmasquerade: false\n"
		"nodePortAddresses: [10.0.0.1/8, \"fd00::/64\"]\nnatPorts: 2000-2999\n"
		"healthAddress: \"[::1]:80\"\nresync: 90s\ngarbageCollection: 7\n"
		"mapSizes: {flows: 1024, newFlows: 512}\ntimeouts: {udp: 5m, icmp: 9}\n";
	struct wr_err err = WR_ERR_INIT;
	wr_auto_config c;

	assert_int_equal(apply(&c, text, &err), 0);
	assert_string_equal(c.node, "n1");
	assert_int_equal(c.routing, WR_ROUTING_VXLAN);
	assert_int_equal(c.mtu, 1400);
	assert_int_equal(c.uplinks.list.n, 2);
	assert_string_equal(c.uplinks.list.v[1], "eth1");
	assert_false(c.masquerade);
	assert_int_equal(c.node_port_addresses.list.n, 2);
	assert_int_equal(wr_prefix_family_len(&c.node_port_addresses.list.v[0]), 8);
	assert_int_equal(c.nat_ports.last, 2999);
	assert_int_equal(c.health.port, 80);
	assert_int_equal(c.resync_s, 90);
	assert_int_equal(c.gc_s, 7);
	assert_int_equal(c.map_sizes[WR_MAP_wr_flows], 1024);
	assert_int_equal(c.map_sizes[WR_MAP_wr_new_flows], 512);
	assert_int_equal(c.timeouts[WR_TIMEOUT_UDP], 300);
	assert_int_equal(c.timeouts[WR_TIMEOUT_ICMP], 9);
	assert_int_equal(c.timeouts[WR_TIMEOUT_SCTP], 6 * 3600);
}

static void assert_refused(const char *text, const char *message)
{
	struct wr_err err = WR_ERR_INIT;
	wr_auto_config c;

	assert_int_equal(apply(&c, text, &err), -EINVAL);
	assert_string_equal(err.msg, message);
}

static void a_file_that_is_not_ours_is_refused(void **state)
{
	assert_refused("kind: AgentConfiguration\n",
		       "agent.yaml: apiVersion: is missing, must be weir.dev/v1alpha1");
	assert_refused("apiVersion: v1\nkind: AgentConfiguration\n",
		       "agent.yaml: line 1: apiVersion: must be weir.dev/v1alpha1");
	assert_refused("apiVersion: weir.dev/v1alpha1\n\nkind: Pod\n",
		       "agent.yaml: line 3: kind: must be AgentConfiguration");
	assert_refused("- a\n", "agent.yaml: must be a map of keys to values");
	assert_refused("", "agent.yaml: must hold one document, not 0");
	assert_refused(HEAD "---\n" HEAD, "agent.yaml: must hold one document, not 2");
}

static void an_unknown_key_fails_with_its_line(void **state)
{
	assert_refused(HEAD "mtu: 1400\nmttu: 1400\n", "agent.yaml: line 4: mttu: unknown key");
	assert_refused(HEAD "mapSizes:\n  flows: 64\n  flaws: 64\n",
		       "agent.yaml: line 5: mapSizes.flaws: must be one of the names in weir-agent(8)");
}

static void yaml_errors_name_the_file(void **state)
{
	struct wr_err err = WR_ERR_INIT;
	wr_auto_config c;

	assert_true(apply(&c, HEAD "mtu: [1\n", &err) < 0);
	assert_err(&err, err.code, "agent.yaml: line ");
}

/* What must be refused for a key of each type, in YAML, and words of the message. */
static const struct {
	enum wr_key_type type;
	const char *yaml, *words;
} wrong[] = {
	{ WR_KEY_STRING, "[a]", "must be a string" },
	{ WR_KEY_STRING, "7", "must be a string" },
	{ WR_KEY_STRING, "{a: b}", "must be a string" },
	{ WR_KEY_BOOL, "7", "must be true or false" },
	{ WR_KEY_BOOL, "\"yes\"", "must be true or false" },
	{ WR_KEY_BOOL, "[true]", "must be true or false" },
	{ WR_KEY_UINT, "-1", "must be a number from" },
	{ WR_KEY_UINT, "99999999999", "must be a number from" },
	{ WR_KEY_UINT, "1.5", "must be a whole number" },
	{ WR_KEY_UINT, "\"1400\"", "must be a whole number" },
	{ WR_KEY_UINT, "true", "must be a whole number" },
	{ WR_KEY_CHOICE, "sideways", "must be one of" },
	{ WR_KEY_CHOICE, "[auto]", "must be a string" },
	{ WR_KEY_SECONDS, "soon", "must be a time from" },
	{ WR_KEY_SECONDS, "0", "must be a time from" },
	{ WR_KEY_SECONDS, "9999d", "must be a time from" },
	{ WR_KEY_SECONDS, "true", "must be a time such as" },
	{ WR_KEY_STRINGS, "eth0", "must be a list" },
	{ WR_KEY_STRINGS, "[7]", "[0]: must be a string" },
	{ WR_KEY_STRINGS, "[eth0, \"\"]", "[1]: must not hold an empty name" },
	{ WR_KEY_PREFIXES, "10.0.0.0/8", "must be a list" },
	{ WR_KEY_PREFIXES, "[10.0.0.0/33]", "[0]: must be a CIDR" },
	{ WR_KEY_PREFIXES, "[10.0.0.0/8, x]", "[1]: must be a CIDR" },
	{ WR_KEY_PORTS, "7", "must be a string" },
	{ WR_KEY_PORTS, "\"2000\"", "must be first-last" },
	{ WR_KEY_PORTS, "3000-2000", "must be first-last" },
	{ WR_KEY_PORTS, "10-2000", "must be first-last" },
	{ WR_KEY_PORTS, "2000-70000", "must be first-last" },
	{ WR_KEY_LISTEN, "\"127.0.0.1\"", "must be address:port" },
	{ WR_KEY_LISTEN, "\"127.0.0.1:0\"", "must be address:port" },
	{ WR_KEY_LISTEN, "\"::1:80\"", "must be address:port" },
	{ WR_KEY_LISTEN, "localhost:80", "must be address:port" },
	{ WR_KEY_SIZES, "7", "must be a map" },
	{ WR_KEY_SIZES, "{flows: 1}", ".flows: must be a number from" },
	{ WR_KEY_SIZES, "{flows: big}", ".flows: must be a whole number" },
	{ WR_KEY_SIZES, "{globals: 64}", ".globals: must be one of the names" },
	{ WR_KEY_DURATIONS, "7", "must be a map" },
	{ WR_KEY_DURATIONS, "{udp: never}", ".udp: must be a time from" },
	{ WR_KEY_DURATIONS, "{udp: 0}", ".udp: must be a time from" },
	{ WR_KEY_DURATIONS, "{udq: 5}", ".udq: must be one of the names" },
};

static void check_wrong(const struct wr_key *key, const char *yaml, const char *words)
{
	struct wr_err err = WR_ERR_INIT;
	wr_auto_strbuf text = WR_STRBUF_INIT, where = WR_STRBUF_INIT;
	wr_auto_config c;

	wr_strbuf_addf(&text, HEAD "%s: %s\n", key->name, yaml);
	/* Fractions have no line of their own. */
	wr_strbuf_addf(&where, "agent.yaml: %s%s",
		       wr_streq(yaml, "1.5") ? "" : "line 3: ", key->name);
	assert_int_equal(apply(&c, text.buf, &err), -EINVAL);
	assert_err(&err, -EINVAL, words);
	if (!wr_has_prefix(err.msg, where.buf))
		fail_msg("\"%s\" does not begin with \"%s\"", err.msg, where.buf);
}

static void every_key_refuses_what_is_not_its_type(void **state)
{
	size_t i, j;

	for (i = 0; i < wr_config_keys_n; i++) {
		size_t tried = 0;

		for (j = 0; j < WR_ARRAY_SIZE(wrong); j++) {
			if (wrong[j].type != wr_config_keys[i].type)
				continue;
			check_wrong(&wr_config_keys[i], wrong[j].yaml, wrong[j].words);
			tried++;
		}
		assert_true(tried >= 2);
	}
}

static void numbers_stay_inside_their_range(void **state)
{
	struct wr_err err;
	wr_auto_config c;
	char text[32];
	size_t i;

	wr_config_init(&c);
	for (i = 0; i < wr_config_keys_n; i++) {
		const struct wr_key *key = &wr_config_keys[i];

		if (key->type != WR_KEY_UINT)
			continue;
		snprintf(text, sizeof(text), "%llu", (unsigned long long)key->max);
		assert_int_equal(wr_config_set(&c, key, text, "x", NULL), 0);
		snprintf(text, sizeof(text), "%llu", (unsigned long long)key->max + 1);
		err = WR_ERR_INIT;
		assert_int_equal(wr_config_set(&c, key, text, "x", &err), -EINVAL);
		if (!key->min)
			continue;
		snprintf(text, sizeof(text), "%llu", (unsigned long long)key->min - 1);
		assert_int_equal(wr_config_set(&c, key, text, "x", NULL), -EINVAL);
	}
}

static void a_renamed_key_works_and_says_so(void **state)
{
	static const struct wr_key keys[] = {
		{ .name = "mtu",
		  .was = "linkMTU",
		  .type = WR_KEY_UINT,
		  .max = 65535,
		  .offset = offsetof(struct wr_agent_config, mtu) },
	};
	static const char old_name[] = HEAD "linkMTU: 1400\n",
			  both[] = HEAD "mtu: 1\nlinkMTU: 1400\n";
	wr_auto_strbuf notes = WR_STRBUF_INIT;
	struct wr_err err = WR_ERR_INIT;
	wr_auto_config c;

	wr_config_init(&c);
	assert_int_equal(wr_config_apply_yaml(&c, keys, 1, "f", old_name, strlen(old_name), &notes,
					      NULL),
			 0);
	assert_int_equal(c.mtu, 1400);
	assert_string_equal(notes.buf,
			    "f: line 3: linkMTU: is now called mtu; the old name goes with the next release\n");
	assert_int_equal(wr_config_apply_yaml(&c, keys, 1, "f", both, strlen(both), &notes, &err),
			 -EINVAL);
	assert_string_equal(err.msg,
			    "f: line 4: linkMTU: is the old name of mtu, which is given too");
}

static void what_does_not_fit_together_is_refused(void **state)
{
	static const struct {
		const char *flag, *words;
	} cases[] = {
		{ "--mtu=576", "mtu: must be 0 or at least 1280" },
		{ "--drop-sample=3", "dropSample: must be 0 or a power of two" },
		{ "--flow-shards=3", "flowShards: must be a power of two" },
		{ "--probe-port=4789", "probePort: must differ from vxlanPort" },
		{ "--cni-network=a b", "cniNetwork: must be letters" },
	};
	struct wr_options o;
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(cases); i++) {
		char *argv[] = { (char *)(uintptr_t) "weir-agent", (char *)(uintptr_t)cases[i].flag,
				 NULL };
		struct wr_err err = WR_ERR_INIT;

		assert_int_equal(wr_options_parse(2, argv, &o, &err), -EINVAL);
		assert_err(&err, -EINVAL, cases[i].words);
	}
}

#define ARGS(...) ((char *[]){ (char *)(uintptr_t) "weir-agent", __VA_ARGS__, NULL })
#define S(text)   ((char *)(uintptr_t)(text))

static void every_key_is_a_flag(void **state)
{
	size_t i;

	for (i = 0; i < wr_config_keys_n; i++) {
		const struct wr_key *key = &wr_config_keys[i];
		struct wr_err err = WR_ERR_INIT;
		wr_autofree char *flag = wr_xasprintf("--%s=%s", key->flag, key->dflt);
		struct wr_options o;

		assert_int_equal(wr_options_parse(2, ARGS(flag), &o, &err), 0);
		wr_options_done(&o);
	}
}

static void flags_win_over_the_file(void **state)
{
	const char *path = wr_tmpdir_path(*state, "agent.yaml");
	static const char text[] = HEAD
		"mtu: 1400\nuplinks: [eth0, eth1]\nmasquerade: true\ncniNetwork: a\n";
	struct wr_options o;

	assert_int_equal(wr_write_file_atomic(path, text, strlen(text), 0600, 0), 1);
	assert_int_equal(wr_options_parse(8,
					  ARGS(S("--mtu"), S("1500"), S("--config"), S(path),
					       S("--uplinks=eth9"), S("--masquerade=false"),
					       S("--install-cni")),
					  &o, NULL),
			 0);
	assert_int_equal(o.config.mtu, 1500);
	assert_int_equal(o.config.uplinks.list.n, 1);
	assert_string_equal(o.config.uplinks.list.v[0], "eth9");
	assert_false(o.config.masquerade);
	assert_true(o.config.install_cni);
	assert_string_equal(o.config.cni_network, "a");
	wr_options_done(&o);
}

static void the_command_line_is_checked(void **state)
{
	static const struct {
		const char *arg, *message;
	} cases[] = {
		{ "--nope", "--nope: unknown option (--help lists them)" },
		{ "--mtu", "--mtu: needs a value" },
		{ "more", "more: unexpected argument" },
		{ "--mtu=x", "--mtu: must be a number from 0 to 65535, not \"x\"" },
		{ "--routing=up", "--routing: must be one of auto, direct, vxlan, not \"up\"" },
		{ "--map-sizes=flows", "--map-sizes: must be name=value, not \"flows\"" },
		{ "--map-sizes=flaws=7", "--map-sizes: there is no \"flaws\"" },
		{ "--instance=A b", "instance \"A b\": must be 1-63 of a-z, 0-9 and -, not first -" },
		{ "--uplinks=eth0,name-of-sixteen.",
		  "uplinks: \"name-of-sixteen.\" cannot be an interface's name" },
		{ "--api-servers=host:6443",
		  "apiServers: must be URLs such as https://host:6443, not \"host:6443\"" },
		{ "--config=/nonexistent/f", "/nonexistent/f: No such file or directory" },
	};
	struct wr_options o;
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(cases); i++) {
		struct wr_err err = WR_ERR_INIT;

		assert_true(wr_options_parse(2, ARGS(S(cases[i].arg)), &o, &err) < 0);
		assert_string_equal(err.msg, cases[i].message);
	}
}

static void who_runs_needs_one_source_of_objects(void **state)
{
	static const struct {
		const char *first, *second, *message; /* NULL: fine */
	} cases[] = {
		{ "--mtu=1500", "--check-config",
		  "no source of objects: set manifests, kubeconfig or apiServers" },
		{ "--manifests=/x", "--api-servers=https://h",
		  "manifests: cannot be together with kubeconfig or apiServers" },
		{ "--manifests=/x", "--kubeconfig=/y",
		  "manifests: cannot be together with kubeconfig or apiServers" },
		{ "--manifests=/x", "--check-config", NULL },
		{ "--kubeconfig=/y", "--api-servers=https://h", NULL },
		{ "--mtu=1500", "--uninstall", NULL },
	};
	struct wr_options o;
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(cases); i++) {
		struct wr_err err = WR_ERR_INIT;

		assert_int_equal(wr_options_parse(3, ARGS(S(cases[i].first), S(cases[i].second)),
						  &o, &err),
				 0);
		if (!cases[i].message) {
			assert_int_equal(wr_options_check(&o, &err), 0);
			wr_options_done(&o);
			continue;
		}
		assert_int_equal(wr_options_check(&o, &err), -EINVAL);
		assert_string_equal(err.msg, cases[i].message);
	}
}

static void actions_are_told_apart(void **state)
{
	static const struct {
		const char *arg;
		enum wr_action action;
	} cases[] = {
		{ "--mtu=1500", WR_DO_RUN },        { "--check-config", WR_DO_CHECK_CONFIG },
		{ "--uninstall", WR_DO_UNINSTALL }, { "--version", WR_DO_VERSION },
		{ "--help", WR_DO_HELP },           { "--print-metrics", WR_DO_PRINT_METRICS },
	};
	struct wr_options o;
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(cases); i++) {
		assert_int_equal(wr_options_parse(2, ARGS(S(cases[i].arg)), &o, NULL), 0);
		assert_int_equal(o.action, cases[i].action);
		wr_options_done(&o);
	}
}

static void names_and_flags_are_unique(void **state)
{
	size_t i, j;

	for (i = 0; i < wr_config_keys_n; i++) {
		assert_non_null(wr_config_keys[i].help);
		for (j = 0; j < i; j++) {
			assert_string_not_equal(wr_config_keys[i].name, wr_config_keys[j].name);
			assert_string_not_equal(wr_config_keys[i].flag, wr_config_keys[j].flag);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_defaults_are_valid),
		cmocka_unit_test(every_kind_of_value_is_read_from_yaml),
		cmocka_unit_test(a_file_that_is_not_ours_is_refused),
		cmocka_unit_test(an_unknown_key_fails_with_its_line),
		cmocka_unit_test(yaml_errors_name_the_file),
		cmocka_unit_test(every_key_refuses_what_is_not_its_type),
		cmocka_unit_test(numbers_stay_inside_their_range),
		cmocka_unit_test(a_renamed_key_works_and_says_so),
		cmocka_unit_test(what_does_not_fit_together_is_refused),
		cmocka_unit_test(every_key_is_a_flag),
		cmocka_unit_test_setup_teardown(flags_win_over_the_file, wr_tmpdir_setup,
						wr_tmpdir_teardown),
		cmocka_unit_test(the_command_line_is_checked),
		cmocka_unit_test(who_runs_needs_one_source_of_objects),
		cmocka_unit_test(actions_are_told_apart),
		cmocka_unit_test(names_and_flags_are_unique),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
