/* SPDX-License-Identifier: Apache-2.0 */
/* Network namespaces for tests. */
#include "tests/unit/netlab.h"

#include <fcntl.h>
#include <sched.h>

#include "lib/netns/netns.h"
#include "tests/unit/check.h"

static int home = -1;

int wr_netlab_setup(void **state)
{
	if (wr_netns_open_self(&home) || unshare(CLONE_NEWNET))
		return -1;
	return 0;
}

int wr_netlab_teardown(void **state)
{
	int r = setns(home, CLONE_NEWNET);

	close(home);
	home = -1;
	return r;
}

int wr_netlab_new(void)
{
	int self, fd;

	assert_int_equal(wr_netns_open_self(&self), 0);
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	assert_int_equal(wr_netns_open_self(&fd), 0);
	assert_int_equal(setns(self, CLONE_NEWNET), 0);
	close(self);
	return fd;
}

static int open_socket(void *arg)
{
	return wr_nl_open(arg);
}

struct wr_nl wr_netlab_socket(int netns_fd)
{
	struct wr_nl nl = WR_NL_INIT;

	if (netns_fd < 0)
		assert_int_equal(wr_nl_open(&nl), 0);
	else
		assert_int_equal(wr_netns_run(netns_fd, open_socket, &nl), 0);
	return nl;
}

void wr_netlab_commit(struct wr_nl *nl, struct wr_nl_batch *b)
{
	struct wr_err err = WR_ERR_INIT;

	if (wr_nl_commit(nl, b, &err))
		fail_msg("%s", err.msg);
}

struct wr_addr wr_netlab_addr(const char *s)
{
	struct wr_addr a;

	assert_int_equal(wr_addr_parse(s, &a), 0);
	return a;
}

struct wr_prefix wr_netlab_prefix(const char *s)
{
	struct wr_prefix p;

	assert_int_equal(wr_prefix_parse(s, &p), 0);
	return p;
}

uint32_t wr_netlab_pair(struct wr_nl *nl, const char *name, const char *peer)
{
	struct wr_veth_end near = { .name = name, .netns_fd = -1 };
	struct wr_veth_end far = { .name = peer, .netns_fd = -1 };
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	struct wr_link link;

	wr_link_add_veth(&b, &near, &far, 1500);
	wr_netlab_commit(nl, &b);
	assert_int_equal(wr_link_get(nl, name, 0, &link), 0);
	wr_link_set_up(&b, link.ifindex, true);
	wr_link_set_up(&b, link.peer, true);
	wr_netlab_commit(nl, &b);
	return link.ifindex;
}
