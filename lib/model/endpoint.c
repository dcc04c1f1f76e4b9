/* SPDX-License-Identifier: Apache-2.0 */
/* Attachments and their records: names, copies, JSON. */
#include "lib/model/endpoint.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/hmap.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/strbuf.h"

int wr_attachment_cmp(const struct wr_attachment *a, const struct wr_attachment *b)
{
	int cmp = strcmp(a->network, b->network);

	if (!cmp)
		cmp = strcmp(a->container, b->container);
	return cmp ? cmp : strcmp(a->ifname, b->ifname);
}

struct wr_attachment wr_attachment_copy(const struct wr_attachment *a)
{
	return (struct wr_attachment){
		.network = wr_xstrdup(a->network),
		.container = wr_xstrdup(a->container),
		.ifname = wr_xstrdup(a->ifname),
	};
}

void wr_attachment_done(struct wr_attachment *a)
{
	free(a->network);
	free(a->container);
	free(a->ifname);
	*a = (struct wr_attachment){ 0 };
}

void wr_attachment_key(const struct wr_attachment *a, char ret[17])
{
	wr_auto_strbuf id = WR_STRBUF_INIT;

	/* With the NULs: ("ab", "c") and ("a", "bc") differ. */
	wr_strbuf_add(&id, a->network, strlen(a->network) + 1);
	wr_strbuf_add(&id, a->container, strlen(a->container) + 1);
	wr_strbuf_add(&id, a->ifname, strlen(a->ifname) + 1);
	snprintf(ret, 17, "%016" PRIx64, wr_hash64_bytes(id.buf, id.len, 0));
}

void wr_attachment_host_ifname(const struct wr_attachment *a, char ret[WR_IFNAME_SIZE])
{
	char key[17];

	wr_attachment_key(a, key);
	snprintf(ret, WR_IFNAME_SIZE, "wr%.10s", key);
}

void wr_attachment_encode(const struct wr_attachment *a, struct wr_json *into)
{
	wr_json_add_str(into, "network", a->network);
	wr_json_add_str(into, "container", a->container);
	wr_json_add_str(into, "ifname", a->ifname);
}

static int required(const struct wr_json *j, const char *key, size_t max, const char **ret,
		    struct wr_err *err)
{
	const char *s = NULL;
	int r = wr_json_decode_str(j, "", key, &s, err);

	if (r < 0)
		return r;
	if (!s || !*s)
		return wr_err_set(err, -EINVAL, "%s: is missing", key);
	if (strlen(s) > max)
		return wr_err_set(err, -EINVAL, "%s: longer than %zu characters", key, max);
	*ret = s;
	return 0;
}

int wr_attachment_decode(const struct wr_json *j, struct wr_attachment *ret, struct wr_err *err)
{
	const char *network = NULL, *container = NULL, *ifname = NULL;

	if (wr_json_type(j) != WR_JSON_OBJECT)
		return wr_err_set(err, -EINVAL, "not an object");
	if (required(j, "network", 255, &network, err) < 0 ||
	    required(j, "container", 255, &container, err) < 0 ||
	    required(j, "ifname", WR_IFNAME_SIZE - 1, &ifname, err) < 0)
		return -EINVAL;
	*ret = (struct wr_attachment){
		.network = wr_xstrdup(network),
		.container = wr_xstrdup(container),
		.ifname = wr_xstrdup(ifname),
	};
	return 0;
}

void wr_endpoint_record_done(struct wr_endpoint_record *r)
{
	wr_attachment_done(&r->id);
	free(r->netns);
	free(r->pod_namespace);
	free(r->pod_name);
	free(r->pod_uid);
	free(r->host_ifname);
	wr_vec_done(&r->ports);
	free(r->annotations);
	*r = (struct wr_endpoint_record){ 0 };
}
