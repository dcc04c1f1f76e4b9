// SPDX-License-Identifier: Apache-2.0
/* Packet-too-big messages about this node's tunnels. */
#include "agent/path_mtu.h"

#include <endian.h>
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

struct wr_path_mtu {
	struct wr_loop *loop;
	struct wr_io io;
	uint16_t port;
	wr_path_mtu_fn changed;
	void *ctx;
};

bool wr_path_mtu_parse(const uint8_t *data, size_t size, uint16_t vxlan_port, struct wr_addr *ret)
{
	struct icmp6_hdr icmp;
	struct ip6_hdr ip;
	struct udphdr udp;

	if (size < sizeof(icmp) + sizeof(ip) + sizeof(udp))
		return false;
	memcpy(&icmp, data, sizeof(icmp));
	memcpy(&ip, data + sizeof(icmp), sizeof(ip));
	memcpy(&udp, data + sizeof(icmp) + sizeof(ip), sizeof(udp));
	if (icmp.icmp6_type != ICMP6_PACKET_TOO_BIG || ip.ip6_vfc >> 4 != 6 ||
	    ip.ip6_nxt != IPPROTO_UDP || be16toh(udp.uh_dport) != vxlan_port)
		return false;
	*ret = wr_addr_from6(&ip.ip6_dst);
	return true;
}

static void ready(struct wr_io *io, uint32_t events)
{
	struct wr_path_mtu *p = WR_CONTAINER_OF(io, struct wr_path_mtu, io);
	uint8_t data[128];
	struct wr_addr outer;
	int bound; /* a flood of them must not keep the loop */

	for (bound = 0; bound < 64; bound++) {
		ssize_t n = recv(io->fd, data, sizeof(data), MSG_DONTWAIT);

		if (n < 0)
			return;
		if (wr_path_mtu_parse(data, (size_t)n, p->port, &outer))
			p->changed(p->ctx, &outer);
	}
}

static int open_socket(void)
{
	wr_autofd int fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMPV6);
	struct icmp6_filter filter;

	if (fd < 0)
		return -errno;
	ICMP6_FILTER_SETBLOCKALL(&filter);
	ICMP6_FILTER_SETPASS(ICMP6_PACKET_TOO_BIG, &filter);
	if (setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof(filter)) < 0)
		return -errno;
	return wr_take_fd(&fd);
}

int wr_path_mtu_open(struct wr_loop *loop, uint16_t vxlan_port, wr_path_mtu_fn changed, void *ctx,
		     struct wr_path_mtu **ret)
{
	wr_autofd int fd = open_socket();
	struct wr_path_mtu *p;
	int r;

	if (fd < 0)
		return fd;
	p = wr_xcalloc(1, sizeof(*p));
	*p = (struct wr_path_mtu){ .loop = loop, .port = vxlan_port, .changed = changed, .ctx = ctx };
	r = wr_io_add(loop, &p->io, fd, EPOLLIN, ready);
	if (r) {
		free(p);
		return r;
	}
	wr_take_fd(&fd);
	*ret = p;
	return 0;
}

void wr_path_mtu_close(struct wr_path_mtu *p)
{
	if (!p)
		return;
	wr_io_del(p->loop, &p->io);
	close(p->io.fd);
	free(p);
}
