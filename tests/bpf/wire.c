/* SPDX-License-Identifier: Apache-2.0 */
/* A node on the wire: programs attached, packet sockets at the other ends. */
#include "tests/bpf/check.h"

#include <arpa/inet.h>
#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "lib/dp/clsact.h"
#include "lib/netns/netns.h"
#include "lib/nl/link.h"
#include "lib/nl/neigh.h"
#include "tests/bpf/wire.h"

static const uint32_t pods[] = { 5, 6, 7 };

static void bring_up(const char *name)
{
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	wr_auto_nl nl = WR_NL_INIT;

	assert_int_equal(wr_nl_open(&nl), 0);
	wr_link_set_addrgen_none(&b, if_nametoindex(name));
	wr_link_set_up(&b, if_nametoindex(name), true);
	assert_int_equal(wr_nl_commit(&nl, &b, NULL), 0);
}

static void attach(const struct lab *lab, uint32_t ifindex, const char *in, const char *out)
{
	struct wr_err err = WR_ERR_INIT;

	if (wr_clsact_put(ifindex, WR_ATTACH_TC_INGRESS, wr_dp_prog_fd(lab->dp, in), in, &err) ||
	    wr_clsact_put(ifindex, WR_ATTACH_TC_EGRESS, wr_dp_prog_fd(lab->dp, out), out, &err))
		fail_msg("%s", err.msg);
}

static void no_sums(const char *name)
{
	struct ethtool_value off = { .cmd = ETHTOOL_STXCSUM };
	struct ifreq ifr = { .ifr_data = (void *)&off };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memcpy(ifr.ifr_name, name, strlen(name));
	assert_int_equal(ioctl(fd, SIOCETHTOOL, &ifr), 0);
	close(fd);
}

struct at {
	const char *name;
	int fd;
};

/* In the far namespace. */
static int open_far(void *arg)
{
	struct at *at = arg;
	struct sockaddr_ll a = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	struct timeval patience = { .tv_sec = 2 };
	int on = 1;

	bring_up(at->name);
	a.sll_ifindex = (int)if_nametoindex(at->name);
	at->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	assert_int_equal(setsockopt(at->fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)), 0);
	assert_int_equal(setsockopt(at->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)), 0);
	assert_int_equal(setsockopt(at->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
	return bind(at->fd, (struct sockaddr *)&a, sizeof(a));
}

static int far_socket(const char *name)
{
	struct at at = { .name = name };

	assert_int_equal(wr_netns_run(lab_far(), open_far, &at), 0);
	return at.fd;
}

static void put_router(struct lab *lab, uint32_t number, const char *text)
{
	struct wr_nexthop nh = { .kind = WR_NH_NEIGH, .ifindex = lab->uplink, .mtu = LAB_MTU };
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	wr_auto_nl nl = WR_NL_INIT;

	assert_int_equal(wr_addr_parse(text, &nh.gateway), 0);
	assert_int_equal(wr_nexthop_put(lab->dp, number, &nh), 0);
	assert_int_equal(wr_nl_open(&nl), 0);
	wr_neigh_put(&b, lab->uplink, &nh.gateway, lab_router_mac());
	assert_int_equal(wr_nl_commit(&nl, &b, NULL), 0);
}

void wire_outside(struct wire *w)
{
	put_router(w->lab, WR_NEXTHOP_OUT4, "192.168.0.254");
	put_router(w->lab, WR_NEXTHOP_OUT6, "fd00:99::fe");
}

void wire_open(struct wire *w, struct lab *lab)
{
	char name[IFNAMSIZ];
	size_t i;

	*w = (struct wire){ .lab = lab };
	for (i = 0; i < WR_ARRAY_SIZE(pods); i++) {
		snprintf(name, sizeof(name), "pod%u", pods[i]);
		bring_up(name);
		attach(lab, lab->pod[pods[i]], "pod_egress", "pod_ingress");
		snprintf(name, sizeof(name), "pod%ux", pods[i]);
		w->pod[pods[i]] = far_socket(name);
	}
	bring_up("uplink");
	no_sums("uplink");
	attach(lab, lab->uplink, "uplink_ingress", "uplink_egress");
	w->uplink = far_socket("uplinkx");
}

void wire_close(struct wire *w)
{
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(pods); i++)
		close(w->pod[pods[i]]);
	close(w->uplink);
}

void wire_send(int at, const struct packet *p, bool partial)
{
	struct {
		struct virtio_net_hdr h;
		uint8_t b[PACKET_ROOM];
	} frame = { 0 };
	struct seen s = packet_read(p);
	size_t size = sizeof(frame.h) + p->len;

	memcpy(frame.b, p->b, p->len);
	if (partial) {
		frame.h.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		frame.h.csum_start = (uint16_t)s.l4_off;
		frame.h.csum_offset = s.proto == IPPROTO_TCP ? 16 : 6;
		packet_pseudo_sum(p, frame.b + s.l4_off + frame.h.csum_offset);
	}
	if (p->len > ETH_HLEN + LAB_MTU) {
		frame.h.gso_type = strchr(s.src, ':') ? VIRTIO_NET_HDR_GSO_TCPV6 :
							VIRTIO_NET_HDR_GSO_TCPV4;
		frame.h.gso_size = WIRE_SEGMENT;
		frame.h.hdr_len = (uint16_t)(s.l4_off + 20);
	}
	assert_int_equal(send(at, &frame, size, 0), size);
}

/* As a device would. */
static void finish(const struct virtio_net_hdr *h, struct packet *p)
{
	uint32_t sum = 0, i;

	for (i = h->csum_start; i < p->len; i++)
		sum += (i - h->csum_start) & 1 ? p->b[i] : (uint32_t)p->b[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	p->b[h->csum_start + h->csum_offset] = (uint8_t)(~sum >> 8);
	p->b[h->csum_start + h->csum_offset + 1] = (uint8_t)~sum;
}

bool wire_receive(int at, struct packet *ret, bool *ret_partial)
{
	struct {
		struct virtio_net_hdr h;
		uint8_t b[PACKET_ROOM];
	} frame;
	ssize_t n;

	do {
		n = recv(at, &frame, sizeof(frame), 0);
		if (n < (ssize_t)sizeof(frame.h) + ETH_HLEN)
			return false;
	} while (frame.b[0] & 1 ||
		 (memcmp(frame.b + 12, "\x08\x00", 2) && memcmp(frame.b + 12, "\x86\xdd", 2)));
	memset(ret, 0, sizeof(*ret));
	ret->len = (uint32_t)n - sizeof(frame.h);
	memcpy(ret->b, frame.b, ret->len);
	*ret_partial = frame.h.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM;
	if (*ret_partial)
		finish(&frame.h, ret);
	return true;
}
