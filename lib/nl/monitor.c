/* SPDX-License-Identifier: Apache-2.0 */
/* Follows the kernel's multicast groups of links, addresses, routes and neighbours. */
#include "lib/nl/monitor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/filter.h>
#include <sys/socket.h>

#include "lib/base/mem.h"

/* Room for some thousand events between two turns of the loop. */
#define SOCKET_BUFFER (2 << 20)
#define MESSAGE_SIZE  32768
/* Datagrams a call, so that a storm does not keep the loop from its other work. */
#define READS_MAX 64

struct wr_nlmon {
	struct mnl_socket *socket;
	struct wr_nlmon_events events;
};

static unsigned int group_bit(unsigned int group)
{
	return 1u << (group - 1);
}

static unsigned int groups_of(const struct wr_nlmon_events *e)
{
	unsigned int groups = 0;

	if (e->link)
		groups |= group_bit(RTNLGRP_LINK);
	if (e->addr)
		groups |= group_bit(RTNLGRP_IPV4_IFADDR) | group_bit(RTNLGRP_IPV6_IFADDR);
	if (e->route)
		groups |= group_bit(RTNLGRP_IPV4_ROUTE) | group_bit(RTNLGRP_IPV6_ROUTE);
	if (e->neigh)
		groups |= group_bit(RTNLGRP_NEIGH);
	return groups;
}

/* Where the kernel's messages have what they are about; a link's name is its first attribute. */
#define AT_TYPE       offsetof(struct nlmsghdr, nlmsg_type)
#define AT_ROUTE(m)   (NLMSG_HDRLEN + offsetof(struct rtmsg, m))
#define AT_NAME_ATTR  (NLMSG_HDRLEN + sizeof(struct ifinfomsg))
#define AT_NAME       (AT_NAME_ATTR + sizeof(struct nlattr))
#define LOAD(size, k) BPF_STMT(BPF_LD | BPF_ABS | (size), k)
/* Steps to skip when it is equal, and when it is not. Fields are in the machine's byte order, loads in the network's. */
#define EQUAL(k, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, k, yes, no)

/* Best effort: without the filter, there are only more events. */
static void attach_filter(int fd, const struct wr_nlmon_quiet *q)
{
	const uint32_t name = (uint32_t)(uint8_t)q->link[0] << 8 | (uint8_t)q->link[1];
	const uint16_t name_len = (uint16_t)(sizeof(struct nlattr) + q->link_len + 1);
	struct sock_filter steps[] = {
		LOAD(BPF_H, AT_TYPE),
		EQUAL(htons(RTM_NEWLINK), 3, 0),
		EQUAL(htons(RTM_DELLINK), 2, 0),
		EQUAL(htons(RTM_NEWROUTE), 7, 0),
		EQUAL(htons(RTM_DELROUTE), 6, 11),
		/* 5: a link */
		LOAD(BPF_H, AT_NAME_ATTR + offsetof(struct nlattr, nla_len)),
		EQUAL(htons(q->link_len ? name_len : 0), 0, 9),
		LOAD(BPF_H, AT_NAME_ATTR + offsetof(struct nlattr, nla_type)),
		EQUAL(htons(IFLA_IFNAME), 0, 7),
		LOAD(BPF_H, AT_NAME),
		EQUAL(name, 4, 5),
		/* 11: a route */
		LOAD(BPF_B, AT_ROUTE(rtm_table)),
		EQUAL(RT_TABLE_MAIN, 0, q->other_tables ? 2 : 0),
		LOAD(BPF_B, AT_ROUTE(rtm_protocol)),
		EQUAL(q->protocol, q->protocol ? 0 : 1, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	struct sock_fprog program = { .len = WR_ARRAY_SIZE(steps), .filter = steps };

	setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

void wr_nlmon_close(struct wr_nlmon *m)
{
	if (m && m->socket)
		mnl_socket_close(m->socket);
	free(m);
}

static void nlmon_close_p(struct wr_nlmon **m)
{
	wr_nlmon_close(*m);
}

int wr_nlmon_open(const struct wr_nlmon_events *events, struct wr_nlmon **ret)
{
	wr_cleanup(nlmon_close_p) struct wr_nlmon *m = wr_xcalloc(1, sizeof(*m));
	int size = SOCKET_BUFFER;

	m->events = *events;
	m->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (!m->socket)
		return -errno;
	/* Best effort: with the kernel's default, there are only more resyncs. */
	setsockopt(wr_nlmon_fd(m), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	attach_filter(wr_nlmon_fd(m), &events->quiet);
	if (mnl_socket_bind(m->socket, groups_of(events), MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	*ret = wr_take_ptr(m);
	return 0;
}

int wr_nlmon_fd(const struct wr_nlmon *m)
{
	return mnl_socket_get_fd(m->socket);
}

static void report_link(const struct wr_nlmon_events *e, const struct nlmsghdr *msg, bool gone)
{
	struct wr_link link;

	if (!wr_link_decode(msg, &link))
		e->link(e->ctx, &link, gone);
}

static void report_addr(const struct wr_nlmon_events *e, const struct nlmsghdr *msg, bool gone)
{
	struct wr_naddr addr;

	if (!wr_naddr_decode(msg, &addr))
		e->addr(e->ctx, &addr, gone);
}

static void report_route(const struct wr_nlmon_events *e, const struct nlmsghdr *msg, bool gone)
{
	wr_auto_routes routes = { 0 };

	if (!wr_route_decode(msg, &routes))
		for (size_t i = 0; i < routes.v.n; i++)
			e->route(e->ctx, &routes.v.v[i], gone);
}

static void report_neigh(const struct wr_nlmon_events *e, const struct nlmsghdr *msg, bool gone)
{
	struct wr_neigh neigh;

	if (!wr_neigh_decode(msg, &neigh))
		e->neigh(e->ctx, &neigh, gone);
}

static int report(const struct nlmsghdr *msg, void *ctx)
{
	const struct wr_nlmon_events *e = ctx;

	switch (msg->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		report_link(e, msg, msg->nlmsg_type == RTM_DELLINK);
		break;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		report_addr(e, msg, msg->nlmsg_type == RTM_DELADDR);
		break;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		report_route(e, msg, msg->nlmsg_type == RTM_DELROUTE);
		break;
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		report_neigh(e, msg, msg->nlmsg_type == RTM_DELNEIGH);
		break;
	default:
		break;
	}
	return MNL_CB_OK;
}

int wr_nlmon_read(struct wr_nlmon *m)
{
	char buf[MESSAGE_SIZE] __attribute__((aligned(8)));
	ssize_t n;

	for (int i = 0; i < READS_MAX; i++) {
		n = mnl_socket_recvfrom(m->socket, buf, sizeof(buf));
		if (n > 0)
			mnl_cb_run(buf, (size_t)n, 0, 0, report, &m->events);
		else if (n < 0 && (errno == ENOBUFS || errno == ENOSPC))
			m->events.resync(m->events.ctx);
		else if (n < 0 && errno != EINTR)
			return errno == EAGAIN ? 0 : -errno;
	}
	return 0;
}
