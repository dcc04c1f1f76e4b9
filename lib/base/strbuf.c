/* SPDX-License-Identifier: Apache-2.0 */
/* Growing strings. */
#include "lib/base/strbuf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

/* Never written to: a length of 0 is all that the invariants allow here. */
char wr_strbuf_empty[1];

void wr_strbuf_init(struct wr_strbuf *sb)
{
	*sb = WR_STRBUF_INIT;
}

void wr_strbuf_done(struct wr_strbuf *sb)
{
	if (sb->size)
		free(sb->buf);
	wr_strbuf_init(sb);
}

static void set_len(struct wr_strbuf *sb, size_t len)
{
	sb->len = len;
	if (sb->size)
		sb->buf[len] = '\0';
}

void wr_strbuf_reset(struct wr_strbuf *sb)
{
	set_len(sb, 0);
}

void wr_strbuf_grow(struct wr_strbuf *sb, size_t extra)
{
	size_t need, size;

	/* An impossible size is an allocation failure like any other. */
	if (__builtin_add_overflow(sb->len, extra, &need) || need > SIZE_MAX / 2 - 1)
		need = SIZE_MAX / 2 - 1;
	if (need++ < sb->size)
		return;
	size = sb->size ? sb->size : 32;
	while (size < need)
		size *= 2;
	sb->buf = wr_xrealloc(sb->size ? sb->buf : NULL, size, 1);
	sb->size = size;
	sb->buf[sb->len] = '\0';
}

void wr_strbuf_add(struct wr_strbuf *sb, const void *data, size_t size)
{
	if (!size)
		return;
	wr_strbuf_grow(sb, size);
	memcpy(sb->buf + sb->len, data, size);
	set_len(sb, sb->len + size);
}

void wr_strbuf_addstr(struct wr_strbuf *sb, const char *s)
{
	wr_strbuf_add(sb, s, strlen(s));
}

void wr_strbuf_addch(struct wr_strbuf *sb, char c)
{
	wr_strbuf_add(sb, &c, 1);
}

void wr_strbuf_vaddf(struct wr_strbuf *sb, const char *fmt, va_list ap)
{
	va_list again;
	int len;

	va_copy(again, ap);
	len = vsnprintf(NULL, 0, fmt, ap);
	if (len > 0) {
		wr_strbuf_grow(sb, (size_t)len);
		vsnprintf(sb->buf + sb->len, (size_t)len + 1, fmt, again);
		sb->len += (size_t)len;
	}
	va_end(again);
}

void wr_strbuf_addf(struct wr_strbuf *sb, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	wr_strbuf_vaddf(sb, fmt, ap);
	va_end(ap);
}

void wr_strbuf_consume(struct wr_strbuf *sb, size_t n)
{
	memmove(sb->buf, sb->buf + n, sb->len - n);
	set_len(sb, sb->len - n);
}

char *wr_strbuf_take(struct wr_strbuf *sb, size_t *ret_len)
{
	char *s;

	wr_strbuf_grow(sb, 0);
	s = sb->buf;
	if (ret_len)
		*ret_len = sb->len;
	wr_strbuf_init(sb);
	return s;
}
