// SPDX-License-Identifier: Apache-2.0
/*
 * killat [-c] N PROGRAM [ARG...]: runs the program and kills it (SIGKILL) instead of its N-th system call, counted from 1 after
 * the exec (-c: from its first connect, for programs whose start has as many calls as their build makes it have). Says on standard error which call that would have been. Exit status 0: killed there; 3: it ended before, by
 * itself. Children of the program go on undisturbed.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/str.h"

#define ENDED_BEFORE 3
#define FAILED       4

static int fail(const char *what)
{
	perror(what);
	return FAILED;
}

static int start(char **argv)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
		_exit(fail("ptrace"));
	execvp(argv[0], argv);
	_exit(fail(argv[0]));
}

/* Runs to the next start or end of a system call. False: the program has ended. */
static bool step(pid_t pid, int *status)
{
	int signal = 0;

	do {
		if (ptrace(PTRACE_SYSCALL, pid, NULL, signal) < 0 || waitpid(pid, status, 0) != pid)
			return false;
		signal = WIFSTOPPED(*status) ? WSTOPSIG(*status) : 0;
	} while (WIFSTOPPED(*status) && signal != (SIGTRAP | 0x80));
	return WIFSTOPPED(*status);
}

/* At the start of which call is it? */
static uint64_t call_at(pid_t pid)
{
	struct __ptrace_syscall_info info = { 0 };

	ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info);
	return info.entry.nr;
}

static int kill_instead(pid_t pid, uint64_t n)
{
	int status = 0;

	fprintf(stderr, "killed instead of call %llu: number %llu\n", (unsigned long long)n,
		(unsigned long long)call_at(pid));
	if (kill(pid, SIGKILL) < 0 || waitpid(pid, &status, 0) != pid)
		return fail("kill");
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? 0 : FAILED;
}

static int trace(pid_t pid, uint64_t n, bool counting)
{
	bool at_start = true; /* the first stop is the end of execve */
	uint64_t i = 0;
	int status;

	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return FAILED;
	if (ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) < 0)
		return fail("ptrace");
	while (i < n) {
		if ((!at_start && !step(pid, &status)) || !step(pid, &status))
			return ENDED_BEFORE;
		at_start = false;
		counting = counting || call_at(pid) == SYS_connect;
		i += counting;
	}
	return kill_instead(pid, n);
}

int main(int argc, char **argv)
{
	const bool from_connect = argc > 1 && wr_streq(argv[1], "-c");
	uint64_t n;
	pid_t pid;

	argc -= from_connect;
	argv += from_connect;
	if (argc < 3 || wr_parse_u64(argv[1], 1000000, &n) < 0 || !n) {
		fprintf(stderr, "usage: killat [-c] N PROGRAM [ARG...]\n");
		return FAILED;
	}
	pid = fork();
	if (pid < 0)
		return fail("fork");
	if (!pid)
		return start(argv + 2);
	return trace(pid, n, !from_connect);
}
