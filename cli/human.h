/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as people read them; each appends to @out. */
#ifndef WR_CLI_HUMAN_H
#define WR_CLI_HUMAN_H

#include <stdint.h>

#include "lib/base/strbuf.h"

/* At most five columns: 999, 9999, 12.3k, 4.56M, 789G (powers of ten). */
void wr_human_count(uint64_t n, struct wr_strbuf *out);
/* At most seven columns: 999 B, 1.2 KiB, 345 MiB. */
void wr_human_bytes(uint64_t n, struct wr_strbuf *out);
/* At most six columns: 0.2s, 45s, 12m05s, 23h20m, 5d7h, 812d. */
void wr_human_duration(uint64_t ms, struct wr_strbuf *out);
/* "7%", "<1%", "0%"; "100%" only when full. */
void wr_human_share(uint64_t used, uint64_t size, struct wr_strbuf *out);
/* "10.0.0.1:80", "[fd00::1]:80"; without the port when it is 0. */
void wr_human_socket(const char *addr, uint16_t port, struct wr_strbuf *out);

#endif
