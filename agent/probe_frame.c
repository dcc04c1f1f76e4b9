// SPDX-License-Identifier: Apache-2.0
/* Queries through the tunnel: whole packets, since no route of the node's leads there for another node's own address. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <string.h>

#include "agent/probe_private.h"

#define HOPS 64

/* Ones' complement, of an even number of bytes. */
static uint32_t add_bytes(uint32_t sum, const void *data, size_t size)
{
	const uint8_t *b = data;
	uint16_t word;

	for (; size > 1; size -= 2, b += 2) {
		memcpy(&word, b, sizeof(word));
		sum += word;
	}
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t) ~((sum & 0xffff) + (sum >> 16));
}

static size_t put_ip4(uint8_t *at, const struct wr_addr *src, const struct wr_addr *dst, size_t l4)
{
	struct ip ip = { .ip_v = 4, .ip_hl = 5, .ip_ttl = HOPS, .ip_p = IPPROTO_UDP };

	ip.ip_len = htons((uint16_t)(sizeof(ip) + l4));
	ip.ip_src = wr_addr_to4(src);
	ip.ip_dst = wr_addr_to4(dst);
	ip.ip_sum = fold(add_bytes(0, &ip, sizeof(ip)));
	memcpy(at, &ip, sizeof(ip));
	return sizeof(ip);
}

static size_t put_ip6(uint8_t *at, const struct wr_addr *src, const struct wr_addr *dst, size_t l4)
{
	struct ip6_hdr ip = { .ip6_flow = htonl(6u << 28) };

	ip.ip6_plen = htons((uint16_t)l4);
	ip.ip6_nxt = IPPROTO_UDP;
	ip.ip6_hlim = HOPS;
	ip.ip6_src = wr_addr_to6(src);
	ip.ip6_dst = wr_addr_to6(dst);
	memcpy(at, &ip, sizeof(ip));
	return sizeof(ip);
}

static uint16_t udp_sum(const struct wr_addr *src, const struct wr_addr *dst, const uint8_t *l4,
			size_t size)
{
	const uint16_t words[2] = { htons(IPPROTO_UDP), htons((uint16_t)size) };
	uint8_t a[16];
	uint32_t sum = add_bytes(0, words, sizeof(words));
	uint16_t folded;

	sum = add_bytes(sum, a, wr_addr_bytes(src, a));
	sum = add_bytes(sum, a, wr_addr_bytes(dst, a));
	folded = fold(add_bytes(sum, l4, size));
	return folded ? folded : 0xffff;
}

size_t wr_probe_packet(const struct wr_addr *src, const struct wr_addr *dst, uint16_t port,
		       uint64_t number, uint8_t ret[WR_PROBE_PACKET_MAX])
{
	const size_t l4 = sizeof(struct udphdr) + WR_PROBE_SIZE;
	struct udphdr uh = { .uh_sport = htons(port), .uh_dport = htons(port) };
	size_t at = wr_addr_is4(src) ? put_ip4(ret, src, dst, l4) : put_ip6(ret, src, dst, l4);

	uh.uh_ulen = htons((uint16_t)l4);
	memcpy(ret + at, &uh, sizeof(uh));
	wr_probe_encode(WR_PROBE_QUERY, number, ret + at + sizeof(uh));
	uh.uh_sum = udp_sum(src, dst, ret + at, l4);
	memcpy(ret + at, &uh, sizeof(uh));
	return at + l4;
}
