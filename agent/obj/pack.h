/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Building an object as one block: the struct first, then what its pointers point at. The struct is
 * filled on the stack; its pointers are set when the block is made, so pieces may be added while
 * the memory still moves.
 */
#ifndef WR_AGENT_OBJ_PACK_H
#define WR_AGENT_OBJ_PACK_H

#include "agent/obj/object.h"
#include "lib/base/strbuf.h"

struct wr_pack_fixup {
	uint32_t field, at; /* of the pointer in the struct; of the data in the tail */
};

struct wr_pack {
	struct wr_strbuf tail;
	WR_VEC(struct wr_pack_fixup) fixups;
};

#define WR_PACK_INIT ((struct wr_pack){ .tail = WR_STRBUF_INIT })

/*
 * The pointer at @field (offsetof) of the struct shall point at a copy of the data. No data: it
 * stays as it is.
 */
void wr_pack_data(struct wr_pack *p, size_t field, const void *data, size_t size);
void wr_pack_str(struct wr_pack *p, size_t field, const char *s); /* NULL: nothing */
/* Makes the block and hashes its content; the pack is empty again. */
struct wr_object *wr_pack_finish(struct wr_pack *p, const struct wr_object *head, size_t size);
void wr_pack_done(struct wr_pack *p);

/* A WR_LIST member from a WR_VEC of the same type; the vector is emptied. */
#define wr_pack_list(p, obj, member, vec)                                                       \
	do {                                                                                    \
		(obj)->member.n = (uint32_t)(vec)->n;                                           \
		wr_pack_data((p), (size_t)((char *)&(obj)->member.v - (char *)(obj)), (vec)->v, \
			     (vec)->n * sizeof(*(vec)->v));                                     \
		wr_vec_done(vec);                                                               \
	} while (0)

#endif
