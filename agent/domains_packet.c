// SPDX-License-Identifier: Apache-2.0
/*
 * Messages of name servers in packets: a datagram is one, or its fragments are; TCP carries them one after another, each
 * behind its length (RFC 1035 4.2.2). Pieces are put together in their order; what comes out of order is read no further, and so its
 * addresses stay closed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>

#include "agent/domains_private.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

#define PILES_MAX    64
#define PILE_BYTES   (65535 + 2)
#define PILE_MS      30000
#define EXT_MAX      8
#define FRAG_OFFSET4 0x1fff

/* ---- IP ------------------------------------------------------------------------------------------------- */

static int parse4(const uint8_t *packet, size_t size, struct wr_ip_parts *ret)
{
	struct iphdr ip;
	struct in_addr in;

	if (size < sizeof(ip))
		return -EBADMSG;
	memcpy(&ip, packet, sizeof(ip));
	ret->l4 = ip.ihl * 4u;
	ret->end = ntohs(ip.tot_len);
	if (ret->l4 < sizeof(ip) || ret->end < ret->l4 || ret->end > size)
		return -EBADMSG;
	in.s_addr = ip.saddr;
	ret->src = wr_addr_from4(in);
	in.s_addr = ip.daddr;
	ret->dst = wr_addr_from4(in);
	ret->proto = ip.protocol;
	ret->id = ip.id;
	ret->offset = (ntohs(ip.frag_off) & FRAG_OFFSET4) * 8u;
	ret->more = ntohs(ip.frag_off) & IP_MF;
	ret->fragment = ret->offset || ret->more;
	return 0;
}

static int take_fragment6(const uint8_t *header, struct wr_ip_parts *ret)
{
	struct ip6_frag frag;

	memcpy(&frag, header, sizeof(frag));
	ret->id = frag.ip6f_ident;
	ret->offset = ntohs(frag.ip6f_offlg & IP6F_OFF_MASK);
	ret->more = frag.ip6f_offlg & IP6F_MORE_FRAG;
	ret->fragment = ret->offset || ret->more;
	return 0;
}

static bool is_extension(uint8_t proto)
{
	return proto == IPPROTO_HOPOPTS || proto == IPPROTO_ROUTING || proto == IPPROTO_DSTOPTS ||
	       proto == IPPROTO_FRAGMENT;
}

/* Behind the extension headers; of a later fragment, behind its fragment header. */
static int skip_extensions(const uint8_t *packet, struct wr_ip_parts *ret)
{
	const uint8_t *header;
	int i;

	for (i = 0; is_extension(ret->proto); i++) {
		header = packet + ret->l4;
		if (i == EXT_MAX || ret->end - ret->l4 < sizeof(struct ip6_frag))
			return -EBADMSG;
		if (ret->proto == IPPROTO_FRAGMENT)
			take_fragment6(header, ret);
		ret->l4 += ret->proto == IPPROTO_FRAGMENT ? sizeof(struct ip6_frag) :
							    (header[1] + 1u) * 8;
		if (ret->l4 > ret->end)
			return -EBADMSG;
		ret->proto = header[0];
		if (ret->offset)
			break;
	}
	return 0;
}

static int parse6(const uint8_t *packet, size_t size, struct wr_ip_parts *ret)
{
	struct ip6_hdr ip;

	if (size < sizeof(ip))
		return -EBADMSG;
	memcpy(&ip, packet, sizeof(ip));
	ret->l4 = sizeof(ip);
	ret->end = sizeof(ip) + ntohs(ip.ip6_plen);
	if (ret->end > size)
		return -EBADMSG;
	ret->src = wr_addr_from6(&ip.ip6_src);
	ret->dst = wr_addr_from6(&ip.ip6_dst);
	ret->proto = ip.ip6_nxt;
	return skip_extensions(packet, ret);
}

int wr_ip_parse(const uint8_t *packet, size_t size, struct wr_ip_parts *ret)
{
	*ret = (struct wr_ip_parts){ 0 };
	if (!size)
		return -EBADMSG;
	if (packet[0] >> 4 == 4)
		return parse4(packet, size, ret);
	return packet[0] >> 4 == 6 ? parse6(packet, size, ret) : -EBADMSG;
}

/* ---- piles of pieces ------------------------------------------------------------------------------------ */

/* Who sends it what: a TCP connection's one direction (two ports), or a datagram (its number). */
struct pile_key {
	struct wr_addr src, dst;
	uint32_t id;
	uint8_t proto, pad[3];
};

struct pile {
	struct pile_key key;
	uint64_t used_ms; /* 0: nobody's */
	uint32_t next;    /* TCP: sequence number; fragments: offset */
	uint32_t skipped; /* TCP: where a segment began that was left out, since it came too early */
	bool skips;
	uint8_t *data;
	size_t size;
};

struct wr_dns_streams {
	struct pile piles[PILES_MAX];
};

struct wr_dns_streams *wr_dns_streams_new(void)
{
	return wr_xcalloc(1, sizeof(struct wr_dns_streams));
}

static void clear(struct pile *p)
{
	free(p->data);
	*p = (struct pile){ 0 };
}

void wr_dns_streams_free(struct wr_dns_streams *s)
{
	size_t i;

	for (i = 0; s && i < PILES_MAX; i++)
		clear(&s->piles[i]);
	free(s);
}

static struct pile *find(struct wr_dns_streams *s, const struct pile_key *key, uint64_t now_ms)
{
	size_t i;

	for (i = 0; i < PILES_MAX; i++) {
		struct pile *p = &s->piles[i];

		if (p->used_ms && now_ms - p->used_ms > PILE_MS)
			clear(p);
		if (p->used_ms && memcmp(&p->key, key, sizeof(*key)) == 0) {
			p->used_ms = now_ms;
			return p;
		}
	}
	return NULL;
}

/* The one that was not used for longest makes room. */
static struct pile *add(struct wr_dns_streams *s, const struct pile_key *key, uint64_t now_ms)
{
	struct pile *oldest = &s->piles[0];
	size_t i;

	for (i = 1; i < PILES_MAX; i++)
		if (s->piles[i].used_ms < oldest->used_ms)
			oldest = &s->piles[i];
	clear(oldest);
	oldest->key = *key;
	oldest->used_ms = now_ms;
	return oldest;
}

static bool append(struct pile *p, const uint8_t *data, size_t size)
{
	if (p->size + size > PILE_BYTES)
		return false;
	p->data = wr_xrealloc(p->data, p->size + size, 1);
	memcpy(p->data + p->size, data, size);
	p->size += size;
	return true;
}

/* ---- TCP ---------------------------------------------------------------------------------------------- */

static void drain(struct pile *p, const struct wr_dns_sink *sink)
{
	size_t at = 0, len;

	while (p->size - at >= 2) {
		len = (size_t)p->data[at] << 8 | p->data[at + 1];
		if (p->size - at - 2 < len)
			break;
		sink->message(sink->ctx, p->data + at + 2, len);
		at += 2 + len;
	}
	p->size -= at;
	if (p->size) {
		memmove(p->data, p->data + at, p->size);
		return;
	}
	free(p->data);
	p->data = NULL;
}

static void begin_at(struct pile *p, uint32_t seq)
{
	free(p->data);
	p->data = NULL;
	p->size = 0;
	p->next = seq;
	p->skips = false;
}

/*
 * Too early: left out once, since the sender will repeat what is missing and it. When it comes again, what is missing has
 * gone by unseen: messages are looked for from here on.
 */
static bool is_early(struct pile *p, uint32_t seq)
{
	if ((int32_t)(seq - p->next) <= 0)
		return false;
	if (!p->skips || p->skipped != seq) {
		p->skips = true;
		p->skipped = seq;
		return true;
	}
	begin_at(p, seq);
	return false;
}

static enum wr_packet_fate take_segment(struct pile *p, uint32_t seq, const uint8_t *data,
					size_t size, const struct wr_dns_sink *sink)
{
	uint32_t seen;

	if (is_early(p, seq))
		return WR_PACKET_LOST;
	seen = p->next - seq;
	if (seen >= size)
		return WR_PACKET_GOES;
	p->skips = false;
	p->next += (uint32_t)size - seen;
	if (append(p, data + seen, size - seen))
		drain(p, sink);
	else
		begin_at(p, p->next);
	return WR_PACKET_GOES;
}

static enum wr_packet_fate take_tcp(struct wr_dns_streams *s, const uint8_t *packet,
				    const struct wr_ip_parts *ip, uint64_t now_ms,
				    const struct wr_dns_sink *sink)
{
	struct pile_key key = { .src = ip->src, .dst = ip->dst, .proto = IPPROTO_TCP };
	size_t size = ip->end - ip->l4, head;
	struct tcphdr th;
	struct pile *p;

	if (size < sizeof(th))
		return WR_PACKET_GOES;
	memcpy(&th, packet + ip->l4, sizeof(th));
	head = th.th_off * 4u;
	if (head < sizeof(th) || head >= size)
		return WR_PACKET_GOES;
	key.id = (uint32_t)th.th_sport << 16 | th.th_dport;
	p = find(s, &key, now_ms);
	if (!p) {
		p = add(s, &key, now_ms);
		p->next = ntohl(th.th_seq);
	}
	return take_segment(p, ntohl(th.th_seq), packet + ip->l4 + head, size - head, sink);
}

/* ---- UDP ---------------------------------------------------------------------------------------------- */

static void take_datagram(const uint8_t *l4, size_t size, const struct wr_dns_sink *sink)
{
	if (size > sizeof(struct udphdr))
		sink->message(sink->ctx, l4 + sizeof(struct udphdr), size - sizeof(struct udphdr));
}

static enum wr_packet_fate take_fragment(struct wr_dns_streams *s, const uint8_t *packet,
					 const struct wr_ip_parts *ip, uint64_t now_ms,
					 const struct wr_dns_sink *sink)
{
	struct pile_key key = { .src = ip->src, .dst = ip->dst, .id = ip->id, .proto = IPPROTO_UDP };
	struct pile *p = find(s, &key, now_ms);

	if (!p && !ip->offset)
		p = add(s, &key, now_ms);
	if (!p)
		return WR_PACKET_GOES;
	if (ip->offset != p->size || !append(p, packet + ip->l4, ip->end - ip->l4)) {
		clear(p);
		return WR_PACKET_GOES;
	}
	if (ip->more)
		return WR_PACKET_GOES;
	take_datagram(p->data, p->size, sink);
	clear(p);
	return WR_PACKET_GOES;
}

enum wr_packet_fate wr_dns_streams_take(struct wr_dns_streams *s, const uint8_t *packet,
					size_t size, uint64_t now_ms, const struct wr_dns_sink *sink)
{
	struct wr_ip_parts ip;

	if (wr_ip_parse(packet, size, &ip))
		return WR_PACKET_GOES;
	if (ip.proto == IPPROTO_UDP && ip.fragment)
		return take_fragment(s, packet, &ip, now_ms, sink);
	if (ip.fragment)
		return WR_PACKET_GOES;
	if (ip.proto == IPPROTO_TCP)
		return take_tcp(s, packet, &ip, now_ms, sink);
	if (ip.proto == IPPROTO_UDP)
		take_datagram(packet + ip.l4, ip.end - ip.l4, sink);
	return WR_PACKET_GOES;
}
