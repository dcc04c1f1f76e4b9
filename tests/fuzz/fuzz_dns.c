/* SPDX-License-Identifier: Apache-2.0 */
/* A name server's answer, and what is made of it. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/dns/dns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(const struct wr_dns_name *name)
{
	size_t len = strnlen(name->text, sizeof(name->text));

	if (len == sizeof(name->text) ||
	    strspn(name->text, "abcdefghijklmnopqrstuvwxyz0123456789-_.?") != len)
		abort();
	if (len && !wr_dns_matches(name->text, name->text))
		abort();
	if (len && name->text[0] == '.')
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct wr_dns_answer answer, again;
	int r = wr_dns_parse(data, size, &answer);
	size_t i;

	if (r && r != -EBADMSG && r != -ENODATA)
		abort();
	if (wr_dns_parse(data, size, &again) != r)
		abort();
	if (r)
		return 0;
	if (!answer.n_names || answer.n_names > WR_DNS_NAMES_MAX || !answer.n_addrs ||
	    answer.n_addrs > WR_DNS_ADDRS_MAX)
		abort();
	for (i = 0; i < answer.n_names; i++)
		check_name(&answer.names[i]);
	return 0;
}
