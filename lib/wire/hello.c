/* SPDX-License-Identifier: Apache-2.0 */
/* The answer to hello as JSON. */
#include <errno.h>
#include <stdlib.h>

#include "lib/base/mem.h"
#include "lib/wire/wire.h"

void wr_hello_done(struct wr_hello *h)
{
	free(h->pins);
	free(h->reason);
	wr_vec_done(&h->pools);
	wr_vec_done(&h->taken);
	*h = (struct wr_hello){ 0 };
}

static void add_addr(struct wr_json *j, const char *key, const struct wr_addr *a)
{
	char text[WR_ADDR_STRLEN];

	if (!wr_addr_is_zero(a))
		wr_json_add_str(j, key, wr_addr_format(a, text));
}

/* Absent where Weir is alone: almost everywhere. */
static void add_taken(struct wr_json *j, const struct wr_hello *h)
{
	struct wr_json *list = wr_json_new_array();
	char text[WR_ADDR_STRLEN];
	size_t i;

	for (i = 0; i < h->taken.n; i++)
		wr_json_push(list, wr_json_new_str(wr_addr_format(&h->taken.v[i], text)));
	if (h->taken.n)
		wr_json_add(j, "taken", list);
	else
		wr_json_free(list);
}

struct wr_json *wr_hello_encode(const struct wr_hello *h)
{
	struct wr_json *j = wr_json_new_object(), *pools = wr_json_new_array();
	char text[WR_PREFIX_STRLEN];
	size_t i;

	wr_json_add_str(j, "pins", h->pins);
	for (i = 0; i < h->pools.n; i++)
		wr_json_push(pools, wr_json_new_str(wr_prefix_format(&h->pools.v[i], text)));
	wr_json_add(j, "pools", pools);
	add_taken(j, h);
	wr_json_add_int(j, "mtu", h->mtu);
	add_addr(j, "gateway4", &h->gateway4);
	add_addr(j, "gateway6", &h->gateway6);
	wr_json_add_bool(j, "tcx", h->tcx);
	wr_json_add_bool(j, "ready", h->ready);
	wr_json_add_str(j, "reason", h->reason);
	return j;
}

static int decode_pools(const struct wr_json *j, struct wr_hello *h, struct wr_err *err)
{
	struct wr_json *list = NULL;
	struct wr_prefix p;
	const char *s;
	size_t i;

	if (wr_json_decode_array(j, "", "pools", &list, err) < 0)
		return -EINVAL;
	for (i = 0; i < wr_json_len(list); i++) {
		s = wr_json_str(wr_json_at(list, i));
		if (!s || wr_prefix_parse(s, &p) < 0)
			return wr_err_set(err, -EINVAL, "pools[%zu]: must be address/length", i);
		wr_vec_push(&h->pools, p);
	}
	return 0;
}

static int decode_taken(const struct wr_json *j, struct wr_hello *h, struct wr_err *err)
{
	struct wr_json *list = NULL;
	struct wr_addr a;
	const char *s;
	size_t i;

	if (wr_json_decode_array(j, "", "taken", &list, err) < 0)
		return -EINVAL;
	for (i = 0; i < wr_json_len(list); i++) {
		s = wr_json_str(wr_json_at(list, i));
		if (!s || wr_addr_parse(s, &a) < 0)
			return wr_err_set(err, -EINVAL, "taken[%zu]: must be an address", i);
		wr_vec_push(&h->taken, a);
	}
	return 0;
}

static int decode_addr(const struct wr_json *j, const char *key, struct wr_addr *ret,
		       struct wr_err *err)
{
	const char *s = NULL;

	if (wr_json_decode_str(j, "", key, &s, err) < 0)
		return -EINVAL;
	if (s && wr_addr_parse(s, ret) < 0)
		return wr_err_set(err, -EINVAL, "%s: must be an address, not \"%s\"", key, s);
	return 0;
}

static int decode_members(const struct wr_json *j, struct wr_hello *h, struct wr_err *err)
{
	const char *pins = "", *reason = "";
	int64_t mtu = 0;

	if (wr_json_decode_str(j, "", "pins", &pins, err) < 0 ||
	    wr_json_decode_str(j, "", "reason", &reason, err) < 0 || decode_pools(j, h, err) < 0 ||
	    decode_taken(j, h, err) < 0 ||
	    wr_json_decode_int(j, "", "mtu", 0, UINT32_MAX, &mtu, err) < 0 ||
	    decode_addr(j, "gateway4", &h->gateway4, err) < 0 ||
	    decode_addr(j, "gateway6", &h->gateway6, err) < 0 ||
	    wr_json_decode_bool(j, "", "tcx", &h->tcx, err) < 0 ||
	    wr_json_decode_bool(j, "", "ready", &h->ready, err) < 0)
		return -EINVAL;
	h->pins = wr_xstrdup(pins);
	h->reason = wr_xstrdup(reason);
	h->mtu = (uint32_t)mtu;
	return 0;
}

int wr_hello_decode(const struct wr_json *j, struct wr_hello *ret, struct wr_err *err)
{
	struct wr_hello h = { 0 };

	if (wr_json_type(j) != WR_JSON_OBJECT)
		return wr_err_set(err, -EINVAL, "hello: the answer is not an object");
	if (decode_members(j, &h, err) < 0) {
		wr_hello_done(&h);
		return -EINVAL;
	}
	*ret = h;
	return 0;
}
