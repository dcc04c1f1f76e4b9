/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers of name servers (RFC 1035; RFC 3596 for AAAA; RFC 9460 for the address hints of SVCB and HTTPS; RFC 6891 says that OPT
 * stands among the additional records, which are not looked at): which addresses a name has for how long. The message is not trusted: every pointer goes backwards, every
 * loop is bounded.
 */
#ifndef WR_DNS_DNS_H
#define WR_DNS_DNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/addr.h"

#define WR_DNS_NAME_SIZE 256 /* with its end; RFC 1035 2.3.4 */
#define WR_DNS_NAMES_MAX 16  /* a question and the aliases behind it */
#define WR_DNS_ADDRS_MAX 256 /* of one answer; more do not count */

struct wr_dns_name {
	char text[WR_DNS_NAME_SIZE]; /* lower case, without a dot at the end; what no host name has in it is a '?' */
	uint32_t ttl; /* how long the addresses may be used under this name: the least on the way to them */
};

struct wr_dns_addr {
	struct wr_addr addr;
	uint32_t ttl;
};

/*
 * All names have all addresses: the first is the question, without labels before the host's name that begin with "_"; each further
 * one what the name before it is an alias of.
 */
struct wr_dns_answer {
	struct wr_dns_name names[WR_DNS_NAMES_MAX];
	size_t n_names;
	struct wr_dns_addr addrs[WR_DNS_ADDRS_MAX];
	size_t n_addrs;
};

/*
 * -EBADMSG: no DNS message. -ENODATA: one, but no successful answer to one question for addresses, or none among the answers, or
 * cut off (TC): its reader asks again.
 */
int wr_dns_parse(const uint8_t *msg, size_t size, struct wr_dns_answer *ret);

/* Does @pattern ("example.com"; "*.example.com": one or more whole labels before it) mean the name? Both in lower case. */
bool wr_dns_matches(const char *pattern, const char *name);

#endif
