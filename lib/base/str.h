/* SPDX-License-Identifier: Apache-2.0 */
/* Strings and numbers. */
#ifndef WR_BASE_STR_H
#define WR_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Whole string, decimal, no sign, no blanks, at most @max. -EINVAL: not a number; -ERANGE: too
 * large.
 */
int wr_parse_u64(const char *s, uint64_t max, uint64_t *ret);
/* "10", "10s", "5m", "2h", "1d", "250ms" -> milliseconds. A bare number counts seconds. */
int wr_parse_duration_ms(const char *s, uint64_t *ret);
bool wr_streq(const char *a, const char *b); /* NULL equals NULL only */
bool wr_has_prefix(const char *s, const char *prefix);
bool wr_has_suffix(const char *s, const char *suffix);
/* snprintf that reports truncation: -ENAMETOOLONG. */
int wr_format(char *buf, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Copies with truncation, always terminated. */
void wr_copy(char *dst, size_t size, const char *src);
/* CNI spec: first alphanumeric, then [A-Za-z0-9_.-]. */
bool wr_is_cni_name(const char *s);
/*
 * "tcp" <-> IPPROTO_TCP, any case; udp, sctp, icmp, icmpv6 too. parse: -EINVAL. format: static
 * string or "proto-NNN" in buf.
 */
int wr_proto_parse(const char *s, uint8_t *ret);
const char *wr_proto_format(uint8_t proto, char buf[16]);

#endif
