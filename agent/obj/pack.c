/* SPDX-License-Identifier: Apache-2.0 */
/* Objects as one block of memory. */
#include "agent/obj/pack.h"

#include <string.h>

#include "lib/base/mem.h"

#define ALIGNMENT 8

static void align(struct wr_strbuf *tail)
{
	static const char zero[ALIGNMENT];

	wr_strbuf_add(tail, zero, -tail->len % ALIGNMENT);
}

static void add(struct wr_pack *p, size_t field, const void *data, size_t size)
{
	struct wr_pack_fixup f = { .field = (uint32_t)field, .at = (uint32_t)p->tail.len };

	wr_strbuf_add(&p->tail, data, size);
	wr_vec_push(&p->fixups, f);
}

void wr_pack_data(struct wr_pack *p, size_t field, const void *data, size_t size)
{
	if (!size)
		return;
	align(&p->tail);
	add(p, field, data, size);
}

void wr_pack_str(struct wr_pack *p, size_t field, const char *s)
{
	if (s)
		add(p, field, s, strlen(s) + 1);
}

/*
 * Pointers into the tail are NULL still; those to interned strings are equal when the strings are.
 */
static uint64_t hash_content(const struct wr_pack *p, const struct wr_object *head, size_t size)
{
	size_t skip = offsetof(struct wr_object, content) + sizeof(head->content);
	uint64_t h = wr_hash64_bytes((const char *)head + skip, size - skip, head->kind);

	h = wr_hash64_bytes(p->tail.buf, p->tail.len, h);
	return wr_hash64_bytes(p->fixups.v, p->fixups.n * sizeof(*p->fixups.v), h);
}

struct wr_object *wr_pack_finish(struct wr_pack *p, const struct wr_object *head, size_t size)
{
	char *block = wr_xmalloc(size + p->tail.len);
	struct wr_object *o = (struct wr_object *)block;
	size_t i;

	memcpy(block, head, size);
	memcpy(block + size, p->tail.buf, p->tail.len);
	o->content = hash_content(p, head, size);
	for (i = 0; i < p->fixups.n; i++)
		*(void **)(block + p->fixups.v[i].field) = block + size + p->fixups.v[i].at;
	wr_strbuf_reset(&p->tail);
	wr_vec_reset(&p->fixups);
	return o;
}

void wr_pack_done(struct wr_pack *p)
{
	wr_strbuf_done(&p->tail);
	wr_vec_done(&p->fixups);
}
