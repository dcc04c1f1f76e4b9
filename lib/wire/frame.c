/* SPDX-License-Identifier: Apache-2.0 */
/* Messages as bytes, and the two shapes of an answer. */
#include "lib/wire/wire.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#define HEADER 4

void wr_wire_frame(const struct wr_json *msg, struct wr_strbuf *out)
{
	uint32_t header = 0;
	size_t start = out->len;

	wr_strbuf_add(out, &header, HEADER);
	wr_json_format(msg, false, out);
	header = htole32((uint32_t)(out->len - start - HEADER));
	memcpy(out->buf + start, &header, HEADER);
}

int wr_wire_unframe(struct wr_strbuf *in, struct wr_json **ret, struct wr_err *err)
{
	struct wr_json *msg = NULL;
	uint32_t header;
	int r;

	if (in->len < HEADER)
		return 0;
	memcpy(&header, in->buf, HEADER);
	header = le32toh(header);
	if (!header || header > WR_WIRE_MAX)
		return wr_err_set(err, -EMSGSIZE, "a message of %u bytes: must be 1-%u", header,
				  WR_WIRE_MAX);
	if (in->len - HEADER < header)
		return 0;
	r = wr_json_parse(in->buf + HEADER, header, &msg, err);
	if (!r && wr_json_type(msg) != WR_JSON_OBJECT)
		r = wr_err_set(err, -EBADMSG, "a message must be an object");
	if (r < 0) {
		wr_json_free(msg);
		return -EBADMSG;
	}
	wr_strbuf_consume(in, HEADER + header);
	*ret = msg;
	return 1;
}

static struct wr_json *new_answer(int code)
{
	struct wr_json *j = wr_json_new_object();

	wr_json_add_int(j, "version", WR_WIRE_VERSION);
	wr_json_add_int(j, "code", code);
	return j;
}

struct wr_json *wr_wire_answer(struct wr_json *body)
{
	struct wr_json *j = new_answer(0);

	wr_json_add(j, "body", body ? body : wr_json_new_object());
	return j;
}

struct wr_json *wr_wire_error(const struct wr_err *err)
{
	struct wr_json *j = new_answer(err->code ? -err->code : EIO);

	wr_json_add_str(j, "error", err->msg);
	if (err->cni)
		wr_json_add_int(j, "cni", err->cni);
	return j;
}
