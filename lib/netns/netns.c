/* SPDX-License-Identifier: Apache-2.0 */
/* Opens, compares and enters network namespaces. */
#include "lib/netns/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "lib/base/cleanup.h"

#define EXIT_LOST 70 /* EX_SOFTWARE: the process would go on in the wrong namespace */

/* A bind mount that was removed leaves an ordinary empty file behind, which opens well. */
static bool is_netns(int fd)
{
	return ioctl(fd, NS_GET_NSTYPE) == CLONE_NEWNET;
}

int wr_netns_open(const char *path, int *ret_fd, struct wr_err *err)
{
	wr_autofd int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return wr_err_sys(err, -errno, "cannot open the network namespace %s", path);
	if (!is_netns(fd))
		return wr_err_set(err, -EBADF, "%s is not a network namespace", path);
	*ret_fd = wr_take_fd(&fd);
	return 0;
}

int wr_netns_open_self(int *ret_fd)
{
	int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

bool wr_netns_same(int fd_a, int fd_b)
{
	struct stat a, b;

	return !fstat(fd_a, &a) && !fstat(fd_b, &b) && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

int wr_netns_run(int fd, int (*fn)(void *arg), void *arg)
{
	wr_autofd int self = -1;
	int r = wr_netns_open_self(&self);

	if (r)
		return r;
	if (setns(fd, CLONE_NEWNET))
		return -errno;
	r = fn(arg);
	if (setns(self, CLONE_NEWNET)) {
		perror("cannot return to the own network namespace");
		_exit(EXIT_LOST);
	}
	return r;
}

static int get_cookie(void *arg)
{
	wr_autofd int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : wr_netns_socket_cookie(fd, arg);
}

int wr_netns_cookie(int fd, uint64_t *ret)
{
	return wr_netns_run(fd, get_cookie, ret);
}

int wr_netns_socket_cookie(int sock, uint64_t *ret)
{
	uint64_t cookie;
	socklen_t size = sizeof(cookie);

	if (getsockopt(sock, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size))
		return -errno;
	*ret = cookie;
	return 0;
}
