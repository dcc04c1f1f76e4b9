/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floor under a CNI ADD: one process that makes the kernel objects of a dual-stack pod, each by one request and its
 * acknowledgement, and nothing else. No configuration, no record, no agent, no programs. Linked statically, like the plugin.
 * It shares no code with what is measured against it.
 *
 *	cni_floor add NETNS HOST-INTERFACE INTERFACE IPV4 IPV6
 *	cni_floor del HOST-INTERFACE
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#define MTU 1450
#define LO  1

static const unsigned char host_mac[6] = { 0x02, 0x57, 0, 0, 0, 0x01 };

static int sock;
static unsigned int seq;
static struct {
	struct nlmsghdr h;
	char body[1000];
} req;
static char answer[8192];

static void die(const char *what)
{
	perror(what);
	_exit(1);
}

static void begin(unsigned short type, unsigned short flags, const void *header, size_t size)
{
	req.h = (struct nlmsghdr){
		.nlmsg_len = NLMSG_LENGTH(size),
		.nlmsg_type = type,
		.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags,
		.nlmsg_seq = ++seq,
	};
	memcpy(req.body, header, size);
}

static struct rtattr *attr(unsigned short type, const void *data, size_t size)
{
	struct rtattr *a = (struct rtattr *)((char *)&req + NLMSG_ALIGN(req.h.nlmsg_len));

	a->rta_type = type;
	a->rta_len = (unsigned short)RTA_LENGTH(size);
	if (size)
		memcpy(RTA_DATA(a), data, size);
	req.h.nlmsg_len = NLMSG_ALIGN(req.h.nlmsg_len) + RTA_ALIGN(a->rta_len);
	return a;
}

static void attr_u32(unsigned short type, unsigned int value)
{
	attr(type, &value, sizeof(value));
}

static void attr_str(unsigned short type, const char *s)
{
	attr(type, s, strlen(s) + 1);
}

static void close_nest(struct rtattr *nest)
{
	nest->rta_len = (unsigned short)((char *)&req + req.h.nlmsg_len - (char *)nest);
}

/* Sends the request, reads to its acknowledgement. */
static void talk(const char *what)
{
	struct nlmsghdr *h = (struct nlmsghdr *)answer;
	struct nlmsgerr *e = NLMSG_DATA(h);

	if (send(sock, &req, req.h.nlmsg_len, 0) < 0)
		die(what);
	do {
		if (recv(sock, answer, sizeof(answer), 0) < 0)
			die(what);
	} while (h->nlmsg_type != NLMSG_ERROR);
	if (e->error) {
		errno = -e->error;
		die(what);
	}
}

static int open_socket(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0)
		die("socket");
	return fd;
}

static void put_end(const unsigned char mac[6])
{
	attr(IFLA_ADDRESS, mac, 6);
	attr_u32(IFLA_MTU, MTU);
	attr_u32(IFLA_NUM_TX_QUEUES, 1);
	attr_u32(IFLA_NUM_RX_QUEUES, 1);
}

static void add_pair(const char *host, const char *name, const unsigned char mac[6], int netns)
{
	struct ifinfomsg ifi = { 0 };
	struct rtattr *info, *data, *peer;

	begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &ifi, sizeof(ifi));
	attr_str(IFLA_IFNAME, host);
	put_end(host_mac);
	info = attr(IFLA_LINKINFO, NULL, 0);
	attr_str(IFLA_INFO_KIND, "veth");
	data = attr(IFLA_INFO_DATA, NULL, 0);
	peer = attr(VETH_INFO_PEER, &ifi, sizeof(ifi));
	attr_str(IFLA_IFNAME, name);
	put_end(mac);
	attr_u32(IFLA_NET_NS_FD, (unsigned int)netns);
	close_nest(peer);
	close_nest(data);
	close_nest(info);
	talk("veth");
}

static void set_up(unsigned int ifindex)
{
	struct ifinfomsg ifi = { .ifi_index = (int)ifindex, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };

	begin(RTM_NEWLINK, 0, &ifi, sizeof(ifi));
	talk("up");
}

static void no_link_local(unsigned int ifindex)
{
	struct ifinfomsg ifi = { .ifi_index = (int)ifindex };
	unsigned char none = IN6_ADDR_GEN_MODE_NONE;
	struct rtattr *spec, *inet6;

	begin(RTM_NEWLINK, 0, &ifi, sizeof(ifi));
	spec = attr(IFLA_AF_SPEC, NULL, 0);
	inet6 = attr(AF_INET6, NULL, 0);
	attr(IFLA_INET6_ADDR_GEN_MODE, &none, sizeof(none));
	close_nest(inet6);
	close_nest(spec);
	talk("addrgenmode");
}

static size_t bytes_of(int family)
{
	return family == AF_INET ? 4 : 16;
}

static void add_addr(unsigned int ifindex, int family, const void *addr)
{
	struct ifaddrmsg ifa = {
		.ifa_family = (unsigned char)family,
		.ifa_prefixlen = (unsigned char)(8 * bytes_of(family)),
		.ifa_flags = family == AF_INET ? 0 : IFA_F_NODAD,
		.ifa_index = ifindex,
	};

	begin(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &ifa, sizeof(ifa));
	attr(IFA_LOCAL, addr, bytes_of(family));
	attr(IFA_ADDRESS, addr, bytes_of(family));
	talk("address");
}

static void add_neigh(unsigned int ifindex, int family, const void *addr, const unsigned char *mac)
{
	struct ndmsg ndm = {
		.ndm_family = (unsigned char)family,
		.ndm_ifindex = (int)ifindex,
		.ndm_state = NUD_PERMANENT,
	};

	begin(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_EXCL, &ndm, sizeof(ndm));
	attr(NDA_DST, addr, bytes_of(family));
	attr(NDA_LLADDR, mac, 6);
	talk("neighbour");
}

/* @dst NULL: a default route. */
static void add_route(unsigned int ifindex, int family, const void *dst, const void *gateway)
{
	struct rtmsg rtm = {
		.rtm_family = (unsigned char)family,
		.rtm_dst_len = dst ? (unsigned char)(8 * bytes_of(family)) : 0,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_scope = gateway ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK,
		.rtm_type = RTN_UNICAST,
	};

	begin(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &rtm, sizeof(rtm));
	if (dst)
		attr(RTA_DST, dst, bytes_of(family));
	if (gateway)
		attr(RTA_GATEWAY, gateway, bytes_of(family));
	attr_u32(RTA_OIF, ifindex);
	talk("route");
}

struct family {
	int family;
	unsigned char addr[16], gateway[16];
};

static void wire_pod(unsigned int ifindex, const struct family f[2])
{
	set_up(LO);
	no_link_local(ifindex);
	set_up(ifindex);
	for (int i = 0; i < 2; i++) {
		add_addr(ifindex, f[i].family, f[i].addr);
		add_neigh(ifindex, f[i].family, f[i].gateway, host_mac);
		add_route(ifindex, f[i].family, f[i].gateway, NULL);
		add_route(ifindex, f[i].family, NULL, f[i].gateway);
	}
}

static void wire_host(unsigned int ifindex, const struct family f[2], const unsigned char mac[6])
{
	no_link_local(ifindex);
	set_up(ifindex);
	for (int i = 0; i < 2; i++) {
		add_neigh(ifindex, f[i].family, f[i].addr, mac);
		add_route(ifindex, f[i].family, f[i].addr, NULL);
	}
}

static int open_ns(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		die(path);
	return fd;
}

static void enter(int netns)
{
	if (setns(netns, CLONE_NEWNET))
		die("setns");
}

static int add(char **arg)
{
	int pod = open_ns(arg[0]), self = open_ns("/proc/self/ns/net");
	int host_sock = open_socket();
	unsigned char mac[6] = { 0x02, 0x57 };
	struct family f[2] = { { .family = AF_INET }, { .family = AF_INET6 } };

	if (inet_pton(AF_INET, arg[3], f[0].addr) != 1 || inet_pton(AF_INET6, arg[4], f[1].addr) != 1)
		die("addresses");
	inet_pton(AF_INET, "169.254.1.1", f[0].gateway);
	inet_pton(AF_INET6, "fe80::1", f[1].gateway);
	memcpy(mac + 2, f[0].addr, 4);

	sock = host_sock;
	add_pair(arg[1], arg[2], mac, pod);
	enter(pod);
	sock = open_socket();
	wire_pod(if_nametoindex(arg[2]), f);
	enter(self);
	sock = host_sock;
	wire_host(if_nametoindex(arg[1]), f, mac);
	return 0;
}

static int del(const char *host)
{
	struct ifinfomsg ifi = { 0 };

	sock = open_socket();
	begin(RTM_DELLINK, 0, &ifi, sizeof(ifi));
	attr_str(IFLA_IFNAME, host);
	talk("delete");
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 7 && !strcmp(argv[1], "add"))
		return add(argv + 2);
	if (argc == 3 && !strcmp(argv[1], "del"))
		return del(argv[2]);
	fputs("usage: cni_floor add NETNS HOST-INTERFACE INTERFACE IPV4 IPV6\n"
	      "       cni_floor del HOST-INTERFACE\n",
	      stderr);
	return 2;
}
