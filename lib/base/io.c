/* SPDX-License-Identifier: Apache-2.0 */
/* Files: whole reads, whole writes, replacement by rename, trees. */
#include "lib/base/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/strbuf.h"

#define READ_STEP 4096
#define MAX_DEPTH 64

static ssize_t read_once(int fd, void *buf, size_t size)
{
	ssize_t n;

	do
		n = read(fd, buf, size);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

int wr_read_fd(int fd, size_t max, char **ret, size_t *ret_len)
{
	wr_auto_strbuf sb = WR_STRBUF_INIT;
	ssize_t n;

	for (;;) {
		wr_strbuf_grow(&sb, READ_STEP);
		n = read_once(fd, sb.buf + sb.len, sb.size - sb.len - 1);
		if (n < 0)
			return (int)n;
		if (!n)
			break;
		sb.len += (size_t)n;
		sb.buf[sb.len] = '\0';
		if (sb.len > max)
			return -EFBIG;
	}
	*ret = wr_strbuf_take(&sb, ret_len);
	return 0;
}

int wr_read_file(const char *path, size_t max, char **ret, size_t *ret_len)
{
	wr_autofd int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return wr_read_fd(fd, max, ret, ret_len);
}

int wr_write_all(int fd, const void *data, size_t size)
{
	const char *p = data;
	ssize_t n;

	while (size) {
		n = write(fd, p, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		size -= (size_t)n;
	}
	return 0;
}

int wr_write_string(const char *path, const char *value)
{
	wr_autofd int fd = open(path, O_WRONLY | O_CLOEXEC);
	size_t size = strlen(value);
	ssize_t n;

	if (fd < 0)
		return -errno;
	do
		n = write(fd, value, size);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == size ? 0 : -EIO;
}

static bool is_same(const char *path, const void *data, size_t size, mode_t mode)
{
	wr_autofd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	wr_autofree char *have = NULL;
	struct stat st;
	size_t len;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (st.st_mode & 07777) != mode ||
	    (size_t)st.st_size != size)
		return false;
	return wr_read_fd(fd, size, &have, &len) == 0 && len == size && memcmp(have, data, size) == 0;
}

static int fill_file(int fd, const void *data, size_t size, mode_t mode, unsigned int flags)
{
	int r = wr_write_all(fd, data, size);

	if (r < 0)
		return r;
	if (fchmod(fd, mode) < 0)
		return -errno;
	if (flags & WR_WRITE_FSYNC && fsync(fd) < 0)
		return -errno;
	return 0;
}

/* ".<name>.<random>.tmp" beside @path; NULL: no randomness. */
static char *temporary_path(const char *path)
{
	wr_autofree char *for_dir = wr_xstrdup(path), *for_name = wr_xstrdup(path);
	uint64_t salt;

	if (getrandom(&salt, sizeof(salt), 0) != sizeof(salt))
		return NULL;
	return wr_xasprintf("%s/.%s.%016llx.tmp", dirname(for_dir), basename(for_name),
			    (unsigned long long)salt);
}

static int sync_dir_of(const char *path)
{
	wr_autofree char *copy = wr_xstrdup(path);
	wr_autofd int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

int wr_write_file_atomic(const char *path, const void *data, size_t size, mode_t mode,
			 unsigned int flags)
{
	wr_autofree char *tmp = NULL;
	wr_autofd int fd = -1;
	int r;

	if (flags & WR_WRITE_IF_CHANGED && is_same(path, data, size, mode))
		return 0;
	tmp = temporary_path(path);
	if (!tmp)
		return -EIO;
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = fill_file(fd, data, size, mode, flags);
	if (!r && rename(tmp, path) < 0)
		r = -errno;
	if (r < 0) {
		unlink(tmp);
		return r;
	}
	if (flags & WR_WRITE_FSYNC)
		r = sync_dir_of(path);
	return r < 0 ? r : 1;
}

static int make_dir(const char *path, mode_t mode)
{
	struct stat st;

	if (mkdir(path, mode) == 0)
		return 0;
	if (errno != EEXIST)
		return -errno;
	if (stat(path, &st) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int wr_mkdirs(const char *path, mode_t mode)
{
	wr_autofree char *partial = NULL;
	char *p;
	int r;

	r = make_dir(path, mode); /* mostly its parent is there */
	if (r != -ENOENT || !*path)
		return r;
	partial = wr_xstrdup(path);
	for (p = partial + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		r = make_dir(partial, mode);
		if (r < 0)
			return r;
		*p = '/';
	}
	return make_dir(partial, mode);
}

static void close_dir(DIR **d)
{
	if (*d)
		closedir(*d);
}

static int remove_at(int dirfd, const char *name, dev_t dev, int depth);

static int remove_entries(int dirfd, dev_t dev, int depth)
{
	__attribute__((cleanup(close_dir))) DIR *dir = NULL;
	int fd = fcntl(dirfd, F_DUPFD_CLOEXEC, 0);
	struct dirent *e;
	int r;

	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return -ENOMEM;
	}
	for (;;) {
		errno = 0;
		e = readdir(dir);
		if (!e)
			return -errno;
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		r = remove_at(dirfd, e->d_name, dev, depth);
		if (r < 0)
			return r;
	}
}

static int remove_dir(int dirfd, const char *name, dev_t dev, int depth)
{
	wr_autofd int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (dev && st.st_dev != dev)
		return -EXDEV;
	if (depth >= MAX_DEPTH)
		return -ELOOP;
	r = remove_entries(fd, st.st_dev, depth + 1);
	if (r < 0)
		return r;
	return unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
}

static int remove_at(int dirfd, const char *name, dev_t dev, int depth)
{
	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR)
		return -errno;
	return remove_dir(dirfd, name, dev, depth);
}

int wr_remove_tree(const char *path)
{
	return remove_at(AT_FDCWD, path, 0, 0);
}

int wr_set_nonblock(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	return 0;
}
