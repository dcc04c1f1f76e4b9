// SPDX-License-Identifier: Apache-2.0
/* Command line of weir-agent; every configuration key is a flag. */
#include "agent/options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/io.h"
#include "lib/base/str.h"

#define CONFIG_MAX  (1u << 20)
#define HELP_COLUMN 35
#define HELP_WIDTH  100

#define OPT_CONFIG 1000
#define OPT_ACTION 2000
#define OPT_KEY    3000

static const struct {
	const char *flag;
	enum wr_action action;
	const char *help;
} actions[] = {
	{ "check-config", WR_DO_CHECK_CONFIG, "check the configuration and exit" },
	{ "uninstall", WR_DO_UNINSTALL, "remove everything Weir has made on this node, and exit" },
	{ "retire", WR_DO_RETIRE,
	  "hand new pods back, serve those that are there, uninstall after the last" },
	{ "print-metrics", WR_DO_PRINT_METRICS, "write the metrics' documentation and exit" },
	{ "version", WR_DO_VERSION, "write the version and exit" },
	{ "help", WR_DO_HELP, "write this help and exit" },
};

struct given {
	const struct wr_key *key;
	const char *text;
};

struct given_list {
	WR_VEC(struct given) list;
};

static void given_done(struct given_list *g)
{
	wr_vec_done(&g->list);
}

static struct option *build_table(void)
{
	size_t n = 0, i;
	struct option *t = wr_xcalloc(wr_config_keys_n + WR_ARRAY_SIZE(actions) + 2, sizeof(*t));

	t[n++] = (struct option){ "config", required_argument, NULL, OPT_CONFIG };
	for (i = 0; i < WR_ARRAY_SIZE(actions); i++)
		t[n++] = (struct option){ actions[i].flag, no_argument, NULL, OPT_ACTION + (int)i };
	for (i = 0; i < wr_config_keys_n; i++) {
		const struct wr_key *key = &wr_config_keys[i];

		t[n++] = (struct option){ key->flag,
					  key->type == WR_KEY_BOOL ? optional_argument :
								     required_argument,
					  NULL, OPT_KEY + (int)i };
	}
	return t;
}

static int scan(int argc, char **argv, struct wr_options *o, struct given_list *given,
		struct wr_err *err)
{
	wr_autofree struct option *table = build_table();
	int c;

	optind = 0; /* also resets the GNU scanner's own state: tests parse more than once */
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":", table, NULL)) != -1) {
		if (c == ':')
			return wr_err_set(err, -EINVAL, "%s: needs a value", argv[optind - 1]);
		if (c < OPT_CONFIG)
			return wr_err_set(err, -EINVAL, "%s: unknown option (--help lists them)",
					  argv[optind - 1]);
		if (c >= OPT_KEY)
			wr_vec_push(&given->list, (struct given){ &wr_config_keys[c - OPT_KEY],
								  optarg ? optarg : "true" });
		else if (c >= OPT_ACTION)
			o->action = actions[c - OPT_ACTION].action;
		else {
			free(o->config_file);
			o->config_file = wr_xstrdup(optarg);
		}
	}
	if (optind < argc)
		return wr_err_set(err, -EINVAL, "%s: unexpected argument", argv[optind]);
	return 0;
}

static int apply_file(struct wr_options *o, struct wr_err *err)
{
	wr_autofree char *text = NULL;
	size_t len;
	int r;

	if (!o->config_file)
		return 0;
	r = wr_read_file(o->config_file, CONFIG_MAX, &text, &len);
	if (r)
		return wr_err_sys(err, r, "%s", o->config_file);
	return wr_config_apply_yaml(&o->config, wr_config_keys, wr_config_keys_n, o->config_file,
				    text, len, &o->notes, err);
}

static int apply_flags(struct wr_options *o, const struct given_list *given, struct wr_err *err)
{
	char where[64];
	size_t i;
	int r = 0;

	for (i = 0; i < given->list.n && r == 0; i++) {
		const struct given *g = &given->list.v[i];

		snprintf(where, sizeof(where), "--%s", g->key->flag);
		r = wr_config_set(&o->config, g->key, g->text, where, err);
	}
	return r;
}

/* What all programs of Weir take; file and flags win over it. */
static void apply_environment(struct wr_agent_config *c)
{
	const char *instance = getenv("WEIR_INSTANCE");

	if (!instance || !*instance)
		return;
	free(c->instance);
	c->instance = wr_xstrdup(instance);
}

static void name_node(struct wr_agent_config *c)
{
	char host[HOST_NAME_MAX + 1] = "";
	const char *env = getenv("NODE_NAME");

	if (*c->node)
		return;
	if (!env && gethostname(host, sizeof(host) - 1) == 0)
		env = host;
	free(c->node);
	c->node = wr_xstrdup(env ? env : "");
}

static int parse(int argc, char **argv, struct wr_options *o, struct wr_err *err)
{
	wr_cleanup(given_done) struct given_list given = { 0 };
	int r = scan(argc, argv, o, &given, err);

	if (r)
		return r;
	if (o->action == WR_DO_HELP || o->action == WR_DO_VERSION || o->action == WR_DO_PRINT_METRICS)
		return 0;
	apply_environment(&o->config);
	r = apply_file(o, err);
	if (r == 0)
		r = apply_flags(o, &given, err);
	if (r == 0)
		r = wr_config_check(&o->config, err);
	name_node(&o->config);
	return r;
}

int wr_options_parse(int argc, char **argv, struct wr_options *ret, struct wr_err *err)
{
	struct wr_options o = { .notes = WR_STRBUF_INIT };
	int r;

	wr_config_init(&o.config);
	r = parse(argc, argv, &o, err);
	if (r)
		wr_options_done(&o);
	else
		*ret = o;
	return r;
}

int wr_options_check(struct wr_options *o, struct wr_err *err)
{
	int r = 0;

	if (o->action == WR_DO_RUN || o->action == WR_DO_RETIRE || o->action == WR_DO_CHECK_CONFIG)
		r = wr_config_check_source(&o->config, err);
	if (r)
		wr_options_done(o);
	return r;
}

void wr_options_done(struct wr_options *o)
{
	free(o->config_file);
	o->config_file = NULL;
	wr_config_done(&o->config);
	wr_strbuf_done(&o->notes);
}

/* Goes on in the next line, below where it began, before it gets too wide; after a space or a comma. */
static void put_words(FILE *out, const char *text)
{
	size_t column = HELP_COLUMN, gap = 0, len;

	while (*text) {
		len = strcspn(text, " ,");
		len += text[len] == ',';
		if (column + gap + len > HELP_WIDTH) {
			fprintf(out, "\n%*s", HELP_COLUMN, "");
			column = HELP_COLUMN;
			gap = 0;
		}
		fprintf(out, "%*s%.*s", (int)gap, "", (int)len, text);
		column += gap + len;
		text += len;
		gap = strspn(text, " ");
		text += gap;
	}
	fputc('\n', out);
}

static void help_line(FILE *out, const char *flag, const char *arg, const char *help, const char *dflt)
{
	wr_auto_strbuf words = WR_STRBUF_INIT;
	char left[64];

	snprintf(left, sizeof(left), "--%s%s", flag, arg);
	fprintf(out, "  %-*s ", HELP_COLUMN - 3, left);
	wr_strbuf_addstr(&words, help);
	if (dflt && *dflt)
		wr_strbuf_addf(&words, " (%s)", dflt);
	put_words(out, words.buf);
}

static void help_key(FILE *out, const struct wr_key *key)
{
	wr_auto_strbuf arg = WR_STRBUF_INIT;

	if (key->type == WR_KEY_BOOL)
		wr_strbuf_addstr(&arg, "[=BOOL]");
	else
		wr_strbuf_addf(&arg, " %s", key->arg);
	help_line(out, key->flag, arg.buf, key->help, key->dflt);
}

void wr_options_help(FILE *out)
{
	size_t i;

	fputs("weir-agent: the agent of one node; see weir-agent(8).\n\nUsage: weir-agent [options]\n\n",
	      out);
	help_line(out, "config", " FILE", "read the configuration from a file; flags win over it",
		  NULL);
	for (i = 0; i < WR_ARRAY_SIZE(actions); i++)
		help_line(out, actions[i].flag, "", actions[i].help, NULL);
	fputs("\nConfiguration (each is a key of the file too):\n", out);
	for (i = 0; i < wr_config_keys_n; i++)
		help_key(out, &wr_config_keys[i]);
}
