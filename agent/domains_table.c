// SPDX-License-Identifier: Apache-2.0
/*
 * Addresses and their names. The journal has a line for each change, "UNTIL ADDRESS NAME", the last of a pair counts; UNTIL 0 takes
 * it back. It is written anew when most of its lines are old.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/domains_private.h"
#include "bpf/abi/endpoint.h"
#include "lib/base/cleanup.h"
#include "lib/base/io.h"
#include "lib/base/strbuf.h"
#include "lib/dns/dns.h"

#define FILE_MAX    (16u << 20)
#define SPARE_LINES 256

static uint32_t hash_of(const struct wr_addr *addr, const char *name)
{
	return wr_hash_bytes(addr, sizeof(*addr), wr_hash_str(name));
}

struct wr_binding *wr_binding_of(struct wr_hnode *n)
{
	return WR_CONTAINER_OF(n, struct wr_binding, node);
}

static struct wr_binding *find(const struct wr_binding_table *t, const struct wr_addr *addr,
			       const char *name)
{
	struct wr_hnode *n;

	for (n = wr_hmap_first(&t->bindings, hash_of(addr, name)); n; n = wr_hmap_next(n)) {
		struct wr_binding *b = wr_binding_of(n);

		if (wr_addr_eq(&b->addr, addr) && strcmp(b->name, name) == 0)
			return b;
	}
	return NULL;
}

/* ---- the journal -------------------------------------------------------------------------------------- */

static void add_line(struct wr_strbuf *text, const struct wr_binding *b, uint64_t until_ms)
{
	char addr[WR_ADDR_STRLEN];

	wr_strbuf_addf(text, "%" PRIu64 " %s %s\n", until_ms, wr_addr_format(&b->addr, addr),
		       b->name);
}

static void reopen(struct wr_binding_table *t)
{
	if (t->fd >= 0)
		close(t->fd);
	t->fd = open(t->file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
}

static void write_anew(struct wr_binding_table *t)
{
	wr_auto_strbuf text = WR_STRBUF_INIT;
	struct wr_hnode *n, *next;
	size_t pos;

	wr_hmap_each(&t->bindings, n, pos, next)
		add_line(&text, wr_binding_of(n), wr_binding_of(n)->until_ms);
	if (wr_write_file_atomic(t->file, text.len ? text.buf : "", text.len, 0600, 0) < 0)
		return;
	t->lines = t->bindings.n;
	reopen(t);
}

/* Written, not synced: it is to outlive the process, not the machine. */
static void note(struct wr_binding_table *t, const struct wr_binding *b, uint64_t until_ms)
{
	wr_auto_strbuf text = WR_STRBUF_INIT;

	if (t->fd < 0)
		return;
	add_line(&text, b, until_ms);
	wr_write_all(t->fd, text.buf, text.len);
	if (++t->lines > 2 * t->bindings.n + SPARE_LINES)
		write_anew(t);
}

static void take_line(struct wr_binding_table *t, const char *line)
{
	char addr[WR_ADDR_STRLEN], name[WR_DNS_NAME_SIZE];
	struct wr_binding given = { .asker = WR_EP_NONE, .name = name }, *b;

	if (sscanf(line, "%" SCNu64 " %45s %255s", &given.until_ms, addr, name) != 3 ||
	    wr_addr_parse(addr, &given.addr))
		return;
	if (given.until_ms) {
		wr_binding_put(t, &given);
		return;
	}
	b = find(t, &given.addr, name);
	if (b)
		wr_binding_del(t, b);
}

int wr_binding_table_open(struct wr_binding_table *t, const char *file)
{
	wr_autofree char *text = NULL;
	char *line, *rest;
	int r = wr_read_file(file, FILE_MAX, &text, NULL);

	*t = (struct wr_binding_table){ .file = wr_xstrdup(file), .fd = -1 };
	rest = text;
	while (r == 0 && (line = strsep(&rest, "\n")))
		take_line(t, line);
	write_anew(t);
	if (r && r != -ENOENT)
		return r;
	return t->fd < 0 ? -EIO : 0;
}

void wr_binding_table_close(struct wr_binding_table *t)
{
	struct wr_hnode *n, *next;
	size_t pos;

	wr_hmap_each(&t->bindings, n, pos, next) {
		wr_istr_put(wr_binding_of(n)->name);
		free(wr_binding_of(n));
	}
	wr_hmap_done(&t->bindings);
	wr_vec_done(&t->of_asker);
	if (t->fd >= 0)
		close(t->fd);
	free(t->file);
}

/* ---- the table ----------------------------------------------------------------------------------------- */

static uint32_t *count_of(struct wr_binding_table *t, uint32_t asker)
{
	while (t->of_asker.n <= asker)
		wr_vec_push(&t->of_asker, 0);
	return &t->of_asker.v[asker];
}

static bool is_full(struct wr_binding_table *t, uint32_t asker)
{
	if (t->bindings.n >= WR_BINDINGS_MAX)
		return true;
	return asker != WR_EP_NONE && *count_of(t, asker) >= WR_BINDINGS_OF_ASKER_MAX;
}

/* Whether it is open again. */
static bool prolong(struct wr_binding_table *t, struct wr_binding *b, uint64_t until_ms)
{
	bool was_over = b->over;

	if (b->until_ms >= until_ms)
		return false;
	b->until_ms = until_ms;
	b->over = false;
	note(t, b, until_ms);
	return was_over;
}

static void set_asker(struct wr_binding_table *t, struct wr_binding *b, uint32_t asker)
{
	b->asker = asker;
	if (asker != WR_EP_NONE)
		++*count_of(t, asker);
}

enum wr_binding_result wr_binding_put(struct wr_binding_table *t, const struct wr_binding *given)
{
	struct wr_binding *b = find(t, &given->addr, given->name);

	if (b && b->asker == WR_EP_NONE)
		set_asker(t, b, given->asker);
	if (b)
		return prolong(t, b, given->until_ms) ? WR_BINDING_NEW : WR_BINDING_KNOWN;
	if (is_full(t, given->asker))
		return WR_BINDING_FULL;
	b = wr_xcalloc(1, sizeof(*b));
	*b = *given;
	b->name = wr_istr_get(given->name);
	wr_hmap_add(&t->bindings, &b->node, hash_of(&b->addr, b->name));
	set_asker(t, b, given->asker);
	note(t, b, b->until_ms);
	return WR_BINDING_NEW;
}

void wr_binding_del(struct wr_binding_table *t, struct wr_binding *b)
{
	wr_hmap_del(&t->bindings, &b->node);
	if (b->asker != WR_EP_NONE)
		--*count_of(t, b->asker);
	note(t, b, 0);
	wr_istr_put(b->name);
	free(b);
}
