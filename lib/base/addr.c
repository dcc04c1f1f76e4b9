/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses in 128 bits, whatever their family. */
#include "lib/base/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/str.h"

#define V4_OFFSET 12 /* bytes before the IPv4 part */
#define V4_BITS   96

static const uint8_t v4_prefix[V4_OFFSET] = { [10] = 0xff, [11] = 0xff };

bool wr_addr_is4(const struct wr_addr *a)
{
	return memcmp(a->b, v4_prefix, V4_OFFSET) == 0;
}

bool wr_addr_is_zero(const struct wr_addr *a)
{
	return !a->w[3] && !a->d[0] && (!a->w[2] || wr_addr_is4(a));
}

bool wr_addr_eq(const struct wr_addr *a, const struct wr_addr *b)
{
	return a->d[0] == b->d[0] && a->d[1] == b->d[1];
}

int wr_addr_cmp(const struct wr_addr *a, const struct wr_addr *b)
{
	return memcmp(a->b, b->b, sizeof(a->b));
}

struct wr_addr wr_addr_from4(struct in_addr in)
{
	struct wr_addr a;

	memcpy(a.b, v4_prefix, V4_OFFSET);
	a.w[3] = in.s_addr;
	return a;
}

struct wr_addr wr_addr_from6(const struct in6_addr *in)
{
	struct wr_addr a;

	memcpy(a.b, in, sizeof(a.b));
	return a;
}

struct in_addr wr_addr_to4(const struct wr_addr *a)
{
	return (struct in_addr){ .s_addr = a->w[3] };
}

struct in6_addr wr_addr_to6(const struct wr_addr *a)
{
	struct in6_addr in;

	memcpy(&in, a->b, sizeof(in));
	return in;
}

int wr_addr_family(const struct wr_addr *a)
{
	return wr_addr_is4(a) ? AF_INET : AF_INET6;
}

size_t wr_addr_bytes(const struct wr_addr *a, uint8_t out[16])
{
	size_t skip = wr_addr_is4(a) ? V4_OFFSET : 0;

	memcpy(out, a->b + skip, sizeof(a->b) - skip);
	return sizeof(a->b) - skip;
}

int wr_addr_parse(const char *s, struct wr_addr *ret)
{
	struct in6_addr in6;
	struct in_addr in4;
	struct wr_addr a;

	if (inet_pton(AF_INET, s, &in4) == 1) {
		*ret = wr_addr_from4(in4);
		return 0;
	}
	if (inet_pton(AF_INET6, s, &in6) != 1)
		return -EINVAL;
	a = wr_addr_from6(&in6);
	if (wr_addr_is4(&a))
		return -EINVAL;
	*ret = a;
	return 0;
}

const char *wr_addr_format(const struct wr_addr *a, char buf[WR_ADDR_STRLEN])
{
	bool is4 = wr_addr_is4(a);

	inet_ntop(is4 ? AF_INET : AF_INET6, a->b + (is4 ? V4_OFFSET : 0), buf, WR_ADDR_STRLEN);
	return buf;
}

static bool prefix_is4(const struct wr_prefix *p)
{
	return p->len >= V4_BITS && wr_addr_is4(&p->addr);
}

int wr_prefix_parse(const char *s, struct wr_prefix *ret)
{
	char text[WR_ADDR_STRLEN];
	const char *slash = strchr(s, '/');
	struct wr_addr a;
	uint64_t len;
	bool is4;

	if (!slash || (size_t)(slash - s) >= sizeof(text))
		return -EINVAL;
	wr_copy(text, (size_t)(slash - s) + 1, s);
	if (wr_addr_parse(text, &a) < 0)
		return -EINVAL;
	is4 = wr_addr_is4(&a);
	if (wr_parse_u64(slash + 1, is4 ? 32 : 128, &len) < 0 || (slash[1] == '0' && slash[2]))
		return -EINVAL;
	*ret = (struct wr_prefix){ .addr = a, .len = (uint8_t)(len + (is4 ? V4_BITS : 0)) };
	return 0;
}

int wr_prefix_family_len(const struct wr_prefix *p)
{
	return p->len - (prefix_is4(p) ? V4_BITS : 0);
}

const char *wr_prefix_format(const struct wr_prefix *p, char buf[WR_PREFIX_STRLEN])
{
	char text[WR_ADDR_STRLEN];

	snprintf(buf, WR_PREFIX_STRLEN, "%s/%d", wr_addr_format(&p->addr, text),
		 wr_prefix_family_len(p));
	return buf;
}

static struct wr_addr mask_of(uint8_t len)
{
	struct wr_addr m = { 0 };
	int i;

	for (i = 0; i < len / 8; i++)
		m.b[i] = 0xff;
	if (len % 8)
		m.b[i] = (uint8_t)(0xff << (8 - len % 8));
	return m;
}

struct wr_prefix wr_prefix_masked(const struct wr_prefix *p)
{
	struct wr_addr m = mask_of(p->len);
	struct wr_prefix out = *p;

	out.addr.d[0] &= m.d[0];
	out.addr.d[1] &= m.d[1];
	return out;
}

bool wr_prefix_has(const struct wr_prefix *p, const struct wr_addr *a)
{
	struct wr_addr m = mask_of(p->len);

	/* ::/0 covers ::ffff:0:0/96 as bits, and is yet no block of IPv4. */
	if (prefix_is4(p) != wr_addr_is4(a))
		return false;
	return !((p->addr.d[0] ^ a->d[0]) & m.d[0]) && !((p->addr.d[1] ^ a->d[1]) & m.d[1]);
}

bool wr_prefix_eq(const struct wr_prefix *a, const struct wr_prefix *b)
{
	return a->len == b->len && wr_addr_eq(&a->addr, &b->addr);
}

struct wr_prefix wr_prefix_of(const struct wr_addr *a)
{
	return (struct wr_prefix){ .addr = *a, .len = 128 };
}

uint64_t wr_prefix_size(const struct wr_prefix *p)
{
	int bits = 128 - p->len;

	return bits >= 64 ? UINT64_MAX : UINT64_C(1) << bits;
}

int wr_prefix_nth(const struct wr_prefix *p, uint64_t n, struct wr_addr *ret)
{
	struct wr_addr a = wr_prefix_masked(p).addr;
	unsigned int carry = 0;
	int i;

	if (p->len > 64 && n >= wr_prefix_size(p))
		return -ERANGE;
	/* Host bits are zero: nothing leaves the prefix. */
	for (i = 15; i >= 8; i--, n >>= 8) {
		carry += a.b[i] + (unsigned int)(n & 0xff);
		a.b[i] = (uint8_t)carry;
		carry >>= 8;
	}
	*ret = a;
	return 0;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int wr_mac_parse(const char *s, uint8_t ret[6])
{
	uint8_t mac[6];
	int i, hi, lo;

	for (i = 0; i < 6; i++, s += 3) {
		hi = hex(s[0]);
		lo = hi < 0 ? -1 : hex(s[1]);
		if (lo < 0 || s[2] != (i < 5 ? ':' : '\0'))
			return -EINVAL;
		mac[i] = (uint8_t)(hi << 4 | lo);
	}
	memcpy(ret, mac, sizeof(mac));
	return 0;
}

const char *wr_mac_format(const uint8_t mac[6], char buf[WR_MAC_STRLEN])
{
	snprintf(buf, WR_MAC_STRLEN, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		 mac[3], mac[4], mac[5]);
	return buf;
}
