/* SPDX-License-Identifier: Apache-2.0 */
/* Files of manifests: what is in the directory, and reading one. */
#include "agent/manifests/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/io.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define MAX_FILE (64u << 20)

bool wr_manifest_is_named(const char *name)
{
	/* '#': what editors save while one types. */
	return name[0] != '.' && name[0] != '#' &&
	       (wr_has_suffix(name, ".yaml") || wr_has_suffix(name, ".yml") ||
		wr_has_suffix(name, ".json"));
}

struct wr_manifest_file *wr_manifest_file(struct wr_manifests *m, const char *name)
{
	uint32_t hash = wr_hash_str(name);
	struct wr_manifest_file *f;
	struct wr_hnode *n;

	for (n = wr_hmap_first(&m->by_name, hash); n; n = wr_hmap_next(n)) {
		f = WR_CONTAINER_OF(n, struct wr_manifest_file, node);
		if (strcmp(f->name, name) == 0)
			return f;
	}
	f = wr_xcalloc(1, sizeof(*f));
	f->name = wr_xstrdup(name);
	f->number = ++m->last_number;
	wr_hmap_add(&m->by_name, &f->node, hash);
	wr_vec_push(&m->files, f);
	return f;
}

void wr_manifest_file_free(struct wr_manifests *m, struct wr_manifest_file *f)
{
	wr_hmap_del(&m->by_name, &f->node);
	wr_manifest_done(&f->content);
	wr_vec_done(&f->objects);
	free(f->name);
	free(f->said);
	free(f);
}

void wr_manifest_file_say(struct wr_manifests *m, struct wr_manifest_file *f, const struct wr_err *err)
{
	const char *text = err ? err->msg : NULL;

	if (wr_streq(text, f->said))
		return;
	free(f->said);
	f->said = text ? wr_xstrdup(text) : NULL;
	m->report(m->ctx, f->name, err);
}

static bool is_changed(const struct wr_manifest_file *f, const struct stat *st)
{
	return f->dev != st->st_dev || f->ino != st->st_ino || f->size != st->st_size ||
	       f->mtime.tv_sec != st->st_mtim.tv_sec || f->mtime.tv_nsec != st->st_mtim.tv_nsec;
}

static void remember(struct wr_manifest_file *f, const struct stat *st)
{
	f->dev = st->st_dev;
	f->ino = st->st_ino;
	f->size = st->st_size;
	f->mtime = st->st_mtim;
}

/* Marks by what the directory says now; a link counts as what it points at. */
static void look_at(struct wr_manifests *m, int dirfd, const char *name)
{
	struct wr_manifest_file *f;
	struct stat st;

	if (fstatat(dirfd, name, &st, 0) < 0 || !S_ISREG(st.st_mode))
		return;
	f = wr_manifest_file(m, name);
	f->gone = false;
	if (is_changed(f, &st))
		f->dirty = true;
}

static void close_dir(DIR **d)
{
	if (*d)
		closedir(*d);
}

int wr_manifest_files_scan(struct wr_manifests *m)
{
	__attribute__((cleanup(close_dir))) DIR *dir = opendir(m->dir);
	struct dirent *e;
	size_t i;

	if (!dir)
		return -errno;
	for (i = 0; i < m->files.n; i++)
		m->files.v[i]->gone = true;
	while ((e = readdir(dir)))
		if (wr_manifest_is_named(e->d_name))
			look_at(m, dirfd(dir), e->d_name);
	for (i = 0; i < m->files.n; i++)
		m->files.v[i]->dirty |= m->files.v[i]->gone;
	return 0;
}

/* Text of the file. -ENOENT: it is gone, or no regular file (any more). */
static int load(const struct wr_manifests *m, struct wr_manifest_file *f, char **ret, size_t *ret_len)
{
	wr_autofree char *path = wr_xasprintf("%s/%s", m->dir, f->name);
	/* A named pipe must not hold the loop. */
	wr_autofd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENOENT;
	remember(f, &st);
	return wr_read_fd(fd, MAX_FILE, ret, ret_len);
}

static int read_content(const struct wr_manifests *m, struct wr_manifest_file *f,
			uint32_t *ret_kinds, struct wr_err *err)
{
	wr_autofree char *text = NULL;
	struct wr_manifest content;
	size_t len = 0;
	int r = load(m, f, &text, &len);

	*ret_kinds = WR_ALL_KINDS;
	if (r < 0)
		return wr_err_sys(err, r, "cannot be read");
	r = wr_manifest_parse(text, len, &content, ret_kinds, err);
	if (r < 0)
		return r;
	wr_manifest_done(&f->content);
	f->content = content;
	return 0;
}

void wr_manifest_file_read(struct wr_manifests *m, struct wr_manifest_file *f)
{
	struct wr_err err = WR_ERR_INIT;
	uint32_t kinds;
	int r = read_content(m, f, &kinds, &err);

	f->dirty = false;
	f->gone = r == -ENOENT;
	f->bad_kinds = r < 0 && !f->gone ? kinds : 0;
	f->fresh = !r || f->gone;
	if (f->gone)
		wr_manifest_done(&f->content);
	else if (r < 0)
		wr_manifest_file_say(m, f, &err);
}
