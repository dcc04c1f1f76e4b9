/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about the plugin's and the conflist's files. */
#include "tests/unit/check.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/cni_files.h"
#include "lib/base/cleanup.h"
#include "lib/base/io.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/json/json.h"
#include "tests/unit/tmpdir.h"

static struct wr_agent_config config;

static void replace(char **field, const char *value)
{
	free(*field);
	*field = wr_xstrdup(value);
}

static void put_file(const char *path, const char *text)
{
	assert_true(wr_write_file_atomic(path, text, strlen(text), 0644, 0) >= 0);
}

static int setup(void **state)
{
	if (wr_tmpdir_setup(state))
		return -1;
	wr_config_init(&config);
	replace(&config.cni_bin_dir, wr_tmpdir_path(*state, "opt/bin"));
	replace(&config.cni_conf_dir, wr_tmpdir_path(*state, "etc/net.d"));
	replace(&config.cni_plugin, wr_tmpdir_path(*state, "plugin"));
	put_file(config.cni_plugin, "the plugin");
	return 0;
}

static int teardown(void **state)
{
	wr_config_done(&config);
	return wr_tmpdir_teardown(state);
}

static void assert_file(const char *path, const char *text, mode_t mode)
{
	wr_autofree char *have = NULL;
	struct stat st;

	assert_int_equal(wr_read_file(path, 1 << 20, &have, NULL), 0);
	assert_string_equal(have, text);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, mode);
}

static bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

static void the_conflist_names_both_versions_and_the_older_first(void **state)
{
	wr_auto_strbuf text = WR_STRBUF_INIT;
	wr_auto_json *j = NULL;
	const struct wr_json *plugin;

	replace(&config.instance, "blue");
	wr_cni_conflist(&config, &text);
	assert_int_equal(wr_json_parse(text.buf, text.len, &j, NULL), 0);
	assert_string_equal(wr_json_get_str(j, "cniVersion"), "1.0.0");
	assert_int_equal(wr_json_len(wr_json_get(j, "cniVersions")), 2);
	assert_string_equal(wr_json_get_str(j, "name"), "weir");
	plugin = wr_json_at(wr_json_get(j, "plugins"), 0);
	assert_string_equal(wr_json_get_str(plugin, "type"), "weir-cni");
	assert_string_equal(wr_json_get_str(plugin, "instance"), "blue");
	assert_true(wr_json_get_bool(wr_json_get(plugin, "capabilities"), "portMappings", false));
	assert_null(wr_json_get(wr_json_get(plugin, "capabilities"), "bandwidth"));
}

static void the_plugin_is_copied_and_executable(void **state)
{
	assert_int_equal(wr_cni_put_plugin(&config, NULL), 1);
	assert_file(wr_tmpdir_path(*state, "opt/bin/weir-cni"), "the plugin", 0755);
	assert_int_equal(wr_cni_put_plugin(&config, NULL), 0);
	put_file(config.cni_plugin, "a newer plugin");
	assert_int_equal(wr_cni_put_plugin(&config, NULL), 1);
	assert_file(wr_tmpdir_path(*state, "opt/bin/weir-cni"), "a newer plugin", 0755);
}

static void a_read_only_directory_is_fine_with_the_right_plugin_in_it(void **state)
{
	const char *dir = config.cni_bin_dir;
	struct wr_err err = WR_ERR_INIT;

	assert_int_equal(wr_cni_put_plugin(&config, NULL), 1);
	assert_int_equal(unshare(CLONE_NEWNS), 0);
	assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	assert_int_equal(mount(dir, dir, NULL, MS_BIND, NULL), 0);
	assert_int_equal(mount(NULL, dir, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0);
	assert_int_equal(wr_cni_put_plugin(&config, NULL), 0);
	put_file(config.cni_plugin, "a newer plugin");
	assert_int_equal(wr_cni_put_plugin(&config, &err), -EROFS);
	assert_err(&err, -EROFS, dir);
	assert_int_equal(umount2(dir, MNT_DETACH), 0);
}

static void a_plugin_that_is_missing_is_named(void **state)
{
	struct wr_err err = WR_ERR_INIT;

	replace(&config.cni_plugin, "/nonexistent/weir-cni");
	assert_int_equal(wr_cni_put_plugin(&config, &err), -ENOENT);
	assert_err(&err, -ENOENT, "/nonexistent/weir-cni");
}

static size_t count_files(const char *path)
{
	DIR *d = opendir(path);
	size_t n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static void the_conflist_is_written_once_and_whole(void **state)
{
	assert_int_equal(wr_cni_put_conflist(&config, NULL), 1);
	assert_int_equal(wr_cni_put_conflist(&config, NULL), 0);
	assert_true(exists(wr_tmpdir_path(*state, "etc/net.d/05-weir.conflist")));
	assert_int_equal(count_files(config.cni_conf_dir), 1);
	put_file(wr_tmpdir_path(*state, "etc/net.d/05-weir.conflist"), "{}");
	assert_int_equal(wr_cni_put_conflist(&config, NULL), 1);
}

static void others_are_moved_away_and_come_back(void **state)
{
	assert_int_equal(wr_cni_put_conflist(&config, NULL), 1);
	put_file(wr_tmpdir_path(*state, "etc/net.d/10-other.conflist"), "x");
	put_file(wr_tmpdir_path(*state, "etc/net.d/20-other.conf"), "y");
	put_file(wr_tmpdir_path(*state, "etc/net.d/readme.txt"), "z");
	assert_int_equal(wr_cni_disable_others(&config, NULL), 2);
	assert_int_equal(wr_cni_disable_others(&config, NULL), 0);
	assert_false(exists(wr_tmpdir_path(*state, "etc/net.d/10-other.conflist")));
	assert_true(exists(wr_tmpdir_path(*state, "etc/net.d/05-weir.conflist")));
	assert_true(exists(wr_tmpdir_path(*state, "etc/net.d/readme.txt")));
	assert_int_equal(wr_cni_remove(&config, NULL), 0);
	assert_file(wr_tmpdir_path(*state, "etc/net.d/10-other.conflist"), "x", 0644);
	assert_file(wr_tmpdir_path(*state, "etc/net.d/20-other.conf"), "y", 0644);
	assert_int_equal(count_files(config.cni_conf_dir), 3);
}

static void only_what_comes_before_us_is_a_rival(void **state)
{
	wr_autofree char *rival = NULL;

	assert_int_equal(wr_cni_put_conflist(&config, NULL), 1);
	put_file(wr_tmpdir_path(*state, "etc/net.d/10-other.conflist"), "x");
	assert_null(wr_cni_find_rival(&config));
	put_file(wr_tmpdir_path(*state, "etc/net.d/01-other.json"), "x");
	rival = wr_cni_find_rival(&config);
	assert_string_equal(rival, "01-other.json");
}

static void removing_what_is_not_there_is_success(void **state)
{
	assert_int_equal(wr_cni_remove(&config, NULL), 0);
	assert_int_equal(wr_cni_put_plugin(&config, NULL), 1);
	assert_int_equal(wr_cni_remove(&config, NULL), 0);
	assert_false(exists(wr_tmpdir_path(*state, "opt/bin/weir-cni")));
	assert_int_equal(wr_cni_remove(&config, NULL), 0);
}

static void handing_back_leaves_a_node_without_any_configuration_at_no_moment(void **state)
{
	const char *ours = wr_tmpdir_path(*state, "etc/net.d/05-weir.conflist");

	assert_int_equal(wr_cni_put_conflist(&config, NULL), 1);
	assert_int_equal(wr_cni_hand_back(&config, NULL), 0);
	assert_true(exists(ours));
	put_file(wr_tmpdir_path(*state, "etc/net.d/10-other.conflist"), "x");
	assert_int_equal(wr_cni_disable_others(&config, NULL), 1);
	assert_int_equal(wr_cni_hand_back(&config, NULL), 1);
	assert_false(exists(ours));
	assert_file(wr_tmpdir_path(*state, "etc/net.d/10-other.conflist"), "x", 0644);
	assert_int_equal(wr_cni_hand_back(&config, NULL), 1);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(the_conflist_names_both_versions_and_the_older_first),
		T(the_plugin_is_copied_and_executable),
		T(a_read_only_directory_is_fine_with_the_right_plugin_in_it),
		T(a_plugin_that_is_missing_is_named),
		T(the_conflist_is_written_once_and_whole),
		T(others_are_moved_away_and_come_back),
		T(only_what_comes_before_us_is_a_rival),
		T(removing_what_is_not_there_is_success),
		T(handing_back_leaves_a_node_without_any_configuration_at_no_moment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
