// SPDX-License-Identifier: Apache-2.0
/* Runs another IPAM plugin. Its input and output are files in memory, so that no pipe can fill up. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cni/codes.h"
#include "cni/delegate.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/io.h"
#include "lib/base/mem.h"

#define OUTPUT_MAX (1u << 20)

static bool is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

static char *find_program(const char *search, const char *name)
{
	wr_autofree char *copy = wr_xstrdup(search);
	char *rest = copy, *dir;

	while ((dir = strsep(&rest, ":"))) {
		wr_autofree char *path = wr_xasprintf("%s/%s", dir, name);

		if (*dir && is_program(path))
			return wr_take_ptr(path);
	}
	return NULL;
}

static int memory_file(const char *name, const void *data, size_t size)
{
	wr_autofd int fd = memfd_create(name, MFD_CLOEXEC);
	int r;

	if (fd < 0)
		return -errno;
	r = wr_write_all(fd, data, size);
	if (r < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return r < 0 ? r : -errno;
	return wr_take_fd(&fd);
}

static int spawn(const char *path, int in, int out, pid_t *ret)
{
	char *name = wr_xstrdup(path), *argv[] = { name, NULL };
	posix_spawn_file_actions_t actions;
	int r;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	r = posix_spawn(ret, path, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	free(name);
	return -r;
}

/* False: it runs still. */
static bool ends_until(pid_t pid, uint64_t deadline_ms)
{
	wr_autofd int fd = pidfd_open(pid, 0);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	const uint64_t now = wr_now_ms();

	return poll(&p, 1, deadline_ms > now ? (int)(deadline_ms - now) : 0) != 0;
}

static int reap(pid_t pid, uint64_t deadline_ms, int *ret_status)
{
	const bool hangs = deadline_ms && !ends_until(pid, deadline_ms);

	if (hangs)
		kill(pid, SIGKILL);
	while (waitpid(pid, ret_status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return hangs ? -ETIMEDOUT : 0;
}

/* *ret_status as of waitpid, *ret_text all that it wrote. */
static int run_program(const char *path, const struct wr_cni *cni, int *ret_status, char **ret_text,
		       size_t *ret_len)
{
	wr_autofd int in = memory_file("cni-in", cni->input, cni->input_len);
	wr_autofd int out = memory_file("cni-out", "", 0);
	pid_t pid;
	int r;

	if (in < 0 || out < 0)
		return in < 0 ? in : out;
	r = spawn(path, in, out, &pid);
	if (r == 0)
		r = reap(pid, cni->deadline_ms, ret_status);
	if (r < 0)
		return r;
	if (lseek(out, 0, SEEK_SET) < 0)
		return -errno;
	return wr_read_fd(out, OUTPUT_MAX, ret_text, ret_len);
}

static int take_error(const char *name, const struct wr_json *answer, int status, struct wr_err *err)
{
	const char *msg = wr_json_get_str(answer, "msg");
	const int64_t code = wr_json_get_int(answer, "code", 0);
	const char *details = wr_json_get_str(answer, "details");

	if (msg && code > 0 && code < INT32_MAX)
		return wr_err_set_cni(err, (int)code, code == WR_CNI_TRY_AGAIN ? -EAGAIN : -EIO,
				      "IPAM plugin %s: %s%s%s", name, msg,
				      details && *details ? ": " : "", details ? details : "");
	if (WIFSIGNALED(status))
		return wr_err_set_cni(err, WR_CNI_DELEGATE, -EIO,
				      "IPAM plugin %s: killed by signal %d", name, WTERMSIG(status));
	return wr_err_set_cni(err, WR_CNI_DELEGATE, -EIO,
			      "IPAM plugin %s: exit status %d without an error object on standard output",
			      name, WEXITSTATUS(status));
}

static int take_answer(const char *name, const char *text, size_t len, int status,
		       struct wr_json **ret, struct wr_err *err)
{
	wr_auto_json *answer = NULL;
	struct wr_err why = WR_ERR_INIT;
	int r = 0;

	if (text && text[strspn(text, " \t\r\n")])
		r = wr_json_parse(text, len, &answer, &why);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return take_error(name, answer, status, err);
	if (r < 0)
		return wr_err_set_cni(err, WR_CNI_DELEGATE, r, "IPAM plugin %s: its answer: %s",
				      name, why.msg);
	if (ret)
		*ret = wr_take_ptr(answer);
	return 0;
}

int wr_cni_delegate(const struct wr_cni *cni, const char *verb, struct wr_json **ret,
		    struct wr_err *err)
{
	const char *name = cni->conf.ipam;
	wr_autofree char *path = cni->env.path ? find_program(cni->env.path, name) : NULL;
	wr_autofree char *text = NULL;
	size_t len = 0;
	int status = 0, r;

	if (!path)
		return wr_err_set_cni(err, WR_CNI_CONFIG, -ENOENT,
				      "ipam.type: there is no program %s in CNI_PATH (%s)", name,
				      cni->env.path ? cni->env.path : "not set");
	setenv("CNI_COMMAND", verb, 1);
	r = run_program(path, cni, &status, &text, &len);
	setenv("CNI_COMMAND", cni->verb, 1);
	if (r == -ETIMEDOUT)
		return wr_err_set_cni(err, WR_CNI_NOT_READY, r,
				      "IPAM plugin %s: did not answer %s in time", name, verb);
	if (r < 0) {
		err->cni = WR_CNI_DELEGATE;
		return wr_err_sys(err, r, "IPAM plugin %s: cannot run %s", name, path);
	}
	return take_answer(name, text, len, status, ret, err);
}
