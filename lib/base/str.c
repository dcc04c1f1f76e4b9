/* SPDX-License-Identifier: Apache-2.0 */
/* Strings and numbers. */
#include "lib/base/str.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/base/cleanup.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Reads leading digits; *ret_end is where they stop. */
static int parse_digits(const char *s, uint64_t *ret, const char **ret_end)
{
	uint64_t v = 0;

	if (!is_digit(*s))
		return -EINVAL;
	for (; is_digit(*s); s++)
		if (__builtin_mul_overflow(v, (uint64_t)10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*s - '0'), &v))
			return -ERANGE;
	*ret = v;
	*ret_end = s;
	return 0;
}

int wr_parse_u64(const char *s, uint64_t max, uint64_t *ret)
{
	const char *end;
	uint64_t v;
	int r;

	if (!*s || s[strspn(s, "0123456789")])
		return -EINVAL;
	r = parse_digits(s, &v, &end);
	if (r < 0)
		return r;
	if (v > max)
		return -ERANGE;
	*ret = v;
	return 0;
}

int wr_parse_duration_ms(const char *s, uint64_t *ret)
{
	static const struct {
		const char *unit;
		uint64_t ms;
	} units[] = {
		{ "", 1000 },   { "ms", 1 },      { "s", 1000 },
		{ "m", 60000 }, { "h", 3600000 }, { "d", 86400000 },
	};
	const char *unit;
	uint64_t v;
	size_t i;
	int r;

	r = parse_digits(s, &v, &unit);
	if (r < 0)
		return r;
	for (i = 0; i < WR_ARRAY_SIZE(units); i++) {
		if (strcmp(unit, units[i].unit) != 0)
			continue;
		if (__builtin_mul_overflow(v, units[i].ms, &v))
			return -ERANGE;
		*ret = v;
		return 0;
	}
	return -EINVAL;
}

bool wr_streq(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

bool wr_has_prefix(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool wr_has_suffix(const char *s, const char *suffix)
{
	size_t len = strlen(s), end = strlen(suffix);

	return len >= end && strcmp(s + len - end, suffix) == 0;
}

int wr_format(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return len < 0 || (size_t)len >= size ? -ENAMETOOLONG : 0;
}

void wr_copy(char *dst, size_t size, const char *src)
{
	size_t len = strnlen(src, size - 1);

	memcpy(dst, src, len);
	dst[len] = '\0';
}

bool wr_is_cni_name(const char *s)
{
	if (!is_alnum(*s))
		return false;
	while (is_alnum(*s) || *s == '_' || *s == '.' || *s == '-')
		s++;
	return !*s;
}

static const struct {
	const char *name;
	uint8_t proto;
} protos[] = {
	{ "tcp", IPPROTO_TCP },   { "udp", IPPROTO_UDP },       { "sctp", IPPROTO_SCTP },
	{ "icmp", IPPROTO_ICMP }, { "icmpv6", IPPROTO_ICMPV6 },
};

int wr_proto_parse(const char *s, uint8_t *ret)
{
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(protos); i++)
		if (strcasecmp(s, protos[i].name) == 0) {
			*ret = protos[i].proto;
			return 0;
		}
	return -EINVAL;
}

const char *wr_proto_format(uint8_t proto, char buf[16])
{
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(protos); i++)
		if (proto == protos[i].proto)
			return protos[i].name;
	snprintf(buf, 16, "proto-%u", (unsigned int)proto);
	return buf;
}
