// SPDX-License-Identifier: Apache-2.0
/* Installing and removing the plugin and its conflist. */
#include "agent/cni_files.h"

#include <dirent.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/io.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/json/json.h"

#define PLUGIN_MAX (64u << 20)

static void closedir_p(DIR **d)
{
	if (*d)
		closedir(*d);
}

static struct wr_json *capabilities(void)
{
	static const char *const names[] = { "portMappings", "ips", "mac",
					     "io.kubernetes.cri.pod-annotations" };
	struct wr_json *j = wr_json_new_object();
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(names); i++)
		wr_json_add_bool(j, names[i], true);
	return j;
}

/* libcni before 1.1 refuses results of 1.1.0, so 1.0.0 is the version and 1.1.0 is on offer. */
void wr_cni_conflist(const struct wr_agent_config *c, struct wr_strbuf *out)
{
	wr_auto_json *list = wr_json_new_object();
	struct wr_json *plugin = wr_json_new_object(), *plugins = wr_json_new_array(),
		       *versions = wr_json_new_array();

	wr_json_push(versions, wr_json_new_str("1.0.0"));
	wr_json_push(versions, wr_json_new_str("1.1.0"));
	wr_json_add_str(list, "cniVersion", "1.0.0");
	wr_json_add(list, "cniVersions", versions);
	wr_json_add_str(list, "name", c->cni_network);
	wr_json_add_str(plugin, "type", WR_CNI_PLUGIN);
	wr_json_add_str(plugin, "instance", c->instance);
	wr_json_add(plugin, "capabilities", capabilities());
	wr_json_push(plugins, plugin);
	wr_json_add(list, "plugins", plugins);
	wr_json_format(list, true, out);
	wr_strbuf_addch(out, '\n');
}

/* Beside this program, as in the image and the build folder, or where `make install` puts it: nobody runs it from a PATH. */
static char *plugin_source(const struct wr_agent_config *c)
{
	char self[PATH_MAX], *dir, *beside;
	ssize_t n;

	if (*c->cni_plugin)
		return wr_xstrdup(c->cni_plugin);
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	self[n < 0 ? 0 : n] = '\0';
	dir = dirname(self);
	beside = wr_xasprintf("%s/%s", dir, WR_CNI_PLUGIN);
	if (access(beside, F_OK) == 0)
		return beside;
	free(beside);
	return wr_xasprintf("%s/../libexec/weir/%s", dir, WR_CNI_PLUGIN);
}

int wr_cni_put_plugin(const struct wr_agent_config *c, struct wr_err *err)
{
	wr_autofree char *from = plugin_source(c),
			 *to = wr_xasprintf("%s/%s", c->cni_bin_dir, WR_CNI_PLUGIN);
	wr_autofree char *data = NULL;
	size_t len;
	int r = wr_read_file(from, PLUGIN_MAX, &data, &len);

	if (r)
		return wr_err_sys(err, r, "reading the plugin %s", from);
	r = wr_mkdirs(c->cni_bin_dir, 0755);
	if (r == 0)
		r = wr_write_file_atomic(to, data, len, 0755, WR_WRITE_FSYNC | WR_WRITE_IF_CHANGED);
	return r < 0 ? wr_err_sys(err, r, "installing %s", to) : r;
}

int wr_cni_put_conflist(const struct wr_agent_config *c, struct wr_err *err)
{
	wr_autofree char *to = wr_xasprintf("%s/%s", c->cni_conf_dir, WR_CNI_CONFLIST);
	wr_auto_strbuf text = WR_STRBUF_INIT;
	int r = wr_mkdirs(c->cni_conf_dir, 0755);

	wr_cni_conflist(c, &text);
	if (r == 0)
		r = wr_write_file_atomic(to, text.buf, text.len, 0644,
					 WR_WRITE_FSYNC | WR_WRITE_IF_CHANGED);
	return r < 0 ? wr_err_sys(err, r, "installing %s", to) : r;
}

/* What runtimes read (containerd and CRI-O alike), ours excepted. */
static bool is_others(const char *name)
{
	return name[0] != '.' && !wr_streq(name, WR_CNI_CONFLIST) &&
	       (wr_has_suffix(name, ".conf") || wr_has_suffix(name, ".conflist") ||
		wr_has_suffix(name, ".json"));
}

static int rename_in(const char *dir, const char *from, const char *to, struct wr_err *err)
{
	wr_autofree char *a = wr_xasprintf("%s/%s", dir, from), *b = wr_xasprintf("%s/%s", dir, to);

	return rename(a, b) < 0 ? wr_err_sys(err, -errno, "renaming %s to %s", a, b) : 0;
}

int wr_cni_disable_others(const struct wr_agent_config *c, struct wr_err *err)
{
	wr_cleanup(closedir_p) DIR *d = opendir(c->cni_conf_dir);
	const struct dirent *e;
	int n = 0;

	while (d && (e = readdir(d))) {
		wr_autofree char *away = NULL;
		int r;

		if (!is_others(e->d_name))
			continue;
		away = wr_xasprintf("%s%s", e->d_name, WR_CNI_DISABLED);
		r = rename_in(c->cni_conf_dir, e->d_name, away, err);
		if (r)
			return r;
		n++;
	}
	return n;
}

char *wr_cni_find_rival(const struct wr_agent_config *c)
{
	wr_cleanup(closedir_p) DIR *d = opendir(c->cni_conf_dir);
	const struct dirent *e;

	while (d && (e = readdir(d)))
		if (is_others(e->d_name) && strcmp(e->d_name, WR_CNI_CONFLIST) < 0)
			return wr_xstrdup(e->d_name);
	return NULL;
}

static int enable_others(const struct wr_agent_config *c, struct wr_err *err)
{
	wr_cleanup(closedir_p) DIR *d = opendir(c->cni_conf_dir);
	const struct dirent *e;
	int first = 0;

	while (d && (e = readdir(d))) {
		wr_autofree char *back = NULL;
		int r;

		if (!wr_has_suffix(e->d_name, WR_CNI_DISABLED))
			continue;
		back = wr_xstrndup(e->d_name, strlen(e->d_name) - strlen(WR_CNI_DISABLED));
		r = rename_in(c->cni_conf_dir, e->d_name, back, err);
		first = first ? first : r;
	}
	return first;
}

static int remove_file(const char *dir, const char *name, struct wr_err *err)
{
	wr_autofree char *path = wr_xasprintf("%s/%s", dir, name);

	if (unlink(path) < 0 && errno != ENOENT && errno != ENOTDIR)
		return wr_err_sys(err, -errno, "removing %s", path);
	return 0;
}

static bool has_others(const struct wr_agent_config *c)
{
	wr_cleanup(closedir_p) DIR *d = opendir(c->cni_conf_dir);
	const struct dirent *e;

	while (d && (e = readdir(d)))
		if (is_others(e->d_name))
			return true;
	return false;
}

int wr_cni_hand_back(const struct wr_agent_config *c, struct wr_err *err)
{
	int r = enable_others(c, err);

	if (r)
		return r;
	if (!has_others(c))
		return 0;
	r = remove_file(c->cni_conf_dir, WR_CNI_CONFLIST, err);
	return r ? r : 1;
}

int wr_cni_remove(const struct wr_agent_config *c, struct wr_err *err)
{
	int r = remove_file(c->cni_conf_dir, WR_CNI_CONFLIST, err), r2 = enable_others(c, err);
	int r3 = remove_file(c->cni_bin_dir, WR_CNI_PLUGIN, err);

	return r ? r : r2 ? r2 : r3;
}
