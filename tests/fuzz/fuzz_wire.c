/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as they come over the agent's socket, in two pieces; each message as everything that a body may be. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/model/endpoint.h"
#include "lib/wire/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take_bodies(const struct wr_json *body)
{
	struct wr_endpoint_record record = { 0 };
	struct wr_attachment id = { 0 };
	struct wr_hello hello = { 0 };
	struct wr_err err = WR_ERR_INIT;

	if (wr_endpoint_record_decode(body, &record, &err) == 0)
		wr_json_free(wr_endpoint_record_encode(&record));
	if (wr_attachment_decode(body, &id, NULL) == 0)
		wr_attachment_done(&id);
	if (wr_hello_decode(body, &hello, NULL) == 0)
		wr_json_free(wr_hello_encode(&hello));
	wr_endpoint_record_done(&record);
	wr_hello_done(&hello);
}

/* What was understood is said again in the same words. */
static void check_again(const struct wr_json *msg)
{
	wr_auto_strbuf a = WR_STRBUF_INIT, b = WR_STRBUF_INIT;
	wr_auto_json *again = NULL;

	wr_wire_frame(msg, &a);
	wr_strbuf_add(&b, a.buf, a.len);
	if (wr_wire_unframe(&b, &again, NULL) != 1 || b.len)
		abort();
	wr_strbuf_reset(&b);
	wr_wire_frame(again, &b);
	if (a.len != b.len || memcmp(a.buf, b.buf, a.len) != 0)
		abort();
}

static int drain(struct wr_strbuf *in)
{
	struct wr_err err = WR_ERR_INIT;
	struct wr_json *msg;
	int r;

	while ((r = wr_wire_unframe(in, &msg, &err)) == 1) {
		check_again(msg);
		take_bodies(msg);
		take_bodies(wr_json_get(msg, "body"));
		wr_json_free(msg);
	}
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	wr_auto_strbuf in = WR_STRBUF_INIT;

	wr_strbuf_add(&in, data, size / 2);
	if (drain(&in) < 0)
		return 0;
	wr_strbuf_add(&in, data + size / 2, size - size / 2);
	drain(&in);
	return 0;
}
