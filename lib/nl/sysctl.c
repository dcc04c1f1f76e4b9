/* SPDX-License-Identifier: Apache-2.0 */
/* Reads and writes below /proc/sys/net. */
#include "lib/nl/sysctl.h"

#include <errno.h>

#include "lib/base/cleanup.h"
#include "lib/base/io.h"
#include "lib/base/str.h"

#define PROC_SYS_NET "/proc/sys/net"
#define PATH_SIZE    512
/* The longest, a full list of reserved ports, is bounded by the kernel at 64 KB. */
#define VALUE_MAX 65536

static const char *root = PROC_SYS_NET;

void wr_sysctl_set_root(const char *dir)
{
	root = dir ? dir : PROC_SYS_NET;
}

static int path_of(const char *name, char path[PATH_SIZE])
{
	if (strstr(name, ".."))
		return -EINVAL;
	return wr_format(path, PATH_SIZE, "%s/%s", root, name);
}

int wr_sysctl_get(const char *name, char **ret)
{
	char path[PATH_SIZE];
	char *text = NULL;
	int r = path_of(name, path) ?: wr_read_file(path, VALUE_MAX, &text, NULL);

	if (r)
		return r;
	text[strcspn(text, "\n")] = '\0';
	*ret = text;
	return 0;
}

int wr_sysctl_get_int(const char *name, int *ret)
{
	wr_autofree char *text = NULL;
	char *end;
	long value;
	int r = wr_sysctl_get(name, &text);

	if (r)
		return r;
	errno = 0;
	value = strtol(text, &end, 10);
	if (errno || end == text || *end || value != (int)value)
		return -EINVAL;
	*ret = (int)value;
	return 0;
}

int wr_sysctl_set(const char *name, const char *value)
{
	char path[PATH_SIZE];

	return path_of(name, path) ?: wr_write_string(path, value);
}

int wr_sysctl_ensure(const char *name, const char *value)
{
	wr_autofree char *have = NULL;
	int r = wr_sysctl_get(name, &have);

	if (r)
		return r;
	return wr_streq(have, value) ? 0 : wr_sysctl_set(name, value) ?: 1;
}
