/* SPDX-License-Identifier: Apache-2.0 */
/* What need not be parsed. */
#include "agent/k8s/trim.h"

#include <string.h>

/* As the API server writes it. A quote inside a string is escaped, so behind a comma or a brace this is a member. */
#define MEMBER "\"managedFields\":["

/* Behind the string that begins at @p. */
static const char *skip_string(const char *p, const char *end)
{
	for (p++; p < end && *p != '"'; p++)
		p += *p == '\\';
	return p + 1;
}

/* Behind the list that begins at @p; NULL: it does not end. */
static const char *skip_list(const char *p, const char *end)
{
	int depth = 0;

	while (p < end) {
		if (*p == '"') {
			p = skip_string(p, end);
			continue;
		}
		depth += *p == '[';
		depth -= *p == ']';
		p++;
		if (!depth)
			return p;
	}
	return NULL;
}

/* The member that begins at @from, with one of the commas around it; its length. */
static size_t cut(char *from, const char *end)
{
	const char *to = skip_list(from + strlen(MEMBER) - 1, end);

	if (!to || to > end)
		return 0;
	if (from[-1] == ',')
		from--;
	else if (to < end && *to == ',')
		to++;
	memmove(from, to, (size_t)(end - to));
	return (size_t)(to - from);
}

size_t wr_k8s_trim(char *text, size_t len)
{
	char *at = text;

	while ((at = memmem(at, len - (size_t)(at - text), MEMBER, strlen(MEMBER)))) {
		if (at > text && (at[-1] == ',' || at[-1] == '{'))
			len -= cut(at, text + len);
		at++;
		if (at >= text + len)
			break;
	}
	return len;
}
