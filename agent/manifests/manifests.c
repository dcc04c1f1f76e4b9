/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Manifests as a source: inotify says where to look, files say what there is, the store hears the
 * difference.
 */
#include "agent/manifests/manifests.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "agent/manifests/files.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"

#define DEBOUNCE_MS 50   /* an editor's rename and the new file belong together */
#define RETRY_MS    1000 /* for a directory that is away */
#define WRITING_MS  1000 /* after this a new file counts as written */

#define IN_ENTRY (IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE)
#define IN_DIR   (IN_DELETE_SELF | IN_MOVE_SELF)

/* ---- events ---------------------------------------------------------------------------------- */

static int watch_dir(struct wr_manifests *m)
{
	int watch = inotify_add_watch(m->inotify, m->dir, IN_ENTRY | IN_DIR | IN_ONLYDIR);

	if (watch < 0)
		return -errno;
	m->watch = watch;
	return 0;
}

/* It was removed, or has another name: what comes to be under its name is another directory. */
static void unwatch_dir(struct wr_manifests *m)
{
	inotify_rm_watch(m->inotify, m->watch);
	m->watch = -1;
}

static bool is_new_file(const struct wr_manifests *m, const char *name)
{
	wr_autofree char *path = wr_xasprintf("%s/%s", m->dir, name);
	struct stat st;

	return lstat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1;
}

static void take_entry(struct wr_manifests *m, const struct inotify_event *e)
{
	struct wr_manifest_file *f;

	/* "..data" of a ConfigMap volume: all files are links through it. */
	if (!wr_manifest_is_named(e->name)) {
		m->rescan |= strncmp(e->name, "..", 2) == 0;
		return;
	}
	f = wr_manifest_file(m, e->name);
	f->dirty = true;
	/* Links are complete when they appear; a file is when its writer closes it. */
	f->writing_ms = e->mask & IN_CREATE && is_new_file(m, e->name) ? wr_now_ms() : 0;
}

static void take_event(struct wr_manifests *m, const struct inotify_event *e)
{
	if (e->mask & IN_Q_OVERFLOW)
		m->rescan = true;
	else if (e->wd != m->watch)
		return;
	else if (e->mask & (IN_DIR | IN_UNMOUNT | IN_IGNORED))
		unwatch_dir(m);
	else if (e->len)
		take_entry(m, e);
}

static bool is_due(const struct wr_manifests *m)
{
	size_t i;

	for (i = 0; i < m->files.n; i++)
		if (m->files.v[i]->dirty)
			return true;
	return m->rescan || m->watch < 0;
}

int wr_manifests_process(struct wr_manifests *m)
{
	char buf[8192] __attribute__((aligned(__alignof__(struct inotify_event))));
	const struct inotify_event *e;
	ssize_t n, at;

	while ((n = read(m->inotify, buf, sizeof(buf))) > 0)
		for (at = 0; at < n; at += (ssize_t)(sizeof(*e) + e->len)) {
			e = (const struct inotify_event *)(buf + at);
			take_event(m, e);
		}
	return is_due(m) ? DEBOUNCE_MS : 0;
}

/* ---- whose an object is: each belongs to the file that named it first ---------------------------- */

static struct wr_object *in_store(const struct wr_manifests *m, const struct wr_object *o)
{
	return wr_store_get(m->store, o->kind, o->ns, o->name);
}

static void let_go(struct wr_manifests *m, struct wr_object *o)
{
	struct wr_manifest_orphan orphan = { o->kind, wr_istr_ref(o->ns), wr_xstrdup(o->name) };

	o->file = 0;
	wr_vec_push(&m->orphans, orphan);
}

/* Lets go what the new content does not have any more. */
static void release(struct wr_manifests *m, struct wr_manifest_file *f)
{
	struct wr_object *o;
	size_t i;

	for (i = 0; i < f->objects.n; i++)
		f->objects.v[i]->kept = false;
	for (i = 0; i < f->content.objects.n; i++) {
		o = in_store(m, f->content.objects.v[i]);
		if (o && o->file == f->number)
			o->kept = true;
	}
	for (i = 0; i < f->objects.n; i++)
		if (!f->objects.v[i]->kept)
			let_go(m, f->objects.v[i]);
	wr_vec_reset(&f->objects);
}

static const char *name_of_file(const struct wr_manifests *m, uint32_t number)
{
	size_t i;

	for (i = 0; m->files.v[i]->number != number; i++)
		;
	return m->files.v[i]->name;
}

static void say_conflict(struct wr_manifests *m, struct wr_manifest_file *f,
			 const struct wr_object *o)
{
	struct wr_err err = WR_ERR_INIT;

	/* One of them is enough to say. */
	if (f->conflict)
		return;
	f->conflict = true;
	wr_err_set(&err, -EEXIST, "%s %s%s%s is in %s already", wr_kind_name(o->kind), o->ns,
		   *o->ns ? "/" : "", o->name, name_of_file(m, o->file));
	wr_manifest_file_say(m, f, &err);
}

/* Puts the file's objects into the store; those of other files stay theirs. */
static void put_all(struct wr_manifests *m, struct wr_manifest_file *f)
{
	struct wr_object *o;
	size_t i;

	f->conflict = false;
	wr_vec_reserve(&f->objects, f->content.objects.n);
	for (i = 0; i < f->content.objects.n; i++) {
		o = in_store(m, f->content.objects.v[i]);
		if (o && o->file && o->file != f->number) {
			say_conflict(m, f, o);
			continue;
		}
		o = wr_store_put(m->store, wr_take_ptr(f->content.objects.v[i]));
		o->file = f->number;
		wr_vec_push(&f->objects, o);
	}
	wr_manifest_done(&f->content);
	f->fresh = false;
	if (!f->conflict)
		wr_manifest_file_say(m, f, NULL);
}

/* What no file has taken goes. */
static void drop_orphans(struct wr_manifests *m)
{
	const struct wr_object *o;
	size_t i;

	for (i = 0; i < m->orphans.n; i++) {
		struct wr_manifest_orphan *orphan = &m->orphans.v[i];

		o = wr_store_get(m->store, orphan->kind, orphan->ns, orphan->name);
		if (o && !o->file)
			wr_store_del(m->store, orphan->kind, orphan->ns, orphan->name);
		wr_istr_put(orphan->ns);
		free(orphan->name);
	}
	wr_vec_done(&m->orphans);
}

/* ---- applying -------------------------------------------------------------------------------- */

static int cmp_names(const void *a, const void *b)
{
	const struct wr_manifest_file *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static void drop_gone(struct wr_manifests *m)
{
	size_t i, n = 0;

	for (i = 0; i < m->files.n; i++) {
		if (m->files.v[i]->gone)
			wr_manifest_file_free(m, m->files.v[i]);
		else
			m->files.v[n++] = m->files.v[i];
	}
	m->files.n = n;
}

/* Whether somebody is still at it; not for ever. */
static bool is_written(const struct wr_manifest_file *f)
{
	return f->writing_ms && wr_now_ms() - f->writing_ms < WRITING_MS;
}

/*
 * Reads what is dirty, and what has lost an object to another file before: that one may have let it
 * go.
 */
static bool read_files(struct wr_manifests *m)
{
	bool waits = false;
	size_t i;

	for (i = 0; i < m->files.n; i++) {
		struct wr_manifest_file *f = m->files.v[i];

		if (f->dirty && is_written(f))
			waits = true;
		else if (f->dirty || f->conflict)
			wr_manifest_file_read(m, f);
	}
	return waits;
}

static void settle(struct wr_manifests *m)
{
	size_t i;

	for (i = 0; i < m->files.n; i++)
		if (m->files.v[i]->fresh)
			release(m, m->files.v[i]);
	for (i = 0; i < m->files.n; i++)
		if (m->files.v[i]->fresh)
			put_all(m, m->files.v[i]);
	drop_orphans(m);
	drop_gone(m);
}

/* Kinds of which every object is known. */
static void mark_synced(struct wr_manifests *m)
{
	uint32_t bad = m->synced, bit;
	size_t i;

	for (i = 0; i < m->files.n; i++)
		bad |= m->files.v[i]->bad_kinds;
	for (i = 0; i < WR_KIND_MAX; i++) {
		bit = 1u << i;
		if (bad & bit)
			continue;
		m->synced |= bit;
		wr_store_synced(m->store, (enum wr_kind)i);
	}
}

/* A directory that is away is no reason to delete anything. */
static bool is_there(struct wr_manifests *m)
{
	struct wr_err err = WR_ERR_INIT;
	int r = 0;

	if (m->watch < 0) {
		r = watch_dir(m);
		m->rescan = true;
	}
	if (!r && m->rescan)
		r = wr_manifest_files_scan(m);
	if (r < 0) {
		wr_err_sys(&err, r, "cannot be read, what it said stays in force");
		if (!m->dir_reported)
			m->report(m->ctx, m->dir, &err);
		m->dir_reported = true;
		return false;
	}
	if (m->dir_reported)
		m->report(m->ctx, m->dir, NULL);
	m->dir_reported = m->rescan = false;
	return true;
}

int wr_manifests_apply(struct wr_manifests *m)
{
	bool waits;

	if (!is_there(m))
		return RETRY_MS;
	wr_vec_sort(&m->files, cmp_names);
	waits = read_files(m);
	settle(m);
	mark_synced(m);
	return waits ? DEBOUNCE_MS : 0;
}

static int first_read(struct wr_manifests *m, struct wr_err *err)
{
	size_t i;
	int r;

	m->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (m->inotify < 0)
		return wr_err_sys(err, -errno, "cannot follow directories");
	/* The watch comes first: what changes while we read is heard afterwards. */
	r = watch_dir(m);
	if (!r)
		r = wr_manifest_files_scan(m);
	if (r < 0)
		return wr_err_sys(err, r, "cannot read the manifests in %s", m->dir);
	for (i = 0; i < WR_KIND_MAX; i++)
		wr_store_begin(m->store, (enum wr_kind)i);
	wr_manifests_apply(m);
	return 0;
}

int wr_manifests_open(const char *dir, struct wr_store *store, wr_manifests_report_fn report,
		      void *ctx, struct wr_manifests **ret, struct wr_err *err)
{
	struct wr_manifests *m = wr_xcalloc(1, sizeof(*m));
	int r;

	m->dir = wr_xstrdup(dir);
	m->watch = -1;
	m->store = store;
	m->report = report;
	m->ctx = ctx;
	r = first_read(m, err);
	if (r < 0) {
		wr_manifests_close(m);
		return r;
	}
	*ret = m;
	return 0;
}

int wr_manifests_fd(const struct wr_manifests *m)
{
	return m->inotify;
}

void wr_manifests_close(struct wr_manifests *m)
{
	size_t i;

	if (!m)
		return;
	if (m->inotify >= 0)
		close(m->inotify);
	for (i = 0; i < m->files.n; i++)
		wr_manifest_file_free(m, m->files.v[i]);
	wr_vec_done(&m->files);
	wr_hmap_done(&m->by_name);
	free(m->dir);
	free(m);
}

size_t wr_manifests_files(const struct wr_manifests *m)
{
	return m->files.n;
}

size_t wr_manifests_bad_files(const struct wr_manifests *m)
{
	size_t i, n = 0;

	for (i = 0; i < m->files.n; i++)
		n += m->files.v[i]->said != NULL;
	return n;
}
