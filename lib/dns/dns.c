// SPDX-License-Identifier: Apache-2.0
/* The parser of name servers' answers. */
#include "lib/dns/dns.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/str.h"

#define HEADER_SIZE 12
#define LABEL_MAX   63
#define JUMPS_MAX   64

#define FLAG_ANSWER 0x8000
#define FLAG_CUT    0x0200
#define OPCODE      0x7800
#define RCODE       0x000f

#define CLASS_IN   1
#define TYPE_A     1
#define TYPE_CNAME 5
#define TYPE_AAAA  28
#define TYPE_SVCB  64
#define TYPE_HTTPS 65
#define TYPE_ANY   255

#define KEY_IPV4HINT 4
#define KEY_IPV6HINT 6

struct reader {
	const uint8_t *msg;
	size_t size, at;
};

struct record {
	char owner[WR_DNS_NAME_SIZE];
	uint16_t type, class;
	uint32_t ttl;
	size_t data, size;
};

static int get16(struct reader *r, uint16_t *ret)
{
	if (r->size - r->at < 2)
		return -EBADMSG;
	*ret = (uint16_t)(r->msg[r->at] << 8 | r->msg[r->at + 1]);
	r->at += 2;
	return 0;
}

static int get32(struct reader *r, uint32_t *ret)
{
	uint16_t high = 0, low = 0;

	if (get16(r, &high) || get16(r, &low))
		return -EBADMSG;
	*ret = (uint32_t)high << 16 | low;
	return 0;
}

/* ---- names ------------------------------------------------------------------------------------------- */

static char plain(uint8_t c)
{
	if (isalnum(c))
		return (char)tolower(c);
	return c == '-' || c == '_' ? (char)c : '?';
}

/* Behind what is in @text already. */
static int add_label(const uint8_t *label, size_t len, char *text, size_t *at)
{
	size_t i;

	if (*at + (*at != 0) + len >= WR_DNS_NAME_SIZE)
		return -EBADMSG;
	if (*at)
		text[(*at)++] = '.';
	for (i = 0; i < len; i++)
		text[(*at)++] = plain(label[i]);
	return 0;
}

/* Where the pointer at @at leads: to before where this part of the name begins (RFC 1035 4.1.4: "a prior occurrence"). */
static int follow(const struct reader *r, size_t at, size_t begin, size_t *ret)
{
	size_t to;

	if (r->size - at < 2)
		return -EBADMSG;
	to = (size_t)(r->msg[at] & 0x3f) << 8 | r->msg[at + 1];
	if (to >= begin || to < HEADER_SIZE)
		return -EBADMSG;
	*ret = to;
	return 0;
}

/* Reads the name at r->at and goes behind it. */
static int get_name(struct reader *r, char text[WR_DNS_NAME_SIZE])
{
	size_t at = r->at, begin = at, end = 0, len = 0;
	int jumps = 0;

	for (;;) {
		uint8_t n;

		if (at >= r->size)
			return -EBADMSG;
		n = r->msg[at];
		if ((n & 0xc0) == 0xc0) {
			end = end ? end : at + 2;
			if (++jumps > JUMPS_MAX || follow(r, at, begin, &at))
				return -EBADMSG;
			begin = at;
			continue;
		}
		at++;
		if (!n)
			break;
		if (n > LABEL_MAX || r->size - at < n || add_label(r->msg + at, n, text, &len))
			return -EBADMSG;
		at += n;
	}
	text[len] = '\0';
	r->at = end ? end : at;
	return 0;
}

/* ---- records ----------------------------------------------------------------------------------------- */

static int get_record(struct reader *r, struct record *ret)
{
	uint16_t size = 0;

	if (get_name(r, ret->owner) || get16(r, &ret->type) || get16(r, &ret->class) ||
	    get32(r, &ret->ttl) || get16(r, &size) || r->size - r->at < size)
		return -EBADMSG;
	/* A life with the highest bit is none (RFC 2181 8). */
	ret->ttl = ret->ttl & 0x80000000u ? 0 : ret->ttl;
	ret->data = r->at;
	ret->size = size;
	r->at += size;
	return 0;
}

/* @fn's non-zero result ends the walk and is returned. */
static int each_record(const struct reader *answers, size_t n,
		       int (*fn)(const struct reader *r, const struct record *rec,
				 struct wr_dns_answer *a),
		       struct wr_dns_answer *a)
{
	struct reader r = *answers;
	struct record rec;
	int found;

	for (; n; n--) {
		if (get_record(&r, &rec))
			return -EBADMSG;
		found = rec.class == CLASS_IN ? fn(&r, &rec, a) : 0;
		if (found)
			return found;
	}
	return 0;
}

/* 1: the last name is an alias, and what of is the last one now. */
static int take_alias(const struct reader *r, const struct record *rec, struct wr_dns_answer *a)
{
	struct wr_dns_name *last = &a->names[a->n_names - 1];
	struct reader data = { r->msg, rec->data + rec->size, rec->data };
	size_t i;

	if (rec->type != TYPE_CNAME || strcmp(rec->owner, last->text) != 0)
		return 0;
	if (a->n_names == WR_DNS_NAMES_MAX || get_name(&data, last[1].text))
		return -EBADMSG;
	for (i = 0; i < a->n_names; i++)
		if (strcmp(a->names[i].text, last[1].text) == 0)
			return -EBADMSG;
	last->ttl = rec->ttl;
	last[1].ttl = UINT32_MAX;
	a->n_names++;
	return 1;
}

static void add4(struct wr_dns_answer *a, const uint8_t *bytes, uint32_t ttl)
{
	struct wr_dns_addr addr = { .ttl = ttl };
	struct in_addr in4;

	if (a->n_addrs == WR_DNS_ADDRS_MAX)
		return;
	memcpy(&in4, bytes, sizeof(in4));
	addr.addr = wr_addr_from4(in4);
	a->addrs[a->n_addrs++] = addr;
}

static void add6(struct wr_dns_answer *a, const uint8_t *bytes, uint32_t ttl)
{
	struct wr_dns_addr addr = { .ttl = ttl };
	struct in6_addr in6;

	if (a->n_addrs == WR_DNS_ADDRS_MAX)
		return;
	memcpy(&in6, bytes, sizeof(in6));
	addr.addr = wr_addr_from6(&in6);
	a->addrs[a->n_addrs++] = addr;
}

/* A priority, a name, and parameters, each a key, a length and a value: of hints, addresses one after the other (RFC 9460 2.2). */
static int take_hints(const struct reader *answers, const struct record *rec, struct wr_dns_answer *a)
{
	struct reader r = { answers->msg, rec->data + rec->size, rec->data };
	uint16_t priority = 0, key = 0, size = 0;
	char target[WR_DNS_NAME_SIZE];
	size_t at;

	if (get16(&r, &priority) || get_name(&r, target))
		return -EBADMSG;
	while (r.at < r.size) {
		if (get16(&r, &key) || get16(&r, &size) || r.size - r.at < size)
			return -EBADMSG;
		for (at = 0; key == KEY_IPV4HINT && size - at >= 4; at += 4)
			add4(a, r.msg + r.at + at, rec->ttl);
		for (at = 0; key == KEY_IPV6HINT && size - at >= 16; at += 16)
			add6(a, r.msg + r.at + at, rec->ttl);
		r.at += size;
	}
	return 0;
}

static int take_address(const struct reader *r, const struct record *rec, struct wr_dns_answer *a)
{
	if (strcmp(rec->owner, a->names[a->n_names - 1].text) != 0)
		return 0;
	if (rec->type == TYPE_A && rec->size == sizeof(struct in_addr))
		add4(a, r->msg + rec->data, rec->ttl);
	else if (rec->type == TYPE_AAAA && rec->size == sizeof(struct in6_addr))
		add6(a, r->msg + rec->data, rec->ttl);
	else if (rec->type == TYPE_SVCB || rec->type == TYPE_HTTPS)
		return take_hints(r, rec, a);
	return 0;
}

/* An alias in front of others lives no longer than they do. */
static void inherit_lives(struct wr_dns_answer *a)
{
	size_t i;

	for (i = a->n_names - 1; i > 0; i--)
		a->names[i - 1].ttl = WR_MIN(a->names[i - 1].ttl, a->names[i].ttl);
}

static bool asks_for_addresses(uint16_t type)
{
	return type == TYPE_A || type == TYPE_AAAA || type == TYPE_SVCB || type == TYPE_HTTPS ||
	       type == TYPE_ANY;
}

/* What is said of "_8443._https.example.com" is said of a port of example.com (RFC 9460 2.3): no host's label begins so. */
static void drop_attributes(struct wr_dns_name *name)
{
	const char *host = name->text, *dot;

	while (*host == '_' && (dot = strchr(host, '.')))
		host = dot + 1;
	memmove(name->text, host, strlen(host) + 1);
}

static int get_question(struct reader *r, struct wr_dns_answer *a)
{
	uint16_t type = 0, class = 0;

	if (get_name(r, a->names[0].text) || get16(r, &type) || get16(r, &class))
		return -EBADMSG;
	a->names[0].ttl = UINT32_MAX;
	a->n_names = 1;
	a->n_addrs = 0;
	if (class != CLASS_IN || !asks_for_addresses(type))
		return -ENODATA;
	return 0;
}

int wr_dns_parse(const uint8_t *msg, size_t size, struct wr_dns_answer *ret)
{
	struct reader r = { msg, size, 2 };
	uint16_t flags = 0, questions = 0, answers = 0;
	int found;

	if (size < HEADER_SIZE || get16(&r, &flags) || get16(&r, &questions) || get16(&r, &answers))
		return -EBADMSG;
	if (!(flags & FLAG_ANSWER) || flags & (OPCODE | RCODE | FLAG_CUT) || questions != 1)
		return -ENODATA;
	r.at = HEADER_SIZE;
	found = get_question(&r, ret);
	if (found)
		return found;
	/* In whatever order they stand. */
	do
		found = each_record(&r, answers, take_alias, ret);
	while (found > 0);
	if (found == 0)
		found = each_record(&r, answers, take_address, ret);
	if (found)
		return found;
	inherit_lives(ret);
	drop_attributes(&ret->names[0]);
	return ret->n_addrs ? 0 : -ENODATA;
}

bool wr_dns_matches(const char *pattern, const char *name)
{
	if (!wr_has_prefix(pattern, "*."))
		return strcmp(pattern, name) == 0;
	return strlen(name) > strlen(pattern + 1) && wr_has_suffix(name, pattern + 1);
}
