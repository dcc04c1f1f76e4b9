/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directories of endpoint records and tombstones: a file each, named by the attachment's key.
 */
#include "lib/model/records.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/io.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define MAX_RECORD (1u << 20)
#define KEY_LEN    16

static void close_dir(DIR **d)
{
	if (*d)
		closedir(*d);
}
#define autodir __attribute__((cleanup(close_dir))) DIR

static char *path_of(const char *state_dir, const char *kind, const struct wr_attachment *id)
{
	char key[KEY_LEN + 1];

	wr_attachment_key(id, key);
	return wr_xasprintf("%s/%s/%s.json", state_dir, kind, key);
}

static int write_file(const char *state_dir, const char *kind, const struct wr_attachment *id,
		      const struct wr_json *j, struct wr_err *err)
{
	wr_autofree char *path = path_of(state_dir, kind, id);
	wr_autofree char *dir = wr_xasprintf("%s/%s", state_dir, kind);
	wr_auto_strbuf text = WR_STRBUF_INIT;
	int r;

	wr_json_format(j, false, &text);
	wr_strbuf_addch(&text, '\n');
	r = wr_write_file_atomic(path, text.buf, text.len, 0600, 0);
	if (r == -ENOENT) {
		r = wr_mkdirs(dir, 0700);
		if (!r)
			r = wr_write_file_atomic(path, text.buf, text.len, 0600, 0);
	}
	return r < 0 ? wr_err_sys(err, r, "cannot write %s", path) : 0;
}

static int read_json(const char *path, struct wr_json **ret, struct wr_err *err)
{
	wr_autofree char *text = NULL;
	size_t len;
	int r = wr_read_file(path, MAX_RECORD, &text, &len);

	if (r < 0)
		return wr_err_sys(err, r, "cannot read %s", path);
	r = wr_json_parse(text, len, ret, err);
	return r < 0 ? wr_err_wrap(err, r, "%s", path) : 0;
}

/* Temporary files that a killed writer left behind: ".<key>.json.<random>.tmp". */
static void remove_temporaries(const char *dir, const char *name)
{
	autodir *d = opendir(dir);
	size_t len = strlen(name);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (e->d_name[0] == '.' && strncmp(e->d_name + 1, name, len) == 0 &&
		    e->d_name[1 + len] == '.' && wr_has_suffix(e->d_name, ".tmp"))
			unlinkat(dirfd(d), e->d_name, 0);
}

static int remove_file(const char *state_dir, const char *kind, const struct wr_attachment *id)
{
	wr_autofree char *path = path_of(state_dir, kind, id);
	wr_autofree char *dir = wr_xasprintf("%s/%s", state_dir, kind);

	remove_temporaries(dir, strrchr(path, '/') + 1);
	if (unlink(path) < 0 && errno != ENOENT && errno != ENOTDIR)
		return -errno;
	return 0;
}

static bool is_older(int dir, const char *name, uint64_t age_ms)
{
	const uint64_t now = wr_real_ms();
	struct stat st;
	uint64_t at;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	at = (uint64_t)st.st_mtim.tv_sec * 1000 + (uint64_t)st.st_mtim.tv_nsec / 1000000;
	return at > now || now - at >= age_ms;
}

static void sweep(const char *state_dir, const char *kind, uint64_t age_ms)
{
	wr_autofree char *path = wr_xasprintf("%s/%s", state_dir, kind);
	autodir *d = opendir(path);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (e->d_name[0] == '.' && wr_has_suffix(e->d_name, ".tmp") &&
		    is_older(dirfd(d), e->d_name, age_ms))
			unlinkat(dirfd(d), e->d_name, 0);
}

void wr_records_sweep(const char *state_dir, uint64_t age_ms)
{
	sweep(state_dir, "endpoints", age_ms);
	sweep(state_dir, "tombstones", age_ms);
}

/*
 * Calls @fn with each file's JSON; it returns a negative errno for what it cannot use. *ret_bad
 * counts those and what is not JSON. Hidden files are somebody's temporary ones. A missing
 * directory is an empty one.
 */
static int each_file(const char *state_dir, const char *kind,
		     int (*fn)(void *to, const struct wr_json *j, const char *name), void *to,
		     size_t *ret_bad, struct wr_err *err)
{
	wr_autofree char *dir = wr_xasprintf("%s/%s", state_dir, kind);
	autodir *d = opendir(dir);
	struct dirent *e;

	*ret_bad = 0;
	if (!d)
		return errno == ENOENT ? 0 : wr_err_sys(err, -errno, "cannot read %s", dir);
	while ((e = readdir(d))) {
		wr_autofree char *path = wr_xasprintf("%s/%s", dir, e->d_name);
		wr_auto_json *j = NULL;

		if (e->d_name[0] == '.' || !wr_has_suffix(e->d_name, ".json"))
			continue;
		if (read_json(path, &j, NULL) < 0 || fn(to, j, e->d_name) < 0)
			++*ret_bad;
	}
	return 0;
}

/* A copy under another name is not the attachment's file: DEL would never find it. */
static bool is_named(const struct wr_attachment *id, const char *name)
{
	char key[KEY_LEN + 1];

	wr_attachment_key(id, key);
	return strncmp(name, key, KEY_LEN) == 0 && strcmp(name + KEY_LEN, ".json") == 0;
}

int wr_record_put(const char *state_dir, const struct wr_endpoint_record *r, struct wr_err *err)
{
	wr_auto_json *j = wr_endpoint_record_encode(r);

	return write_file(state_dir, "endpoints", &r->id, j, err);
}

int wr_record_get(const char *state_dir, const struct wr_attachment *id,
		  struct wr_endpoint_record *ret, struct wr_err *err)
{
	wr_autofree char *path = path_of(state_dir, "endpoints", id);
	struct wr_endpoint_record rec = { 0 };
	wr_auto_json *j = NULL;
	int r = read_json(path, &j, err);

	if (r < 0)
		return r;
	r = wr_endpoint_record_decode(j, &rec, err);
	if (r < 0)
		return wr_err_wrap(err, r, "%s", path);
	if (wr_attachment_cmp(&rec.id, id) != 0) {
		wr_endpoint_record_done(&rec);
		return wr_err_set(err, -ENOENT, "%s belongs to another attachment", path);
	}
	*ret = rec;
	return 0;
}

int wr_record_del(const char *state_dir, const struct wr_attachment *id)
{
	return remove_file(state_dir, "endpoints", id);
}

static int take_record(void *to, const struct wr_json *j, const char *name)
{
	struct wr_records *records = to;
	struct wr_endpoint_record rec = { 0 };
	int r = wr_endpoint_record_decode(j, &rec, NULL);

	if (r < 0)
		return r;
	if (!is_named(&rec.id, name)) {
		wr_endpoint_record_done(&rec);
		return -EINVAL;
	}
	wr_vec_push(&records->v, rec);
	return 0;
}

static int cmp_records(const void *a, const void *b)
{
	const struct wr_endpoint_record *x = a, *y = b;

	return wr_attachment_cmp(&x->id, &y->id);
}

int wr_records_load(const char *state_dir, struct wr_records *ret, size_t *ret_bad, struct wr_err *err)
{
	struct wr_records records = { 0 };
	size_t bad;
	int r = each_file(state_dir, "endpoints", take_record, &records, &bad, err);

	if (r < 0)
		return r;
	wr_vec_sort(&records.v, cmp_records);
	*ret = records;
	*ret_bad = bad;
	return 0;
}

void wr_records_done(struct wr_records *r)
{
	size_t i;

	for (i = 0; i < r->v.n; i++)
		wr_endpoint_record_done(&r->v.v[i]);
	wr_vec_done(&r->v);
}

int wr_tombstone_put(const char *state_dir, const struct wr_attachment *id, struct wr_err *err)
{
	wr_auto_json *j = wr_json_new_object();

	wr_attachment_encode(id, j);
	return write_file(state_dir, "tombstones", id, j, err);
}

int wr_tombstone_del(const char *state_dir, const struct wr_attachment *id)
{
	return remove_file(state_dir, "tombstones", id);
}

static int take_tombstone(void *to, const struct wr_json *j, const char *name)
{
	struct wr_attachments *all = to;
	struct wr_attachment id = { 0 };
	int r = wr_attachment_decode(j, &id, NULL);

	if (r < 0)
		return r;
	if (!is_named(&id, name)) {
		wr_attachment_done(&id);
		return -EINVAL;
	}
	wr_vec_push(&all->v, id);
	return 0;
}

static int cmp_attachments(const void *a, const void *b)
{
	return wr_attachment_cmp(a, b);
}

int wr_tombstones_load(const char *state_dir, struct wr_attachments *ret, struct wr_err *err)
{
	struct wr_attachments all = { 0 };
	size_t bad;
	int r = each_file(state_dir, "tombstones", take_tombstone, &all, &bad, err);

	if (r < 0)
		return r;
	wr_vec_sort(&all.v, cmp_attachments);
	*ret = all;
	return 0;
}

void wr_attachments_done(struct wr_attachments *a)
{
	size_t i;

	for (i = 0; i < a->v.n; i++)
		wr_attachment_done(&a->v.v[i]);
	wr_vec_done(&a->v);
}
