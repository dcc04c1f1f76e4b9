// SPDX-License-Identifier: Apache-2.0
/*
 * Keeps the C library's name services out of the static plugin.
 *
 * libnl refers to getaddrinfo() and the protocol database in functions that the plugin never calls. In a
 * static binary they would bring in NSS, which loads shared objects of the very same C library at run time.
 * These answer "nothing known" instead. Linked into the static binary only.
 */
#include <netdb.h>
#include <stddef.h>

/* The C library's prototypes name their parameters otherwise. */
/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name) */

int getaddrinfo(const char *restrict node, const char *restrict service,
		const struct addrinfo *restrict hints, struct addrinfo **restrict res)
{
	return EAI_NONAME;
}

void freeaddrinfo(struct addrinfo *res)
{
}

struct protoent *getprotobyname(const char *name)
{
	return NULL;
}

struct protoent *getprotobynumber(int proto)
{
	return NULL;
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
