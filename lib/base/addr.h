/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses and prefixes: 128 bits everywhere, IPv4 as ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2).
 * struct wr_addr comes from the ABI; its words are in network byte order.
 *
 * A prefix's length always counts the 128-bit form: 10.0.0.0/8 has len 104. parse and format speak
 * the family's own notation ("10.0.0.0/8").
 */
#ifndef WR_BASE_ADDR_H
#define WR_BASE_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "bpf/abi/base.h"

#define WR_ADDR_STRLEN   INET6_ADDRSTRLEN
#define WR_PREFIX_STRLEN (INET6_ADDRSTRLEN + 4)
#define WR_MAC_STRLEN    18

struct wr_prefix {
	struct wr_addr addr;
	uint8_t len;    /* 0-128 in the 128-bit form */
	uint8_t pad[7]; /* zero: objects with prefixes are hashed as bytes */
};

bool wr_addr_is4(const struct wr_addr *a);
bool wr_addr_is_zero(const struct wr_addr *a); /* :: or 0.0.0.0 */
bool wr_addr_eq(const struct wr_addr *a, const struct wr_addr *b);
int wr_addr_cmp(const struct wr_addr *a, const struct wr_addr *b); /* numeric order */
struct wr_addr wr_addr_from4(struct in_addr in);
struct wr_addr wr_addr_from6(const struct in6_addr *in);
struct in_addr wr_addr_to4(const struct wr_addr *a);
struct in6_addr wr_addr_to6(const struct wr_addr *a);
int wr_addr_family(const struct wr_addr *a);                    /* AF_INET or AF_INET6 */
size_t wr_addr_bytes(const struct wr_addr *a, uint8_t out[16]); /* raw family bytes; returns 4 or 16 */
/*
 * -EINVAL: neither an IPv4 nor an IPv6 address (leading zeros in IPv4 octets are refused;
 * "::ffff:1.2.3.4" is refused).
 */
int wr_addr_parse(const char *s, struct wr_addr *ret);
const char *wr_addr_format(const struct wr_addr *a, char buf[WR_ADDR_STRLEN]); /* returns buf */

/* -EINVAL: not address/length, or the length is out of the family's range. Host bits are kept. */
int wr_prefix_parse(const char *s, struct wr_prefix *ret);
const char *wr_prefix_format(const struct wr_prefix *p, char buf[WR_PREFIX_STRLEN]);
int wr_prefix_family_len(const struct wr_prefix *p); /* length in the family's own notation */
struct wr_prefix wr_prefix_masked(const struct wr_prefix *p);
bool wr_prefix_has(const struct wr_prefix *p, const struct wr_addr *a);
bool wr_prefix_eq(const struct wr_prefix *a, const struct wr_prefix *b);
struct wr_prefix wr_prefix_of(const struct wr_addr *a); /* the /32 or /128 */
/* The @n-th address of the prefix (0: the network address). -ERANGE: outside the prefix. */
int wr_prefix_nth(const struct wr_prefix *p, uint64_t n, struct wr_addr *ret);
uint64_t wr_prefix_size(const struct wr_prefix *p); /* addresses in it; saturates at UINT64_MAX */

int wr_mac_parse(const char *s, uint8_t ret[6]); /* aa:bb:cc:dd:ee:ff; -EINVAL */
const char *wr_mac_format(const uint8_t mac[6], char buf[WR_MAC_STRLEN]);

#endif
