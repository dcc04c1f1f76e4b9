// SPDX-License-Identifier: Apache-2.0
/*
 * Packets to pods: out by the host's side of their interface, with the mark of what is judged already. The kernel completes
 * checksums and cuts segments as it would have done without the detour.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "agent/domains_private.h"
#include "bpf/abi/endpoint.h"
#include "lib/base/cleanup.h"

int wr_pod_socket_open(uint32_t mark, int *ret_fd)
{
	wr_autofd int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) < 0)
		return -errno;
	*ret_fd = wr_take_fd(&fd);
	return 0;
}

/* ---- checksums ------------------------------------------------------------------------------------------ */

static uint32_t add_bytes(uint32_t sum, const void *data, size_t size)
{
	const uint8_t *b = data;
	uint16_t word;

	for (; size > 1; size -= 2, b += 2) {
		memcpy(&word, b, sizeof(word));
		sum += word;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	if (size) {
		word = 0;
		memcpy(&word, b, 1);
		sum += word;
	}
	return (sum & 0xffff) + (sum >> 16);
}

static uint32_t add_address(uint32_t sum, const struct wr_addr *addr)
{
	uint8_t bytes[16];

	return add_bytes(sum, bytes, wr_addr_bytes(addr, bytes));
}

static uint16_t pseudo_sum(const struct wr_ip_parts *ip)
{
	uint32_t sum = add_address(add_address(0, &ip->src), &ip->dst);
	uint16_t words[2] = { htons(ip->proto), htons((uint16_t)(ip->end - ip->l4)) };

	return (uint16_t)add_bytes(sum, words, sizeof(words));
}

/* ---- headers -------------------------------------------------------------------------------------------- */

static size_t check_offset(const struct wr_ip_parts *ip)
{
	return ip->proto == IPPROTO_TCP ? offsetof(struct tcphdr, th_sum) :
					  offsetof(struct udphdr, uh_sum);
}

/* What is complete stays, unless it is to be cut; what is wrong stays wrong, for its receiver to see. */
static bool wants_sum(const uint8_t *packet, const struct wr_ip_parts *ip, bool cut)
{
	uint16_t check, pseudo = pseudo_sum(ip);
	const uint8_t *l4 = packet + ip->l4;

	memcpy(&check, l4 + check_offset(ip), sizeof(check));
	if (check == pseudo)
		return true;
	return cut && add_bytes(pseudo, l4, ip->end - ip->l4) == 0xffff;
}

static void ask_for_sum(uint8_t *packet, const struct wr_ip_parts *ip, size_t link,
			struct virtio_net_hdr *h)
{
	uint16_t pseudo = pseudo_sum(ip);

	memcpy(packet + ip->l4 + check_offset(ip), &pseudo, sizeof(pseudo));
	h->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	h->csum_start = (uint16_t)(link + ip->l4);
	h->csum_offset = (uint16_t)check_offset(ip);
}

static void ask_for_cuts(const uint8_t *packet, const struct wr_ip_parts *ip, uint32_t gso_size,
			 size_t link, struct virtio_net_hdr *h)
{
	struct tcphdr th;

	memcpy(&th, packet + ip->l4, sizeof(th));
	h->gso_type = wr_addr_is4(&ip->src) ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6;
	h->gso_size = (uint16_t)gso_size;
	h->hdr_len = (uint16_t)(link + ip->l4 + th.th_off * 4u);
}

static bool has_header(const struct wr_ip_parts *ip)
{
	size_t size = ip->end - ip->l4;

	if (ip->fragment)
		return false;
	return (ip->proto == IPPROTO_TCP && size >= sizeof(struct tcphdr)) ||
	       (ip->proto == IPPROTO_UDP && size >= sizeof(struct udphdr));
}

static struct virtio_net_hdr orders(uint8_t *packet, const struct wr_ip_parts *ip,
				    uint32_t gso_size, size_t link)
{
	struct virtio_net_hdr h = { 0 };
	bool cut = gso_size && ip->proto == IPPROTO_TCP;

	if (!has_header(ip))
		return h;
	if (wants_sum(packet, ip, cut))
		ask_for_sum(packet, ip, link, &h);
	if (cut && h.flags)
		ask_for_cuts(packet, ip, gso_size, link, &h);
	return h;
}

int wr_pod_send(int fd, const struct wr_endpoint *ep, uint8_t *packet, size_t size, uint32_t gso_size)
{
	const size_t link = ep->flags & WR_EP_L3 ? 0 : ETH_HLEN;
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = (int)ep->ifindex };
	struct virtio_net_hdr h;
	struct wr_ip_parts ip;
	struct ethhdr eth;
	struct iovec parts[] = { { &h, sizeof(h) }, { &eth, link }, { packet, size } };
	const struct msghdr msg = { .msg_name = &to,
				    .msg_namelen = sizeof(to),
				    .msg_iov = parts,
				    .msg_iovlen = WR_ARRAY_SIZE(parts) };

	if (wr_ip_parse(packet, size, &ip))
		return -EBADMSG;
	h = orders(packet, &ip, gso_size, link);
	to.sll_protocol = htons(wr_addr_is4(&ip.src) ? ETH_P_IP : ETH_P_IPV6);
	memcpy(eth.h_dest, ep->mac, ETH_ALEN);
	memcpy(eth.h_source, ep->host_mac, ETH_ALEN);
	eth.h_proto = to.sll_protocol;
	return sendmsg(fd, &msg, 0) < 0 ? -errno : 0;
}
