// SPDX-License-Identifier: Apache-2.0
/* Numbers as people read them. */
#include "cli/human.h"

#include <string.h>

#include "lib/base/cleanup.h"

/* Three digits that count: 1.23, 12.3, 123. Cut, not rounded: 999.9 must not become 1000. */
static void add_three_digits(uint64_t n, uint64_t unit, struct wr_strbuf *out)
{
	unsigned long long whole = n / unit, rest = n % unit;

	if (whole >= 100)
		wr_strbuf_addf(out, "%llu", whole);
	else if (whole >= 10)
		wr_strbuf_addf(out, "%llu.%llu", whole, rest / (unit / 10));
	else
		wr_strbuf_addf(out, "%llu.%02llu", whole, rest / (unit / 100));
}

void wr_human_count(uint64_t n, struct wr_strbuf *out)
{
	static const char units[] = "kMGTPE";
	uint64_t unit = 1000;
	size_t i = 0;

	if (n < 10000) {
		wr_strbuf_addf(out, "%llu", (unsigned long long)n);
		return;
	}
	for (; n / unit >= 1000; unit *= 1000)
		i++;
	add_three_digits(n, unit, out);
	wr_strbuf_addch(out, units[i]);
}

void wr_human_bytes(uint64_t n, struct wr_strbuf *out)
{
	static const char units[] = "KMGTPE";
	unsigned int shift = 10;
	unsigned long long tenths;
	size_t i = 0;

	if (n < 1024) {
		wr_strbuf_addf(out, "%llu B", (unsigned long long)n);
		return;
	}
	for (; n >> shift >= 1000; shift += 10)
		i++;
	tenths = (n >> (shift - 10)) % 1024 * 10 / 1024;
	wr_strbuf_addf(out, "%llu", (unsigned long long)(n >> shift));
	if (n >> shift < 10)
		wr_strbuf_addf(out, ".%llu", tenths);
	wr_strbuf_addf(out, " %ciB", units[i]);
}

/* The largest unit that fits, and the one below it. */
void wr_human_duration(uint64_t ms, struct wr_strbuf *out)
{
	unsigned long long s = ms / 1000;

	if (s < 10)
		wr_strbuf_addf(out, "%llu.%llus", s, (unsigned long long)(ms % 1000 / 100));
	else if (s < 60)
		wr_strbuf_addf(out, "%llus", s);
	else if (s < 3600)
		wr_strbuf_addf(out, "%llum%02llus", s / 60, s % 60);
	else if (s < 86400)
		wr_strbuf_addf(out, "%lluh%02llum", s / 3600, s / 60 % 60);
	else if (s < 86400ull * 100)
		wr_strbuf_addf(out, "%llud%lluh", s / 86400, s / 3600 % 24);
	else
		wr_strbuf_addf(out, "%llud", s / 86400);
}

void wr_human_share(uint64_t used, uint64_t size, struct wr_strbuf *out)
{
	/* In double: 100 * used may overflow. */
	double percent = size ? 100.0 * (double)used / (double)size : 0;

	if (used && percent < 1)
		wr_strbuf_addstr(out, "<1%");
	else if (used < size && percent > 99)
		wr_strbuf_addstr(out, "99%");
	else
		wr_strbuf_addf(out, "%.0f%%", percent);
}

void wr_human_socket(const char *addr, uint16_t port, struct wr_strbuf *out)
{
	if (!port)
		wr_strbuf_addstr(out, addr);
	else if (strchr(addr, ':'))
		wr_strbuf_addf(out, "[%s]:%u", addr, port);
	else
		wr_strbuf_addf(out, "%s:%u", addr, port);
}
