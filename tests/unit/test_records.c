/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about the directories of records and tombstones. */
#include "tests/unit/check.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/model/records.h"
#include "tests/unit/tmpdir.h"

static char weir[] = "weir", eth0[] = "eth0", empty[] = "";
static char names[3][8] = { "c1", "c2", "c3" };

static struct wr_attachment id_of(int i)
{
	return (struct wr_attachment){ weir, names[i], eth0 };
}

static void put(const char *dir, int i, uint32_t ifindex)
{
	struct wr_endpoint_record r = { .id = id_of(i), .netns = empty, .ifindex = ifindex };
	struct wr_err err = WR_ERR_INIT;

	if (wr_record_put(dir, &r, &err) < 0)
		fail_msg("%s", err.msg);
}

static const char *path_of(const char *dir, const char *kind, int i)
{
	struct wr_attachment id = id_of(i);
	char name[64], key[17];

	wr_attachment_key(&id, key);
	snprintf(name, sizeof(name), "%s/%s.json", kind, key);
	return wr_tmpdir_path(dir, name);
}

static void what_was_put_is_got(void **state)
{
	struct wr_attachment id = id_of(0), other = id_of(1);
	struct wr_endpoint_record r = { 0 };
	struct stat st;

	put(*state, 0, 7);
	put(*state, 0, 8);
	assert_int_equal(wr_record_get(*state, &id, &r, NULL), 0);
	assert_int_equal(r.ifindex, 8);
	wr_endpoint_record_done(&r);
	assert_int_equal(wr_record_get(*state, &other, &r, NULL), -ENOENT);
	assert_int_equal(stat(path_of(*state, "endpoints", 0), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void deleting_twice_is_success_and_takes_temporary_files_along(void **state)
{
	struct wr_attachment id = id_of(0);
	const char *path = path_of(*state, "endpoints", 0);
	char tmp[300];

	assert_int_equal(wr_record_del(*state, &id), 0);
	put(*state, 0, 7);
	put(*state, 1, 7);
	snprintf(tmp, sizeof(tmp), "%s/endpoints/.%s.0123456789abcdef.tmp", (char *)*state,
		 strrchr(path, '/') + 1);
	assert_int_equal(wr_write_file_atomic(tmp, "{", 1, 0600, 0), 1);
	assert_int_equal(wr_record_del(*state, &id), 0);
	assert_int_equal(access(tmp, F_OK), -1);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(access(path_of(*state, "endpoints", 1), F_OK), 0);
	assert_int_equal(wr_record_del(*state, &id), 0);
}

static void the_sweep_takes_temporary_files_that_are_old_enough(void **state)
{
	const char *tmp =
		wr_tmpdir_path(*state, "endpoints/.0123456789abcdef.json.0123456789abcdef.tmp");

	wr_records_sweep(*state, 0);
	put(*state, 0, 7);
	assert_int_equal(wr_write_file_atomic(tmp, "{", 1, 0600, 0), 1);
	wr_records_sweep(*state, 60000);
	assert_int_equal(access(tmp, F_OK), 0);
	wr_records_sweep(*state, 0);
	assert_int_equal(access(tmp, F_OK), -1);
	assert_int_equal(access(path_of(*state, "endpoints", 0), F_OK), 0);
}

static void all_good_ones_are_loaded_in_order_and_bad_ones_counted(void **state)
{
	struct wr_records all = { 0 };
	size_t bad = 99;

	assert_int_equal(wr_records_load(*state, &all, &bad, NULL), 0);
	assert_int_equal(all.v.n + bad, 0);
	put(*state, 2, 3);
	put(*state, 0, 1);
	put(*state, 1, 2);
	/* Torn, foreign, under another's name, and hidden: the last is somebody's temporary file. */
	assert_int_equal(wr_write_file_atomic(path_of(*state, "endpoints", 1), "{\"netw", 6, 0600, 0),
			 1);
	assert_int_equal(wr_write_file_atomic(wr_tmpdir_path(*state, "endpoints/x.json"), "[]", 2,
					      0600, 0),
			 1);
	assert_int_equal(link(path_of(*state, "endpoints", 0),
			      wr_tmpdir_path(*state, "endpoints/y.json")),
			 0);
	assert_int_equal(wr_write_file_atomic(wr_tmpdir_path(*state, "endpoints/.z.json"), "{", 1,
					      0600, 0),
			 1);
	assert_int_equal(wr_write_file_atomic(wr_tmpdir_path(*state, "endpoints/notes"), "{", 1,
					      0600, 0),
			 1);
	assert_int_equal(wr_records_load(*state, &all, &bad, NULL), 0);
	assert_int_equal(all.v.n, 2);
	assert_string_equal(all.v.v[0].id.container, "c1");
	assert_string_equal(all.v.v[1].id.container, "c3");
	assert_int_equal(bad, 3);
	wr_records_done(&all);
}

static void a_torn_record_is_an_error_that_names_the_file(void **state)
{
	struct wr_attachment id = id_of(0);
	struct wr_endpoint_record r = { 0 };
	struct wr_err err = WR_ERR_INIT;

	put(*state, 0, 7);
	assert_int_equal(wr_write_file_atomic(path_of(*state, "endpoints", 0), "{\"netw", 6, 0600, 0),
			 1);
	assert_int_equal(wr_record_get(*state, &id, &r, &err), -EINVAL);
	assert_err(&err, -EINVAL, ".json: not JSON: line 1");
	assert_null(r.id.network);
}

static void tombstones_come_and_go(void **state)
{
	struct wr_attachment a = id_of(0), b = id_of(1);
	struct wr_attachments all = { 0 };

	assert_int_equal(wr_tombstones_load(*state, &all, NULL), 0);
	assert_int_equal(all.v.n, 0);
	assert_int_equal(wr_tombstone_put(*state, &b, NULL), 0);
	assert_int_equal(wr_tombstone_put(*state, &a, NULL), 0);
	assert_int_equal(wr_tombstone_put(*state, &a, NULL), 0);
	assert_int_equal(wr_tombstones_load(*state, &all, NULL), 0);
	assert_int_equal(all.v.n, 2);
	assert_string_equal(all.v.v[0].container, "c1");
	wr_attachments_done(&all);
	assert_int_equal(wr_tombstone_del(*state, &a), 0);
	assert_int_equal(wr_tombstone_del(*state, &a), 0);
	assert_int_equal(wr_tombstones_load(*state, &all, NULL), 0);
	assert_int_equal(all.v.n, 1);
	wr_attachments_done(&all);
}

static void a_state_directory_that_cannot_be_is_an_error(void **state)
{
	struct wr_endpoint_record r = { .id = id_of(0) };
	struct wr_records all = { 0 };
	struct wr_err err = WR_ERR_INIT;
	const char *file = wr_tmpdir_path(*state, "file");
	size_t bad;

	assert_int_equal(wr_write_file_atomic(file, "", 0, 0600, 0), 1);
	assert_int_equal(wr_record_put(file, &r, &err), -ENOTDIR);
	assert_err(&err, -ENOTDIR, "cannot write ");
	err = WR_ERR_INIT;
	assert_int_equal(wr_records_load(file, &all, &bad, &err), -ENOTDIR);
	assert_err(&err, -ENOTDIR, "cannot read ");
	assert_int_equal(wr_record_del(file, &r.id), 0);
}

#define in_tmpdir(test) cmocka_unit_test_setup_teardown(test, wr_tmpdir_setup, wr_tmpdir_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_tmpdir(what_was_put_is_got),
		in_tmpdir(deleting_twice_is_success_and_takes_temporary_files_along),
		in_tmpdir(the_sweep_takes_temporary_files_that_are_old_enough),
		in_tmpdir(all_good_ones_are_loaded_in_order_and_bad_ones_counted),
		in_tmpdir(a_torn_record_is_an_error_that_names_the_file),
		in_tmpdir(tombstones_come_and_go),
		in_tmpdir(a_state_directory_that_cannot_be_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
