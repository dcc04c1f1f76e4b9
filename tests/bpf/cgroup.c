/* SPDX-License-Identifier: Apache-2.0 */
/* A cgroup2 directory and network namespaces for tests of the socket hooks. */
#include "tests/bpf/check.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/io.h"
#include "lib/base/mem.h"
#include "lib/dp/sys.h"
#include "lib/netns/netns.h"
#include "tests/bpf/cgroup.h"

static char directory[512], home[512];

static const struct {
	const char *prog;
	uint32_t attach_type;
} hooks[] = {
	{ "sock_connect4", BPF_CGROUP_INET4_CONNECT },
	{ "sock_connect6", BPF_CGROUP_INET6_CONNECT },
	{ "sock_sendmsg4", BPF_CGROUP_UDP4_SENDMSG },
	{ "sock_sendmsg6", BPF_CGROUP_UDP6_SENDMSG },
	{ "sock_recvmsg4", BPF_CGROUP_UDP4_RECVMSG },
	{ "sock_recvmsg6", BPF_CGROUP_UDP6_RECVMSG },
	{ "sock_getpeername4", BPF_CGROUP_INET4_GETPEERNAME },
	{ "sock_getpeername6", BPF_CGROUP_INET6_GETPEERNAME },
	{ "sock_post_bind4", BPF_CGROUP_INET4_POST_BIND },
	{ "sock_post_bind6", BPF_CGROUP_INET6_POST_BIND },
};
#define HOOKS (sizeof(hooks) / sizeof(hooks[0]))

struct cgroup_links {
	int fds[HOOKS];
};

void cgroup2_root(char *buf, size_t size)
{
	wr_autofile FILE *f = fopen("/proc/self/mountinfo", "re");
	char line[1024], path[512];
	const char *type;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		type = strstr(line, " - ");
		if (!type || strncmp(type, " - cgroup2 ", 11) != 0)
			continue;
		if (sscanf(line, "%*s %*s %*s %*s %511s", path) == 1) {
			assert_true(snprintf(buf, size, "%s", path) < (int)size);
			return;
		}
	}
	fail_msg("no cgroup2 is mounted");
}

static void join(const char *dir)
{
	char path[600];

	snprintf(path, sizeof(path), "%s/cgroup.procs", dir);
	assert_int_equal(wr_write_string(path, "0"), 0);
}

/* Where the process was: "0::/a/b" of /proc/self/cgroup, below the root. */
static void find_home(const char *root)
{
	wr_autofile FILE *f = fopen("/proc/self/cgroup", "re");
	char line[512];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (strncmp(line, "0::", 3) != 0)
			continue;
		line[strcspn(line, "\n")] = '\0';
		snprintf(home, sizeof(home), "%.200s%.300s", root, line + 3);
		return;
	}
	fail_msg("the process is in no cgroup2");
}

int cgroup_enter(void **state)
{
	char root[256];

	cgroup2_root(root, sizeof(root));
	find_home(root);
	snprintf(directory, sizeof(directory), "%s/weir-test-%d", root, getpid());
	assert_int_equal(mkdir(directory, 0755), 0);
	join(directory);
	return 0;
}

int cgroup_leave(void **state)
{
	join(home);
	return rmdir(directory);
}

struct cgroup_links *cgroup_attach(const struct wr_dp *dp)
{
	struct cgroup_links *l = wr_xcalloc(1, sizeof(*l));
	wr_autofd int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	size_t i;
	int prog;

	assert_true(fd >= 0);
	for (i = 0; i < HOOKS; i++) {
		prog = wr_dp_prog_fd(dp, hooks[i].prog);
		assert_true(prog >= 0);
		l->fds[i] = wr_sys_cgroup_link(prog, fd, hooks[i].attach_type);
		assert_true(l->fds[i] >= 0);
	}
	return l;
}

void cgroup_detach(struct cgroup_links *l)
{
	size_t i;

	for (i = 0; i < HOOKS; i++) {
		wr_sys_link_detach(l->fds[i]);
		close(l->fds[i]);
	}
	free(l);
}

uint64_t netns_fresh(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	wr_autofd int fd = -1;
	uint64_t cookie;

	assert_int_equal(unshare(CLONE_NEWNET), 0);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &ifr), 0);
	assert_int_equal(wr_netns_socket_cookie(fd, &cookie), 0);
	return cookie;
}
