// SPDX-License-Identifier: Apache-2.0
/* What a command is given: paths, maps, the ways to fail. */
#include "cli/cli.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "bpf/abi/base.h"
#include "lib/base/cleanup.h"
#include "lib/base/str.h"
#include "lib/dp/dp.h"

/* Of a pipe, a file, and the tables in the documentation. */
#define DEFAULT_WIDTH 100
#define LEAST_WIDTH   60

/* A terminal's own width, if it has one. */
static size_t find_width(void)
{
	struct winsize size = { 0 };

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || !size.ws_col)
		return DEFAULT_WIDTH;
	return WR_MAX((size_t)size.ws_col, (size_t)LEAST_WIDTH);
}

void wr_cli_init(struct wr_cli *cli)
{
	*cli = (struct wr_cli){
		.width = find_width(),
		.terminal = isatty(STDOUT_FILENO),
		.out = stdout,
		.notes = stderr,
		.agent_fd = -1,
	};
}

void wr_cli_done(struct wr_cli *cli)
{
	wr_dp_close(cli->dp);
	wr_close_p(&cli->agent_fd);
}

int wr_cli_fail(struct wr_cli *cli, enum wr_exit status, int code, struct wr_err *err,
		const char *fmt, ...)
{
	wr_auto_strbuf text = WR_STRBUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	wr_strbuf_vaddf(&text, fmt, ap);
	va_end(ap);
	cli->status = status;
	return wr_err_set(err, code, "%s", text.buf);
}

void wr_cli_note(const struct wr_cli *cli, const char *fmt, ...)
{
	wr_auto_strbuf text = WR_STRBUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	wr_strbuf_vaddf(&text, fmt, ap);
	va_end(ap);
	/* In the order in which a terminal shows both. */
	(void)fflush(cli->out);
	fprintf(cli->notes, "weir: %s\n", text.buf);
}

static void closedir_p(DIR **d)
{
	if (*d)
		closedir(*d);
}

/* The ABI number of a pin directory that this program cannot read; 0: there is none. */
static uint64_t other_abi(const struct wr_paths *paths)
{
	wr_cleanup(closedir_p) DIR *d = opendir(paths->pins_root);
	struct dirent *e;
	uint64_t abi;

	while (d && (e = readdir(d)))
		if (wr_parse_u64(e->d_name, UINT32_MAX, &abi) == 0 && abi != WR_ABI_VERSION)
			return abi;
	return 0;
}

static int fail_open(struct wr_cli *cli, int code, const struct wr_err *why, struct wr_err *err)
{
	const char *pins = cli->paths.pins;
	uint64_t abi;

	if (code == -EPERM || code == -EACCES)
		return wr_cli_fail(cli, WR_EXIT_ERROR, code, err,
				   "reading the maps below %s needs CAP_BPF: run as root", pins);
	if (code != -ENOENT)
		return wr_cli_fail(cli, WR_EXIT_ERROR, code, err, "%s", why->msg);
	abi = other_abi(&cli->paths);
	if (abi)
		return wr_cli_fail(cli, WR_EXIT_NOTHING, code, err,
				   "instance \"%s\" is run by an agent with ABI %llu, and this weir reads ABI %d: use the weir of that release",
				   cli->paths.instance, (unsigned long long)abi, WR_ABI_VERSION);
	return wr_cli_fail(cli, WR_EXIT_NOTHING, code, err,
			   "nothing is pinned below %s: no agent of instance \"%s\" has run here",
			   pins, cli->paths.instance);
}

int wr_cli_dp(struct wr_cli *cli, struct wr_dp **ret, struct wr_err *err)
{
	struct wr_err why = WR_ERR_INIT;
	int r;

	if (!cli->dp) {
		r = wr_dp_open(cli->paths.pins, true, &cli->dp, &why);
		if (r < 0)
			return fail_open(cli, r, &why, err);
	}
	*ret = cli->dp;
	return 0;
}
