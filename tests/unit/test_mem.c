/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about allocation. */
#include "tests/unit/check.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/mem.h"

static void strings_are_copied(void **state)
{
	char *s = wr_xstrdup("abc"), *n = wr_xstrndup("abc", 2), *f = wr_xasprintf("%s-%d", s, 1);

	assert_string_equal(s, "abc");
	assert_string_equal(n, "ab");
	assert_string_equal(f, "abc-1");
	free(s);
	free(n);
	free(f);
}

static void empty_sizes_give_memory_that_can_be_freed(void **state)
{
	void *a = wr_xmalloc(0), *b = wr_xcalloc(0, 8), *c = wr_xrealloc(NULL, 0, 8);

	assert_non_null(a);
	assert_non_null(b);
	assert_non_null(c);
	free(a);
	free(b);
	free(c);
}

static void calloc_is_zeroed(void **state)
{
	static const char zero[64];
	char *p = wr_xcalloc(8, 8);

	assert_memory_equal(p, zero, sizeof(zero));
	free(p);
}

/* Runs @fn in a child; returns its exit code and what it said on stderr. */
static int run_child(void (*fn)(void), char *said, size_t size)
{
	int fds[2], status;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	if (!pid) {
		dup2(fds[1], STDERR_FILENO);
		fn();
		_exit(0);
	}
	close(fds[1]);
	n = read(fds[0], said, size - 1);
	said[n > 0 ? n : 0] = '\0';
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void ask_for_an_overflow(void)
{
	free(wr_xrealloc(NULL, SIZE_MAX / 2, 4));
}

static void an_overflowing_size_ends_the_process_with_70_and_a_line(void **state)
{
	char said[100];

	assert_int_equal(run_child(ask_for_an_overflow, said, sizeof(said)), 70);
	assert_string_equal(said, "out of memory\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strings_are_copied),
		cmocka_unit_test(empty_sizes_give_memory_that_can_be_freed),
		cmocka_unit_test(calloc_is_zeroed),
		cmocka_unit_test(an_overflowing_size_ends_the_process_with_70_and_a_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
