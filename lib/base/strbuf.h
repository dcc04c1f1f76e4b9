/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing string. Invariants: buf is always NUL-terminated and never NULL (an empty buffer
 * points at a static ""); len excludes the NUL; an allocation failure aborts the process with one
 * line on stderr, since no caller can do better (see wr_xmalloc).
 */
#ifndef WR_BASE_STRBUF_H
#define WR_BASE_STRBUF_H

#include <stdarg.h>
#include <stddef.h>

struct wr_strbuf {
	char *buf;
	size_t len;
	size_t size; /* allocated bytes; 0: buf is the static empty string */
};

extern char wr_strbuf_empty[];
#define WR_STRBUF_INIT ((struct wr_strbuf){ .buf = wr_strbuf_empty })

void wr_strbuf_init(struct wr_strbuf *sb);
void wr_strbuf_done(struct wr_strbuf *sb);
void wr_strbuf_reset(struct wr_strbuf *sb); /* length 0, memory kept */
void wr_strbuf_grow(struct wr_strbuf *sb, size_t extra);
void wr_strbuf_add(struct wr_strbuf *sb, const void *data, size_t size);
void wr_strbuf_addstr(struct wr_strbuf *sb, const char *s);
void wr_strbuf_addch(struct wr_strbuf *sb, char c);
void wr_strbuf_addf(struct wr_strbuf *sb, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void wr_strbuf_vaddf(struct wr_strbuf *sb, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));
/* Drops the first @n bytes (n <= len). */
void wr_strbuf_consume(struct wr_strbuf *sb, size_t n);
/* Hands the heap string to the caller, who frees it; the buffer is empty again. Never NULL. */
char *wr_strbuf_take(struct wr_strbuf *sb, size_t *ret_len /* may be NULL */);

#define wr_auto_strbuf __attribute__((cleanup(wr_strbuf_done))) struct wr_strbuf

#endif
