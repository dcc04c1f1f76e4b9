// SPDX-License-Identifier: Apache-2.0
/* weir-cni: the verb is in the environment, the configuration on standard input, the answer on standard output. */
#include <errno.h>
#include <unistd.h>

#include "cni/codes.h"
#include "cni/plugin.h"
#include "lib/base/cleanup.h"
#include "lib/base/io.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/strbuf.h"

#define NEED_ATTACHMENT (WR_CNI_NEED_CONTAINER | WR_CNI_NEED_IFNAME)

static const struct command {
	const char *verb;
	int (*run)(struct wr_cni *cni, struct wr_json **ret, struct wr_err *err);
	unsigned int needs;     /* enum wr_cni_need */
	enum wr_cni_spec since; /* the configuration's version must not be older */
	bool no_input;
	/* Takes back what cannot be told: a runtime that got no answer does not know what it has. */
	int (*undo)(struct wr_cni *cni, struct wr_json **ret, struct wr_err *err);
} commands[] = {
	{ .verb = "ADD",
	  .run = wr_cni_add,
	  .needs = NEED_ATTACHMENT | WR_CNI_NEED_NETNS | WR_CNI_NEED_ARGS,
	  .undo = wr_cni_del },
	{ .verb = "DEL", .run = wr_cni_del, .needs = NEED_ATTACHMENT },
	{ .verb = "CHECK",
	  .run = wr_cni_check,
	  .needs = NEED_ATTACHMENT | WR_CNI_NEED_NETNS | WR_CNI_NEED_ARGS,
	  .since = WR_CNI_0_4_0 },
	{ .verb = "GC", .run = wr_cni_gc, .needs = WR_CNI_NEED_PATH, .since = WR_CNI_1_1_0 },
	{ .verb = "STATUS", .run = wr_cni_status, .since = WR_CNI_1_1_0 },
	{ .verb = "VERSION", .run = wr_cni_version, .no_input = true },
};

static int about(void)
{
	int i;

	fprintf(stderr,
		"weir-cni " WR_VERSION ": wires pods into Weir, a network for Kubernetes.\n"
		"Container runtimes run it (CNI, the Container Network Interface); see weir-cni(8).\nSpecifications:");
	for (i = 0; i < WR_CNI_SPEC_MAX; i++)
		fprintf(stderr, " %s", wr_cni_spec_format((enum wr_cni_spec)i));
	fprintf(stderr, "\n");
	return 0;
}

static const struct command *find_command(const char *verb, struct wr_err *err)
{
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(commands); i++)
		if (wr_streq(verb, commands[i].verb))
			return &commands[i];
	wr_err_set_cni(err, WR_CNI_ENVIRONMENT, -EINVAL,
		       "CNI_COMMAND \"%.32s\" is not one of ADD DEL CHECK GC STATUS VERSION", verb);
	return NULL;
}

static int check_version(const struct command *cmd, const struct wr_cni *cni, struct wr_err *err)
{
	if (cni->conf.spec >= cmd->since)
		return 0;
	return wr_err_set_cni(err, WR_CNI_VERSION, -EINVAL,
			      "%s needs a configuration of cniVersion %s or later, not %s", cmd->verb,
			      wr_cni_spec_format(cmd->since), wr_cni_spec_format(cni->conf.spec));
}

static int read_input(struct wr_cni *cni, char **ret_text, struct wr_err *err)
{
	int r = wr_read_fd(STDIN_FILENO, WR_CNI_INPUT_MAX, ret_text, &cni->input_len);

	if (r < 0) {
		err->cni = WR_CNI_IO;
		return wr_err_sys(err, r,
				  "cannot read the network configuration from standard input");
	}
	cni->input = *ret_text;
	return wr_cni_conf_parse(cni->input, cni->input_len, &cni->conf, err);
}

static char *copy(const char *s)
{
	return s ? wr_xstrdup(s) : NULL;
}

static int run(const struct command *cmd, struct wr_cni *cni, char **ret_text, struct wr_json **ret,
	       struct wr_err *err)
{
	struct wr_err input_err = WR_ERR_INIT;
	int r, input;

	if (cmd->no_input)
		return cmd->run(cni, ret, err);
	/* Both are always read: an error about the environment is answered in the configuration's version. */
	input = read_input(cni, ret_text, &input_err);
	r = wr_cni_env_read(cmd->needs, &cni->env, err);
	if (r == 0 && input < 0) {
		*err = input_err;
		r = input;
	}
	if (r == 0)
		r = check_version(cmd, cni, err);
	if (r == 0)
		r = wr_paths_init(&cni->paths, cni->conf.instance, err);
	if (r < 0)
		return r;
	cni->id = (struct wr_attachment){ .network = copy(cni->conf.name),
					  .container = copy(cni->env.container),
					  .ifname = copy(cni->env.ifname) };
	return cmd->run(cni, ret, err);
}

static int print(const struct wr_json *answer)
{
	wr_auto_strbuf text = WR_STRBUF_INIT;

	if (!answer)
		return 0;
	wr_json_format(answer, false, &text);
	wr_strbuf_addch(&text, '\n');
	return wr_write_all(STDOUT_FILENO, text.buf, text.len);
}

/* Runs the verb and answers. The exit status. */
static int serve(struct wr_cni *cni)
{
	struct wr_err err = WR_ERR_INIT;
	const struct command *cmd = find_command(cni->verb, &err);
	wr_auto_json *answer = NULL;
	wr_autofree char *text = NULL;
	int r = -EINVAL;

	if (cmd)
		r = run(cmd, cni, &text, &answer, &err);
	if (r < 0) {
		answer = wr_cni_error(cni, &err);
		print(answer);
		return 1;
	}
	if (print(answer) == 0)
		return 0;
	if (cmd->undo)
		cmd->undo(cni, &answer, &err);
	return 1;
}

int main(void)
{
	struct wr_cni cni = { .verb = getenv("CNI_COMMAND") };
	int status;

	if (!cni.verb || !*cni.verb)
		return about();
	status = serve(&cni);
	wr_attachment_done(&cni.id);
	wr_cni_conf_done(&cni.conf);
	wr_cni_env_done(&cni.env);
	return status;
}
