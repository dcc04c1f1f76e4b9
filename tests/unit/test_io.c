/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about files. */
#include "tests/unit/check.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/io.h"
#include "lib/base/mem.h"
#include "tests/unit/tmpdir.h"

static size_t count_entries(const char *dir)
{
	DIR *d = opendir(dir);
	size_t n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static void what_was_written_is_read_whole(void **state)
{
	const char *path = wr_tmpdir_path(*state, "f");
	static char big[10000];
	wr_autofree char *text = NULL;
	size_t len = 0;

	memset(big, 'x', sizeof(big));
	assert_int_equal(wr_write_file_atomic(path, big, sizeof(big), 0644, 0), 1);
	assert_int_equal(wr_read_file(path, sizeof(big), &text, &len), 0);
	assert_int_equal(len, sizeof(big));
	assert_memory_equal(text, big, len);
	assert_int_equal(text[len], 0);
}

static void a_larger_file_than_allowed_is_refused(void **state)
{
	const char *path = wr_tmpdir_path(*state, "f");
	char *text = NULL;

	assert_int_equal(wr_write_file_atomic(path, "12345", 5, 0644, 0), 1);
	assert_int_equal(wr_read_file(path, 4, &text, NULL), -EFBIG);
	assert_null(text);
	assert_int_equal(wr_read_file(wr_tmpdir_path(*state, "none"), 4, &text, NULL), -ENOENT);
}

static void an_atomic_write_sets_the_mode_and_leaves_no_temporary_file(void **state)
{
	const char *path = wr_tmpdir_path(*state, "f");
	struct stat st;
	mode_t mask = umask(077);

	assert_int_equal(wr_write_file_atomic(path, "a", 1, 0755, WR_WRITE_FSYNC), 1);
	umask(mask);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_int_equal(count_entries(*state), 1);
}

static void equal_content_and_mode_are_left_alone(void **state)
{
	const char *path = wr_tmpdir_path(*state, "f");
	struct stat before, after;

	assert_int_equal(wr_write_file_atomic(path, "abc", 3, 0600, WR_WRITE_IF_CHANGED), 1);
	assert_int_equal(stat(path, &before), 0);
	assert_int_equal(wr_write_file_atomic(path, "abc", 3, 0600, WR_WRITE_IF_CHANGED), 0);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(wr_write_file_atomic(path, "abd", 3, 0600, WR_WRITE_IF_CHANGED), 1);
	assert_int_equal(wr_write_file_atomic(path, "abd", 3, 0644, WR_WRITE_IF_CHANGED), 1);
	assert_int_equal(wr_write_file_atomic(path, "ab", 2, 0644, WR_WRITE_IF_CHANGED), 1);
}

static void a_failed_write_leaves_nothing_behind(void **state)
{
	const char *path = wr_tmpdir_path(*state, "dir");

	assert_int_equal(wr_mkdirs(wr_tmpdir_path(*state, "dir/full"), 0755), 0);
	assert_int_equal(wr_write_file_atomic(path, "a", 1, 0644, 0), -EISDIR);
	assert_int_equal(count_entries(*state), 1);
	assert_int_equal(wr_write_file_atomic(wr_tmpdir_path(*state, "no/f"), "a", 1, 0644, 0),
			 -ENOENT);
}

static void directories_are_made_with_their_parents(void **state)
{
	const char *deep = wr_tmpdir_path(*state, "a/b//c/"), *file = wr_tmpdir_path(*state, "f");
	struct stat st;

	assert_int_equal(wr_mkdirs(deep, 0755), 0);
	assert_int_equal(wr_mkdirs(deep, 0755), 0);
	assert_int_equal(stat(deep, &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_int_equal(wr_write_file_atomic(file, "", 0, 0644, 0), 1);
	assert_int_equal(wr_mkdirs(file, 0755), -ENOTDIR);
	assert_int_equal(wr_mkdirs(wr_tmpdir_path(*state, "f/x"), 0755), -ENOTDIR);
	assert_int_equal(wr_mkdirs("", 0755), -ENOENT);
}

static void a_removed_tree_is_gone_and_its_links_lead_nowhere(void **state)
{
	const char *tree = wr_tmpdir_path(*state, "tree"), *keep = wr_tmpdir_path(*state, "keep");

	assert_int_equal(wr_mkdirs(wr_tmpdir_path(*state, "tree/a/b"), 0755), 0);
	assert_int_equal(wr_mkdirs(keep, 0755), 0);
	assert_int_equal(wr_write_file_atomic(wr_tmpdir_path(*state, "tree/a/f"), "", 0, 0600, 0), 1);
	assert_int_equal(wr_write_file_atomic(wr_tmpdir_path(*state, "keep/f"), "", 0, 0600, 0), 1);
	assert_int_equal(symlink(keep, wr_tmpdir_path(*state, "tree/a/link")), 0);
	assert_int_equal(wr_remove_tree(tree), 0);
	assert_int_equal(access(tree, F_OK), -1);
	assert_int_equal(access(wr_tmpdir_path(*state, "keep/f"), F_OK), 0);
	assert_int_equal(wr_remove_tree(tree), 0);
	assert_int_equal(wr_remove_tree(wr_tmpdir_path(*state, "keep/f")), 0);
	assert_int_equal(count_entries(keep), 0);
}

static void a_string_goes_out_in_one_write(void **state)
{
	const char *path = wr_tmpdir_path(*state, "f");
	wr_autofree char *text = NULL;

	assert_int_equal(wr_write_string(path, "1"), -ENOENT);
	assert_int_equal(wr_write_file_atomic(path, "", 0, 0644, 0), 1);
	assert_int_equal(wr_write_string(path, "1\n"), 0);
	assert_int_equal(wr_read_file(path, 10, &text, NULL), 0);
	assert_string_equal(text, "1\n");
	assert_int_equal(wr_write_string("/dev/full", "1"), -ENOSPC);
}

static void a_pipe_is_read_to_its_end(void **state)
{
	wr_autofree char *text = NULL;
	size_t len;
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(wr_write_all(fds[1], "ab", 2), 0);
	assert_int_equal(wr_write_all(fds[1], "cd", 2), 0);
	close(fds[1]);
	assert_int_equal(wr_read_fd(fds[0], 4, &text, &len), 0);
	assert_string_equal(text, "abcd");
	close(fds[0]);
	assert_int_equal(wr_write_all(-1, "x", 1), -EBADF);
}

static void a_descriptor_becomes_non_blocking(void **state)
{
	int fds[2];
	char c;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(wr_set_nonblock(fds[0]), 0);
	assert_int_equal(read(fds[0], &c, 1), -1);
	assert_int_equal(errno, EAGAIN);
	close(fds[0]);
	close(fds[1]);
	assert_int_equal(wr_set_nonblock(-1), -EBADF);
}

#define in_tmpdir(test) cmocka_unit_test_setup_teardown(test, wr_tmpdir_setup, wr_tmpdir_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_tmpdir(what_was_written_is_read_whole),
		in_tmpdir(a_larger_file_than_allowed_is_refused),
		in_tmpdir(an_atomic_write_sets_the_mode_and_leaves_no_temporary_file),
		in_tmpdir(equal_content_and_mode_are_left_alone),
		in_tmpdir(a_failed_write_leaves_nothing_behind),
		in_tmpdir(directories_are_made_with_their_parents),
		in_tmpdir(a_removed_tree_is_gone_and_its_links_lead_nowhere),
		in_tmpdir(a_string_goes_out_in_one_write),
		cmocka_unit_test(a_pipe_is_read_to_its_end),
		cmocka_unit_test(a_descriptor_becomes_non_blocking),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
