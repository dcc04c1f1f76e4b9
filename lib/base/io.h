/* SPDX-License-Identifier: Apache-2.0 */
/* Files and file descriptors. Every descriptor is O_CLOEXEC. */
#ifndef WR_BASE_IO_H
#define WR_BASE_IO_H

#include <stddef.h>
#include <sys/types.h>

/*
 * Reads the whole of @path (or @fd to EOF), at most @max bytes (-EFBIG beyond). *ret is
 * NUL-terminated, the caller frees it.
 */
int wr_read_file(const char *path, size_t max, char **ret, size_t *ret_len /* may be NULL */);
int wr_read_fd(int fd, size_t max, char **ret, size_t *ret_len /* may be NULL */);
/* Writes everything, past EINTR and short writes. */
int wr_write_all(int fd, const void *data, size_t size);
/* For /proc/sys and the like: one write(2) of the string. */
int wr_write_string(const char *path, const char *value);

enum wr_write_flags {
	WR_WRITE_FSYNC = 1 << 0,      /* fsync the file and its directory */
	WR_WRITE_IF_CHANGED = 1 << 1, /* equal content and mode: touch nothing; returns 0 instead of 1 */
};
/*
 * Writes a hidden temporary file in the same directory (".<name>.<random>.tmp"), then renames it
 * over @path. Returns 1 when written, 0 when left alone, negative errno on failure (nothing left
 * behind).
 */
int wr_write_file_atomic(const char *path, const void *data, size_t size, mode_t mode,
			 unsigned int flags);
/* mkdir -p. An existing directory is success. */
int wr_mkdirs(const char *path, mode_t mode);
/* rm -r; a missing path is success. Does not follow symbolic links, does not cross file systems. */
int wr_remove_tree(const char *path);
int wr_set_nonblock(int fd);

#endif
