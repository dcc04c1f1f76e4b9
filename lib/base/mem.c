/* SPDX-License-Identifier: Apache-2.0 */
/* Allocation that ends the process instead of failing. */
#include "lib/base/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_NO_MEMORY 70

/* No stdio: it may need memory itself. */
void wr_no_memory(void)
{
	static const char line[] = "out of memory\n";
	ssize_t n = write(STDERR_FILENO, line, sizeof(line) - 1);

	(void)n;
	_exit(EXIT_NO_MEMORY);
}

static void *or_die(void *p)
{
	if (!p)
		wr_no_memory();
	return p;
}

void *wr_xmalloc(size_t size)
{
	return or_die(malloc(size ? size : 1));
}

void *wr_xcalloc(size_t n, size_t size)
{
	return or_die(calloc(n ? n : 1, size ? size : 1));
}

void *wr_xrealloc(void *p, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		return or_die(NULL);
	return or_die(realloc(p, bytes ? bytes : 1));
}

char *wr_xstrdup(const char *s)
{
	return or_die(strdup(s));
}

char *wr_xstrndup(const char *s, size_t n)
{
	return or_die(strndup(s, n));
}

char *wr_xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *s;
	int len;

	va_start(ap, fmt);
	len = vasprintf(&s, fmt, ap);
	va_end(ap);
	return or_die(len < 0 ? NULL : s);
}
