/* SPDX-License-Identifier: Apache-2.0 */
/* Packets for BPF_PROG_TEST_RUN: made from a description, and read back with every checksum verified. */
#ifndef WR_TESTS_BPF_PACKET_H
#define WR_TESTS_BPF_PACKET_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/addr.h"

#define PACKET_ROOM 3584 /* what a test run takes */

struct packet {
	uint32_t len;
	uint8_t b[PACKET_ROOM];
};

enum {
	FIN = 1,
	SYN = 2,
	RST = 4,
	ACK = 16,
};

/* What is left zero is usual: a SYN from pod 5, port 1000, to pod 6, port 80, TTL 64, no payload, whole. */
struct shape {
	const char *src, *dst;
	uint8_t proto;
	uint8_t flags; /* TCP */
	uint16_t sport, dport;
	uint16_t id; /* echo */
	uint8_t type, code;
	uint32_t seq, ack;
	uint8_t ttl;
	uint8_t options; /* bytes of IPv4 options, a multiple of 4 */
	uint32_t payload;
	uint32_t frag_id; /* a fragment when @frag_off or @more */
	uint16_t frag_off;
	bool more;
	bool fragmentable; /* IPv4: DF is not set */
	bool no_sum;       /* UDP: checksum 0. SCTP: left to who sends it */
	uint8_t ext[8]; /* IPv6 extension headers, up to the first zero; 255 stands for hop-by-hop (0) */
	uint8_t route_left; /* of a routing header */
	const uint8_t *smac, *dmac;
	const struct packet *quote; /* ICMP errors: the packet they are about */
	uint16_t mtu;               /* too big */
	uint32_t quote_len;         /* 0: header and 8 bytes */
};

/* With the usual filled in. */
struct shape shape_full(const struct shape *s);
void packet_make(struct packet *p, const struct shape *usual);

/* A packet as its receiver reads it. */
struct seen {
	char src[WR_ADDR_STRLEN], dst[WR_ADDR_STRLEN];
	uint8_t smac[6], dmac[6];
	uint8_t proto, ttl, flags, type, code;
	uint16_t sport, dport, id;
	uint32_t seq, ack;
	uint16_t mtu;
	uint32_t l4_off;
	bool sums; /* every checksum that is there is right */
	bool has_quote;
	char quote_src[WR_ADDR_STRLEN], quote_dst[WR_ADDR_STRLEN];
	uint16_t quote_sport, quote_dport; /* echo: both are the identifier */
};

/* Later fragments: only addresses. */
struct seen packet_read(const struct packet *p);

/* What stands in a TCP or UDP checksum that is left to the device. */
void packet_pseudo_sum(const struct packet *p, uint8_t at[2]);

/* Cut off at @len bytes; the headers still claim what they did. */
void packet_cut(struct packet *p, uint32_t len);

#endif
