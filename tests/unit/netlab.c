/* SPDX-License-Identifier: Apache-2.0 */
/* Network namespaces for tests. */
#include "tests/unit/netlab.h"

#include <fcntl.h>
#include <sched.h>

#include <linux/rtnetlink.h>

#include "lib/netns/netns.h"
#include "lib/nl/msg.h"
#include "tests/unit/check.h"

static int home = -1;

/* With the loopback up: before the first address, the kernel has no table to judge gateways by. */
int wr_netlab_setup(void **state)
{
	wr_auto_nl nl = WR_NL_INIT;
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;

	if (wr_netns_open_self(&home) || unshare(CLONE_NEWNET) || wr_nl_open(&nl))
		return -1;
	wr_link_set_up(&b, 1, true);
	return wr_nl_commit(&nl, &b, NULL);
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

void wr_netlab_bridge(struct wr_nl *nl, const char *name, uint32_t port)
{
	struct ifinfomsg bridge = { .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
	struct ifinfomsg member = { .ifi_index = (int)port };
	struct nl_msg *msg = wr_msg_new(RTM_NEWLINK, NLM_F_CREATE, &bridge, sizeof(bridge));
	struct nlattr *info;
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	struct wr_link link;

	nla_put_string(msg, IFLA_IFNAME, name);
	info = nla_nest_start(msg, IFLA_LINKINFO);
	nla_put_string(msg, IFLA_INFO_KIND, "bridge");
	nla_nest_end(msg, info);
	wr_msg_put(&b, msg, 0);
	wr_netlab_commit(nl, &b);
	assert_int_equal(wr_link_get(nl, name, 0, &link), 0);
	msg = wr_msg_new(RTM_SETLINK, 0, &member, sizeof(member));
	nla_put_u32(msg, IFLA_MASTER, link.ifindex);
	wr_msg_put(&b, msg, 0);
	wr_netlab_commit(nl, &b);
}
