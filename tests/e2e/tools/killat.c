// SPDX-License-Identifier: Apache-2.0
/*
 * killat N PROGRAM [ARG...]: runs the program and kills it (SIGKILL) instead of its N-th system call, counted from 1 after the
 * exec. Says on standard error which call that would have been. Exit status 0: killed there; 3: it ended before, by
 * itself. Children of the program go on undisturbed.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
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

static int kill_instead(pid_t pid, uint64_t n)
{
	struct __ptrace_syscall_info info = { 0 };
	int status = 0;

	ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info);
	fprintf(stderr, "killed instead of call %llu: number %llu\n", (unsigned long long)n,
		(unsigned long long)info.entry.nr);
	if (kill(pid, SIGKILL) < 0 || waitpid(pid, &status, 0) != pid)
		return fail("kill");
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? 0 : FAILED;
}

static int trace(pid_t pid, uint64_t n)
{
	uint64_t i;
	int status;

	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return FAILED;
	if (ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) < 0)
		return fail("ptrace");
	/* The first stop is the end of execve. */
	for (i = 0; i < n; i++)
		if ((i && !step(pid, &status)) || !step(pid, &status))
			return ENDED_BEFORE;
	return kill_instead(pid, n);
}

int main(int argc, char **argv)
{
	uint64_t n;
	pid_t pid;

	if (argc < 3 || wr_parse_u64(argv[1], 1000000, &n) < 0 || !n) {
		fprintf(stderr, "usage: killat N PROGRAM [ARG...]\n");
		return FAILED;
	}
	pid = fork();
	if (pid < 0)
		return fail("fork");
	if (!pid)
		return start(argv + 2);
	return trace(pid, n);
}
