/* SPDX-License-Identifier: Apache-2.0 */
/* Packets byte by byte: written from a description, read back and summed up. */
#include "tests/bpf/check.h"

#include <arpa/inet.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>

#include "tests/bpf/packet.h"

#define ETH 14

static uint32_t sum_bytes(const uint8_t *b, uint32_t n)
{
	uint32_t sum = 0, i;

	for (i = 0; i < n; i++)
		sum += i & 1 ? b[i] : (uint32_t)b[i] << 8;
	return sum;
}

static uint16_t fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* Of header (IPv4) or of pseudo header and transport; over a right checksum it is 0xffff. */
static uint16_t transport_sum(const struct packet *p, uint32_t off, uint8_t proto)
{
	bool v4 = p->b[ETH] >> 4 == 4;
	uint64_t sum = 0;

	if (!v4 || proto != IPPROTO_ICMP) {
		sum += v4 ? sum_bytes(p->b + ETH + 12, 8) : sum_bytes(p->b + ETH + 8, 32);
		sum += proto + (p->len - off);
	}
	return fold(sum + sum_bytes(p->b + off, p->len - off));
}

void packet_pseudo_sum(const struct packet *p, uint8_t at[2])
{
	bool v4 = p->b[ETH] >> 4 == 4;
	struct seen s = packet_read(p);
	uint64_t sum = v4 ? sum_bytes(p->b + ETH + 12, 8) : sum_bytes(p->b + ETH + 8, 32);

	sum = fold(sum + s.proto + (p->len - s.l4_off));
	at[0] = (uint8_t)(sum >> 8);
	at[1] = (uint8_t)sum;
}

static uint32_t crc32c(const uint8_t *b, uint32_t n)
{
	uint32_t crc = UINT32_MAX, i, k;

	for (i = 0; i < n; i++) {
		crc ^= i >= 8 && i < 12 ? 0 : b[i]; /* the checksum's own place counts as zero */
		for (k = 0; k < 8; k++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
	}
	return ~crc;
}

static void put16(uint8_t *b, uint16_t v)
{
	b[0] = (uint8_t)(v >> 8);
	b[1] = (uint8_t)v;
}

static void put32(uint8_t *b, uint32_t v)
{
	put16(b, (uint16_t)(v >> 16));
	put16(b + 2, (uint16_t)v);
}

static uint16_t get16(const uint8_t *b)
{
	return (uint16_t)(b[0] << 8 | b[1]);
}

static uint32_t get32(const uint8_t *b)
{
	return (uint32_t)get16(b) << 16 | get16(b + 2);
}

static bool is4(const struct shape *s)
{
	return strchr(s->src, '.') != NULL;
}

static bool is_icmp(uint8_t proto)
{
	return proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;
}

static uint32_t transport_len(const struct shape *s)
{
	if (s->frag_off)
		return 0;
	if (s->proto == IPPROTO_TCP)
		return sizeof(struct tcphdr);
	return s->proto == IPPROTO_SCTP ? 12 : s->proto == IPPROTO_UDP || is_icmp(s->proto) ? 8 : 0;
}

static void put_transport(const struct shape *s, uint8_t *b, uint32_t len)
{
	put16(b, s->sport);
	put16(b + 2, s->dport);
	if (s->proto == IPPROTO_TCP) {
		put32(b + 4, s->seq);
		put32(b + 8, s->ack);
		b[12] = 5 << 4;
		b[13] = s->flags;
	} else if (s->proto == IPPROTO_UDP) {
		put16(b + 4, (uint16_t)len);
	} else if (is_icmp(s->proto)) {
		b[0] = s->type;
		b[1] = s->code;
		put16(b + 2, 0);
		put16(b + 4, s->id);
		if (s->mtu)
			put32(b + 4, s->mtu);
	}
}

static void put_sum(struct packet *p, const struct shape *s, uint32_t off)
{
	uint32_t at = s->proto == IPPROTO_TCP ? 16 : s->proto == IPPROTO_UDP ? 6 : 2, crc;

	if (s->frag_off || s->no_sum)
		return;
	if (s->proto == IPPROTO_SCTP) {
		crc = crc32c(p->b + off, p->len - off);
		memcpy(p->b + off + 8, &crc, sizeof(crc));
	} else if (transport_len(s)) {
		put16(p->b + off + at, (uint16_t)~transport_sum(p, off, s->proto));
	}
}

static uint32_t put_ipv4(uint8_t *b, const struct shape *s, uint32_t l4_len)
{
	uint32_t hlen = 20 + s->options;
	struct in_addr a;

	b[0] = (uint8_t)(0x40 | hlen / 4);
	put16(b + 2, (uint16_t)(hlen + l4_len));
	put16(b + 4, (uint16_t)s->frag_id);
	put16(b + 6, (uint16_t)(s->frag_off / 8 | (s->more ? 0x2000 : 0)));
	if (!s->frag_off && !s->more && !s->fragmentable)
		put16(b + 6, 0x4000);
	b[8] = s->ttl;
	b[9] = s->proto;
	inet_pton(AF_INET, s->src, &a);
	memcpy(b + 12, &a, 4);
	inet_pton(AF_INET, s->dst, &a);
	memcpy(b + 16, &a, 4);
	memset(b + 20, 1, s->options);
	put16(b + 10, (uint16_t)~fold(sum_bytes(b, hlen)));
	return hlen;
}

/* One after another; each names the next. */
static uint32_t put_extensions(uint8_t *b, const struct shape *s)
{
	uint32_t off = 0, i;
	uint8_t next;

	for (i = 0; i < sizeof(s->ext) && s->ext[i]; i++) {
		next = i + 1 < sizeof(s->ext) && s->ext[i + 1] ? s->ext[i + 1] : s->proto;
		if (s->frag_id && next == s->proto)
			next = IPPROTO_FRAGMENT;
		b[off] = next == 255 ? 0 : next;
		b[off + 3] = s->ext[i] == IPPROTO_ROUTING ? s->route_left : 0;
		off += 8;
	}
	if (s->frag_id) {
		b[off] = s->proto;
		put16(b + off + 2, (uint16_t)(s->frag_off | (s->more ? 1 : 0)));
		put32(b + off + 4, s->frag_id);
		off += 8;
	}
	return off;
}

static uint32_t put_ipv6(uint8_t *b, const struct shape *s, uint32_t l4_len)
{
	uint32_t ext = put_extensions(b + 40, s);

	b[0] = 0x60;
	put16(b + 4, (uint16_t)(ext + l4_len));
	b[6] = s->ext[0] == 255 ? 0 : s->ext[0] ? s->ext[0] : s->proto;
	if (s->frag_id && !s->ext[0])
		b[6] = IPPROTO_FRAGMENT;
	b[7] = s->ttl;
	inet_pton(AF_INET6, s->src, b + 8);
	inet_pton(AF_INET6, s->dst, b + 24);
	return 40 + ext;
}

static uint32_t quoted(const struct shape *s)
{
	uint32_t l3 = is4(s) ? 20 : 40;

	if (!s->quote)
		return 0;
	return s->quote_len ? s->quote_len : l3 + 8;
}

struct shape shape_full(const struct shape *s)
{
	struct shape f = *s;

	f.src = s->src ? s->src : "10.0.1.5";
	f.dst = s->dst ? s->dst : "10.0.1.6";
	f.proto = s->proto ? s->proto : IPPROTO_TCP;
	f.sport = s->sport ? s->sport : 1000;
	f.dport = s->dport ? s->dport : 80;
	f.flags = s->flags ? s->flags : SYN;
	f.ttl = s->ttl ? s->ttl : 64;
	return f;
}

void packet_make(struct packet *p, const struct shape *usual)
{
	static const uint8_t nowhere[6];
	struct shape full = shape_full(usual);
	const struct shape *s = &full;
	const struct packet *quote = usual->quote;
	uint32_t l4_len = transport_len(s) + s->payload + quoted(s), off, i;

	memset(p, 0, sizeof(*p));
	memcpy(p->b, s->dmac ? s->dmac : nowhere, 6);
	memcpy(p->b + 6, s->smac ? s->smac : nowhere, 6);
	put16(p->b + 12, is4(s) ? 0x0800 : 0x86dd);
	off = ETH + (is4(s) ? put_ipv4(p->b + ETH, s, l4_len) : put_ipv6(p->b + ETH, s, l4_len));
	assert_true(off + l4_len <= sizeof(p->b));
	p->len = off + l4_len;
	if (transport_len(s))
		put_transport(s, p->b + off, l4_len);
	for (i = 0; i < s->payload; i++)
		p->b[off + transport_len(s) + i] = (uint8_t)(i * 7);
	if (quote)
		memcpy(p->b + off + 8, quote->b + ETH, quoted(s));
	put_sum(p, s, off);
}

void packet_cut(struct packet *p, uint32_t len)
{
	assert_true(len < p->len);
	p->len = len;
}

static void read_addrs(const uint8_t *ip, char src[WR_ADDR_STRLEN], char dst[WR_ADDR_STRLEN])
{
	bool v4 = ip[0] >> 4 == 4;

	inet_ntop(v4 ? AF_INET : AF_INET6, ip + (v4 ? 12 : 8), src, WR_ADDR_STRLEN);
	inet_ntop(v4 ? AF_INET : AF_INET6, ip + (v4 ? 16 : 24), dst, WR_ADDR_STRLEN);
}

/* The transport's protocol and offset; fragments say so. */
static uint8_t walk(const uint8_t *ip, uint32_t *off, bool *later)
{
	uint8_t next = ip[6];
	uint32_t at = 40;

	*later = false;
	if (ip[0] >> 4 == 4) {
		*off = (ip[0] & 15) * 4u;
		*later = get16(ip + 6) & 0x1fff;
		return ip[9];
	}
	while (next == 0 || next == IPPROTO_ROUTING || next == IPPROTO_DSTOPTS ||
	       next == IPPROTO_FRAGMENT) {
		*later |= next == IPPROTO_FRAGMENT && get16(ip + at + 2) & 0xfff8;
		next = ip[at];
		at += 8;
	}
	*off = at;
	return next;
}

static bool is_fragment(const uint8_t *ip)
{
	return ip[0] >> 4 == 4 ? get16(ip + 6) & 0x3fff : ip[6] == IPPROTO_FRAGMENT;
}

static bool sums_right(const struct packet *p, const struct seen *s)
{
	const uint8_t *l4 = p->b + s->l4_off;
	bool v4 = p->b[ETH] >> 4 == 4;
	uint32_t crc;

	if (v4 && fold(sum_bytes(p->b + ETH, (p->b[ETH] & 15) * 4u)) != 0xffff)
		return false;
	if (is_fragment(p->b + ETH) || (s->proto == IPPROTO_UDP && !get16(l4 + 6)))
		return true;
	if (s->proto == IPPROTO_SCTP) {
		memcpy(&crc, l4 + 8, sizeof(crc));
		return !crc || crc == crc32c(l4, p->len - s->l4_off);
	}
	if (s->proto != IPPROTO_TCP && s->proto != IPPROTO_UDP && !is_icmp(s->proto))
		return true;
	return transport_sum(p, s->l4_off, s->proto) == 0xffff;
}

static void read_quote(const struct packet *p, struct seen *s)
{
	const uint8_t *ip = p->b + s->l4_off + 8;
	bool later, v4 = p->b[ETH] >> 4 == 4;
	uint32_t off;
	uint8_t proto;

	s->has_quote = v4 ? s->type == 3 || s->type == 11 : s->type < 128;
	if (!s->has_quote)
		return;
	s->mtu = get16(p->b + s->l4_off + 6);
	read_addrs(ip, s->quote_src, s->quote_dst);
	proto = walk(ip, &off, &later);
	s->quote_sport = get16(ip + off + (is_icmp(proto) ? 4 : 0));
	s->quote_dport = get16(ip + off + (is_icmp(proto) ? 4 : 2));
	/* The quoted header's own sum must hold too. */
	if (v4 && fold(sum_bytes(ip, (ip[0] & 15) * 4u)) != 0xffff)
		s->sums = false;
}

static void read_transport(const struct packet *p, struct seen *s)
{
	const uint8_t *l4 = p->b + s->l4_off;

	s->sums = sums_right(p, s);
	if (is_icmp(s->proto)) {
		s->type = l4[0];
		s->code = l4[1];
		s->id = get16(l4 + 4);
		read_quote(p, s);
		return;
	}
	s->sport = get16(l4);
	s->dport = get16(l4 + 2);
	if (s->proto != IPPROTO_TCP)
		return;
	s->seq = get32(l4 + 4);
	s->ack = get32(l4 + 8);
	s->flags = l4[13];
}

struct seen packet_read(const struct packet *p)
{
	struct seen s = { 0 };
	bool later;

	memcpy(s.dmac, p->b, 6);
	memcpy(s.smac, p->b + 6, 6);
	read_addrs(p->b + ETH, s.src, s.dst);
	s.ttl = p->b[ETH + (p->b[ETH] >> 4 == 4 ? 8 : 7)];
	s.proto = walk(p->b + ETH, &s.l4_off, &later);
	s.l4_off += ETH;
	if (later)
		s.sums = p->b[ETH] >> 4 != 4 ||
			 fold(sum_bytes(p->b + ETH, (p->b[ETH] & 15) * 4u)) == 0xffff;
	else
		read_transport(p, &s);
	return s;
}
